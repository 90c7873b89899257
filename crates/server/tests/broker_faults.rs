//! The broker over a store with injected faults: what is acknowledged is durable, and a fault is final.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]
#![allow(clippy::disallowed_methods, reason = "the clients of a test are tasks of the test")]

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sluice_server::broker::{
    Broker, BrokerError, Counters, Entry, Queue, QueueChange, QueueKind, ReceiptError,
    ReceiveOptions, Received,
};
use sluice_server::clock::{Clock, instant};
use sluice_server::config::Config;
use sluice_server::services::sqs::declared_queues::DeclaredQueue;
use sluice_server::{Drained, Server};
use sluice_store::{CrashTail, Faults, MemoryStore, Store};
use uuid::Uuid;

mod broker_support;
use broker_support::{
    bodies, clock, create, delete_queue, in_group, is_pending, key, new_queue, outgoing, receive,
    receive_waiting, start,
};

#[tokio::test]
async fn no_reply_precedes_durability() {
    let store = Arc::new(MemoryStore::new());
    let broker = start(&store, &clock()).await;
    let queue = create(&broker, "q").await;
    store.faults().hold_syncs();
    {
        let mut send = pin!(broker.send(&queue, vec![outgoing("a")]));
        for _ in 0..100 {
            assert!(is_pending(send.as_mut()), "the send was acknowledged before it was durable");
            tokio::task::yield_now().await;
        }
        store.faults().release_syncs();
        assert_eq!(send.await.unwrap().len(), 1);
    }
    assert_eq!(bodies(&receive(&broker, &queue, 10).await), ["a"]);
}

/// On the one thread of this test nothing would go on if a commit held it.
#[tokio::test]
async fn a_change_of_queues_that_waits_for_the_disk_holds_up_no_other_task() {
    let store = Arc::new(MemoryStore::new());
    let broker = start(&store, &clock()).await;
    store.faults().hold_writes();
    let (alive, heard) = std::sync::mpsc::sync_channel(1);
    let faults = store.faults();
    let watch = std::thread::spawn(move || {
        let heard = heard.recv_timeout(Duration::from_secs(60));
        faults.release_writes();
        heard
    });
    let mut change = pin!(create(&broker, "q"));
    for _ in 0..100 {
        assert!(is_pending(change.as_mut()), "the change is not durable");
        tokio::task::yield_now().await;
    }
    alive.try_send(()).unwrap();
    assert_eq!(change.await.key.name, "q");
    assert!(watch.join().unwrap().is_ok(), "the change held the thread");
    broker.shutdown().await;
}

