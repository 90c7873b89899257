//! What one connection does.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::answer::{self, Done, Message};
use crate::client::{CallError, Client};
use crate::clock;
use crate::message::Messages;
use crate::operation::{Form, Operation};
use crate::options::{RunOptions, Scenario};
use crate::pacing::Timer;
use crate::recorder::SharedRecorder;
use crate::schedule::{Schedule, Window};

/// Pause after a connection could not be opened or broke.
const RECONNECT_PAUSE: Duration = Duration::from_millis(10);
/// A long poll of consumers and idle pollers; SQS allows no longer one.
const LONG_POLL_SECS: u32 = 20;
/// While what is left is received after the measurement.
pub(crate) const DRAIN_WAIT_SECS: u32 = 1;
/// So many of these in a row that got nothing end the drain: the rest was lost with an answer.
pub(crate) const DRAIN_EMPTY_RECEIVES_MAX: usize = 3;
/// Entries of a request that builds a backlog, and the bytes that all bodies of a request may have on any endpoint.
const BACKLOG_BATCH_MAX: usize = 10;
const REQUEST_BYTES_MAX: usize = 262_144;
/// A backlog is given up after so many failures in a row on one connection.
const BACKLOG_FAILURES_MAX: u32 = 100;

/// What requests to one queue begin with.
#[derive(Debug)]
pub(crate) struct QueueRequests {
    /// `{"QueueUrl":"…",`
    begin: Vec<u8>,
    receive: Bytes,
    receive_draining: Bytes,
    receive_long: Bytes,
}

impl QueueRequests {
    pub(crate) fn new(url: &str, batch: usize) -> Self {
        let begin = format!("{{\"QueueUrl\":{},", serde_json::Value::from(url));
        let receive = |wait: u32| {
            let rest = format!("\"MaxNumberOfMessages\":{batch},\"WaitTimeSeconds\":{wait}}}");
            Bytes::from(format!("{begin}{rest}"))
        };
        Self {
            receive: receive(0),
            receive_draining: receive(DRAIN_WAIT_SECS),
            receive_long: receive(LONG_POLL_SECS),
            begin: begin.into_bytes(),
        }
    }
}

/// What all connections of a repetition share.
#[derive(Debug)]
pub(crate) struct Load {
    pub(crate) options: RunOptions,
    pub(crate) messages: Arc<Messages>,
    /// The active queues.
    pub(crate) queues: Vec<QueueRequests>,
    pub(crate) idle_queue: Option<QueueRequests>,
    pub(crate) schedule: Schedule,
    /// Numbers the messages of the whole run.
    pub(crate) sequence: Arc<AtomicU64>,
    /// Messages sent and not yet received since the repetition began.
    pub(crate) surplus: AtomicI64,
    /// Messages of the backlog that receives may still consume.
    pub(crate) backlog_left: AtomicI64,
    /// Messages that were received and whose delete is not answered yet.
    pub(crate) deletes_open: AtomicI64,
}

/// How a receive waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    No,
    Draining,
    Long,
}

/// What a receive and the delete after it came to.
#[derive(Debug, Clone, Copy)]
struct Consumed {
    received: usize,
    deleted: usize,
}

/// A connection with its part of the load.
pub(crate) struct Worker {
    load: Arc<Load>,
    client: Client,
    /// Made by the first start that is waited for.
    timer: Option<Timer>,
    turn: usize,
}

impl Worker {
    /// `number` among all connections: neighbours begin with different queues.
    pub(crate) fn new(load: Arc<Load>, client: Client, number: usize) -> Self {
        Self { load, client, timer: None, turn: number }
    }

    /// Opens the connection ahead of the load; what fails here fails again, and is counted, under load.
    pub(crate) async fn connect(&mut self) {
        let _counted_later = self.client.connect().await;
    }

    /// Runs the scenario until the window is over and what was begun is complete.
    pub(crate) async fn run(mut self, window: Window, recorder: SharedRecorder) {
        let never_delete = self.load.options.never_delete;
        while let Some(due) = self.load.schedule.next(&window, clock::now()) {
            if let Err(error) = self.wait_until(due).await {
                recorder.lock().failed(format!("cannot wait for a start: {error}"));
                return;
            }
            let queue = self.next_queue();
            match self.load.options.scenario {
                Scenario::Send | Scenario::Flow => {
                    self.send(queue, due, &recorder).await;
                }
                Scenario::Receive => {
                    if !never_delete && self.load.backlog_left.load(Ordering::Relaxed) <= 0 {
                        return;
                    }
                    self.consume(queue, due, Wait::No, &recorder).await;
                }
                Scenario::Cycle => self.cycle(queue, due, &recorder).await,
            }
        }
        // A backlog is not to be received; the next repetition begins with what is left and what is missing.
        if self.load.options.scenario == Scenario::Cycle
            && self.load.options.backlog == 0
            && !never_delete
        {
            self.drain(&recorder).await;
        }
    }

