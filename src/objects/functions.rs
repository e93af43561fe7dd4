//! The functions of `_apache`.

use std::os::unix::ffi::OsStrExt;

use pyo3::exceptions::{PyOSError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyString, PyTuple};
use pyo3::{Borrowed, IntoPyObjectExt};

use super::native::State;
use super::request_io::os_error;
use super::{
    cleanup, cookies, file_info, locks, logging, private_file, psp_run, psp_source, request_wsgi,
    server, signature,
};
use crate::apache::file_info::FileInfo;
use crate::apache::log::{self, Level, Target};
use crate::apache::process::{self, Directive};
use crate::apache::runtime_directory;
use crate::apache::server::Server;
use crate::forms::header::Header;
use crate::forms::urlencoded::{Pairs, Separator};
use crate::python::Object;
use crate::python::convert::{
    Data, Octets, Text, encode, encode_path, encode_without_nul, type_name,
};
use crate::python::row::{Arguments, Arity, Method, function};
use crate::python::{code, interpreter, module, thread};

type Module<'a, 'py> = Borrowed<'a, 'py, PyAny>;

pub const FUNCTIONS: &[Method] = &[
    function(c"log_error", log_error, Arity(1, 3), c"log_error(message, level=APLOG_ERR, server=None)\n--\n\nWrite a line to the error log of a server, the main one if none is given."),
    function(c"log_line", logging::log_line, Arity(2, 5), c"log_line(message, level, target=None, file=None, line=0)\n--\n\nWrite a line to the error log of a request, connection or server, or of whichever of them httpd is asking about on this thread, with the file and line that it comes from."),
    function(c"log_enabled", logging::log_enabled, Arity(1, 2), c"log_enabled(level, target=None)\n--\n\nWhether LogLevel lets a line of this level into the log."),
    function(c"config_tree", config_tree, Arity(0, 0), c"config_tree()\n--\n\nhttpd's configuration as a list of (directive, arguments); a section is followed by the list of what is in it."),
    function(c"server_root", server_root, Arity(0, 0), c"server_root()\n--\n\nServerRoot."),
    function(c"mpm_query", mpm_query, Arity(1, 1), c"mpm_query(code)\n--\n\nA property of the MPM, by one of AP_MPMQ_*. AP_MPMQ_NOT_SUPPORTED for what it does not know."),
    function(c"exists_config_define", exists_config_define, Arity(1, 1), c"exists_config_define(name)\n--\n\nWhether httpd was started with -D name, or the configuration has Define name."),
    function(c"stat", stat, Arity(2, 2), c"stat(fname, wanted)\n--\n\nmp_finfo of a file; wanted is a sum of APR_FINFO_*. A missing file has filetype APR_NOFILE. Raises OSError."),
    function(c"register_cleanup", register_cleanup, Arity(3, 4), c"register_cleanup(interpreter, server, callable, data=None)\n--\n\nCall callable(data) when the process ends."),
    function(c"parse_qs", parse_qs, Arity(1, 3), c"parse_qs(qs, keep_blank_values=0, strict_parsing=0)\n--\n\nDict of the keys of a query string, with the list of values of each."),
    function(c"parse_qsl", parse_qsl, Arity(1, 3), c"parse_qsl(qs, keep_blank_values=0, strict_parsing=0)\n--\n\nList of the (key, value) of a query string."),
    function(c"parse_header", parse_header, Arity(1, 1), c"parse_header(line)\n--\n\nValue of a header in lower case, and dict of its parameters."),
    function(c"parse_cookies", cookies::parse_cookies, Arity(1, 3), c"parse_cookies(header, name=None, merged=0)\n--\n\nList of the (name, value) of a Cookie header, or of those with one name. With `merged`, of several headers that httpd has joined."),
    function(c"cookie_pair", cookies::cookie_pair, Arity(2, 2), c"cookie_pair(name, value)\n--\n\n`name=value`, or None where RFC 6265 lets no server send that."),
    function(c"hmac_sha256", signature::hmac_sha256, Arity(2, 2), c"hmac_sha256(key, message)\n--\n\nHMAC-SHA-256 (RFC 2104) of a message: 32 bytes. Key and message are str (as UTF-8) or bytes."),
    function(c"private_directory", private_directory, Arity(0, 0), c"private_directory()\n--\n\nThe directory in httpd's runtime directory that only the server's user may read or write. Raises OSError, saying why there is none."),
    function(c"read_file", private_file::read_file, Arity(1, 1), c"read_file(path)\n--\n\nbytes of a file; None if there is none. A link is not followed. Raises OSError."),
    function(c"replace_file", private_file::replace_file, Arity(3, 3), c"replace_file(path, data, is_locked)\n--\n\nPut a new file in the place of one, or of none, for the server's user only: whoever looks sees the one or the other. Who `is_locked`, so that nobody else writes it now, writes to the file before last, which stays beside it as `PATH.spare`. A link is not followed. Raises OSError."),
    function(c"_request_lock", locks::lock_for_request, Arity(2, 2), c"_request_lock(req, key)\n--\n\nWait for the lock of a key, for a request and all it leads to; what they have already is theirs once more. The lock is free again when it was given back as often, and at the end of the request at the latest."),
    function(c"_request_unlock", locks::unlock_for_request, Arity(2, 2), c"_request_unlock(req, key)\n--\n\nGive the lock back. Does nothing when the request does not have it."),
    function(c"_file_stamp", super::file_stamp::file_stamp, Arity(1, 1), c"_file_stamp(path)\n--\n\nPath, modification time (ns), size and inode of a regular file, or None if there is none. Raises OSError."),
    function(c"_global_lock", locks::lock, Arity(2, 3), c"_global_lock(server, key, index=-1)\n--\n\nWait for the lock of a key, or of an index. All processes of the server share it, and it is free again when its holder dies."),
    function(c"_global_trylock", locks::try_lock, Arity(2, 3), c"_global_trylock(server, key, index=-1)\n--\n\nTake the lock if it is free. Returns whether it was."),
    function(c"_global_unlock", locks::unlock, Arity(2, 3), c"_global_unlock(server, key, index=-1)\n--\n\nGive the lock back. Raises ValueError when this thread does not hold it."),
    function(c"psp_handler", psp_run::handler, Arity(1, 1), c"psp_handler(req)\n--\n\nThe content handler of Python Server Pages: run the page that the request was mapped to."),
    function(c"_psp_page", psp_run::page, Arity(2, 2), c"_psp_page(filename, any_request)\n--\n\nThe compiled page of a file, for requests of any make or for mp_request. Raises SERVER_RETURN, OSError, SyntaxError."),
    function(c"_psp_run", psp_run::run_page, Arity(3, 3), c"_psp_run(req, code, globals)\n--\n\nRun a page's code; what it writes is held back until it is done."),
    function(c"_psp_source", psp_source::source, Arity(4, 4), c"_psp_source(name, source, directory, style)\n--\n\nPython source of a template: of `source` (bytes), or of the file `name`. Fragments are looked for in `directory`. Returns the source, a tuple of (path, modification time in ns, size, inode) for each file that was read, and a tuple of (line of the source, index of its file, line of that). Raises OSError, SyntaxError."),
    function(c"serve_wsgi", request_wsgi::serve, Arity(1, 1), c"serve_wsgi(req)\n--\n\nAnswer the request with the WSGI application that its PythonOptions name. Returns OK, DECLINED or an HTTP status."),
    function(c"_compile", compile, Arity(2, 2), c"_compile(source, file)\n--\n\nThe code object of a module's source (bytes or str, UTF-8 unless it says otherwise), which tracebacks say is in `file`. Raises SyntaxError; ValueError or SyntaxError for a NUL."),
    function(c"may_fork", may_fork, Arity(0, 0), c"may_fork()\n--\n\nWhether the main interpreter is the only one of this process."),
    function(c"handlers_changed", handlers_changed, Arity(0, 0), c"handlers_changed()\n--\n\nForget what handlers resolve to: their modules have changed."),
    function(c"modules_reloaded", modules_reloaded, Arity(1, 1), c"modules_reloaded(count)\n--\n\nCount modules that are about to be imported anew, for the status page."),
];

