"""Who gets in: requests that botocore signed, as they are and changed on the way. See ../README.md."""

import datetime
import http.client
import json
import os
import ssl
import urllib.parse

import boto3
import botocore.auth
import pytest
from botocore.auth import SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from botocore.exceptions import ClientError

ENDPOINT = os.environ["SLUICE_ENDPOINT"]
SCHEME, HOST = ENDPOINT.split("://")
KEY_ID, SECRET = os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"]
CREDENTIALS = Credentials(KEY_ID, SECRET)
JSON = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.ListQueues"}
QUERY = {"Content-Type": "application/x-www-form-urlencoded"}


def client(key_id=KEY_ID, secret=SECRET, region="us-east-1", token=None):
    keys = {"aws_access_key_id": key_id, "aws_secret_access_key": secret, "aws_session_token": token}
    return boto3.client("sqs", region_name=region, endpoint_url=ENDPOINT, **keys)


def from_now(**ahead):
    return datetime.datetime.now(datetime.timezone.utc).replace(tzinfo=None) + datetime.timedelta(**ahead)


def signing_at(time, monkeypatch):
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: time)


def signed(body=b"{}", headers=JSON, service="sqs", region="us-east-1", at=None, monkeypatch=None, method="POST", path="/"):
    """The headers of a request that botocore signed, at another time if wanted."""
    request = AWSRequest(method, ENDPOINT + path, headers=dict(headers), data=body)
    if at:
        signing_at(at, monkeypatch)
    SigV4Auth(CREDENTIALS, service, region).add_auth(request)
    return {name: str(value) for name, value in request.headers.items()}


def send(headers, body=b"{}", method="POST", path="/"):
    """Status and error code, over a connection of its own."""
    if SCHEME == "https":
        trusting = ssl.create_default_context(cafile=os.environ["AWS_CA_BUNDLE"])
        connection = http.client.HTTPSConnection(HOST, timeout=30, context=trusting)
    else:
        connection = http.client.HTTPConnection(HOST, timeout=30)
    connection.request(method, path, body=body, headers=headers)
    answer = connection.getresponse()
    text = answer.read().decode()
    code = answer.headers.get("x-amzn-query-error", "").split(";")[0]
    if not code and "<Code>" in text:
        code = text.split("<Code>")[1].split("</Code>")[0]
    return answer.status, code, text


def refusal(sqs):
    with pytest.raises(ClientError) as refused:
        sqs.list_queues()
    return refused.value.response["Error"]["Code"], refused.value.response["ResponseMetadata"]["HTTPStatusCode"]


def test_the_right_key_gets_in():
    sqs = client()
    url = sqs.create_queue(QueueName="signed")["QueueUrl"]
    body = "naïve 😀 " * 1000
    sqs.send_message(QueueUrl=url, MessageBody=body)
    assert sqs.receive_message(QueueUrl=url)["Messages"][0]["Body"] == body


@pytest.mark.parametrize(
    "keys, code, status",
    [
        ({"secret": SECRET[:-1] + "x"}, "SignatureDoesNotMatch", 403),
        ({"key_id": "AKIAIOSFODNN7EXAMPLE"}, "InvalidClientTokenId", 403),
        ({"key_id": "000000000000"}, "InvalidClientTokenId", 403),
        ({"token": "made up"}, "InvalidClientTokenId", 403),
        ({"region": "eu-west-1"}, "SignatureDoesNotMatch", 403),
    ],
)
def test_others_do_not(keys, code, status):
    assert refusal(client(**keys)) == (code, status)


def test_both_protocols_refuse_in_their_own_way():
    status, code, text = send({**signed(), "Authorization": "AWS4-HMAC-SHA256 Credential=x"})
    assert (status, code) == (400, "IncompleteSignature")
    assert json.loads(text)["__type"].endswith("#IncompleteSignatureException")
    wrong = signed(b"Action=ListQueues", QUERY)
    status, code, text = send(wrong, b"Action=ListQueue")
    assert (status, code) == (403, "SignatureDoesNotMatch"), text
    assert "<ErrorResponse" in text
    status, code, _ = send(signed(b"Action=ListQueues", QUERY), b"Action=ListQueues")
    assert (status, code) == (200, "")


