//! What the audit log of a server says of the calls that it got.

mod http_support;

#[allow(dead_code, reason = "made for other tests; this one uses a part of it")]
#[path = "authorisation/client.rs"]
mod client;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use client::{ACCOUNT, Credentials, call, done, encoded, policy, root, unsigned};
use http_support::{Answer, Client, TestServer, json};
use serde_json::{Value, json as object};
use sluice_server::audit::{EventCategory, verify};
use sluice_server::config::{
    AuditConfig, Config, ListenAddress, ListenerConfig, VpcEndpoint, WhenFull,
};
use sluice_server::services::{SERVICES, Switch};
use tempfile::TempDir;

const ID: &str = "AKIA000000000000";
const HIDDEN: &str = "HIDDEN_DUE_TO_SECURITY_REASONS";

/// A server with an audit log; its directory outlives it.
struct Audited {
    server: TestServer,
    directory: TempDir,
}

impl Audited {
    fn start(change: impl FnOnce(&mut Config, &mut AuditConfig)) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let mut audit = AuditConfig {
            directory: directory.path().join("audit"),
            data_events: Switch::Off,
            when_full: WhenFull::Wait,
            file_bytes_max: 1 << 30,
            file_age_max: Duration::from_secs(3_600),
        };
        let server = TestServer::start_with(|config| {
            change(config, &mut audit);
            config.audit = Some(audit);
        });
        Self { server, directory }
    }

    fn verified() -> Self {
        Self::start(|config, _| client::verifying(config))
    }

    fn with_data_events() -> Self {
        Self::start(|config, audit| {
            config.extensions.peek = Switch::On;
            audit.data_events = Switch::On;
        })
    }

    fn call(&self, operation: &str, input: &Value) -> Answer {
        self.server.connect().call(operation, &input.to_string())
    }

    /// What is recorded so far.
    fn records(&self) -> Vec<Value> {
        let file = self.directory.path().join("audit/audit-0000000001.jsonl");
        let text = fs::read_to_string(file).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).expect("a record")).collect()
    }

    fn last(&self) -> Value {
        self.records().pop().expect("something was recorded")
    }

    /// Stops, and checks the chain; returns how many records there are.
    fn stop(self) -> u64 {
        self.server.drain();
        verify(&self.directory.path().join("audit"), None).expect("the chain is whole").records
    }
}

/// Takes members out that differ from run to run.
fn without(mut record: Value, members: &[&str]) -> Value {
    let object = record.as_object_mut().expect("a record is an object");
    for member in members {
        assert!(object.remove(*member).is_some_and(|value| value.is_string()), "{member}");
    }
    record
}

#[test]
fn a_call_by_the_root_is_recorded_with_the_members_of_cloudtrail() {
    let audited = Audited::verified();
    let create = object!({ "QueueName": "q", "Attributes": { "VisibilityTimeout": "60" } });
    done(&audited.server, &root(ACCOUNT), "CreateQueue", &create);
    let record = audited.last();
    let varying = ["requestID", "eventID", "eventTime", "previousRecordHash"];
    let expected = object!({
        "eventVersion": "1.11",
        "userIdentity": {
            "type": "Root", "principalId": "000000000000", "arn": "arn:aws:iam::000000000000:root",
            "accountId": "000000000000", "accessKeyId": ID
        },
        "eventSource": "sqs.amazonaws.com",
        "eventName": "CreateQueue",
        "awsRegion": "us-east-1",
        "sourceIPAddress": "127.0.0.1",
        "userAgent": null,
        "requestParameters": { "queueName": "q", "attributes": { "VisibilityTimeout": "60" } },
        "responseElements": { "queueUrl": "http://localhost/000000000000/q" },
        "readOnly": false,
        "resources": [{
            "accountId": "000000000000", "type": "AWS::SQS::Queue",
            "ARN": "arn:aws:sqs:us-east-1:000000000000:q"
        }],
        "eventType": "AwsApiCall",
        "managementEvent": true,
        "recipientAccountId": "000000000000",
        "eventCategory": "Management",
    });
    assert_eq!(without(record, &varying), expected);
    assert_eq!(audited.stop(), 1);
}

