"""Power cuts under the whole server: the traffic and the ledger of tests/crash, on the faulty disk."""

import random
import shutil
import signal
import subprocess
import sys
import time
from argparse import Namespace
from pathlib import Path

from control import ROOT, Disk, Rule
from power_cut import Cut, Escaped, History, replace

sys.path.insert(0, str(ROOT / "tests" / "crash"))
import crash  # noqa: E402

SLUICE = ROOT / "target" / "release" / "sluice"
CHANGES_MAX = 300  # of the disk, from the decision to cut until the cut
CUT_SECONDS = 2  # after which an idle server is cut between two changes
SYNC_MICROSECONDS = [0, 500, 5_000]


class CutServer(crash.Server):
    """A server that is not killed but loses its power."""

    def __init__(self, options, directory, chance):
        super().__init__(options, directory)
        self.chance, self.cuts = chance, 0
        self.disk = Disk(directory / "faulty")
        self.command[-1] = self.disk.files / "data"
        self.environment = self.disk.environment

    def spawn(self):
        self.disk.start()
        self.disk.set(0, Rule("delay", "sync", argument=self.chance.choice(SYNC_MICROSECONDS)))
        super().spawn()

    def kill(self):
        """Cuts the power within the next changes of the disk; gives whether the server was still alive."""
        alive = self.process.poll() is None
        self.begin_end()
        self.disk.kill_at(self.disk.count() + self.chance.randint(1, CHANGES_MAX))
        try:
            self.process.wait(CUT_SECONDS)
        except subprocess.TimeoutExpired:
            self.disk.kill(self.process)
        code = self.process.wait()
        history = History(self.disk)
        history.check()
        left = self.disk.directory / "left"
        shutil.rmtree(left, ignore_errors=True)
        cut = Cut(history, self.chance).leave(left)
        with open(self.log, "a") as log:
            log.write("POWER CUT: " + "\n    ".join(cut.told) + "\n")
        replace(self.disk.files, left)
        self.cuts += 1
        return alive and code == -signal.SIGKILL


def run(seed, directory, cycles, seconds=3.0):
    """Runs cycles of traffic and power cuts, drains and moves; gives what was done and what is wrong."""
    directory = Path(directory)
    ledgers = directory / "ledgers"
    ledgers.mkdir(parents=True)
    options = Namespace(
        sluice=SLUICE,
        command="serve",
        seed=seed,
        cycles=cycles,
        seconds=seconds,
        producers=2,
        consumers=2,
        fifo_clients=1,
        failing_clients=1,
        drain_seconds=crash.DRAIN_SECONDS,
    )
    server = CutServer(options, directory, random.Random(seed))
    traffic, started = crash.Run(options, server, ledgers), time.monotonic()
    problems = traffic.checker.problems
    try:
        for number in range(cycles):
            traffic.cycle(number)
            if problems:
                break
        if not problems:
            traffic.drain()
        if not problems:
            traffic.move_all()
    except (Escaped, SystemExit) as error:
        traffic.checker.problem(str(error))
    finally:
        if server.process and server.process.poll() is None:
            server.process.kill()
            server.process.wait()
    done = f"{server.cuts} power cuts, {traffic.checker.sends} sends acknowledged, {time.monotonic() - started:.0f} s"
    return done, "\n  ".join(problems)
