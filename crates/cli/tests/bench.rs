//! `sluice bench` as a user runs it: against a server, and against an endpoint that only answers errors.

#![expect(
    clippy::expect_used,
    clippy::panic,
    reason = "a test that cannot start the binary should stop there"
)]

mod process_under_test;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;

use serde_json::Value;

use process_under_test::{run, stderr, with_server};

/// Half a second on four connections, unless the flags say otherwise.
fn bench(endpoint: &str, flags: &[&str]) -> (Option<i32>, Value) {
    let mut all = vec!["bench", "run", "--output", "json", "--endpoint", endpoint];
    all.extend(flags);
    for (flag, value) in [("--warm-up", "100ms"), ("--duration", "500ms"), ("--connections", "4")] {
        if !flags.contains(&flag) {
            all.extend([flag, value]);
        }
    }
    let output = run(&all);
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{flags:?}: {error}: {}", stderr(&output));
    });
    (output.status.code(), report)
}

fn total(report: &Value, name: &str) -> u64 {
    report["summary"]["totals"][name].as_u64().expect("every report has totals")
}

#[test]
fn every_scenario_loses_nothing() {
    with_server(|endpoint| {
        for flags in [
            &["--scenario", "cycle"][..],
            &["--scenario", "cycle", "--batch", "10", "--threads", "2"],
            &["--scenario", "cycle", "--batch", "10", "--fifo", "--groups", "100"],
            &["--scenario", "cycle", "--rate", "200", "--queues", "20", "--active", "5"],
            &["--scenario", "flow", "--rate", "200", "--consumers", "8", "--idle-pollers", "3"],
        ] {
            let (code, report) = bench(endpoint, flags);
            assert_eq!(code, Some(0), "{flags:?}: {report:#}");
            let sent = total(&report, "sent");
            assert!(sent > 0, "{flags:?}: {report:#}");
            assert_eq!(total(&report, "received"), sent, "{flags:?}: {report:#}");
            assert_eq!(total(&report, "deleted"), sent, "{flags:?}: {report:#}");
            assert_eq!(total(&report, "failed"), 0, "{flags:?}: {report:#}");
            let delivery = &report["summary"]["operations"]["delivery"]["latency_ms"]["count"];
            assert!(delivery.as_u64() > Some(0), "{flags:?}: {report:#}");
        }
        let left = run(&["queues", "list", "--endpoint", endpoint]);
        assert_eq!(String::from_utf8_lossy(&left.stdout), "", "queues of a run are deleted");
    });
}

#[test]
fn a_backlog_is_received_once_and_the_run_ends_with_it() {
    with_server(|endpoint| {
        // What the warm-up received would not be measured.
        let receive = ["--scenario", "receive", "--warm-up", "0s", "--backlog"];
        let flags = ["300", "--batch", "10", "--duration", "60s"];
        let (code, report) = bench(endpoint, &[&receive[..], &flags].concat());
        assert_eq!(code, Some(0), "{report:#}");
        assert_eq!((total(&report, "received"), total(&report, "deleted")), (300, 300));

        let flags = ["--scenario", "cycle", "--backlog", "50", "--batch", "10"];
        let (code, report) = bench(endpoint, &[&flags[..], &["--repetitions", "2"]].concat());
        assert_eq!(code, Some(0), "{report:#}");
        let most = 50 + total(&report, "sent");
        assert!((1..=most).contains(&total(&report, "received")), "{report:#}");
        assert_eq!(total(&report, "deleted"), total(&report, "received"), "{report:#}");

        let flags = ["20", "--never-delete", "--repetitions", "2"];
        let (code, report) = bench(endpoint, &[&receive[..], &flags].concat());
        assert_eq!(code, Some(0), "{report:#}");
        assert_eq!((total(&report, "received"), total(&report, "deleted")), (20, 0));
    });
}

#[test]
fn repetitions_and_sends_are_reported() {
    with_server(|endpoint| {
        let pid = std::process::id().to_string();
        let flags = ["--scenario", "send", "--repetitions", "2", "--delay", "1", "--size", "100"];
        let (code, report) =
            bench(endpoint, &[&flags[..], &["--server-pid", &pid, "--queue", "kept"]].concat());
        assert_eq!(code, Some(0), "{report:#}");
        assert_eq!(report["repetitions"].as_array().map(Vec::len), Some(2));
        assert!(report["summary"]["messages_per_s"]["median"].as_f64() > Some(0.0), "{report:#}");
        assert!(report["summary"]["server"]["resident_mb"]["max"].as_f64() > Some(0.0));
        assert_eq!((total(&report, "received"), total(&report, "failed")), (0, 0));
    });
}

