//! Dead letters between queues that live in different shards: never lost, never doubled, whatever happens on the way.
#![allow(clippy::panic, clippy::unwrap_used, reason = "a failed test is meant to panic")]
#![allow(clippy::disallowed_methods, reason = "the clients of a test are tasks of the test")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sluice_server::broker::{Broker, Queue, QueueAttributes, QueueKind};
use sluice_store::{CrashTail, MemoryStore, Reader, ShardId, Space, Store};

mod broker_support;
use broker_support::{
    Virtual, bodies, clock, delete_queue, is_pending, key, new_queue, outgoing, put, receive,
    receive_waiting, start, with_dead_letters,
};

/// Ends the store and checks that no message left anything behind: neither its body, nor a row of it in any state. The
/// first letter of a key names the table.
fn assert_nothing_left(store: &MemoryStore, run: &str) {
    let after = store.faults().crash(CrashTail::KeepAll);
    for shard in [1, 2] {
        let reader = after.open_shard(ShardId(shard)).unwrap().reader();
        let bodies = reader.scan(Space::Bodies, &[0]..&[255], 10).unwrap();
        assert_eq!(bodies, [], "{run}: bodies are left");
        for table in *b"ldrto" {
            let mut rows = reader.scan(Space::Rows, &[table]..&[table + 1], usize::MAX).unwrap();
            rows.retain(|(key, _)| !is_passed(&*reader, key));
            assert_eq!(rows, [], "{run}: rows are left in table {}", char::from(table));
        }
    }
}

/// Whether a log row without group lies at or before the cursor of its log: then it is gone.
fn is_passed(reader: &dyn Reader, key: &[u8]) -> bool {
    if key[0] != b'l' || key[9..25] != [0; 16] {
        return false;
    }
    let group_key = [b"g", &key[1..25]].concat();
    // After the version.
    let group = reader.get(Space::Rows, &group_key).unwrap();
    group.is_some_and(|row| key[25..] <= row[1..9])
}

/// Two queues, the second of which takes the dead letters of the first; their partitions are in two shards.
async fn queues(broker: &Broker, receives_max: u32) -> [Arc<Queue>; 2] {
    let dlq = put(broker, new_queue("dlq")).await;
    let queue = put(broker, with_dead_letters(new_queue("q"), "dlq", receives_max)).await;
    assert_ne!(queue.partitions[0].shard, dlq.partitions[0].shard);
    [queue, dlq]
}

fn pass(clock: &Virtual, ms: u64) {
    clock.0.fetch_add(ms, Ordering::AcqRel);
}

#[tokio::test]
async fn a_message_moves_with_all_that_belongs_to_it() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let [queue, dlq] = queues(&broker, 1).await;
    broker.send(&queue, vec![outgoing("a")]).await.unwrap();
    pass(&clock, 5_000);
    let first = receive(&broker, &queue, 1).await.remove(0);
    pass(&clock, 31_000);
    assert!(
        bodies(&receive(&broker, &dlq, 1).await).is_empty(),
        "the end of a timeout moves nothing"
    );
    assert!(bodies(&receive(&broker, &queue, 1).await).is_empty());
    // No waiting in between: a receive that moves a message answers when it is there.
    let moved = receive(&broker, &dlq, 1).await.remove(0);
    assert_eq!(moved.message.source_arn, Some(queue.key.arn()));
    assert_eq!(moved.message.id, first.message.id);
    assert_eq!(moved.sent_at_ms, first.sent_at_ms);
    assert_eq!(moved.first_received_at_ms, first.first_received_at_ms);
    assert_eq!(moved.receive_count, 2);
    let counters = broker.counters(&queue).await.unwrap();
    assert_eq!((counters.visible, counters.in_flight), (0, 0));
    // The old handle is still one of this queue, and finds nothing.
    let receipt = broker.parse_receipt(&queue, &first.receipt_handle).unwrap();
    broker.delete(&queue, vec![receipt]).await.unwrap();
    assert_eq!(broker.counters(&dlq).await.unwrap().in_flight, 1);
}

#[tokio::test]
async fn a_dead_letter_that_is_too_old_for_its_new_queue_leaves_nothing_behind() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let [queue, dlq] = queues(&broker, 1).await;
    let attributes = QueueAttributes { retention_secs: 60, ..dlq.attributes.clone() };
    let dlq = put(&broker, Queue { attributes, ..(*dlq).clone() }).await;
    broker.send(&queue, vec![outgoing("a")]).await.unwrap();
    receive(&broker, &queue, 1).await;
    pass(&clock, 120_000);
    // Somebody waits there, who would be given the message at once.
    let waiting = tokio::spawn({
        let (broker, dlq) = (broker.clone(), Arc::clone(&dlq));
        async move { receive_waiting(&broker, &dlq).await }
    });
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert!(receive(&broker, &queue, 1).await.is_empty());
    assert_eq!(broker.counters(&dlq).await.unwrap().visible, 0);
    broker.drain();
    assert!(waiting.await.unwrap().is_empty());
    assert_nothing_left(&store, "too old");
}

