"""Judges what clients saw against what they were promised. Pure: events in, problems out.

Events are lists, `[time, kind, …]`, with the time at which the client knew (monotonic seconds, one clock for all processes):

    [t, "send?",    key, queue, digest, delay, started]   about to send; the outcome is not known yet
    [t, "sent",     key, message_id]                      the send was acknowledged
    [t, "received", started, visibility, queue, message_id, key, digest, receive_count, handle]
    [t, "change?",  message_id, handle, timeout]          about to change the visibility timeout
    [t, "changed",  message_id, handle, timeout, started]
    [t, "delete?",  message_id, handle]
    [t, "deleted",  message_id, handle]
    [t, "odd",      text]                                 an answer that should not be

`digest` covers the body and the attributes; `key` names the message inside its body. Every key is sent once.
"""

# Clients and server read different clocks of one machine, and the server counts in whole milliseconds.
CLOCK_SLACK_SECONDS = 0.1
PROBLEMS_MAX = 50


class Message:
    """What is known about one message."""

    def __init__(self, key, queue, digest, hidden_until):
        self.key, self.queue, self.digest = key, queue, digest
        self.hidden_until = hidden_until  # nobody may receive it before; a lower bound
        self.message_id = None
        self.acknowledged = False
        self.receives = 0
        self.receive_count = 0
        self.handle = None  # of the latest receive that is known
        self.held_until = hidden_until  # until then nobody else can have received it, whatever the holder now tries
        self.delete_tried = False
        self.deleted_at = None  # acknowledged, by a handle that was certainly current


class Checker:
    """Feeds on events in the order of their times."""

    def __init__(self):
        self.by_key, self.by_id = {}, {}
        self.problems = []
        self.problem_count = 0
        self.sends = self.deletes = self.receives = self.redeliveries = self.changes = self.appeared = 0

    def problem(self, text):
        self.problem_count += 1
        if len(self.problems) < PROBLEMS_MAX:
            self.problems.append(text)

    def feed(self, events):
        # At equal times an intent precedes its outcome, as the sort is stable and each process writes in order.
        for event in sorted(events, key=lambda event: event[0]):
            getattr(self, "on_" + {"?": "try_"}.get(event[1][-1], "") + event[1].rstrip("?"))(event[0], *event[2:])

    def on_odd(self, now, text):
        self.problem(f"unexpected answer: {text}")

    def on_try_send(self, now, key, queue, digest, delay, started):
        self.by_key[key] = Message(key, queue, digest, started + delay)

    def on_sent(self, now, key, message_id):
        self.sends += 1
        message = self.by_key[key]
        message.acknowledged = True
        if message.message_id not in (None, message_id):
            self.problem(f"{key} was acknowledged as {message_id}, but received as {message.message_id}")
        self.identify(message, message_id)

    def identify(self, message, message_id):
        other = self.by_id.setdefault(message_id, message)
        if other is not message:
            self.problem(f"message id {message_id} belongs to {other.key} and to {message.key}")
        message.message_id = message_id

    def on_received(self, now, started, visibility, queue, message_id, key, digest, receive_count, handle):
        self.receives += 1
        message = self.by_key.get(key)
        if message is None:
            self.problem(f"unknown message {message_id} in {queue}: nobody ever sent {key!r}")
            return
        if message.message_id is None:
            self.appeared += 1  # a send without an answer, which is allowed to have happened
            self.identify(message, message_id)
        elif message.message_id != message_id:
            self.problem(f"{key} came twice, as {message.message_id} and as {message_id}")
            return
        where = f"{message_id} ({key}, {queue})"
        if queue != message.queue:
            self.problem(f"{where} was sent to {message.queue}")
        if digest != message.digest:
            self.problem(f"{where} is corrupted: its body or attributes are not what was sent")
        if message.deleted_at is not None and started > message.deleted_at:
            late = now - message.deleted_at
            self.problem(f"{where} came back {late:.3f} s after its delete was acknowledged")
        if now - started >= visibility - CLOCK_SLACK_SECONDS:
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
        message.hidden_until = message.held_until = started + visibility
        message.handle = handle

    def is_current(self, message, handle, now):
        """Whether this handle is certainly the newest: nobody else can have received the message since it was given out."""
        return message.handle == handle and now < message.held_until - CLOCK_SLACK_SECONDS

    def on_try_change(self, now, message_id, handle, timeout):
        message = self.by_id[message_id]
        message.hidden_until = min(message.hidden_until, now + timeout)

    def on_changed(self, now, message_id, handle, timeout, started):
        self.changes += 1
        message = self.by_id[message_id]
        if self.is_current(message, handle, now):
            message.hidden_until = message.held_until = started + timeout

    def on_try_delete(self, now, message_id, handle):
        self.by_id[message_id].delete_tried = True

    def on_deleted(self, now, message_id, handle):
        self.deletes += 1
        message = self.by_id[message_id]
        if self.is_current(message, handle, now):
            message.deleted_at = now

    def promised(self):
        """The messages that have to be there now: acknowledged, and nobody has tried to delete them."""
        return [message for message in self.by_key.values() if message.acknowledged and not message.delete_tried]

    def expect_after_drain(self, promised, drained, counted):
        """`promised`: before the drain. `drained`: queue → ids that it received. `counted`: queue → sum of counters before it."""
        found = set().union(*drained.values())
        for message in promised:
            if message.message_id not in found:
                seen = f"received {message.receives} times" if message.receives else "never received"
                self.problem(f"lost: {message.message_id} ({message.key}, {message.queue}), {seen}")
        for queue, ids in drained.items():
            if counted.get(queue) != len(ids):
                self.problem(f"{queue} counted {counted.get(queue)} messages, but {len(ids)} were there")
