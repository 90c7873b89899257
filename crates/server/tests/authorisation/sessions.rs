//! Roles that are assumed, and the sessions of users.

use serde_json::{Value, json as object};

use crate::client::{
    ACCOUNT, Credentials, OTHER_ACCOUNT, Outcome, allow, call, create_queue, done, policy, root,
    server, user,
};
use crate::http_support::TestServer;

const ROLE_ARN: &str = "arn:aws:iam::000000000000:role/team/deploy";

fn trusting(principal: &str, condition: &Value) -> String {
    policy(&object!({
        "Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
        "Principal": { "AWS": principal }, "Condition": condition,
    }))
}

/// Creates the role of [`ROLE_ARN`], which may do everything with queues.
fn create_role(server: &TestServer, trust: &str) {
    let input =
        object!({ "RoleName": "deploy", "Path": "/team/", "AssumeRolePolicyDocument": trust });
    done(server, &root(ACCOUNT), "CreateRole", &input);
    let full = "arn:aws:iam::aws:policy/AmazonSQSFullAccess";
    let attach = object!({ "RoleName": "deploy", "PolicyArn": full });
    done(server, &root(ACCOUNT), "AttachRolePolicy", &attach);
}

fn assume(server: &TestServer, caller: &Credentials, more: &Value) -> Outcome {
    let mut input = object!({ "RoleArn": ROLE_ARN, "RoleSessionName": "night" });
    let more = more.as_object().expect("an object").clone();
    input.as_object_mut().expect("an object").extend(more);
    call(server, caller, "AssumeRole", &input)
}

/// The temporary credentials in an answer.
pub(crate) fn credentials(answer: &Outcome) -> Credentials {
    assert_eq!(answer.status, 200, "{}", answer.text);
    Credentials {
        id: answer.element("AccessKeyId"),
        secret: answer.element("SecretAccessKey"),
        token: Some(answer.element("SessionToken")),
    }
}

fn nobody(server: &TestServer, name: &str) -> Credentials {
    let nothing = object!({ "Effect": "Allow", "Action": "x:y", "Resource": "*" });
    user(server, &root(ACCOUNT), name, &nothing)
}

#[test]
fn a_session_may_what_its_role_may_and_is_known_as_such() {
    let server = server();
    create_role(&server, &trusting("arn:aws:iam::000000000000:user/bob", &object!({})));
    let url = create_queue(&server, &root(ACCOUNT), "orders");
    let send = object!({ "QueueUrl": url, "MessageBody": "x" });
    let bob = nobody(&server, "bob");
    assert_eq!(call(&server, &bob, "SendMessage", &send).code, "AccessDenied");
    let answer = assume(&server, &bob, &object!({}));
    let session = credentials(&answer);
    let arn = "arn:aws:sts::000000000000:assumed-role/deploy/night";
    assert_eq!(answer.element("Arn"), arn);
    done(&server, &session, "SendMessage", &send);
    let who = done(&server, &session, "GetCallerIdentity", &object!({}));
    assert_eq!(who.element("Arn"), arn);
    assert_eq!(who.element("UserId"), answer.element("AssumedRoleId"));
    let denied = call(&server, &session, "ListUsers", &object!({}));
    assert_eq!(
        denied.message,
        format!(
            "User: {arn} is not authorized to perform: iam:ListUsers on resource: \
             arn:aws:iam::{ACCOUNT}:* because no identity-based policy allows the iam:ListUsers action"
        )
    );

    let eve = nobody(&server, "eve");
    let denied = assume(&server, &eve, &object!({}));
    assert_eq!((denied.status, denied.code.as_str()), (403, "AccessDenied"));
    assert_eq!(
        denied.message,
        format!(
            "User: arn:aws:iam::{ACCOUNT}:user/eve is not authorized to perform: sts:AssumeRole on resource: {ROLE_ARN}"
        )
    );
    let by_root = assume(&server, &root(ACCOUNT), &object!({}));
    assert_eq!(by_root.code, "AccessDenied");

    // Half of the credentials are none.
    for broken in [
        Credentials { token: None, ..session.clone() },
        Credentials { token: Some("AAAA".to_owned()), ..session.clone() },
        Credentials { id: eve.id.clone(), secret: eve.secret.clone(), ..session.clone() },
    ] {
        assert_eq!(call(&server, &broken, "SendMessage", &send).code, "InvalidClientTokenId");
    }
    let detach = object!({ "RoleName": "deploy", "PolicyArn": "arn:aws:iam::aws:policy/AmazonSQSFullAccess" });
    done(&server, &root(ACCOUNT), "DetachRolePolicy", &detach);
    assert_eq!(call(&server, &session, "SendMessage", &send).code, "AccessDenied");
    done(&server, &root(ACCOUNT), "DeleteRole", &object!({ "RoleName": "deploy" }));
    assert_eq!(call(&server, &session, "SendMessage", &send).code, "InvalidClientTokenId");
    server.drain();
}

