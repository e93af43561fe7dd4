//! The Python package `mod_python`, which travels inside this library.

use pyo3::prelude::*;
use pyo3::types::PyDict;

/// One file of the package: module name, source, whether it is a package.
struct Source(&'static str, &'static str, bool);

macro_rules! sources {
    ($($name:literal $file:literal $package:literal),* $(,)?) => {
        &[$(Source($name, include_str!(concat!("../../python/mod_python/", $file)), $package)),*]
    };
}

const SOURCES: &[Source] = sources![
    "mod_python" "__init__.py" true,
    "mod_python.apache" "apache.py" false,
    "mod_python.bootstrap" "bootstrap.py" false,
    "mod_python.cache" "cache.py" false,
    "mod_python.cgi_streams" "cgi_streams.py" false,
    "mod_python.claims" "claims.py" false,
    "mod_python.debugger" "debugger.py" false,
    "mod_python.generations" "generations.py" false,
    "mod_python.home" "home.py" false,
    "mod_python.importer" "importer.py" false,
    "mod_python.logs" "logs.py" false,
    "mod_python.python22" "python22.py" false,
    "mod_python.search" "search.py" false,
    "mod_python.version" "version.py" false,
    "mod_python.wsgi" "wsgi.py" false,
];

/// Makes `import mod_python` find this package, and never another one.
///
/// # Errors
/// What the finder raises.
pub fn install(py: Python<'_>) -> PyResult<()> {
    let sources = PyDict::new(py);
    for Source(name, text, is_package) in SOURCES {
        let file = format!("<mod_python>/{}.py", name.replace('.', "/"));
        sources.set_item(*name, (*text, *is_package, file))?;
    }
    let bootstrap = SOURCES
        .iter()
        .find(|source| source.0 == "mod_python.bootstrap")
        .map_or("", |source| source.1);
    let globals = PyDict::new(py);
    globals.set_item("__name__", "mod_python.bootstrap")?;
    py.import("builtins")?.getattr("exec")?.call1((bootstrap, &globals))?;
    globals.get_item("install")?.map_or(Ok(()), |install| install.call1((sources,)).map(drop))
}
