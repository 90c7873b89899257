"""Judges what clients saw against what they were promised. Pure: events in, problems out.

Events are lists, `[time, kind, …]`, with the time at which the client knew (monotonic seconds, one clock for all processes):

    [t, "send?",    key, queue, digest, delay, started]   about to send; the outcome is not known yet; FIFO: and the group
    [t, "sent",     key, message_id, sequence]            the send, or a repetition of it, was acknowledged; FIFO: its number
    [t, "unsent",   key]                                  the send was refused
    [t, "received", started, visibility, queue, message_id, key, digest, receive_count, handle, source, sequence,
                    sent_at, first_received_at]           the last three as the server says
    [t, "unanswered", queue]                              a receive, whose messages nobody knows
    [t, "empty",    queue, started, wait]                 a receive that waited and got nothing
    [t, "change?",  message_id, handle, timeout]          about to change the visibility timeout
    [t, "changed",  message_id, handle, timeout, started]
    [t, "delete?",  message_id, handle]
    [t, "deleted",  message_id, handle]
    [t, "refused",  message_id, handle, what]             FIFO: a delete or change, because the handle had expired
    [t, "purge?",   queue]
    [t, "purged",   queue, started]
    [t, "odd",      text]                                 an answer that should not be
    [t, "ending"]                                         the server is being killed or stopped, from now on
    [t, "gone",     name]                                 a client's connection broke

`digest` covers the body and the attributes, group and deduplication id too; `key` names the message inside its body; `source` is the
queue that a dead letter came from. Every key is new to "send?". In a FIFO queue the key is the deduplication id, and it may be sent
again within the window: after no answer, before anything else is sent to that group, or just so. Each group has one sender at a time,
so "send?" says in which order.

On a standard queue, an acknowledged delete by any handle of a message is final, as docs/compatibility.md says: more than SQS
promises, which may deliver at least once even then. So is a purge for what was acknowledged before it began.

A queue with a policy, `policies[queue] = (dead-letter queue, maxReceiveCount)`, gives a message so often at most, and then the other
queue gives it, and only that. Nobody sees the move itself: in a FIFO group, a later message shows that the earlier ones have moved.
"""

import re
from bisect import insort
from collections import Counter

# Clients and server read different clocks of one machine, and the server counts in whole milliseconds.
CLOCK_SLACK_SECONDS = 0.1
# A message has to reach a receive that waits for it within this time; generous, as the machine may be busy.
PROMPT_SECONDS = 5
# Problems that are kept: so many, and of one kind so few that a frequent one does not hide the others.
PROBLEMS_MAX = 50
PROBLEMS_OF_A_KIND_MAX = 10
# What differs among those of one kind: ids, names, times.
PARTICULARS = re.compile(r"\S*\d\S*")


class Message:
    """What is known about one message."""

    __slots__ = (
        "key queue digest hidden_until group is_dead_letter moved_at handles_before message_id acknowledged acknowledged_at "
        "refused receives receive_count handle held_until delete_tries deleted_at may_be_purged place call sent_from sequence "
        "times changes"
    ).split()

    def __init__(self, key, queue, digest, hidden_until, group=None):
        self.key, self.queue, self.digest = key, queue, digest
        self.is_dead_letter = False  # it was seen in its dead-letter queue
        self.moved_at = None  # when it was seen, or could only be there
        self.handles_before = set()  # of receives before it moved
        self.hidden_until = hidden_until  # nobody may receive it before; a lower bound
        self.message_id = None
        self.acknowledged = self.refused = self.may_be_purged = False
        self.acknowledged_at = None
        self.sequence = self.times = None  # as the server says
        self.receives = 0
        self.receive_count = 0
        self.handle = None  # of the latest receive that is known
        self.held_until = hidden_until  # until then nobody else can have received it, whatever the holder now tries
        self.delete_tries = 0  # that were not refused
        self.deleted_at = None  # acknowledged, by a handle that was certainly current
        self.group = group  # None: a standard queue
        self.place = len(group.sent) if group else None
        self.changes = []  # changes that may take effect after a receive that is known: [tried, done or None, timeout, handle]
        self.call = None  # the latest receive call that is known
        self.sent_from = hidden_until  # FIFO: the deduplication window cannot have begun before


