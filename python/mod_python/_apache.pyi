# The native module of mod_python, which exists only inside httpd.

from collections.abc import Callable, Iterable, Iterator, Sequence
from types import CodeType
from typing import Any, Final, Generic, Literal, Protocol, TypeAlias, TypeVar, final, overload

from typing_extensions import Buffer

from .logs import RequestLog
from .psp_page import Page

# Results of handlers
OK: Final[int]
DECLINED: Final[int]
DONE: Final[int]
REQ_PROCEED: Final[int]
REQ_NOACTION: Final[int]
REQ_ABORTED: Final[int]
REQ_EXIT: Final[str]

# HTTP status
HTTP_CONTINUE: Final[int]
HTTP_SWITCHING_PROTOCOLS: Final[int]
HTTP_PROCESSING: Final[int]
HTTP_EARLY_HINTS: Final[int]
HTTP_OK: Final[int]
HTTP_CREATED: Final[int]
HTTP_ACCEPTED: Final[int]
HTTP_NON_AUTHORITATIVE: Final[int]
HTTP_NO_CONTENT: Final[int]
HTTP_RESET_CONTENT: Final[int]
HTTP_PARTIAL_CONTENT: Final[int]
HTTP_MULTI_STATUS: Final[int]
HTTP_ALREADY_REPORTED: Final[int]
HTTP_IM_USED: Final[int]
HTTP_MULTIPLE_CHOICES: Final[int]
HTTP_MOVED_PERMANENTLY: Final[int]
HTTP_MOVED_TEMPORARILY: Final[int]
HTTP_SEE_OTHER: Final[int]
HTTP_NOT_MODIFIED: Final[int]
HTTP_USE_PROXY: Final[int]
HTTP_TEMPORARY_REDIRECT: Final[int]
HTTP_PERMANENT_REDIRECT: Final[int]
HTTP_BAD_REQUEST: Final[int]
HTTP_UNAUTHORIZED: Final[int]
HTTP_PAYMENT_REQUIRED: Final[int]
HTTP_FORBIDDEN: Final[int]
HTTP_NOT_FOUND: Final[int]
HTTP_METHOD_NOT_ALLOWED: Final[int]
HTTP_NOT_ACCEPTABLE: Final[int]
HTTP_PROXY_AUTHENTICATION_REQUIRED: Final[int]
HTTP_REQUEST_TIME_OUT: Final[int]
HTTP_CONFLICT: Final[int]
HTTP_GONE: Final[int]
HTTP_LENGTH_REQUIRED: Final[int]
HTTP_PRECONDITION_FAILED: Final[int]
HTTP_REQUEST_ENTITY_TOO_LARGE: Final[int]
HTTP_REQUEST_URI_TOO_LARGE: Final[int]
HTTP_UNSUPPORTED_MEDIA_TYPE: Final[int]
HTTP_RANGE_NOT_SATISFIABLE: Final[int]
HTTP_EXPECTATION_FAILED: Final[int]
HTTP_IM_A_TEAPOT: Final[int]
HTTP_MISDIRECTED_REQUEST: Final[int]
HTTP_UNPROCESSABLE_ENTITY: Final[int]
HTTP_LOCKED: Final[int]
HTTP_FAILED_DEPENDENCY: Final[int]
HTTP_TOO_EARLY: Final[int]
HTTP_UPGRADE_REQUIRED: Final[int]
HTTP_PRECONDITION_REQUIRED: Final[int]
HTTP_TOO_MANY_REQUESTS: Final[int]
HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE: Final[int]
HTTP_UNAVAILABLE_FOR_LEGAL_REASONS: Final[int]
HTTP_INTERNAL_SERVER_ERROR: Final[int]
HTTP_NOT_IMPLEMENTED: Final[int]
HTTP_BAD_GATEWAY: Final[int]
HTTP_SERVICE_UNAVAILABLE: Final[int]
HTTP_GATEWAY_TIME_OUT: Final[int]
HTTP_VERSION_NOT_SUPPORTED: Final[int]
HTTP_VARIANT_ALSO_VARIES: Final[int]
HTTP_INSUFFICIENT_STORAGE: Final[int]
HTTP_LOOP_DETECTED: Final[int]
HTTP_NOT_EXTENDED: Final[int]
HTTP_NETWORK_AUTHENTICATION_REQUIRED: Final[int]

