//! A data directory that an earlier version wrote is kept in the repository: this version reads it and serves what is in it.
//!
//! `SLUICE_KEEP_DATA=1 cargo test --release -p sluice-server --test kept_data` writes the one of this version anew. That
//! is for a version that was not released yet; one that was released stays as it is, and a new format gets a new name.
#![allow(clippy::unwrap_used, reason = "a test may fail by panicking")]

mod broker_support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use broker_support::every_table::{
    DELAY_SECS, HANDLE_TAG, HIDDEN_SECS, MESSAGES, TO_MOVE, attributes, fill, open, receive, start,
    text,
};
use broker_support::{Virtual, clock, in_group, key};
use sluice_server::broker::{Broker, Counters, DeleteOutcome, MoveStatus, Queue};
use sluice_server::offline;
use tempfile::TempDir;

fn kept() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/kept/v1")
}

/// Writes the directory anew: as a backup of one that was not in use.
async fn keep(target: &Path) {
    let dir = tempfile::tempdir().unwrap();
    fill(dir.path()).await;
    if target.exists() {
        std::fs::remove_dir_all(target).unwrap();
    }
    std::fs::create_dir_all(target.parent().unwrap()).unwrap();
    offline::back_up(dir.path(), target).unwrap();
}

fn restored() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    offline::restore(&kept(), dir.path()).unwrap();
    dir
}

async fn counters(broker: &Broker, name: &str) -> Counters {
    broker.counters(&broker.queue(&key(name)).unwrap()).await.unwrap()
}

fn advance(clock: &Virtual, secs: u32) {
    clock.0.fetch_add(u64::from(secs) * 1_000, Ordering::AcqRel);
}

/// Takes everything out of a queue, as it comes.
async fn drain(broker: &Broker, queue: &Queue) -> Vec<String> {
    let mut bodies = Vec::new();
    loop {
        let received = receive(broker, queue, 10, HIDDEN_SECS).await;
        if received.is_empty() {
            return bodies;
        }
        for received in received {
            assert_eq!(received.message.attributes, attributes());
            let receipt = broker.parse_receipt(queue, &received.receipt_handle).unwrap();
            broker.delete(queue, vec![receipt]).await.unwrap();
            bodies.push(received.message.body);
        }
    }
}

#[tokio::test]
async fn a_kept_data_directory_is_read_and_served() {
    if std::env::var_os("SLUICE_KEEP_DATA").is_some() {
        keep(&kept()).await;
    }
    let dir = restored();
    let mut findings = Vec::new();
    let checked = offline::check(dir.path(), &mut |finding| findings.push(finding)).unwrap();
    assert_eq!((findings, checked.damages, checked.queues), (Vec::new(), 0, 7));

    let (clock, store) = (clock(), open(dir.path(), 0));
    let broker = start(&store, &clock).await;
    let found = counters(&broker, "plain").await;
    assert_eq!((found.visible, found.in_flight, found.delayed), (2, 2, 4));
    for name in ["fair", "jobs.fifo"] {
        let found = counters(&broker, name).await;
        assert_eq!((found.visible, found.in_flight), (5, 3), "{name}");
    }

    // The receipt handle that the earlier version gave out, and its deduplication.
    let plain = broker.queue(&key("plain")).unwrap();
    let receipt = broker.parse_receipt(&plain, &plain.tags[HANDLE_TAG]).unwrap();
    assert_eq!(broker.delete(&plain, vec![receipt]).await.unwrap(), [DeleteOutcome::Deleted]);
    let fifo = broker.queue(&key("jobs.fifo")).unwrap();
    broker.send(&fifo, vec![in_group("group 0", &text(0))]).await.unwrap();
    let found = counters(&broker, "jobs.fifo").await;
    assert_eq!(found.visible + found.in_flight, MESSAGES as u64, "it was a duplicate");

    ended(&broker).await;
    advance(&clock, HIDDEN_SECS.max(DELAY_SECS) + 1);
    let mut bodies = BTreeMap::new();
    for name in ["plain", "fair", "jobs.fifo", "failing", "dead", "moved", "to-move"] {
        bodies.insert(name, drain(&broker, &broker.queue(&key(name)).unwrap()).await);
    }
    let sorted = |names: &[&str]| {
        let mut all: Vec<_> = names.iter().flat_map(|name| bodies[name].clone()).collect();
        all.sort();
        all
    };
    let sent = |count: usize| (0..count).map(text).collect::<Vec<_>>();
    assert_eq!(sorted(&["plain"]).len(), MESSAGES - 1);
    assert_eq!(sorted(&["fair"]), sent(MESSAGES));
    assert_eq!(sorted(&["failing", "dead"]), sent(MESSAGES));
    assert!(
        bodies["dead"].len() > 3,
        "those that were on their way have arrived: {:?}",
        bodies["dead"]
    );
    assert_eq!((sorted(&["moved"]), sorted(&["to-move"])), (sent(TO_MOVE), Vec::new()));
    for group in 0..3 {
        let of_group = |body: &&String| {
            (0..MESSAGES).any(|number| number % 3 == group && text(number) == **body)
        };
        let found: Vec<&String> = bodies["jobs.fifo"].iter().filter(of_group).collect();
        assert!(found.is_sorted() && !found.is_empty(), "{found:?} keep their order");
    }
    assert_eq!(bodies["jobs.fifo"].len(), MESSAGES);
    broker.shutdown().await;
    store.close().unwrap();
}

/// Waits for the move task that the earlier version began, however long that takes.
async fn ended(broker: &Broker) {
    loop {
        let tasks = broker.moves(&key("to-move")).await.unwrap();
        assert_eq!(tasks.len(), 1);
        if !tasks[0].is_active() {
            assert_eq!((tasks[0].status, tasks[0].moved), (MoveStatus::Completed, TO_MOVE as u64));
            return;
        }
        tokio::task::yield_now().await;
    }
}
