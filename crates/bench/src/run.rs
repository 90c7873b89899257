//! A run: queues, backlog, repetitions, clean-up.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

use crate::client::Client;
use crate::clock;
use crate::consumption::Consumption;
use crate::machine::Conditions;
use crate::message::Messages;
use crate::options::{RunOptions, Scenario, WrongOption};
use crate::queues::{self, Queue};
use crate::recorder::{Recorder, SharedRecorder};
use crate::report::{Measured, Measures, Report};
use crate::schedule::{Schedule, Window};
use crate::target::Target;
use crate::worker::{Load, QueueRequests, Worker};

/// After the window, requests get this long to be answered, and consumers to receive what was sent.
pub(crate) const GRACE: Duration = Duration::from_secs(30);
/// How often the end of a repetition that may end early is looked for.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// Between the moment that all connections are open and the start.
const START_PAUSE: Duration = Duration::from_millis(20);

/// Why nothing was measured.
#[derive(Debug, Error)]
pub enum RunError {
    /// Options do not go together.
    #[error(transparent)]
    Wrong(#[from] WrongOption),
    /// The endpoint does not answer.
    #[error("{0}")]
    Unreachable(String),
    /// The endpoint refused what the preparation needs.
    #[error("{0}")]
    Refused(String),
    /// A thread or runtime of the load generator failed.
    #[error("the load generator failed: {0}")]
    Thread(String),
    /// The process given by its id is not there.
    #[error("`--server-pid`: there is no process {0} whose CPU time can be read")]
    NoProcess(u32),
}

/// Measures `target`, in turn with the null endpoint `floor` if there is one; `tell` is told what goes on.
///
/// # Errors
/// [`RunError`], when not even the preparation worked. Failures under load are part of the report.
pub fn run(
    target: &Target,
    floor: Option<&Target>,
    options: &RunOptions,
    tell: &dyn Fn(&str),
) -> Result<Report, RunError> {
    options.check()?;
    if let Some(pid) = options.server_pid.filter(|pid| Consumption::of(*pid).is_none()) {
        return Err(RunError::NoProcess(pid));
    }
    let conditions = Conditions::now();
    let floor_options = options.for_floor();
    let mut floor = floor.map(|floor| Run::new(floor, &floor_options)).transpose()?;
    let mut run = Run::new(target, options)?;
    let measured = in_turn(&mut run, floor.as_mut(), tell);
    if let Err(error) = run.clean_up() {
        tell(&format!("the queues of this run could not be deleted: {error}"));
    }
    let (measured, of_floor) = measured?;
    Ok(Report::new(conditions, target.url(), Measures::Run(options.clone()), &measured, &of_floor))
}

/// All repetitions, each after one of the null endpoint.
fn in_turn(
    run: &mut Run<'_>,
    mut floor: Option<&mut Run<'_>>,
    tell: &dyn Fn(&str),
) -> Result<(Vec<Measured>, Vec<Measured>), RunError> {
    let (mut measured, mut of_floor) = (Vec::new(), Vec::new());
    for number in 1..=run.options.load.repetitions {
        if let Some(floor) = &mut floor {
            tell(&format!("null endpoint {number} of {}", run.options.load.repetitions));
            of_floor.push(with_answers(floor.repetition(number, tell)?)?);
        }
        tell(&format!("repetition {number} of {}", run.options.load.repetitions));
        measured.push(run.repetition(number, tell)?);
    }
    Ok((measured, of_floor))
}

/// Refuses a floor that nothing can be a share of.
fn with_answers(floor: Measured) -> Result<Measured, RunError> {
    if floor.recorder.send.requests > 0 {
        return Ok(floor);
    }
    let failure = floor.recorder.failures.keys().next().map_or("no failure either", String::as_str);
    Err(RunError::Refused(format!("the null endpoint of `--floor` answered no request: {failure}")))
}

struct Run<'a> {
    target: &'a Target,
    options: &'a RunOptions,
    runtime: Runtime,
    messages: Arc<Messages>,
    sequence: Arc<AtomicU64>,
    label: String,
    queues: Vec<Queue>,
    idle_queue: Option<Queue>,
    /// Of the backlog, what is in the queues now.
    backlog: u64,
}

