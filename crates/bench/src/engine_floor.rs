//! What an engine and its store do without HTTP and protocol before them: the loads of a run, called in this process.
//!
//! Which engine that is, this crate does not know: [`Engine`] is all that it asks for.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::{Args, ValueEnum};
use serde::Serialize;
use tokio::task::JoinSet;

use crate::clock;
use crate::consumption::Consumption;
use crate::machine::Conditions;
use crate::message::Messages;
use crate::operation::Operation;
use crate::options::{LoadOptions, WrongOption, within};
use crate::recorder::{Recorder, SharedRecorder};
use crate::report::{Measured, Measures, Report};
use crate::run::{GRACE, RunError, Used};
use crate::schedule::Window;
use crate::worker::{DRAIN_EMPTY_RECEIVES_MAX, DRAIN_WAIT_SECS};

const TASKS_MAX: usize = 60_000;
/// Pause after a failure, so that what is refused at once does not keep the threads from everything else.
const FAILURE_PAUSE: Duration = Duration::from_millis(10);

/// Queues in this process.
pub trait Engine {
    /// One of them.
    type Queue: EngineQueue;

    /// Creates a queue, FIFO with high throughput if its name ends in `.fifo`.
    fn create_queue(&self, name: &str) -> impl Future<Output = Result<Self::Queue, String>>;

    /// Deletes a queue.
    fn delete_queue(&self, name: &str) -> impl Future<Output = Result<(), String>>;
}

/// A queue in this process. What it answers is durable; errors are texts by which they are counted.
pub trait EngineQueue: Clone + Send + Sync + 'static {
    /// A message as it is sent.
    type Message: Send;

    /// Makes a message; on a FIFO queue it has both ids.
    fn message(
        body: String,
        group_id: Option<String>,
        deduplication_id: Option<String>,
    ) -> Self::Message;

    /// Sends all of these messages.
    fn send(&self, messages: Vec<Self::Message>)
    -> impl Future<Output = Result<(), String>> + Send;

    /// Receives messages, at most so many, waiting so many seconds for the first.
    fn receive(
        &self,
        count_max: usize,
        wait_secs: u32,
    ) -> impl Future<Output = Result<Vec<EngineMessage>, String>> + Send;

    /// Deletes received messages, and says how many were there to be deleted.
    fn delete(
        &self,
        messages: &[EngineMessage],
    ) -> impl Future<Output = Result<usize, String>> + Send;
}

/// A message that was received.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineMessage {
    /// `ReceiptHandle`.
    pub receipt_handle: String,
    /// The body.
    pub body: String,
}

/// What is done again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EngineScenario {
    /// Every task sends.
    Send,
    /// Every task sends, receives and deletes in turn.
    Cycle,
}

/// A load on an engine.
#[derive(Debug, Clone, Args, Serialize)]
pub struct EngineFloorOptions {
    /// What to do.
    #[arg(long, value_enum, default_value = "send")]
    pub scenario: EngineScenario,
    /// Its messages, and how long it is measured.
    #[command(flatten)]
    #[serde(flatten)]
    pub load: LoadOptions,
    /// Tasks, each with one call at a time: what connections are to `sluice bench run`.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub tasks: usize,
}

impl EngineFloorOptions {
    /// Checks what clap cannot.
    ///
    /// # Errors
    /// The first option that is out of range.
    pub fn check(&self) -> Result<(), WrongOption> {
        within("tasks", self.tasks, 1, TASKS_MAX)?;
        self.load.check()
    }
}

/// Measures `engine` on the threads of the runtime that this is called on; `tell` is told what goes on.
///
/// # Errors
/// [`RunError`], when there is no queue to measure. Failures under load are part of the report.
pub async fn engine_floor<E: Engine>(
    engine: &E,
    options: &EngineFloorOptions,
    tell: &dyn Fn(&str),
) -> Result<Report, RunError> {
    options.check()?;
    let conditions = Conditions::now();
    let EngineFloorOptions { load, tasks, .. } = options;
    let run = clock::unix_secs() as u32;
    let (base, sequence) = (clock::now(), Arc::new(AtomicU64::new(0)));
    let messages = Arc::new(Messages::new(load, None, run, base));
    let mut measured = Vec::with_capacity(load.repetitions);
    for number in 1..=load.repetitions {
        tell(&format!("repetition {number} of {}", load.repetitions));
        let name = format!("sluice-bench-{number}{}", load.queue_suffix());
        let task = Task {
            queue: engine.create_queue(&name).await.map_err(RunError::Refused)?,
            messages: Arc::clone(&messages),
            batch: load.batch,
            sequence: Arc::clone(&sequence),
            surplus: Arc::new(AtomicI64::new(0)),
            surplus_max: (tasks * load.batch) as i64,
        };
        measured.push(repetition(&task, options).await);
        if !load.keep {
            engine.delete_queue(&name).await.map_err(RunError::Refused)?;
        }
    }
    let measures = Measures::EngineFloor(options.clone());
    Ok(Report::new(conditions, "in process".to_owned(), measures, &measured, &[]))
}

