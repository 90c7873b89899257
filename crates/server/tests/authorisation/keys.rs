//! The policy of a KMS key is the gate to it: policies of identities count only if it leaves them to the account.

use serde_json::{Value, json as object};

use crate::client::{
    ACCOUNT, Credentials, OTHER_ACCOUNT, allow, call, done, policy, root, server, user,
};
use crate::http_support::TestServer;

const BOB: &str = "arn:aws:iam::000000000000:user/bob";

fn everything() -> Value {
    object!({ "Effect": "Allow", "Action": "kms:*", "Resource": "*" })
}

/// Creates a key with a policy of these statements, and returns its ARN.
fn create_key(server: &TestServer, caller: &Credentials, statements: &Value) -> String {
    let input = object!({
        "Policy": policy(statements), "BypassPolicyLockoutSafetyCheck": true,
    });
    done(server, caller, "CreateKey", &input).member("/KeyMetadata/Arn")
}

fn encrypt(server: &TestServer, caller: &Credentials, key: &str, context: &Value) -> String {
    let input = object!({ "KeyId": key, "Plaintext": "aGVsbG8=", "EncryptionContext": context });
    call(server, caller, "Encrypt", &input).code
}

fn letting(principal: &str, actions: &[&str]) -> Value {
    object!({
        "Effect": "Allow", "Principal": { "AWS": principal }, "Action": actions, "Resource": "*",
    })
}

#[test]
fn policies_of_identities_count_only_if_the_key_leaves_them_to_the_account() {
    let (server, admin) = (server(), root(ACCOUNT));
    let bob = user(&server, &admin, "bob", &everything());
    let eve = user(
        &server,
        &admin,
        "eve",
        &object!({ "Effect": "Allow", "Action": "x:y", "Resource": "*" }),
    );
    let none = object!({});
    let open =
        create_key(&server, &admin, &letting(&format!("arn:aws:iam::{ACCOUNT}:root"), &["kms:*"]));
    assert_eq!(encrypt(&server, &bob, &open, &none), "", "the account decides, and allows it");
    assert_eq!(encrypt(&server, &eve, &open, &none), "AccessDenied", "the account decides");

    let closed = create_key(&server, &admin, &letting(BOB, &["kms:Decrypt"]));
    for caller in [&admin, &bob, &eve] {
        assert_eq!(encrypt(&server, caller, &closed, &none), "AccessDenied");
    }
    let input = object!({ "KeyId": closed, "Plaintext": "aGVsbG8=" });
    let denied = call(&server, &bob, "Encrypt", &input);
    let reason = "because no resource-based policy allows the kms:Encrypt action";
    assert!(denied.message.ends_with(reason), "{}", denied.message);
    assert_eq!(denied.status, 400);

    let of_bob = create_key(&server, &admin, &letting(BOB, &["kms:Encrypt"]));
    allow(
        &server,
        &admin,
        "bob",
        &object!({ "Effect": "Allow", "Action": "x:y", "Resource": "*" }),
    );
    assert_eq!(encrypt(&server, &bob, &of_bob, &none), "", "the key names bob");
    assert_eq!(encrypt(&server, &bob, &open, &none), "AccessDenied");
    server.drain();
}

#[test]
fn conditions_ask_for_the_encryption_context_the_alias_and_tags() {
    let (server, admin) = (server(), root(ACCOUNT));
    let key =
        create_key(&server, &admin, &letting(&format!("arn:aws:iam::{ACCOUNT}:root"), &["kms:*"]));
    let name = object!({ "AliasName": "alias/orders", "TargetKeyId": key });
    done(&server, &admin, "CreateAlias", &name);
    let tag = object!({ "KeyId": key, "Tags": [{ "TagKey": "team", "TagValue": "blue" }] });
    done(&server, &admin, "TagResource", &tag);
    let when = |condition: Value| object!({ "Effect": "Allow", "Action": "kms:Encrypt", "Resource": "*", "Condition": condition });
    let bob = user(&server, &admin, "bob", &everything());
    let (none, orders) = (object!({}), object!({ "Queue": "orders" }));
    for (condition, key_id, context, code) in [
        (
            object!({ "StringEquals": { "kms:EncryptionContext:queue": "orders" } }),
            &*key,
            &orders,
            "",
        ),
        (
            object!({ "StringEquals": { "kms:EncryptionContext:queue": "orders" } }),
            &key,
            &none,
            "AccessDenied",
        ),
        (
            object!({ "ForAllValues:StringEquals": { "kms:EncryptionContextKeys": ["Other"] } }),
            &key,
            &orders,
            "AccessDenied",
        ),
        (
            object!({ "ForAnyValue:StringEquals": { "kms:EncryptionContextKeys": ["Queue"] } }),
            &key,
            &orders,
            "",
        ),
        (
            object!({ "StringEquals": { "kms:RequestAlias": "alias/orders" } }),
            "alias/orders",
            &none,
            "",
        ),
        (
            object!({ "StringEquals": { "kms:RequestAlias": "alias/orders" } }),
            &key,
            &none,
            "AccessDenied",
        ),
        (
            object!({ "ForAnyValue:StringEquals": { "kms:ResourceAliases": "alias/orders" } }),
            &key,
            &none,
            "",
        ),
        (
            object!({ "ForAnyValue:StringEquals": { "kms:ResourceAliases": "alias/other" } }),
            &key,
            &none,
            "AccessDenied",
        ),
        (object!({ "StringEquals": { "aws:ResourceTag/team": "blue" } }), &key, &none, ""),
        (
            object!({ "StringEquals": { "aws:ResourceTag/team": "red" } }),
            &key,
            &none,
            "AccessDenied",
        ),
        (object!({ "StringEquals": { "kms:CallerAccount": ACCOUNT } }), &key, &none, ""),
        (
            object!({ "StringEquals": { "kms:ViaService": "sqs.us-east-1.amazonaws.com" } }),
            &key,
            &none,
            "AccessDenied",
        ),
        (
            object!({ "StringEquals": { "kms:EncryptionAlgorithm": "SYMMETRIC_DEFAULT" } }),
            &key,
            &none,
            "",
        ),
    ] {
        allow(&server, &admin, "bob", &when(condition.clone()));
        assert_eq!(encrypt(&server, &bob, key_id, context), code, "{condition} {key_id}");
    }
    server.drain();
}

