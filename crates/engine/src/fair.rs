//! Fair queues: message groups of a standard queue are tenants, and quiet ones come before noisy ones (contract §6).
//!
//! A tenant with messages to receive has a place in line. Quiet ones take turns, one message each; a message without
//! a group takes its turn as if it were a tenant of its own. The places of noisy tenants are after those of all quiet
//! ones, so the mark is as durable as the line. There are never many, and all of them are in memory.

use crate::group::{Group, Next};
use crate::partition::{Output, Partition};
use crate::receive::Filling;
use crate::rows::NOISY_PLACES;
use crate::shares::Load;
use crate::{Change, Counters, GroupId, Sequence};

/// A noisy tenant without messages in flight for this long is quiet again (contract §6).
const IDLE_MS: u64 = 5 * 60 * 1_000;
/// Tenants that are noisy at the same time; at most twenty can have half of [`crate::shares`]' share each.
const NOISY_GROUPS_MAX: usize = 32;

/// How a tenant is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    Quiet,
    Noisy,
}

/// The mark that a place in line carries.
pub(crate) fn mark_of(place: Sequence) -> Mark {
    if place >= NOISY_PLACES { Mark::Noisy } else { Mark::Quiet }
}

/// A place in line that carries a mark.
pub(crate) fn place_of(number: Sequence, mark: Mark) -> Sequence {
    match mark {
        Mark::Quiet => number,
        Mark::Noisy => Sequence(number.0 | NOISY_PLACES.0),
    }
}

/// The number that was assigned to a place, whatever its mark.
pub(crate) fn number_of(place: Sequence) -> Sequence {
    Sequence(place.0 & !NOISY_PLACES.0)
}

/// Whose turn it may be.
struct Turn {
    since: Sequence,
    group: GroupId,
    /// Absent while it is not in memory.
    next: Option<Next>,
}

impl Partition {
    /// Standard: the message whose turn it is, one after the other.
    pub(crate) fn take_fairly(&mut self, filling: &mut Filling, out: &mut Output) {
        while self.has_room(filling) {
            let turn = self.quiet_turn().or_else(|| self.noisy_turn(filling.now_ms));
            let Some(Turn { group, next: Some(next), .. }) = turn else { break };
            if self.ends_at(filling, next) {
                break;
            }
            self.take_one(filling, group, next, out);
            self.end_turn(filling.now_ms, group, out);
        }
    }

    /// Of the first message without a group and the first quiet tenant in line, the one that waits longer.
    fn quiet_turn(&self) -> Option<Turn> {
        self.ungrouped_turn().into_iter().chain(self.first_in_line()).min_by_key(|turn| turn.since)
    }

    fn ungrouped_turn(&self) -> Option<Turn> {
        let group = self.state.groups.get(&GroupId::NONE)?;
        let next = group.next();
        let since = match next {
            Some(Next::Returned(sequence)) => sequence,
            Some(Next::Head(entry)) => entry.position,
            None if group.row.log_count == 0 => return None,
            None => group.row.cursor,
        };
        Some(Turn { since, group: GroupId::NONE, next })
    }

    fn first_in_line(&self) -> Option<Turn> {
        let ready = &self.state.ready;
        match ready.first.first_key_value() {
            Some((place, id)) => {
                let next = self.state.groups.get(id).and_then(Group::head);
                Some(Turn { since: *place, group: *id, next })
            }
            None if ready.row.count == 0 => None,
            None => Some(Turn { since: ready.loaded_to(), group: GroupId::NONE, next: None }),
        }
    }

    /// The noisy tenant with the fewest messages in flight, then the one that took least.
    fn noisy_turn(&self, now_ms: u64) -> Option<Turn> {
        let noisy = self.state.noisy.iter().filter_map(|(place, id)| {
            let group = self.state.groups.get(id)?;
            let turn = Turn { since: *place, group: *id, next: group.head() };
            Some((group.load(now_ms), turn))
        });
        let by_load = |(left, _): &(Load, Turn), (right, _): &(Load, Turn)| {
            let by_number = left.in_flight.cmp(&right.in_flight);
            by_number.then(left.average.total_cmp(&right.average))
        };
        noisy.min_by(by_load).map(|(_, turn)| turn)
    }

