"""boto3's and aioboto3's resource API: queues and messages as objects."""

import asyncio
import os

import aioboto3
import boto3
import pytest

ENDPOINT = os.environ.get("SLUICE_ENDPOINT", "http://127.0.0.1:9324")


@pytest.fixture
def resource():
    return boto3.resource("sqs", region_name="us-east-1", endpoint_url=ENDPOINT)


def test_a_message_is_an_object(resource, name):
    queue = resource.create_queue(QueueName=name, Attributes={"VisibilityTimeout": "30"}, tags={"team": "shop"})
    assert queue.attributes["VisibilityTimeout"] == "30"
    assert queue.attributes["QueueArn"].endswith(f":{name}")
    queue.set_attributes(Attributes={"DelaySeconds": "0", "VisibilityTimeout": "60"})
    queue.reload()
    assert queue.attributes["VisibilityTimeout"] == "60"

    attributes = {"colour": {"DataType": "String", "StringValue": "blue"}}
    sent = queue.send_message(MessageBody="hello", MessageAttributes=attributes)
    (message,) = queue.receive_messages(WaitTimeSeconds=10, MessageAttributeNames=["All"], AttributeNames=["All"])
    assert (message.message_id, message.body, message.md5_of_body) == (sent["MessageId"], "hello", sent["MD5OfMessageBody"])
    assert message.message_attributes == attributes
    assert message.attributes["ApproximateReceiveCount"] == "1"
    assert message.Queue() == queue

    message.change_visibility(VisibilityTimeout=0)
    (again,) = queue.receive_messages(WaitTimeSeconds=10)
    assert again.message_id == sent["MessageId"]
    resource.Message(queue.url, again.receipt_handle).delete()
    queue.load()
    assert queue.attributes["ApproximateNumberOfMessagesNotVisible"] == "0"
    queue.delete()


def test_batches(resource, name):
    queue = resource.create_queue(QueueName=name)
    entries = [{"Id": str(number), "MessageBody": f"message {number}"} for number in range(10)]
    assert len(queue.send_messages(Entries=entries)["Successful"]) == 10
    messages = []
    while len(messages) < 10:
        messages += queue.receive_messages(MaxNumberOfMessages=10, WaitTimeSeconds=10)
    assert sorted(message.body for message in messages) == [f"message {number}" for number in range(10)]
    visibility = [{"Id": str(n), "ReceiptHandle": m.receipt_handle, "VisibilityTimeout": 100} for n, m in enumerate(messages)]
    assert len(queue.change_message_visibility_batch(Entries=visibility)["Successful"]) == 10
    handles = [{"Id": str(n), "ReceiptHandle": m.receipt_handle} for n, m in enumerate(messages)]
    assert len(queue.delete_messages(Entries=handles)["Successful"]) == 10
    assert queue.receive_messages() == []


def test_collections_go_through_all_pages(resource, name):
    urls = [resource.create_queue(QueueName=f"{name}-{number:02}").url for number in range(25)]
    assert sorted(queue.url for queue in resource.queues.filter(QueueNamePrefix=name, MaxResults=10)) == urls
    assert len(list(resource.queues.filter(QueueNamePrefix=name).limit(5))) == 5
    assert resource.get_queue_by_name(QueueName=f"{name}-07").url == urls[7]
    with pytest.raises(resource.meta.client.exceptions.QueueDoesNotExist):
        resource.get_queue_by_name(QueueName=f"{name}-none")


def test_sources_of_a_dead_letter_queue(resource, name):
    dead = resource.create_queue(QueueName=f"{name}-dead")
    policy = f'{{"deadLetterTargetArn":"{dead.attributes["QueueArn"]}","maxReceiveCount":"2"}}'
    source = resource.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})
    assert [queue.url for queue in dead.dead_letter_source_queues.all()] == [source.url]


def test_permissions(resource, name):
    queue = resource.create_queue(QueueName=name)
    queue.add_permission(Label="readers", AWSAccountIds=["123456789012"], Actions=["ReceiveMessage"])
    queue.reload()
    assert '"Sid":"readers"' in queue.attributes["Policy"]
    queue.remove_permission(Label="readers")


def test_aioboto3_messages(name):
    async def story():
        session = aioboto3.Session()
        async with session.resource("sqs", region_name="us-east-1", endpoint_url=ENDPOINT) as resource:
            queue = await resource.create_queue(QueueName=name)
            waiting = asyncio.create_task(queue.receive_messages(WaitTimeSeconds=20, MaxNumberOfMessages=1))
            await asyncio.gather(*(queue.send_message(MessageBody=f"message {number}") for number in range(100)))
            messages = await waiting
            assert len(messages) == 1, "the waiting receive was not woken"
            while len(messages) < 100:
                messages += await queue.receive_messages(WaitTimeSeconds=10, MaxNumberOfMessages=10)
            bodies = [await message.body for message in messages]
            assert sorted(bodies) == sorted(f"message {number}" for number in range(100))
            await asyncio.gather(*(message.delete() for message in messages))
            await queue.load()
            assert (await queue.attributes)["ApproximateNumberOfMessagesNotVisible"] == "0"
            assert [queue.url async for queue in resource.queues.filter(QueueNamePrefix=name)] == [queue.url]

    asyncio.run(story())


def test_aioboto3_pages(name):
    async def story():
        session = aioboto3.Session()
        async with session.client("sqs", region_name="us-east-1", endpoint_url=ENDPOINT) as client:
            urls = [(await client.create_queue(QueueName=f"{name}-{number}"))["QueueUrl"] for number in range(5)]
            pages = client.get_paginator("list_queues").paginate(QueueNamePrefix=name, PaginationConfig={"PageSize": 2})
            sizes, found = [], []
            async for page in pages:
                sizes.append(len(page["QueueUrls"]))
                found += page["QueueUrls"]
            assert (sizes, found) == ([2, 2, 1], urls)

    asyncio.run(story())