/// Waits for what comes by itself.
async fn until(mut is_so: impl FnMut() -> bool) {
    while !is_so() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_shard_or_a_catalog_that_waits_for_the_disk_is_stalled_until_it_goes_on() {
    let store = Arc::new(MemoryStore::new());
    let broker = start(&store, &clock()).await;
    let queue = create(&broker, "q").await;
    let later = || broker.stall(instant() + Duration::from_hours(1)).map(|stall| stall.who);
    let shard = format!("shard {}", queue.partitions[0].shard);
    until(|| later().is_none()).await;
    for hold in [Faults::hold_syncs, Faults::hold_writes] {
        for is_send in [true, false] {
            hold(&store.faults());
            let mut work: Pin<Box<dyn Future<Output = ()>>> = match is_send {
                true => Box::pin(async { drop(broker.send(&queue, vec![outgoing("a")]).await) }),
                false => Box::pin(async { drop(create(&broker, "other").await) }),
            };
            assert!(is_pending(work.as_mut()));
            let who = if is_send { shard.as_str() } else { "the catalog" };
            until(|| later().as_deref() == Some(who)).await;
            assert_eq!(broker.stall(instant()), None, "it has only begun");
            store.faults().release_syncs();
            store.faults().release_writes();
            work.await;
            until(|| later().is_none()).await;
        }
    }
    broker.shutdown().await;
}

/// A store with a queue that is deleted, and whose messages are still there.
async fn with_left_over() -> MemoryStore {
    let store = Arc::new(MemoryStore::new());
    let broker = start(&store, &clock()).await;
    create(&broker, "q").await;
    store.faults().fail_next_write(2);
    let delete = |_: Entry<'_>, _| Ok::<_, BrokerError>((QueueChange::Delete, ()));
    assert!(broker.change_queue(&key("q"), delete).await.is_err());
    broker.shutdown().await;
    store.faults().crash(CrashTail::KeepAll)
}

#[tokio::test]
async fn a_start_that_finds_no_space_says_so_and_leaves_nothing_behind() {
    let declared = DeclaredQueue { name: "declared".to_owned(), ..DeclaredQueue::default() };
    let config = Config { declared_queues: vec![declared], ..Config::small("/nonexistent") };
    // The settings of a new store and the declared queue; what was left over, that it was removed, and the queue.
    for (is_new, writes) in [(true, 2), (false, 3)] {
        for write in 1..=writes {
            for is_full in [true, false] {
                let store =
                    Arc::new(if is_new { MemoryStore::new() } else { with_left_over().await });
                store.faults().full_disk(is_full);
                store.faults().fail_next_write(write);
                let started = Server::start_over(store.clone(), config.clone()).await;
                let error = started.err().expect("a write failed");
                assert_eq!(error.is_full_disk(), is_full, "write {write}: {error}");
                assert_eq!(store.stats().shards_open, 0, "write {write}: {error}");
                let again = Arc::new(store.faults().crash(CrashTail::KeepAll));
                let again = Server::start_over(again, config.clone()).await.unwrap();
                assert_eq!(again.drain().await, Drained::Complete);
            }
        }
    }
}

#[tokio::test]
async fn a_failed_sync_stops_everything_and_loses_nothing_acknowledged() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let queue = create(&broker, "q").await;
    broker.send(&queue, vec![outgoing("acknowledged")]).await.unwrap();
    store.faults().fail_next_sync(1);
    let refused = broker.send(&queue, vec![outgoing("lost")]).await;
    assert_eq!(refused.unwrap_err(), BrokerError::Stopped);
    assert!(!broker.is_healthy());
    let again = broker.send(&queue, vec![outgoing("later")]).await;
    assert_eq!(
        again.unwrap_err(),
        BrokerError::Stopped,
        "nothing is retried over unknown disk state"
    );

    let after = Arc::new(store.faults().crash(CrashTail::LoseAll));
    let broker = start(&after, &clock).await;
    assert_eq!(bodies(&receive(&broker, &queue, 10).await), ["acknowledged"]);
}

#[tokio::test]
async fn a_failed_write_stops_everything() {
    let store = Arc::new(MemoryStore::new());
    let broker = start(&store, &clock()).await;
    let queue = create(&broker, "q").await;
    store.faults().fail_next_write(1);
    assert_eq!(broker.send(&queue, vec![outgoing("a")]).await.unwrap_err(), BrokerError::Stopped);
    assert!(!broker.is_healthy());
    assert_eq!(broker.counters(&queue).await.unwrap_err(), BrokerError::Stopped);
}

#[tokio::test]
async fn a_full_disk_refuses_sends_and_nothing_else() {
    let store = Arc::new(MemoryStore::new());
    let broker = start(&store, &clock()).await;
    let queue = create(&broker, "q").await;
    broker.send(&queue, vec![outgoing("a"), outgoing("b")]).await.unwrap();
    store.faults().full_disk(true);
    assert_eq!(broker.send(&queue, vec![outgoing("c")]).await.unwrap_err(), BrokerError::DiskFull);
    let received = receive(&broker, &queue, 10).await;
    assert_eq!(bodies(&received), ["a", "b"]);
    let receipt = broker.parse_receipt(&queue, &received[0].receipt_handle).unwrap();
    broker.delete(&queue, vec![receipt]).await.unwrap();
    assert!(broker.is_healthy());
    store.faults().full_disk(false);
    broker.send(&queue, vec![outgoing("c")]).await.unwrap();
    assert_eq!(bodies(&receive(&broker, &queue, 10).await), ["c"]);
}

