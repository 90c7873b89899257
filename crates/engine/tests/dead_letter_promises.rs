//! Queues whose messages fail, the queues that take the dead letters, and a carrier between them, against a plain model:
//! every message is in exactly one place, whatever crashes, is repeated, is purged or goes away. And deliberately broken
//! engines that the model must catch.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;
use sluice_engine::{
    Arrival, ArrivalKind, Command, DeadLetters, DeleteOutcome, Delivery, Departure, Destination,
    GroupId, Handle, History, Limits, NewMessage, Policy, QueueAddress, QueueConfig, Reply,
    SendOutcome, Sequence, VisibilityOutcome,
};

mod support;
use support::properties::{cases, is_caught, is_kept};
use support::{Harness, Sabotage};

const VISIBILITY_MAX_MS: u64 = 43_200_000;
/// Bounds so low that every path through disk is taken, and that a receive needs several ticks for its dead letters.
const LIMITS: Limits = Limits {
    window_max: 6,
    window_low: 4,
    windows_max: 12,
    index_max: 3,
    groups_ahead: 4,
    returned_max: 3,
    passed_min: 3,
    tick_rows_max: 3,
};

/// Which queue takes the dead letters of which.
#[derive(Debug, Clone, Copy)]
enum Shape {
    Pair,
    Chain,
    Cycle,
    Itself,
}

impl Shape {
    fn links(self) -> Vec<Option<usize>> {
        match self {
            Self::Pair => vec![Some(1), None],
            Self::Chain => vec![Some(1), Some(2), None],
            Self::Cycle => vec![Some(1), Some(0)],
            Self::Itself => vec![Some(0)],
        }
    }
}

/// What a run of steps happens to.
#[derive(Debug, Clone, Copy)]
struct Setup {
    shape: Shape,
    is_fifo: bool,
    receives_max: u32,
    retention_ms: u64,
    in_flight_max: usize,
}

fn setup() -> impl Strategy<Value = Setup> {
    let shape = prop_oneof![
        3 => Just(Shape::Pair),
        2 => Just(Shape::Chain),
        1 => Just(Shape::Cycle),
        1 => Just(Shape::Itself),
    ];
    let retention_ms = prop_oneof![4 => Just(1_000_000_000), 1 => 20_000_u64..100_000];
    (shape, any::<bool>(), 1_u32..4, retention_ms, 2_usize..12).prop_map(
        |(shape, is_fifo, receives_max, retention_ms, in_flight_max)| Setup {
            shape,
            is_fifo,
            receives_max,
            retention_ms,
            in_flight_max,
        },
    )
}

#[derive(Debug, Clone)]
enum Action {
    Send(Vec<(u128, u64)>),
    Receive {
        count_max: usize,
        hidden_ms: u64,
    },
    Delete {
        handle: usize,
    },
    Hide {
        handle: usize,
        hidden_ms: u64,
    },
    Wait {
        time_ms: u64,
    },
    Count,
    Purge,
    /// The clock moves, and nothing ticks, before the partition is opened again. The carrier may have died, too.
    Restart {
        slept_ms: u64,
        is_crash: bool,
        drops_hand: bool,
    },
    /// The carrier's steps, in any order and number: what it holds in its hand is carried from the first on.
    ReadOutbox {
        count_max: usize,
    },
    Arrive {
        count: usize,
    },
    Settle {
        drops_hand: bool,
    },
    /// All of the carrier's steps, once.
    Carry,
    /// What a move task does.
    Depart {
        count_max: usize,
        to: usize,
    },
    /// A dead-letter queue is deleted, or made again.
    Toggle,
}

/// Something that happens to one of the queues.
type Step = (usize, Action);

fn step() -> impl Strategy<Value = Step> {
    let delay_ms = prop_oneof![4 => Just(0), 1 => 1_u64..10_000];
    let action = prop_oneof![
        6 => prop::collection::vec((0_u128..8, delay_ms), 1..6).prop_map(Action::Send),
        14 => (1_usize..5, prop_oneof![2 => Just(0), 3 => 1_u64..8_000])
            .prop_map(|(count_max, hidden_ms)| Action::Receive { count_max, hidden_ms }),
        3 => any::<usize>().prop_map(|handle| Action::Delete { handle }),
        3 => (any::<usize>(), prop_oneof![3 => Just(0), 1 => 1_u64..20_000])
            .prop_map(|(handle, hidden_ms)| Action::Hide { handle, hidden_ms }),
        6 => (0_u64..8_000).prop_map(|time_ms| Action::Wait { time_ms }),
        2 => Just(Action::Count),
        1 => prop::bool::weighted(0.3)
            .prop_map(|is_purge| if is_purge { Action::Purge } else { Action::Count }),
        3 => (prop_oneof![Just(0), 1_u64..10_000], any::<bool>(), any::<bool>()).prop_map(
            |(slept_ms, is_crash, drops_hand)| Action::Restart { slept_ms, is_crash, drops_hand }
        ),
        4 => (1_usize..6).prop_map(|count_max| Action::ReadOutbox { count_max }),
        4 => (1_usize..6).prop_map(|count| Action::Arrive { count }),
        3 => any::<bool>().prop_map(|drops_hand| Action::Settle { drops_hand }),
        4 => Just(Action::Carry),
        2 => (1_usize..5, 0_usize..3).prop_map(|(count_max, to)| Action::Depart { count_max, to }),
        1 => Just(Action::Toggle),
    ];
    // Most of it happens to the queue in which messages fail.
    (prop_oneof![4 => Just(0), 2 => Just(1), 1 => Just(2)], action)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    In(usize),
    Out(usize),
}

