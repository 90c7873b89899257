"""IAM and STS as boto3 sees them: every shape that it parses, the errors by their types, and pages."""

import json
import os
import uuid
from datetime import timedelta

import boto3
import pytest

ENDPOINT = os.environ.get("SLUICE_ENDPOINT", "http://127.0.0.1:9324")
REGION = os.environ.get("AWS_REGION", "us-east-1")
ALLOW = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sts:AssumeRole"}],
}
DOCUMENT = json.dumps(ALLOW, indent=2)


@pytest.fixture(scope="module")
def iam():
    return boto3.client("iam", region_name=REGION, endpoint_url=ENDPOINT)


@pytest.fixture(scope="module")
def sts():
    return boto3.client("sts", region_name=REGION, endpoint_url=ENDPOINT)


@pytest.fixture
def unique():
    return uuid.uuid4().hex[:8]


def with_key(iam, service, user):
    """A client of a user, with an access key of its own."""
    key = iam.create_access_key(UserName=user)["AccessKey"]
    own = {"aws_access_key_id": key["AccessKeyId"], "aws_secret_access_key": key["SecretAccessKey"]}
    return boto3.client(service, region_name=REGION, endpoint_url=ENDPOINT, **own)


def names(pages, member, name):
    return [item[name] for page in pages for item in page[member]]


def test_users_and_their_access_keys(iam, sts, unique):
    name = f"user-{unique}"
    created = iam.create_user(UserName=name, Path="/team/", Tags=[{"Key": "team", "Value": "blue"}])["User"]
    assert created["Arn"].endswith(f":user/team/{name}") and created["UserId"].startswith("AIDA")
    got = iam.get_user(UserName=name)["User"]
    assert got == created and got["CreateDate"].tzinfo is not None
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_user(UserName=name.upper())
    key = iam.create_access_key(UserName=name)["AccessKey"]
    assert len(key["SecretAccessKey"]) == 40 and key["Status"] == "Active"
    iam.create_access_key(UserName=name)
    with pytest.raises(iam.exceptions.LimitExceededException):
        iam.create_access_key(UserName=name)
    iam.update_access_key(UserName=name, AccessKeyId=key["AccessKeyId"], Status="Inactive")
    keys = iam.list_access_keys(UserName=name)["AccessKeyMetadata"]
    assert {it["AccessKeyId"]: it["Status"] for it in keys}[key["AccessKeyId"]] == "Inactive"
    assert iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])["AccessKeyLastUsed"]["Region"] == "N/A"
    assert sts.get_access_key_info(AccessKeyId=key["AccessKeyId"])["Account"] == created["Arn"].split(":")[4]
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_user(UserName=name)
    for it in keys:
        iam.delete_access_key(UserName=name, AccessKeyId=it["AccessKeyId"])
    iam.untag_user(UserName=name, TagKeys=["team"])
    assert iam.list_user_tags(UserName=name)["Tags"] == []
    iam.update_user(UserName=name, NewUserName=name + "-new")
    iam.delete_user(UserName=name + "-new")
    with pytest.raises(iam.exceptions.NoSuchEntityException) as refused:
        iam.get_user(UserName=name)
    assert refused.value.response["Error"]["Message"] == f"The user with name {name} cannot be found."


def test_the_caller_is_known_by_its_key(iam, unique):
    name = f"caller-{unique}"
    user = iam.create_user(UserName=name)["User"]
    caller = with_key(iam, "sts", name).get_caller_identity()
    assert (caller["Arn"], caller["UserId"]) == (user["Arn"], user["UserId"])
    key = iam.list_access_keys(UserName=name)["AccessKeyMetadata"][0]
    used = iam.get_access_key_last_used(AccessKeyId=key["AccessKeyId"])
    assert (used["UserName"], used["AccessKeyLastUsed"]["ServiceName"]) == (name, "sts")
    assert used["AccessKeyLastUsed"]["LastUsedDate"] >= key["CreateDate"] - timedelta(seconds=1)
    statement = {"Effect": "Allow", "Action": "iam:GetUser", "Resource": "arn:aws:iam::*:user/${aws:username}"}
    itself = json.dumps({"Version": "2012-10-17", "Statement": statement})
    iam.put_user_policy(UserName=name, PolicyName="itself", PolicyDocument=itself)
    assert with_key(iam, "iam", name).get_user()["User"]["UserName"] == name


