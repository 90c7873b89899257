//! HTTP as clients speak it: versions, pipelining, status endpoints, names on the wire.

mod http_support;

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt, Full};
use http_support::{TestServer, json};
use hyper::client::conn::http2::SendRequest;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sluice_server::config::Forwarded;

#[test]
fn http_1_0_is_answered_and_closed() {
    let server = TestServer::start();
    let mut client = server.connect();
    client.send("GET /?Action=ListQueues HTTP/1.0\r\n\r\n");
    let answer = client.answer();
    assert!(answer.status == 200 || answer.status == 400, "{}", answer.text());
    client.expect_close();
}

#[test]
fn pipelined_requests_are_answered_in_order() {
    let server = TestServer::start();
    let mut client = server.connect();
    for name in ["a", "b", "c", "d"] {
        client.send_call("CreateQueue", &format!("{{\"QueueName\":\"{name}\"}}"));
    }
    for name in ["a", "b", "c", "d"] {
        let url = format!("http://localhost/000000000000/{name}");
        assert_eq!(json(&client.answer())["QueueUrl"], url);
    }
}

#[test]
fn http_2_with_prior_knowledge_is_served_on_the_same_port() {
    let server = TestServer::start();
    let addr = server.addr;
    server.runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(addr).await.expect("the server accepts");
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .handshake(TokioIo::new(stream))
            .await
            .expect("the server speaks HTTP/2");
        let mut tasks = tokio::task::JoinSet::new();
        let connection = tasks.spawn(async move { connection.await.expect("a clean end") });
        for number in 0..50 {
            tasks.spawn(create_queue_by_http_2(sender.clone(), number));
        }
        drop(sender);
        while let Some(task) = tasks.join_next().await {
            task.expect("no task panics");
        }
        assert!(connection.is_finished());
    });
}

async fn create_queue_by_http_2(mut sender: SendRequest<Full<Bytes>>, number: u32) {
    let body = format!("{{\"QueueName\":\"h2-{number}\"}}");
    let request = Request::post("http://queues.example:9324/")
        .header("x-amz-target", "AmazonSQS.CreateQueue")
        .header("content-type", "application/x-amz-json-1.0")
        .body(Full::from(body))
        .expect("a valid request");
    let response = sender.send_request(request).await.expect("an answer");
    assert_eq!(response.status(), StatusCode::OK);
    assert!(response.headers().contains_key("x-amzn-requestid"));
    let body = response.into_body().collect().await.expect("a body").to_bytes();
    let text = String::from_utf8_lossy(&body).into_owned();
    let url = format!("http://queues.example:9324/000000000000/h2-{number}");
    assert!(text.contains(&url), "{text}");
}

#[test]
fn an_http_2_head_is_bounded_before_it_is_complete() {
    let server = TestServer::start();
    let addr = server.addr;
    server.runtime.block_on(async {
        let stream = tokio::net::TcpStream::connect(addr).await.expect("the server accepts");
        let (mut sender, connection) =
            hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
                .await
                .expect("the server speaks HTTP/2");
        let mut tasks = tokio::task::JoinSet::new();
        tasks.spawn(connection);
        for (bytes, status) in
            [(12 * 1024, StatusCode::OK), (17 * 1024, StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE)]
        {
            let request = Request::get("http://queues.example/health")
                .header("x-amz-security-token", "t".repeat(bytes))
                .body(Full::<Bytes>::default())
                .expect("a valid request");
            let response = sender.send_request(request).await.expect("an answer");
            assert_eq!(response.status(), status);
        }
    });
}

#[test]
fn a_hostile_host_does_not_reach_queue_urls() {
    let server = TestServer::start();
    let expected = format!("http://{}/000000000000/q", server.addr);
    let body = r#"{"QueueName":"q"}"#;
    for host in ["evil\"<x>&", "user@evil", "evil/path", "a b", "[::1", ""] {
        let mut client = server.connect();
        client.send(format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nX-Amz-Target: AmazonSQS.CreateQueue\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        ));
        assert_eq!(json(&client.answer())["QueueUrl"], expected, "{host}");
    }
}

#[test]
fn a_trusted_proxy_decides_scheme_and_host() {
    let server = TestServer::start_with(|config| config.listener.forwarded = Forwarded::Trusted);
    let mut client = server.connect();
    let body = r#"{"QueueName":"q"}"#;
    client.send(format!(
        "POST / HTTP/1.1\r\nHost: inside\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: outside.example\r\n\
         X-Amz-Target: AmazonSQS.CreateQueue\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(json(&client.answer())["QueueUrl"], "https://outside.example/000000000000/q");
}

#[test]
fn unknown_operations_are_refused_in_the_protocol_of_the_caller() {
    let server = TestServer::start();
    let mut client = server.connect();
    let answer = client.call("Frobnicate", "{}");
    assert_eq!(answer.status, 400);
    assert_eq!(answer.header("x-amzn-query-error"), "InvalidAction;Sender");
    assert_eq!(json(&answer)["__type"], "com.amazon.coral.service#UnknownOperationException");
    let answer = client.request("GET", "/?Action=Frobnicate&Version=2012-11-05");
    assert_eq!(answer.status, 400);
    let text = answer.text();
    assert!(text.contains("<Code>InvalidAction</Code>"), "{text}");
    assert!(text.contains("The action Frobnicate is not valid for this endpoint."), "{text}");
    assert!(text.contains(answer.header("x-amzn-requestid")), "{text}");
    let answer = client.request("GET", "/");
    assert_eq!(answer.status, 404);
    assert!(answer.text().starts_with("<UnknownOperationException"), "{}", answer.text());
}

#[test]
fn health_readiness_and_metrics_are_there() {
    let server = TestServer::start();
    server.create_queue("measured");
    let mut client = server.connect();
    for path in ["/health", "/ready", "/metrics"] {
        let answer = client.request("GET", path);
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.header("x-amzn-requestid").len(), 36, "{path}");
        assert_eq!(client.request("HEAD", path).status, 200, "{path}");
        let refused = client.request("DELETE", path);
        assert_eq!((refused.status, refused.header("allow")), (405, "GET, HEAD"), "{path}");
    }
    let text = client.request("GET", "/metrics").text();
    for line in [
        "sluice_requests_total{service=\"sqs\",operation=\"CreateQueue\",status=\"200\",code=\"\"} 1",
        "sluice_connections_open 1",
        "sluice_request_duration_seconds_count{service=\"sqs\",operation=\"CreateQueue\"} 1",
        "sluice_messages_visible{",
        "sluice_store_sync_duration_seconds_bucket{le=\"+Inf\"}",
        "process_resident_memory_bytes ",
        "sluice_build_info{version=",
        "# EOF",
    ] {
        assert!(text.contains(line), "no {line} in:\n{text}");
    }
}

#[test]
fn every_request_has_an_id_of_its_own() {
    let server = TestServer::start();
    let mut client = server.connect();
    let first = client.call("ListNothing", "{}").header("x-amzn-requestid").to_owned();
    let second = client.call("ListNothing", "{}").header("x-amzn-requestid").to_owned();
    assert_ne!(first, second);
    assert_eq!((first.len(), first.as_bytes()[14]), (36, b'4'));
}
