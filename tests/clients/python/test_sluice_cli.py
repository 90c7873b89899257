"""The commands `sluice queues` and `sluice messages`, by their output and exit codes (`sluice --help` lists the codes)."""

import base64
import json
import os
import subprocess
import uuid

import pytest

BINARY = os.environ.get("SLUICE_BINARY", "sluice")
ENDPOINT = os.environ.get("SLUICE_ENDPOINT", "http://127.0.0.1:9324")
REFUSED, USAGE, UNREACHABLE = 1, 2, 3


def sluice(*arguments, stdin="", code=0, endpoint=ENDPOINT):
    """Runs a command and checks its exit code; gives (stdout, stderr)."""
    command = [BINARY, *arguments] + (["--endpoint", endpoint] if endpoint else [])
    result = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=60)
    assert result.returncode == code, (result.returncode, result.stdout, result.stderr)
    assert "panicked" not in result.stderr
    if code:
        assert result.stdout == "" and result.stderr
    return result.stdout, result.stderr


def in_json(*arguments, **more):
    return json.loads(sluice(*arguments, "--output", "json", **more)[0])


@pytest.fixture
def name():
    return f"commands-{uuid.uuid4().hex[:8]}"


@pytest.fixture
def queue(name):
    sluice("queues", "create", name)
    return name


def test_create_list_describe(name):
    created, _ = sluice("queues", "create", name, "--attribute", "VisibilityTimeout=60", "--tag", "team=billing")
    url = created.strip()
    assert url == f"{ENDPOINT}/000000000000/{name}"
    assert in_json("queues", "create", name) == {"QueueUrl": url}
    assert sluice("queues", "list", "--prefix", name)[0] == url + "\n"
    assert in_json("queues", "list", "--prefix", name) == {"QueueUrls": [url]}
    assert in_json("queues", "list", "--prefix", "no-such-prefix") == {"QueueUrls": []}
    described = in_json("queues", "describe", name)
    assert described["QueueUrl"] == url
    assert described["Attributes"]["VisibilityTimeout"] == "60"
    assert described["Tags"] == {"team": "billing"}
    text, _ = sluice("queues", "describe", url)  # a URL does as well as a name
    assert ["VisibilityTimeout", "60"] in [line.split() for line in text.splitlines()]
    _, complaint = sluice("queues", "create", name, "--attribute", "VisibilityTimeout=61", code=REFUSED)
    assert "VisibilityTimeout" in complaint


def test_send_receive_delete(queue):
    sent, _ = sluice("messages", "send", queue, "héllo 😀", "--attribute", "kind=String:greeting")
    received = in_json("messages", "receive", queue, "--wait", "10")
    (message,) = received["Messages"]
    assert message["MessageId"] == sent.strip()
    assert message["Body"] == "héllo 😀"
    assert message["MessageAttributes"] == {"kind": {"DataType": "String", "StringValue": "greeting"}}
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"
    assert in_json("messages", "receive", queue) == {}
    sluice("messages", "delete", queue, message["ReceiptHandle"])
    counts = in_json("queues", "describe", queue)["Attributes"]
    assert counts["ApproximateNumberOfMessages"] == counts["ApproximateNumberOfMessagesNotVisible"] == "0"
    _, complaint = sluice("messages", "delete", queue, "garbage", code=REFUSED)
    assert "ReceiptHandleIsInvalid" in complaint


def test_body_from_stdin_and_binary_attributes(queue):
    body = "two\r\nlines, and a last one without an end"
    value = base64.b64encode(bytes([0, 255, 16])).decode()
    sent = in_json("messages", "send", queue, "-", "--attribute", f"raw=Binary:{value}", stdin=body)
    text, _ = sluice("messages", "receive", queue, "--wait", "10", "--delete")
    assert sent["MessageId"] in text and text.endswith(body.replace("\r\n", "\n") + "\n")  # text mode folds the line end
    assert f"Binary:{value}" in text
    assert in_json("queues", "describe", queue)["Attributes"]["ApproximateNumberOfMessagesNotVisible"] == "0"


