#!/usr/bin/env python3
"""Runs mixed load against a server that is killed, stopped and started all the time, and checks every promise from the outside.

The load: standard queues with one noisy and many quiet tenants, bodies from one byte to 1 MiB, delays, timers, batches with
entries that are refused; FIFO queues whose senders repeat themselves; queues with delays of their own; consumers that fail, are
late, give back, hold longer; dead-letter queues; a queue that is purged; a queue where somebody always waits; a queue that nobody
reads until the end; move tasks over the ends of servers; queues that come and go.

Each server lives for a random time and ends by SIGKILL, SIGTERM, or SIGTERM and then SIGKILL, sometimes while it recovers. Every few
minutes everything is drained and counted, and what is finished is forgotten, so that a run can last for days. The ledger and the
promises are those of tests/crash (check.py); README.md lists them. Python's standard library only.

    soak.py --minutes 60                     an hour, with a seed that is printed
    soak.py --minutes 5 --seed 7             the seed decides load, fates and moments (not the schedule)
    soak.py --minutes 5 --clock              the time of day jumps by hours, back and forth (Linux, needs cc)
"""

import json
import multiprocessing
import os
import random
import resource
import signal
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "crash"))

import crash  # noqa: E402
import errands  # noqa: E402
import load  # noqa: E402
import measure  # noqa: E402
import traffic  # noqa: E402
from check import Checker  # noqa: E402
from jumping_clock import JumpingClock  # noqa: E402

EPOCH_MESSAGES_MAX = 150_000  # that the ledger remembers before everything is drained
TASK_SECONDS = 300  # a run of this length has to have ended a move task
HELD_MAX = 30  # messages that are deleted after a start by the handles that they were given before it
LONG_LIFE = 5  # times as long
ENDS = {"kill": 60, "stop": 25, "stop and kill": 15}
LATE_FATES = {"delete": 15, "batch": 45, "again": 8, "later": 12, "leave": 12, "late": 8}
DELAYS = {"-delayed": 3, "-delayed.fifo": 2}
JUMP_SECONDS_MAX = 20 * 3600  # a clock that stays a day ahead is followed, see docs/operations.md
# What a jump may do: time is a tenth faster or slower until the next start, which takes the time of day as it is.
JUMP_PACE = 0.9


