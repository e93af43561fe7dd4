//! httpd as a whole: its configuration as parsed, its processing model, its defines.

use std::ffi::{c_char, c_int};
use std::ptr::NonNull;

use super::pool::Pool;
use super::server::Server;
use super::sys;
use super::text::{self, with_c_str};

/// ServerRoot.
pub fn server_root() -> Option<&'static [u8]> {
    // SAFETY: httpd writes this variable before any other thread runs; a child never again.
    unsafe { text::bytes(sys::ap_server_root) }
}

/// An answer of the processing model to a question AP_MPMQ_*; None if it does not know the question.
pub fn mpm_query(code: i32) -> Option<i32> {
    let mut result: c_int = 0;
    // SAFETY: `result` outlives the call.
    let status = unsafe { sys::ap_mpm_query(code, &raw mut result) };
    (status == sys::APR_SUCCESS as i32).then_some(result)
}

/// Whether one process serves several requests at a time.
pub fn is_threaded() -> bool {
    mpm_query(sys::AP_MPMQ_IS_THREADED as i32)
        .is_some_and(|answer| answer != sys::AP_MPMQ_NOT_SUPPORTED as i32)
}

/// Whether there are several processes.
pub fn is_forked() -> bool {
    mpm_query(sys::AP_MPMQ_IS_FORKED as i32)
        .is_some_and(|answer| answer != sys::AP_MPMQ_NOT_SUPPORTED as i32)
}

/// Threads of one process, as configured; at least 1.
pub fn max_threads() -> i32 {
    mpm_query(sys::AP_MPMQ_MAX_THREADS as i32).unwrap_or(1).max(1)
}

/// Processes, as configured; at least 1.
pub fn max_daemons() -> i32 {
    mpm_query(sys::AP_MPMQ_MAX_DAEMONS as i32).unwrap_or(1).max(1)
}

/// The most processes there can be, whatever restarts may configure; at least 1.
pub fn most_daemons() -> i32 {
    mpm_query(sys::AP_MPMQ_HARD_LIMIT_DAEMONS as i32).unwrap_or(1).max(1)
}

/// How often httpd has been restarted.
pub fn generation() -> i32 {
    mpm_query(sys::AP_MPMQ_GENERATION as i32).unwrap_or(0)
}

/// When httpd was started or restarted last, in microseconds since 1970; None without a scoreboard.
pub fn restart_time() -> Option<i64> {
    // SAFETY: httpd writes the variable before any other thread runs, and the scoreboard lives as long as the process.
    unsafe { Some(sys::ap_scoreboard_image.as_ref()?.global.as_ref()?.restart_time) }
}

/// How long the machine has been running, in whole ticks of the kernel's clock, as proc(5) has it for the start of a process.
pub fn ticks_since_boot() -> u64 {
    let mut time = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the kernel writes the time into `time`; the other function only answers.
    let a_second = unsafe {
        libc::clock_gettime(libc::CLOCK_BOOTTIME, &raw mut time);
        libc::sysconf(libc::_SC_CLK_TCK)
    };
    let a_second = a_second.unsigned_abs();
    time.tv_sec.unsigned_abs() * a_second + time.tv_nsec.unsigned_abs() * a_second / 1_000_000_000
}

/// Microseconds since 1970 as HTTP writes a date.
pub fn date(time: i64) -> String {
    const LENGTH: usize = sys::APR_RFC822_DATE_LEN as usize;
    let mut date: [c_char; LENGTH] = [0; LENGTH];
    // SAFETY: the buffer is as long as APR says that it must be; APR ends the text with a NUL.
    unsafe {
        sys::apr_rfc822_date(date.as_mut_ptr(), time);
        text::bytes(date.as_ptr())
            .map_or_else(String::new, |date| String::from_utf8_lossy(date).into_owned())
    }
}

/// Whether httpd reads its configuration for the first of two times, only to see whether it can.
pub fn is_first_pass() -> bool {
    // SAFETY: a question that changes nothing.
    let state = unsafe { sys::ap_state_query(sys::AP_SQ_MAIN_STATE as i32) };
    state == sys::AP_SQ_MS_CREATE_PRE_CONFIG as i32
}

/// Whether httpd only checks or shows its configuration (`httpd -t`).
pub fn is_config_test() -> bool {
    // SAFETY: a question that changes nothing.
    let mode = unsafe { sys::ap_state_query(sys::AP_SQ_RUN_MODE as i32) };
    mode == sys::AP_SQ_RM_CONFIG_TEST as i32 || mode == sys::AP_SQ_RM_CONFIG_DUMP as i32
}

/// Whether httpd was given `-D name`.
pub fn exists_config_define(name: &[u8]) -> bool {
    // SAFETY: the name lives for the call.
    with_c_str(name, |name| unsafe { sys::ap_exists_config_define(name.as_ptr()) != 0 })
}

/// Becomes the user who serves requests, as a child process does; false if that fails. Nobody but root changes.
pub fn drop_privileges(pool: Pool<'_>, main: Server) -> bool {
    // SAFETY: a live pool and the main server; the hook is what every child calls at its start.
    let status = unsafe { sys::ap_run_drop_privileges(pool.raw(), main.raw()) };
    status == sys::OK as c_int || status == sys::DECLINED
}

/// Adds `name/version` to what the Server header says.
pub fn add_version_component(pconf: Pool<'_>, component: &[u8]) {
    // SAFETY: the pool lives, and httpd copies the text into it.
    with_c_str(component, |component| unsafe {
        sys::ap_add_version_component(pconf.raw(), component.as_ptr())
    });
}

/// The first directive of the configuration as parsed, without .htaccess files.
pub fn config_tree() -> Option<Directive> {
    // SAFETY: httpd writes this variable before any other thread runs.
    unsafe { Directive::from_raw(sys::ap_conftree) }
}

/// A directive or section of the configuration. It lives as long as a [`Server`](super::server::Server).
#[derive(Clone, Copy)]
pub struct Directive {
    raw: NonNull<sys::ap_directive_t>,
}

impl Directive {
    /// # Safety
    /// `raw` is NULL or a directive, used no longer than its configuration is in force.
    pub(super) unsafe fn from_raw(raw: *mut sys::ap_directive_t) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw })
    }

    fn record(&self) -> &sys::ap_directive_t {
        // SAFETY: it lives, and is not changed after the configuration has been read.
        unsafe { self.raw.as_ref() }
    }

    /// A section's name has its `<`.
    pub fn name(&self) -> &[u8] {
        self.text(self.record().directive).unwrap_or_default()
    }

    /// A section's arguments have their `>`.
    pub fn args(&self) -> &[u8] {
        self.text(self.record().args).unwrap_or_default()
    }

    /// What stands inside of it.
    pub fn first_child(&self) -> Option<Self> {
        // SAFETY: a directive of the same configuration.
        unsafe { Self::from_raw(self.record().first_child) }
    }

    /// What follows it on its own level.
    pub fn next(&self) -> Option<Self> {
        // SAFETY: a directive of the same configuration.
        unsafe { Self::from_raw(self.record().next) }
    }

    pub fn filename(&self) -> Option<&[u8]> {
        self.text(self.record().filename)
    }

    pub fn line_number(&self) -> i32 {
        self.record().line_num
    }

    fn text(&self, raw: *const c_char) -> Option<&[u8]> {
        // SAFETY: called with fields of the record only: NULL or strings that live as long as it.
        unsafe { text::bytes(raw) }
    }
}
