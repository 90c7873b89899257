//! The mark that every commit carries in the log: up to where the log was synced before it.
//!
//! After a crash the marks tell damage from a torn tail. What lies before a mark's sequence number was on
//! stable storage when the mark was written, hence may be acknowledged. See [`super::wal_check`].

/// Begins a mark among the log-only data of a write batch.
const MAGIC: &[u8; 8] = b"sluicesy";

/// Tags of RocksDB's write batch (`db/dbformat.h`), those that this crate writes.
const TAG_LOG_DATA: u8 = 0x3;
const TAG_DELETION: u8 = 0x4;
const TAG_VALUE: u8 = 0x5;
const TAG_NOOP: u8 = 0xd;
const TAG_RANGE_DELETION: u8 = 0xe;

/// Returns the mark for "all up to and including `sequence` is synced".
pub(super) fn encode(sequence: u64) -> [u8; 16] {
    let mut mark = [0; 16];
    mark[..8].copy_from_slice(MAGIC);
    mark[8..].copy_from_slice(&sequence.to_be_bytes());
    mark
}

/// What the log says about one write batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BatchHead {
    /// Sequence number of the first change.
    pub(super) sequence: u64,
    /// Changes in the batch, each with a sequence number of its own.
    pub(super) count: u64,
    /// The highest mark in it; several commits may share a batch.
    pub(super) mark: Option<u64>,
}

/// Reads a write batch as far as needed; `None` if it is too short to be one.
pub(super) fn batch_head(mut batch: &[u8]) -> Option<BatchHead> {
    let input = &mut batch;
    let sequence = u64::from_le_bytes(*input.split_first_chunk()?.0);
    take(input, 8)?;
    let count = u64::from(u32::from_le_bytes(*input.split_first_chunk()?.0));
    take(input, 4)?;
    let mut mark = None;
    // A tag that this crate does not write ends the reading; the checksum has vouched for the batch.
    while let Some(log_data) = next_entry(input) {
        mark = mark.max(log_data.and_then(decode));
    }
    Some(BatchHead { sequence, count, mark })
}

fn decode(log_data: &[u8]) -> Option<u64> {
    let sequence = log_data.strip_prefix(MAGIC)?;
    Some(u64::from_be_bytes(sequence.try_into().ok()?))
}

/// Skips one entry and returns its log-only data, if it is such.
fn next_entry<'a>(input: &mut &'a [u8]) -> Option<Option<&'a [u8]>> {
    let tag = *take(input, 1)?.first()?;
    match tag {
        TAG_LOG_DATA => return Some(Some(take_string(input)?)),
        TAG_DELETION => {
            take_varint(input)?;
            take_string(input)?;
        }
        TAG_VALUE | TAG_RANGE_DELETION => {
            take_varint(input)?;
            take_string(input)?;
            take_string(input)?;
        }
        TAG_NOOP => {}
        _ => return None,
    }
    Some(None)
}

fn take<'a>(input: &mut &'a [u8], bytes: usize) -> Option<&'a [u8]> {
    let (taken, rest) = input.split_at_checked(bytes)?;
    *input = rest;
    Some(taken)
}

fn take_string<'a>(input: &mut &'a [u8]) -> Option<&'a [u8]> {
    let bytes = take_varint(input)?;
    take(input, usize::try_from(bytes).ok()?)
}

fn take_varint(input: &mut &[u8]) -> Option<u32> {
    let mut value = 0;
    for shift in [0, 7, 14, 21, 28] {
        let byte = *take(input, 1)?.first()?;
        value |= u32::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

    use super::{BatchHead, batch_head, encode};

    #[test]
    fn reads_what_rocksdb_writes() {
        let mut batch = rocksdb::WriteBatch::default();
        batch.put_log_data(encode(7));
        assert_eq!(
            batch_head(batch.data()),
            Some(BatchHead { sequence: 0, count: 0, mark: Some(7) })
        );
    }

    /// Commits of several shards may share a batch, so a mark may follow every kind of change.
    #[test]
    fn finds_the_highest_mark_behind_every_kind_of_change() {
        let dir = tempfile::tempdir().unwrap();
        let mut options = rocksdb::Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        let db = rocksdb::DB::open_cf(&options, dir.path(), ["other"]).unwrap();
        let other = db.cf_handle("other").unwrap();
        let mut batch = rocksdb::WriteBatch::default();
        batch.put_log_data(encode(7));
        batch.put_cf(other, b"key", [3; 100_000]);
        batch.delete_cf(other, b"key");
        batch.delete_range_cf(other, b"a", b"z");
        batch.put_log_data(encode(9));
        batch.put_log_data(encode(8));
        batch.put_log_data(b"sluicesy: of something else");
        let head = BatchHead { sequence: 0, count: 3, mark: Some(9) };
        assert_eq!(batch_head(batch.data()), Some(head));
    }

    #[test]
    fn truncated_batches_have_no_head_or_no_mark() {
        let mut batch = rocksdb::WriteBatch::default();
        batch.put_log_data(encode(u64::MAX));
        let whole = batch.data();
        for end in 0..whole.len() {
            let head = batch_head(&whole[..end]);
            assert_eq!(head.and_then(|head| head.mark), None, "{end}");
        }
    }
}
