//! The commands for users, access keys, groups, roles and policies, against a server of their own.

#![expect(clippy::expect_used, reason = "a test that cannot start the binary should stop there")]

mod process_under_test;

use std::path::PathBuf;
use std::process::Output;

use process_under_test::{run, sluice, stderr, with_server};
use serde_json::{Value, json};
use tempfile::TempDir;

const ACCOUNT: &str = "000000000000";

/// Runs a command that has to succeed; returns what it prints.
fn done(endpoint: &str, arguments: &[&str]) -> String {
    let output = run(&[arguments, &["--endpoint", endpoint]].concat());
    assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).expect("text")
}

/// The same as JSON.
fn json_of(endpoint: &str, arguments: &[&str]) -> Value {
    let text = done(endpoint, &[arguments, &["--output", "json"]].concat());
    serde_json::from_str(&text).expect("this is JSON")
}

fn refused(endpoint: &str, arguments: &[&str]) -> Output {
    let output = run(&[arguments, &["--endpoint", endpoint]].concat());
    assert_eq!(output.status.code(), Some(1), "{arguments:?}: {}", stderr(&output));
    output
}

/// A file with a policy.
fn policy_file(statement: &Value) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let path = directory.path().join("policy.json");
    let policy = json!({ "Version": "2012-10-17", "Statement": statement });
    std::fs::write(&path, policy.to_string()).expect("the directory exists");
    (directory, path)
}

#[test]
fn users_have_access_keys_and_are_in_groups() {
    with_server(|endpoint| {
        let arn = format!("arn:aws:iam::{ACCOUNT}:user/team/ann");
        let created = done(endpoint, &["users", "create", "ann", "--path", "/team/"]);
        assert_eq!(created, format!("{arn}\n"));
        let listed = done(endpoint, &["users", "list", "--prefix", "/team/"]);
        assert!(listed.starts_with(&format!("ann  {arn}  ")), "{listed}");
        assert_eq!(done(endpoint, &["users", "list", "--prefix", "/other/"]), "");
        assert_eq!(json_of(endpoint, &["users", "list"])["Users"][0]["Arn"], arn);
        let none = json_of(endpoint, &["groups", "list"]);
        assert_eq!(none, json!({ "Groups": [] }));

        let key = json_of(endpoint, &["access-keys", "create", "ann"]);
        let id = key["AccessKeyId"].as_str().expect("an id");
        assert!(!key["SecretAccessKey"].as_str().unwrap_or_default().is_empty(), "{key}");
        for (command, status) in [("disable", "Inactive"), ("enable", "Active")] {
            done(endpoint, &["access-keys", command, "ann", id]);
            let listed = done(endpoint, &["access-keys", "list", "ann"]);
            assert!(listed.starts_with(&format!("{id}  {status}  ")), "{listed}");
        }

        done(endpoint, &["groups", "create", "workers"]);
        done(endpoint, &["groups", "add", "workers", "ann"]);
        let kept = refused(endpoint, &["users", "delete", "ann", "--yes"]);
        assert!(stderr(&kept).starts_with("sluice: DeleteConflict: "), "{}", stderr(&kept));
        done(endpoint, &["groups", "remove", "workers", "ann"]);
        done(endpoint, &["access-keys", "delete", "ann", id, "--yes"]);
        done(endpoint, &["users", "delete", "ann", "--yes"]);
        done(endpoint, &["groups", "delete", "workers", "--yes"]);
        let gone = refused(endpoint, &["access-keys", "list", "ann"]);
        let text = "sluice: NoSuchEntity: The user with name ann cannot be found.\n";
        assert_eq!(stderr(&gone), text);
    });
}

