//! The line of groups that can be served: message groups of a FIFO queue, tenants of a standard queue.
//!
//! A FIFO group stands in line while the head of its log waits for no message of the group in flight (contract §5.1). It
//! takes its place when that becomes so, hence a group that was served and unlocked again stands behind the others. A
//! tenant stands in line while it has a log.

use crate::fair::{Mark, place_of};
use crate::partition::{Output, Partition};
use crate::state::Order;
use crate::{Change, GroupId};

impl Partition {
    /// Brings a group into line, or out of it, after something happened to it.
    pub(crate) fn line_up(&mut self, now_ms: u64, id: GroupId, out: &mut Output) {
        if !self.state.stands_in_line(id) {
            return;
        }
        let Some(group) = self.state.groups.get(&id) else { return };
        let Some(can_be_served) = self.state.can_be_served(group) else {
            self.state.unjudged.insert(id);
            return;
        };
        self.state.unjudged.remove(&id);
        match (can_be_served, group.row.ready) {
            (true, None) => {
                let mark = match self.state.order {
                    Order::Standard => self.judge(now_ms, group),
                    Order::Fifo => Mark::Quiet,
                };
                let place = place_of(self.state.last_sequence.next(now_ms), mark);
                self.commit(Change::LinedUp(id, place), now_ms, out);
            }
            (false, Some(place)) => self.commit(Change::LeftLine(id, place), now_ms, out),
            (true, Some(_)) | (false, None) => {}
        }
    }

    /// FIFO: sends a group that was served, and can be served still, to the end of the line.
    pub(crate) fn rotate(&mut self, now_ms: u64, id: GroupId, out: &mut Output) {
        if let Some(place) = self.state.groups.get(&id).and_then(|group| group.row.ready) {
            self.commit(Change::LeftLine(id, place), now_ms, out);
        }
        self.line_up(now_ms, id, out);
    }
}
