//! Users with their groups, boundaries and access keys, and other accounts.

use serde_json::{Value, json as object};

use crate::client::{
    ACCOUNT, Credentials, OTHER_ACCOUNT, allow, call, create_queue, done, policy, root, server,
    set_policy, unsigned, user,
};
use crate::http_support::TestServer;

const QUEUE_ARN: &str = "arn:aws:sqs:us-east-1:000000000000:orders";

fn statement(effect: &str, actions: &[&str]) -> Value {
    object!({ "Effect": effect, "Action": actions, "Resource": QUEUE_ARN })
}

fn send(server: &TestServer, caller: &Credentials, url: &str) -> String {
    call(server, caller, "SendMessage", &object!({ "QueueUrl": url, "MessageBody": "x" })).code
}

#[test]
fn producers_consumers_and_administrators_do_what_is_theirs() {
    let (server, admin) = (server(), root(ACCOUNT));
    let url = create_queue(&server, &admin, "orders");
    let producer = user(&server, &admin, "producer", &statement("Allow", &["sqs:SendMessage"]));
    let consumer_may = ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"];
    let consumer = user(&server, &admin, "consumer", &statement("Allow", &consumer_may));
    let operator = user(&server, &admin, "operator", &statement("Allow", &["sqs:*Attributes"]));
    let stranger = user(
        &server,
        &root(OTHER_ACCOUNT),
        "stranger",
        &object!({ "Effect": "Allow", "Action": "sqs:*", "Resource": "*" }),
    );

    assert_eq!(send(&server, &producer, &url), "");
    let queue = object!({ "QueueUrl": url, "AttributeNames": ["All"], "MessageSystemAttributeNames": ["All"] });
    let received = done(&server, &consumer, "ReceiveMessage", &queue);
    let sender = received.member("/Messages/0/Attributes/SenderId");
    let producer_id = done(&server, &producer, "GetCallerIdentity", &object!({})).element("UserId");
    assert_eq!(sender, producer_id);
    let handle = received.member("/Messages/0/ReceiptHandle");
    let delete = object!({ "QueueUrl": url, "ReceiptHandle": handle });
    for (caller, operation, input, is_allowed) in [
        (&producer, "ReceiveMessage", &queue, false),
        (&producer, "DeleteMessage", &delete, false),
        (&producer, "GetQueueAttributes", &queue, false),
        (&consumer, "GetQueueAttributes", &queue, false),
        (&consumer, "PurgeQueue", &queue, false),
        (&operator, "ReceiveMessage", &queue, false),
        (&operator, "DeleteQueue", &queue, false),
        (&operator, "GetQueueAttributes", &queue, true),
        (
            &operator,
            "SetQueueAttributes",
            &object!({ "QueueUrl": url, "Attributes": { "VisibilityTimeout": "5" } }),
            true,
        ),
        (&consumer, "DeleteMessage", &delete, true),
        (&stranger, "ReceiveMessage", &queue, false),
        (&stranger, "GetQueueAttributes", &queue, false),
    ] {
        let outcome = call(&server, caller, operation, input);
        let expected = if is_allowed { "" } else { "AccessDenied" };
        assert_eq!(outcome.code, expected, "{operation}: {}", outcome.text);
    }
    assert_eq!(send(&server, &consumer, &url), "AccessDenied");
    assert_eq!(send(&server, &operator, &url), "AccessDenied");
    assert_eq!(send(&server, &stranger, &url), "AccessDenied");
    server.drain();
}

#[test]
fn another_account_needs_both_sides() {
    let (server, owner, other) = (server(), root(ACCOUNT), root(OTHER_ACCOUNT));
    let url = create_queue(&server, &owner, "orders");
    let sends = statement("Allow", &["sqs:SendMessage", "sqs:GetQueueUrl"]);
    let mallory = user(&server, &other, "mallory", &sends);
    assert_eq!(send(&server, &mallory, &url), "AccessDenied", "the queue says nothing");
    set_policy(
        &server,
        &owner,
        &url,
        &object!({
            "Effect": "Allow", "Action": ["sqs:SendMessage", "sqs:GetQueueUrl"], "Resource": QUEUE_ARN,
            "Principal": { "AWS": OTHER_ACCOUNT },
        }),
    );
    assert_eq!(send(&server, &mallory, &url), "");
    assert_eq!(send(&server, &other, &url), "");
    let by_name = object!({ "QueueName": "orders", "QueueOwnerAWSAccountId": ACCOUNT });
    assert_eq!(done(&server, &mallory, "GetQueueUrl", &by_name).member("/QueueUrl"), url);
    let own_name = object!({ "QueueName": "orders" });
    let own = call(&server, &other, "GetQueueUrl", &own_name);
    assert_eq!(own.code, "AWS.SimpleQueueService.NonExistentQueue", "its own has no such queue");
    allow(&server, &other, "mallory", &statement("Allow", &["sqs:ReceiveMessage"]));
    assert_eq!(send(&server, &mallory, &url), "AccessDenied", "its own account says nothing");
    server.drain();
}

