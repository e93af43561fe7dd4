//! The part of a request's state that most requests have no use for: made at its first use, so that the others neither set it
//! up nor take it down.

use std::cell::RefCell;
use std::rc::Rc;

use super::added_handler::AddedTo;
use super::cleanup::Cleanup;
use super::configuration_view::ConfigurationView;
use super::locks::RequestLocks;
use super::own_filter::OwnFilter;
use super::subrequest::Open;
use crate::apache::status::Status;
use crate::apache::subrequest::Subrequest;
use crate::config::handlers::HandlerList;
use crate::config::phase::Phase;

/// Why an input filter gave nothing.
#[derive(Clone, Debug)]
pub enum Refusal {
    /// It wants the request answered so.
    Status(Status),
    /// It failed.
    Error(String),
}

#[derive(Default)]
pub struct RequestExtras {
    /// Handlers added for phases to come.
    pub added: RefCell<Vec<AddedTo>>,
    pub cleanups: RefCell<Vec<Cleanup>>,
    /// Why an input filter gave nothing to Python code that read.
    pub refusal: RefCell<Option<Refusal>>,
    /// Filters that the request has registered for itself.
    pub filters: RefCell<Vec<OwnFilter>>,
    /// The list of PythonInitHandler that has run.
    pub initialized: RefCell<Option<HandlerList>>,
    /// Locks of this request and of all it leads to.
    pub locks: RefCell<RequestLocks>,
    pub(super) subrequests: RefCell<Open>,
    /// The configuration, once Python has asked for it.
    pub options: RefCell<Option<ConfigurationView>>,
    pub config: RefCell<Option<ConfigurationView>>,
}

impl RequestExtras {
    /// Whether a handler was added for a phase to come.
    #[must_use]
    pub fn has_added(&self, phase: Phase) -> bool {
        self.added.borrow().iter().any(|added| added.phase == phase)
    }

    /// Whether handlers were added for phases to come. Never panics.
    #[must_use]
    pub fn has_added_any(&self) -> bool {
        self.added.try_borrow().map_or(true, |added| !added.is_empty())
    }

    /// Whether there is Python code that is still to run for the request.
    #[must_use]
    pub fn has_work_to_come(&self) -> bool {
        self.has_added_any()
            || !self.cleanups.borrow().is_empty()
            || !self.filters.borrow().is_empty()
            || !self.subrequests.borrow().is_empty()
    }

    /// Keeps a subrequest until it is given up, or the request ends. Returns the key by which it is found.
    pub fn keep_subrequest(&self, subrequest: Subrequest) -> u64 {
        self.subrequests.borrow_mut().keep(subrequest)
    }

    #[must_use]
    pub fn subrequest(&self, key: u64) -> Option<Rc<Subrequest>> {
        self.subrequests.borrow().find(key)
    }

    /// What is dropped then should not be dropped attached: its end may run Python.
    pub fn give_up_subrequest(&self, key: u64) -> Option<Rc<Subrequest>> {
        self.subrequests.borrow_mut().remove(key)
    }
}
