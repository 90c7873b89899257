//! Starts the binary for tests, alone or with a server of its own.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

pub(crate) fn sluice(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sluice"));
    command.args(arguments);
    for (variable, _) in std::env::vars() {
        if variable.starts_with("SLUICE_") {
            command.env_remove(variable);
        }
    }
    command.env_remove("AWS_CA_BUNDLE");
    // Help is wrapped to the terminal's width; without a terminal the width is clap's own.
    command.env_remove("COLUMNS").env("NO_COLOR", "1").stdin(Stdio::null());
    command
}

pub(crate) fn run(arguments: &[&str]) -> Output {
    sluice(arguments).output().expect("the binary was built for this test")
}

pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub(crate) fn signal(child: &Child, name: &str) {
    let status = Command::new("kill").args([name, &child.id().to_string()]).status();
    assert!(status.expect("kill is part of every Unix").success());
}

/// Runs `test` against a `sluice dev` of its own, and checks that it ends in order and leaves nothing behind.
pub(crate) fn with_server(test: impl FnOnce(&str)) {
    with_server_flags(&[], test);
}

pub(crate) fn with_server_flags(flags: &[&str], test: impl FnOnce(&str)) {
    with_process(flags, |endpoint, _child| test(endpoint));
}

pub(crate) fn with_process(flags: &[&str], test: impl FnOnce(&str, &Child)) {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let port_file = directory.path().join("port");
    let mut child = sluice(&["dev", "--listen", "127.0.0.1:0", "--port-file"])
        .arg(&port_file)
        .args(flags)
        .env("TMPDIR", directory.path())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary was built for this test");
    let pipe = child.stderr.take().expect("stderr is piped");
    let mut lines = BufReader::new(pipe).lines().map_while(Result::ok);
    let ready = lines.find(|line| line.contains("ready"));
    assert!(ready.is_some(), "the server ended before it was ready");
    let address = std::fs::read_to_string(&port_file).expect("it is written before the banner");
    let endpoint = format!("http://{}", address.trim_end());
    let outcome =
        std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| test(&endpoint, &child)));
    signal(&child, "-TERM");
    let rest: Vec<String> = lines.collect();
    let status = child.wait().expect("the child was started here");
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
    assert_eq!(status.code(), Some(0), "{rest:?}");
    let left = std::fs::read_dir(directory.path()).expect("the directory exists").count();
    assert_eq!(left, 1, "only the port file is left");
}
