//! Every operation of every service against every way to be allowed or denied it.

use std::collections::BTreeSet;

use serde_json::{Value, json as object};
use sluice_server::services::SERVICES;

use crate::client::{
    ACCOUNT, Credentials, OTHER_ACCOUNT, Outcome, allow, call, create_queue, root, server,
    unsigned, user,
};
use crate::http_support::TestServer;

/// A line of `cases.txt`.
struct Case {
    operation: &'static str,
    /// Its own; none if nobody needs permission.
    action: Option<&'static str>,
    /// What has to be allowed.
    actions: Vec<&'static str>,
    /// What on, its own first.
    resources: String,
    input: String,
}

fn cases() -> Vec<Case> {
    let lines = include_str!("cases.txt").lines().filter(|line| !line.starts_with('#'));
    let case = |line: &'static str| {
        let mut parts = line.splitn(4, ' ');
        let mut part = || parts.next().expect("operation, action, resource and input");
        let (operation, action, resource, input) = (part(), part(), part(), part());
        Case {
            operation,
            action: action.split('+').next().filter(|action| *action != "-"),
            actions: action.split('+').collect(),
            resources: resource.replace("<account>", ACCOUNT),
            input: input.replace("<account>", ACCOUNT),
        }
    };
    let mut cases: Vec<Case> = lines.map(case).collect();
    // The queue's name is taken for a while afterwards.
    cases.sort_by_key(|case| case.operation == "DeleteQueue");
    cases
}

/// Two accounts, and what the cases act on.
struct World {
    server: TestServer,
    root: Credentials,
    url: String,
    handle: String,
    /// Id of a KMS key.
    key: String,
    /// What that encrypted.
    blob: String,
}

impl World {
    fn new() -> Self {
        let (server, root) = (server(), root(ACCOUNT));
        let url = create_queue(&server, &root, "q");
        // The handle of a task that is over: only the queue in it matters here.
        let dead = object!({
            "QueueName": "source",
            "Attributes": { "RedrivePolicy":
                format!("{{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:{ACCOUNT}:q\",\"maxReceiveCount\":1}}") },
        });
        call(&server, &root, "CreateQueue", &dead);
        let source = object!({ "SourceArn": format!("arn:aws:sqs:us-east-1:{ACCOUNT}:q") });
        let handle = call(&server, &root, "StartMessageMoveTask", &source).member("/TaskHandle");
        let key = call(&server, &root, "CreateKey", &object!({})).member("/KeyMetadata/KeyId");
        let encrypt = object!({ "KeyId": key, "Plaintext": "aGVsbG8=" });
        let blob = call(&server, &root, "Encrypt", &encrypt).member("/CiphertextBlob");
        let world = Self { server, root, url, handle, key, blob };
        world.restore();
        world
    }

    /// Creates again what a case deleted.
    fn restore(&self) {
        let trusting = crate::client::policy(&object!({
            "Effect": "Allow", "Action": "sts:AssumeRole",
            "Principal": { "AWS": format!("arn:aws:iam::{ACCOUNT}:root") },
        }));
        let mine = crate::client::policy(&object!({
            "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*",
        }));
        for (operation, input) in [
            ("CreateUser", object!({ "UserName": "Eve", "Path": "/team/" })),
            ("CreateGroup", object!({ "GroupName": "Devs" })),
            ("CreateRole", object!({ "RoleName": "Deploy", "AssumeRolePolicyDocument": trusting })),
            (
                "UpdateAssumeRolePolicy",
                object!({ "RoleName": "Deploy", "PolicyDocument": trusting }),
            ),
            ("CreatePolicy", object!({ "PolicyName": "Mine", "PolicyDocument": mine })),
            ("CancelKeyDeletion", object!({ "KeyId": self.key })),
            ("EnableKey", object!({ "KeyId": self.key })),
            ("CreateAlias", object!({ "AliasName": "alias/a", "TargetKeyId": self.key })),
        ] {
            let restored = call(&self.server, &self.root, operation, &input);
            assert!(
                restored.status == 200 || IS_THERE.contains(&&*restored.code),
                "{}",
                restored.text
            );
        }
    }

    fn input(&self, case: &Case) -> Value {
        let input = case.input.replace("<url>", &self.url).replace("<handle>", &self.handle);
        let input =
            input.replace("<key_arn>", &format!("arn:aws:kms:us-east-1:{ACCOUNT}:key/<key>"));
        let input = input.replace("<key>", &self.key).replace("<blob>", &self.blob);
        serde_json::from_str(&input).expect("JSON")
    }

    fn resources(&self, case: &Case) -> Vec<String> {
        case.resources.replace("<key>", &self.key).split('+').map(str::to_owned).collect()
    }

    fn call(&self, caller: &Credentials, case: &Case) -> Outcome {
        call(&self.server, caller, case.operation, &self.input(case))
    }
}

