"""The names of the programming interface, as data: what each is, and for a number which.

Tests write this file into their sites, so that what runs in httpd can read it too.
"""

CONSTANTS = {
    name: int(value, 0)
    for name, value in (
        word.split("=")
        for line in """
# results of handlers
OK=0 REQ_PROCEED=0 DECLINED=-1 REQ_NOACTION=-1 DONE=-2 REQ_ABORTED=500
# statuses of HTTP
HTTP_CONTINUE=100 HTTP_SWITCHING_PROTOCOLS=101 HTTP_PROCESSING=102 HTTP_OK=200 HTTP_CREATED=201 HTTP_ACCEPTED=202
HTTP_NON_AUTHORITATIVE=203 HTTP_NO_CONTENT=204 HTTP_RESET_CONTENT=205 HTTP_PARTIAL_CONTENT=206 HTTP_MULTI_STATUS=207
HTTP_MULTIPLE_CHOICES=300 HTTP_MOVED_PERMANENTLY=301 HTTP_MOVED_TEMPORARILY=302 HTTP_SEE_OTHER=303 HTTP_NOT_MODIFIED=304
HTTP_USE_PROXY=305 HTTP_TEMPORARY_REDIRECT=307 HTTP_BAD_REQUEST=400 HTTP_UNAUTHORIZED=401 HTTP_PAYMENT_REQUIRED=402
HTTP_FORBIDDEN=403 HTTP_NOT_FOUND=404 HTTP_METHOD_NOT_ALLOWED=405 HTTP_NOT_ACCEPTABLE=406
HTTP_PROXY_AUTHENTICATION_REQUIRED=407 HTTP_REQUEST_TIME_OUT=408 HTTP_CONFLICT=409 HTTP_GONE=410
HTTP_LENGTH_REQUIRED=411 HTTP_PRECONDITION_FAILED=412 HTTP_REQUEST_ENTITY_TOO_LARGE=413 HTTP_REQUEST_URI_TOO_LARGE=414
HTTP_UNSUPPORTED_MEDIA_TYPE=415 HTTP_RANGE_NOT_SATISFIABLE=416 HTTP_EXPECTATION_FAILED=417 HTTP_IM_A_TEAPOT=418
HTTP_UNPROCESSABLE_ENTITY=422 HTTP_LOCKED=423 HTTP_FAILED_DEPENDENCY=424 HTTP_UPGRADE_REQUIRED=426
HTTP_INTERNAL_SERVER_ERROR=500 HTTP_NOT_IMPLEMENTED=501 HTTP_BAD_GATEWAY=502 HTTP_SERVICE_UNAVAILABLE=503
HTTP_GATEWAY_TIME_OUT=504 HTTP_VERSION_NOT_SUPPORTED=505 HTTP_VARIANT_ALSO_VARIES=506 HTTP_INSUFFICIENT_STORAGE=507
HTTP_NOT_EXTENDED=510
# levels of the log
APLOG_EMERG=0 APLOG_ALERT=1 APLOG_CRIT=2 APLOG_ERR=3 APLOG_WARNING=4 APLOG_NOTICE=5 APLOG_INFO=6 APLOG_DEBUG=7
APLOG_NOERRNO=0
# methods
M_GET=0 M_PUT=1 M_POST=2 M_DELETE=3 M_CONNECT=4 M_OPTIONS=5 M_TRACE=6 M_PATCH=7 M_PROPFIND=8 M_PROPPATCH=9 M_MKCOL=10
M_COPY=11 M_MOVE=12 M_LOCK=13 M_UNLOCK=14 M_VERSION_CONTROL=15 M_CHECKOUT=16 M_UNCHECKOUT=17 M_CHECKIN=18 M_UPDATE=19
M_LABEL=20 M_REPORT=21 M_MKWORKSPACE=22 M_MKACTIVITY=23 M_BASELINE_CONTROL=24 M_MERGE=25 M_INVALID=26
# indexes of file information, kinds of files, what apache.stat is asked for
FINFO_MODE=0 FINFO_INO=1 FINFO_DEV=2 FINFO_NLINK=3 FINFO_UID=4 FINFO_GID=5 FINFO_SIZE=6 FINFO_ATIME=7 FINFO_MTIME=8
FINFO_CTIME=9 FINFO_FNAME=10 FINFO_NAME=11 FINFO_FILETYPE=12 APR_NOFILE=0 APR_REG=1 APR_DIR=2 APR_CHR=3 APR_BLK=4
APR_PIPE=5 APR_LNK=6 APR_SOCK=7 APR_UNKFILE=127 APR_FINFO_LINK=0x1 APR_FINFO_MTIME=0x10 APR_FINFO_CTIME=0x20
APR_FINFO_ATIME=0x40 APR_FINFO_SIZE=0x100 APR_FINFO_CSIZE=0x200 APR_FINFO_DEV=0x1000 APR_FINFO_INODE=0x2000
APR_FINFO_NLINK=0x4000 APR_FINFO_TYPE=0x8000 APR_FINFO_USER=0x10000 APR_FINFO_GROUP=0x20000 APR_FINFO_UPROT=0x100000
APR_FINFO_GPROT=0x200000 APR_FINFO_WPROT=0x400000 APR_FINFO_ICASE=0x1000000 APR_FINFO_NAME=0x2000000
APR_FINFO_MIN=0x8170 APR_FINFO_IDENT=0x3000 APR_FINFO_OWNER=0x30000 APR_FINFO_PROT=0x700000 APR_FINFO_NORM=0x73b170
APR_FINFO_DIRENT=0x2000000
# indexes of a parsed URI
URI_SCHEME=0 URI_HOSTINFO=1 URI_USER=2 URI_PASSWORD=3 URI_HOSTNAME=4 URI_PORT=5 URI_PATH=6 URI_QUERY=7 URI_FRAGMENT=8
# others
PROXYREQ_NONE=0 PROXYREQ_PROXY=1 PROXYREQ_REVERSE=2 PROXYREQ_RESPONSE=3 AP_REQ_ACCEPT_PATH_INFO=0
AP_REQ_REJECT_PATH_INFO=1 AP_REQ_DEFAULT_PATH_INFO=2 REMOTE_HOST=0 REMOTE_NAME=1 REMOTE_NOLOOKUP=2 REMOTE_DOUBLE_REV=3
REQUEST_NO_BODY=0 REQUEST_CHUNKED_ERROR=1 REQUEST_CHUNKED_DECHUNK=2 AP_CONN_UNKNOWN=0 AP_CONN_CLOSE=1
AP_CONN_KEEPALIVE=2
# the processing model
AP_MPMQ_NOT_SUPPORTED=0 AP_MPMQ_STATIC=1 AP_MPMQ_DYNAMIC=2 AP_MPMQ_MAX_DAEMON_USED=1 AP_MPMQ_IS_THREADED=2
AP_MPMQ_IS_FORKED=3 AP_MPMQ_HARD_LIMIT_DAEMONS=4 AP_MPMQ_HARD_LIMIT_THREADS=5 AP_MPMQ_MAX_THREADS=6
AP_MPMQ_MIN_SPARE_DAEMONS=7 AP_MPMQ_MIN_SPARE_THREADS=8 AP_MPMQ_MAX_SPARE_DAEMONS=9 AP_MPMQ_MAX_SPARE_THREADS=10
AP_MPMQ_MAX_REQUESTS_DAEMON=11 AP_MPMQ_MAX_DAEMONS=12
        """.splitlines()
        if not line.startswith("#")
        for word in line.split()
    )
}
TEXTS = {
    "REQ_EXIT": "REQ_EXIT",
    "CGI_MAGIC_TYPE": "application/x-httpd-cgi",
    "INCLUDES_MAGIC_TYPE": "text/x-server-parsed-html",
    "INCLUDES_MAGIC_TYPE3": "text/x-server-parsed-html3",
    "DIR_MAGIC_TYPE": "httpd/unix-directory",
}
# Statuses that httpd has learnt since the interface was made.
LATER_STATUSES = {208, 226, 308, 421, 425, 428, 429, 431, 451, 508, 511}

