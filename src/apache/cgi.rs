//! Pure parts of the CGI variables.
