//! Taking messages for a receive.

use crate::group::Next;
use crate::partition::{Output, Partition};
use crate::{Change, Delivery, GroupId, Sequence, TouchedRow};

impl Partition {
    /// Takes up to `count_max` visible messages and hides them for `visibility_ms`.
    pub(crate) fn take(
        &mut self,
        now_ms: u64,
        count_max: usize,
        visibility_ms: u64,
        out: &mut Output,
    ) -> Vec<Delivery> {
        let mut deliveries: Vec<Delivery> = Vec::new();
        // With a visibility timeout of zero a message is visible again at once; it still comes once per receive.
        let mut again = Vec::new();
        while deliveries.len() < count_max && !self.is_full() {
            let Some((group, next)) = self.next_message() else {
                break;
            };
            let (sequence, before) = self.claim(now_ms, group, next, out);
            if self.is_expired(sequence, now_ms) {
                self.commit(Change::Erased(sequence), now_ms, out);
                continue;
            }
            let row = TouchedRow {
                group,
                receive_count: before.map_or(0, |row| row.receive_count) + 1,
                first_received_at_ms: before.map_or(now_ms, |row| row.first_received_at_ms),
                visible_at_ms: now_ms + visibility_ms,
                position: None,
            };
            deliveries.push(Delivery {
                sequence,
                receive_count: row.receive_count,
                first_received_at_ms: row.first_received_at_ms,
                received_at_ms: now_ms,
            });
            if visibility_ms == 0 {
                again.push((sequence, row));
            } else {
                self.commit(Change::Touched(sequence, row), now_ms, out);
            }
        }
        for (sequence, row) in again {
            self.commit(Change::Touched(sequence, row), now_ms, out);
            self.settle(now_ms, sequence, row, out);
        }
        deliveries
    }

    /// The message to deliver next: the policy of the queue type. A standard queue takes the oldest visible one.
    fn next_message(&self) -> Option<(GroupId, Next)> {
        self.state.groups.iter().find_map(|(id, group)| group.next().map(|next| (*id, next)))
    }

    /// Takes a message out of where it waits and returns its state so far.
    fn claim(
        &mut self,
        now_ms: u64,
        group: GroupId,
        next: Next,
        out: &mut Output,
    ) -> (Sequence, Option<TouchedRow>) {
        match next {
            Next::Returned(sequence) => {
                let row = self.state.find(sequence);
                self.state.unreturn(group, sequence);
                (sequence, row)
            }
            Next::Head(entry) => {
                self.commit(Change::Unlogged(group, entry.position), now_ms, out);
                let row = (entry.receive_count > 0).then_some(TouchedRow {
                    group,
                    receive_count: entry.receive_count,
                    first_received_at_ms: entry.first_received_at_ms,
                    visible_at_ms: 0,
                    position: None,
                });
                (entry.sequence, row)
            }
        }
    }
}
