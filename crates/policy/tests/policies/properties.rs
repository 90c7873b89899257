//! Random policies and requests, decided by the crate and by a naive evaluator: they agree, and a naive evaluator with a
//! mistake is noticed. Random texts are parsed or refused.
use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use serde_json::{Map, Value, json};
use sluice_policy::{Kind, Policy};

use crate::naive;
use crate::world::{ACCOUNT, Context, Gate, World, principal};

const OTHER_ACCOUNT: &str = "444455556666";

const PRINCIPALS: &[&str] = &[
    "root",
    "user alice",
    "user alice",
    "user team/bob",
    "user alice 444455556666",
    "root 444455556666",
    "role jobs/worker one",
    "role jobs/worker one",
    "role worker one 444455556666",
    "federated carol alice",
    "provider https://id.example",
    "service sns.amazonaws.com",
    "anonymous",
];

const LISTED: &[(&str, &str)] = &[
    ("AWS", "*"),
    ("AWS", ACCOUNT),
    ("AWS", "arn:aws:iam::111122223333:root"),
    ("AWS", OTHER_ACCOUNT),
    ("AWS", "arn:aws:iam::444455556666:root"),
    ("AWS", "arn:aws:iam::111122223333:user/alice"),
    ("AWS", "arn:aws:iam::111122223333:user/team/bob"),
    ("AWS", "AIDAALICEXXXXXXXXXXXX"),
    ("AWS", "arn:aws:iam::444455556666:user/alice"),
    ("AWS", "arn:aws:iam::111122223333:role/jobs/worker"),
    ("AWS", "AROAWORKERXXXXXXXXXXX"),
    ("AWS", "arn:aws:sts::111122223333:assumed-role/worker/one"),
    ("AWS", "arn:aws:sts::111122223333:federated-user/carol"),
    ("Service", "sns.amazonaws.com"),
    ("Federated", "https://id.example"),
    ("CanonicalUser", "79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be"),
];

const ACTIONS: &[&str] =
    &["*", "sqs:*", "SQS:Send*", "sqs:?endMessage", "sqs:ReceiveMessage", "s*:*Message", "sns:*"];

const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:sqs:*",
    "arn:aws:sqs:*:*:orders",
    "arn:aws:sqs:eu-west-1:111122223333:orders",
    "arn:aws:sqs:eu-west-1:111122223333:?rders*",
    "arn:aws:sqs:eu-west-1:111122223333:${aws:username}",
    "arn:aws:sqs:eu-west-1:*:${test:Team}s",
    "arn:aws:sqs:eu-west-1:*:${test:Team, 'order'}s",
    "arn:aws:sqs:*:*:order${*}",
];

const REQUESTED: &[&str] = &[
    "arn:aws:sqs:eu-west-1:111122223333:orders",
    "arn:aws:sqs:eu-west-1:111122223333:orders",
    "arn:aws:sqs:eu-west-1:111122223333:alice",
    "arn:aws:sqs:eu-west-1:111122223333:order*",
    "arn:aws:sqs:eu-west-1:444455556666:orders",
];

/// Operators, the key that they are about, and values on both sides.
struct ValueType {
    operators: &'static [&'static str],
    key: &'static str,
    policy_values: &'static [&'static str],
    values: &'static [&'static str],
}

const TYPES: &[ValueType] = &[
    ValueType {
        operators: &[
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringLike",
            "StringNotLike",
        ],
        key: "test:Team",
        policy_values: &[
            "order",
            "Order",
            "ord*",
            "${test:Team}",
            "${test:Other, 'order'}",
            "${test:Other}",
            "*",
            "ord?r",
        ],
        values: &["order", "Order", "ord*", "*", "ordxr"],
    },
    ValueType {
        operators: &[
            "NumericEquals",
            "NumericNotEquals",
            "NumericLessThan",
            "NumericGreaterThanEquals",
        ],
        key: "test:Number",
        policy_values: &["1", "1.5", "-2"],
        values: &["1", "1.0", "1.5", "-2", "many"],
    },
    ValueType {
        operators: &[
            "DateEquals",
            "DateNotEquals",
            "DateLessThan",
            "DateGreaterThanEquals",
            "DateLessThanEquals",
        ],
        key: "test:Date",
        policy_values: &["2026-01-01T00:00:00Z", "2026-01-02", "1767225600"],
        values: &["2026-01-01T01:00:00+01:00", "2026", "2026-01-02", "1767225599", "soon"],
    },
    ValueType {
        operators: &["NumericLessThan", "DateLessThan", "NumericLessThanEquals"],
        key: "test:Bound",
        policy_values: &["1", "1767225600"],
        values: &["1", "1767225600"],
    },
    ValueType {
        operators: &["StringEquals", "StringNotEquals"],
        key: "test:Case",
        policy_values: &["one", "two"],
        values: &["ONE", "one"],
    },
    ValueType {
        operators: &["Bool"],
        key: "test:Bool",
        policy_values: &["true", "false"],
        values: &["true", "FALSE", "maybe"],
    },
    ValueType {
        operators: &["BinaryEquals"],
        key: "test:Binary",
        policy_values: &["QUJD", "QUI="],
        values: &["QUJD", "QUI=", "?"],
    },
    ValueType {
        operators: &["IpAddress", "NotIpAddress"],
        key: "test:Ip",
        policy_values: &["192.0.2.0/24", "192.0.2.7", "2001:db8::/32", "0.0.0.0/0"],
        values: &["192.0.2.7", "192.0.2.8", "198.51.100.1", "2001:db8::1", "AWS Internal"],
    },
    ValueType {
        operators: &["ArnEquals", "ArnLike", "ArnNotLike"],
        key: "test:Arn",
        policy_values: &[
            "arn:aws:sns:*:*:topic",
            "arn:aws:sns:*:1:t*",
            "arn:*:1:topic:*:*",
            "arn:aws:sns:r:1:${test:Team}",
        ],
        values: &[
            "arn:aws:sns:r:1:topic",
            "arn:aws:sns:r:1:t:o",
            "arn:aws:sns:r:1:order",
            "arn:aws:sns:r:2:x:1:topic",
            "topic",
        ],
    },
    ValueType {
        operators: &["StringEquals", "StringNotEquals"],
        key: "aws:PrincipalArn",
        policy_values: &[
            "arn:aws:iam::111122223333:role/jobs/worker",
            "arn:aws:iam::111122223333:user/alice",
        ],
        values: &[],
    },
];

