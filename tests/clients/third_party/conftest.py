"""What the Python programs share: a look at the queues from outside, and a journal that the programs write and the tests read."""

import json
import os
import signal
import subprocess
import time
import uuid

import boto3
import pytest

ENDPOINT = os.environ.get("SLUICE_ENDPOINT", "http://127.0.0.1:9324")
WAIT_SECONDS = 60


@pytest.fixture(scope="session")
def sqs():
    return boto3.client("sqs", region_name="us-east-1", endpoint_url=ENDPOINT)


@pytest.fixture
def name(request):
    """A queue name of this test's own."""
    return f"{request.node.name[:40].replace('[', '-').replace(']', '')}-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def until():
    """Asks until the answer is true, and gives it."""

    def ask(question, described="it did not happen"):
        deadline = time.monotonic() + WAIT_SECONDS
        while not (answer := question()):
            assert time.monotonic() < deadline, f"{described}, after {WAIT_SECONDS} s"
            time.sleep(0.05)
        return answer

    return ask


@pytest.fixture
def counts(sqs):
    """The numbers of visible, hidden and delayed messages of a queue."""
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"]

    def ask(queue_name):
        url = sqs.get_queue_url(QueueName=queue_name)["QueueUrl"]
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=names)["Attributes"]
        return tuple(int(attributes[name]) for name in names)

    return ask


@pytest.fixture
def dead_letter_queue(sqs):
    """Creates a queue whose messages are dead after two receives, and gives the name of their queue."""

    def create(name, visibility_timeout):
        dead = f"{name}-dead"
        url = sqs.create_queue(QueueName=dead)["QueueUrl"]
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
        attributes = {"RedrivePolicy": policy, "VisibilityTimeout": str(visibility_timeout)}
        sqs.create_queue(QueueName=name, Attributes=attributes)
        return dead

    return create


class Programs:
    """The worker processes of one test, and the journal that their tasks write: one JSON object in a line."""

    def __init__(self, program, directory):
        self._program = program
        self._directory = directory
        self._running = []
        self.environment = {**os.environ, "JOURNAL": str(directory / "journal"), "SLUICE_ENDPOINT": ENDPOINT}

    def start(self, *command, **environment):
        log = open(self._directory / f"program-{len(self._running)}.log", "wb")
        process = subprocess.Popen(
            command,
            cwd=self._program,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self._running.append((process, log))
        return process

    def journal(self):
        path = self._directory / "journal"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def release(self):
        """Lets those tasks go on that wait for it."""
        (self._directory / "journal.released").touch()

    def logs(self):
        return "\n".join(path.read_text(errors="replace") for path in sorted(self._directory.glob("program-*.log")))

    def stop(self):
        for process, log in self._running:
            if process.poll() is None:
                process.terminate()
        for process, log in self._running:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            log.close()


@pytest.fixture
def programs(tmp_path, request):
    running = Programs(request.path.parent, tmp_path)
    yield running
    running.stop()
    print(running.logs())  # pytest shows it if the test failed
