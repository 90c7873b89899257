"""A test of the test: synthetic ledgers, each wrong in one way, that the checker has to catch; and right ones that it must accept."""

from check import PROBLEMS_MAX, Checker, check_move

QUEUE, PROMPT, DIGEST = "q", "prompt", "d"
FAILING, DEAD, RECEIVES_MAX = "failing", "dead", 2


def send(at, key="k", message_id="m", delay=0, acknowledged=True):
    events = [[at, "send?", key, QUEUE, DIGEST, delay, at]]
    return events + ([[at + 0.1, "sent", key, message_id]] if acknowledged else [])


def receive(at, count=1, key="k", message_id="m", digest=DIGEST, visibility=5, handle=None):
    return [[at + 0.1, "received", at, visibility, QUEUE, message_id, key, digest, count, handle or f"h{count}"]]


def delete(at, handle="h1", acknowledged=True, message_id="m"):
    events = [[at, "delete?", message_id, handle]]
    return events + ([[at + 0.1, "deleted", message_id, handle]] if acknowledged else [])


def refused(at, handle="h1", message_id="m"):
    return [[at, "delete?", message_id, handle], [at + 0.1, "refused", message_id, handle, "delete"]]


def change(at, timeout, handle="h1", acknowledged=True):
    events = [[at, "change?", "m", handle, timeout]]
    return events + ([[at + 0.1, "changed", "m", handle, timeout, at]] if acknowledged else [])


def unanswered(at):
    return [[at, "unanswered", QUEUE]]


def purge(at):
    return [[at, "purge?", QUEUE], [at + 0.1, "purged", QUEUE, at]]


def timed(events, sent_at, first_received_at):
    return [[*event, None, None, str(sent_at), str(first_received_at)] for event in events]


def prompt(at, started, count=1):
    """A send at 10, and a receive of it from a queue whose only consumer always waits."""
    sent = [[10, "send?", "k", PROMPT, DIGEST, 0, 10], [10.1, "sent", "k", "m"]]
    return sent + [[at, "received", started, 20, PROMPT, "m", "k", DIGEST, count, "h1"]]


def empty(at, started, wait=10):
    return [[at, "empty", PROMPT, started, wait]]


def numbered(events, *numbers):
    """The acknowledged sends among them with these sequence numbers."""
    numbers = iter(numbers)
    return [[*event, f"{next(numbers):020}"] if event[1] == "sent" else event for event in events]


def fifo(at, n=1, group="g", acknowledged=True):
    """Message k1, k2, … of a group, with the id m1, m2, …"""
    events = [[at, "send?", f"k{n}", QUEUE, DIGEST, 0, at, group]]
    return events + ([[at + 0.1, "sent", f"k{n}", f"m{n}"]] if acknowledged else [])


def got(at, *numbers, count=1, visibility=5):
    """One receive that gives these messages, in this order."""
    return [receive(at, count, f"k{n}", f"m{n}", visibility=visibility, handle=f"h{n}.{count}")[0] for n in numbers]


def gone(at, n, count=1, acknowledged=True):
    return delete(at, f"h{n}.{count}", acknowledged, f"m{n}")


def repeat(at, n, message_id):
    return [[at, "sent", f"k{n}", message_id]]


def failing(events, queue=FAILING):
    """The same in a queue with a dead-letter queue, or in that."""
    source = [FAILING] if queue == DEAD else []
    place = {"send?": 3, "received": 4, "unanswered": 2}
    return [[queue if place.get(event[1]) == n else part for n, part in enumerate(event)] + source for event in events]


def dead(events):
    return failing(events, DEAD)


