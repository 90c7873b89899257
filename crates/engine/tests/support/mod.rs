//! Drives a partition the way a shard does, with rows in ordered maps, virtual time and restarts.

#[allow(dead_code, reason = "some test binaries have no properties")]
pub(crate) mod properties;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use sluice_engine::{
    ArrivalKind, Change, Command, DeadLetters, DeadlineKey, Delivery, Departure, DueKey,
    DuplicateRow, Found, GroupId, GroupRow, Handle, History, Limits, LogEntry, Lookup,
    NOISY_PLACES, Output, Page, Partition, PartitionRow, QueueAddress, QueueConfig, Reply,
    RequestId, SendOutcome, Sequence, Stored, TouchedRow, Want,
};

/// The stored rows of one partition.
#[derive(Debug, Clone, Default)]
pub(crate) struct Rows {
    pub(crate) partition: PartitionRow,
    pub(crate) groups: BTreeMap<GroupId, GroupRow>,
    pub(crate) log: BTreeMap<(GroupId, Sequence), LogEntry>,
    /// Log rows that the cursor has passed: still there, and never to be seen again.
    pub(crate) passed: BTreeMap<(GroupId, Sequence), LogEntry>,
    pub(crate) due: BTreeMap<DueKey, GroupId>,
    pub(crate) ready: BTreeMap<Sequence, GroupId>,
    pub(crate) touched: BTreeMap<Sequence, TouchedRow>,
    pub(crate) returned: BTreeMap<Sequence, (GroupId, Sequence)>,
    pub(crate) duplicates: BTreeMap<u128, DuplicateRow>,
    pub(crate) deadlines: BTreeMap<DeadlineKey, ()>,
    pub(crate) outbox: BTreeMap<Sequence, Departure>,
    pub(crate) arrivals: BTreeMap<QueueAddress, Sequence>,
    pub(crate) bodies: BTreeMap<Sequence, String>,
}

/// Ways to break the engine's output on its way, to show that the tests notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(dead_code, reason = "each test binary uses some of them")]
pub(crate) enum Sabotage {
    Nothing,
    /// Deletes are not written.
    ForgetErased,
    /// Receives are not written.
    ForgetTouched,
    /// Log rows stay that no cursor has passed.
    LeaveUnlogged,
    /// Sends are not written to the log.
    ForgetLogged,
    /// Visibility timeouts end at once.
    IgnoreVisibility,
    /// Delays are ignored.
    IgnoreDelay,
    /// The group's cursor and count stay as they were.
    ForgetGroupRows,
    /// Deduplication is not written.
    ForgetDuplicates,
    /// The line of groups is not written.
    ForgetLine,
    /// Which groups are noisy is not written.
    ForgetNoise,
    /// Groups of messages are ignored.
    IgnoreTenants,
    /// Which messages arrived is not written.
    ForgetArrived,
    /// Messages that leave are not written to the outbox.
    ForgetDeparted,
    /// Messages that were delivered stay in the outbox on disk.
    ForgetDelivered,
    /// Dead letters leave one receive too early.
    DepartEarly,
    /// Dead letters leave one receive too late.
    DepartLate,
    /// Dead letters arrive as if they had not been received.
    ForgetHistory,
    /// Receives in other queues count as receives in this one.
    CountElsewhere,
    /// Receives have no names.
    ForgetAttempts,
    /// Where messages are that went back to the log is not written.
    ForgetReturned,
    /// Touched rows stay when messages go back to the log, are deleted or expire.
    ForgetUntouched,
    /// Partitions are closed whatever they say.
    CloseBusy,
}

fn history_of(kind: &mut ArrivalKind) -> Option<&mut History> {
    match kind {
        ArrivalKind::DeadLetter(history) => Some(history),
        ArrivalKind::New { .. } => None,
    }
}

/// Which messages of a send or an arrival are new.
fn new_messages(reply: &Reply) -> Vec<Option<Sequence>> {
    match reply {
        Reply::Sent(sent) => sent
            .iter()
            .map(|outcome| match outcome {
                SendOutcome::Accepted(sequence) => Some(*sequence),
                SendOutcome::Duplicate { .. } => None,
            })
            .collect(),
        Reply::Arrived(arrived) => arrived.clone(),
        _ => Vec::new(),
    }
}

