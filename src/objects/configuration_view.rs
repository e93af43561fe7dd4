//! The configuration of one request as Python sees it: what is in force, under what Python has changed for this request.
//! It changes nothing that httpd or another request sees.

use std::collections::BTreeSet;
use std::sync::Arc;

use parking_lot::Mutex;

use super::multimap::{Entries, Entry, Multimap};

#[derive(Default)]
pub struct ConfigurationView {
    in_force: Vec<Entry>,
    shown: Arc<Mutex<Entries>>,
}

impl ConfigurationView {
    /// Brings in what is in force now, which differs from phase to phase; what Python has changed stays.
    pub fn update(&mut self, in_force: Vec<Entry>) -> Arc<Mutex<Entries>> {
        if self.in_force != in_force {
            let mut shown = self.shown.lock();
            let merged = merge(&self.in_force, &shown.0, &in_force);
            *shown = merged;
            drop(shown);
            self.in_force = in_force;
        }
        Arc::clone(&self.shown)
    }
}

/// `now`, with the changes that lead from `before` to `shown`.
fn merge(before: &[Entry], shown: &[Entry], now: &[Entry]) -> Entries {
    let keys: BTreeSet<Vec<u8>> =
        before.iter().chain(shown).map(|(key, _)| key.to_ascii_lowercase()).collect();
    let mut merged = Entries(now.to_vec());
    for key in keys {
        if of_key(before, &key).ne(of_key(shown, &key)) {
            merged.remove(&key);
            merged.0.extend(of_key(shown, &key).cloned());
        }
    }
    merged
}

fn of_key<'a>(entries: &'a [Entry], key: &'a [u8]) -> impl Iterator<Item = &'a Entry> {
    entries.iter().filter(move |(name, _)| name.eq_ignore_ascii_case(key))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entries(pairs: &[(&str, &str)]) -> Vec<Entry> {
        pairs
            .iter()
            .map(|(key, value)| (key.as_bytes().to_vec(), Some(value.as_bytes().to_vec())))
            .collect()
    }

    #[test]
    fn changes_stay_where_the_configuration_changes() {
        let mut view = ConfigurationView::default();
        let shown = view.update(entries(&[("a", "1"), ("b", "2"), ("c", "3")]));
        shown.lock().set(b"A", b"changed");
        shown.lock().remove(b"b");
        shown.lock().set(b"own", b"x");
        view.update(entries(&[("a", "4"), ("b", "2"), ("c", "5"), ("d", "6")]));
        let expected = entries(&[("c", "5"), ("d", "6"), ("a", "changed"), ("own", "x")]);
        assert_eq!(shown.lock().0, expected);
    }
}
