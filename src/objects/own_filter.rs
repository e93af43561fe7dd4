//! Filters that a request registers and adds for itself, beside those that the configuration names.

use std::sync::{Arc, Weak};

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::added_handler::{AddedHandler, Callable};
use super::native::State;
use super::request::{Req, loan};
use super::request_control::{canonical, text_argument};
use super::request_state::RequestState;
use crate::apache::filter::Direction;
use crate::config::handlers::{Directory, HandlerEntry};
use crate::config::phase::Phase;
use crate::python::row::Arguments;

pub fn register_input_filter(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    register(this, arguments, Direction::Input)
}

pub fn register_output_filter(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    register(this, arguments, Direction::Output)
}

/// Remembers a filter under a name that only this request knows. The last of a name counts.
fn register(this: Req<'_, '_>, arguments: Arguments<'_, '_>, direction: Direction) -> PyResult<()> {
    let name = text_argument(arguments.required(0)?, "name")?;
    let directory =
        arguments.some(2).map(|directory| text_argument(directory, "dir")).transpose()?;
    if name.as_bytes().is_empty() {
        return Err(PyValueError::new_err("a filter's name must not be empty"));
    }
    let directory = directory.map_or(Directory::None, |directory| canonical(directory.as_bytes()));
    let interpreter = State::of(this.object())?.interpreter;
    let handler =
        AddedHandler::new(arguments.required(1)?, interpreter, phase(direction), directory)?;
    let request = loan(this)?;
    let own = OwnFilter { direction, name: name.as_bytes().into(), handler };
    RequestState::of(*request).extras().filters.borrow_mut().push(own);
    Ok(())
}

/// The row that says which object a filter's handler means.
fn phase(direction: Direction) -> Phase {
    match direction {
        Direction::Input => Phase::InputFilter,
        Direction::Output => Phase::OutputFilter,
    }
}

/// A filter that a request has registered for itself.
pub struct OwnFilter {
    direction: Direction,
    name: Box<[u8]>,
    handler: AddedHandler,
}

/// What such a filter is to do, once it is added. What it calls belongs to the request that registered it.
pub struct AddedFilter {
    pub entry: HandlerEntry,
    pub callable: Option<Weak<Callable>>,
}

impl OwnFilter {
    fn added(&self) -> AddedFilter {
        let callable = self.handler.callable.as_ref().map(Arc::downgrade);
        AddedFilter { entry: self.handler.entry.clone(), callable }
    }
}

pub fn add_input_filter(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    add(this, arguments, Direction::Input)
}

pub fn add_output_filter(this: Req<'_, '_>, arguments: Arguments<'_, '_>) -> PyResult<()> {
    add(this, arguments, Direction::Output)
}

/// The request's own filter of this name, or else httpd's.
fn add(this: Req<'_, '_>, arguments: Arguments<'_, '_>, direction: Direction) -> PyResult<()> {
    let name = text_argument(arguments.required(0)?, "name")?;
    if name.as_bytes().is_empty() {
        return Err(PyValueError::new_err("a filter's name must not be empty"));
    }
    let request = loan(this)?;
    let own = {
        let is_meant =
            |own: &&OwnFilter| own.direction == direction && *own.name == *name.as_bytes();
        RequestState::of(*request).known_extras().and_then(|extras| {
            extras.filters.borrow().iter().rev().find(is_meant).map(OwnFilter::added)
        })
    };
    match own {
        Some(own) => request.add_own_filter(direction, own),
        None => request.add_filter(direction, name.as_bytes()),
    }
    Ok(())
}
