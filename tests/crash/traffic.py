"""The clients of the crash test and the soak: processes that send, receive, change and delete, and write down what they were promised."""

import hashlib
import http.client
import json
import random
import time
from base64 import b64decode, b64encode
from urllib.parse import urlsplit

from signature import key_of, signed

ANSWER_SECONDS = 30
EXPIRED = "The receipt handle has expired"
ABSENT = "Message does not exist or is not available for visibility timeout change"
REPEAT_SECONDS = 240  # a send is repeated only so long after the first try: well within the window of 300 s
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=" + "0" * 64
)
SYSTEM_ATTRIBUTES = [
    "ApproximateReceiveCount",
    "MessageGroupId",
    "MessageDeduplicationId",
    "DeadLetterQueueSourceArn",
    "SequenceNumber",
    "SentTimestamp",
    "ApproximateFirstReceiveTimestamp",
]
FILLER_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz 0123456789"\\<&>\r\n\téü日😀'
TENANTS = [f"tenant-{n}" for n in range(20)]  # message groups on standard queues
BODY_CHARACTERS_MAX = 150_000  # about 200 KB of UTF-8


SENT_MD5 = "MD5OfMessageBody", "MD5OfMessageAttributes"
RECEIVED_MD5 = "MD5OfBody", "MD5OfMessageAttributes"


class Gone(Exception):
    """The server does not answer any more; the outcome of the call is not known."""


class Refused(ValueError):
    """The server answered with an error."""

    @property
    def is_expired(self):
        return EXPIRED in str(self)

    @property
    def is_absent(self):
        return ABSENT in str(self)


class Api:
    """One connection, AWS JSON; signed, if the endpoint says with which key."""

    def __init__(self, endpoint):
        self.endpoint, self.key = endpoint, key_of(endpoint)
        where = urlsplit(endpoint)
        self.host = f"{where.hostname}:{where.port}"
        self.connection = http.client.HTTPConnection(where.hostname, where.port, timeout=ANSWER_SECONDS)

    def call(self, action, **members):
        headers = {"Host": self.host, "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AmazonSQS.{action}"}
        body = json.dumps(members).encode()
        headers = signed(self.key, headers, body) if self.key else headers | {"Authorization": AUTHORIZATION}
        try:
            self.connection.request("POST", "/", body, headers)
            answer = self.connection.getresponse()
            status, body = answer.status, answer.read()
        except TimeoutError:
            raise  # a server that is there and does not answer is a finding, not a crash
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise Gone() from error
        if status != 200:
            raise Refused(f"{action}: {status} {body[:1000]!r}")
        return json.loads(body) if body else {}


class Ledger:
    """An append-only file of events; see check.py for their form."""

    def __init__(self, path):
        self.file = open(path, "a", buffering=1 << 16)

    def write(self, kind, *rest, at=None):
        self.file.write(json.dumps([time.monotonic() if at is None else at, kind, *rest]) + "\n")

    def close(self):
        self.file.close()


def digest(body, attributes, group=None, deduplication=None):
    plain = sorted((name, value.get("StringValue") or value.get("BinaryValue")) for name, value in attributes.items())
    return hashlib.sha256(json.dumps([body, plain, group, deduplication]).encode()).hexdigest()


def attributes_md5(attributes):
    """What SQS says of message attributes: of each, by name, the parts with their lengths before them."""
    parts = b""
    for name, value in sorted(attributes.items()):
        text = value.get("StringValue")
        encoded = b64decode(value["BinaryValue"]) if text is None else text.encode()
        for part in name.encode(), value["DataType"].encode():
            parts += len(part).to_bytes(4, "big") + part
        parts += (b"\x02" if text is None else b"\x01") + len(encoded).to_bytes(4, "big") + encoded
    return hashlib.md5(parts).hexdigest()


def check_md5(ledger, key, answer, names, body, attributes):
    """Compares the sums of an answer, whose names differ between send and receive, with what was sent or came."""
    expected = hashlib.md5(body.encode()).hexdigest(), attributes_md5(attributes) if attributes else None
    found = answer.get(names[0]), answer.get(names[1])
    if found != expected:
        ledger.write("odd", f"wrong {' or '.join(names)} for {key}: {found}, not {expected}")


