"""The clients of the crash test: processes that send, receive, change and delete, and write down what they were promised."""

import hashlib
import http.client
import json
import random
import time
from base64 import b64encode

ANSWER_SECONDS = 30
AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/sqs/aws4_request, SignedHeaders=host, Signature=" + "0" * 64
)
FILLER_CHARACTERS = 'abcdefghijklmnopqrstuvwxyz 0123456789"\\<&>\r\n\téü日😀'
BODY_CHARACTERS_MAX = 150_000  # about 200 KB of UTF-8


class Gone(Exception):
    """The server does not answer any more; the outcome of the call is not known."""


class Api:
    """One connection, AWS JSON."""

    def __init__(self, endpoint):
        host, _, port = endpoint.removeprefix("http://").rpartition(":")
        self.connection = http.client.HTTPConnection(host, int(port), timeout=ANSWER_SECONDS)

    def call(self, action, **members):
        headers = {
            "Content-Type": "application/x-amz-json-1.0",
            "X-Amz-Target": f"AmazonSQS.{action}",
            "Authorization": AUTHORIZATION,
        }
        try:
            self.connection.request("POST", "/", json.dumps(members), headers)
            answer = self.connection.getresponse()
            status, body = answer.status, answer.read()
        except TimeoutError:
            raise  # a server that is there and does not answer is a finding, not a crash
        except (OSError, http.client.HTTPException) as error:
            self.connection.close()
            raise Gone() from error
        if status != 200:
            raise ValueError(f"{action}: {status} {body[:300]!r}")
        return json.loads(body) if body else {}


class Ledger:
    """An append-only file of events; see check.py for their form."""

    def __init__(self, path):
        self.file = open(path, "a", buffering=1 << 16)

    def write(self, kind, *rest, at=None):
        self.file.write(json.dumps([time.monotonic() if at is None else at, kind, *rest]) + "\n")

    def close(self):
        self.file.close()


def digest(body, attributes):
    plain = sorted((name, value.get("StringValue") or value.get("BinaryValue")) for name, value in attributes.items())
    return hashlib.sha256(json.dumps([body, plain]).encode()).hexdigest()


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
        known = digest(message["MessageBody"], message["MessageAttributes"])
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
                if answer["MD5OfMessageBody"] != hashlib.md5(message["MessageBody"].encode()).hexdigest():
                    ledger.write("odd", f"wrong MD5OfMessageBody for {key}")
    except Gone:
        pass
    except (ValueError, TimeoutError, KeyError) as error:
        ledger.write("odd", f"{name}: {error!r}")
    ledger.close()


def receive(api, ledger, queue, visibility, wait):
    """One receive, written down; gives [(message id, handle)]."""
    started = time.monotonic()
    answer = api.call(
        "ReceiveMessage",
        QueueUrl=queue,
        MaxNumberOfMessages=10,
        VisibilityTimeout=visibility,
        WaitTimeSeconds=wait,
        MessageAttributeNames=["All"],
        AttributeNames=["ApproximateReceiveCount"],
    )
    now, got = time.monotonic(), []
    for message in answer.get("Messages", []):
        body, handle = message["Body"], message["ReceiptHandle"]
        known = digest(body, message.get("MessageAttributes", {}))
        count = int(message["Attributes"]["ApproximateReceiveCount"])
        key = body.partition("|")[0][:100]
        ledger.write("received", started, visibility, queue, message["MessageId"], key, known, count, handle, at=now)
        got.append((message["MessageId"], handle))
    return got


def delete_batch(api, ledger, queue, got):
    for message_id, handle in got:
        ledger.write("delete?", message_id, handle)
    entries = [{"Id": str(n), "ReceiptHandle": handle} for n, (_, handle) in enumerate(got)]
    answer = api.call("DeleteMessageBatch", QueueUrl=queue, Entries=entries)
    for entry in answer.get("Successful", []):
        ledger.write("deleted", *got[int(entry["Id"])])
    for entry in answer.get("Failed", []):
        ledger.write("odd", f"batch delete failed: {entry}")


def delete_one(api, ledger, queue, message_id, handle):
    ledger.write("delete?", message_id, handle)
    api.call("DeleteMessage", QueueUrl=queue, ReceiptHandle=handle)
    ledger.write("deleted", message_id, handle)


def change(api, ledger, queue, message_id, handle, timeout):
    started = time.monotonic()
    ledger.write("change?", message_id, handle, timeout, at=started)
    api.call("ChangeMessageVisibility", QueueUrl=queue, ReceiptHandle=handle, VisibilityTimeout=timeout)
    ledger.write("changed", message_id, handle, timeout, started)


def consume(endpoint, queues, path, seed, name, stop):
    chance, ledger, api = random.Random(seed), Ledger(path), Api(endpoint)
    try:
        while not stop.is_set():
            queue = chance.choice(queues)
            got = receive(api, ledger, queue, visibility=chance.choice([2, 5, 20]), wait=chance.choice([0, 0, 1]))
            fates = {"delete": [], "batch": [], "again": [], "later": [], "leave": []}
            for message in got:
                fates[chance.choices(list(fates), weights=[15, 50, 8, 12, 15])[0]].append(message)
            if fates["batch"]:
                delete_batch(api, ledger, queue, fates["batch"])
            for message in fates["delete"]:
                delete_one(api, ledger, queue, *message)
            for message in fates["again"]:
                change(api, ledger, queue, *message, timeout=0)
            for message in fates["later"]:
                change(api, ledger, queue, *message, timeout=chance.randint(1, 25))
    except Gone:
        pass
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
