//! `sluice audit verify` over what a server recorded.

#![expect(clippy::expect_used, reason = "a test that cannot start the binary should stop there")]

mod process_under_test;

use process_under_test::{run, stderr, with_server_flags};

#[test]
fn an_audit_directory_is_verified_and_a_change_in_it_found() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let path = directory.path().join("audit");
    let audit = path.to_str().expect("temporary directories have plain names");
    let verify = |more: &[&str]| run(&[&["audit", "verify", audit], more].concat());
    with_server_flags(&["--audit-directory", audit], |endpoint| {
        let created = run(&["queues", "create", "orders", "--endpoint", endpoint]);
        assert_eq!(created.status.code(), Some(0), "{}", stderr(&created));
        let verified = verify(&[]);
        assert_eq!(verified.status.code(), Some(0), "in use: {}", stderr(&verified));
    });
    let verified = verify(&["--output", "json"]);
    assert_eq!(verified.status.code(), Some(0), "{}", stderr(&verified));
    let found: serde_json::Value = serde_json::from_slice(&verified.stdout).expect("this is JSON");
    assert_eq!((&found["records"], &found["files"]), (&1.into(), &1.into()));
    let digest = found["last_digest_hash"].as_str().expect("the file is finished").to_uppercase();
    assert_eq!(verify(&["--digest", &digest]).status.code(), Some(0));
    assert_eq!(verify(&["--digest", "0"]).status.code(), Some(5));

    let file = path.join("audit-0000000001.jsonl.gz");
    let mut changed = std::fs::read(&file).expect("it is there");
    changed[20] ^= 1;
    std::fs::write(&file, changed).expect("writable");
    let broken = verify(&[]);
    assert_eq!(broken.status.code(), Some(5));
    assert!(stderr(&broken).contains("audit-0000000001.jsonl.gz"), "{}", stderr(&broken));
}

#[test]
fn a_directory_without_audit_files_is_not_verified() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let path = directory.path().to_str().expect("temporary directories have plain names");
    let output = run(&["audit", "verify", path]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("has no audit files"), "{}", stderr(&output));
}