class Soak(crash.Run):
    name = "soak"

    def __init__(self, options, server, ledgers, clock):
        super().__init__(options, server, ledgers)
        self.clock = clock
        prefix = self.standard[0].rpartition("-")[0]
        self.purged, self.bell, self.kept = (f"{prefix}-{name}" for name in ("purged", "bell", "kept"))
        self.delayed, self.delayed_fifo = (prefix + name for name in DELAYS)
        self.names += [self.purged, self.bell, self.kept, self.delayed, self.delayed_fifo]
        self.ordered = [*self.ordered, self.delayed_fifo]
        self.checker = Checker(self.policies, self.shortest, [self.bell])
        self.kept_checker = Checker(shortest=self.shortest)
        self.kept_url = None
        self.last_purge = multiprocessing.Value("d", 0.0)
        self.measured = measure.Measured()
        self.ends = dict.fromkeys(ENDS, 0)
        self.recoveries_killed = self.jumps = self.epochs = 0
        self.done = {}  # errands, by what they were
        self.found_by_errands = ledgers / "errands"
        self.found_by_errands.touch()
        self.read_to = 0
        self.broken = []  # [(started, ended)] of their calls whose connection broke
        self.errands_stop = multiprocessing.Event()
        arguments = (server.port_file, self.found_by_errands, self.chance.random(), self.errands_stop)
        self.errands = multiprocessing.Process(target=errands.run, args=arguments, daemon=True)

    def shortest(self, seconds):
        """How long something lasts at least."""
        if not self.clock:
            return seconds
        return max(0.0, JUMP_PACE * seconds - (1 - JUMP_PACE) * self.options.seconds)

    def attributes(self, name):
        delay = next((str(delay) for suffix, delay in DELAYS.items() if name.endswith(suffix)), None)
        return super().attributes(name) | ({"DelaySeconds": delay} if delay else {})

    def start(self):
        if self.clock:
            self.clock.set(0)  # what jumped is mended before the next start
        api, queues = super().start()
        self.kept_url = queues.pop(self.kept, self.kept_url)
        return api, queues

    def clients(self, number, queues, stop):
        """Starts them; gives those of everything else, and those of the queue that nobody reads."""
        clients = []

        def launch(name, target, names, *rest):
            clients.append(self.launch(target, [queues[name] for name in names], self.chance.random(), f"{name}{number}", stop, *rest))

        (failing, failing_fifo), (dead, dead_fifo) = self.failing, self.dead
        mixed = [*self.standard, failing, self.purged, self.delayed]
        for client in range(self.options.producers):
            launch(f"p{client}.", load.produce_mixed, mixed, [(queues[self.delayed], DELAYS["-delayed"])])
        for client in range(self.options.consumers):
            held = [] if client else self.held(queues)
            launch(f"c{client}.", traffic.consume, [*self.standard, self.purged, self.delayed], LATE_FATES, (0, 1, 5, 20), held)
        for client in range(self.options.fifo_clients):
            delays = {self.delayed_fifo: DELAYS["-delayed.fifo"]}
            launch(f"fp{client}.", traffic.produce_in_order, self.ordered, self.memory(client), delays, load.BACKLOG_MAX)
            launch(f"fc{client}.", traffic.consume_in_order, [*self.fifo, self.delayed_fifo])
        launch("x", traffic.consume, [failing], traffic.FAILING_FATES)
        launch("fx", traffic.consume_in_order, [failing_fifo], 0.8)
        launch("d", traffic.consume, [dead])
        launch("fd", traffic.consume_in_order, [dead_fifo])
        launch("r", load.ring, [self.bell])
        launch("w", load.wait, [self.bell])
        launch("u", load.purge, [self.purged], self.last_purge)
        kept = [self.launch(load.ring, [self.kept_url], self.chance.random(), f"k{number}", stop)]
        return clients, kept

    def held(self, queues):
        """Some messages that the last server gave out and that are in flight still."""
        now = time.monotonic()
        messages = [m for m in self.checker.by_key.values() if m.handle and m.held_until > now and not m.delete_tries]
        chosen = self.chance.sample(messages, min(HELD_MAX, len(messages)))
        return [(queues[m.queue], m.message_id, m.handle) for m in chosen if not m.moved_at]

    def cycle(self, number):
        if number and self.chance.random() < 0.2:
            self.server.spawn()  # killed while it recovers, or soon after
            time.sleep(self.chance.uniform(0, 0.4))
            self.kill(f"cycle {number}, recovering")
            self.recoveries_killed += 1
        _, queues = self.start()
        stop, before = multiprocessing.Event(), (self.checker.sends, self.checker.receives, self.checker.deletes)
        clients, kept = self.clients(number, queues, stop)
        life = self.chance.uniform(0.5, self.options.seconds)
        if not self.clock and self.chance.random() < self.options.long_lives:
            life *= LONG_LIFE
        self.live(life)
        how = self.end(number)
        stop.set()
        self.judge(self.checker, clients)
        self.judge(self.kept_checker, kept)
        self.hear_errands()
        self.progress(number, how, life, before)

    def live(self, seconds):
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if self.clock and self.chance.random() < 0.3:
                self.clock.set(self.chance.randint(-JUMP_SECONDS_MAX, JUMP_SECONDS_MAX))
                self.jumps += 1
            time.sleep(min(1.0, left))
            self.measured.sample(self.server.process.pid)

    def end(self, number):
        how = self.chance.choices(list(ENDS), weights=ENDS.values())[0]
        self.ends[how] += 1
        if how == "kill" or self.server.process.poll() is not None:
            self.kill(f"cycle {number}")
        else:
            self.stop(number, how)
        self.measured.end_life()
        return how

    def stop(self, number, how):
        codes = [0]
        if how == "stop":
            code = self.server.terminate()
        else:
            self.server.begin_end()
            self.server.process.terminate()
            time.sleep(self.chance.uniform(0, 0.3))
            self.server.kill()
            code, codes = self.server.process.returncode, [0, -signal.SIGKILL]
        if code not in codes:
            self.checker.problem(f"cycle {number}: {how}: the exit code after SIGTERM was {code}:\n{self.server.log_tail()}")
        self.read_log(f"cycle {number}: {how}")

    def was_served(self, started, ended):
        """Whether one server was there all the time."""
        return any(ready < started and ended < end for ready, end in self.server.lives)

    def hear_errands(self):
        with open(self.found_by_errands) as lines:
            lines.seek(self.read_to)
            for kind, text in map(json.loads, iter(lines.readline, "")):
                if kind == "problem":
                    self.checker.problem(text)
                elif kind == "gone":
                    self.broken.append(text)
                else:
                    self.done[text] = self.done.get(text, 0) + 1
            self.read_to = lines.tell()
        # What broke in the life that still lasts is judged at its end.
        now = self.server.ready_at or time.monotonic()
        for started, ended in [times for times in self.broken if times[1] < now]:
            if self.was_served(started, ended):
                self.checker.problem(f"a connection of the errands broke after {ended - started:.3f} s, and nobody had ended the server")
        self.broken = [times for times in self.broken if times[1] >= now]
        if not self.errands.is_alive() and not self.errands_stop.is_set():
            self.checker.problem("the process of the errands ended")

    def progress(self, number, how, life, before):
        counts = (self.checker.sends, self.checker.receives, self.checker.deletes)
        sent, received, deleted = (now - then for now, then in zip(counts, before))
        print(
            f"{time.strftime('%H:%M:%S', time.gmtime(time.monotonic() - self.measured.begun))} cycle {number + 1}: {how} after "
            f"{life:.1f} s; {sent} sent, {received} received, {deleted} deleted ({(sent + received + deleted) / life:.0f}/s); "
            f"start {self.starts[-1]:.2f} s; {self.measured.latest()}; {self.problems()} findings",
            flush=True,
        )

    def problems(self):
        return self.checker.problem_count + self.kept_checker.problem_count

    def stocktake(self):
        """Everything is drained, and has to be what the ledger says; then the ledger begins anew."""
        expected, drained = self.drain()
        self.epochs += 1
        if not self.problems():
            self.checker.forget()
        return expected, drained

    def stocktake_of_all(self):
        """Also after a finding: what was lost or came back says more than what was noticed first."""
        try:
            self.stocktake()
            self.drain_kept()
        except (SystemExit, Exception) as error:
            if not self.problems():
                raise
            self.checker.problem(f"the stocktake after the findings above did not end: {error}")

    def drain_kept(self):
        """What was sent during the whole run, and stayed."""
        self.start()
        queue, promised = self.kept_url, self.kept_checker.promised()
        counted = sum(traffic.counters(traffic.Api(self.endpoint), queue))
        events = self.collect([self.launch(traffic.drain, [queue], self.options.drain_seconds)])
        ids = dict.fromkeys(event[5] for event in events if event[1] == "received")
        self.kept_checker.feed(events)
        self.kept_checker.expect_after_drain(promised, {self.kept: ids}, {self.kept: counted})
        self.kill("the last drain")
        print(f"kept since the beginning: {len(promised)} messages promised, {len(ids)} there", flush=True)

    def run(self):
        begun = epoch_begun = time.monotonic()
        self.errands.start()
        number = 0
        while not self.problems() and time.monotonic() - begun < 60 * self.options.minutes and number < self.options.cycles:
            self.cycle(number)
            number += 1
            is_full = len(self.checker.by_key) > EPOCH_MESSAGES_MAX
            if not self.problems() and (is_full or time.monotonic() - epoch_begun > self.options.epoch):
                self.stocktake()
                epoch_begun = time.monotonic()
        self.stocktake_of_all()
        self.errands_stop.set()
        self.errands.join(errands.CALL_SECONDS)
        if self.errands.is_alive():
            self.checker.problem(f"the errands did not end within {errands.CALL_SECONDS} s")
        self.hear_errands()
        if time.monotonic() - begun > TASK_SECONDS and not self.done.get("move tasks"):
            self.checker.problem("no move task ended in all that time")
        return number