async fn repetition<Q: EngineQueue>(task: &Task<Q>, options: &EngineFloorOptions) -> Measured {
    let window = Window::new(clock::now(), options.load.warm_up, options.load.duration);
    let recorder = SharedRecorder::new(window);
    let mut working = JoinSet::new();
    for _ in 0..options.tasks {
        working.spawn(task.clone().run(options.scenario, window, recorder.clone()));
    }
    let before = used_at(window.from).await;
    let after = used_at(window.to).await;
    let until = tokio::time::Instant::from_std(window.to + GRACE);
    let all = async { while working.join_next().await.is_some() {} };
    if tokio::time::timeout_at(until, all).await.is_err() {
        // Each has one call at a time.
        let unanswered = working.len() as u64;
        working.shutdown().await;
        let mut recorder = recorder.lock();
        recorder.totals.unanswered = unanswered;
        recorder.failed_often("no answer".to_owned(), unanswered);
    }
    let recorder: Recorder = recorder.lock().clone();
    Measured { recorder, window, before, after }
}

/// What this process has used at a moment, engine and load together.
async fn used_at(moment: Instant) -> Used {
    tokio::time::sleep_until(moment.into()).await;
    Used { server: Consumption::of(std::process::id()), generator: None }
}

/// What one of the tasks does, and shares with the others.
#[derive(Clone)]
struct Task<Q> {
    queue: Q,
    messages: Arc<Messages>,
    batch: usize,
    /// Numbers the messages of all repetitions.
    sequence: Arc<AtomicU64>,
    /// Messages sent and not yet received.
    surplus: Arc<AtomicI64>,
    surplus_max: i64,
}

impl<Q: EngineQueue> Task<Q> {
    /// Runs the scenario until the window is over, then receives what is left.
    async fn run(self, scenario: EngineScenario, window: Window, recorder: SharedRecorder) {
        while clock::now() < window.to {
            let done = match scenario {
                EngineScenario::Send => self.send(&recorder).await,
                EngineScenario::Cycle => self.cycle(&recorder).await,
            };
            note_failure(done, &recorder).await;
        }
        if scenario == EngineScenario::Cycle {
            self.drain(&recorder).await;
        }
    }

    /// Sends, receives as much and deletes it, as `sluice bench run` does.
    async fn cycle(&self, recorder: &SharedRecorder) -> Result<(), String> {
        // A receive may get less than was sent. Then somebody has to receive more, or the queue grows.
        if self.surplus.load(Ordering::Relaxed) > self.surplus_max {
            return self.consume(0, recorder).await.map(|_received| ());
        }
        let due = clock::now();
        self.send(recorder).await?;
        if self.consume(0, recorder).await? > 0 {
            recorder.lock().cycled(due, clock::now());
        }
        Ok(())
    }

    async fn send(&self, recorder: &SharedRecorder) -> Result<(), String> {
        let started = clock::now();
        let first = self.sequence.fetch_add(self.batch as u64, Ordering::Relaxed);
        let numbers = first..first + self.batch as u64;
        let message = |number| self.messages.plain(number, started, Q::message);
        let messages = numbers.map(message).collect();
        self.queue.send(messages).await.map_err(|error| format!("send: {error}"))?;
        let sent = self.batch as u64;
        self.surplus.fetch_add(sent as i64, Ordering::Relaxed);
        recorder.lock().succeeded(Operation::Send, started, clock::now(), sent);
        Ok(())
    }

    /// Receives and deletes; says how many messages. All of them must have been there to be deleted.
    async fn consume(&self, wait_secs: u32, recorder: &SharedRecorder) -> Result<usize, String> {
        let started = clock::now();
        let received = self.queue.receive(self.batch, wait_secs).await;
        let received = received.map_err(|error| format!("receive: {error}"))?;
        let (ended, count) = (clock::now(), received.len());
        self.surplus.fetch_sub(count as i64, Ordering::Relaxed);
        self.note_received(&received, (started, ended), recorder);
        if count == 0 {
            return Ok(0);
        }
        let deleted = self.queue.delete(&received).await;
        let deleted = deleted.map_err(|error| format!("delete: {error}"))?;
        recorder.lock().succeeded(Operation::Delete, ended, clock::now(), deleted as u64);
        if deleted < count {
            return Err("delete: a message was gone".to_owned());
        }
        Ok(count)
    }

    fn note_received(
        &self,
        received: &[EngineMessage],
        (started, ended): (Instant, Instant),
        recorder: &SharedRecorder,
    ) {
        let mut recorder = recorder.lock();
        recorder.succeeded(Operation::Receive, started, ended, received.len() as u64);
        for message in received {
            if let Some(age) = self.messages.age(&message.body, ended) {
                recorder.delivered(age, ended);
            }
        }
    }

    async fn drain(&self, recorder: &SharedRecorder) {
        let mut empty_receives = 0;
        while self.surplus.load(Ordering::Relaxed) > 0 && empty_receives < DRAIN_EMPTY_RECEIVES_MAX
        {
            let received = self.consume(DRAIN_WAIT_SECS, recorder).await;
            let is_empty = !matches!(received, Ok(count) if count > 0);
            note_failure(received.map(|_count| ()), recorder).await;
            empty_receives = if is_empty { empty_receives + 1 } else { 0 };
        }
    }
}