TWO = fifo(0, 1) + fifo(0.5, 2)
FAILED = failing(send(0) + receive(1, 1) + receive(7, 2))
FAILED_TWO = failing(TWO + got(1, 1, 2) + got(7, 1, 2, count=2))

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
    (
        "back after a late delete by an old handle",
        send(0) + receive(1) + receive(7, 2) + delete(8, "h1") + receive(13, 3),
        {"m"},
        1,
        "after its delete was",
    ),
    ("late change by an old handle", send(0) + receive(1) + change(6.5, 60) + receive(6.55, 2), {"m"}, 1, None),
    (
        "a change by an old handle, late, after the next receive",
        send(0) + receive(1, visibility=2) + [[3.2, "change?", "m", "h1", 0]] + receive(3.1, 2, visibility=20) + receive(3.5, 3)
        + [[3.6, "changed", "m", "h1", 0, 3.2]],
        {"m"},
        1,
        None,
    ),
    (
        "a change by an old handle, before the next receive",
        send(0) + receive(1, visibility=2) + change(3.2, 0) + receive(4, 2, visibility=20) + receive(5, 3),
        {"m"},
        1,
        "before its visibility deadline",
    ),
    (
        "two changes at a time, the shorter one by an old handle",
        send(0) + receive(1, visibility=2) + receive(3.1, 2, visibility=5) + [[4, "change?", "m", "h1", 1]]
        + [[4.1, "change?", "m", "h2", 20], [4.3, "changed", "m", "h2", 20, 4.1], [4.4, "changed", "m", "h1", 1, 4]] + receive(6, 3),
        {"m"},
        1,
        None,
    ),
    (
        "two changes, one after the other",
        send(0) + receive(1, visibility=9) + change(2, 1) + change(2.5, 20) + receive(6, 2),
        {"m"},
        1,
        "before its visibility deadline",
    ),
    ("a slow answer", send(0) + receive(8, 2) + [[8.2, *receive(1)[0][1:]]], {"m"}, 1, None),
    ("a receive count that skips", send(0) + receive(1) + receive(7, 3), {"m"}, 1, "3 receives counted, at most 2 done"),
    ("a receive that nobody knows", send(0) + receive(1) + unanswered(6) + receive(11, 3), {"m"}, 1, None),
    ("refused", send(0, acknowledged=False) + [[1, "unsent", "k"]], set(), 0, None),
    ("refused and there", send(0, acknowledged=False) + [[1, "unsent", "k"]] + receive(2), {"m"}, 1, "its send was refused"),
    ("purged", send(0) + purge(1), set(), 0, None),
    ("purged without an answer", send(0) + purge(1)[:1] + receive(2), {"m"}, 1, None),
    ("purged and back", send(0) + purge(1) + receive(2), {"m"}, 1, "after its delete was"),
    ("purged, and the next message too", send(0) + purge(1) + send(2, "k2", "m2"), set(), 0, "lost: m2"),
    ("sent during a purge, gone", [purge(1)[0]] + send(1.1) + [purge(1.5)[1]], set(), 0, None),
    ("sent at another time", send(0) + timed(receive(1), 5, 8) + timed(receive(7, 2), 5, 9), {"m"}, 1, "('5', '9'), not at ('5', '8')"),
    ("a wait that was not answered", prompt(16, started=5), {"m"}, 1, "waited for it after 5.9 s"),
    ("a wait that was answered", prompt(11, started=5), {"m"}, 1, None),
    ("a wait that ended empty", empty(19, 9) + prompt(19.1, started=19.02), {"m"}, 1, "waited for it after 9.0 s"),
    ("waits that ended empty", empty(13, 3) + empty(16, 13, wait=3) + prompt(16.1, 16), {"m"}, 1, "waited for it after 6.0 s"),
    ("waits that ended empty before", empty(9, 0) + empty(12, 9, wait=3) + prompt(12.1, started=12), {"m"}, 1, None),
    ("a wait that ended long before its client knew", empty(19, 0.2) + prompt(19.1, started=19), {"m"}, 1, None),
    (
        "a wait that ended empty while somebody had it",
        empty(32, 12, wait=20) + prompt(32.2, 32.1, count=2) + [[10.2, "unanswered", PROMPT]],
        {"m"},
        1,
        None,
    ),
    ("a connection that broke with the server", [[5, "ending"], [5, "gone", "p1"]], set(), 0, None),
    ("a connection that broke under a live server", [[5, "ending"], [4.9, "gone", "p1"]], set(), 0, "p1: its connection broke"),
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
    ("FIFO: numbers that rise", numbered(TWO, 1, 2) + got(2, 1, 2), ["m1", "m2"], 2, None),
    ("FIFO: numbers that fall", numbered(TWO, 2, 1) + got(2, 1, 2), ["m1", "m2"], 2, "after 00000000000000000002"),
    (
        "FIFO: another number at the receive",
        numbered(fifo(0), 1) + [[*got(2, 1)[0], None, "7"]],
        ["m1"],
        1,
        "k1 has sequence number 7, and had 00000000000000000001",
    ),
    ("FIFO: both in one call", TWO + got(1, 1, 2), ["m1", "m2"], 2, None),
    ("FIFO: one after the other", TWO + got(1, 1) + gone(2, 1) + got(3, 2), ["m2"], 1, None),
    ("FIFO: the first again, then both", TWO + got(1, 1) + unanswered(2) + got(7, 1, 2, count=2), ["m1", "m2"], 2, None),
    ("FIFO: a delete without an answer, gone", TWO + got(1, 1) + gone(2, 1, acknowledged=False) + got(3, 2), ["m2"], 1, None),
    ("FIFO: two groups", fifo(0, 1) + fifo(0.5, 2, "other") + got(1, 2) + got(2, 1), ["m2", "m1"], 2, None),
    ("FIFO: repeated, also after the delete", TWO + repeat(1, 2, "m2") + got(2, 1) + gone(3, 1) + repeat(4, 1, "m1"), ["m2"], 1, None),
    ("FIFO: no answer, there, and sent again", fifo(0, acknowledged=False) + got(1, 1) + repeat(2, 1, "m1"), ["m1"], 1, None),
    ("FIFO: an expired handle", TWO + got(1, 1) + refused(7, "h1.1", "m1") + unanswered(7) + got(8, 1, 2, count=2), ["m1", "m2"], 2, None),
    ("FIFO: a swapped pair in one call", TWO + got(1, 2, 1), ["m1", "m2"], 2, "(k2, q) overtook k1 in group g"),
    ("FIFO: a swapped pair in two calls", TWO + got(1, 2) + gone(2, 2) + got(3, 1), ["m1"], 1, "(k2, q) overtook k1"),
    ("FIFO: the next before a delete", TWO + got(1, 1) + got(2, 2), ["m1", "m2"], 2, "(k2, q) overtook k1"),
    ("FIFO: the next after a timeout", TWO + got(1, 1) + got(9, 2), ["m1", "m2"], 2, "(k2, q) overtook k1"),
    ("FIFO: the next after a refused delete", TWO + got(1, 1) + refused(7, "h1.1", "m1") + got(8, 2), ["m1", "m2"], 2, "overtook k1"),
    (
        "FIFO: the first given back, before a later one that is in flight",
        TWO + got(1, 1, 2) + [[2, "change?", "m1", "h1.1", 0], [2.1, "changed", "m1", "h1.1", 0, 2]] + got(2.3, 1, count=2),
        ["m1", "m2"],
        2,
        None,
    ),
    ("FIFO: a current handle refused", TWO + got(1, 1) + refused(2, "h1.1", "m1"), ["m1", "m2"], 2, "refused, though its handle"),
    ("FIFO: a deleted one comes back", TWO + got(1, 1) + gone(2, 1) + got(9, 1, count=2), ["m1", "m2"], 2, "after its delete was"),
    (
        "FIFO: deleted by an old handle, back",
        TWO + got(1, 1) + got(7, 1, count=2) + gone(8, 1) + got(13, 1, count=3),
        ["m1", "m2"],
        2,
        "after its delete was",
    ),
    ("FIFO: lost", TWO + got(1, 1) + gone(2, 1), [], 0, "lost: m2 (k2, q), never received"),
    ("FIFO: a repeated send with an id of its own", TWO + repeat(1, 1, "m9"), ["m1", "m2"], 2, "a repeated send of k1 was answered"),
    (
        "FIFO: a doubled send",
        TWO + got(1, 1) + gone(2, 1) + receive(3, key="k1", message_id="m9"),
        ["m2"],
        1,
        "k1 came twice, as m1 and as m9",
    ),
    (
        "FIFO: doubled by sending it again after no answer",
        fifo(0, acknowledged=False) + got(1, 1) + repeat(2, 1, "m9"),
        ["m1"],
        1,
        "k1 was acknowledged as m9, but received as m1",
    ),
    (
        "FIFO: drained in the wrong order",
        TWO + got(1, 1) + gone(2, 1, acknowledged=False) + got(9, 2) + got(15, 1, count=2),
        ["m2", "m1"],
        2,
        "gave k2 before k1 in group g",
    ),
]


