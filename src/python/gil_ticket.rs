//! Numbers by which the turns at Python's locks tell attachments apart.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};

thread_local!(static LAST: Cell<u64> = const { Cell::new(0) });

/// A ticket that no other attachment of the process has; never 0. Threads count for themselves: a counter of all would be in the
/// cache of the processor that had it last.
pub(super) fn next_ticket() -> u64 {
    static THREADS: AtomicU64 = AtomicU64::new(1);
    const OF_A_THREAD: u64 = 1 << 40;
    let last = LAST.get();
    let next = if (last + 1).is_multiple_of(OF_A_THREAD) || last == 0 {
        THREADS.fetch_add(1, Ordering::Relaxed) * OF_A_THREAD + 1
    } else {
        last + 1
    };
    LAST.set(next);
    next
}

/// The last ticket of this thread.
pub(super) fn ticket() -> u64 {
    LAST.get()
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn attachments_have_tickets_of_their_own() {
        let of_a_thread = || std::array::from_fn::<u64, 100, _>(|_| next_ticket());
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(of_a_thread)).collect();
        let numbers = threads.into_iter().flat_map(|thread| thread.join().expect("no panic"));
        let different: std::collections::HashSet<u64> = numbers.collect();
        assert_eq!(different.len(), 400);
        assert!(!different.contains(&0));
    }
}