    /// Waits for messages and deletes them, until it is aborted.
    pub(crate) async fn run_consumer(mut self, recorder: SharedRecorder) {
        loop {
            let queue = self.next_queue();
            self.consume(queue, clock::now(), Wait::Long, &recorder).await;
        }
    }

    /// Waits at an empty queue, until it is aborted. Only failures are of interest.
    pub(crate) async fn run_idle_poller(mut self, recorder: SharedRecorder) {
        let load = Arc::clone(&self.load);
        let Some(queue) = &load.idle_queue else { return };
        loop {
            let target = Operation::Receive.target(Form::Single);
            if let Err(error) = self.client.call(target, queue.receive_long.clone()).await {
                note_failure(&error, &recorder).await;
            }
        }
    }

    /// Sends messages of the backlog until `left` is used up.
    pub(crate) async fn run_backlog(mut self, left: Arc<AtomicUsize>) -> Result<(), CallError> {
        let batch = (REQUEST_BYTES_MAX / self.load.options.load.size).clamp(1, BACKLOG_BATCH_MAX);
        let mut failures = 0;
        loop {
            let Some(entries) = take(&left, batch) else { return Ok(()) };
            let queue = self.next_queue();
            let body = self.send_request(queue, entries, clock::now(), Form::Batch);
            let answered = self.client.call(Operation::Send.target(Form::Batch), body).await;
            let (done, error) = match answered {
                Ok(body) => match answer::batch(&body, entries) {
                    Ok(mut done) => (done.successes, done.failures.pop().map(CallError::Refused)),
                    Err(what) => (0, Some(CallError::Refused(what.to_owned()))),
                },
                Err(error) => (0, Some(error)),
            };
            // What failed is sent again, by whichever connection comes next.
            left.fetch_add(entries - done, Ordering::Relaxed);
            failures = if error.is_some() { failures + 1 } else { 0 };
            if let Some(error) = error {
                tokio::time::sleep(RECONNECT_PAUSE).await;
                if failures >= BACKLOG_FAILURES_MAX {
                    return Err(error);
                }
            }
        }
    }

    async fn wait_until(&mut self, due: Instant) -> io::Result<()> {
        if self.load.options.rate.is_none() {
            return Ok(());
        }
        let timer = match self.timer.take() {
            Some(timer) => timer,
            None => Timer::new()?,
        };
        self.timer.insert(timer).until(due).await
    }

    fn next_queue(&mut self) -> usize {
        self.turn = (self.turn + 1) % self.load.queues.len();
        self.turn
    }

    /// Sends a batch, receives as much, deletes it.
    async fn cycle(&mut self, queue: usize, due: Instant, recorder: &SharedRecorder) {
        // A receive may get less than was sent. Then somebody has to receive more, or the queue grows.
        let surplus_max = (self.load.options.connections * self.load.options.load.batch) as i64;
        let is_closed_loop = self.load.options.rate.is_none();
        if is_closed_loop && self.load.surplus.load(Ordering::Relaxed) > surplus_max {
            self.consume(queue, due, Wait::No, recorder).await;
            return;
        }
        let sent = self.send(queue, due, recorder).await;
        let consumed = self.consume(queue, clock::now(), Wait::No, recorder).await;
        let Some(consumed) = consumed.filter(|_| sent == self.load.options.load.batch) else {
            return;
        };
        if consumed.is_life_cycle(self.load.options.never_delete) {
            recorder.lock().cycled(due, clock::now());
        }
    }

    /// Receives and deletes what the measurement left: once around all queues, then waiting for what comes late.
    async fn drain(&mut self, recorder: &SharedRecorder) {
        let queues = self.load.queues.len();
        let mut empty_receives = 0;
        while self.load.surplus.load(Ordering::Relaxed) > 0
            && empty_receives < queues + DRAIN_EMPTY_RECEIVES_MAX
        {
            let queue = self.next_queue();
            let wait = if empty_receives < queues { Wait::No } else { Wait::Draining };
            let received = self.consume(queue, clock::now(), wait, recorder).await;
            let is_empty = received.is_none_or(|consumed| consumed.received == 0);
            empty_receives = if is_empty { empty_receives + 1 } else { 0 };
        }
    }

