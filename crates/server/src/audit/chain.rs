//! The chain through all records: each line carries the hash of the line before, over the ends of files.

use std::io::{self, BufRead, Read};

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::bounds::RECORD_BYTES_MAX;
use crate::hex;

/// What the first line of all carries.
pub(super) const BEGINNING: &str =
    "0000000000000000000000000000000000000000000000000000000000000000";

/// What stands in every line before the hash of the line before. In no text of a record: quotes are escaped there.
const LINK: &str = ",\"previousRecordHash\":\"";

/// No line is as long. Once records were larger; now they have [`RECORD_BYTES_MAX`].
const LINE_BYTES_MAX: u64 = 4 * RECORD_BYTES_MAX as u64;

/// What is said of a line that breaks off.
pub(super) const NO_END: &str = "the line has no end";

/// What is said of a line that nobody can have written.
const TOO_LONG: &str = "the line is longer than any record";

/// What a line is checked for.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    previous_record_hash: String,
    event_time: String,
}

/// The SHA-256 of bytes, in hexadecimal digits.
pub(super) fn hash(bytes: &[u8]) -> String {
    hex::text(Sha256::digest(bytes))
}

/// Makes the line of a record, and its hash, which the next one carries.
pub(super) fn line(record: &[u8], previous: &str) -> (Vec<u8>, String) {
    let mut line = record.strip_suffix(b"}").unwrap_or(record).to_vec();
    line.extend_from_slice(format!("{LINK}{previous}\"}}").as_bytes());
    let hash = hash(&line);
    line.push(b'\n');
    (line, hash)
}

/// The record of a line, without its hash of the line before.
pub(super) fn record(line: &str) -> String {
    let end = line.rfind(LINK).unwrap_or(line.len().saturating_sub(1));
    format!("{}}}", &line[..end])
}

/// How far a chain was followed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Followed {
    /// What the first line carries.
    pub(super) first_previous_hash: Option<String>,
    /// Hash of the last line; before the first, what that has to carry, if it is known.
    pub(super) last_hash: Option<String>,
    /// Lines.
    pub(super) records: u64,
    /// Their bytes.
    pub(super) bytes: u64,
    /// `eventTime` of the first line.
    pub(super) oldest: Option<String>,
    /// `eventTime` of the last line.
    pub(super) newest: Option<String>,
    /// What is wrong with the line after them, if there is one.
    pub(super) broken: Option<String>,
}

/// Follows a chain through a file, up to its end or the first line that does not belong there.
pub(super) fn follow(mut file: impl BufRead, previous: Option<String>) -> io::Result<Followed> {
    let mut followed = Followed { last_hash: previous, ..Followed::default() };
    let mut line = Vec::new();
    loop {
        line.clear();
        let bytes = file.by_ref().take(LINE_BYTES_MAX).read_until(b'\n', &mut line)?;
        if bytes == 0 {
            return Ok(followed);
        }
        match followed.check(&line) {
            Ok(link) => followed.add(link, &line),
            Err(what) => {
                followed.broken = Some(what);
                return Ok(followed);
            }
        }
    }
}

impl Followed {
    fn check(&self, line: &[u8]) -> Result<Link, String> {
        let is_cut = line.len() as u64 == LINE_BYTES_MAX;
        let text = line.strip_suffix(b"\n").ok_or(if is_cut { TOO_LONG } else { NO_END })?;
        let link: Link = serde_json::from_slice(text)
            .map_err(|error| format!("the line is no record: {error}"))?;
        match &self.last_hash {
            Some(expected) if *expected != link.previous_record_hash => Err(format!(
                "the line before has the hash {expected}, but the line was written after one with {}",
                link.previous_record_hash
            )),
            Some(_) | None => Ok(link),
        }
    }

    fn add(&mut self, link: Link, line: &[u8]) {
        self.first_previous_hash.get_or_insert(link.previous_record_hash);
        self.last_hash = Some(hash(line.strip_suffix(b"\n").unwrap_or(line)));
        self.records += 1;
        self.bytes += line.len() as u64;
        self.oldest.get_or_insert_with(|| link.event_time.clone());
        self.newest = Some(link.event_time);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(records: u32) -> Vec<u8> {
        let (mut file, mut previous) = (Vec::new(), BEGINNING.to_owned());
        for number in 0..records {
            let record = format!(r#"{{"eventTime":"t{number}","n":{number}}}"#);
            let (line, hash) = line(record.as_bytes(), &previous);
            file.extend(line);
            previous = hash;
        }
        file
    }

    fn followed(file: &[u8]) -> Followed {
        follow(file, Some(BEGINNING.to_owned())).expect("memory can be read")
    }

    #[test]
    fn a_chain_is_followed_to_its_end() {
        let file = file(3);
        let all = followed(&file);
        assert_eq!((all.records, all.bytes, &all.broken), (3, file.len() as u64, &None));
        assert_eq!((all.oldest.as_deref(), all.newest.as_deref()), (Some("t0"), Some("t2")));
        assert_eq!(follow(&file[..], None).expect("readable").records, 3, "from anywhere");
    }

    #[test]
    fn a_record_is_its_line_without_the_link() {
        for record in [r#"{"a":1}"#, r#"{"a":",\"previousRecordHash\":\"x"}"#] {
            let (line, _) = line(record.as_bytes(), BEGINNING);
            let text = String::from_utf8(line).expect("text");
            assert_eq!(super::record(text.trim_end()), record);
        }
    }

    #[test]
    fn a_line_that_is_too_long_is_no_torn_one() {
        let long = format!(r#"{{"eventTime":"t","n":"{}"}}"#, "x".repeat(4 * RECORD_BYTES_MAX));
        let (line, _) = line(long.as_bytes(), BEGINNING);
        assert_eq!(followed(&line).broken.as_deref(), Some(TOO_LONG));
        assert_eq!(followed(&line[..1_000]).broken.as_deref(), Some(NO_END));
    }

    #[test]
    fn every_changed_byte_and_every_missing_line_is_noticed() {
        let good = file(3);
        let length_of_two = followed(&good).bytes as usize - good.len() / 3;
        for place in 0..length_of_two {
            let mut changed = good.clone();
            changed[place] ^= 1;
            let found = followed(&changed);
            assert!(found.broken.is_some() && found.records < 3, "byte {place}: {found:?}");
        }
        let lines: Vec<&[u8]> = good.split_inclusive(|byte| *byte == b'\n').collect();
        assert!(followed(&[lines[0], lines[2]].concat()).broken.is_some(), "the second is missing");
        assert!(followed(&[lines[1], lines[2]].concat()).broken.is_some(), "the first is missing");
        assert_eq!(followed(&good[..good.len() - 1]).records, 2, "the last has no end");
    }
}
