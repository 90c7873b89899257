//! Nobody gets in who does not sign, or signs wrongly, whatever policies say of everybody: of every service.

use std::num::NonZeroU32;
use std::sync::Arc;

use serde_json::{Value, json as object};
use sluice_server::clock::{Clock, SetTime, SystemClock, VirtualClock};
use sluice_server::config::RequestRates;

use crate::client::{
    ACCOUNT, Credentials, Signing, call, call_signed, create_queue, done, policy, root, server,
    unsigned, user, verifying,
};
use crate::http_support::TestServer;

const HOUR_MS: u64 = 3_600_000;

/// One operation of each service that needs nothing to be there.
fn calls() -> [(&'static str, Value); 5] {
    [
        ("ListQueues", object!({})),
        ("ListUsers", object!({})),
        ("GetCallerIdentity", object!({})),
        ("ListKeys", object!({})),
        ("ListTrails", object!({})),
    ]
}

/// Whether a service speaks JSON only: denials have the status 400 there, and their code is the name of the exception.
fn is_json_only(operation: &str) -> bool {
    matches!(operation, "ListKeys" | "ListTrails")
}

#[test]
fn policies_for_everybody_open_neither_roles_nor_keys_to_strangers() {
    let (server, admin) = (server(), root(ACCOUNT));
    let all = object!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let bob = user(&server, &admin, "bob", &all);
    let everybody = |action: &str| {
        policy(&object!({ "Effect": "Allow", "Principal": "*", "Action": action, "Resource": "*" }))
    };
    let trust = policy(
        &object!({ "Effect": "Allow", "Principal": { "AWS": "*" }, "Action": "sts:AssumeRole" }),
    );
    let role = object!({ "RoleName": "open", "AssumeRolePolicyDocument": trust });
    done(&server, &admin, "CreateRole", &role);
    let open = object!({ "Policy": everybody("kms:*") });
    let open = done(&server, &admin, "CreateKey", &open).member("/KeyMetadata/KeyId");
    let granted = done(&server, &admin, "CreateKey", &object!({})).member("/KeyMetadata/KeyId");
    let grant = object!({
        "KeyId": granted, "GranteePrincipal": format!("arn:aws:iam::{ACCOUNT}:root"),
        "RetiringPrincipal": format!("arn:aws:iam::{ACCOUNT}:root"), "Operations": ["Encrypt", "Decrypt"],
    });
    let grant = done(&server, &admin, "CreateGrant", &grant).member("/GrantId");
    let assume = object!({
        "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/open"), "RoleSessionName": "night",
    });
    for (operation, input) in [
        ("AssumeRole", assume),
        ("Encrypt", object!({ "KeyId": open, "Plaintext": "aGVsbG8=" })),
        ("ScheduleKeyDeletion", object!({ "KeyId": open })),
        ("Encrypt", object!({ "KeyId": granted, "Plaintext": "aGVsbG8=" })),
        ("RetireGrant", object!({ "KeyId": granted, "GrantId": grant })),
    ] {
        let stranger = unsigned(&server, operation, &input);
        assert_eq!(stranger.code, "MissingAuthenticationToken", "{operation}: {}", stranger.text);
        // A root assumes no roles, and a grant names it.
        let caller = if operation == "AssumeRole" { &bob } else { &admin };
        done(&server, caller, operation, &input);
    }
    server.drain();
}

#[test]
fn every_service_refuses_what_is_wrongly_signed_and_says_why() {
    let (server, admin) = (server(), root(ACCOUNT));
    let right = Signing::by(&admin);
    let guessed = Credentials { secret: "x".repeat(40), ..admin.clone() };
    let unknown = Credentials { id: "AKIAXXXXXXXXXXXXXXXX".to_owned(), ..admin.clone() };
    let with_token = Credentials { token: Some("made up".to_owned()), ..admin.clone() };
    let mismatch = ("SignatureDoesNotMatch", "InvalidSignature");
    let nobody = ("InvalidClientTokenId", "UnrecognizedClient");
    for (operation, input) in calls() {
        assert_eq!(call_signed(&server, &right, operation, &input).status, 200, "{operation}");
        for (what, signing, (query_code, json_code)) in [
            ("another secret", Signing::by(&guessed), mismatch),
            ("an unknown key", Signing::by(&unknown), nobody),
            ("a made up token", Signing::by(&with_token), nobody),
            ("another region", Signing { region: "eu-west-1", ..right }, mismatch),
            ("another service", Signing { service: Some("s3"), ..right }, mismatch),
            ("too old", Signing { secs_ago: 16 * 60, ..right }, mismatch),
            ("not yet", Signing { secs_ago: -16 * 60, ..right }, mismatch),
            ("another body", Signing { appends: " ", ..right }, mismatch),
        ] {
            let refused = call_signed(&server, &signing, operation, &input);
            let is_json_only = is_json_only(operation);
            let code = if is_json_only { json_code } else { query_code };
            let status = if is_json_only { 400 } else { 403 };
            let found = (refused.status, refused.code.as_str());
            assert_eq!(found, (status, code), "{operation}, {what}: {}", refused.text);
        }
    }
    server.drain();
}

#[test]
fn signatures_go_by_the_clock_of_the_machine_and_sessions_by_that_of_the_server() {
    let clock = Arc::new(VirtualClock::frozen_at(SystemClock.now_ms()));
    let server = TestServer::start_with(|config| {
        verifying(config);
        config.virtual_clock = Some(Arc::clone(&clock));
    });
    let admin = root(ACCOUNT);
    let session = done(&server, &admin, "GetSessionToken", &object!({ "DurationSeconds": 900 }));
    let session = Credentials {
        id: session.element("AccessKeyId"),
        secret: session.element("SecretAccessKey"),
        token: Some(session.element("SessionToken")),
    };
    create_queue(&server, &session, "q");
    assert!(clock.set(SetTime::Forward(HOUR_MS), None));
    create_queue(&server, &admin, "q");
    let ended = call(&server, &session, "CreateQueue", &object!({ "QueueName": "q" }));
    assert_eq!((ended.status, ended.code.as_str()), (403, "ExpiredToken"));
    server.drain();
}

#[test]
fn who_asks_too_often_is_throttled_as_each_service_has_it() {
    let server = TestServer::start_with(|config| {
        verifying(config);
        config.request_rates =
            RequestRates { per_key: NonZeroU32::new(1), ..RequestRates::default() };
    });
    for (operation, input) in calls() {
        let refused = (0..1_000).map(|_| call(&server, &root(ACCOUNT), operation, &input));
        let refused = refused.into_iter().find(|outcome| outcome.status != 200);
        let refused = refused.expect("two within a second");
        let expected = match operation {
            "ListQueues" => (403, "RequestThrottled"),
            _ => (400, "Throttling"),
        };
        assert_eq!((refused.status, refused.code.as_str()), expected, "{operation}");
    }
    server.drain();
}