# Answers of providers
AUTH_DENIED: Final[int]
AUTH_GRANTED: Final[int]
AUTH_USER_FOUND: Final[int]
AUTH_USER_NOT_FOUND: Final[int]
AUTH_GENERAL_ERROR: Final[int]
AUTHZ_DENIED: Final[int]
AUTHZ_GRANTED: Final[int]
AUTHZ_NEUTRAL: Final[int]
AUTHZ_GENERAL_ERROR: Final[int]
AUTHZ_DENIED_NO_USER: Final[int]

# Log levels
APLOG_EMERG: Final[int]
APLOG_ALERT: Final[int]
APLOG_CRIT: Final[int]
APLOG_ERR: Final[int]
APLOG_WARNING: Final[int]
APLOG_NOTICE: Final[int]
APLOG_INFO: Final[int]
APLOG_DEBUG: Final[int]
APLOG_TRACE1: Final[int]
APLOG_TRACE2: Final[int]
APLOG_TRACE3: Final[int]
APLOG_TRACE4: Final[int]
APLOG_TRACE5: Final[int]
APLOG_TRACE6: Final[int]
APLOG_TRACE7: Final[int]
APLOG_TRACE8: Final[int]
APLOG_NOERRNO: Final[int]

# Methods
M_GET: Final[int]
M_PUT: Final[int]
M_POST: Final[int]
M_DELETE: Final[int]
M_CONNECT: Final[int]
M_OPTIONS: Final[int]
M_TRACE: Final[int]
M_PATCH: Final[int]
M_PROPFIND: Final[int]
M_PROPPATCH: Final[int]
M_MKCOL: Final[int]
M_COPY: Final[int]
M_MOVE: Final[int]
M_LOCK: Final[int]
M_UNLOCK: Final[int]
M_VERSION_CONTROL: Final[int]
M_CHECKOUT: Final[int]
M_UNCHECKOUT: Final[int]
M_CHECKIN: Final[int]
M_UPDATE: Final[int]
M_LABEL: Final[int]
M_REPORT: Final[int]
M_MKWORKSPACE: Final[int]
M_MKACTIVITY: Final[int]
M_BASELINE_CONTROL: Final[int]
M_MERGE: Final[int]
M_INVALID: Final[int]

# File information
FINFO_MODE: Final[int]
FINFO_INO: Final[int]
FINFO_DEV: Final[int]
FINFO_NLINK: Final[int]
FINFO_UID: Final[int]
FINFO_GID: Final[int]
FINFO_SIZE: Final[int]
FINFO_ATIME: Final[int]
FINFO_MTIME: Final[int]
FINFO_CTIME: Final[int]
FINFO_FNAME: Final[int]
FINFO_NAME: Final[int]
FINFO_FILETYPE: Final[int]
APR_NOFILE: Final[int]
APR_REG: Final[int]
APR_DIR: Final[int]
APR_CHR: Final[int]
APR_BLK: Final[int]
APR_PIPE: Final[int]
APR_LNK: Final[int]
APR_SOCK: Final[int]
APR_UNKFILE: Final[int]
APR_FINFO_LINK: Final[int]
APR_FINFO_MTIME: Final[int]
APR_FINFO_CTIME: Final[int]
APR_FINFO_ATIME: Final[int]
APR_FINFO_SIZE: Final[int]
APR_FINFO_CSIZE: Final[int]
APR_FINFO_DEV: Final[int]
APR_FINFO_INODE: Final[int]
APR_FINFO_NLINK: Final[int]
APR_FINFO_TYPE: Final[int]
APR_FINFO_USER: Final[int]
APR_FINFO_GROUP: Final[int]
APR_FINFO_UPROT: Final[int]
APR_FINFO_GPROT: Final[int]
APR_FINFO_WPROT: Final[int]
APR_FINFO_ICASE: Final[int]
APR_FINFO_NAME: Final[int]
APR_FINFO_MIN: Final[int]
APR_FINFO_IDENT: Final[int]
APR_FINFO_OWNER: Final[int]
APR_FINFO_PROT: Final[int]
APR_FINFO_NORM: Final[int]
APR_FINFO_DIRENT: Final[int]

# Parts of a parsed URI
URI_SCHEME: Final[int]
URI_HOSTINFO: Final[int]
URI_USER: Final[int]
URI_PASSWORD: Final[int]
URI_HOSTNAME: Final[int]
URI_PORT: Final[int]
URI_PATH: Final[int]
URI_QUERY: Final[int]
URI_FRAGMENT: Final[int]

