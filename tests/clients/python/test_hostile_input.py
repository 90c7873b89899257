"""Input that nobody should send. The server refuses it or closes the connection; it never fails (5xx), hangs, dies or logs an error."""

import gzip
import json
import random
import socket
import struct
import time

import pytest
from raw import FORM, HOST, JSON, PORT, TIMEOUT_SECONDS, assert_alive, assert_error, aws_json, call, exchange, fresh_queue, ok
from raw import request_bytes, statuses

SERIALIZATION = "com.amazon.coral.service#SerializationException", "MalformedInput"
UNKNOWN_OPERATION = "com.amazon.coral.service#UnknownOperationException", "InvalidAction"


@pytest.fixture(scope="module")
def queue():
    return fresh_queue("hostile")


@pytest.fixture(autouse=True)
def unharmed():
    yield
    assert_alive()


def assert_refused(answer):
    assert 400 <= answer.status < 500, answer


def assert_refused_or_closed(received):
    assert all(400 <= status < 500 for status in statuses(received)), received[:500]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"   ",
        b"{",
        b'{"QueueUrl": "x", "MessageBody": "',
        b'{"QueueUrl": "x"} trailing',
        b"[]",
        b'"text"',
        b"17",
        b"null",
        b"{'QueueUrl': 'x'}",
        b'{"QueueUrl": "x", "MessageBody": "\xff\xfe"}',
        b'{"QueueUrl": "x", "MessageBody": "\xed\xa0\x80"}',
        b'{"QueueUrl": "x", "MessageBody": "\\ud800"}',
        b'{"QueueUrl": "x", "MessageBody": "raw \x01 control"}',
        b"\xef\xbb\xbf{}",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"QueueUrl": "x", "Unknown": ' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b"\x00" * 1000,
    ],
    ids=lambda body: repr(body[:24]),
)
def test_malformed_json(body):
    assert_refused(aws_json("SendMessage", body))


@pytest.mark.parametrize("body", [b"{", b"[]", b'"text"', b"17", b'{"QueueUrl": "x"'])
def test_malformed_json_is_named(body):
    assert_error(aws_json("SendMessage", body), *SERIALIZATION)


