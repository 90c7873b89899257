//! Users of somebody else, with credentials that a user or root got for them.

use serde_json::{Value, json as object};

use crate::client::{
    ACCOUNT, Credentials, OTHER_ACCOUNT, allow, call, create_queue, done, policy, root, server,
    set_policy, user,
};
use crate::http_support::TestServer;
use crate::sessions::credentials;

const ARN: &str = "arn:aws:sts::000000000000:federated-user/ann";

/// Credentials of ann, as `caller` gets them.
fn ann(server: &TestServer, caller: &Credentials, more: &Value) -> Credentials {
    let mut input = object!({ "Name": "ann" });
    let more = more.as_object().expect("an object").clone();
    input.as_object_mut().expect("an object").extend(more);
    credentials(&done(server, caller, "GetFederationToken", &input))
}

fn allowing(action: &str) -> Value {
    object!({ "Effect": "Allow", "Action": action, "Resource": "*" })
}

/// A session policy.
fn bounded(action: &str) -> Value {
    object!({ "Policy": policy(&allowing(action)) })
}

/// Bob may send to queues, and get credentials for others.
fn bob(server: &TestServer) -> Credentials {
    let may = object!([allowing("sqs:SendMessage"), allowing("sts:*")]);
    user(server, &root(ACCOUNT), "bob", &may)
}

#[test]
fn a_federated_user_may_what_both_the_user_and_the_session_policy_allow() {
    let server = server();
    let url = create_queue(&server, &root(ACCOUNT), "orders");
    let send = object!({ "QueueUrl": url, "MessageBody": "x" });
    let bob = bob(&server);
    let session = ann(&server, &bob, &bounded("sqs:*"));
    done(&server, &session, "SendMessage", &send);
    let purge = object!({ "QueueUrl": url });
    let denied = call(&server, &session, "PurgeQueue", &purge);
    assert_eq!(
        denied.message,
        format!(
            "User: {ARN} is not authorized to perform: sqs:purgequeue on resource: \
             arn:aws:sqs:us-east-1:{ACCOUNT}:orders because no identity-based policy allows the sqs:purgequeue action"
        )
    );
    let session = ann(&server, &bob, &bounded("sqs:PurgeQueue"));
    let denied = call(&server, &session, "SendMessage", &send);
    let reason = "because no session policy allows the sqs:sendmessage action";
    assert!(denied.message.ends_with(reason), "{}", denied.message);
    let managed =
        object!({ "PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/AmazonSQSFullAccess" });
    let session = ann(&server, &bob, &managed);
    done(&server, &session, "SendMessage", &send);
    // What the user loses, its federated users lose.
    allow(&server, &root(ACCOUNT), "bob", &allowing("sts:*"));
    assert_eq!(call(&server, &session, "SendMessage", &send).code, "AccessDenied");
    server.drain();
}

#[test]
fn without_a_session_policy_a_federated_user_has_what_resources_give_it() {
    let server = server();
    let admin = root(ACCOUNT);
    let url = create_queue(&server, &admin, "orders");
    let send = object!({ "QueueUrl": url, "MessageBody": "x" });
    let receive = object!({ "QueueUrl": url });
    let bob = bob(&server);
    let session = ann(&server, &bob, &object!({}));
    let denied = call(&server, &session, "SendMessage", &send);
    let reason = "because no session policy allows the sqs:sendmessage action";
    assert!(denied.message.ends_with(reason), "{}", denied.message);

    let to = |principal: &str, action: &str| object!({ "Effect": "Allow", "Principal": { "AWS": principal }, "Action": action, "Resource": "*" });
    // To bob: that is behind the session policies.
    set_policy(&server, &admin, &url, &to(&format!("arn:aws:iam::{ACCOUNT}:user/bob"), "sqs:*"));
    assert_eq!(call(&server, &session, "ReceiveMessage", &receive).code, "AccessDenied");
    let bounded = ann(&server, &bob, &bounded("sqs:ReceiveMessage"));
    done(&server, &bounded, "ReceiveMessage", &receive);
    // To ann herself.
    set_policy(&server, &admin, &url, &to(ARN, "sqs:ReceiveMessage"));
    done(&server, &session, "ReceiveMessage", &receive);
    assert_eq!(call(&server, &session, "SendMessage", &send).code, "AccessDenied");
    let other =
        credentials(&done(&server, &bob, "GetFederationToken", &object!({ "Name": "eve" })));
    assert_eq!(call(&server, &other, "ReceiveMessage", &receive).code, "AccessDenied");
    server.drain();
}

#[test]
fn a_federated_user_of_a_root_may_what_the_session_policy_allows() {
    let server = server();
    let admin = root(ACCOUNT);
    let url = create_queue(&server, &admin, "orders");
    let send = object!({ "QueueUrl": url, "MessageBody": "x" });
    let session = ann(&server, &admin, &bounded("sqs:SendMessage"));
    done(&server, &session, "SendMessage", &send);
    let purge = object!({ "QueueUrl": url });
    assert_eq!(call(&server, &session, "PurgeQueue", &purge).code, "AccessDenied");
    let without = ann(&server, &admin, &object!({}));
    assert_eq!(call(&server, &without, "SendMessage", &send).code, "AccessDenied");
    let elsewhere = create_queue(&server, &root(OTHER_ACCOUNT), "orders");
    let send = object!({ "QueueUrl": elsewhere, "MessageBody": "x" });
    assert_eq!(call(&server, &session, "SendMessage", &send).code, "AccessDenied");
    server.drain();
}

