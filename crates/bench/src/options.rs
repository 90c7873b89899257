//! What to measure: the flags of `sluice bench run`, and which of them go together.

use std::time::Duration;

use clap::{Args, ValueEnum};
use serde::{Serialize, Serializer};
use thiserror::Error;

/// SQS takes ten messages at a time.
const BATCH_MAX: usize = 10;
/// Bodies of this size are the largest that SQS takes.
const SIZE_BYTES_MAX: usize = 1_048_576;
const CONNECTIONS_MAX: usize = 60_000;
const THREADS_MAX: usize = 64;
const REPETITIONS_MAX: usize = 1_000;
/// Any name: a null endpoint has every queue.
const FLOOR_QUEUE: &str = "null";
const QUEUES_MAX: usize = 1_000_000;

/// What is done again and again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Scenario {
    /// Every connection sends.
    Send,
    /// Every connection receives and deletes, from a backlog.
    Receive,
    /// Every connection sends, receives and deletes in turn.
    Cycle,
    /// Connections send while consumers of their own wait in long polls, receive and delete.
    Flow,
}

/// What every load has, with a server or without: the shape of its messages, and how long it is measured.
#[derive(Debug, Clone, Args, Serialize)]
pub struct LoadOptions {
    /// Uses FIFO queues, with high throughput for FIFO.
    #[arg(long)]
    pub fifo: bool,
    /// Spreads messages over this many message groups, on standard queues too.
    #[arg(long, value_name = "N")]
    pub groups: Option<u64>,
    /// Bytes of a message body.
    #[arg(long, value_name = "BYTES", default_value_t = 1024)]
    pub size: usize,
    /// Messages of a request: 1 uses the single operations, more the batch operations.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub batch: usize,
    /// Time before the measurement, under the same load.
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = parse_duration)]
    #[serde(rename = "warm_up_secs", serialize_with = "seconds")]
    pub warm_up: Duration,
    /// Time of the measurement.
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = parse_duration)]
    #[serde(rename = "duration_secs", serialize_with = "seconds")]
    pub duration: Duration,
    /// How often to measure.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub repetitions: usize,
    /// Keeps the queues that were created, and what is in them.
    #[arg(long)]
    pub keep: bool,
}

impl LoadOptions {
    /// Checks what clap cannot.
    pub(crate) fn check(&self) -> Result<(), WrongOption> {
        within("batch", self.batch, 1, BATCH_MAX)?;
        within("size", self.size, 1, SIZE_BYTES_MAX)?;
        within("repetitions", self.repetitions, 1, REPETITIONS_MAX)?;
        let wrong = |text: &str| Err(WrongOption(text.to_owned()));
        if self.duration.is_zero() {
            return wrong("`--duration` wants a time above 0");
        }
        if self.groups == Some(0) {
            return wrong("`--groups` wants a number above 0");
        }
        Ok(())
    }

    /// FIFO messages have a group whether or not there are several.
    pub(crate) fn group_count(&self) -> Option<u64> {
        self.groups.or(self.fifo.then_some(1))
    }

    /// What the names of its queues end with.
    pub(crate) fn queue_suffix(&self) -> &'static str {
        if self.fifo { ".fifo" } else { "" }
    }
}

