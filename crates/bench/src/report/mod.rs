//! What a run found out, for people and programs.

mod html;
mod plot;
mod text;

use std::collections::BTreeMap;
use std::time::Duration;

use clap::ValueEnum;
use hdrhistogram::Histogram;
use serde::Serialize;

use crate::engine_floor::{EngineFloorOptions, EngineScenario};
use crate::machine::Conditions;
use crate::operation::Operation;
use crate::options::{RunOptions, Scenario};
use crate::recorder::{OperationRecord, Recorder, Totals, add_histogram, latencies};
use crate::run::Used;
use crate::schedule::Window;
use crate::statistics::{Latency, Spread, millis};

/// What one repetition saw.
pub(crate) struct Measured {
    pub(crate) recorder: Recorder,
    /// Ends early when there was nothing left to receive.
    pub(crate) window: Window,
    pub(crate) before: Used,
    pub(crate) after: Used,
}

/// What is measured: the flags of the command that measures it.
#[derive(Debug, Clone, Serialize)]
#[serde(untagged)]
pub(crate) enum Measures {
    Run(RunOptions),
    EngineFloor(EngineFloorOptions),
}

/// The result of a run.
#[derive(Debug, Clone, Serialize)]
pub struct Report {
    conditions: Conditions,
    endpoint: String,
    options: Measures,
    /// Which operation's messages are the throughput of this scenario.
    throughput_of: &'static str,
    summary: Summary,
    repetitions: Vec<Repetition>,
}

/// All repetitions together.
#[derive(Debug, Clone, Serialize)]
struct Summary {
    messages_per_s: Spread,
    operations: BTreeMap<&'static str, Operations>,
    server: Option<ServerSummary>,
    generator: Option<GeneratorSummary>,
    floor: Option<Floor>,
    totals: Totals,
    failures: BTreeMap<String, u64>,
}

/// One operation over all repetitions; whole cycles and deliveries have latencies only.
#[derive(Debug, Clone, Serialize)]
struct Operations {
    requests_per_s: Option<Spread>,
    messages_per_s: Option<Spread>,
    /// Of all repetitions in one histogram.
    latency_ms: Option<Latency>,
    /// Shares of the requests, and how long they took at most, in milliseconds.
    curve: Vec<(f64, f64)>,
    /// The spread of the repetitions' own.
    p50_ms: Option<Spread>,
    p99_ms: Option<Spread>,
}

/// The null endpoint, measured in turn with the endpoint itself.
#[derive(Debug, Clone, Serialize)]
struct Floor {
    /// Its sends.
    requests_per_s: Spread,
    p99_ms: Option<Spread>,
    /// Requests of the scenario, of all operations together, by requests of the null endpoint.
    share: Spread,
    totals: Totals,
    failures: BTreeMap<String, u64>,
}

#[derive(Debug, Clone, Serialize)]
struct ServerSummary {
    cpu_us_per_request: Spread,
    cpu_us_per_message: Spread,
    cores: Spread,
    resident_mb: Spread,
    peak_mb: Spread,
}

#[derive(Debug, Clone, Serialize)]
struct GeneratorSummary {
    cpu_us_per_request: Spread,
    cores: Spread,
}

/// One repetition.
#[derive(Debug, Clone, Serialize)]
struct Repetition {
    seconds: f64,
    /// Time that each rate of `over_time` is of.
    piece_seconds: f64,
    messages_per_s: f64,
    /// Of all operations together.
    requests_per_s: f64,
    operations: BTreeMap<&'static str, OperationResult>,
    totals: Totals,
    failures: BTreeMap<String, u64>,
    server: Option<ServerUse>,
    generator: Option<GeneratorUse>,
}

