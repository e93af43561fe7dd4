//! Bytes of a connection, below HTTP: read through httpd's input filters, written through its output filters.
//!
//! Nothing is read ahead: a line is looked at before it is taken, so that what is not asked for stays with httpd, for HTTP
//! or whoever reads next. What a read that failed had taken already is put back: a filter of ours gives it out again.

use std::cell::RefCell;
use std::ffi::{CStr, c_char, c_void};
use std::ptr;

use super::apr_error::AprError;
use super::boundary::{Place, contain};
use super::connection::Connection;
use super::hook::Hooks;
use super::pool::OwnedPool;
use super::response::Disconnected;
use super::sys;

/// How much is asked for at a time where the caller names no number, bytes.
const BLOCK: usize = 8192;
/// httpd keeps filters' names in lower case.
const UNREAD: &CStr = c"mod_python_unread";

/// Why nothing came from the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ReadError {
    #[error("the client has closed the connection")]
    Closed,
    #[error("the client sent nothing for too long")]
    TimedOut,
    #[error("{0}")]
    Failed(AprError),
}

impl ReadError {
    fn of(error: AprError) -> Self {
        match u32::try_from(error.0) {
            Ok(sys::APR_EOF) => Self::Closed,
            // A socket whose time is over may also say that it would have to wait.
            Ok(sys::APR_TIMEUP | sys::APR_EAGAIN) => Self::TimedOut,
            _ => Self::Failed(error),
        }
    }
}

/// Registers the filter that gives out what was put back.
pub fn register(_registration: Hooks<'_>) {
    // SAFETY: called while httpd takes registrations; it copies the name.
    unsafe {
        sys::ap_register_input_filter(
            UNREAD.as_ptr(),
            Some(unread_filter),
            None,
            sys::AP_FTYPE_CONNECTION,
        );
    }
}

impl<'c> Connection<'c> {
    /// What is there, at most `most` bytes; waits for the first.
    pub fn read(self, most: Option<usize>) -> Result<Vec<u8>, ReadError> {
        let mut data = Vec::new();
        Brigade::of(self)?.fetch(sys::AP_MODE_READBYTES, most.unwrap_or(BLOCK), &mut data)?;
        Ok(data)
    }

    /// All that comes until the client closes its side, which is an error if that is nothing.
    pub fn read_all(self) -> Result<Vec<u8>, ReadError> {
        let (brigade, mut data) = (Brigade::of(self)?, Vec::new());
        loop {
            match brigade.fetch(sys::AP_MODE_READBYTES, BLOCK, &mut data) {
                Ok(()) => {}
                Err(ReadError::Closed) if !data.is_empty() => return Ok(data),
                Err(error) => return Err(self.failed(error, &data)),
            }
        }
    }

    /// One line with its newline, at most `most` bytes of it. The last one may end without a newline.
    pub fn read_line(self, most: Option<usize>) -> Result<Vec<u8>, ReadError> {
        let (brigade, most) = (Brigade::of(self)?, most.unwrap_or(usize::MAX));
        let (mut line, mut seen) = (Vec::new(), Vec::new());
        loop {
            seen.clear();
            let wanted = (most - line.len()).min(BLOCK);
            let taken = brigade
                .fetch(sys::AP_MODE_SPECULATIVE, wanted, &mut seen)
                .and_then(|()| brigade.take(line_length(&seen), &mut line));
            match taken {
                Ok(()) if line.ends_with(b"\n") || line.len() >= most => return Ok(line),
                Ok(()) => {}
                Err(ReadError::Closed) if !line.is_empty() => return Ok(line),
                Err(error) => return Err(self.failed(error, &line)),
            }
        }
    }

    /// Sends `data` and returns when it is on its way.
    pub fn write(self, data: &[u8]) -> Result<(), Disconnected> {
        let brigade = Brigade::of(self).map_err(|_| Disconnected)?;
        // SAFETY: connection and brigade live; without a flush function APR copies the data into the brigade.
        let status = unsafe {
            let (data, length) = (data.as_ptr().cast::<c_char>(), data.len());
            match sys::apr_brigade_write(brigade.raw, None, ptr::null_mut(), data, length) {
                0 => sys::ap_fflush(self.record().output_filters, brigade.raw),
                failure => failure,
            }
        };
        if AprError::check(status).is_err() || self.aborted() {
            return Err(Disconnected);
        }
        Ok(())
    }

    /// Says that the connection is done with: httpd closes it.
    pub fn finish(self) {
        // SAFETY: the state is NULL or httpd's own of this connection, which only this thread works on.
        if let Some(state) = unsafe { self.record().cs.as_mut() } {
            state.state = sys::CONN_STATE_LINGER;
        }
    }