/// The level of a number that Python code gives: 0 (or none) is the error level, what is out of range becomes the nearest.
#[must_use]
pub fn log_level(number: i64) -> Level {
    match number {
        ..=0 => Level::Error,
        number => Level::from_number(number).unwrap_or(Level::Trace8),
    }
}

fn compile<'py>(_module: Module<'_, 'py>, arguments: Arguments<'_, 'py>) -> PyResult<Object<'py>> {
    let source = Data::from_object(arguments.required(0)?)?;
    code::compile(source.as_bytes(), &arguments.required(1)?.to_owned())
}

fn may_fork(_module: Module<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<bool> {
    Ok(!interpreter::is_one_of_several())
}

fn log_error(module: Module<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let message = arguments.required(0)?;
    if message.is_none() {
        return Ok(());
    }
    if !message.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(format!(
            "message must be str, not {}",
            type_name(message)
        )));
    }
    let text = encode(message, "message")?;
    let level = log_level(arguments.integer(1, 0)?);
    let server = match arguments.some(2) {
        None => Server::main(),
        Some(object) => Some(
            server::server_of(object)?
                .ok_or_else(|| PyTypeError::new_err("server must be an mp_server object"))?,
        ),
    };
    let target = server.map_or(Target::Process, Target::Server);
    thread::detach(module.py(), || log::log(target, level, text.as_bytes()));
    Ok(())
}

