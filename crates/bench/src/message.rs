//! What is sent: bodies that do not compress, stamped with the moment they were meant for, in requests that are
//! put together by copying.

use std::time::{Duration, Instant};

use crate::options::LoadOptions;

/// Distinct fillings begin at as many places of the pool; more than a block of a storage engine holds.
const POOL_PLACES: usize = 1 << 16;
/// Length of the stamp: eight digits for the run, sixteen for the time.
const STAMP_BYTES: usize = 24;

/// Makes messages, and recognises them when they come back.
#[derive(Debug)]
pub(crate) struct Messages {
    run: [u8; 8],
    base: Instant,
    pool: Vec<u8>,
    size: usize,
    groups: Option<Groups>,
    is_fifo: bool,
    /// `,"DelaySeconds":5`, or nothing.
    delay: String,
}

impl Messages {
    /// Messages of run number `run`, with this `DelaySeconds` if there is one.
    pub(crate) fn new(options: &LoadOptions, delay: Option<u32>, run: u32, base: Instant) -> Self {
        Self {
            run: digits(u64::from(run)),
            base,
            pool: pool(POOL_PLACES + options.size),
            size: options.size,
            groups: options.group_count().map(Groups::new),
            is_fifo: options.fifo,
            delay: delay.map(|secs| format!(",\"DelaySeconds\":{secs}")).unwrap_or_default(),
        }
    }

    /// Bytes that [`Self::write`] needs at most.
    pub(crate) fn bytes_max(&self) -> usize {
        self.size + self.delay.len() + 200
    }

    /// Appends the members of a message to a request.
    pub(crate) fn write(&self, request: &mut Vec<u8>, sequence: u64, due: Instant) {
        request.extend_from_slice(b"\"MessageBody\":\"");
        self.write_body(request, sequence, due);
        request.push(b'"');
        if let Some(groups) = &self.groups {
            let group = groups.of(sequence);
            request.extend_from_slice(format!(",\"MessageGroupId\":\"g{group}\"").as_bytes());
        }
        if self.is_fifo {
            request.extend_from_slice(b",\"MessageDeduplicationId\":\"");
            request.extend_from_slice(&self.run);
            request.extend_from_slice(&digits::<16>(sequence));
            request.push(b'"');
        }
        request.extend_from_slice(self.delay.as_bytes());
    }

    /// The same message without a request around it: what `make` makes of body, group and deduplication id.
    pub(crate) fn plain<M>(
        &self,
        sequence: u64,
        due: Instant,
        make: impl FnOnce(String, Option<String>, Option<String>) -> M,
    ) -> M {
        let mut body = Vec::with_capacity(self.size);
        self.write_body(&mut body, sequence, due);
        let text = |bytes| String::from_utf8(bytes).expect("letters and digits are text");
        let group_id = self.groups.as_ref().map(|groups| format!("g{}", groups.of(sequence)));
        let deduplication_id =
            self.is_fifo.then(|| text([&self.run[..], &digits::<16>(sequence)].concat()));
        make(text(body), group_id, deduplication_id)
    }

    fn write_body(&self, out: &mut Vec<u8>, sequence: u64, due: Instant) {
        let filled = if self.size < STAMP_BYTES {
            self.size
        } else {
            let nanos = due.saturating_duration_since(self.base).as_nanos();
            out.extend_from_slice(&self.run);
            out.extend_from_slice(&digits::<16>(u64::try_from(nanos).unwrap_or(u64::MAX)));
            self.size - STAMP_BYTES
        };
        let place = scattered(sequence) as usize % POOL_PLACES;
        out.extend_from_slice(&self.pool[place..place + filled]);
    }

    /// How long ago a message of this run was meant to be sent; none for other messages.
    pub(crate) fn age(&self, body: &str, now: Instant) -> Option<Duration> {
        let stamp = body.as_bytes().get(..STAMP_BYTES)?;
        let nanos = stamp.strip_prefix(&self.run)?;
        let nanos = u64::from_str_radix(std::str::from_utf8(nanos).ok()?, 16).ok()?;
        Some(now.saturating_duration_since(self.base + Duration::from_nanos(nanos)))
    }
}

/// Message groups in turn, neighbours far apart: so many messages in a row are one for each group.
#[derive(Debug)]
struct Groups {
    count: u64,
    /// Has no divisor in common with the count.
    stride: u64,
}

