"""TLS, and who calls: boto3 or the AWS CLI, over TLS, as each of the profiles of callers.py. See ../README.md."""

import json
import os
import subprocess
import uuid

import pytest

ENDPOINT = os.environ["SLUICE_ENDPOINT"]
FLAVOUR = os.environ["SLUICE_PYTHON_FLAVOUR"]
WRONG = "SignatureDoesNotMatch", 403
UNKNOWN = "InvalidClientTokenId", 403


class Refused(Exception):
    """What a client makes of an answer that is an error: its code, the status, and what it says of it."""


class NoConnection(Exception):
    """What a client says of a server that it does not trust."""


def boto3_call(profile, operation, region, authorities, members):
    import boto3
    from botocore.exceptions import ClientError, SSLError

    client = boto3.Session(profile_name=profile, region_name=region).client("sqs", verify=authorities)
    try:
        answer = getattr(client, operation)(**members)
    except ClientError as error:
        error, status = error.response["Error"], error.response["ResponseMetadata"]["HTTPStatusCode"]
        raise Refused(error["Code"], status, error["Message"]) from None
    except SSLError as error:
        raise NoConnection(error) from None
    answer.pop("ResponseMetadata")
    return answer


def aws_cli_call(profile, operation, region, authorities, members):
    more = ["--ca-bundle", authorities] if authorities else []
    # Version 1 knows addresses of SQS by heart and prefers them to the endpoint in the environment.
    told = ["--endpoint-url", ENDPOINT, "--profile", profile, "--region", region, "--output", "json", "--debug", *more]
    command = [os.environ["AWS_CLI"], "sqs", operation.replace("_", "-"), "--cli-input-json", json.dumps(members), *told]
    home = {"HOME": os.path.dirname(os.environ["AWS_SHARED_CREDENTIALS_FILE"])}  # it keeps temporary credentials there
    result = subprocess.run(command, capture_output=True, text=True, timeout=90, env={**os.environ, **home})
    if result.returncode == 0:
        return json.loads(result.stdout or "{}")
    said = result.stderr.rstrip().rsplit("\n", 1)[-1]
    if said.startswith("SSL validation failed"):
        raise NoConnection(said)
    assert "An error occurred (" in said, said
    code = said.split("(")[1].split(")")[0]
    statuses = [line.split()[-2] for line in result.stderr.splitlines() if '"POST / HTTP/1.1"' in line]
    raise Refused(code, int(statuses[-1]), said)


def call(profile, operation, region="us-east-1", authorities=None, **members):
    made = {"boto3": boto3_call, "aws-cli": aws_cli_call}[FLAVOUR]
    return made(profile, operation, region, authorities, members)


def fresh():
    return f"tls-{uuid.uuid4().hex[:8]}"


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
    with pytest.raises(Refused) as refused:
        call(profile, "create_queue", region, QueueName=fresh())
    assert refused.value.args[:2] == refusal, refused.value


def test_an_authority_that_is_not_trusted():
    with pytest.raises(NoConnection, match="CERTIFICATE_VERIFY_FAILED"):
        call("right", "list_queues", authorities=os.environ["SLUICE_OTHER_AUTHORITY"])
