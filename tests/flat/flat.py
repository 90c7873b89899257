#!/usr/bin/env python3
"""Memory and cost per operation against what is stored. See README.md.

    tests/flat/flat.py SCENARIO [--count 1000000] [--sluice target/release/sluice]
"""

import argparse
import json
import os
import pathlib
import selectors
import socket
import subprocess
import tempfile
import time

ROOT = pathlib.Path(__file__).parents[2]
CONNECTIONS = 64
BATCH = 10
BODY = "x" * 200
MESSAGES_EACH = 200
ACCOUNT_ARN = "arn:aws:sqs:us-east-1:000000000000:"


def request(action, members):
    body = json.dumps(members).encode()
    head = "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.0\r\n"
    head += f"X-Amz-Target: AmazonSQS.{action}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Connection:
    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.received = b""

    def answer(self):
        """The body of the answer, if all of it is there."""
        head, separator, rest = self.received.partition(b"\r\n\r\n")
        if not separator:
            return None
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        if len(rest) < length:
            return None
        self.received = rest[length:]
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head!r} {rest!r}")
        return rest[:length]

    def call(self, action, members):
        self.socket.sendall(request(action, members))
        while (body := self.answer()) is None:
            read = self.socket.recv(1 << 16)
            if not read:
                raise RuntimeError("the server closed the connection")
            self.received += read
        return json.loads(body or b"{}")