/// What is known of a message that exists.
#[derive(Debug, Clone)]
struct Known {
    place: Place,
    sequence: Sequence,
    group: u128,
    hidden_until_ms: u64,
    history: History,
}

/// A message in the carrier's hand.
#[derive(Debug, Clone)]
struct Letter {
    number: Sequence,
    departure: Departure,
    body: String,
    /// Where it was to go does not exist.
    is_returned: bool,
    has_arrived: bool,
}

struct Queue {
    harness: Harness,
    address: u64,
    is_gone: bool,
    hand: Vec<Letter>,
}

struct World {
    setup: Setup,
    sabotage: Sabotage,
    links: Vec<Option<usize>>,
    queues: Vec<Queue>,
    now_ms: u64,
    messages: BTreeMap<String, Known>,
    /// What is in the outboxes, by sender and number.
    outboxes: BTreeMap<(usize, Sequence), String>,
    /// What arrived: sender, number, receiver; as addresses.
    arrived: BTreeSet<(u64, Sequence, u64)>,
    handles: Vec<(usize, u64, String, Handle)>,
    sends: u64,
    addresses: u64,
}

impl World {
    fn new(setup: Setup, sabotage: Sabotage) -> Self {
        let links = setup.shape.links();
        let mut world = Self {
            setup,
            sabotage,
            links,
            queues: Vec::new(),
            now_ms: 1_000_000,
            messages: BTreeMap::new(),
            outboxes: BTreeMap::new(),
            arrived: BTreeSet::new(),
            handles: Vec::new(),
            sends: 0,
            addresses: 0,
        };
        for _ in 0..world.links.len() {
            let queue = world.new_queue();
            world.queues.push(queue);
        }
        for queue in 0..world.links.len() {
            world.configure(queue);
        }
        world
    }

    fn new_queue(&mut self) -> Queue {
        self.addresses += 1;
        let mut harness = Harness::new(self.config(None), LIMITS, self.sabotage);
        harness.now_ms = self.now_ms;
        Queue { harness, address: self.addresses, is_gone: false, hand: Vec::new() }
    }

    fn config(&self, dead_letters: Option<DeadLetters>) -> QueueConfig {
        QueueConfig {
            retention_ms: self.setup.retention_ms,
            in_flight_max: self.setup.in_flight_max,
            visibility_max_ms: VISIBILITY_MAX_MS,
            dead_letters,
            policy: match self.setup.is_fifo {
                true => Policy::Fifo { delay_ms: 0 },
                false => Policy::Standard { back_of_queue_receives: Some(3) },
            },
        }
    }

    /// Where the dead letters of a queue go, as long as that exists.
    fn dead_letters(&self, queue: usize) -> Option<DeadLetters> {
        let target = &self.queues[self.links[queue]?];
        let receives_max = self.setup.receives_max;
        let policy = DeadLetters { receives_max, queue: QueueAddress(target.address) };
        (!target.is_gone).then_some(policy)
    }

    fn configure(&mut self, queue: usize) {
        let config = self.config(self.dead_letters(queue));
        let harness = &mut self.queues[queue].harness;
        harness.config = config;
        harness.start(Command::Configure(config));
    }

    fn find(&self, queue: usize, sequence: Sequence) -> Option<String> {
        let is_it = |(_, known): &(&String, &Known)| {
            known.place == Place::In(queue) && known.sequence == sequence
        };
        self.messages.iter().find(is_it).map(|(body, _)| body.clone())
    }

    fn is_expired(&self, known: &Known) -> bool {
        known.history.enqueued_at_ms + self.setup.retention_ms <= self.now_ms
    }

    /// Whether a message was received here as often as it may be.
    fn is_dead(&self, queue: usize, known: &Known) -> bool {
        let receives = known.history.receive_count - known.history.receives_elsewhere;
        self.dead_letters(queue).is_some_and(|policy| receives >= policy.receives_max)
    }

    fn in_queue(&self, queue: usize) -> impl Iterator<Item = (&String, &Known)> {
        self.messages.iter().filter(move |(_, known)| known.place == Place::In(queue))
    }

