//! Tests of the table.

use sluice_server::services::sqs::Limits;

use super::*;
use crate::settings::Mode;

#[test]
fn every_default_is_a_value_that_its_own_key_accepts() {
    for key in KEYS {
        let mut settings = Settings::defaults(Mode::Serve);
        let text = (key.get)(&settings);
        if text.starts_with('(') {
            continue;
        }
        assert!((key.set)(&mut settings, &text).is_some(), "{} = {text}", key.name);
        assert_eq!((key.get)(&settings), text, "{}", key.name);
    }
}

#[test]
fn the_limits_of_sqs_can_be_raised_up_to_the_largest_that_the_server_takes() {
    let bounds = |limits: Limits| {
        [
            ("delay_secs_max", limits.delay_secs_max),
            ("visibility_timeout_secs_max", limits.visibility_timeout_secs_max),
            ("retention_secs_max", limits.retention_secs_max),
            ("batch_entries_max", limits.batch_entries_max),
            ("receive_count_max", limits.receive_count_max),
        ]
    };
    let mut settings = Settings::defaults(Mode::Serve);
    for ((name, sqs), (_, largest)) in bounds(Limits::SQS).into_iter().zip(bounds(Limits::LARGEST))
    {
        let key = find(name).expect("the table has this key");
        assert_eq!((key.get)(&settings), sqs.to_string(), "{name} is off by default");
        for (value, is_wanted) in [(sqs - 1, false), (largest + 1, false), (largest, true)] {
            let set = (key.set)(&mut settings, &value.to_string());
            assert_eq!(set.is_some(), is_wanted, "{name} = {value}");
        }
    }
    assert_eq!(settings.sqs_limits(), Limits::LARGEST);
}

#[test]
fn names_are_unique_in_all_their_forms() {
    for form in [Key::flag, Key::variable] {
        let mut names: Vec<_> = KEYS.iter().map(form).collect();
        names.sort();
        names.dedup();
        assert_eq!(names.len(), KEYS.len());
    }
}

#[test]
fn wrong_values_are_refused() {
    let wrong = [
        ("data", "s3://bucket/prefix"),
        ("listen", "localhost"),
        ("listen", "127.0.0.1"),
        ("public_url", "queues.example.com"),
        ("public_url", "http://host/path"),
        ("region", "US East"),
        ("account", "12345"),
        ("trust_forwarded_headers", "yes"),
        ("shards", "0"),
        ("shards", "257"),
        ("in_flight_max", "-1"),
        ("delay_secs_max", "899"),
        ("visibility_timeout_secs_max", "12h"),
        ("retention_secs_max", "1209599"),
        ("batch_entries_max", "65"),
        ("receive_count_max", "9"),
        ("http.body_bytes_max", "8MB"),
        ("http.head_timeout_secs", "10s"),
        ("audit.directory", ""),
        ("audit.when_full", "drop"),
        ("audit.file_secs_max", "0"),
    ];
    for (name, text) in wrong {
        let key = find(name).expect("the table has this key");
        let mut settings = Settings::defaults(Mode::Serve);
        assert!((key.set)(&mut settings, text).is_none(), "{name} = {text}");
    }
}
