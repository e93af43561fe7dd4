//! httpd's tables: ordered pairs of strings, several with one key allowed. Keys are compared as ASCII, whatever their case.

use std::ffi::{c_char, c_int, c_void};
use std::marker::PhantomData;
use std::ptr::NonNull;

use super::pool::Pool;
use super::text::{self, with_terminated};
use super::{array, sys};

/// A table that lives, with all it has ever held, as long as its pool.
///
/// Keys and values that go in are copied, up to their first NUL. Replacing or removing an entry frees nothing, so the
/// bytes that came out stay valid for `'t`.
#[derive(Clone, Copy)]
pub struct Table<'t> {
    raw: NonNull<sys::apr_table_t>,
    lifetime: PhantomData<&'t ()>,
}

/// A key, and its value: NULL (None) now and then, as of SCRIPT_FILENAME before the file is known.
pub type Entry<'t> = (&'t [u8], Option<&'t [u8]>);

impl<'t> Table<'t> {
    /// # Safety
    /// `raw` is NULL or a table whose pool lives for `'t`.
    pub(super) unsafe fn from_raw(raw: *mut sys::apr_table_t) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw, lifetime: PhantomData })
    }

    /// An empty table in `pool`, with memory for `expected` entries.
    pub fn new(pool: Pool<'t>, expected: usize) -> Self {
        let expected = c_int::try_from(expected).unwrap_or(c_int::MAX / 64);
        // SAFETY: the pool lives for 't. APR ends the process rather than return NULL, so the pointer is not NULL.
        unsafe {
            Self {
                raw: NonNull::new_unchecked(sys::apr_table_make(pool.raw(), expected)),
                lifetime: PhantomData,
            }
        }
    }

    pub fn address(self) -> NonNull<c_void> {
        self.raw.cast()
    }

    /// # Safety
    /// `address` is that of a table whose pool lives for `'t`.
    pub unsafe fn from_address(address: NonNull<c_void>) -> Self {
        Self { raw: address.cast(), lifetime: PhantomData }
    }

    /// The first value of `key`; None too if that is NULL (see [`contains`](Self::contains)).
    pub fn get(self, key: &[u8]) -> Option<&'t [u8]> {
        self.values(key).next().flatten()
    }

    /// All values of `key`, in order. The table may change meanwhile, as for [`iter`](Self::iter).
    pub fn values<'k>(self, key: &'k [u8]) -> Values<'t, 'k> {
        Values { table: self, key, next: 0 }
    }

    pub fn contains(self, key: &[u8]) -> bool {
        self.values(key).next().is_some()
    }

    /// Makes `value` the only value of `key`. The entry stays where the first one of that key was, with the spelling that the
    /// key has there; all further ones go. That is what apr_table_set does.
    pub fn set(self, key: &[u8], value: &[u8]) {
        // SAFETY: the table lives; APR copies both.
        self.with_pair(key, value, |table, key, value| unsafe {
            sys::apr_table_set(table, key, value)
        });
    }

    /// Adds an entry at the end, whatever entries `key` has.
    pub fn add(self, key: &[u8], value: &[u8]) {
        // SAFETY: the table lives; APR copies both.
        self.with_pair(key, value, |table, key, value| unsafe {
            sys::apr_table_add(table, key, value)
        });
    }

    /// Appends `value`, after a comma, to the first value of `key`; adds it if there is none.
    pub fn merge(self, key: &[u8], value: &[u8]) {
        // SAFETY: the table lives; APR copies both.
        self.with_pair(key, value, |table, key, value| unsafe {
            sys::apr_table_merge(table, key, value)
        });
    }

    /// Removes all entries of `key`.
    pub fn unset(self, key: &[u8]) {
        // SAFETY: the table lives.
        with_terminated(key, |key| unsafe { sys::apr_table_unset(self.raw.as_ptr(), key) });
    }

    pub fn clear(self) {
        // SAFETY: the table lives. The strings stay in the pool.
        unsafe { sys::apr_table_clear(self.raw.as_ptr()) }
    }

    pub fn len(self) -> usize {
        // SAFETY: the table lives, and apr_table_elts returns its array.
        unsafe { (*sys::apr_table_elts(self.raw.as_ptr())).nelts.max(0) as usize }
    }

    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The entry at `index`, counted from 0.
    pub fn entry(self, index: usize) -> Option<Entry<'t>> {
        // SAFETY: the array is not kept beyond this call; the strings live for 't. APR's tables have no NULL keys.
        unsafe {
            let entry = self.entries().get(index)?;
            Some((text::bytes(entry.key)?, text::bytes(entry.val)))
        }
    }

    /// Removes the entry at `index` and returns it. The others keep their order.
    pub fn remove(self, index: usize) -> Option<Entry<'t>> {
        let removed = self.entry(index)?;
        // SAFETY: the entries are copied before the table changes; their strings stay in the pool, so they need no copy.
        unsafe {
            let entries = self.entries().to_vec();
            sys::apr_table_clear(self.raw.as_ptr());
            for (_, entry) in entries.iter().enumerate().filter(|&(position, _)| position != index)
            {
                sys::apr_table_addn(self.raw.as_ptr(), entry.key, entry.val);
            }
        }
        Some(removed)
    }

    /// The entries in order. The table may change meanwhile: the iterator looks at what is there when it arrives.
    pub fn iter(self) -> Entries<'t> {
        Entries { table: self, next: 0 }
    }

    /// A table in `pool` with copies of all entries.
    pub fn copy(self, pool: Pool<'_>) -> Table<'_> {
        // SAFETY: both live; unlike apr_table_copy, apr_table_clone copies the strings, so the result needs only its pool.
        unsafe {
            Table {
                raw: NonNull::new_unchecked(sys::apr_table_clone(pool.raw(), self.raw.as_ptr())),
                lifetime: PhantomData,
            }
        }
    }

    /// # Safety
    /// The table is not changed while the result is in use.
    unsafe fn entries<'a>(self) -> &'a [sys::apr_table_entry_t] {
        // SAFETY: the table lives, its array has entries of this type; the rest is the caller's promise.
        unsafe { array::elements(sys::apr_table_elts(self.raw.as_ptr())) }
    }

    fn with_pair(
        self,
        key: &[u8],
        value: &[u8],
        action: impl FnOnce(*mut sys::apr_table_t, *const c_char, *const c_char),
    ) {
        with_terminated(key, |key| {
            with_terminated(value, |value| action(self.raw.as_ptr(), key, value));
        });
    }
}

