//! What happened, as counts and histograms.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use hdrhistogram::Histogram;

use crate::operation::Operation;
use crate::schedule::Window;

/// Latencies are kept in nanoseconds, from one microsecond to ten minutes, with three significant digits.
const LATENCY_NS_MIN: u64 = 1_000;
const LATENCY_NS_MAX: u64 = 600_000_000_000;
const DIGITS: u8 = 3;
/// Pieces of the measured time, for the plot over time.
pub(crate) const PIECES: usize = 100;

/// A histogram of latencies.
pub(crate) fn latencies() -> Histogram<u64> {
    Histogram::new_with_bounds(LATENCY_NS_MIN, LATENCY_NS_MAX, DIGITS)
        .expect("the bounds are those of the crate's documentation")
}

/// One operation within the window.
#[derive(Debug, Clone)]
pub(crate) struct OperationRecord {
    /// From the start, or from when it was due, to the answer; of those that started in the window.
    pub(crate) latency: Histogram<u64>,
    /// Answers that arrived in the window.
    pub(crate) requests: u64,
    /// Messages that these answers were about.
    pub(crate) messages: u64,
    /// Messages by piece of the window.
    pub(crate) pieces: Vec<u64>,
}

/// Counts of a whole repetition, warm-up and drain included.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub(crate) struct Totals {
    /// Messages that the endpoint took.
    pub(crate) sent: u64,
    /// Messages that came back.
    pub(crate) received: u64,
    /// Messages that were deleted.
    pub(crate) deleted: u64,
    /// Receives that got nothing.
    pub(crate) empty_receives: u64,
    /// Requests that were answered with a success.
    pub(crate) requests: u64,
    /// Requests, or entries of batches, that failed.
    pub(crate) failed: u64,
    /// Requests without an answer when the run was over.
    pub(crate) unanswered: u64,
}

/// Everything that one thread sees.
#[derive(Debug, Clone)]
pub(crate) struct Recorder {
    window: Window,
    pub(crate) send: OperationRecord,
    pub(crate) receive: OperationRecord,
    pub(crate) delete: OperationRecord,
    /// From a message's due moment to its arrival at a consumer.
    pub(crate) delivery: Histogram<u64>,
    /// Whole cycles, from when they were due.
    pub(crate) cycle: Histogram<u64>,
    pub(crate) totals: Totals,
    pub(crate) failures: BTreeMap<String, u64>,
    /// When the last message was received.
    pub(crate) last_received: Option<Instant>,
}

impl Totals {
    pub(crate) fn add(&mut self, more: &Self) {
        self.sent += more.sent;
        self.received += more.received;
        self.deleted += more.deleted;
        self.empty_receives += more.empty_receives;
        self.requests += more.requests;
        self.failed += more.failed;
        self.unanswered += more.unanswered;
    }
}

impl OperationRecord {
    fn new() -> Self {
        Self { latency: latencies(), requests: 0, messages: 0, pieces: vec![0; PIECES] }
    }

    fn add(&mut self, other: &Self) {
        add_histogram(&mut self.latency, &other.latency);
        self.requests += other.requests;
        self.messages += other.messages;
        for (piece, more) in self.pieces.iter_mut().zip(&other.pieces) {
            *piece += more;
        }
    }
}

impl Recorder {
    pub(crate) fn new(window: Window) -> Self {
        Self {
            window,
            send: OperationRecord::new(),
            receive: OperationRecord::new(),
            delete: OperationRecord::new(),
            delivery: latencies(),
            cycle: latencies(),
            totals: Totals::default(),
            failures: BTreeMap::new(),
            last_received: None,
        }
    }

    pub(crate) fn operation(&mut self, operation: Operation) -> &mut OperationRecord {
        match operation {
            Operation::Send => &mut self.send,
            Operation::Receive => &mut self.receive,
            Operation::Delete => &mut self.delete,
        }
    }

    /// A request was answered with a success about this many messages.
    pub(crate) fn succeeded(
        &mut self,
        operation: Operation,
        started: Instant,
        ended: Instant,
        messages: u64,
    ) {
        let window = self.window;
        self.totals.requests += 1;
        match operation {
            Operation::Send => self.totals.sent += messages,
            Operation::Receive => {
                self.totals.received += messages;
                self.totals.empty_receives += u64::from(messages == 0);
                self.last_received = if messages > 0 { Some(ended) } else { self.last_received };
            }
            Operation::Delete => self.totals.deleted += messages,
        }
        let record = self.operation(operation);
        if window.contains(ended) {
            record.requests += 1;
            record.messages += messages;
            record.pieces[piece(&window, ended)] += messages;
        }
        if window.contains(started) {
            note(&mut record.latency, ended.duration_since(started));
        }
    }

    /// A request, or an entry of one, failed in this way.
    pub(crate) fn failed(&mut self, kind: String) {
        self.failed_often(kind, 1);
    }

    /// So many of them.
    pub(crate) fn failed_often(&mut self, kind: String, count: u64) {
        self.totals.failed += count;
        *self.failures.entry(kind).or_default() += count;
    }

