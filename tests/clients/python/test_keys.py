"""KMS as boto3 sees it: every shape that it parses, the errors by their types, and what keys promise."""

import json
import os
import uuid
from datetime import datetime, timedelta, timezone

import boto3
import pytest
from botocore.exceptions import ClientError

ENDPOINT = os.environ.get("SLUICE_ENDPOINT", "http://127.0.0.1:9324")
REGION = os.environ.get("AWS_REGION", "us-east-1")
CONTEXT = {"queue": "orders", "team": "blue"}


@pytest.fixture(scope="module")
def kms():
    return boto3.client("kms", region_name=REGION, endpoint_url=ENDPOINT)


@pytest.fixture(scope="module")
def iam():
    return boto3.client("iam", region_name=REGION, endpoint_url=ENDPOINT)


@pytest.fixture
def key(kms):
    return kms.create_key(Description="for a test")["KeyMetadata"]


@pytest.fixture
def bob(iam):
    """A user whom its policies allow nothing, and a client of it."""
    user = iam.create_user(UserName=f"bob-{uuid.uuid4().hex[:8]}")["User"]
    made = iam.create_access_key(UserName=user["UserName"])["AccessKey"]
    own = {"aws_access_key_id": made["AccessKeyId"], "aws_secret_access_key": made["SecretAccessKey"]}
    return user, boto3.client("kms", region_name=REGION, endpoint_url=ENDPOINT, **own)


def refusal(call, **parameters):
    with pytest.raises(ClientError) as error:
        call(**parameters)
    return error.value.response["Error"]["Code"]


def test_the_life_of_a_key(kms, key):
    assert key["KeyState"] == "Enabled" and key["Enabled"] and key["KeyManager"] == "CUSTOMER"
    assert key["Arn"].endswith(f":key/{key['KeyId']}") and key["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"]
    assert abs(datetime.now(timezone.utc) - key["CreationDate"]) < timedelta(minutes=5)
    assert kms.describe_key(KeyId=key["Arn"])["KeyMetadata"] == key
    alias = f"alias/{uuid.uuid4().hex}"
    kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    assert kms.describe_key(KeyId=alias)["KeyMetadata"] == key
    with pytest.raises(kms.exceptions.AlreadyExistsException):
        kms.create_alias(AliasName=alias, TargetKeyId=key["KeyId"])
    other = kms.create_key()["KeyMetadata"]["KeyId"]
    kms.update_alias(AliasName=alias, TargetKeyId=other)
    assert kms.list_aliases(KeyId=key["KeyId"])["Aliases"] == []
    listed = [page["AliasName"] for page in kms.list_aliases(KeyId=other)["Aliases"]]
    assert listed == [alias]
    kms.delete_alias(AliasName=alias)
    with pytest.raises(kms.exceptions.NotFoundException):
        kms.describe_key(KeyId=alias)

    kms.update_key_description(KeyId=key["KeyId"], Description="other")
    kms.disable_key(KeyId=key["KeyId"])
    described = kms.describe_key(KeyId=key["KeyId"])["KeyMetadata"]
    assert (described["KeyState"], described["Enabled"], described["Description"]) == ("Disabled", False, "other")
    with pytest.raises(kms.exceptions.DisabledException):
        kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")
    kms.enable_key(KeyId=key["KeyId"])
    kms.encrypt(KeyId=key["KeyId"], Plaintext=b"x")


def test_keys_and_tags_come_in_pages(kms):
    made = {kms.create_key()["KeyMetadata"]["KeyId"] for _ in range(3)}
    pages = kms.get_paginator("list_keys").paginate(PaginationConfig={"PageSize": 2})
    assert made <= {item["KeyId"] for page in pages for item in page["Keys"]}
    key = made.pop()
    tags = [{"TagKey": f"k{number}", "TagValue": str(number)} for number in range(5)]
    kms.tag_resource(KeyId=key, Tags=tags)
    pages = kms.get_paginator("list_resource_tags").paginate(KeyId=key, PaginationConfig={"PageSize": 2})
    assert [tag for page in pages for tag in page["Tags"]] == tags
    kms.untag_resource(KeyId=key, TagKeys=["k0", "k4"])
    assert kms.list_resource_tags(KeyId=key)["Tags"] == tags[1:4]
    with pytest.raises(kms.exceptions.TagException):
        kms.tag_resource(KeyId=key, Tags=[{"TagKey": "aws:x", "TagValue": ""}])


