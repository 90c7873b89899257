"""The numbered scenarios of ../README.md with boto3 and aiobotocore."""

import base64
import hashlib
import json
import threading
import time

import pytest

BODY = "  \r\n\t\"quoted\" 'single' <&> ]]> %41+b=c&d \\ é 日本語 😀 \r "
BODY_MD5 = "0da47c26fbee6f40ab6fdd7e40db41e4"
ATTRIBUTES = {
    "text": {"DataType": "String", "StringValue": 'naïve 😀 <&> "q"'},
    "count": {"DataType": "Number", "StringValue": "42"},
    "raw": {"DataType": "Binary", "BinaryValue": b"\x00\xff\x00\x10\x80"},
    "kind.colour": {"DataType": "String.label", "StringValue": "blue"},
    "kind.size": {"DataType": "Number.int", "StringValue": "7"},
}
ATTRIBUTES_MD5 = "f5bf0ba2bd9e7ede7198025c66483674"
KIND_MD5 = "7b1b768b742a3dbe7ce5c6ea3c345c26"
GARBAGE = "garbage"


def receive(sqs, queue, **arguments):
    return sqs.receive_message(QueueUrl=queue, **arguments).get("Messages", [])


def receive_one(sqs, queue, **arguments):
    messages = receive(sqs, queue, **{"WaitTimeSeconds": 10, **arguments})
    assert len(messages) == 1, messages
    return messages[0]


def receive_count(sqs, queue, wanted, **arguments):
    """Receives until `wanted` messages have come."""
    messages = []
    for _ in range(wanted * 2):
        messages += receive(sqs, queue, WaitTimeSeconds=2, MaxNumberOfMessages=10, **arguments)
        if len(messages) >= wanted:
            break
    assert len(messages) == wanted
    return messages


def attributes(sqs, queue, *names):
    return sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=list(names)).get("Attributes", {})


def test_01_create(sqs, name, refused):
    given = {"VisibilityTimeout": "45", "MaximumMessageSize": "2048"}
    url = sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"]
    assert url.endswith("/" + name)
    assert sqs.create_queue(QueueName=name, Attributes=given)["QueueUrl"] == url
    assert sqs.create_queue(QueueName=name)["QueueUrl"] == url
    with refused("QueueAlreadyExists", sqs.exceptions.QueueNameExists):
        sqs.create_queue(QueueName=name, Attributes={**given, "VisibilityTimeout": "46"})


def test_02_find(sqs, name, refused):
    urls = [sqs.create_queue(QueueName=f"{name}-{n}")["QueueUrl"] for n in range(5)]
    assert sqs.get_queue_url(QueueName=f"{name}-3")["QueueUrl"] == urls[3]
    with refused("AWS.SimpleQueueService.NonExistentQueue", sqs.exceptions.QueueDoesNotExist):
        sqs.get_queue_url(QueueName=f"{name}-absent")

    everything = sqs.list_queues(QueueNamePrefix=name)
    assert everything["QueueUrls"] == urls
    assert "NextToken" not in everything
    pages, token = [], {}
    for _ in range(5):
        page = sqs.list_queues(QueueNamePrefix=name, MaxResults=2, **token)
        pages.append(page["QueueUrls"])
        if "NextToken" not in page:
            break
        token = {"NextToken": page["NextToken"]}
    assert pages == [urls[0:2], urls[2:4], urls[4:5]]
    assert "QueueUrls" not in sqs.list_queues(QueueNamePrefix=f"{name}-absent")


def test_03_tags(sqs, name):
    url = sqs.create_queue(QueueName=name, tags={"team": "red"})["QueueUrl"]
    sqs.tag_queue(QueueUrl=url, Tags={"team": "blue", "empty": "", "ort": "Zürich / 東京"})
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "blue", "empty": "", "ort": "Zürich / 東京"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["empty", "ort", "never there"])
    assert sqs.list_queue_tags(QueueUrl=url)["Tags"] == {"team": "blue"}
    sqs.untag_queue(QueueUrl=url, TagKeys=["team"])
    assert "Tags" not in sqs.list_queue_tags(QueueUrl=url)


