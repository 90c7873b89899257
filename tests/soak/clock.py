#!/usr/bin/env python3
"""What a clock that jumps does to a server, as docs/operations.md says: nothing while it runs, and after a start no more than the jump
explains. Real processes, whose time of day is shifted by clock.c; Linux, needs cc.

    clock.py [--sluice BINARY]
"""

import argparse
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests" / "crash"))

import crash  # noqa: E402
import traffic  # noqa: E402
from jumping_clock import JumpingClock  # noqa: E402

HOUR = 3600
DAY = 24 * HOUR
SOON_SECONDS = 30  # generous: the machine may be busy
FOLLOWED_SECONDS = 120  # of which the server takes 35


class Case:
    """One server, whose clock jumps, and its API."""

    def __init__(self, options, directory):
        self.server, self.clock = crash.Server(options, directory), JumpingClock(directory)
        self.server.environment = self.clock.environment()
        self.api = None

    def start(self):
        self.api = traffic.Api(self.server.start()[0])

    def restart(self, seconds):
        """Stops it, and starts it at another time of day."""
        self.server.terminate()
        self.clock.set(seconds)
        self.start()

    def queue(self, name, **attributes):
        if name.endswith(".fifo"):
            attributes["FifoQueue"] = "true"
        return self.api.call("CreateQueue", QueueName=name, Attributes=attributes)["QueueUrl"]

    def url(self, name):
        return self.api.call("GetQueueUrl", QueueName=name)["QueueUrl"]

    def send(self, queue, body, **members):
        return self.api.call("SendMessage", QueueUrl=queue, MessageBody=body, **members)

    def receive(self, queue, wait=0, **members):
        """Bodies."""
        asked = {"MaxNumberOfMessages": 10, "WaitTimeSeconds": wait, **members}
        messages = self.api.call("ReceiveMessage", QueueUrl=queue, **asked).get("Messages", [])
        return [message["Body"] for message in messages]

    def counters(self, queue):
        return traffic.counters(self.api, queue)


def expect(what, found, expected):
    if found != expected:
        raise AssertionError(f"{what}: {found}, not {expected}")


def soon(what, ask, expected):
    """The answer comes to be as expected within a generous time."""
    deadline = time.monotonic() + SOON_SECONDS
    while (found := ask()) != expected:
        if time.monotonic() > deadline:
            expect(what, found, expected)
        time.sleep(0.1)


def a_running_server_ends_timeouts_and_delays_on_time(case):
    for jump in 6 * HOUR, -6 * HOUR, 0:
        queue = case.queue(f"running-{jump}")
        case.send(queue, "hidden long")
        expect("received", case.receive(queue, VisibilityTimeout=300), ["hidden long"])
        case.send(queue, "hidden briefly")
        expect("received", case.receive(queue, VisibilityTimeout=2), ["hidden briefly"])
        case.send(queue, "delayed long", DelaySeconds=300)
        case.send(queue, "delayed briefly", DelaySeconds=2)
        case.clock.set(jump)
        soon("visible, in flight, delayed", lambda queue=queue: case.counters(queue), [2, 1, 1])
        expect("received", sorted(case.receive(queue)), ["delayed briefly", "hidden briefly"])


def a_long_poll_ends_and_is_woken(case):
    queue = case.queue("polled")
    for jump in -6 * HOUR, 6 * HOUR, -12 * HOUR, 0:
        case.clock.set(jump)
        started = time.monotonic()
        expect("received", case.receive(queue, wait=2), [])
        waited = time.monotonic() - started
        if not 1.5 < waited < SOON_SECONDS:
            raise AssertionError(f"a long poll of 2 s took {waited:.1f} s after a jump to {jump} s")


def fifo_numbers_rise_and_duplicates_are_known(case):
    queue, numbers = case.queue("numbers.fifo"), []
    for n, jump in enumerate((0, 12 * HOUR, -12 * HOUR, 1 * HOUR, 0)):
        case.clock.set(jump)
        one = {"MessageGroupId": "g", "MessageDeduplicationId": f"d{n}"}
        sent = case.send(queue, f"m{n}", **one)
        numbers.append(sent["SequenceNumber"])
        expect("the first one again", case.send(queue, "again", MessageGroupId="g", MessageDeduplicationId="d0")["SequenceNumber"], numbers[0])
    expect("sequence numbers", numbers, sorted(set(numbers)))
    expect("received", case.receive(queue), [f"m{n}" for n in range(5)])


def retention_does_not_follow_a_jump_of_hours(case):
    queue = case.queue("retained", MessageRetentionPeriod="3600")
    case.send(queue, "kept")
    case.clock.set(20 * HOUR)
    case.send(queue, "later")
    soon("visible, in flight, delayed", lambda: case.counters(queue), [2, 0, 0])
    expect("received", case.receive(queue), ["kept", "later"])
    case.clock.set(0)