    fn has_expired(&self, queue: usize) -> bool {
        self.in_queue(queue).any(|(_, known)| self.is_expired(known))
    }

    /// Messages in flight: those that have to be, and those that may be as they have expired.
    fn in_flight(&self, queue: usize) -> (usize, usize) {
        let is_in_flight = |known: &Known| {
            let is_received = known.history.receive_count > known.history.receives_elsewhere;
            known.hidden_until_ms > self.now_ms && is_received
        };
        let all = || self.in_queue(queue).filter(|(_, known)| is_in_flight(known));
        let live = all().filter(|(_, known)| !self.is_expired(known));
        (live.count(), all().count())
    }

    /// What a receive can take, dead letters included, by group and in order.
    fn takeable(&self, queue: usize) -> BTreeMap<u128, Vec<String>> {
        let mut all: Vec<_> = self.in_queue(queue).collect();
        all.sort_by_key(|(_, known)| known.sequence);
        let (mut closed, mut found) = (Vec::new(), BTreeMap::<u128, Vec<String>>::new());
        for (body, known) in all {
            if closed.contains(&known.group) || self.is_expired(known) {
                continue;
            }
            if known.hidden_until_ms <= self.now_ms {
                found.entry(known.group).or_default().push(body.clone());
            } else if self.setup.is_fifo {
                closed.push(known.group);
            }
        }
        found
    }

    fn run(&mut self, (queue, action): &Step) -> Result<(), String> {
        let queue = queue % self.queues.len();
        if self.queues[queue].is_gone && !matches!(action, Action::Toggle | Action::Wait { .. }) {
            return Ok(());
        }
        match action {
            Action::Send(messages) => self.send(queue, messages),
            Action::Receive { count_max, hidden_ms } => {
                self.receive(queue, *count_max, *hidden_ms).map(|_| ())
            }
            Action::Delete { handle } => self.delete(*handle),
            Action::Hide { handle, hidden_ms } => self.hide(*handle, *hidden_ms),
            Action::Wait { time_ms } => {
                self.advance(*time_ms);
                Ok(())
            }
            Action::Count => self.count(queue),
            Action::Purge => {
                self.queues[queue].harness.call(Command::Purge);
                self.forget(queue);
                Ok(())
            }
            Action::Restart { slept_ms, is_crash, drops_hand } => {
                self.now_ms += slept_ms;
                let Queue { harness, hand, .. } = &mut self.queues[queue];
                harness.now_ms = self.now_ms;
                match is_crash {
                    true => harness.crash(),
                    false => harness.restart(),
                }
                if *drops_hand {
                    hand.clear();
                }
                self.advance(0);
                Ok(())
            }
            Action::ReadOutbox { count_max } => self.read_outbox(queue, *count_max),
            Action::Arrive { count } => self.arrive(queue, *count),
            Action::Settle { drops_hand } => self.settle(queue, *drops_hand),
            Action::Carry => self.carry(queue),
            Action::Depart { count_max, to } => self.depart(queue, *count_max, *to),
            Action::Toggle => {
                self.toggle(queue);
                Ok(())
            }
        }
    }

    fn advance(&mut self, time_ms: u64) {
        self.now_ms += time_ms;
        for queue in &mut self.queues {
            queue.harness.advance_to(self.now_ms);
        }
    }

    /// The messages of a queue are gone, those on their way out included; those that arrived elsewhere are there.
    fn forget(&mut self, queue: usize) {
        let is_here = |known: &Known| [Place::In(queue), Place::Out(queue)].contains(&known.place);
        self.messages.retain(|_, known| !is_here(known));
        self.outboxes.retain(|(from, _), _| *from != queue);
    }

    fn toggle(&mut self, queue: usize) {
        let address = self.queues[queue].address;
        let is_unsettled = |(from, number): &(usize, Sequence)| {
            self.arrived.contains(&(self.queues[*from].address, *number, address))
        };
        // The carrier ends what it began before anybody can delete a queue; only a crash at that very moment can not.
        if queue == 0 || self.outboxes.keys().any(is_unsettled) {
            return;
        }
        // A queue that is made again has an address that nothing was ever sent to.
        let is_gone = !self.queues[queue].is_gone;
        self.forget(queue);
        self.queues[queue] = Queue { is_gone, ..self.new_queue() };
        for source in 0..self.queues.len() {
            self.configure(source);
        }
    }