def test_04_attributes(sqs, queue, name, refused):
    sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "77", "DelaySeconds": "3"})
    assert attributes(sqs, queue, "VisibilityTimeout", "DelaySeconds") == {"VisibilityTimeout": "77", "DelaySeconds": "3"}
    every = attributes(sqs, queue, "All")
    assert every["VisibilityTimeout"] == "77"
    assert every["MessageRetentionPeriod"] == "345600"
    assert every["MaximumMessageSize"] == "1048576"
    assert every["QueueArn"].startswith("arn:aws:sqs:us-east-1:") and every["QueueArn"].endswith(":" + name)
    assert abs(int(every["CreatedTimestamp"]) - time.time()) < 300
    with refused("InvalidAttributeName", sqs.exceptions.InvalidAttributeName):
        attributes(sqs, queue, "Nonsense")
    with refused("InvalidAttributeName", sqs.exceptions.InvalidAttributeName):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"Nonsense": "1"})
    with refused("InvalidAttributeValue"):
        sqs.set_queue_attributes(QueueUrl=queue, Attributes={"VisibilityTimeout": "43201"})
    assert attributes(sqs, queue, "VisibilityTimeout") == {"VisibilityTimeout": "77"}


def test_05_fidelity(sqs, queue):
    sent = sqs.send_message(QueueUrl=queue, MessageBody=BODY, MessageAttributes=ATTRIBUTES)
    assert sent["MD5OfMessageBody"] == BODY_MD5
    assert sent["MD5OfMessageAttributes"] == ATTRIBUTES_MD5

    plain = receive_one(sqs, queue, VisibilityTimeout=0)
    assert plain["Body"] == BODY
    assert "MessageAttributes" not in plain and "Attributes" not in plain
    some = receive_one(sqs, queue, VisibilityTimeout=0, MessageAttributeNames=["kind.*", "absent"])
    assert some["MessageAttributes"] == {k: v for k, v in ATTRIBUTES.items() if k.startswith("kind.")}
    assert some["MD5OfMessageAttributes"] == KIND_MD5
    whole = receive_one(sqs, queue, MessageAttributeNames=["All"], AttributeNames=["All"])
    assert whole["MessageId"] == sent["MessageId"]
    assert whole["Body"] == BODY
    assert whole["MD5OfBody"] == BODY_MD5
    assert whole["MessageAttributes"] == ATTRIBUTES
    assert whole["MD5OfMessageAttributes"] == ATTRIBUTES_MD5
    assert whole["Attributes"]["ApproximateReceiveCount"] == "3"
    assert abs(int(whole["Attributes"]["SentTimestamp"]) / 1000 - time.time()) < 300
    assert {"SenderId", "ApproximateFirstReceiveTimestamp"} <= whole["Attributes"].keys()


def test_06_delete(sqs, queue, refused):
    sqs.send_message(QueueUrl=queue, MessageBody="once")
    handle = receive_one(sqs, queue, VisibilityTimeout=1)["ReceiptHandle"]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=handle)
    assert receive(sqs, queue, WaitTimeSeconds=2) == []
    with refused("ReceiptHandleIsInvalid", sqs.exceptions.ReceiptHandleIsInvalid, status=404):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=GARBAGE)


def test_07_batch_send_partial_failure(sqs, name):
    queue = sqs.create_queue(QueueName=name, Attributes={"MaximumMessageSize": "1024"})["QueueUrl"]
    answer = sqs.send_message_batch(
        QueueUrl=queue,
        Entries=[
            {"Id": "large", "MessageBody": "x" * 1025},
            {"Id": "good", "MessageBody": BODY, "MessageAttributes": ATTRIBUTES},
            {"Id": "illegal", "MessageBody": "bell \x07"},
        ],
    )
    (good,) = answer["Successful"]
    assert (good["Id"], good["MD5OfMessageBody"], good["MD5OfMessageAttributes"]) == ("good", BODY_MD5, ATTRIBUTES_MD5)
    failed = {entry["Id"]: entry for entry in answer["Failed"]}
    assert {key: entry["Code"] for key, entry in failed.items()} == {
        "large": "InvalidParameterValue",
        "illegal": "InvalidMessageContents",
    }
    assert all(entry["SenderFault"] is True and entry["Message"] for entry in failed.values())
    assert receive_one(sqs, queue)["MessageId"] == good["MessageId"]
    assert receive(sqs, queue) == []


