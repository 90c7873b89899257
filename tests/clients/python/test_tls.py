"""TLS, and who calls: boto3 or the AWS CLI, over TLS, as each of the profiles of callers.py. See ../README.md."""

import datetime
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import nullcontext
from pathlib import Path
from unittest import mock

import pytest
from on_the_way import OnTheWay

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "soak"))

from jumping_clock import JumpingClock  # noqa: E402

ENDPOINT = os.environ["SLUICE_ENDPOINT"]
FLAVOUR = os.environ["SLUICE_PYTHON_FLAVOUR"]
WINDOW = 15 * 60  # seconds for which a signature is good
MARGIN = 10  # seconds that a request may take, if it is signed so much before its window ends
WRONG = "SignatureDoesNotMatch", 403
UNKNOWN = "InvalidClientTokenId", 403
SHIFTED = pytest.mark.skipif(
    FLAVOUR == "aws-cli" and sys.platform != "linux", reason="only on Linux can a library be put before the C library like this"
)


class Refused(Exception):
    """What a client makes of an answer that is an error: its code, the status, and what it says of it."""


class NoConnection(Exception):
    """What a client says of a server that it does not trust."""


def boto3_call(profile, operation, members, region, authorities, clock, service, change):
    import boto3
    from botocore.exceptions import ClientError, SSLError

    def sign_for_service(request, **_):
        request.context.setdefault("signing", {})["signing_name"] = service

    def change_what_is_sent(request, **_):
        request.body = change(request.headers, request.body)

    client = boto3.Session(profile_name=profile, region_name=region).client("sqs", verify=authorities)
    if service:
        client.meta.events.register("before-sign.sqs", sign_for_service)
    if change:
        client.meta.events.register("before-send.sqs", change_what_is_sent)
    try:
        with signing_time(clock) if clock else nullcontext():
            answer = getattr(client, operation)(**members)
    except ClientError as error:
        error, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise Refused(error["Code"], status, error["Message"]) from None
    except SSLError as error:
        raise NoConnection(error) from None
    answer.pop("ResponseMetadata")
    return answer


def signing_time(clock):
    def shifted(remove_tzinfo=True):
        now = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=clock)
        return now.replace(tzinfo=None) if remove_tzinfo else now

    return mock.patch("botocore.auth.get_current_datetime", shifted)


def aws_cli_call(profile, operation, members, region, authorities, clock, service, change):
    if service:
        change = scoped_for(service)  # it has no way to sign for another one
    if change:
        with OnTheWay(ENDPOINT, change) as proxy:
            return aws_cli(proxy.endpoint, profile, operation, members, region, authorities, clock)
    return aws_cli(ENDPOINT, profile, operation, members, region, authorities, clock)


def aws_cli(endpoint, profile, operation, members, region, authorities, clock):
    more = ["--ca-bundle", authorities] if authorities else []
    # Version 1 knows addresses of SQS by heart and prefers them to the endpoint in the environment.
    told = ["--endpoint-url", endpoint, "--profile", profile, "--region", region, "--output", "json", "--debug", *more]
    command = [os.environ["AWS_CLI"], "sqs", operation.replace("_", "-"), "--cli-input-json", json.dumps(members), *told]
    home = {"HOME": os.path.dirname(os.environ["AWS_SHARED_CREDENTIALS_FILE"])}  # it keeps temporary credentials there
    with tempfile.TemporaryDirectory() as directory:
        environment = shifted_environment(Path(directory), clock) if clock else os.environ
        result = subprocess.run(command, capture_output=True, text=True, timeout=90, env={**environment, **home})
    if result.returncode == 0:
        return json.loads(result.stdout or "{}")
    said = result.stderr.rstrip().rsplit("\n", 1)[-1]
    if said.startswith("SSL validation failed"):
        raise NoConnection(said)
    assert "An error occurred (" in said, said
    code = said.split("(")[1].split(")")[0]
    statuses = [line.split()[-2] for line in result.stderr.splitlines() if '"POST / HTTP/1.1"' in line]
    raise Refused(code, int(statuses[-1]), said)