impl<'a> Run<'a> {
    fn new(target: &'a Target, options: &'a RunOptions) -> Result<Self, RunError> {
        let (secs, pid) = (clock::unix_secs(), std::process::id());
        let run = (secs as u32).rotate_left(16) ^ pid;
        Ok(Self {
            target,
            options,
            runtime: runtime()?,
            messages: Arc::new(Messages::new(&options.load, options.delay, run, clock::now())),
            sequence: Arc::new(AtomicU64::new(0)),
            label: format!("{secs:x}-{pid}"),
            queues: Vec::new(),
            idle_queue: None,
            backlog: 0,
        })
    }

    fn repetition(&mut self, number: usize, tell: &dyn Fn(&str)) -> Result<Measured, RunError> {
        let (target, options) = (self.target, self.options);
        if options.idle_pollers > 0 && self.idle_queue.is_none() {
            let created = self.runtime.block_on(queues::create_idle(target, &self.label));
            self.idle_queue = Some(created?);
        }
        if self.queues.is_empty() || self.takes_new_queues() {
            self.delete_queues()?;
            let label = format!("{}-{number}", self.label);
            self.queues = self.runtime.block_on(queues::prepare(target, options, &label))?;
            self.backlog = 0;
        }
        self.build_backlog(tell)?;
        self.measure()
    }

    /// A backlog is built once, unless it is consumed; a queue that was only sent to is as good as a backlog.
    fn takes_new_queues(&self) -> bool {
        self.options.queue.is_none() && self.options.backlog == 0
    }

    fn build_backlog(&mut self, tell: &dyn Fn(&str)) -> Result<(), RunError> {
        let missing = self.options.backlog.saturating_sub(self.backlog);
        if missing == 0 {
            return Ok(());
        }
        tell(&format!("sending a backlog of {missing} messages"));
        let left = Arc::new(AtomicUsize::new(usize::try_from(missing).unwrap_or(usize::MAX)));
        let load = Arc::new(self.load());
        self.runtime.block_on(async {
            let mut senders = JoinSet::new();
            for number in 0..self.options.connections {
                let worker = Worker::new(Arc::clone(&load), Client::new(self.target), number);
                senders.spawn(worker.run_backlog(Arc::clone(&left)));
            }
            while let Some(ended) = senders.join_next().await {
                let sent = ended.map_err(|error| RunError::Thread(error.to_string()))?;
                sent.map_err(|error| RunError::Refused(format!("building the backlog: {error}")))?;
            }
            Ok::<(), RunError>(())
        })?;
        self.backlog = self.options.backlog;
        Ok(())
    }

    fn load(&self) -> Load {
        let options = self.options;
        let requests = |queue: &Queue| QueueRequests::new(&queue.url, options.load.batch);
        Load {
            options: options.clone(),
            messages: Arc::clone(&self.messages),
            queues: self.queues.iter().take(options.active_count()).map(requests).collect(),
            idle_queue: self.idle_queue.as_ref().map(requests),
            schedule: Schedule::new(options.rate, options.load.batch),
            sequence: Arc::clone(&self.sequence),
            surplus: AtomicI64::new(0),
            backlog_left: AtomicI64::new(backlog_left(options, self.backlog)),
            deletes_open: AtomicI64::new(0),
        }
    }

    /// One repetition.
    fn measure(&mut self) -> Result<Measured, RunError> {
        let load = Arc::new(self.load());
        let mut threads = Threads::start(self, &load)?;
        let window = threads.begin(self.options);
        let before = self.sleep_until(window.from, &load);
        let after = self.sleep_until(window.to, &load);
        let mut recorder = Recorder::new(window);
        for thread in threads.running.drain(..) {
            let seen = thread.join().map_err(|_| RunError::Thread("a thread panicked".into()))?;
            recorder.add(&seen.lock());
        }
        let not_started = load.schedule.not_started(&window);
        if not_started > 0 {
            recorder.failed_often("never started: too slow for this rate".to_owned(), not_started);
        }
        let totals = &recorder.totals;
        if !self.options.never_delete {
            let more = i128::from(totals.sent) - i128::from(totals.received);
            self.backlog = (i128::from(self.backlog) + more).try_into().unwrap_or(0);
        }
        let is_consumed = self.options.scenario == Scenario::Receive
            && !self.options.never_delete
            && load.backlog_left.load(Ordering::Relaxed) <= 0;
        let mut to = window.to;
        if is_consumed {
            let ended = recorder.last_received.filter(|last| *last > window.from);
            to = to.min(ended.ok_or_else(|| consumed_too_early(self.options))?);
        }
        Ok(Measured { recorder, window: Window { to, ..window }, before, after })
    }

