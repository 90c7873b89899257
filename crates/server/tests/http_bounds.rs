//! Clients that are slow, large or odd: each is bounded, and told so where HTTP allows.

mod http_support;

use std::num::NonZeroU32;
use std::time::Duration;

use http_support::{Client, JSON, TestServer, json};

const SHORT: Duration = Duration::from_millis(300);

#[test]
fn a_head_that_does_not_come_ends_the_connection() {
    let server = TestServer::start_with(|config| config.http.head_timeout = SHORT);
    for begin in ["", "P", "PRI * HTTP/2", "POST / HTTP/1.1\r\nHost: x\r\nX-Slow:"] {
        let mut client = server.connect();
        client.send(begin);
        client.expect_close();
    }
    let mut client = server.connect();
    assert_eq!(client.request("GET", "/health").status, 200);
    client.send("GET /hea");
    client.expect_close();
}

#[test]
fn an_idle_connection_outlives_the_head_timeout() {
    let server = TestServer::start_with(|config| config.http.head_timeout = SHORT);
    let mut client = server.connect();
    assert_eq!(client.request("GET", "/health").status, 200);
    assert!(!client.is_answered_within(SHORT * 4), "the server closed an idle connection");
    assert_eq!(client.request("GET", "/health").status, 200);
}

#[test]
fn a_body_that_does_not_come_is_answered_with_408() {
    let server = TestServer::start_with(|config| config.http.body_timeout = SHORT);
    let mut client = server.connect();
    client.send(format!("POST / HTTP/1.1\r\n{JSON}ListQueues\r\nContent-Length: 10\r\n\r\n{{"));
    let answer = client.answer();
    assert_eq!(answer.status, 408);
    assert_eq!(answer.header("x-amzn-query-error"), "RequestTimeout;Sender");
    assert_eq!(answer.header("connection"), "close");
    client.expect_close();
    let mut client = server.connect();
    client.send("POST /_sluice/reset HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n{");
    assert_eq!(client.answer().status, 408, "the admin API says the same");
}

#[test]
fn a_body_that_is_too_large_is_refused_before_it_is_sent() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send(format!(
        "POST / HTTP/1.1\r\n{JSON}SendMessage\r\nExpect: 100-continue\r\nContent-Length: 99999999\r\n\r\n"
    ));
    let answer = client.answer();
    assert_eq!(answer.status, 413, "{}", answer.text());
    assert_eq!(answer.header("connection"), "close");
    assert_eq!(answer.header("x-amzn-query-error"), "RequestEntityTooLarge;Sender");
    assert_eq!(answer.header("x-amzn-requestid").len(), 36);
    client.expect_close();
}

#[test]
fn a_client_that_sends_it_all_still_reads_the_refusal() {
    let server = TestServer::start();
    let mut client = server.connect();
    let size = 20 * 1024 * 1024;
    client.send(format!("POST / HTTP/1.1\r\n{JSON}SendMessage\r\nContent-Length: {size}\r\n\r\n"));
    client.send(vec![b'x'; size]);
    assert_eq!(client.answer().status, 413);
    client.expect_close();
}

#[test]
fn a_body_of_unknown_length_is_bounded_too() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    let chunk = vec![b'x'; 0x10000];
    for _ in 0..40 {
        client.send("10000\r\n");
        client.send(&chunk);
        client.send("\r\n");
    }
    let answer = client.answer();
    assert_eq!(answer.status, 413);
    // Without a target the caller is taken to speak Query.
    assert!(answer.text().contains("<Code>RequestEntityTooLarge</Code>"), "{}", answer.text());
    client.expect_close();
}

#[test]
fn a_head_that_is_too_large_is_refused() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send(format!("GET / HTTP/1.1\r\nX-Large: {}\r\n", "x".repeat(100 * 1024)));
    assert_eq!(client.answer().status, 431);
    let mut client = server.connect();
    client.send(format!("GET / HTTP/1.1\r\n{}\r\n", "X-Many: x\r\n".repeat(101)));
    assert_eq!(client.answer().status, 431);
    let mut client = server.connect();
    client.send(format!("GET /?{} HTTP/1.1\r\n\r\n", "x".repeat(70 * 1024)));
    assert_eq!(client.answer().status, 414);
    let mut client = server.connect();
    client.send("nonsense\r\n\r\n");
    assert_eq!(client.answer().status, 400);
}

#[test]
fn a_client_that_expects_100_gets_it_and_then_its_answer() {
    let server = TestServer::start();
    let mut client = server.connect();
    let body = r#"{"QueueName":"q"}"#;
    client.send(format!(
        "POST / HTTP/1.1\r\n{JSON}CreateQueue\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
        body.len()
    ));
    assert_eq!(client.head_only().status, 100);
    client.send(body);
    let answer = client.answer();
    assert_eq!(answer.status, 200);
    assert_eq!(json(&answer)["QueueUrl"], "http://localhost/000000000000/q");
}

#[test]
fn at_the_cap_an_idle_connection_makes_room() {
    let server = TestServer::start_with(|config| config.http.connections_max = 2);
    let mut silent = server.connect();
    let mut idle = server.connect();
    assert_eq!(idle.request("GET", "/health").status, 200);
    for _ in 0..3 {
        let mut next = server.connect();
        assert_eq!(next.request("GET", "/health").status, 200);
    }
    silent.expect_close();
}

