//! Looks records of management events up, newest first, in the files that they were written to.

use std::collections::VecDeque;
use std::fmt;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::str::FromStr;

use flate2::read::MultiGzDecoder;
use serde_json::Value;

use super::digest::Digest;
use super::layout::{self, Form};

/// Files that one look-up reads at most; the next page goes on.
const FILES_MAX: usize = 4;
/// Stands in every line that is looked for, and saves reading the others as JSON.
const MANAGEMENT: &str = "\"managementEvent\":true";

/// What is looked for.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    /// Who called from it, or whose resource it was: 12-digit account id.
    pub(crate) account: String,
    /// A member of the record and its value.
    pub(crate) attribute: Option<(Attribute, String)>,
    /// Earliest `eventTime`.
    pub(crate) since: String,
    /// Latest `eventTime`.
    pub(crate) until: String,
    /// Records at most.
    pub(crate) count_max: usize,
    /// Where the page before ended.
    pub(crate) before: Option<Position>,
}

/// What records can be looked up by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Attribute {
    AccessKeyId,
    EventId,
    EventName,
    EventSource,
    ReadOnly,
    ResourceName,
    ResourceType,
    Username,
}

/// A place in the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Position {
    file: u64,
    line: u64,
}

/// A page of records.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// As they were written, and parsed.
    pub(crate) records: Vec<(String, Value)>,
    /// Where the next page goes on, if there may be one.
    pub(crate) next: Option<Position>,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.file, self.line)
    }
}

impl FromStr for Position {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        let (file, line) = text.split_once('.').ok_or(())?;
        Ok(Self { file: file.parse().map_err(drop)?, line: line.parse().map_err(drop)? })
    }
}

/// Looks in a directory.
pub(super) fn look_up(directory: &Path, search: &Search) -> io::Result<Found> {
    let (mut found, mut files) = (Found::default(), 0);
    for (number, forms) in layout::list(directory)?.iter().rev() {
        let line_end = match search.before {
            Some(before) if before.file < *number => continue,
            Some(before) if before.file == *number => before.line,
            Some(_) | None => u64::MAX,
        };
        if forms.contains(&Form::Digest) && !search.may_be_in(directory, *number)? {
            continue;
        }
        if files == FILES_MAX {
            found.next = Some(Position { file: *number, line: line_end });
            return Ok(found);
        }
        files += 1;
        let Some(file) = open(directory, *number)? else { continue };
        let hits = search.in_file(file, line_end, search.count_max - found.records.len())?;
        let line = hits.last().map(|hit| hit.line);
        found.records.extend(hits.into_iter().map(|hit| (hit.text, hit.record)));
        if let (Some(line), true) = (line, found.records.len() == search.count_max) {
            found.next = Some(Position { file: *number, line });
            return Ok(found);
        }
    }
    Ok(found)
}

/// Opens a file in the form that it has; one that is gone was moved away meanwhile.
pub(super) fn open(directory: &Path, number: u64) -> io::Result<Option<Box<dyn Read>>> {
    let opened = |form| match File::open(layout::path(directory, number, form)) {
        Ok(file) => Ok(Some(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    };
    if let Some(file) = opened(Form::Plain)? {
        return Ok(Some(Box::new(file)));
    }
    let file = opened(Form::Compressed)?;
    Ok(file.map(|file| Box::new(MultiGzDecoder::new(file)) as Box<dyn Read>))
}

struct Hit {
    line: u64,
    text: String,
    record: Value,
}

impl Search {
    /// Whether the times of a finished file overlap with what is looked for.
    fn may_be_in(&self, directory: &Path, number: u64) -> io::Result<bool> {
        let text = match fs::read(layout::path(directory, number, Form::Digest)) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        };
        let digest: Digest = serde_json::from_slice(&text)?;
        let is_before = digest.newest_event_time.is_some_and(|newest| newest < self.since);
        let is_after = digest.oldest_event_time.is_some_and(|oldest| oldest > self.until);
        Ok(!is_before && !is_after)
    }

    /// The last lines of a file before `line_end` that are looked for, newest first.
    fn in_file(&self, file: impl Read, line_end: u64, count_max: usize) -> io::Result<Vec<Hit>> {
        let mut hits: VecDeque<Hit> = VecDeque::new();
        for (line, text) in (0..line_end).zip(BufReader::new(file).lines()) {
            let text = text?;
            if !text.contains(MANAGEMENT) {
                continue;
            }
            // The last line may not be whole yet.
            let Ok(record) = serde_json::from_str::<Value>(&text) else { continue };
            if self.wants(&record) {
                hits.push_front(Hit { line, text, record });
                hits.truncate(count_max);
            }
        }
        Ok(hits.into())
    }

    fn wants(&self, record: &Value) -> bool {
        let time = record["eventTime"].as_str().unwrap_or_default();
        let is_of = |account: &Value| account.as_str() == Some(&self.account);
        record["managementEvent"] == true
            && (self.since.as_str()..=self.until.as_str()).contains(&time)
            && (is_of(&record["recipientAccountId"]) || is_of(&record["userIdentity"]["accountId"]))
            && self.attribute.as_ref().is_none_or(|(attribute, value)| attribute.is(record, value))
    }
}

impl Attribute {
    fn is(self, record: &Value, value: &str) -> bool {
        let resources = record["resources"].as_array().map(Vec::as_slice).unwrap_or_default();
        match self {
            Self::AccessKeyId => record["userIdentity"]["accessKeyId"] == value,
            Self::EventId => record["eventID"] == value,
            Self::EventName => record["eventName"] == value,
            Self::EventSource => record["eventSource"] == value,
            Self::ReadOnly => record["readOnly"] == (value == "true"),
            Self::ResourceName => {
                let is_it =
                    |arn: &str| arn == value || arn.rsplit([':', '/']).next() == Some(value);
                resources.iter().any(|resource| resource["ARN"].as_str().is_some_and(is_it))
            }
            Self::ResourceType => resources.iter().any(|resource| resource["type"] == value),
            Self::Username => user_name(record) == Some(value),
        }
    }
}

/// The name of who called, as look-ups have it: a user, the name of a role's session or a federated user, or `root`.
pub(crate) fn user_name(record: &Value) -> Option<&str> {
    let identity = &record["userIdentity"];
    match identity["type"].as_str()? {
        "Root" => Some("root"),
        "AssumedRole" | "FederatedUser" => identity["arn"].as_str()?.rsplit('/').next(),
        _ => identity["userName"].as_str(),
    }
}