#[test]
fn session_policies_only_take_away() {
    let server = server();
    create_role(&server, &trusting("arn:aws:iam::000000000000:user/bob", &object!({})));
    let url = create_queue(&server, &root(ACCOUNT), "orders");
    let bob = nobody(&server, "bob");
    let only_send = policy(&object!([
        { "Effect": "Allow", "Action": ["sqs:SendMessage", "iam:*"], "Resource": "*" },
    ]));
    let session = credentials(&assume(&server, &bob, &object!({ "Policy": only_send })));
    let send = object!({ "QueueUrl": url, "MessageBody": "x" });
    done(&server, &session, "SendMessage", &send);
    let denied = call(&server, &session, "ReceiveMessage", &object!({ "QueueUrl": url }));
    let reason = "because no session policy allows the sqs:receivemessage action";
    assert!(denied.message.ends_with(reason), "{}", denied.message);
    assert_eq!(call(&server, &session, "ListUsers", &object!({})).code, "AccessDenied");

    let managed =
        object!({ "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess" });
    let session = credentials(&assume(&server, &bob, &managed));
    assert_eq!(call(&server, &session, "SendMessage", &send).code, "AccessDenied");
    done(&server, &session, "GetQueueAttributes", &object!({ "QueueUrl": url }));
    server.drain();
}

#[test]
fn trust_can_depend_on_external_ids_and_names() {
    let server = server();
    let condition = object!({
        "StringEquals": { "sts:ExternalId": "42-secret" },
        "StringLike": { "sts:RoleSessionName": "${aws:username}*" },
    });
    create_role(&server, &trusting("arn:aws:iam::111122223333:root", &condition));
    let partner = user(
        &server,
        &root(OTHER_ACCOUNT),
        "nig",
        &object!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": ROLE_ARN }),
    );
    let right = object!({ "ExternalId": "42-secret" });
    assert_eq!(assume(&server, &partner, &object!({})).code, "AccessDenied");
    assert_eq!(assume(&server, &partner, &object!({ "ExternalId": "other" })).code, "AccessDenied");
    let session = credentials(&assume(&server, &partner, &right));
    let who = done(&server, &session, "GetCallerIdentity", &object!({}));
    assert_eq!(who.element("Account"), ACCOUNT, "the account of the role");
    // The other account has to allow it as well.
    let nothing = object!({ "Effect": "Allow", "Action": "x:y", "Resource": "*" });
    allow(&server, &root(OTHER_ACCOUNT), "nig", &nothing);
    assert_eq!(assume(&server, &partner, &right).code, "AccessDenied");
    server.drain();
}

#[test]
fn tags_and_the_source_identity_go_from_session_to_session() {
    let server = server();
    create_role(&server, &trusting("*", &object!({})));
    let full = object!({ "RoleName": "deploy", "PolicyName": "inline", "PolicyDocument": policy(&object!([
        { "Effect": "Allow", "Action": "sts:*", "Resource": "*" },
        {
            "Effect": "Deny", "Action": "sqs:ListQueues", "Resource": "*",
            "Condition": { "StringNotEquals": { "aws:PrincipalTag/team": "blue" } },
        },
        {
            "Effect": "Deny", "Action": "sqs:ListQueues", "Resource": "*",
            "Condition": { "StringNotEquals": { "aws:SourceIdentity": "Bob" } },
        },
    ])) });
    done(&server, &root(ACCOUNT), "PutRolePolicy", &full);
    let bob = nobody(&server, "bob");
    let tagged = object!({
        "Tags.member.1.Key": "team", "Tags.member.1.Value": "blue",
        "TransitiveTagKeys.member.1": "team", "SourceIdentity": "Bob",
    });
    let first = credentials(&assume(&server, &bob, &tagged));
    done(&server, &first, "ListQueues", &object!({}));
    let second = credentials(&assume(&server, &first, &object!({ "RoleSessionName": "later" })));
    done(&server, &second, "ListQueues", &object!({}));
    let plain = credentials(&assume(&server, &bob, &object!({})));
    assert_eq!(call(&server, &plain, "ListQueues", &object!({})).code, "AccessDenied");
    let conflict = assume(
        &server,
        &first,
        &object!({ "Tags.member.1.Key": "TEAM", "Tags.member.1.Value": "red" }),
    );
    assert!(conflict.message.contains("conflicts with a transitive tag key"), "{}", conflict.text);
    let long = assume(&server, &first, &object!({ "DurationSeconds": "3601" }));
    assert!(long.message.contains("role chaining"), "{}", long.text);
    server.drain();
}

