//! All that has been counted, at one moment.

use super::board::Board;
use super::failure::{self, Failure};
use super::names;
use super::row::Counts;
use super::slot::{self, Child};

/// What all have counted since the server was started.
pub struct Snapshot {
    /// Microseconds since 1970.
    pub since: i64,
    /// By interpreter; those that ended children have counted are in it.
    pub interpreters: Vec<(String, Counts)>,
    /// The children that live, by the number of their process.
    pub processes: Vec<Process>,
    /// The newest first.
    pub failures: Vec<Failure>,
}

/// A child.
pub struct Process {
    pub id: u32,
    /// Microseconds since 1970.
    pub since: i64,
    /// How often httpd had been restarted before.
    pub generation: i32,
    pub interpreters: Vec<(String, Counts)>,
}

impl Snapshot {
    /// Of all interpreters.
    #[must_use]
    pub fn total(&self) -> Counts {
        let mut total = Counts::default();
        self.interpreters.iter().for_each(|(_, counts)| total.add(*counts));
        total
    }
}

pub fn take(board: &Board) -> Snapshot {
    let mut all = Named::default();
    let mut processes = Vec::new();
    let names = names::all(board);
    for slot in (0..board.slots()).filter(|slot| slot::is_used(board, *slot)) {
        let child = slot::child(board, slot);
        let is_alive = child.is_some();
        let mut own = Named::default();
        for (index, name) in &names {
            let now = Counts::of(board.row(slot, *index).numbers());
            all.add(name, if is_alive { now } else { now.without_busy() });
            if is_alive {
                own.add(name, now.since(Counts::of(board.row_before(slot, *index))));
            }
        }
        if let Some(Child { process, since, generation }) = child {
            processes.push(Process { id: process, since, generation, interpreters: own.0 });
        }
    }
    processes.sort_by_key(|process| process.id);
    Snapshot { since: board.since(), interpreters: all.0, processes, failures: failure::all(board) }
}

/// Counts by name: what has counted nothing is left out.
#[derive(Default)]
struct Named(Vec<(String, Counts)>);

impl Named {
    fn add(&mut self, name: &str, counts: Counts) {
        if counts.is_nothing() {
            return;
        }
        match self.0.iter_mut().find(|(known, _)| known == name) {
            Some((_, sum)) => sum.add(counts),
            None => self.0.push((name.to_owned(), counts)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::board::SINCE;
    use super::*;

    #[test]
    fn the_dead_still_count() {
        let board = Board::new(2, 9).expect("memory");
        let index = names::index(&board, "one");
        for (slot, requests) in [(1, 2), (2, 3)] {
            board.slot_head(slot)[SINCE].store(1, std::sync::atomic::Ordering::Relaxed);
            (0..requests).for_each(|_| board.row(slot, index).count_response(200));
        }
        board.row(1, index).meter()[3].store(4, std::sync::atomic::Ordering::Relaxed);
        let snapshot = take(&board);
        assert_eq!((snapshot.since, snapshot.processes.len()), (9, 0));
        assert_eq!(snapshot.interpreters.len(), 1);
        let (name, counts) = &snapshot.interpreters[0];
        assert_eq!((name.as_str(), counts.requests(), counts.busy()), ("one", 5, 0));
        assert_eq!(snapshot.total().requests(), 5);
    }
}