class Brake:
    """Lets a producer wait while many messages wait in the queue that it sends to."""

    def __init__(self, api, stop, backlog_max):
        self.api, self.stop, self.backlog_max, self.calls = api, stop, backlog_max, 0

    def apply(self, queue):
        self.calls += 1
        if self.backlog_max and self.calls % 20 == 0 and counters(self.api, queue)[0] > self.backlog_max:
            self.stop.wait(1)


def filler():
    characters = random.Random(1)
    return "".join(characters.choices(FILLER_CHARACTERS, k=2 * BODY_CHARACTERS_MAX))


def new_message(chance, key, block, small):
    """A body that begins with its key, and attributes: text, and bytes that are not text."""
    if small or chance.random() < 0.7:
        size = chance.randint(1, 2_000)
    else:
        size = chance.randint(1, BODY_CHARACTERS_MAX if chance.random() < 0.15 else 20_000)
    start = chance.randrange(len(block) - size)
    body = f"{key}|{block[start : start + size]}"
    attributes = {
        "key": {"DataType": "String", "StringValue": key},
        "raw": {"DataType": "Binary", "BinaryValue": b64encode(chance.randbytes(chance.randint(1, 64))).decode()},
    }
    return {"MessageBody": body, "MessageAttributes": attributes}


def produce(endpoint, queues, path, seed, name, stop):
    chance, ledger, api, block, number = random.Random(seed), Ledger(path), Api(endpoint), filler(), 0

    def prepare(queue, small):
        nonlocal number
        number += 1
        key = f"{name}-{number}"
        message = new_message(chance, key, block, small)
        delay = chance.randint(1, 8) if chance.random() < 0.1 else 0
        if delay:
            message["DelaySeconds"] = delay
        tenant = chance.choice([None, *TENANTS])
        if tenant:
            message["MessageGroupId"] = tenant
        known = digest(message["MessageBody"], message["MessageAttributes"], tenant)
        now = time.monotonic()
        ledger.write("send?", key, queue, known, delay, now, at=now)
        return key, message

    try:
        while not stop.is_set():
            queue = chance.choice(queues)
            if chance.random() < 0.3:
                batch = [prepare(queue, small=True) for _ in range(chance.randint(1, 10))]
                entries = [{"Id": str(n), **message} for n, (_, message) in enumerate(batch)]
                answer = api.call("SendMessageBatch", QueueUrl=queue, Entries=entries)
                for entry in answer.get("Successful", []):
                    ledger.write("sent", batch[int(entry["Id"])][0], entry["MessageId"])
                for entry in answer.get("Failed", []):
                    ledger.write("odd", f"batch send failed: {entry}")
            else:
                key, message = prepare(queue, small=False)
                answer = api.call("SendMessage", QueueUrl=queue, **message)
                ledger.write("sent", key, answer["MessageId"])
                check_md5(ledger, key, answer, SENT_MD5, message["MessageBody"], message["MessageAttributes"])
    except Gone:
        ledger.write("gone", name)
    except (ValueError, TimeoutError, KeyError) as error:
        ledger.write("odd", f"{name}: {error!r}")
    ledger.close()


class Lane:
    """One message group as its producer knows it."""

    def __init__(self, queue, group, pending, recent):
        self.queue, self.group = queue, group
        self.pending = pending  # keys of sends without an answer, in order: to be sent again before anything else
        self.recent = recent  # [(key, time of the first try)] of acknowledged sends: may be repeated

    def message(self, key, block):
        """The same for the same key, whichever process sends it."""
        message = new_message(random.Random(key), key, block, small=True)
        return message | {"MessageGroupId": self.group, "MessageDeduplicationId": key}

    def repeatable(self, chance):
        now = time.monotonic()
        keys = [key for key, started in self.recent if now - started < REPEAT_SECONDS]
        return [chance.choice(keys)] if keys else []