# Of each type or module: words "name" in the lines of a kind. What the original has not is left to the stub and its test.
TABLES = {
    "apache": {
        "callable": """
            build_cgi_env config_tree exists_config_define import_module init log_error module_mtime mpm_query
            register_cleanup resolve_object restore_nocgi server_root setup_cgi stat allow_methods escape
        """,
        "class": "CGIStdin CGIStdout CallBack NullIO SERVER_RETURN make_table table",
        "module": "importlib inspect os pdb sys syslog threading time traceback types _apache",
        "value": "interpreter main_server MODULE_MAGIC_NUMBER_MAJOR MODULE_MAGIC_NUMBER_MINOR",
    },
    "apache.CallBack": {"callable": "ReportError"},
    "apache.NullIO": {"callable": "close detach flush isatty read readline readlines seek tell write writelines"},
    "apache.CGIStdin": {"callable": "read readline readlines close seek tell"},
    "apache.CGIStdout": {"callable": "write writelines flush close tell"},
    "_apache": {
        "callable": """
            config_tree server_root log_error mpm_query exists_config_define stat register_cleanup parse_qs parse_qsl
            _global_lock _global_trylock _global_unlock
        """,
        "class": "SERVER_RETURN table",
        "value": """
            APR_NOFILE APR_REG APR_DIR APR_CHR APR_BLK APR_PIPE APR_LNK APR_SOCK APR_UNKFILE AP_CONN_UNKNOWN AP_CONN_CLOSE
            AP_CONN_KEEPALIVE MODULE_MAGIC_NUMBER_MAJOR MODULE_MAGIC_NUMBER_MINOR
        """,
    },
    "mod_python": {"module": "apache version python22", "value": "mp_version"},
    "mod_python.version": {"value": "version HTTPD HTTPD_VERSION APR_VERSION LIBEXECDIR SYSCONFDIR PYTHON_BIN"},
    "mod_python.cache": {
        "class": "Cache WeakCache FileCache ModuleCache FunctionCache Entry",
        "value": "NOT_INITIALIZED",
    },
    "mod_python.cache.Cache": {"callable": "build check key commit clear mru lru __getitem__ __setitem__ __delitem__"},
    "mp_request": {
        "callable": """
            add_cgi_vars add_common_vars add_handler add_input_filter add_output_filter allow_methods auth_name auth_type
            build_wsgi_env construct_url discard_request_body document_root flush get_addhandler_exts get_basic_auth_pw
            get_config get_options get_remote_host internal_redirect is_https log_error meets_conditions read readline
            readlines register_cleanup register_input_filter register_output_filter send_http_header sendfile
            set_content_length set_etag set_last_modified ssl_var_lookup update_mtime write wsgi_start_response
        """,
        "read-only": """
            connection server next prev main the_request header_only protocol proto_num hostname request_time method
            method_number allowed allowed_xmethods allowed_methods sent_bodyct bytes_sent mtime range clength remaining
            read_length read_body read_chunked expecting_100 content_languages content_encoding vlist_validator unparsed_uri
            parsed_uri eos_sent useragent_addr useragent_ip headers_in headers_out err_headers_out subprocess_env notes phase
            interpreter extension hlist _content_type_set _bytes_queued
        """,
        "writable": """
            assbackwards proxyreq status_line status chunked content_type handler user ap_auth_type no_cache no_local_copy uri
            filename canonical_filename path_info args finfo used_path_info
        """,
    },
    "mp_hlist": {"callable": "next", "read-only": "handler directory is_location silent"},
    "mp_conn": {
        "callable": "log_error read readline write",
        "read-only": """
            base_server local_addr client_addr remote_addr client_ip local_ip remote_ip remote_host local_host remote_logname
            aborted double_reverse keepalives id notes hlist
        """,
        "writable": "keepalive",
    },
    "mp_server": {
        "callable": "get_config get_options log_error register_cleanup",
        "read-only": """
            defn_name defn_line_number server_admin server_hostname port error_fname loglevel is_virtual timeout
            keep_alive_timeout keep_alive_max keep_alive path pathlen names wild_names limit_req_line limit_req_fieldsize
            limit_req_fields next my_generation restart_time
        """,
    },
    "mp_filter": {
        "callable": "pass_on read readline write flush close disable",
        "read-only": "closed name req is_input handler dir",
        "writable": "softspace",
    },
    "mp_table": {
        "callable": """
            add clear copy get has_key items iteritems iterkeys itervalues keys popitem setdefault update values __len__
            __contains__ __getitem__ __setitem__ __delitem__ __iter__ __eq__ __ne__ __repr__
        """,
    },
    "the iterator of a table": {"callable": "next __iter__ __next__"},
    "mp_finfo": {
        "read-only": """
            fname filetype valid protection user group size inode device nlink atime mtime ctime name
        """,
        "callable": "__getitem__ __len__ __iter__ __eq__ __repr__",
    },
}


def kinds(table):
    """Each name of a table, and its kind."""
    return {name: kind for kind, words in TABLES[table].items() for name in words.split()}