    /// Sleeps, unless there is nothing left to do, and says what was used up to then.
    fn sleep_until(&self, moment: Instant, load: &Load) -> Used {
        let is_over = || {
            let ends_early =
                self.options.scenario == Scenario::Receive && !self.options.never_delete;
            ends_early && load.backlog_left.load(Ordering::Relaxed) <= 0
        };
        self.runtime.block_on(async {
            loop {
                let wait = moment.saturating_duration_since(clock::now());
                if wait.is_zero() || is_over() {
                    break;
                }
                tokio::time::sleep(wait.min(LOOK_INTERVAL)).await;
            }
        });
        Used {
            server: self.options.server_pid.and_then(Consumption::of),
            generator: Consumption::of(std::process::id()),
        }
    }

    fn delete_queues(&mut self) -> Result<(), RunError> {
        let queues = std::mem::take(&mut self.queues);
        if self.options.load.keep {
            return Ok(());
        }
        self.runtime.block_on(queues::delete(self.target, &queues))
    }

    fn clean_up(&mut self) -> Result<(), RunError> {
        self.queues.extend(self.idle_queue.take());
        self.delete_queues()
    }
}

/// Messages after which receives end; what a queue held before the run is not known, so that there is no end.
fn backlog_left(options: &RunOptions, backlog: u64) -> i64 {
    if options.backlog == 0 {
        return i64::MAX;
    }
    i64::try_from(backlog).unwrap_or(i64::MAX)
}

fn consumed_too_early(options: &RunOptions) -> RunError {
    let text = format!(
        "`--backlog`: all {} messages were received before the measurement began; use a larger one",
        options.backlog
    );
    WrongOption(text).into()
}

/// What two processes have used up to a moment.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Used {
    pub(crate) server: Option<Consumption>,
    pub(crate) generator: Option<Consumption>,
}

/// The threads of a repetition. Each opens its connections, then all start together.
struct Threads {
    running: Vec<JoinHandle<SharedRecorder>>,
    are_connected: Arc<Barrier>,
    window: Arc<OnceLock<Window>>,
    have_begun: Arc<Barrier>,
}

impl Threads {
    fn start(run: &Run<'_>, load: &Arc<Load>) -> Result<Self, RunError> {
        let count = run.options.threads;
        let mut threads = Self {
            running: Vec::new(),
            are_connected: Arc::new(Barrier::new(count + 1)),
            window: Arc::new(OnceLock::new()),
            have_begun: Arc::new(Barrier::new(count + 1)),
        };
        for index in 0..count {
            let share = |all: usize| (index..all).step_by(count).collect::<Vec<_>>();
            let shares = Shares {
                connections: share(run.options.connections),
                consumers: share(run.options.consumer_count()),
                idle_pollers: share(run.options.idle_pollers),
            };
            let (load, target) = (Arc::clone(load), run.target.clone());
            let (are_connected, window, have_begun) = (
                Arc::clone(&threads.are_connected),
                Arc::clone(&threads.window),
                Arc::clone(&threads.have_begun),
            );
            let runtime = runtime()?;
            let body = move || {
                let team = runtime.block_on(Team::connect(&load, &target, &shares));
                are_connected.wait();
                have_begun.wait();
                let window = window.get().copied().expect("it is set before the barrier opens");
                let recorder = SharedRecorder::new(window);
                runtime.block_on(team.run(&load, window, &recorder));
                recorder
            };
            let thread = std::thread::Builder::new().name(format!("load-{index}")).spawn(body);
            threads.running.push(thread.map_err(|error| RunError::Thread(error.to_string()))?);
        }
        Ok(threads)
    }

