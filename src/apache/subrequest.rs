//! Subrequests: what httpd would answer for another URI or file, found out and perhaps sent in the middle of a request.

use std::cell::Cell;
use std::ptr::NonNull;
use std::rc::Rc;

use super::request::Request;
use super::status::Status;
use super::sys;

/// A subrequest, which ends when this is dropped, or else with the request it belongs to.
pub struct Subrequest {
    raw: NonNull<sys::request_rec>,
    /// Set to false when its pool ends.
    alive: Rc<Cell<bool>>,
}

impl Subrequest {
    /// Looks a URI up, by all phases before the handler. None if httpd makes no request of it.
    pub fn of_uri(main: Request<'_>, method: &[u8], uri: &[u8]) -> Option<Self> {
        let (method, uri) = (main.pool().dup(method), main.pool().dup(uri));
        // SAFETY: the request lives, and both texts as long as its pool; what the subrequest sends goes through the
        // request's own filters, which live as long.
        unsafe {
            let filters = main.record().output_filters;
            let raw =
                sys::ap_sub_req_method_uri(method.as_ptr(), uri.as_ptr(), main.raw(), filters);
            Self::made(raw)
        }
    }

    /// Looks a file up: by its path, or by its name beside the request's own.
    pub fn of_file(main: Request<'_>, path: &[u8]) -> Option<Self> {
        let path = main.pool().dup(path);
        // SAFETY: as in `of_uri`.
        unsafe {
            let filters = main.record().output_filters;
            Self::made(sys::ap_sub_req_lookup_file(path.as_ptr(), main.raw(), filters))
        }
    }

    /// # Safety
    /// `raw` is NULL or a subrequest that has just been made, and that nobody else destroys.
    unsafe fn made(raw: *mut sys::request_rec) -> Option<Self> {
        let raw = NonNull::new(raw)?;
        let alive = Rc::new(Cell::new(true));
        let seen = Rc::clone(&alive);
        // SAFETY: the caller's promise; the request is in its own pool.
        unsafe { Request::from_raw(raw.as_ptr()) }?.pool().on_end(move || seen.set(false));
        Some(Self { raw, alive })
    }

    /// The request that has been made; None after the end of the one it belongs to.
    pub fn request(&self) -> Option<Request<'_>> {
        // SAFETY: alive until the pool ends, and nobody but `drop` ends the pool while the main request lives.
        self.alive.get().then(|| unsafe { Request::from_raw(self.raw.as_ptr()) }).flatten()
    }

    /// Sends the response, without its head, to where the main request's goes. Returns OK, or the handler's status.
    /// What could not be looked up or is forbidden is not run, and its status is the result.
    pub fn run(&self) -> Option<Status> {
        let request = self.request()?;
        if request.status() != Status(sys::HTTP_OK as i32) {
            return Some(request.status());
        }
        // SAFETY: the subrequest lives, and has been looked up with success.
        Some(Status(unsafe { sys::ap_run_sub_req(request.raw()) }))
    }
}

impl Drop for Subrequest {
    fn drop(&mut self) {
        if self.alive.get() {
            // SAFETY: alive, and ours to destroy.
            unsafe { sys::ap_destroy_sub_req(self.raw.as_ptr()) }
        }
    }
}