#[test]
fn queues_have_the_attributes_that_were_asked_for() {
    with_server(|endpoint| {
        let size = ["--queue-attribute", "MaximumMessageSize=2047", "--keep"];
        let wait = ["--queue-attribute", "ReceiveMessageWaitTimeSeconds=17"];
        let (code, report) =
            bench(endpoint, &[&size[..], &wait, &["--queue", "attributes"]].concat());
        assert_eq!(code, Some(0), "{report:#}");
        let described = run(&["queues", "describe", "attributes", "--endpoint", endpoint]);
        let described = String::from_utf8_lossy(&described.stdout);
        for (name, value) in
            [("MaximumMessageSize", " 2047"), ("ReceiveMessageWaitTimeSeconds", " 17")]
        {
            let mut lines = described.lines();
            let is_so = lines.any(|line| line.starts_with(name) && line.ends_with(value));
            assert!(is_so, "{name}: {described}");
        }
    });
}

#[test]
fn an_endpoint_that_only_answers_errors_is_no_throughput() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
    let address = listener.local_addr().expect("it is bound");
    let server = std::thread::Builder::new().name("errors".to_owned());
    server.spawn(move || accept(&listener, address)).expect("a thread can be started");
    for (flags, failure) in [
        (&["--scenario", "send"][..], "503 ServiceUnavailable"),
        (&["--scenario", "send", "--batch", "2"], "send: Throttled"),
        (&["--scenario", "cycle"], "503 ServiceUnavailable"),
    ] {
        let (code, report) = bench(&format!("http://{address}"), flags);
        assert_eq!(code, Some(1), "{flags:?}: {report:#}");
        assert_eq!(report["summary"]["messages_per_s"]["max"], 0.0, "{flags:?}: {report:#}");
        assert_eq!(total(&report, "requests"), 0, "{flags:?}: {report:#}");
        let failures = &report["summary"]["failures"];
        assert!(failures[failure].as_u64() > Some(0), "{flags:?}: {report:#}");
    }
}

#[test]
fn options_that_do_not_go_together_are_wrong_usage() {
    let output = run(&["bench", "run", "--scenario", "receive"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("--backlog"), "{}", stderr(&output));
}

#[test]
fn the_bare_loop_reports_every_number_of_writers() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let path = directory.path().display().to_string();
    let flags = ["--duration", "50ms", "--writers", "1,4", "--output", "json"];
    let output = run(&[&["bench", "floor", "sync", "--directory", &path][..], &flags].concat());
    assert_eq!(output.status.code(), Some(0), "{}", stderr(&output));
    let floor: Value = serde_json::from_slice(&output.stdout).expect("this is JSON");
    let rows = floor["rows"].as_array().expect("it has rows");
    assert_eq!(
        rows.iter().map(|row| row["writers"].as_u64()).collect::<Vec<_>>(),
        [Some(1), Some(4)]
    );
}

/// A short measurement in `data`: how it ended, and its report.
fn engine_floor(data: &Path, flags: &[&str]) -> (Option<i32>, Value) {
    let short = ["--warm-up", "50ms", "--duration", "200ms", "--tasks", "4", "--output", "json"];
    let start = ["bench", "floor", "engine", "--data", path_text(data)];
    let output = run(&[&start[..], &short, flags].concat());
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{flags:?}: {error}: {}", stderr(&output));
    });
    (output.status.code(), report)
}

fn path_text(path: &Path) -> &str {
    path.to_str().expect("temporary directories have plain names")
}

/// Bodies in a data directory, by name of the queue.
fn stored_bodies(data: &Path) -> Vec<(String, u64)> {
    let output = run(&["store", "stats", "--data", path_text(data), "--output", "json"]);
    let stats: Value = serde_json::from_slice(&output.stdout).expect("this is JSON");
    let queues = stats["queues"].as_array().expect("there are queues");
    let bodies = queues.iter().map(|queue| {
        let name = queue["queue"].as_str().and_then(|arn| arn.rsplit(':').next());
        (name.unwrap_or("deleted").to_owned(), queue["tables"]["body"]["rows"].as_u64())
    });
    bodies.map(|(name, rows)| (name, rows.unwrap_or(0))).collect()
}

