//! A partition: commands in, changes and replies out.

use crate::group::More;
use crate::long_poll::Waiters;
use crate::state::State;
use crate::{
    Change, Command, Counters, Delivery, GroupId, GroupRow, Handle, Limits, LogEntry, NewMessage,
    Page, PartitionRow, QueueConfig, Reply, RequestId, Sequence, Stored, TouchedRow, Want,
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
}

impl Partition {
    /// Opens a partition from its stored rows.
    #[must_use]
    pub fn open(stored: Stored, config: QueueConfig, limits: Limits, now_ms: u64) -> Self {
        Self { config, state: State::open(stored, limits, now_ms), waiters: Waiters::default() }
    }

    /// Decides a command. Rows asked for by [`Self::wants`] must have been supplied, and those of [`Self::unknown`]
    /// recalled.
    pub fn submit(&mut self, now_ms: u64, request: RequestId, command: Command, out: &mut Output) {
        self.mature(now_ms, out);
        match command {
            Command::Send(messages) => {
                let sent = self.send(now_ms, &messages, out);
                out.replies.push((request, Reply::Sent(sent)));
            }
            Command::Receive { count_max, wait_ms, visibility_ms } => {
                self.waiters.add(request, count_max, now_ms, wait_ms, visibility_ms);
            }
            Command::Delete(handles) => {
                let deleted =
                    handles.iter().map(|handle| self.delete(now_ms, *handle, out)).collect();
                out.replies.push((request, Reply::Deleted(deleted)));
            }
            Command::ChangeVisibility(changes) => {
                let outcomes = changes
                    .iter()
                    .map(|(handle, hidden_ms)| {
                        self.change_visibility(now_ms, *handle, *hidden_ms, out)
                    })
                    .collect();
                out.replies.push((request, Reply::VisibilityChanged(outcomes)));
            }
            Command::Purge => {
                let watermark = self.state.row.last_sequence.next(now_ms);
                self.commit(Change::Purged(watermark), now_ms, out);
                out.replies.push((request, Reply::Purged));
            }
            Command::Count => out.replies.push((request, Reply::Counted(self.counters()))),
            Command::Peek(count_max) => {
                out.replies.push((request, Reply::Peeked(self.peek(now_ms, count_max))));
            }
            Command::Configure(config) => self.config = config,
            Command::Cancel => self.waiters.cancel(request),
            Command::StopWaiting => self.waiters.stop(),
        }
        self.serve_waiters(now_ms, out);
        self.state.end_recall();
    }

    /// Does what time alone brings about: timeouts end, delays pass, messages expire, waits end.
    pub fn tick(&mut self, now_ms: u64, out: &mut Output) {
        self.mature(now_ms, out);
        self.serve_waiters(now_ms, out);
        self.state.end_recall();
    }

