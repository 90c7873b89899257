//! Any text as a policy, and as a pattern within one: it is parsed and decides, or is refused. `cargo +nightly fuzz run policy`.
#![no_main]

use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use serde_json::json;
use sluice_policy::{
    ContextKeys, Decision, Kind, Policies, Policy, Principal, Request, ResourcePolicy, Values, decide,
};

/// Every key has the same value.
struct Everywhere<'a>(&'a str);

impl ContextKeys for Everywhere<'_> {
    fn values(&self, _key: &str) -> Option<Values<'_>> {
        Some(self.0.into())
    }
}

fuzz_target!(|text: &str| {
    for kind in [Kind::Identity, Kind::Resource, Kind::Trust] {
        if let Ok(policy) = Policy::parse(text, kind) {
            decided(policy, kind, text);
        }
    }
    let like = json!({"Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"StringLike": {"a:b": text}}}});
    let policy = Policy::parse(&like.to_string(), Kind::Identity).expect("any text is a pattern");
    assert_eq!(decided(policy, Kind::Identity, text), Decision::Allowed, "a pattern stands for itself");
    let variables = json!({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": "*", "Action": "*",
        "Resource": "*", "Condition": {"StringLike": {"a:b": text}, "ArnLike": {"a:b": format!("${{a:b}}{text}")}}}});
    if let Ok(policy) = Policy::parse(&variables.to_string(), Kind::Resource) {
        decided(policy, Kind::Resource, text);
    }
});

fn decided(policy: Policy, kind: Kind, value: &str) -> Decision {
    let policy = Arc::new(policy);
    let identity = [Arc::clone(&policy)];
    let policies = match kind {
        Kind::Identity => Policies { identity: &identity, ..Policies::default() },
        Kind::Resource => Policies { resource: ResourcePolicy::Optional(Some(&policy)), ..Policies::default() },
        Kind::Trust => Policies { resource: ResourcePolicy::Trust(&policy), ..Policies::default() },
    };
    let request = Request {
        principal: Principal::Service { name: value },
        action: value,
        resource: value,
        resource_account: value,
        context: &Everywhere(value),
    };
    let user = Principal::User { account: value, arn: value, id: value, name: value };
    let of_service = decide(&request, &policies);
    let of_user = decide(&Request { principal: user, ..request }, &policies);
    if kind == Kind::Identity { of_user } else { of_service }
}