impl<'t> IntoIterator for Table<'t> {
    type Item = Entry<'t>;
    type IntoIter = Entries<'t>;

    fn into_iter(self) -> Entries<'t> {
        self.iter()
    }
}

/// See [`Table::values`].
pub struct Values<'t, 'k> {
    table: Table<'t>,
    key: &'k [u8],
    next: usize,
}

impl<'t> Iterator for Values<'t, '_> {
    type Item = Option<&'t [u8]>;

    fn next(&mut self) -> Option<Option<&'t [u8]>> {
        // SAFETY: as for Table::entry; a key is a C string.
        unsafe {
            let rest = self.table.entries().get(self.next..)?;
            let found = rest.iter().position(|entry| is_same(entry.key, self.key))?;
            self.next += found + 1;
            Some(text::bytes(rest[found].val))
        }
    }
}

/// Whether a table's key is this one: without a look for its end, which nearly all are not worth.
///
/// # Safety
/// `name` is a C string.
unsafe fn is_same(name: *const c_char, key: &[u8]) -> bool {
    // SAFETY: nothing is read beyond the first NUL: what is equal to it ends the comparison, and no other byte is the same letter.
    unsafe {
        let mut rest = name;
        for &byte in key {
            let other = rest.read().cast_unsigned();
            // Nearly all are spelled alike.
            let is_same = if other == byte { byte != 0 } else { is_same_letter(other, byte) };
            if !is_same {
                return false;
            }
            rest = rest.add(1);
        }
        rest.read() == 0
    }
}

/// Whether these are a letter, one small and the other not.
fn is_same_letter(one: u8, other: u8) -> bool {
    one ^ other == 0x20 && one.is_ascii_alphabetic()
}

/// See [`Table::iter`].
pub struct Entries<'t> {
    table: Table<'t>,
    next: usize,
}

impl<'t> Iterator for Entries<'t> {
    type Item = Entry<'t>;

    fn next(&mut self) -> Option<Entry<'t>> {
        let entry = self.table.entry(self.next)?;
        self.next += 1;
        Some(entry)
    }
}

#[cfg(test)]
mod tests {
    use super::is_same;

    #[test]
    fn keys_are_the_same_whatever_their_case_and_only_whole() {
        // SAFETY: all are C strings.
        let same = |name: &std::ffi::CStr, key: &[u8]| unsafe { is_same(name.as_ptr(), key) };
        assert!(same(c"Content-Type", b"content-TYPE") && same(c"", b""));
        assert!(!same(c"Content-Type", b"Content") && !same(c"Content", b"Content-Type"));
        assert!(!same(c"Content", b"Content\0") && !same(c"\xe9", b"\xc9") && !same(c"", b"a"));
    }
}
