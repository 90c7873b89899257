#!/usr/bin/env python3
"""What happens around a single event, with many messages waiting. See README.md.

    tests/bench/events.py restart|kill|purge|delete|expire|tombstones [--messages 10000000] [--rate 1000]

restart, kill   how long from the start of the process to the first answered receive
purge, delete   how long the call takes, and how long sends to another queue take meanwhile
expire          as purge, when the retention of all messages ends at once
tombstones      life cycles on a queue whose backlog was just received and deleted, beside a fresh queue
"""

import argparse
import json
import pathlib
import signal
import subprocess
import time
import urllib.request

from sluice import SLUICE, Server, bench, bench_command, parsed, tell

SMALL = ["--size", "200", "--batch", "10"]
QUEUE = "backlog"
RETENTION_SECS = 3600


def call(url, operation, members):
    head = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{operation}"}
    scope = "20260101/us-east-1/sqs/aws4_request"
    head["Authorization"] = f"AWS4-HMAC-SHA256 Credential=bench/{scope}, SignedHeaders=host, Signature=0"
    request = urllib.request.Request(url, json.dumps(members).encode(), head)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.loads(answer.read() or b"{}")


def set_clock(server, change):
    head = {"Content-Type": "application/json"}
    request = urllib.request.Request(server.url + "/_sluice/clock", json.dumps(change).encode(), head)
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def resident_mb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024 / 1e6


def build(server, messages, attributes=None):
    tell(f"sending {messages} messages")
    created = call(server.url, "CreateQueue", {"QueueName": QUEUE, "Attributes": attributes or {}})
    flags = ["--scenario", "send", *SMALL, "--queue", QUEUE, "--backlog", str(messages)]
    report = bench([*flags, "--duration", "1ms", "--warm-up", "0s"], server.url)
    if report["summary"]["totals"]["failed"]:
        raise SystemExit(report["summary"]["failures"])
    return created["QueueUrl"]


def restart(options, how):
    with Server(options.binary, options.data_root) as server:
        build(server, options.messages)
        print(f"before: {resident_mb(server.pid):.0f} MB")
        server.process.stop(how)
        started = time.monotonic()
        server.start()
        ready = time.monotonic() - started
        url = call(server.url, "GetQueueUrl", {"QueueName": QUEUE})["QueueUrl"]
        got = call(server.url, "ReceiveMessage", {"QueueUrl": url, "MaxNumberOfMessages": 10})
        answered = time.monotonic() - started
        print(f"ready after {ready * 1000:.0f} ms, {len(got.get('Messages', []))} messages after {answered * 1000:.0f} ms")
        print(f"after: {resident_mb(server.pid):.0f} MB")


def around(server, event, options):
    """Sends at a fixed rate to another queue: three runs of ten seconds, the event at the beginning of the second."""
    flags = ["--scenario", "send", "--size", "200", "--rate", str(options.rate), "--warm-up", "0s"]
    for phase in ["before", "during", "after"]:
        command = bench_command([*flags, "--duration", "10s"], server.url, server.pid)
        run = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if phase == "during":
            time.sleep(1)
            begun = time.monotonic()
            event()
            print(f"the call took {(time.monotonic() - begun) * 1000:.1f} ms")
        summary = parsed(*run.communicate())["summary"]
        send, server_use = summary["operations"]["send"]["latency_ms"], summary["server"]
        cores = server_use["cores"]["median"]
        print(
            f"{phase}: sends p50 {send['p50']:.2f} ms, p99 {send['p99']:.2f} ms, max {send['max']:.2f} ms,"
            f" {summary['totals']['failed']} failed; server {cores:.2f} cores, {resident_mb(server.pid):.0f} MB"
        )


def purge(options, operation):
    with Server(options.binary, options.data_root) as server:
        url = build(server, options.messages)
        around(server, lambda: call(server.url, operation, {"QueueUrl": url}), options)


def expire(options):
    with Server(options.binary, options.data_root, "dev", ["--clock", "virtual"]) as server:
        set_clock(server, {"pace": "running"})
        url = build(server, options.messages, {"MessageRetentionPeriod": str(RETENTION_SECS)})
        around(server, lambda: set_clock(server, {"advance_ms": RETENTION_SECS * 1000}), options)
        wanted = ["ApproximateNumberOfMessages"]
        left = call(server.url, "GetQueueAttributes", {"QueueUrl": url, "AttributeNames": wanted})
        print(f"left: {left['Attributes'][wanted[0]]}")


def tombstones(options):
    with Server(options.binary, options.data_root) as server:
        cycle = ["--scenario", "cycle", *SMALL, "--warm-up", "1s"]
        fresh = bench(cycle, server.url, server.pid)
        call(server.url, "CreateQueue", {"QueueName": QUEUE})
        tell(f"sending, receiving and deleting {options.messages} messages")
        receive = ["--scenario", "receive", *SMALL, "--queue", QUEUE, "--backlog", str(options.messages)]
        bench([*receive, "--duration", "24h", "--warm-up", "0s"], server.url)
        used = bench([*cycle, "--queue", QUEUE], server.url, server.pid)
        for name, report in [("fresh queue", fresh), ("emptied queue", used)]:
            summary = report["summary"]
            latency = summary["operations"]["cycle"]["latency_ms"]
            rate = summary["messages_per_s"]["median"]
            print(f"{name}: {rate:.0f} messages/s, cycles p50 {latency['p50']:.2f} ms, p99 {latency['p99']:.2f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    events = {
        "restart": lambda options: restart(options, signal.SIGTERM),
        "kill": lambda options: restart(options, signal.SIGKILL),
        "purge": lambda options: purge(options, "PurgeQueue"),
        "delete": lambda options: purge(options, "DeleteQueue"),
        "expire": expire,
        "tombstones": tombstones,
    }
    parser.add_argument("event", choices=events)
    parser.add_argument("--messages", type=int, default=10_000_000)
    parser.add_argument("--rate", type=int, default=1000, help="sends to another queue meanwhile, per second")
    parser.add_argument("--binary", default=SLUICE)
    parser.add_argument("--data-root", help="directory for the data")
    options = parser.parse_args()
    events[options.event](options)


if __name__ == "__main__":
    main()
