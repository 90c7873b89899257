//! `Action` and `NotAction`.

use crate::error::PolicyError;
use crate::json::Node;
use crate::pattern::{Comparison, Pattern, Syntax};
use crate::request::Request;

/// The only service whose actions a trust policy is about.
const TRUST_SERVICE: &str = "sts";

/// Which actions a policy may be about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ActionScope {
    All,
    Sts,
}

/// The actions that a statement is, or is not, about.
#[derive(Debug)]
pub(crate) struct Actions {
    is_not: bool,
    patterns: Box<[Pattern]>,
}

impl Actions {
    pub(crate) fn parse(
        node: &Node<'_>,
        is_not: bool,
        scope: ActionScope,
    ) -> Result<Self, PolicyError> {
        let patterns =
            node.elements()?.iter().map(|node| parse_one(node, scope)).collect::<Result<_, _>>()?;
        Ok(Self { is_not, patterns })
    }

    pub(crate) fn covers(&self, request: &Request<'_>) -> bool {
        let is_meant = |pattern: &Pattern| {
            pattern.matches(request.action, Comparison::IgnoreAsciiCase, request)
        };
        self.patterns.iter().any(is_meant) != self.is_not
    }
}

fn parse_one(node: &Node<'_>, scope: ActionScope) -> Result<Pattern, PolicyError> {
    let text = node.text()?;
    if text != "*" {
        let is_name = |part: &str| !part.is_empty() && part.bytes().all(is_name_byte);
        if !text.split_once(':').is_some_and(|(vendor, name)| is_name(vendor) && is_name(name)) {
            let problem =
                "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
            return Err(node.refuse(problem));
        }
    }
    let vendor = text.split_once(':').map_or("", |(vendor, _)| vendor);
    if scope == ActionScope::Sts && !vendor.eq_ignore_ascii_case(TRUST_SERVICE) {
        return Err(node.refuse("AssumeRole policy may only specify STS AssumeRole actions."));
    }
    Pattern::parse(text, Syntax::Wildcards).map_err(|problem| node.refuse(problem))
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.*?".contains(&byte)
}
