//! `mp_request`: one HTTP request. The table of all its attributes and methods; what reads and writes the body is in
//! `request_io`, what changes the course of the request in `request_control`.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyTuple;
use pyo3::{Borrowed, IntoPyObjectExt};

use super::held_output;
use super::lease::{Lease, Loan, OfRequest};
use super::multimap::Entries;
use super::native::State;
use super::request_rows::{
    flag, latin1_rw, line_rw, number, number_rw, related, text, text_rw, text_with, texts, time,
    wide,
};
use super::request_state::RequestState;
use super::table::{self, RequestTable, TableObject};
use super::{connection, file_info, handler_list, server};
use crate::apache::status::Status;
use crate::python::Object;
use crate::python::class::{self, Class, Contents, This};
use crate::python::convert::{Text, encode_line};
use crate::python::row::{Arguments, Arity, method, read, read_write};
use crate::python::slot::{iterate, next};

pub struct RequestObject {
    lease: Lease<OfRequest>,
    /// Objects made once for each request object.
    parts: Mutex<Parts>,
}

#[derive(Default)]
struct Parts {
    connection: Option<Py<PyAny>>,
    server: Option<Py<PyAny>>,
    headers_in: Option<Py<PyAny>>,
    headers_out: Option<Py<PyAny>>,
    err_headers_out: Option<Py<PyAny>>,
    subprocess_env: Option<Py<PyAny>>,
    notes: Option<Py<PyAny>>,
    config: Option<Py<PyAny>>,
    options: Option<Py<PyAny>>,
}

