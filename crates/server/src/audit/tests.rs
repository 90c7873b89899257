//! Records on their way to the disk, and what becomes of them when that fails.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use flate2::read::GzDecoder;
use serde_json::Value;
use sluice_store::{MemoryStore, Store};
use sluice_wire::{AwsError, framework, route};
use tempfile::TempDir;

use super::layout::{self, Form};
use super::*;
use crate::broker::Health;
use crate::clock::SystemClock;
use crate::config::{AuditConfig, Config, WhenFull};
use crate::identities::{Identities, SHARD};
use crate::services::sqs::MODEL;
use crate::services::{Origin, Reach, Switch, Target};

/// A directory that can be taken away from its log and given back.
struct Directory {
    parent: TempDir,
}

impl Directory {
    fn new() -> Self {
        Self { parent: tempfile::tempdir().expect("a temporary directory") }
    }

    fn path(&self) -> PathBuf {
        self.parent.path().join("audit")
    }

    fn hidden(&self) -> PathBuf {
        self.parent.path().join("elsewhere")
    }

    fn take_away(&self) {
        fs::rename(self.path(), self.hidden()).expect("renamed");
    }

    fn give_back(&self) {
        fs::rename(self.hidden(), self.path()).expect("renamed");
    }

    fn config(&self) -> AuditConfig {
        AuditConfig {
            directory: self.path(),
            data_events: Switch::On,
            when_full: WhenFull::Wait,
            file_bytes_max: 1 << 20,
            file_age_max: Duration::from_secs(3_600),
        }
    }

    async fn open(&self) -> AuditLog {
        open(&self.config()).await
    }

    fn verify(&self) -> Result<Verified, String> {
        verify(&self.path(), None).map_err(|error| error.to_string())
    }

    /// Everything that was recorded, in order.
    fn records(&self) -> Vec<Value> {
        let listed = layout::list(&self.path()).expect("it is there");
        let texts = listed.iter().map(|(number, forms)| {
            let path = |form| layout::path(&self.path(), *number, form);
            let mut text = String::new();
            let read = match forms.first() {
                Some(Form::Plain) => open_file(&path(Form::Plain)).read_to_string(&mut text),
                _ => GzDecoder::new(open_file(&path(Form::Compressed))).read_to_string(&mut text),
            };
            read.expect("readable");
            text
        });
        let texts: Vec<String> = texts.collect();
        let lines = texts.iter().flat_map(|text| text.lines());
        lines.map(|line| serde_json::from_str(line).expect("a record")).collect()
    }

    fn names(&self) -> Vec<String> {
        let names = self.records().into_iter().map(|record| record["requestID"].clone());
        names.map(|name| name.as_str().unwrap_or("gap").to_owned()).collect()
    }
}

fn open_file(path: &Path) -> File {
    File::open(path).expect("it is there")
}

async fn open(audit: &AuditConfig) -> AuditLog {
    let config = Config::small("/nonexistent");
    let (clock, identities) = (Arc::new(SystemClock), identities().await);
    AuditLog::open(audit, &config, clock, identities).await.expect("a good directory")
}

/// Nobody, and no trails.
async fn identities() -> Identities {
    let shard = MemoryStore::new().open_shard(SHARD).expect("free");
    let opened = Identities::open(shard, None, Arc::new(SystemClock), Health::default()).await;
    opened.expect("an empty store opens")
}

/// A record of a call that nobody has answered yet.
fn draft(log: &AuditLog, category: EventCategory, request_id: &str) -> Box<Draft> {
    let request = http::Request::builder().header("x-amz-target", "AmazonSQS.CreateQueue");
    let (parts, ()) = request.body(()).expect("a request").into_parts();
    let call = route(&parts, &Bytes::new(), &[&MODEL]).expect("a call");
    let origin = Origin {
        address: Some([127, 0, 0, 1].into()),
        is_secure: false,
        agreed: None,
        user_agent: Some("test".into()),
        endpoint: None,
    };
    let subject = Subject {
        call: &call,
        category,
        request_id,
        origin,
        host: None,
        access_key_id: None,
        account: "123456789012",
        region: "us-east-1",
        now_ms: 1_800_000_000_000,
    };
    Draft::new(log, subject)
}

/// A record of a call whose caller chose every text as long as one can be sent.
async fn record_long(log: &AuditLog, request_id: &str) {
    let long = "\"".repeat(8 << 20);
    let mut draft = draft(log, EventCategory::Management, request_id);
    draft.acts_on(&Target {
        arn: format!("arn:aws:kms:us-east-1:{long}:key/{long}"),
        account: long.clone(),
        guarded: None,
        reach: Reach::Account,
        absent: None,
    });
    draft.fails(&AwsError::new(&framework::ACCESS_DENIED, long));
    draft.finish().await;
}

async fn record(log: &AuditLog, request_id: &str) {
    draft(log, EventCategory::Management, request_id).finish().await;
}

