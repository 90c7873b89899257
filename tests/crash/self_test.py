"""A test of the test: synthetic ledgers, each wrong in one way, that the checker has to catch; and right ones that it must accept."""

from check import Checker

QUEUE, DIGEST = "q", "d"


def send(at, key="k", message_id="m", delay=0, acknowledged=True):
    events = [[at, "send?", key, QUEUE, DIGEST, delay, at]]
    return events + ([[at + 0.1, "sent", key, message_id]] if acknowledged else [])


def receive(at, count=1, key="k", message_id="m", digest=DIGEST, visibility=5, handle=None):
    return [[at + 0.1, "received", at, visibility, QUEUE, message_id, key, digest, count, handle or f"h{count}"]]


def delete(at, handle="h1", acknowledged=True):
    events = [[at, "delete?", "m", handle]]
    return events + ([[at + 0.1, "deleted", "m", handle]] if acknowledged else [])


def change(at, timeout, handle="h1", acknowledged=True):
    events = [[at, "change?", "m", handle, timeout]]
    return events + ([[at + 0.1, "changed", "m", handle, timeout, at]] if acknowledged else [])


# name, events, ids that the drain finds, what the counters said, what the problem's text has to contain (None: no problem)
CASES = [
    ("sent and found", send(0), {"m"}, 1, None),
    ("sent, received, deleted", send(0) + receive(1) + delete(2), set(), 0, None),
    ("send without an answer, not there", send(0, acknowledged=False), set(), 0, None),
    ("send without an answer, there", send(0, acknowledged=False) + receive(9), {"m"}, 1, None),
    ("delete without an answer, gone", send(0) + receive(1) + delete(2, acknowledged=False), set(), 0, None),
    ("delete without an answer, back", send(0) + receive(1) + delete(2, acknowledged=False) + receive(9, 2), {"m"}, 1, None),
    ("back after its timeout", send(0) + receive(1) + receive(6, 2), {"m"}, 1, None),
    ("back at once after a change to 0", send(0) + receive(1) + change(2, 0) + receive(2.05, 2), {"m"}, 1, None),
    ("a change to 0 without an answer", send(0) + receive(1) + change(2, 0, acknowledged=False) + receive(2.2, 2), {"m"}, 1, None),
    ("late delete by an old handle", send(0) + receive(1) + receive(7, 2) + delete(8, "h1") + receive(13, 3), {"m"}, 1, None),
    ("late change by an old handle", send(0) + receive(1) + change(6.5, 60) + receive(6.55, 2), {"m"}, 1, None),
    ("a slow answer", send(0) + receive(8, 2) + [[8.2, *receive(1)[0][1:]]], {"m"}, 1, None),
    ("a receive count that skips", send(0) + receive(1) + receive(7, 5), {"m"}, 1, None),
    ("lost, never received", send(0), set(), 0, "lost: m (k, q), never received"),
    ("lost after a receive", send(0) + receive(1), set(), 0, "lost: m (k, q), received 1 times"),
    ("a deleted one comes back", send(0) + receive(1) + delete(2) + receive(9, 2), {"m"}, 1, "after its delete was acknowledged"),
    ("corrupted", send(0) + receive(1, digest="x"), {"m"}, 1, "corrupted"),
    ("doubled by two ids", send(0) + receive(1) + receive(2, message_id="m2"), {"m"}, 1, "came twice"),
    ("two messages with one id", send(0) + send(0, "k2"), {"m"}, 1, "belongs to k and to k2"),
    ("delivered to two at once", send(0) + receive(1) + receive(2, 2), {"m"}, 1, "before its visibility deadline"),
    ("a longer timeout forgotten", send(0) + receive(1) + change(2, 60) + receive(9, 2), {"m"}, 1, "before its visibility deadline"),
    ("delay forgotten", send(0, delay=10) + receive(1), {"m"}, 1, "before its delay"),
    ("receive count forgotten", send(0) + receive(1) + receive(9, 1), {"m"}, 1, "has receive count 1"),
    ("a message that nobody sent", receive(1), {"m"}, 1, "nobody ever sent"),
    ("counters too high", send(0), {"m"}, 2, "counted 2 messages, but 1 were there"),
    ("an answer that should not be", [[0, "odd", "500"]], set(), 0, "unexpected answer: 500"),
]


def run():
    """Gives the cases that went wrong."""
    failures = []
    for name, events, drained, counted, expected in CASES:
        checker = Checker()
        checker.feed(events)
        checker.expect_after_drain(checker.promised(), {QUEUE: drained}, {QUEUE: counted})
        caught = any(expected in problem for problem in checker.problems) if expected else not checker.problems
        if not caught:
            failures.append(f"{name}: expected {expected!r}, found {checker.problems}")
    return failures
