//! What a reader gets through an input filter: as many bytes as it asked for, a line, or a look ahead, made of what the filter
//! gives, which may be more or less than that.

use std::ptr;

use super::apr_error::AprError;
use super::brigade::{Brigade, Kind};
use super::filter::{Call, Failure, Outcome};
use super::invocation::Demand;
use super::log::{self, Level, Target};
use super::status::Status;
use super::sys;

/// What httpd takes for a line: HUGE_STRING_LEN in httpd.h.
const LINE: usize = 8192;

/// How much of a body that a filter has no use for is read to keep the connection.
const DROPPED: usize = 64 * 1024;

impl Call<'_> {
    pub(super) fn input(self, wanted: Brigade<'_>, demand: Demand) -> sys::apr_status_t {
        if self.state.failed.get() {
            return sys::AP_FILTER_ERROR;
        }
        let read = match demand.mode {
            // These are for whoever has the connection.
            sys::AP_MODE_INIT | sys::AP_MODE_EATCRLF => return self.fetch(wanted, demand),
            sys::AP_MODE_GETLINE => self.read_line(wanted, demand),
            sys::AP_MODE_SPECULATIVE => self.look_ahead(wanted, demand),
            sys::AP_MODE_EXHAUSTIVE => self.read_all(wanted, demand),
            _ => self.read(wanted, demand),
        };
        read.map_or_else(|error| error.0, |()| sys::APR_SUCCESS as i32)
    }

    /// A number of bytes, or fewer.
    fn read(self, wanted: Brigade<'_>, demand: Demand) -> Result<(), AprError> {
        wanted.take_all(self.rest);
        self.fill(wanted, demand)?;
        AprError::check(self.limit(wanted, demand))
    }

    /// To the next newline, or the end, or as much as httpd takes for a line.
    fn read_line(self, wanted: Brigade<'_>, demand: Demand) -> Result<(), AprError> {
        while !self.rest.has(Kind::Eos) && self.rest.line(LINE)?.is_none() {
            if !self.keep_more(wanted, demand)? {
                return Ok(());
            }
        }
        let length = self.rest.line(LINE)?.unwrap_or(LINE);
        self.rest.move_bytes(length, wanted)?;
        if !self.rest.has_data() {
            wanted.take_all(self.rest);
        }
        Ok(())
    }

    fn read_all(self, wanted: Brigade<'_>, demand: Demand) -> Result<(), AprError> {
        while !self.rest.has(Kind::Eos) && self.keep_more(wanted, demand)? {}
        wanted.take_all(self.rest);
        Ok(())
    }

    /// Copies of what the next read will get.
    fn look_ahead(self, wanted: Brigade<'_>, demand: Demand) -> Result<(), AprError> {
        if !satisfies(self.rest) {
            self.keep_more(wanted, demand)?;
        }
        let count = usize::try_from(demand.count).unwrap_or(0);
        self.rest.copy_bytes(count, wanted)?;
        if self.rest.has(Kind::Eos) && !self.rest.has_data() {
            wanted.append_eos();
        }
        Ok(())
    }

    /// Puts more of what the filter gives with what is left for the next read; false if there is nothing now.
    fn keep_more(self, scratch: Brigade<'_>, demand: Demand) -> Result<bool, AprError> {
        // Lines and a look ahead are made of bytes: what is upstream is not what the filter makes of it.
        self.fill(scratch, Demand { mode: sys::AP_MODE_READBYTES, count: LINE as i64, ..demand })?;
        let is_more = satisfies(scratch);
        scratch.set_aside(self.request.pool());
        self.rest.take_all(scratch);
        Ok(is_more)
    }

    /// Has the filter work until there is something to go on with, or nothing to be had now without waiting.
    fn fill(self, wanted: Brigade<'_>, demand: Demand) -> Result<(), AprError> {
        while !satisfies(wanted) {
            if self.state.closed.get() {
                wanted.append_eos();
            } else if self.state.disabled.get() {
                if self.work.is_empty() {
                    return AprError::check(self.fetch(wanted, demand));
                }
                wanted.take_all(self.work);
            } else if !self.input_once(wanted, demand)? {
                return Ok(());
            }
        }
        Ok(())
    }

    /// What the next filter has, as it is.
    fn fetch(self, wanted: Brigade<'_>, demand: Demand) -> sys::apr_status_t {
        // SAFETY: the next filter of a chain that lives for the call, and httpd's own brigade and arguments.
        unsafe {
            let next = self.filter.as_ref().next;
            sys::ap_get_brigade(next, wanted.raw(), demand.mode, demand.block, demand.count)
        }
    }

    /// One invocation; false if there is nothing to be had now, and nobody wants to wait.
    fn input_once(self, wanted: Brigade<'_>, demand: Demand) -> Result<bool, AprError> {
        let filter_error = AprError(sys::AP_FILTER_ERROR);
        let (outcome, invoked) = self.run(self.work, wanted, Some(demand)).ok_or(filter_error)?;
        match outcome {
            Outcome::Done if invoked.seen_eos && !self.state.closed.get() => {
                self.state.closed.set(true);
                wanted.append_eos();
            }
            Outcome::Done => {}
            Outcome::End => {
                if !self.state.closed.replace(true) {
                    wanted.append_eos();
                }
            }
            Outcome::Failed(failure) => {
                wanted.clear();
                if let Some(error) = invoked.passing_failed {
                    self.state.failed.set(true);
                    return Err(error);
                }
                self.fail_input(&failure);
                return Err(filter_error);
            }
        }
        if self.state.closed.get() && !invoked.seen_eos {
            self.drop_rest();
        }
        // What was not read is there for the next call.
        self.work.set_aside(self.request.pool());
        if satisfies(wanted) || self.state.disabled.get() {
            return Ok(true);
        }
        if demand.block == sys::APR_NONBLOCK_READ {
            return Ok(false);
        }
        if !invoked.progress {
            let line = b"MP0116: mod_python: an input filter has neither read nor written anything";
            log::log(Target::Request(self.request), Level::Error, line);
            self.fail_input(&Failure {
                status: Status::INTERNAL_SERVER_ERROR,
                page: None,
                reader_answers: false,
            });
            return Err(filter_error);
        }
        Ok(true)
    }

    /// What is left of a body that the filter has ended by itself must not be taken for the next request. Nobody waits for it:
    /// if there is more than has come, the connection ends with this request.
    fn drop_rest(self) {
        let demand = Demand {
            mode: sys::AP_MODE_READBYTES,
            block: sys::APR_NONBLOCK_READ,
            count: LINE as i64,
        };
        let mut ended = self.work.has(Kind::Eos);
        for _ in 0..DROPPED / LINE {
            self.work.clear();
            if ended || self.fetch(self.work, demand) != sys::APR_SUCCESS as i32 {
                break;
            }
            ended = self.work.has(Kind::Eos);
        }
        self.work.clear();
        if !ended {
            self.request.connection().set_keepalive(sys::AP_CONN_CLOSE as i32);
        }
    }

    /// The body is not to be had, now or later, and what is left of it must not be taken for the next request.
    fn fail_input(self, failure: &Failure) {
        self.state.failed.set(true);
        self.work.clear();
        self.request.connection().set_keepalive(sys::AP_CONN_CLOSE as i32);
        let usual = failure.status == Status::INTERNAL_SERVER_ERROR;
        if failure.reader_answers || usual || self.request.is_answered() {
            // AP_FILTER_ERROR alone makes it 500.
            return;
        }
        self.answer(failure, |call| {
            // SAFETY: the request lives, with its chain of output filters.
            let status = unsafe {
                sys::ap_pass_brigade(call.request.record().output_filters, call.work.raw())
            };
            call.work.clear();
            status
        });
    }

    /// A reader drops what it has not asked for, so that is kept.
    fn limit(self, wanted: Brigade<'_>, demand: Demand) -> sys::apr_status_t {
        if demand.mode != sys::AP_MODE_READBYTES {
            return sys::APR_SUCCESS as i32;
        }
        let mut after = ptr::null_mut();
        // SAFETY: the brigade lives, and what comes after the point is of it.
        let status =
            unsafe { sys::apr_brigade_partition(wanted.raw(), demand.count, &raw mut after) };
        if status == sys::APR_INCOMPLETE as i32 {
            return sys::APR_SUCCESS as i32;
        }
        if status == sys::APR_SUCCESS as i32 {
            // SAFETY: APR has just said so.
            unsafe { wanted.move_from(after, self.rest) };
            // The end goes with the last of the data.
            if !self.rest.has_data() {
                wanted.take_all(self.rest);
            }
            self.rest.set_aside(self.request.pool());
        }
        status
    }
}

/// Whether a reader has something to go on with.
fn satisfies(brigade: Brigade<'_>) -> bool {
    brigade.has_data() || brigade.has(Kind::Eos)
}
