//! A statement: whom, what and under which conditions it allows or denies.

use crate::action::{ActionScope, Actions};
use crate::condition::{Condition, VariableSyntax};
use crate::error::PolicyError;
use crate::json::Node;
use crate::listed_principal::{Grant, Principals};
use crate::policy::Kind;
use crate::request::{Request, Values};
use crate::resource::Resources;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    Allow,
    Deny,
}

#[derive(Debug)]
pub(crate) struct Statement {
    pub(crate) effect: Effect,
    /// Absent in identity policies: these are about whom they are attached to.
    principals: Option<Principals>,
    actions: Actions,
    /// Absent in trust policies: these are about the role they belong to.
    resources: Option<Resources>,
    conditions: Box<[Condition]>,
    /// Of variables without default. Without one of these keys the statement does not apply.
    required_keys: Box<[Box<str>]>,
}

impl Statement {
    /// Parses a statement and returns its `Sid` with it.
    pub(crate) fn parse<'a>(
        node: &Node<'a>,
        kind: Kind,
        syntax: VariableSyntax,
    ) -> Result<(Self, Option<Node<'a>>), PolicyError> {
        let elements = Elements::of(node)?;
        let effect = elements.effect(node)?;
        let principals = elements.principals(node, kind)?;
        let scope = if kind == Kind::Trust { ActionScope::Sts } else { ActionScope::All };
        let (action, is_not) = one_of(node, "Action", &elements.action, &elements.not_action)?;
        let actions = Actions::parse(action, is_not, scope)?;
        let resources = elements.resources(node, kind, syntax)?;
        let conditions = match &elements.condition {
            Some(node) => Condition::parse_all(node, syntax)?,
            None => Vec::new(),
        };
        let of_resources = resources.iter().flat_map(Resources::required_keys);
        let of_conditions = conditions.iter().flat_map(Condition::required_keys);
        let required_keys = of_resources.chain(of_conditions).map(Box::from).collect();
        let conditions = conditions.into();
        let statement = Self { effect, principals, actions, resources, conditions, required_keys };
        Ok((statement, elements.sid))
    }

    /// The keys that its conditions and variables name, as they are written.
    pub(crate) fn key_names(&self) -> impl Iterator<Item = &str> {
        let of_resources = self.resources.iter().flat_map(Resources::key_names);
        of_resources.chain(self.conditions.iter().flat_map(Condition::key_names))
    }

    /// What the statement gives to, or takes from, the principal of the request; nothing when it is not about the request.
    pub(crate) fn grant(&self, request: &Request<'_>) -> Option<Grant> {
        if !self.actions.covers(request) {
            return None;
        }
        let grant = match &self.principals {
            Some(principals) => principals.grant(&request.principal, self.effect)?,
            None => Grant::Direct,
        };
        let is_about_it = self.resources.as_ref().is_none_or(|resources| resources.covers(request))
            && self.required_keys.iter().all(|key| has_one_value(request, key))
            && self.conditions.iter().all(|condition| condition.holds(request));
        is_about_it.then_some(grant)
    }
}

fn has_one_value(request: &Request<'_>, key: &str) -> bool {
    request.values(key).as_ref().is_some_and(|values| Values::only(values).is_some())
}

/// The elements of a statement as they stand there.
#[derive(Default)]
struct Elements<'a> {
    sid: Option<Node<'a>>,
    effect: Option<Node<'a>>,
    principal: Option<Node<'a>>,
    not_principal: Option<Node<'a>>,
    action: Option<Node<'a>>,
    not_action: Option<Node<'a>>,
    resource: Option<Node<'a>>,
    not_resource: Option<Node<'a>>,
    condition: Option<Node<'a>>,
}

impl<'a> Elements<'a> {
    fn of(node: &Node<'a>) -> Result<Self, PolicyError> {
        let mut elements = Self::default();
        for (name, element) in node.members()? {
            let place = match name {
                "Sid" => &mut elements.sid,
                "Effect" => &mut elements.effect,
                "Principal" => &mut elements.principal,
                "NotPrincipal" => &mut elements.not_principal,
                "Action" => &mut elements.action,
                "NotAction" => &mut elements.not_action,
                "Resource" => &mut elements.resource,
                "NotResource" => &mut elements.not_resource,
                "Condition" => &mut elements.condition,
                _ => return Err(element.refuse("unknown element")),
            };
            *place = Some(element);
        }
        Ok(elements)
    }

    fn effect(&self, statement: &Node<'_>) -> Result<Effect, PolicyError> {
        let Some(node) = &self.effect else {
            return Err(statement.refuse("Missing required field Effect"));
        };
        match node.text()? {
            "Allow" => Ok(Effect::Allow),
            "Deny" => Ok(Effect::Deny),
            other => Err(node.refuse(format!(r#"has to be "Allow" or "Deny", not "{other}""#))),
        }
    }

    fn principals(
        &self,
        statement: &Node<'_>,
        kind: Kind,
    ) -> Result<Option<Principals>, PolicyError> {
        match kind {
            Kind::Identity => match self.principal.as_ref().or(self.not_principal.as_ref()) {
                Some(node) => Err(node.refuse("Policy document should not specify a principal.")),
                None => Ok(None),
            },
            Kind::Resource | Kind::Trust => {
                let (node, is_not) =
                    one_of(statement, "Principal", &self.principal, &self.not_principal)?;
                Principals::parse(node, is_not).map(Some)
            }
        }
    }

    fn resources(
        &self,
        statement: &Node<'_>,
        kind: Kind,
        syntax: VariableSyntax,
    ) -> Result<Option<Resources>, PolicyError> {
        match kind {
            Kind::Trust => match self.resource.as_ref().or(self.not_resource.as_ref()) {
                Some(node) => Err(node.refuse("Has prohibited field Resource")),
                None => Ok(None),
            },
            Kind::Identity | Kind::Resource => {
                let (node, is_not) =
                    one_of(statement, "Resource", &self.resource, &self.not_resource)?;
                Resources::parse(node, is_not, syntax.with_wildcards()).map(Some)
            }
        }
    }
}

/// The one of an element and its `Not…` form that is there, and whether it is the latter.
fn one_of<'n, 'a>(
    statement: &Node<'_>,
    name: &str,
    element: &'n Option<Node<'a>>,
    not_element: &'n Option<Node<'a>>,
) -> Result<(&'n Node<'a>, bool), PolicyError> {
    match (element, not_element) {
        (Some(node), None) => Ok((node, false)),
        (None, Some(node)) => Ok((node, true)),
        (None, None) => Err(statement.refuse(format!("Missing required field {name}"))),
        (Some(_), Some(_)) => Err(statement.refuse(format!("has both {name} and Not{name}"))),
    }
}