def report(run, cycles, seconds):
    checker = run.checker
    problems = checker.problems + run.kept_checker.problems
    ends = ", ".join(f"{count} {how}" for how, count in run.ends.items())
    print(f"\nseed {run.options.seed}: {cycles} cycles in {seconds / 60:.1f} min, {run.epochs} times drained")
    print(f"ends: {ends}; {run.recoveries_killed} killed while they recovered; {run.jumps} jumps of the clock")
    print(f"{checker.sends} sends, {checker.deletes} deletes, {checker.changes} visibility changes, {checker.purges} purges acknowledged")
    print(f"{checker.receives} messages received, {checker.redeliveries} of them again, {checker.appeared} from unanswered sends")
    fifo = checker.in_order, checker.repeats, checker.refusals
    print("FIFO: {} messages received, {} repeated sends, {} deletes and changes refused".format(*fifo))
    print(f"{checker.moves} messages came from a dead-letter queue; {run.done.get('move tasks', 0)} move tasks")
    print(f"start-up {min(run.starts):.2f} to {max(run.starts):.2f} s")
    print(f"server: {run.measured.summary()}")
    print(f"checker: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10} MB at most")
    for problem in problems:
        print(f"  {problem}")
    print(f"\nFAILED: {run.problems()} findings (seed {run.options.seed})" if problems else "passed")
    return 1 if problems else 0


def main():
    parser = crash.arguments(__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--long-lives", type=float, default=0.1, help=f"the share of lives {LONG_LIFE} times as long")
    parser.add_argument("--epoch", type=float, default=180.0, help="seconds after which everything is drained")
    parser.add_argument("--clock", action="store_true", help="let the time of day jump")
    parser.set_defaults(cycles=sys.maxsize, seconds=20.0, producers=2)
    options = crash.parsed(parser)
    with crash.workplace(options, "soak") as place:
        clock = JumpingClock(place.directory) if options.clock else None
        place.server.environment = clock.environment() if clock else os.environ
        run, started = Soak(options, place.server, place.ledgers, clock), time.monotonic()
        try:
            cycles = run.run()
            place.code = report(run, cycles, time.monotonic() - started)
        finally:
            run.errands.kill()
    return place.code


if __name__ == "__main__":
    sys.exit(main())