fn one_or_list(values: Vec<&'static str>) -> Value {
    match values.as_slice() {
        [value] => json!(value),
        values => json!(values),
    }
}

fn some_of(values: &'static [&'static str]) -> impl Strategy<Value = Value> {
    subsequence(values, 1..=2).prop_map(one_or_list)
}

/// An operator with one key.
fn condition() -> impl Strategy<Value = (String, Value)> {
    let typed = (0..TYPES.len()).prop_flat_map(|at| {
        let ValueType { operators, key, policy_values, .. } = TYPES[at];
        let prefix = select(&["", "", "ForAllValues:", "ForAnyValue:"][..]);
        let suffix = select(&["", "", "IfExists"][..]);
        (prefix, select(operators), suffix, some_of(policy_values)).prop_map(
            move |(prefix, operator, suffix, values)| {
                let mut keys = Map::new();
                keys.insert(key.to_owned(), values);
                (format!("{prefix}{operator}{suffix}"), Value::Object(keys))
            },
        )
    });
    let null = (0..TYPES.len(), any::<bool>()).prop_map(|(at, is_absent)| {
        ("Null".to_owned(), json!({ TYPES[at].key: is_absent.to_string() }))
    });
    prop_oneof![9 => typed, 1 => null]
}

fn listed() -> impl Strategy<Value = Value> {
    let several = subsequence(LISTED, 1..=4).prop_map(|listed| {
        let mut kinds: BTreeMap<&str, Vec<&'static str>> = BTreeMap::new();
        for (kind, name) in listed {
            kinds.entry(kind).or_default().push(name);
        }
        let kinds = kinds.into_iter().map(|(kind, names)| (kind.to_owned(), one_or_list(names)));
        Value::Object(kinds.collect())
    });
    prop_oneof![1 => Just(json!("*")), 5 => several]
}

fn named(name: &str, is_not: bool) -> String {
    if is_not { format!("Not{name}") } else { name.to_owned() }
}

fn is_rare() -> impl Strategy<Value = bool> {
    prop::bool::weighted(0.15)
}

fn statement(kind: Kind) -> impl Strategy<Value = Value> {
    let actions =
        if kind == Kind::Trust { &["sts:*", "sts:Assume*", "STS:TagSession"] } else { ACTIONS };
    let conditions = vec(condition(), 0..=2);
    (
        prop::bool::weighted(0.25),
        (listed(), is_rare()),
        (some_of(actions), is_rare()),
        (some_of(RESOURCES), is_rare()),
        prop_oneof![2 => Just(Vec::new()), 1 => conditions],
    )
        .prop_map(move |(is_deny, principal, action, resource, conditions)| {
            let mut statement = Map::new();
            statement.insert("Effect".to_owned(), json!(if is_deny { "Deny" } else { "Allow" }));
            statement.insert(named("Action", action.1), action.0);
            if kind != Kind::Identity {
                statement.insert(named("Principal", principal.1), principal.0);
            }
            if kind != Kind::Trust {
                statement.insert(named("Resource", resource.1), resource.0);
            }
            if !conditions.is_empty() {
                let conditions = conditions.into_iter().collect();
                statement.insert("Condition".to_owned(), Value::Object(conditions));
            }
            Value::Object(statement)
        })
}

fn policy(kind: Kind) -> impl Strategy<Value = String> {
    (vec(statement(kind), 1..=3), is_rare())
        .prop_map(|(statements, is_old)| document(&statements, is_old))
}

