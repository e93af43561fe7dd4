//! What a table object is a view of: an ordered multi-map of byte strings whose keys compare as ASCII without case. It is
//! httpd's own table, or one that belongs to Python alone.

use crate::apache::table::Table;

/// A key and its value, as they stand in a table. httpd keeps NULL for some values.
pub type Entry = (Vec<u8>, Option<Vec<u8>>);

/// The operations that table objects need.
pub trait Multimap {
    fn len(&self) -> usize;
    fn entry(&self, index: usize) -> Option<(&[u8], Option<&[u8]>)>;
    /// Replaces all entries of `key`: the first keeps its place and spelling, or a new one goes to the end.
    fn set(&mut self, key: &[u8], value: &[u8]);
    fn add(&mut self, key: &[u8], value: &[u8]);
    fn remove(&mut self, key: &[u8]);
    fn remove_last(&mut self);
    fn clear(&mut self);

    /// The value of the first entry of `key`.
    fn first(&self, key: &[u8]) -> Option<Option<&[u8]>>;
    /// Calls `visit` with each value of `key`, in order.
    fn visit(&self, key: &[u8], visit: &mut dyn FnMut(Option<&[u8]>));

    fn entries(&self) -> Vec<Entry> {
        let owned =
            |(name, value): (&[u8], Option<&[u8]>)| (name.to_vec(), value.map(<[u8]>::to_vec));
        (0..self.len()).filter_map(|index| self.entry(index)).map(owned).collect()
    }
}

/// A table of Python's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Entries(pub Vec<Entry>);

impl Entries {
    fn values(&self, key: &[u8]) -> impl Iterator<Item = Option<&[u8]>> {
        let is_same = move |(name, _): &&Entry| name.eq_ignore_ascii_case(key);
        self.0.iter().filter(is_same).map(|(_, value)| value.as_deref())
    }
}

impl Multimap for Entries {
    fn len(&self) -> usize {
        self.0.len()
    }

    fn entry(&self, index: usize) -> Option<(&[u8], Option<&[u8]>)> {
        self.0.get(index).map(|(name, value)| (name.as_slice(), value.as_deref()))
    }

    fn first(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.values(key).next()
    }

    fn visit(&self, key: &[u8], visit: &mut dyn FnMut(Option<&[u8]>)) {
        self.values(key).for_each(visit);
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        let mut placed = false;
        self.0.retain_mut(|(name, held)| {
            if !name.eq_ignore_ascii_case(key) {
                return true;
            }
            *held = Some(value.to_vec());
            !std::mem::replace(&mut placed, true)
        });
        if !placed {
            self.add(key, value);
        }
    }

    fn add(&mut self, key: &[u8], value: &[u8]) {
        self.0.push((key.to_vec(), Some(value.to_vec())));
    }

    fn remove(&mut self, key: &[u8]) {
        self.0.retain(|(name, _)| !name.eq_ignore_ascii_case(key));
    }

    fn remove_last(&mut self) {
        self.0.pop();
    }

    fn clear(&mut self) {
        self.0.clear();
    }
}

impl Multimap for Table<'_> {
    fn len(&self) -> usize {
        Table::len(*self)
    }

    fn entry(&self, index: usize) -> Option<(&[u8], Option<&[u8]>)> {
        Table::entry(*self, index)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) {
        Table::set(*self, key, value);
    }

    fn add(&mut self, key: &[u8], value: &[u8]) {
        Table::add(*self, key, value);
    }

    fn remove(&mut self, key: &[u8]) {
        Table::unset(*self, key);
    }

    fn remove_last(&mut self) {
        if let Some(last) = Table::len(*self).checked_sub(1) {
            Table::remove(*self, last);
        }
    }

    fn clear(&mut self) {
        Table::clear(*self);
    }

    fn first(&self, key: &[u8]) -> Option<Option<&[u8]>> {
        self.values(key).next()
    }

    fn visit(&self, key: &[u8], visit: &mut dyn FnMut(Option<&[u8]>)) {
        self.values(key).for_each(visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_keeps_place_and_spelling_of_the_first() {
        let mut entries = Entries::default();
        entries.add(b"A", b"1");
        entries.add(b"B", b"2");
        entries.add(b"a", b"3");
        entries.set(b"a", b"4");
        let expected =
            vec![(b"A".to_vec(), Some(b"4".to_vec())), (b"B".to_vec(), Some(b"2".to_vec()))];
        assert_eq!(entries.0, expected);
        assert_eq!(entries.first(b"b"), Some(Some(&b"2"[..])));
    }
}