#[test]
fn while_none_is_idle_the_next_connection_is_refused() {
    let server = TestServer::start_with(|config| config.http.connections_max = 2);
    let mut polls = [server.connect(), server.connect()];
    let queue = polls[0].create_queue("busy");
    let poll = format!("{{\"QueueUrl\":\"{queue}\",\"WaitTimeSeconds\":20}}");
    for client in &mut polls {
        client.send_call("ReceiveMessage", &poll);
        assert!(!client.is_answered_within(SHORT), "it waits");
    }
    let mut next = server.connect();
    let answer = next.call("ListQueues", "{}");
    assert_eq!(answer.status, 503, "{}", answer.text());
    assert_eq!(answer.header("x-amzn-query-error"), "ServiceUnavailable;Receiver");
    assert_eq!(answer.header("connection"), "close");
    next.expect_close();
    assert_eq!(server.connect().request("GET", "/health").status, 200, "operators still see it");
    let metrics = server.connect().request("GET", "/metrics").text();
    assert!(metrics.contains("sluice_refused_total{bound=\"connections\"} 1\n"), "{metrics}");
    drop(polls);
    let mut retry = server.connect();
    while retry.call("ListQueues", "{}").status != 200 {
        retry = server.connect();
    }
}

#[test]
fn a_refused_connection_makes_no_room() {
    let server = TestServer::start_with(|config| config.http.connections_max = 1);
    let mut poll = server.connect();
    let queue = poll.create_queue("busy");
    let wait = format!("{{\"QueueUrl\":\"{queue}\",\"WaitTimeSeconds\":20}}");
    poll.send_call("ReceiveMessage", &wait);
    assert!(!poll.is_answered_within(SHORT), "it waits");
    let mut silent = server.connect();
    assert_eq!(server.connect().call("ListQueues", "{}").status, 503);
    assert!(!silent.is_answered_within(SHORT), "it was closed for nothing");
}

#[test]
fn an_address_that_asks_too_often_is_throttled_in_the_words_of_either_protocol() {
    let server = TestServer::start_with(|config| {
        config.request_rates.per_address = NonZeroU32::new(1);
    });
    let throttled = |request: &str| {
        let mut answers = (0..1_000).map(|_| {
            let mut client = server.connect();
            client.send(request);
            client.answer()
        });
        answers.find(|answer| answer.status != 200).expect("a thousand take a second at most")
    };
    let answer =
        throttled(&format!("POST / HTTP/1.1\r\n{JSON}ListQueues\r\nContent-Length: 2\r\n\r\n{{}}"));
    assert_eq!(answer.status, 403);
    assert_eq!(answer.header("x-amzn-query-error"), "ThrottlingException;Sender");
    let kind = json(&answer)["__type"].as_str().unwrap_or_default().to_owned();
    assert!(kind.ends_with("#ThrottlingException"), "{kind}");

    let form = "Action=ListQueues&Version=2012-11-05";
    let answer = throttled(&format!(
        "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{form}",
        form.len()
    ));
    assert_eq!(answer.status, 403);
    assert!(answer.text().contains("<Code>ThrottlingException</Code>"), "{}", answer.text());
}

#[test]
fn gzip_bodies_are_bounded_by_what_they_decode_to() {
    let server = TestServer::start();
    let mut client = server.connect();
    let encoded = |operation: &str, encoding: &str, body: &[u8], client: &mut Client| {
        client.send(format!(
            "POST / HTTP/1.1\r\n{JSON}{operation}\r\nContent-Encoding: {encoding}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        ));
        client.send(body);
        client.answer()
    };
    let plain = br#"{"QueueName":"gzipped"}"#;
    let answer = encoded("CreateQueue", "gzip", &gzip_member(plain), &mut client);
    assert_eq!(answer.status, 200, "{}", answer.text());
    assert_eq!(json(&answer)["QueueUrl"], "http://localhost/000000000000/gzipped");
    assert_eq!(encoded("CreateQueue", "identity", plain, &mut client).status, 200);
    for encoding in ["gzip", "br"] {
        let answer = encoded("CreateQueue", encoding, plain, &mut client);
        assert_eq!(answer.status, 400);
        assert_eq!(answer.header("x-amzn-query-error"), "MalformedInput;Sender");
    }
    let mut padded = gzip_member(plain);
    padded.extend(gzipped_spaces().repeat(4));
    assert_eq!(encoded("CreateQueue", "gzip", &padded, &mut client).status, 200);
    let mut bomb = gzip_member(plain);
    bomb.extend(gzipped_spaces().repeat(1000));
    assert_eq!(encoded("CreateQueue", "gzip", &bomb, &mut client).status, 413);
    assert_eq!(client.request("GET", "/health").status, 200);
}

/// A gzip member that stores `plain` as it is.
fn gzip_member(plain: &[u8]) -> Vec<u8> {
    let length = u16::try_from(plain.len()).expect("one block");
    let mut member = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1];
    member.extend_from_slice(&length.to_le_bytes());
    member.extend_from_slice(&(!length).to_le_bytes());
    member.extend_from_slice(plain);
    member.extend_from_slice(&crc32(plain).to_le_bytes());
    member.extend_from_slice(&u32::from(length).to_le_bytes());
    member
}

/// A gzip member of 290 bytes that decodes to 256 KiB of spaces, as zlib makes it.
fn gzipped_spaces() -> Vec<u8> {
    let head = b"\x1f\x8b\x08\0\0\0\0\0\x02\x03\
                 \xed\xc1\x31\x01\0\0\0\xc2\xa0\x2a\xeb\x9f\xd2\xdb\x0e\x40\x01";
    let tail = b"\xbc\x01\x34\xa0\x2f\x92\0\0\x04\0";
    let mut member = head.to_vec();
    member.resize(290 - tail.len(), 0);
    member.extend_from_slice(tail);
    member
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