class Group:
    """A FIFO message group."""

    def __init__(self, name):
        self.name = name
        self.sent = []  # messages in the order of their sends
        self.sequence = ""  # of the latest one that was acknowledged
        self.waiting = []  # the places of those that nobody has tried to delete, in order


class Checker:
    """Feeds on events in the order of their times."""

    def __init__(self, policies=None, shortest=lambda seconds: seconds, prompt=()):
        """`shortest`: how long something may last at least that is to last so many seconds. `prompt`: standard queues with
        one consumer that always waits, and no delays."""
        self.policies, self.shortest, self.prompt = policies or {}, shortest, prompt
        self.unanswered = {}  # queue → number of receives
        self.empty = {queue: [] for queue in prompt}  # [(started, ended)] of receives that waited and got nothing
        self.is_ending = False  # the server
        self.changing = set()  # messages with visibility changes that are not acknowledged
        self.purging = set()  # queues with a purge that is not acknowledged
        self.purges = 0
        self.by_key, self.by_id = {}, {}
        self.groups = {}  # (queue, name) → Group
        self.problems = []
        self.problem_count = 0
        self.kinds = Counter()
        self.sends = self.deletes = self.receives = self.redeliveries = self.changes = self.appeared = 0
        self.repeats = self.refusals = self.in_order = self.moves = 0

    def forget(self):
        """After a drain that found what was expected: every message is gone, and keys are never used again."""
        self.by_key, self.by_id, self.groups, self.unanswered = {}, {}, {}, {}
        self.empty = {queue: [] for queue in self.prompt}

    def server_ended(self):
        """What has no answer by now has happened, or will not."""
        for message in self.changing:
            message.changes = [change for change in message.changes if change[1] is not None]
        self.changing.clear()
        self.purging.clear()
        self.is_ending = False

    def problem(self, text):
        self.problem_count += 1
        kind = PARTICULARS.sub("", text)
        self.kinds[kind] += 1
        if self.kinds[kind] <= PROBLEMS_OF_A_KIND_MAX and len(self.problems) < PROBLEMS_MAX:
            self.problems.append(text)

    def feed(self, events):
        # At equal times an intent precedes its outcome, as the sort is stable and each process writes in order.
        for event in sorted(events, key=lambda event: event[0]):
            getattr(self, "on_" + {"?": "try_"}.get(event[1][-1], "") + event[1].rstrip("?"))(event[0], *event[2:])

    def on_odd(self, now, text):
        self.problem(f"unexpected answer: {text}")

    def on_ending(self, now):
        self.is_ending = True

    def on_gone(self, now, name):
        if not self.is_ending:
            self.problem(f"{name}: its connection broke, and nobody had ended the server yet")

    def on_empty(self, now, queue, started, wait):
        if queue in self.empty:
            # Where the client was slow, only this part of the time is certain.
            self.empty[queue].append((max(started, now - wait), min(started + wait, now)))

    def waited(self, queue, message, started, now):
        """How long receives have waited for a message that was there and that nobody had received before."""
        waits = [*self.empty[queue], (started, now)]
        return sum(max(0, end - max(begin, message.acknowledged_at)) for begin, end in waits)

    def on_try_send(self, now, key, queue, digest, delay, started, group=None):
        if group is not None:
            group = self.groups.setdefault((queue, group), Group(group))
        message = self.by_key[key] = Message(key, queue, digest, started + self.shortest(delay), group)
        if queue in self.purging:
            message.delete_tries, message.may_be_purged = 1, True
        if group:
            group.waiting.append(message.place)
            group.sent.append(message)

    def on_unsent(self, now, key):
        self.by_key[key].refused = True

    def on_unanswered(self, now, queue):
        self.unanswered[queue] = self.unanswered.get(queue, 0) + 1

    def on_try_purge(self, now, queue):
        self.purging.add(queue)
        for message in self.by_key.values():
            if message.queue == queue:
                message.delete_tries, message.may_be_purged = message.delete_tries + 1, True

    def on_purged(self, now, queue, started):
        self.purges += 1
        self.purging.discard(queue)
        for message in self.by_key.values():
            if message.queue == queue and message.acknowledged and message.acknowledged_at < started:
                message.deleted_at = message.deleted_at or now

    def on_sent(self, now, key, message_id, sequence=None):
        message = self.by_key[key]
        if message.acknowledged:
            self.repeats += 1
            if message.message_id != message_id:
                self.problem(f"a repeated send of {key} was answered with {message_id}, not with {message.message_id}")
            return
        self.sends += 1
        message.acknowledged, message.acknowledged_at = True, now
        if message.group and sequence:
            if sequence <= message.group.sequence:
                self.problem(f"{key} has sequence number {sequence} in group {message.group.name}, after {message.group.sequence}")
            message.group.sequence = sequence
            self.check_sequence(message, sequence)
        if message.message_id not in (None, message_id):
            self.problem(f"{key} was acknowledged as {message_id}, but received as {message.message_id}")
        self.identify(message, message_id)

    def check_sequence(self, message, sequence):
        if message.sequence not in (None, sequence):
            self.problem(f"{message.key} has sequence number {sequence}, and had {message.sequence}")
        message.sequence = sequence

    def identify(self, message, message_id):
        other = self.by_id.setdefault(message_id, message)
        if other is not message:
            self.problem(f"message id {message_id} belongs to {other.key} and to {message.key}")
        message.message_id = message_id

    def on_received(
        self, now, started, visibility, queue, message_id, key, digest, receive_count, handle, source=None, sequence=None, *times
    ):
        self.receives += 1
        message = self.by_key.get(key)
        if message is None:
            self.problem(f"unknown message {message_id} in {queue}: nobody ever sent {key!r}, or it was drained long ago")
            return
        if message.message_id is None:
            self.appeared += 1  # a send without an answer, which is allowed to have happened
            self.identify(message, message_id)
        elif message.message_id != message_id:
            self.problem(f"{key} came twice, as {message.message_id} and as {message_id}")
            return
        where = f"{message_id} ({key}, {queue})"
        self.check_place(message, where, now, started, queue, receive_count, source)
        if queue == message.queue:
            message.handles_before.add(handle)
        if message.refused:
            self.problem(f"{where} was received, but its send was refused")
        if sequence and queue == message.queue:
            self.check_sequence(message, sequence)
        if times:
            if message.times not in (None, times):
                self.problem(f"{where} was sent and first received at {times}, not at {message.times}")
            message.times = times
        if queue in self.prompt and receive_count == 1 and message.acknowledged:
            late = self.waited(queue, message, started, now)
            if late > PROMPT_SECONDS:
                self.problem(f"{where} came to a receive that waited for it after {late:.1f} s")
        if digest != message.digest:
            self.problem(f"{where} is corrupted: its body or attributes are not what was sent")
        if message.deleted_at is not None and started > message.deleted_at:
            late = now - message.deleted_at
            self.problem(f"{where} came back {late:.3f} s after its delete was acknowledged")
        if message.group:
            self.check_order(message, where, now, started, queue)
        if now - started >= self.shortest(visibility) - CLOCK_SLACK_SECONDS:
            # The answer took so long that others may have received the message since: this event is out of order.
            message.receives += 1
            message.receive_count = max(message.receive_count, receive_count)
            message.handle = None
            return
        if now < message.hidden_until - CLOCK_SLACK_SECONDS:
            early = message.hidden_until - now
            what = "visibility deadline" if message.receives else "delay"
            self.problem(f"{where} was received {early:.3f} s before its {what} had passed")
        message.receives += 1
        if receive_count <= message.receive_count:
            self.problem(f"{where} has receive count {receive_count}, after it had been {message.receive_count}")
        elif receive_count < message.receives:
            self.problem(f"{where} has receive count {receive_count}, but was received {message.receives} times")
        self.redeliveries += message.receives > 1
        message.receive_count = max(message.receive_count, receive_count)
        message.handle = handle
        self.hide(message, started, visibility)

    def hide(self, message, started, seconds):
        """It is hidden by a call that began at `started`, unless a change by another handle took effect after that call."""
        message.changes = [change for change in message.changes if change[1] is None or change[1] > started]
        ends = [tried + self.shortest(timeout) for tried, _, timeout, _ in message.changes]
        message.hidden_until = message.held_until = min([started + self.shortest(seconds), *ends])

    def end_change(self, message, handle, now):
        """Whether the change has an answer now; gives it."""
        for change in message.changes:
            if change[1] is None and change[3] == handle:
                change[1] = now
                return change
        return None

    def check_place(self, message, where, now, started, queue, receive_count, source):
        """It is where it was sent to, until it was received there as often as it may be; then in the dead-letter queue."""
        target, receives_max = self.policies.get(message.queue, (None, None))
        if queue == message.queue:
            if source:
                self.problem(f"{where} says that it came from {source}")
            if receives_max and receive_count > receives_max:
                self.problem(f"{where} has receive count {receive_count}, and {receives_max} are allowed")
            if message.moved_at is not None and started > message.moved_at:
                self.problem(f"{where} came from there after it had moved to {target}")
        elif queue == target:
            if source != message.queue:
                self.problem(f"{where} says that it came from {source}, not from {message.queue}")
            if receive_count <= receives_max:
                self.problem(f"{where} has receive count {receive_count}, but moves after {receives_max}")
            self.moves += not message.is_dead_letter
            message.is_dead_letter = True
            self.has_moved(message, now)
        else:
            self.problem(f"{where} was sent to {message.queue}")

    def has_moved(self, message, now):
        if message.moved_at is None:
            message.moved_at = now

    def check_order(self, message, where, now, started, queue):
        """FIFO: whatever was sent to the group earlier is gone, or came in the same call and before it, or has moved."""
        self.in_order += 1
        group, message.call = message.group, (started, now)
        for place in group.waiting:
            if place >= message.place:
                break
            earlier = group.sent[place]
            has_policy = queue == message.queue and queue in self.policies
            is_hidden = earlier.receives and earlier.moved_at is None and now < earlier.hidden_until - CLOCK_SLACK_SECONDS
            if earlier.call == message.call or (has_policy and earlier.moved_at is not None):
                continue
            if not has_policy or is_hidden:
                self.problem(f"{where} overtook {earlier.key} in group {group.name}, which nobody had deleted")
                break
            self.has_moved(earlier, now)

    def is_current(self, message, handle, now):
        """Whether this handle is certainly the newest: nobody else can have received the message since it was given out."""
        return message.handle == handle and now < message.held_until - CLOCK_SLACK_SECONDS

    def on_try_change(self, now, message_id, handle, timeout):
        if (message := self.by_id.get(message_id)) is None:
            return  # reported when it was received
        message.hidden_until = min(message.hidden_until, now + self.shortest(timeout))
        message.changes.append([now, None, timeout, handle])
        self.changing.add(message)

    def on_changed(self, now, message_id, handle, timeout, started):
        self.changes += 1
        if (message := self.by_id.get(message_id)) is None:
            return  # reported when it was received
        own = self.end_change(message, handle, now)
        if self.is_current(message, handle, now):
            message.changes = [change for change in message.changes if change is not own]
            self.hide(message, started, timeout)
            message.changes += [own] if own else []

    def on_try_delete(self, now, message_id, handle):
        if (message := self.by_id.get(message_id)) is None:
            return  # reported when it was received
        message.delete_tries += 1
        if message.group and message.delete_tries == 1:
            message.group.waiting.remove(message.place)

    def on_refused(self, now, message_id, handle, what):
        self.refusals += 1
        if (message := self.by_id.get(message_id)) is None:
            return  # reported when it was received
        # A late delete by somebody else's older handle takes a message away from its receiver.
        may_be_gone = message.may_be_purged or (what == "change" and message.delete_tries)
        if self.is_current(message, handle, now) and not may_be_gone:
            self.problem(f"{message_id} ({message.key}, {message.queue}): {what} refused, though its handle had not expired")
        if what == "change" and (own := self.end_change(message, handle, now)):
            message.changes.remove(own)
        if what == "delete":
            message.delete_tries -= 1
            if message.delete_tries == 0:
                insort(message.group.waiting, message.place)

    def on_deleted(self, now, message_id, handle):
        self.deletes += 1
        if (message := self.by_id.get(message_id)) is None:
            return  # reported when it was received
        # An expired handle of a FIFO queue is refused; but one from before a move is accepted, and changes nothing.
        is_certain = not (message.queue in self.policies and handle in message.handles_before)
        if is_certain or self.is_current(message, handle, now):
            message.deleted_at = now

    def promised(self):
        """The messages that have to be there now: acknowledged, and nobody has tried to delete them."""
        return [message for message in self.by_key.values() if message.acknowledged and not message.delete_tries]

    def expect_after_drain(self, promised, drained, counted):
        """`promised`: before the drain. `drained`: queue → ids received, in order. `counted`: queue → sum of counters before."""
        found = set().union(*drained.values())
        for message in self.by_key.values():
            queues = [message.queue, *self.policies.get(message.queue, ())[:1]]
            known = message.receives + sum(self.unanswered.get(queue, 0) for queue in queues)
            if message.receive_count > known and message.message_id in found:
                text = f"{message.receive_count} receives counted, at most {known} done"
                self.problem(f"{message.message_id} ({message.key}, {message.queue}): {text}")
        for message in promised:
            if message.message_id not in found:
                seen = f"received {message.receives} times" if message.receives else "never received"
                self.problem(f"lost: {message.message_id} ({message.key}, {message.queue}), {seen}")
        for ids in drained.values():
            latest = {}
            for message in map(self.by_id.get, ids):
                if message and message.group:
                    before = latest.get(message.group, message)
                    if message.place < before.place:
                        where = f"group {message.group.name} of {message.queue}"
                        self.problem(f"the drain gave {before.key} before {message.key} in {where}")
                    latest[message.group] = message
        for queue, ids in drained.items():
            target, _ = self.policies.get(queue, (None, None))
            for message_id in set(ids).intersection(drained.get(target, [])):
                self.problem(f"{message_id} is in {queue} and in {target}")
        # The drain moves messages: the counters of a queue and of its dead-letter queue together say how many there are.
        targets = [target for target, _ in self.policies.values()]
        for queue in [name for name in drained if name not in targets]:
            family = [queue, *self.policies.get(queue, ())[:1]]
            before, found = sum(counted.get(name, 0) for name in family), sum(len(drained[name]) for name in family)
            if before != found:
                self.problem(f"{' and '.join(family)} counted {before} messages, but {found} were there")


def check_move(sent, status, got, left):
    """Judges a move task. `sent`, `got`: [(group, key)] in order, before it and after it. `left`: what the source counts then."""
    problems = [] if status == "COMPLETED" else [f"the move task ended {status}"]
    if left:
        problems.append(f"the move task left {left} messages behind")
    for message in sorted({*sent, *got}, key=str):
        if got.count(message) != sent.count(message):
            problems.append(f"the move task turned {message} into {got.count(message)}")
    for group in {group for group, _ in sent if group}:
        before, after = ([key for of, key in messages if of == group] for messages in (sent, got))
        if sorted(before) == sorted(after) and before != after:
            problems.append(f"the move task changed the order of group {group}")
    return problems
