//! What callers rely on besides the decisions.

use std::cell::RefCell;

use sluice_policy::{
    ContextKeys, Decision, Denial, Kind, Policies, Policy, PolicyType, Request, ResourcePolicy,
    Values, decide,
};

use crate::world::{ACCOUNT, Context, principal};

/// Remembers what it was asked for.
#[derive(Default)]
struct Asked(RefCell<Vec<String>>);

impl ContextKeys for Asked {
    fn values(&self, key: &str) -> Option<Values<'_>> {
        self.0.borrow_mut().push(key.to_owned());
        Some("192.0.2.1".into())
    }
}

fn request<'a>(action: &'a str, context: &'a dyn ContextKeys) -> Request<'a> {
    let resource = "arn:aws:sqs:eu-west-1:111122223333:orders";
    Request {
        principal: principal("user alice"),
        action,
        resource,
        resource_account: ACCOUNT,
        context,
    }
}

#[test]
fn keys_are_asked_for_in_lower_case_and_only_when_they_matter() {
    let text = r#"{"Statement":[
        {"Effect":"Deny","Principal":"*","Action":"sqs:DeleteQueue","Resource":"*","Condition":{"Null":{"aws:UserAgent":"false"}}},
        {"Effect":"Allow","Principal":"*","Action":"sqs:Send*","Resource":"*","Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}
    ]}"#;
    let policy = Policy::parse(text, Kind::Resource).unwrap();
    let resource = ResourcePolicy::Optional(Some(&policy));
    let policies = Policies { resource, ..Policies::default() };
    let asked = Asked::default();
    decide(&request("sqs:ReceiveMessage", &asked), &policies);
    assert_eq!(asked.0.take(), Vec::<String>::new());
    assert_eq!(decide(&request("sqs:SendMessage", &asked), &policies), Decision::Allowed);
    assert_eq!(asked.0.take(), ["aws:sourceip"]);
}

#[test]
fn a_policy_tells_the_context_keys_that_it_names() {
    let text = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"sqs:*","Resource":["arn:aws:sqs:*:*:${aws:username}","arn:aws:sqs:*:*:${aws:PrincipalTag/Team, 'all'}-${*}"]},
        {"Effect":"Deny","Action":"*","NotResource":"*","Condition":{
            "StringLike":{"aws:UserAgent":["${AWS:userid}*","curl"]},
            "NumericLessThan":{"s3:max-keys":"1"},
            "Null":{"aws:TokenIssueTime":"true"}}}
    ]}"#;
    let names = |text: &str| {
        let policy = Policy::parse(text, Kind::Identity).unwrap();
        policy.context_key_names().map(str::to_owned).collect::<Vec<_>>()
    };
    let mut expected = vec!["aws:username", "aws:PrincipalTag/Team"];
    // Conditions are kept by their operators.
    expected.extend(["aws:TokenIssueTime", "s3:max-keys", "aws:UserAgent", "AWS:userid"]);
    assert_eq!(names(text), expected);
    // The old version has no variables.
    let old = text.replacen("2012-10-17", "2008-10-17", 1);
    assert_eq!(names(&old), ["aws:TokenIssueTime", "s3:max-keys", "aws:UserAgent"]);
}

#[test]
fn reasons_are_in_the_words_of_aws() {
    let reasons = [
        (PolicyType::Identity, "identity-based policy", "an identity-based policy"),
        (PolicyType::Boundary, "permissions boundary", "a permissions boundary"),
        (PolicyType::Session, "session policy", "a session policy"),
        (PolicyType::Resource, "resource-based policy", "a resource-based policy"),
        (PolicyType::Trust, "role trust policy", "the role trust policy"),
        (PolicyType::Endpoint, "VPC endpoint policy", "a VPC endpoint policy"),
    ];
    for (policy, name, with_article) in reasons {
        assert_eq!(
            Denial::Implicit(policy).reason("sqs:sendmessage"),
            format!("because no {name} allows the sqs:sendmessage action")
        );
        assert_eq!(
            Denial::Explicit(policy).reason("sqs:sendmessage"),
            format!("with an explicit deny in {with_article}")
        );
    }
}

#[test]
#[should_panic(expected = "a policy without principals")]
fn an_identity_policy_is_never_taken_for_a_resources_policy() {
    let text = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let policy = Policy::parse(text, Kind::Identity).unwrap();
    let resource = ResourcePolicy::Optional(Some(&policy));
    let context = Context::default();
    decide(&request("sqs:SendMessage", &context), &Policies { resource, ..Policies::default() });
}

#[test]
fn policies_are_shared_between_threads() {
    fn is_shareable<T: Send + Sync>() {}
    is_shareable::<Policy>();
}
