"""Injected errors under the whole server: what it refuses, what it says, and what is there afterwards."""

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

from control import IO_ERROR, NO_SPACE, ROOT, TARGET, Disk, Rule
from power_cut import Cut, History, replace

sys.path.insert(0, str(ROOT / "tests" / "crash"))
from traffic import Api, Gone, Refused, counters  # noqa: E402

SLUICE = ROOT / "target" / "release" / "sluice"
WAIT_SECONDS = 60  # for what has to happen by itself
HELD_SECONDS = 1
BODY = "x" * 4_000  # large enough for a blob file
MIB = 1 << 20


class Wrong(Exception):
    """The server did not do what it has to."""


def expect(is_so, text):
    if not is_so:
        raise Wrong(text)


class Server:
    """A server on the faulty disk, and what it was asked: the keys of messages whose send was acknowledged, or may have been."""

    def __init__(self, directory, *flags):
        self.directory = Path(directory)
        self.disk = Disk(self.directory)
        self.log, self.port_file, self.flags = self.directory / "log", self.directory / "address", flags
        self.acknowledged, self.unknown, self.sends = set(), set(), 0
        self.start()
        self.queue = self.api.call("CreateQueue", QueueName="q", Attributes={"VisibilityTimeout": "0"})["QueueUrl"]

    def spawn(self, rule=None):
        self.disk.start()
        self.disk.set(0, rule)
        self.port_file.unlink(missing_ok=True)
        command = [SLUICE, "serve", "--auth=false", "--listen", "127.0.0.1:0", "--data", self.disk.files / "data", "--port-file", self.port_file]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                [*command, "--store-write-buffer-bytes", str(4 * MIB), *self.flags],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self.disk.environment,
            )

    def start(self):
        self.spawn()
        self.until(lambda: self.port_file.is_file() and self.port_file.read_text().strip(), "ready")
        self.endpoint = "http://" + self.port_file.read_text().strip()
        self.api = Api(self.endpoint)

    def stop(self):
        self.disk.kill(self.process)

    def cut(self, chance):
        """Cuts the power and starts again on what is left."""
        self.stop()
        history = History(self.disk)
        history.check()
        left = self.directory / "left"
        Cut(history, chance).leave(left)
        replace(self.disk.files, left)
        self.start()

    def until(self, condition, what):
        deadline = time.monotonic() + WAIT_SECONDS
        while not condition():
            expect(self.process.poll() is None, f"the server ended with {self.process.poll()} before it was: {what}")
            expect(time.monotonic() < deadline, f"not within {WAIT_SECONDS} s: {what}")
            time.sleep(0.02)

    def get(self, path):
        """Status and text of a page of its own."""
        try:
            with urllib.request.urlopen(self.endpoint + path, timeout=10) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError:
            return 0, ""

    def is_ready(self):
        return self.get("/ready")[0] == 200

    def is_stalled(self):
        status, text = self.get("/ready")
        return status == 503 and json.loads(text)["status"] == "stalled"

    def metric(self, name):
        for line in self.get("/metrics")[1].splitlines():
            if line.startswith(name) and not line.startswith("#"):
                return float(line.split()[1])
        raise Wrong(f"no metric {name}")

    def call(self, action, **members):
        """An answer, or the status of an error that SDKs retry."""
        try:
            return self.api.call(action, QueueUrl=self.queue, **members)
        except Refused as error:
            status = int(str(error).split()[1])
            expect(status in (500, 503), f"{action} was refused with something that SDKs do not retry: {error}")
            return status
        except Gone:
            return 0

    def send(self, body=BODY):
        """Sends one message; whether that was acknowledged."""
        self.sends += 1
        key = f"m{self.sends}"
        answer = self.call("SendMessage", MessageBody=f"{key}|{body}")
        is_acknowledged = isinstance(answer, dict)
        (self.acknowledged if is_acknowledged else self.unknown).add(key)
        return is_acknowledged

    def fill(self, count):
        """Sends so many messages, in batches, all acknowledged."""
        while count > 0:
            keys = [f"m{self.sends + n}" for n in range(1, 11)]
            self.sends += 10
            entries = [{"Id": key, "MessageBody": f"{key}|{BODY}"} for key in keys]
            expect(isinstance(self.call("SendMessageBatch", Entries=entries), dict), "a batch was refused")
            self.acknowledged.update(keys)
            count -= 10

    def expect_stopped(self):
        """Everything is refused, and it says so everywhere."""
        status, text = self.get("/ready")
        expect((status, "failed" in text) == (503, True), f"/ready answers {status} {text!r}")
        expect(self.metric("sluice_store_lost") == 1, "store_lost is not 1")
        self.expect_refused()
        text = self.log.read_text(errors="replace")
        told = [line for line in text.splitlines() if "every shard stops" in line]
        expect(len(told) == 1 and "start the server again" in told[0], f"the log says {told}")

    def expect_refused(self):
        asked = {
            "SendMessage": {"MessageBody": "m|"},
            "ReceiveMessage": {},
            "GetQueueAttributes": {"AttributeNames": ["ApproximateNumberOfMessages"]},
        }
        for action, members in asked.items():
            answer = self.call(action, **members)
            expect(answer == 503, f"{action} gets {answer} from a store that has failed")

    def expect_all(self):
        """Every acknowledged message is there once, and no others but those whose outcome nobody knew. Deletes all."""
        found = []
        while sum(counters(self.api, self.queue)):
            answer = self.call("ReceiveMessage", MaxNumberOfMessages=10, VisibilityTimeout=120)
            messages = answer.get("Messages", []) if isinstance(answer, dict) else []
            expect(messages, f"counters {counters(self.api, self.queue)}, and a receive gets {answer}")
            found += [message["Body"].split("|")[0] for message in messages]
            entries = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
            deleted = self.call("DeleteMessageBatch", Entries=entries)
            expect(len(deleted["Successful"]) == len(messages), f"deletes were refused: {deleted}")
        lost = self.acknowledged - set(found)
        expect(not lost, f"lost: {sorted(lost)[:10]}, {len(lost)} of {len(self.acknowledged)}")
        alien = set(found) - self.acknowledged - self.unknown
        expect(not alien, f"never sent: {sorted(alien)[:10]}")
        expect(len(found) == len(set(found)), "a message came twice, though deleted")
        self.acknowledged.clear()
        self.unknown.clear()