    fn send(&mut self, queue: usize, messages: &[(u128, u64)]) -> Result<(), String> {
        let is_fifo = self.setup.is_fifo;
        // On a standard queue the groups are tenants, and some messages have none.
        let new = |(group, delay_ms): &(u128, u64)| match is_fifo {
            true => NewMessage { group: GroupId(1 + group), delay_ms: 0, deduplication: None },
            false => {
                let group = GroupId(group.saturating_sub(3));
                NewMessage { group, delay_ms: *delay_ms, deduplication: None }
            }
        };
        let messages: Vec<_> = messages.iter().map(new).collect();
        let first = self.sends;
        self.sends += messages.len() as u64;
        let bodies: Vec<_> = (first..self.sends).map(|number| format!("m{number:04}")).collect();
        let harness = &mut self.queues[queue].harness;
        let request = harness.start_with_bodies(Command::Send(messages.clone()), &bodies);
        let Some(Reply::Sent(sent)) = harness.reply(request) else {
            return Err("no answer".to_owned());
        };
        for ((outcome, body), message) in sent.into_iter().zip(bodies).zip(messages) {
            let SendOutcome::Accepted(sequence) = outcome else {
                return Err("a repetition".to_owned());
            };
            let known = Known {
                place: Place::In(queue),
                sequence,
                group: message.group.0,
                hidden_until_ms: self.now_ms + message.delay_ms,
                history: History::sent_at(sequence.at_ms()),
            };
            self.messages.insert(body, known);
        }
        Ok(())
    }

    fn receive(&mut self, queue: usize, count_max: usize, hidden_ms: u64) -> Result<usize, String> {
        self.advance(0);
        let takeable = self.takeable(queue);
        let all: Vec<_> = takeable.values().flatten().cloned().collect();
        let is_dead = |body: &&String| self.is_dead(queue, &self.messages[*body]);
        let dead = all.iter().filter(is_dead).count();
        let (in_flight, in_flight_most) = self.in_flight(queue);
        let room = self.setup.in_flight_max.saturating_sub(in_flight);
        let room_least = self.setup.in_flight_max.saturating_sub(in_flight_most);
        let live = (all.len() - dead).min(count_max);
        let expected = if hidden_ms == 0 && room > 0 { live } else { live.min(room) };
        let is_exact = dead == 0 && !self.has_expired(queue);

        let harness = &mut self.queues[queue].harness;
        harness.take_departed();
        let command =
            Command::Receive { count_max, wait_ms: 0, visibility_ms: hidden_ms, attempt: None };
        let deliveries = match harness.call(command) {
            Reply::Received(deliveries) => deliveries,
            Reply::OverLimit if room_least == 0 && !self.setup.is_fifo => Vec::new(),
            other => return Err(format!("unexpected {other:?}")),
        };
        let departed = harness.take_departed();
        let found = deliveries.len();
        let is_right = match is_exact {
            true => found == expected,
            false => found <= expected && (found > 0 || expected == 0 || room_least == 0),
        };
        if !is_right {
            return Err(format!("{expected} messages expected, {found} received"));
        }
        if found == 0 && room_least > 0 && departed.len() < dead {
            return Err(format!("{} of {dead} dead letters left", departed.len()));
        }
        let delivered: Vec<_> = deliveries.iter().map(|it| it.sequence).collect();
        self.check_order(queue, &takeable, &delivered, &departed)?;
        for (number, departure) in departed {
            let body = self.find(queue, departure.sequence).ok_or("an unknown message left")?;
            if !self.is_dead(queue, &self.messages[&body]) {
                return Err(format!("{body} left too early"));
            }
            let policy = self.dead_letters(queue).ok_or("there is no dead-letter queue")?;
            if departure.to != Destination::DeadLetters(policy.queue) {
                return Err(format!("{body} goes to {:?}", departure.to));
            }
            self.depart_one(queue, number, departure, body)?;
        }
        for delivery in deliveries {
            self.deliver_one(queue, delivery, hidden_ms)?;
        }
        Ok(found)
    }

    /// Everything that was taken could be; on a FIFO queue without gaps, and in order.
    fn check_order(
        &self,
        queue: usize,
        takeable: &BTreeMap<u128, Vec<String>>,
        delivered: &[Sequence],
        departed: &[(Sequence, Departure)],
    ) -> Result<(), String> {
        let departed: Vec<_> = departed.iter().map(|(_, departure)| departure.sequence).collect();
        let mut left = delivered.len() + departed.len();
        for bodies in takeable.values() {
            let sequence = |body: &String| self.messages[body].sequence;
            let of_group: Vec<_> = bodies.iter().map(sequence).collect();
            let taken = |from: &[Sequence]| from.iter().filter(|it| of_group.contains(it)).count();
            let count = taken(delivered) + taken(&departed);
            left -= count;
            if !self.setup.is_fifo {
                continue;
            }
            let first = &of_group[..count];
            for taken in [delivered, &departed] {
                let found: Vec<_> = taken.iter().filter(|it| of_group.contains(it)).collect();
                let wanted: Vec<_> = first.iter().filter(|it| taken.contains(it)).collect();
                if found != wanted {
                    return Err(format!("out of order: {found:?} instead of {wanted:?}"));
                }
            }
        }
        if left > 0 {
            return Err(format!("{left} of what queue {queue} gave away could not be taken"));
        }
        Ok(())
    }