# The same for a queue with a dead-letter queue; what the drain finds in each of them.
DEAD_LETTER_CASES = [
    ("failed and moved", FAILED + dead(receive(13, 3)), [], ["m"], 1, None),
    ("a receive of which nobody knows, then moved", FAILED[:3] + failing(unanswered(7)) + dead(receive(13, 3)), [], ["m"], 1, None),
    ("moved, received and deleted", FAILED + dead(receive(13, 3)) + delete(14, "h3"), [], [], 0, None),
    (
        "moved, then an old handle deletes nothing",
        FAILED + dead(receive(13, 3)) + delete(14, "h2") + dead(receive(19, 4)),
        [],
        ["m"],
        1,
        None,
    ),
    ("not moved yet", FAILED, ["m"], [], 1, None),
    ("failed and lost", FAILED, [], [], 0, "lost: m (k, failing), received 2 times"),
    ("moved and lost", FAILED + dead(receive(13, 3)), [], [], 0, "lost: m (k, failing), received 3 times"),
    ("in both queues", FAILED + dead(receive(13, 3)), ["m"], ["m"], 2, "m is in failing and in dead"),
    (
        "back in the first queue",
        FAILED + dead(receive(13, 3)) + failing(receive(19, 2)),
        ["m"],
        [],
        1,
        "after it had moved to dead",
    ),
    ("counted twice on the way", FAILED, [], ["m"], 2, "failing and dead counted 2 messages, but 1 were there"),
    (
        "doubled in the other queue",
        FAILED + dead(receive(13, 3)) + dead(receive(14, 4)),
        [],
        ["m"],
        1,
        "before its visibility deadline",
    ),
    ("moved with a new id", FAILED + dead(receive(13, 3, message_id="m2")), [], ["m2"], 1, "k came twice, as m and as m2"),
    ("moved while it was hidden", FAILED + dead(receive(8, 3)), [], ["m"], 1, "before its visibility deadline"),
    ("received once too often", FAILED + failing(receive(13, 3)), ["m"], [], 1, "has receive count 3, and 2 are allowed"),
    ("moved one receive too early", FAILED[:3] + dead(receive(13, 2)), [], ["m"], 1, "has receive count 2, but moves after 2"),
    ("receive count begins again", FAILED + dead(receive(13, 1)), [], ["m"], 1, "has receive count 1, after it had been 2"),
    ("moved without its source", FAILED + [[*dead(receive(13, 3))[0][:-1], None]], [], ["m"], 1, "came from None"),
    ("not moved, with a source", [*FAILED[:2], [*FAILED[2], FAILING]], ["m"], [], 1, "says that it came from failing"),
    (
        "deleted in the other queue, back",
        FAILED + dead(receive(13, 3)) + delete(14, "h3") + dead(receive(19, 4)),
        [],
        ["m"],
        1,
        "after its delete was",
    ),
    ("moved to a queue of others", failing(send(0) + receive(1)) + receive(13, 3), [], [], 0, "was sent to failing"),
    ("FIFO: both moved", FAILED_TWO + dead(got(13, 1, 2, count=3)), [], ["m1", "m2"], 2, None),
    (
        "FIFO: the first moved, so the next",
        failing(TWO + got(1, 1)) + failing(got(7, 2)) + failing(unanswered(7)) + dead(got(13, 1, count=3)),
        ["m2"],
        ["m1"],
        2,
        None,
    ),
    (
        "FIFO: an old handle deletes nothing",
        FAILED_TWO + dead(got(13, 1, 2, count=3)) + gone(14, 1, count=1) + dead(got(19, 1, 2, count=4)),
        [],
        ["m1", "m2"],
        2,
        None,
    ),
    (
        "FIFO: the next while the first is in flight",
        failing(TWO + got(1, 1) + got(2, 2)),
        ["m1", "m2"],
        [],
        2,
        "(k2, failing) overtook k1",
    ),
    (
        "FIFO: the next, then the first, which cannot have moved",
        failing(TWO + got(1, 1) + got(7, 2) + gone(8, 2) + got(9, 1, count=2)),
        ["m1"],
        [],
        1,
        "(k1, failing) came from there after it had moved",
    ),
    ("FIFO: moved in the wrong order", FAILED_TWO + dead(got(13, 2, count=3)), [], ["m1", "m2"], 2, "(k2, dead) overtook k1"),
    (
        "FIFO: drained in the wrong order",
        FAILED_TWO + dead(got(13, 1, 2, count=3)),
        [],
        ["m2", "m1"],
        2,
        "gave k2 before k1 in group g",
    ),
    (
        "FIFO: a deleted one comes back",
        FAILED_TWO + dead(got(13, 1, count=3)) + gone(14, 1, 3) + dead(got(19, 1, count=4)),
        [],
        ["m1", "m2"],
        2,
        "after its delete was",
    ),
]