# Other numbers of httpd
PROXYREQ_NONE: Final[int]
PROXYREQ_PROXY: Final[int]
PROXYREQ_REVERSE: Final[int]
PROXYREQ_RESPONSE: Final[int]
AP_REQ_ACCEPT_PATH_INFO: Final[int]
AP_REQ_REJECT_PATH_INFO: Final[int]
AP_REQ_DEFAULT_PATH_INFO: Final[int]
REMOTE_HOST: Final[int]
REMOTE_NAME: Final[int]
REMOTE_NOLOOKUP: Final[int]
REMOTE_DOUBLE_REV: Final[int]
REQUEST_NO_BODY: Final[int]
REQUEST_CHUNKED_ERROR: Final[int]
REQUEST_CHUNKED_DECHUNK: Final[int]
AP_CONN_UNKNOWN: Final[int]
AP_CONN_CLOSE: Final[int]
AP_CONN_KEEPALIVE: Final[int]
AP_MPMQ_NOT_SUPPORTED: Final[int]
AP_MPMQ_STATIC: Final[int]
AP_MPMQ_DYNAMIC: Final[int]
AP_MPMQ_MAX_DAEMON_USED: Final[int]
AP_MPMQ_IS_THREADED: Final[int]
AP_MPMQ_IS_FORKED: Final[int]
AP_MPMQ_HARD_LIMIT_DAEMONS: Final[int]
AP_MPMQ_HARD_LIMIT_THREADS: Final[int]
AP_MPMQ_MAX_THREADS: Final[int]
AP_MPMQ_MIN_SPARE_DAEMONS: Final[int]
AP_MPMQ_MIN_SPARE_THREADS: Final[int]
AP_MPMQ_MAX_SPARE_DAEMONS: Final[int]
AP_MPMQ_MAX_SPARE_THREADS: Final[int]
AP_MPMQ_MAX_REQUESTS_DAEMON: Final[int]
AP_MPMQ_MAX_DAEMONS: Final[int]
MODULE_MAGIC_NUMBER_MAJOR: Final[int]
MODULE_MAGIC_NUMBER_MINOR: Final[int]

# Names of httpd's own handlers
CGI_MAGIC_TYPE: Final[str]
INCLUDES_MAGIC_TYPE: Final[str]
INCLUDES_MAGIC_TYPE3: Final[str]
DIR_MAGIC_TYPE: Final[str]

_T = TypeVar("_T")
_Text: TypeAlias = str | bytes
_Address: TypeAlias = tuple[str, int]
_Uri: TypeAlias = tuple[
    str | None, str | None, str | None, str | None, str | None, int | None, str | None, str | None, str | None
]
_ConfigTree: TypeAlias = list[tuple[str, str] | list[Any]]

class _HasKeys(Protocol):
    def keys(self) -> Iterable[Any]: ...
    def __getitem__(self, key: Any, /) -> Any: ...

# This interpreter

interpreter: str
main_server: mp_server

# Functions

def log_error(message: str | None, level: int = 0, server: mp_server | None = None, /) -> None: ...
def log_line(
    message: str,
    level: int,
    target: mp_request | mp_conn | mp_server | None = None,
    file: str | None = None,
    line: int = 0,
    /,
) -> None: ...
def log_enabled(level: int, target: mp_request | mp_conn | mp_server | None = None, /) -> bool: ...
def config_tree() -> _ConfigTree: ...
def server_root() -> str: ...
def mpm_query(code: int, /) -> int: ...
def may_fork() -> bool: ...
def exists_config_define(name: str, /) -> bool: ...
def stat(fname: str, wanted: int, /) -> mp_finfo: ...
def register_cleanup(
    interpreter_name: str, server: mp_server, callable: Callable[[Any], object], data: object = None, /
) -> None: ...
@overload
def parse_qs(qs: str, keep_blank_values: int = 0, strict_parsing: int = 0, /) -> dict[str, list[str]]: ...
@overload
def parse_qs(qs: bytes, keep_blank_values: int = 0, strict_parsing: int = 0, /) -> dict[bytes, list[bytes]]: ...
@overload
def parse_qsl(qs: str, keep_blank_values: int = 0, strict_parsing: int = 0, /) -> list[tuple[str, str]]: ...
@overload
def parse_qsl(qs: bytes, keep_blank_values: int = 0, strict_parsing: int = 0, /) -> list[tuple[bytes, bytes]]: ...
def parse_header(line: _Text, /) -> tuple[str, dict[str, str]]: ...
def parse_cookies(header: str, name: str | None = None, merged: int = 0, /) -> list[tuple[str, str]]: ...
def private_directory() -> str: ...
def cookie_pair(name: object, value: object, /) -> str | None: ...
def hmac_sha256(key: str | bytes, message: str | bytes, /) -> bytes: ...
def read_file(path: str, /) -> bytes | None: ...
def replace_file(path: str, data: bytes, is_locked: object, /) -> None: ...
def serve_wsgi(req: mp_request, /) -> int: ...
def handlers_changed() -> None: ...
def modules_reloaded(count: int, /) -> None: ...
def psp_handler(req: mp_request, /) -> int: ...
def _psp_page(filename: str, any_request: bool, /) -> Page: ...
def _psp_run(req: mp_request, code: CodeType, globals: dict[str, Any], /) -> None: ...
def _psp_source(
    name: str, source: bytes | None, directory: str | None, style: int, /
) -> tuple[str, tuple[tuple[str, int, int, int], ...], tuple[tuple[int, int, int], ...]]: ...
def _compile(source: str | bytes | bytearray | memoryview, file: str, /) -> CodeType: ...
def _file_stamp(path: str, /) -> tuple[str, int, int, int] | None: ...
def _global_lock(server: mp_server, key: object, index: int = -1, /) -> None: ...
def _global_trylock(server: mp_server, key: object, index: int = -1, /) -> bool: ...
def _global_unlock(server: mp_server, key: object, index: int = -1, /) -> None: ...
def _request_lock(req: mp_request, key: object, /) -> None: ...
def _request_unlock(req: mp_request, key: object, /) -> None: ...