pub const REQUEST: Class<RequestObject> = Class::<RequestObject>::new(c"builtins.mp_request")
    .doc(c"One HTTP request. It can be used until the request is over; further attributes may be set on it.")
    .with_dictionary()
    .slots(&[iterate::<RequestObject, _>(itself), next::<RequestObject, _>(super::request_io::next_line)])
    .attributes(&[
        read(c"connection", connection_of, c"mp_conn: the connection the request came over."),
        read(c"server", server_of, c"mp_server: the server (virtual host) that serves the request."),
        related(c"next", |request| request.next(), c"mp_request or None: the request that this one was redirected to."),
        related(c"prev", |request| request.prev(), c"mp_request or None: the request that was redirected to this one."),
        related(c"main", |request| request.main(), c"mp_request or None: for a subrequest, the request it belongs to."),
        text(c"the_request", |request| request.the_request(), c"str: the request line as received."),
        number_rw(c"assbackwards", |request| request.assbackwards(), |request, value| request.set_assbackwards(value), c"int: 1 for an HTTP/0.9 request, whose response has no head."),
        number_rw(c"proxyreq", |request| request.proxyreq(), |request, value| request.set_proxyreq(value), c"int: one of PROXYREQ_*."),
        flag(c"header_only", |request| request.header_only(), c"int: 1 for HEAD."),
        text(c"protocol", |request| request.protocol(), c"str: as in 'HTTP/1.1'."),
        number(c"proto_num", |request| request.proto_num(), c"int: major version * 1000 + minor version."),
        text(c"hostname", |request| request.hostname(), c"str or None: host, from the URI or the Host header."),
        time(c"request_time", |request| request.request_time(), c"float: when the request began, seconds since 1970."),
        line_rw(c"status_line", |request| request.status_line(), |request, value| request.set_status_line(value), c"str or None: status line; used only when it starts with the number that `status` has."),
        read_write(c"status", status, set_status, c"int: status of the response."),
        text(c"method", |request| request.method(), c"str: method, as the client sent it."),
        number(c"method_number", |request| request.method_number(), c"int: one of M_*; GET for HEAD."),
        wide(c"allowed", |request| request.allowed(), c"int: bit mask (1 << M_*) of the methods that allow_methods() allowed."),
        texts(c"allowed_xmethods", |request| request.allowed_xmethods(), c"tuple of str: further allowed methods."),
        texts(c"allowed_methods", |request| request.allowed_methods(), c"tuple of str: allowed methods, by name."),
        wide(c"sent_bodyct", |request| request.sent_bodyct(), c"int: not 0 once the body of the response has begun."),
        wide(c"bytes_sent", |request| request.bytes_sent(), c"int: bytes of the response's body that were sent."),
        time(c"mtime", |request| request.mtime(), c"float: modification time of the resource, seconds since 1970."),
        number_rw(c"chunked", |request| request.chunked(), |request, value| request.set_chunked(value), c"int: 1 when the response is sent in chunks."),
        text(c"range", |request| request.range(), c"str or None: httpd's range field."),
        wide(c"clength", |request| request.clength(), c"int: content length of the response, bytes."),
        wide(c"remaining", |request| request.remaining(), c"int: bytes of the request's body still to read."),
        wide(c"read_length", |request| request.read_length(), c"int: bytes of the request's body read so far."),
        number(c"read_body", |request| request.read_body(), c"int: one of REQUEST_*: how the body is read."),
        number(c"read_chunked", |request| request.read_chunked(), c"int: 1 when the request's body comes in chunks."),
        flag(c"expecting_100", |request| request.expecting_100(), c"int: 1 while the client waits for 100 Continue."),
        text_with(c"content_type", |request| request.content_type(), set_content_type, c"str or None: media type of the response."),
        texts(c"content_languages", |request| request.content_languages(), c"tuple of str: languages of the response."),
        text_rw(c"handler", |request| request.handler(), |request, value| request.set_handler(value), c"str or None: content handler."),
        text(c"content_encoding", |request| request.content_encoding(), c"str or None: encoding of the response."),
        text(c"vlist_validator", |request| request.vlist_validator(), c"str or None: validator of a negotiated variant."),
        latin1_rw(c"user", |request| request.user(), |request, value| request.set_user(value), c"str or None: authenticated user (Latin-1)."),
        text_rw(c"ap_auth_type", |request| request.ap_auth_type(), |request, value| request.set_ap_auth_type(value), c"str or None: how the user was authenticated."),
        number_rw(c"no_cache", |request| request.no_cache(), |request, value| request.set_no_cache(value), c"int: 1 when the response must not be cached."),
        number_rw(c"no_local_copy", |request| request.no_local_copy(), |request, value| request.set_no_local_copy(value), c"int: 1 when no copy of the resource exists here."),
        text(c"unparsed_uri", |request| request.unparsed_uri(), c"str: URI as received, with its query."),
        text_with(c"uri", |request| request.uri(), set_uri, c"str: path of the URI, decoded."),
        line_rw(c"filename", |request| request.filename(), |request, value| request.set_filename(value), c"str or None: file the URI was mapped to."),
        line_rw(c"canonical_filename", |request| request.canonical_filename(), |request, value| request.set_canonical_filename(value), c"str or None: true name of that file."),
        line_rw(c"path_info", |request| request.path_info(), |request, value| request.set_path_info(value), c"str or None: what follows the file in the URI."),
        line_rw(c"args", |request| request.args(), |request, value| request.set_args(value), c"str or None: query of the URI, as received."),
        read_write(c"finfo", finfo, set_finfo, c"mp_finfo: what httpd knows of the file."),
        read(c"parsed_uri", parsed_uri, c"tuple: the URI's parts in the order of apache.URI_*; the port is an int or None."),
        number_rw(c"used_path_info", |request| request.used_path_info(), |request, value| request.set_used_path_info(value), c"int: one of AP_REQ_*_PATH_INFO."),
        flag(c"eos_sent", |request| request.eos_sent(), c"int: 1 when the response is complete."),
        read(c"useragent_addr", useragent_addr, c"(str, int): address and port of the user agent, as mod_remoteip for example sets it."),
        text(c"useragent_ip", |request| request.useragent_ip(), c"str: address of the user agent."),
        read(c"headers_in", headers_in, c"mp_table: headers of the request."),
        read(c"headers_out", headers_out, c"mp_table: headers of the response."),
        read(c"err_headers_out", err_headers_out, c"mp_table: headers that also go out with an error response."),
        read(c"subprocess_env", subprocess_env, c"mp_table: environment variables (SetEnv, CGI)."),
        read(c"notes", notes, c"mp_table: notes of modules for one another."),
        read(c"phase", phase, c"str or None: directive of the phase that runs."),
        read(c"interpreter", interpreter, c"str: name of the interpreter that runs this."),
        read(c"extension", extension, c"str or None: file name extension the handler list was found by."),
        read(c"hlist", hlist, c"mp_hlist or None: handlers of the current phase."),
        read_write(c"log", super::logging::request_log, super::logging::set_request_log, c"logging.LoggerAdapter: writes to httpd's error log, at all of httpd's levels, with the client's address."),
        read(c"_content_type_set", content_type_set, c"int: 1 once content_type was assigned."),
        read(c"_bytes_queued", bytes_queued, c"int: bytes given to write() and sendfile() so far."),
    ])
    .methods(&[
        method(c"add_cgi_vars", super::request_control::add_cgi_vars, Arity(0, 0), c"add_cgi_vars()\n--\n\nPut the CGI variables (RFC 3875) into subprocess_env."),
        method(c"add_common_vars", super::request_control::add_common_vars, Arity(0, 0), c"add_common_vars()\n--\n\nPut the variables common to CGI and server-side includes into subprocess_env."),
        method(c"add_handler", super::request_control::add_handler, Arity(2, 3), c"add_handler(phase, handler, dir=None)\n--\n\nAppend a handler, as in a directive or something to call with the request, to the list of a phase for this request; 'PythonFixupHandler @late' is the list of those that are late. Raises IndexError for a name that is no phase."),
        method(c"add_input_filter", super::own_filter::add_input_filter, Arity(1, 1), c"add_input_filter(name)\n--\n\nPut a filter between the client and what reads the body."),
        method(c"add_output_filter", super::own_filter::add_output_filter, Arity(1, 1), c"add_output_filter(name)\n--\n\nPut a filter between what is written from now on and the client."),
        method(c"allow_methods", super::request_control::allow_methods, Arity(1, 2), c"allow_methods(methods, reset=0)\n--\n\nAdd to the methods that an Allow header names, or set them."),
        method(c"auth_name", super::request_control::auth_name, Arity(0, 0), c"auth_name()\n--\n\nAuthName in force, or None."),
        method(c"auth_type", super::request_control::auth_type, Arity(0, 0), c"auth_type()\n--\n\nAuthType in force, or None."),
        method(c"build_wsgi_env", super::request_wsgi::build_wsgi_env, Arity(0, 0), c"build_wsgi_env()\n--\n\nThe WSGI environment (PEP 3333), or None when the URI is outside of mod_python.wsgi.base_uri."),
        method(c"construct_url", super::request_control::construct_url, Arity(1, 1), c"construct_url(uri)\n--\n\nFull URL of a path on this server."),
        method(c"discard_request_body", super::request_io::discard_request_body, Arity(0, 0), c"discard_request_body()\n--\n\nRead the rest of the body and forget it. Returns OK or an HTTP status."),
        method(c"document_root", super::request_control::document_root, Arity(0, 0), c"document_root()\n--\n\nDocumentRoot in force."),
        method(c"expr", super::request_control::expr, Arity(1, 1), c"expr(expression)\n--\n\nWhether a condition in httpd's expression syntax, as in <If>, holds for this request. Raises ValueError for what is no expression."),
        method(c"expr_string", super::request_control::expr_string, Arity(1, 1), c"expr_string(expression)\n--\n\nThe text that a string of httpd's expression syntax, with %{...} in it, becomes for this request. Raises ValueError."),
        method(c"flush", super::request_io::flush, Arity(0, 0), c"flush()\n--\n\nSend what was written. Raises OSError when the client is gone."),
        method(c"get_addhandler_exts", super::request_control::addhandler_exts, Arity(0, 0), c"get_addhandler_exts()\n--\n\nExtensions that AddHandler maps to mod_python, each followed by a blank."),
        method(c"get_basic_auth_pw", super::request_control::basic_auth_pw, Arity(0, 0), c"get_basic_auth_pw()\n--\n\nPassword of Basic credentials (Latin-1), or None. Sets user."),
        method(c"get_config", config, Arity(0, 0), c"get_config()\n--\n\nTable of the mod_python directives in force for this request."),
        method(c"get_options", options, Arity(0, 0), c"get_options()\n--\n\nTable of the PythonOptions in force for this request."),
        method(c"get_remote_host", super::request_control::remote_host, Arity(0, 2), c"get_remote_host(type=REMOTE_NAME, str_is_ip=None)\n--\n\nName or address of the client; with str_is_ip, a pair that says whether it is an address."),
        method(c"internal_redirect", super::request_control::internal_redirect, Arity(1, 1), c"internal_redirect(new_uri)\n--\n\nServe another URI of this server instead."),
        method(c"is_https", super::request_control::is_https, Arity(0, 0), c"is_https()\n--\n\n1 when mod_ssl serves the connection, else 0."),
        method(c"log_error", super::request_control::log_error, Arity(1, 2), c"log_error(message, level=APLOG_ERR)\n--\n\nWrite a line to the error log, with the client's address."),
        method(c"meets_conditions", super::request_control::meets_conditions, Arity(0, 0), c"meets_conditions()\n--\n\nOK, or the status that the request's conditional headers ask for."),
        method(c"read", super::request_io::read, Arity(0, 1), c"read(len=-1)\n--\n\nbytes of the body: all that is left, or at most len. b'' at the end. Raises OSError when the client does not send it."),
        method(c"_read_form", super::form::read_form, Arity(4, 4), c"_read_form(keep_blank_values, file_callback, field_callback, string_field)\n--\n\nThe fields of query and body for mod_python.util: a list and a dict of those of the class, and a list of tuples, the parts."),
        method(c"readline", super::request_io::readline, Arity(0, 1), c"readline(len=-1)\n--\n\nOne line of the body with its newline, or at most len bytes of it."),
        method(c"readlines", super::request_io::readlines, Arity(0, 1), c"readlines(sizehint=-1)\n--\n\nList of the body's lines, as many as make up sizehint bytes."),
        method(c"register_cleanup", super::request_control::register_cleanup, Arity(1, 2), c"register_cleanup(callable, data=None)\n--\n\nCall callable(data) when the request is over."),
        method(c"register_input_filter", super::own_filter::register_input_filter, Arity(2, 3), c"register_input_filter(name, handler, dir=None)\n--\n\nName an input filter that only this request can add: a handler as in a directive, or something to call with the filter."),
        method(c"register_output_filter", super::own_filter::register_output_filter, Arity(2, 3), c"register_output_filter(name, handler, dir=None)\n--\n\nName an output filter that only this request can add: a handler as in a directive, or something to call with the filter."),
        method(c"send_http_header", super::request_control::send_http_header, Arity(0, 0), c"send_http_header()\n--\n\nDoes nothing: the head goes out with the first byte of the body."),
        method(c"send_interim_response", super::request_control::send_interim_response, Arity(0, 1), c"send_interim_response(status=103)\n--\n\nSend an interim response, such as 103 Early Hints with the headers of headers_out, which stay for the response itself. Raises ValueError for another status than 1xx, and when the response has begun."),
        method(c"sendfile", super::request_io::sendfile, Arity(1, 3), c"sendfile(path, offset=0, len=-1)\n--\n\nSend a file or a part of it. Returns the number of bytes. Raises OSError, or ValueError for an impossible range."),
        method(c"set_content_length", super::request_io::set_content_length, Arity(1, 1), c"set_content_length(len)\n--\n\nSet the Content-Length of the response, bytes."),
        method(c"set_etag", super::request_control::set_etag, Arity(0, 0), c"set_etag()\n--\n\nSet the ETag header from finfo."),
        method(c"set_last_modified", super::request_control::set_last_modified, Arity(0, 0), c"set_last_modified()\n--\n\nSet the Last-Modified header from mtime."),
        method(c"ssl_var_lookup", super::request_control::ssl_var_lookup, Arity(1, 1), c"ssl_var_lookup(name)\n--\n\nA variable of mod_ssl, or None."),
        method(c"subrequest_file", super::subrequest::subrequest_file, Arity(1, 1), c"subrequest_file(path)\n--\n\nmp_subrequest of a file, looked up by path, or by name beside this request's own file."),
        method(c"subrequest_uri", super::subrequest::subrequest_uri, Arity(1, 2), c"subrequest_uri(uri, method='GET')\n--\n\nmp_subrequest of another URI of this server, looked up."),
        method(c"update_mtime", super::request_control::update_mtime, Arity(1, 1), c"update_mtime(seconds)\n--\n\nSet mtime, unless it is later already."),
        method(c"_write_page", super::psp_output::write, Arity(0, u8::MAX), c"_write_page(*pieces)\n--\n\nWrite what a page consists of: a text, then a value, as str() shows it, and a text in turn."),
        method(c"_write_page_html", super::psp_output::write_html, Arity(0, u8::MAX), c"_write_page_html(*pieces)\n--\n\nAs _write_page; in the values, what HTML gives a meaning is escaped, but for what a value's method __html__ returns."),
        method(c"write", super::request_io::write, Arity(1, 2), c"write(data, flush=1)\n--\n\nSend str (as UTF-8) or bytes to the client, at once unless flush is 0. Raises OSError when the client is gone."),
        method(
            c"wsgi_start_response",
            super::request_wsgi::start_response,
            Arity(2, 3),
            c"wsgi_start_response(status, headers, exc_info=None)\n--\n\nstart_response of PEP 3333. Returns write.",
        ),
    ]);

