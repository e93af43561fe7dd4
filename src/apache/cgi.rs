//! The variables that CGI scripts know a request by, and where its documents are.

use super::request::Request;
use super::{sys, text};

impl<'r> Request<'r> {
    /// Adds to `subprocess_env` what RFC 3875 says of the request, and the common variables. Unlike httpd's function of that
    /// name it runs no sub-request to find PATH_TRANSLATED.
    pub fn add_cgi_vars(self) {
        let environ = self.subprocess_env();
        let path_info = self.path_info().unwrap_or_default();
        environ.set(b"GATEWAY_INTERFACE", b"CGI/1.1");
        environ.set(b"SERVER_PROTOCOL", self.protocol().unwrap_or_default());
        environ.set(b"REQUEST_METHOD", self.method().unwrap_or_default());
        environ.set(b"QUERY_STRING", self.args().unwrap_or_default());
        environ.set(b"REQUEST_URI", self.request_uri());
        environ.set(b"SCRIPT_NAME", script_name(self.uri().unwrap_or_default(), path_info));
        if !path_info.is_empty() {
            environ.set(b"PATH_INFO", path_info);
        }
        self.add_common_vars();
    }

    /// Adds to `subprocess_env` httpd's own set: headers as HTTP_*, SERVER_*, REMOTE_*, DOCUMENT_ROOT and others.
    pub fn add_common_vars(self) {
        // SAFETY: the request lives.
        unsafe { sys::ap_add_common_vars(self.raw()) }
    }

    /// The URI as the client sent it, query and all, redirected or not.
    pub fn request_uri(self) -> &'r [u8] {
        self.the_request().map(uri_of_request_line).or(self.unparsed_uri()).unwrap_or_default()
    }

    /// The part of `uri` that names the handler: without the path info.
    pub fn script_name(self) -> &'r [u8] {
        script_name(self.uri().unwrap_or_default(), self.path_info().unwrap_or_default())
    }

    /// DocumentRoot, or what a module such as mod_vhost_alias put in its place.
    pub fn document_root(self) -> Option<&'r [u8]> {
        // SAFETY: the request lives, and the text as long as its pool.
        unsafe { text::bytes(sys::ap_document_root(self.raw())) }
    }
}

/// The second word of a request line.
fn uri_of_request_line(line: &[u8]) -> &[u8] {
    line.split(|byte| byte.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
        .nth(1)
        .unwrap_or_default()
}

/// `uri` without the `path_info` that it ends with, as httpd's ap_find_path_info finds it: repeated slashes of the URI
/// count as the one that the path info has, and a name is never cut in two.
fn script_name<'a>(uri: &'a [u8], path_info: &[u8]) -> &'a [u8] {
    let (mut end, mut rest) = (uri.len(), path_info.len());
    while end > 0 && rest > 0 && uri[end - 1] == path_info[rest - 1] {
        end -= 1;
        rest -= 1;
        if path_info[rest] == b'/' {
            while end > 0 && uri[end - 1] == b'/' {
                end -= 1;
            }
        }
    }
    let name_end =
        uri[end..].iter().position(|&byte| byte == b'/').map_or(uri.len(), |length| end + length);
    &uri[..name_end]
}

#[cfg(test)]
mod tests {
    use super::{script_name, uri_of_request_line};

    #[test]
    fn the_script_is_what_comes_before_the_path_info() {
        let cases: [(&[u8], &[u8], &[u8]); 8] = [
            (b"/app.py", b"", b"/app.py"),
            (b"/app.py/a/b", b"/a/b", b"/app.py"),
            (b"/app.py/", b"/", b"/app.py"),
            (b"/app.py//a//b", b"/a/b", b"/app.py"),
            (b"/a/b", b"/a/b", b""),
            (b"/", b"/", b""),
            (b"/xyz", b"yz", b"/xyz"),
            (b"", b"/a", b""),
        ];
        for (uri, path_info, script) in cases {
            assert_eq!(script_name(uri, path_info), script, "{}", uri.escape_ascii());
        }
    }

    #[test]
    fn the_request_line_has_the_raw_uri() {
        assert_eq!(uri_of_request_line(b"GET /a%20b?c=d HTTP/1.1"), b"/a%20b?c=d");
        assert_eq!(uri_of_request_line(b"GET /old"), b"/old");
        assert_eq!(uri_of_request_line(b"GET"), b"");
    }
}
