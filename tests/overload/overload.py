#!/usr/bin/env python3
"""Attacks a server while a well-behaved client works beside it, and checks that its bounds hold.

After each attack: every request of the client beside it was answered in the end, as an SDK would have seen it; what the server
refused was refused with an error that SDKs retry; its memory stayed below the bound that docs/operations.md states; clients who are slower
than a time limit were closed while they went on; when the attack is over, requests soon need no repetition, connections and files are
gone and the processor is idle; the log has no error. Where attackers and the client beside them queue for the same, they are served in
turn: while one of its requests waits, each of their connections gets a few answers, not hundreds. Where signatures are verified, bad ones
are refused, all of them. Behind a disk that hangs, some sends have to be throttled, and none of these has an effect. Nothing here depends on
how fast the machine is. Python's standard library only.

    overload.py                     every attack, about ten minutes
    overload.py --short             the same with fewer connections and less time: a minute and a half
    overload.py silent no_window    some of them
"""

import argparse
import json
import multiprocessing
import resource
import shutil
import statistics
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import attacks
from server import Client, Neighbour, Server, connect, recover, request_bytes

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "faults"))

import control  # noqa: E402

RSS_BASE_MB = 150  # a server with full caches
IDLE_SECONDS = 60  # for connections to be gone after an attack
POLLS = 200
HANGING_SENDS = 200  # 64 MiB may wait for a shard, and up to three commits of 8 MiB are under way

# Name of the attack: connections, in the short variant, memory that it may take (MB), what else the server is started with.
ATTACKS = {
    "silent": (10_000, 1_500, 100, ["--http-connections-max", "1000"]),
    "slow_heads": (2_000, 300, 100, ["--http-head-timeout-secs", "5"]),
    "slow_bodies": (2_000, 300, 100, ["--http-body-timeout-secs", "5"]),
    "endless_headers": (200, 50, 200, []),
    "long_heads": (3_000, 1_200, 200, []),
    "large_bodies": (100, 80, 800, []),
    "vanishing_senders": (100, 20, 800, []),
    "unread_answers": (100, 40, 500, []),
    "pipelined": (100, 20, 200, []),
    "flood": (1_000, 200, 300, []),
    "bad_signatures": (1_000, 200, 200, []),
    "large_batches": (200, 40, 900, []),
    "rapid_reset": (20, 5, 300, []),
    "many_streams": (40, 10, 600, []),
    "no_window": (40, 15, 500, []),
    "metrics_flood": (200, 50, 200, []),
    "abandoned_polls": (500, 100, 200, []),
}
FEW_FILES = 300
# Attacks on servers that verify signatures, and what all of their requests are answered with.
REFUSED = {"bad_signatures": {"403 SignatureDoesNotMatch", "403 InvalidClientTokenId"}}
# Attacks whose connections have one request open each, which waits for a shard like those of the client beside them.
IN_LINE = ("flood",)
TURNS = 10  # answers for each of these connections while one request waits, at most; served in turn it is about one


class Failed(Exception):
    pass


def check(is_right, what):
    if not is_right:
        raise Failed(what)


def child(name, address, stop, count, answered, report):
    attacks.answered = answered
    report.send(getattr(attacks, name)(address, stop, count))


def until(condition, what):
    deadline = time.monotonic() + IDLE_SECONDS
    while not condition():
        check(time.monotonic() < deadline, what)
        time.sleep(0.1)


