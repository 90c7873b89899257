//! Runs the text scenarios in `tests/scenarios`: one step a line, with virtual time and the expected outcome.
//!
//! ```text
//! queue retention=60s in-flight=2 window=4      optional first line, or a new queue; settings and memory bounds
//! queue fifo=0s index=2 ahead=2                 a FIFO queue with its delay
//! send a b c [delay=5s]                         sends messages whose bodies are these words
//! send g.a h.b [once=id] [=> repeats:g.x]       the same to groups g and h, with a deduplication id
//! send g.1..40                                  sends g.1 to g.40; deletes can be written so, too
//! receive 2 [wait=20s] [hide=30s] => a#1 b#1    receives; body#receive-count in order, `nothing`, `over-limit`
//! take 30 [hide=30s] => g:25 h:5                receives so many in tens; how many of each group
//! poll p1 1 wait=20s                            starts a long poll named p1
//! p1 => a#1 | waiting | nothing                 its outcome so far
//! cancel p1                                     its client goes away
//! delete a [=> gone]                            deletes with the handle of the last receive of that message
//! delete-old a [=> gone]                        deletes with the handle of its first receive
//! hide a 0s [=> gone | beyond-limit]            changes the visibility timeout
//! at 5s                                         lets time pass until 5 s after the start
//! count 1 2 3                                   visible, in flight, delayed
//! fair 1 2 3                                    noisy groups; visible and in flight in quiet groups
//! peek 10 => a#0                                looks without receiving
//! queue-delay 5s                                changes the delay of a FIFO queue
//! queue dead-letters=3                          messages leave for a dead-letter queue after 3 receives
//! dead-letters none                             that queue is gone
//! outbox a#1 b#2                                what is on its way to another queue, with receive counts
//! delivered 2 / return 2                        the first two of these arrived / come back
//! arrive 5 a#2 [age=60s]                        takes in a dead letter under number 5, as [=> again] if it came before
//! receive 2 attempt=x [=> attempt-over]         FIFO: a receive with a name, to be repeated
//! purge / restart / stop-waiting
//! ```
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use sluice_engine::{
    Arrival, ArrivalKind, Command, DeadLetters, Deduplication, DeleteOutcome, Delivery, Departure,
    GroupId, Handle, History, Limits, NewMessage, Policy, QueueAddress, QueueConfig, Reply,
    RequestId, SendOutcome, Sequence, VisibilityOutcome,
};

mod support;
use support::{Harness, Sabotage};

struct Runner {
    harness: Harness,
    start_ms: u64,
    handles: BTreeMap<String, Vec<Handle>>,
    polls: BTreeMap<String, RequestId>,
}

fn millis(text: &str) -> u64 {
    let (number, scale) = if let Some(number) = text.strip_suffix("ms") {
        (number, 1)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1_000)
    } else if let Some(number) = text.strip_suffix('h') {
        (number, 3_600_000)
    } else {
        panic!("a time is written 5s, 5ms or 5h: {text}")
    };
    number.parse::<u64>().unwrap() * scale
}

/// Splits `key=value` words from the others.
fn options<'a>(words: &[&'a str]) -> (Vec<&'a str>, BTreeMap<&'a str, &'a str>) {
    let (with, without): (Vec<&str>, Vec<&str>) = words.iter().partition(|word| word.contains('='));
    (without, with.iter().map(|word| word.split_once('=').unwrap()).collect())
}

impl Runner {
    fn new(settings: &BTreeMap<&str, &str>) -> Self {
        let number = |key: &str, default: usize| {
            settings.get(key).map_or(default, |value| value.parse().unwrap())
        };
        let config = QueueConfig {
            retention_ms: settings.get("retention").map_or(345_600_000, |value| millis(value)),
            in_flight_max: number("in-flight", 120_000),
            visibility_max_ms: 43_200_000,
            dead_letters: dead_letters(settings),
            policy: match settings.get("fifo") {
                Some(delay) => Policy::Fifo { delay_ms: millis(delay) },
                None => Policy::Standard { back_of_queue_receives: Some(3) },
            },
        };
        let limits = Limits {
            window_max: number("window", 1_024),
            window_low: number("window", 1_024).div_ceil(2),
            windows_max: number("windows", 65_536),
            index_max: number("index", 1_024),
            groups_ahead: number("ahead", 16),
            returned_max: number("returned", 10_000),
            passed_min: 3,
            tick_rows_max: number("tick", 1_000),
        };
        let harness = Harness::new(config, limits, Sabotage::Nothing);
        let start_ms = harness.now_ms;
        Self { harness, start_ms, handles: BTreeMap::new(), polls: BTreeMap::new() }
    }