#[test]
fn a_users_session_may_what_the_user_may() {
    let server = server();
    let url = create_queue(&server, &root(ACCOUNT), "orders");
    let may = object!([
        { "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*" },
        {
            "Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": { "DateGreaterThan": { "aws:TokenIssueTime": "2100-01-01T00:00:00Z" } },
        },
    ]);
    let bob = user(&server, &root(ACCOUNT), "bob", &may);
    let session = credentials(&done(&server, &bob, "GetSessionToken", &object!({})));
    let send = object!({ "QueueUrl": url, "MessageBody": "x" });
    done(&server, &session, "SendMessage", &send);
    let who = |caller: &Credentials| {
        let who = done(&server, caller, "GetCallerIdentity", &object!({}));
        (who.element("Arn"), who.element("UserId"))
    };
    assert_eq!(who(&session), who(&bob));
    // The usual way to take sessions back.
    let revoked = object!([
        { "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*" },
        {
            "Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": { "DateLessThan": { "aws:TokenIssueTime": "2100-01-01T00:00:00Z" } },
        },
    ]);
    allow(&server, &root(ACCOUNT), "bob", &revoked);
    assert_eq!(call(&server, &session, "SendMessage", &send).code, "AccessDenied");
    assert_eq!(
        call(&server, &bob, "SendMessage", &send).code,
        "",
        "an access key has no such time"
    );
    let only_with_device = object!([
        { "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*" },
        {
            "Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": { "Bool": { "aws:MultiFactorAuthPresent": "false" } },
        },
    ]);
    allow(&server, &root(ACCOUNT), "bob", &only_with_device);
    assert_eq!(call(&server, &session, "SendMessage", &send).code, "AccessDenied");
    assert_eq!(
        call(&server, &bob, "SendMessage", &send).code,
        "",
        "an access key has no such key, as on AWS"
    );
    server.drain();
}

#[test]
fn a_session_of_a_user_or_root_is_good_for_nothing_in_iam_and_little_in_sts() {
    let server = server();
    create_role(&server, &trusting("arn:aws:iam::000000000000:root", &object!({})));
    let all = object!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let bob = user(&server, &root(ACCOUNT), "bob", &all);
    for caller in [root(ACCOUNT), bob] {
        let session = credentials(&done(&server, &caller, "GetSessionToken", &object!({})));
        let info = object!({ "AccessKeyId": caller.id });
        for (operation, input, code) in [
            ("ListUsers", object!({}), "InvalidClientTokenId"),
            ("GetUser", object!({}), "InvalidClientTokenId"),
            ("CreateUser", object!({ "UserName": "eve" }), "InvalidClientTokenId"),
            ("GetAccessKeyInfo", info, "AccessDenied"),
            ("GetSessionToken", object!({}), "AccessDenied"),
        ] {
            let refused = call(&server, &session, operation, &input);
            assert_eq!(refused.code, code, "{operation}: {}", refused.text);
        }
        done(&server, &session, "GetCallerIdentity", &object!({}));
        done(&server, &session, "ListQueues", &object!({}));
    }
    let ann = user(&server, &root(ACCOUNT), "ann", &all);
    let session = credentials(&done(&server, &ann, "GetSessionToken", &object!({})));
    let role = credentials(&assume(&server, &session, &object!({})));
    let listed = call(&server, &role, "ListUsers", &object!({}));
    assert_eq!(listed.code, "AccessDenied", "sessions of roles are asked for their policies");
    server.drain();
}
