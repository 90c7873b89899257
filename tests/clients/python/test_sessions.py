"""Temporary credentials end: by the clock of the server, which the test sets forward. See ../README.md."""

import json
import os
import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError

ENDPOINT = os.environ["SLUICE_ENDPOINT"]
SHORTEST = 900  # seconds that a session may last at least
TRUST = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}}


def client(service, **keys):
    return boto3.client(service, region_name="us-east-1", endpoint_url=ENDPOINT, **keys)


def advance(seconds):
    body = json.dumps({"advance_ms": seconds * 1000}).encode()
    request = urllib.request.Request(ENDPOINT + "/_sluice/clock", body, {"Content-Type": "application/json"})
    urllib.request.urlopen(request, timeout=30).close()


@pytest.fixture
def role(name):
    iam = client("iam")
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    iam.attach_role_policy(RoleName=name, PolicyArn="arn:aws:iam::aws:policy/AmazonSQSFullAccess")
    user = iam.create_user(UserName=name)["User"]["UserName"]
    key = iam.create_access_key(UserName=user)["AccessKey"]
    keys = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    return lambda: assumed(client("sts", **keys), role)


def assumed(sts, role):
    """Somebody with credentials that last as briefly as they may."""
    given = sts.assume_role(RoleArn=role, RoleSessionName="brief", DurationSeconds=SHORTEST)["Credentials"]
    return client(
        "sqs",
        aws_access_key_id=given["AccessKeyId"],
        aws_secret_access_key=given["SecretAccessKey"],
        aws_session_token=given["SessionToken"],
    )


def test_a_session_that_has_ended(role):
    sqs = role()
    sqs.list_queues()
    advance(SHORTEST - 60)
    sqs.list_queues()
    advance(61)
    with pytest.raises(ClientError) as refused:
        sqs.list_queues()
    answer = refused.value.response
    assert (answer["Error"]["Code"], answer["ResponseMetadata"]["HTTPStatusCode"]) == ("ExpiredToken", 403), answer
    role().list_queues()  # the next one