    fn deliver_one(
        &mut self,
        queue: usize,
        delivery: Delivery,
        hidden_ms: u64,
    ) -> Result<(), String> {
        let body = self.find(queue, delivery.sequence).ok_or("an unknown message was received")?;
        let is_dead = self.is_dead(queue, &self.messages[&body]);
        let known = self.messages.get_mut(&body).ok_or("it is gone")?;
        let history = &mut known.history;
        if is_dead {
            return Err(format!("{body} was received once too often"));
        }
        history.receive_count += 1;
        if history.receive_count == 1 {
            history.first_received_at_ms = self.now_ms;
        }
        known.hidden_until_ms = self.now_ms + hidden_ms;
        let expected = Delivery {
            sequence: known.sequence,
            receive_count: history.receive_count,
            first_received_at_ms: history.first_received_at_ms,
            received_at_ms: self.now_ms,
        };
        if delivery != expected {
            return Err(format!("{body}: {delivery:?} instead of {expected:?}"));
        }
        let Queue { harness, address, .. } = &self.queues[queue];
        if harness.rows.bodies.get(&delivery.sequence) != Some(&body) {
            return Err(format!("the body of {body} is gone"));
        }
        let handle = Handle {
            sequence: delivery.sequence,
            receive_count: delivery.receive_count,
            received_at_ms: self.now_ms,
        };
        self.handles.push((queue, *address, body, handle));
        Ok(())
    }

    fn depart_one(
        &mut self,
        queue: usize,
        number: Sequence,
        departure: Departure,
        body: String,
    ) -> Result<(), String> {
        let known = self.messages.get_mut(&body).ok_or("an unknown message left")?;
        if departure.history != known.history || departure.group.0 != known.group {
            return Err(format!("{body} left with {departure:?} instead of {known:?}"));
        }
        known.place = Place::Out(queue);
        self.outboxes.insert((queue, number), body);
        Ok(())
    }

    fn depart(&mut self, queue: usize, count_max: usize, to: usize) -> Result<(), String> {
        self.advance(0);
        let to = to % self.queues.len();
        let takeable = self.takeable(queue);
        let total: usize = takeable.values().map(Vec::len).sum();
        let to = Destination::Queue(QueueAddress(self.queues[to].address));
        let harness = &mut self.queues[queue].harness;
        harness.take_departed();
        let mut left = harness.call(Command::Depart { count_max, to });
        while left == (Reply::Departed { count: 0, is_all: false }) {
            left = harness.call(Command::Depart { count_max, to });
        }
        let Reply::Departed { count, .. } = left else { return Err("no answer".to_owned()) };
        let departed = harness.take_departed();
        let is_right = count <= count_max.min(total) && (count == 0) == (total == 0);
        if !is_right || departed.len() != count {
            return Err(format!("{count} of {total} left, {} in the outbox", departed.len()));
        }
        self.check_order(queue, &takeable, &[], &departed)?;
        for (number, departure) in departed {
            let body = self.find(queue, departure.sequence).ok_or("an unknown message left")?;
            if departure.to != to {
                return Err(format!("{body} goes to {:?}", departure.to));
            }
            self.depart_one(queue, number, departure, body)?;
        }
        Ok(())
    }

    fn outbox(&self, queue: usize) -> impl Iterator<Item = (Sequence, &String)> {
        let range = (queue, Sequence::ZERO)..=(queue, Sequence::MAX);
        self.outboxes.range(range).map(|((_, number), body)| (*number, body))
    }

    fn read_outbox(&mut self, queue: usize, count_max: usize) -> Result<(), String> {
        let harness = &mut self.queues[queue].harness;
        let Reply::Outbox(departures) = harness.call(Command::ReadOutbox(count_max)) else {
            return Err("no answer".to_owned());
        };
        harness.flush();
        let harness = &self.queues[queue].harness;
        let mut hand = Vec::new();
        for ((number, departure), (expected, body)) in departures.iter().zip(self.outbox(queue)) {
            if *number != expected || harness.rows.bodies.get(&departure.sequence) != Some(body) {
                return Err(format!("{body} is not where it was in the outbox"));
            }
            hand.push(Letter {
                number: *number,
                departure: *departure,
                body: body.clone(),
                is_returned: false,
                has_arrived: false,
            });
        }
        let waiting = self.outbox(queue).count();
        if hand.len() != departures.len() || hand.is_empty() != (waiting == 0) {
            return Err(format!("the outbox gave {} of {waiting}", departures.len()));
        }
        self.queues[queue].hand = hand;
        Ok(())
    }