#[test]
fn policies_are_attached_shown_and_simulated() {
    with_server(|endpoint| {
        let statement = json!({ "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*" });
        let (_directory, path) = policy_file(&statement);
        let file = path.to_str().expect("a plain name");
        done(endpoint, &["users", "create", "ann"]);
        let arn = format!("arn:aws:iam::{ACCOUNT}:policy/send");
        let create = ["policies", "create", "send", "--document", file];
        assert_eq!(done(endpoint, &create), format!("{arn}\n"));
        let shown: Value = serde_json::from_str(&done(endpoint, &["policies", "show", "send"]))
            .expect("a document");
        assert_eq!(shown["Statement"], statement);

        let simulate =
            ["policies", "simulate", "--user", "ann", "sqs:SendMessage", "sqs:DeleteQueue"];
        let decisions = || {
            let results = json_of(endpoint, &simulate)["EvaluationResults"].take();
            let decision = |result: &Value| result["EvalDecision"].as_str().map(str::to_owned);
            results.as_array().into_iter().flatten().filter_map(decision).collect::<Vec<_>>()
        };
        assert_eq!(decisions(), ["implicitDeny", "implicitDeny"]);
        done(endpoint, &["policies", "attach", "send", "--user", "ann"]);
        assert_eq!(decisions(), ["allowed", "implicitDeny"]);
        let listed = done(endpoint, &["policies", "list"]);
        assert_eq!(listed, format!("send  {arn}  1\n"));
        let of_aws = done(endpoint, &["policies", "list", "--scope", "aws"]);
        assert!(of_aws.contains("arn:aws:iam::aws:policy/AmazonSQSFullAccess"), "{of_aws}");

        refused(endpoint, &["policies", "delete", &arn, "--yes"]);
        done(endpoint, &["policies", "detach", &arn, "--user", "ann"]);
        done(endpoint, &["policies", "delete", &arn, "--yes"]);
        let unknown = refused(endpoint, &["policies", "show", "send"]);
        assert_eq!(stderr(&unknown), "sluice: there is no policy with the name send\n");
    });
}

#[test]
fn roles_are_assumed() {
    with_server(|endpoint| {
        let principal = json!({ "AWS": format!("arn:aws:iam::{ACCOUNT}:root") });
        let statement =
            json!({ "Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole" });
        let (_directory, path) = policy_file(&statement);
        let trust = path.to_str().expect("a plain name");
        let arn = format!("arn:aws:iam::{ACCOUNT}:role/deploy");
        let created = done(endpoint, &["roles", "create", "deploy", "--trust", trust]);
        assert_eq!(created, format!("{arn}\n"));
        assert_eq!(json_of(endpoint, &["roles", "list"])["Roles"][0]["Arn"], arn);

        let exported = done(endpoint, &["roles", "assume", "deploy", "--session-name", "night"]);
        let variables: Vec<(&str, &str)> = exported
            .lines()
            .filter_map(|line| line.strip_prefix("export ")?.split_once('='))
            .map(|(name, value)| (name, value.trim_matches('\'')))
            .collect();
        let output = sluice(&["whoami", "--endpoint", endpoint, "--output", "json"])
            .envs(variables)
            .output()
            .expect("the binary was built for this test");
        let who: Value = serde_json::from_slice(&output.stdout).expect("this is JSON");
        assert_eq!(who["Arn"], format!("arn:aws:sts::{ACCOUNT}:assumed-role/deploy/night"));
        done(endpoint, &["roles", "delete", "deploy", "--yes"]);
    });
}

#[test]
fn without_credentials_one_is_a_user_of_a_server_for_tests() {
    with_server(|endpoint| {
        let text = done(endpoint, &["whoami"]);
        assert!(text.contains(&format!("Arn      arn:aws:iam::{ACCOUNT}:user/sluice\n")), "{text}");
    });
}

#[test]
fn what_a_command_needs_is_asked_for() {
    for arguments in [
        &["users", "delete", "ann"][..],
        &["access-keys", "delete", "ann", "AKIA"],
        &["policies", "attach", "send"],
        &["policies", "attach", "send", "--user", "ann", "--role", "deploy"],
        &["policies", "create", "send", "--document", "/nonexistent.json"],
        &["roles", "create", "deploy"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
    }
}