#[test]
fn another_account_needs_the_key_and_its_own_policies_and_learns_nothing_otherwise() {
    let (server, owner, other) = (server(), root(ACCOUNT), root(OTHER_ACCOUNT));
    let mallory = user(&server, &other, "mallory", &everything());
    let account = format!("arn:aws:iam::{ACCOUNT}:root");
    let closed = create_key(&server, &owner, &letting(&account, &["kms:*"]));
    let unknown = closed.replace(&closed[closed.len() - 4..], "0000");
    let told = |key: &str| {
        let input = object!({ "KeyId": key, "Plaintext": "aGVsbG8=" });
        call(&server, &mallory, "Encrypt", &input).message
    };
    assert_eq!(told(&closed), told(&unknown));
    assert!(
        told(&closed)
            .contains("on this resource because the resource does not exist in this Region")
    );

    let shared = create_key(
        &server,
        &owner,
        &object!([letting(&account, &["kms:*"]), letting(OTHER_ACCOUNT, &["kms:*"])]),
    );
    assert_eq!(encrypt(&server, &mallory, &shared, &object!({})), "");
    let disable = object!({ "KeyId": shared });
    let denied = call(&server, &mallory, "DisableKey", &disable);
    assert_eq!(denied.code, "AccessDenied", "nobody manages keys of others");
    allow(
        &server,
        &other,
        "mallory",
        &object!({ "Effect": "Allow", "Action": "x:y", "Resource": "*" }),
    );
    assert_eq!(encrypt(&server, &mallory, &shared, &object!({})), "AccessDenied");
    server.drain();
}

#[test]
fn nobody_locks_himself_out_by_mistake() {
    let (server, admin) = (server(), root(ACCOUNT));
    let root_arn = format!("arn:aws:iam::{ACCOUNT}:root");
    let key = create_key(&server, &admin, &letting(&root_arn, &["kms:*"]));
    let put = |statements: &Value, bypass: bool| {
        let input = object!({
            "KeyId": key, "Policy": policy(statements), "BypassPolicyLockoutSafetyCheck": bypass,
        });
        call(&server, &admin, "PutKeyPolicy", &input)
    };
    let refused = put(&letting(BOB, &["kms:*"]), false);
    assert_eq!(refused.code, "MalformedPolicyDocument", "{}", refused.text);
    assert_eq!(put(&letting(&root_arn, &["kms:Put*", "kms:Get*"]), false).code, "");
    assert_eq!(put(&letting(BOB, &["kms:*"]), true).code, "");
    assert_eq!(put(&letting(&root_arn, &["kms:*"]), true).code, "AccessDenied", "it was meant so");
    let input = object!({ "Policy": policy(&letting(BOB, &["kms:*"])) });
    assert_eq!(call(&server, &admin, "CreateKey", &input).code, "MalformedPolicyDocument");
    server.drain();
}

#[test]
fn the_key_of_sqs_is_used_by_way_of_sqs_only() {
    let (server, admin) = (server(), root(ACCOUNT));
    let described = done(&server, &admin, "DescribeKey", &object!({ "KeyId": "alias/aws/sqs" }));
    assert_eq!(described.member("/KeyMetadata/KeyManager"), "AWS");
    let bob = user(&server, &admin, "bob", &everything());
    for caller in [&admin, &bob] {
        assert_eq!(encrypt(&server, caller, "alias/aws/sqs", &object!({})), "AccessDenied");
    }
    let key = object!({ "KeyId": described.member("/KeyMetadata/KeyId") });
    assert_eq!(call(&server, &admin, "ScheduleKeyDeletion", &key).code, "AccessDenied");
    done(&server, &bob, "GetKeyPolicy", &key);
    server.drain();
}