#[tokio::test]
async fn a_management_event_is_on_disk_before_its_call_is_answered() {
    let directory = Directory::new();
    let log = directory.open().await;
    record(&log, "a").await;
    record(&log, "b").await;
    assert_eq!(directory.names(), ["a", "b"]);
    log.shutdown().await;
    assert_eq!(directory.names(), ["a", "b"]);
    let verified = directory.verify().expect("whole");
    assert_eq!((verified.records, verified.files, verified.first_file), (2, 1, 1));
    assert!(!layout::path(&directory.path(), 1, Form::Plain).exists(), "it is compressed");
}

#[tokio::test]
async fn data_events_are_on_disk_when_the_server_has_stopped() {
    let directory = Directory::new();
    let log = directory.open().await;
    for number in 0..100 {
        draft(&log, EventCategory::Data, &number.to_string()).finish().await;
    }
    log.shutdown().await;
    assert_eq!(directory.records().len(), 100);
    assert!(directory.records().iter().all(|record| record["eventCategory"] == "Data"));
}

#[tokio::test]
async fn a_call_whose_client_went_away_is_recorded() {
    let directory = Directory::new();
    let log = directory.open().await;
    drop(draft(&log, EventCategory::Data, "a"));
    log.shutdown().await;
    assert_eq!(directory.records()[0]["additionalEventData"]["answer"], "NotSent");
}

#[tokio::test]
async fn the_chain_goes_on_over_files_and_starts() {
    let directory = Directory::new();
    let config = AuditConfig { file_bytes_max: 1_500, ..directory.config() };
    for start in 0..3 {
        let log = open(&config).await;
        for number in 0..4 {
            record(&log, &format!("{start}.{number}")).await;
        }
        log.shutdown().await;
    }
    let verified = directory.verify().expect("whole");
    assert_eq!(verified.records, 12);
    assert!(verified.files > 3, "{verified:?}");
    assert_eq!(directory.names()[11], "2.3");
    let digest = verified.last_digest_hash.expect("files are finished");
    assert!(verify(&directory.path(), Some(&digest)).is_ok());
    let other = verify(&directory.path(), Some(chain::BEGINNING)).map_err(|it| it.to_string());
    assert!(other.expect_err("there is no such digest").contains("none of its digest files"));
}

#[tokio::test]
async fn whatever_is_changed_or_missing_breaks_the_chain() {
    let directory = Directory::new();
    let config = AuditConfig { file_bytes_max: 1, ..directory.config() };
    let log = open(&config).await;
    for number in 0..4 {
        record(&log, &number.to_string()).await;
    }
    log.shutdown().await;
    assert_eq!(directory.verify().expect("whole").files, 4);
    let path = |number, form| layout::path(&directory.path(), number, form);
    let broken = |path: &Path| {
        let error = directory.verify().expect_err("it is broken");
        assert!(
            error.contains(path.file_name().expect("a name").to_str().expect("text")),
            "{error}"
        );
    };
    for form in [Form::Compressed, Form::Digest] {
        let path = path(2, form);
        let good = fs::read(&path).expect("readable");
        for place in [0, good.len() / 3, good.len() / 2, good.len() - 3] {
            let mut changed = good.clone();
            changed[place] ^= 1;
            fs::write(&path, &changed).expect("writable");
            assert!(directory.verify().is_err(), "{}, byte {place}", path.display());
        }
        fs::remove_file(&path).expect("it was there");
        broken(&self::layout::path(&directory.path(), 2, Form::Compressed));
        fs::write(&path, &good).expect("writable");
    }
    let (second, third) = (fs::read(path(2, Form::Digest)), fs::read(path(3, Form::Digest)));
    fs::write(path(2, Form::Digest), third.expect("readable")).expect("writable");
    broken(&path(2, Form::Digest));
    fs::write(path(2, Form::Digest), second.expect("readable")).expect("writable");
    assert!(directory.verify().is_ok(), "all is as it was");
    for form in [Form::Compressed, Form::Digest] {
        fs::remove_file(path(1, form)).expect("it was there");
    }
    assert_eq!(directory.verify().expect("old files may go").first_file, 2);
    for form in [Form::Compressed, Form::Digest] {
        fs::remove_file(path(3, form)).expect("it was there");
    }
    broken(&path(3, Form::Compressed));
}

#[tokio::test]
async fn what_a_crash_left_of_a_line_is_cut_off_kept_and_said() {
    let directory = Directory::new();
    let log = directory.open().await;
    record(&log, "a").await;
    let path = layout::path(&directory.path(), 1, Form::Plain);
    let mut crashed = fs::read(&path).expect("readable");
    log.shutdown().await;
    drop(log);
    crashed.extend_from_slice(b"{\"eventVersion\":");
    for form in [Form::Compressed, Form::Digest] {
        fs::remove_file(layout::path(&directory.path(), 1, form)).expect("it was there");
    }
    fs::write(&path, crashed).expect("writable");
    assert!(directory.verify().expect("whole, but for the end").is_tail_torn);
    let log = directory.open().await;
    record(&log, "b").await;
    log.shutdown().await;
    assert_eq!(directory.names(), ["a", "gap", "b"]);
    assert_eq!(directory.records()[1]["serviceEventDetails"]["bytesCut"], 16);
    let cut = fs::read(directory.path().join("audit-0000000001.cut")).expect("kept");
    assert_eq!(cut, b"{\"eventVersion\":");
    assert_eq!(directory.verify().expect("whole").records, 3);
}

