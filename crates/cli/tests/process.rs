//! The real binary, started as a user would: help, wrong usage, start and stop.

#![expect(clippy::expect_used, reason = "a test that cannot start the binary should stop there")]

mod process_under_test;

use std::net::TcpListener;
use std::path::Path;

use process_under_test::{run, sluice, stderr, with_server, with_server_flags};

#[test]
fn help_reads_as_agreed() {
    let output = run(&["--help"]);
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/help.txt");
    let help = String::from_utf8_lossy(&output.stdout).into_owned();
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(&golden, &help).expect("the directory is part of the repository");
    }
    let expected = std::fs::read_to_string(&golden).expect("the file is part of the repository");
    assert_eq!(help, expected, "UPDATE_GOLDEN=1 cargo test accepts the new text");
}

#[test]
fn a_wrong_flag_is_named_with_a_suggestion() {
    let output = run(&["serve", "--lisen", "127.0.0.1:0"]);
    assert_eq!(output.status.code(), Some(2));
    let text = stderr(&output);
    assert!(text.contains("--lisen") && text.contains("--listen"), "{text}");
}

#[test]
fn a_wrong_file_is_named_with_line_key_and_suggestion() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let path = directory.path().join("sluice.toml");
    std::fs::write(&path, "region = \"eu-central-1\"\nshard = 2\n").expect("the directory exists");
    let path = path.display().to_string();
    for command in [&["serve"][..], &["dev"], &["config", "check"]] {
        let output = run(&[command, &["--config", &path]].concat());
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        assert_eq!(
            stderr(&output),
            format!("sluice: {path}:2: unknown key `shard`, did you mean `shards`?\n")
        );
    }
}

