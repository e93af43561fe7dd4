//! httpd's numbers and names, as Python code knows them: one row each.

use std::ffi::CStr;

use super::sys;

/// A name and its number.
pub type Number = (&'static CStr, i64);

/// All numbers, in groups.
pub const NUMBERS: &[&[Number]] = &[
    RESULTS,
    STATUSES,
    PROVIDERS,
    LEVELS,
    METHODS,
    FILE_TYPES,
    FILE_FIELDS,
    FINFO_INDEXES,
    URI_INDEXES,
    REQUEST,
    CONNECTION,
    MPM,
    MAGIC,
];

/// Names of kinds of content.
pub const MAGIC_TYPES: &[(&CStr, &CStr)] = &[
    (c"CGI_MAGIC_TYPE", text(sys::CGI_MAGIC_TYPE)),
    (c"INCLUDES_MAGIC_TYPE", text(sys::INCLUDES_MAGIC_TYPE)),
    (c"INCLUDES_MAGIC_TYPE3", text(sys::INCLUDES_MAGIC_TYPE3)),
    (c"DIR_MAGIC_TYPE", text(sys::DIR_MAGIC_TYPE)),
];

const RESULTS: &[Number] = &[
    (c"OK", sys::OK as i64),
    (c"DECLINED", sys::DECLINED as i64),
    (c"DONE", sys::DONE as i64),
    // Names of mod_python 2.
    (c"REQ_PROCEED", sys::OK as i64),
    (c"REQ_NOACTION", sys::DECLINED as i64),
    (c"REQ_ABORTED", sys::HTTP_INTERNAL_SERVER_ERROR as i64),
];

const STATUSES: &[Number] = &[
    (c"HTTP_CONTINUE", sys::HTTP_CONTINUE as i64),
    (c"HTTP_SWITCHING_PROTOCOLS", sys::HTTP_SWITCHING_PROTOCOLS as i64),
    (c"HTTP_PROCESSING", sys::HTTP_PROCESSING as i64),
    (c"HTTP_EARLY_HINTS", sys::HTTP_EARLY_HINTS as i64),
    (c"HTTP_OK", sys::HTTP_OK as i64),
    (c"HTTP_CREATED", sys::HTTP_CREATED as i64),
    (c"HTTP_ACCEPTED", sys::HTTP_ACCEPTED as i64),
    (c"HTTP_NON_AUTHORITATIVE", sys::HTTP_NON_AUTHORITATIVE as i64),
    (c"HTTP_NO_CONTENT", sys::HTTP_NO_CONTENT as i64),
    (c"HTTP_RESET_CONTENT", sys::HTTP_RESET_CONTENT as i64),
    (c"HTTP_PARTIAL_CONTENT", sys::HTTP_PARTIAL_CONTENT as i64),
    (c"HTTP_MULTI_STATUS", sys::HTTP_MULTI_STATUS as i64),
    (c"HTTP_ALREADY_REPORTED", sys::HTTP_ALREADY_REPORTED as i64),
    (c"HTTP_IM_USED", sys::HTTP_IM_USED as i64),
    (c"HTTP_MULTIPLE_CHOICES", sys::HTTP_MULTIPLE_CHOICES as i64),
    (c"HTTP_MOVED_PERMANENTLY", sys::HTTP_MOVED_PERMANENTLY as i64),
    (c"HTTP_MOVED_TEMPORARILY", sys::HTTP_MOVED_TEMPORARILY as i64),
    (c"HTTP_SEE_OTHER", sys::HTTP_SEE_OTHER as i64),
    (c"HTTP_NOT_MODIFIED", sys::HTTP_NOT_MODIFIED as i64),
    (c"HTTP_USE_PROXY", sys::HTTP_USE_PROXY as i64),
    (c"HTTP_TEMPORARY_REDIRECT", sys::HTTP_TEMPORARY_REDIRECT as i64),
    (c"HTTP_PERMANENT_REDIRECT", sys::HTTP_PERMANENT_REDIRECT as i64),
    (c"HTTP_BAD_REQUEST", sys::HTTP_BAD_REQUEST as i64),
    (c"HTTP_UNAUTHORIZED", sys::HTTP_UNAUTHORIZED as i64),
    (c"HTTP_PAYMENT_REQUIRED", sys::HTTP_PAYMENT_REQUIRED as i64),
    (c"HTTP_FORBIDDEN", sys::HTTP_FORBIDDEN as i64),
    (c"HTTP_NOT_FOUND", sys::HTTP_NOT_FOUND as i64),
    (c"HTTP_METHOD_NOT_ALLOWED", sys::HTTP_METHOD_NOT_ALLOWED as i64),
    (c"HTTP_NOT_ACCEPTABLE", sys::HTTP_NOT_ACCEPTABLE as i64),
    (c"HTTP_PROXY_AUTHENTICATION_REQUIRED", sys::HTTP_PROXY_AUTHENTICATION_REQUIRED as i64),
    (c"HTTP_REQUEST_TIME_OUT", sys::HTTP_REQUEST_TIME_OUT as i64),
    (c"HTTP_CONFLICT", sys::HTTP_CONFLICT as i64),
    (c"HTTP_GONE", sys::HTTP_GONE as i64),
    (c"HTTP_LENGTH_REQUIRED", sys::HTTP_LENGTH_REQUIRED as i64),
    (c"HTTP_PRECONDITION_FAILED", sys::HTTP_PRECONDITION_FAILED as i64),
    (c"HTTP_REQUEST_ENTITY_TOO_LARGE", sys::HTTP_REQUEST_ENTITY_TOO_LARGE as i64),
    (c"HTTP_REQUEST_URI_TOO_LARGE", sys::HTTP_REQUEST_URI_TOO_LARGE as i64),
    (c"HTTP_UNSUPPORTED_MEDIA_TYPE", sys::HTTP_UNSUPPORTED_MEDIA_TYPE as i64),
    (c"HTTP_RANGE_NOT_SATISFIABLE", sys::HTTP_RANGE_NOT_SATISFIABLE as i64),
    (c"HTTP_EXPECTATION_FAILED", sys::HTTP_EXPECTATION_FAILED as i64),
    // Not all releases of httpd have these two.
    (c"HTTP_IM_A_TEAPOT", 418),
    (c"HTTP_TOO_EARLY", 425),
    (c"HTTP_MISDIRECTED_REQUEST", sys::HTTP_MISDIRECTED_REQUEST as i64),
    (c"HTTP_UNPROCESSABLE_ENTITY", sys::HTTP_UNPROCESSABLE_ENTITY as i64),
    (c"HTTP_LOCKED", sys::HTTP_LOCKED as i64),
    (c"HTTP_FAILED_DEPENDENCY", sys::HTTP_FAILED_DEPENDENCY as i64),
    (c"HTTP_UPGRADE_REQUIRED", sys::HTTP_UPGRADE_REQUIRED as i64),
    (c"HTTP_PRECONDITION_REQUIRED", sys::HTTP_PRECONDITION_REQUIRED as i64),
    (c"HTTP_TOO_MANY_REQUESTS", sys::HTTP_TOO_MANY_REQUESTS as i64),
    (c"HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE", sys::HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE as i64),
    (c"HTTP_UNAVAILABLE_FOR_LEGAL_REASONS", sys::HTTP_UNAVAILABLE_FOR_LEGAL_REASONS as i64),
    (c"HTTP_INTERNAL_SERVER_ERROR", sys::HTTP_INTERNAL_SERVER_ERROR as i64),
    (c"HTTP_NOT_IMPLEMENTED", sys::HTTP_NOT_IMPLEMENTED as i64),
    (c"HTTP_BAD_GATEWAY", sys::HTTP_BAD_GATEWAY as i64),
    (c"HTTP_SERVICE_UNAVAILABLE", sys::HTTP_SERVICE_UNAVAILABLE as i64),
    (c"HTTP_GATEWAY_TIME_OUT", sys::HTTP_GATEWAY_TIME_OUT as i64),
    (c"HTTP_VERSION_NOT_SUPPORTED", sys::HTTP_VERSION_NOT_SUPPORTED as i64),
    (c"HTTP_VARIANT_ALSO_VARIES", sys::HTTP_VARIANT_ALSO_VARIES as i64),
    (c"HTTP_INSUFFICIENT_STORAGE", sys::HTTP_INSUFFICIENT_STORAGE as i64),
    (c"HTTP_LOOP_DETECTED", sys::HTTP_LOOP_DETECTED as i64),
    (c"HTTP_NOT_EXTENDED", sys::HTTP_NOT_EXTENDED as i64),
    (c"HTTP_NETWORK_AUTHENTICATION_REQUIRED", sys::HTTP_NETWORK_AUTHENTICATION_REQUIRED as i64),
];

const PROVIDERS: &[Number] = &[
    (c"AUTH_DENIED", sys::AUTH_DENIED as i64),
    (c"AUTH_GRANTED", sys::AUTH_GRANTED as i64),
    (c"AUTH_USER_FOUND", sys::AUTH_USER_FOUND as i64),
    (c"AUTH_USER_NOT_FOUND", sys::AUTH_USER_NOT_FOUND as i64),
    (c"AUTH_GENERAL_ERROR", sys::AUTH_GENERAL_ERROR as i64),
    (c"AUTHZ_DENIED", sys::AUTHZ_DENIED as i64),
    (c"AUTHZ_GRANTED", sys::AUTHZ_GRANTED as i64),
    (c"AUTHZ_NEUTRAL", sys::AUTHZ_NEUTRAL as i64),
    (c"AUTHZ_GENERAL_ERROR", sys::AUTHZ_GENERAL_ERROR as i64),
    (c"AUTHZ_DENIED_NO_USER", sys::AUTHZ_DENIED_NO_USER as i64),
];

const LEVELS: &[Number] = &[
    (c"APLOG_EMERG", sys::APLOG_EMERG as i64),
    (c"APLOG_ALERT", sys::APLOG_ALERT as i64),
    (c"APLOG_CRIT", sys::APLOG_CRIT as i64),
    (c"APLOG_ERR", sys::APLOG_ERR as i64),
    (c"APLOG_WARNING", sys::APLOG_WARNING as i64),
    (c"APLOG_NOTICE", sys::APLOG_NOTICE as i64),
    (c"APLOG_INFO", sys::APLOG_INFO as i64),
    (c"APLOG_DEBUG", sys::APLOG_DEBUG as i64),
    (c"APLOG_TRACE1", sys::APLOG_TRACE1 as i64),
    (c"APLOG_TRACE2", sys::APLOG_TRACE2 as i64),
    (c"APLOG_TRACE3", sys::APLOG_TRACE3 as i64),
    (c"APLOG_TRACE4", sys::APLOG_TRACE4 as i64),
    (c"APLOG_TRACE5", sys::APLOG_TRACE5 as i64),
    (c"APLOG_TRACE6", sys::APLOG_TRACE6 as i64),
    (c"APLOG_TRACE7", sys::APLOG_TRACE7 as i64),
    (c"APLOG_TRACE8", sys::APLOG_TRACE8 as i64),
    // A bit that levels had once; httpd ignores it, and as a level it means none.
    (c"APLOG_NOERRNO", 0),
];

const METHODS: &[Number] = &[
    (c"M_GET", sys::M_GET as i64),
    (c"M_PUT", sys::M_PUT as i64),
    (c"M_POST", sys::M_POST as i64),
    (c"M_DELETE", sys::M_DELETE as i64),
    (c"M_CONNECT", sys::M_CONNECT as i64),
    (c"M_OPTIONS", sys::M_OPTIONS as i64),
    (c"M_TRACE", sys::M_TRACE as i64),
    (c"M_PATCH", sys::M_PATCH as i64),
    (c"M_PROPFIND", sys::M_PROPFIND as i64),
    (c"M_PROPPATCH", sys::M_PROPPATCH as i64),
    (c"M_MKCOL", sys::M_MKCOL as i64),
    (c"M_COPY", sys::M_COPY as i64),
    (c"M_MOVE", sys::M_MOVE as i64),
    (c"M_LOCK", sys::M_LOCK as i64),
    (c"M_UNLOCK", sys::M_UNLOCK as i64),
    (c"M_VERSION_CONTROL", sys::M_VERSION_CONTROL as i64),
    (c"M_CHECKOUT", sys::M_CHECKOUT as i64),
    (c"M_UNCHECKOUT", sys::M_UNCHECKOUT as i64),
    (c"M_CHECKIN", sys::M_CHECKIN as i64),
    (c"M_UPDATE", sys::M_UPDATE as i64),
    (c"M_LABEL", sys::M_LABEL as i64),
    (c"M_REPORT", sys::M_REPORT as i64),
    (c"M_MKWORKSPACE", sys::M_MKWORKSPACE as i64),
    (c"M_MKACTIVITY", sys::M_MKACTIVITY as i64),
    (c"M_BASELINE_CONTROL", sys::M_BASELINE_CONTROL as i64),
    (c"M_MERGE", sys::M_MERGE as i64),
    (c"M_INVALID", sys::M_INVALID as i64),
];

const FILE_TYPES: &[Number] = &[
    (c"APR_NOFILE", sys::APR_NOFILE as i64),
    (c"APR_REG", sys::APR_REG as i64),
    (c"APR_DIR", sys::APR_DIR as i64),
    (c"APR_CHR", sys::APR_CHR as i64),
    (c"APR_BLK", sys::APR_BLK as i64),
    (c"APR_PIPE", sys::APR_PIPE as i64),
    (c"APR_LNK", sys::APR_LNK as i64),
    (c"APR_SOCK", sys::APR_SOCK as i64),
    (c"APR_UNKFILE", sys::APR_UNKFILE as i64),
];

const FILE_FIELDS: &[Number] = &[
    (c"APR_FINFO_LINK", sys::APR_FINFO_LINK as i64),
    (c"APR_FINFO_MTIME", sys::APR_FINFO_MTIME as i64),
    (c"APR_FINFO_CTIME", sys::APR_FINFO_CTIME as i64),
    (c"APR_FINFO_ATIME", sys::APR_FINFO_ATIME as i64),
    (c"APR_FINFO_SIZE", sys::APR_FINFO_SIZE as i64),
    (c"APR_FINFO_CSIZE", sys::APR_FINFO_CSIZE as i64),
    (c"APR_FINFO_DEV", sys::APR_FINFO_DEV as i64),
    (c"APR_FINFO_INODE", sys::APR_FINFO_INODE as i64),
    (c"APR_FINFO_NLINK", sys::APR_FINFO_NLINK as i64),
    (c"APR_FINFO_TYPE", sys::APR_FINFO_TYPE as i64),
    (c"APR_FINFO_USER", sys::APR_FINFO_USER as i64),
    (c"APR_FINFO_GROUP", sys::APR_FINFO_GROUP as i64),
    (c"APR_FINFO_UPROT", sys::APR_FINFO_UPROT as i64),
    (c"APR_FINFO_GPROT", sys::APR_FINFO_GPROT as i64),
    (c"APR_FINFO_WPROT", sys::APR_FINFO_WPROT as i64),
    (c"APR_FINFO_ICASE", sys::APR_FINFO_ICASE as i64),
    (c"APR_FINFO_NAME", sys::APR_FINFO_NAME as i64),
    (c"APR_FINFO_MIN", sys::APR_FINFO_MIN as i64),
    (c"APR_FINFO_IDENT", sys::APR_FINFO_IDENT as i64),
    (c"APR_FINFO_OWNER", sys::APR_FINFO_OWNER as i64),
    (c"APR_FINFO_PROT", sys::APR_FINFO_PROT as i64),
    (c"APR_FINFO_NORM", sys::APR_FINFO_NORM as i64),
    (c"APR_FINFO_DIRENT", sys::APR_FINFO_DIRENT as i64),
];

/// Where a field stands in a file info as a sequence.
const FINFO_INDEXES: &[Number] = &[
    (c"FINFO_MODE", 0),
    (c"FINFO_INO", 1),
    (c"FINFO_DEV", 2),
    (c"FINFO_NLINK", 3),
    (c"FINFO_UID", 4),
    (c"FINFO_GID", 5),
    (c"FINFO_SIZE", 6),
    (c"FINFO_ATIME", 7),
    (c"FINFO_MTIME", 8),
    (c"FINFO_CTIME", 9),
    (c"FINFO_FNAME", 10),
    (c"FINFO_NAME", 11),
    (c"FINFO_FILETYPE", 12),
];

/// Where a part stands in a parsed URI as a tuple.
const URI_INDEXES: &[Number] = &[
    (c"URI_SCHEME", 0),
    (c"URI_HOSTINFO", 1),
    (c"URI_USER", 2),
    (c"URI_PASSWORD", 3),
    (c"URI_HOSTNAME", 4),
    (c"URI_PORT", 5),
    (c"URI_PATH", 6),
    (c"URI_QUERY", 7),
    (c"URI_FRAGMENT", 8),
];

const REQUEST: &[Number] = &[
    (c"PROXYREQ_NONE", sys::PROXYREQ_NONE as i64),
    (c"PROXYREQ_PROXY", sys::PROXYREQ_PROXY as i64),
    (c"PROXYREQ_REVERSE", sys::PROXYREQ_REVERSE as i64),
    (c"PROXYREQ_RESPONSE", sys::PROXYREQ_RESPONSE as i64),
    (c"AP_REQ_ACCEPT_PATH_INFO", sys::AP_REQ_ACCEPT_PATH_INFO as i64),
    (c"AP_REQ_REJECT_PATH_INFO", sys::AP_REQ_REJECT_PATH_INFO as i64),
    (c"AP_REQ_DEFAULT_PATH_INFO", sys::AP_REQ_DEFAULT_PATH_INFO as i64),
    (c"REQUEST_NO_BODY", sys::REQUEST_NO_BODY as i64),
    (c"REQUEST_CHUNKED_ERROR", sys::REQUEST_CHUNKED_ERROR as i64),
    (c"REQUEST_CHUNKED_DECHUNK", sys::REQUEST_CHUNKED_DECHUNK as i64),
];

const CONNECTION: &[Number] = &[
    (c"REMOTE_HOST", sys::REMOTE_HOST as i64),
    (c"REMOTE_NAME", sys::REMOTE_NAME as i64),
    (c"REMOTE_NOLOOKUP", sys::REMOTE_NOLOOKUP as i64),
    (c"REMOTE_DOUBLE_REV", sys::REMOTE_DOUBLE_REV as i64),
    (c"AP_CONN_UNKNOWN", sys::AP_CONN_UNKNOWN as i64),
    (c"AP_CONN_CLOSE", sys::AP_CONN_CLOSE as i64),
    (c"AP_CONN_KEEPALIVE", sys::AP_CONN_KEEPALIVE as i64),
];

const MPM: &[Number] = &[
    (c"AP_MPMQ_NOT_SUPPORTED", sys::AP_MPMQ_NOT_SUPPORTED as i64),
    (c"AP_MPMQ_STATIC", sys::AP_MPMQ_STATIC as i64),
    (c"AP_MPMQ_DYNAMIC", sys::AP_MPMQ_DYNAMIC as i64),
    (c"AP_MPMQ_MAX_DAEMON_USED", sys::AP_MPMQ_MAX_DAEMON_USED as i64),
    (c"AP_MPMQ_IS_THREADED", sys::AP_MPMQ_IS_THREADED as i64),
    (c"AP_MPMQ_IS_FORKED", sys::AP_MPMQ_IS_FORKED as i64),
    (c"AP_MPMQ_HARD_LIMIT_DAEMONS", sys::AP_MPMQ_HARD_LIMIT_DAEMONS as i64),
    (c"AP_MPMQ_HARD_LIMIT_THREADS", sys::AP_MPMQ_HARD_LIMIT_THREADS as i64),
    (c"AP_MPMQ_MAX_THREADS", sys::AP_MPMQ_MAX_THREADS as i64),
    (c"AP_MPMQ_MIN_SPARE_DAEMONS", sys::AP_MPMQ_MIN_SPARE_DAEMONS as i64),
    (c"AP_MPMQ_MIN_SPARE_THREADS", sys::AP_MPMQ_MIN_SPARE_THREADS as i64),
    (c"AP_MPMQ_MAX_SPARE_DAEMONS", sys::AP_MPMQ_MAX_SPARE_DAEMONS as i64),
    (c"AP_MPMQ_MAX_SPARE_THREADS", sys::AP_MPMQ_MAX_SPARE_THREADS as i64),
    (c"AP_MPMQ_MAX_REQUESTS_DAEMON", sys::AP_MPMQ_MAX_REQUESTS_DAEMON as i64),
    (c"AP_MPMQ_MAX_DAEMONS", sys::AP_MPMQ_MAX_DAEMONS as i64),
];

/// Of the httpd that this library was compiled for.
const MAGIC: &[Number] = &[
    (c"MODULE_MAGIC_NUMBER_MAJOR", sys::MODULE_MAGIC_NUMBER_MAJOR as i64),
    (c"MODULE_MAGIC_NUMBER_MINOR", sys::MODULE_MAGIC_NUMBER_MINOR as i64),
];

const fn text(bytes: &'static [u8]) -> &'static CStr {
    match CStr::from_bytes_with_nul(bytes) {
        Ok(text) => text,
        Err(_) => panic!("a C string has one NUL, at its end"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{MAGIC_TYPES, NUMBERS};

    #[test]
    fn names_are_unique() {
        let names = || {
            NUMBERS
                .iter()
                .copied()
                .flatten()
                .map(|row| row.0)
                .chain(MAGIC_TYPES.iter().map(|row| row.0))
        };
        assert_eq!(names().collect::<HashSet<_>>().len(), names().count());
    }

    #[test]
    fn numbers_are_those_that_scripts_rely_on() {
        let value =
            |name| NUMBERS.iter().copied().flatten().find(|row| row.0 == name).map(|row| row.1);
        for (name, number) in [
            (c"OK", 0),
            (c"DECLINED", -1),
            (c"DONE", -2),
            (c"HTTP_VARIANT_ALSO_VARIES", 506),
            (c"APLOG_DEBUG", 7),
            (c"M_INVALID", 26),
            (c"APR_UNKFILE", 127),
            (c"APR_FINFO_NORM", 0x73_b170),
            (c"AP_MPMQ_MAX_DAEMONS", 12),
            (c"AP_CONN_KEEPALIVE", 2),
            (c"URI_FRAGMENT", 8),
            (c"FINFO_FILETYPE", 12),
        ] {
            assert_eq!(value(name), Some(number), "{name:?}");
        }
    }
}