# What was there, how the task ended, what is there afterwards, what is left in the dead-letter queue.
MOVED = [("g", "k1"), ("h", "k2"), ("g", "k3")]
MOVE_CASES = [
    ("moved", MOVED, "COMPLETED", MOVED, 0, None),
    ("moved, groups in another order", MOVED, "COMPLETED", [MOVED[1], MOVED[0], MOVED[2]], 0, None),
    ("moved, no groups", [(None, "k1"), (None, "k2")], "COMPLETED", [(None, "k2"), (None, "k1")], 0, None),
    ("moved, still running", MOVED, "RUNNING", MOVED, 0, "ended RUNNING"),
    ("moved all but one", MOVED, "COMPLETED", MOVED[:2], 1, "left 1 messages behind"),
    ("moved, one lost", MOVED, "COMPLETED", MOVED[:2], 0, "turned ('g', 'k3') into 0"),
    ("moved, one doubled", MOVED, "COMPLETED", MOVED + MOVED[:1], 0, "turned ('g', 'k1') into 2"),
    ("moved, one from nowhere", MOVED, "COMPLETED", [*MOVED, ("g", "k9")], 0, "turned ('g', 'k9') into 1"),
    ("moved in another order", MOVED, "COMPLETED", MOVED[::-1], 0, "changed the order of group g"),
]


