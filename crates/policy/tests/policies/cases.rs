//! Runs the text cases in `tests/cases`: policies and requests, with what is decided.
//!
//! ```text
//! # name of the case                        then the lines of the case, up to an empty line; `//` begins a comment
//! caller user alice                         who asks, as `world::principal` reads it; alice unless told otherwise
//! action sqs:SendMessage                    this unless told otherwise
//! resource arn:aws:sqs:…                    the queue `orders` of account 111122223333 unless told otherwise
//! key aws:SourceIp = 192.0.2.1 | 192.0.2.2  a context key with its values
//! identity {…}                              a policy of the caller; more lines are more policies
//! boundary {…}  session {…}  endpoint {…}   its boundary, session policies, the endpoint's policy
//! queue {…}  topic {…}                      the policy of the resource
//! kms {…}  granted {…}  trust {…}           the policy of a key, of a key with a grant for the caller, of a role
//! = allowed                                 the decision
//! = denied because no session policy allows it
//!
//! condition {…}                             in place of policies: an identity policy that allows all if this holds
//! = holds  = fails
//!
//! parse identity {…}                        only parses; or `parse resource`, `parse trust`
//! = accepted  = refused TEXT                the text begins with the place of the mistake
//! ```
//!
//! What stands between brackets, `[…]`, in place of a whole policy is its list of statements, in version 2012-10-17.
//! Lines that begin with a space continue the line before. Each decision is also compared with the naive evaluator's.
use std::fs;
use std::path::Path;

use sluice_policy::{Kind, Policy};

use crate::naive;
use crate::world::{ACCOUNT, Context, Gate, World, principal};

const QUEUE: &str = "arn:aws:sqs:eu-west-1:111122223333:orders";

struct Case {
    name: String,
    /// Keyword and the rest of the line.
    lines: Vec<(String, String)>,
}

fn cases(text: &str) -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("//")) {
        if let Some(name) = line.strip_prefix("# ") {
            cases.push(Case { name: name.to_owned(), lines: Vec::new() });
        } else if let Some(more) = line.strip_prefix(' ') {
            let case = cases.last_mut().unwrap();
            case.lines.last_mut().unwrap().1.push_str(more);
        } else if !line.is_empty() {
            let (keyword, rest) = line.split_once(' ').unwrap();
            let line = (keyword.to_owned(), rest.to_owned());
            cases.last_mut().unwrap().lines.push(line);
        }
    }
    cases
}

/// A list of statements becomes a policy.
fn policy(text: &str) -> String {
    match text.starts_with('[') {
        true => format!(r#"{{"Version":"2012-10-17","Statement":{text}}}"#),
        false => text.to_owned(),
    }
}

fn conditional(condition: &str) -> String {
    policy(&format!(
        r#"[{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{condition}}}]"#
    ))
}

fn world(case: &Case) -> World {
    let mut world = World {
        principal: principal("user alice"),
        action: "sqs:SendMessage".to_owned(),
        resource: QUEUE.to_owned(),
        owner: ACCOUNT.to_owned(),
        context: Context::default(),
        identity: Vec::new(),
        boundary: None,
        session: Vec::new(),
        resource_policy: None,
        gate: Gate::Optional,
        endpoint: None,
    };
    for (keyword, rest) in &case.lines {
        match keyword.as_str() {
            "caller" => world.principal = principal(rest),
            "action" => rest.clone_into(&mut world.action),
            "resource" => {
                rest.clone_into(&mut world.resource);
                let owner = rest.split(':').nth(4).filter(|owner| !owner.is_empty());
                world.owner = owner.unwrap_or(ACCOUNT).to_owned();
            }
            "key" => {
                let (key, values) = rest.split_once(" =").unwrap();
                let values = values.split('|').map(|value| value.trim().to_owned());
                let values = values.filter(|value| !value.is_empty()).collect();
                world.context.0.insert(key.to_lowercase(), values);
            }
            "identity" => world.identity.push(policy(rest)),
            "condition" => world.identity.push(conditional(rest)),
            "boundary" => world.boundary = Some(policy(rest)),
            "session" => world.session.push(policy(rest)),
            "endpoint" => world.endpoint = Some(policy(rest)),
            "queue" | "topic" | "kms" | "granted" | "trust" => {
                world.resource_policy = Some(policy(rest));
                world.gate = match keyword.as_str() {
                    "kms" => Gate::Key,
                    "granted" => Gate::GrantedKey,
                    "trust" => Gate::Trust,
                    _ => Gate::Optional,
                };
            }
            _ => panic!("{}: no keyword {keyword}", case.name),
        }
    }
    world
}

fn parsed(text: &str) -> String {
    let (kind, text) = text.split_once(' ').unwrap();
    let kind = match kind {
        "identity" => Kind::Identity,
        "resource" => Kind::Resource,
        "trust" => Kind::Trust,
        _ => panic!("no kind {kind}"),
    };
    match Policy::parse(&policy(text), kind) {
        Ok(_) => "accepted".to_owned(),
        Err(error) => format!("refused {error}"),
    }
}

/// Runs a case; returns what is wrong.
fn run(mut case: Case) -> Result<(), String> {
    let (equals, expected) = case.lines.pop().ok_or("a case without lines")?;
    assert_eq!(equals, "=", "{}: ends with what is decided", case.name);
    if let [(keyword, rest)] = case.lines.as_slice()
        && keyword == "parse"
    {
        let found = parsed(rest);
        return if found == expected { Ok(()) } else { Err(found) };
    }
    let expected = match expected.as_str() {
        "holds" => "allowed",
        "fails" => "denied because no identity-based policy allows it",
        expected => expected,
    };
    let world = world(&case);
    let decided = world.decide().map_err(|error| error.to_string())?;
    if decided != expected {
        return Err(decided);
    }
    let naively = naive::decide(&world, None);
    if naively == expected { Ok(()) } else { Err(format!("the naive evaluator: {naively}")) }
}

#[test]
fn every_case_is_decided_as_aws_documents_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let cases = cases(&fs::read_to_string(&path).unwrap());
        assert!(!cases.is_empty(), "{file} has no cases");
        for case in cases {
            let name = case.name.clone();
            wrong.extend(run(case).err().map(|found| format!("{file}: {name}: {found}")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
