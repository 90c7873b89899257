#!/usr/bin/env python3
"""Runs named scenarios side by side against servers and prints figures, ratios and shares of the floor. See README.md.

    tests/bench/compare.py [--set speed] [--scenario NAME …] [--binary NAME=PATH …] [--endpoint NAME=URL …]
    tests/bench/compare.py --security [--binary NAME=PATH]
"""

import argparse
import contextlib
import json
import statistics
import tempfile

import security
from sluice import SLUICE, Process, Server, bench, engine_floor, tell

MILLION = 1_000_000
SMALL = "--size 200 --batch 10"
# Of messages that are hidden for 5 s: 10,000 at a time, on every backlog of more.
FAILING = f"--scenario receive {SMALL} --rate 2000 --never-delete --visibility-timeout 5"
SMALL_FLOW = f"--scenario flow {SMALL} --rate 2000 --connections 16 --consumers 32"

# Name: flags of `sluice bench run`; the scenario that it is compared with, if any.
SCENARIOS = {
    "send": ("--scenario send", None),
    "send-half-rate": ("--scenario send", "send"),  # --rate is half of what `send` reached
    "send-batch": ("--scenario send --batch 10", None),
    "cycle": ("--scenario cycle", None),
    "cycle-batch": ("--scenario cycle --batch 10", None),
    "receive-batch": ("--scenario receive --batch 10 --backlog 300000", None),
    "fifo-send": ("--scenario send --fifo --groups 10000", "send"),
    "fifo-cycle": ("--scenario cycle --fifo --groups 10000", "cycle"),
    "fifo-cycle-batch": ("--scenario cycle --fifo --groups 10000 --batch 10", "cycle-batch"),
    "fifo-cycle-one-group": ("--scenario cycle --fifo --groups 1 --batch 10", "cycle-batch"),
    "fair-cycle-batch": ("--scenario cycle --groups 100 --batch 10", "cycle-batch"),
    "small-cycle": (f"--scenario cycle {SMALL}", None),
    "backlog-1m": (f"--scenario cycle {SMALL} --backlog {MILLION}", "small-cycle"),
    "backlog-10m": (f"--scenario cycle {SMALL} --backlog {10 * MILLION}", "small-cycle"),
    "groups-10k": (f"--scenario cycle {SMALL} --fifo --groups 10000 --backlog {MILLION}", "small-cycle"),
    "groups-1m": (f"--scenario cycle {SMALL} --fifo --groups {MILLION} --backlog {MILLION}", "groups-10k"),
    "delayed-1m": (f"--scenario send {SMALL} --delay 900 --backlog {MILLION}", "small-send"),
    "small-send": (f"--scenario send {SMALL}", None),
    "failing-1m": (f"{FAILING} --backlog {MILLION}", "failing-100k"),
    "failing-100k": (f"{FAILING} --backlog 100000", None),
    "queues-100": ("--scenario cycle --queues 100", None),
    "queues-10k": ("--scenario cycle --queues 10000 --active 100", "queues-100"),
    "idle-polls": ("--scenario send --rate 1 --connections 1 --idle-pollers 10000", None),
    "wake-up": ("--scenario flow --rate 100 --connections 4 --consumers 10000", None),
    "flow": ("--scenario flow --rate 2000 --connections 16 --consumers 32", None),
    "small-flow": (SMALL_FLOW, None),
    "flow-drain": (f"{SMALL_FLOW} --backlog {MILLION}", "small-flow"),
}
# The latency that a scenario is about, where it is not the one of its kind: what is sent behind a backlog arrives after that.
LATENCY = {"small-flow": "send", "flow-drain": "send"}
LATENCY_OF_KIND = {"send": "send", "receive": "receive", "cycle": "cycle", "flow": "delivery"}
SETS = {
    "speed": ["send", "send-half-rate", "send-batch", "cycle", "cycle-batch", "fifo-cycle", "fifo-cycle-batch"],
    "fifo": ["send", "fifo-send", "cycle-batch", "fifo-cycle-batch", "fifo-cycle-one-group", "fair-cycle-batch"],
    "flat": ["small-cycle", "backlog-1m", "backlog-10m"],
    "many": [
        "queues-100", "queues-10k", "groups-10k", "groups-1m", "small-send", "delayed-1m", "failing-100k", "failing-1m",
    ],
    "security": ["send", "send-batch", "cycle", "cycle-batch"],
    "waiting": ["idle-polls", "wake-up", "flow", "small-flow", "flow-drain"],
}
# A backlog from this size on is built once for all repetitions, which then follow each other instead of alternating.
LARGE_BACKLOG = MILLION