# Types

class SERVER_RETURN(Exception): ...
class RequestTimeout(BaseException): ...

class mp_table:
    def __init__(self, items: _HasKeys | Iterable[Sequence[Any]] = ..., /) -> None: ...
    def __getitem__(self, key: _Text, /) -> Any: ...  # str; None for a null; list[str] if there are several
    def __setitem__(self, key: _Text, value: _Text, /) -> None: ...
    def __delitem__(self, key: _Text, /) -> None: ...
    def __contains__(self, key: object, /) -> bool: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[str]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __ne__(self, other: object, /) -> bool: ...
    __hash__: None  # type: ignore[assignment]
    def add(self, key: _Text, value: _Text, /) -> None: ...
    def clear(self) -> None: ...
    def copy(self) -> mp_table: ...
    @overload
    def get(self, key: _Text, default: None = None, /) -> str | None: ...
    @overload
    def get(self, key: _Text, default: _T, /) -> str | _T: ...
    def has_key(self, key: _Text, /) -> int: ...
    def items(self) -> list[tuple[str, str | None]]: ...
    def iteritems(self) -> _TableIterator[tuple[str, str | None]]: ...
    def iterkeys(self) -> _TableIterator[str]: ...
    def itervalues(self) -> _TableIterator[str | None]: ...
    def keys(self) -> list[str]: ...
    def __or__(self, other: _HasKeys, /) -> mp_table: ...
    @overload
    def pop(self, key: _Text, /) -> str | list[str | None] | None: ...
    @overload
    def pop(self, key: _Text, default: _T, /) -> str | list[str | None] | _T | None: ...
    def popitem(self) -> tuple[str, str | None]: ...
    def setdefault(self, key: _Text, default: _Text = "", /) -> str: ...
    @overload
    def update(self, items: _HasKeys, /, **values: object) -> None: ...
    @overload
    def update(self, items: Iterable[tuple[object, object]], /, **values: object) -> None: ...
    def values(self) -> list[str | None]: ...

table = mp_table

@final
class _TableIterator(Generic[_T]):
    def __iter__(self) -> _TableIterator[_T]: ...
    def __next__(self) -> _T: ...
    def next(self) -> _T: ...

@final
class mp_finfo:
    fname: Final[str | None]
    filetype: Final[int]
    valid: Final[int]
    name: Final[str | None]
    protection: Final[int | None]
    inode: Final[int | None]
    device: Final[int | None]
    nlink: Final[int | None]
    user: Final[int | None]
    group: Final[int | None]
    size: Final[int | None]
    atime: Final[int | None]
    mtime: Final[int | None]
    ctime: Final[int | None]
    def __len__(self) -> Literal[13]: ...
    def __getitem__(self, index: int, /) -> Any: ...
    def __iter__(self) -> Iterator[Any]: ...
    def __eq__(self, other: object, /) -> bool: ...
    def __hash__(self) -> int: ...