    /// When [`Self::tick`] has something to do next, epoch milliseconds; absent when only a command can change it.
    #[must_use]
    pub fn next_wake_ms(&self) -> Option<u64> {
        let timeout = self.state.deadlines.first().map(|(at_ms, _)| *at_ms);
        let due = self.state.due.first_key_value().map(|(key, _)| key.due_ms);
        [timeout, due, self.next_expiry_ms(), self.waiters.next_deadline_ms()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Rows that are needed before the next command, if any.
    #[must_use]
    pub fn wants(&self) -> Option<Want> {
        let limits = &self.state.limits;
        if self.state.due_more == More::OnDisk && self.state.due.is_empty() {
            return Some(Want::Due { after: self.state.due_loaded_to(), limit: limits.due_max });
        }
        let (id, group) = self.state.groups.iter().find(|(_, group)| {
            group.more == More::OnDisk && group.window.len() < limits.window_low
        })?;
        Some(Want::Log { group: *id, after: group.loaded_to(), limit: limits.window_max })
    }

    /// Takes the rows that [`Self::wants`] asked for. `more` rows remain when the page is as long as its limit.
    pub fn supply(&mut self, now_ms: u64, page: Page, out: &mut Output) {
        match page {
            Page::Log(id, entries) => {
                let more = more_after(entries.len(), self.state.limits.window_max);
                if let Some(group) = self.state.groups.get_mut(&id) {
                    group.supply(entries, more);
                }
            }
            Page::Due(rows) => {
                let more = more_after(rows.len(), self.state.limits.due_max);
                self.state.supply_due(rows, more);
            }
        }
        self.tick(now_ms, out);
    }

    /// Messages whose touched rows must be recalled before a command with these handles.
    #[must_use]
    pub fn unknown(&self, command: &Command) -> Vec<Sequence> {
        let is_unknown = |handle: &Handle| self.state.find(handle.sequence).is_none();
        match command {
            Command::Delete(handles) => handles
                .iter()
                .filter(|handle| is_unknown(handle))
                .map(|handle| handle.sequence)
                .collect(),
            Command::ChangeVisibility(changes) => changes
                .iter()
                .filter(|(handle, _)| is_unknown(handle))
                .map(|(handle, _)| handle.sequence)
                .collect(),
            Command::Send(_)
            | Command::Receive { .. }
            | Command::Purge
            | Command::Count
            | Command::Peek(_)
            | Command::Configure(_)
            | Command::Cancel
            | Command::StopWaiting => Vec::new(),
        }
    }

    /// Lends the touched row of a message to the next command.
    pub fn recall(&mut self, sequence: Sequence, row: TouchedRow) {
        self.state.recall(sequence, row);
    }

    /// Rows of the partition and its groups that changed since the last call; they belong into the same commit as
    /// the changes.
    pub fn take_dirty(&mut self) -> (Option<PartitionRow>, Vec<(GroupId, GroupRow)>) {
        self.state.take_dirty()
    }

    /// The counters, exact as of the last command or tick.
    #[must_use]
    pub fn counters(&self) -> Counters {
        Counters {
            visible: self.state.log_count + self.state.returned_count as u64,
            in_flight: self.state.deadlines.len() as u64,
            delayed: self.state.row.due_count,
            oldest_sent_at_ms: self.oldest_sent_at_ms(),
        }
    }

    /// Number of receives that wait.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiters.len()
    }

    /// Records a change and applies it.
    pub(crate) fn commit(&mut self, change: Change, now_ms: u64, out: &mut Output) {
        self.state.apply(change, now_ms);
        out.changes.push(change);
    }

    fn send(&mut self, now_ms: u64, messages: &[NewMessage], out: &mut Output) -> Vec<Sequence> {
        messages.iter().map(|message| self.send_one(now_ms, *message, out)).collect()
    }

    fn send_one(&mut self, now_ms: u64, message: NewMessage, out: &mut Output) -> Sequence {
        let sequence = self.state.row.last_sequence.next(now_ms);
        if message.delay_ms == 0 {
            let entry = LogEntry {
                position: sequence,
                sequence,
                receive_count: 0,
                first_received_at_ms: 0,
            };
            self.commit(Change::Logged(message.group, entry), now_ms, out);
        } else {
            let key = crate::DueKey { due_ms: now_ms + message.delay_ms, sequence };
            self.commit(Change::Scheduled(message.group, key), now_ms, out);
        }
        sequence
    }

    fn delete(&mut self, now_ms: u64, handle: Handle, out: &mut Output) -> bool {
        let Some(row) = self.state.find(handle.sequence) else {
            return false;
        };
        if let Some(position) = row.position {
            self.commit(Change::Unlogged(row.group, position), now_ms, out);
        }
        self.commit(Change::Erased(handle.sequence), now_ms, out);
        true
    }

    fn peek(&self, now_ms: u64, count_max: usize) -> Vec<Delivery> {
        let returned =
            self.state.groups.values().flat_map(|group| &group.returned).filter_map(|sequence| {
                let row = self.state.touched.get(sequence)?;
                Some((*sequence, row.receive_count, row.first_received_at_ms))
            });
        let logged = self
            .state
            .groups
            .values()
            .flat_map(|group| &group.window)
            .map(|entry| (entry.sequence, entry.receive_count, entry.first_received_at_ms));
        returned
            .chain(logged)
            .filter(|(sequence, _, _)| !self.is_expired(*sequence, now_ms))
            .take(count_max)
            .map(|(sequence, receive_count, first_received_at_ms)| Delivery {
                sequence,
                receive_count,
                first_received_at_ms,
                received_at_ms: now_ms,
            })
            .collect()
    }
}

/// A page as long as its limit may not be the last.
fn more_after(rows: usize, limit: usize) -> More {
    if rows < limit { More::None } else { More::OnDisk }
}