def test_08_batch_delete_and_visibility(sqs, queue):
    entries = [{"Id": str(n), "MessageBody": f"message {n}"} for n in range(3)]
    answer = sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert [entry["Id"] for entry in answer["Successful"]] == ["0", "1", "2"] and "Failed" not in answer
    handles = [message["ReceiptHandle"] for message in receive_count(sqs, queue, 3)]

    answer = sqs.change_message_visibility_batch(
        QueueUrl=queue,
        Entries=[
            {"Id": "back", "ReceiptHandle": handles[0], "VisibilityTimeout": 0},
            {"Id": "bad", "ReceiptHandle": GARBAGE, "VisibilityTimeout": 0},
            {"Id": "keep", "ReceiptHandle": handles[1], "VisibilityTimeout": 100},
        ],
    )
    assert [entry["Id"] for entry in answer["Successful"]] == ["back", "keep"]
    assert [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in answer["Failed"]] == [
        ("bad", "ReceiptHandleIsInvalid", True)
    ]
    handles[0] = receive_one(sqs, queue)["ReceiptHandle"]

    batch = [{"Id": f"h{n}", "ReceiptHandle": handle} for n, handle in enumerate(handles)]
    answer = sqs.delete_message_batch(QueueUrl=queue, Entries=[*batch, {"Id": "bad", "ReceiptHandle": GARBAGE}])
    assert [entry["Id"] for entry in answer["Successful"]] == ["h0", "h1", "h2"]
    assert [(entry["Id"], entry["Code"], entry["SenderFault"]) for entry in answer["Failed"]] == [
        ("bad", "ReceiptHandleIsInvalid", True)
    ]
    counts = attributes(sqs, queue, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
    assert set(counts.values()) == {"0"}


@pytest.mark.parametrize(
    "shape, entries",
    [
        ("EmptyBatchRequest", []),
        ("TooManyEntriesInBatchRequest", [{"Id": str(n), "MessageBody": "x"} for n in range(11)]),
        ("BatchEntryIdsNotDistinct", [{"Id": "same", "MessageBody": "x"}] * 2),
        ("InvalidBatchEntryId", [{"Id": "not valid!", "MessageBody": "x"}]),
    ],
)
def test_09_refused_batches(sqs, queue, refused, shape, entries):
    with refused("AWS.SimpleQueueService." + shape, getattr(sqs.exceptions, shape)):
        sqs.send_message_batch(QueueUrl=queue, Entries=entries)
    assert receive(sqs, queue) == []


def test_10_long_poll_woken(sqs, queue):
    timer = threading.Timer(0.5, lambda: sqs.send_message(QueueUrl=queue, MessageBody="wake up"))
    started = time.monotonic()
    timer.start()
    message = receive_one(sqs, queue, WaitTimeSeconds=20)
    assert time.monotonic() - started < 20
    assert message["Body"] == "wake up"
    timer.join()


def test_11_long_poll_empty(sqs, queue):
    started = time.monotonic()
    assert "Messages" not in sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)
    assert time.monotonic() - started >= 0.9


def test_12_delay(sqs, queue):
    sent = time.monotonic()
    sqs.send_message(QueueUrl=queue, MessageBody="later", DelaySeconds=1)
    delayed = attributes(sqs, queue, "ApproximateNumberOfMessagesDelayed")
    early = receive(sqs, queue)
    if time.monotonic() - sent < 0.9:  # else the machine is too slow for this half to say anything
        assert delayed == {"ApproximateNumberOfMessagesDelayed": "1"}
        assert early == []
    assert (early or [receive_one(sqs, queue)])[0]["Body"] == "later"