impl Groups {
    fn new(count: u64) -> Self {
        let golden = (count as f64 * 0.618) as u64;
        let stride = (golden..).find(|stride| greatest_common_divisor(*stride, count) == 1);
        Self { count, stride: stride.unwrap_or(1) }
    }

    fn of(&self, sequence: u64) -> u64 {
        let product = u128::from(sequence) * u128::from(self.stride);
        (product % u128::from(self.count)) as u64
    }
}

fn greatest_common_divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

/// The last `N` hexadecimal digits.
fn digits<const N: usize>(mut value: u64) -> [u8; N] {
    let mut text = [b'0'; N];
    for digit in text.iter_mut().rev() {
        *digit = b"0123456789abcdef"[(value & 15) as usize];
        value >>= 4;
    }
    text
}

/// Neighbouring numbers end far apart, the same way each time (the finaliser of SplitMix64).
fn scattered(sequence: u64) -> u64 {
    let mut mixed = sequence.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// Letters that no compression shortens by more than a quarter.
fn pool(bytes: usize) -> Vec<u8> {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    (0..bytes as u64).map(|index| LETTERS[(scattered(index) & 63) as usize]).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::options::parse;

    fn messages(line: &str, base: Instant) -> Messages {
        Messages::new(&parse(line).expect("options").load, None, 7, base)
    }

    fn message(messages: &Messages, sequence: u64, due: Instant) -> Value {
        let mut request = b"{".to_vec();
        messages.write(&mut request, sequence, due);
        request.push(b'}');
        assert!(request.len() <= messages.bytes_max(), "{}", request.len());
        serde_json::from_slice(&request).expect("this is JSON")
    }

    #[test]
    fn a_message_has_the_size_asked_for_and_knows_when_it_was_due() {
        let base = crate::clock::now();
        let messages = messages("--size 200", base);
        let due = base + Duration::from_millis(1_500);
        let made = message(&messages, 1, due);
        let body = made["MessageBody"].as_str().expect("it has a body");
        assert_eq!(body.len(), 200);
        let later = due + Duration::from_millis(20);
        assert_eq!(messages.age(body, later), Some(Duration::from_millis(20)));
        assert_ne!(body, message(&messages, 2, due)["MessageBody"]);
    }

    #[test]
    fn a_plain_message_is_the_one_that_a_request_would_carry() {
        let base = crate::clock::now();
        for line in ["--size 200", "--size 5", "--groups 10", "--fifo --groups 10"] {
            let messages = messages(line, base);
            let made = message(&messages, 7, base);
            let text = |name: &str| made[name].as_str().map(str::to_owned);
            let (body, group_id, deduplication_id) =
                messages.plain(7, base, |body, group, id| (body, group, id));
            assert_eq!(Some(body), text("MessageBody"));
            assert_eq!(group_id, text("MessageGroupId"));
            assert_eq!(deduplication_id, text("MessageDeduplicationId"));
        }
    }

    #[test]
    fn messages_of_others_have_no_age() {
        let base = crate::clock::now();
        let messages = messages("", base);
        for body in ["", "grüße", "00000008000000000000000000", "00000007zzzzzzzzzzzzzzzz"] {
            assert_eq!(messages.age(body, base), None, "{body}");
        }
    }

    #[test]
    fn small_bodies_carry_no_stamp() {
        let base = crate::clock::now();
        let messages = messages("--size 5", base);
        let made = message(&messages, 1, base);
        assert_eq!(made["MessageBody"].as_str().map(str::len), Some(5));
    }

    #[test]
    fn as_many_messages_as_groups_are_one_for_each() {
        for count in [1, 2, 3, 10, 618, 10_000, 65_536] {
            let groups = Groups::new(count);
            let used: std::collections::BTreeSet<u64> =
                (count..2 * count).map(|sequence| groups.of(sequence)).collect();
            assert_eq!((used.len() as u64, used.last()), (count, Some(&(count - 1))));
        }
    }

    #[test]
    fn fifo_messages_have_a_group_and_an_id_of_their_own() {
        let base = crate::clock::now();
        let messages = messages("--fifo --groups 10", base);
        let made: Vec<Value> = (0..1_000).map(|n| message(&messages, n, base)).collect();
        let distinct = |member: &str| {
            let values = made.iter().map(|message| message[member].to_string());
            values.collect::<std::collections::BTreeSet<_>>().len()
        };
        assert_eq!((distinct("MessageGroupId"), distinct("MessageDeduplicationId")), (10, 1_000));
    }
}
