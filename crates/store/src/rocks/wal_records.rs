//! Reads a log of RocksDB record by record, and past damage.
//!
//! A log is a sequence of 32 KiB blocks; a record lies within one block or is split into fragments, each
//! with a header: masked checksum (4 bytes), length (2), type (1), all little-endian. Less than a header at
//! the end of a block is padding (`db/log_format.h`).

use std::io::{self, Read};

use super::crc32c;

const BLOCK_BYTES: usize = 32_768;
const HEADER_BYTES: usize = 7;
const TYPE_FULL: u8 = 1;
const TYPE_FIRST: u8 = 2;
const TYPE_MIDDLE: u8 = 3;
const TYPE_LAST: u8 = 4;

/// What lies next in a log.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// An intact record and where it starts.
    Record { offset: u64, payload: Vec<u8> },
    /// Bytes that are no intact record, or the end of the file within a record.
    Damage { offset: u64 },
}

/// Reads the records of one log in order.
pub(super) struct WalRecords<R> {
    input: R,
    block: Vec<u8>,
    block_offset: u64,
    position: usize,
    is_last_block: bool,
    /// Start and content of a record whose last fragment is still to come.
    unfinished: Option<(u64, Vec<u8>)>,
}

/// One fragment within a block.
struct Fragment<'a> {
    kind: u8,
    payload: &'a [u8],
}

impl<R: Read> WalRecords<R> {
    pub(super) fn new(input: R) -> Self {
        Self {
            input,
            block: Vec::new(),
            block_offset: 0,
            position: 0,
            is_last_block: false,
            unfinished: None,
        }
    }

    /// Returns the next item, or `None` at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Item>> {
        loop {
            let rest = self.block.get(self.position..).unwrap_or_default();
            if rest.len() < HEADER_BYTES {
                if self.is_last_block {
                    return Ok(self.end_of_file());
                }
                self.read_block()?;
                continue;
            }
            let offset = self.offset();
            let Some(fragment) = fragment_at(rest) else {
                self.position += next_fragment(rest);
                return Ok(Some(self.damage(offset)));
            };
            let Fragment { kind, payload } = fragment;
            let payload = payload.to_vec();
            self.position += HEADER_BYTES + payload.len();
            if let Some(item) = self.take_fragment(kind, offset, payload) {
                return Ok(Some(item));
            }
        }
    }

    fn take_fragment(&mut self, kind: u8, offset: u64, payload: Vec<u8>) -> Option<Item> {
        match (kind, &mut self.unfinished) {
            (TYPE_FULL, None) => Some(Item::Record { offset, payload }),
            (TYPE_FIRST, None) => {
                self.unfinished = Some((offset, payload));
                None
            }
            (TYPE_MIDDLE, Some((_, record))) => {
                record.extend_from_slice(&payload);
                None
            }
            (TYPE_LAST, Some(_)) => {
                let (offset, mut record) = self.unfinished.take()?;
                record.extend_from_slice(&payload);
                Some(Item::Record { offset, payload: record })
            }
            (TYPE_FULL | TYPE_FIRST, Some(_)) => {
                // The record before never ended; read this fragment again, now as a beginning.
                self.position -= HEADER_BYTES + payload.len();
                Some(self.damage(offset))
            }
            (TYPE_MIDDLE | TYPE_LAST, None) => Some(Item::Damage { offset }),
            // Types for features that are off, or of a newer RocksDB, which will judge them.
            _ => None,
        }
    }

    fn offset(&self) -> u64 {
        self.block_offset + self.position as u64
    }

    /// Reports damage from the start of the record that it hits.
    fn damage(&mut self, offset: u64) -> Item {
        let offset = self.unfinished.take().map_or(offset, |(start, _)| start);
        Item::Damage { offset }
    }

    fn end_of_file(&mut self) -> Option<Item> {
        let is_cut_off = self.position < self.block.len() || self.unfinished.is_some();
        let offset = self.offset();
        self.position = self.block.len();
        is_cut_off.then(|| self.damage(offset))
    }

    fn read_block(&mut self) -> io::Result<()> {
        self.block_offset += self.block.len() as u64;
        self.position = 0;
        self.block.clear();
        self.input.by_ref().take(BLOCK_BYTES as u64).read_to_end(&mut self.block)?;
        self.is_last_block = self.block.len() < BLOCK_BYTES;
        Ok(())
    }
}

/// Whether the file ends before the record that begins with `bytes`, as far as its headers can be believed.
pub(super) fn is_cut_off(bytes: &[u8]) -> bool {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else { return true };
    let [_, _, _, _, l0, l1, kind] = *header;
    let end = HEADER_BYTES + usize::from(u16::from_le_bytes([l0, l1]));
    bytes.len() < end || (kind == TYPE_FIRST && bytes.len() <= end)
}

/// Reads the fragment at the start of `bytes`, if one is intact there.
fn fragment_at(bytes: &[u8]) -> Option<Fragment<'_>> {
    let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
    let [c0, c1, c2, c3, l0, l1, kind] = *header;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    let payload = rest.get(..length)?;
    if kind == 0
        || crc32c::masked(bytes.get(6..HEADER_BYTES + length)?)
            != u32::from_le_bytes([c0, c1, c2, c3])
    {
        return None;
    }
    Some(Fragment { kind, payload })
}

/// Returns how far the next intact fragment of a damaged block is, or its end.
fn next_fragment(bytes: &[u8]) -> usize {
    let is_start = |position: &usize| {
        let bytes = bytes.get(*position..).unwrap_or_default();
        let is_known = matches!(bytes.get(6), Some(&(TYPE_FULL..=TYPE_LAST)));
        is_known && fragment_at(bytes).is_some()
    };
    (1..bytes.len()).find(is_start).unwrap_or(bytes.len())
}
