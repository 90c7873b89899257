//! Reads a file: its name says the syntax, its content the schema.

use std::path::Path;

use sluice_server::services::sqs::declared_queues::DeclaredQueue;

use super::node::{Node, Problem, Section, Value};
use super::{declaration, elasticmq, goaws, hocon, toml, yaml};

/// What a file declares.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Declarations {
    pub(crate) queues: Vec<DeclaredQueue>,
    /// What in it has no effect here, whole sentences for the user.
    pub(crate) notes: Vec<String>,
}

impl Declarations {
    /// Puts every queue where a foreign file says that its server is.
    pub(super) fn settle(&mut self, account: Option<String>, region: Option<String>) {
        for queue in &mut self.queues {
            (queue.account, queue.region) = (account.clone(), region.clone());
        }
        if let Some(account) = account.filter(|account| account.bytes().any(|byte| byte != b'0')) {
            self.notes.push(format!(
                "the queues belong to account {account}: clients find them by name with `--account {account}`, or with {account} \
                 as their access key id"
            ));
        }
    }
}

/// Reads the file at `path`.
///
/// # Errors
/// What is wrong with it, a whole sentence with file and line.
pub(crate) fn read(path: &Path) -> Result<Declarations, String> {
    let name = path.display().to_string();
    let source = std::fs::read_to_string(path)
        .map_err(|error| format!("cannot read the queue file {name}: {error}"))?;
    parse(&name, &source)
}

fn parse(name: &str, source: &str) -> Result<Declarations, String> {
    let place = |line: usize| format!("{name}:{line}");
    let outcome = match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "yaml" | "yml" | "json" => yaml::parse(source).and_then(|root| by_content(&root, place)),
        "toml" => toml::parse(source).and_then(|root| declaration::read(&root, place)),
        "conf" | "hocon" => from_hocon(source, place),
        _ => {
            return Err(format!(
                "cannot tell the format of {name}: wants a name that ends with .yaml, .yml, .json or .toml, or .conf or .hocon \
                 for ElasticMQ's format"
            ));
        }
    };
    outcome.map_err(|problem: Problem| format!("{}: {}", place(problem.line), problem.text))
}

fn by_content(root: &Node, place: impl Fn(usize) -> String) -> Result<Declarations, Problem> {
    match &root.value {
        Value::Section(section) if !has(section, declaration::QUEUES) && goaws::is_one(section) => {
            goaws::read(section, place)
        }
        Value::Section(_) | Value::List(_) | Value::Text(_) => declaration::read(root, place),
    }
}

fn from_hocon(source: &str, place: impl Fn(usize) -> String) -> Result<Declarations, Problem> {
    let hocon = hocon::parse(source)?;
    let left_out = hocon
        .left_out
        .iter()
        .map(|left_out| format!("{}: {}", place(left_out.line), left_out.text));
    let left_out: Vec<String> = left_out.collect();
    let mut found = elasticmq::read(hocon.node.section("the file")?, place)?;
    found.notes.splice(..0, left_out);
    Ok(found)
}

fn has(section: &Section, key: &str) -> bool {
    section.iter().any(|(name, _)| name == key)
}

#[cfg(test)]
mod tests;