def no_answer_before_its_sync(server, chance):
    """A send, a receive, a change and a delete are answered after the sync of the log has returned, and not before."""
    server.fill(20)
    messages = server.call("ReceiveMessage", MaxNumberOfMessages=3, VisibilityTimeout=100)["Messages"]
    first, second = messages[0]["ReceiptHandle"], messages[1]["ReceiptHandle"]
    asked = [
        ("SendMessage", {"MessageBody": "m|"}),
        ("SendMessageBatch", {"Entries": [{"Id": "1", "MessageBody": "m|"}]}),
        ("ReceiveMessage", {"VisibilityTimeout": 100}),
        ("ChangeMessageVisibility", {"ReceiptHandle": first, "VisibilityTimeout": 200}),
        ("DeleteMessage", {"ReceiptHandle": second}),
    ]
    for action, members in asked:
        server.disk.set(0, Rule("hold", "sync", "wal"))
        answers = []
        # A connection of its own for each: what waits for one commit must not hide what does not.
        client = threading.Thread(
            target=lambda: answers.append(Api(server.endpoint).call(action, QueueUrl=server.queue, **members))
        )
        client.start()
        server.until(lambda: server.disk.hits(0) > 0, f"the sync of {action}")
        time.sleep(HELD_SECONDS)
        expect(not answers, f"{action} was answered before the sync of the log returned")
        server.disk.set(0, None)
        client.join(WAIT_SECONDS)
        expect(answers, f"{action} was not answered after the sync")


def failed_sync(server, chance):
    """One failed sync stops everything, at once and for good; what was acknowledged survives even a power cut."""
    server.fill(50)
    server.disk.set(0, Rule("fail", "sync", "wal", IO_ERROR, count=1))
    expect(not server.send(), "a send was acknowledged whose sync failed")
    server.expect_stopped()
    server.disk.set(0, None)
    time.sleep(HELD_SECONDS)
    server.expect_stopped()
    server.cut(chance)
    server.expect_all()


def failed_write(server, chance):
    """The same for a write of the log."""
    server.fill(50)
    server.disk.set(0, Rule("fail", "write", "wal", IO_ERROR, count=1))
    expect(not server.send(), "a send was acknowledged whose write failed")
    server.expect_stopped()
    server.cut(chance)
    server.expect_all()