def test_lists_have_pages_and_empty_lists_are_lists(iam, unique):
    path = f"/pages-{unique}/"
    assert iam.list_users(PathPrefix=path)["Users"] == []
    wanted = [f"{letter}-{unique}" for letter in "abcde"]
    for name in reversed(wanted):
        iam.create_user(UserName=name, Path=path)
    pages = list(iam.get_paginator("list_users").paginate(PathPrefix=path, PaginationConfig={"PageSize": 2}))
    assert len(pages) == 3 and names(pages, "Users", "UserName") == wanted
    for member, call in {
        "PolicyNames": iam.list_user_policies,
        "AttachedPolicies": iam.list_attached_user_policies,
        "Groups": iam.list_groups_for_user,
        "AccessKeyMetadata": iam.list_access_keys,
    }.items():
        answer = call(UserName=wanted[0])
        assert answer[member] == [] and answer["IsTruncated"] is False


def test_policies_of_users_groups_and_roles(iam, unique):
    policy = iam.create_policy(PolicyName=f"policy-{unique}", PolicyDocument=DOCUMENT)["Policy"]
    arn = policy["Arn"]
    user, group, role = f"user-{unique}", f"group-{unique}", f"role-{unique}"
    iam.create_user(UserName=user)
    iam.create_group(GroupName=group)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
    for kind, name in (("user", user), ("group", group), ("role", role)):
        named = {f"{kind.capitalize()}Name": name}
        getattr(iam, f"put_{kind}_policy")(**named, PolicyName="inline", PolicyDocument=DOCUMENT)
        assert getattr(iam, f"get_{kind}_policy")(**named, PolicyName="inline")["PolicyDocument"] == ALLOW
        assert getattr(iam, f"list_{kind}_policies")(**named)["PolicyNames"] == ["inline"]
        getattr(iam, f"attach_{kind}_policy")(**named, PolicyArn=arn)
        attached = getattr(iam, f"list_attached_{kind}_policies")(**named)["AttachedPolicies"]
        assert attached == [{"PolicyName": policy["PolicyName"], "PolicyArn": arn}]
        with pytest.raises(iam.exceptions.MalformedPolicyDocumentException):
            getattr(iam, f"put_{kind}_policy")(**named, PolicyName="inline", PolicyDocument="{")
    uses = iam.list_entities_for_policy(PolicyArn=arn)
    assert [len(uses[member]) for member in ("PolicyUsers", "PolicyGroups", "PolicyRoles")] == [1, 1, 1]
    assert iam.get_policy(PolicyArn=arn)["Policy"]["AttachmentCount"] == 3
    iam.add_user_to_group(GroupName=group, UserName=user)
    assert [it["UserName"] for it in iam.get_group(GroupName=group)["Users"]] == [user]
    assert [it["GroupName"] for it in iam.list_groups_for_user(UserName=user)["Groups"]] == [group]
    with pytest.raises(iam.exceptions.DeleteConflictException):
        iam.delete_policy(PolicyArn=arn)


