#!/usr/bin/env python3
"""Power cuts and failing disks, under the real storage engine. The model and its limits: README.md.

    run.py                        the short run of ./test, about a minute on two quiet cores
    run.py --seeds 200 --from 1   power cuts under the store, one line per failing seed; reproduce one: --seeds 1 --from N
    run.py --server 10 --from 1   power cuts under the whole server and its traffic: so many seeds
    run.py --failing              failing disks under the whole server; with names, only those: --failing failed_sync slow_syncs
    run.py --self-test            disks that break their promises have to be noticed

Needs the system's C compiler (cc), and what `cargo build --release --workspace --bins --examples` builds.
"""

import argparse
import random
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import control
import failing_disk
import server_cuts
import store_cuts
from control import Rule
from store_cuts import Broken, Seed

SHORT_SEEDS = 12
SHORT_SERVER_CYCLES = 2
SERVER_CYCLES = 5  # of each seed of a longer run
SELF_TEST_SEEDS = 12  # within which each broken disk is noticed
JOBS = 2
SCENARIOS = {scenario.__name__: scenario for scenario in failing_disk.SCENARIOS}

BROKEN_DISKS = {
    "a sync of the log that saves nothing": Broken(Rule("lie", "sync", "wal")),
    "a sync of table, blob and manifest files that saves nothing": Broken(Rule("lie", "sync", "table blob manifest")),
    "a sync of directories that saves nothing": Broken(Rule("lie", "sync", "directory")),
    "a torn tail within what was synced": Broken(loses_safe_bytes=True),
}


class Results:
    """Counts what passed and what did not, and tells it."""

    def __init__(self):
        self.passed = self.failed = 0

    def add(self, name, problem):
        if problem:
            self.failed += 1
            print(f"FAILED {name}: {problem}", flush=True)
        else:
            self.passed += 1
            print(f"ok     {name}", flush=True)


def self_test(results, work):
    for number, (name, broken) in enumerate(BROKEN_DISKS.items()):
        noticed = None
        for seed in range(1, SELF_TEST_SEEDS + 1):
            directory = work / f"broken-{number}-{seed}"
            noticed = Seed(seed, directory, broken).run()
            shutil.rmtree(directory)
            if noticed:
                break
        results.add(f"noticed: {name} (seed {seed})", None if noticed else f"not within {SELF_TEST_SEEDS} seeds")


def cut_store(results, work, seeds, jobs):
    """Runs seeds under the store; a failing one keeps its directory: disk, journal and what was left of it."""
    started, changes, states, bad = time.monotonic(), 0, 0, 0

    def run(number):
        seed = Seed(number, work / f"seed-{number}")
        problem = seed.run()
        if not problem:
            shutil.rmtree(seed.directory)
        return seed, problem

    with ThreadPoolExecutor(jobs) as pool:
        for seed, problem in pool.map(run, seeds):
            changes, states = changes + seed.changes, states + seed.states
            if problem:
                bad += 1
                print(f"FAILED {problem}\n  its directory: {seed.directory}", flush=True)
    seconds = time.monotonic() - started
    cuts = f"{len(seeds)} seeds from {seeds[0]}, {len(seeds) * store_cuts.ROUNDS} power cuts, {states} states"
    results.add(f"power cuts under the store: {cuts}, {changes} changes of the disk, {seconds:.0f} s", bad and f"{bad} seeds failed")


def cut_server(results, work, seeds, cycles):
    for seed in seeds:
        done, problem = server_cuts.run(seed, work / f"server-{seed}", cycles)
        results.add(f"power cuts under the server, seed {seed}: {done}", problem)


def fail_disk(results, work, names, seed):
    for name in names or SCENARIOS:
        problem = failing_disk.run(SCENARIOS[name], work / name, random.Random(f"{seed} {name}"))
        results.add(f"failing disk: {name}", problem)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, help="only power cuts under the store: how many seeds")
    parser.add_argument("--from", dest="first", type=int, default=1, help="the first seed")
    parser.add_argument("--server", type=int, help="only power cuts under the server: how many seeds")
    parser.add_argument("--failing", nargs="*", choices=SCENARIOS, metavar="NAME", help=f"only failing disks: all, or some of {', '.join(SCENARIOS)}")
    parser.add_argument("--self-test", action="store_true", help="only check the checks")
    parser.add_argument("--jobs", type=int, default=JOBS, help="seeds at the same time")
    parser.add_argument("--work", type=Path, help="a directory for everything (default: temporary; kept on failure)")
    options = parser.parse_args()

    for program in store_cuts.DRIVER, server_cuts.SLUICE:
        if not program.is_file():
            parser.error(f"no {program}: cargo build --release --workspace --bins --examples")
    control.build()
    work = options.work or Path(tempfile.mkdtemp(prefix="sluice-faults-"))
    results = Results()
    first, only = options.first, [options.seeds, options.server, options.failing, options.self_test or None]
    everything = only == [None] * len(only)
    if everything or options.self_test:
        self_test(results, work)
    if everything or options.seeds:
        cut_store(results, work, range(first, first + (options.seeds or SHORT_SEEDS)), options.jobs)
    if everything or options.failing is not None:
        fail_disk(results, work, options.failing, first)
    if everything or options.server:
        cycles = SHORT_SERVER_CYCLES if everything else SERVER_CYCLES
        cut_server(results, work, range(first, first + (options.server or 1)), cycles)
    print(f"\n{results.passed} passed, {results.failed} failed")
    if results.failed:
        print(f"kept: {work}")
    elif not options.work:
        shutil.rmtree(work)
    return 1 if results.failed else 0


if __name__ == "__main__":
    sys.exit(main())