    /// Whether it is a part of another connection, as HTTP/2 has them.
    pub fn is_secondary(self) -> bool {
        !self.record().master.is_null()
    }

    fn failed(self, error: ReadError, data: &[u8]) -> ReadError {
        self.put_back(data);
        error
    }

    /// Lets the next reader, whoever it is, see `data` again before anything else.
    fn put_back(self, data: &[u8]) {
        if data.is_empty() {
            return;
        }
        if let Some(unread) = self.unread() {
            unread.borrow_mut().splice(0..0, data.iter().copied());
            return;
        }
        let unread = self.pool().keep::<Unread>(RefCell::new(data.to_vec()));
        // SAFETY: the connection lives, and what it has to give as long as its pool, where the filter is too.
        unsafe {
            let context = unread.as_ptr().cast::<c_void>();
            sys::ap_add_input_filter(UNREAD.as_ptr(), context, ptr::null_mut(), self.raw());
        }
    }

    /// What the filter still has to give, if there is one: it stays for as long as the connection.
    fn unread(self) -> Option<&'c Unread> {
        let mut filter = self.record().input_filters;
        // SAFETY: the chain ends with NULL; filters and their names live as long as the connection. The filter of this name
        // is ours, with the context that `put_back` gave it.
        unsafe {
            while let Some(here) = filter.as_ref() {
                if CStr::from_ptr((*here.frec).name) == UNREAD {
                    return here.ctx.cast::<Unread>().as_ref();
                }
                filter = here.next;
            }
        }
        None
    }
}

/// Bytes that were put back, oldest first.
type Unread = RefCell<Vec<u8>>;

fn line_length(seen: &[u8]) -> usize {
    seen.iter().position(|byte| *byte == b'\n').map_or(seen.len(), |newline| newline + 1)
}

/// A brigade for one call, in a pool of its own: a connection may last for days.
struct Brigade<'c> {
    connection: Connection<'c>,
    raw: *mut sys::apr_bucket_brigade,
    _pool: OwnedPool<'c>,
}

impl<'c> Brigade<'c> {
    fn of(connection: Connection<'c>) -> Result<Self, ReadError> {
        let pool = connection.pool().child().map_err(ReadError::Failed)?;
        // SAFETY: the pool and the connection's allocator live longer than the brigade.
        let raw =
            unsafe { sys::apr_brigade_create(pool.pool().raw(), connection.record().bucket_alloc) };
        Ok(Self { connection, raw, _pool: pool })
    }

    /// Appends at least one byte and at most `most` to `data`.
    fn fetch(
        &self,
        mode: sys::ap_input_mode_t,
        most: usize,
        data: &mut Vec<u8>,
    ) -> Result<(), ReadError> {
        let most = sys::apr_off_t::try_from(most).unwrap_or(sys::apr_off_t::MAX);
        // SAFETY: the connection and its filters live; the brigade is empty before and after, and only this thread has it.
        unsafe {
            let filters = self.connection.record().input_filters;
            let status = sys::ap_get_brigade(filters, self.raw, mode, sys::APR_BLOCK_READ, most);
            let taken = AprError::check(status).and_then(|()| self.flatten(data));
            sys::apr_brigade_cleanup(self.raw.cast());
            match taken.map_err(ReadError::of)? {
                // Whoever waits and gets nothing has come to the end.
                0 => Err(ReadError::Closed),
                _ => Ok(()),
            }
        }
    }

    /// Appends `count` bytes to `data` that a look ahead has shown to be there.
    fn take(&self, count: usize, data: &mut Vec<u8>) -> Result<(), ReadError> {
        let end = data.len() + count;
        while data.len() < end {
            self.fetch(sys::AP_MODE_READBYTES, end - data.len(), data)?;
        }
        Ok(())
    }

    /// Appends the brigade's bytes to `data`; returns how many these are.
    fn flatten(&self, data: &mut Vec<u8>) -> Result<usize, AprError> {
        let mut length: sys::apr_off_t = 0;
        // SAFETY: the brigade lives.
        AprError::check(unsafe { sys::apr_brigade_length(self.raw, 1, &raw mut length) })?;
        let (held, mut count) = (data.len(), usize::try_from(length).unwrap_or(0));
        data.resize(held + count, 0);
        // SAFETY: the room is as long as said; APR writes no more, and says how much.
        AprError::check(unsafe {
            let room = data[held..].as_mut_ptr().cast::<c_char>();
            sys::apr_brigade_flatten(self.raw, room, &raw mut count)
        })?;
        data.truncate(held + count);
        Ok(count)
    }
}

impl Drop for Brigade<'_> {
    fn drop(&mut self) {
        // SAFETY: made in `of`, destroyed once, before its pool.
        unsafe { sys::apr_brigade_destroy(self.raw) };
    }
}

