//! The names of the files in an audit directory.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

const PREFIX: &str = "audit-";

/// The forms in which the file with one number can be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Form {
    /// Lines of JSON, perhaps still being written.
    Plain,
    /// The same with gzip, complete.
    Compressed,
    /// What the compressed file has to be.
    Digest,
}

impl Form {
    const ALL: [Self; 3] = [Self::Plain, Self::Compressed, Self::Digest];

    fn extension(self) -> &'static str {
        match self {
            Self::Plain => ".jsonl",
            Self::Compressed => ".jsonl.gz",
            Self::Digest => ".digest.json",
        }
    }
}

/// The name of a file.
pub(super) fn name(number: u64, form: Form) -> String {
    format!("{PREFIX}{number:010}{}", form.extension())
}

/// The path of a file.
pub(super) fn path(directory: &Path, number: u64, form: Form) -> PathBuf {
    directory.join(name(number, form))
}

/// The numbers that there are, each with its forms in order.
pub(super) fn list(directory: &Path) -> io::Result<BTreeMap<u64, Vec<Form>>> {
    let mut found: BTreeMap<u64, Vec<Form>> = BTreeMap::new();
    for entry in fs::read_dir(directory)? {
        let file = entry?.file_name();
        let Some((number, form)) = file.to_str().and_then(parsed) else { continue };
        let forms = found.entry(number).or_default();
        forms.push(form);
        forms.sort();
    }
    Ok(found)
}

fn parsed(file: &str) -> Option<(u64, Form)> {
    let rest = file.strip_prefix(PREFIX)?;
    let of = |form: Form| Some((rest.strip_suffix(form.extension())?, form));
    let (number, form) = Form::ALL.into_iter().find_map(of)?;
    let number = number.parse().ok()?;
    (name(number, form) == file).then_some((number, form))
}

/// Makes new, removed and renamed files durable.
pub(super) fn sync(directory: &Path) -> io::Result<()> {
    fs::File::open(directory)?.sync_all()
}