/// One operation of a repetition.
#[derive(Debug, Clone, Serialize)]
struct OperationResult {
    requests: u64,
    messages: u64,
    requests_per_s: f64,
    messages_per_s: f64,
    latency_ms: Option<Latency>,
    /// Messages per second in each hundredth of the time that was asked for; receives may end earlier.
    over_time: Vec<f64>,
    #[serde(skip)]
    histogram: Histogram<u64>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct ServerUse {
    cpu_us_per_request: f64,
    cpu_us_per_message: f64,
    /// CPU time by time: 1 is a whole core.
    cores: f64,
    resident_mb: f64,
    /// Since the process began.
    peak_mb: f64,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct GeneratorUse {
    cpu_us_per_request: f64,
    /// CPU time by time: as many as it has threads, and it measures itself.
    cores: f64,
}

/// Names of the latencies that belong to no single operation.
const CYCLE: &str = "cycle";
const DELIVERY: &str = "delivery";
/// The order in which operations are shown.
const ORDER: [&str; 5] = ["send", "receive", "delete", CYCLE, DELIVERY];

impl Report {
    pub(crate) fn new(
        conditions: Conditions,
        endpoint: String,
        options: Measures,
        measured: &[Measured],
        floor: &[Measured],
    ) -> Self {
        let throughput = options.throughput();
        let of_each = |measured: &[Measured], throughput| -> Vec<Repetition> {
            measured.iter().map(|measured| Repetition::new(measured, throughput)).collect()
        };
        let repetitions = of_each(measured, throughput);
        let floor = Floor::new(&of_each(floor, Operation::Send), &repetitions);
        Self {
            conditions,
            endpoint,
            options,
            throughput_of: throughput.name(),
            summary: Summary { floor, ..Summary::new(&repetitions) },
            repetitions,
        }
    }

    /// Whether any request did what it was for.
    pub fn has_worked(&self) -> bool {
        self.summary.totals.requests > 0
    }
}

impl Measures {
    /// The scenario as the command line spells it.
    fn scenario_name(&self) -> String {
        let name = match self {
            Self::Run(options) => options.scenario.to_possible_value(),
            Self::EngineFloor(options) => options.scenario.to_possible_value(),
        };
        name.map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    /// The operation whose messages are the throughput.
    fn throughput(&self) -> Operation {
        match self {
            Self::Run(options) => match options.scenario {
                Scenario::Send => Operation::Send,
                Scenario::Receive | Scenario::Cycle | Scenario::Flow if options.never_delete => {
                    Operation::Receive
                }
                Scenario::Receive | Scenario::Cycle | Scenario::Flow => Operation::Delete,
            },
            Self::EngineFloor(options) => match options.scenario {
                EngineScenario::Send => Operation::Send,
                EngineScenario::Cycle => Operation::Delete,
            },
        }
    }
}

impl Repetition {
    fn new(measured: &Measured, throughput: Operation) -> Self {
        let Measured { recorder, window, before, after } = measured;
        let seconds = window.to.duration_since(window.from).as_secs_f64();
        let piece_seconds = recorder.piece_secs();
        let operations = BTreeMap::from([
            ("send", OperationResult::new(&recorder.send, seconds, piece_seconds)),
            ("receive", OperationResult::new(&recorder.receive, seconds, piece_seconds)),
            ("delete", OperationResult::new(&recorder.delete, seconds, piece_seconds)),
            (CYCLE, OperationResult::latency_only(&recorder.cycle)),
            (DELIVERY, OperationResult::latency_only(&recorder.delivery)),
        ]);
        let messages = operations[throughput.name()].messages;
        let requests: u64 = operations.values().map(|operation| operation.requests).sum();
        let per = |time: Duration, count: u64| time.as_secs_f64() * 1e6 / count.max(1) as f64;
        let server = before.server.zip(after.server).map(|(before, after)| {
            let cpu = after.cpu.saturating_sub(before.cpu);
            ServerUse {
                cpu_us_per_request: per(cpu, requests),
                cpu_us_per_message: per(cpu, messages),
                cores: cpu.as_secs_f64() / seconds,
                resident_mb: after.resident_bytes as f64 / 1e6,
                peak_mb: after.peak_bytes as f64 / 1e6,
            }
        });
        let generator = before.generator.zip(after.generator).map(|(before, after)| {
            let cpu = after.cpu.saturating_sub(before.cpu);
            GeneratorUse {
                cpu_us_per_request: per(cpu, requests),
                cores: cpu.as_secs_f64() / seconds,
            }
        });
        Self {
            seconds,
            piece_seconds,
            messages_per_s: messages as f64 / seconds,
            requests_per_s: requests as f64 / seconds,
            operations,
            totals: recorder.totals,
            failures: recorder.failures.clone(),
            server,
            generator,
        }
    }
}

impl OperationResult {
    fn new(record: &OperationRecord, seconds: f64, piece_seconds: f64) -> Self {
        Self {
            requests: record.requests,
            messages: record.messages,
            requests_per_s: record.requests as f64 / seconds,
            messages_per_s: record.messages as f64 / seconds,
            latency_ms: Latency::of(&record.latency),
            over_time: record.pieces.iter().map(|count| *count as f64 / piece_seconds).collect(),
            histogram: record.latency.clone(),
        }
    }

    fn latency_only(latency: &Histogram<u64>) -> Self {
        Self {
            requests: 0,
            messages: 0,
            requests_per_s: 0.0,
            messages_per_s: 0.0,
            latency_ms: Latency::of(latency),
            over_time: Vec::new(),
            histogram: latency.clone(),
        }
    }
}

impl Summary {
    fn new(repetitions: &[Repetition]) -> Self {
        let spread = |value: &dyn Fn(&Repetition) -> f64| Spread::of(repetitions.iter().map(value));
        let (totals, failures) = together(repetitions);
        let used: Vec<ServerUse> =
            repetitions.iter().filter_map(|repetition| repetition.server).collect();
        let of_server = |value: &dyn Fn(&ServerUse) -> f64| Spread::of(used.iter().map(value));
        let loaded: Vec<GeneratorUse> =
            repetitions.iter().filter_map(|repetition| repetition.generator).collect();
        let of_generator =
            |value: &dyn Fn(&GeneratorUse) -> f64| Spread::of(loaded.iter().map(value));
        Self {
            messages_per_s: spread(&|repetition| repetition.messages_per_s),
            operations: ORDER
                .iter()
                .map(|name| (*name, Operations::new(name, repetitions)))
                .filter(|(_, operations)| operations.latency_ms.is_some())
                .collect(),
            server: (!used.is_empty()).then(|| ServerSummary {
                cpu_us_per_request: of_server(&|used| used.cpu_us_per_request),
                cpu_us_per_message: of_server(&|used| used.cpu_us_per_message),
                cores: of_server(&|used| used.cores),
                resident_mb: of_server(&|used| used.resident_mb),
                peak_mb: of_server(&|used| used.peak_mb),
            }),
            generator: (!loaded.is_empty()).then(|| GeneratorSummary {
                cpu_us_per_request: of_generator(&|used| used.cpu_us_per_request),
                cores: of_generator(&|used| used.cores),
            }),
            floor: None,
            totals,
            failures,
        }
    }
}

/// The counts of all of them.
fn together(repetitions: &[Repetition]) -> (Totals, BTreeMap<String, u64>) {
    let mut totals = Totals::default();
    let mut failures: BTreeMap<String, u64> = BTreeMap::new();
    for repetition in repetitions {
        totals.add(&repetition.totals);
        for (kind, count) in &repetition.failures {
            *failures.entry(kind.clone()).or_default() += count;
        }
    }
    (totals, failures)
}

impl Floor {
    /// Repetitions of the null endpoint and of the endpoint, in pairs.
    fn new(floor: &[Repetition], repetitions: &[Repetition]) -> Option<Self> {
        if floor.is_empty() {
            return None;
        }
        let pairs = floor.iter().zip(repetitions);
        let rates = floor.iter().map(|floor| floor.requests_per_s);
        let (totals, failures) = together(floor);
        Some(Self {
            totals,
            failures,
            requests_per_s: Spread::of(rates),
            p99_ms: Operations::new("send", floor).p99_ms,
            share: Spread::of(pairs.map(|(floor, own)| own.requests_per_s / floor.requests_per_s)),
        })
    }
}

impl Operations {
    fn new(name: &str, repetitions: &[Repetition]) -> Self {
        let results: Vec<&OperationResult> =
            repetitions.iter().map(|repetition| &repetition.operations[name]).collect();
        let mut histogram = latencies();
        for result in &results {
            add_histogram(&mut histogram, &result.histogram);
        }
        let latencies: Vec<&Latency> =
            results.iter().filter_map(|result| result.latency_ms.as_ref()).collect();
        let of_latency = |value: &dyn Fn(&Latency) -> f64| {
            let values = latencies.iter().map(|latency| value(latency));
            (!latencies.is_empty()).then(|| Spread::of(values))
        };
        let has_requests = results.iter().any(|result| result.requests > 0);
        let of_rate = |value: &dyn Fn(&OperationResult) -> f64| {
            has_requests.then(|| Spread::of(results.iter().map(|result| value(result))))
        };
        Self {
            requests_per_s: of_rate(&|result| result.requests_per_s),
            messages_per_s: of_rate(&|result| result.messages_per_s),
            latency_ms: Latency::of(&histogram),
            curve: curve(&histogram),
            p50_ms: of_latency(&|latency| latency.p50),
            p99_ms: of_latency(&|latency| latency.p99),
        }
    }
}

/// Ten points for each nine of the share, as many nines as there are latencies to fill them.
fn curve(histogram: &Histogram<u64>) -> Vec<(f64, f64)> {
    let shares = (0..).map(|tenth| 1.0 - 10_f64.powf(-f64::from(tenth) / 10.0));
    let last = 1.0 - 1.0 / histogram.len().max(1) as f64;
    shares
        .take_while(|share| *share <= last && !histogram.is_empty())
        .map(|share| (share, millis(histogram.value_at_quantile(share))))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_over_time_are_those_of_the_whole_window_however_early_it_ended() {
        let second = Duration::from_secs(1);
        let window = Window::new(crate::clock::now(), second, 10 * second);
        let mut recorder = Recorder::new(window);
        let moment = window.from + second / 2;
        recorder.succeeded(Operation::Receive, window.from, moment, 100);
        let used = Used { server: None, generator: None };
        let window = Window { to: window.from + second, ..window };
        let measured = Measured { recorder, window, before: used, after: used };
        let repetition = Repetition::new(&measured, Operation::Receive);
        assert_eq!((repetition.seconds, repetition.messages_per_s), (1.0, 100.0));
        assert_eq!(repetition.piece_seconds, 0.1);
        assert_eq!(repetition.operations["receive"].over_time[5], 1_000.0);
    }

    #[test]
    fn a_floor_says_what_failed_there() {
        let second = Duration::from_secs(1);
        let window = Window::new(crate::clock::now(), second, second);
        let mut recorder = Recorder::new(window);
        recorder.succeeded(Operation::Send, window.from, window.from, 1);
        recorder.failed("500".to_owned());
        let used = Used { server: None, generator: None };
        let measured = Measured { recorder, window, before: used, after: used };
        let repetitions = [Repetition::new(&measured, Operation::Send)];
        let floor = Floor::new(&repetitions, &repetitions).expect("there is one");
        assert_eq!((floor.totals.failed, floor.failures["500"], floor.share.median), (1, 1, 1.0));
    }

    #[test]
    fn a_curve_has_as_many_points_as_there_are_latencies_for() {
        let mut histogram = latencies();
        assert_eq!(curve(&histogram), []);
        for millis in 1..=1_000 {
            histogram.record(millis * 1_000_000).expect("within the bounds");
        }
        let curve = curve(&histogram);
        assert!((29..=31).contains(&curve.len()), "{}", curve.len());
        let near = |share: f64| curve.iter().find(|(at, _)| (at - share).abs() < 1e-6);
        let (_, p90) = near(0.9).expect("a point for each nine");
        assert!((p90 - 900.0).abs() < 2.0, "{p90}");
    }
}