fn config_tree<'py>(
    module: Module<'_, 'py>,
    _arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyList>> {
    directives(module.py(), process::config_tree())
}

fn directives<'py>(py: Python<'py>, first: Option<Directive>) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    let mut next = first;
    while let Some(directive) = next {
        list.append((Text(directive.name()), Text(directive.args())))?;
        if let Some(child) = directive.first_child() {
            list.append(directives(py, Some(child))?)?;
        }
        next = directive.next();
    }
    Ok(list)
}

fn server_root<'py>(
    module: Module<'_, 'py>,
    _arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    process::server_root().map(Text).into_bound_py_any(module.py())
}

fn private_directory<'py>(
    module: Module<'_, 'py>,
    _arguments: Arguments<'_, 'py>,
) -> PyResult<Object<'py>> {
    let path = runtime_directory::private().map_err(PyOSError::new_err)?;
    Text(path.as_os_str().as_bytes()).into_bound_py_any(module.py())
}

fn mpm_query(_module: Module<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<i32> {
    let code: i32 = arguments.required(0)?.extract()?;
    Ok(process::mpm_query(code).unwrap_or(0))
}

fn exists_config_define(_module: Module<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<bool> {
    let name = encode_without_nul(arguments.required(0)?, "name")?;
    Ok(process::exists_config_define(name.as_bytes()))
}

fn stat<'py>(module: Module<'_, 'py>, arguments: Arguments<'_, 'py>) -> PyResult<Object<'py>> {
    let py = module.py();
    let path = encode_path(arguments.required(0)?, "fname")?;
    let wanted = i32::try_from(arguments.integer(1, 0)?)
        .map_err(|_| PyValueError::new_err("wanted must be a sum of APR_FINFO_*"))?;
    let found = thread::detach(py, || FileInfo::of(path.as_bytes(), wanted));
    let info = match found {
        Ok(info) => info,
        Err(error) if error.is_not_found() => {
            FileInfo { fname: Some(path.as_bytes().to_vec()), ..FileInfo::default() }
        }
        Err(error) => {
            let shown = String::from_utf8_lossy(path.as_bytes()).into_owned();
            return Err(os_error(error.0, &format!("could not stat '{shown}': {error}")));
        }
    };
    file_info::instantiate(py, State::current(py)?, info)
}

fn register_cleanup(module: Module<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let state = State::current(module.py())?;
    let name = encode(arguments.required(0)?, "interpreter")?;
    if name.as_bytes() != state.interpreter.name().as_bytes() {
        return Err(PyValueError::new_err(
            "a cleanup can only be registered for the interpreter that runs",
        ));
    }
    if server::server_of(arguments.required(1)?)?.is_none() {
        return Err(PyValueError::new_err("server must be an mp_server object"));
    }
    cleanup::register(state, arguments.required(2)?, arguments.optional(3))
}

/// The pairs of a query string, as objects of the string's own kind.
fn pairs<'py>(arguments: Arguments<'_, 'py>) -> PyResult<Vec<(Object<'py>, Object<'py>)>> {
    let (py, source) = (arguments.py(), arguments.required(0)?);
    let (is_bytes, encoded) = (source.is_instance_of::<PyBytes>(), encode(source, "qs")?);
    let keep_blank = arguments.optional(1).map_or(Ok(false), |keep| keep.is_truthy())?;
    let object = |bytes: &[u8]| {
        if is_bytes {
            Octets(bytes).into_bound_py_any(py)
        } else {
            Text(bytes).into_bound_py_any(py)
        }
    };
    Pairs::of(encoded.as_bytes(), Separator::Ampersand, keep_blank)
        .iter()
        .map(|(key, value)| Ok((object(key)?, object(value)?)))
        .collect()
}

fn parse_qs<'py>(
    _module: Module<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyDict>> {
    let values = PyDict::new(arguments.py());
    for (key, value) in pairs(arguments)? {
        match values.get_item(&key)? {
            Some(list) => list.cast_into::<PyList>()?.append(value)?,
            None => values.set_item(key, [value])?,
        }
    }
    Ok(values)
}

fn parse_qsl<'py>(
    _module: Module<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyList>> {
    let pairs = pairs(arguments)?;
    let tuples = pairs.into_iter().map(|(key, value)| PyTuple::new(arguments.py(), [key, value]));
    PyList::new(arguments.py(), tuples.collect::<PyResult<Vec<_>>>()?)
}

/// The value and the parameters of a header line, as `str`, in whatever it is given.
fn parse_header<'py>(
    _module: Module<'_, 'py>,
    arguments: Arguments<'_, 'py>,
) -> PyResult<Bound<'py, PyTuple>> {
    let py = arguments.py();
    let line = encode(arguments.required(0)?, "line")?;
    let header = Header::parse(line.as_bytes());
    let parameters = PyDict::new(py);
    for (name, value) in &header.parameters {
        parameters.set_item(Text(name), Text(value))?;
    }
    PyTuple::new(py, [Text(&header.value).into_bound_py_any(py)?, parameters.into_any()])
}

/// The extensions that the configuration maps to one of our content handlers with `AddHandler`.
pub fn handler_extensions() -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    let mut waiting = Vec::from_iter(process::config_tree());
    while let Some(directive) = waiting.pop() {
        waiting.extend(directive.next());
        waiting.extend(directive.first_child());
        if !directive.name().eq_ignore_ascii_case(b"AddHandler") {
            continue;
        }
        let mut words =
            directive.args().split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
        let is_ours = words.next().is_some_and(|name| {
            super::HANDLER_NAMES.iter().any(|ours| name.eq_ignore_ascii_case(ours.as_bytes()))
        });
        if is_ours {
            found.extend(
                words.map(|extension| extension.strip_prefix(b".").unwrap_or(extension).to_vec()),
            );
        }
    }
    found
}

fn modules_reloaded(module: Module<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    let count = u64::try_from(arguments.integer(0, 0)?).unwrap_or(0);
    if let Some(state) = module::state::<State>(module) {
        state.counters.count_reloads(count);
    }
    Ok(())
}

fn handlers_changed(module: Module<'_, '_>, _arguments: Arguments<'_, '_>) -> PyResult<()> {
    if let Some(state) = module::state::<State>(module) {
        state.handlers_changed();
    }
    Ok(())
}
