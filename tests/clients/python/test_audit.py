"""CloudTrail as boto3 sees it: what was called is found again."""

import json
import os
import uuid

import boto3
import pytest

ENDPOINT = os.environ.get("SLUICE_ENDPOINT", "http://127.0.0.1:9324")
REGION = os.environ.get("AWS_REGION", "us-east-1")


@pytest.fixture(scope="module")
def cloudtrail():
    return boto3.client("cloudtrail", region_name=REGION, endpoint_url=ENDPOINT)


@pytest.fixture(scope="module")
def sqs():
    return boto3.client("sqs", region_name=REGION, endpoint_url=ENDPOINT)


def test_a_call_is_looked_up(cloudtrail, sqs):
    name = f"audited-{uuid.uuid4().hex[:8]}"
    created = sqs.create_queue(QueueName=name)
    by_name = [{"AttributeKey": "ResourceName", "AttributeValue": name}]
    (event,) = cloudtrail.lookup_events(LookupAttributes=by_name)["Events"]
    assert event["EventName"] == "CreateQueue" and event["ReadOnly"] == "false"
    assert event["EventTime"].tzinfo is not None
    assert event["Resources"][0]["ResourceType"] == "AWS::SQS::Queue"
    record = json.loads(event["CloudTrailEvent"])
    assert record["responseElements"]["queueUrl"] == created["QueueUrl"]
    assert record["requestID"] == created["ResponseMetadata"]["RequestId"]
    assert "Boto3" in record["userAgent"]


def test_pages_follow_each_other(cloudtrail, sqs):
    prefix = f"paged-{uuid.uuid4().hex[:8]}"
    for number in range(5):
        sqs.create_queue(QueueName=f"{prefix}-{number}")
    pages = cloudtrail.get_paginator("lookup_events").paginate(
        LookupAttributes=[{"AttributeKey": "EventName", "AttributeValue": "CreateQueue"}],
        PaginationConfig={"PageSize": 2},
    )
    names = [event["Resources"][0]["ResourceName"].split(":")[-1] for page in pages for event in page["Events"]]
    assert [name for name in names if name.startswith(prefix)] == [f"{prefix}-{number}" for number in range(4, -1, -1)]


def test_errors_are_typed(cloudtrail):
    with pytest.raises(cloudtrail.exceptions.InvalidNextTokenException):
        cloudtrail.lookup_events(NextToken="nothing")
    with pytest.raises(cloudtrail.exceptions.InvalidTimeRangeException):
        cloudtrail.lookup_events(StartTime=20, EndTime=10)
