//! What a server for tests has: the admin API, the virtual clock, declared queues, queues that are created on use.

mod http_support;

use std::sync::Arc;

use http_support::{Answer, Client, TestServer, json};
use serde_json::Value;
use sluice_server::clock::{Clock, SystemClock, VirtualClock};
use sluice_server::services::Switch;
use sluice_server::services::sqs::declared_queues::DeclaredQueue;

const JSON: &str = "Content-Type: application/json\r\n";

fn post(client: &mut Client, path: &str, headers: &str, body: &str) -> Answer {
    let length = body.len();
    client.send(format!(
        "POST {path} HTTP/1.1\r\nHost: localhost\r\n{headers}Content-Length: {length}\r\n\r\n{body}"
    ));
    client.answer()
}

/// Makes a request of the admin API that succeeds.
fn admin(client: &mut Client, path: &str, body: &str) -> Value {
    let answer = post(client, path, JSON, body);
    assert_eq!(answer.status, 200, "{path} {body}: {}", answer.text());
    json(&answer)
}

/// Makes an SQS call that succeeds.
fn call(client: &mut Client, operation: &str, body: &str) -> Value {
    let answer = client.call(operation, body);
    assert_eq!(answer.status, 200, "{operation} {body}: {}", answer.text());
    match answer.body.is_empty() {
        true => Value::Null,
        false => json(&answer),
    }
}

/// The code of an SQS call that is refused.
fn refusal(client: &mut Client, operation: &str, body: &str) -> String {
    let answer = client.call(operation, body);
    assert_ne!(answer.status, 200, "{operation} {body}: {}", answer.text());
    json(&answer)["__type"].as_str().unwrap_or_default().to_owned()
}

fn messages(answer: &Value) -> usize {
    answer["Messages"].as_array().map_or(0, Vec::len)
}

fn virtual_server() -> TestServer {
    server_with(&Arc::new(VirtualClock::frozen_at(SystemClock.now_ms())))
}

fn server_with(clock: &Arc<VirtualClock>) -> TestServer {
    TestServer::start_with(|config| config.virtual_clock = Some(Arc::clone(clock)))
}

fn declared(name: &str) -> DeclaredQueue {
    DeclaredQueue {
        place: "queues.yaml:1".to_owned(),
        name: name.to_owned(),
        ..DeclaredQueue::default()
    }
}

#[test]
fn the_admin_api_can_be_off() {
    let server = TestServer::start_with(|config| config.admin = Switch::Off);
    let mut client = server.connect();
    for path in ["/_sluice/reset", "/_sluice/clock", "/_sluice/anything"] {
        assert_eq!(post(&mut client, path, JSON, "{}").status, 404, "{path}");
        assert_eq!(client.request("GET", path).status, 404, "{path}");
    }
    server.drain();
}

#[test]
fn web_pages_wrong_methods_and_wrong_bodies_are_refused() {
    let server = virtual_server();
    let mut client = server.connect();
    let origin = format!("{JSON}Origin: http://localhost\r\n");
    let form = "Content-Type: text/plain\r\n";
    for (path, headers, body, status) in [
        ("/_sluice/reset", origin.as_str(), "{}", 403),
        ("/_sluice/reset", form, "{}", 415),
        ("/_sluice/reset", "", "{}", 415),
        ("/_sluice/reset", JSON, "\"all\"", 400),
        ("/_sluice/reset", JSON, "{\"name\":1}", 400),
        ("/_sluice/clock", JSON, "{\"advance_ms\":-1}", 400),
        ("/_sluice/clock", JSON, "{\"advance_ms\":1,\"now_ms\":1}", 400),
        ("/_sluice/clock", JSON, "{\"now_ms\":1}", 400),
        ("/_sluice/clock", JSON, "{\"pace\":\"fast\"}", 400),
        ("/_sluice/queues", JSON, "{}", 405),
        ("/_sluice/", JSON, "{}", 404),
    ] {
        let answer = post(&mut client, path, headers, body);
        assert_eq!(answer.status, status, "{path} {headers} {body}: {}", answer.text());
        assert!(json(&answer)["error"].is_string(), "{}", answer.text());
    }
    let wrong = client.request("GET", "/_sluice/reset");
    assert_eq!((wrong.status, wrong.header("allow")), (405, "POST"));
    server.drain();
}

