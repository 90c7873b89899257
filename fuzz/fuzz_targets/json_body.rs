//! Any body of an AWS JSON request: it is parsed, or refused. `cargo +nightly fuzz run json_body`.
#![no_main]

mod request;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    request::exchange("/", Some("AmazonSQS.SendMessageBatch"), body);
});