    /// Takes the first ones in the carrier's hand to where they go.
    fn arrive(&mut self, from: usize, count: usize) -> Result<(), String> {
        let mut hand = std::mem::take(&mut self.queues[from].hand);
        let count = count.min(hand.len());
        let mut result = Ok(());
        for run in hand[..count].chunk_by_mut(|left, right| left.departure.to == right.departure.to)
        {
            result = result.and_then(|()| self.arrive_at_one(from, run));
        }
        self.queues[from].hand = hand;
        result
    }

    fn arrive_at_one(&mut self, from: usize, run: &mut [Letter]) -> Result<(), String> {
        let (Destination::DeadLetters(to) | Destination::Queue(to)) = run[0].departure.to else {
            return Err("nothing was sent back to its source".to_owned());
        };
        let target = self.queues.iter().position(|it| it.address == to.0 && !it.is_gone);
        let Some(target) = target else {
            for letter in run {
                letter.is_returned = true;
            }
            return Ok(());
        };
        let arrival = |letter: &Letter| Arrival {
            number: letter.number,
            group: letter.departure.group,
            kind: match letter.departure.to {
                Destination::DeadLetters(_) => ArrivalKind::DeadLetter(letter.departure.history),
                Destination::Queue(_) | Destination::Source => ArrivalKind::New { delay_ms: 0 },
            },
        };
        let arrivals = run.iter().map(arrival).collect();
        let bodies: Vec<_> = run.iter().map(|letter| letter.body.clone()).collect();
        let sender = self.queues[from].address;
        let command = Command::Arrive { from: QueueAddress(sender), arrivals };
        let harness = &mut self.queues[target].harness;
        let request = harness.start_with_bodies(command, &bodies);
        let Some(Reply::Arrived(arrived)) = harness.reply(request) else {
            return Err("no answer".to_owned());
        };
        for (letter, sequence) in run.iter_mut().zip(arrived) {
            letter.has_arrived = true;
            let is_new = self.arrived.insert((sender, letter.number, to.0));
            match sequence {
                Some(sequence) if is_new => self.arrive_one(from, target, letter, sequence)?,
                None if !is_new => {}
                Some(_) => return Err(format!("{} arrived twice", letter.body)),
                None => return Err(format!("{} was not taken in", letter.body)),
            }
        }
        Ok(())
    }

    fn arrive_one(
        &mut self,
        from: usize,
        target: usize,
        letter: &Letter,
        sequence: Sequence,
    ) -> Result<(), String> {
        // Absent if it was purged while it was in the carrier's hand.
        let before = self.messages.get(&letter.body).map(|known| known.place);
        if before.is_some_and(|place| place != Place::Out(from)) {
            return Err(format!("{} is in two places", letter.body));
        }
        let history = letter.departure.history;
        let history = match letter.departure.to {
            Destination::DeadLetters(_) => History {
                receives_elsewhere: history.receive_count,
                enqueued_at_ms: match self.setup.is_fifo {
                    true => self.now_ms,
                    false => history.enqueued_at_ms,
                },
                ..history
            },
            Destination::Queue(_) | Destination::Source => History::sent_at(sequence.at_ms()),
        };
        let known = Known {
            place: Place::In(target),
            sequence,
            group: letter.departure.group.0,
            hidden_until_ms: 0,
            history,
        };
        self.messages.insert(letter.body.clone(), known);
        Ok(())
    }

    /// Tells the sender what became of what was in the carrier's hand.
    fn settle(&mut self, queue: usize, drops_hand: bool) -> Result<(), String> {
        let hand = self.queues[queue].hand.clone();
        let numbers = |is_it: fn(&Letter) -> bool| -> Vec<_> {
            hand.iter().filter(|letter| is_it(letter)).map(|letter| letter.number).collect()
        };
        let delivered = numbers(|letter| letter.has_arrived);
        let returned = numbers(|letter| letter.is_returned);
        let harness = &mut self.queues[queue].harness;
        for command in [Command::Delivered(delivered), Command::Return(returned)] {
            if harness.call(command) != Reply::OutboxChanged {
                return Err("no answer".to_owned());
            }
        }
        for letter in &hand {
            if !letter.has_arrived && !letter.is_returned {
                continue;
            }
            let was_there = self.outboxes.remove(&(queue, letter.number)).is_some();
            if let Some(known) = self.messages.get_mut(&letter.body)
                && was_there
                && letter.is_returned
            {
                (known.place, known.hidden_until_ms) = (Place::In(queue), 0);
            }
        }
        if drops_hand {
            self.queues[queue].hand.clear();
        }
        Ok(())
    }

    fn carry(&mut self, queue: usize) -> Result<(), String> {
        self.read_outbox(queue, 10)?;
        self.arrive(queue, 10)?;
        self.settle(queue, true)
    }

