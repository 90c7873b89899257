//! A partition: commands in, changes and replies out.

use crate::attempt::Attempts;
use crate::long_poll::{PollKind, Waiter, Waiters};
use crate::state::{Order, Place, State};
use crate::{
    Change, Command, DeleteOutcome, Delivery, Found, GroupId, GroupRow, Handle, Limits, LogEntry,
    Lookup, NewMessage, Page, PartitionRow, Policy, QueueConfig, Reply, RequestId, SendOutcome,
    Sequence, Stored, Want,
};

/// What a command or a tick decided. The changes belong into one atomic commit, before any of the replies goes out.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Output {
    /// Changes to the rows, in order.
    pub changes: Vec<Change>,
    /// Replies, each to the request it names.
    pub replies: Vec<(RequestId, Reply)>,
}

/// One partition of a queue: the state machine that decides everything about its messages.
#[derive(Debug)]
pub struct Partition {
    pub(crate) config: QueueConfig,
    pub(crate) state: State,
    pub(crate) waiters: Waiters,
    pub(crate) attempts: Attempts,
    /// Dead letters that the command at hand may still send away, and expired messages that it may meet.
    pub(crate) departures_left: usize,
    /// Rows that time may still move or remove, until the next tick or the next moment.
    pub(crate) rows_left: usize,
    /// When the commands before the one at hand came.
    now_ms: u64,
    /// Whether more timeouts and delays are over than could be ended.
    pub(crate) is_behind: bool,
    /// Whether dead letters and expired messages stand before what can be received.
    pub(crate) is_held_up: bool,
}

impl Partition {
    /// Opens a partition from its stored rows.
    #[must_use]
    pub fn open(stored: Stored, config: QueueConfig, limits: Limits, now_ms: u64) -> Self {
        let order = match config.policy {
            Policy::Standard { .. } => Order::Standard,
            Policy::Fifo { .. } => Order::Fifo,
        };
        let state = State::open(stored, limits, order, now_ms);
        Self {
            config,
            state,
            waiters: Waiters::default(),
            attempts: Attempts::default(),
            departures_left: limits.tick_rows_max,
            rows_left: limits.tick_rows_max,
            now_ms,
            is_behind: false,
            is_held_up: false,
        }
    }

    /// Decides a command. The rows of [`Self::wants`] must have been supplied, and those of [`Self::lookups`] lent.
    pub fn submit(&mut self, now_ms: u64, request: RequestId, command: Command, out: &mut Output) {
        self.start_command(now_ms, out);
        let reply = match command {
            Command::Send(messages) => Some(Reply::Sent(self.send(now_ms, &messages, out))),
            Command::Receive { count_max, wait_ms, visibility_ms, attempt } => {
                let repeated =
                    attempt.and_then(|name| self.repeat_attempt(now_ms, name, visibility_ms, out));
                if repeated.is_none() {
                    let kind = if wait_ms == 0 { PollKind::Short } else { PollKind::Long };
                    let deadline_ms = now_ms + wait_ms;
                    self.waiters.add(Waiter {
                        request,
                        count_max,
                        visibility_ms,
                        attempt,
                        deadline_ms,
                        kind,
                    });
                }
                repeated
            }
            Command::Delete(handles) => {
                let deleted = handles.iter().map(|handle| self.delete(now_ms, *handle, out));
                Some(Reply::Deleted(deleted.collect()))
            }
            Command::ChangeVisibility(changes) => {
                let outcomes = changes.iter().map(|(handle, hidden_ms)| {
                    self.change_visibility(now_ms, *handle, *hidden_ms, out)
                });
                Some(Reply::VisibilityChanged(outcomes.collect()))
            }
            Command::Depart { count_max, to } => {
                let count = self.depart(now_ms, count_max, to, out);
                let is_all = self.departures_left > 0 && self.wants().is_none();
                Some(Reply::Departed { count, is_all })
            }
            Command::ReadOutbox(count_max) => Some(Reply::Outbox(self.outbox(count_max))),
            Command::Delivered(numbers) => Some(self.delivered(now_ms, &numbers, out)),
            Command::Return(numbers) => Some(self.bring_back(now_ms, &numbers, out)),
            Command::Arrive { from, arrivals } => {
                let arrived = arrivals.into_iter().map(|it| self.arrive(now_ms, from, it, out));
                Some(Reply::Arrived(arrived.collect()))
            }
            Command::Purge => {
                self.purge(now_ms, out);
                Some(Reply::Purged)
            }
            Command::Count => Some(Reply::Counted(self.counters())),
            Command::Peek(count_max) => Some(Reply::Peeked(self.peek(now_ms, count_max))),
            Command::Configure(config) => {
                self.config = config;
                self.mature(now_ms, out);
                None
            }
            Command::Cancel => {
                self.waiters.cancel(request);
                None
            }
            Command::StopWaiting => {
                self.waiters.stop();
                None
            }
        };
        out.replies.extend(reply.map(|reply| (request, reply)));
        self.serve_waiters(now_ms, out);
        self.state.end_command();
    }