#[test]
fn the_engine_in_process_stores_what_it_counts() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let data = directory.path().join("data");
    let (code, report) =
        engine_floor(&data, &["--batch", "10", "--size", "100", "--repetitions", "2", "--keep"]);
    assert_eq!((code, total(&report, "failed")), (Some(0), 0), "{report:#}");
    let sent = |index: usize| report["repetitions"][index]["totals"]["sent"].as_u64();
    let stored = stored_bodies(&data);
    let counted = ["sluice-bench-1", "sluice-bench-2"].map(str::to_owned);
    assert!(sent(0) > Some(0) && sent(1) > Some(0), "{report:#}");
    assert_eq!(
        stored,
        counted
            .into_iter()
            .zip([sent(0), sent(1)].map(Option::unwrap_or_default))
            .collect::<Vec<_>>()
    );
    let checked = run(&["store", "check", "--data", path_text(&data)]);
    assert_eq!(checked.status.code(), Some(0), "{}", stderr(&checked));
}

#[test]
fn the_engine_in_process_loses_nothing_and_leaves_nothing() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    // One that is there already, but empty, is as good as none.
    for flags in [&["--batch", "10"][..], &["--batch", "10", "--fifo", "--groups", "100"]] {
        let (code, report) =
            engine_floor(directory.path(), &[&["--scenario", "cycle"], flags].concat());
        assert_eq!((code, total(&report, "failed")), (Some(0), 0), "{flags:?}: {report:#}");
        let sent = total(&report, "sent");
        assert!(sent > 0, "{flags:?}: {report:#}");
        assert_eq!((total(&report, "received"), total(&report, "deleted")), (sent, sent));
        for operation in ["send", "receive", "delete", "cycle", "delivery"] {
            let latency = &report["summary"]["operations"][operation]["latency_ms"]["p99"];
            assert!(latency.as_f64() > Some(0.0), "{flags:?}: {operation}: {report:#}");
        }
        assert!(!directory.path().exists(), "the data directory is removed");
    }
}

#[test]
fn the_engine_in_process_is_measured_in_a_directory_of_its_own() {
    let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
    let file = directory.path().join("precious");
    std::fs::write(&file, "data").expect("the directory is there");
    for (flags, named) in
        [(&[][..], "--data"), (&["--batch", "11"], "--batch"), (&["--tasks", "0"], "--tasks")]
    {
        let start = ["bench", "floor", "engine", "--data", path_text(directory.path())];
        let output = run(&[&start[..], flags].concat());
        assert_eq!(output.status.code(), Some(2), "{flags:?}");
        assert!(stderr(&output).contains(named), "{flags:?}: {}", stderr(&output));
        assert!(file.exists(), "nothing is removed that was there before");
    }
}

/// Accepts as long as the test runs; a thread for each connection.
fn accept(listener: &TcpListener, address: SocketAddr) {
    for stream in listener.incoming().map_while(Result::ok) {
        let thread = std::thread::Builder::new();
        let _serves = thread.spawn(move || answer_errors(stream, address));
    }
}

/// Control calls work; what carries load is refused, or fails entry by entry.
fn answer_errors(stream: TcpStream, address: SocketAddr) -> Option<()> {
    let mut writer = stream.try_clone().ok()?;
    let mut reader = BufReader::new(stream);
    loop {
        let (mut target, mut length) = (String::new(), 0);
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|bytes| *bytes > 0)?;
            let line = line.trim_end().to_ascii_lowercase();
            match line.split_once(": ") {
                Some(("x-amz-target", value)) => target = value.to_owned(),
                Some(("content-length", value)) => length = value.parse().ok()?,
                Some(_) => {}
                None if line.is_empty() => break,
                None => {}
            }
        }
        reader.read_exact(&mut vec![0; length]).ok()?;
        let failed = |id: u8| format!(r#"{{"Id":"{id}","Code":"Throttled","SenderFault":false}}"#);
        let (status, body) = match target.as_str() {
            "amazonsqs.createqueue" => {
                ("200 OK", format!(r#"{{"QueueUrl":"http://{address}/0/q"}}"#))
            }
            "amazonsqs.deletequeue" => ("200 OK", "{}".to_owned()),
            "amazonsqs.sendmessagebatch" => {
                ("200 OK", format!(r#"{{"Successful":[],"Failed":[{},{}]}}"#, failed(0), failed(1)))
            }
            _load => ("503 Slow Down", r#"{"__type":"a.b#ServiceUnavailable"}"#.to_owned()),
        };
        let length = body.len();
        write!(writer, "HTTP/1.1 {status}\r\nContent-Length: {length}\r\n\r\n{body}").ok()?;
    }
}
