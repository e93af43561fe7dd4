//! The filters of which it is known that they never ask another module to answer something.

use std::sync::atomic::{AtomicBool, Ordering};

use super::request::Request;
use super::text;

/// Whether a directive of this process has ever declared a filter of ours. It may have any name, also as a provider of mod_filter.
static HAS_OWN: AtomicBool = AtomicBool::new(false);

/// To be called when one is declared.
pub(super) fn note_own() {
    HAS_OWN.store(true, Ordering::Relaxed);
}

impl Request<'_> {
    /// Whether all filters between the request and its client, both ways, are ones that come with httpd and call nobody:
    /// neither this module nor mod_include, which has pages made.
    pub fn has_stock_filters(self) -> bool {
        if HAS_OWN.load(Ordering::Relaxed) {
            return false;
        }
        self.output_filters().chain(self.input_filters()).all(|filter| {
            // SAFETY: a filter's record, and its name, live as long as the process.
            unsafe { text::bytes((*filter.frec).name) }.is_some_and(is_stock)
        })
    }
}

/// httpd keeps names in lower case.
fn is_stock(name: &[u8]) -> bool {
    matches!(
        name,
        b"core"
            | b"core_in"
            | b"http_in"
            | b"http_header"
            | b"http_outerror"
            | b"content_length"
            | b"byterange"
            | b"chunk"
            | b"old_write"
            | b"reqtimeout"
            | b"log_input_output"
            | b"logio_ttfb_out"
            | b"deflate"
            | b"bytype:deflate"
            | b"brotli_compress"
            | b"bytype:brotli_compress"
            | b"fixup_headers_out"
            | b"ssl/tls filter"
            | b"ssl/tls coalesce"
    )
}

#[cfg(test)]
mod tests {
    use super::is_stock;

    #[test]
    fn who_calls_others_is_none() {
        assert!(is_stock(b"core") && is_stock(b"ssl/tls filter"));
        assert!(!is_stock(b"includes") && !is_stock(b"python_out") && !is_stock(b""));
    }
}
