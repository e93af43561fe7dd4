//! Bucket brigades: the data of a body on its way through httpd's filters, and the marks in it. httpd's rings are macros in
//! C, so they are spelt out here.

use std::ffi::c_char;
use std::marker::PhantomData;
use std::ptr::{self, NonNull};

use super::apr_error::AprError;
use super::pool::Pool;
use super::status::Status;
use super::sys;

/// Bytes of a file that are read at a time.
const FILE_BLOCK: usize = 64 * 1024;

/// A brigade that its owner works on, for `'b`.
#[derive(Clone, Copy)]
pub(super) struct Brigade<'b> {
    raw: NonNull<sys::apr_bucket_brigade>,
    lifetime: PhantomData<&'b ()>,
}

/// A bucket, until it is deleted or moved.
#[derive(Clone, Copy)]
pub(super) struct Bucket<'b> {
    raw: NonNull<sys::apr_bucket>,
    lifetime: PhantomData<&'b ()>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// Data that is in memory.
    Memory,
    /// Data that has to be fetched: of a file, a pipe, a socket.
    Distant,
    /// The end of the stream.
    Eos,
    /// All before it is to be sent at once.
    Flush,
    /// An HTTP status to be answered with instead of the rest.
    Error,
    /// A mark that concerns others.
    Mark,
}

impl<'b> Brigade<'b> {
    /// # Safety
    /// `raw` is NULL or a brigade that lives for `'b` and that no other thread looks at.
    pub(super) unsafe fn from_raw(raw: *mut sys::apr_bucket_brigade) -> Option<Self> {
        NonNull::new(raw).map(|raw| Self { raw, lifetime: PhantomData })
    }

    /// A new one, as long as the pool, with buckets from `allocator`, which outlives the pool.
    ///
    /// # Safety
    /// `allocator` is that of the connection that the pool belongs to.
    pub(super) unsafe fn create(pool: Pool<'b>, allocator: *mut sys::apr_bucket_alloc_t) -> Self {
        // SAFETY: the pool lives, and the caller's promise.
        unsafe { Self::from_raw(sys::apr_brigade_create(pool.raw(), allocator)) }
            .expect("APR ends the process when memory is out")
    }

    pub(super) fn raw(self) -> *mut sys::apr_bucket_brigade {
        self.raw.as_ptr()
    }

    /// What APR takes for the bucket before the first and after the last: the list's own head, which is a bucket's link.
    fn sentinel(self) -> *mut sys::apr_bucket {
        // SAFETY: the brigade lives; a link is the first part of a bucket.
        unsafe { (&raw mut (*self.raw()).list).cast() }
    }