#[test]
fn the_system_clock_is_shown_and_cannot_be_set() {
    let server = TestServer::start();
    let mut client = server.connect();
    let shown = json(&client.request("GET", "/_sluice/clock"));
    assert_eq!((&shown["clock"], &shown["pace"]), (&"system".into(), &"running".into()));
    let refused = post(&mut client, "/_sluice/clock", JSON, "{\"advance_ms\":1}");
    assert_eq!(refused.status, 409, "{}", refused.text());
    server.drain();
}

#[test]
fn the_virtual_clock_is_frozen_advanced_set_and_run() {
    let clock = Arc::new(VirtualClock::frozen_at(SystemClock.now_ms()));
    let server = server_with(&clock);
    let mut client = server.connect();
    let begun = json(&client.request("GET", "/_sluice/clock"));
    assert_eq!((&begun["clock"], &begun["pace"]), (&"virtual".into(), &"frozen".into()));
    let begun_ms = begun["now_ms"].as_u64().expect("a time");
    let advanced = admin(&mut client, "/_sluice/clock", "{\"advance_ms\":5000}");
    assert_eq!(advanced["now_ms"], begun_ms + 5_000);
    let to_ms = begun_ms + 60_000;
    let set = admin(&mut client, "/_sluice/clock", &format!("{{\"now_ms\":{to_ms}}}"));
    assert_eq!(set["now_ms"], to_ms);
    let run = admin(&mut client, "/_sluice/clock", "{\"pace\":\"running\"}");
    assert_eq!(run["pace"], "running");
    assert!(run["now_ms"].as_u64() >= Some(to_ms));
    let frozen = admin(&mut client, "/_sluice/clock", "{\"pace\":\"frozen\"}");
    let again = json(&client.request("GET", "/_sluice/clock"));
    assert_eq!(frozen, again);
    server.drain();
    let anew = server_with(&clock);
    assert_eq!(json(&anew.connect().request("GET", "/_sluice/clock")), again, "it goes on");
    anew.drain();
}

#[test]
fn everything_that_depends_on_time_follows_the_virtual_clock() {
    let server = virtual_server();
    let mut client = server.connect();
    let begun = json(&client.request("GET", "/_sluice/clock"))["now_ms"].as_u64().expect("a time");
    let url = server.create_queue("q");
    let asked = format!("{{\"QueueUrl\":\"{url}\",\"AttributeNames\":[\"CreatedTimestamp\"]}}");
    let attributes = call(&mut client, "GetQueueAttributes", &asked);
    assert_eq!(attributes["Attributes"]["CreatedTimestamp"], (begun / 1000).to_string());

    let send = format!("{{\"QueueUrl\":\"{url}\",\"MessageBody\":\"m\",\"DelaySeconds\":900}}");
    let receive = format!("{{\"QueueUrl\":\"{url}\",\"VisibilityTimeout\":43200}}");
    call(&mut client, "SendMessage", &send);
    assert_eq!(messages(&call(&mut client, "ReceiveMessage", &receive)), 0);
    admin(&mut client, "/_sluice/clock", "{\"advance_ms\":899999}");
    assert_eq!(messages(&call(&mut client, "ReceiveMessage", &receive)), 0, "the delay");
    admin(&mut client, "/_sluice/clock", "{\"advance_ms\":1}");
    assert_eq!(messages(&call(&mut client, "ReceiveMessage", &receive)), 1, "the delay");
    admin(&mut client, "/_sluice/clock", "{\"advance_ms\":43199999}");
    assert_eq!(messages(&call(&mut client, "ReceiveMessage", &receive)), 0, "visibility");
    admin(&mut client, "/_sluice/clock", "{\"advance_ms\":1}");
    assert_eq!(messages(&call(&mut client, "ReceiveMessage", &receive)), 1, "visibility");
    admin(&mut client, "/_sluice/clock", "{\"advance_ms\":345600000}");
    let shown = json(&client.request("GET", "/_sluice/queues"));
    let counts = (&shown["queues"][0]["visible"], &shown["queues"][0]["in_flight"]);
    assert_eq!(counts, (&0.into(), &0.into()), "retention: {shown}");

    let named = format!("{{\"QueueUrl\":\"{url}\"}}");
    let create = "{\"QueueName\":\"q\"}";
    call(&mut client, "DeleteQueue", &named);
    let locked = refusal(&mut client, "CreateQueue", create);
    assert!(locked.ends_with("#QueueDeletedRecently"), "{locked}");
    admin(&mut client, "/_sluice/clock", "{\"advance_ms\":60000}");
    call(&mut client, "CreateQueue", create);
    server.drain();
}

