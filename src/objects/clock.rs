//! The one thread of a child that watches over the others: it knows when the next call is overdue (`overdue`), and is there
//! when a signal asks for something (`signal`). It never waits for Python.

use std::io::Read;
use std::os::fd::IntoRawFd;
use std::os::unix::net::UnixStream;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::{overdue, stacks};
use crate::apache::log::{self, Level, Target};
use crate::apache::server::Server;
use crate::apache::{ending, signal};

/// When the clock looks next, if nobody wakes it.
static NEXT: Mutex<Option<Instant>> = Mutex::new(None);
static STARTED: OnceLock<()> = OnceLock::new();
/// What is done when the process has been asked to end, and is busy.
static AT_END: OnceLock<fn()> = OnceLock::new();

/// Starts the thread, once in a process that gets signals as a child does. Called when there is Python to watch over.
pub fn start() {
    if !signal::is_child() {
        return;
    }
    STARTED.get_or_init(|| {
        let started = UnixStream::pair().and_then(|(reader, writer)| {
            writer.set_nonblocking(true)?;
            signal::wake_through(writer.into_raw_fd());
            signal::spawn_deaf("mod_python time", move || run(&reader))
        });
        if let Err(error) = started {
            let line = format!(
                "MP0052: mod_python: no thread to watch over Python ({error}): PythonTimeout and SIGUSR2 do nothing"
            );
            let target = Server::main().map_or(Target::Process, Target::Server);
            log::log(target, Level::Error, line.as_bytes());
        }
    });
}

/// Has the clock look at this time, or before.
pub fn look_at(due: Instant) {
    let mut next = NEXT.lock();
    if next.is_some_and(|next| next <= due) {
        return;
    }
    *next = Some(due);
    drop(next);
    signal::wake();
}

/// Says what a thread of its own is to do when the process has been asked to end, and is busy.
pub fn at_end(act: fn()) {
    let _ = AT_END.set(act);
}

fn run(reader: &UnixStream) {
    signal::hear_dump_requests();
    loop {
        let wait = until_next();
        if reader.set_read_timeout(wait).is_err() {
            return;
        }
        let mut bytes = [0; 64];
        // A timeout is as good as a byte.
        let _ = (&mut &*reader).read(&mut bytes);
        if signal::take_dump_request() {
            // Without a thread there is nothing to be done.
            let _ = signal::spawn_deaf("mod_python dump", stacks::log_all);
        }
        if let Some(act) = AT_END.get().filter(|_| ending::take_request()) {
            let _ = signal::spawn_deaf("mod_python stop", act);
        }
    }
}

/// Looks, and says how long there is nothing to be done.
fn until_next() -> Option<Duration> {
    *NEXT.lock() = None;
    let due = overdue::look()?;
    // Somebody may have armed a call meanwhile.
    let mut next = NEXT.lock();
    let due = next.map_or(due, |next| next.min(due));
    *next = Some(due);
    Some(due.saturating_duration_since(Instant::now()).max(Duration::from_millis(1)))
}
