//! Any form body of a Query request: it is routed and parsed, or refused. `cargo +nightly fuzz run query_form`.
#![no_main]

mod request;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    request::exchange("/1/q?Action=SendMessageBatch", None, body);
});
