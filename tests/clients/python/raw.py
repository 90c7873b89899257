"""HTTP without an SDK: requests that no SDK would send, and answers byte by byte."""

import http.client
import json
import os
import re
import socket
import uuid
from collections import namedtuple
from urllib.parse import urlencode, urlsplit

ENDPOINT = os.environ.get("SLUICE_ENDPOINT", "http://127.0.0.1:9324")
HOST, PORT = urlsplit(ENDPOINT).hostname, urlsplit(ENDPOINT).port
JSON = "application/x-amz-json-1.0"
FORM = "application/x-www-form-urlencoded; charset=utf-8"
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host;x-amz-date, Signature=" + "0" * 64
)
TIMEOUT_SECONDS = 30
LOG_IS_BAD = re.compile(r'\bERROR\b|"level":\s*"error"|panicked at')

Answer = namedtuple("Answer", "status headers body")


def call(method="POST", path="/", body=b"", headers=None, endpoint=None):
    """One request on a connection of its own."""
    host, port = (urlsplit(endpoint).hostname, urlsplit(endpoint).port) if endpoint else (HOST, PORT)
    connection = http.client.HTTPConnection(host, port, timeout=TIMEOUT_SECONDS)
    try:
        try:
            connection.request(method, path, body, {"Authorization": AUTHORIZATION, **(headers or {})})
        except (BrokenPipeError, ConnectionResetError):
            pass  # the server may answer before it has read everything
        answer = connection.getresponse()
        return Answer(answer.status, answer.headers, answer.read())
    finally:
        connection.close()


def aws_json(action, members, headers=None, path="/", endpoint=None):
    """An AWS JSON 1.0 call; `members` is an object, or the very bytes of the body."""
    body = members if isinstance(members, bytes) else json.dumps(members).encode()
    target = {"Content-Type": JSON, "X-Amz-Target": f"AmazonSQS.{action}"}
    return call("POST", path, body, {**target, **(headers or {})}, endpoint)


def ok(action, endpoint=None, **members):
    """An AWS JSON 1.0 call that has to succeed; gives the decoded answer."""
    answer = aws_json(action, members, endpoint=endpoint)
    assert answer.status == 200, answer
    return json.loads(answer.body) if answer.body else {}


def query(action, path="/", method="POST", headers=None, **parameters):
    """A Query call. Parameter names that are not Python names go through `**{"Attribute.1.Name": …}`."""
    text = urlencode({"Action": action, "Version": "2012-11-05", **parameters})
    if method == "GET":
        return call("GET", f"{path}?{text}", headers=headers)
    return call("POST", path, text.encode(), {"Content-Type": FORM, **(headers or {})})


def fresh_queue(label, endpoint=None, **attributes):
    """The URL of a new queue."""
    name = f"raw-{label}-{uuid.uuid4().hex[:8]}"
    members = {"QueueName": name, **({"Attributes": attributes} if attributes else {})}
    return ok("CreateQueue", endpoint=endpoint, **members)["QueueUrl"]


def exchange(payload, seconds=TIMEOUT_SECONDS):
    """Sends bytes as they are and gives everything that comes back until the server closes (or resets: then what came so far).

    A server that waits for more gets the end of the stream after a second of silence; one that then still says nothing is hanging.
    """
    received = b""
    with socket.create_connection((HOST, PORT), timeout=seconds) as connection:
        try:
            connection.sendall(payload)
            connection.settimeout(1)
            while True:
                try:
                    chunk = connection.recv(65536)
                except TimeoutError:
                    if connection.gettimeout() > 1:
                        raise
                    connection.shutdown(socket.SHUT_WR)
                    connection.settimeout(seconds)
                    continue
                if not chunk:
                    break
                received += chunk
        except (ConnectionResetError, BrokenPipeError):
            pass
    return received


def request_bytes(action, body, *more_headers, version="1.1", close=True, length=True):
    """An AWS JSON request as bytes, for `exchange`."""
    lines = [f"POST / HTTP/{version}", f"Host: {HOST}:{PORT}", f"Authorization: {AUTHORIZATION}"]
    lines += [f"Content-Type: {JSON}", f"X-Amz-Target: AmazonSQS.{action}", *more_headers]
    lines += [f"Content-Length: {len(body)}"] if length else []
    lines += ["Connection: close"] if close else []
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def statuses(received):
    """The status codes of the HTTP/1 answers in these bytes."""
    return [int(code) for code in re.findall(rb"HTTP/1\.[01] (\d{3})", received)]


def assert_error(answer, shape, code, status=400):
    """Checks an AWS JSON error: status, type, legacy code, message. `shape` is `namespace#Name`."""
    assert answer.status == status, answer
    error = json.loads(answer.body)
    assert error["__type"] == shape
    assert error["message"]
    assert answer.headers["x-amzn-query-error"] == f"{code};Sender"
    assert answer.headers["Content-Type"] == JSON
    assert answer.headers["x-amzn-RequestId"]


def assert_alive():
    """The server still does its work, and has nothing to complain about."""
    queue = fresh_queue("alive")
    sent = ok("SendMessage", QueueUrl=queue, MessageBody="still there?")
    (message,) = ok("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=10)["Messages"]
    assert message["MessageId"] == sent["MessageId"]
    log = os.environ.get("SLUICE_SERVER_LOG")
    if log:
        with open(log, errors="replace") as lines:
            bad = [line for line in lines if LOG_IS_BAD.search(line)]
        assert bad == []
