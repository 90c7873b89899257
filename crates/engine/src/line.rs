//! FIFO: the line of groups that can be served.
//!
//! A group stands in line while the head of its log waits for no message of the group in flight (contract §5.1). It
//! takes its place when that becomes so, hence a group that was served and unlocked again stands behind the others.

use crate::partition::{Output, Partition};
use crate::state::Order;
use crate::{Change, GroupId};

impl Partition {
    /// Brings a group into line, or out of it, after something happened to it.
    pub(crate) fn line_up(&mut self, now_ms: u64, id: GroupId, out: &mut Output) {
        if self.state.order == Order::Standard {
            return;
        }
        let Some(group) = self.state.groups.get(&id) else { return };
        let Some(is_unlocked) = group.is_unlocked() else {
            self.state.unjudged.insert(id);
            return;
        };
        self.state.unjudged.remove(&id);
        match (is_unlocked, group.row.ready) {
            (true, None) => {
                let place = self.state.last_sequence.next(now_ms);
                self.commit(Change::LinedUp(id, place), now_ms, out);
            }
            (false, Some(place)) => self.commit(Change::LeftLine(id, place), now_ms, out),
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// Sends a group that was served, and can be served still, to the end of the line.
    pub(crate) fn rotate(&mut self, now_ms: u64, id: GroupId, out: &mut Output) {
        if let Some(place) = self.state.groups.get(&id).and_then(|group| group.row.ready) {
            self.commit(Change::LeftLine(id, place), now_ms, out);
        }
        self.line_up(now_ms, id, out);
    }
}