/// A receive answers while a large outbox is still being carried, and receives take turns with whoever carries.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_receive_does_not_wait_for_an_outbox_that_was_left_by_a_crash() {
    const COUNT: usize = 3_000;
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let [queue, _] = queues(&broker, 1).await;
    for chunk in 0..COUNT / 100 {
        let messages = (0..100).map(|index| outgoing(&format!("m{chunk}-{index}"))).collect();
        broker.send(&queue, messages).await.unwrap();
    }
    let taken = async || {
        let mut taken = 0;
        while taken < COUNT {
            taken += receive(&broker, &queue, 64).await.len();
        }
    };
    taken().await;
    pass(&clock, 31_000);
    // Nothing can be carried, so all of it is in the outbox when the server dies.
    store.faults().full_disk(true);
    assert!(receive(&broker, &queue, 1).await.is_empty());
    let store = Arc::new(store.faults().crash(CrashTail::KeepAll));
    let broker = start(&store, &clock).await;
    let both = ["q", "dlq"].map(|name| broker.queue(&key(name)).unwrap());
    broker.send(&both[0], vec![outgoing("live")]).await.unwrap();
    assert_eq!(bodies(&receive(&broker, &both[0], 1).await), ["live"]);
    let arrived = broker.counters(&both[1]).await.unwrap().visible;
    assert!(arrived < COUNT as u64, "the receive waited for all of it");
    assert!(settled(&broker, &both, COUNT + 1).await, "all of it arrives");
}

#[tokio::test]
async fn without_its_dead_letter_queue_a_message_stays_and_is_received_again() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let [queue, _] = queues(&broker, 1).await;
    broker.send(&queue, vec![outgoing("a")]).await.unwrap();
    assert_eq!(receive(&broker, &queue, 1).await[0].receive_count, 1);
    delete_queue(&broker, "dlq").await;
    pass(&clock, 31_000);
    let queue = broker.queue(&key("q")).unwrap();
    assert_eq!(receive(&broker, &queue, 1).await[0].receive_count, 2);
    // It comes back: what was received often enough moves at the next receive.
    let dlq = put(&broker, new_queue("dlq")).await;
    let queue = broker.queue(&key("q")).unwrap();
    pass(&clock, 31_000);
    assert!(receive(&broker, &queue, 1).await.is_empty());
    assert_eq!(receive(&broker, &dlq, 1).await[0].receive_count, 3);
}

#[tokio::test]
async fn a_message_on_its_way_to_a_queue_that_is_gone_comes_back() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let [before, _] = queues(&broker, 1).await;
    broker.send(&before, vec![outgoing("a")]).await.unwrap();
    let first = receive(&broker, &before, 1).await.remove(0);
    delete_queue(&broker, "dlq").await;
    pass(&clock, 31_000);
    // A receive that began before the dead-letter queue was deleted sends the message away; its answer is empty.
    assert!(receive(&broker, &before, 1).await.is_empty());
    let queue = broker.queue(&key("q")).unwrap();
    let again = receive(&broker, &queue, 1).await.remove(0);
    assert_eq!((again.message.id, again.receive_count), (first.message.id, 2));
    assert_eq!(again.message.source_arn, None);
    let receipt = broker.parse_receipt(&queue, &again.receipt_handle).unwrap();
    broker.delete(&queue, vec![receipt]).await.unwrap();
    assert_nothing_left(&store, "after the return");
}