def send_in_order(api, ledger, lane, keys, block):
    """Sends messages of one group, in one call, and writes down the answers."""
    messages = [lane.message(key, block) for key in keys]
    if len(keys) == 1:
        answer = api.call("SendMessage", QueueUrl=lane.queue, **messages[0])
        ledger.write("sent", keys[0], answer["MessageId"], answer["SequenceNumber"])
        return
    entries = [{"Id": str(n), **message} for n, message in enumerate(messages)]
    answer = api.call("SendMessageBatch", QueueUrl=lane.queue, Entries=entries)
    for entry in sorted(answer.get("Successful", []), key=lambda entry: int(entry["Id"])):
        ledger.write("sent", keys[int(entry["Id"])], entry["MessageId"], entry["SequenceNumber"])
    for entry in answer.get("Failed", []):
        ledger.write("odd", f"batch send failed: {entry}")


def produce_in_order(endpoint, queues, path, seed, name, stop, memory, delays=None, backlog_max=None):
    """Sends to the FIFO message groups that only this process sends to. `memory`: [(queue name, group, pending, recent)].

    `delays`: {queue name: its delay}."""
    chance, ledger, api, block, number = random.Random(seed), Ledger(path), Api(endpoint), filler(), 0
    urls = {queue.rsplit("/", 1)[1]: queue for queue in queues}
    lanes, brake = [Lane(urls[queue], *rest) for queue, *rest in memory], Brake(api, stop, backlog_max)
    try:
        for lane in lanes:
            while lane.pending:
                count = chance.choice([1, 10])
                send_in_order(api, ledger, lane, lane.pending[:count], block)
                del lane.pending[:count]
        while not stop.is_set():
            lane = chance.choice(lanes)
            brake.apply(lane.queue)
            repeated = lane.repeatable(chance) if chance.random() < 0.15 else []
            keys, started = [], time.monotonic()
            for _ in range(chance.randint(2, 9) if chance.random() < 0.3 else not repeated or chance.randint(0, 1)):
                number += 1
                keys.append(f"{name}-{number}")
                message = lane.message(keys[-1], block)
                known = digest(message["MessageBody"], message["MessageAttributes"], lane.group, keys[-1])
                delay = (delays or {}).get(lane.queue.rsplit("/", 1)[1], 0)
                ledger.write("send?", keys[-1], lane.queue, known, delay, started, lane.group, at=started)
            place = chance.randint(0, len(keys))
            send_in_order(api, ledger, lane, keys[:place] + repeated + keys[place:], block)
            lane.recent += [(key, started) for key in keys]
    except Gone:
        ledger.write("gone", name)
    except (ValueError, TimeoutError, KeyError) as error:
        ledger.write("odd", f"{name}: {error!r}")
    ledger.close()


def receive(api, ledger, queue, visibility, wait, groups=None):
    """One receive, written down; gives [(message id, handle)], and puts them into `groups` by message group."""
    started = time.monotonic()
    try:
        answer = api.call(
            "ReceiveMessage",
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            VisibilityTimeout=visibility,
            WaitTimeSeconds=wait,
            MessageAttributeNames=["All"],
            AttributeNames=SYSTEM_ATTRIBUTES,
        )
    except (Gone, TimeoutError):
        ledger.write("unanswered", queue, at=started)
        raise
    now, got = time.monotonic(), []
    if wait and not answer.get("Messages"):
        ledger.write("empty", queue, started, wait, at=now)
    for message in answer.get("Messages", []):
        body, handle = message["Body"], message["ReceiptHandle"]
        system = message["Attributes"]
        group, deduplication = system.get("MessageGroupId"), system.get("MessageDeduplicationId")
        count = int(system["ApproximateReceiveCount"])
        attributes = message.get("MessageAttributes", {})
        key = attributes.get("key", {}).get("StringValue") or body.partition("|")[0][:100]
        source = system.get("DeadLetterQueueSourceArn", "").rpartition(":")[2] or None
        if source and deduplication == message["MessageId"]:
            deduplication = key  # that of a dead letter is its message id
        known = digest(body, attributes, group, deduplication)
        check_md5(ledger, key, message, RECEIVED_MD5, body, attributes)
        times = system["SentTimestamp"], system["ApproximateFirstReceiveTimestamp"]
        place = [queue, message["MessageId"], key, known, count, handle, source, system.get("SequenceNumber"), *times]
        ledger.write("received", started, visibility, *place, at=now)
        got.append((message["MessageId"], handle))
        if groups is not None:
            groups.setdefault(group, []).append(got[-1])
    return got


