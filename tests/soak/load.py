"""The soak's own clients, beside those of tests/crash/traffic.py: processes that end with the server, as those do."""

import random
import time

from traffic import (
    SENT_MD5,
    Api,
    Brake,
    Gone,
    Ledger,
    Refused,
    check_md5,
    delete_batch,
    digest,
    filler,
    new_message,
    receive,
)

BODY_BYTES_MAX = 1 << 20
NOISY_SHARE = 0.4  # of the messages, those of one tenant
TENANTS = 50
DELAY_SECONDS_TOO_LONG = 901  # refused
BACKLOG_MAX = 1_000  # visible messages of one queue, about
PURGE_SECONDS = 61  # between two purges of one queue


def body_of_size(chance, key, block):
    """Mostly small, from one byte on; now and then as large as SQS takes, attributes included."""
    dice = chance.random()
    if dice < 0.1:
        return chance.choice(["x", "é", "日", "😀", "\n"])
    if dice < 0.99:
        return new_message(chance, key, block, small=dice < 0.8)["MessageBody"]
    size = chance.randint(200_000, BODY_BYTES_MAX - 4_000)
    return (block * 4).encode()[:size].decode(errors="ignore")


def produce_mixed(endpoint, queues, path, seed, name, stop, delayed=()):
    """Sends to standard queues: one tenant sends much, sizes vary widely, and some entries of batches are refused.

    `delayed`: {queue URL: its own delay}."""
    chance, ledger, api, block, number = random.Random(seed), Ledger(path), Api(endpoint), filler(), 0
    delays, brake = dict(delayed), Brake(api, stop, BACKLOG_MAX)

    def prepare(queue, small):
        nonlocal number
        number += 1
        key = f"{name}-{number}"
        message = new_message(chance, key, block, small=True)
        if not small:
            message["MessageBody"] = body_of_size(chance, key, block)
        delay = delays.get(queue, 0)
        if chance.random() < 0.15:
            delay = message["DelaySeconds"] = chance.randint(0, 12)
        tenant = "noisy" if chance.random() < NOISY_SHARE else chance.choice([None, *(f"t{n}" for n in range(TENANTS))])
        if tenant:
            message["MessageGroupId"] = tenant
        started = time.monotonic()
        known = digest(message["MessageBody"], message["MessageAttributes"], tenant)
        ledger.write("send?", key, queue, known, delay, started, at=started)
        return key, message

    def send_one(queue):
        key, message = prepare(queue, small=False)
        answer = api.call("SendMessage", QueueUrl=queue, **message)
        ledger.write("sent", key, answer["MessageId"])
        check_md5(ledger, key, answer, SENT_MD5, message["MessageBody"], message["MessageAttributes"])

    def send_batch(queue):
        batch = [prepare(queue, small=True) for _ in range(chance.randint(1, 10))]
        refused = chance.randrange(len(batch)) if chance.random() < 0.2 else None
        if refused is not None:
            batch[refused][1]["DelaySeconds"] = DELAY_SECONDS_TOO_LONG
        entries = [{"Id": str(n), **message} for n, (_, message) in enumerate(batch)]
        answer = api.call("SendMessageBatch", QueueUrl=queue, Entries=entries)
        for entry in answer.get("Successful", []):
            key, message = batch[int(entry["Id"])]
            ledger.write("sent", key, entry["MessageId"])
            check_md5(ledger, key, entry, SENT_MD5, message["MessageBody"], message["MessageAttributes"])
        failed = [int(entry["Id"]) for entry in answer.get("Failed", [])]
        for place in failed:
            ledger.write("unsent", batch[place][0])
        if failed != [place for place in [refused] if place is not None]:
            ledger.write("odd", f"a batch send failed: {answer.get('Failed')}, expected {refused}")

    def work():
        queue = chance.choice(queues)
        brake.apply(queue)
        if chance.random() < 0.35:
            send_batch(queue)
        else:
            send_one(queue)

    repeat(work, ledger, name, stop)


def repeat(work, ledger, name, stop):
    """Until the server is gone or the load is to end."""
    try:
        while not stop.is_set():
            work()
    except Gone:
        ledger.write("gone", name)
    except (ValueError, TimeoutError, KeyError) as error:
        ledger.write("odd", f"{name}: {error!r}")
    ledger.close()


def ring(endpoint, queues, path, seed, name, stop):
    """Sends one message after the other, with pauses, to a queue where somebody waits."""
    chance, ledger, api, number = random.Random(seed), Ledger(path), Api(endpoint), 0

    def work():
        nonlocal number
        stop.wait(chance.uniform(0.05, 2.0))
        number += 1
        key = f"{name}-{number}"
        attributes = {"key": {"DataType": "String", "StringValue": key}}
        started = time.monotonic()
        ledger.write("send?", key, queues[0], digest(key, attributes), 0, started, at=started)
        answer = api.call("SendMessage", QueueUrl=queues[0], MessageBody=key, MessageAttributes=attributes)
        ledger.write("sent", key, answer["MessageId"])

    repeat(work, ledger, name, stop)


def wait(endpoint, queues, path, seed, name, stop):
    """Always waits, and deletes what comes."""
    ledger, api = Ledger(path), Api(endpoint)

    def work():
        got = receive(api, ledger, queues[0], visibility=20, wait=10)
        if got:
            delete_batch(api, ledger, queues[0], got)

    repeat(work, ledger, name, stop)


def purge(endpoint, queues, path, seed, name, stop, last):
    """Purges a queue as often as one may. `last`: when that was done last, shared by all processes."""
    chance, ledger, api = random.Random(seed), Ledger(path), Api(endpoint)

    def work():
        stop.wait(chance.uniform(0.2, 3))
        if time.monotonic() - last.value < PURGE_SECONDS or stop.is_set():
            return
        started = time.monotonic()
        ledger.write("purge?", queues[0], at=started)
        try:
            api.call("PurgeQueue", QueueUrl=queues[0])
        except Refused as error:
            # One whose answer was lost has begun the minute.
            if "PurgeQueueInProgress" not in str(error):
                raise
            last.value = started
            return
        last.value = started
        ledger.write("purged", queues[0], started)

    repeat(work, ledger, name, stop)