def test_an_unsigned_request_is_denied():
    assert send(JSON)[:2] == (403, "AccessDenied")
    assert send(QUERY, b"Action=ListQueues")[:2] == (403, "AccessDenied")


def test_the_wrong_service_is_refused():
    status, code, text = send(signed(service="sns"))
    assert (status, code) == (403, "SignatureDoesNotMatch") and "'sqs'" in text


@pytest.mark.parametrize("minutes, code", [(-16, "SignatureDoesNotMatch"), (16, "SignatureDoesNotMatch"), (-14, ""), (14, "")])
def test_signatures_age(minutes, code, monkeypatch):
    """A request may be sent again for a quarter of an hour, and not after that."""
    headers = signed(at=from_now(minutes=minutes), monkeypatch=monkeypatch)
    for _ in range(2):
        status, found, text = send(headers)
        assert (status, found) == (403 if code else 200, code), text


def test_every_change_of_a_request_is_refused():
    body = b'{"QueueNamePrefix":"a"}'
    headers = signed(body)
    assert send(headers, body)[0] == 200
    for at in range(len(body)):
        changed = bytearray(body)
        changed[at] ^= 1
        status, code, _ = send(headers, bytes(changed))
        assert status in (400, 403) and code in ("SignatureDoesNotMatch", "MalformedInput"), (at, code)
    for name, value in headers.items():
        status, code, text = send({**headers, name: value + "x"}, body)
        assert status in (400, 403), (name, code, text)
    for name in ("X-Amz-Meta", "X-Amz-Security-Token"):
        assert send({**headers, name: "x"}, body)[0] == 403, name
    assert send(headers, body, path="/x")[0] != 200
    assert send(headers, body, path="/?Action=ListQueues")[0] != 200


def test_presigned_requests():
    path = "/?" + urllib.parse.urlencode(
        {"Action": "ListQueues", "Version": "2012-11-05", "QueueNamePrefix": "a b/ü"}, quote_via=urllib.parse.quote
    )
    request = AWSRequest("GET", ENDPOINT + path)
    SigV4QueryAuth(CREDENTIALS, "sqs", "us-east-1", expires=60).add_auth(request)
    target = request.prepare().url.removeprefix(ENDPOINT)
    assert send({}, None, "GET", target)[0] == 200
    for old, new in [("ListQueues", "CreateQueue"), ("Expires=60", "Expires=61"), ("a%20b", "a%20c")]:
        assert old in target, target
        assert send({}, None, "GET", target.replace(old, new))[:2] == (403, "SignatureDoesNotMatch"), old


def test_presigned_requests_expire(monkeypatch):
    for age, expected in ((8, (200, "")), (12, (403, "SignatureDoesNotMatch"))):
        signing_at(from_now(minutes=-age), monkeypatch)
        request = AWSRequest("GET", ENDPOINT + "/?Action=ListQueues")
        SigV4QueryAuth(CREDENTIALS, "sqs", "us-east-1", expires=600).add_auth(request)
        assert send({}, None, "GET", request.prepare().url.removeprefix(ENDPOINT))[:2] == expected


def test_the_queue_url_of_another_name_of_the_server_is_signed_for_that_name():
    """`Host` is what the client knows the server by: it is signed, and nothing else is expected."""
    sqs = boto3.client(
        "sqs",
        region_name="us-east-1",
        endpoint_url=ENDPOINT.replace("127.0.0.1", "localhost"),
        aws_access_key_id=KEY_ID,
        aws_secret_access_key=SECRET,
    )
    assert sqs.create_queue(QueueName="by-name")["QueueUrl"].startswith(SCHEME + "://localhost:")