    fn step(&mut self, words: &[&str], expected: &str) -> String {
        let (plain, options) = options(words);
        match plain.as_slice() {
            ["send", bodies @ ..] => self.send(&expanded(bodies), &options),
            ["take", count] => self.take(count.parse().unwrap(), &options),
            ["fair", noisy, visible, in_flight] => match self.harness.call(Command::Count) {
                Reply::Counted(found) => {
                    let wanted =
                        [noisy, visible, in_flight].map(|number| number.parse::<u64>().unwrap());
                    let quiet = (found.visible_in_quiet_groups, found.in_flight_in_quiet_groups);
                    assert_eq!([found.noisy_groups, quiet.0, quiet.1], wanted, "{words:?}");
                    String::new()
                }
                other => panic!("{other:?}"),
            },
            ["receive", count] => {
                let request = self.harness.start(receive(count, &options));
                self.outcome(request)
            }
            ["poll", name, count] => {
                let request = self.harness.start(receive(count, &options));
                self.polls.insert((*name).to_owned(), request);
                String::new()
            }
            ["cancel", name] => {
                self.harness.cancel(self.polls[*name]);
                String::new()
            }
            ["delete", body] => {
                let bodies = expanded(&[body]);
                let outcomes: Vec<_> =
                    bodies.iter().map(|body| self.delete(self.last_handle(body))).collect();
                outcomes.join(" ").trim().to_owned()
            }
            ["delete-old", body] => self.delete(self.handles[*body][0]),
            ["hide", body, time] => {
                let change = (self.last_handle(body), millis(time));
                match self.harness.call(Command::ChangeVisibility(vec![change])) {
                    Reply::VisibilityChanged(outcomes) => match outcomes[0] {
                        VisibilityOutcome::Changed => String::new(),
                        VisibilityOutcome::Gone => "gone".to_owned(),
                        VisibilityOutcome::BeyondLimit => "beyond-limit".to_owned(),
                        VisibilityOutcome::Expired => "expired".to_owned(),
                    },
                    other => panic!("{other:?}"),
                }
            }
            ["at", time] => {
                self.harness.advance_to(self.start_ms + millis(time));
                String::new()
            }
            ["count", visible, in_flight, delayed] => match self.harness.call(Command::Count) {
                Reply::Counted(counters) => {
                    let found = [counters.visible, counters.in_flight, counters.delayed];
                    let wanted =
                        [visible, in_flight, delayed].map(|number| number.parse::<u64>().unwrap());
                    assert_eq!(found, wanted, "visible, in flight, delayed");
                    String::new()
                }
                other => panic!("{other:?}"),
            },
            ["peek", count] => match self.harness.call(Command::Peek(count.parse().unwrap())) {
                Reply::Peeked(deliveries) => self.describe(&deliveries),
                other => panic!("{other:?}"),
            },
            ["queue-delay", time] => {
                self.harness.config.policy = Policy::Fifo { delay_ms: millis(time) };
                self.harness.start(Command::Configure(self.harness.config));
                String::new()
            }
            ["dead-letters", "none"] => {
                self.harness.config.dead_letters = None;
                self.harness.start(Command::Configure(self.harness.config));
                String::new()
            }
            ["outbox", wanted @ ..] => {
                let found = self.outbox().into_iter().map(|(_, departure)| {
                    let body = &self.harness.rows.bodies[&departure.sequence];
                    format!("{body}#{}", departure.history.receive_count)
                });
                assert_eq!(found.collect::<Vec<_>>(), wanted, "the outbox");
                String::new()
            }
            ["delivered", count] => {
                let numbers = self.first_numbers(count);
                self.harness.call(Command::Delivered(numbers));
                String::new()
            }
            ["return", count] => {
                let numbers = self.first_numbers(count);
                self.harness.call(Command::Return(numbers));
                String::new()
            }
            ["arrive", number, message] => self.arrive(number, message, &options),
            ["purge"] => {
                self.harness.call(Command::Purge);
                String::new()
            }
            ["restart"] => {
                self.harness.restart();
                String::new()
            }
            ["stop-waiting"] => {
                self.harness.start(Command::StopWaiting);
                String::new()
            }
            [name] if self.polls.contains_key(*name) => {
                let request = self.polls[*name];
                if expected == "waiting" {
                    assert_eq!(self.harness.reply(request), None, "it was to wait");
                    return expected.to_owned();
                }
                self.outcome(request)
            }
            other => panic!("unknown step {other:?}"),
        }
    }

