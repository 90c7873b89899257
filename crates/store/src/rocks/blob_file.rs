//! Reads a blob file from end to end and compares every checksum in it.
//!
//! A blob file is a header (30 bytes), records, and a footer (32 bytes) once it is complete; a record is a header (32
//! bytes: key length, value length, expiration, checksum of these, checksum of key and value), the key and the value;
//! numbers are little-endian (`db/blob/blob_log_format.h`).

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use super::crc32c::{self, Crc};

const HEADER_BYTES: usize = 30;
const FOOTER_BYTES: usize = 32;
const RECORD_HEADER_BYTES: usize = 32;
/// Bytes of a record header that its checksum covers.
const RECORD_CHECKED_BYTES: usize = 24;
const MAGIC: [u8; 4] = 2_395_959_u32.to_le_bytes();
const READ_BYTES: usize = 256 << 10;

/// Returns what is wrong with a complete blob file, if anything is.
pub(super) fn damage(path: &Path) -> io::Result<Option<String>> {
    let file = File::open(path)?;
    let bytes = file.metadata()?.len();
    let Some(records_end) = bytes.checked_sub(FOOTER_BYTES as u64) else {
        return Ok(Some("it is too short".to_owned()));
    };
    let mut input = BufReader::with_capacity(READ_BYTES, file);
    match records(&mut input, records_end) {
        Ok(damage) => Ok(damage),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Ok(Some("it ends too early".to_owned()))
        }
        Err(error) => Err(error),
    }
}

/// Reads up to the footer, and that.
fn records(input: &mut impl Read, records_end: u64) -> io::Result<Option<String>> {
    let mut header = [0; HEADER_BYTES];
    input.read_exact(&mut header)?;
    if !header.starts_with(&MAGIC) {
        return Ok(Some("it does not begin like a blob file".to_owned()));
    }
    let mut offset = HEADER_BYTES as u64;
    let mut buffer = vec![0; READ_BYTES];
    while offset < records_end {
        let mut header = [0; RECORD_HEADER_BYTES];
        input.read_exact(&mut header)?;
        let start = offset + RECORD_HEADER_BYTES as u64;
        let fits = |rest: &u64| start.checked_add(*rest).is_some_and(|end| end <= records_end);
        let Some(rest) = record_bytes(&header).filter(fits) else {
            return Ok(Some(format!("the header of the record at byte {offset} is damaged")));
        };
        let mut crc = Crc::new();
        let mut left = rest;
        while left > 0 {
            let step = usize::try_from(left).unwrap_or(READ_BYTES).min(READ_BYTES);
            let chunk = &mut buffer[..step];
            input.read_exact(chunk)?;
            crc.update(chunk);
            left -= step as u64;
        }
        if crc.masked().to_le_bytes() != header[28..32] {
            return Ok(Some(format!("the record at byte {offset} is damaged")));
        }
        offset = start + rest;
    }
    let mut footer = [0; FOOTER_BYTES];
    input.read_exact(&mut footer)?;
    let (checked, crc) = footer.split_at(FOOTER_BYTES - 4);
    let is_intact = footer.starts_with(&MAGIC) && crc32c::masked(checked).to_le_bytes() == crc;
    Ok((!is_intact).then(|| "its footer is damaged".to_owned()))
}

/// Returns how many bytes of key and value follow a record header; `None` if it is damaged.
fn record_bytes(header: &[u8; RECORD_HEADER_BYTES]) -> Option<u64> {
    let (checked, rest) = header.split_at(RECORD_CHECKED_BYTES);
    if crc32c::masked(checked).to_le_bytes() != rest[..4] {
        return None;
    }
    let (key, rest) = checked.split_first_chunk()?;
    let (value, _) = rest.split_first_chunk()?;
    u64::from_le_bytes(*key).checked_add(u64::from_le_bytes(*value))
}