#[test]
fn an_advance_wakes_a_long_poll() {
    let server = virtual_server();
    let url = server.create_queue("q");
    let mut client = server.connect();
    let send = format!("{{\"QueueUrl\":\"{url}\",\"MessageBody\":\"m\",\"DelaySeconds\":10}}");
    call(&mut client, "SendMessage", &send);
    let receive = format!("{{\"QueueUrl\":\"{url}\",\"WaitTimeSeconds\":20}}");
    let mut waiting = server.connect();
    waiting.send_call("ReceiveMessage", &receive);
    admin(&mut client, "/_sluice/clock", "{\"advance_ms\":10000}");
    assert_eq!(messages(&json(&waiting.answer())), 1);
    server.drain();
}

#[test]
fn a_long_poll_ends_in_real_time_when_the_clock_stands_still() {
    let server = virtual_server();
    let url = server.create_queue("q");
    let mut client = server.connect();
    let receive = format!("{{\"QueueUrl\":\"{url}\",\"WaitTimeSeconds\":1}}");
    assert_eq!(messages(&call(&mut client, "ReceiveMessage", &receive)), 0);
    let send = format!("{{\"QueueUrl\":\"{url}\",\"MessageBody\":\"m\"}}");
    call(&mut client, "SendMessage", &send);
    assert_eq!(messages(&call(&mut client, "ReceiveMessage", &receive)), 1, "nobody else took it");
    server.drain();
}

#[test]
fn a_reset_leaves_the_declared_queues_and_nothing_else() {
    let server = TestServer::start_with(|config| {
        config.declared_queues = vec![declared("declared"), declared("other.fifo")];
    });
    let mut client = server.connect();
    let url = json(&client.call("GetQueueUrl", "{\"QueueName\":\"declared\"}"));
    let url = url["QueueUrl"].as_str().expect("it was declared").to_owned();
    let passing = server.create_queue("passing");
    let deleted = server.create_queue("deleted");
    call(&mut client, "DeleteQueue", &format!("{{\"QueueUrl\":\"{deleted}\"}}"));
    for url in [&url, &passing] {
        let send = format!("{{\"QueueUrl\":\"{url}\",\"MessageBody\":\"m\"}}");
        call(&mut client, "SendMessage", &send);
    }

    let reset = admin(&mut client, "/_sluice/reset", "{}");
    assert_eq!(reset, serde_json::json!({ "deleted": 3, "created": 2 }));
    let shown = json(&client.request("GET", "/_sluice/queues"));
    let queues = shown["queues"].as_array().expect("a list");
    let names: Vec<&str> = queues.iter().filter_map(|queue| queue["name"].as_str()).collect();
    assert_eq!(names, ["declared", "other.fifo"]);
    assert!(queues.iter().all(|queue| queue["visible"] == 0), "{shown}");
    // The names of deleted queues can be used at once.
    for name in ["deleted", "passing"] {
        call(&mut client, "CreateQueue", &format!("{{\"QueueName\":\"{name}\"}}"));
    }
    assert_ne!(admin(&mut client, "/_sluice/reset", "")["deleted"], 0);
    server.drain();
}