def test_only_the_same_encryption_context_decrypts(kms, key):
    encrypted = kms.encrypt(KeyId=key["KeyId"], Plaintext=b"secret", EncryptionContext=CONTEXT)
    assert encrypted["KeyId"] == key["Arn"] and b"secret" not in encrypted["CiphertextBlob"]
    blob = encrypted["CiphertextBlob"]
    decrypted = kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT)
    assert decrypted["Plaintext"] == b"secret" and decrypted["KeyId"] == key["Arn"]
    invalid = kms.exceptions.InvalidCiphertextException
    for wrong in ({}, {"queue": "orders"}, {**CONTEXT, "team": "red"}):
        with pytest.raises(invalid):
            kms.decrypt(CiphertextBlob=blob, EncryptionContext=wrong)
    with pytest.raises(invalid):
        kms.decrypt(CiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]), EncryptionContext=CONTEXT)
    other = kms.create_key()["KeyMetadata"]["Arn"]
    with pytest.raises(kms.exceptions.IncorrectKeyException):
        kms.decrypt(CiphertextBlob=blob, EncryptionContext=CONTEXT, KeyId=other)
    moved = kms.re_encrypt(CiphertextBlob=blob, SourceEncryptionContext=CONTEXT, DestinationKeyId=other)
    assert (moved["SourceKeyId"], moved["KeyId"]) == (key["Arn"], other)
    assert kms.decrypt(CiphertextBlob=moved["CiphertextBlob"])["Plaintext"] == b"secret"


def test_data_keys_and_random_bytes(kms, key):
    made = kms.generate_data_key(KeyId=key["KeyId"], KeySpec="AES_256", EncryptionContext=CONTEXT)
    assert len(made["Plaintext"]) == 32
    opened = kms.decrypt(CiphertextBlob=made["CiphertextBlob"], EncryptionContext=CONTEXT)
    assert opened["Plaintext"] == made["Plaintext"]
    blind = kms.generate_data_key_without_plaintext(KeyId=key["KeyId"], NumberOfBytes=7)
    assert "Plaintext" not in blind and len(kms.decrypt(CiphertextBlob=blind["CiphertextBlob"])["Plaintext"]) == 7
    some, more = (kms.generate_random(NumberOfBytes=64)["Plaintext"] for _ in range(2))
    assert len(some) == 64 and some != more


def test_what_was_encrypted_before_a_rotation_is_read_after_it(kms, key):
    identity = {"KeyId": key["KeyId"]}
    old = kms.encrypt(**identity, Plaintext=b"old")["CiphertextBlob"]
    kms.rotate_key_on_demand(**identity)
    rotated = kms.describe_key(**identity)["KeyMetadata"]["CurrentKeyMaterialId"]
    assert rotated != key["CurrentKeyMaterialId"]
    new = kms.encrypt(**identity, Plaintext=b"new")["CiphertextBlob"]
    before, after = (kms.decrypt(CiphertextBlob=blob) for blob in (old, new))
    assert (before["Plaintext"], before["KeyMaterialId"]) == (b"old", key["CurrentKeyMaterialId"])
    assert (after["Plaintext"], after["KeyMaterialId"]) == (b"new", rotated)
    rotations = kms.list_key_rotations(**identity)["Rotations"]
    assert [(it["KeyMaterialId"], it["RotationType"]) for it in rotations] == [(rotated, "ON_DEMAND")]

    assert not kms.get_key_rotation_status(**identity)["KeyRotationEnabled"]
    kms.enable_key_rotation(**identity, RotationPeriodInDays=90)
    status = kms.get_key_rotation_status(**identity)
    assert status["KeyRotationEnabled"] and status["RotationPeriodInDays"] == 90
    days = (status["NextRotationDate"] - datetime.now(timezone.utc)).days
    assert days in (89, 90)
    kms.disable_key_rotation(**identity)


def test_a_key_that_is_to_be_deleted_is_kept_only_if_somebody_says_so(kms, key):
    identity = {"KeyId": key["KeyId"]}
    blob = kms.encrypt(**identity, Plaintext=b"x")["CiphertextBlob"]
    scheduled = kms.schedule_key_deletion(**identity, PendingWindowInDays=7)
    assert scheduled["KeyState"] == "PendingDeletion" and scheduled["KeyId"] == key["Arn"]
    assert kms.describe_key(**identity)["KeyMetadata"]["DeletionDate"] == scheduled["DeletionDate"]
    with pytest.raises(kms.exceptions.KMSInvalidStateException):
        kms.decrypt(CiphertextBlob=blob)
    kms.cancel_key_deletion(**identity)
    with pytest.raises(kms.exceptions.DisabledException):
        kms.decrypt(CiphertextBlob=blob)
    kms.enable_key(**identity)
    assert kms.decrypt(CiphertextBlob=blob)["Plaintext"] == b"x"