def test_13_visibility_timeout(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="again")
    asked = time.monotonic()
    first = receive_one(sqs, queue, VisibilityTimeout=1, AttributeNames=["ApproximateReceiveCount"])
    assert first["Attributes"] == {"ApproximateReceiveCount": "1"}
    hidden = receive(sqs, queue)
    if time.monotonic() - asked < 0.9:
        assert hidden == []
        second = receive_one(sqs, queue, AttributeNames=["ApproximateReceiveCount"])
        assert second["MessageId"] == first["MessageId"]
        assert second["ReceiptHandle"] != first["ReceiptHandle"]
        assert second["Attributes"] == {"ApproximateReceiveCount": "2"}


def test_14_change_visibility(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="back and forth")
    first = receive_one(sqs, queue, VisibilityTimeout=300)
    assert receive(sqs, queue) == []
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=first["ReceiptHandle"], VisibilityTimeout=0)
    second = receive_one(sqs, queue, WaitTimeSeconds=0, VisibilityTimeout=1)
    sqs.change_message_visibility(QueueUrl=queue, ReceiptHandle=second["ReceiptHandle"], VisibilityTimeout=100)
    assert receive(sqs, queue, WaitTimeSeconds=2) == []


def test_15_purge(sqs, queue, refused):
    for n in range(3):
        sqs.send_message(QueueUrl=queue, MessageBody="gone", DelaySeconds=n)
    receive(sqs, queue)
    sqs.purge_queue(QueueUrl=queue)
    assert receive(sqs, queue, WaitTimeSeconds=1) == []
    with refused("AWS.SimpleQueueService.PurgeQueueInProgress", sqs.exceptions.PurgeQueueInProgress, status=403):
        sqs.purge_queue(QueueUrl=queue)
    sqs.send_message(QueueUrl=queue, MessageBody="after")
    assert receive_one(sqs, queue)["Body"] == "after"


def test_16_delete_queue(sqs, queue, name, refused):
    sqs.send_message(QueueUrl=queue, MessageBody="goes with it")
    sqs.delete_queue(QueueUrl=queue)
    with refused("AWS.SimpleQueueService.NonExistentQueue", sqs.exceptions.QueueDoesNotExist):
        sqs.send_message(QueueUrl=queue, MessageBody="too late")
    with refused("AWS.SimpleQueueService.QueueDeletedRecently", sqs.exceptions.QueueDeletedRecently):
        sqs.create_queue(QueueName=name)


def test_17_refusals_without_a_type(sqs, queue, refused):
    with refused("InvalidParameterValue"):
        sqs.send_message(QueueUrl=queue, MessageBody="x", DelaySeconds=901)
    with refused("InvalidParameterValue"):
        sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=11)
    with refused("MissingParameter"):
        sqs.send_message(QueueUrl=queue, MessageBody="")
    with refused("InvalidMessageContents", sqs.exceptions.InvalidMessageContents):
        sqs.send_message(QueueUrl=queue, MessageBody="nul \x00")
    assert receive(sqs, queue) == []


def test_18_fifo(sqs, name, refused):
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    queue = sqs.create_queue(QueueName=name[:70] + ".fifo", Attributes=attributes)["QueueUrl"]

    def send(group, body):
        return sqs.send_message(QueueUrl=queue, MessageBody=body, MessageGroupId=group)

    first = send("a", "a1")
    send("b", "b1")
    again = send("a", "a1")
    assert (again["MessageId"], again["SequenceNumber"]) == (first["MessageId"], first["SequenceNumber"])
    later = [send("a", "a2"), send("a", "a3")]
    numbers = [first["SequenceNumber"]] + [sent["SequenceNumber"] for sent in later]
    assert numbers == sorted(numbers) and {len(number) for number in numbers} == {20}

    two = receive(sqs, queue, MaxNumberOfMessages=2, AttributeNames=["All"])
    assert [message["Body"] for message in two] == ["a1", "a2"]
    digest = hashlib.sha256(b"a1").hexdigest()
    assert two[0]["Attributes"]["MessageDeduplicationId"] == digest
    assert two[0]["Attributes"]["MessageGroupId"] == "a"
    assert [message["Body"] for message in receive(sqs, queue, MaxNumberOfMessages=10)] == ["b1"]
    for message in two:
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    last = receive_one(sqs, queue, VisibilityTimeout=0)
    assert last["Body"] == "a3"
    with refused("InvalidParameterValue"):
        sqs.delete_message(QueueUrl=queue, ReceiptHandle=last["ReceiptHandle"])
    with refused("MissingParameter"):
        sqs.send_message(QueueUrl=queue, MessageBody="x")


