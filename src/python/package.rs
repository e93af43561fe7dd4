//! The Python package `mod_python`, which travels inside this library.

use pyo3::exceptions::PyNameError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::code;

/// One file of the package: module name, source, whether it is a package.
struct Source(&'static str, &'static str, bool);

macro_rules! sources {
    ($($name:literal $file:literal $package:literal),* $(,)?) => {
        &[$(Source($name, include_str!(concat!("../../python/mod_python/", $file)), $package)),*]
    };
}

const SOURCES: &[Source] = sources![
    "mod_python" "__init__.py" true,
    "mod_python.Cookie" "Cookie.py" false,
    "mod_python.Session" "Session.py" false,
    "mod_python.apache" "apache.py" false,
    "mod_python.arguments" "arguments.py" false,
    "mod_python.bootstrap" "bootstrap.py" false,
    "mod_python.cache" "cache.py" false,
    "mod_python.cgi_streams" "cgi_streams.py" false,
    "mod_python.cgihandler" "cgihandler.py" false,
    "mod_python.claims" "claims.py" false,
    "mod_python.dbm_session" "dbm_session.py" false,
    "mod_python.debugger" "debugger.py" false,
    "mod_python.explanation" "explanation.py" false,
    "mod_python.file_session" "file_session.py" false,
    "mod_python.generations" "generations.py" false,
    "mod_python.guards" "guards.py" false,
    "mod_python.httpdconf" "httpdconf/__init__.py" true,
    "mod_python.httpdconf.basic" "httpdconf/basic.py" false,
    "mod_python.httpdconf.directives" "httpdconf/directives.py" false,
    "mod_python.httpdconf.nodes" "httpdconf/nodes.py" false,
    "mod_python.httpdconf.quoting" "httpdconf/quoting.py" false,
    "mod_python.home" "home.py" false,
    "mod_python.importer" "importer.py" false,
    "mod_python.inspection" "inspection.py" false,
    "mod_python.installation" "installation.py" false,
    "mod_python.leftovers" "leftovers.py" false,
    "mod_python.libpython" "libpython.py" false,
    "mod_python.logs" "logs.py" false,
    "mod_python.memory_session" "memory_session.py" false,
    "mod_python.nested" "nested.py" false,
    "mod_python.obstacles" "obstacles.py" false,
    "mod_python.own_gil" "own_gil.py" false,
    "mod_python.pages" "pages.py" false,
    "mod_python.psp" "psp.py" false,
    "mod_python.psp_page" "psp_page.py" false,
    "mod_python.psp_source" "psp_source.py" false,
    "mod_python.publisher" "publisher.py" false,
    "mod_python.python22" "python22.py" false,
    "mod_python.redis_session" "redis_session.py" false,
    "mod_python.search" "search.py" false,
    "mod_python.session_directory" "session_directory.py" false,
    "mod_python.session_record" "session_record.py" false,
    "mod_python.sqlite_session" "sqlite_session.py" false,
    "mod_python.testhandler" "testhandler.py" false,
    "mod_python.util" "util.py" false,
    "mod_python.version" "version.py" false,
    "mod_python.wsgi" "wsgi.py" false,
];

/// What tracebacks call the file of a module.
fn file(name: &str) -> String {
    format!("<mod_python>/{}.py", name.replace('.', "/"))
}

/// The source behind the name of a file that tracebacks show; None for files of others.
pub(super) fn source(shown: &str) -> Option<&'static str> {
    let is_ours = shown.starts_with("<mod_python>/");
    let mut sources = is_ours.then_some(SOURCES)?.iter();
    sources.find(|source| file(source.0) == shown).map(|source| source.1)
}

/// Makes `import mod_python` find this package, and never another one. `compile` makes a code object of a source and the name
/// of its file.
///
/// # Errors
/// What the finder raises.
pub fn install(py: Python<'_>, compile: &Bound<'_, PyAny>) -> PyResult<()> {
    let sources = PyDict::new(py);
    for Source(name, text, is_package) in SOURCES {
        let file = file(name);
        sources.set_item(*name, (view(py, text)?, *is_package, file))?;
    }
    let file = file("mod_python.bootstrap");
    let bootstrap = compile.call1((source(&file).unwrap_or_default(), file))?;
    let globals = PyDict::new(py);
    globals.set_item("__name__", "mod_python.bootstrap")?;
    code::run(bootstrap.as_borrowed(), &globals)?;
    let install = globals.get_item("install")?.ok_or_else(|| PyNameError::new_err("install"))?;
    install.call1((sources, compile)).map(drop)
}

/// The text's own bytes as a memoryview: what is never imported is never copied into an interpreter.
fn view<'py>(py: Python<'py>, text: &'static str) -> PyResult<Bound<'py, PyAny>> {
    let length = ffi::Py_ssize_t::try_from(text.len())?;
    // SAFETY: the bytes are static, and PyBUF_READ makes the view one that nobody can write to.
    unsafe {
        let view =
            ffi::PyMemoryView_FromMemory(text.as_ptr().cast_mut().cast(), length, ffi::PyBUF_READ);
        Bound::from_owned_ptr_or_err(py, view)
    }
}
