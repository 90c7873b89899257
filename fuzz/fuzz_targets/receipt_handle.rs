//! Any text as a receipt handle: it is refused, unless this very key issued it. `cargo +nightly fuzz run receipt_handle`.
#![no_main]

mod broker;
/// As in the server, at the root.
#[path = "../../crates/server/src/hex.rs"]
#[allow(dead_code, reason = "the target uses a part of it")]
mod hex;

use broker::queue::Queue;
use broker::receipt::{ReceiptError, ReceiptKey};
use libfuzzer_sys::fuzz_target;

const QUEUE: &str = r#"{
    "key": {"account": "000000000000", "region": "us-east-1", "name": "q"}, "kind": "Standard",
    "attributes": {
        "visibility_timeout_secs": 30, "delay_secs": 0, "message_bytes_max": 1024, "retention_secs": 60,
        "receive_wait_secs": 0, "is_sqs_managed_sse_enabled": true, "is_content_based_deduplication": false,
        "deduplication_scope": "Queue", "fifo_throughput_limit": "PerQueue"
    },
    "tags": {}, "created_at_ms": 0, "modified_at_ms": 0, "deduplicates_by": "Queue", "partitions": [{"partition": 1, "shard": 1}]
}"#;

fuzz_target!(|text: &str| {
    let queue: Queue = serde_json::from_str(QUEUE).expect("the queue above is well formed");
    let key = ReceiptKey::new(&[7; 32]);
    if let Ok(receipt) = key.parse(&queue, text) {
        assert_eq!(key.issue(&receipt), text, "a handle that was never issued is accepted");
    }
    assert_eq!(key.parse(&queue, &format!("AQEB{text}0")), Err(ReceiptError::Malformed));
});
