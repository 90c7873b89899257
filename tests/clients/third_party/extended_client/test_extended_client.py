"""The Amazon SQS extended client for Python: large bodies go to S3 (moto's server), pointers to them through the queue."""

import json
import os
import uuid

import boto3
import botocore.session
import pytest
import sqs_extended_client  # noqa: F401, gives boto3's client its new attributes
from moto.server import ThreadedMotoServer

ENDPOINT = os.environ.get("SLUICE_ENDPOINT", "http://127.0.0.1:9324")
LARGE = "naïve 😀 " * 100_000
LIMIT = 1024 * 1024


@pytest.fixture(scope="session", autouse=True)
def s3():
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    os.environ["AWS_ENDPOINT_URL_S3"] = f"http://{host}:{port}"
    yield boto3.client("s3", region_name="us-east-1")
    server.stop()


@pytest.fixture
def client(s3):
    client = boto3.client("sqs", region_name="us-east-1", endpoint_url=ENDPOINT)
    client.large_payload_support = f"bucket-{uuid.uuid4().hex[:8]}"
    client.delete_payload_from_s3 = True
    s3.create_bucket(Bucket=client.large_payload_support)
    return client


@pytest.fixture
def sqs():
    """A client that knows nothing of S3: the extended client takes all of boto3, but not botocore."""
    return botocore.session.get_session().create_client("sqs", region_name="us-east-1", endpoint_url=ENDPOINT)


@pytest.fixture
def queue(client, name):
    return client.create_queue(QueueName=name)["QueueUrl"]


def keys(s3, client):
    return [entry["Key"] for entry in s3.list_objects_v2(Bucket=client.large_payload_support).get("Contents", [])]


def receive(client, queue, **more):
    (message,) = client.receive_message(QueueUrl=queue, WaitTimeSeconds=10, **more)["Messages"]
    return message


@pytest.mark.parametrize("legacy", [False, True])
def test_a_large_body_goes_through_s3_and_a_pointer_through_the_queue(client, queue, sqs, s3, legacy):
    client.use_legacy_attribute = legacy
    attribute = "SQSLargePayloadSize" if legacy else "ExtendedPayloadSize"
    colour = {"colour": {"DataType": "String", "StringValue": "blue"}}
    client.send_message(QueueUrl=queue, MessageBody=LARGE, MessageAttributes=dict(colour))

    # What is on the queue, as a consumer without the extended client sees it.
    plain = receive(sqs, queue, MessageAttributeNames=["All"], VisibilityTimeout=0)
    (key,) = keys(s3, client)
    pointer = json.loads(plain["Body"])
    assert pointer[0].endswith("S3Pointer")
    assert pointer[1] == {"s3BucketName": client.large_payload_support, "s3Key": key}
    size = {"DataType": "Number", "StringValue": str(len(LARGE.encode()))}
    assert plain["MessageAttributes"] == {**colour, attribute: size}

    # What its own consumer sees; it asks for the reserved attribute by name.
    message = receive(client, queue, MessageAttributeNames=["colour"])
    assert message["Body"] == LARGE
    assert message["MessageAttributes"] == colour
    client.change_message_visibility(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0)
    message = receive(client, queue)
    client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert keys(s3, client) == []
    assert "Messages" not in sqs.receive_message(QueueUrl=queue)


def test_a_small_body_stays_on_the_queue(client, queue, sqs, s3):
    client.send_message(QueueUrl=queue, MessageBody="small")
    message = receive(client, queue)
    assert message["Body"] == "small"
    client.delete_message(QueueUrl=queue, ReceiptHandle=message["ReceiptHandle"])
    assert keys(s3, client) == []


def test_always_through_s3_and_batches(client, queue, sqs, s3):
    client.always_through_s3 = True
    bodies = [f"message {number}" for number in range(10)]
    entries = [{"Id": str(number), "MessageBody": body} for number, body in enumerate(bodies)]
    assert len(client.send_message_batch(QueueUrl=queue, Entries=entries)["Successful"]) == 10
    assert len(keys(s3, client)) == 10
    messages = []
    while len(messages) < 10:
        messages += client.receive_message(QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=10)["Messages"]
    assert sorted(message["Body"] for message in messages) == bodies
    handles = [{"Id": str(n), "ReceiptHandle": m["ReceiptHandle"]} for n, m in enumerate(messages)]
    hidden = [{**handle, "VisibilityTimeout": 100} for handle in handles]
    assert len(client.change_message_visibility_batch(QueueUrl=queue, Entries=hidden)["Successful"]) == 10
    assert len(client.delete_message_batch(QueueUrl=queue, Entries=handles)["Successful"]) == 10
    assert keys(s3, client) == []


def test_a_body_at_the_servers_limit_needs_no_s3(sqs, name):
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.send_message(QueueUrl=queue, MessageBody="x" * LIMIT)
    assert receive(sqs, queue)["Body"] == "x" * LIMIT
    with pytest.raises(sqs.exceptions.ClientError, match="InvalidParameterValue"):
        sqs.send_message(QueueUrl=queue, MessageBody="x" * (LIMIT + 1))