def no_space_for_the_log(server, chance):
    """A full disk under the log stops everything; with space again, the server goes on by itself."""
    server.fill(50)
    server.disk.set(0, Rule("fail", "write", argument=NO_SPACE))
    expect(not server.send(), "a send was acknowledged that had no space")
    server.expect_stopped()
    time.sleep(HELD_SECONDS)
    server.expect_stopped()
    server.disk.set(0, None)
    server.until(lambda: server.is_ready() and server.send(), "service with space again")
    server.expect_all()
    server.fill(50)
    server.cut(chance)
    server.expect_all()


def no_space_for_the_next_start(server, chance):
    """Space that is gone again when the server starts anew: it goes on trying."""
    server.fill(50)
    server.disk.set(0, Rule("fail", "write", "wal", NO_SPACE))
    expect(not server.send(), "a send was acknowledged that had no space")
    server.disk.set(1, Rule("fail", "write", "manifest", NO_SPACE))
    server.disk.set(0, None)
    server.until(lambda: server.disk.hits(1) > 1, "attempts to start")
    expect(server.process.poll() is None, "it ended")
    server.disk.set(1, None)
    server.until(lambda: server.is_ready() and server.send(), "service with space again")
    server.expect_all()


def no_space_for_the_broker_at_the_next_start(server, chance):
    """The same when the store opens, and what the broker has to finish finds no space: the removal of a deleted queue."""
    other = server.api.call("CreateQueue", QueueName="other")["QueueUrl"]
    server.fill(50)
    # To find out that there is space again it writes a file.
    server.disk.set(0, Rule("fail", "write", "other", NO_SPACE))
    # The first write says that the queue is deleted, the second removes what is in it.
    server.disk.set(1, Rule("fail", "write", "wal", NO_SPACE, skip=1))
    try:
        server.api.call("DeleteQueue", QueueUrl=other)
        raise Wrong("a queue was deleted without space")
    except Refused:
        pass
    server.expect_stopped()
    # The store writes to its log once when it opens.
    server.disk.set(1, Rule("fail", "write", "wal", NO_SPACE, skip=1))
    server.disk.set(0, None)
    server.until(lambda: "cannot start, trying again" in server.log.read_text(), "an attempt to start")
    log = server.log.read_text()
    is_broker = re.search(r"trying again in \S+: no space left on the disk of data directory", log)
    expect(is_broker, "it was not the broker that had no space")
    server.until(lambda: server.disk.hits(1) > 1, "another attempt")
    server.disk.set(1, None)
    server.until(lambda: server.is_ready() and server.send(), "service with space again")
    server.expect_all()


def no_space_at_start(server, chance):
    """A server that cannot start for lack of space says so and ends; later it starts with all that was there."""
    server.fill(50)
    server.stop()
    server.spawn(Rule("fail", "write", argument=NO_SPACE))
    code, text = server.process.wait(WAIT_SECONDS), server.log.read_text(errors="replace")
    expect(code > 0 and "no space left on the disk" in text, f"it ended with {code}")
    server.start()
    server.expect_all()


def no_space_for_files(server, chance):
    """No space for table and blob files: noticed, told, nothing lost, and service goes on by itself."""
    server.disk.set(0, Rule("fail", "write", "table blob manifest other", NO_SPACE))
    for _ in range(20_000):
        if not server.send():
            break
    expect(server.disk.hits(0) > 0, "no file was written")
    expect(server.unknown, "sends go on though nothing can be flushed")
    server.disk.set(0, None)
    server.until(lambda: server.is_ready() and server.send(), "service with space again")
    server.fill(50)
    server.cut(chance)
    server.expect_all()


def no_space_while_writes_wait(server, chance):
    """The same while writers already wait for that flush: they are answered, and service goes on by itself."""

    def send_until_refused():
        while server.send():
            pass

    server.disk.set(0, Rule("hold", "write", "table blob"))
    sender = threading.Thread(target=send_until_refused)
    sender.start()
    server.until(lambda: server.metric("sluice_store_write_stopped") == 1, "writes that wait for a flush")
    server.until(server.is_stalled, "/ready tells that it stands still")
    server.disk.set(1, Rule("fail", "write", "table blob manifest other", NO_SPACE))
    server.disk.set(0, None)
    server.until(lambda: not sender.is_alive(), "an answer to the send that waits")
    server.disk.set(1, None)
    server.until(lambda: server.is_ready() and server.send(), "service with space again")
    server.fill(50)
    server.cut(chance)
    server.expect_all()