def dead_letters(sqs, name, suffix=""):
    """A queue whose messages die at the second receive, and its dead-letter queue."""
    attributes = {"FifoQueue": "true"} if suffix else {}
    dead = sqs.create_queue(QueueName=f"{name[:60]}-dead{suffix}", Attributes=attributes)["QueueUrl"]
    policy = json.dumps({"deadLetterTargetArn": arn(sqs, dead), "maxReceiveCount": 1})
    attributes = {**attributes, "RedrivePolicy": policy}
    return sqs.create_queue(QueueName=f"{name[:60]}{suffix}", Attributes=attributes)["QueueUrl"], dead


def arn(sqs, queue):
    return attributes(sqs, queue, "QueueArn")["QueueArn"]


def let_die(sqs, queue, dead, count):
    """Receives until every message is in the dead-letter queue."""
    deadline = time.monotonic() + 30
    while int(attributes(sqs, dead, "ApproximateNumberOfMessages")["ApproximateNumberOfMessages"]) < count:
        assert time.monotonic() < deadline
        receive(sqs, queue, MaxNumberOfMessages=10, VisibilityTimeout=0)


def newest_task(sqs, source, *statuses):
    """Waits until the newest move task has one of the statuses."""
    deadline = time.monotonic() + 30
    while True:
        (task,) = sqs.list_message_move_tasks(SourceArn=arn(sqs, source))["Results"]
        if task["Status"] in statuses:
            return task
        assert time.monotonic() < deadline, task
        time.sleep(0.05)


@pytest.mark.parametrize("suffix", ["", ".fifo"], ids=["standard", "fifo"])
def test_20_redrive(sqs, name, suffix):
    queue, dead = dead_letters(sqs, name, suffix)
    sent = {}
    for n in range(10):
        fifo = {"MessageGroupId": "g", "MessageDeduplicationId": str(n)} if suffix else {}
        sent[f"m{n}"] = sqs.send_message(QueueUrl=queue, MessageBody=f"m{n}", **fifo)["MessageId"]
    let_die(sqs, queue, dead, 10)
    handle = sqs.start_message_move_task(SourceArn=arn(sqs, dead))["TaskHandle"]
    said = json.loads(base64.b64decode(handle))
    assert said["sourceArn"] == arn(sqs, dead) and set(said) == {"taskId", "sourceArn"}
    task = newest_task(sqs, dead, "COMPLETED")
    assert task["ApproximateNumberOfMessagesMoved"] == task["ApproximateNumberOfMessagesToMove"] == 10
    assert task["SourceArn"] == arn(sqs, dead) and task["StartedTimestamp"] > 1_600_000_000_000
    assert not {"TaskHandle", "DestinationArn", "MaxNumberOfMessagesPerSecond", "FailureReason"} & set(task)
    back = receive_count(sqs, queue, 10, AttributeNames=["All"])
    assert {message["Body"] for message in back} == set(sent)
    if suffix:
        assert [message["Body"] for message in back] == list(sent)
    for message in back:
        assert message["MessageId"] != sent[message["Body"]]
        assert message["Attributes"]["ApproximateReceiveCount"] == "1"
        assert "DeadLetterQueueSourceArn" not in message["Attributes"]


