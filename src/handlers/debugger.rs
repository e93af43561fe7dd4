//! `PythonEnablePdb`: a handler under Python's debugger, on the terminal that httpd was started from.

use pyo3::prelude::*;

use crate::apache::process;
use crate::config::settings::Settings;
use crate::python::Object;

/// Calls `callable`, under the debugger if that is asked for and httpd was started with `-D ONE_PROCESS`: only then there
/// is a terminal.
///
/// # Errors
/// What the callable raises; `bdb.BdbQuit` when the debugger is left.
pub fn call<'py>(
    callable: &Object<'py>,
    argument: Object<'py>,
    settings: Settings<'_>,
) -> PyResult<Object<'py>> {
    if !settings.enable_pdb() || !process::exists_config_define(b"ONE_PROCESS") {
        return callable.call1((argument,));
    }
    callable.py().import("mod_python.debugger")?.call_method1("call", (callable, argument))
}
