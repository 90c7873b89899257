"""kombu without Celery: connections, producers and consumers as its documentation shows them."""

import os
import socket
from urllib.parse import quote

import pytest
from kombu import Connection, Consumer, Exchange, Producer, Queue

HOST = os.environ.get("SLUICE_ENDPOINT", "http://127.0.0.1:9324").removeprefix("http://")
KEY_ID, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
BROKER = f"sqs://{KEY_ID}:{quote(SECRET, safe='')}@{HOST}"


@pytest.fixture
def connection(name):
    options = {"region": "us-east-1", "is_secure": False, "wait_time_seconds": 2, "queue_name_prefix": name}
    with Connection(BROKER, transport_options=options) as connection:
        yield connection


def drain(connection, consumer_queue, callback, wanted):
    """Consumes until `wanted` messages came."""
    seen = []

    def handle(body, message):
        seen.append(body)
        callback(message)

    with Consumer(connection, consumer_queue, callbacks=[handle], accept=["json", "pickle", "text/plain"]):
        while len(seen) < wanted:
            connection.drain_events(timeout=30)
    return seen


def test_a_simple_queue(connection, name, counts):
    queue = connection.SimpleQueue("-simple")
    bodies = [{"naïve": "😀 <&>", "number": n} for n in range(5)]
    for body in bodies:
        queue.put(body)
    assert queue.qsize() == 5
    payloads = []
    for _ in bodies:
        message = queue.get(block=True, timeout=30)
        payloads.append(message.payload)
        message.ack()
    assert sorted(payloads, key=lambda payload: payload["number"]) == bodies
    with pytest.raises(queue.Empty):
        queue.get(block=False)
    assert counts(f"{name}-simple") == (0, 0, 0)
    queue.close()


def test_a_producer_and_a_consumer(connection, name, counts):
    exchange = Exchange("-events", type="direct")
    queue = Queue("-events", exchange, routing_key="-events")
    producer = Producer(connection, exchange=exchange, routing_key="-events")
    for number in range(25):
        producer.publish({"number": number}, declare=[queue], serializer="json", compression="zlib")
    seen = drain(connection, queue, lambda message: message.ack(), 25)
    assert sorted(body["number"] for body in seen) == list(range(25))
    assert counts(f"{name}-events") == (0, 0, 0)


def test_message_attributes_travel_outside_the_body(connection, name, sqs):
    queue = Queue("-attributes", routing_key="-attributes")
    attributes = {"tenant": {"DataType": "String", "StringValue": "blue"}}
    Producer(connection).publish("x", routing_key="-attributes", declare=[queue], message_attributes=attributes)
    url = sqs.get_queue_url(QueueName=f"{name}-attributes")["QueueUrl"]
    (message,) = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=10, MessageAttributeNames=["All"])["Messages"]
    assert message["MessageAttributes"] == attributes


def test_a_requeued_message_comes_again(connection, name, counts):
    queue = Queue("-requeue", routing_key="-requeue")
    Producer(connection).publish({"n": 1}, routing_key="-requeue", declare=[queue])
    decisions = iter([lambda message: message.requeue(), lambda message: message.ack()])
    seen = drain(connection, queue, lambda message: next(decisions)(message), 2)
    assert seen == [{"n": 1}, {"n": 1}]
    assert counts(f"{name}-requeue") == (0, 0, 0)


def test_a_rejected_message_is_gone(connection, name, counts):
    queue = Queue("-reject", routing_key="-reject")
    Producer(connection).publish({"n": 1}, routing_key="-reject", declare=[queue])
    drain(connection, queue, lambda message: message.reject(), 1)
    assert counts(f"{name}-reject") == (0, 0, 0)


def test_nothing_comes_from_an_empty_queue(connection):
    queue = Queue("-empty", routing_key="-empty")
    with Consumer(connection, queue, callbacks=[lambda body, message: pytest.fail("a message")]):
        with pytest.raises(socket.timeout):
            connection.drain_events(timeout=1)


def test_a_queue_that_exists_is_found_by_its_url(name, sqs):
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    predefined = {name: {"url": url, "access_key_id": KEY_ID, "secret_access_key": SECRET}}
    options = {"region": "us-east-1", "is_secure": False, "predefined_queues": predefined}
    with Connection(BROKER, transport_options=options) as connection:
        queue = connection.SimpleQueue(name)
        queue.put("by URL")
        message = queue.get(block=True, timeout=30)
        assert message.payload == "by URL"
        message.ack()
        queue.close()