def test_the_policy_of_the_key_is_the_gate(kms, iam, bob):
    user, of_bob = bob
    everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]}
    iam.put_user_policy(UserName=user["UserName"], PolicyName="all", PolicyDocument=json.dumps(everything))
    root = {"AWS": f"arn:aws:iam::{user['Arn'].split(':')[4]}:root"}
    statement = {"Effect": "Allow", "Principal": root, "Resource": "*"}
    closed = {"Version": "2012-10-17", "Statement": [{**statement, "Action": ["kms:Put*", "kms:Create*", "kms:Get*", "kms:List*"]}]}
    key = kms.create_key(Policy=json.dumps(closed))["KeyMetadata"]["KeyId"]
    assert json.loads(kms.get_key_policy(KeyId=key)["Policy"]) == closed
    assert refusal(of_bob.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    assert refusal(kms.encrypt, KeyId=key, Plaintext=b"x") == "AccessDeniedException"
    named = {"Effect": "Allow", "Principal": {"AWS": user["Arn"]}, "Action": "kms:Encrypt", "Resource": "*"}
    opened = {**closed, "Statement": [*closed["Statement"], named]}
    kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(opened))
    of_bob.encrypt(KeyId=key, Plaintext=b"x")
    locked = {**closed, "Statement": [named]}
    with pytest.raises(kms.exceptions.MalformedPolicyDocumentException):
        kms.put_key_policy(KeyId=key, PolicyName="default", Policy=json.dumps(locked))
    assert kms.list_key_policies(KeyId=key)["PolicyNames"] == ["default"]


def test_a_grant_opens_a_key_until_it_ends(kms, key, bob):
    user, of_bob = bob
    wanted = {"KeyId": key["KeyId"], "Plaintext": b"x", "EncryptionContext": CONTEXT}
    assert refusal(of_bob.encrypt, **wanted) == "AccessDeniedException"
    constraints = {"EncryptionContextSubset": {"queue": "orders"}}
    grant = kms.create_grant(
        KeyId=key["KeyId"], GranteePrincipal=user["Arn"], Operations=["Encrypt", "RetireGrant"], Constraints=constraints
    )
    of_bob.encrypt(**wanted)
    assert refusal(of_bob.encrypt, **{**wanted, "EncryptionContext": {}}) == "AccessDeniedException"
    listed = kms.list_grants(KeyId=key["KeyId"])["Grants"]
    assert [(it["GrantId"], it["Constraints"]) for it in listed] == [(grant["GrantId"], constraints)]
    of_bob.retire_grant(GrantToken=grant["GrantToken"])
    assert refusal(of_bob.encrypt, **wanted) == "AccessDeniedException"


def test_the_key_of_sqs_is_there_and_only_for_sqs(kms):
    described = kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"]
    assert described["KeyManager"] == "AWS"
    assert kms.describe_key(KeyId="alias/aws/sqs")["KeyMetadata"] == described
    assert refusal(kms.encrypt, KeyId="alias/aws/sqs", Plaintext=b"x") == "AccessDeniedException"
    assert refusal(kms.disable_key, KeyId=described["KeyId"]) == "AccessDeniedException"
    assert refusal(kms.create_alias, AliasName="alias/aws/x", TargetKeyId=described["KeyId"]) in (
        "NotAuthorizedException",
        "AccessDeniedException",
    )


def test_errors_have_their_types(kms, key):
    unknown = str(uuid.uuid4())
    for error, call, parameters in [
        ("NotFoundException", kms.describe_key, {"KeyId": unknown}),
        ("NotFoundException", kms.encrypt, {"KeyId": "alias/none", "Plaintext": b"x"}),
        ("InvalidArnException", kms.describe_key, {"KeyId": "arn:aws:sqs:us-east-1:000000000000:q"}),
        ("UnsupportedOperationException", kms.create_key, {"KeySpec": "RSA_2048", "KeyUsage": "SIGN_VERIFY"}),
        ("MalformedPolicyDocumentException", kms.create_key, {"Policy": "{"}),
        ("DryRunOperationException", kms.encrypt, {"KeyId": key["KeyId"], "Plaintext": b"x", "DryRun": True}),
        ("InvalidMarkerException", kms.list_keys, {"Marker": "?"}),
    ]:
        with pytest.raises(getattr(kms.exceptions, error)):
            call(**parameters)
    assert refusal(kms.generate_random) == "ValidationException"
    assert refusal(kms.get_public_key, KeyId=key["KeyId"]) == "UnknownOperationException"
