//! What trails deliver, and what their selectors have recorded.

mod http_support;

#[allow(dead_code, reason = "made for other tests; this one uses a part of it")]
#[path = "authorisation/client.rs"]
mod client;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use client::{ACCOUNT, OTHER_ACCOUNT, Outcome, done, root};
use flate2::read::GzDecoder;
use http_support::TestServer;
use serde_json::{Value, json as object};
use sluice_server::audit::verify;
use sluice_server::config::{AuditConfig, WhenFull};
use sluice_server::services::Switch;
use tempfile::TempDir;

/// A server that verifies signatures, with an audit log whose directory outlives it.
struct Trailed {
    server: TestServer,
    audit: TempDir,
}

impl Trailed {
    fn start() -> Self {
        let new = || tempfile::tempdir().expect("a temporary directory");
        Self::start_in(new(), new(), |_| {})
    }

    fn start_in(data: TempDir, audit: TempDir, change: impl FnOnce(&mut AuditConfig)) -> Self {
        let mut config = AuditConfig {
            directory: audit.path().to_owned(),
            data_events: Switch::Off,
            when_full: WhenFull::Wait,
            file_bytes_max: 1 << 30,
            file_age_max: Duration::from_secs(3_600),
        };
        change(&mut config);
        let server = TestServer::start_in(data, |settings| {
            client::verifying(settings);
            settings.audit = Some(config);
        });
        Self { server, audit }
    }

    fn done(&self, operation: &str, input: &Value) -> Outcome {
        done(&self.server, &root(ACCOUNT), operation, input)
    }

    /// Creates a trail that is logging.
    fn log_to(&self, bucket: &str, selectors: Option<Value>) {
        self.done("CreateTrail", &object!({ "Name": "main", "S3BucketName": bucket }));
        if let Some(selectors) = selectors {
            let input = object!({ "TrailName": "main", "AdvancedEventSelectors": selectors });
            self.done("PutEventSelectors", &input);
        }
        self.done("StartLogging", &object!({ "Name": "main" }));
    }

    fn create_queue(&self, name: &str) -> String {
        self.done("CreateQueue", &object!({ "QueueName": name })).member("/QueueUrl")
    }

    fn send(&self, url: &str) {
        self.done("SendMessage", &object!({ "QueueUrl": url, "MessageBody": "hush" }));
    }

    /// Stops the server, which delivers what there is, and checks that the audit log is whole.
    fn stop(self) -> (TempDir, TempDir) {
        let (runtime, drain, data) = self.server.start_drain();
        runtime.block_on(drain).expect("drained");
        verify(self.audit.path(), None).expect("the chain is whole");
        (data, self.audit)
    }
}