/// A load on an endpoint, and how long to measure it.
#[derive(Debug, Clone, Args, Serialize)]
pub struct RunOptions {
    /// What to do.
    #[arg(long, value_enum, default_value = "send")]
    pub scenario: Scenario,
    /// Queue to use, created if it does not exist [default: a new one for each repetition, deleted afterwards].
    #[arg(long, value_name = "NAME")]
    pub queue: Option<String>,
    /// Its messages, and how long it is measured.
    #[command(flatten)]
    #[serde(flatten)]
    pub load: LoadOptions,
    /// Connections, each with one request at a time.
    #[arg(long, value_name = "N", default_value_t = 64)]
    pub connections: usize,
    /// Connections that wait in long polls, in the flow scenario [default: as many as --connections].
    #[arg(long, value_name = "N")]
    pub consumers: Option<usize>,
    /// Threads of the load generator.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub threads: usize,
    /// Messages to send before anything is measured, in all active queues together; receives end when they are consumed.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub backlog: u64,
    /// Messages per second to start at fixed moments; latency counts from these [default: as fast as replies come].
    #[arg(long, value_name = "MESSAGES/S")]
    pub rate: Option<f64>,
    /// More connections that long-poll an empty queue of their own all the time.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub idle_pollers: usize,
    /// Queues to create.
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub queues: usize,
    /// Of these queues, as many are used [default: all].
    #[arg(long, value_name = "M")]
    pub active: Option<usize>,
    /// Sends with this DelaySeconds.
    #[arg(long, value_name = "SECONDS")]
    pub delay: Option<u32>,
    /// VisibilityTimeout of new queues [default: that of the endpoint].
    #[arg(long, value_name = "SECONDS")]
    pub visibility_timeout: Option<u32>,
    /// One more attribute of new queues, such as KmsMasterKeyId; may be repeated.
    #[arg(long = "queue-attribute", value_name = "NAME=VALUE", value_parser = parse_attribute)]
    pub queue_attributes: Vec<(String, String)>,
    /// Receives without ever deleting, as consumers that fail.
    #[arg(long)]
    pub never_delete: bool,
    /// A null endpoint (`sluice bench floor http`) to measure in turn, with sends of the same size: adds the share of it.
    #[arg(long, value_name = "URL")]
    pub floor: Option<String>,
    /// Process id of the server, if it runs here: reports its CPU time and memory.
    #[arg(long, value_name = "PID")]
    pub server_pid: Option<u32>,
}

/// Options that do not go together; the text names them.
#[derive(Debug, Error, PartialEq, Eq)]
#[error("{0}")]
pub struct WrongOption(pub(crate) String);

impl RunOptions {
    /// Checks what clap cannot.
    ///
    /// # Errors
    /// The first option that is out of range or does not fit the others.
    pub fn check(&self) -> Result<(), WrongOption> {
        self.load.check()?;
        within("connections", self.connections, 1, CONNECTIONS_MAX)?;
        within("consumers", self.consumer_count(), 0, CONNECTIONS_MAX)?;
        within("idle-pollers", self.idle_pollers, 0, CONNECTIONS_MAX)?;
        within("threads", self.threads, 1, THREADS_MAX)?;
        within("queues", self.queues, 1, QUEUES_MAX)?;
        within("active", self.active_count(), 1, self.queues)?;
        within("threads", self.threads, 1, self.connections)?;
        let wrong = |text: &str| Err(WrongOption(text.to_owned()));
        if self.rate.is_some_and(|rate| !rate.is_finite() || rate <= 0.0) {
            return wrong("`--rate` wants a number above 0");
        }
        if self.scenario == Scenario::Receive && self.backlog == 0 && self.queue.is_none() {
            return wrong("`--scenario receive` wants a `--backlog` to receive, or a `--queue`");
        }
        if self.consumers.is_some() && self.scenario != Scenario::Flow {
            return wrong("`--consumers` belongs to `--scenario flow`");
        }
        if self.queue.is_some() && self.queues > 1 {
            return wrong("`--queue` names one queue, `--queues` wants several");
        }
        if self.load.fifo && self.queue.as_ref().is_some_and(|name| !name.ends_with(".fifo")) {
            return wrong("`--fifo` wants a `--queue` that ends in .fifo");
        }
        if self.load.fifo && self.delay.is_some() {
            return wrong(
                "`--delay` does not go with `--fifo`: messages of FIFO queues have no delay",
            );
        }
        if self.never_delete && self.scenario == Scenario::Send {
            return wrong("`--never-delete` wants a scenario that receives");
        }
        Ok(())
    }

    pub(crate) fn active_count(&self) -> usize {
        self.active.unwrap_or(self.queues)
    }