def test_21_redrive_cancelled_and_refused(sqs, name, refused):
    queue, dead = dead_letters(sqs, name)
    for n in range(10):
        sqs.send_message(QueueUrl=dead, MessageBody=f"m{n}")
    source, destination = arn(sqs, dead), arn(sqs, queue)
    started = sqs.start_message_move_task(
        SourceArn=source, DestinationArn=destination, MaxNumberOfMessagesPerSecond=1
    )
    task = newest_task(sqs, dead, "RUNNING")
    assert task["TaskHandle"] == started["TaskHandle"]
    assert (task["DestinationArn"], task["MaxNumberOfMessagesPerSecond"]) == (destination, 1)
    with refused("InvalidParameterValue"):
        sqs.start_message_move_task(SourceArn=source)
    assert sqs.cancel_message_move_task(TaskHandle=started["TaskHandle"])["ApproximateNumberOfMessagesMoved"] < 10
    task = newest_task(sqs, dead, "CANCELLED")
    moved = attributes(sqs, queue, "ApproximateNumberOfMessages")["ApproximateNumberOfMessages"]
    assert int(moved) == task["ApproximateNumberOfMessagesMoved"] < 10
    with refused("AWS.SimpleQueueService.UnsupportedOperation", sqs.exceptions.UnsupportedOperation):
        sqs.cancel_message_move_task(TaskHandle=started["TaskHandle"])
    unknown = base64.b64encode(json.dumps({"taskId": "x", "sourceArn": source}).encode()).decode()
    with refused("ResourceNotFoundException", status=404):
        sqs.cancel_message_move_task(TaskHandle=unknown)
    with refused("InvalidParameterValue"):
        sqs.start_message_move_task(SourceArn=destination)  # no dead-letter queue
    with refused("ResourceNotFoundException", status=404):
        sqs.list_message_move_tasks(SourceArn=source + "-absent")


def test_19_dead_letters(sqs, name):
    dead = sqs.create_queue(QueueName=name + "-dead")["QueueUrl"]
    arn = attributes(sqs, dead, "QueueArn")["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": "2"})
    queue = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
    assert json.loads(attributes(sqs, queue, "RedrivePolicy")["RedrivePolicy"])["maxReceiveCount"] == 2
    assert sqs.list_dead_letter_source_queues(QueueUrl=dead)["queueUrls"] == [queue]

    sent = sqs.send_message(QueueUrl=queue, MessageBody=BODY, MessageAttributes=ATTRIBUTES)
    for count in ["1", "2"]:
        failed = receive_one(sqs, queue, VisibilityTimeout=0, AttributeNames=["All"])
        assert failed["Attributes"]["ApproximateReceiveCount"] == count
        assert "DeadLetterQueueSourceArn" not in failed["Attributes"]
    # Nothing moves before the next receive, which finds it where it was to go.
    assert receive(sqs, dead) == []
    assert receive(sqs, queue) == []
    moved = receive_one(sqs, dead, AttributeNames=["All"], MessageAttributeNames=["All"])
    assert (moved["MessageId"], moved["Body"]) == (sent["MessageId"], BODY)
    assert (moved["MessageAttributes"], moved["MD5OfMessageAttributes"]) == (ATTRIBUTES, ATTRIBUTES_MD5)
    assert moved["Attributes"]["ApproximateReceiveCount"] == "3"
    assert moved["Attributes"]["DeadLetterQueueSourceArn"] == attributes(sqs, queue, "QueueArn")["QueueArn"]
    for kept in ["SentTimestamp", "ApproximateFirstReceiveTimestamp", "SenderId"]:
        assert moved["Attributes"][kept] == failed["Attributes"][kept]
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=failed["ReceiptHandle"])
    sqs.delete_message(QueueUrl=dead, ReceiptHandle=moved["ReceiptHandle"])
    assert receive(sqs, dead, WaitTimeSeconds=1) == []


def test_22_repeated_receive(sqs, name, refused):
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    queue = sqs.create_queue(QueueName=name[:70] + ".fifo", Attributes=attributes)["QueueUrl"]
    for body in ["a1", "a2"]:
        sqs.send_message(QueueUrl=queue, MessageBody=body, MessageGroupId="a")

    first = receive(sqs, queue, MaxNumberOfMessages=10, ReceiveRequestAttemptId="try")
    assert [message["Body"] for message in first] == ["a1", "a2"]
    assert receive(sqs, queue, MaxNumberOfMessages=10, ReceiveRequestAttemptId="another") == []
    assert receive(sqs, queue, MaxNumberOfMessages=10, ReceiveRequestAttemptId="try") == first
    sqs.delete_message(QueueUrl=queue, ReceiptHandle=first[0]["ReceiptHandle"])
    with refused("InvalidParameterValue"):
        receive(sqs, queue, MaxNumberOfMessages=10, ReceiveRequestAttemptId="try")