#[test]
fn a_call_through_an_endpoint_is_recorded_with_it() {
    let socket = tempfile::tempdir().expect("a temporary directory");
    let path = socket.path().join("sluice.sock");
    let (id, account) = ("vpce-0123456789abcdef0".to_owned(), ACCOUNT.to_owned());
    let endpoint = VpcEndpoint { id: id.clone(), vpc: None, account, policy: None };
    let lan = ListenerConfig {
        endpoint: Some(Arc::new(endpoint)),
        ..ListenerConfig::new(SocketAddr::from(([127, 0, 0, 1], 0)))
    };
    let local = ListenerConfig::new(ListenAddress::Unix { path, mode: 0o600 });
    let audited = Audited::start(|config, _| config.further_listeners = vec![lan, local]);
    let create = r#"{"QueueName":"q"}"#;
    for (number, address, endpoint) in [
        (0, object!("127.0.0.1"), Value::Null),
        (1, object!("127.0.0.1"), id.into()),
        (2, Value::Null, Value::Null),
    ] {
        let listener = &audited.server.addresses()[number];
        Client::connect_at(listener).call("CreateQueue", create);
        let record = audited.last();
        assert_eq!(record["sourceIPAddress"], address, "{listener}");
        assert_eq!(record["vpcEndpointId"], endpoint, "{listener}");
        let account = if endpoint.is_null() { Value::Null } else { ACCOUNT.into() };
        assert_eq!(record["vpcEndpointAccountId"], account, "{listener}");
    }
    assert_eq!(audited.stop(), 3);
}

#[test]
fn calls_that_fail_are_recorded_with_their_error() {
    let audited = Audited::verified();
    let purge = object!({ "QueueUrl": "http://localhost/000000000000/none" });
    call(&audited.server, &root(ACCOUNT), "PurgeQueue", &purge);
    let record = audited.last();
    assert_eq!(record["errorCode"], "AWS.SimpleQueueService.NonExistentQueue");
    assert_eq!(record["errorMessage"], "The specified queue does not exist.");
    assert_eq!(record["responseElements"], Value::Null);
    assert_eq!(record["requestParameters"]["queueUrl"], purge["QueueUrl"]);

    let answer = audited.server.connect().call("NoSuchOperation", "{}");
    let record = audited.last();
    assert_eq!(record["requestID"], answer.header("x-amzn-requestid"));
    assert_eq!(
        (&record["eventName"], &record["errorCode"]),
        (&"NoSuchOperation".into(), &"InvalidAction".into())
    );
    assert_eq!(audited.stop(), 2);
}

#[test]
fn whoever_is_kept_out_is_recorded() {
    let audited = Audited::verified();
    let create = object!({ "QueueName": "q" });
    audited.call("CreateQueue", &create);
    let record = audited.last();
    assert_eq!(record["errorCode"], "AccessDenied");
    let anonymous =
        object!({ "type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL" });
    assert_eq!(record["userIdentity"], anonymous);
    assert_eq!(record["requestParameters"], Value::Null, "a stranger fills no disk");
    assert_eq!(record["resources"][0]["ARN"], "arn:aws:sqs:us-east-1:000000000000:q");

    let guessed = Credentials { secret: "wrong".to_owned(), ..root(ACCOUNT) };
    call(&audited.server, &guessed, "CreateQueue", &create);
    let record = audited.last();
    assert_eq!(record["errorCode"], "SignatureDoesNotMatch");
    assert_eq!(record["userIdentity"], object!({ "type": "Unknown", "accessKeyId": ID }));
    assert_eq!(record["requestParameters"], Value::Null, "a stranger fills no disk");
    assert_eq!(audited.stop(), 2);
}

#[test]
fn what_everybody_may_do_is_recorded_with_its_parameters_if_it_is_done() {
    let audited = Audited::verified();
    let (server, root) = (&audited.server, root(ACCOUNT));
    let url = client::create_queue(server, &root, "q");
    let everybody = object!({ "Effect": "Allow", "Action": "sqs:PurgeQueue", "Principal": "*", "Resource": "*" });
    client::set_policy(server, &root, &url, &everybody);
    let purge = object!({ "QueueUrl": url });
    assert_eq!(unsigned(server, "PurgeQueue", &purge).status, 200);
    let record = audited.last();
    assert_eq!(record["userIdentity"]["accountId"], "ANONYMOUS_PRINCIPAL");
    assert_eq!(record["requestParameters"]["queueUrl"], url);
    assert_eq!(unsigned(server, "PurgeQueue", &purge).status, 403, "a minute has not passed");
    assert_eq!(audited.last()["requestParameters"], Value::Null);
    assert_eq!(audited.stop(), 4);
}