impl Contents for RequestObject {}

/// `self` of a request's function.
pub type Req<'a, 'py> = This<'a, 'py, RequestObject>;

/// # Errors
/// `MemoryError`.
pub fn instantiate<'py>(
    py: Python<'py>,
    state: &State,
    lease: Lease<OfRequest>,
) -> PyResult<Object<'py>> {
    class::instantiate(
        state.request.bind(py),
        RequestObject { lease, parts: Mutex::new(Parts::default()) },
    )
}

/// The lease of a request object; None for another object.
pub fn lease_of<'a>(
    object: Borrowed<'a, '_, PyAny>,
    state: &State,
) -> Option<&'a Lease<OfRequest>> {
    class::contents::<RequestObject>(object, state.request.bind(object.py()))
        .map(|object| &object.lease)
}

/// The request behind `this`, for the length of a call.
///
/// # Errors
/// `RuntimeError` when the request is over.
pub fn loan<'a>(this: Req<'a, '_>) -> PyResult<Loan<'a, OfRequest>> {
    this.contents().lease.borrow(this.py())
}

/// The request, to send something on it, after what a page that runs has written.
///
/// # Errors
/// As [`output_now`]; `OSError` when the client is gone.
pub fn output<'a>(this: Req<'a, '_>) -> PyResult<Loan<'a, OfRequest>> {
    let request = output_now(this)?;
    held_output::send(this.py(), *request, RequestState::of(*request))?;
    Ok(request)
}