/// Sends, receives and deletes at random, with a crash that keeps a random prefix of what was not synced.
async fn crash_run(seed: u64) {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let queue = create(&broker, "q").await;
    let mut random = seed;
    let mut next = |below: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut alive: BTreeMap<String, u32> = BTreeMap::new();
    for step in 0..60 {
        match next(3) {
            0 => {
                let name = format!("m{step}");
                broker.send(&queue, vec![outgoing(&name)]).await.unwrap();
                alive.insert(name, 0);
            }
            1 => {
                for received in receive(&broker, &queue, 2).await {
                    let count = alive.get_mut(&received.message.body).expect("it was not deleted");
                    *count += 1;
                    assert_eq!(received.receive_count, *count);
                    if next(2) == 0 {
                        let receipt =
                            broker.parse_receipt(&queue, &received.receipt_handle).unwrap();
                        broker.delete(&queue, vec![receipt]).await.unwrap();
                        alive.remove(&received.message.body);
                    }
                }
            }
            _ => {
                clock.0.fetch_add(next(20_000), Ordering::AcqRel);
            }
        }
    }
    // Requests in flight at the crash: any prefix of them may have happened.
    store.faults().hold_syncs();
    let mut unknown = Vec::new();
    for step in 0..next(4) {
        let name = format!("unknown{step}");
        let (broker, queue, outgoing) = (broker.clone(), Arc::clone(&queue), outgoing(&name));
        unknown.push(tokio::spawn(async move { broker.send(&queue, vec![outgoing]).await }));
    }
    tokio::task::yield_now().await;
    let after = Arc::new(store.faults().crash(CrashTail::Seeded(seed)));
    for send in unknown {
        send.abort();
    }
    let broker = start(&after, &clock).await;
    let counters = broker.counters(&queue).await.unwrap();
    clock.0.fetch_add(31_000, Ordering::AcqRel);
    let mut found = 0;
    loop {
        let received = receive(&broker, &queue, 10).await;
        if received.is_empty() {
            break;
        }
        for received in received {
            found += 1;
            let body = &received.message.body;
            match alive.remove(body) {
                Some(count) => assert_eq!(received.receive_count, count + 1, "seed {seed}: {body}"),
                None => assert!(body.starts_with("unknown"), "seed {seed}: {body} came back"),
            }
        }
    }
    assert!(alive.is_empty(), "seed {seed}: lost {alive:?}");
    assert_eq!(counters.visible + counters.in_flight, found, "seed {seed}: counters");
    assert_eq!(counters.delayed, 0);
}

#[tokio::test]
async fn after_a_crash_everything_acknowledged_is_there() {
    let seeds = std::env::var("SLUICE_CRASH_SEEDS").ok().and_then(|text| text.parse().ok());
    for seed in 0..seeds.unwrap_or(40) {
        crash_run(seed).await;
    }
}

#[tokio::test]
async fn a_deleted_queue_leaves_nothing_behind() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let queue = create(&broker, "q").await;
    broker.send(&queue, vec![outgoing("a")]).await.unwrap();
    let received = receive(&broker, &queue, 1).await;
    let options = ReceiveOptions {
        count_max: 1,
        wait_secs: 20,
        visibility_timeout_secs: 30,
        attempt_id: None,
    };
    let waiting = {
        let (broker, queue) = (broker.clone(), Arc::clone(&queue));
        tokio::spawn({
            let options = options.clone();
            async move { broker.receive(&queue, options).await }
        })
    };
    while broker.counters(&queue).await.unwrap().in_flight == 0 {
        tokio::task::yield_now().await;
    }
    delete_queue(&broker, "q").await;
    assert!(broker.queue(&key("q")).is_none());
    assert_eq!(waiting.await.unwrap().unwrap_err(), BrokerError::QueueGone);
    let late = broker.send(&queue, vec![outgoing("late")]).await;
    assert_eq!(late.unwrap_err(), BrokerError::QueueGone);
    let entry = |entry: Entry<'_>, _| {
        assert!(matches!(entry, Entry::Deleted { .. }));
        Ok::<_, BrokerError>((QueueChange::None, ()))
    };
    broker.change_queue(&key("q"), entry).await.unwrap();

    clock.0.fetch_add(60_000, Ordering::AcqRel);
    let again = create(&broker, "q").await;
    assert_eq!(broker.counters(&again).await.unwrap(), Counters::default());
    let old = broker.parse_receipt(&again, &received[0].receipt_handle);
    assert_eq!(old.unwrap_err(), ReceiptError::OtherQueue);
}

#[tokio::test]
async fn a_long_poll_is_withdrawn_with_its_client_and_ended_by_a_drain() {
    let store = Arc::new(MemoryStore::new());
    let broker = start(&store, &clock()).await;
    let queue = create(&broker, "q").await;
    let options = ReceiveOptions {
        count_max: 1,
        wait_secs: 20,
        visibility_timeout_secs: 30,
        attempt_id: None,
    };
    {
        let mut gone = pin!(broker.receive(&queue, options.clone()));
        assert!(is_pending(gone.as_mut()));
        broker.counters(&queue).await.unwrap();
    }
    broker.send(&queue, vec![outgoing("a")]).await.unwrap();
    assert_eq!(broker.counters(&queue).await.unwrap().visible, 1, "a client that left got it");
    assert_eq!(receive(&broker, &queue, 1).await.len(), 1);

    let waiting = {
        let (broker, queue) = (broker.clone(), Arc::clone(&queue));
        tokio::spawn({
            let options = options.clone();
            async move { broker.receive(&queue, options).await }
        })
    };
    tokio::task::yield_now().await;
    broker.counters(&queue).await.unwrap();
    broker.drain();
    assert!(waiting.await.unwrap().unwrap().is_empty());
    assert!(
        broker.receive(&queue, options).await.unwrap().is_empty(),
        "a drained broker waits for nothing"
    );
    broker.shutdown().await;
}

