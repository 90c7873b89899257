//! A bound on memory that many share, in bytes.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Bytes in use, and how many there may be; cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Memory(Arc<Use>);

#[derive(Debug)]
struct Use {
    bytes: AtomicUsize,
    bytes_max: usize,
}

/// Bytes that are taken, until this is dropped.
#[derive(Debug)]
pub(super) struct Share {
    memory: Memory,
    bytes: usize,
}

impl Memory {
    pub(super) fn new(bytes_max: usize) -> Self {
        Self(Arc::new(Use { bytes: AtomicUsize::new(0), bytes_max }))
    }

    /// Nothing yet, to be grown.
    pub(super) fn none(&self) -> Share {
        Share { memory: self.clone(), bytes: 0 }
    }

    /// Takes bytes, if there are as many.
    pub(super) fn take(&self, bytes: usize) -> Option<Share> {
        let mut share = self.none();
        share.grow(bytes).then_some(share)
    }

    /// Whether more than half is in use.
    pub(super) fn is_scarce(&self) -> bool {
        self.0.bytes.load(Ordering::Relaxed) > self.0.bytes_max / 2
    }
}

impl Share {
    /// Takes more bytes, if there are as many.
    #[must_use]
    pub(super) fn grow(&mut self, bytes: usize) -> bool {
        let in_use = &self.memory.0.bytes;
        if in_use.fetch_add(bytes, Ordering::Relaxed) + bytes > self.memory.0.bytes_max {
            in_use.fetch_sub(bytes, Ordering::Relaxed);
            return false;
        }
        self.bytes += bytes;
        true
    }

    /// Takes what is missing to this many bytes in all, if there are as many.
    #[must_use]
    pub(super) fn grow_to(&mut self, bytes: usize) -> bool {
        bytes <= self.bytes || self.grow(bytes - self.bytes)
    }

    /// Gives everything back.
    pub(super) fn clear(&mut self) {
        self.memory.0.bytes.fetch_sub(self.bytes, Ordering::Relaxed);
        self.bytes = 0;
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_there_is() {
        let memory = Memory::new(100);
        let mut first = memory.take(40).expect("room");
        assert!(!memory.is_scarce());
        let second = memory.take(60).expect("room");
        assert!(memory.is_scarce());
        assert!(memory.take(1).is_none());
        assert!(!first.grow(1));
        drop(second);
        assert!(first.grow(60));
        first.clear();
        assert!(memory.take(100).is_some());
    }
}