/// The request, to send something on it.
///
/// # Errors
/// `RuntimeError` when the request or its response is over, and in a tag of its page.
pub fn output_now<'a>(this: Req<'a, '_>) -> PyResult<Loan<'a, OfRequest>> {
    let request = loan(this)?;
    RequestState::of(*request).refuse_sending()?;
    Ok(request)
}

/// The lines of the request's body: PEP 3333 wants `wsgi.input`, which a request may be, to have them.
fn itself<'py>(this: Req<'_, 'py>) -> PyResult<Object<'py>> {
    Ok(this.object().to_owned())
}

fn status(this: Req<'_, '_>) -> PyResult<i32> {
    Ok(loan(this)?.status().0)
}

fn set_status(this: Req<'_, '_>, value: Borrowed<'_, '_, PyAny>, _name: &str) -> PyResult<()> {
    let value: i32 = value.extract()?;
    loan(this)?.set_status(Status(value));
    Ok(())
}

fn set_content_type(
    this: Req<'_, '_>,
    value: Borrowed<'_, '_, PyAny>,
    _name: &str,
) -> PyResult<()> {
    let encoded = encode_line(value, "content_type")?;
    let request = loan(this)?;
    request.set_content_type(encoded.as_bytes());
    RequestState::of(*request).content_type_set.set(true);
    Ok(())
}