    /// A cycle that was due at `due` is complete.
    pub(crate) fn cycled(&mut self, due: Instant, ended: Instant) {
        if self.window.contains(due) {
            note(&mut self.cycle, ended.duration_since(due));
        }
    }

    /// A message arrived at `now`, this long after it was due.
    pub(crate) fn delivered(&mut self, age: Duration, now: Instant) {
        if now.checked_sub(age).is_some_and(|due| self.window.contains(due)) {
            note(&mut self.delivery, age);
        }
    }

    /// How long one of [`PIECES`] is.
    pub(crate) fn piece_secs(&self) -> f64 {
        self.window.to.duration_since(self.window.from).as_secs_f64() / PIECES as f64
    }

    /// Adds what another thread saw.
    pub(crate) fn add(&mut self, other: &Self) {
        self.send.add(&other.send);
        self.receive.add(&other.receive);
        self.delete.add(&other.delete);
        add_histogram(&mut self.delivery, &other.delivery);
        add_histogram(&mut self.cycle, &other.cycle);
        self.totals.add(&other.totals);
        for (kind, count) in &other.failures {
            *self.failures.entry(kind.clone()).or_default() += count;
        }
        self.last_received = self.last_received.max(other.last_received);
    }
}

/// The recorder of a thread, shared by its connections; a lock that nobody else takes meanwhile.
#[derive(Debug, Clone)]
pub(crate) struct SharedRecorder(Arc<Mutex<Recorder>>);

impl SharedRecorder {
    pub(crate) fn new(window: Window) -> Self {
        Self(Arc::new(Mutex::new(Recorder::new(window))))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Recorder> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn piece(window: &Window, moment: Instant) -> usize {
    let share = moment.duration_since(window.from).as_secs_f64()
        / window.to.duration_since(window.from).as_secs_f64();
    ((share * PIECES as f64) as usize).min(PIECES - 1)
}

fn note(histogram: &mut Histogram<u64>, latency: Duration) {
    histogram.saturating_record(u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX));
}

/// Adds one histogram to another with the same bounds.
pub(crate) fn add_histogram(sum: &mut Histogram<u64>, more: &Histogram<u64>) {
    sum.add(more).expect("histograms of latencies have the same bounds");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn recorder() -> (Recorder, Window) {
        let second = Duration::from_secs(1);
        let window = Window::new(crate::clock::now(), second, 10 * second);
        (Recorder::new(window), window)
    }

    #[test]
    fn throughput_counts_answers_in_the_window_and_latency_what_started_there() {
        let (mut recorder, window) = recorder();
        let at = |ms: u64| window.from + Duration::from_millis(ms) - Duration::from_millis(100);
        recorder.succeeded(Operation::Send, at(0), at(50), 1);
        recorder.succeeded(Operation::Send, at(0), at(200), 1);
        recorder.succeeded(Operation::Send, at(200), at(300), 1);
        recorder.succeeded(Operation::Send, at(10_000), at(15_000), 1);
        assert_eq!((recorder.send.requests, recorder.send.latency.len()), (2, 2));
        assert_eq!(recorder.totals.sent, 4);
        let slowest = recorder.send.latency.max();
        assert!((4_990_000_000..=5_010_000_000).contains(&slowest), "{slowest}");
        assert_eq!(recorder.send.pieces[1], 1);
    }

    #[test]
    fn a_delivery_counts_by_the_moment_it_was_due_however_late_it_comes() {
        let (mut recorder, window) = recorder();
        let second = Duration::from_secs(1);
        recorder.delivered(2 * second, window.from + second);
        assert_eq!(recorder.delivery.len(), 0, "due before the window");
        recorder.delivered(5 * second, window.to + 4 * second);
        recorder.delivered(second, window.from + 2 * second);
        assert_eq!(recorder.delivery.len(), 2);
    }

    #[test]
    fn a_failure_is_counted_by_kind_and_never_as_throughput() {
        let (mut recorder, _) = recorder();
        recorder.failed("503 ServiceUnavailable".to_owned());
        recorder.failed("503 ServiceUnavailable".to_owned());
        recorder.failed("connection broke".to_owned());
        assert_eq!(recorder.failures["503 ServiceUnavailable"], 2);
        assert_eq!((recorder.totals.failed, recorder.totals.requests), (3, 0));
    }

    #[test]
    fn threads_add_up() {
        let (mut one, window) = recorder();
        let mut other = one.clone();
        let moment = window.from + Duration::from_millis(1);
        one.succeeded(Operation::Delete, window.from, moment, 10);
        other.succeeded(Operation::Delete, window.from, moment, 5);
        other.succeeded(Operation::Receive, window.from, moment, 0);
        other.failed("x".to_owned());
        one.add(&other);
        assert_eq!((one.delete.messages, one.delete.requests, one.delete.pieces[0]), (15, 2, 15));
        assert_eq!((one.totals.empty_receives, one.totals.failed), (1, 1));
        assert_eq!(one.delete.latency.len(), 2);
    }
}
