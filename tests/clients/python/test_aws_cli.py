"""The scenarios of ../README.md as a user of the AWS CLI would type them, in as few calls as possible."""

import json
import os
import subprocess
import threading
import uuid

import pytest

AWS = os.environ.get("AWS_CLI", "aws")
ENDPOINT = os.environ["SLUICE_ENDPOINT"]
BODY = "  \"quoted\" 'single' <&> ]]> %41+b=c&d \\ é 日本語 😀 "


def aws(*arguments, fails=None):
    """Runs `aws sqs …`; gives the parsed output, or expects the named error."""
    command = [AWS, "sqs", *arguments, "--endpoint-url", ENDPOINT, "--output", "json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=90)
    if fails:
        assert result.returncode != 0, f"expected {fails}, but the call succeeded"
        assert f"({fails})" in result.stderr, result.stderr
        return None
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout) if result.stdout.strip() else {}


@pytest.fixture
def name():
    return f"cli-{uuid.uuid4().hex[:8]}"


def test_01_to_04_queues(name):
    create = ["create-queue", "--queue-name", name, "--attributes", "VisibilityTimeout=45", "--tags", "team=red"]
    url = aws(*create)["QueueUrl"]
    assert aws(*create)["QueueUrl"] == url
    aws("create-queue", "--queue-name", name, "--attributes", "VisibilityTimeout=46", fails="QueueAlreadyExists")
    assert aws("get-queue-url", "--queue-name", name) == {"QueueUrl": url}
    aws("get-queue-url", "--queue-name", name + "-absent", fails="AWS.SimpleQueueService.NonExistentQueue")
    assert aws("list-queues", "--queue-name-prefix", name) == {"QueueUrls": [url]}
    assert aws("list-queue-tags", "--queue-url", url) == {"Tags": {"team": "red"}}
    aws("set-queue-attributes", "--queue-url", url, "--attributes", "VisibilityTimeout=77,DelaySeconds=0")
    shown = aws("get-queue-attributes", "--queue-url", url, "--attribute-names", "All")["Attributes"]
    assert (shown["VisibilityTimeout"], shown["DelaySeconds"]) == ("77", "0")
    aws("get-queue-attributes", "--queue-url", url, "--attribute-names", "Nonsense", fails="InvalidAttributeName")


def test_05_06_10_messages(name):
    url = aws("create-queue", "--queue-name", name)["QueueUrl"]
    attributes = json.dumps(
        {
            "colour": {"DataType": "String", "StringValue": "naïve 😀"},
            "raw": {"DataType": "Binary", "BinaryValue": "plain"},
        }
    )
    sent = {}

    def send():
        sent.update(aws("send-message", "--queue-url", url, "--message-body", BODY, "--message-attributes", attributes))

    sender = threading.Thread(target=send)
    sender.start()
    receive = ["receive-message", "--queue-url", url, "--wait-time-seconds", "20"]
    (message,) = aws(*receive, "--message-attribute-names", "All", "--attribute-names", "All")["Messages"]
    sender.join()
    assert message["MessageId"] == sent["MessageId"]
    assert message["Body"] == BODY
    assert message["MD5OfBody"] == sent["MD5OfMessageBody"]
    assert message["MD5OfMessageAttributes"] == sent["MD5OfMessageAttributes"]
    assert message["MessageAttributes"]["raw"] == {"DataType": "Binary", "BinaryValue": "cGxhaW4="}  # how v1 takes and shows bytes
    assert message["MessageAttributes"]["colour"]["StringValue"] == "naïve 😀"
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    handle = ["--queue-url", url, "--receipt-handle", message["ReceiptHandle"]]
    aws("change-message-visibility", *handle, "--visibility-timeout", "0")
    assert len(aws(*receive)["Messages"]) == 1
    aws("delete-message", *handle)
    aws("delete-message", "--queue-url", url, "--receipt-handle", "garbage", fails="ReceiptHandleIsInvalid")


def test_07_to_09_batches(name):
    url = aws("create-queue", "--queue-name", name, "--attributes", "MaximumMessageSize=1024")["QueueUrl"]
    send = ["send-message-batch", "--queue-url", url, "--entries"]
    answer = aws(*send, json.dumps([{"Id": "good", "MessageBody": "x"}, {"Id": "large", "MessageBody": "x" * 1025}]))
    assert [entry["Id"] for entry in answer["Successful"]] == ["good"]
    assert [(entry["Id"], entry["Code"]) for entry in answer["Failed"]] == [("large", "InvalidParameterValue")]
    aws(*send, "[]", fails="AWS.SimpleQueueService.EmptyBatchRequest")
    aws(*send, json.dumps([{"Id": "a", "MessageBody": "x"}] * 2), fails="AWS.SimpleQueueService.BatchEntryIdsNotDistinct")


def test_15_16_purge_and_delete(name):
    url = aws("create-queue", "--queue-name", name)["QueueUrl"]
    aws("send-message", "--queue-url", url, "--message-body", "gone")
    aws("purge-queue", "--queue-url", url)
    assert "Messages" not in aws("receive-message", "--queue-url", url)
    aws("purge-queue", "--queue-url", url, fails="AWS.SimpleQueueService.PurgeQueueInProgress")
    aws("delete-queue", "--queue-url", url)
    aws("send-message", "--queue-url", url, "--message-body", "x", fails="AWS.SimpleQueueService.NonExistentQueue")
    aws("create-queue", "--queue-name", name, fails="AWS.SimpleQueueService.QueueDeletedRecently")


def run(*arguments):
    command = [AWS, *arguments, "--endpoint-url", ENDPOINT, "--output", "json"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=90)
    assert result.returncode == 0, result.stderr
    return json.loads(result.stdout) if result.stdout.strip() else {}


def test_audit(name):
    aws("create-queue", "--queue-name", name)
    by_name = f"AttributeKey=ResourceName,AttributeValue={name}"
    (event,) = run("cloudtrail", "lookup-events", "--lookup-attributes", by_name)["Events"]
    assert (event["EventName"], event["EventSource"]) == ("CreateQueue", "sqs.amazonaws.com")
    record = json.loads(event["CloudTrailEvent"])
    assert record["requestParameters"] == {"queueName": name}


def test_identities(name):
    account = run("sts", "get-caller-identity")["Account"]
    user = run("iam", "create-user", "--user-name", name, "--tags", "Key=team,Value=red")["User"]
    assert user["Arn"] == f"arn:aws:iam::{account}:user/{name}"
    key = run("iam", "create-access-key", "--user-name", name)["AccessKey"]
    policy = "arn:aws:iam::aws:policy/AmazonSQSFullAccess"
    run("iam", "attach-user-policy", "--user-name", name, "--policy-arn", policy)
    attached = run("iam", "list-attached-user-policies", "--user-name", name)["AttachedPolicies"]
    assert attached == [{"PolicyName": "AmazonSQSFullAccess", "PolicyArn": policy}]
    assert run("sts", "get-access-key-info", "--access-key-id", key["AccessKeyId"]) == {"Account": account}