    /// Sends a tenant that was served to the end of the line of its mark. It keeps its place when nobody is passed by.
    fn end_turn(&mut self, now_ms: u64, id: GroupId, out: &mut Output) {
        let Some(group) = self.state.groups.get(&id) else { return };
        let Some(place) = group.row.ready else { return };
        let mark = self.judge(now_ms, group);
        let is_settled = mark == mark_of(place)
            && match mark {
                Mark::Noisy => true,
                Mark::Quiet => self.state.ready.row.count == 1 && self.ungrouped_turn().is_none(),
            };
        if group.row.log_count == 0 || !is_settled {
            self.commit(Change::LeftLine(id, place), now_ms, out);
            self.take_place(now_ms, id, mark, out);
        }
    }

    /// Gives a tenant that can be served a place at the end of the line of a mark.
    fn take_place(&mut self, now_ms: u64, id: GroupId, mark: Mark, out: &mut Output) {
        if self.state.groups.get(&id).is_some_and(|group| group.row.log_count > 0) {
            let place = place_of(self.state.last_sequence.next(now_ms), mark);
            self.commit(Change::LinedUp(id, place), now_ms, out);
        }
    }

    /// The mark of a tenant as of now.
    pub(crate) fn judge(&self, now_ms: u64, group: &Group) -> Mark {
        let (own, all) = (group.load(now_ms), self.state.load(now_ms));
        let is_noisy = match group.row.ready.map_or(Mark::Quiet, mark_of) {
            Mark::Quiet => own.is_noise(all) && self.state.noisy.len() < NOISY_GROUPS_MAX,
            Mark::Noisy => !own.is_quiet(all) && idle_ends_ms(group).is_none_or(|at| now_ms < at),
        };
        if is_noisy { Mark::Noisy } else { Mark::Quiet }
    }

    /// Takes the mark from noisy tenants that are quiet again.
    pub(crate) fn pardon(&mut self, now_ms: u64, out: &mut Output) {
        let is_quiet = |id: &GroupId| {
            let group = self.state.groups.get(id);
            group.is_some_and(|group| self.judge(now_ms, group) == Mark::Quiet)
        };
        let quiet = self.state.noisy.iter().filter(|(_, id)| is_quiet(id));
        let pardoned: Vec<_> = quiet.map(|(place, id)| (*place, *id)).collect();
        for (place, id) in pardoned {
            self.commit(Change::LeftLine(id, place), now_ms, out);
            self.take_place(now_ms, id, Mark::Quiet, out);
        }
    }

    /// When a noisy tenant has been idle for long enough to be quiet again.
    pub(crate) fn next_pardon_ms(&self) -> Option<u64> {
        self.noisy_groups().filter_map(idle_ends_ms).min()
    }

    /// The counters, exact as of the last command or tick.
    #[must_use]
    pub fn counters(&self) -> Counters {
        let (visible, in_flight) =
            self.noisy_groups().fold((0, 0), |(visible, in_flight), group| {
                (visible + group.row.log_count, in_flight + group.in_flight.len() as u64)
            });
        let all_visible = self.state.log_count + self.state.returned_count as u64;
        let all_in_flight = self.state.deadlines.len() as u64;
        Counters {
            visible: all_visible,
            in_flight: all_in_flight,
            delayed: self.state.due.row.count,
            oldest_sent_at_ms: self.oldest_sent_at_ms(),
            noisy_groups: self.state.noisy.len() as u64,
            visible_in_quiet_groups: all_visible - visible,
            in_flight_in_quiet_groups: all_in_flight - in_flight,
            oldest_sent_at_ms_in_quiet_groups: self.oldest_sent_at_ms_in_quiet_groups(),
        }
    }

    fn noisy_groups(&self) -> impl Iterator<Item = &Group> {
        self.state.noisy.values().filter_map(|id| self.state.groups.get(id))
    }
}

/// When a group without messages in flight counts as idle.
fn idle_ends_ms(group: &Group) -> Option<u64> {
    group.in_flight.is_empty().then_some(group.idle_since_ms + IDLE_MS)
}
