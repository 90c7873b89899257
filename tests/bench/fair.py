#!/usr/bin/env python3
"""How long quiet tenants wait while another one floods the queue. See README.md.

    tests/bench/fair.py [--flood 1000000] [--consumers 32] [--processing-ms 20] [--seconds 30] [--without-groups]
"""

import argparse
import asyncio
import json
import pathlib
import random
import subprocess
import tempfile
import time
import urllib.request

SLUICE = pathlib.Path(__file__).parents[2] / "target/release/sluice"
LISTEN = "127.0.0.1:9398"
QUIET_TENANTS = 10
FLOOD_CONNECTIONS = 8
FLOOD_BODY = "flood " + "x" * 250


class Client:
    """One connection, AWS JSON."""

    async def open(self):
        host, port = LISTEN.split(":")
        self.reader, self.writer = await asyncio.open_connection(host, int(port))
        return self

    async def call(self, action, members):
        return json.loads(await self.post(request(action, members)) or b"{}")

    async def post(self, raw):
        self.writer.write(raw)
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
        body = await self.reader.readexactly(length)
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"{head!r} {body!r}")
        return body


def request(action, members):
    body = json.dumps(members).encode()
    head = f"POST / HTTP/1.1\r\nHost: {LISTEN}\r\nContent-Type: application/x-amz-json-1.0\r\n"
    head += f"X-Amz-Target: AmazonSQS.{action}\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


class Run:
    """What is measured from one moment to another."""

    def __init__(self, options, url):
        self.options, self.url = options, url
        self.is_over = False
        self.reset()

    def reset(self):
        self.dwells, self.receives, self.flood_received, self.sent = [], [], 0, 0
        self.started = time.monotonic()

    def group(self, tenant):
        return {} if self.options.without_groups else {"MessageGroupId": tenant}

    async def quiet_tenant(self, number):
        client = await Client().open()
        await asyncio.sleep(random.random())
        while not self.is_over:
            body = f"quiet {time.monotonic()}"
            await client.call("SendMessage", {"QueueUrl": self.url, "MessageBody": body, **self.group(f"quiet-{number}")})
            self.sent += 1
            await asyncio.sleep(1)

    async def consumer(self):
        client = await Client().open()
        while not self.is_over:
            asked = time.monotonic()
            answer = await client.call("ReceiveMessage", {"QueueUrl": self.url, "WaitTimeSeconds": 1})
            now = time.monotonic()
            for message in answer.get("Messages", []):
                if message["Body"].startswith("quiet"):
                    self.dwells.append(now - float(message["Body"].split()[1]))
                else:
                    # Only now is it certain that the receive did not wait for a message.
                    self.receives.append(now - asked)
                    self.flood_received += 1
                await asyncio.sleep(self.options.processing_ms / 1000)
                handle = message["ReceiptHandle"]
                await client.call("DeleteMessage", {"QueueUrl": self.url, "ReceiptHandle": handle})

    async def flood(self):
        entries = [{"Id": str(n), "MessageBody": FLOOD_BODY, **self.group("flood")} for n in range(10)]
        raw = request("SendMessageBatch", {"QueueUrl": self.url, "Entries": entries})
        left = self.options.flood // 10

        async def send():
            nonlocal left
            client = await Client().open()
            while left > 0:
                left -= 1
                await client.post(raw)

        await asyncio.gather(*(send() for _ in range(FLOOD_CONNECTIONS)))


def quantiles(values):
    if not values:
        return "none"
    values = sorted(values)
    at = lambda share: values[min(len(values) - 1, int(len(values) * share))] * 1000
    return f"p50 {at(0.5):.1f} ms  p99 {at(0.99):.1f} ms  max {values[-1] * 1000:.1f} ms  ({len(values)})"


def resident_mb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) // 1024


def report(title, run, pid):
    elapsed = time.monotonic() - run.started
    print(f"{title}: {elapsed:.0f} s, server at {resident_mb(pid)} MB")
    print(f"  quiet messages: {run.sent} sent, dwell {quantiles(run.dwells)}")
    if run.flood_received:
        print(f"  flood messages: {run.flood_received / elapsed:.0f}/s received, a receive took {quantiles(run.receives)}")
    run.reset()


async def measure(options, pid):
    client = await Client().open()
    url = (await client.call("CreateQueue", {"QueueName": "fair"}))["QueueUrl"]
    run = Run(options, url)
    tasks = [asyncio.create_task(run.quiet_tenant(number)) for number in range(QUIET_TENANTS)]
    tasks += [asyncio.create_task(run.consumer()) for _ in range(options.consumers)]
    await asyncio.sleep(2)
    run.reset()
    await asyncio.sleep(options.seconds)
    report("quiet tenants alone", run, pid)
    await run.flood()
    report(f"while {options.flood} messages of another tenant arrive", run, pid)
    await asyncio.sleep(options.seconds)
    report("while they wait", run, pid)
    wanted = ["ApproximateNumberOfMessages"]
    client = await Client().open()  # the first connection was idle for too long
    answer = await client.call("GetQueueAttributes", {"QueueUrl": url, "AttributeNames": wanted})
    print(f"  still waiting: {answer['Attributes'][wanted[0]]}")
    with urllib.request.urlopen(f"http://{LISTEN}/metrics") as metrics:
        for line in metrics.read().decode().splitlines():
            if "noisy_groups{" in line or "quiet_groups" in line and not line.startswith("#"):
                print(f"  {line}")
    run.is_over = True
    await asyncio.gather(*tasks)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--flood", type=int, default=1_000_000, help="messages of the noisy tenant")
    parser.add_argument("--consumers", type=int, default=32)
    parser.add_argument("--processing-ms", type=int, default=20, help="time that a consumer takes for a message")
    parser.add_argument("--seconds", type=int, default=30, help="length of the phases before and after the flood")
    parser.add_argument("--without-groups", action="store_true", help="the same without tenants, for comparison")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        log = open(f"{data}/log", "w")
        server = subprocess.Popen([SLUICE, "dev", "--data", f"{data}/data", "--listen", LISTEN], stderr=log, stdout=log)
        try:
            wait_until_ready()
            asyncio.run(measure(options, server.pid))
        finally:
            server.terminate()
            server.wait()


def wait_until_ready():
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        try:
            urllib.request.urlopen(f"http://{LISTEN}/ready")
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit("the server does not start")


if __name__ == "__main__":
    main()