/// What the root is told of what nobody deleted.
const IS_THERE: [&str; 3] = ["EntityAlreadyExists", "AlreadyExists", "KMSInvalidState"];

/// Services that do not speak Query say 400.
fn is_denied(outcome: &Outcome) -> bool {
    let is_json_only = outcome.text.contains("AccessDeniedException") && outcome.status == 400;
    outcome.code == "AccessDenied" && (outcome.status == 403 || is_json_only)
}

#[test]
fn every_operation_has_a_case() {
    let listed: BTreeSet<&str> = cases().iter().map(|case| case.operation).collect();
    let operations = SERVICES.iter().flat_map(|service| service.operations);
    let missing: Vec<&str> =
        operations.map(|it| it.name).filter(|name| !listed.contains(name)).collect();
    assert!(missing.is_empty(), "without a line in cases.txt: {missing:?}");
}

#[test]
fn only_what_policies_allow_can_be_done() {
    let world = World::new();
    let tester = user(
        &world.server,
        &world.root,
        "Tester",
        &object!({ "Effect": "Allow", "Action": "x:y", "Resource": "*" }),
    );
    let all = object!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let with = |statements: Value| allow(&world.server, &world.root, "Tester", &statements);
    for case in cases() {
        let (operation, resource) = (case.operation, &world.resources(&case)[0]);
        let Some(action) = case.action else {
            with(object!({ "Effect": "Deny", "Action": "*", "Resource": "*" }));
            assert_eq!(
                world.call(&tester, &case).status,
                200,
                "{operation}: nobody needs permission"
            );
            continue;
        };
        // Others are allowed.
        with(object!({ "Effect": "Allow", "NotAction": action, "Resource": "*" }));
        let outcome = world.call(&tester, &case);
        assert!(is_denied(&outcome), "{operation}: {}", outcome.text);
        let shown =
            if action.starts_with("sqs:") { action.to_lowercase() } else { action.to_owned() };
        let expected = format!(
            "User: arn:aws:iam::{ACCOUNT}:user/Tester is not authorized to perform: {shown} on resource: {resource}"
        );
        assert!(outcome.message.starts_with(&expected), "{operation}: {}", outcome.message);

        // All is allowed but this.
        let deny = object!({ "Effect": "Deny", "Action": action, "Resource": resource });
        with(object!([all, deny]));
        let outcome = world.call(&tester, &case);
        assert!(is_denied(&outcome), "{operation}: {}", outcome.text);
        let explains =
            outcome.message.ends_with("with an explicit deny in an identity-based policy");
        assert!(explains || action == "sts:AssumeRole", "{operation}: {}", outcome.message);

        // It is allowed, on something else.
        with(object!({ "Effect": "Allow", "Action": action, "Resource": format!("{resource}x") }));
        assert!(is_denied(&world.call(&tester, &case)), "{operation}");
    }
    world.server.drain();
}

#[test]
fn what_a_policy_allows_can_be_done() {
    let world = World::new();
    let none = object!({ "Effect": "Allow", "Action": "x:y", "Resource": "*" });
    let tester = user(&world.server, &world.root, "Tester", &none);
    for case in cases().into_iter().filter(|case| case.action.is_some()) {
        let (actions, resources) = (&case.actions, world.resources(&case));
        let statement = object!({ "Effect": "Allow", "Action": actions, "Resource": resources });
        allow(&world.server, &world.root, "Tester", &statement);
        let outcome = world.call(&tester, &case);
        assert!(!is_denied(&outcome), "{}: {}", case.operation, outcome.text);
        world.restore();
    }
    world.server.drain();
}

#[test]
fn strangers_and_other_accounts_can_do_nothing() {
    let world = World::new();
    let all = object!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let stranger = user(&world.server, &root(OTHER_ACCOUNT), "Mallory", &all);
    for case in cases() {
        let outcome = unsigned(&world.server, case.operation, &world.input(&case));
        let is_refused = is_denied(&outcome) || outcome.code == "MissingAuthenticationToken";
        assert!(is_refused, "{}: {}", case.operation, outcome.text);
        // By name or without one, operations are about the caller's own account.
        let is_of_account =
            [ACCOUNT, "<url>", "<key_arn>"].iter().any(|it| case.input.contains(it));
        if !is_of_account {
            continue;
        }
        let outcome = world.call(&stranger, &case);
        // Of other accounts these know nothing: no task, no such ARN.
        let is_unknown = [
            "CancelMessageMoveTask",
            "GetContextKeysForPrincipalPolicy",
            "SimulatePrincipalPolicy",
        ];
        let is_refused =
            is_denied(&outcome) || outcome.status >= 400 && is_unknown.contains(&case.operation);
        assert!(is_refused, "{}: {}", case.operation, outcome.text);
    }
    world.server.drain();
}
