"""The corners of HTTP and of both protocols that are legal, and that some client somewhere uses."""

import gzip
import json
import socket
import xml.etree.ElementTree as xml

import httpx
import pytest
from raw import AUTHORIZATION, ENDPOINT, HOST, JSON, PORT, TIMEOUT_SECONDS, aws_json, assert_error, call, exchange, fresh_queue, ok
from raw import query, request_bytes, statuses

NAMESPACE = "{http://queue.amazonaws.com/doc/2012-11-05/}"


def test_operations_without_output_answer_with_no_body():
    queue = fresh_queue("silent")
    ok("SendMessage", QueueUrl=queue, MessageBody="x")
    (message,) = ok("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    handle = {"QueueUrl": queue, "ReceiptHandle": message["ReceiptHandle"]}
    for action, members in [
        ("ChangeMessageVisibility", {**handle, "VisibilityTimeout": 60}),
        ("DeleteMessage", handle),
        ("SetQueueAttributes", {"QueueUrl": queue, "Attributes": {"DelaySeconds": "0"}}),
        ("TagQueue", {"QueueUrl": queue, "Tags": {"a": "b"}}),
        ("UntagQueue", {"QueueUrl": queue, "TagKeys": ["a"]}),
        ("PurgeQueue", {"QueueUrl": queue}),
        ("DeleteQueue", {"QueueUrl": queue}),
    ]:
        answer = aws_json(action, members)
        assert (answer.status, answer.body, answer.headers["Content-Length"]) == (200, b"", "0"), action
        assert answer.headers["Content-Type"] == JSON
        assert answer.headers["x-amzn-RequestId"]


def test_nothing_to_say_is_an_empty_object():
    queue = fresh_queue("nothing")
    for action in ["ReceiveMessage", "ListQueueTags", "GetQueueAttributes", "ListDeadLetterSourceQueues"]:
        assert aws_json(action, {"QueueUrl": queue}).body == b"{}", action
    assert aws_json("ListQueues", {"QueueNamePrefix": "no-queue-begins-like-this"}).body == b"{}"


def test_json_errors_carry_both_names():
    missing = aws_json("SendMessage", {"QueueUrl": f"{ENDPOINT}/000000000000/absent", "MessageBody": "x"})
    assert_error(missing, "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")
    assert json.loads(missing.body)["message"] == "The specified queue does not exist."
    queue = fresh_queue("errors")
    value = aws_json("ReceiveMessage", {"QueueUrl": queue, "MaxNumberOfMessages": 11})
    assert_error(value, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue")
    expected = "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: Must be between 1 and 10, if provided."
    assert json.loads(value.body)["message"] == expected
    body = aws_json("SendMessage", {"QueueUrl": queue, "MessageBody": ""})
    assert_error(body, "com.amazon.coral.service#MissingRequiredParameterException", "MissingParameter")
    handle = aws_json("DeleteMessage", {"QueueUrl": queue, "ReceiptHandle": "garbage"})
    assert_error(handle, "com.amazonaws.sqs#ReceiptHandleIsInvalid", "ReceiptHandleIsInvalid", 404)
    expected = 'The input receipt handle "garbage" is not a valid receipt handle.'
    assert json.loads(handle.body)["message"] == expected


def test_query_answers_in_xml():
    queue = fresh_queue("xml")
    sent = query("SendMessage", QueueUrl=queue, MessageBody='a\rb"c<&>')
    assert (sent.status, sent.headers["Content-Type"].split(";")[0]) == (200, "text/xml")
    assert xml.fromstring(sent.body).tag == NAMESPACE + "SendMessageResponse"
    received = query("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=5)
    assert b"a&#xD;b&quot;c&lt;&amp;" in received.body
    root = xml.fromstring(received.body)
    assert root.find(f"{NAMESPACE}ReceiveMessageResult/{NAMESPACE}Message/{NAMESPACE}Body").text == 'a\rb"c<&>'
    assert root.find(f"{NAMESPACE}ResponseMetadata/{NAMESPACE}RequestId").text == received.headers["x-amzn-RequestId"]


def test_query_errors_in_xml():
    answer = query("SendMessage", QueueUrl=f"{ENDPOINT}/000000000000/absent", MessageBody="x")
    assert answer.status == 400
    error = xml.fromstring(answer.body).find(NAMESPACE + "Error")
    parts = {child.tag.removeprefix(NAMESPACE): child.text for child in error}
    assert parts == {
        "Type": "Sender",
        "Code": "AWS.SimpleQueueService.NonExistentQueue",
        "Message": "The specified queue does not exist for this wsdl version.",
        "Detail": None,
    }


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_query_on_the_path_of_the_queue(method):
    queue = fresh_queue("path")
    path = queue.removeprefix(ENDPOINT)
    assert query("SendMessage", path, method, MessageBody="by path").status == 200
    assert b"by path" in query("ReceiveMessage", path + "/", method, WaitTimeSeconds=5).body
    refused = query("ListQueues", path, method)
    assert refused.status == 400 and b"<Code>InvalidAction</Code>" in refused.body


def test_query_without_action():
    answer = call("GET", "/?Version=2012-11-05")
    assert answer.status == 404
    assert b"<UnknownOperationException" in answer.body


def test_query_with_an_unknown_action():
    answer = query("BrewCoffee")
    assert answer.status == 400
    assert b"<Code>InvalidAction</Code>" in answer.body


def test_query_in_legacy_json():
    queue = fresh_queue("legacy")
    accept = {"Accept": "application/json"}
    listed = query("ListQueues", method="GET", headers=accept, QueueNamePrefix=queue.rsplit("/", 1)[1])
    answer = json.loads(listed.body)["ListQueuesResponse"]
    assert answer["ListQueuesResult"]["queueUrls"] == [queue]
    assert answer["ResponseMetadata"]["RequestId"]
    refused = query("GetQueueUrl", method="GET", headers=accept, QueueName="absent")
    assert refused.status == 400
    assert json.loads(refused.body)["Error"]["Code"] == "AWS.SimpleQueueService.NonExistentQueue"


def test_json_on_the_path_of_the_queue():
    queue = fresh_queue("jsonpath")
    answer = aws_json("SendMessage", {"QueueUrl": queue, "MessageBody": "x"}, path=queue.removeprefix(ENDPOINT))
    assert answer.status == 200 and json.loads(answer.body)["MessageId"]


def test_every_spelling_of_a_queue_url():
    queue = fresh_queue("spelling")
    account, name = queue.rsplit("/", 2)[1:]
    spellings = [queue, queue + "/", name, f"https://sqs.us-east-1.amazonaws.com/{account}/{name}", f"/{account}/{name}"]
    spellings += [f"http://localhost:1/queue/{name}", f"http://localhost:1/queue/us-east-1/{account}/{name}"]
    for spelling in spellings:
        assert aws_json("SendMessage", {"QueueUrl": spelling, "MessageBody": "x"}).status == 200, spelling
    for wrong in ["", "http://whatever-incorrect-queue-address", queue.upper()]:
        answer = aws_json("SendMessage", {"QueueUrl": wrong, "MessageBody": "x"})
        assert_error(answer, "com.amazonaws.sqs#QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue")


def test_the_url_carries_the_host_that_the_client_used():
    queue = fresh_queue("host")
    name = queue.rsplit("/", 1)[1]
    answer = aws_json("GetQueueUrl", {"QueueName": name}, headers={"Host": "queues.example:4100"})
    assert json.loads(answer.body)["QueueUrl"].startswith("http://queues.example:4100/")


def test_header_names_and_content_type_are_not_picky():
    headers = {"x-AMZ-target": "AmazonSQS.ListQueues", "CONTENT-type": "application/x-amz-json-1.0; charset=UTF-8"}
    assert call("POST", "/", b"{}", headers).status == 200


def test_null_is_absent():
    queue = fresh_queue("null")
    members = {"QueueUrl": queue, "MessageBody": "x", "DelaySeconds": None, "MessageAttributes": None}
    assert aws_json("SendMessage", members).status == 200


def test_trace_header_becomes_a_system_attribute():
    queue = fresh_queue("trace")
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    assert aws_json("SendMessage", {"QueueUrl": queue, "MessageBody": "x"}, {"X-Amzn-Trace-Id": trace}).status == 200
    (message,) = ok("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=5, AttributeNames=["AWSTraceHeader"])["Messages"]
    assert message["Attributes"] == {"AWSTraceHeader": trace}


@pytest.mark.parametrize("unit", ["x", "\n", "é", '"'])
def test_a_body_of_one_mebibyte_in_both_protocols(unit):
    queue = fresh_queue("large")
    body = unit * (1_048_576 // len(unit.encode()))
    assert aws_json("SendMessage", {"QueueUrl": queue, "MessageBody": body}).status == 200
    assert query("SendMessage", QueueUrl=queue, MessageBody=body).status == 200
    for _ in range(2):
        (message,) = ok("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
        assert message["Body"] == body
    answer = aws_json("SendMessage", {"QueueUrl": queue, "MessageBody": body + "x"})
    assert_error(answer, "com.amazon.coral.service#InvalidParameterValueException", "InvalidParameterValue")
    assert query("SendMessage", QueueUrl=queue, MessageBody=body + "x").status == 400


def test_gzip_request_body():
    queue = fresh_queue("gzip")
    body = gzip.compress(json.dumps({"QueueUrl": queue, "MessageBody": "squeezed"}).encode())
    answer = aws_json("SendMessage", body, {"Content-Encoding": "gzip"})
    assert answer.status == 200, answer
    (message,) = ok("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert message["Body"] == "squeezed"


def test_chunked_request_body():
    body = b'{"QueueNamePrefix": "no-queue-begins-like-this"}'
    chunks = b"".join(b"%x\r\n%s\r\n" % (len(body[i : i + 7]), body[i : i + 7]) for i in range(0, len(body), 7))
    received = exchange(request_bytes("ListQueues", chunks + b"0\r\n\r\n", "Transfer-Encoding: chunked", length=False))
    assert statuses(received) == [200]


def test_expect_100_continue():
    body = b"{}"
    head = request_bytes("ListQueues", body, "Expect: 100-continue")[: -len(body)]
    with socket.create_connection((HOST, PORT), timeout=TIMEOUT_SECONDS) as connection:
        connection.sendall(head)
        assert connection.recv(65536).startswith(b"HTTP/1.1 100")
        connection.sendall(body)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    assert statuses(received)[-1:] == [200]


def test_http_1_0():
    received = exchange(request_bytes("ListQueues", b"{}", version="1.0", close=False))
    assert statuses(received) == [200]


def test_keep_alive_and_pipelining():
    queue = fresh_queue("pipeline")
    calls = [json.dumps({"QueueUrl": queue, "MessageBody": f"message {n}"}).encode() for n in range(20)]
    payload = b"".join(request_bytes("SendMessage", body, close=n == 19) for n, body in enumerate(calls))
    assert statuses(exchange(payload)) == [200] * 20
    counts = ok("GetQueueAttributes", QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
    assert counts["Attributes"] == {"ApproximateNumberOfMessages": "20"}


def test_http_2_with_prior_knowledge():
    queue = fresh_queue("h2")
    headers = {"Content-Type": JSON, "X-Amz-Target": "AmazonSQS.SendMessage", "Authorization": AUTHORIZATION}
    with httpx.Client(http1=False, http2=True, timeout=TIMEOUT_SECONDS, trust_env=False) as client:
        for n in range(5):
            body = json.dumps({"QueueUrl": queue, "MessageBody": f"x{n}"})
            answer = client.post(ENDPOINT, content=body, headers=headers)
            assert (answer.http_version, answer.status_code) == ("HTTP/2", 200)


@pytest.mark.parametrize("path", ["/health", "/ready", "/metrics"])
def test_operators_paths(path):
    assert call("GET", path).status == 200


@pytest.mark.parametrize("method", ["HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"])
def test_other_methods_are_refused_politely(method):
    status = call(method, "/").status
    assert 200 <= status < 500 and not (method not in ("HEAD", "OPTIONS") and status == 200)