fn document(statements: &[Value], is_old: bool) -> String {
    let version = if is_old { "2008-10-17" } else { "2012-10-17" };
    json!({ "Version": version, "Statement": statements }).to_string()
}

fn context() -> impl Strategy<Value = Context> {
    let values = (0..TYPES.len() - 1).prop_flat_map(|at| {
        let ValueType { key, values, .. } = TYPES[at];
        (Just(key.to_lowercase()), vec(select(values).prop_map(str::to_owned), 0..=2))
    });
    vec(values, 0..=8).prop_map(|keys| Context(keys.into_iter().collect()))
}

/// A request that one condition or two decide about.
fn conditional_world() -> impl Strategy<Value = World> {
    (vec(condition(), 1..=2), select(PRINCIPALS), is_rare(), context()).prop_map(
        |(conditions, caller, is_old, context)| {
            let conditions: Map<String, Value> = conditions.into_iter().collect();
            let statement = json!({
                "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*", "Condition": conditions,
            });
            World {
                principal: principal(caller),
                action: "sqs:SendMessage".to_owned(),
                resource: REQUESTED[0].to_owned(),
                owner: ACCOUNT.to_owned(),
                context,
                identity: Vec::new(),
                boundary: None,
                session: Vec::new(),
                resource_policy: Some(document(&[statement], is_old)),
                gate: Gate::Key,
                endpoint: None,
            }
        },
    )
}

fn world() -> impl Strategy<Value = World> {
    prop_oneof![combined_world(), conditional_world()]
}

fn combined_world() -> impl Strategy<Value = World> {
    let gate =
        select(&[Gate::Optional, Gate::Optional, Gate::Key, Gate::GrantedKey, Gate::Trust][..]);
    gate.prop_flat_map(|gate| {
        let kind = if gate == Gate::Trust { Kind::Trust } else { Kind::Resource };
        let action = match gate {
            Gate::Trust => select(&["sts:AssumeRole"][..]),
            Gate::Optional | Gate::Key | Gate::GrantedKey => {
                select(&["sqs:SendMessage", "sqs:sendmessage", "sqs:ReceiveMessage"][..])
            }
        };
        let resource_policy = match gate {
            Gate::Optional => option::of(policy(kind)).boxed(),
            Gate::Key | Gate::GrantedKey | Gate::Trust => policy(kind).prop_map(Some).boxed(),
        };
        let rarely = |kind| option::weighted(0.25, policy(kind));
        let of_caller = (
            vec(policy(Kind::Identity), 0..=2),
            rarely(Kind::Identity),
            prop_oneof![3 => Just(Vec::new()), 1 => vec(policy(Kind::Identity), 1..=2)],
        );
        let requested = (select(PRINCIPALS), action, select(REQUESTED), context());
        (requested, of_caller, resource_policy, rarely(Kind::Resource)).prop_map(
            move |((caller, action, resource, context), of_caller, resource_policy, endpoint)| {
                World {
                    principal: principal(caller),
                    action: action.to_owned(),
                    resource: resource.to_owned(),
                    owner: resource.split(':').nth(4).unwrap().to_owned(),
                    context,
                    identity: of_caller.0,
                    boundary: of_caller.1,
                    session: of_caller.2,
                    resource_policy,
                    gate,
                    endpoint,
                }
            },
        )
    })
}

/// Among so many, each mistake shows several times.
const WORLDS_MAX: usize = 20_000;

fn check(world: &World, mistake: Option<naive::Mistake>) -> Result<(), TestCaseError> {
    let decided = world.decide().map_err(|error| TestCaseError::fail(error.to_string()))?;
    prop_assert_eq!(decided, naive::decide(world, mistake));
    Ok(())
}

#[test]
fn a_naive_evaluator_decides_the_same() {
    let config = Config { cases: 10_000, failure_persistence: None, ..Config::default() };
    TestRunner::new(config).run(&world(), |world| check(&world, None)).unwrap();
}

#[test]
fn a_broken_evaluator_is_noticed() {
    let mut unnoticed = naive::Mistake::ALL.to_vec();
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let worlds = world();
    for _ in 0..WORLDS_MAX {
        let world = worlds.new_tree(&mut runner).unwrap().current();
        unnoticed.retain(|mistake| check(&world, Some(*mistake)).is_ok());
        if unnoticed.is_empty() {
            return;
        }
    }
    panic!("not noticed: {unnoticed:?}");
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in ".{0,40}") {
        let wrapped = json!({ "Statement": { "Effect": "Allow", "Principal": "*", "Action": "*", "Resource": text.as_str(),
            "Condition": { "StringLike": { "a:b": text.as_str() }, "DateLessThan": { "a:b": text.as_str() } } } });
        for text in [text, wrapped.to_string()] {
            for kind in [Kind::Identity, Kind::Resource, Kind::Trust] {
                if let Err(error) = Policy::parse(&text, kind) {
                    prop_assert!(!error.to_string().is_empty());
                }
            }
        }
    }
}