def test_versions_of_a_policy(iam, unique):
    arn = iam.create_policy(PolicyName=f"policy-{unique}", PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    other = json.dumps({**ALLOW, "Id": "second"})
    version = iam.create_policy_version(PolicyArn=arn, PolicyDocument=other, SetAsDefault=True)["PolicyVersion"]
    assert (version["VersionId"], version["IsDefaultVersion"]) == ("v2", True)
    assert iam.get_policy_version(PolicyArn=arn, VersionId="v2")["PolicyVersion"]["Document"]["Id"] == "second"
    assert [it["VersionId"] for it in iam.list_policy_versions(PolicyArn=arn)["Versions"]] == ["v2", "v1"]
    iam.set_default_policy_version(PolicyArn=arn, VersionId="v1")
    iam.delete_policy_version(PolicyArn=arn, VersionId="v2")
    iam.delete_policy(PolicyArn=arn)
    aws = names(iam.get_paginator("list_policies").paginate(Scope="AWS"), "Policies", "PolicyName")
    assert "AmazonSQSFullAccess" in aws


def test_policies_are_simulated(iam, unique):
    def decisions(pages):
        results = [result for page in pages for result in page["EvaluationResults"]]
        return [(it["EvalActionName"], it["EvalDecision"]) for it in results]

    actions = ["sqs:SendMessage", "iam:ListUsers"]
    custom = iam.get_paginator("simulate_custom_policy")
    pages = custom.paginate(PolicyInputList=[DOCUMENT], ActionNames=actions, PaginationConfig={"PageSize": 1})
    assert decisions(pages) == [("sqs:SendMessage", "allowed"), ("iam:ListUsers", "implicitDeny")]
    arn = iam.create_user(UserName=f"simulated-{unique}")["User"]["Arn"]
    of_user = iam.get_paginator("simulate_principal_policy")
    deny = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "*", "Resource": "*"}]})
    pages = of_user.paginate(PolicySourceArn=arn, ActionNames=actions, PolicyInputList=[deny])
    assert decisions(pages) == [("sqs:SendMessage", "explicitDeny"), ("iam:ListUsers", "explicitDeny")]
    with pytest.raises(iam.exceptions.ClientError) as refused:
        iam.simulate_custom_policy(PolicyInputList=[DOCUMENT], ActionNames=["sqs:SendMessage"] * 101, ResourceArns=["*"] * 100)
    assert refused.value.response["Error"]["Code"] == "ValidationError"


def test_temporary_credentials(iam, sts, unique):
    role = iam.create_role(RoleName=f"role-{unique}", AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]
    assert role["AssumeRolePolicyDocument"] == TRUST and role["MaxSessionDuration"] == 3600
    iam.create_user(UserName=f"caller-{unique}")
    caller = with_key(iam, "sts", f"caller-{unique}")
    assumed = caller.assume_role(RoleArn=role["Arn"], RoleSessionName="night", Policy=DOCUMENT)
    assert assumed["AssumedRoleUser"]["AssumedRoleId"] == f"{role['RoleId']}:night"
    assert assumed["AssumedRoleUser"]["Arn"].endswith(f":assumed-role/{role['RoleName']}/night")
    assert 0 < assumed["PackedPolicySize"] < 100
    credentials = assumed["Credentials"]
    assert credentials["AccessKeyId"].startswith("ASIA") and len(credentials["SessionToken"]) < 4096
    session = boto3.Session(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], REGION)
    own = session.client("sts", endpoint_url=ENDPOINT).get_caller_identity()
    assert own["Arn"] == assumed["AssumedRoleUser"]["Arn"]
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="queues", PolicyDocument=DOCUMENT)
    assert session.client("sqs", endpoint_url=ENDPOINT).list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert sts.get_session_token()["Credentials"]["AccessKeyId"].startswith("ASIA")
    with pytest.raises(sts.exceptions.ClientError) as refused:
        caller.assume_role(RoleArn=role["Arn"] + "-absent", RoleSessionName="night")
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    assert "is not authorized to perform: sts:AssumeRole on resource: " in refused.value.response["Error"]["Message"]


