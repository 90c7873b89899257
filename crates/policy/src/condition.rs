//! `Condition`: an operator, a key, and the values that the policy gives.

use std::iter;

use ipnet::IpNet;

use crate::error::PolicyError;
use crate::json::Node;
use crate::operator::{Operator, Order, Quantifier, Test};
use crate::pattern::{ARN_COLONS, Comparison, Pattern, Syntax};
use crate::request::Request;
use crate::value::{self, Date};

/// One key under one operator.
#[derive(Debug)]
pub(crate) struct Condition {
    /// In lower case.
    key: Box<str>,
    /// As it is written.
    name: Box<str>,
    operator: Operator,
    values: PolicyValues,
}

/// The values of the policy, of which one has to match.
#[derive(Debug)]
enum PolicyValues {
    Equal(Box<[Pattern]>),
    EqualIgnoringCase(Box<[Pattern]>),
    Like(Box<[Pattern]>),
    Arns(Box<[Pattern]>),
    Numbers(Order, Box<[f64]>),
    Dates(Order, Box<[Date]>),
    Bools(Box<[bool]>),
    Binaries(Box<[Vec<u8>]>),
    Networks(Box<[IpNet]>),
    /// Whether the key has to be absent.
    Absent(Box<[bool]>),
}

impl Condition {
    /// Parses the whole `Condition` of a statement.
    pub(crate) fn parse_all(
        node: &Node<'_>,
        syntax: VariableSyntax,
    ) -> Result<Vec<Self>, PolicyError> {
        let mut conditions = Vec::new();
        for (name, node) in node.members()? {
            let operator =
                Operator::named(name).ok_or_else(|| node.refuse("unknown condition operator"))?;
            for (key, node) in node.members()? {
                if !key.contains(':') {
                    let problem = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
                    return Err(node.refuse(problem));
                }
                let values = PolicyValues::parse(&node, operator.test, syntax)?;
                let (key, name) = (key.to_lowercase().into(), key.into());
                conditions.push(Self { key, name, operator, values });
            }
        }
        Ok(conditions)
    }

    pub(crate) fn holds(&self, request: &Request<'_>) -> bool {
        let values = request.values(&self.key);
        let values = values.as_ref().map(|values| values.as_slice()).unwrap_or_default();
        if let PolicyValues::Absent(absent) = &self.values {
            return absent.contains(&values.is_empty());
        }
        if values.is_empty() {
            return self.operator.holds_without_key();
        }
        let is_negated = self.operator.is_negated;
        let mut matching = values.iter().map(|value| self.values.match_any(value, request));
        match self.operator.quantifier {
            Quantifier::Single => matching.any(|is_match| is_match) != is_negated,
            Quantifier::All => matching.all(|is_match| is_match != is_negated),
            Quantifier::Any => matching.any(|is_match| is_match != is_negated),
        }
    }

    /// Keys without which the statement does not apply.
    pub(crate) fn required_keys(&self) -> impl Iterator<Item = &str> {
        self.values.patterns().iter().flat_map(Pattern::required_keys)
    }

    /// The key, and those of variables, as they are written.
    pub(crate) fn key_names(&self) -> impl Iterator<Item = &str> {
        let variables = self.values.patterns().iter().flat_map(Pattern::key_names);
        iter::once(&*self.name).chain(variables)
    }
}

/// Whether the version of a policy has variables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum VariableSyntax {
    Expanded,
    Literal,
}

impl VariableSyntax {
    /// With wildcards.
    pub(crate) fn with_wildcards(self) -> Syntax {
        match self {
            Self::Expanded => Syntax::WildcardsAndVariables,
            Self::Literal => Syntax::Wildcards,
        }
    }

    fn without_wildcards(self) -> Syntax {
        match self {
            Self::Expanded => Syntax::Variables,
            Self::Literal => Syntax::Literal,
        }
    }
}

