//! `sluice store check`.

use serde_json::{Value, json};
use sluice_server::offline::{self, Checked, Finding, Severity};

use super::{DirectoryArgs, failure};
use crate::arguments::OutputFormat;
use crate::exit::Failure;
use crate::output;

/// Prints findings as they come, and what was checked.
pub(super) fn run(args: &DirectoryArgs) -> Result<(), Failure> {
    let format = args.output.output;
    let mut printed = Ok(());
    let mut found = |finding: Finding| {
        let line = match format {
            OutputFormat::Text => text(&finding),
            OutputFormat::Json => format!("{}\n", value(&finding)),
        };
        if printed.is_ok() {
            printed = output::print(&line);
        }
    };
    let checked = offline::check(&args.data, &mut found).map_err(|error| failure(&error))?;
    printed?;
    output::print(&match format {
        OutputFormat::Text => summary(&checked),
        OutputFormat::Json => format!("{}\n", summary_value(&checked)),
    })?;
    if checked.damages == 0 {
        return Ok(());
    }
    Err(Failure::Damaged(format!(
        "{} is damaged: keep a copy of it as it is, check the disk, and restore a backup (`sluice store restore`)",
        args.data.display()
    )))
}

fn severity(finding: &Finding) -> &'static str {
    match finding.severity {
        Severity::Damage => "damage",
        Severity::Note => "note",
    }
}

fn text(finding: &Finding) -> String {
    format!("{}  {}: {}\n", severity(finding), finding.place, finding.what)
}

fn value(finding: &Finding) -> Value {
    json!({ "finding": severity(finding), "place": finding.place, "what": finding.what })
}

fn summary(checked: &Checked) -> String {
    format!(
        "checked {} queues, {} rows, {} messages of {} bytes: {}\n",
        checked.queues,
        checked.rows,
        checked.messages,
        checked.body_bytes,
        match checked.damages {
            0 => "no damage".to_owned(),
            damages => format!("{damages} damaged"),
        }
    )
}

fn summary_value(checked: &Checked) -> Value {
    json!({ "summary": {
        "queues": checked.queues,
        "partitions": checked.partitions,
        "rows": checked.rows,
        "messages": checked.messages,
        "body_bytes": checked.body_bytes,
        "damages": checked.damages,
    }})
}