#[tokio::test]
async fn queues_are_listed_by_account_region_and_prefix() {
    let store = Arc::new(MemoryStore::new());
    let broker = start(&store, &clock()).await;
    for name in ["b", "a2", "a1", "a3"] {
        create(&broker, name).await;
    }
    let names = |prefix: &str, after: Option<&str>, limit| {
        let queues = broker.list("000000000000", "us-east-1", prefix, after, limit);
        queues.iter().map(|queue| queue.key.name.clone()).collect::<Vec<_>>()
    };
    assert_eq!(names("", None, 10), ["a1", "a2", "a3", "b"]);
    assert_eq!(names("a", None, 2), ["a1", "a2"]);
    assert_eq!(names("a", Some("a2"), 2), ["a3"]);
    assert!(broker.list("000000000000", "eu-west-1", "", None, 10).is_empty());
    assert!(broker.list("111111111111", "us-east-1", "", None, 10).is_empty());
}

#[tokio::test]
async fn new_settings_count_though_the_clock_stands_still_or_goes_back() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let mut queue = create(&broker, "q").await;
    let sent_at_ms = clock.now_ms();
    // The partition is open now, with the retention period of the default.
    broker.send(&queue, vec![outgoing("a")]).await.unwrap();
    for (modified_at_ms, retention_secs) in [(queue.modified_at_ms, 100), (0, 60)] {
        let change = move |entry: Entry<'_>, _| {
            let Entry::Present(queue) = entry else { return Err(BrokerError::QueueGone) };
            let mut queue = queue.clone();
            queue.attributes.retention_secs = retention_secs;
            queue.modified_at_ms = modified_at_ms;
            Ok((QueueChange::Put(queue), ()))
        };
        broker.change_queue(&key("q"), change).await.unwrap();
        queue = broker.queue(&key("q")).unwrap();
        broker.counters(&queue).await.unwrap();
    }
    clock.0.store(sent_at_ms + 61_000, Ordering::Release);
    assert_eq!(bodies(&receive(&broker, &queue, 1).await), [""; 0]);
    broker.shutdown().await;
}

async fn create_fifo(broker: &Broker) -> Arc<Queue> {
    let mut queue = new_queue("q.fifo");
    queue.kind = QueueKind::Fifo;
    let put = move |_: Entry<'_>, _| Ok::<_, BrokerError>((QueueChange::Put(queue), ()));
    broker.change_queue(&key("q.fifo"), put).await.unwrap();
    broker.queue(&key("q.fifo")).unwrap()
}