def a_clock_that_is_days_ahead_for_a_moment_expires_nothing(case):
    queue = case.queue("moment", MessageRetentionPeriod="3600", VisibilityTimeout="300")
    case.send(queue, "hidden")
    expect("received", case.receive(queue), ["hidden"])
    case.send(queue, "before")
    for jump in 10 * DAY, 0, 400 * DAY, 0:
        case.clock.set(jump)
        case.send(queue, f"{jump}")
        time.sleep(1.5)  # a shard that waits for deadlines looks at the clock each second
    expect("visible, in flight, delayed", case.counters(queue), [5, 1, 0])


def a_clock_that_stays_days_ahead_is_followed_though_nobody_asks(case):
    case.clock.set(0)
    queue = case.queue("followed")
    case.clock.set(10 * DAY)
    deadline = time.monotonic() + FOLLOWED_SECONDS
    while "agree again" not in case.server.log.read_text():
        if time.monotonic() > deadline:
            raise AssertionError(f"the clock was not followed within {FOLLOWED_SECONDS} s")
        time.sleep(0.5)
    case.send(queue, "new")
    answer = case.api.call("ReceiveMessage", QueueUrl=queue, AttributeNames=["SentTimestamp"])
    sent_at = int(answer["Messages"][0]["Attributes"]["SentTimestamp"]) / 1000
    expect("sent on the day that the clock shows", sent_at > time.time() + 9 * DAY, True)
    case.clock.set(0)


def a_start_after_the_clock_went_back_hides_for_as_long_as_it_went(case):
    case.clock.set(0)
    queue, fifo = case.queue("back"), case.queue("back.fifo")
    case.send(queue, "hidden")
    expect("received", case.receive(queue, VisibilityTimeout=1), ["hidden"])
    before = case.send(fifo, "first", MessageGroupId="g", MessageDeduplicationId="1")["SequenceNumber"]
    case.restart(-HOUR)
    queue, fifo = case.url("back"), case.url("back.fifo")
    expect("visible, in flight, delayed", case.counters(queue), [0, 1, 0])
    case.send(queue, "new")
    expect("received", case.receive(queue), ["new"])
    after = case.send(fifo, "second", MessageGroupId="g", MessageDeduplicationId="2")["SequenceNumber"]
    expect("sequence numbers", [before, after], sorted({before, after}))
    expect("received", case.receive(fifo), ["first", "second"])
    expect("an empty long poll", case.receive(fifo, wait=1), [])
    case.restart(60)
    soon("received", lambda: case.receive(case.url("back"), VisibilityTimeout=300), ["hidden", "new"])


def a_start_after_the_clock_went_forth_loses_nothing_that_is_not_too_old(case):
    case.clock.set(0)
    queue = case.queue("forth", MessageRetentionPeriod=str(24 * HOUR))
    for body, delay in (("hidden", 0), ("delayed", 600)):
        case.send(queue, body, DelaySeconds=delay)
    expect("received", case.receive(queue, VisibilityTimeout=600), ["hidden"])
    case.restart(12 * HOUR)
    soon("received", lambda: sorted(case.receive(case.url("forth"), VisibilityTimeout=0)), ["delayed", "hidden"])


CASES = [
    a_running_server_ends_timeouts_and_delays_on_time,
    a_long_poll_ends_and_is_woken,
    fifo_numbers_rise_and_duplicates_are_known,
    retention_does_not_follow_a_jump_of_hours,
    a_clock_that_is_days_ahead_for_a_moment_expires_nothing,
    a_clock_that_stays_days_ahead_is_followed_though_nobody_asks,
    a_start_after_the_clock_went_back_hides_for_as_long_as_it_went,
    a_start_after_the_clock_went_forth_loses_nothing_that_is_not_too_old,
]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sluice", type=Path, default=ROOT / "target" / "release" / "sluice", help="the binary under test")
    options = parser.parse_args()
    if sys.platform != "linux":
        print("skipped: only on Linux can a library be put before the C library like this")
        return 0
    options.sluice, options.command = options.sluice.resolve(), "serve"
    failed = 0
    for case_of in CASES:
        with tempfile.TemporaryDirectory(prefix="sluice-clock-") as directory:
            case = Case(options, Path(directory))
            try:
                case.start()
                case_of(case)
                print(f"ok      {case_of.__name__}", flush=True)
            except (AssertionError, ValueError, KeyError, traffic.Gone) as error:
                failed += 1
                print(f"FAILED  {case_of.__name__}: {error!r}\n{case.server.log_tail()}", flush=True)
            finally:
                case.server.kill()
    print(f"{len(CASES) - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