def test_federated_users(iam, unique):
    name = f"broker-{unique}"
    user = iam.create_user(UserName=name)["User"]
    may = {"Effect": "Allow", "Action": ["sts:GetFederationToken", "sts:TagSession", "sqs:ListQueues"], "Resource": "*"}
    document = json.dumps({"Version": "2012-10-17", "Statement": may})
    iam.put_user_policy(UserName=name, PolicyName="federation", PolicyDocument=document)
    broker = with_key(iam, "sts", name)
    tags = [{"Key": "team", "Value": "blue"}]
    issued = broker.get_federation_token(Name="ann", Policy=DOCUMENT, Tags=tags, DurationSeconds=900)
    account = user["Arn"].split(":")[4]
    arn = f"arn:aws:sts::{account}:federated-user/ann"
    assert issued["FederatedUser"] == {"FederatedUserId": f"{account}:ann", "Arn": arn}
    assert 0 < issued["PackedPolicySize"] < 100
    credentials = issued["Credentials"]
    assert len(credentials["SessionToken"]) < 4096 and credentials["Expiration"].tzinfo is not None
    session = boto3.Session(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"], REGION)
    own = session.client("sts", endpoint_url=ENDPOINT).get_caller_identity()
    assert (own["Arn"], own["UserId"]) == (arn, f"{account}:ann")
    assert session.client("sqs", endpoint_url=ENDPOINT).list_queues()["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(broker.exceptions.MalformedPolicyDocumentException):
        broker.get_federation_token(Name="ann", Policy="{")


def test_what_is_in_an_account(iam, unique):
    user, group, role, policy = (f"{kind}-{unique}" for kind in ("user", "group", "role", "policy"))
    before = iam.get_account_summary()["SummaryMap"]
    arn = iam.create_policy(PolicyName=policy, PolicyDocument=DOCUMENT)["Policy"]["Arn"]
    iam.create_user(UserName=user)
    iam.create_group(GroupName=group)
    iam.add_user_to_group(GroupName=group, UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=DOCUMENT)
    iam.create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.attach_role_policy(RoleName=role, PolicyArn=arn)
    after = iam.get_account_summary()["SummaryMap"]
    assert [after[name] - before[name] for name in ("Users", "Groups", "Roles", "Policies")] == [1, 1, 1, 1]
    assert (after["UsersQuota"], after["MFADevices"], after["VersionsPerPolicyQuota"]) == (5000, 0, 5)

    paginator = iam.get_paginator("get_account_authorization_details")
    pages = list(paginator.paginate(PaginationConfig={"PageSize": 3}))
    assert len(pages) > 1

    def detail(member, name, wanted):
        return next(item for page in pages for item in page[member] if item[name] == wanted)

    details = detail("UserDetailList", "UserName", user)
    assert details["UserPolicyList"] == [{"PolicyName": "inline", "PolicyDocument": ALLOW}]
    assert (details["GroupList"], details["AttachedManagedPolicies"]) == ([group], [])
    assert detail("GroupDetailList", "GroupName", group)["GroupPolicyList"] == []
    details = detail("RoleDetailList", "RoleName", role)
    assert details["AttachedManagedPolicies"] == [{"PolicyName": policy, "PolicyArn": arn}]
    assert (details["AssumeRolePolicyDocument"], details["InstanceProfileList"]) == (TRUST, [])
    details = detail("Policies", "PolicyName", policy)
    assert (details["AttachmentCount"], details["PolicyVersionList"][0]["Document"]) == (1, ALLOW)
    assert detail("Policies", "PolicyName", "AmazonSQSFullAccess")["Arn"].startswith("arn:aws:iam::aws:")


def test_context_keys_and_aliases(iam, unique):
    condition = {"StringEquals": {"aws:UserAgent": "${aws:username}"}}
    statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": statement})
    names = ["aws:UserAgent", "aws:username"]
    assert iam.get_context_keys_for_custom_policy(PolicyInputList=[document])["ContextKeyNames"] == names
    arn = iam.create_user(UserName=f"keys-{unique}")["User"]["Arn"]
    of_user = iam.get_context_keys_for_principal_policy(PolicySourceArn=arn, PolicyInputList=[document])
    assert of_user["ContextKeyNames"] == names
    alias = f"alias-{unique}"
    iam.create_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == [alias]
    with pytest.raises(iam.exceptions.EntityAlreadyExistsException):
        iam.create_account_alias(AccountAlias=alias)
    iam.delete_account_alias(AccountAlias=alias)
    assert iam.list_account_aliases()["AccountAliases"] == []
    with pytest.raises(iam.exceptions.NoSuchEntityException):
        iam.delete_account_alias(AccountAlias=alias)