    /// Consumers of the flow scenario.
    pub(crate) fn consumer_count(&self) -> usize {
        match self.scenario {
            Scenario::Flow => self.consumers.unwrap_or(self.connections),
            Scenario::Send | Scenario::Receive | Scenario::Cycle => 0,
        }
    }

    /// The load for the null endpoint: sends of the same shape, as fast as it answers.
    pub(crate) fn for_floor(&self) -> Self {
        Self {
            scenario: Scenario::Send,
            queue: Some(FLOOR_QUEUE.to_owned()),
            load: LoadOptions { fifo: false, ..self.load.clone() },
            consumers: None,
            backlog: 0,
            rate: None,
            idle_pollers: 0,
            queues: 1,
            active: None,
            never_delete: false,
            server_pid: None,
            ..self.clone()
        }
    }
}

/// Refuses a number that is out of range.
pub(crate) fn within(
    name: &str,
    value: usize,
    least: usize,
    most: usize,
) -> Result<(), WrongOption> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(WrongOption(format!("`--{name}` wants a number from {least} to {most}, found {value}")))
}

/// Serializes a time in seconds.
pub(crate) fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(time.as_secs_f64())
}

/// Parses `500ms`, `10s`, `5m`, `1h`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let wants = || format!("wants a time such as 500ms, 10s, 5m or 1h, found `{text}`");
    let unit = text.find(|c: char| c.is_ascii_alphabetic()).ok_or_else(wants)?;
    let number: u64 = text[..unit].parse().map_err(|_| wants())?;
    let millis = match &text[unit..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return Err(wants()),
    };
    number.checked_mul(millis).map(Duration::from_millis).ok_or_else(wants)
}

/// Parses `name=value`; the value may contain further equal signs.
fn parse_attribute(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("wants name=value".to_owned()),
    }
}

/// Reads options as they stand on a command line.
#[cfg(test)]
pub(crate) fn parse(line: &str) -> Result<RunOptions, clap::Error> {
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        options: RunOptions,
    }

    let words = std::iter::once("bench").chain(line.split_whitespace());
    Ok(Line::try_parse_from(words)?.options)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str) -> Result<(), String> {
        let options = parse(line).map_err(|error| error.to_string())?;
        options.check().map_err(|error| error.to_string())
    }

    #[test]
    fn sensible_options_are_fine() {
        for line in [
            "",
            "--scenario cycle --batch 10 --fifo --groups 10000 --threads 2",
            "--scenario receive --backlog 1000 --never-delete",
            "--scenario flow --consumers 10000 --rate 100 --warm-up 500ms",
            "--queues 10000 --active 100",
            "--queue-attribute MaximumMessageSize=2048 --queue-attribute Policy=",
        ] {
            assert_eq!(check(line), Ok(()), "{line}");
        }
    }

    #[test]
    fn what_does_not_fit_is_named() {
        for (line, named) in [
            ("--batch 11", "--batch"),
            ("--batch 0", "--batch"),
            ("--connections 0", "--connections"),
            ("--connections 2 --threads 3", "--threads"),
            ("--active 2", "--active"),
            ("--rate 0", "--rate"),
            ("--rate NaN", "--rate"),
            ("--duration 0s", "--duration"),
            ("--duration 10", "--duration"),
            ("--groups 0", "--groups"),
            ("--scenario receive", "--backlog"),
            ("--consumers 1", "--consumers"),
            ("--queue a --queues 2", "--queue"),
            ("--queue a --fifo", ".fifo"),
            ("--fifo --delay 1", "--delay"),
            ("--never-delete", "--never-delete"),
            ("--queue-attribute DelaySeconds", "--queue-attribute"),
            ("--queue-attribute =1", "--queue-attribute"),
        ] {
            let error = check(line).expect_err(line);
            assert!(error.contains(named), "{line}: {error}");
        }
    }

    #[test]
    fn times_have_a_unit() {
        assert_eq!(parse_duration("250ms"), Ok(Duration::from_millis(250)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        for text in ["", "s", "1.5s", "10", "-1s", "1d", "99999999999999999999s"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }
}
