//! GoAWS's schema: environments by name, each with `Queues`. `Local` is read, or the only one there is.

use sluice_server::services::sqs::declared_queues::DeclaredQueue;

use super::file::Declarations;
use super::node::{Node, Problem, Section, Value};

/// The environment that GoAWS reads when nothing else is said.
const DEFAULT_ENVIRONMENT: &str = "Local";
const QUEUES: &str = "Queues";
const DEFAULTS: &str = "QueueAttributeDefaults";
/// Keys that say how GoAWS listens and logs; Sluice has settings for that.
const IGNORED: &[&str] = &[
    "Host",
    "Port",
    "SqsPort",
    "SnsPort",
    "LogToFile",
    "LogFile",
    "LogMessages",
    "EnableDuplicates",
    "RandomLatency",
];

/// Whether a file looks like one of GoAWS.
pub(super) fn is_one(root: &Section) -> bool {
    let looks_like_one = |section: &Section| {
        section.iter().any(|(key, _)| key == QUEUES || key == "Topics" || key == "Host")
    };
    root.iter()
        .any(|(_, node)| matches!(&node.value, Value::Section(inner) if looks_like_one(inner)))
}

pub(super) fn read(
    root: &Section,
    place: impl Fn(usize) -> String,
) -> Result<Declarations, Problem> {
    let named = root.iter().find(|(name, _)| name == DEFAULT_ENVIRONMENT);
    let (_, environment) = match (named, root.as_slice()) {
        (Some(found), _) => found,
        (None, [only]) => only,
        (None, _) => {
            let names: Vec<&str> = root.iter().map(|(name, _)| name.as_str()).collect();
            let found = names.join(", ");
            let text = format!(
                "found environments {found}, wants `{DEFAULT_ENVIRONMENT}` among them, or one only"
            );
            return Err(Problem::new(1, text));
        }
    };
    let mut found = Declarations::default();
    let (mut account, mut region, mut defaults) = (None, None, Vec::new());
    for (key, node) in environment.section("an environment")? {
        let note = |text: &str| format!("{}: {text}", place(node.line));
        match key.as_str() {
            QUEUES => {
                for node in node.list(QUEUES)? {
                    found.queues.push(queue(node, place(node.line))?);
                }
            }
            DEFAULTS => defaults = node.texts(key)?,
            "AccountId" => account = Some(node.text(key)?.to_owned()),
            "Region" => region = Some(node.text(key)?.to_owned()),
            "Topics" => found.notes.push(note("Topics are ignored: there is no SNS here yet")),
            key if IGNORED.contains(&key) => {}
            key => found.notes.push(note(&format!("`{key}` is ignored"))),
        }
    }
    for queue in &mut found.queues {
        for (name, text) in &defaults {
            queue.attributes.entry(name.clone()).or_insert_with(|| text.clone());
        }
    }
    found.settle(account, region);
    Ok(found)
}

/// Every key of a queue but its name is an attribute, called as in SQS.
fn queue(node: &Node, place: String) -> Result<DeclaredQueue, Problem> {
    let mut queue = DeclaredQueue { place, ..DeclaredQueue::default() };
    for (key, node) in node.section("a queue")? {
        let text = node.text(key)?.to_owned();
        if key == "Name" {
            queue.name = text;
        } else {
            queue.attributes.insert(key.clone(), text);
        }
    }
    if queue.name.is_empty() {
        return Err(Problem::new(node.line, "found a queue without a name, wants `Name`"));
    }
    Ok(queue)
}