def delete_batch(api, ledger, queue, got, garbage=False):
    """`garbage`: with one more entry, which has to fail alone."""
    for message_id, handle in got:
        ledger.write("delete?", message_id, handle)
    entries = [{"Id": str(n), "ReceiptHandle": handle} for n, (_, handle) in enumerate(got)]
    failing = [{"Id": "garbage", "ReceiptHandle": "garbage"}] if garbage and len(entries) < 10 else []
    answer = api.call("DeleteMessageBatch", QueueUrl=queue, Entries=entries + failing)
    for entry in answer.get("Successful", []):
        ledger.write("deleted", *got[int(entry["Id"])])
    failed = answer.get("Failed", [])
    if failing and not any(entry["Id"] == "garbage" for entry in failed):
        ledger.write("odd", "a batch delete accepted a handle that is none")
    for entry in [entry for entry in failed if entry["Id"] != "garbage"]:
        if queue.endswith(".fifo") and EXPIRED in entry.get("Message", ""):
            ledger.write("refused", *got[int(entry["Id"])], "delete")
        else:
            ledger.write("odd", f"batch delete failed: {entry}")


def delete_one(api, ledger, queue, message_id, handle):
    ledger.write("delete?", message_id, handle)
    try:
        api.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=handle)
    except Refused as error:
        if not (queue.endswith(".fifo") and error.is_expired):
            raise
        ledger.write("refused", message_id, handle, "delete")
        return
    ledger.write("deleted", message_id, handle)


def change(api, ledger, queue, message_id, handle, timeout):
    started = time.monotonic()
    ledger.write("change?", message_id, handle, timeout, at=started)
    try:
        api.call("ChangeMessageVisibility", QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=timeout)
    except Refused as error:
        # What was received often enough may have moved to the dead-letter queue since.
        if not (queue.endswith(".fifo") and error.is_expired or error.is_absent):
            raise
        ledger.write("refused", message_id, handle, "change")
        return
    ledger.write("changed", message_id, handle, timeout, started)


# What becomes of a received message: of most, and where consumers fail on purpose.
FATES = {"delete": 15, "batch": 50, "again": 8, "later": 12, "leave": 15}
FAILING_FATES = {"delete": 2, "batch": 8, "again": 65, "later": 5, "leave": 20}


def consume(endpoint, queues, path, seed, name, stop, weights=FATES, waits=(0, 0, 1), held=()):
    """`late`: deleted by a handle whose visibility timeout is over, which a standard queue allows.

    `held`: [(queue, message id, handle)] that an earlier server gave out, to be deleted first."""
    chance, ledger, api = random.Random(seed), Ledger(path), Api(endpoint)
    try:
        for queue, message_id, handle in held:
            delete_one(api, ledger, queue, message_id, handle)
        while not stop.is_set():
            queue = chance.choice(queues)
            visibility = chance.choice([1, 2, 5, 20]) if "late" in weights else chance.choice([2, 5, 20])
            got = receive(api, ledger, queue, visibility, wait=chance.choice(waits))
            fates = {fate: [] for fate in weights}
            for message in got:
                fates[chance.choices(list(weights), weights=weights.values())[0]].append(message)
            if fates["batch"]:
                delete_batch(api, ledger, queue, fates["batch"], garbage=chance.random() < 0.1)
            if fates.get("late") and visibility < 5:
                time.sleep(visibility + chance.random())
                delete_batch(api, ledger, queue, fates["late"])
            for message in fates["delete"]:
                delete_one(api, ledger, queue, *message)
            for message in fates["again"]:
                change(api, ledger, queue, *message, timeout=0)
            for message in fates["later"]:
                change(api, ledger, queue, *message, timeout=chance.randint(1, 25))
    except Gone:
        ledger.write("gone", name)
    except (ValueError, TimeoutError, KeyError) as error:
        ledger.write("odd", f"{name}: {error!r}")
    ledger.close()


