//! Our own schema: `queues`, a list, each with its name, attributes, tags and dead-letter queue.

use sluice_server::services::sqs::declared_queues::{DeadLetterQueue, DeclaredQueue};

use super::file::Declarations;
use super::node::{Node, Problem, Value, unknown};

/// The one key at the top; by it the schema is recognised.
pub(super) const QUEUES: &str = "queues";
const KEYS: &[&str] = &["name", "attributes", "tags", "deadLetterQueue", "account", "region"];
const DEAD_LETTER_KEYS: &[&str] = &["name", "maxReceiveCount"];

pub(super) fn read(root: &Node, place: impl Fn(usize) -> String) -> Result<Declarations, Problem> {
    let mut queues = Vec::new();
    for (key, node) in root.section("the file")? {
        if key != QUEUES {
            return Err(unknown(key, node, &[QUEUES]));
        }
        for node in node.list(QUEUES)? {
            queues.push(queue(node, place(node.line)).map_err(|problem| of_queue(node, problem))?);
        }
    }
    Ok(Declarations { queues, notes: Vec::new() })
}

fn queue(node: &Node, place: String) -> Result<DeclaredQueue, Problem> {
    let mut queue = DeclaredQueue { place, ..DeclaredQueue::default() };
    for (key, node) in node.section("a queue")? {
        match key.as_str() {
            "name" => queue.name = node.text(key)?.to_owned(),
            "account" => queue.account = Some(node.text(key)?.to_owned()),
            "region" => queue.region = Some(node.text(key)?.to_owned()),
            "attributes" => queue.attributes = node.texts(key)?.into_iter().collect(),
            "tags" => queue.tags = node.texts(key)?.into_iter().collect(),
            "deadLetterQueue" => queue.dead_letter_queue = Some(dead_letter_queue(node)?),
            _ => return Err(unknown(key, node, KEYS)),
        }
    }
    if queue.name.is_empty() {
        return Err(Problem::new(node.line, "found no name, wants `name`"));
    }
    Ok(queue)
}

fn dead_letter_queue(node: &Node) -> Result<DeadLetterQueue, Problem> {
    let (mut name, mut receive_count_max) = (None, None);
    for (key, node) in node.section("deadLetterQueue")? {
        match key.as_str() {
            "name" => name = Some(node.text(key)?.to_owned()),
            "maxReceiveCount" => receive_count_max = Some(node.text(key)?.to_owned()),
            _ => return Err(unknown(key, node, DEAD_LETTER_KEYS)),
        }
    }
    match (name, receive_count_max) {
        (Some(name), Some(receive_count_max)) => Ok(DeadLetterQueue { name, receive_count_max }),
        _ => Err(Problem::new(node.line, "deadLetterQueue: wants `name` and `maxReceiveCount`")),
    }
}

/// Names the queue in a problem, if it has a name.
fn of_queue(node: &Node, problem: Problem) -> Problem {
    let Value::Section(section) = &node.value else { return problem };
    let name =
        section.iter().find(|(key, _)| key == "name").and_then(|(_, node)| node.text("").ok());
    match name {
        Some(name) => Problem { text: format!("queue `{name}`: {}", problem.text), ..problem },
        None => problem,
    }
}