pub(crate) struct Harness {
    pub(crate) now_ms: u64,
    pub(crate) rows: Rows,
    pub(crate) config: QueueConfig,
    pub(crate) limits: Limits,
    pub(crate) sabotage: Sabotage,
    partition: Partition,
    next_request: u64,
    replies: BTreeMap<RequestId, Reply>,
    /// Changes that are decided and not committed, as a shard has them in its batch.
    pending: Vec<Change>,
    /// Whether somebody was promised what is pending; the rest is decided again after a crash.
    is_promised: bool,
    /// Deduplication keys that were looked up.
    pub(crate) keys_looked_up: usize,
    /// What was put into the outbox since the test last looked.
    departed: Vec<(Sequence, Departure)>,
}

/// The settings as the engine gets them.
fn sabotaged_config(config: QueueConfig, sabotage: Sabotage) -> QueueConfig {
    let changed = |policy: DeadLetters| match sabotage {
        Sabotage::DepartEarly => DeadLetters { receives_max: policy.receives_max - 1, ..policy },
        Sabotage::DepartLate => DeadLetters { receives_max: policy.receives_max + 1, ..policy },
        _ => policy,
    };
    QueueConfig { dead_letters: config.dead_letters.map(changed), ..config }
}

impl Harness {
    pub(crate) fn new(config: QueueConfig, limits: Limits, sabotage: Sabotage) -> Self {
        let now_ms = 1_000_000;
        let config_given = sabotaged_config(config, sabotage);
        let partition = Partition::open(Stored::default(), config_given, limits, now_ms);
        Self {
            now_ms,
            rows: Rows::default(),
            config,
            limits,
            sabotage,
            partition,
            next_request: 0,
            replies: BTreeMap::new(),
            pending: Vec::new(),
            is_promised: false,
            keys_looked_up: 0,
            departed: Vec::new(),
        }
    }

