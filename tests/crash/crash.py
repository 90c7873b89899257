#!/usr/bin/env python3
"""Kills the server with SIGKILL under load, again and again, and checks that it kept every promise.

Per cycle: start the server on the same data directory; producers and consumers write down every acknowledged send, receive,
visibility change and delete; SIGKILL at a random moment; sometimes another one while the next start is recovering. At the end
everything is drained. See check.py for what is checked. Only the process dies here, not the machine: what the operating system
had accepted survives, so this tests recovery and the order of replies, not fsync. No connection may break before its server is
killed, and the log may tell of no error. Python's standard library only.

Two more queues, one of each type, have consumers that fail on purpose, and a dead-letter queue with consumers of its own.

In the end move tasks bring dead letters back, or to another queue, over more kills: each ends, and moves every message once.

FIFO queues: each message group has one producer at a time, which repeats acknowledged sends, and those that a kill left without an
answer, by their deduplication ids; groups have to come in the order of their sends, without doubles, also when they are drained.

    crash.py                          5 cycles, about a minute
    crash.py --cycles 60 --seed 7     a long run; the seed is printed, and decides sizes, fates and moments (not the schedule)
    crash.py --secured                signatures are verified, of a user made before the first kill; and bodies are encrypted: of some
                                      queues by a KMS key, of most by the key of the server, of some not at all
    crash.py --self-test              checks the checker
"""

import argparse
import contextlib
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import self_test
import traffic
from check import Checker, check_move
from secured import Root, master_key
from signature import with_key

ROOT = Path(__file__).resolve().parent.parent.parent
QUEUES = 5
FIFO_QUEUES = 2
FIFO_GROUPS = 4  # per producer and queue
RECEIVES_MAX = 3  # of the queues whose consumers fail
REPEATABLE = 50  # acknowledged sends per group that the next producer may repeat
MOVED = 300  # messages of one move task
MOVES_PER_SECOND = 100
MOVE_SECONDS = 60  # the longest time without a kill in which one has to end
START_SECONDS = 60
STOP_SECONDS = 60
JOIN_SECONDS = 60
DRAIN_SECONDS = 300
LOG_IS_BAD = re.compile(r'\bERROR\b|"level":\s*"error"|panicked at')


class Server:
    """`sluice` on one data directory, started and killed many times."""

    def __init__(self, options, directory):
        self.directory = directory
        self.command = [options.sluice, options.command, "--auth=false", "--listen", "127.0.0.1:0", "--data", directory / "data"]
        self.port_file = directory / "address"
        self.log = directory / "server.log"
        self.environment = None  # as it is here
        self.process = None
        self.ready_at = None  # while it serves
        self.lives = []  # [(ready, end begun)]
        self.log_read_to = 0

    def spawn(self):
        self.port_file.unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            command = [*self.command, "--port-file", self.port_file]
            streams = {"stdin": subprocess.DEVNULL, "stdout": log, "stderr": log}
            self.process = subprocess.Popen(command, env=self.environment, **streams)

    def start(self):
        """Starts it, waits until it is ready; gives its endpoint and how long that took."""
        started = time.monotonic()
        self.spawn()
        while not (self.port_file.is_file() and self.port_file.read_text().strip()):
            if self.process.poll() is not None or time.monotonic() - started > START_SECONDS:
                raise SystemExit(f"the server did not start (exit code {self.process.poll()}):\n{self.log_tail()}")
            time.sleep(0.01)
        self.ready_at = time.monotonic()
        return "http://" + self.port_file.read_text().strip(), self.ready_at - started

    def begin_end(self):
        """From now on its connections may break."""
        if self.ready_at is not None:
            self.lives.append((self.ready_at, time.monotonic()))
            self.ready_at = None

    def kill(self):
        """Gives whether it was still alive to be killed."""
        alive = self.process.poll() is None
        self.begin_end()
        self.process.kill()
        return self.process.wait() == -signal.SIGKILL and alive

    def terminate(self):
        """SIGTERM; gives the exit code."""
        self.begin_end()
        self.process.terminate()
        try:
            return self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
            return None

    def log_tail(self):
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-20:]) if self.log.is_file() else ""

    def new_errors(self):
        """Lines of its log since the last look that tell of an error."""
        with open(self.log, errors="replace") as log:
            log.seek(self.log_read_to)
            lines = log.readlines()
            self.log_read_to = log.tell()
        return [line.strip() for line in lines if LOG_IS_BAD.search(line)]