#[test]
fn a_missing_file_is_wrong_usage() {
    let output = run(&["serve", "--config", "/nonexistent/sluice.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("/nonexistent/sluice.toml"));
}

#[test]
fn config_check_shows_value_and_source() {
    let output = run(&["config", "check", "--shards", "7", "--output", "json"]);
    assert_eq!(output.status.code(), Some(0));
    let rows: serde_json::Value = serde_json::from_slice(&output.stdout).expect("this is JSON");
    let shards = rows.as_array().into_iter().flatten().find(|row| row["key"] == "shards");
    let shards = shards.expect("every key has a row");
    assert_eq!((&shards["value"], &shards["source"]), (&"7".into(), &"flag --shards".into()));
}

#[test]
fn an_address_in_use_keeps_the_server_from_starting() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = taken.local_addr().expect("it is bound").to_string();
    let output = run(&["dev", "--listen", &address]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
    assert!(stderr(&output).contains(&address), "{}", stderr(&output));
}

#[test]
fn nothing_listening_is_an_exit_code_of_its_own() {
    let free = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let endpoint = format!("http://{}", free.local_addr().expect("it is bound"));
    drop(free);
    let output = run(&["queues", "list", "--endpoint", &endpoint]);
    assert_eq!(output.status.code(), Some(3), "{}", stderr(&output));
}

#[test]
fn purge_without_a_terminal_needs_yes() {
    with_server(|endpoint| {
        let create = run(&["queues", "create", "orders", "--endpoint", endpoint]);
        assert_eq!(create.status.code(), Some(0), "{}", stderr(&create));
        let refused = run(&["queues", "purge", "orders", "--endpoint", endpoint]);
        assert_eq!(refused.status.code(), Some(2));
        assert!(stderr(&refused).contains("--yes"), "{}", stderr(&refused));
        let purged = run(&["queues", "purge", "orders", "--yes", "--endpoint", endpoint]);
        assert_eq!(purged.status.code(), Some(0), "{}", stderr(&purged));
    });
}

#[test]
fn a_message_goes_in_and_comes_out() {
    with_server(|endpoint| {
        let call = |arguments: &[&str]| {
            let output = run(&[arguments, &["--endpoint", endpoint]].concat());
            assert_eq!(output.status.code(), Some(0), "{arguments:?}: {}", stderr(&output));
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        let url = call(&["queues", "create", "orders", "--attribute", "VisibilityTimeout=60"]);
        assert!(url.ends_with("/orders\n"), "{url}");
        assert_eq!(call(&["queues", "list"]), url);
        assert!(call(&["queues", "describe", "orders"]).contains("VisibilityTimeout"));
        call(&["messages", "send", "orders", "grüße", "--attribute", "kind=String:hello"]);
        assert!(call(&["messages", "peek", "orders"]).contains("grüße"));
        let received = call(&["messages", "receive", "orders", "--wait", "5", "--output", "json"]);
        let received: serde_json::Value = serde_json::from_str(&received).expect("this is JSON");
        let message = &received["Messages"][0];
        assert_eq!(message["Body"], "grüße");
        assert_eq!(message["MessageAttributes"]["kind"]["StringValue"], "hello");
        let handle = message["ReceiptHandle"].as_str().expect("every message has a handle");
        call(&["messages", "delete", "orders", handle]);
        call(&["queues", "delete", "orders", "--yes"]);
        let gone = run(&["queues", "describe", "orders", "--endpoint", endpoint]);
        assert_eq!(gone.status.code(), Some(1));
        assert!(stderr(&gone).starts_with("sluice: QueueDoesNotExist: "), "{}", stderr(&gone));
    });
}

/// Files that declare queues, in every format that is understood.
fn queue_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/queue_files").join(name);
    path.display().to_string()
}

#[test]
fn queues_are_declared_in_every_format() {
    for (file, account, region) in [
        ("queues.yaml", "000000000000", "us-east-1"),
        ("queues.toml", "000000000000", "us-east-1"),
        ("elasticmq.conf", "000000000000", "us-west-2"),
        ("goaws.yaml", "100010001000", "eu-west-1"),
    ] {
        let path = queue_file(file);
        let flags = ["--queues", &path, "--account", account, "--region", region];
        with_server_flags(&flags, |endpoint| {
            let described = sluice(&["queues", "describe", "orders", "--endpoint", endpoint])
                .envs([("AWS_ACCESS_KEY_ID", account), ("SLUICE_REGION", region)])
                .output()
                .expect("the binary was built for this test");
            let text = String::from_utf8_lossy(&described.stdout).into_owned();
            assert_eq!(described.status.code(), Some(0), "{file}: {}", stderr(&described));
            let target = format!("arn:aws:sqs:{region}:{account}:orders-d");
            assert!(text.contains(&target), "{file}: {text}");
        });
    }
}

#[test]
fn a_server_with_a_wrong_queue_file_does_not_start() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let path = directory.path().join("queues.yaml");
    let queue = "queues:\n  - name: orders\n    attributes: { DelaySeconds: 901 }\n";
    std::fs::write(&path, queue).expect("the directory exists");
    let path = path.display().to_string();
    let output = run(&["dev", "--listen", "127.0.0.1:0", "--queues", &path]);
    assert_eq!(output.status.code(), Some(2), "{}", stderr(&output));
    let expected = format!(
        "sluice: {path}:2: queue `orders`: DelaySeconds: found `901`, wants a number from 0 to 900\n"
    );
    assert!(stderr(&output).ends_with(&expected), "{}", stderr(&output));

    std::fs::write(&path, "queue: []\n").expect("the directory exists");
    for command in [&["dev", "--listen", "127.0.0.1:0"][..], &["config", "check", "--dev"]] {
        let output = run(&[command, &["--queues", &path]].concat());
        assert_eq!(output.status.code(), Some(2), "{command:?}");
        let expected = format!("sluice: {path}:1: unknown key `queue`, did you mean `queues`?\n");
        assert_eq!(stderr(&output), expected);
    }
}

#[test]
fn what_a_foreign_file_says_in_vain_is_told() {
    let output = run(&["config", "check", "--dev", "--queues", &queue_file("goaws.yaml")]);
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    assert!(stderr(&output).contains("Topics are ignored"), "{}", stderr(&output));
}