/// A receive that sends one message away and takes another one waits for the first to arrive.
#[tokio::test]
async fn what_a_receive_took_comes_back_if_its_client_goes_while_dead_letters_are_on_their_way() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let [queue, _] = queues(&broker, 2).await;
    broker.send(&queue, vec![outgoing("a")]).await.unwrap();
    for _ in 0..2 {
        assert_eq!(receive(&broker, &queue, 1).await.len(), 1);
        pass(&clock, 31_000);
    }
    broker.send(&queue, vec![outgoing("b")]).await.unwrap();
    let before = store.stats().commits;
    store.faults().hold_syncs();
    let mut first = Box::pin(receive(&broker, &queue, 1));
    let mut until_commits = async |count: u64| {
        while store.stats().commits < before + count {
            assert!(is_pending(first.as_mut()), "it waits for the disk");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    until_commits(1).await;
    // The receive is durable now, and the arrival of the dead letter, which nothing has begun here, will not be.
    store.faults().release_syncs();
    store.faults().hold_syncs();
    until_commits(2).await;
    assert!(is_pending(first.as_mut()), "it waits for the dead letter");
    drop(first);
    store.faults().release_syncs();
    let waiting = receive_waiting(&broker, &queue);
    let again = tokio::time::timeout(Duration::from_secs(20), waiting).await;
    let again = again.expect("it is visible before its timeout, on a clock that stands still");
    assert_eq!(bodies(&again), ["b"]);
}

#[tokio::test]
async fn dead_letters_wait_while_the_disk_is_full() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let [queue, dlq] = queues(&broker, 1).await;
    broker.send(&queue, vec![outgoing("a")]).await.unwrap();
    assert_eq!(receive(&broker, &queue, 1).await.len(), 1);
    pass(&clock, 31_000);
    store.faults().full_disk(true);
    assert!(receive(&broker, &queue, 1).await.is_empty());
    assert_eq!(broker.counters(&dlq).await.unwrap().visible, 0);
    store.faults().full_disk(false);
    assert!(settled(&broker, &[queue, Arc::clone(&dlq)], 1).await, "it moves when there is room");
    assert_eq!(receive(&broker, &dlq, 1).await[0].receive_count, 2);
}

/// The numbers in two outboxes have nothing to do with each other.
#[tokio::test]
async fn two_queues_share_a_dead_letter_queue() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let [queue, dlq] = queues(&broker, 1).await;
    let other = put(&broker, with_dead_letters(new_queue("r"), "dlq", 1)).await;
    for (queue, body) in [(&queue, "a"), (&other, "b"), (&queue, "c")] {
        broker.send(queue, vec![outgoing(body)]).await.unwrap();
        assert_eq!(bodies(&receive(&broker, queue, 1).await), [body]);
    }
    pass(&clock, 31_000);
    // The later numbers arrive first, from one of the queues.
    for queue in [&other, &queue] {
        assert!(receive(&broker, queue, 10).await.is_empty());
    }
    let moved = receive(&broker, &dlq, 10).await;
    assert_eq!(bodies(&moved), ["b", "a", "c"]);
    let sources: Vec<_> = moved.iter().map(|it| it.message.source_arn.clone().unwrap()).collect();
    assert_eq!(sources, [other.key.arn(), queue.key.arn(), queue.key.arn()]);
}

#[tokio::test]
async fn a_queue_can_be_its_own_dead_letter_queue() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    put(&broker, new_queue("q")).await;
    let queue =
        put(&broker, with_dead_letters((*broker.queue(&key("q")).unwrap()).clone(), "q", 1)).await;
    broker.send(&queue, vec![outgoing("a")]).await.unwrap();
    assert_eq!(receive(&broker, &queue, 1).await[0].receive_count, 1);
    for count in 2..5 {
        pass(&clock, 31_000);
        // Moving it takes a receive of its own.
        let mut received = receive(&broker, &queue, 1).await;
        if received.is_empty() {
            received = receive(&broker, &queue, 1).await;
        }
        assert_eq!(received[0].receive_count, count);
        assert_eq!(received[0].message.source_arn, Some(queue.key.arn()));
    }
}

#[tokio::test]
async fn a_fifo_dead_letter_keeps_its_group_and_gets_its_id_as_deduplication_id() {
    let (store, clock) = (Arc::new(MemoryStore::new()), clock());
    let broker = start(&store, &clock).await;
    let fifo = |name| Queue { kind: QueueKind::Fifo, ..new_queue(name) };
    let dlq = put(&broker, fifo("dlq.fifo")).await;
    let queue = put(&broker, with_dead_letters(fifo("q.fifo"), "dlq.fifo", 1)).await;
    for body in ["a", "b"] {
        let mut new = outgoing(body);
        new.message.group_id = Some("g".to_owned());
        new.message.deduplication_id = Some(body.to_owned());
        broker.send(&queue, vec![new]).await.unwrap();
    }
    let first = receive(&broker, &queue, 1).await.remove(0);
    assert!(receive(&broker, &queue, 1).await.is_empty(), "the group is locked");
    pass(&clock, 31_000);
    assert_eq!(bodies(&receive(&broker, &queue, 1).await), ["b"]);
    let moved = receive(&broker, &dlq, 1).await.remove(0);
    assert_eq!(moved.message.group_id.as_deref(), Some("g"));
    assert_eq!(moved.message.deduplication_id, Some(first.message.id.to_string()));
    assert_ne!(moved.sequence_number, first.sequence_number);
    assert_eq!(moved.sent_at_ms, first.sent_at_ms);
}