class SecuredServer(Server):
    """One that verifies signatures and encrypts bodies. Its endpoint has the access key of a user in it."""

    def __init__(self, options, directory):
        super().__init__(options, directory)
        self.root, self.user = Root(directory), None
        self.command.remove("--auth=false")
        self.command += [*self.root.flags, *master_key(directory)]

    def start(self):
        endpoint, seconds = super().start()
        self.user = self.user or self.root.user(self.command[0], endpoint)
        return with_key(endpoint, self.user), seconds


class StandIn:
    """A server that somebody else runs and that is never killed: for trying this script out."""

    def __init__(self, endpoint):
        self.endpoint, self.lives = endpoint, []

    def start(self):
        return self.endpoint, 0.0

    def kill(self):
        self.lives.append((0.0, time.monotonic()))
        return True

    def new_errors(self):
        return []

    def log_tail(self):
        return ""


class Run:
    name = "crash"

    def __init__(self, options, server, ledgers):
        self.options, self.server, self.ledgers = options, server, ledgers
        self.chance = random.Random(options.seed)
        prefix = f"{self.name}-{os.getpid()}"
        self.standard = [f"{prefix}-{n}" for n in range(QUEUES)]
        self.fifo = [f"{prefix}-{n}.fifo" for n in range(FIFO_QUEUES)]
        self.failing, self.dead = (f"{prefix}-failing", f"{prefix}-failing.fifo"), (f"{prefix}-dead", f"{prefix}-dead.fifo")
        # A dead-letter queue has to exist before the queue that names it.
        self.names = [*self.dead, *self.failing, *self.standard, *self.fifo]
        self.ordered = [*self.fifo, self.failing[1]]  # queues with one sender to each message group
        self.policies = {source: (target, RECEIVES_MAX) for source, target in zip(self.failing, self.dead)}
        self.checker = Checker(self.policies)
        self.starts = []
        self.moves = 0
        self.endpoint = None
        self.files, self.read = 0, []  # ledgers

    def start(self):
        for path in self.read:  # those of the last server are kept, for whoever looks into a finding
            path.unlink()
        self.read.clear()
        self.endpoint, seconds = self.server.start()
        self.starts.append(seconds)
        api = traffic.Api(self.endpoint)
        queues = {}
        for name in self.names:
            attributes = self.attributes(name)
            if name in self.policies:
                target, count = self.policies[name]
                asked = api.call("GetQueueAttributes", QueueUrl=queues[target], AttributeNames=["QueueArn"])
                policy = {"deadLetterTargetArn": asked["Attributes"]["QueueArn"], "maxReceiveCount": count}
                attributes["RedrivePolicy"] = json.dumps(policy)
            queues[name] = api.call("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]
        return api, queues

    def attributes(self, name):
        return {"FifoQueue": "true"} if name.endswith(".fifo") else {}

    def memory(self, producer):
        """What a FIFO producer has to know of its message groups: sends without an answer, and some that can be repeated."""
        memory, now = [], time.monotonic()
        for queue in self.ordered:
            for group in (f"g{producer}.{n}" for n in range(FIFO_GROUPS)):
                known = self.checker.groups.get((queue, group))
                sent = known.sent if known else []
                pending = [message.key for message in sent if not message.acknowledged]
                recent = [m for m in sent if m.acknowledged and now - m.sent_from < traffic.REPEAT_SECONDS]
                chosen = self.chance.sample(recent, min(REPEATABLE, len(recent)))
                memory.append((queue, group, pending, [(message.key, message.sent_from) for message in chosen]))
        return memory

    def launch(self, target, *arguments):
        """Starts a client process with a ledger of its own."""
        self.files += 1
        path = self.ledgers / f"{self.files}.jsonl"
        process = multiprocessing.Process(target=target, args=(self.endpoint, *arguments[:1], path, *arguments[1:]), daemon=True)
        process.start()
        return process, path

    def collect(self, clients):
        """Waits for clients and gives the events they wrote down, queue URLs replaced by names (the port changes)."""
        events = []
        for process, path in clients:
            process.join(JOIN_SECONDS + DRAIN_SECONDS)
            if process.exitcode != 0:
                process.kill()
                self.checker.problem(f"a client process ended with {process.exitcode}")
            with open(path) as lines:
                events += map(json.loads, lines)
            self.read.append(path)
        for event in events:
            for place in {"send?": [3], "received": [4], "unanswered": [2], "empty": [2], "purge?": [2], "purged": [2]}.get(event[1], []):
                event[place] = event[place].rsplit("/", 1)[1]
        return events

    def judge(self, checker, clients):
        """Feeds what the clients of one life saw, and when its end was begun."""
        checker.feed([[self.server.lives[-1][1], "ending"], *self.collect(clients)])
        checker.server_ended()

    def kill(self, when):
        """Kills the server, which must not have died by itself nor have complained."""
        if not self.server.kill():
            self.checker.problem(f"{when}: the server had died by itself:\n{self.server.log_tail()}")
        self.read_log(when)

    def read_log(self, when):
        for line in self.server.new_errors():
            self.checker.problem(f"{when}: the log says: {line}")

    def cycle(self, number):
        if isinstance(self.server, Server) and number and self.chance.random() < 0.3:
            self.server.spawn()  # killed while it recovers, or soon after
            time.sleep(self.chance.uniform(0, 0.4))
            self.kill(f"cycle {number}, recovering")
        _, queues = self.start()
        stop = multiprocessing.Event()
        clients = []

        def launch(name, target, names, *rest):
            clients.append(self.launch(target, [queues[name] for name in names], self.chance.random(), name, stop, *rest))

        (failing, failing_fifo), (dead, dead_fifo) = self.failing, self.dead
        for client in range(self.options.producers):
            launch(f"p{number}.{client}", traffic.produce, [*self.standard, failing])
        for client in range(self.options.consumers):
            launch(f"c{number}.{client}", traffic.consume, self.standard)
        for client in range(self.options.fifo_clients):
            launch(f"fp{number}.{client}", traffic.produce_in_order, [*self.fifo, failing_fifo], self.memory(client))
            launch(f"fc{number}.{client}", traffic.consume_in_order, self.fifo)
        for client in range(self.options.failing_clients):
            launch(f"x{number}.{client}", traffic.consume, [failing], traffic.FAILING_FATES)
            launch(f"fx{number}.{client}", traffic.consume_in_order, [failing_fifo], 0.8)
        launch(f"d{number}", traffic.consume, [dead])
        launch(f"fd{number}", traffic.consume_in_order, [dead_fifo])
        time.sleep(self.chance.uniform(0.3, self.options.seconds))
        self.kill(f"cycle {number}")
        stop.set()
        before = self.checker.sends, self.checker.deletes
        self.judge(self.checker, clients)
        sends, deletes = self.checker.sends - before[0], self.checker.deletes - before[1]
        print(f"cycle {number + 1}: start {self.starts[-1]:.2f} s, {sends} sends and {deletes} deletes acknowledged", flush=True)

    def counted(self, api, queues):
        """The sum of the counters of each queue, once what was on its way to another queue at the last kill has arrived."""
        latest, unchanged = {}, 0
        while unchanged < 10:
            counted = {name: sum(traffic.counters(api, url)) for name, url in queues.items()}
            unchanged = unchanged + 1 if counted == latest else 0
            latest = counted
            time.sleep(0.1)
        return latest

    def drain(self):
        """The last part: what is there, all of it, and then nothing."""
        api, queues = self.start()
        counted = self.counted(api, queues)
        promised = self.checker.promised()
        print(f"drain: {sum(counted.values())} messages counted, {len(promised)} promised", flush=True)
        # What is received too often while it is drained moves: so the dead-letter queues come last.
        first = [url for name, url in queues.items() if name not in self.dead]
        events = []
        for urls in first, [queues[name] for name in self.dead]:
            events += self.collect([self.launch(traffic.drain, [url], self.options.drain_seconds) for url in urls])
        drained = {name: {} for name in self.names}  # dictionaries: each once, in order
        for event in events:
            if event[1] == "received":
                drained[event[4]][event[5]] = True
        self.checker.feed(events)
        self.checker.expect_after_drain(promised, drained, counted)
        self.kill("drain")
        api, queues = self.start()
        for queue in queues.values():
            left = traffic.counters(api, queue)
            messages = api.call("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1).get("Messages", [])
            if sum(left) or messages:
                self.checker.problem(f"after the drain and one more kill, {queue} counts {left} and gives {len(messages)} messages")
        self.kill("after the drain")
        return len(promised), sum(map(len, drained.values()))

    def move(self, failing, destination):
        """Kills the server while a task moves dead letters to a queue: to where they came from, or to another one."""
        is_fifo, dead = failing.endswith(".fifo"), self.policies[failing][0]
        sent = [(f"g{n % 7}" if is_fifo else None, f"move-{self.moves}-{n}") for n in range(MOVED)]
        self.moves += 1
        api, queues = self.start()
        traffic.send_all(api, queues[failing], sent)
        traffic.fail_all(api, queues[failing])
        attributes = {name: api.call("GetQueueAttributes", QueueUrl=url, AttributeNames=["QueueArn"]) for name, url in queues.items()}
        arns = {name: answer["Attributes"]["QueueArn"] for name, answer in attributes.items()}
        to = {} if destination == failing else {"DestinationArn": arns[destination]}
        source = {"SourceArn": arns[dead]}
        api.call("StartMessageMoveTask", **source, **to, MaxNumberOfMessagesPerSecond=MOVES_PER_SECOND)
        for _ in range(3):
            time.sleep(self.chance.uniform(0.1, 0.9))
            self.kill(f"moving to {destination}")
            api, queues = self.start()
        deadline, task = time.monotonic() + MOVE_SECONDS, {"Status": "RUNNING"}
        while task["Status"] == "RUNNING" and time.monotonic() < deadline:
            time.sleep(0.1)
            task = api.call("ListMessageMoveTasks", **source)["Results"][0]
        got, left = traffic.receive_all(api, queues[destination]), sum(traffic.counters(api, queues[dead]))
        for problem in check_move(sent, task["Status"], got, left):
            self.checker.problem(f"{dead} to {destination}: {problem}")
        print(f"moved {len(got)} messages from {dead} to {destination}", flush=True)
        self.kill(f"moved to {destination}")

    def move_all(self):
        for failing, other in zip(self.failing, (self.standard[0], self.fifo[0])):
            for destination in failing, other:
                self.move(failing, destination)


class SecuredRun(Run):
    """Queues differ in what encrypts them, and so do queues from their dead-letter queues, and those that messages move to."""

    def attributes(self, name):
        kms, clear = {"KmsMasterKeyId": "alias/aws/sqs"}, {"SqsManagedSseEnabled": "false"}
        chosen = {self.standard[0]: kms, self.standard[1]: clear, self.fifo[0]: kms, self.failing[0]: kms, self.dead[1]: clear}
        return super().attributes(name) | chosen.get(name, {})


def report(run, expected, drained, seconds):
    checker, starts = run.checker, run.starts
    print(f"\nseed {run.options.seed}, {run.options.cycles} cycles, {seconds:.0f} s")
    print(f"{checker.sends} sends, {checker.deletes} deletes, {checker.changes} visibility changes acknowledged")
    print(f"{checker.receives} messages received, {checker.redeliveries} of them again, {checker.appeared} from unanswered sends")
    fifo = checker.in_order, checker.repeats, checker.refusals
    print("FIFO: {} messages received, {} repeated sends, {} deletes and changes refused".format(*fifo))
    print(f"{checker.moves} messages came from a dead-letter queue")
    print(f"{expected} messages had to be there at the end, {drained} were (the others: unanswered sends and deletes)")
    print(f"start-up {min(starts):.2f} to {max(starts):.2f} s")
    if checker.problem_count:
        print(f"\n{checker.problem_count} problems:")
        for problem in checker.problems:
            print(f"  {problem}")
        print(f"\nFAILED (seed {run.options.seed})")
        return 1
    print("passed")
    return 0


def arguments(description):
    """What this test and the soak have in common."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", type=Path, default=ROOT / "target" / "release" / "sluice", help="the binary under test")
    parser.add_argument("--cycles", type=int, default=5, help="lives of a server at most")
    parser.add_argument("--seconds", type=float, default=3.0, help="the longest ordinary life of a server")
    parser.add_argument("--producers", type=int, default=3)
    parser.add_argument("--consumers", type=int, default=3)
    parser.add_argument("--fifo-clients", type=int, default=2, help="producers, and as many consumers, of the FIFO queues")
    parser.add_argument("--drain-seconds", type=float, default=DRAIN_SECONDS, help="the longest time to drain one queue")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 32))
    parser.add_argument("--work", type=Path, help="directory for data, log and ledgers; kept (default: temporary, kept on failure)")
    parser.add_argument("--self-test", action="store_true", help="check the checker, then stop")
    parser.set_defaults(command="serve", endpoint=None, secured=False)
    return parser


def parsed(parser):
    """The options, once the checker was checked: always, because one that catches nothing would pass everything."""
    options = parser.parse_args()
    failures = self_test.run()
    if failures or options.self_test:
        print("\n".join(failures) or f"self-test: {self_test.cases()} cases passed")
        raise SystemExit(1 if failures else 0)
    if not options.endpoint and not options.sluice.is_file():
        parser.error(f"no binary at {options.sluice}; build it, or say --sluice")
    options.sluice = options.sluice.resolve()
    return options


class Workplace:
    """Server and ledgers in a directory that is removed at the end if `code` was set to 0, unless it was named."""

    def __init__(self, options, name):
        self.directory = options.work or Path(tempfile.mkdtemp(prefix=f"sluice-{name}-"))
        self.ledgers = self.directory / "ledgers"
        self.ledgers.mkdir(parents=True, exist_ok=True)
        started = SecuredServer if options.secured else Server
        self.server = StandIn(options.endpoint) if options.endpoint else started(options, self.directory)
        self.code = 1


@contextlib.contextmanager
def workplace(options, name):
    place = Workplace(options, name)
    print(f"seed {options.seed}, {place.directory}", flush=True)
    try:
        yield place
    finally:
        if isinstance(place.server, Server) and place.server.process and place.server.process.poll() is None:
            place.server.kill()
        if place.code == 0 and not options.work:
            shutil.rmtree(place.directory)
        else:
            print(f"data, log and ledgers: {place.directory}")


def main():
    parser = arguments(__doc__)
    parser.add_argument("--command", choices=["serve", "dev"], default="serve")
    parser.add_argument("--failing-clients", type=int, default=2, help="consumers that fail on purpose, of each type of queue")
    parser.add_argument("--endpoint", help="try this script against a running server, without kills")
    parser.add_argument("--secured", action="store_true", help="with verified signatures and a master key")
    options = parsed(parser)
    with workplace(options, "crash") as place:
        kind = SecuredRun if options.secured else Run
        run, started = kind(options, place.server, place.ledgers), time.monotonic()
        for number in range(options.cycles):
            run.cycle(number)
            if run.checker.problems:
                break
        expected, drained = run.drain() if not run.checker.problems else (0, 0)
        if not run.checker.problems:
            run.move_all()
        place.code = report(run, expected, drained, time.monotonic() - started)
    return place.code


if __name__ == "__main__":
    sys.exit(main())