#[test]
fn a_federated_user_is_nobody_in_iam_and_may_only_ask_who_it_is_in_sts() {
    let server = server();
    let admin = user(&server, &root(ACCOUNT), "admin", &allowing("*"));
    let answer = done(&server, &admin, "GetFederationToken", &object!({ "Name": "ann" }));
    assert_eq!(answer.element("Arn"), ARN);
    let session = ann(&server, &admin, &bounded("*"));
    let role = object!({ "RoleArn": format!("arn:aws:iam::{ACCOUNT}:role/none"), "RoleSessionName": "night" });
    for (operation, input, code) in [
        ("ListUsers", object!({}), "InvalidClientTokenId"),
        ("CreateUser", object!({ "UserName": "eve" }), "InvalidClientTokenId"),
        ("AssumeRole", role, "AccessDenied"),
        ("GetAccessKeyInfo", object!({ "AccessKeyId": admin.id }), "AccessDenied"),
        ("GetSessionToken", object!({}), "AccessDenied"),
        ("GetFederationToken", object!({ "Name": "eve" }), "AccessDenied"),
    ] {
        let refused = call(&server, &session, operation, &input);
        assert_eq!(refused.code, code, "{operation}: {}", refused.text);
    }
    let who = done(&server, &session, "GetCallerIdentity", &object!({}));
    assert_eq!(who.element("Arn"), ARN);
    assert_eq!(who.element("UserId"), format!("{ACCOUNT}:ann"));
    assert_eq!(who.element("UserId"), answer.element("FederatedUserId"));
    done(&server, &session, "ListQueues", &object!({}));
    // Permanent credentials are needed to get such ones.
    let temporary = credentials(&done(&server, &admin, "GetSessionToken", &object!({})));
    let refused = call(&server, &temporary, "GetFederationToken", &object!({ "Name": "eve" }));
    assert_eq!(refused.message, "Cannot call GetFederationToken with session credentials");
    server.drain();
}

#[test]
fn conditions_ask_who_a_federated_user_is_and_for_its_tags() {
    let server = server();
    let root = root(ACCOUNT);
    let conditional = object!([
        allowing("sts:GetFederationToken"),
        {
            "Effect": "Allow", "Action": "sts:TagSession", "Resource": "*",
            "Condition": { "StringEquals": { "aws:RequestTag/team": ["blue", "red"] } },
        },
        {
            "Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*",
            "Condition": {
                "StringEquals": {
                    "aws:PrincipalType": "FederatedUser", "aws:PrincipalArn": ARN,
                    "aws:userid": format!("{ACCOUNT}:ann"), "aws:PrincipalTag/Team": "blue",
                    "aws:PrincipalTag/site": "north",
                },
                "Null": { "aws:username": "true", "aws:TokenIssueTime": "false" },
            },
        },
    ]);
    let bob = user(&server, &root, "bob", &conditional);
    // A tag of the session counts before the user's own.
    let tags = object!({
        "UserName": "bob", "Tags.member.1.Key": "team", "Tags.member.1.Value": "red",
        "Tags.member.2.Key": "site", "Tags.member.2.Value": "north",
    });
    done(&server, &root, "TagUser", &tags);
    let tagged = |team: &str| {
        let mut input = bounded("sqs:*");
        input["Name"] = "ann".into();
        input["Tags.member.1.Key"] = "team".into();
        input["Tags.member.1.Value"] = team.into();
        call(&server, &bob, "GetFederationToken", &input)
    };
    let session = credentials(&tagged("blue"));
    done(&server, &session, "ListQueues", &object!({}));
    for session in [credentials(&tagged("red")), ann(&server, &bob, &bounded("sqs:*")), bob.clone()]
    {
        assert_eq!(call(&server, &session, "ListQueues", &object!({})).code, "AccessDenied");
    }
    let untaggable = tagged("green");
    assert!(untaggable.message.contains("sts:TagSession"), "{}", untaggable.text);
    server.drain();
}

#[test]
fn a_federated_user_ends_with_the_user_that_asked_for_it() {
    let server = server();
    let root = root(ACCOUNT);
    let url = create_queue(&server, &root, "orders");
    let bob = bob(&server);
    let session = ann(&server, &bob, &bounded("*"));
    let send = object!({ "QueueUrl": url, "MessageBody": "x" });
    done(&server, &session, "SendMessage", &send);
    // The access key with which it was asked for is not what it hangs on.
    let key = object!({ "UserName": "bob", "AccessKeyId": bob.id });
    done(&server, &root, "DeleteAccessKey", &key);
    done(&server, &session, "SendMessage", &send);
    done(
        &server,
        &root,
        "DeleteUserPolicy",
        &object!({ "UserName": "bob", "PolicyName": "inline" }),
    );
    done(&server, &root, "DeleteUser", &object!({ "UserName": "bob" }));
    assert_eq!(call(&server, &session, "SendMessage", &send).code, "InvalidClientTokenId");
    server.drain();
}