    fn take(&mut self, count: usize, options: &BTreeMap<&str, &str>) -> String {
        let mut groups: BTreeMap<String, usize> = BTreeMap::new();
        let mut left = count;
        while left > 0 {
            let request = self.harness.start(receive(&left.min(10).to_string(), options));
            let text = self.outcome(request);
            let taken: Vec<_> = text.split(' ').filter(|word| word.contains('#')).collect();
            if taken.is_empty() {
                break;
            }
            for body in &taken {
                let group = body.split_once('.').map_or("-", |(group, _)| group);
                *groups.entry(group.to_owned()).or_default() += 1;
            }
            left -= taken.len();
        }
        let texts = groups.iter().map(|(group, count)| format!("{group}:{count}"));
        texts.collect::<Vec<_>>().join(" ")
    }

    fn send(&mut self, bodies: &[String], options: &BTreeMap<&str, &str>) -> String {
        let delay_ms = options.get("delay").map_or(0, |value| millis(value));
        let new = |body: &String| NewMessage {
            group: group_of(body),
            delay_ms,
            deduplication: options
                .get("once")
                .map(|id| Deduplication { key: number_of(id), message: number_of(body) }),
        };
        let messages = bodies.iter().map(new).collect();
        let request = self.harness.start_with_bodies(Command::Send(messages), bodies);
        let Some(Reply::Sent(outcomes)) = self.harness.reply(request) else { panic!("no answer") };
        let repeated = outcomes.iter().filter_map(|outcome| match outcome {
            SendOutcome::Accepted(_) => None,
            SendOutcome::Duplicate { message, .. } => {
                Some(format!("repeats:{}", name_of(*message)))
            }
        });
        repeated.collect::<Vec<_>>().join(" ")
    }

    fn outbox(&mut self) -> Vec<(Sequence, Departure)> {
        match self.harness.call(Command::ReadOutbox(100)) {
            Reply::Outbox(departures) => departures,
            other => panic!("{other:?}"),
        }
    }

    fn first_numbers(&mut self, count: &str) -> Vec<Sequence> {
        let numbers = self.outbox().into_iter().map(|(number, _)| number);
        numbers.take(count.parse().unwrap()).collect()
    }

    fn arrive(&mut self, number: &str, text: &str, options: &BTreeMap<&str, &str>) -> String {
        let (body, receives) = text.split_once('#').unwrap();
        let age_ms = options.get("age").map_or(0, |value| millis(value));
        let enqueued_at_ms = self.harness.now_ms - age_ms;
        let arrival = Arrival {
            number: Sequence(number.parse().unwrap()),
            group: group_of(body),
            kind: ArrivalKind::DeadLetter(History {
                receive_count: receives.parse().unwrap(),
                first_received_at_ms: enqueued_at_ms,
                ..History::sent_at(enqueued_at_ms)
            }),
        };
        let command = Command::Arrive { from: QueueAddress(7), arrivals: vec![arrival] };
        let request = self.harness.start_with_bodies(command, &[body.to_owned()]);
        match self.harness.reply(request) {
            Some(Reply::Arrived(arrived)) if arrived == [None] => "again".to_owned(),
            Some(Reply::Arrived(_)) => String::new(),
            other => panic!("{other:?}"),
        }
    }

    fn delete(&mut self, handle: Handle) -> String {
        match self.harness.call(Command::Delete(vec![handle])) {
            Reply::Deleted(deleted) => match deleted[0] {
                DeleteOutcome::Deleted => String::new(),
                DeleteOutcome::Gone => "gone".to_owned(),
                DeleteOutcome::Expired => "expired".to_owned(),
            },
            other => panic!("{other:?}"),
        }
    }