    /// A handle, with whether it still holds its message; absent if the message is not there any more.
    fn pick(&self, index: usize) -> Option<(usize, String, Handle, Option<bool>)> {
        let (queue, address, body, handle) =
            &self.handles[index.checked_rem(self.handles.len())?];
        if self.queues[*queue].address != *address {
            return None;
        }
        let is_it =
            |known: &&Known| known.place == Place::In(*queue) && known.sequence == handle.sequence;
        let known = self.messages.get(body).filter(is_it);
        let holds = known.map(|known| {
            !self.setup.is_fifo
                || known.hidden_until_ms > self.now_ms
                    && known.history.receive_count == handle.receive_count
        });
        Some((*queue, body.clone(), *handle, holds))
    }

    fn delete(&mut self, index: usize) -> Result<(), String> {
        let Some((queue, body, handle, holds)) = self.pick(index) else { return Ok(()) };
        let expected = match holds {
            None => DeleteOutcome::Gone,
            Some(false) => DeleteOutcome::Expired,
            Some(true) => DeleteOutcome::Deleted,
        };
        let is_expired = self.messages.get(&body).is_some_and(|known| self.is_expired(known));
        let Reply::Deleted(found) = self.queues[queue].harness.call(Command::Delete(vec![handle]))
        else {
            return Err("no answer".to_owned());
        };
        if found[0] != expected && !(is_expired && found[0] == DeleteOutcome::Gone) {
            return Err(format!("{body}: {expected:?} expected, found {found:?}"));
        }
        if expected == DeleteOutcome::Deleted {
            self.messages.remove(&body);
        }
        Ok(())
    }

    fn hide(&mut self, index: usize, hidden_ms: u64) -> Result<(), String> {
        let Some((queue, body, handle, holds)) = self.pick(index) else { return Ok(()) };
        let is_expired = self.messages.get(&body).is_some_and(|known| self.is_expired(known));
        let total_ms = self.now_ms + hidden_ms - handle.received_at_ms;
        let expected = match holds {
            Some(true) if is_expired => VisibilityOutcome::Gone,
            None => VisibilityOutcome::Gone,
            Some(false) => VisibilityOutcome::Expired,
            Some(true) if total_ms > VISIBILITY_MAX_MS => VisibilityOutcome::BeyondLimit,
            Some(true) => VisibilityOutcome::Changed,
        };
        let command = Command::ChangeVisibility(vec![(handle, hidden_ms)]);
        let Reply::VisibilityChanged(found) = self.queues[queue].harness.call(command) else {
            return Err("no answer".to_owned());
        };
        if found[0] != expected && !(is_expired && found[0] == VisibilityOutcome::Gone) {
            return Err(format!("{body}: {expected:?} expected, found {found:?}"));
        }
        if expected == VisibilityOutcome::Changed
            && let Some(known) = self.messages.get_mut(&body)
        {
            known.hidden_until_ms = self.now_ms + hidden_ms;
        }
        Ok(())
    }

    /// Counters are exact; what has expired may be counted until its turn comes.
    fn count(&mut self, queue: usize) -> Result<(), String> {
        self.advance(0);
        let Reply::Counted(found) = self.queues[queue].harness.call(Command::Count) else {
            return Err("no counters".to_owned());
        };
        let (in_flight, in_flight_most) = self.in_flight(queue);
        let most = self.in_queue(queue).count();
        let least = self.in_queue(queue).filter(|(_, known)| !self.is_expired(known)).count();
        let sum = found.visible + found.in_flight + found.delayed;
        let is_right = (in_flight..=in_flight_most).contains(&(found.in_flight as usize))
            && (least..=most).contains(&(sum as usize));
        if !is_right {
            return Err(format!(
                "{in_flight} to {in_flight_most} in flight, {least} to {most} in all, found {found:?}"
            ));
        }
        Ok(())
    }

    /// In the end everything that should still be there comes out, once, and then nothing is left of it.
    fn drain(&mut self) -> Result<(), String> {
        let mut idle_rounds = 0;
        while idle_rounds < 3 {
            self.advance(60_000);
            let mut moved = 0;
            for queue in 0..self.queues.len() {
                while self.outbox(queue).next().is_some() {
                    self.carry(queue)?;
                    moved += 1;
                }
                if self.queues[queue].is_gone {
                    continue;
                }
                self.handles.clear();
                while self.receive(queue, 4, 30_000)? > 0 {
                    moved += 1;
                    while let Some(last) = self.handles.len().checked_sub(1) {
                        self.delete(last)?;
                        self.handles.pop();
                    }
                }
            }
            idle_rounds = if moved == 0 { idle_rounds + 1 } else { 0 };
        }
        let is_left = |known: &&Known| !self.is_expired(known);
        if let Some(lost) = self.messages.values().find(is_left) {
            return Err(format!("lost: {lost:?}"));
        }
        for queue in &mut self.queues {
            queue.harness.advance_to(self.now_ms);
            queue.harness.flush();
            let (rows, row) = (&queue.harness.rows, &queue.harness.rows.partition);
            let waiting = rows.log.len() + rows.due.len() + rows.ready.len() + rows.outbox.len();
            let counted = row.log_count + row.due.count + row.ready.count + row.outbox.count;
            if waiting + rows.touched.len() + rows.bodies.len() != 0 || counted != 0 {
                return Err(format!("rows are left: {rows:?}"));
            }
        }
        Ok(())
    }
}