    fn start_command(&mut self, now_ms: u64, out: &mut Output) {
        self.departures_left = self.state.limits.tick_rows_max;
        // The commands of one moment share what time may do, as they share a commit.
        if self.now_ms != now_ms {
            self.now_ms = now_ms;
            self.rows_left = self.state.limits.tick_rows_max;
        }
        self.mature(now_ms, out);
    }

    fn purge(&mut self, now_ms: u64, out: &mut Output) {
        self.attempts.clear();
        if !self.state.is_empty() {
            let watermark = self.state.last_sequence.next(now_ms);
            self.commit(Change::Purged(watermark), now_ms, out);
        }
    }

    /// Does what time alone brings about: timeouts end, delays pass, messages expire, waits end.
    pub fn tick(&mut self, now_ms: u64, out: &mut Output) {
        self.departures_left = self.state.limits.tick_rows_max;
        self.rows_left = self.state.limits.tick_rows_max;
        self.go_on(now_ms, out);
    }

    fn go_on(&mut self, now_ms: u64, out: &mut Output) {
        self.mature(now_ms, out);
        if self.is_held_up && self.waiters.len() == 0 {
            self.clear_way(now_ms, out);
        }
        self.serve_waiters(now_ms, out);
        self.state.end_command();
    }

    /// When [`Self::tick`] has something to do next, epoch milliseconds; absent when only a command can change it.
    #[must_use]
    pub fn next_wake_ms(&self) -> Option<u64> {
        if self.is_held_up || self.is_behind {
            return Some(0);
        }
        let timeout = self.state.deadlines.first().map(|(at_ms, _)| *at_ms);
        let due = self.state.due.first.first_key_value().map(|(key, _)| self.due_at_ms(*key));
        let others =
            [self.next_expiry_ms(), self.next_pardon_ms(), self.waiters.next_deadline_ms()];
        let forgotten = self.attempts.next_end_ms();
        [timeout, due, forgotten].into_iter().chain(others).flatten().min()
    }

    /// Rows that are needed before the next command, if any.
    #[must_use]
    pub fn wants(&self) -> Option<Want> {
        let state = &self.state;
        if state.due.is_low(1) {
            return Some(Want::Due { after: state.due.loaded_to(), limit: state.due.page_rows() });
        }
        let deadlines = &state.duplicates.deadlines;
        if deadlines.is_low(1) {
            let (after, limit) = (deadlines.loaded_to(), deadlines.page_rows());
            return Some(Want::Deadlines { after, limit });
        }
        if state.ready.is_low(state.limits.groups_ahead) {
            let (after, limit) = (state.ready.loaded_to(), state.ready.page_rows());
            return Some(Want::Ready { after, limit });
        }
        if state.outbox.is_low(1) {
            let (after, limit) = (state.outbox.loaded_to(), state.outbox.page_rows());
            return Some(Want::Outbox { after, limit });
        }
        if let Some(group) = self.group_to_read() {
            return Some(Want::Group(group));
        }
        if let Some(id) = state.unjudged.first()
            && let Some(group) = state.groups.get(id)
        {
            let (after, limit) = (group.loaded_to(), state.page_rows(*id));
            return Some(Want::Log { group: *id, after, limit });
        }
        if state.is_log_in_memory() {
            return None;
        }
        self.groups_ahead().find_map(|id| {
            let group =
                state.groups.get(&id).filter(|group| group.is_low(state.limits.window_low))?;
            Some(Want::Log { group: id, after: group.loaded_to(), limit: state.page_rows(id) })
        })
    }

