"""What takes days on SQS, in milliseconds: the server runs on a virtual clock (`sluice dev --clock virtual`), set forward here."""

import json
import os
import threading
import urllib.error
import urllib.request

import pytest

ENDPOINT = os.environ.get("SLUICE_ENDPOINT", "http://127.0.0.1:9324")
SECOND, MINUTE, DAY = 1_000, 60_000, 86_400_000


def admin(path, body=None):
    """Calls the admin API: POST with a body, else GET."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{ENDPOINT}/_sluice/{path}", data, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def advance(ms):
    return admin("clock", {"advance_ms": ms})["now_ms"]


def bodies(answer):
    return [message["Body"] for message in answer.get("Messages", [])]


@pytest.fixture
def fifo(sqs, name):
    attributes = {"FifoQueue": "true", "ContentBasedDeduplication": "true"}
    return sqs.create_queue(QueueName=f"{name}.fifo", Attributes=attributes)["QueueUrl"]


def test_a_deduplication_window_of_five_minutes(sqs, fifo):
    def send():
        return sqs.send_message(QueueUrl=fifo, MessageBody="once", MessageGroupId="g")["MessageId"]

    first = send()
    [message] = sqs.receive_message(QueueUrl=fifo)["Messages"]
    sqs.delete_message(QueueUrl=fifo, ReceiptHandle=message["ReceiptHandle"])
    advance(5 * MINUTE - 1)
    assert send() == first, "within the window it is a duplicate"
    assert bodies(sqs.receive_message(QueueUrl=fifo)) == []
    advance(1)
    assert send() != first, "after the window it is new"
    assert bodies(sqs.receive_message(QueueUrl=fifo)) == ["once"]


def test_a_retention_of_four_days(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="old")
    advance(2 * DAY)
    sqs.send_message(QueueUrl=queue, MessageBody="young")
    advance(2 * DAY)
    assert bodies(sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10)) == ["young"]


def test_timestamps_are_those_of_the_clock(sqs, name):
    now = admin("clock")["now_ms"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["CreatedTimestamp"])["Attributes"]
    assert int(attributes["CreatedTimestamp"]) == now // 1000
    sqs.send_message(QueueUrl=url, MessageBody="m")
    later = advance(DAY)
    [message] = sqs.receive_message(QueueUrl=url, MessageSystemAttributeNames=["All"])["Messages"]
    assert int(message["Attributes"]["SentTimestamp"]) == now
    assert int(message["Attributes"]["ApproximateFirstReceiveTimestamp"]) == later


def test_dead_letters_after_visibility_timeouts_of_hours(sqs, name):
    dead = sqs.create_queue(QueueName=f"{name}-dead")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 2})
    attributes = {"VisibilityTimeout": "43200", "RedrivePolicy": policy}
    url = sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
    sqs.send_message(QueueUrl=url, MessageBody="poison")
    for _ in range(2):
        assert bodies(sqs.receive_message(QueueUrl=url)) == ["poison"]
        advance(43_200 * SECOND)
    assert bodies(sqs.receive_message(QueueUrl=url)) == []
    assert bodies(sqs.receive_message(QueueUrl=dead)) == ["poison"]


def test_a_waiting_receive_gets_what_an_advance_makes_visible(sqs, queue):
    sqs.send_message(QueueUrl=queue, MessageBody="delayed", DelaySeconds=900)
    found = []
    waiting = threading.Thread(
        target=lambda: found.extend(bodies(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=20)))
    )
    waiting.start()
    advance(900 * SECOND)
    waiting.join()
    assert found == ["delayed"]


def test_a_waiting_receive_also_ends_in_real_time(sqs, queue):
    assert bodies(sqs.receive_message(QueueUrl=queue, WaitTimeSeconds=1)) == []


def test_locks_of_sixty_seconds(sqs, queue, name, refused):
    sqs.purge_queue(QueueUrl=queue)
    with refused("AWS.SimpleQueueService.PurgeQueueInProgress", status=403):
        sqs.purge_queue(QueueUrl=queue)
    advance(MINUTE)
    sqs.purge_queue(QueueUrl=queue)
    sqs.delete_queue(QueueUrl=queue)
    with refused("AWS.SimpleQueueService.QueueDeletedRecently"):
        sqs.create_queue(QueueName=name)
    advance(MINUTE)
    sqs.create_queue(QueueName=name)


def test_a_reset_leaves_the_declared_queues_alone_and_empty(sqs, queue, name):
    declared = sqs.get_queue_url(QueueName="declared")["QueueUrl"]
    sqs.send_message(QueueUrl=declared, MessageBody="m")
    assert admin("reset", {})["created"] == 1
    assert sqs.list_queues()["QueueUrls"] == [declared]
    assert bodies(sqs.receive_message(QueueUrl=declared)) == []
    sqs.create_queue(QueueName=name)


def test_a_web_page_cannot_reset(sqs, queue):
    for headers in [{"Content-Type": "text/plain"}, {"Content-Type": "application/json", "Origin": "http://localhost"}]:
        request = urllib.request.Request(f"{ENDPOINT}/_sluice/reset", b"{}", headers)
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=60)
        assert caught.value.code in (403, 415)
    assert queue in sqs.list_queues()["QueueUrls"]
