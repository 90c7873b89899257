//! A policy document.

use std::collections::BTreeSet;

use crate::condition::VariableSyntax;
use crate::error::PolicyError;
use crate::json::{Json, Node};
use crate::listed_principal::Grant;
use crate::request::Request;
use crate::statement::{Effect, Statement};

/// What a policy is attached to, which decides what may stand in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A user, group, role or session; also permissions boundaries. No `Principal`, labels are unique and alphanumeric.
    Identity,
    /// A queue, topic, key or endpoint. `Principal` and `Resource` are required.
    Resource,
    /// A role: who may assume it. `Principal` is required, `Resource` is not allowed, actions are those of STS.
    Trust,
}

/// A policy, parsed once and cheap to evaluate.
#[derive(Debug)]
pub struct Policy {
    kind: Kind,
    statements: Box<[Statement]>,
}

/// What policies of one type say about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// No statement is about it.
    Silent,
    Allows(Grant),
    Denies,
}

impl Policy {
    /// Parses a policy document.
    ///
    /// # Errors
    /// What is wrong and where. IAM calls it `MalformedPolicyDocument`, SQS `InvalidAttributeValue`.
    pub fn parse(text: &str, kind: Kind) -> Result<Self, PolicyError> {
        let json = Json::parse(text)?;
        let root = json.root();
        let mut syntax = VariableSyntax::Literal;
        let mut statements = None;
        for (name, node) in root.members()? {
            match name {
                "Version" => syntax = version(&node)?,
                "Id" => {
                    node.text()?;
                }
                "Statement" => statements = Some(node),
                _ => return Err(node.refuse("unknown element")),
            }
        }
        let statements =
            statements.ok_or_else(|| root.refuse("Missing required field Statement"))?;
        let mut sids = Sids { kind, seen: BTreeSet::new() };
        let mut parsed = Vec::new();
        for node in statements.elements()? {
            let (statement, sid) = Statement::parse(&node, kind, syntax)?;
            if let Some(sid) = sid {
                sids.check(&sid)?;
            }
            parsed.push(statement);
        }
        Ok(Self { kind, statements: parsed.into() })
    }

    /// The context keys that conditions and variables name, as they are written, statement by statement.
    pub fn context_key_names(&self) -> impl Iterator<Item = &str> {
        self.statements.iter().flat_map(Statement::key_names)
    }

    /// Whether statements of the policy say to whom they apply.
    pub(crate) fn names_principals(&self) -> bool {
        self.kind != Kind::Identity
    }

    /// What policies say together: a deny of one counts more than what the others allow.
    pub(crate) fn verdict<'p>(
        policies: impl IntoIterator<Item = &'p Self>,
        request: &Request<'_>,
    ) -> Verdict {
        let mut verdict = Verdict::Silent;
        for statement in policies.into_iter().flat_map(|policy| &policy.statements) {
            let is_settled = verdict == Verdict::Allows(Grant::Direct);
            if is_settled && statement.effect == Effect::Allow {
                continue;
            }
            let Some(grant) = statement.grant(request) else { continue };
            match (statement.effect, verdict) {
                (Effect::Deny, _) => return Verdict::Denies,
                (Effect::Allow, Verdict::Allows(before)) => {
                    verdict = Verdict::Allows(before.max(grant));
                }
                (Effect::Allow, Verdict::Silent | Verdict::Denies) => {
                    verdict = Verdict::Allows(grant);
                }
            }
        }
        verdict
    }
}

/// A policy without version is of the old one, which has no variables.
fn version(node: &Node<'_>) -> Result<VariableSyntax, PolicyError> {
    match node.text()? {
        "2012-10-17" => Ok(VariableSyntax::Expanded),
        "2008-10-17" => Ok(VariableSyntax::Literal),
        other => {
            let problem = format!(r#"has to be "2012-10-17" or "2008-10-17", not "{other}""#);
            Err(node.refuse(problem))
        }
    }
}

/// The labels of statements. IAM is strict with them, other services are not.
struct Sids<'a> {
    kind: Kind,
    seen: BTreeSet<&'a str>,
}

impl<'a> Sids<'a> {
    fn check(&mut self, node: &Node<'a>) -> Result<(), PolicyError> {
        let sid = node.text()?;
        if self.kind == Kind::Resource {
            return Ok(());
        }
        if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(node.refuse(
                "Statement IDs (SID) must be alpha-numeric. Check that your input satisfies the regular expression [0-9A-Za-z]*",
            ));
        }
        if !sid.is_empty() && !self.seen.insert(sid) {
            return Err(node.refuse("Statement IDs (SID) in a single policy must be unique."));
        }
        Ok(())
    }
}