class Server:
    def __init__(self, binary, data):
        self.binary, self.data = binary, data
        self.start()

    def start(self):
        port_file = pathlib.Path(self.data) / "port"
        port_file.unlink(missing_ok=True)
        started = time.monotonic()
        self.process = subprocess.Popen(
            [self.binary, "serve", "--data", f"{self.data}/store", "--listen", "127.0.0.1:0",
             "--port-file", port_file, "--log-level", "error"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while not (port_file.exists() and port_file.read_text().strip()):
            if self.process.poll() is not None:
                raise RuntimeError("the server did not start")
            time.sleep(0.002)
        self.port = int(port_file.read_text().split(":")[-1])
        self.client, self.called = Connection(self.port), time.monotonic()
        return time.monotonic() - started

    def stop(self):
        self.process.terminate()
        self.process.wait()

    def rss_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0]) // 1024

    def peak_mb(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) // 1024

    def cpu_secs(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def queue(self, name, **attributes):
        members = {"QueueName": name, "Attributes": {k: str(v) for k, v in attributes.items()}}
        return self.client.call("CreateQueue", members)["QueueUrl"]

    def call(self, action, url, **members):
        if time.monotonic() - self.called > 30:
            # The server closes connections that are idle for long.
            self.client = Connection(self.port)
        self.called = time.monotonic()
        return self.client.call(action, {"QueueUrl": url, **members})

    def load(self, requests):
        """Sends requests over many connections, one at a time on each; yields the answers."""
        requests = iter(requests)
        selector = selectors.DefaultSelector()
        open_count = 0
        for _ in range(CONNECTIONS):
            if (raw := next(requests, None)) is None:
                break
            connection = Connection(self.port)
            selector.register(connection.socket, selectors.EVENT_READ, connection)
            connection.socket.sendall(raw)
            open_count += 1
        while open_count:
            for key, _ in selector.select():
                connection = key.data
                read = connection.socket.recv(1 << 16)
                if not read:
                    raise RuntimeError("the server closed a connection")
                connection.received += read
                if (body := connection.answer()) is None:
                    continue
                yield body
                if (raw := next(requests, None)) is None:
                    selector.unregister(connection.socket)
                    connection.socket.close()
                    open_count -= 1
                else:
                    connection.socket.sendall(raw)


def sends(url, count, entry=lambda number: {}):
    """Requests that send `count` messages in batches."""
    for first in range(0, count, BATCH):
        numbers = range(first, min(first + BATCH, count))
        entries = [{"Id": str(n - first), "MessageBody": BODY, **entry(n)} for n in numbers]
        yield request("SendMessageBatch", {"QueueUrl": url, "Entries": entries})


def run(answers):
    return sum(1 for _ in answers)


def rounded(milliseconds):
    return f"{milliseconds:.1f} ms"


def life_cycles(server, url, seconds=5, entry=None):
    """Life cycles of one message each, one after the other: time of a receive and CPU time of a cycle."""
    took, cpu, started, number = [], server.cpu_secs(), time.monotonic(), 0
    while time.monotonic() - started < seconds:
        more = entry(number) if entry else {}
        server.call("SendMessage", url, MessageBody=BODY, **more)
        before = time.monotonic()
        received = server.call("ReceiveMessage", url).get("Messages", [])
        took.append((time.monotonic() - before) * 1000)
        for message in received:
            server.call("DeleteMessage", url, ReceiptHandle=message["ReceiptHandle"])
        number += 1
    took.sort()
    cpu_us = (server.cpu_secs() - cpu) * 1e6 / number
    middle, last = took[len(took) // 2], took[int(len(took) * 0.99)]
    return f"receive p50 {rounded(middle)}, p99 {rounded(last)}; {cpu_us:.0f} us CPU a cycle"


def first_receive(server, url):
    """Starts the server again: the time until its first receive is answered."""
    server.stop()
    ready = server.start()
    before = time.monotonic()
    server.call("ReceiveMessage", url, VisibilityTimeout=0)
    answered = time.monotonic() - before
    cpu = rounded(server.cpu_secs() * 1000)
    return f"start {rounded(ready * 1000)}, first receive {rounded(answered * 1000)}; {cpu} CPU"


def report(server, name, text=""):
    print(f"{name:34} {server.rss_mb():5} MB (peak {server.peak_mb()}) {text}", flush=True)


def restart(server, count):
    full = server.queue("full")
    run(server.load(sends(full, count)))
    report(server, f"{count} waiting")
    report(server, "started again", first_receive(server, full))
    report(server, "and again", first_receive(server, full))


def backlog(server, count):
    empty, full = server.queue("empty"), server.queue("full")
    report(server, "no messages", life_cycles(server, empty))
    run(server.load(sends(full, count)))
    report(server, f"{count} waiting", life_cycles(server, full))
    report(server, "empty queue beside it", life_cycles(server, empty))
    report(server, "started again", first_receive(server, full))
    before = time.monotonic()
    server.call("PurgeQueue", full)
    report(server, "purged", f"in {rounded((time.monotonic() - before) * 1000)}")
    report(server, "after the purge", life_cycles(server, full))


def groups(server, count):
    url = server.queue("groups.fifo", FifoQueue="true")
    entry = lambda n: {"MessageGroupId": f"g{n}", "MessageDeduplicationId": f"{n}"}
    again = lambda n: {"MessageGroupId": f"g{n}", "MessageDeduplicationId": f"again {n}"}
    report(server, "no messages", life_cycles(server, url, entry=lambda n: again(-1 - n)))
    run(server.load(sends(url, count, entry)))
    report(server, f"{count} groups", life_cycles(server, url, entry=again))
    report(server, "started again", first_receive(server, url))


def delayed(server, count):
    url = server.queue("delayed")
    report(server, "no messages", life_cycles(server, url))
    run(server.load(sends(url, count, lambda n: {"DelaySeconds": 1 + n % 900})))
    report(server, f"{count} delayed", life_cycles(server, url))
    report(server, "started again", first_receive(server, url))


def receives(url, requests, visibility):
    members = {"QueueUrl": url, "MaxNumberOfMessages": 10, "VisibilityTimeout": visibility}
    raw = request("ReceiveMessage", members)
    return (raw for _ in range(requests))


def failing(server, count):
    url = server.queue("failing")
    report(server, "no messages", life_cycles(server, url))
    run(server.load(sends(url, count)))
    for turn in range(1, 4):
        run(server.load(receives(url, count // 10, 1)))
        report(server, f"{count} received, turn {turn}")
    report(server, "while they fail", life_cycles(server, url))
    report(server, "started again", first_receive(server, url))


def in_flight(server, count):
    count = min(count, 119_990)
    url = server.queue("in-flight")
    run(server.load(sends(url, count)))
    run(server.load(receives(url, count // 10, 3600)))
    report(server, f"{count} in flight")
    report(server, "started again", first_receive(server, url))


def dead(server, count):
    target, url = server.queue("dead"), server.queue("dying")
    run(server.load(sends(url, count)))
    run(server.load(receives(url, count // 10, 20)))
    time.sleep(20)
    redrive = {"deadLetterTargetArn": ACCOUNT_ARN + target.rsplit("/", 1)[1], "maxReceiveCount": "1"}
    server.call("SetQueueAttributes", url, Attributes={"RedrivePolicy": json.dumps(redrive)})
    server.call("SendMessage", url, MessageBody="alive")
    other = server.queue("other")
    started, polls, longest = time.monotonic(), 0, 0
    while True:
        before = time.monotonic()
        received = server.call("ReceiveMessage", url).get("Messages", [])
        longest, polls = max(longest, time.monotonic() - before), polls + 1
        if received:
            break
        if polls == 1:
            report(server, "another queue meanwhile", life_cycles(server, other))
    took = f"after {time.monotonic() - started:.1f} s and {polls} polls, longest {rounded(longest * 1000)}"
    report(server, f"a message behind {count} dead", took)


def queues(server, count):
    count = min(count, 10_000)
    urls = []
    for number in range(count):
        urls.append(server.queue(f"queue-{number}"))
        if number + 1 in (100, count):
            report(server, f"{number + 1} queues")
    run(server.load(raw for url in urls for raw in sends(url, MESSAGES_EACH)))
    report(server, f"{MESSAGES_EACH} messages in each")
    report(server, "one of them", life_cycles(server, urls[0]))
    cpu = server.cpu_secs()
    time.sleep(45)
    report(server, "45 s later", f"{server.cpu_secs() - cpu:.2f} s CPU")
    for active in (100, count):
        cpu, started, cycles = server.cpu_secs(), time.monotonic(), 0
        while time.monotonic() - started < 10:
            url = urls[cycles % active]
            server.call("SendMessage", url, MessageBody=BODY)
            for message in server.call("ReceiveMessage", url).get("Messages", []):
                server.call("DeleteMessage", url, ReceiptHandle=message["ReceiptHandle"])
            cycles += 1
        report(server, f"{active} active", f"{(server.cpu_secs() - cpu) * 1e6 / cycles:.0f} us CPU a cycle")
    report(server, "started again", first_receive(server, urls[-1]))
    time.sleep(10)
    report(server, "10 s later")


def deletions(server, count):
    other = server.queue("other")
    report(server, "no messages", life_cycles(server, other))
    longest = 0
    for number in range(min(count, 1_000)):
        url = server.queue(f"queue-{number}")
        run(server.load(sends(url, 20)))
        before = time.monotonic()
        server.call("DeleteQueue", url)
        longest = max(longest, time.monotonic() - before)
    report(server, "queues deleted", f"longest {rounded(longest * 1000)}")
    report(server, "another queue", life_cycles(server, other))
    server.call("PurgeQueue", other)
    report(server, "purged", life_cycles(server, other))


def expiring(server, count):
    url, other = server.queue("expiring", MessageRetentionPeriod=60), server.queue("other")
    report(server, "another queue", life_cycles(server, other))
    started = time.monotonic()
    run(server.load(sends(url, count)))
    report(server, f"{count} sent", f"within {time.monotonic() - started:.0f} s")
    time.sleep(max(0, 60 - (time.monotonic() - started)))
    report(server, "another queue while they expire", life_cycles(server, other, seconds=20))
    left = server.call("GetQueueAttributes", url, AttributeNames=["All"])["Attributes"]
    print("left:", left["ApproximateNumberOfMessages"])


SCENARIOS = {it.__name__.replace("_", "-"): it for it in
             (backlog, restart, groups, delayed, failing, in_flight, dead, queues, deletions, expiring)}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("scenario", choices=SCENARIOS)
    parser.add_argument("--count", type=int, default=1_000_000)
    parser.add_argument("--sluice", default=ROOT / "target/release/sluice")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=ROOT / "target") as data:
        server = Server(options.sluice, data)
        try:
            SCENARIOS[options.scenario](server, options.count)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