#[test]
fn strangers_cannot_break_the_chain_with_texts_of_any_length() {
    let audited = Audited::start(|config, _| {
        client::verifying(config);
        config.http.body_bytes_max = 8 << 20;
    });
    let long = "a".repeat(5 << 20);
    let arn = format!("arn:aws:kms:us-east-1:{long}:key/1234abcd-12ab-34cd-56ef-1234567890ab");
    for (operation, input) in [
        ("PurgeQueue", object!({ "QueueUrl": format!("/000000000000/{long}") })),
        ("CreateQueue", object!({ "QueueName": long })),
        ("DescribeKey", object!({ "KeyId": arn })),
        // In a form each character takes three.
        ("GetUser", object!({ "UserName": long[..2 << 20] })),
    ] {
        let outcome = unsigned(&audited.server, operation, &input);
        assert_ne!(outcome.status, 200, "{operation}");
        let record = audited.last();
        assert_eq!(record["eventName"], operation);
        assert!(record.to_string().len() < 8_192, "{operation}: {}", record.to_string().len());
    }
    done(&audited.server, &root(ACCOUNT), "CreateQueue", &object!({ "QueueName": "q" }));
    let file = audited.directory.path().join("audit");
    let verified = verify(&file, None).expect("the chain is whole");
    assert_eq!((verified.records, verified.is_tail_torn), (5, false));
    assert_eq!(audited.stop(), 5);
}

#[test]
fn who_is_believed_is_recorded_as_not_verified() {
    let audited = Audited::start(|_, _| {});
    audited.server.create_queue("q");
    let record = audited.last();
    assert_eq!(record["additionalEventData"]["credentials"], "NotVerified");
    assert_eq!(record["userIdentity"]["type"], "Root");
    assert_eq!(audited.stop(), 1);
}

#[test]
fn data_events_are_recorded_when_they_are_selected_and_hide_messages() {
    let audited = Audited::start(|_, _| {});
    let url = audited.server.create_queue("q");
    audited.call("SendMessage", &object!({ "QueueUrl": url, "MessageBody": "hush" }));
    assert_eq!(audited.stop(), 1, "the queue was created");

    let audited = Audited::with_data_events();
    let url = audited.server.create_queue("q");
    let attributes = object!({ "a": { "DataType": "String", "StringValue": "hush" } });
    let send = object!({ "QueueUrl": url, "MessageBody": "hush", "MessageAttributes": attributes });
    let sent = json(&audited.call("SendMessage", &send));
    audited.call("ReceiveMessage", &object!({ "QueueUrl": url, "MaxNumberOfMessages": 10 }));
    // Durable together with the next management event.
    audited.call("TagQueue", &object!({ "QueueUrl": url, "Tags": { "Team": "a" } }));
    let records = audited.records();
    let (send, receive) = (&records[1], &records[2]);
    assert_eq!((&send["eventCategory"], &send["managementEvent"]), (&"Data".into(), &false.into()));
    assert_eq!(send["requestParameters"]["messageBody"], HIDDEN);
    assert_eq!(send["requestParameters"]["messageAttributes"], HIDDEN);
    assert_eq!(send["responseElements"]["messageId"], sent["MessageId"]);
    assert_eq!(send["responseElements"]["mD5OfMessageBody"], sent["MD5OfMessageBody"]);
    assert_eq!((&receive["readOnly"], &receive["responseElements"]), (&true.into(), &Value::Null));
    assert_eq!(receive["requestParameters"]["maxNumberOfMessages"], 10);
    assert_eq!(records[3]["requestParameters"]["tags"], object!({ "Team": "a" }));
    assert!(!object!(records).to_string().contains("hush"));
    assert_eq!(audited.stop(), 4);
}