def test_receive_several_at_once(queue):
    for n in range(3):
        sluice("messages", "send", queue, f"message {n}", "--delay", "0")
    bodies = set()
    for _ in range(6):
        answer = in_json("messages", "receive", queue, "--max", "10", "--visibility", "600", "--wait", "1")
        bodies |= {message["Body"] for message in answer.get("Messages", [])}
        if len(bodies) == 3:
            break
    assert bodies == {"message 0", "message 1", "message 2"}


def test_peek_receives_nothing(queue):
    sluice("messages", "send", queue, "look, do not touch")
    for _ in range(2):
        (message,) = in_json("messages", "peek", queue)["Messages"]
        assert message["Body"] == "look, do not touch"
    (message,) = in_json("messages", "receive", queue, "--wait", "10")["Messages"]
    assert message["Attributes"]["ApproximateReceiveCount"] == "1"


def test_purge_and_delete(queue):
    sluice("messages", "send", queue, "gone")
    _, complaint = sluice("queues", "purge", queue, code=USAGE)  # stdin is no terminal, so nobody can be asked
    assert "--yes" in complaint
    sluice("queues", "purge", queue, "--yes")
    assert in_json("messages", "receive", queue) == {}
    _, complaint = sluice("queues", "purge", queue, "--yes", code=REFUSED)
    assert "PurgeQueueInProgress" in complaint
    sluice("queues", "delete", queue, "--yes")
    _, complaint = sluice("messages", "send", queue, "too late", code=REFUSED)
    assert "QueueDoesNotExist" in complaint or "does not exist" in complaint


def test_redrive(queue):
    dead = queue + "-dead"
    sluice("queues", "create", dead)
    arn = in_json("queues", "describe", dead)["Attributes"]["QueueArn"]
    policy = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": 1})
    sluice("queues", "create", queue + "-source", "--attribute", f"RedrivePolicy={policy}")
    for n in range(10):
        sluice("messages", "send", dead, f"message {n}")
    _, complaint = sluice("queues", "redrive", "start", queue, code=REFUSED)
    assert "Dead Letter Queue" in complaint
    handle, _ = sluice("queues", "redrive", "start", dead, "--to", queue, "--rate", "1")
    (task,) = in_json("queues", "redrive", "show", dead)["Results"]
    assert (task["Status"], task["TaskHandle"]) == ("RUNNING", handle.strip())
    assert "messages were moved" in sluice("queues", "redrive", "cancel", dead)[0]
    _, complaint = sluice("queues", "redrive", "cancel", dead, code=REFUSED)
    assert "no move task is running" in complaint
    text, _ = sluice("queues", "redrive", "show", dead)
    assert text.splitlines()[1].split()[0] in ("CANCELLING", "CANCELLED")


@pytest.mark.parametrize(
    "arguments, said",
    [
        (["queues", "lst"], "lst"),
        (["queues", "create", "x", "--colour", "red"], "--colour"),
        (["queues", "create", "x", "--attribute", "VisibilityTimeout"], "name=value"),
        (["messages", "send", "x", "y", "--delay", "soon"], "soon"),
        (["messages", "send", "x", "y", "--attribute", "a=Text:b"], "String, Number or Binary"),
        (["messages", "receive"], "QUEUE"),
        (["queues", "list", "--output", "yaml"], "yaml"),
    ],
)
def test_wrong_usage_names_what_is_wrong(arguments, said):
    _, complaint = sluice(*arguments, code=USAGE)
    assert said in complaint


@pytest.mark.parametrize("endpoint", ["127.0.0.1:9324", "ftp://127.0.0.1", "http://127.0.0.1/queue"])
def test_wrong_endpoint_is_wrong_usage(endpoint):
    _, complaint = sluice("queues", "list", endpoint=endpoint, code=USAGE)
    assert endpoint in complaint


def test_nobody_there():
    _, complaint = sluice("queues", "list", endpoint="http://127.0.0.1:9", code=UNREACHABLE)
    assert "127.0.0.1:9" in complaint


def test_help_and_version():
    for arguments in [["--help"], ["queues", "--help"], ["messages", "send", "--help"], ["--version"]]:
        assert "sluice" in sluice(*arguments, endpoint=None)[0]
    sluice(endpoint=None, code=USAGE)