#[tokio::test]
async fn texts_of_any_length_leave_the_chain_whole() {
    let directory = Directory::new();
    let log = directory.open().await;
    record(&log, "a").await;
    record_long(&log, "b").await;
    record(&log, "c").await;
    assert_eq!(directory.names(), ["a", "b", "c"]);
    let long = &directory.records()[1];
    let resource = &long["resources"][0];
    let length = |text: &Value| text.as_str().map(str::len);
    assert_eq!(length(&resource["ARN"]), Some(bounds::ARN_CHARS_MAX));
    assert_eq!(resource["accountId"], Value::Null, "that is no account");
    assert_eq!(long["recipientAccountId"], "123456789012");
    assert_eq!(length(&long["errorMessage"]), Some(bounds::ERROR_CHARS_MAX));
    let path = layout::path(&directory.path(), 1, Form::Plain);
    let crashed = fs::read(&path).expect("readable");
    let verified = directory.verify().expect("whole");
    assert_eq!((verified.records, verified.is_tail_torn), (3, false));
    log.shutdown().await;
    drop(log);
    assert_eq!(directory.verify().expect("whole").records, 3);

    // The same, if the server had crashed.
    for form in [Form::Compressed, Form::Digest] {
        fs::remove_file(layout::path(&directory.path(), 1, form)).expect("it was there");
    }
    fs::write(&path, crashed).expect("writable");
    let log = directory.open().await;
    log.shutdown().await;
    assert_eq!(directory.names(), ["a", "b", "c"], "nothing was cut off");
}

#[tokio::test]
async fn a_crash_while_a_file_is_finished_loses_nothing() {
    let directory = Directory::new();
    let log = directory.open().await;
    record(&log, "a").await;
    let path = layout::path(&directory.path(), 1, Form::Plain);
    let plain = fs::read(&path).expect("readable");
    log.shutdown().await;
    drop(log);
    // The digest is written, but the file that it replaces was not removed yet; or only half of it was done.
    for is_digest_missing in [false, true] {
        fs::write(&path, &plain).expect("writable");
        if is_digest_missing {
            fs::remove_file(layout::path(&directory.path(), 1, Form::Digest)).expect("there");
        }
        let log = directory.open().await;
        log.shutdown().await;
        drop(log);
        assert!(!path.exists());
        assert_eq!(directory.verify().expect("whole").records, 1);
    }
}

#[tokio::test]
async fn what_cannot_be_written_is_counted_and_said_when_it_can() {
    let directory = Directory::new();
    let log = directory.open().await;
    directory.take_away();
    record(&log, "lost").await;
    record(&log, "lost").await;
    assert_eq!(log.availability(), Availability::Losing);
    assert!(log.admits(), "calls go on");
    assert_eq!(log.metrics().lost.get(), 2);
    directory.give_back();
    record(&log, "a").await;
    assert_eq!(log.availability(), Availability::Good);
    log.shutdown().await;
    assert_eq!(directory.names(), ["gap", "a"]);
    let gap = &directory.records()[0];
    assert_eq!(
        (&gap["eventName"], &gap["eventSource"]),
        (&"RecordsLost".into(), &"audit.sluice".into())
    );
    assert_eq!(gap["serviceEventDetails"]["lost"], 2);
    assert_eq!(log.metrics().lost.get(), 2);
}

#[tokio::test]
async fn what_cannot_be_recorded_is_refused_if_that_is_asked_for() {
    let directory = Directory::new();
    let log = open(&AuditConfig { when_full: WhenFull::Refuse, ..directory.config() }).await;
    assert!(log.admits());
    directory.take_away();
    record(&log, "lost").await;
    assert_eq!(log.availability(), Availability::Refusing);
    let mut refused = draft(&log, EventCategory::Data, "refused");
    assert!(!refused.is_admitted());
    refused.discard();
    directory.give_back();
    record(&log, "a").await;
    assert!(log.admits());
    log.shutdown().await;
    assert_eq!(directory.names(), ["gap", "a"]);
    assert_eq!(directory.records()[0]["serviceEventDetails"]["refused"], 1);
    assert_eq!(log.metrics().refused.get(), 1);
}

#[tokio::test]
async fn a_directory_has_one_writer() {
    let directory = Directory::new();
    let log = directory.open().await;
    let config = Config::small("/nonexistent");
    let second =
        AuditLog::open(&directory.config(), &config, Arc::new(SystemClock), identities().await)
            .await;
    let error = second.err().expect("it is taken").to_string();
    assert!(error.contains("another server writes there"), "{error}");
    log.shutdown().await;
}