    /// Says how many messages were sent.
    async fn send(&mut self, queue: usize, due: Instant, recorder: &SharedRecorder) -> usize {
        let batch = self.load.options.load.batch;
        let form = Form::of(batch);
        let body = self.send_request(queue, batch, due, form);
        let Some((body, ended)) = self.call(Operation::Send, form, body, recorder).await else {
            return 0;
        };
        let done = match form {
            Form::Single => answer::sent(&body),
            Form::Batch => answer::batch(&body, batch),
        };
        let sent = note(recorder, Operation::Send, (due, ended), done);
        self.load.surplus.fetch_add(sent as i64, Ordering::Relaxed);
        sent
    }

    fn send_request(&self, queue: usize, batch: usize, due: Instant, form: Form) -> Bytes {
        let load = &self.load;
        let begin = &load.queues[queue].begin;
        let mut body = Vec::with_capacity(begin.len() + batch * load.messages.bytes_max() + 20);
        body.extend_from_slice(begin);
        let first = load.sequence.fetch_add(batch as u64, Ordering::Relaxed);
        match form {
            Form::Single => load.messages.write(&mut body, first, due),
            Form::Batch => {
                body.extend_from_slice(b"\"Entries\":[");
                for index in 0..batch {
                    begin_entry(&mut body, index);
                    load.messages.write(&mut body, first + index as u64, due);
                    body.push(b'}');
                }
                body.push(b']');
            }
        }
        body.push(b'}');
        Bytes::from(body)
    }

    /// Receives and deletes; none if the receive failed.
    async fn consume(
        &mut self,
        queue: usize,
        due: Instant,
        wait: Wait,
        recorder: &SharedRecorder,
    ) -> Option<Consumed> {
        let requests = &self.load.queues[queue];
        let request = match wait {
            Wait::No => requests.receive.clone(),
            Wait::Draining => requests.receive_draining.clone(),
            Wait::Long => requests.receive_long.clone(),
        };
        let called = self.call(Operation::Receive, Form::Single, request, recorder).await;
        let (body, ended) = called?;
        let messages = match answer::received(&body) {
            Ok(messages) => messages,
            Err(what) => {
                recorder.lock().failed(format!("receive: {what}"));
                return None;
            }
        };
        self.note_received(&messages, (due, ended), recorder);
        let mut deleted = 0;
        if !messages.is_empty() && !self.load.options.never_delete {
            deleted = self.delete(queue, &messages, recorder).await;
            self.load.deletes_open.fetch_sub(messages.len() as i64, Ordering::Relaxed);
        }
        Some(Consumed { received: messages.len(), deleted })
    }

