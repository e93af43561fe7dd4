//! WSGI applications (PEP 3333), served natively: between httpd and the application runs no Python.
//!
//! | file | noun |
//! |---|---|
//! | `handler` | httpd asking for content: `PythonHandler mod_python.wsgi` |
//! | `mount` | URIs that lead to applications: `PythonWSGIAlias` |
//! | `serve` | one request, from the application's name to httpd's status |
//! | `environ` | the environment |
//! | `exchange`, `head` | `start_response` and `write`: what has been said and sent of the response |
//! | `answer` | what the application returned, on its way to the client |
//! | `input`, `errors`, `file_wrapper` | `wsgi.input`, `wsgi.errors`, `wsgi.file_wrapper` |
//! | `kept` | what an interpreter keeps for all this |

mod answer;
mod environ;
mod errors;
mod exchange;
mod file_wrapper;
mod handler;
mod head;
mod input;
mod kept;
mod mount;
mod serve;

use crate::apache::hook::Hooks;

pub fn register(hooks: Hooks<'_>) {
    handler::register(hooks);
    mount::register(hooks);
}