def attack(options, directory, name):
    """One attack; gives what there is to tell."""
    full, short, extra_mb, flags = ATTACKS[name]
    count = short if options.short else full
    server = Server(options.sluice, directory, *flags, secured=name in REFUSED)
    try:
        queue = Client(server.address, key=server.key).queue("neighbour")
        open_before = server.connections()
        stop, (reader, writer) = multiprocessing.Event(), multiprocessing.Pipe(duplex=False)
        answered = multiprocessing.Value("Q", 0)
        attacker = multiprocessing.Process(
            target=child, args=(name, server.address, stop, count, answered, writer), daemon=True
        )
        with Neighbour(server.address, queue, answered, server.key) as neighbour:
            attacker.start()
            time.sleep(options.seconds)
        stop.set()
        check(reader.poll(IDLE_SECONDS), "the attacker does not end")
        seen = reader.recv()
        attacker.join()
        check(neighbour.failure is None, f"the client beside it: {neighbour.failure}")
        check(happened(seen) > 0, f"nothing was attacked: {seen}")
        check(seen.get("still open", 0) == 0, f"slow clients are still there: {seen}")
        overtaken = f", {check_turns(neighbour, count)} answers to others meanwhile" if name in IN_LINE else ""
        tries = recover(server.address, queue, server.key)
        peak = server.status("VmHWM")
        check(peak < RSS_BASE_MB + extra_mb, f"memory rose to {peak} MB")
        until(lambda: server.connections() <= open_before + 4, "connections are left")
        # What was stored is compacted first.
        until(server.is_idle, "the processor is busy after the attack")
        refused = server.refused()
        check_kinds(seen, REFUSED.get(name))
    finally:
        problems = server.stop()
    check(not problems, f"the server's end: {problems}")
    kept = f"{neighbour.lives} lives beside it, {neighbour.refusals} refusals, longest {neighbour.longest * 1000:.0f} ms{overtaken}"
    return f"{kept}; recovered with life {tries}; peak {peak} MB; refused {refused}; attacker {json.dumps(seen)}"


def happened(seen):
    """How much of an attack there was, whatever it counts: connections, or else answers."""
    done = [seen[name] for name in ("opened", "sent", "bytes", "streams", "polls") if name in seen]
    return done[0] if done else sum(seen.values())


def check_turns(neighbour, count):
    """How many answers others got while a request of the client beside them waited, usually."""
    check(neighbour.overtaken, "none of its requests was answered during the attack")
    overtaken = statistics.median_low(neighbour.overtaken)
    check(overtaken <= TURNS * count, f"usually {overtaken} answers to others while a request beside {count} connections waits")
    return overtaken


def check_kinds(seen, expected):
    """Each request was answered as expected; or whatever was refused under load was refused in words that SDKs try again after."""
    if expected:
        check(set(seen) == expected, f"answered with {seen}, not all of {expected} and nothing else")
        return
    for answer in seen.get("answers", seen):
        if answer[:1] in "45" and answer.split(" ")[0].isdigit():
            retried = ("503", "403 RequestThrottled", "408 RequestTimeout", "431", "503 ServiceUnavailable")
            check(answer in retried, f"refused with {answer}")