#[test]
fn a_declared_queue_that_exists_is_left_as_it_is() {
    let server = TestServer::start_with(|config| config.declared_queues = vec![declared("q")]);
    let mut client = server.connect();
    let url = server.create_queue("q");
    let set = format!("{{\"QueueUrl\":\"{url}\",\"Attributes\":{{\"DelaySeconds\":\"7\"}}}}");
    call(&mut client, "SetQueueAttributes", &set);
    let (runtime, drain, dir) = server.start_drain();
    runtime.block_on(drain).expect("it drains");
    let server = TestServer::start_in(dir, |config| {
        let mut queue = declared("q");
        queue.attributes.insert("DelaySeconds".to_owned(), "9".to_owned());
        config.declared_queues = vec![queue];
    });
    let asked = format!("{{\"QueueUrl\":\"{url}\",\"AttributeNames\":[\"DelaySeconds\"]}}");
    let attributes = call(&mut server.connect(), "GetQueueAttributes", &asked);
    assert_eq!(attributes["Attributes"]["DelaySeconds"], "7");
    server.drain();
}

#[test]
fn queues_are_created_on_use_when_asked() {
    let server = TestServer::start_with(|config| {
        config.extensions.create_queues_on_use = Switch::On;
    });
    let mut client = server.connect();
    let found = call(&mut client, "GetQueueUrl", "{\"QueueName\":\"orders.fifo\"}");
    let url = found["QueueUrl"].as_str().expect("a URL").to_owned();
    let asked = format!("{{\"QueueUrl\":\"{url}\",\"AttributeNames\":[\"FifoQueue\"]}}");
    assert_eq!(call(&mut client, "GetQueueAttributes", &asked)["Attributes"]["FifoQueue"], "true");
    let named = |url: &str| format!("{{\"QueueUrl\":\"{url}\"}}");
    let standard = url.replace("orders.fifo", "orders");
    assert_eq!(messages(&call(&mut client, "ReceiveMessage", &named(&standard))), 0);
    let send =
        format!("{{\"QueueUrl\":\"{}\",\"MessageBody\":\"m\"}}", url.replace("orders.fifo", "new"));
    call(&mut client, "SendMessage", &send);

    // No queue can be called so; deleting is no use; and what was deleted does not come back by being polled.
    for url in [
        url.replace("orders", "a b"),
        "http://localhost/".to_owned(),
        url.replace("000000000000", "someone"),
        format!("/queue/a\\u0000b{}", url.replace("http://localhost", "")),
    ] {
        let gone = refusal(&mut client, "ReceiveMessage", &named(&url));
        assert!(gone.ends_with("#QueueDoesNotExist"), "{url}: {gone}");
    }
    let absent = named(&url.replace("orders.fifo", "absent"));
    assert!(refusal(&mut client, "DeleteQueue", &absent).ends_with("#QueueDoesNotExist"));
    call(&mut client, "DeleteQueue", &named(&standard));
    let gone = refusal(&mut client, "ReceiveMessage", &named(&standard));
    assert!(gone.ends_with("#QueueDoesNotExist"), "{gone}");
    server.drain();
}

#[test]
fn a_page_in_a_browser_is_no_caller() {
    let server = virtual_server();
    let url = server.create_queue("q");
    let mut client = server.connect();
    let target = "/?Action=DeleteQueue&Version=2012-11-05&QueueUrl=/000000000000/q";
    for header in ["Sec-Fetch-Site: cross-site", "Origin: http://example.com"] {
        client.send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n"));
        let answer = client.answer();
        assert_eq!(answer.status, 403, "{header}");
        assert!(answer.text().contains("AccessDenied"), "{}", answer.text());
    }
    assert_eq!(
        messages(&call(&mut client, "ReceiveMessage", &format!("{{\"QueueUrl\":\"{url}\"}}"))),
        0
    );
    client
        .send(format!("GET {target} HTTP/1.1\r\nHost: localhost\r\nSec-Fetch-Site: none\r\n\r\n"));
    assert_eq!(client.answer().status, 200);
    server.drain();
}