@pytest.mark.parametrize(
    "action, members",
    [
        ("SendMessage", {"MessageBody": ["x"]}),
        ("SendMessage", {"MessageBody": {"x": 1}}),
        ("SendMessage", {"MessageBody": "x", "MessageAttributes": [1]}),
        ("SendMessage", {"MessageBody": "x", "MessageAttributes": {"a": "b"}}),
        ("SendMessage", {"MessageBody": "x", "MessageAttributes": {"a": {"DataType": "Binary", "BinaryValue": "not base64!"}}}),
        ("SendMessage", {"MessageBody": "x", "DelaySeconds": "soon"}),
        ("SendMessage", {"MessageBody": "x", "DelaySeconds": []}),
        ("SendMessage", {"MessageBody": "x", "DelaySeconds": -1}),
        ("SendMessage", {"MessageBody": "x", "DelaySeconds": 2**31}),
        ("SendMessage", {"MessageBody": "x", "DelaySeconds": 2**63}),
        ("SendMessage", {"MessageBody": "x", "DelaySeconds": 10**400}),
        ("SendMessageBatch", {"Entries": {}}),
        ("SendMessageBatch", {"Entries": [[]]}),
        ("SendMessageBatch", {"Entries": ["x"]}),
        ("SendMessageBatch", {"Entries": [{}] * 3}),
        ("SendMessageBatch", {"Entries": [{"Id": "a", "MessageBody": "x"}] * 100_000}),
        ("ReceiveMessage", {"MaxNumberOfMessages": 2**40}),
        ("ReceiveMessage", {"WaitTimeSeconds": 10**30}),
        ("ReceiveMessage", {"VisibilityTimeout": -(2**31)}),
        ("ReceiveMessage", {"AttributeNames": "All"}),
        ("SetQueueAttributes", {"Attributes": {"VisibilityTimeout": {"a": 1}}}),
        ("SetQueueAttributes", {"Attributes": {"VisibilityTimeout": "9" * 5000}}),
        ("SetQueueAttributes", {"Attributes": {"Policy": "{" * 5000}}),
        ("SetQueueAttributes", {"Attributes": {"RedrivePolicy": "[]"}}),
        ("DeleteMessage", {"ReceiptHandle": "A" * 500_000}),
        ("DeleteMessage", {"ReceiptHandle": "🦀" * 500}),
        ("DeleteMessage", {}),
        ("ChangeMessageVisibility", {"ReceiptHandle": "x"}),
        ("ChangeMessageVisibility", {"ReceiptHandle": "x", "VisibilityTimeout": 2**62}),
        ("TagQueue", {"Tags": {"k" * 100_000: "v"}}),
        ("TagQueue", {"Tags": "x"}),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_wrong_types_and_absurd_values(queue, action, members):
    assert_refused(aws_json(action, {"QueueUrl": queue, **members}))


@pytest.mark.parametrize("name", ["", " ", "a b", "x" * 81, "../../etc/passwd", "q\x00", "q/../r", "é", "a.b", "%2e%2e", None, []])
def test_queue_names(name):
    assert_refused(aws_json("CreateQueue", {"QueueName": name}))


@pytest.mark.parametrize("delay", [1.5, "5", True, 1e0])
def test_numbers_of_other_kinds_do_no_harm(queue, delay):
    assert aws_json("SendMessage", {"QueueUrl": queue, "MessageBody": "x", "DelaySeconds": delay}).status in (200, 400)


def test_duplicate_keys_and_unknown_members_do_no_harm(queue):
    body = b'{"QueueUrl": %s, "MessageBody": "a", "MessageBody": "b", "Unknown": {"x": [1, {"y": null}]}}' % json.dumps(queue).encode()
    assert aws_json("SendMessage", body).status in (200, 400)


@pytest.mark.parametrize("target", ["AmazonSQS.BrewCoffee", "AmazonSQS.", "AmazonSQS", "", "sendmessage", "AmazonSQS.SendMessage.x", "x" * 5000])
def test_unknown_operation(target):
    assert_error(call("POST", "/", b"{}", {"Content-Type": JSON, "X-Amz-Target": target}), *UNKNOWN_OPERATION)


def test_target_of_another_service():
    assert_refused(call("POST", "/", b"{}", {"Content-Type": JSON, "X-Amz-Target": "DynamoDB_20120810.ListTables"}))


@pytest.mark.parametrize("content_type", ["text/html", "application/json", "application/xml", "multipart/form-data", "x" * 3000, ";;;", ""])
def test_other_content_types(content_type):
    answer = call("POST", "/", b'{"QueueName": "x"}', {"Content-Type": content_type})
    assert_refused(answer)


def test_json_body_announced_as_form_and_the_reverse(queue):
    assert_refused(call("POST", "/", json.dumps({"QueueUrl": queue}).encode(), {"Content-Type": FORM}))
    assert_refused(aws_json("SendMessage", b"Action=SendMessage&MessageBody=x"))


@pytest.mark.parametrize(
    "text",
    [
        "Action=SendMessageBatch&SendMessageBatchRequestEntry.999999999.Id=a&SendMessageBatchRequestEntry.4294967296.Id=b",
        "Action=SendMessageBatch&SendMessageBatchRequestEntry.-1.Id=a",
        "Action=SendMessageBatch&SendMessageBatchRequestEntry.99999999999999999999999999.Id=a",
        "Action=SendMessageBatch&SendMessageBatchRequestEntry..Id=a&SendMessageBatchRequestEntry=x",
        "Action=SendMessageBatch&" + "&".join(f"SendMessageBatchRequestEntry.{n}.Id=a" for n in range(1, 20_000)),
        "Action=SendMessage&MessageBody=x&MessageAttribute.1000000000.Name=a&MessageAttribute.1000000000.Value.DataType=String",
        "Action=SendMessage&MessageBody=x&MessageAttribute.1.Value.Value.Value.Value=a",
        "Action=SendMessage&MessageBody=x&" + "MessageAttribute" + ".1" * 20_000 + "=a",
        "Action=SendMessage&MessageBody=x&MessageAttribute.1.Name=a&MessageAttribute.1.Value.DataType=Binary"
        "&MessageAttribute.1.Value.BinaryValue=%%%",
        "Action=SendMessage&MessageBody=%ff%fe",
        "Action=SendMessage&MessageBody=%00",
        "Action=SendMessage&MessageBody=x&DelaySeconds=1e3",
        "Action=SendMessage&MessageBody=x&DelaySeconds=" + "9" * 1000,
        "Action=ReceiveMessage&MaxNumberOfMessages=abc",
        "Action=&MessageBody=x",
        "Action=SendMessage&&&=&==&MessageBody",
        "Action=" + "A" * 100_000,
        "&" * 100_000,
        "%" * 1000,
    ],
    ids=lambda text: text[:48],
)
def test_absurd_forms(queue, text):
    # Unknown parameters are ignored, so some of these are served.
    assert call("POST", queue[queue.index("/", 8) :], text.encode(), {"Content-Type": FORM}).status < 500


def test_oversized_body_is_refused_without_reading_it_all():
    length = 2**33
    received = exchange(request_bytes("SendMessage", b"{", f"Content-Length: {length}", length=False))
    assert_refused_or_closed(received)
    answer = exchange(request_bytes("SendMessage", b'{"MessageBody": "' + b"x" * 64_000_000 + b'"}'))
    assert_refused_or_closed(answer)


def test_endless_chunks_are_cut_off():
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    received = exchange(request_bytes("SendMessage", chunk * 1000, "Transfer-Encoding: chunked", length=False))
    assert_refused_or_closed(received)


@pytest.mark.parametrize("coding, body", [
    ("gzip", b"garbage"),
    ("gzip", gzip.compress(b'{"QueueUrl": "x"}', mtime=0)[:-5]),
    ("gzip", b""),
    ("gzip, gzip, gzip", gzip.compress(b"{}", mtime=0)),
    ("br", b"{}"),
    ("x" * 1000, b"{}"),
])
def test_garbage_content_encoding(coding, body):
    assert_refused(aws_json("SendMessage", body, {"Content-Encoding": coding}))


def test_gzip_bomb():
    bomb = gzip.compress(b'{"MessageBody": "' + b"x" * 300_000_000 + b'"}', compresslevel=1)
    started = time.monotonic()
    assert_refused(aws_json("SendMessage", bomb, {"Content-Encoding": "gzip"}))
    assert time.monotonic() - started < TIMEOUT_SECONDS


@pytest.mark.parametrize("headers", [
    ["X-Long: " + "x" * 1_000_000],
    [f"X-Many-{n}: y" for n in range(20_000)],
    ["Content-Length: 5", "Content-Length: 9"],
    ["Content-Length: 2", "Transfer-Encoding: chunked"],
    ["Transfer-Encoding: chunked, identity"],
    ["Transfer-Encoding: nonsense"],
    ["Content-Length: -1"],
    ["Content-Length: 99999999999999999999999"],
    ["Content-Length: 0x10"],
    ["Bad Header Name: x"],
    [": no name"],
    ["X-Null: a\x00b"],
    ["no colon at all"],
], ids=lambda headers: headers[0][:32])
def test_hostile_headers(headers):
    assert_refused_or_closed(exchange(request_bytes("BrewCoffee", b"{}", *headers, length=False)))


@pytest.mark.parametrize("authorization", [
    "AWS4-HMAC-SHA256", "AWS4-HMAC-SHA256 Credential=", "AWS4-HMAC-SHA256 Credential=////////,,,,==",
    "AWS4-HMAC-SHA256 Credential=test/20260101/../../sqs/aws4_request, SignedHeaders=, Signature=", "Basic dGVzdDp0ZXN0", "x" * 8000, "",
])
def test_odd_credentials_never_fail_the_server(authorization):
    assert aws_json("ListQueues", {}, {"Authorization": authorization}).status < 500


@pytest.mark.parametrize("line", [
    b"GET\r\n\r\n", b"\r\n\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b"GET " + b"/x" * 500_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET http://[::1 HTTP/1.1\r\n\r\n", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 200, b"\x00" * 5000,
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + b"\xff" * 1000, b"PRI * HTTP/2.0\r\n\r\nXX\r\n\r\n", b"POST / HTTP/1.1\nHost: x\n\n",
    b"CONNECT example:443 HTTP/1.1\r\nHost: example\r\n\r\n", b"GET * HTTP/1.1\r\nHost: x\r\n\r\n",
], ids=lambda line: repr(line[:24]))
def test_not_http(line):
    assert_refused_or_closed(exchange(line))


@pytest.mark.parametrize("path", ["/%00", "/%ff%fe", "/..%2f..%2fetc/passwd", "//", "/000000000000/", "/a/b/c/d/e/f/g", "/" + "x" * 10_000, "/queue/", "/?" + "a" * 50_000])
def test_odd_paths(path):
    assert call("GET", path).status < 500
    assert aws_json("ListQueues", {}, path=path).status < 500


def test_clients_that_go_away_in_the_middle():
    whole = request_bytes("ListQueues", b'{"QueueNamePrefix": "x"}')
    for cut in [1, 5, 20, len(whole) // 2, len(whole) - 1]:
        for reset in [False, True]:
            connection = socket.create_connection((HOST, PORT), timeout=TIMEOUT_SECONDS)
            if reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            connection.sendall(whole[:cut])
            connection.close()


def test_slow_clients_do_not_block_others(queue):
    slow = [socket.create_connection((HOST, PORT), timeout=TIMEOUT_SECONDS) for _ in range(200)]
    try:
        for connection in slow:
            connection.sendall(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Le")
        assert ok("SendMessage", QueueUrl=queue, MessageBody="x")["MessageId"]
    finally:
        for connection in slow:
            connection.close()


def test_random_damage(queue):
    """A valid request with random bytes changed: 300 times, always the same ones."""
    random_ = random.Random(20260101)
    whole = request_bytes("SendMessage", json.dumps({"QueueUrl": queue, "MessageBody": "x", "DelaySeconds": 0}).encode())
    for _ in range(300):
        damaged = bytearray(whole)
        for _ in range(random_.randint(1, 4)):
            damaged[random_.randrange(len(damaged))] = random_.randrange(256)
        assert all(status < 500 for status in statuses(exchange(bytes(damaged)))), bytes(damaged)