#[test]
fn groups_managed_policies_and_boundaries_count() {
    let (server, admin) = (server(), root(ACCOUNT));
    let url = create_queue(&server, &admin, "orders");
    let nothing = statement("Allow", &["sqs:PurgeQueue"]);
    let bob = user(&server, &admin, "bob", &nothing);
    assert_eq!(send(&server, &bob, &url), "AccessDenied");

    let full = "arn:aws:iam::aws:policy/AmazonSQSFullAccess";
    done(&server, &admin, "CreateGroup", &object!({ "GroupName": "devs" }));
    let attach = object!({ "GroupName": "devs", "PolicyArn": full });
    done(&server, &admin, "AttachGroupPolicy", &attach);
    let member = object!({ "GroupName": "devs", "UserName": "bob" });
    done(&server, &admin, "AddUserToGroup", &member);
    assert_eq!(send(&server, &bob, &url), "", "by the policy of the group");

    let document = policy(&statement("Allow", &["sqs:ReceiveMessage"]));
    let create = object!({ "PolicyName": "limit", "PolicyDocument": document });
    let limit = done(&server, &admin, "CreatePolicy", &create).element("Arn");
    let bound = object!({ "UserName": "bob", "PermissionsBoundary": limit });
    done(&server, &admin, "PutUserPermissionsBoundary", &bound);
    let input = object!({ "QueueUrl": url, "MessageBody": "x" });
    let denied = call(&server, &bob, "SendMessage", &input);
    assert!(
        denied
            .message
            .ends_with("because no permissions boundary allows the sqs:sendmessage action"),
        "{}",
        denied.message
    );
    let wider = policy(&statement("Allow", &["sqs:SendMessage"]));
    let version = object!({ "PolicyArn": limit, "PolicyDocument": wider, "SetAsDefault": "true" });
    done(&server, &admin, "CreatePolicyVersion", &version);
    assert_eq!(send(&server, &bob, &url), "", "by the new version");

    done(&server, &admin, "RemoveUserFromGroup", &member);
    assert_eq!(send(&server, &bob, &url), "AccessDenied");
    server.drain();
}

#[test]
fn who_may_create_users_can_be_held_to_a_boundary() {
    let (server, admin) = (server(), root(ACCOUNT));
    let limit = "arn:aws:iam::aws:policy/AmazonSQSReadOnlyAccess";
    let helper = user(
        &server,
        &admin,
        "helper",
        &object!({
            "Effect": "Allow", "Action": ["iam:CreateUser", "iam:AttachUserPolicy"], "Resource": "*",
            "Condition": { "StringEquals": { "iam:PermissionsBoundary": limit } },
        }),
    );
    let create = |input: &Value| call(&server, &helper, "CreateUser", input).code;
    assert_eq!(create(&object!({ "UserName": "a" })), "AccessDenied");
    let other = "arn:aws:iam::aws:policy/AdministratorAccess";
    assert_eq!(create(&object!({ "UserName": "a", "PermissionsBoundary": other })), "AccessDenied");
    assert_eq!(create(&object!({ "UserName": "a", "PermissionsBoundary": limit })), "");
    let attach = |user: &str| {
        let input = object!({ "UserName": user, "PolicyArn": other });
        call(&server, &helper, "AttachUserPolicy", &input).code
    };
    assert_eq!(attach("a"), "", "a has the boundary");
    assert_eq!(attach("helper"), "AccessDenied", "helper has none");
    server.drain();
}

#[test]
fn tags_of_callers_requests_and_queues_count() {
    let (server, admin) = (server(), root(ACCOUNT));
    let bob = user(
        &server,
        &admin,
        "bob",
        &object!([
            {
                "Effect": "Allow", "Action": "sqs:SendMessage", "Resource": "*",
                "Condition": { "StringEquals": { "aws:ResourceTag/team": "${aws:PrincipalTag/team}" } },
            },
            {
                "Effect": "Allow", "Action": ["sqs:CreateQueue", "sqs:TagQueue"], "Resource": "*",
                "Condition": {
                    "StringEquals": { "aws:RequestTag/team": "blue" },
                    "ForAllValues:StringEquals": { "aws:TagKeys": ["team"] },
                },
            },
        ]),
    );
    let tag =
        object!({ "UserName": "bob", "Tags.member.1.Key": "team", "Tags.member.1.Value": "blue" });
    done(&server, &admin, "TagUser", &tag);
    let create = |name: &str, tags: Value| {
        call(&server, &bob, "CreateQueue", &object!({ "QueueName": name, "tags": tags }))
    };
    assert_eq!(create("a", object!({})).code, "AccessDenied");
    assert_eq!(create("a", object!({ "team": "red" })).code, "AccessDenied");
    assert_eq!(create("a", object!({ "team": "blue", "cost": "1" })).code, "AccessDenied");
    let url = create("a", object!({ "team": "blue" })).member("/QueueUrl");
    assert_eq!(send(&server, &bob, &url), "");
    let red = create_queue(&server, &admin, "red");
    done(&server, &admin, "TagQueue", &object!({ "QueueUrl": red, "Tags": { "team": "red" } }));
    assert_eq!(send(&server, &bob, &red), "AccessDenied");
    server.drain();
}