    /// Takes the rows that [`Self::wants`] asked for. `more` rows remain when the page is as long as its limit.
    pub fn supply(&mut self, now_ms: u64, page: Page, out: &mut Output) {
        let judged = match &page {
            Page::Log(id, _) => self.state.unjudged.take(id),
            Page::Due(_)
            | Page::Ready(_)
            | Page::Group(..)
            | Page::Deadlines(_)
            | Page::Outbox(_) => None,
        };
        self.state.supply(page);
        if let Some(id) = judged {
            self.line_up(now_ms, id, out);
        }
        // Not a tick of its own: a receive that goes through many pages is one command.
        self.go_on(now_ms, out);
    }

    /// Rows that must be read and lent before a command, if they exist.
    #[must_use]
    pub fn lookups(&self, command: &Command) -> Vec<Lookup> {
        let returned = |handle: &Handle| {
            let is_unknown = self.state.find(handle.sequence).is_none();
            is_unknown.then_some(Lookup::Returned(handle.sequence))
        };
        match command {
            Command::Delete(handles) => handles.iter().filter_map(returned).collect(),
            Command::ChangeVisibility(changes) => {
                changes.iter().filter_map(|(handle, _)| returned(handle)).collect()
            }
            Command::Send(messages) => {
                messages.iter().flat_map(|new| self.send_lookups(new)).collect()
            }
            Command::Arrive { from, arrivals } => {
                let groups = arrivals.iter().map(|arrival| arrival.group);
                let unknown = groups.filter(|group| self.may_be_on_disk(*group));
                let number =
                    self.state.last_arrival(*from).is_none().then_some(Lookup::Arrivals(*from));
                unknown.map(Lookup::Group).chain(number).collect()
            }
            Command::Return(numbers) => {
                let departures = numbers.iter().filter_map(|it| self.state.outbox.first.get(it));
                let groups = departures.map(|departure| departure.group);
                groups.filter(|group| self.may_be_on_disk(*group)).map(Lookup::Group).collect()
            }
            Command::Receive { .. }
            | Command::Depart { .. }
            | Command::ReadOutbox(_)
            | Command::Delivered(_)
            | Command::Purge
            | Command::Count
            | Command::Peek(_)
            | Command::Configure(_)
            | Command::Cancel
            | Command::StopWaiting => Vec::new(),
        }
    }

    /// Lends a row to the next command.
    pub fn lend(&mut self, found: Found) {
        self.state.lend(found);
    }

    /// Rows of the partition and its groups that changed since the last call; they belong into the same commit as
    /// the changes. A group without row has none any more.
    pub fn take_dirty(&mut self) -> (Option<PartitionRow>, Vec<(GroupId, Option<GroupRow>)>) {
        self.state.take_dirty()
    }

    /// Number of receives that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// Entries in memory: of logs and indexes, messages in flight and returned, groups, waiting receives, attempts.
    #[must_use]
    pub fn entries(&self) -> usize {
        self.state.entries() + self.waiters.len() + self.attempts.entries()
    }

    /// Whether nobody can tell when the partition is opened again from its rows: nobody waits, no receive can be repeated,
    /// and no tenant has taken so much of the consumers lately that it matters.
    #[must_use]
    pub fn can_close(&self, now_ms: u64) -> bool {
        self.waiters.len() == 0 && self.attempts.entries() == 0 && self.state.is_calm(now_ms)
    }

    /// Records a change and applies it.
    pub(crate) fn commit(&mut self, change: Change, now_ms: u64, out: &mut Output) {
        self.state.apply(change, now_ms);
        out.changes.push(change);
    }

