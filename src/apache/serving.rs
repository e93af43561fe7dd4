//! Which request each thread serves, for other threads to tell.

use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};

use parking_lot::Mutex;

use super::request::Request;

/// What a thread serves: the address of the outermost request, 0 for none; odd while somebody looks at it. Each is written twice
/// at each request, and is alone in its cache lines.
#[repr(align(128))]
struct Slot {
    thread: AtomicUsize,
    request: AtomicUsize,
}

/// One for each thread that serves requests; those of threads that have ended are used again, and never freed.
static SLOTS: Mutex<Slots> = Mutex::new(Slots { all: Vec::new(), free: Vec::new() });

struct Slots {
    all: Vec<&'static Slot>,
    free: Vec<&'static Slot>,
}

const LOOKED_AT: usize = 1;

thread_local! {
    static MINE: Cell<Option<&'static Slot>> = const { Cell::new(None) };
    /// Gives the slot back when the thread ends.
    static OWNED: Owned = Owned::new();
}

struct Owned(&'static Slot);

impl Owned {
    fn new() -> Self {
        let mut slots = SLOTS.lock();
        let slot = slots.free.pop().unwrap_or_else(|| {
            let slot: &'static Slot = Box::leak(Box::new(Slot {
                thread: AtomicUsize::new(0),
                request: AtomicUsize::new(0),
            }));
            slots.all.push(slot);
            slot
        });
        slot.thread.store(this_thread(), Ordering::Release);
        Self(slot)
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        MINE.set(None);
        SLOTS.lock().free.push(self.0);
    }
}

#[cold]
fn make_mine() -> Option<&'static Slot> {
    // At the end of a thread there is none.
    let slot = OWNED.try_with(|owned| owned.0).ok()?;
    MINE.set(Some(slot));
    Some(slot)
}

/// A thread serves a request as long as this lives.
pub struct Serving {
    outermost: Option<&'static Slot>,
}

impl Serving {
    /// To be dropped, by the same thread, before the request ends.
    #[inline]
    #[must_use]
    pub fn enter(request: Request<'_>) -> Self {
        let mine = MINE.get().or_else(make_mine);
        let outermost = mine.filter(|slot| slot.request.load(Ordering::Relaxed) == 0);
        if let Some(slot) = outermost {
            slot.request.store(request.address().as_ptr().expose_provenance(), Ordering::Release);
        }
        Self { outermost }
    }
}

impl Drop for Serving {
    #[inline]
    fn drop(&mut self) {
        if let Some(slot) = self.outermost {
            slot.clear();
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
    let slots = SLOTS.lock().all.clone();
    let line = |address: usize| {
        let address = std::ptr::NonNull::new(std::ptr::with_exposed_provenance_mut(address))?;
        // SAFETY: the request cannot end while it is looked at. These texts are set before Python runs, or replaced whole.
        let request = unsafe { Request::from_address(address) };
        Some(self::line(request))
    };
    slots
        .iter()
        .filter_map(|slot| Some((slot.thread.load(Ordering::Acquire), slot.look(line)??)))
        .collect()
}

/// Method and path of a request, as the client sent them.
#[must_use]
pub fn line(request: Request<'_>) -> String {
    let shown = |text: Option<&[u8]>| String::from_utf8_lossy(text.unwrap_or(b"-")).into_owned();
    format!("{} {}", shown(request.method()), shown(request.unparsed_uri()))
}

fn this_thread() -> usize {
    // SAFETY: may be called by any thread.
    unsafe { libc::pthread_self() as usize }
}
