//! Python objects as httpd's providers of authentication and authorisation.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyInt, PyString, PyTuple, PyType};

use super::runner;
use crate::apache::auth_provider::{self, Answers, Authn, Authz, Kind, RealmHash};
use crate::apache::log::Target;
use crate::apache::request::Request;
use crate::config::provider::{Provider, provider};
use crate::counters::Work;
use crate::objects::deadline;
use crate::objects::native::State;
use crate::objects::report::{Report, Told};
use crate::objects::request_count;
use crate::objects::request_state::RequestState;
use crate::objects::resolve::{self, Handler};
use crate::objects::settings_of;
use crate::python::convert::{Latin1, Text, encode_without_nul, type_name};
use crate::python::{Object, thread};

/// Makes these functions answer httpd.
pub fn register() {
    auth_provider::answer_with(Answers { check_password, realm_hash, check_authorization });
}

fn check_password(slot: usize, request: Request<'_>, user: &[u8], password: &[u8]) -> Authn {
    let question = Question { request, slot, kind: Kind::Authn, method: "check_password" };
    let answer = question.ask(|py, object, req| {
        let arguments = (req, Latin1(user), Latin1(password)).into_pyobject(py)?;
        number(&question.call(object, arguments)?, "AUTH", Authn::from_number)
    });
    answer.unwrap_or(Authn::ERROR)
}

fn realm_hash(slot: usize, request: Request<'_>, user: &[u8], realm: &[u8]) -> RealmHash {
    let question = Question { request, slot, kind: Kind::Authn, method: "get_realm_hash" };
    let answer = question.ask(|py, object, req| {
        let arguments = (req, Latin1(user), Text(realm)).into_pyobject(py)?;
        let answer = question.call(object, arguments)?;
        if answer.is_none() {
            return Ok(Err(Authn::USER_NOT_FOUND));
        }
        if answer.is_instance_of::<PyString>() {
            let hash = encode_without_nul(answer.as_borrowed(), "the hash")?;
            return Ok(Ok(hash.as_bytes().to_vec()));
        }
        let answer = number(&answer, "AUTH", Authn::from_number)?;
        if answer == Authn::USER_FOUND {
            return Err(PyTypeError::new_err("AUTH_USER_FOUND is no answer without the hash"));
        }
        Ok(Err(answer))
    });
    answer.unwrap_or(Err(Authn::ERROR))
}

fn check_authorization(slot: usize, request: Request<'_>, arguments: &[u8]) -> Authz {
    let question = Question { request, slot, kind: Kind::Authz, method: "check_authorization" };
    let answer = question.ask(|py, object, req| {
        let arguments = (req, Text(arguments)).into_pyobject(py)?;
        number(&question.call(object, arguments)?, "AUTHZ", Authz::from_number)
    });
    answer.unwrap_or(Authz::ERROR)
}

/// What httpd asks of a provider.
struct Question<'r> {
    request: Request<'r>,
    slot: usize,
    kind: Kind,
    method: &'static str,
}

impl Question<'_> {
    /// Calls `action` with the provider's object and the request's, in the interpreter of the request. None, when all has
    /// been logged, for an error.
    fn ask<T>(
        &self,
        action: impl FnOnce(Python<'_>, &Object<'_>, &Object<'_>) -> PyResult<T>,
    ) -> Option<T> {
        let provider = provider(self.kind, self.slot)?;
        let settings = settings_of(self.request)?;
        let interpreter = match runner::interpreter_of(settings, None, self.request) {
            Ok(interpreter) => interpreter,
            Err(failure) => {
                self.log(&provider, Told::Sentence(failure.to_string()));
                return None;
            }
        };
        let request = RequestState::of(self.request);
        let service = request.serve(self.request);
        let looked_at = Some(&request.looked_at);
        let handler = Handler { entry: &provider.handler, directory: None, settings, looked_at };
        resolve::look_ahead(interpreter, &handler);
        thread::attach(interpreter, |py| {
            let state = State::of_interpreter(interpreter)?;
            request_count::call(self.request, request, state, Work::Provider);
            let limit = settings.timeout();
            let armed = deadline::arm(py, state, self.request, limit, || self.title(&provider));
            let answer = request.object(py, state).and_then(|req| {
                let _sharing = service.share(py);
                let object = resolve::callable(py, state, &handler, &req)?;
                let object = object.unwrap_or_else(|| py.None().into_bound(py));
                if object.is_instance_of::<PyType>() {
                    return action(py, &object.call1((&req,))?, &req);
                }
                action(py, &object, &req)
            });
            drop(armed);
            request.release(py, state, || false);
            answer.map_err(|raised| self.report(py, &provider, &raised)).ok()
        })
    }

    /// Calls the object's method, or the object itself if it is but a function.
    fn call<'py>(
        &self,
        object: &Object<'py>,
        arguments: Bound<'py, PyTuple>,
    ) -> PyResult<Object<'py>> {
        let name = PyString::new(object.py(), self.method);
        if let Some(method) = object.getattr_opt(&name)? {
            return method.call1(arguments);
        }
        if !object.is_callable() || self.method == "get_realm_hash" {
            let class = type_name(object.as_borrowed());
            return Err(PyTypeError::new_err(format!("the {class} has no {}", self.method)));
        }
        object.call1(arguments)
    }

    fn report(&self, py: Python<'_>, provider: &Provider, raised: &PyErr) {
        let told = Told::raised(py, raised);
        thread::detach(py, || self.log(provider, told));
    }

    fn log(&self, provider: &Provider, told: Told) {
        Report::new(self.title(provider), told).log(Target::Request(self.request));
    }

    fn title(&self, provider: &Provider) -> String {
        let directive = match self.kind {
            Kind::Authn => "PythonAuthnProvider",
            Kind::Authz => "PythonAuthzProvider",
        };
        let (name, handler) = (&provider.name, provider.handler.text());
        let (name, handler) = (String::from_utf8_lossy(name), String::from_utf8_lossy(handler));
        format!("{directive} {name} {handler}")
    }
}

fn number<T>(answer: &Object<'_>, names: &str, from: fn(i64) -> Option<T>) -> PyResult<T> {
    let known = if answer.is_instance_of::<PyInt>() { answer.extract().ok() } else { None };
    known.and_then(from).ok_or_else(|| {
        let shown = answer.repr().map_or_else(|_| "?".to_owned(), |text| text.to_string());
        PyTypeError::new_err(format!("the provider returned {shown}, which is none of {names}_*"))
    })
}