#[test]
fn both_protocols_are_recorded_alike() {
    let audited = Audited::start(|_, _| {});
    let body = "Action=CreateQueue&Version=2012-11-05&QueueName=q&Attribute.1.Name=DelaySeconds\
                &Attribute.1.Value=5&Tag.1.Key=Team&Tag.1.Value=a";
    let mut client = audited.server.connect();
    client.send(format!(
        "POST /?X-Amz-Security-Token=hush HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-www-form-urlencoded\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    ));
    assert_eq!(client.answer().status, 200);
    let input = object!({ "QueueName": "q2", "Attributes": { "DelaySeconds": "5" }, "tags": { "Team": "a" } });
    audited.call("CreateQueue", &input);
    let varying = ["requestID", "eventID", "eventTime", "previousRecordHash"];
    let records = audited.records();
    let [query, json] = &records[..] else { unreachable!("two calls: {records:?}") };
    let query = without(query.clone(), &varying).to_string();
    let json = without(json.clone(), &varying).to_string();
    assert_eq!(query, json.replace("q2", "q"));
    audited.stop();
}

#[test]
fn users_and_sessions_are_told_apart_and_their_secrets_are_in_no_record() {
    let audited = Audited::verified();
    let (server, root) = (&audited.server, root(ACCOUNT));
    let create = object!({ "UserName": "bob" });
    done(server, &root, "CreateUser", &create);
    assert_eq!(audited.last()["resources"][0]["type"], "AWS::IAM::User");
    let created = done(server, &root, "CreateAccessKey", &create);
    let key = Credentials {
        id: created.element("AccessKeyId"),
        secret: created.element("SecretAccessKey"),
        token: None,
    };
    let shown = &audited.last()["responseElements"]["accessKey"];
    assert_eq!(
        (&shown["accessKeyId"], &shown["secretAccessKey"]),
        (&key.id.clone().into(), &HIDDEN.into())
    );

    let queue = object!({ "QueueName": "q" });
    assert_eq!(call(server, &key, "CreateQueue", &queue).code, "AccessDenied");
    let record = audited.last();
    assert_eq!(record["errorCode"], "AccessDenied");
    let user = &record["userIdentity"];
    assert_eq!((&user["type"], &user["userName"]), (&"IAMUser".into(), &"bob".into()));
    assert_eq!(user["arn"], "arn:aws:iam::000000000000:user/bob");
    assert_eq!(user["accessKeyId"], key.id);

    let everybody =
        object!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Principal": { "AWS": ACCOUNT } });
    let role = object!({ "RoleName": "deploy", "AssumeRolePolicyDocument": policy(&everybody) });
    done(server, &root, "CreateRole", &role);
    let allow = object!({ "Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*" });
    client::allow(server, &root, "bob", &allow);
    let assume =
        object!({ "RoleArn": "arn:aws:iam::000000000000:role/deploy", "RoleSessionName": "night" });
    let assumed = done(server, &key, "AssumeRole", &assume);
    let session = Credentials {
        id: assumed.element("AccessKeyId"),
        secret: assumed.element("SecretAccessKey"),
        token: Some(assumed.element("SessionToken")),
    };
    let record = audited.last();
    assert_eq!(record["readOnly"], true);
    assert_eq!(record["responseElements"]["credentials"]["accessKeyId"], session.id);
    assert_eq!(record["responseElements"]["credentials"]["sessionToken"], HIDDEN);
    call(server, &session, "CreateQueue", &queue);
    let who = &audited.last()["userIdentity"];
    assert_eq!(who["type"], "AssumedRole");
    assert_eq!(who["arn"], "arn:aws:sts::000000000000:assumed-role/deploy/night");
    assert_eq!(who["sessionContext"]["sessionIssuer"]["userName"], "deploy");
    assert_eq!(who["sessionContext"]["attributes"]["mfaAuthenticated"], "false");

    let all = object!(audited.records()).to_string();
    for secret in [&key.secret, &session.secret, session.token.as_ref().expect("it has one")] {
        assert!(!all.contains(secret.as_str()));
    }
    audited.stop();
}

#[test]
fn a_federated_user_is_recorded_with_who_asked_for_it() {
    let audited = Audited::verified();
    let (server, root) = (&audited.server, root(ACCOUNT));
    let all = object!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let bob = client::user(server, &root, "bob", &all);
    let arn = "arn:aws:sts::000000000000:federated-user/ann";
    for (caller, kind, name) in [(&bob, "IAMUser", object!("bob")), (&root, "Root", Value::Null)] {
        let ask = object!({ "Name": "ann", "Policy": policy(&all) });
        let issued = done(server, caller, "GetFederationToken", &ask);
        let record = audited.last();
        assert_eq!(
            (&record["readOnly"], &record["resources"][0]["ARN"]),
            (&true.into(), &arn.into())
        );
        assert_eq!(record["responseElements"]["credentials"]["sessionToken"], HIDDEN);
        assert_eq!(record["responseElements"]["federatedUser"]["arn"], arn);
        let session = Credentials {
            id: issued.element("AccessKeyId"),
            secret: issued.element("SecretAccessKey"),
            token: Some(issued.element("SessionToken")),
        };
        done(server, &session, "CreateQueue", &object!({ "QueueName": "q" }));
        let who = &audited.last()["userIdentity"];
        assert_eq!((&who["type"], &who["arn"]), (&"FederatedUser".into(), &arn.into()));
        assert_eq!(who["principalId"], "000000000000:ann");
        assert_eq!((&who["accessKeyId"], &who["userName"]), (&session.id.into(), &Value::Null));
        let issuer = &who["sessionContext"]["sessionIssuer"];
        assert_eq!((&issuer["type"], &issuer["userName"]), (&kind.into(), &name));
    }
    let by_ann =
        object!({ "LookupAttributes": [{ "AttributeKey": "Username", "AttributeValue": "ann" }] });
    assert_eq!(looked_up(&audited, &root, &by_ann, 50), ["CreateQueue"; 2]);
    audited.stop();
}

/// Looks events up page by page; returns their names.
fn looked_up(audited: &Audited, caller: &Credentials, search: &Value, page: usize) -> Vec<String> {
    let (mut names, mut input) = (Vec::new(), search.clone());
    input["MaxResults"] = page.into();
    loop {
        let answer = done(&audited.server, caller, "LookupEvents", &input);
        let answer: Value = serde_json::from_str(&answer.text).expect("JSON");
        let events = answer["Events"].as_array().expect("a list");
        assert!(events.len() <= page);
        names.extend(
            events.iter().map(|event| event["EventName"].as_str().expect("text").to_owned()),
        );
        match &answer["NextToken"] {
            Value::Null => return names,
            token => input["NextToken"] = token.clone(),
        }
    }
}

#[test]
fn management_events_are_looked_up_over_files_and_starts_by_their_own_account() {
    let audited = Audited::start(|config, audit| {
        client::verifying(config);
        (audit.data_events, audit.file_bytes_max) = (Switch::On, 2_500);
    });
    let root = root(ACCOUNT);
    let mut expected = Vec::new();
    for number in 0..6 {
        let name = format!("q{number}");
        let url = client::create_queue(&audited.server, &root, &name);
        let queue = object!({ "QueueUrl": url });
        done(&audited.server, &root, "GetQueueAttributes", &queue);
        done(&audited.server, &root, "PurgeQueue", &queue);
        expected.splice(0..0, ["PurgeQueue".to_owned(), "CreateQueue".to_owned()]);
    }
    let by = |key: &str, value: &str| object!({ "LookupAttributes": [{ "AttributeKey": key, "AttributeValue": value }] });
    let writes = by("ReadOnly", "false");
    for page in [1, 2, 5, 50] {
        assert_eq!(looked_up(&audited, &root, &writes, page), expected, "pages of {page}");
    }
    let purges = by("EventName", "PurgeQueue");
    assert_eq!(looked_up(&audited, &root, &purges, 2), ["PurgeQueue"; 6]);
    let of_one = by("ResourceName", "arn:aws:sqs:us-east-1:000000000000:q3");
    assert_eq!(looked_up(&audited, &root, &of_one, 50), ["PurgeQueue", "CreateQueue"]);
    let by_root = by("Username", "root");
    assert!(looked_up(&audited, &root, &by_root, 50).len() > 12, "look-ups are recorded as well");
    assert_eq!(looked_up(&audited, &root, &by("Username", "bob"), 50), [""; 0]);
    let other = client::root(client::OTHER_ACCOUNT);
    assert_eq!(looked_up(&audited, &other, &writes, 50), [""; 0]);
    audited.stop();
}

#[test]
fn parameters_of_any_depth_hide_no_call_from_those_who_look_it_up() {
    let audited = Audited::verified();
    // As deep as a request may be.
    let deep = format!("{}{}", "[".repeat(126), "]".repeat(126));
    let deep: Value = serde_json::from_str(&deep).expect("JSON");
    let create = object!({ "QueueName": "q", "Deep": deep });
    done(&audited.server, &root(ACCOUNT), "CreateQueue", &create);
    let search = object!({ "LookupAttributes":
        [{ "AttributeKey": "EventName", "AttributeValue": "CreateQueue" }] });
    assert_eq!(looked_up(&audited, &root(ACCOUNT), &search, 50), ["CreateQueue"]);
    assert_eq!(audited.records()[0]["requestParameters"]["reason"], "FIELD_DEPTH_LIMIT");
    audited.stop();
}

/// A request that says something secret in every member that has secrets.
fn telling(operation: &str, speaks_json: bool) -> Value {
    if !speaks_json {
        return object!({
            "QueueName": operation, "MessageBody": "hush", "SecretAccessKey": "hush",
            "SessionToken": "hush", "Entries.member.1.Id": "entry-id",
            "Entries.member.1.MessageBody": "hush", "MessageAttributes.member.1.Value": "hush",
        });
    }
    let attributes = object!({ "a": { "DataType": "String", "StringValue": "hush" } });
    let entry =
        object!({ "Id": "entry-id", "MessageBody": "hush", "MessageAttributes": attributes });
    object!({
        "QueueUrl": format!("http://localhost/000000000000/{operation}"), "QueueName": operation,
        "MessageBody": "hush", "MessageAttributes": attributes, "MessageSystemAttributes": attributes,
        "Entries": [entry], "SecretAccessKey": "hush", "SessionToken": "hush", "Plaintext": "hush",
        "CiphertextBlob": "hush", "GrantTokens": ["hush"],
    })
}

#[test]
fn every_operation_of_every_service_is_recorded_without_secrets() {
    let audited = Audited::with_data_events();
    let mut count = 0;
    for service in SERVICES {
        let speaks_json = !service.model.target_prefix.is_empty();
        for operation in service.operations {
            let input = telling(operation.name, speaks_json);
            let (body, headers) = encoded(service, operation.name, &input);
            let headers = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n"));
            let headers = headers.collect::<String>();
            let scope =
                format!("AKIDEXAMPLE/20260102/us-east-1/{}/aws4_request", service.model.name);
            let mut client = audited.server.connect();
            client.send(format!(
                "POST / HTTP/1.1\r\nHost: localhost\r\n{headers}\
                 Authorization: AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=00\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            ));
            client.answer();
            count += 1;
        }
    }
    // What is durable now was before it.
    audited.call("NoSuchOperation", &object!({}));
    let records = audited.records();
    assert_eq!(records.len(), count + 1);
    let operations = SERVICES.iter().flat_map(|service| service.operations);
    for (record, operation) in records.iter().zip(operations) {
        assert_eq!(record["eventName"], operation.name);
        let is_management = operation.event_category == EventCategory::Management;
        assert_eq!(record["managementEvent"], is_management, "{}", operation.name);
        let parameters = &record["requestParameters"];
        assert_eq!(parameters["messageBody"], HIDDEN, "{}", operation.name);
        assert_eq!(parameters["queueName"], operation.name);
        assert_eq!(parameters["entries"][0]["id"], "entry-id");
        assert!(!record.to_string().contains("hush"), "{record}");
    }
    audited.stop();
}

#[test]
fn a_server_that_cannot_record_says_so_and_refuses_if_it_is_asked_to() {
    for when_full in [WhenFull::Wait, WhenFull::Refuse] {
        let audited = Audited::start(|_, audit| audit.when_full = when_full);
        let (there, gone) =
            (audited.directory.path().join("audit"), audited.directory.path().join("gone"));
        let status = |path: &Path| {
            assert!(path.exists());
            let mut client = audited.server.connect();
            client.send("GET /ready HTTP/1.1\r\nHost: localhost\r\n\r\n");
            let answer = client.answer();
            (answer.status, json(&answer)["status"].as_str().unwrap_or_default().to_owned())
        };
        assert_eq!(status(&there), (200, "ready".to_owned()));
        fs::rename(&there, &gone).expect("renamed");
        let create = |name: &str| audited.call("CreateQueue", &object!({ "QueueName": name }));
        assert_eq!(create("first").status, 200, "nobody knew");
        let refused = if when_full == WhenFull::Refuse { 503 } else { 200 };
        assert_eq!(status(&gone), (refused, "unaudited".to_owned()));
        assert_eq!(create("second").status, refused);
        fs::rename(&gone, &there).expect("renamed");
        // It is tried again once a second.
        while create("third").status != 200 || audited.records().is_empty() {
            std::thread::yield_now();
        }
        assert_eq!(status(&there), (200, "ready".to_owned()));
        let queues = json(&audited.call("ListQueues", &object!({})));
        let is_there = queues["QueueUrls"].to_string().contains("second");
        assert_eq!(is_there, when_full == WhenFull::Wait, "what is refused has no effect");
        let gap = &audited.records()[0];
        assert_eq!(gap["eventName"], "RecordsLost");
        assert!(gap["serviceEventDetails"]["lost"].as_u64() >= Some(1), "{gap}");
        audited.stop();
    }
}