/// Sends to a few groups, receives, deletes and repeats at random, crashing in between.
async fn fifo_crash_run(seed: u64) {
    let (mut store, clock) = (Arc::new(MemoryStore::new()), clock());
    let mut broker = start(&store, &clock).await;
    let queue = create_fifo(&broker).await;
    let mut random = seed;
    let mut next = |below: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut waiting: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut ids: BTreeMap<String, (u64, Uuid, Option<String>)> = BTreeMap::new();
    for step in 0..120 {
        match next(8) {
            0..=2 => {
                let group = format!("g{}", next(4));
                let body = format!("{group}-{step}");
                let sent = broker.send(&queue, vec![in_group(&group, &body)]).await.unwrap();
                let first = (clock.now_ms(), sent[0].id, sent[0].sequence_number.clone());
                ids.insert(body.clone(), first);
                waiting.entry(group).or_default().push(body);
            }
            3 => {
                // A repeated send changes nothing and is reported as the first one, for five minutes.
                ids.retain(|_, (sent_at_ms, _, _)| clock.now_ms() - *sent_at_ms < 300_000);
                let index = usize::try_from(next(100)).unwrap() % ids.len().max(1);
                if let Some((body, (_, id, sequence_number))) = ids.iter().nth(index) {
                    let group = body.split('-').next().unwrap();
                    let sent = broker.send(&queue, vec![in_group(group, body)]).await.unwrap();
                    assert_eq!((&sent[0].id, &sent[0].sequence_number), (id, sequence_number));
                }
            }
            4..=6 => {
                let received = receive(&broker, &queue, 3).await;
                let mut seen: BTreeMap<&str, usize> = BTreeMap::new();
                for received in &received {
                    let group = received.message.group_id.as_deref().unwrap();
                    let place = seen.entry(group).or_default();
                    assert_eq!(received.message.body, waiting[group][*place], "seed {seed}: order");
                    *place += 1;
                }
                for received in &received {
                    if next(3) > 0 {
                        let receipt =
                            broker.parse_receipt(&queue, &received.receipt_handle).unwrap();
                        broker.delete(&queue, vec![receipt]).await.unwrap();
                        let group = received.message.group_id.as_deref().unwrap();
                        waiting
                            .get_mut(group)
                            .unwrap()
                            .retain(|body| *body != received.message.body);
                    }
                }
                // Visible again before the next receive, so that the order stays easy to predict.
                clock.0.fetch_add(31_000, Ordering::AcqRel);
            }
            _ => {
                store = Arc::new(store.faults().crash(CrashTail::Seeded(seed)));
                broker = start(&store, &clock).await;
            }
        }
    }
    clock.0.fetch_add(31_000, Ordering::AcqRel);
    let counters = broker.counters(&queue).await.unwrap();
    let expected: usize = waiting.values().map(Vec::len).sum();
    assert_eq!(counters.visible, expected as u64, "seed {seed}: counters");
}

#[tokio::test]
async fn a_fifo_queue_keeps_order_and_deduplication_over_crashes() {
    let seeds = std::env::var("SLUICE_CRASH_SEEDS").ok().and_then(|text| text.parse().ok());
    for seed in 0..seeds.unwrap_or(40) {
        fifo_crash_run(seed).await;
    }
}

/// Bodies and receive counts.
fn wait(queue: &Queue, broker: &Broker) -> impl Future<Output = Vec<(String, u32)>> + use<> {
    let (queue, broker) = (queue.clone(), broker.clone());
    async move {
        let shown = |received: Received| (received.message.body, received.receive_count);
        receive_waiting(&broker, &queue).await.into_iter().map(shown).collect()
    }
}

#[tokio::test]
async fn what_was_taken_for_a_client_that_has_gone_is_visible_again_at_once() {
    let store = Arc::new(MemoryStore::new());
    let broker = start(&store, &clock()).await;
    let queue = create(&broker, "q").await;
    broker.send(&queue, vec![outgoing("a")]).await.unwrap();
    store.faults().hold_syncs();
    {
        let mut receive = pin!(wait(&queue, &broker));
        for _ in 0..100 {
            assert!(is_pending(receive.as_mut()), "the receive's mark is not durable");
            tokio::task::yield_now().await;
        }
    }
    store.faults().release_syncs();
    // The clock stands still, so no visibility timeout ends.
    assert_eq!(wait(&queue, &broker).await, [("a".to_owned(), 2)]);
    broker.shutdown().await;
}

#[tokio::test]
async fn a_wait_is_withdrawn_even_when_the_mailbox_is_full() {
    let store = Arc::new(MemoryStore::new());
    let broker = start(&store, &clock()).await;
    let queue = create(&broker, "q").await;
    let mut others = Vec::new();
    for number in 0.. {
        if others.len() == 5 {
            break;
        }
        let other = create(&broker, &format!("other{number}")).await;
        if other.partitions[0].shard == queue.partitions[0].shard {
            others.push(other);
        }
    }
    let mut poll = Box::pin(wait(&queue, &broker));
    assert!(is_pending(poll.as_mut()));
    broker.counters(&queue).await.unwrap();
    store.faults().hold_syncs();
    let full = || broker.refusals().iter().any(|(bound, count)| *bound == "mailbox" && *count > 0);
    let mut sends = Vec::new();
    for other in others.iter().cycle() {
        if full() {
            break;
        }
        let mut send = Box::pin(broker.send(other, vec![outgoing("b")]));
        if is_pending(send.as_mut()) {
            sends.push(send);
        }
    }
    drop(poll);
    store.faults().release_syncs();
    for send in sends {
        // On a slow machine the last ones have waited too long.
        drop(send.await);
    }
    broker.send(&queue, vec![outgoing("a")]).await.unwrap();
    let first = [("a".to_owned(), 1)];
    assert_eq!(wait(&queue, &broker).await, first, "the wait that was withdrawn took nothing");
    broker.shutdown().await;
}