/// Waits until as many messages are in the queues as there have to be.
async fn settled(broker: &Broker, queues: &[Arc<Queue>], count: usize) -> bool {
    for _ in 0..500 {
        let mut found = 0;
        for queue in queues {
            let counters = broker.counters(queue).await.unwrap();
            found += counters.visible + counters.in_flight;
        }
        if found == count as u64 {
            return true;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    false
}

/// Messages fail and move while the server crashes at any moment, again and again.
async fn crash_run(seed: u64) {
    let (mut store, clock) = (Arc::new(MemoryStore::new()), clock());
    let mut random = seed;
    let mut next = |below: u64| {
        random =
            random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let mut broker = start(&store, &clock).await;
    queues(&broker, 2).await;
    put(&broker, with_dead_letters(new_queue("r"), "dlq", 1)).await;
    let all = |broker: &Broker| ["q", "r", "dlq"].map(|name| broker.queue(&key(name)).unwrap());
    let mut alive: BTreeMap<String, u32> = BTreeMap::new();
    for round in 0..6 {
        let queues = all(&broker);
        for step in 0..next(30) {
            let name = format!("m{round}-{step}");
            match next(4) {
                0 | 1 => {
                    let queue = &queues[usize::try_from(next(2)).unwrap()];
                    broker.send(queue, vec![outgoing(&name)]).await.unwrap();
                    alive.insert(name, 0);
                }
                2 => {
                    let queue = &queues[usize::try_from(next(3)).unwrap()];
                    for received in receive(&broker, queue, 3).await {
                        let body = &received.message.body;
                        let count = alive.get_mut(body).expect("it was not deleted");
                        // A receive whose answer was lost in a crash may have counted.
                        assert!(received.receive_count > *count, "seed {seed}: {body}");
                        *count = received.receive_count;
                        if next(4) == 0 {
                            alive.remove(body);
                            let receipt =
                                broker.parse_receipt(queue, &received.receipt_handle).unwrap();
                            broker.delete(queue, vec![receipt]).await.unwrap();
                        }
                    }
                }
                _ => pass(&clock, next(40_000)),
            }
        }
        pass(&clock, 31_000);
        // Receives that move messages are on their way when the server dies.
        let moving = [0, 1].map(|index: usize| {
            let (broker, queue) = (broker.clone(), Arc::clone(&queues[index]));
            tokio::spawn(async move { receive(&broker, &queue, 10).await })
        });
        if next(3) == 0 {
            store.faults().hold_syncs();
        }
        tokio::time::sleep(Duration::from_micros(next(1_500))).await;
        let after = Arc::new(store.faults().crash(CrashTail::Seeded(seed + round)));
        for task in &moving {
            task.abort();
        }
        store = after;
        broker = start(&store, &clock).await;
        assert!(settled(&broker, &all(&broker), alive.len()).await, "seed {seed}: lost or doubled");
    }
    let [queue, other, dlq] = all(&broker);
    // Whatever is in the first queues fails until all of it has moved.
    for _ in 0..4 {
        pass(&clock, 31_000);
        for queue in [&queue, &other] {
            while !receive(&broker, queue, 10).await.is_empty() {}
        }
    }
    pass(&clock, 31_000);
    let mut found = BTreeMap::new();
    loop {
        let received = receive(&broker, &dlq, 10).await;
        if received.is_empty() {
            break;
        }
        for received in received {
            let receipt = broker.parse_receipt(&dlq, &received.receipt_handle).unwrap();
            broker.delete(&dlq, vec![receipt]).await.unwrap();
            let twice = found.insert(received.message.body.clone(), received.message.source_arn);
            assert!(twice.is_none(), "seed {seed}: {} is there twice", received.message.body);
        }
    }
    let (found, alive): (Vec<_>, Vec<_>) =
        (found.into_keys().collect(), alive.into_keys().collect());
    assert_eq!(found, alive, "seed {seed}");
    assert_nothing_left(&store, &format!("seed {seed}"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_survive_crashes_once() {
    let seeds = std::env::var("SLUICE_CRASH_SEEDS").ok().and_then(|text| text.parse().ok());
    for seed in 0..seeds.unwrap_or(40) {
        crash_run(seed).await;
    }
}
