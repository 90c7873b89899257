//! What is decided about: a request and its context.

use std::borrow::Cow;
use std::slice;

use crate::principal::Principal;

/// What is decided about.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// Who asks.
    pub principal: Principal<'a>,
    /// The IAM action, for example `sqs:SendMessage`. Upper and lower case do not matter.
    pub action: &'a str,
    /// ARN of the resource, or `*` for an action that has none.
    pub resource: &'a str,
    /// 12-digit account id of the owner of the resource.
    pub resource_account: &'a str,
    /// The other keys that conditions and variables may name.
    pub context: &'a dyn ContextKeys,
}

impl Request<'_> {
    /// The values of a key in lower case. What the principal and the resource tell by themselves need not be in the context.
    pub(crate) fn values(&self, key: &str) -> Option<Values<'_>> {
        self.context.values(key).or_else(|| match key {
            "aws:resourceaccount" => Some(self.resource_account.into()),
            _ => self.principal.value(key).map(Values::One),
        })
    }
}

/// The context of a request: the keys of conditions and policy variables.
///
/// A key is asked for only when a statement that is otherwise about the request names it, so values may be made when asked.
/// These need not be answered, because they follow from the request: `aws:PrincipalArn`, `aws:PrincipalAccount`,
/// `aws:PrincipalType`, `aws:PrincipalIsAWSService`, `aws:PrincipalServiceName`, `aws:userid`, `aws:username` and
/// `aws:ResourceAccount`. What is answered here counts instead, which policy simulations need.
pub trait ContextKeys {
    /// Returns the values of `key`, none if the request has no such key. Names of keys have no case: `key` is in lower
    /// case as a whole, also the key of a tag in it (`aws:principaltag/cost-center`).
    fn values(&self, key: &str) -> Option<Values<'_>>;
}

/// The values of a context key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Values<'a> {
    /// Of a key with one value, which is nearly every key.
    One(Cow<'a, str>),
    /// Of a key with several, for example `aws:TagKeys`. Without any the key counts as absent.
    Many(Vec<Cow<'a, str>>),
}

impl Values<'_> {
    pub(crate) fn as_slice(&self) -> &[Cow<'_, str>] {
        match self {
            Self::One(value) => slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    /// The value, if there is exactly one.
    pub(crate) fn only(&self) -> Option<&str> {
        match self.as_slice() {
            [value] => Some(value),
            _ => None,
        }
    }
}

impl<'a> From<&'a str> for Values<'a> {
    fn from(value: &'a str) -> Self {
        Self::One(Cow::Borrowed(value))
    }
}

impl From<String> for Values<'_> {
    fn from(value: String) -> Self {
        Self::One(Cow::Owned(value))
    }
}