fn check(steps: &[Step], setup: Setup, sabotage: Sabotage) -> Result<(), String> {
    let mut world = World::new(setup, sabotage);
    for step in steps {
        world.run(step).map_err(|why| format!("{step:?}: {why}"))?;
    }
    world.drain().map_err(|why| format!("in the end: {why}"))
}

fn runs() -> impl Strategy<Value = (Setup, Vec<Step>)> {
    (setup(), prop::collection::vec(step(), 1..120))
}

#[test]
fn dead_letters_keep_their_promises() {
    is_kept(cases(2_000), runs(), |(setup, steps)| check(&steps, setup, Sabotage::Nothing));
}

/// One short poll sends thousands of dead letters away, some per tick, and finds the message behind them.
#[test]
fn a_message_behind_thousands_of_dead_letters_is_found() {
    for is_fifo in [false, true] {
        let setup = Setup {
            shape: Shape::Pair,
            is_fifo,
            receives_max: 1,
            retention_ms: 1_000_000_000,
            in_flight_max: 10_000,
        };
        let mut world = World::new(setup, Sabotage::Nothing);
        world.queues[0].harness = Harness::new(world.config(None), Limits::SERVER, world.sabotage);
        world.configure(0);
        let harness = &mut world.queues[0].harness;
        let new = |group| {
            let group = if is_fifo { GroupId(group) } else { GroupId::NONE };
            NewMessage { group, delay_ms: 0, deduplication: None }
        };
        let receive =
            Command::Receive { count_max: 10, wait_ms: 0, visibility_ms: 1_000, attempt: None };
        harness.call(Command::Send((1..=5_000).map(new).collect()));
        let mut received = 0;
        while received < 5_000 {
            let Reply::Received(some) = harness.call(receive.clone()) else { panic!("no answer") };
            assert!(!some.is_empty(), "only {received} were received");
            received += some.len();
        }
        harness.advance_to(harness.now_ms + 1_000);
        harness.call(Command::Send(vec![new(5_001)]));
        let Reply::Received(found) = harness.call(receive) else { panic!("no answer") };
        assert_eq!(found.len(), 1, "the message behind the dead letters");
        harness.flush();
        assert_eq!(harness.rows.outbox.len(), 5_000);
    }
}

/// Every dead letter is the head of a group of its own, and each group's page is read for itself: still one command sends
/// no more of them away than one may, so that other queues of the shard have their turn.
#[test]
fn one_command_sends_away_no_more_than_one_may_however_many_pages_it_reads() {
    let setup = Setup {
        shape: Shape::Pair,
        is_fifo: true,
        receives_max: 1,
        retention_ms: 1_000_000_000,
        in_flight_max: 1_000,
    };
    let mut world = World::new(setup, Sabotage::Nothing);
    let limits = Limits { tick_rows_max: 3, groups_ahead: 2, index_max: 4, ..Limits::SERVER };
    world.queues[0].harness = Harness::new(world.config(None), limits, world.sabotage);
    world.configure(0);
    let harness = &mut world.queues[0].harness;
    let new = |group| NewMessage { group: GroupId(group), delay_ms: 0, deduplication: None };
    harness.call(Command::Send((1..=50).map(new).collect()));
    let receive =
        |visibility_ms| Command::Receive { count_max: 1, wait_ms: 0, visibility_ms, attempt: None };
    for _ in 0..50 {
        harness.call(receive(1_000));
    }
    harness.advance_to(harness.now_ms + 1_000);
    harness.restart();
    let request = harness.submit(receive(1_000), &[]);
    harness.flush();
    let departed = harness.rows.outbox.len();
    assert!((1..=3).contains(&departed), "{departed} left at once");
    assert_eq!(harness.reply(request), None, "the answer waits for the rest");
}

#[test]
fn a_broken_move_is_caught() {
    for sabotage in [
        Sabotage::ForgetArrived,
        Sabotage::ForgetDeparted,
        Sabotage::ForgetDelivered,
        Sabotage::DepartEarly,
        Sabotage::DepartLate,
        Sabotage::ForgetHistory,
        Sabotage::CountElsewhere,
        Sabotage::ForgetErased,
        Sabotage::ForgetTouched,
        Sabotage::ForgetLogged,
        Sabotage::ForgetGroupRows,
    ] {
        is_caught(200, sabotage, runs(), |(setup, steps)| check(&steps, setup, sabotage));
    }
}