/// Gives out what was put back; when that is nothing, what comes from further in.
unsafe extern "C" fn unread_filter(
    filter: *mut sys::ap_filter_t,
    brigade: *mut sys::apr_bucket_brigade,
    mode: sys::ap_input_mode_t,
    block: sys::apr_read_type_e,
    most: sys::apr_off_t,
) -> sys::apr_status_t {
    // SAFETY: httpd passes a live filter of a live connection, with the context that `put_back` gave it.
    let (connection, next, unread) =
        unsafe { ((*filter).c, (*filter).next, (*filter).ctx.cast::<Unread>().as_ref()) };
    contain(Place::Connection(connection), AprError::GENERAL.0, || {
        let given =
            unread.and_then(|unread| give_out(&mut unread.borrow_mut(), mode, most.unsigned_abs()));
        // SAFETY: httpd passes a live brigade, and the next filter is as alive as this one; the data are copied.
        unsafe {
            match given {
                Some(data) if data.is_empty() => sys::APR_SUCCESS as sys::apr_status_t,
                Some(data) => {
                    let (data, length) = (data.as_ptr().cast::<c_char>(), data.len());
                    sys::apr_brigade_write(brigade, None, ptr::null_mut(), data, length)
                }
                None => sys::ap_get_brigade(next, brigade, mode, block, most),
            }
        }
    })
}

/// What a reader in `mode` gets of `unread`; None if that has nothing to do with it.
fn give_out(unread: &mut Vec<u8>, mode: sys::ap_input_mode_t, most: u64) -> Option<Vec<u8>> {
    let most = usize::try_from(most).unwrap_or(usize::MAX).min(unread.len());
    if mode == sys::AP_MODE_EATCRLF {
        let blank = unread.iter().take_while(|byte| matches!(byte, b'\r' | b'\n')).count();
        unread.drain(..blank);
        return (!unread.is_empty()).then(Vec::new);
    }
    if unread.is_empty() || mode == sys::AP_MODE_INIT {
        return None;
    }
    Some(match mode {
        sys::AP_MODE_SPECULATIVE => unread[..most].to_vec(),
        sys::AP_MODE_GETLINE => unread.drain(..line_length(unread)).collect(),
        sys::AP_MODE_READBYTES => unread.drain(..most).collect(),
        _ => std::mem::take(unread),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(mode: sys::ap_input_mode_t, most: u64, text: &str) -> (Option<String>, String) {
        let mut unread = text.as_bytes().to_vec();
        let given = give_out(&mut unread, mode, most);
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (given.map(text), text(unread))
    }

    fn some(given: &str, left: &str) -> (Option<String>, String) {
        (Some(given.to_owned()), left.to_owned())
    }

    #[test]
    fn bytes_put_back_are_given_out_as_asked_for() {
        assert_eq!(given(sys::AP_MODE_READBYTES, 2, "abc"), some("ab", "c"));
        assert_eq!(given(sys::AP_MODE_READBYTES, 9, "abc"), some("abc", ""));
        assert_eq!(given(sys::AP_MODE_SPECULATIVE, 2, "abc"), some("ab", "abc"));
        assert_eq!(given(sys::AP_MODE_GETLINE, 0, "a\nb\n"), some("a\n", "b\n"));
        assert_eq!(given(sys::AP_MODE_GETLINE, 0, "a"), some("a", ""));
        assert_eq!(given(sys::AP_MODE_EXHAUSTIVE, 0, "abc"), some("abc", ""));
    }

    #[test]
    fn blank_lines_are_eaten_and_then_eaten_further_in() {
        assert_eq!(given(sys::AP_MODE_EATCRLF, 0, "\r\n\r\nGET"), some("", "GET"));
        assert_eq!(given(sys::AP_MODE_EATCRLF, 0, "\r\n"), (None, String::new()));
    }

    #[test]
    fn what_is_not_there_comes_from_further_in() {
        assert_eq!(given(sys::AP_MODE_READBYTES, 5, ""), (None, String::new()));
        assert_eq!(given(sys::AP_MODE_INIT, 0, "abc"), (None, "abc".to_owned()));
    }

    #[test]
    fn a_line_ends_after_its_newline() {
        assert_eq!(line_length(b"a\nb"), 2);
        assert_eq!(line_length(b"ab"), 2);
    }

    #[test]
    fn the_end_and_time_outs_are_told_apart_from_failures() {
        let of = |number: u32| ReadError::of(AprError(number as i32));
        assert_eq!(of(sys::APR_EOF), ReadError::Closed);
        assert_eq!(of(sys::APR_TIMEUP), ReadError::TimedOut);
        assert_eq!(of(104), ReadError::Failed(AprError(104)));
    }
}
