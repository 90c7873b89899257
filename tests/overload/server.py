"""The server as a process, what it uses, and a client that behaves well while others do not."""

import http.client
import json
import os
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "crash"))

from secured import Root  # noqa: E402
from signature import signed  # noqa: E402

START_SECONDS = 60
STOP_SECONDS = 60
ANSWER_SECONDS = 30  # a request without an answer for so long counts as hanging
ATTEMPTS = 3  # as an SDK in its standard mode
RECOVERY_TRIES = 10  # lives after an attack, of which one has to pass at the first attempt of each request
LOG_IS_BAD = re.compile(r'\bERROR\b|"level":\s*"error"|panicked at')
RETRIED = {"RequestThrottled", "ServiceUnavailable"}  # by every SDK


def head(operation, host, port):
    return {"Host": f"{host}:{port}", "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}


def request_bytes(operation, members=None, length=None, headers=()):
    """An AWS JSON request as bytes; with `length` only the head of one that promises so much."""
    body = b"" if length is not None else json.dumps(members or {}).encode()
    lines = ["POST / HTTP/1.1", "Host: localhost", "Content-Type: application/x-amz-json-1.0"]
    lines += [f"X-Amz-Target: AmazonSQS.{operation}", f"Content-Length: {len(body) if length is None else length}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def connect(address, source=None, receive_buffer=None):
    """A connection; with many of them from several addresses, because each has ports for 28,000 only."""
    connection = socket.socket()
    if receive_buffer:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
    if source is not None:
        connection.bind((f"127.0.0.{2 + source % 8}", 0))
    connection.settimeout(ANSWER_SECONDS)
    connection.connect(address)
    return connection


class Server:
    """`sluice serve` on a directory of its own. Anybody may do anything, unless `secured`: then `key` is that of a user."""

    def __init__(self, sluice, directory, *flags, open_files=None, secured=False, disk=None):
        self.log, port_file = directory / "server.log", directory / "address"
        root = Root(directory) if secured else None
        auth = root.flags if root else ["--auth=false"]
        data = (disk.files if disk else directory) / "data"
        command = [sluice, "serve", *auth, "--listen", "127.0.0.1:0", "--data", data, "--port-file", port_file, *flags]
        environment = os.environ | (disk.environment if disk else {})

        def limit():
            if open_files:
                resource.setrlimit(resource.RLIMIT_NOFILE, (open_files, open_files))

        with open(self.log, "wb") as log:
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self.process = subprocess.Popen(command, env=environment, preexec_fn=limit, **streams)
        started = time.monotonic()
        while not (port_file.is_file() and port_file.read_text().strip()):
            if self.process.poll() is not None or time.monotonic() - started > START_SECONDS:
                raise SystemExit(f"the server did not start:\n{self.log.read_text(errors='replace')}")
            time.sleep(0.01)
        host, port = port_file.read_text().strip().rsplit(":", 1)
        self.address = (host, int(port))
        self.key = root.user(sluice, f"http://{host}:{port}") if root else None

    def stop(self):
        """Gives what is wrong with the way it ended."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        bad = [line for line in self.log.read_text(errors="replace").splitlines() if LOG_IS_BAD.search(line)]
        return [f"exit code {code}"] * (code != 0) + bad[:3]

    def status(self, key):
        """A size from /proc/PID/status, MB."""
        with open(f"/proc/{self.process.pid}/status") as lines:
            return next(int(line.split()[1]) // 1024 for line in lines if line.startswith(key))

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as line:
            fields = line.read().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def switches(self):
        """Wake-ups of its threads so far."""
        count = 0
        for task in os.listdir(f"/proc/{self.process.pid}/task"):
            with open(f"/proc/{self.process.pid}/task/{task}/status") as lines:
                count += sum(int(line.split()[1]) for line in lines if line.startswith("voluntary_ctxt_switches"))
        return count

    def connections(self):
        """Open sockets, the listening one and a few of the runtime included."""
        directory, count = f"/proc/{self.process.pid}/fd", 0
        for name in os.listdir(directory):
            try:
                count += os.readlink(f"{directory}/{name}").startswith("socket:")
            except FileNotFoundError:
                pass  # closed meanwhile
        return count

    def is_idle(self):
        """Whether a second passes in which the server does next to nothing."""
        used = self.cpu_seconds()
        time.sleep(1)
        return self.cpu_seconds() - used < 0.5

    def open_files(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def refused(self):
        """What /metrics says was refused, by bound."""
        connection = http.client.HTTPConnection(*self.address, timeout=ANSWER_SECONDS)
        connection.request("GET", "/metrics")
        text = connection.getresponse().read().decode()
        connection.close()
        found = re.findall(r'^sluice_refused_total\{bound="(\w+)"\} (\d+)', text, re.MULTILINE)
        return {bound: int(count) for bound, count in found if int(count)}


class Client:
    """Makes calls as an SDK does: keeps its connection, signs if it has a key, and tries again what SDKs try again."""

    def __init__(self, address, answered=None, key=None):
        """`answered` counts answers to others."""
        self.address, self.connection, self.refusals, self.key = address, None, 0, key
        self.answered, self.overtaken = answered, []

    def once(self, operation, members):
        if self.connection is None:
            self.connection = http.client.HTTPConnection(*self.address, timeout=ANSWER_SECONDS)
        headers, body = head(operation, *self.address), json.dumps(members).encode()
        self.connection.request("POST", "/", body, signed(self.key, headers, body) if self.key else headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.headers.get("Connection") == "close":
            self.close()
        return answer.status, answer.headers.get("x-amzn-query-error", "").split(";")[0], body

    def close(self):
        if self.connection is not None:
            self.connection.close()
        self.connection = None

    def call(self, operation, **members):
        seen = []
        for attempt in range(ATTEMPTS):
            before = self.answered.value if self.answered else 0
            try:
                status, code, body = self.once(operation, members)
            except (ConnectionError, http.client.HTTPException) as error:
                self.close()
                seen.append(repr(error))
            else:
                if status == 200:
                    if before:  # the attack has begun
                        self.overtaken.append(self.answered.value - before)
                    return json.loads(body) if body else {}
                seen.append(f"{status} {code}")
                if code not in RETRIED:
                    break
            self.refusals += 1
            time.sleep(0.1 * 2**attempt)
        raise AssertionError(f"{operation}: {seen}")

    def queue(self, name, **attributes):
        return self.call("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]


class Neighbour:
    """Sends, receives and deletes while an attack runs, half of the time on new connections."""

    def __init__(self, address, queue, answered=None, key=None):
        self.address, self.queue, self.answered, self.key = address, queue, answered, key
        self.overtaken = []  # answers to others while one of its requests waited
        self.lives, self.refusals, self.longest, self.failure = 0, 0, 0.0, None
        self.stopped = threading.Event()
        self.thread = threading.Thread(target=self.run)

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        # One whole life after the attack has begun, however slow the machine is.
        enough = self.lives + 2
        while self.lives < enough and self.failure is None:
            time.sleep(0.01)
        self.stopped.set()
        self.thread.join()

    def run(self):
        kept = Client(self.address, self.answered, self.key)
        try:
            while not self.stopped.is_set():
                client = kept if self.lives % 2 else Client(self.address, self.answered, self.key)
                started = time.monotonic()
                live(client, self.queue)
                self.longest = max(self.longest, time.monotonic() - started)
                self.lives += 1
                self.refusals += client.refusals
                self.overtaken += client.overtaken
                client.refusals, client.overtaken = 0, []
                if client is not kept:
                    client.close()
                self.stopped.wait(0.02)
        except (AssertionError, OSError) as error:
            self.failure = error


def live(client, queue):
    """One life of a message."""
    client.call("SendMessage", QueueUrl=queue, MessageBody="well-behaved")
    messages = client.call("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=20, VisibilityTimeout=300).get("Messages")
    if not messages:
        raise AssertionError("a receive waited 20 s, and did not get the message that was sent before")
    for message in messages:
        client.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])


def recover(address, queue, key=None):
    """After how many tries a life passes without one request that had to be repeated; fails after too many."""
    for number in range(1, RECOVERY_TRIES + 1):
        client = Client(address, key=key)
        try:
            live(client, queue)
        except (AssertionError, OSError):
            continue
        finally:
            client.close()
        if client.refusals == 0:
            return number
    raise AssertionError(f"none of {RECOVERY_TRIES} lives after the attack passed without repeating a request")