class Target:
    """A binary that is started afresh for every run, or an endpoint that runs already."""

    def __init__(self, name, where, is_binary, options):
        self.name, self.where, self.is_binary, self.options = name, where, is_binary, options

    def can(self, _scenario):
        return True

    def bench(self, flags):
        if not self.is_binary:
            return bench(flags, self.where)
        with Server(self.where, self.options.data_root) as server:
            return bench(flags, server.url, server.pid)


class Secured:
    """A binary that is started afresh for every run with the parts of the security that the name says."""

    def __init__(self, name, binary, options):
        self.name, self.binary, self.options = name, binary, options

    def can(self, _scenario):
        return True

    def bench(self, flags):
        with security.SecuredServer(self.binary, self.options.data_root, self.name) as server:
            return bench([*flags, *server.of_load], server.url, server.pid, server.environment)


class Engine:
    """The queues of Sluice without HTTP before them, where a scenario can be done there."""

    name = "engine"
    FLAGS = {"--scenario", "--fifo", "--groups", "--size", "--batch"}
    # Those of a load generator that has connections.
    OTHER = {"--floor", "--threads"}

    def __init__(self, options):
        self.options = options

    def can(self, scenario):
        words = SCENARIOS[scenario][0].split()
        is_known = self.FLAGS.issuperset(word for word in words if word.startswith("--"))
        return is_known and {"send", "cycle"}.intersection(words) and scenario != "send-half-rate"

    def bench(self, flags):
        for other in self.OTHER.intersection(flags):
            at = flags.index(other)
            flags = flags[:at] + flags[at + 2:]
        flags = ["--tasks" if flag == "--connections" else flag for flag in flags]
        return engine_floor(flags, self.options.data_root)


class Results:
    """What every target reached in every scenario, a report for each run."""

    def __init__(self):
        self.reports = {}

    def add(self, scenario, target, report):
        self.reports.setdefault((scenario, target.name), []).append(report)

    def values(self, scenario, name, figure):
        reports = self.reports.get((scenario, name), [])
        values = [figure(repetition) for report in reports for repetition in report["repetitions"]]
        return [value for value in values if value is not None]


def rate(repetition):
    return repetition["messages_per_s"]


def p99(scenario):
    """Of the latency that the scenario is about."""
    words = SCENARIOS[scenario][0].split()
    name = LATENCY.get(scenario) or LATENCY_OF_KIND[words[words.index("--scenario") + 1]]
    return lambda repetition: (repetition["operations"][name]["latency_ms"] or {}).get("p99")


def used(process, member):
    return lambda repetition: (repetition[process] or {}).get(member)


CPU = used("server", "cpu_us_per_message")
# Besides the latency.
COLUMNS = [
    ("CPU µs/message", CPU, 1),
    ("cores", used("server", "cores"), 2),
    ("MB", used("server", "resident_mb"), 0),
    ("MB at most", used("server", "peak_mb"), 0),
    ("load cores", used("generator", "cores"), 2),
    ("failed", lambda repetition: repetition["totals"]["failed"], 0),
]


def spread(values, digits):
    if not values:
        return "-"
    text = f"{statistics.median(values):.{digits}f}"
    if len(values) > 1:
        text += f" ({min(values):.{digits}f}–{max(values):.{digits}f})"
    return text


def ratio(values, base):
    """Of medians; runs with the same number are neighbours in time, and their ratios are the spread."""
    if not values or not base or not statistics.median(base):
        return "-"
    text = f"{statistics.median(values) / statistics.median(base):.2f}"
    pairs = [value / other for value, other in zip(values, base) if other]
    if len(pairs) > 1:
        text += f" ({min(pairs):.2f}–{max(pairs):.2f})"
    return text


def floor_share(report):
    floor = report["summary"]["floor"]
    return floor and floor["share"]["median"]


def flags_of(scenario, target, results, options):
    flags = SCENARIOS[scenario][0].split()
    if scenario == "send-half-rate":
        reached = results.values("send", target.name, rate)
        if not reached:
            raise SystemExit("send-half-rate wants the scenario send before it")
        flags += ["--rate", f"{statistics.median(reached) / 2:.0f}"]
    for name in ["connections", "threads"]:
        if f"--{name}" not in flags and getattr(options, name):
            flags += [f"--{name}", str(getattr(options, name))]
    return flags + ["--duration", options.duration, "--warm-up", options.warm_up]


def is_large(scenario):
    flags = SCENARIOS[scenario][0].split()
    return "--backlog" in flags and int(flags[flags.index("--backlog") + 1]) >= LARGE_BACKLOG


