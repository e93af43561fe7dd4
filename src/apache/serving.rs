//! Which request each thread serves, for other threads to tell.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::request::Request;

/// What a thread serves: the address of the outermost request, 0 for none; odd while somebody looks at it.
struct Slot {
    thread: usize,
    request: AtomicUsize,
}

/// One for each thread that has ever served a request and has not ended.
static SLOTS: Mutex<Vec<Arc<Slot>>> = Mutex::new(Vec::new());

const LOOKED_AT: usize = 1;

struct Mine(Arc<Slot>);

thread_local! {
    static MINE: Mine = Mine::new();
}

impl Mine {
    fn new() -> Self {
        let slot = Arc::new(Slot { thread: this_thread(), request: AtomicUsize::new(0) });
        SLOTS.lock().push(Arc::clone(&slot));
        Self(slot)
    }
}

impl Drop for Mine {
    fn drop(&mut self) {
        SLOTS.lock().retain(|slot| !Arc::ptr_eq(slot, &self.0));
    }
}

/// A thread serves a request as long as this lives.
pub struct Serving {
    is_outermost: bool,
}

impl Serving {
    /// To be dropped, by the same thread, before the request ends.
    #[must_use]
    pub fn enter(request: Request<'_>) -> Self {
        let address = request.address().as_ptr().expose_provenance();
        let is_outermost = MINE.with(|mine| {
            let slot = &mine.0.request;
            let is_outermost = slot.load(Ordering::Relaxed) == 0;
            if is_outermost {
                slot.store(address, Ordering::Release);
            }
            is_outermost
        });
        Self { is_outermost }
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        if self.is_outermost {
            MINE.with(|mine| mine.0.clear());
        }
    }
}

impl Slot {
    fn clear(&self) {
        loop {
            let now = self.request.load(Ordering::Relaxed) & !LOOKED_AT;
            let turned = self.request.compare_exchange(now, 0, Ordering::AcqRel, Ordering::Relaxed);
            if turned.is_ok() {
                return;
            }
            std::thread::yield_now();
        }
    }

    /// Calls `action` with the request, which cannot end meanwhile.
    fn look<T>(&self, action: impl FnOnce(usize) -> T) -> Option<T> {
        let now = self.request.load(Ordering::Acquire);
        if now == 0 || now & LOOKED_AT != 0 {
            return None;
        }
        let looked_at = now | LOOKED_AT;
        self.request.compare_exchange(now, looked_at, Ordering::AcqRel, Ordering::Relaxed).ok()?;
        let result = action(now);
        self.request.store(now, Ordering::Release);
        Some(result)
    }
}

/// Method and path of what each thread serves, by the thread's identity (`threading.get_ident()`).
#[must_use]
pub fn requests() -> Vec<(usize, String)> {
    let slots = SLOTS.lock().clone();
    let line = |address: usize| {
        let address = std::ptr::NonNull::new(std::ptr::with_exposed_provenance_mut(address))?;
        // SAFETY: the request cannot end while it is looked at. These texts are set before Python runs, or replaced whole.
        let request = unsafe { Request::from_address(address) };
        Some(self::line(request))
    };
    slots.iter().filter_map(|slot| Some((slot.thread, slot.look(line)??))).collect()
}

/// Method and path of a request, as the client sent them.
#[must_use]
pub fn line(request: Request<'_>) -> String {
    let shown = |text: Option<&[u8]>| String::from_utf8_lossy(text.unwrap_or(b"-")).into_owned();
    format!("{} {}", shown(request.method()), shown(request.unparsed_uri()))
}

fn this_thread() -> usize {
    // SAFETY: may be called by any thread.
    #[expect(clippy::unnecessary_cast, reason = "a pointer on some systems")]
    unsafe {
        libc::pthread_self() as usize
    }
}