    fn note_received(
        &self,
        messages: &[Message<'_>],
        (started, ended): (Instant, Instant),
        recorder: &SharedRecorder,
    ) {
        let count = messages.len();
        if !self.load.options.never_delete {
            self.load.deletes_open.fetch_add(count as i64, Ordering::Relaxed);
        }
        self.load.surplus.fetch_sub(count as i64, Ordering::Relaxed);
        self.load.backlog_left.fetch_sub(count as i64, Ordering::Relaxed);
        let mut recorder = recorder.lock();
        recorder.succeeded(Operation::Receive, started, ended, count as u64);
        for message in messages {
            if let Some(age) = self.load.messages.age(&message.body, ended) {
                recorder.delivered(age, ended);
            }
        }
    }

    /// Says how many messages were deleted.
    async fn delete(
        &mut self,
        queue: usize,
        messages: &[Message<'_>],
        recorder: &SharedRecorder,
    ) -> usize {
        let form = Form::of(self.load.options.load.batch);
        let body = delete_request(&self.load.queues[queue].begin, messages, form);
        let started = clock::now();
        let Some((body, ended)) = self.call(Operation::Delete, form, body, recorder).await else {
            return 0;
        };
        let done = match form {
            Form::Single => answer::deleted(&body),
            Form::Batch => answer::batch(&body, messages.len()),
        };
        note(recorder, Operation::Delete, (started, ended), done)
    }

    /// Returns the body of a successful answer and when it was there.
    async fn call(
        &mut self,
        operation: Operation,
        form: Form,
        body: Bytes,
        recorder: &SharedRecorder,
    ) -> Option<(Bytes, Instant)> {
        let answered = self.client.call(operation.target(form), body).await;
        let ended = clock::now();
        match answered {
            Ok(body) => Some((body, ended)),
            Err(error) => {
                note_failure(&error, recorder).await;
                None
            }
        }
    }
}

impl Consumed {
    /// Whether it completes a life cycle: something came, and all of it was deleted if it was to be.
    fn is_life_cycle(self, never_delete: bool) -> bool {
        self.received > 0 && (never_delete || self.deleted == self.received)
    }
}

async fn note_failure(error: &CallError, recorder: &SharedRecorder) {
    recorder.lock().failed(error.to_string());
    match error {
        CallError::Refused(_) => {}
        CallError::NotConnected(_) | CallError::Broken(_) => {
            tokio::time::sleep(RECONNECT_PAUSE).await;
        }
    }
}

/// Takes up to `batch` of what is left.
fn take(left: &AtomicUsize, batch: usize) -> Option<usize> {
    let less = |left: usize| (left > 0).then(|| left.saturating_sub(batch));
    let before = left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, less).ok()?;
    Some(before.min(batch))
}

/// Records what an answer says; returns how many messages it is good for.
fn note(
    recorder: &SharedRecorder,
    operation: Operation,
    (started, ended): (Instant, Instant),
    done: Result<Done, &'static str>,
) -> usize {
    let mut recorder = recorder.lock();
    let done = done.unwrap_or_else(|what| Done { successes: 0, failures: vec![what.to_owned()] });
    for failure in done.failures {
        recorder.failed(format!("{}: {failure}", operation.name()));
    }
    if done.successes > 0 {
        recorder.succeeded(operation, started, ended, done.successes as u64);
    }
    done.successes
}

fn begin_entry(body: &mut Vec<u8>, index: usize) {
    body.extend_from_slice(if index == 0 { b"{\"Id\":\"" } else { b",{\"Id\":\"" });
    // At most ten entries: one digit.
    body.push(b'0' + index as u8);
    body.extend_from_slice(b"\",");
}

fn delete_request(begin: &[u8], messages: &[Message<'_>], form: Form) -> Bytes {
    let handles: usize = messages.iter().map(|message| message.receipt_handle.len() + 40).sum();
    let mut body = Vec::with_capacity(begin.len() + handles + 20);
    body.extend_from_slice(begin);
    match form {
        Form::Single => {
            if let Some(message) = messages.first() {
                write_handle(&mut body, &message.receipt_handle);
            }
        }
        Form::Batch => {
            body.extend_from_slice(b"\"Entries\":[");
            for (index, message) in messages.iter().enumerate() {
                begin_entry(&mut body, index);
                write_handle(&mut body, &message.receipt_handle);
                body.push(b'}');
            }
            body.push(b']');
        }
    }
    body.push(b'}');
    Bytes::from(body)
}

fn write_handle(body: &mut Vec<u8>, handle: &str) {
    body.extend_from_slice(b"\"ReceiptHandle\":");
    serde_json::to_writer(body, handle).expect("writing to memory cannot fail");
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;

    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn deletes_carry_every_handle_as_it_came() {
        let message = |handle: &'static str| Message {
            receipt_handle: Cow::Borrowed(handle),
            body: Cow::Borrowed(""),
        };
        let requests = QueueRequests::new("http://h/0/q", 10);
        let parsed = |messages: &[Message<'_>], form| -> Value {
            let body = delete_request(&requests.begin, messages, form);
            serde_json::from_slice(&body).expect("this is JSON")
        };
        let single = json!({ "QueueUrl": "http://h/0/q", "ReceiptHandle": "a\"b" });
        assert_eq!(parsed(&[message("a\"b")], Form::Single), single);
        let entries =
            json!([{ "Id": "0", "ReceiptHandle": "a" }, { "Id": "1", "ReceiptHandle": "b" }]);
        let batch = json!({ "QueueUrl": "http://h/0/q", "Entries": entries });
        assert_eq!(parsed(&[message("a"), message("b")], Form::Batch), batch);
    }

    #[test]
    fn a_life_cycle_ends_with_a_delete_of_what_was_received() {
        let is_life_cycle = |received, deleted, never_delete| {
            Consumed { received, deleted }.is_life_cycle(never_delete)
        };
        assert!(is_life_cycle(10, 10, false) && is_life_cycle(10, 0, true));
        assert!(!is_life_cycle(0, 0, false) && !is_life_cycle(0, 0, true));
        assert!(!is_life_cycle(10, 9, false));
    }

    #[test]
    fn receives_ask_for_as_much_as_a_batch() {
        let requests = QueueRequests::new("http://h/0/q", 7);
        let body: Value = serde_json::from_slice(&requests.receive_long).expect("this is JSON");
        let wanted =
            json!({ "QueueUrl": "http://h/0/q", "MaxNumberOfMessages": 7, "WaitTimeSeconds": 20 });
        assert_eq!(body, wanted);
    }
}
