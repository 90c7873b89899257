"""The server as a process: start, drain, restart, metrics. Each test starts a server of its own."""

import os
import re
import signal
import subprocess
import threading
import time

import pytest
from raw import LOG_IS_BAD, call, fresh_queue, ok

BINARY = os.environ.get("SLUICE_BINARY", "sluice")
START_SECONDS = 30
LEAVE_SECONDS = 15


class Server:
    def __init__(self, directory, command="dev", data="data"):
        self.directory, self.data = directory, directory / data
        self.command = command
        self.start()

    def start(self):
        port_file = self.directory / "address"
        port_file.unlink(missing_ok=True)
        self.log = open(self.directory / "server.log", "ab")
        self.process = subprocess.Popen(
            [BINARY, self.command, "--listen", "127.0.0.1:0", "--data", self.data, "--port-file", port_file],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
        )
        deadline = time.monotonic() + START_SECONDS
        while not (port_file.is_file() and port_file.read_text().strip()):
            assert self.process.poll() is None and time.monotonic() < deadline, self.read_log()
            time.sleep(0.02)
        self.endpoint = "http://" + port_file.read_text().strip()

    def terminate(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        return self.process.wait(LEAVE_SECONDS)

    def read_log(self):
        return (self.directory / "server.log").read_text(errors="replace")

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        self.log.close()


@pytest.fixture
def server(tmp_path):
    server = Server(tmp_path)
    yield server
    server.close()
    assert [line for line in server.read_log().splitlines() if LOG_IS_BAD.search(line)] == []


def test_sigterm_answers_long_polls_and_leaves(server):
    queue = fresh_queue("drain", server.endpoint)
    answers = []

    def poll():
        answers.append(ok("ReceiveMessage", server.endpoint, QueueUrl=queue, WaitTimeSeconds=20))

    polls = [threading.Thread(target=poll) for _ in range(10)]
    for thread in polls:
        thread.start()
    time.sleep(1)
    started = time.monotonic()
    assert server.terminate() == 0
    assert time.monotonic() - started < 10
    for thread in polls:
        thread.join(5)
    assert answers == [{}] * 10


def test_sigint_leaves_too(server):
    assert server.terminate(signal.SIGINT) == 0


def test_a_restart_keeps_everything(server):
    queue = fresh_queue("restart", server.endpoint, VisibilityTimeout="300")
    path = queue.removeprefix(server.endpoint)
    for body in ["first", "second"]:
        ok("SendMessage", server.endpoint, QueueUrl=queue, MessageBody=body)
    (held,) = ok("ReceiveMessage", server.endpoint, QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert server.terminate() == 0
    server.start()
    queue = server.endpoint + path
    names = ["VisibilityTimeout", "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    attributes = ok("GetQueueAttributes", server.endpoint, QueueUrl=queue, AttributeNames=names)["Attributes"]
    assert list(attributes[name] for name in names) == ["300", "1", "1"]
    (other,) = ok("ReceiveMessage", server.endpoint, QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    assert {held["Body"], other["Body"]} == {"first", "second"}
    ok("DeleteMessage", server.endpoint, QueueUrl=queue, ReceiptHandle=held["ReceiptHandle"])  # from before the restart
    ok("DeleteMessage", server.endpoint, QueueUrl=queue, ReceiptHandle=other["ReceiptHandle"])
    attributes = ok("GetQueueAttributes", server.endpoint, QueueUrl=queue, AttributeNames=names)["Attributes"]
    assert list(attributes[name] for name in names) == ["300", "0", "0"]


def test_two_servers_cannot_share_a_data_directory(server, tmp_path):
    second = subprocess.run(
        [BINARY, "dev", "--listen", "127.0.0.1:0", "--data", server.data], capture_output=True, timeout=START_SECONDS
    )
    assert second.returncode not in (0, 101)
    assert second.stderr and b"panicked" not in second.stderr
    assert ok("ListQueues", server.endpoint) == {}


def test_an_address_in_use_is_said_plainly(server, tmp_path):
    address = server.endpoint.removeprefix("http://")
    second = subprocess.run(
        [BINARY, "dev", "--listen", address, "--data", tmp_path / "other"], capture_output=True, timeout=START_SECONDS
    )
    assert second.returncode not in (0, 101)
    assert address.encode() in second.stderr and b"panicked" not in second.stderr


def test_serve_starts_and_drains(tmp_path):
    server = Server(tmp_path, "serve")
    try:
        assert call("GET", "/health", endpoint=server.endpoint).status == 200
        assert call("GET", "/ready", endpoint=server.endpoint).status == 200
        assert server.terminate() == 0
    finally:
        server.close()


SAMPLE = re.compile(
    r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)"
    r'(?:\{(?P<labels>(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*)\})?'
    r" (?P<value>[-+]?(?:[0-9.]+(?:[eE][-+]?[0-9]+)?|Inf|NaN))(?: [0-9.]+)?(?: # .*)?"
)
SUFFIXES = ("_total", "_created", "_bucket", "_count", "_sum", "_info")


def test_metrics_are_a_valid_exposition(server):
    queue = fresh_queue("metrics", server.endpoint)
    for _ in range(3):
        ok("SendMessage", server.endpoint, QueueUrl=queue, MessageBody="x")
    (message,) = ok("ReceiveMessage", server.endpoint, QueueUrl=queue, WaitTimeSeconds=5)["Messages"]
    ok("DeleteMessage", server.endpoint, QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    answer = call("GET", "/metrics", endpoint=server.endpoint)
    assert answer.status == 200
    media_type = answer.headers["Content-Type"].split(";")[0]
    assert media_type in ("text/plain", "application/openmetrics-text")
    lines = answer.body.decode().splitlines()
    if media_type == "application/openmetrics-text":
        assert lines.pop() == "# EOF"
    types, series = {}, set()
    for line in lines:
        if line.startswith("# TYPE "):
            name, kind = line.split(" ")[2:4]
            assert name not in types, f"two types for {name}"
            types[name] = kind
        elif line and not line.startswith("#"):
            sample = SAMPLE.fullmatch(line)
            assert sample, f"not a sample: {line}"
            assert (sample["name"], sample["labels"]) not in series, f"twice: {line}"
            series.add((sample["name"], sample["labels"]))
            bases = {sample["name"]} | {sample["name"].removesuffix(suffix) for suffix in SUFFIXES}
            assert bases & types.keys(), f"a sample without a type: {line}"
    assert len(series) >= 5
    assert any(name.startswith("sluice") for name, _ in series)