@final
class mp_filter:
    softspace: int
    closed: Final[int]
    name: Final[str]
    req: Final[mp_request]
    is_input: Final[int]
    handler: Final[str | None]
    dir: Final[str | None]
    def pass_on(self) -> None: ...
    def read(self, len: int = -1, /) -> bytes | None: ...
    def readline(self, len: int = -1, /) -> bytes | None: ...
    def write(self, data: str | Buffer, /) -> None: ...
    def flush(self, *ignored: object) -> None: ...
    def close(self, *ignored: object) -> None: ...
    def disable(self) -> None: ...

class mp_hlist:
    handler: Final[str | None]
    directory: Final[str | None]
    is_location: Final[int | None]
    turn: Final[str | None]
    silent: Final[int | None]
    def next(self) -> None: ...

class mp_server:
    defn_name: Final[str | None]
    path: Final[str | None]
    defn_line_number: Final[int]
    port: Final[int]
    loglevel: Final[int]
    is_virtual: Final[int]
    keep_alive_max: Final[int]
    keep_alive: Final[int]
    pathlen: Final[int]
    limit_req_line: Final[int]
    limit_req_fieldsize: Final[int]
    limit_req_fields: Final[int]
    my_generation: Final[int]
    server_admin: Final[str]
    server_hostname: Final[str]
    error_fname: Final[str]
    timeout: Final[float]
    keep_alive_timeout: Final[float]
    restart_time: Final[float]
    names: Final[tuple[str, ...]]
    wild_names: Final[tuple[str, ...]]
    next: Final[mp_server | None]
    def get_config(self) -> mp_table: ...
    def get_options(self) -> mp_table: ...
    def log_error(self, message: str | None, level: int = 0, /) -> None: ...
    def register_cleanup(self, req: mp_request, callable: Callable[[Any], object], data: object = None, /) -> None: ...
    def __getattr__(self, name: str, /) -> Any: ...
    def __setattr__(self, name: str, value: Any, /) -> None: ...

class mp_conn:
    keepalive: int
    base_server: Final[mp_server]
    local_addr: Final[_Address]
    client_addr: Final[_Address]
    remote_addr: Final[_Address]
    client_ip: Final[str]
    local_ip: Final[str]
    remote_ip: Final[str]
    remote_host: Final[str | None]
    local_host: Final[str | None]
    remote_logname: Final[str | None]
    aborted: Final[int]
    double_reverse: Final[int]
    keepalives: Final[int]
    id: Final[int]
    notes: Final[mp_table]
    hlist: Final[mp_hlist | None]
    def log_error(self, message: str | None, level: int = 0, /) -> None: ...
    def read(self, length: int = 0, /) -> bytes: ...
    def readline(self, length: int = 0, /) -> bytes: ...
    def write(self, data: str | Buffer, /) -> None: ...

@final
class mp_subrequest:
    status: Final[int]
    request: Final[mp_request]
    def run(self) -> int: ...
    def close(self) -> None: ...
    def __enter__(self) -> mp_subrequest: ...
    def __exit__(self, type: object, value: object, traceback: object, /) -> None: ...

