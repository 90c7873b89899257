//! `Resource` and `NotResource`.

use crate::error::PolicyError;
use crate::json::Node;
use crate::pattern::{Comparison, Pattern, Syntax};
use crate::request::Request;

/// The resources that a statement is, or is not, about.
#[derive(Debug)]
pub(crate) struct Resources {
    is_not: bool,
    patterns: Box<[Pattern]>,
}

impl Resources {
    pub(crate) fn parse(
        node: &Node<'_>,
        is_not: bool,
        syntax: Syntax,
    ) -> Result<Self, PolicyError> {
        let patterns = node
            .elements()?
            .iter()
            .map(|node| parse_one(node, syntax))
            .collect::<Result<_, _>>()?;
        Ok(Self { is_not, patterns })
    }

    /// Compares whole ARNs: a `*` also stands for colons and slashes.
    pub(crate) fn covers(&self, request: &Request<'_>) -> bool {
        let is_meant =
            |pattern: &Pattern| pattern.matches(request.resource, Comparison::Exact, request);
        self.patterns.iter().any(is_meant) != self.is_not
    }

    /// The keys of variables, as they are written.
    pub(crate) fn key_names(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().flat_map(Pattern::key_names)
    }

    pub(crate) fn required_keys(&self) -> impl Iterator<Item = &str> {
        self.patterns.iter().flat_map(Pattern::required_keys)
    }
}

fn parse_one(node: &Node<'_>, syntax: Syntax) -> Result<Pattern, PolicyError> {
    let text = node.text()?;
    if text != "*" {
        let mut parts = text.splitn(4, ':');
        let is_arn =
            parts.next() == Some("arn") && parts.next().is_some_and(|part| !part.is_empty());
        let service = parts.next().filter(|service| !service.is_empty());
        let (true, Some(service), Some(_)) = (is_arn, service, parts.next()) else {
            return Err(node.refuse(format!(r#"Resource {text} must be in ARN format or "*"."#)));
        };
        if service.contains(['*', '?', '$']) {
            let problem = "Resource vendor must be fully qualified and cannot contain regexes.";
            return Err(node.refuse(problem));
        }
    }
    Pattern::parse(text, syntax).map_err(|problem| node.refuse(problem))
}