fn set_uri(this: Req<'_, '_>, value: Borrowed<'_, '_, PyAny>, _name: &str) -> PyResult<()> {
    let encoded = encode_line(value, "uri")?;
    loan(this)?.set_uri(encoded.as_bytes());
    Ok(())
}

fn finfo<'py>(this: Req<'_, 'py>) -> PyResult<Object<'py>> {
    file_info::instantiate(this.py(), State::of(this.object())?, loan(this)?.finfo())
}

fn set_finfo(this: Req<'_, '_>, value: Borrowed<'_, '_, PyAny>, _name: &str) -> PyResult<()> {
    let info = file_info::info_of(value, State::of(this.object())?)?;
    loan(this)?.set_finfo(info);
    Ok(())
}

fn parsed_uri<'py>(this: Req<'_, 'py>) -> PyResult<Object<'py>> {
    let request = loan(this)?;
    let uri = request.parsed_uri();
    let before = (uri.scheme, uri.hostinfo, uri.user, uri.password, uri.hostname);
    let text = |part: Option<&[u8]>| part.map(Text).into_bound_py_any(this.py());
    let parts = [
        text(before.0)?,
        text(before.1)?,
        text(before.2)?,
        text(before.3)?,
        text(before.4)?,
        uri.port.into_bound_py_any(this.py())?,
        text(uri.path)?,
        text(uri.query)?,
        text(uri.fragment)?,
    ];
    Ok(PyTuple::new(this.py(), parts)?.into_any())
}