    /// Removes a message from its log.
    pub(crate) fn unlog(&mut self, now_ms: u64, group: GroupId, entry: LogEntry, out: &mut Output) {
        if !self.state.is_passed(group, entry) {
            return self.commit(Change::Unlogged(group, entry), now_ms, out);
        }
        self.commit(Change::Passed(entry), now_ms, out);
        if let Some(up_to) = self.state.trim_due() {
            self.commit(Change::Trimmed(up_to), now_ms, out);
        }
    }

    fn send(&mut self, now_ms: u64, messages: &[NewMessage], out: &mut Output) -> Vec<SendOutcome> {
        messages.iter().map(|message| self.send_one(now_ms, *message, out)).collect()
    }

    fn send_one(&mut self, now_ms: u64, message: NewMessage, out: &mut Output) -> SendOutcome {
        if let Some(repeated) = self.repeated(now_ms, message.deduplication) {
            return repeated;
        }
        let sequence = self.add(now_ms, message, out);
        if let Some(deduplication) = message.deduplication {
            self.remember(now_ms, deduplication, sequence, out);
        }
        SendOutcome::Accepted(sequence)
    }

    /// Adds a new message.
    pub(crate) fn add(&mut self, now_ms: u64, message: NewMessage, out: &mut Output) -> Sequence {
        let sequence = self.state.last_sequence.next(now_ms);
        match self.due_key(now_ms, message, sequence) {
            Some(key) => self.commit(Change::Scheduled(message.group, key), now_ms, out),
            None => {
                let entry = LogEntry::unreceived(sequence, sequence);
                self.commit(Change::Logged(message.group, entry), now_ms, out);
                self.line_up(now_ms, message.group, out);
            }
        }
        sequence
    }

    fn send_lookups(&self, new: &NewMessage) -> Vec<Lookup> {
        let group = self.may_be_on_disk(new.group).then_some(Lookup::Group(new.group));
        let key = new.deduplication.map(|deduplication| deduplication.key);
        let unknown = key.filter(|key| self.state.is_unknown_duplicate(*key));
        group.into_iter().chain(unknown.map(Lookup::Duplicate)).collect()
    }

    fn delete(&mut self, now_ms: u64, handle: Handle, out: &mut Output) -> DeleteOutcome {
        let Some(row) = self.state.find(handle.sequence) else { return DeleteOutcome::Gone };
        if self.is_handle_over(now_ms, handle, row) {
            return DeleteOutcome::Expired;
        }
        match row.place {
            Place::Touched { .. } => self.commit(Change::Untouched(handle.sequence), now_ms, out),
            Place::Log(entry) => self.unlog(now_ms, row.group, entry, out),
        }
        self.commit(Change::Erased(handle.sequence), now_ms, out);
        self.line_up(now_ms, row.group, out);
        DeleteOutcome::Deleted
    }

    /// The groups that the next receives take from. Noisy ones are among them when not many others are before them.
    pub(crate) fn groups_ahead(&self) -> impl Iterator<Item = GroupId> + '_ {
        let (line, ahead) = (&self.state.ready.first, self.state.limits.groups_ahead);
        let ungrouped = (self.state.order == Order::Standard).then_some(GroupId::NONE);
        let noisy = self.state.noisy.values().take_while(move |_| line.len() < ahead);
        ungrouped.into_iter().chain(line.values().take(ahead).chain(noisy).copied())
    }

    fn peek(&self, now_ms: u64, count_max: usize) -> Vec<Delivery> {
        let groups = || self.groups_ahead().filter_map(|id| self.state.groups.get(&id));
        let returned = groups().flat_map(|group| &group.returned).filter_map(|sequence| {
            let row = self.state.touched.get(sequence)?;
            Some((*sequence, row.history))
        });
        let logged =
            groups().flat_map(|group| &group.window).map(|entry| (entry.sequence, entry.history));
        returned
            .chain(logged)
            .filter(|(_, history)| !self.is_expired(*history, now_ms))
            .take(count_max)
            .map(|(sequence, history)| Delivery {
                sequence,
                receive_count: history.receive_count,
                first_received_at_ms: history.first_received_at_ms,
                received_at_ms: now_ms,
            })
            .collect()
    }
}