def shifted_environment(directory, clock):
    """In which a program sees another time of day."""
    shifted = JumpingClock(directory)
    shifted.set(clock)
    return shifted.environment()


def call(profile, operation, region="us-east-1", authorities=None, clock=0, service=None, change=None, **members):
    """`clock`: seconds by which the client's is wrong; `service`: that it signs for; `change`: changes headers, gives the body."""
    made = {"boto3": boto3_call, "aws-cli": aws_cli_call}[FLAVOUR]
    return made(profile, operation, members, region, authorities, clock, service, change)


def refused(profile, operation="create_queue", **how):
    members = {"QueueName": fresh()} if operation == "create_queue" else {}
    with pytest.raises(Refused) as error:
        call(profile, operation, **members, **how)
    return error.value.args


def fresh():
    return f"tls-{uuid.uuid4().hex[:8]}"


# What happens to a request between client and server.


def other_body(_headers, body):
    assert b"tls-" in body
    return body.replace(b"tls-", b"tlt-")


def other_operation(headers, body):
    headers["X-Amz-Target"] = "AmazonSQS.DeleteQueue"
    return body


def dated_now(headers, body):
    headers["X-Amz-Date"] = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    return body


def scoped_for(service):
    def change(headers, body):
        headers["Authorization"] = headers["Authorization"].replace("/sqs/aws4_request", f"/{service}/aws4_request")
        return body

    return change


class Captured:
    """A request that somebody has listened to, and who sends it again in place of another one."""

    def __init__(self):
        self.headers = self.body = None

    def capture(self, headers, body):
        self.headers, self.body = dict(headers), body
        return body

    def replay(self, headers, _body):
        headers.clear()
        headers.update(self.headers)
        return self.body

    def replay_dated_now(self, headers, body):
        return dated_now(headers, self.replay(headers, body))


def test_the_right_key_gets_in():
    url = call("right", "create_queue", QueueName=fresh())["QueueUrl"]
    assert url.startswith(ENDPOINT + "/")
    call("right", "send_message", QueueUrl=url, MessageBody="naïve 😀")
    (message,) = call("temporary", "receive_message", QueueUrl=url, WaitTimeSeconds=10)["Messages"]
    assert message["Body"] == "naïve 😀"
    call("worker", "delete_message", QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])


@pytest.mark.parametrize(
    "profile, region, refusal",
    [
        ("wrong-secret", "us-east-1", WRONG),
        ("right", "eu-west-1", WRONG),
        ("unknown", "us-east-1", UNKNOWN),
        ("inactive", "us-east-1", UNKNOWN),
        ("wrong-token", "us-east-1", UNKNOWN),
        ("reader", "us-east-1", ("AccessDenied", 403)),
    ],
)
def test_others_do_not(profile, region, refusal):
    found = refused(profile, region=region)
    assert found[:2] == refusal, found


@pytest.mark.parametrize(
    "how, said",
    [
        pytest.param({"service": "sns"}, "'sqs'", id="for another service"),
        pytest.param({"clock": -WINDOW - 60}, "Signature expired", id="too long ago", marks=SHIFTED),
        pytest.param({"clock": WINDOW + 60}, "Signature not yet current", id="in the future", marks=SHIFTED),
        pytest.param({"change": other_body}, "does not match", id="another body"),
        pytest.param({"change": other_operation}, "does not match", id="another header"),
    ],
)
def test_what_was_signed_otherwise(how, said):
    found = refused("right", **how)
    assert found[:2] == WRONG and said in found[2], found


@SHIFTED
def test_a_captured_request_once_its_time_is_over():
    captured = Captured()
    call("right", "list_queues", clock=MARGIN - WINDOW, change=captured.capture)
    time.sleep(MARGIN + 2)
    found = refused("right", "list_queues", change=captured.replay)
    assert found[:2] == WRONG and "Signature expired" in found[2], found
    assert refused("right", "list_queues", change=captured.replay_dated_now)[:2] == WRONG


def test_an_authority_that_is_not_trusted():
    with pytest.raises(NoConnection, match="CERTIFICATE_VERIFY_FAILED"):
        call("right", "list_queues", authorities=os.environ["SLUICE_OTHER_AUTHORITY"])