fn useragent_addr<'py>(this: Req<'_, 'py>) -> PyResult<Object<'py>> {
    connection::address(this.py(), loan(this)?.useragent_address())
}

/// A part of the object that is made at first use and then kept.
fn part<'py>(
    this: Req<'_, 'py>,
    slot: fn(&mut Parts) -> &mut Option<Py<PyAny>>,
    make: impl FnOnce(&'static State) -> PyResult<Object<'py>>,
) -> PyResult<Object<'py>> {
    if let Some(known) = slot(&mut this.parts.lock()) {
        return Ok(known.bind(this.py()).clone());
    }
    let made = make(State::of(this.object())?)?;
    *slot(&mut this.parts.lock()) = Some(made.clone().unbind());
    Ok(made)
}

fn connection_of<'py>(this: Req<'_, 'py>) -> PyResult<Object<'py>> {
    let request = loan(this)?;
    part(
        this,
        |parts| &mut parts.connection,
        |state| connection::instantiate(this.py(), state, request.connection()),
    )
}

fn server_of<'py>(this: Req<'_, 'py>) -> PyResult<Object<'py>> {
    let request = loan(this)?;
    part(
        this,
        |parts| &mut parts.server,
        |state| server::instantiate(this.py(), state, request.server()),
    )
}

fn table<'py>(
    this: Req<'_, 'py>,
    slot: fn(&mut Parts) -> &mut Option<Py<PyAny>>,
    which: RequestTable,
) -> PyResult<Object<'py>> {
    drop(loan(this)?);
    part(this, slot, |state| {
        table::instantiate(this.py(), state, TableObject::of_request(this.lease.clone(), which))
    })
}

fn headers_in<'py>(this: Req<'_, 'py>) -> PyResult<Object<'py>> {
    table(this, |parts| &mut parts.headers_in, RequestTable::HEADERS_IN)
}