class mp_request:
    assbackwards: int
    proxyreq: int
    status_line: str | None
    status: int
    method: Final[str]
    method_number: Final[int]
    chunked: int
    content_type: str | None
    handler: str | None
    user: str | None
    ap_auth_type: str | None
    no_cache: int
    no_local_copy: int
    uri: str
    filename: str | None
    canonical_filename: str | None
    path_info: str | None
    args: str | None
    finfo: mp_finfo
    used_path_info: int
    log: RequestLog
    connection: Final[mp_conn]
    server: Final[mp_server]
    next: Final[mp_request | None]
    prev: Final[mp_request | None]
    main: Final[mp_request | None]
    the_request: Final[str]
    protocol: Final[str]
    unparsed_uri: Final[str]
    interpreter: Final[str]
    useragent_ip: Final[str]
    header_only: Final[int]
    proto_num: Final[int]
    allowed: Final[int]
    sent_bodyct: Final[int]
    bytes_sent: Final[int]
    clength: Final[int]
    remaining: Final[int]
    read_length: Final[int]
    read_body: Final[int]
    read_chunked: Final[int]
    expecting_100: Final[int]
    eos_sent: Final[int]
    _content_type_set: Final[int]
    _bytes_queued: Final[int]
    hostname: Final[str | None]
    range: Final[str | None]
    content_encoding: Final[str | None]
    vlist_validator: Final[str | None]
    phase: Final[str | None]
    extension: Final[str | None]
    request_time: Final[float]
    mtime: Final[float]
    allowed_xmethods: Final[tuple[str, ...]]
    allowed_methods: Final[tuple[str, ...]]
    content_languages: Final[tuple[str, ...]]
    parsed_uri: Final[_Uri]
    useragent_addr: Final[_Address]
    headers_in: Final[mp_table]
    headers_out: Final[mp_table]
    err_headers_out: Final[mp_table]
    subprocess_env: Final[mp_table]
    notes: Final[mp_table]
    hlist: Final[mp_hlist | None]
    def _read_form(
        self,
        keep_blank_values: object,
        file_callback: Callable[[str], Any] | None,
        field_callback: Callable[[], Any] | None,
        string_field: type[_T],
        /,
    ) -> tuple[tuple[list[_T], dict[str | None, _T]], list[tuple[Any, ...]]]: ...
    def add_cgi_vars(self) -> None: ...
    def add_common_vars(self) -> None: ...
    def add_handler(
        self, phase: str, handler: str | Callable[[mp_request], int], dir: str | None = None, /
    ) -> None: ...
    def add_input_filter(self, name: str, /) -> None: ...
    def add_output_filter(self, name: str, /) -> None: ...
    def allow_methods(self, methods: Sequence[_Text], reset: int = 0, /) -> None: ...
    def auth_name(self) -> str | None: ...
    def auth_type(self) -> str | None: ...
    def build_wsgi_env(self) -> dict[str, Any] | None: ...
    def construct_url(self, uri: str, /) -> str: ...
    def discard_request_body(self) -> int: ...
    def document_root(self) -> str: ...
    def expr(self, expression: str, /) -> bool: ...
    def expr_string(self, expression: str, /) -> str: ...
    def flush(self) -> None: ...
    def get_addhandler_exts(self) -> str: ...
    def get_basic_auth_pw(self) -> str | None: ...
    def get_config(self) -> mp_table: ...
    def get_options(self) -> mp_table: ...
    @overload
    def get_remote_host(self, type: int = 1, str_is_ip: None = None, /) -> str | None: ...
    @overload
    def get_remote_host(self, type: int, str_is_ip: object, /) -> tuple[str, int] | None: ...
    def internal_redirect(self, new_uri: str, /) -> None: ...
    def is_https(self) -> int: ...
    def log_error(self, message: str | None, level: int = 0, /) -> None: ...
    def meets_conditions(self) -> int: ...
    def read(self, len: int = -1, /) -> bytes: ...
    def readline(self, len: int = -1, /) -> bytes: ...
    def readlines(self, sizehint: int = -1, /) -> list[bytes]: ...
    def __iter__(self) -> mp_request: ...
    def __next__(self) -> bytes: ...
    @overload
    def register_cleanup(self, callable: Callable[[None], object], /) -> None: ...
    @overload
    def register_cleanup(self, callable: Callable[[_T], object], data: _T, /) -> None: ...
    def register_input_filter(
        self, name: str, handler: str | Callable[[mp_filter], object], dir: str | None = None, /
    ) -> None: ...
    def register_output_filter(
        self, name: str, handler: str | Callable[[mp_filter], object], dir: str | None = None, /
    ) -> None: ...
    def send_http_header(self) -> None: ...
    def send_interim_response(self, status: int = 103, /) -> None: ...
    def sendfile(self, path: str, offset: int = 0, len: int = -1, /) -> int: ...
    def set_content_length(self, len: int, /) -> None: ...
    def set_etag(self) -> None: ...
    def set_last_modified(self) -> None: ...
    def ssl_var_lookup(self, name: str, /) -> str | None: ...
    def subrequest_file(self, path: str, /) -> mp_subrequest: ...
    def subrequest_uri(self, uri: str, method: str = "GET", /) -> mp_subrequest: ...
    def update_mtime(self, seconds: float, /) -> None: ...
    def _write_page(self, *pieces: Any) -> None: ...
    def _write_page_html(self, *pieces: Any) -> None: ...
    def write(self, data: str | Buffer, flush: int = 1, /) -> None: ...
    def wsgi_start_response(
        self, status: _Text, headers: list[tuple[_Text, _Text]], exc_info: Any = ..., /
    ) -> Callable[[str | Buffer], None]: ...
    # whatever handlers attach: req.form, req.session
    def __getattr__(self, name: str, /) -> Any: ...
    def __setattr__(self, name: str, value: Any, /) -> None: ...