#[test]
fn a_key_that_is_inactive_or_gone_opens_nothing() {
    let (server, admin) = (server(), root(ACCOUNT));
    let url = create_queue(&server, &admin, "orders");
    let bob = user(&server, &admin, "bob", &statement("Allow", &["sqs:SendMessage"]));
    let set = |status: &str| {
        let input = object!({ "UserName": "bob", "AccessKeyId": bob.id, "Status": status });
        done(&server, &admin, "UpdateAccessKey", &input);
    };
    assert_eq!(send(&server, &bob, &url), "");
    set("Inactive");
    assert_eq!(send(&server, &bob, &url), "InvalidClientTokenId");
    set("Active");
    assert_eq!(send(&server, &bob, &url), "");
    let key = object!({ "UserName": "bob", "AccessKeyId": bob.id });
    done(&server, &admin, "DeleteAccessKey", &key);
    assert_eq!(send(&server, &bob, &url), "InvalidClientTokenId");
    let nobody = unsigned(&server, "GetCallerIdentity", &object!({}));
    assert_eq!((nobody.status, nobody.code.as_str()), (403, "MissingAuthenticationToken"));
    server.drain();
}

#[test]
fn an_alias_belongs_to_one_account_at_a_time() {
    let server = server();
    let (one, other) = (root(ACCOUNT), root(OTHER_ACCOUNT));
    let acme = object!({ "AccountAlias": "acme" });
    done(&server, &one, "CreateAccountAlias", &acme);
    assert_eq!(call(&server, &other, "CreateAccountAlias", &acme).code, "EntityAlreadyExists");
    assert_eq!(call(&server, &other, "DeleteAccountAlias", &acme).code, "NoSuchEntity");
    let of = |caller| done(&server, caller, "ListAccountAliases", &object!({})).element("member");
    assert_eq!((of(&one), of(&other)), ("acme".to_owned(), String::new()));
    // Another one takes its place, and sets it free.
    done(&server, &one, "CreateAccountAlias", &object!({ "AccountAlias": "acme-2" }));
    done(&server, &other, "CreateAccountAlias", &acme);
    assert_eq!((of(&one), of(&other)), ("acme-2".to_owned(), "acme".to_owned()));
    // The keys of the root stay whose they are.
    done(&server, &one, "ListAccessKeys", &object!({}));
    server.drain();
}

#[test]
fn the_last_use_of_an_access_key_is_noted_when_its_signature_is_good() {
    let server = server();
    let (one, other) = (root(ACCOUNT), root(OTHER_ACCOUNT));
    let itself = object!({
        "Effect": "Allow", "Action": "iam:GetAccessKeyLastUsed",
        "Resource": format!("arn:aws:iam::{ACCOUNT}:user/bob"),
    });
    let bob = user(&server, &one, "bob", &itself);
    let ask = |caller: &Credentials, id: &str| {
        call(&server, caller, "GetAccessKeyLastUsed", &object!({ "AccessKeyId": id }))
    };
    let of = |id: &str| {
        let outcome = ask(&one, id);
        (outcome.element("UserName"), outcome.element("ServiceName"), outcome.element("Region"))
    };
    let bobs =
        |service: &str, region: &str| ("bob".to_owned(), service.to_owned(), region.to_owned());
    assert_eq!(of(&bob.id), bobs("N/A", "N/A"));
    let guessed = Credentials { secret: "wrong".repeat(8), ..bob.clone() };
    call(&server, &guessed, "ListQueues", &object!({}));
    assert_eq!(of(&bob.id), bobs("N/A", "N/A"));
    assert_eq!(call(&server, &bob, "ListQueues", &object!({})).code, "AccessDenied");
    assert_eq!(of(&bob.id), bobs("sqs", "us-east-1"));
    assert!(ask(&bob, &bob.id).element("LastUsedDate").starts_with('2'), "it may ask about itself");
    assert_eq!(ask(&bob, &one.id).code, "AccessDenied");
    let (nobody, service, _) = of(&one.id);
    assert_eq!((&*nobody, &*service), ("", "iam"));
    assert_eq!(ask(&other, &bob.id).code, "NoSuchEntity");
    server.drain();
}