def consume_in_order(endpoint, queues, path, seed, name, stop, fails=0.0):
    """Receives from FIFO queues; per message group, deletes some from the front and gives the others back, is late or leaves them.

    `fails`: how often none are deleted."""
    chance, ledger, api = random.Random(seed), Ledger(path), Api(endpoint)
    try:
        while not stop.is_set():
            queue, groups = chance.choice(queues), {}
            receive(api, ledger, queue, visibility=chance.choice([1, 1, 3]), wait=chance.choice([0, 0, 1]), groups=groups)
            for got in groups.values():
                count = len(got) if chance.random() < 0.7 else chance.randint(0, len(got))
                count = 0 if chance.random() < fails else count
                done, others = got[:count], got[count:]
                if done and chance.random() < 0.7:
                    delete_batch(api, ledger, queue, done)
                else:
                    for message in done:
                        delete_one(api, ledger, queue, *message)
                fate = chance.choices(["again", "later", "leave", "late"], weights=[45, 15, 10, 30])[0]
                if fate == "late" and others:
                    time.sleep(chance.uniform(0.6, 1.3))
                    delete_batch(api, ledger, queue, others)
                for message in others if fate in ("again", "later") else []:
                    change(api, ledger, queue, *message, timeout=0 if fate == "again" else chance.randint(1, 6))
    except Gone:
        ledger.write("gone", name)
    except (ValueError, TimeoutError, KeyError) as error:
        ledger.write("odd", f"{name}: {error!r}")
    ledger.close()


def drain(endpoint, queues, path, limit_seconds):
    """Receives and deletes until every counter of every queue is zero, or the limit is reached."""
    ledger, api = Ledger(path), Api(endpoint)
    deadline = time.monotonic() + limit_seconds
    try:
        for queue in queues:
            while time.monotonic() < deadline:
                got = receive(api, ledger, queue, visibility=120, wait=1)
                if got:
                    delete_batch(api, ledger, queue, got)
                elif sum(counters(api, queue)) == 0:
                    break
    except (Gone, ValueError, TimeoutError, KeyError) as error:
        ledger.write("odd", f"drain: {error!r}")
    ledger.close()


def counters(api, queue):
    """Visible, in flight, delayed."""
    names = ["", "NotVisible", "Delayed"]
    answer = api.call("GetQueueAttributes", QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages" + name for name in names])
    return [int(answer["Attributes"]["ApproximateNumberOfMessages" + name]) for name in names]


def send_all(api, queue, messages):
    """Sends [(group, key)], in order; a group makes it a FIFO queue's."""
    for start in range(0, len(messages), 10):
        entries = []
        for group, key in messages[start : start + 10]:
            fifo = {"MessageGroupId": group, "MessageDeduplicationId": key} if group else {}
            entries.append({"Id": str(len(entries)), "MessageBody": key, **fifo})
        api.call("SendMessageBatch", QueueUrl=queue, Entries=entries)


def fail_all(api, queue):
    """Receives until everything has moved to the dead-letter queue."""
    while sum(counters(api, queue)):
        api.call("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10, VisibilityTimeout=0)


def receive_all(api, queue):
    """Receives and deletes everything; gives [(group, key)] in order."""
    found = []
    while sum(counters(api, queue)):
        answer = api.call("ReceiveMessage", QueueUrl=queue, MaxNumberOfMessages=10, AttributeNames=["MessageGroupId"])
        for message in answer.get("Messages", []):
            found.append((message.get("Attributes", {}).get("MessageGroupId"), message["Body"]))
            api.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    return found