    /// Returns once every connection is open and the load begins.
    fn begin(&self, options: &RunOptions) -> Window {
        self.are_connected.wait();
        let start = clock::now() + START_PAUSE;
        let window = Window::new(start, options.load.warm_up, options.load.duration);
        let window = *self.window.get_or_init(|| window);
        self.have_begun.wait();
        window
    }
}

/// The connections of one thread, by number.
struct Shares {
    connections: Vec<usize>,
    consumers: Vec<usize>,
    idle_pollers: Vec<usize>,
}

/// The connections of one thread, open.
struct Team {
    workers: Vec<Worker>,
    consumers: Vec<Worker>,
    idle_pollers: Vec<Worker>,
}

impl Team {
    async fn connect(load: &Arc<Load>, target: &Target, shares: &Shares) -> Self {
        let open = async |numbers: &[usize]| {
            let mut workers = Vec::with_capacity(numbers.len());
            for number in numbers {
                let mut worker = Worker::new(Arc::clone(load), Client::new(target), *number);
                worker.connect().await;
                workers.push(worker);
            }
            workers
        };
        Self {
            workers: open(&shares.connections).await,
            consumers: open(&shares.consumers).await,
            idle_pollers: open(&shares.idle_pollers).await,
        }
    }

    async fn run(self, load: &Load, window: Window, recorder: &SharedRecorder) {
        let mut waiting = JoinSet::new();
        for consumer in self.consumers {
            waiting.spawn(consumer.run_consumer(recorder.clone()));
        }
        for poller in self.idle_pollers {
            waiting.spawn(poller.run_idle_poller(recorder.clone()));
        }
        // Everybody is ready. What a closed loop did before its start would not be measured.
        tokio::time::sleep_until(window.start.into()).await;
        let mut working = JoinSet::new();
        for worker in self.workers {
            working.spawn(worker.run(window, recorder.clone()));
        }
        let until = tokio::time::Instant::from_std(window.to + GRACE);
        let all = async { while working.join_next().await.is_some() {} };
        if tokio::time::timeout_at(until, all).await.is_err() {
            working.abort_all();
            // Each has one request at a time.
            let unanswered = working.len() as u64;
            let mut recorder = recorder.lock();
            recorder.totals.unanswered = unanswered;
            recorder.failed_often("no answer".to_owned(), unanswered);
        }
        if load.options.scenario == Scenario::Flow {
            let received = async {
                while load.surplus.load(Ordering::Relaxed) > 0
                    || load.deletes_open.load(Ordering::Relaxed) > 0
                {
                    tokio::time::sleep(LOOK_INTERVAL).await;
                }
            };
            let _all_or_too_late = tokio::time::timeout_at(until, received).await;
        }
        if !waiting.is_empty() {
            // Who sends at a low rate is done before the window ends; to close thousands of connections is no part of it.
            tokio::time::sleep_until((window.to + LOOK_INTERVAL).into()).await;
        }
        waiting.shutdown().await;
        working.shutdown().await;
    }
}

fn runtime() -> Result<Runtime, RunError> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| RunError::Thread(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::options::parse;

    #[test]
    fn receives_from_a_queue_of_unknown_length_have_no_end() {
        let left = |line, backlog| backlog_left(&parse(line).expect("options"), backlog);
        assert_eq!(left("--scenario receive --queue q", 0), i64::MAX);
        assert_eq!(left("--scenario receive --backlog 7", 7), 7);
    }

    #[test]
    fn a_floor_without_an_answer_is_refused_with_what_happened() {
        let second = Duration::from_secs(1);
        let window = Window::new(clock::now(), second, second);
        let used = Used { server: None, generator: None };
        let measured = |recorder| Measured { recorder, window, before: used, after: used };
        let mut recorder = Recorder::new(window);
        recorder.failed("cannot connect".to_owned());
        let error = with_answers(measured(recorder.clone())).err().map(|error| error.to_string());
        assert!(error.is_some_and(|text| text.contains("cannot connect")));
        recorder.succeeded(crate::operation::Operation::Send, window.from, window.from, 1);
        assert!(with_answers(measured(recorder)).is_ok());
    }
}
