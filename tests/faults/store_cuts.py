"""Power cuts under the store: the driver crates/store/examples/power_cut.rs on the faulty disk, cut again and again."""

import math
import random
import shutil
import subprocess
from pathlib import Path

from control import ALL, IO_ERROR, NO_SPACE, ROOT, Disk, Rule
from power_cut import Cut, Escaped, History, replace

DRIVER = ROOT / "target" / "release" / "examples" / "power_cut"
ROUNDS = 4  # power cuts of one seed, one after the other on the same directory
STATES = 3  # looked at after each power cut; the run goes on from the last one
BATCHES_MAX = 2_000  # in each shard; the driver may get there and close the store before the cut
CHANGES_MAX = 4_000  # of the disk before the cut
SECONDS_MAX = 120
ERROR_SHARE = 0.3  # of the rounds, in which calls fail before the power cut
ERROR_SKIP_MAX = 200  # calls that pass first


class Broken:
    """For the self-test: a disk that is worse than its promises. The checks have to notice within some seeds."""

    def __init__(self, rule=None, loses_safe_bytes=False):
        self.rule, self.loses_safe_bytes = rule, loses_safe_bytes

    def damage(self, history):
        """Forgets that the end of the newest log is safe."""
        logs = [inode for names in history.now.values() for name, inode in names.items() if name.endswith(".log")]
        if self.loses_safe_bytes and logs:
            file = history.files[max(logs, key=lambda inode: history.files[inode].durable)]
            file.durable //= 2


def driver(command, *arguments, environment=None):
    """Gives exit code and output; a driver that hangs is a finding."""
    run = subprocess.run(
        [DRIVER, command, *map(str, arguments)],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=SECONDS_MAX,
    )
    return run.returncode, run.stdout


def error(chance):
    """Some calls fail, or all from some moment on."""
    return Rule(
        "fail",
        chance.choice(["write", "sync", "write sync", "open resize name"]),
        chance.choice(["wal", "table blob", "manifest", "directory other", "wal table blob manifest directory other"]),
        chance.choice([IO_ERROR, NO_SPACE]),
        skip=int(math.exp(chance.uniform(0, math.log(ERROR_SKIP_MAX)))) - 1,
        count=chance.choice([1, 1, 3, ALL]),
    )


class Seed:
    """One seed: what it does on the disk follows from its number; how the threads of the store interleave does not quite."""

    def __init__(self, seed, directory, broken=None):
        self.seed, self.directory, self.broken = seed, Path(directory), broken or Broken()
        self.chance = random.Random(seed)
        self.ledger = self.directory / "ledger"
        self.ledger.mkdir(parents=True)
        self.disk = Disk(self.directory)
        self.data = self.disk.files / "data"
        self.changes = self.states = 0

    def run(self):
        """Gives what is wrong, or None."""
        try:
            for number in range(ROUNDS):
                problem = self.round(number)
                if problem:
                    return f"seed {self.seed}, power cut {number + 1}: {problem}"
        except Escaped as error:
            return f"seed {self.seed}: the harness does not understand the disk: {error}"
        except subprocess.TimeoutExpired as error:
            return f"seed {self.seed}: {error}"
        return None

    def round(self, number):
        disk, chance = self.disk, self.chance
        disk.start()
        disk.kill_at(int(math.exp(chance.uniform(0, math.log(CHANGES_MAX)))))
        disk.set(0, Rule("delay", "sync", argument=chance.choice([0, 200, 2_000])))
        disk.set(1, self.broken.rule)
        fails = chance.random() < ERROR_SHARE
        disk.set(2, error(chance) if fails else None)
        batches = chance.randint(1, BATCHES_MAX) * (number + 1) // ROUNDS
        code, output = driver("run", self.data, self.ledger, self.seed, batches, environment=disk.environment)
        self.changes += disk.count()
        # With errors the store may stop, or not open; in either case nothing acknowledged is lost.
        if code not in ((0, 1, -9) if fails and disk.hits(2) else (0, -9)):
            return f"the driver ended with {code}:\n{output}"
        history = History(disk)
        history.check()
        self.broken.damage(history)
        left = self.directory / "left"
        for _ in range(STATES):
            shutil.rmtree(left, ignore_errors=True)
            cut = Cut(history, chance).leave(left)
            looked_at = shutil.copytree(left, self.directory / "looked-at")
            code, output = driver("check", looked_at / "data", self.ledger, self.seed)
            self.states += 1
            if code != 0:
                return "\n  ".join([f"the check ended with {code}", *output.splitlines(), *cut.told])
            shutil.rmtree(looked_at)
        replace(disk.files, left)
        return None
