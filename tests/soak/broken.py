#!/usr/bin/env python3
"""Shows that the soak would find what it looks for: runs it against servers with one defect each, on purpose.

The defects are those of crates/server/src/broker/sabotage.rs, in a build of their own that shares everything with the ordinary one:

    CARGO_BUILD_BUILD_DIR=target cargo build --release --workspace --features sluice/sabotage --target-dir target/sabotage

    broken.py                       builds that, and tries every defect, twelve minutes
    broken.py delete-ignored …      only these

For each defect: whether it was caught, after how long, and what was said about it. The same server without a defect has to pass.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
BINARY = ROOT / "target" / "sabotage" / "release" / "sluice"
NO_DEFECT = "none"
RUN_SECONDS = 600

# What a finding has to say, so that a defect is not caught by chance.
DEFECTS = {
    NO_DEFECT: None,
    "attributes-lost": ["corrupted", "MD5OfMessageAttributes"],
    "body-of-another": ["corrupted", "MD5OfBody"],
    "change-ignored": ["before its visibility deadline"],
    "counters-wrong": ["were there", "counts"],
    "deduplication-forgotten": ["a repeated send of", "came twice", "was acknowledged as"],
    "deduplication-too-eager": ["belongs to", "a repeated send of", "has sequence number"],
    "delay-ignored": ["before its delay"],
    "delete-ignored": ["after its delete was acknowledged"],
    "delete-undone-by-restart": ["after its delete was acknowledged"],
    "group-not-locked": ["overtook"],
    "hidden-forever": ["lost:"],
    "hidden-too-short": ["before its visibility deadline"],
    "long-poll-not-woken": ["to a receive that waited"],
    "move-task-stops-early": ["left"],
    "one-receive-too-many": ["are allowed"],
    "order-swapped": ["overtook", "has sequence number"],
    "purge-ignored": ["after its delete was acknowledged"],
    "purge-of-other-queues": ["lost:", "refused, though"],
    "receive-not-counted": ["has receive count 1"],
    "reply-before-durable": ["lost:", "after its delete was acknowledged", "before its visibility deadline"],
    "retention-too-short": ["lost:", "refused, though"],
    "sequence-numbers-fall": ["has sequence number"],
    "timeouts-lost-at-restart": ["before its visibility deadline"],
    "transfer-doubles": ["came twice", "before its visibility deadline", "turned"],
    "transfer-loses": ["lost:", "turned"],
}

# What takes longer to show.
OPTIONS = {"long-poll-not-woken": ["--seconds", "40"]}


def build():
    command = ["cargo", "build", "--release", "--workspace", "--features", "sluice/sabotage"]
    environment = os.environ | {"CARGO_BUILD_BUILD_DIR": str(ROOT / "target")}
    subprocess.run([*command, "--target-dir", BINARY.parent.parent], cwd=ROOT, env=environment, check=True)


def attempt(defect, options):
    """Gives whether the soak did as it should, and what it said."""
    environment = dict(os.environ)
    environment.pop("SABOTAGE", None)
    if defect != NO_DEFECT:
        environment["SABOTAGE"] = defect
    soak = [sys.executable, Path(__file__).with_name("soak.py"), "--sluice", BINARY, "--seed", str(options.seed)]
    size = ["--cycles", str(options.cycles), "--minutes", "5", "--seconds", "10", "--long-lives", "0", "--drain-seconds", "40"]
    try:
        done = subprocess.run([*soak, *size, *OPTIONS.get(defect, [])], env=environment, capture_output=True, text=True, timeout=RUN_SECONDS)
    except subprocess.TimeoutExpired:
        return False, "did not end"
    findings = [line.strip() for line in done.stdout.splitlines() if line.startswith("  ")]
    if defect == NO_DEFECT:
        return done.returncode == 0, findings[0] if findings else "passed"
    fitting = [line for line in findings if any(words in line for words in DEFECTS[defect])]
    said = (fitting or findings or [(done.stdout + done.stderr)[-300:]])[0]
    return done.returncode == 1 and bool(fitting), said


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("defects", nargs="*", metavar="defect", choices=[*DEFECTS, []], help="which ones (default: all)")
    parser.add_argument("--cycles", type=int, default=5, help="lives of each server at most")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--no-build", action="store_true", help="use the build that is there")
    options = parser.parse_args()
    if not options.no_build:
        build()
    wrong = []
    for defect in options.defects or DEFECTS:
        started = time.monotonic()
        is_right, said = attempt(defect, options)
        verdict = {True: "caught", False: "MISSED"} if defect != NO_DEFECT else {True: "passed", False: "FAILED"}
        print(f"{defect:26} {verdict[is_right]} {time.monotonic() - started:5.0f} s  {said[:150]}", flush=True)
        wrong += [] if is_right else [defect]
    tried = len(options.defects or DEFECTS)
    print(f"{tried - len(wrong)} passed, {len(wrong)} failed")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
