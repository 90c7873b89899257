//! FIFO deduplication: a send repeats an earlier one for five minutes, also when that was received and deleted.

use foldhash::{HashMap, HashMapExt};

use crate::index::{Index, IndexRow};
use crate::partition::{Output, Partition};
use crate::recent_keys::RecentKeys;
use crate::{Change, DeadlineKey, Deduplication, DuplicateRow, SendOutcome, Sequence};

/// How long a send is remembered. A duplicate does not extend it (contract §5.2).
pub(crate) const WINDOW_MS: u64 = 5 * 60 * 1_000;

impl Partition {
    /// The outcome of a send that repeats an earlier one.
    pub(crate) fn repeated(
        &self,
        now_ms: u64,
        deduplication: Option<Deduplication>,
    ) -> Option<SendOutcome> {
        let earlier = self.state.duplicates.find(deduplication?.key)?;
        let DuplicateRow { deadline_ms, sequence, message } = earlier;
        (deadline_ms > now_ms).then_some(SendOutcome::Duplicate { sequence, message })
    }

    /// Remembers a send, in place of an earlier one whose window is over.
    pub(crate) fn remember(
        &mut self,
        now_ms: u64,
        deduplication: Deduplication,
        sequence: Sequence,
        out: &mut Output,
    ) {
        let Deduplication { key, message } = deduplication;
        if let Some(earlier) = self.state.duplicates.find(key) {
            let deadline = DeadlineKey { deadline_ms: earlier.deadline_ms, key };
            self.commit(Change::Forgotten(deadline), now_ms, out);
        }
        let row = DuplicateRow { deadline_ms: now_ms + WINDOW_MS, sequence, message };
        self.commit(Change::Remembered(key, row), now_ms, out);
    }

    /// Forgets sends whose window is over. Not worth waking up for: an old row is no duplicate any more.
    pub(crate) fn end_deduplication(&mut self, now_ms: u64, out: &mut Output) {
        while self.rows_left > 0
            && let Some((deadline, ())) = self.state.duplicates.deadlines.first.first_key_value()
            && deadline.deadline_ms <= now_ms
        {
            self.rows_left -= 1;
            self.commit(Change::Forgotten(*deadline), now_ms, out);
        }
    }
}

/// What memory has of the rows of deduplication.
#[derive(Debug)]
pub(crate) struct Duplicates {
    /// When they are forgotten.
    pub(crate) deadlines: Index<DeadlineKey, ()>,
    /// Keys that memory knows since the last commit: the row, or that there is none.
    known: HashMap<u128, Option<DuplicateRow>>,
    /// Which of all others may have a row.
    recent: RecentKeys,
}

impl Duplicates {
    /// Opens it from its rows. `last_sequence` is the last number that was assigned, and `deadlines_max` how many deadlines
    /// are in memory at most.
    pub(crate) fn open(
        deadlines: IndexRow<DeadlineKey>,
        last_sequence: Sequence,
        deadlines_max: usize,
    ) -> Self {
        Self {
            deadlines: Index::open(deadlines, deadlines_max),
            known: HashMap::new(),
            // The number of a send tells when it was remembered, or a later moment.
            recent: RecentKeys::open(last_sequence.at_ms() + WINDOW_MS),
        }
    }

    /// An earlier send with a key, as far as the command at hand may know.
    pub(crate) fn find(&self, key: u128) -> Option<DuplicateRow> {
        self.known.get(&key).copied().flatten()
    }

    /// Whether a key may have a row that memory does not know.
    pub(crate) fn may_be_on_disk(&self, key: u128) -> bool {
        !self.known.contains_key(&key) && self.recent.may_contain(key, self.deadline_min_ms())
    }

    /// No row has a deadline before this, epoch milliseconds.
    fn deadline_min_ms(&self) -> u64 {
        let Index { row, first, .. } = &self.deadlines;
        match first.first_key_value() {
            _ if row.count == 0 => u64::MAX,
            Some((deadline, ())) => deadline.deadline_ms,
            None => row.cursor.deadline_ms,
        }
    }

    /// Applies a put.
    pub(crate) fn remember(&mut self, key: u128, row: DuplicateRow) {
        let deadline = DeadlineKey { deadline_ms: row.deadline_ms, key };
        let before = DeadlineKey { deadline_ms: row.deadline_ms, key: 0 };
        self.recent.insert(deadline, self.deadline_min_ms());
        self.deadlines.insert(deadline, (), before);
        self.known.insert(key, Some(row));
    }

    /// Applies a removal.
    pub(crate) fn forget(&mut self, deadline: DeadlineKey) {
        self.deadlines.remove(deadline);
        self.known.insert(deadline.key, None);
    }

    /// Takes a row that was looked up.
    pub(crate) fn lend(&mut self, key: u128, row: DuplicateRow) {
        self.known.entry(key).or_insert(Some(row));
    }

    /// Entries in memory.
    pub(crate) fn entries(&self) -> usize {
        self.deadlines.first.len() + self.known.len()
    }

    /// Forgets what is on disk from now on.
    pub(crate) fn end_commit(&mut self) {
        self.known.clear();
    }

    /// Forgets everything, as the rows are removed at once.
    pub(crate) fn clear(&mut self) {
        self.deadlines.clear();
        self.known.clear();
        self.recent.clear();
    }
}