    /// What was put into the outbox since the last call.
    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) fn take_departed(&mut self) -> Vec<(Sequence, Departure)> {
        std::mem::take(&mut self.departed)
    }

    /// Whether a crash would lose what is pending.
    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) fn loses_pending(&self) -> bool {
        !self.is_promised
    }

    /// Forgets the memory, and what is pending as far as nobody was promised it, and opens the partition from its rows.
    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) fn crash(&mut self) {
        if self.loses_pending() {
            self.pending.clear();
            self.partition = self.open();
        }
        self.restart();
    }

    /// Forgets the memory and opens the partition from its rows.
    pub(crate) fn restart(&mut self) {
        self.flush();
        if self.sabotage == Sabotage::Nothing {
            self.check_returned();
        }
        self.partition = self.open();
        self.settle();
    }

    /// Each log row of a message that was received has a returned row, and there are no others.
    fn check_returned(&self) {
        let logged = self.rows.log.iter().filter(|(_, entry)| entry.is_returned());
        let expected: BTreeMap<_, _> = logged
            .map(|((group, position), entry)| (entry.sequence, (*group, *position)))
            .collect();
        assert_eq!(self.rows.returned, expected);
    }

    /// Closes the partition and opens it again if it says that nobody can tell.
    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) fn close(&mut self) {
        if self.can_close() {
            self.restart();
        }
    }

    /// Whether the partition says that it can be closed.
    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) fn can_close(&self) -> bool {
        self.partition.can_close(self.now_ms) || self.sabotage == Sabotage::CloseBusy
    }

    fn open(&self) -> Partition {
        let from = self.rows.partition.touched_cursor;
        let touched = self.rows.touched.range(from..);
        let touched: Vec<_> = touched.map(|(sequence, row)| (*sequence, *row)).collect();
        let mut named: Vec<_> = touched.iter().map(|(_, row)| row.group).collect();
        named.push(GroupId::NONE);
        named.extend(&self.rows.partition.noisy);
        named.dedup();
        let row_of = |id: GroupId| self.rows.groups.get(&id).map(|row| (id, *row));
        let groups = named.into_iter().filter_map(row_of).collect();
        let stored = Stored { partition: self.rows.partition.clone(), groups, touched };
        let config = sabotaged_config(self.config, self.sabotage);
        Partition::open(stored, config, self.limits, self.now_ms)
    }

    /// Submits a command without waiting for its reply.
    pub(crate) fn start(&mut self, command: Command) -> RequestId {
        self.start_with_bodies(command, &[])
    }

    pub(crate) fn start_with_bodies(&mut self, command: Command, bodies: &[String]) -> RequestId {
        let request = self.submit(command, bodies);
        // A shard comes back at once to a partition that sent many dead letters away.
        while self.partition.next_wake_ms() == Some(0) {
            self.tick();
        }
        request
    }

    /// Submits a command and reads the pages that the partition wants for it, and nothing more.
    pub(crate) fn submit(&mut self, command: Command, bodies: &[String]) -> RequestId {
        self.settle();
        let lookups = self.partition.lookups(&command);
        if lookups.iter().any(|lookup| matches!(lookup, Lookup::Returned(_))) {
            self.flush();
        }
        for lookup in lookups {
            self.keys_looked_up += usize::from(matches!(lookup, Lookup::Duplicate(_)));
            for found in self.look_up(lookup) {
                self.partition.lend(found);
            }
        }
        let command = self.sabotaged(command);
        let request = RequestId(self.next_request);
        self.next_request += 1;
        let mut out = Output::default();
        self.partition.submit(self.now_ms, request, command, &mut out);
        let answer = out.replies.iter().find(|(id, _)| *id == request).map(|(_, reply)| reply);
        let new = answer.map_or_else(Vec::new, new_messages);
        for (sequence, body) in new.into_iter().zip(bodies) {
            if let Some(sequence) = sequence {
                self.rows.bodies.insert(sequence, body.clone());
            }
        }
        self.is_promised = true;
        self.absorb(out);
        self.settle();
        request
    }

    /// Submits a command that is answered at once.
    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) fn call(&mut self, command: Command) -> Reply {
        let request = self.start(command);
        self.reply(request).expect("the command is answered at once")
    }

    pub(crate) fn reply(&mut self, request: RequestId) -> Option<Reply> {
        self.replies.remove(&request)
    }

    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) fn cancel(&mut self, request: RequestId) {
        let mut out = Output::default();
        self.partition.submit(self.now_ms, request, Command::Cancel, &mut out);
        self.absorb(out);
    }

    /// Lets time pass, stopping at each wake-up that the partition asks for.
    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) fn advance_to(&mut self, now_ms: u64) {
        while let Some(wake_ms) = self.partition.next_wake_ms().filter(|wake_ms| *wake_ms <= now_ms)
        {
            self.now_ms = self.now_ms.max(wake_ms);
            self.tick();
        }
        self.now_ms = now_ms;
        self.tick();
    }

    /// Entries in the partition's memory.
    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) fn entries(&self) -> usize {
        self.partition.entries()
    }

    /// Whether the partition asks to be looked at again at once.
    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) fn wakes_at_once(&self) -> bool {
        self.partition.next_wake_ms() == Some(0)
    }

    #[allow(dead_code, reason = "each test binary uses some of them")]
    pub(crate) fn tick(&mut self) {
        let mut out = Output::default();
        self.partition.tick(self.now_ms, &mut out);
        self.absorb(out);
        self.settle();
    }

    /// Gives the partition the rows that it wants.
    fn settle(&mut self) {
        let mut reads_left = 100_000;
        while let Some(want) = self.partition.wants() {
            assert!(reads_left > 0, "{want:?} is wanted for ever");
            reads_left -= 1;
            self.flush();
            let page = self.read(want);
            let mut out = Output::default();
            self.partition.supply(self.now_ms, page, &mut out);
            self.absorb(out);
        }
    }

    fn read(&self, want: Want) -> Page {
        match want {
            Want::Log { group, after, limit } => {
                let range =
                    (Bound::Excluded((group, after)), Bound::Included((group, Sequence::MAX)));
                let mut rows: BTreeMap<_, _> = self.rows.passed.range(range).collect();
                rows.extend(self.rows.log.range(range).take(limit));
                Page::Log(group, rows.into_values().take(limit).copied().collect())
            }
            Want::Due { after, limit } => {
                let range = (Bound::Excluded(after), Bound::Unbounded);
                let rows = self.rows.due.range(range).take(limit);
                Page::Due(rows.map(|(key, id)| (*id, *key)).collect())
            }
            Want::Ready { after, limit } => {
                let range = (Bound::Excluded(after), Bound::Unbounded);
                let rows = self.rows.ready.range(range).take(limit);
                Page::Ready(rows.map(|(place, id)| (*place, *id, self.rows.groups[id])).collect())
            }
            Want::Deadlines { after, limit } => {
                let range = (Bound::Excluded(after), Bound::Unbounded);
                Page::Deadlines(
                    self.rows.deadlines.range(range).take(limit).map(|(key, ())| *key).collect(),
                )
            }
            Want::Outbox { after, limit } => {
                let range = (Bound::Excluded(after), Bound::Unbounded);
                let rows = self.rows.outbox.range(range).take(limit);
                Page::Outbox(rows.map(|(number, departure)| (*number, *departure)).collect())
            }
            Want::Group(id) => Page::Group(id, self.rows.groups.get(&id).copied()),
        }
    }

    fn look_up(&self, lookup: Lookup) -> Vec<Found> {
        let group = |id: GroupId| self.rows.groups.get(&id).map(|row| Found::Group(id, *row));
        match lookup {
            Lookup::Returned(sequence) => {
                let Some((id, position)) = self.rows.returned.get(&sequence) else {
                    return Vec::new();
                };
                let entry = self.rows.log[&(*id, *position)];
                [Found::Returned(*id, entry)].into_iter().chain(group(*id)).collect()
            }
            Lookup::Group(id) => group(id).into_iter().collect(),
            Lookup::Arrivals(from) => {
                let number = self.rows.arrivals.get(&from);
                number.map(|number| Found::Arrivals(from, *number)).into_iter().collect()
            }
            Lookup::Duplicate(key) => {
                let row = self.rows.duplicates.get(&key);
                row.map(|row| Found::Duplicate(key, *row)).into_iter().collect()
            }
        }
    }

    fn absorb(&mut self, out: Output) {
        self.is_promised |= !out.replies.is_empty();
        let departed = out.changes.iter().filter_map(|change| match change {
            Change::Departed(number, departure) => Some((*number, *departure)),
            _ => None,
        });
        self.departed.extend(departed);
        self.pending.extend(out.changes);
        self.replies.extend(out.replies);
    }

    /// Commits what is decided.
    pub(crate) fn flush(&mut self) {
        self.is_promised = false;
        for change in std::mem::take(&mut self.pending) {
            self.write(change);
        }
        let (partition, groups) = self.partition.take_dirty();
        if let Some(row) = partition {
            self.rows.partition = row;
        }
        if self.sabotage == Sabotage::Nothing {
            self.check_deduplication();
        }
        if self.sabotage == Sabotage::ForgetNoise {
            self.rows.partition.noisy.clear();
        }
        if self.sabotage == Sabotage::ForgetGroupRows {
            return;
        }
        for (id, row) in groups {
            let before = match row {
                Some(row) => self.rows.groups.insert(id, row),
                None => self.rows.groups.remove(&id),
            };
            assert_ne!(before, row, "the row of {id:?} is written though it is there already");
        }
    }

    /// Each send that is remembered has one deadline, and no deadline is without one.
    fn check_deduplication(&self) {
        let Rows { duplicates, deadlines, partition, .. } = &self.rows;
        let expected = duplicates.iter().map(|(key, row)| (row.deadline_ms, *key));
        let found = deadlines.keys().map(|deadline| (deadline.deadline_ms, deadline.key));
        assert_eq!(found.collect::<BTreeSet<_>>(), expected.collect());
        assert_eq!(partition.deadlines.count, deadlines.len() as u64);
    }

    fn write(&mut self, change: Change) {
        let rows = &mut self.rows;
        match change {
            Change::Logged(..) if self.sabotage == Sabotage::ForgetLogged => {}
            Change::Logged(group, entry) if self.sabotage == Sabotage::CountElsewhere => {
                let history = History { receives_elsewhere: 0, ..entry.history };
                rows.log.insert((group, entry.position), LogEntry { history, ..entry });
            }
            Change::Touched(..) if self.sabotage == Sabotage::ForgetTouched => {}
            Change::Untouched(..) if self.sabotage == Sabotage::ForgetUntouched => {}
            Change::Erased(..) if self.sabotage == Sabotage::ForgetErased => {}
            Change::Remembered(..) if self.sabotage == Sabotage::ForgetDuplicates => {}
            Change::LinedUp(..) if self.sabotage == Sabotage::ForgetLine => {}
            Change::Arrived(..) if self.sabotage == Sabotage::ForgetArrived => {}
            Change::Departed(..) if self.sabotage == Sabotage::ForgetDeparted => {}
            Change::Delivered(..) if self.sabotage == Sabotage::ForgetDelivered => {}
            Change::Logged(group, entry) => {
                rows.log.insert((group, entry.position), entry);
                rows.passed.remove(&(group, entry.position));
                if entry.is_returned() && self.sabotage != Sabotage::ForgetReturned {
                    rows.returned.insert(entry.sequence, (group, entry.position));
                }
            }
            Change::Unlogged(group, entry) => {
                if self.sabotage == Sabotage::LeaveUnlogged
                    && let Some(row) = rows.log.get(&(group, entry.position))
                {
                    rows.passed.insert((group, entry.position), *row);
                }
                rows.log.remove(&(group, entry.position));
                if entry.is_returned() {
                    rows.returned.remove(&entry.sequence);
                }
            }
            Change::Passed(entry) => {
                let key = (GroupId::NONE, entry.position);
                rows.passed.extend(rows.log.remove(&key).map(|row| (key, row)));
                rows.returned.remove(&entry.sequence);
            }
            Change::Trimmed(up_to) => {
                rows.log.retain(|(id, position), _| *id != GroupId::NONE || *position > up_to);
                rows.passed.retain(|(_, position), _| *position > up_to);
            }
            Change::Scheduled(group, key) => {
                rows.due.insert(key, group);
            }
            Change::Unscheduled(key) => {
                rows.due.remove(&key);
            }
            Change::Touched(sequence, row) => {
                rows.touched.insert(sequence, row);
            }
            Change::Untouched(sequence) => {
                rows.touched.remove(&sequence);
            }
            Change::Erased(sequence) => {
                rows.bodies.remove(&sequence);
            }
            Change::Departed(number, departure) => {
                rows.outbox.insert(number, departure);
            }
            Change::Returned(number) => {
                rows.outbox.remove(&number);
            }
            Change::Delivered(number, sequence) => {
                rows.outbox.remove(&number);
                rows.bodies.remove(&sequence);
            }
            Change::Arrived(from, number) => {
                rows.arrivals.insert(from, number);
            }
            Change::LinedUp(group, place) => {
                if place < NOISY_PLACES {
                    rows.ready.insert(place, group);
                }
            }
            Change::LeftLine(_, place) => {
                rows.ready.remove(&place);
            }
            Change::Remembered(key, row) => {
                rows.duplicates.insert(key, row);
                rows.deadlines.insert(DeadlineKey { deadline_ms: row.deadline_ms, key }, ());
            }
            Change::Forgotten(deadline) => {
                rows.duplicates.remove(&deadline.key);
                rows.deadlines.remove(&deadline);
            }
            Change::Purged(watermark) => {
                rows.log.retain(|(_, position), _| *position > watermark);
                rows.passed.clear();
                rows.due.retain(|key, _| key.sequence > watermark);
                rows.touched.retain(|sequence, _| *sequence > watermark);
                rows.returned.clear();
                rows.bodies.retain(|sequence, _| *sequence > watermark);
                rows.outbox.clear();
                rows.groups.clear();
                rows.ready.clear();
                rows.duplicates.clear();
                rows.deadlines.clear();
            }
        }
    }

    fn sabotaged(&self, command: Command) -> Command {
        match (self.sabotage, command) {
            (Sabotage::IgnoreVisibility, Command::Receive { count_max, wait_ms, .. }) => {
                Command::Receive { count_max, wait_ms, visibility_ms: 0, attempt: None }
            }
            (
                Sabotage::ForgetAttempts,
                Command::Receive { count_max, wait_ms, visibility_ms, .. },
            ) => Command::Receive { count_max, wait_ms, visibility_ms, attempt: None },
            (Sabotage::IgnoreDelay, Command::Send(mut messages)) => {
                for message in &mut messages {
                    message.delay_ms = 0;
                }
                Command::Send(messages)
            }
            (Sabotage::IgnoreTenants, Command::Send(mut messages)) => {
                for message in &mut messages {
                    message.group = GroupId::NONE;
                }
                Command::Send(messages)
            }
            (Sabotage::ForgetHistory, Command::Arrive { from, mut arrivals }) => {
                for history in arrivals.iter_mut().filter_map(|it| history_of(&mut it.kind)) {
                    history.receive_count = 0;
                }
                Command::Arrive { from, arrivals }
            }
            (sabotage, Command::Configure(config)) => {
                Command::Configure(sabotaged_config(config, sabotage))
            }
            (_, command) => command,
        }
    }
}

/// What holds of every delivery: it counts the receives, and its body is there. Its handle.
#[allow(dead_code, reason = "some test binaries receive nothing")]
pub(crate) fn checked(
    harness: &Harness,
    delivery: &Delivery,
    receive_count: u32,
) -> Result<Handle, String> {
    if delivery.receive_count != receive_count {
        return Err(format!("receive count {} instead of {receive_count}", delivery.receive_count));
    }
    if !harness.rows.bodies.contains_key(&delivery.sequence) {
        return Err("the body is gone".to_owned());
    }
    Ok(Handle {
        sequence: delivery.sequence,
        receive_count: delivery.receive_count,
        received_at_ms: harness.now_ms,
    })
}