def run():
    """Gives the cases that went wrong."""
    failures = []
    policies = {FAILING: (DEAD, RECEIVES_MAX)}
    plain = [(name, {}, events, {QUEUE: drained}, {QUEUE: counted}, expected) for name, events, drained, counted, expected in CASES]
    moving = [
        (name, policies, events, {FAILING: drained, DEAD: moved}, {FAILING: counted, DEAD: 0}, expected)
        for name, events, drained, moved, counted, expected in DEAD_LETTER_CASES
    ]
    for name, policies, events, drained, counted, expected in plain + moving:
        checker = Checker(policies, prompt=[PROMPT])
        checker.feed(events)
        checker.expect_after_drain(checker.promised(), drained, counted)
        caught = any(expected in problem for problem in checker.problems) if expected else not checker.problems
        if not caught:
            failures.append(f"{name}: expected {expected!r}, found {checker.problems}")
    for name, sent, status, got, left, expected in MOVE_CASES:
        problems = check_move(sent, status, got, left)
        caught = any(expected in problem for problem in problems) if expected else not problems
        if not caught:
            failures.append(f"{name}: expected {expected!r}, found {problems}")
    if "lost: m9" not in problems_after_many_of_a_kind():
        failures.append("a frequent problem hides another one")
    return failures


def problems_after_many_of_a_kind():
    checker = Checker()
    for n in range(2 * PROBLEMS_MAX):
        checker.problem(f"m{n} was received {n}.5 s before its visibility deadline had passed")
    checker.problem("lost: m9")
    return checker.problems


def cases():
    """How many there are."""
    return len(CASES) + len(DEAD_LETTER_CASES) + len(MOVE_CASES) + 1
