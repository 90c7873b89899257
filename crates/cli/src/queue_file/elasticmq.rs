//! ElasticMQ's schema: `queues`, a section with one section for each queue.

use std::collections::BTreeSet;
use std::time::Duration;

use sluice_server::services::sqs::declared_queues::{DeadLetterQueue, DeclaredQueue};

use super::file::Declarations;
use super::hocon::has_substitution;
use super::node::{Node, Problem, Value, unknown};

const FIFO_SUFFIX: &str = ".fifo";
const QUEUE_KEYS: &[&str] = &[
    "defaultVisibilityTimeout",
    "delay",
    "receiveMessageWait",
    "deadLettersQueue",
    "fifo",
    "contentBasedDeduplication",
    "copyTo",
    "moveTo",
    "tags",
];
const DEAD_LETTER_KEYS: &[&str] = &["name", "maxReceiveCount"];
/// HOCON's names for units of time, in milliseconds.
const UNITS: &[(&[&str], u64)] = &[
    (&["", "ms", "milli", "millis", "millisecond", "milliseconds"], 1),
    (&["s", "second", "seconds"], 1_000),
    (&["m", "minute", "minutes"], 60_000),
    (&["h", "hour", "hours"], 3_600_000),
    (&["d", "day", "days"], 86_400_000),
];

pub(super) fn read(
    root: &[(String, Node)],
    place: impl Fn(usize) -> String,
) -> Result<Declarations, Problem> {
    let mut found = Declarations::default();
    let (mut account, mut region) = (None, None);
    for (key, node) in root {
        match key.as_str() {
            "queues" => {
                for (name, node) in node.section(key)? {
                    let queue = queue(name, node, place(node.line)).map_err(|problem| Problem {
                        text: format!("queue `{name}`: {}", problem.text),
                        ..problem
                    });
                    found.queues.push(queue?);
                }
            }
            "aws" => {
                for (key, node) in node.section(key)? {
                    match key.as_str() {
                        "accountId" => account = Some(plain(key, node)?.to_owned()),
                        "region" => region = Some(plain(key, node)?.to_owned()),
                        _ => return Err(unknown(key, node, &["accountId", "region"])),
                    }
                }
            }
            _ => found.notes.push(format!(
                "{}: `{key}` is ignored: it is not about queues, see the settings of Sluice",
                place(node.line)
            )),
        }
    }
    let names: BTreeSet<String> = found.queues.iter().map(|queue| queue.name.clone()).collect();
    for queue in &mut found.queues {
        // ElasticMQ appends the suffix to the names of FIFO queues, also where they are referred to.
        if let Some(target) = &mut queue.dead_letter_queue {
            let suffixed = format!("{}{FIFO_SUFFIX}", target.name);
            if !names.contains(&target.name) && names.contains(&suffixed) {
                target.name = suffixed;
            }
        }
    }
    found.settle(account, region);
    Ok(found)
}

fn queue(name: &str, node: &Node, place: String) -> Result<DeclaredQueue, Problem> {
    let mut queue = DeclaredQueue { place, name: name.to_owned(), ..DeclaredQueue::default() };
    for (key, node) in node.section("a queue")? {
        match key.as_str() {
            "defaultVisibilityTimeout" => set(&mut queue, "VisibilityTimeout", seconds(key, node)?),
            "delay" => set(&mut queue, "DelaySeconds", seconds(key, node)?),
            "receiveMessageWait" => {
                set(&mut queue, "ReceiveMessageWaitTimeSeconds", seconds(key, node)?);
            }
            "deadLettersQueue" => queue.dead_letter_queue = Some(dead_letters_queue(node)?),
            "fifo" => {
                if let Value::Section(_) = node.value {
                    let problem = node.unwanted(key, "true or false");
                    let hint = format!("quote a name with a dot: \"{name}.fifo\"");
                    return Err(Problem { text: format!("{}; {hint}", problem.text), ..problem });
                }
                if boolean(key, node)? && !name.ends_with(FIFO_SUFFIX) {
                    queue.name = format!("{name}{FIFO_SUFFIX}");
                }
            }
            "contentBasedDeduplication" => {
                // Standard queues do not have the attribute; ElasticMQ's examples set it to false for them.
                if boolean(key, node)? {
                    set(&mut queue, "ContentBasedDeduplication", "true".to_owned());
                }
            }
            "tags" => {
                for (key, node) in node.section(key)? {
                    queue.tags.insert(key.clone(), plain(key, node)?.to_owned());
                }
            }
            "copyTo" | "moveTo" => {
                let text = format!(
                    "`{key}` has no counterpart in SQS, and Sluice does not have it; remove it"
                );
                return Err(Problem::new(node.line, text));
            }
            _ => return Err(unknown(key, node, QUEUE_KEYS)),
        }
    }
    Ok(queue)
}

fn set(queue: &mut DeclaredQueue, attribute: &str, text: String) {
    queue.attributes.insert(attribute.to_owned(), text);
}

fn dead_letters_queue(node: &Node) -> Result<DeadLetterQueue, Problem> {
    let (mut name, mut receive_count_max) = (None, None);
    for (key, node) in node.section("deadLettersQueue")? {
        match key.as_str() {
            "name" => name = Some(plain(key, node)?.to_owned()),
            "maxReceiveCount" => receive_count_max = Some(plain(key, node)?.to_owned()),
            _ => return Err(unknown(key, node, DEAD_LETTER_KEYS)),
        }
    }
    match (name, receive_count_max) {
        (Some(name), Some(receive_count_max)) => Ok(DeadLetterQueue { name, receive_count_max }),
        _ => Err(Problem::new(node.line, "deadLettersQueue: wants `name` and `maxReceiveCount`")),
    }
}

/// A text that does not come from elsewhere.
fn plain<'a>(key: &str, node: &'a Node) -> Result<&'a str, Problem> {
    let text = node.text(key)?;
    if has_substitution(text) {
        return Err(node.unwanted(key, "the value itself: substitutions are not understood"));
    }
    Ok(text)
}

fn boolean(key: &str, node: &Node) -> Result<bool, Problem> {
    match plain(key, node)? {
        "true" | "yes" | "on" => Ok(true),
        "false" | "no" | "off" => Ok(false),
        _ => Err(node.unwanted(key, "true or false")),
    }
}

/// A duration as SQS takes it: whole seconds. Without a unit, HOCON means milliseconds.
fn seconds(key: &str, node: &Node) -> Result<String, Problem> {
    let text = plain(key, node)?;
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (number, unit) = text.split_at(digits);
    let unit = UNITS.iter().find(|(names, _)| names.contains(&unit.trim()));
    let millis = number
        .parse::<u64>()
        .ok()
        .zip(unit)
        .and_then(|(number, (_, unit))| number.checked_mul(*unit));
    match millis.map(Duration::from_millis) {
        Some(duration) if duration.subsec_millis() == 0 => Ok(duration.as_secs().to_string()),
        _ => {
            Err(node
                .unwanted(key, "whole seconds, such as `10 seconds` or `15000` for milliseconds"))
        }
    }
}
