#!/usr/bin/env python3
"""Thousands of long polls on one server: memory, processor time while nothing happens, and the time to wake one of them.

Each poll is repeated when it ends, as consumers do. Then sends go to one queue after the other, slowly, and the time from the first
byte of a send to the answer of the poll that it wakes is taken. Times count on a quiet machine only; memory, wake-ups and processor
time count anywhere. Python's standard library only.

    polls.py                                       10,000 polls on 1, 100 and 10,000 queues, and as many connections without a request
    polls.py --connections 2000 --queues 100
"""

import argparse
import resource
import select
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from server import Client, Server, connect, request_bytes

ROOT = Path(__file__).resolve().parent.parent.parent


class Polls:
    """Connections with a poll each, which is repeated when it ends."""

    def __init__(self, address, count, queues):
        self.epoll, self.connections, self.polls = select.epoll(), {}, {}
        for number in range(count):
            connection = connect(address, source=number)
            self.connections[connection.fileno()] = connection
            if queues:
                poll = {"QueueUrl": queues[number % len(queues)], "WaitTimeSeconds": 20, "VisibilityTimeout": 1}
                self.polls[connection.fileno()] = request_bytes("ReceiveMessage", poll)
                connection.sendall(self.polls[connection.fileno()])
            else:
                connection.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n")
                connection.recv(4096)
            self.epoll.register(connection, select.EPOLLIN)

    def run(self, seconds):
        """Repeats polls for a time; gives how many ended."""
        ended, until = 0, time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            for number, _ in self.epoll.poll(left):
                self.connections[number].recv(65536)
                self.connections[number].sendall(self.polls[number])
                ended += 1
        return ended

    def woken(self, message):
        """Waits until a poll has this message; repeats that one, and those that end empty meanwhile."""
        while True:
            for number, _ in self.epoll.poll():
                at, received = time.perf_counter(), self.connections[number].recv(65536)
                self.connections[number].sendall(self.polls[number])
                if message in received:
                    return at

    def close(self):
        for connection in self.connections.values():
            connection.close()


def idle(server, polls, seconds):
    """Share of one core, and wake-ups a second, while nothing is sent."""
    used, switches, started = server.cpu_seconds(), server.switches(), time.monotonic()
    ended = polls.run(seconds)
    took = time.monotonic() - started
    cpu = 100 * (server.cpu_seconds() - used) / took
    return f"idle: {cpu:.2f} % of a core, {(server.switches() - switches) / took:.0f} wake-ups/s, {ended / took:.0f} polls ended/s"


def wake_ups(client, polls, queues, sends):
    took = []
    for number in range(sends):
        queue, message = queues[number * 7919 % len(queues)], f"message-{number}-".encode()
        started = time.perf_counter()
        client.call("SendMessage", QueueUrl=queue, MessageBody=message.decode())
        took.append((polls.woken(message) - started) * 1000)
        time.sleep(0.005)
    took = statistics.quantiles(took, n=100, method="inclusive")
    return f"wake-up: p50 {took[49]:.1f} ms, p99 {took[98]:.1f} ms ({sends} sends)"


def measure(options, queue_count):
    directory = Path(tempfile.mkdtemp(prefix="sluice-polls-"))
    server = Server(options.sluice, directory)
    try:
        client = Client(server.address)
        queues = [client.queue(f"queue-{number}") for number in range(queue_count)]
        before = server.status("VmRSS")
        polls = Polls(server.address, options.connections, queues)
        time.sleep(1)
        print(f"{options.connections} connections, {queue_count} queues: {before} MB before, {server.status('VmRSS')} MB", flush=True)
        print("  " + idle(server, polls, options.seconds), flush=True)
        if queues:
            print("  " + wake_ups(client, polls, queues, options.sends), flush=True)
        print(f"  memory: {server.status('VmRSS')} MB, at most {server.status('VmHWM')} MB", flush=True)
        polls.close()
    finally:
        problems = server.stop()
        shutil.rmtree(directory)
    if problems:
        raise SystemExit(f"the server's end: {problems}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--queues", type=int, nargs="*", default=[1, 100, 10_000, 0], help="0: connections without a request")
    parser.add_argument("--seconds", type=float, default=40, help="length of the idle phase; polls last 20 s")
    parser.add_argument("--sends", type=int, default=1_000)
    parser.add_argument("--sluice", type=Path, default=ROOT / "target/release/sluice")
    options = parser.parse_args()
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    for queue_count in options.queues:
        measure(options, queue_count)


if __name__ == "__main__":
    main()