def failed_flush(server, chance):
    """A table or blob file that cannot be written for another reason: noticed and told; all is there after a restart."""
    server.disk.set(0, Rule("fail", "write", "table blob", IO_ERROR, count=1))
    for _ in range(20_000):
        if not server.send() or server.disk.hits(0):
            break
    expect(server.disk.hits(0) > 0, "no file was written")
    server.until(lambda: server.metric("sluice_store_background_errors_total") > 0, "a background error counted")
    for _ in range(2_000):
        server.send()
    server.cut(chance)
    server.expect_all()


def unreadable_body(server, chance):
    """A body that cannot be read fails one receive; others go on, and later it is there."""
    server.fill(3_000)
    server.until(lambda: any(server.disk.files.glob("data/db/*.blob")), "a blob file")
    server.cut(chance)  # nothing is in memory any more
    server.disk.set(0, Rule("fail", "read", "blob", IO_ERROR))
    answer = server.call("ReceiveMessage", MaxNumberOfMessages=1)
    expect(answer == 500 and server.disk.hits(0) > 0, f"the receive gets {str(answer)[:200]}")
    server.disk.set(0, None)
    expect(isinstance(server.call("ReceiveMessage", MaxNumberOfMessages=1), dict), "the next receive fails too")
    expect(server.is_ready() and server.send(), "one unreadable body stops the server")
    server.expect_all()


def unreadable_rows(server, chance):
    """Rows that cannot be read stop the shards: they do not know any more what the queue holds."""
    server.fill(3_000)
    server.until(lambda: any(server.disk.files.glob("data/db/*.sst")), "a table file")
    server.cut(chance)
    server.disk.set(0, Rule("fail", "read", "table", IO_ERROR))
    answers = [server.call("ReceiveMessage", MaxNumberOfMessages=10, VisibilityTimeout=10) for _ in range(300)]
    expect(server.disk.hits(0) > 0, "no row was read from the disk")
    expect(answers[-1] == 503, f"the last receive gets {str(answers[-1])[:200]}")
    server.expect_refused()
    server.disk.set(0, None)
    server.cut(chance)
    server.until(lambda: counters(server.api, server.queue)[1] == 0, "what was received before is visible again")
    server.expect_all()


def short_writes(server, chance):
    """A disk that writes less than asked for is asked again."""
    server.disk.set(0, Rule("short", "write"))
    server.fill(1_000)
    expect(server.disk.hits(0) > 0, "no write was cut short")
    server.cut(chance)
    server.expect_all()


def hanging_sync(server, chance):
    """A sync that hangs for long makes the server not ready; when it returns, all goes on as if nothing had been."""
    server.fill(50)
    server.disk.set(0, Rule("hold", "sync", "wal"))
    answers = []
    sender = threading.Thread(target=lambda: answers.append(server.send()))
    sender.start()
    server.until(server.is_stalled, "/ready tells that it stands still")
    expect(not answers, "a send was answered before its sync returned")
    server.disk.set(0, None)
    sender.join(WAIT_SECONDS)
    expect(answers == [True], f"the send that waited gets {answers}")
    server.until(server.is_ready, "ready again")
    server.cut(chance)
    server.expect_all()


def slow_syncs(server, chance):
    """Syncs of 300 ms slow everything down, and fail nothing."""
    server.disk.set(0, Rule("delay", "sync", argument=300_000))
    server.fill(50)
    expect(server.disk.hits(0) > 0, "no sync was slow")
    expect(server.is_ready(), "a slow disk is no failure")
    server.cut(chance)
    server.expect_all()


SCENARIOS = [
    no_answer_before_its_sync,
    failed_sync,
    failed_write,
    no_space_for_the_log,
    no_space_for_the_next_start,
    no_space_for_the_broker_at_the_next_start,
    no_space_at_start,
    no_space_for_files,
    no_space_while_writes_wait,
    failed_flush,
    unreadable_body,
    unreadable_rows,
    short_writes,
    hanging_sync,
    slow_syncs,
]


def run(scenario, directory, chance):
    """Gives what is wrong, or None."""
    server = None
    try:
        server = Server(directory)
        scenario(server, chance)
    except Exception as error:  # whatever goes wrong is the finding
        log = server.log.read_text(errors="replace").splitlines()[-15:] if server else []
        return "\n  ".join([repr(error), *log])
    finally:
        if server and server.process.poll() is None:
            server.stop()
    return None