fn headers_out<'py>(this: Req<'_, 'py>) -> PyResult<Object<'py>> {
    table(this, |parts| &mut parts.headers_out, RequestTable::HEADERS_OUT)
}

fn err_headers_out<'py>(this: Req<'_, 'py>) -> PyResult<Object<'py>> {
    table(this, |parts| &mut parts.err_headers_out, RequestTable::ERR_HEADERS_OUT)
}

fn subprocess_env<'py>(this: Req<'_, 'py>) -> PyResult<Object<'py>> {
    table(this, |parts| &mut parts.subprocess_env, RequestTable::SUBPROCESS_ENV)
}

fn notes<'py>(this: Req<'_, 'py>) -> PyResult<Object<'py>> {
    table(this, |parts| &mut parts.notes, RequestTable::NOTES)
}

/// The directives in force now. The same object each time; what Python changes in it is seen in this request only.
fn config<'py>(this: Req<'_, 'py>, _arguments: Arguments<'_, 'py>) -> PyResult<Object<'py>> {
    let request = loan(this)?;
    let entries = super::settings_of(*request).map_or_else(Vec::new, server::directive_entries);
    let view = &RequestState::of(*request).extras().config;
    let shown = view.borrow_mut().get_or_insert_default().update(entries);
    view_object(this, |parts| &mut parts.config, shown)
}

/// The options in force now; as for `config`.
fn options<'py>(this: Req<'_, 'py>, _arguments: Arguments<'_, 'py>) -> PyResult<Object<'py>> {
    let request = loan(this)?;
    let entries = super::settings_of(*request).map_or_else(Vec::new, server::option_entries);
    let view = &RequestState::of(*request).extras().options;
    let shown = view.borrow_mut().get_or_insert_default().update(entries);
    view_object(this, |parts| &mut parts.options, shown)
}

fn view_object<'py>(
    this: Req<'_, 'py>,
    slot: fn(&mut Parts) -> &mut Option<Py<PyAny>>,
    shown: Arc<Mutex<Entries>>,
) -> PyResult<Object<'py>> {
    part(this, slot, |state| table::instantiate(this.py(), state, TableObject::shared(shown)))
}

fn phase(this: Req<'_, '_>) -> PyResult<Option<&'static str>> {
    let request = loan(this)?;
    Ok(RequestState::of(*request).phase.get().map(super::phase_name))
}

fn interpreter(this: Req<'_, '_>) -> PyResult<&'static str> {
    loan(this)?;
    Ok(State::of(this.object())?.interpreter.name())
}

fn extension<'py>(this: Req<'_, 'py>) -> PyResult<Option<Object<'py>>> {
    let request = loan(this)?;
    let extension = RequestState::of(*request).extension.borrow();
    extension.as_deref().map(|extension| Text(extension).into_pyobject(this.py())).transpose()
}

fn hlist<'py>(this: Req<'_, 'py>) -> PyResult<Option<Object<'py>>> {
    let request = loan(this)?;
    let cursor = RequestState::of(*request).cursor.borrow().clone();
    let state = State::of(this.object())?;
    cursor.map(|cursor| handler_list::instantiate(this.py(), state, cursor)).transpose()
}

fn content_type_set(this: Req<'_, '_>) -> PyResult<i32> {
    Ok(i32::from(RequestState::of(*loan(this)?).content_type_set.get()))
}

fn bytes_queued(this: Req<'_, '_>) -> PyResult<u64> {
    Ok(RequestState::of(*loan(this)?).bytes_queued.get())
}

/// A C `long` from Python, or an error that names the argument.
pub fn integer(value: Borrowed<'_, '_, PyAny>, what: &str) -> PyResult<i64> {
    value.extract::<i64>().map_err(|error| {
        if error.is_instance_of::<PyOverflowError>(value.py()) {
            return error;
        }
        PyTypeError::new_err(format!("{what} must be an integer"))
    })
}