def everybody_polls(options, directory):
    """Long polls hold every connection: the next one is refused, operators are not, and it passes as soon as they go."""
    server = Server(options.sluice, directory, "--http-connections-max", str(POLLS))
    try:
        client = Client(server.address)
        queue = client.queue("polled")
        client.close()
        poll = request_bytes("ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 20})
        polls = [connect(server.address) for _ in range(POLLS)]
        for connection in polls:
            connection.sendall(poll)
        time.sleep(1)
        refused = client.once("ListQueues", {})
        check(refused[:2] == (503, "ServiceUnavailable"), f"refused with {refused}")
        check(server.refused().get("connections", 0) >= 1, "the refusal is not counted")
        for connection in polls:
            connection.close()
        client.close()
        check("QueueUrls" in client.call("ListQueues"), "it does not recover")
    finally:
        problems = server.stop()
    check(not problems, f"the server's end: {problems}")
    return f"refused with {refused[0]} {refused[1]}, then served"


def mass_disconnect(options, directory):
    """Long polls vanish together: what is sent then is received at once, though a receive hides it for hours."""
    server = Server(options.sluice, directory)
    count = 500 if options.short else 4_000
    try:
        client = Client(server.address)
        queue = client.queue("left", VisibilityTimeout="43200")
        poll = request_bytes("ReceiveMessage", {"QueueUrl": queue, "WaitTimeSeconds": 20})
        connections = attacks.opened(server.address, count, poll)
        check(connections, "no poll was opened")
        for connection in connections:
            connection.close()
        for number in range(100):
            client.call("SendMessage", QueueUrl=queue, MessageBody=str(number))
        received = set()
        while len(received) < 100:
            found = client.call("ReceiveMessage", QueueUrl=queue, WaitTimeSeconds=20, MaxNumberOfMessages=10)
            check(found.get("Messages"), f"{100 - len(received)} messages went to nobody")
            received |= {message["Body"] for message in found["Messages"]}
    finally:
        problems = server.stop()
    check(not problems, f"the server's end: {problems}")
    return f"{len(connections)} polls left, 100 messages received"


def no_files_left(options, directory):
    """More connections than open files: the store keeps its own, those who work get their turn, nothing spins."""
    server = Server(options.sluice, directory, open_files=FEW_FILES)
    try:
        queue = Client(server.address).queue("neighbour")
        with Neighbour(server.address, queue) as neighbour:
            connections = attacks.opened(server.address, 2 * FEW_FILES)
            check(len(connections) > FEW_FILES, f"only {len(connections)} connections were opened")
        check(neighbour.failure is None, f"the client beside it: {neighbour.failure}")
        used = server.cpu_seconds()
        time.sleep(1)
        check(server.cpu_seconds() - used < 0.5, "the server spins")
        files = server.open_files()
        check(files < FEW_FILES, "no file is left for the store")
        for connection in connections:
            connection.close()
        Client(server.address).call("ListQueues")
    finally:
        problems = server.stop()
    check(not problems, f"the server's end: {problems}")
    return f"{neighbour.lives} lives beside it, {files} of {FEW_FILES} files open"


def hanging_disk(options, directory):
    """More sends than may wait for a disk that hangs: those beyond the bound are refused at once, as SDKs expect it, and without effect."""
    control.build()
    disk = control.Disk(directory / "faulty")
    server = Server(options.sluice, directory, "--shards", "1", disk=disk)
    try:
        client = Client(server.address)
        queue = client.queue("hanging")
        disk.set(0, control.Rule("hold", "sync", "wal"))
        payload = request_bytes("SendMessage", {"QueueUrl": queue, "MessageBody": "x" * (attacks.MIB - 1)})
        connections = attacks.opened(server.address, HANGING_SENDS, payload)
        until(lambda: attacks.ended(connections) > 0, "nothing is refused, and nothing can be stored")
        refused = [connection for connection in connections if attacks.ended([connection])]
        answers = Counter(attacks.answer_of(connection) for connection in refused)
        check(set(answers) == {"403 RequestThrottled"}, f"behind a disk that hangs: {answers}")
        check(server.refused().get("mailbox_bytes", 0) >= len(refused), f"counted as {server.refused()}")
        disk.set(0, None)
        answers.update(attacks.answer_of(connection) for connection in connections if connection not in refused)
        stored = answers["200"]
        check(set(answers) == {"200", "403 RequestThrottled"} and stored > 0, f"when it goes on: {answers}")
        counted = client.call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages"])
        counted = int(counted["Attributes"]["ApproximateNumberOfMessages"])
        check(counted == stored, f"{stored} sends were acknowledged, and {counted} messages are there")
        client.call("PurgeQueue", QueueUrl=queue)
        recover(server.address, client.queue("neighbour"))
    finally:
        disk.set(0, None)
        problems = server.stop()
    check(not problems, f"the server's end: {problems}")
    return f"{len(refused)} of {HANGING_SENDS} sends of 1 MiB refused at once; in the end {dict(answers)}"


OTHERS = {function.__name__: function for function in (everybody_polls, mass_disconnect, no_files_left, hanging_disk)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join([*ATTACKS, *OTHERS]))
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--seconds", type=float, help="length of one attack; 3 in the short variant, otherwise 20")
    parser.add_argument("--sluice", type=Path, default=ROOT / "target/release/sluice")
    options = parser.parse_args()
    options.seconds = options.seconds or (3 if options.short else 20)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    failed = 0
    names = options.names or [*ATTACKS, *OTHERS]
    for name in names:
        directory = Path(tempfile.mkdtemp(prefix=f"sluice-overload-{name}-"))
        started = time.monotonic()
        try:
            told = attack(options, directory, name) if name in ATTACKS else OTHERS[name](options, directory)
        except (Failed, AssertionError, OSError) as error:
            failed += 1
            print(f"FAIL {name}: {error} (log and data in {directory})", flush=True)
        else:
            print(f"ok   {name} ({time.monotonic() - started:.0f} s): {told}", flush=True)
            shutil.rmtree(directory)
    print(f"{len(names) - failed} passed, {failed} failed")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
