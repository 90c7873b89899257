"""Makes the callers of the TLS suites, through IAM and STS as root, and runs a program that finds them as profiles.

    callers.py CREDENTIALS_FILE PROGRAM ARGUMENT…

See "TLS, and who calls" in ../README.md for the profiles.
"""

import configparser
import json
import os
import sys

import boto3

ENDPOINT = os.environ["SLUICE_ENDPOINT"]
ANYBODY = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}
FULL, READ_ONLY = (f"arn:aws:iam::aws:policy/AmazonSQS{name}Access" for name in ("Full", "ReadOnly"))
SETTINGS = {
    "AccessKeyId": "aws_access_key_id",
    "SecretAccessKey": "aws_secret_access_key",
    "SessionToken": "aws_session_token",
    "RoleArn": "role_arn",
    "SourceProfile": "source_profile",
}


def user(iam, name, policy):
    """A user under a managed policy; gives its access key."""
    iam.create_user(UserName=name)
    iam.attach_user_policy(UserName=name, PolicyArn=policy)
    return iam.create_access_key(UserName=name)["AccessKey"]


def other(text):
    """The same text with another character in the middle."""
    middle = len(text) // 2
    return text[:middle] + ("a" if text[middle] != "a" else "b") + text[middle + 1 :]


def callers():
    """What each profile says of its caller, in the words of IAM and STS."""
    iam = boto3.client("iam", endpoint_url=ENDPOINT)
    right, inactive, reader = user(iam, "right", FULL), user(iam, "inactive", FULL), user(iam, "reader", READ_ONLY)
    iam.update_access_key(UserName="inactive", AccessKeyId=inactive["AccessKeyId"], Status="Inactive")
    trust = json.dumps({"Version": "2012-10-17", "Statement": ANYBODY})
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    iam.attach_role_policy(RoleName="worker", PolicyArn=FULL)
    as_right = boto3.Session(right["AccessKeyId"], right["SecretAccessKey"]).client("sts", endpoint_url=ENDPOINT)
    temporary = as_right.assume_role(RoleArn=role, RoleSessionName="temporary")["Credentials"]
    return {
        "right": right,
        "wrong-secret": {**right, "SecretAccessKey": other(right["SecretAccessKey"])},
        "unknown": {**right, "AccessKeyId": other(right["AccessKeyId"])},
        "inactive": inactive,
        "reader": reader,
        "temporary": temporary,
        "wrong-token": {**temporary, "SessionToken": other(temporary["SessionToken"])},
        "worker": {"RoleArn": role, "SourceProfile": "right"},
    }


def main():
    path, *program = sys.argv[1:]
    file = configparser.RawConfigParser()
    for profile, said in callers().items():
        file[profile] = {setting: said[name] for name, setting in SETTINGS.items() if name in said}
    with open(path, "w", opener=lambda path, flags: os.open(path, flags, 0o600)) as to:
        file.write(to)
    os.execvpe(program[0], program, {**os.environ, "AWS_SHARED_CREDENTIALS_FILE": path})


main()