    fn last_handle(&self, body: &str) -> Handle {
        *self.handles.get(body).and_then(|handles| handles.last()).expect("it was received")
    }

    fn outcome(&mut self, request: RequestId) -> String {
        match self.harness.reply(request) {
            Some(Reply::Received(deliveries)) => {
                let text = self.describe(&deliveries);
                for delivery in deliveries {
                    let body = self.harness.rows.bodies[&delivery.sequence].clone();
                    self.handles.entry(body).or_default().push(Handle {
                        sequence: delivery.sequence,
                        receive_count: delivery.receive_count,
                        received_at_ms: delivery.received_at_ms,
                    });
                }
                text
            }
            Some(Reply::OverLimit) => "over-limit".to_owned(),
            Some(Reply::AttemptOver) => "attempt-over".to_owned(),
            Some(other) => panic!("{other:?}"),
            None => "waiting".to_owned(),
        }
    }

    fn describe(&self, deliveries: &[Delivery]) -> String {
        if deliveries.is_empty() {
            return "nothing".to_owned();
        }
        let texts = deliveries.iter().map(|delivery| {
            format!("{}#{}", self.harness.rows.bodies[&delivery.sequence], delivery.receive_count)
        });
        texts.collect::<Vec<_>>().join(" ")
    }
}

fn dead_letters(settings: &BTreeMap<&str, &str>) -> Option<DeadLetters> {
    let receives_max = settings.get("dead-letters")?.parse().unwrap();
    Some(DeadLetters { receives_max, queue: QueueAddress(1) })
}

/// Writes `g.1..3` out as `g.1 g.2 g.3`.
fn expanded(bodies: &[&str]) -> Vec<String> {
    let one = |body: &&str| match body.split_once("..") {
        None => vec![(*body).to_owned()],
        Some((first, last)) => {
            let (group, first) = first.split_once('.').unwrap();
            let numbers = first.parse::<u32>().unwrap()..=last.parse().unwrap();
            numbers.map(|number| format!("{group}.{number}")).collect()
        }
    };
    bodies.iter().flat_map(one).collect()
}

/// The body of a message in a group is written `group.message`.
fn group_of(body: &str) -> GroupId {
    body.split_once('.').map_or(GroupId::NONE, |(group, _)| GroupId(number_of(group)))
}

/// Short names as numbers and back.
fn number_of(name: &str) -> u128 {
    name.bytes().fold(0, |number, byte| number << 8 | u128::from(byte))
}

fn name_of(number: u128) -> String {
    let bytes = number.to_be_bytes();
    String::from_utf8(bytes.into_iter().filter(|byte| *byte != 0).collect()).unwrap()
}

fn receive(count: &str, options: &BTreeMap<&str, &str>) -> Command {
    Command::Receive {
        count_max: count.parse().unwrap(),
        wait_ms: options.get("wait").map_or(0, |value| millis(value)),
        visibility_ms: options.get("hide").map_or(30_000, |value| millis(value)),
        attempt: options.get("attempt").map(|name| number_of(name)),
    }
}

fn run(path: &Path) {
    let text = fs::read_to_string(path).unwrap();
    let mut runner: Option<Runner> = None;
    for (index, line) in text.lines().enumerate() {
        let line = line.split(" // ").next().unwrap_or_default().trim();
        if line.is_empty() || line.starts_with("//") {
            continue;
        }
        if line == "queue" || line.starts_with("queue ") {
            let settings = line.trim_start_matches("queue");
            let words: Vec<&str> = settings.split_whitespace().collect();
            runner = Some(Runner::new(&options(&words).1));
            continue;
        }
        let runner = runner.get_or_insert_with(|| Runner::new(&BTreeMap::new()));
        let (step, expected) = line.split_once("=>").unwrap_or((line, ""));
        let words: Vec<&str> = step.split_whitespace().collect();
        let expected = expected.split_whitespace().collect::<Vec<_>>().join(" ");
        let found = runner.step(&words, &expected);
        assert_eq!(found, expected, "{}:{}: {line}", path.display(), index + 1);
    }
}

#[test]
fn every_scenario_holds() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut paths: Vec<_> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(paths.len() >= 8, "the scenarios are there");
    for path in paths {
        run(&path);
    }
}
