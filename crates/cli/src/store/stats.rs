//! `sluice store stats`.

use serde_json::{Value, json};
use sluice_server::offline::{self, FileSize, Sizes};

use super::{DirectoryArgs, failure};
use crate::arguments::OutputFormat;
use crate::exit::Failure;
use crate::output;

/// Rows of deleted queues belong to nobody.
const DELETED: &str = "(deleted queues)";

/// Prints what files, tables and queues take.
pub(super) fn run(args: &DirectoryArgs) -> Result<(), Failure> {
    let sizes = offline::sizes(&args.data).map_err(|error| failure(&error))?;
    match args.output.output {
        OutputFormat::Text => output::print(&text(&sizes)),
        OutputFormat::Json => output::print_json(&value(&sizes)),
    }
}

fn files(sizes: &Sizes) -> [(&'static str, FileSize); 5] {
    let files = &sizes.files;
    [
        ("tables", files.tables),
        ("blobs", files.blobs),
        ("logs", files.logs),
        ("other", files.other),
        ("unused", files.unused),
    ]
}

fn text(sizes: &Sizes) -> String {
    let mut rows = vec![["FILES", "NUMBER", "BYTES"].map(str::to_owned).to_vec()];
    for (name, size) in files(sizes) {
        rows.push(vec![name.to_owned(), size.files.to_string(), size.bytes.to_string()]);
    }
    let garbage = sizes.files.garbage_bytes;
    rows.push(vec!["garbage in blobs".to_owned(), String::new(), garbage.to_string()]);
    let files = output::table(&rows);
    let mut rows = vec![["QUEUE", "TABLE", "ROWS", "BYTES"].map(str::to_owned).to_vec()];
    for queue in &sizes.queues {
        let name = queue.queue.as_deref().unwrap_or(DELETED);
        for (table, size) in &queue.tables {
            let (count, bytes) = (size.rows.to_string(), size.bytes.to_string());
            rows.push(vec![name.to_owned(), (*table).to_owned(), count, bytes]);
        }
    }
    format!("{files}\n{}", output::table(&rows))
}

fn value(sizes: &Sizes) -> Value {
    let files: serde_json::Map<String, Value> = files(sizes)
        .into_iter()
        .map(|(name, size)| (name.to_owned(), json!({ "files": size.files, "bytes": size.bytes })))
        .collect();
    let queues = sizes.queues.iter().map(|queue| {
        let tables: serde_json::Map<String, Value> = queue
            .tables
            .iter()
            .map(|(name, size)| {
                ((*name).to_owned(), json!({ "rows": size.rows, "bytes": size.bytes }))
            })
            .collect();
        json!({ "queue": queue.queue, "tables": tables })
    });
    json!({
        "files": files,
        "garbage_in_blobs_bytes": sizes.files.garbage_bytes,
        "queues": queues.collect::<Vec<_>>(),
    })
}