    pub(super) fn first(self) -> Option<Bucket<'b>> {
        // SAFETY: the brigade lives.
        self.bucket(unsafe { (*self.raw()).list.next })
    }

    fn bucket(self, raw: *mut sys::apr_bucket) -> Option<Bucket<'b>> {
        if raw == self.sentinel() {
            return None;
        }
        NonNull::new(raw).map(|raw| Bucket { raw, lifetime: PhantomData })
    }

    /// The bucket after `bucket`, which is of this brigade.
    pub(super) fn after(self, bucket: Bucket<'b>) -> Option<Bucket<'b>> {
        // SAFETY: a live bucket of this brigade.
        self.bucket(unsafe { bucket.raw.as_ref() }.link.next)
    }

    pub(super) fn buckets(self) -> impl Iterator<Item = Bucket<'b>> {
        std::iter::successors(self.first(), move |bucket| self.after(*bucket))
    }

    pub(super) fn is_empty(self) -> bool {
        self.first().is_none()
    }

    pub(super) fn has(self, kind: Kind) -> bool {
        self.buckets().any(|bucket| bucket.kind() == kind)
    }

    pub(super) fn has_data(self) -> bool {
        self.buckets().any(|bucket| bucket.is_data())
    }

    /// Appends a copy: small ones are gathered in one bucket.
    pub(super) fn append(self, data: &[u8]) -> Result<(), AprError> {
        let start = data.as_ptr().cast::<c_char>();
        // SAFETY: the data lives for the call; without a function to flush with, APR copies it to its heap.
        AprError::check(unsafe {
            sys::apr_brigade_write(self.raw(), None, ptr::null_mut(), start, data.len())
        })
    }

    /// Appends data that is not copied.
    ///
    /// # Safety
    /// The data lives until the brigade has been passed on and cleared: a filter that keeps data copies it (`setaside`).
    pub(super) unsafe fn append_borrowed(self, data: &[u8]) {
        // SAFETY: the brigade lives, and its allocator longer; the data does by the caller's promise.
        self.insert(unsafe {
            sys::apr_bucket_transient_create(data.as_ptr().cast(), data.len(), self.allocator())
        });
    }

    pub(super) fn append_eos(self) {
        // SAFETY: the brigade lives, and its allocator longer.
        self.insert(unsafe { sys::apr_bucket_eos_create(self.allocator()) });
    }

    pub(super) fn append_flush(self) {
        // SAFETY: as above.
        self.insert(unsafe { sys::apr_bucket_flush_create(self.allocator()) });
    }

    /// The HTTP status to answer with.
    pub(super) fn append_error(self, status: Status, pool: Pool<'_>) {
        // SAFETY: as above; the pool is that of the request the brigade belongs to.
        self.insert(unsafe {
            sys::ap_bucket_error_create(status.0, ptr::null(), pool.raw(), self.allocator())
        });
    }

    fn allocator(self) -> *mut sys::apr_bucket_alloc_t {
        // SAFETY: the brigade lives.
        unsafe { (*self.raw()).bucket_alloc }
    }

    /// Puts a bucket that is in no brigade at the end.
    fn insert(self, bucket: *mut sys::apr_bucket) {
        let sentinel = self.sentinel();
        // SAFETY: sentinel and last are links of this brigade's ring, the bucket is in none; all live.
        unsafe {
            let last = (*self.raw()).list.prev;
            (*bucket).link.next = sentinel;
            (*bucket).link.prev = last;
            (*last).link.next = bucket;
            (*self.raw()).list.prev = bucket;
        }
    }

    /// Moves a bucket from wherever it is to the end.
    pub(super) fn take(self, bucket: Bucket<'_>) {
        bucket.unlink();
        self.insert(bucket.raw.as_ptr());
    }

    /// Moves all of `other` to the end.
    pub(super) fn take_all(self, other: Brigade<'_>) {
        while let Some(bucket) = other.first() {
            self.take(bucket);
        }
    }

    /// Moves `first` and what comes after it to the end of `other`.
    ///
    /// # Safety
    /// `first` is a bucket of this brigade, or what APR takes for the one after its last.
    pub(super) unsafe fn move_from(self, first: *mut sys::apr_bucket, other: Brigade<'_>) {
        let mut next = self.bucket(first);
        while let Some(bucket) = next {
            next = self.after(bucket);
            other.take(bucket);
        }
    }

    /// The length of the first line with its newline, if it ends within `longest` bytes; `longest` if that many are there.
    pub(super) fn line(self, longest: usize) -> Result<Option<usize>, AprError> {
        let mut length = 0;
        for bucket in self.buckets().filter(|bucket| bucket.is_data()) {
            let data = bucket.read()?;
            if let Some(newline) = data.iter().position(|byte| *byte == b'\n') {
                return Ok(Some(longest.min(length + newline + 1)));
            }
            length += data.len();
            if length >= longest {
                return Ok(Some(longest));
            }
        }
        Ok(None)
    }

    /// Moves so many bytes, or all there are, to the end of `other`, with the marks before them.
    pub(super) fn move_bytes(self, count: usize, other: Brigade<'_>) -> Result<(), AprError> {
        let mut missing = count;
        while let Some(bucket) = self.first().filter(|_| missing > 0) {
            if bucket.is_data() {
                let length = bucket.read()?.len();
                if length > missing {
                    bucket.split(missing)?;
                }
                missing -= length.min(missing);
            }
            other.take(bucket);
        }
        Ok(())
    }

    /// Copies so many bytes, or all there are, to the end of `other`.
    pub(super) fn copy_bytes(self, count: usize, other: Brigade<'_>) -> Result<(), AprError> {
        let mut missing = count;
        for bucket in self.buckets().filter(|bucket| bucket.is_data()) {
            let data = bucket.read()?;
            other.append(&data[..data.len().min(missing)])?;
            missing -= data.len().min(missing);
            if missing == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Deletes what is in it.
    pub(super) fn clear(self) {
        // SAFETY: the brigade lives.
        unsafe { sys::apr_brigade_cleanup(self.raw().cast()) };
    }

    /// Makes its buckets last as long as the pool. What cannot (a pipe) lasts of itself.
    pub(super) fn set_aside(self, pool: Pool<'_>) {
        for bucket in self.buckets() {
            // SAFETY: a live bucket, whose type names the function.
            unsafe {
                if let Some(set_aside) = (*bucket.raw.as_ref().type_).setaside {
                    set_aside(bucket.raw.as_ptr(), pool.raw());
                }
            }
        }
    }
}

impl<'b> Bucket<'b> {
    fn record(self) -> &'b sys::apr_bucket {
        // SAFETY: a bucket is used as long as it is in its brigade.
        unsafe { self.raw.as_ref() }
    }

    pub(super) fn kind(self) -> Kind {
        let class = self.record().type_;
        let is = |other: &sys::apr_bucket_type_t| ptr::eq(class, other);
        // SAFETY: every bucket has a type, and the types that APR and httpd define are constants.
        unsafe {
            if is(&sys::apr_bucket_type_heap)
                || is(&sys::apr_bucket_type_transient)
                || is(&sys::apr_bucket_type_immortal)
                || is(&sys::apr_bucket_type_pool)
                || is(&sys::apr_bucket_type_mmap)
            {
                Kind::Memory
            } else if is(&sys::apr_bucket_type_eos) {
                Kind::Eos
            } else if is(&sys::apr_bucket_type_flush) {
                Kind::Flush
            } else if is(&sys::ap_bucket_type_error) {
                Kind::Error
            } else if (*class).is_metadata == sys::APR_BUCKET_METADATA {
                Kind::Mark
            } else {
                Kind::Distant
            }
        }
    }

    pub(super) fn is_data(self) -> bool {
        matches!(self.kind(), Kind::Memory | Kind::Distant)
    }

    /// Bytes of data, as far as that is known.
    pub(super) fn length(self) -> usize {
        self.record().length
    }

    /// Its data. One of unknown size becomes one in memory and one for the rest, and may wait for what is to come.
    pub(super) fn read(self) -> Result<&'b [u8], AprError> {
        self.do_not_map();
        let (mut start, mut length) = (ptr::null(), 0);
        // SAFETY: a live bucket, whose type has a function to read; what it gives lives as long as the bucket is not deleted.
        unsafe {
            let read = (*self.record().type_).read.ok_or(AprError::GENERAL)?;
            let status =
                read(self.raw.as_ptr(), &raw mut start, &raw mut length, sys::APR_BLOCK_READ);
            AprError::check(status)?;
            if start.is_null() || length == 0 {
                return Ok(&[]);
            }
            Ok(std::slice::from_raw_parts(start.cast(), length))
        }
    }

    /// Has a file read block by block. APR would map it, which costs more than to copy it where many threads share the
    /// address space, and a file that is cut off while it is read (SIGBUS) would end the process.
    fn do_not_map(self) {
        if !ptr::eq(self.record().type_, &raw const sys::apr_bucket_type_file) {
            return;
        }
        // SAFETY: a live bucket of a file.
        unsafe {
            sys::apr_bucket_file_enable_mmap(self.raw.as_ptr(), 0);
            sys::apr_bucket_file_set_buf_size(self.raw.as_ptr(), FILE_BLOCK);
        }
    }

    /// Makes it two, the first of `length` bytes. It has been read, and is longer.
    pub(super) fn split(self, length: usize) -> Result<(), AprError> {
        // SAFETY: a live bucket, whose type has a function to split.
        unsafe {
            let split = (*self.record().type_).split.ok_or(AprError::GENERAL)?;
            AprError::check(split(self.raw.as_ptr(), length))
        }
    }

    fn unlink(self) {
        let link = &self.record().link;
        // SAFETY: both neighbours are links of the ring that the bucket is in.
        unsafe {
            (*link.prev).link.next = link.next;
            (*link.next).link.prev = link.prev;
        }
    }

    pub(super) fn delete(self) {
        self.unlink();
        // SAFETY: the bucket is in no brigade now; its type and its maker say how to free data and bucket.
        unsafe {
            let bucket = self.raw.as_ptr();
            if let Some(destroy) = (*(*bucket).type_).destroy {
                destroy((*bucket).data);
            }
            if let Some(free) = (*bucket).free {
                free(bucket.cast());
            }
        }
    }
}