async fn note_failure(done: Result<(), String>, recorder: &SharedRecorder) {
    if let Err(error) = done {
        recorder.lock().failed(error);
        tokio::time::sleep(FAILURE_PAUSE).await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use clap::Parser;
    use serde_json::Value;

    use super::*;

    #[derive(Parser)]
    #[command(args_override_self = true)]
    struct Line {
        #[command(flatten)]
        options: EngineFloorOptions,
    }

    fn options(line: &str) -> EngineFloorOptions {
        let short = "--warm-up 0s --duration 30ms --tasks 3";
        let words = ["floor"].into_iter().chain(short.split(' ')).chain(line.split_whitespace());
        Line::try_parse_from(words).expect("options").options
    }

    /// Keeps bodies in a list; every call fails whose name it is given.
    #[derive(Clone, Default)]
    struct List {
        bodies: Arc<Mutex<Vec<String>>>,
        refuses: &'static str,
    }

    impl List {
        fn bodies(&self, name: &str) -> Result<std::sync::MutexGuard<'_, Vec<String>>, String> {
            if self.refuses == name {
                return Err("no".to_owned());
            }
            Ok(self.bodies.lock().unwrap_or_else(PoisonError::into_inner))
        }
    }

    impl Engine for List {
        type Queue = Self;

        async fn create_queue(&self, _name: &str) -> Result<Self, String> {
            self.bodies("create").map(|_bodies| self.clone())
        }

        async fn delete_queue(&self, _name: &str) -> Result<(), String> {
            Ok(())
        }
    }

    impl EngineQueue for List {
        type Message = String;

        fn message(body: String, _group: Option<String>, _id: Option<String>) -> String {
            body
        }

        async fn send(&self, messages: Vec<String>) -> Result<(), String> {
            tokio::task::yield_now().await;
            self.bodies("send")?.extend(messages);
            Ok(())
        }

        async fn receive(
            &self,
            count_max: usize,
            _wait_secs: u32,
        ) -> Result<Vec<EngineMessage>, String> {
            let mut bodies = self.bodies("receive")?;
            let count = count_max.min(bodies.len());
            let message = |body| EngineMessage { receipt_handle: String::new(), body };
            Ok(bodies.drain(..count).map(message).collect())
        }

        async fn delete(&self, messages: &[EngineMessage]) -> Result<usize, String> {
            let missing = usize::from(self.refuses == "one delete");
            self.bodies("delete").map(|_bodies| messages.len() - missing)
        }
    }

    async fn report(refuses: &'static str, line: &str) -> Result<Value, RunError> {
        let engine = List { refuses, ..List::default() };
        let report = engine_floor(&engine, &options(line), &|_progress| {}).await?;
        Ok(serde_json::to_value(report).expect("reports are JSON"))
    }

    #[tokio::test]
    async fn what_was_sent_comes_back_and_is_deleted() {
        let report = report("", "--scenario cycle --batch 4 --repetitions 2").await;
        let report = report.expect("it is measured");
        let totals = &report["summary"]["totals"];
        assert!(totals["sent"].as_u64() > Some(0), "{report:#}");
        assert_eq!((&totals["received"], &totals["deleted"]), (&totals["sent"], &totals["sent"]));
        assert_eq!(totals["failed"], 0, "{report:#}");
        assert!(report["summary"]["operations"]["delivery"]["latency_ms"].is_object());
        assert_eq!(report["repetitions"].as_array().map(Vec::len), Some(2));
    }

    #[tokio::test]
    async fn what_fails_is_counted_by_kind_and_is_no_throughput() {
        for (refuses, failure) in [
            ("send", "send: no"),
            ("receive", "receive: no"),
            ("delete", "delete: no"),
            ("one delete", "delete: a message was gone"),
        ] {
            let report = report(refuses, "--scenario cycle").await.expect("it is measured");
            let summary = &report["summary"];
            assert!(summary["failures"][failure].as_u64() > Some(0), "{refuses}: {report:#}");
            assert_eq!(summary["messages_per_s"]["max"], 0.0, "{refuses}: {report:#}");
        }
    }

    #[tokio::test]
    async fn without_a_queue_nothing_is_measured() {
        let error = report("create", "").await.expect_err("there is no queue");
        assert_eq!(error.to_string(), "no");
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (line, named) in [
            ("--batch 11", "--batch"),
            ("--size 0", "--size"),
            ("--groups 0", "--groups"),
            ("--duration 0s", "--duration"),
            ("--repetitions 0", "--repetitions"),
        ] {
            let error = options(line).check().expect_err(line).to_string();
            assert!(error.contains(named), "{line}: {error}");
        }
        let no_tasks = EngineFloorOptions { tasks: 0, ..options("") };
        assert!(no_tasks.check().is_err_and(|error| error.to_string().contains("--tasks")));
        assert_eq!(options("--scenario cycle --fifo --groups 10 --batch 10").check(), Ok(()));
    }
}