/// Files below a directory, in order of their paths.
fn files(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten() {
        let path = entry.expect("readable").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The records that a bucket has, in the order in which they were delivered within a file.
fn delivered(audit: &Path, bucket: &str) -> Vec<Value> {
    let records = files(&audit.join("buckets").join(bucket)).into_iter().flat_map(|path| {
        let mut text = String::new();
        let file = File::open(&path).expect("readable");
        GzDecoder::new(file).read_to_string(&mut text).expect("compressed");
        let mut file: Value = serde_json::from_str(&text).expect("JSON");
        let members = file.as_object().expect("an object").len();
        assert_eq!(members, 1, "{text}");
        match file["Records"].take() {
            Value::Array(records) => records,
            other => unreachable!("records are a list: {other}"),
        }
    });
    records.collect()
}

fn names(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["eventName"].as_str().expect("a name")).collect()
}

/// Every record of the audit log of a server that has stopped.
fn recorded(audit: &Path) -> Vec<Value> {
    let is_log = |path: &PathBuf| path.to_string_lossy().ends_with(".jsonl.gz");
    let texts = files(audit).into_iter().filter(is_log).map(|path| {
        let mut text = String::new();
        let file = File::open(path).expect("readable");
        GzDecoder::new(file).read_to_string(&mut text).expect("compressed");
        text
    });
    let texts: Vec<String> = texts.collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    lines.map(|line| serde_json::from_str(line).expect("a record")).collect()
}

/// Selects data events of queues whose ARN ends so.
fn data_events_of(ending: &str) -> Value {
    object!([{ "Name": "queues", "FieldSelectors": [
        { "Field": "eventCategory", "Equals": ["Data"] },
        { "Field": "resources.type", "Equals": ["AWS::SQS::Queue"] },
        { "Field": "resources.ARN", "EndsWith": [ending] },
        { "Field": "readOnly", "Equals": ["false"] },
    ]}])
}

#[test]
fn a_trail_delivers_management_events_from_its_start_to_its_end() {
    let trailed = Trailed::start();
    trailed.create_queue("before");
    trailed.log_to("logs", None);
    let url = trailed.create_queue("during");
    trailed.send(&url);
    done(&trailed.server, &root(OTHER_ACCOUNT), "CreateQueue", &object!({ "QueueName": "q" }));
    trailed.done("StopLogging", &object!({ "Name": "main" }));
    let (_data, audit) = trailed.stop();

    let records = delivered(audit.path(), "logs");
    assert_eq!(names(&records), ["StartLogging", "CreateQueue", "StopLogging"]);
    let queue = &records[1];
    assert_eq!(queue["requestParameters"]["queueName"], "during");
    assert_eq!(queue["eventCategory"], "Management");
    assert!(queue.get("previousRecordHash").is_none(), "{queue}");
    assert_eq!(records[0]["resources"][0]["type"], "AWS::CloudTrail::Trail");
}

#[test]
fn files_are_where_cloudtrail_puts_them() {
    let trailed = Trailed::start();
    let create = object!({ "Name": "main", "S3BucketName": "logs", "S3KeyPrefix": "a/b" });
    trailed.done("CreateTrail", &create);
    trailed.done("StartLogging", &object!({ "Name": "main" }));
    let (_data, audit) = trailed.stop();

    let bucket = audit.path().join("buckets/logs");
    let paths = files(&bucket);
    assert_eq!(paths.len(), 1, "{paths:?}");
    let mode = fs::metadata(&paths[0]).expect("there").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = paths[0].strip_prefix(&bucket).expect("below").to_string_lossy().into_owned();
    let (directory, name) = key.rsplit_once('/').expect("directories");
    let day = directory.strip_prefix(&format!("a/b/AWSLogs/{ACCOUNT}/CloudTrail/us-east-1/"));
    let day = day.expect("the layout of CloudTrail");
    let rest = name.strip_prefix(&format!("{ACCOUNT}_CloudTrail_us-east-1_")).expect(name);
    let rest = rest.strip_prefix(&day.replace('/', "")).expect(name);
    let (time, suffix) = rest.split_once("Z_").expect(name);
    assert!(day.len() == 10 && time.len() == 5 && time.starts_with('T'), "{key}");
    assert_eq!(suffix.len(), "0123456789abcdef.json.gz".len(), "{key}");
    assert_eq!(files(&audit.path().join("buckets")).len(), 1, "nothing unfinished is left");
}

#[test]
fn data_events_are_recorded_because_a_trail_selects_them() {
    let trailed = Trailed::start();
    let (orders, others) = (trailed.create_queue("orders"), trailed.create_queue("others"));
    trailed.send(&orders);
    trailed.log_to("logs", Some(data_events_of(":orders")));
    trailed.send(&orders);
    trailed.send(&others);
    trailed.done("GetQueueAttributes", &object!({ "QueueUrl": orders }));
    trailed.done("StopLogging", &object!({ "Name": "main" }));
    trailed.send(&orders);
    let (_data, audit) = trailed.stop();

    let records = delivered(audit.path(), "logs");
    assert_eq!(names(&records), ["SendMessage"], "this trail takes no management events");
    assert_eq!(
        records[0]["resources"][0]["ARN"],
        format!("arn:aws:sqs:us-east-1:{ACCOUNT}:orders")
    );
    assert!(!records[0].to_string().contains("hush"), "{}", records[0]);
    let recorded = recorded(audit.path());
    let data: Vec<&Value> =
        recorded.iter().filter(|record| record["eventCategory"] == "Data").collect();
    assert_eq!(data.len(), 1, "nothing else is recorded: {data:?}");
    assert_eq!(data[0]["eventID"], records[0]["eventID"]);
}

#[test]
fn what_settings_record_is_delivered_only_to_those_who_select_it() {
    let new = || tempfile::tempdir().expect("a temporary directory");
    let trailed = Trailed::start_in(new(), new(), |audit| audit.data_events = Switch::On);
    trailed.log_to("logs", None);
    let url = trailed.create_queue("q");
    trailed.send(&url);
    let (_data, audit) = trailed.stop();
    assert_eq!(names(&delivered(audit.path(), "logs")), ["StartLogging", "CreateQueue"]);
    assert!(names(&recorded(audit.path())).contains(&"SendMessage"));
}

#[test]
fn every_event_is_delivered_once_over_restarts() {
    let mut trailed = Trailed::start();
    trailed.log_to("logs", None);
    for name in ["a", "b", "c"] {
        trailed.create_queue(name);
        let status = trailed.done("GetTrailStatus", &object!({ "Name": "main" }));
        assert!(status.text.contains("\"IsLogging\":true"), "{}", status.text);
        let is_delivered = status.text.contains("\"LatestDeliveryTime\":1");
        assert_eq!(is_delivered, name != "a", "{}", status.text);
        let (data, audit) = trailed.stop();
        trailed = Trailed::start_in(data, audit, |audit| audit.file_bytes_max = 1);
    }
    let (_data, audit) = trailed.stop();
    let records = delivered(audit.path(), "logs");
    let queues = records.iter().filter(|record| record["eventName"] == "CreateQueue");
    let mut queues: Vec<&str> =
        queues.filter_map(|it| it["requestParameters"]["queueName"].as_str()).collect();
    queues.sort_unstable();
    assert_eq!(queues, ["a", "b", "c"]);
    let mut ids: Vec<&Value> = records.iter().map(|record| &record["eventID"]).collect();
    ids.sort_by_key(|id| id.to_string());
    ids.dedup();
    assert_eq!(ids.len(), records.len(), "no event twice");
}

#[test]
fn what_cannot_be_delivered_is_delivered_later_and_the_status_says_so() {
    let trailed = Trailed::start();
    trailed.log_to("logs", None);
    trailed.create_queue("q");
    let in_the_way = trailed.audit.path().join("buckets");
    fs::write(&in_the_way, "no directory").expect("writable");
    let (data, audit) = trailed.stop();

    let trailed = Trailed::start_in(data, audit, |_| {});
    let status = trailed.done("GetTrailStatus", &object!({ "Name": "main" }));
    assert!(!status.member("/LatestDeliveryError").is_empty(), "{}", status.text);
    assert!(!status.member("/LatestDeliveryAttemptTime").is_empty(), "{}", status.text);
    assert!(status.member("/LatestDeliveryAttemptSucceeded").is_empty(), "{}", status.text);
    fs::remove_file(&in_the_way).expect("removed");
    let (data, audit) = trailed.stop();
    let records = delivered(audit.path(), "logs");
    assert_eq!(names(&records), ["StartLogging", "CreateQueue", "GetTrailStatus"]);

    let trailed = Trailed::start_in(data, audit, |_| {});
    let status = trailed.done("GetTrailStatus", &object!({ "Name": "main" }));
    assert!(!status.text.contains("LatestDeliveryError"), "{}", status.text);
    trailed.stop();
}

#[test]
fn trails_belong_to_accounts() {
    let trailed = Trailed::start();
    trailed.log_to("logs", None);
    let other = root(OTHER_ACCOUNT);
    let input = object!({ "Name": format!("arn:aws:cloudtrail:us-east-1:{ACCOUNT}:trail/main") });
    for operation in ["GetTrail", "GetTrailStatus", "StopLogging", "DeleteTrail"] {
        let refused = client::call(&trailed.server, &other, operation, &input);
        assert!(refused.status >= 400, "{operation}: {}", refused.text);
    }
    let listed = done(&trailed.server, &other, "ListTrails", &object!({}));
    assert_eq!(listed.text, "{\"Trails\":[]}");
    trailed.done("DeleteTrail", &object!({ "Name": "main" }));
    let (_data, audit) = trailed.stop();
    assert!(delivered(audit.path(), "logs").is_empty(), "a trail that is gone delivers nothing");
}

#[test]
fn without_an_audit_log_no_trail_is_created() {
    let server = client::server();
    let create = object!({ "Name": "main", "S3BucketName": "logs" });
    let refused = client::call(&server, &root(ACCOUNT), "CreateTrail", &create);
    assert_eq!(refused.code, "UnsupportedOperation", "{}", refused.text);
    server.drain();
}
