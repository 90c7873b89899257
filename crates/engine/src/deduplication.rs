//! FIFO deduplication: a send repeats an earlier one for five minutes, also when that was received and deleted.

use crate::partition::{Output, Partition};
use crate::{Change, Deduplication, DuplicateRow, SendOutcome, Sequence};

/// How long a send is remembered. A duplicate does not extend it (contract §5.2).
const WINDOW_MS: u64 = 5 * 60 * 1_000;

impl Partition {
    /// The outcome of a send that repeats an earlier one.
    pub(crate) fn repeated(
        &self,
        now_ms: u64,
        deduplication: Option<Deduplication>,
    ) -> Option<SendOutcome> {
        let earlier = self.state.find_duplicate(deduplication?.key)?;
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
        if let Some(earlier) = self.state.find_duplicate(key) {
            let deadline = crate::DeadlineKey { deadline_ms: earlier.deadline_ms, key };
            self.commit(Change::Forgotten(deadline), now_ms, out);
        }
        let row = DuplicateRow { deadline_ms: now_ms + WINDOW_MS, sequence, message };
        self.commit(Change::Remembered(key, row), now_ms, out);
    }

    /// Forgets sends whose window is over. Not worth waking up for: an old row is no duplicate any more.
    pub(crate) fn end_deduplication(&mut self, now_ms: u64, out: &mut Output) {
        while self.rows_left > 0
            && let Some((deadline, ())) = self.state.forgetting.first.first_key_value()
            && deadline.deadline_ms <= now_ms
        {
            self.rows_left -= 1;
            self.commit(Change::Forgotten(*deadline), now_ms, out);
        }
    }
}