def measure(scenarios, targets, options, floor):
    """Repetitions outside, targets inside: what changes on the machine meanwhile hits all alike."""
    results = Results()
    for repetition in range(1, options.repetitions + 1):
        for scenario in scenarios:
            large = is_large(scenario)
            if large and repetition > 1:
                continue
            for target in (target for target in targets if target.can(scenario)):
                tell(f"{repetition}/{options.repetitions} {scenario} {target.name}")
                flags = flags_of(scenario, target, results, options)
                if large:
                    flags += ["--repetitions", str(options.repetitions)]
                if floor and "--scenario send" in SCENARIOS[scenario][0] and "--rate" not in flags:
                    flags += ["--floor", floor]
                results.add(scenario, target, target.bench(flags))
    return results


def by_scenario(scenario, target, results, rates, latencies):
    """Ratios of throughput and p99 to the scenario that this one is compared with. A fixed rate says nothing about the first."""
    flags, against = SCENARIOS[scenario]
    if against is None or not results.values(against, target.name, rate):
        return ["", ""]
    is_paced = "--rate" in flags.split()
    of_rate = "" if is_paced else f"{ratio(rates, results.values(against, target.name, rate))} of {against}"
    return [of_rate, f"{ratio(latencies, results.values(against, target.name, p99(scenario)))} of {against}"]


def print_table(scenarios, targets, results):
    first = targets[0].name
    heads = ["scenario", "server", "messages/s", "p99 ms", *(head for head, _, _ in COLUMNS)]
    heads += ["of floor", f"by {first}", f"CPU by {first}", "by scenario", "p99 by scenario"]
    rows = [heads]
    for scenario in scenarios:
        against = SCENARIOS[scenario][1]
        for target in (target for target in targets if target.can(scenario)):
            rates = results.values(scenario, target.name, rate)
            shares = [floor_share(report) for report in results.reports.get((scenario, target.name), [])]
            latencies = results.values(scenario, target.name, p99(scenario))
            row = [scenario, target.name, spread(rates, 0), spread(latencies, 2)]
            row += [spread(results.values(scenario, target.name, figure), digits) for _, figure, digits in COLUMNS]
            row.append(spread([share for share in shares if share], 2))
            for figure in rate, CPU:
                values = results.values(scenario, target.name, figure)
                row.append("" if target.name == first else ratio(values, results.values(scenario, first, figure)))
            row += by_scenario(scenario, target, results, rates, latencies)
            rows.append(row)
    widths = [max(len(row[column]) for row in rows) for column in range(len(heads))]
    for row in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(row, widths)).rstrip())


def named(text):
    name, equals, where = text.partition("=")
    if not equals:
        raise argparse.ArgumentTypeError("wants NAME=…")
    return name, where


def arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--set", choices=SETS, help="scenarios by the name of their set; speed, or security with --security")
    parser.add_argument("--scenario", choices=SCENARIOS, action="append", help="scenarios one by one instead")
    parser.add_argument("--binary", type=named, action="append", default=[], help="a sluice binary to start for every run")
    parser.add_argument("--endpoint", type=named, action="append", default=[], help="an endpoint that runs already")
    parser.add_argument("--data-root", help="directory for the data of started servers")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--duration", default="10s")
    parser.add_argument("--warm-up", default="2s")
    parser.add_argument("--connections", type=int, help="where the scenario does not say")
    parser.add_argument("--threads", type=int, help="of the load generator")
    parser.add_argument("--no-floor", action="store_true", help="without the null endpoint beside sends")
    parser.add_argument("--engine", action="store_true", help="the queues without HTTP as well, as the first server")
    parser.add_argument("--security", action="store_true", help=f"one binary as {', '.join(security.TARGETS)}")
    parser.add_argument("--json", help="file that gets every report")
    options = parser.parse_args()
    if options.security and (options.endpoint or options.engine or len(options.binary) > 1):
        parser.error("--security starts servers of one binary")
    return options


def chosen(options):
    """What is measured; the others are compared with the first."""
    binaries = options.binary or ([] if options.endpoint else [("sluice", SLUICE)])
    if options.security:
        return [Secured(name, binaries[0][1], options) for name in security.TARGETS]
    targets = [Target(name, path, True, options) for name, path in binaries]
    targets += [Target(name, url, False, options) for name, url in options.endpoint]
    return [Engine(options), *targets] if options.engine else targets


def main():
    options = arguments()
    targets = chosen(options)
    scenarios = options.scenario or SETS[options.set or ("security" if options.security else "speed")]
    with contextlib.ExitStack() as cleanup:
        floor = None
        if not options.no_floor:
            directory = cleanup.enter_context(tempfile.TemporaryDirectory())
            null = Process([SLUICE, "bench", "floor", "http"], directory)
            cleanup.callback(null.stop)
            floor = null.url
        results = measure(scenarios, targets, options, floor)
    print_table(scenarios, targets, results)
    if options.json:
        reports = [{"scenario": key[0], "server": key[1], "reports": value} for key, value in results.reports.items()]
        with open(options.json, "w") as file:
            json.dump(reports, file, indent=1)


if __name__ == "__main__":
    main()