impl PolicyValues {
    fn parse(node: &Node<'_>, test: Test, syntax: VariableSyntax) -> Result<Self, PolicyError> {
        let plain = |text: &str| Pattern::parse(text, syntax.without_wildcards());
        let wild = |text: &str| Pattern::parse(text, syntax.with_wildcards());
        Ok(match test {
            Test::StringEquals => Self::Equal(each(node, plain)?),
            Test::StringEqualsIgnoreCase => Self::EqualIgnoringCase(each(node, plain)?),
            Test::StringLike => Self::Like(each(node, wild)?),
            Test::Arn => Self::Arns(each(node, |text| arn(text, wild(text)?))?),
            Test::Numeric(order) => {
                Self::Numbers(order, each(node, typed("a number", value::number))?)
            }
            Test::Date(order) => Self::Dates(
                order,
                each(node, typed("a date, for example 2026-01-31T12:00:00Z", Date::parse))?,
            ),
            Test::Bool => Self::Bools(each(node, typed("true or false", value::boolean))?),
            Test::Binary => Self::Binaries(each(node, typed("in base64", value::binary))?),
            Test::IpAddress => Self::Networks(each(
                node,
                typed("an IP address or range, for example 203.0.113.0/24", value::network),
            )?),
            Test::Null => Self::Absent(each(node, typed("true or false", value::boolean))?),
        })
    }

    /// Those that can have variables.
    fn patterns(&self) -> &[Pattern] {
        match self {
            Self::Equal(patterns)
            | Self::EqualIgnoringCase(patterns)
            | Self::Like(patterns)
            | Self::Arns(patterns) => patterns,
            Self::Numbers(..)
            | Self::Dates(..)
            | Self::Bools(_)
            | Self::Binaries(_)
            | Self::Networks(_)
            | Self::Absent(_) => &[],
        }
    }

    fn match_any(&self, text: &str, request: &Request<'_>) -> bool {
        let matches_one = |patterns: &[Pattern], comparison| {
            patterns.iter().any(|pattern| pattern.matches(text, comparison, request))
        };
        match self {
            Self::Equal(patterns) | Self::Like(patterns) => {
                matches_one(patterns, Comparison::Exact)
            }
            Self::Arns(patterns) => matches_one(patterns, Comparison::Arn),
            Self::EqualIgnoringCase(patterns) => {
                patterns.iter().any(|pattern| value::is_same_text(text, &pattern.text(request)))
            }
            Self::Numbers(order, numbers) => value::number(text)
                .is_some_and(|given| numbers.iter().any(|number| order.holds(given, *number))),
            Self::Dates(order, dates) => Date::parse(text)
                .is_some_and(|given| dates.iter().any(|date| order.holds(given, *date))),
            Self::Bools(bools) => value::boolean(text).is_some_and(|given| bools.contains(&given)),
            Self::Binaries(binaries) => {
                value::binary(text).is_some_and(|given| binaries.contains(&given))
            }
            Self::Networks(networks) => value::address(text)
                .is_some_and(|given| networks.iter().any(|network| network.contains(&given))),
            // The answer does not depend on the values: `holds` gives it.
            Self::Absent(_) => false,
        }
    }
}

/// An ARN of a condition has its six parts, unless variables bring them.
fn arn(text: &str, pattern: Pattern) -> Result<Pattern, String> {
    if !pattern.has_variables() && text.matches(':').count() < ARN_COLONS {
        return Err(format!("{text} is not an ARN of six parts, arn:aws:sqs:*:*:* for example"));
    }
    Ok(pattern)
}

fn typed<T>(what: &str, parse: fn(&str) -> Option<T>) -> impl Fn(&str) -> Result<T, String> {
    move |text| parse(text).ok_or_else(|| format!("{text} is not {what}"))
}

/// Parses each value of a condition.
fn each<T>(
    node: &Node<'_>,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<Box<[T]>, PolicyError> {
    let one = |node: &Node<'_>| parse(node.scalar()?).map_err(|problem| node.refuse(problem));
    node.elements()?.iter().map(one).collect()
}