#[test]
fn the_key_of_sqs_that_does_not_exist_yet_is_used_no_other_way_either() {
    let (server, admin) = (server(), root(ACCOUNT));
    let bob = user(&server, &admin, "bob", &everything());
    let own =
        create_key(&server, &admin, &letting(&format!("arn:aws:iam::{ACCOUNT}:root"), &["kms:*"]));
    let input = object!({ "KeyId": own, "Plaintext": "aGVsbG8=" });
    let ciphertext = done(&server, &bob, "Encrypt", &input).member("/CiphertextBlob");
    let uses = [
        ("Encrypt", object!({ "KeyId": "alias/aws/sqs", "Plaintext": "aGVsbG8=" })),
        ("GenerateDataKey", object!({ "KeyId": "alias/aws/sqs", "KeySpec": "AES_256" })),
        (
            "ReEncrypt",
            object!({ "CiphertextBlob": ciphertext, "DestinationKeyId": "alias/aws/sqs" }),
        ),
    ];
    for code in ["NotFound", "AccessDenied"] {
        for (operation, input) in &uses {
            for caller in [&bob, &admin] {
                let refused = call(&server, caller, operation, input);
                assert_eq!(refused.code, code, "{operation}: {}", refused.text);
            }
        }
        let listed = done(&server, &bob, "ListAliases", &object!({})).text;
        assert_eq!(listed.contains("alias/aws/sqs"), code == "AccessDenied", "{listed}");
        done(&server, &bob, "DescribeKey", &object!({ "KeyId": "alias/aws/sqs" }));
    }
    server.drain();
}

#[test]
fn who_is_made_again_under_a_name_does_not_have_the_grants_of_before() {
    let (server, admin) = (server(), root(ACCOUNT));
    let key =
        create_key(&server, &admin, &letting(&format!("arn:aws:iam::{ACCOUNT}:root"), &["kms:*"]));
    let nothing = object!({ "Effect": "Allow", "Action": "x:y", "Resource": "*" });
    let bob = user(&server, &admin, "bob", &nothing);
    let grant = object!({
        "KeyId": key, "GranteePrincipal": BOB, "Operations": ["Encrypt"], "Name": "it",
    });
    done(&server, &admin, "CreateGrant", &grant);
    assert_eq!(encrypt(&server, &bob, &key, &object!({})), "");
    let of_bob = |operation: &str, more: Value| {
        let mut input = more;
        input["UserName"] = object!("bob");
        done(&server, &admin, operation, &input);
    };
    of_bob("DeleteAccessKey", object!({ "AccessKeyId": bob.id }));
    of_bob("DeleteUserPolicy", object!({ "PolicyName": "inline" }));
    of_bob("DeleteUser", object!({}));
    let bob = user(&server, &admin, "bob", &nothing);
    assert_eq!(encrypt(&server, &bob, &key, &object!({})), "AccessDenied", "somebody else");
    done(&server, &admin, "CreateGrant", &grant);
    assert_eq!(encrypt(&server, &bob, &key, &object!({})), "", "one of the same name is his own");
    server.drain();
}

#[test]
fn a_grant_lets_somebody_whom_no_policy_lets_until_it_ends() {
    let (server, admin) = (server(), root(ACCOUNT));
    let key =
        create_key(&server, &admin, &letting(&format!("arn:aws:iam::{ACCOUNT}:root"), &["kms:*"]));
    let nothing = object!({ "Effect": "Allow", "Action": "x:y", "Resource": "*" });
    let (bob, eve) =
        (user(&server, &admin, "bob", &nothing), user(&server, &admin, "eve", &nothing));
    let orders = object!({ "queue": "orders" });
    let grant = object!({
        "KeyId": key, "GranteePrincipal": BOB, "Operations": ["Encrypt"],
        "RetiringPrincipal": "arn:aws:iam::000000000000:user/eve",
        "Constraints": { "EncryptionContextSubset": { "queue": "orders" } },
    });
    assert_eq!(encrypt(&server, &bob, &key, &orders), "AccessDenied");
    let id = done(&server, &admin, "CreateGrant", &grant).member("/GrantId");
    assert_eq!(encrypt(&server, &bob, &key, &orders), "");
    assert_eq!(encrypt(&server, &bob, &key, &object!({})), "AccessDenied", "not constrained so");
    assert_eq!(encrypt(&server, &eve, &key, &orders), "AccessDenied");
    let retire = object!({ "KeyId": key, "GrantId": id });
    assert_eq!(call(&server, &bob, "RetireGrant", &retire).code, "AccessDenied");
    assert_eq!(call(&server, &eve, "RevokeGrant", &retire).code, "AccessDenied");
    done(&server, &eve, "RetireGrant", &retire);
    assert_eq!(encrypt(&server, &bob, &key, &orders), "AccessDenied");
    server.drain();
}
