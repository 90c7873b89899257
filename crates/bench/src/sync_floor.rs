//! What the disk alone allows: append and `fdatasync`, again and again, without any server.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::clock;
use crate::machine::Conditions;
use crate::options::{parse_duration, seconds};
use crate::recorder::latencies;
use crate::statistics::Latency;

/// What to append, and where.
#[derive(Debug, Clone, Args, Serialize)]
pub struct SyncFloorOptions {
    /// Directory on the disk to measure; the file in it is removed afterwards.
    #[arg(long, value_name = "DIR", default_value = ".")]
    pub directory: PathBuf,
    /// Bytes of a record.
    #[arg(long, value_name = "BYTES", default_value_t = 1024)]
    pub size: usize,
    /// Records that one sync makes durable: as many writers as share a commit.
    #[arg(long, value_name = "N,…", value_delimiter = ',', default_value = "1,8,64,512")]
    pub writers: Vec<usize>,
    /// Time for each number of writers.
    #[arg(long, value_name = "TIME", default_value = "5s", value_parser = parse_duration)]
    #[serde(rename = "duration_secs", serialize_with = "seconds")]
    pub duration: Duration,
}

/// What came out for one number of writers.
#[derive(Debug, Clone, Serialize)]
struct Row {
    writers: usize,
    syncs_per_s: f64,
    records_per_s: f64,
    megabytes_per_s: f64,
    latency_ms: Option<Latency>,
}

/// The result of the bare loop.
#[derive(Debug, Clone, Serialize)]
pub struct SyncFloor {
    conditions: Conditions,
    options: SyncFloorOptions,
    rows: Vec<Row>,
}

impl SyncFloor {
    /// Runs the loop for each number of writers.
    ///
    /// # Errors
    /// What the file system says.
    pub fn measure(options: &SyncFloorOptions) -> io::Result<Self> {
        let conditions = Conditions::now();
        let path = options.directory.join(format!("sluice-bench-{}.tmp", std::process::id()));
        let rows: io::Result<Vec<Row>> =
            options.writers.iter().map(|writers| measure(&path, options, *writers)).collect();
        let removed = std::fs::remove_file(&path);
        let rows = rows?;
        removed?;
        Ok(Self { conditions, options: options.clone(), rows })
    }

    /// Rows of a table, headings first.
    pub fn table(&self) -> Vec<Vec<String>> {
        let headings =
            ["writers", "syncs/s", "records/s", "MB/s", "p50 ms", "p99 ms", "p99.9 ms", "max ms"];
        let mut rows = vec![headings.map(str::to_owned).to_vec()];
        for row in &self.rows {
            let latency = row.latency_ms.as_ref();
            let ms = |value: Option<f64>| value.map_or("-".to_owned(), |ms| format!("{ms:.2}"));
            rows.push(vec![
                row.writers.to_string(),
                format!("{:.0}", row.syncs_per_s),
                format!("{:.0}", row.records_per_s),
                format!("{:.1}", row.megabytes_per_s),
                ms(latency.map(|latency| latency.p50)),
                ms(latency.map(|latency| latency.p99)),
                ms(latency.map(|latency| latency.p99_9)),
                ms(latency.map(|latency| latency.max)),
            ]);
        }
        rows
    }
}

fn measure(path: &Path, options: &SyncFloorOptions, writers: usize) -> io::Result<Row> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
    let records = vec![b'x'; options.size * writers];
    let mut latency = latencies();
    let mut syncs: u64 = 0;
    let started = clock::now();
    let mut now = started;
    while now.duration_since(started) < options.duration {
        file.write_all(&records)?;
        file.sync_data()?;
        let ended = clock::now();
        let nanos = ended.duration_since(now).as_nanos();
        latency.saturating_record(u64::try_from(nanos).unwrap_or(u64::MAX));
        syncs += 1;
        now = ended;
    }
    let syncs_per_s = syncs as f64 / now.duration_since(started).as_secs_f64();
    let records_per_s = syncs_per_s * writers as f64;
    Ok(Row {
        writers,
        syncs_per_s,
        records_per_s,
        megabytes_per_s: records_per_s * options.size as f64 / 1e6,
        latency_ms: Latency::of(&latency),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_of_writers_has_a_row_and_nothing_is_left_behind() {
        let directory = tempfile::tempdir().expect("the test may write to the temporary directory");
        let options = SyncFloorOptions {
            directory: directory.path().to_owned(),
            size: 100,
            writers: vec![1, 3],
            duration: Duration::from_millis(20),
        };
        let floor = SyncFloor::measure(&options).expect("the directory exists");
        for row in &floor.rows {
            assert!(row.syncs_per_s > 0.0);
            let records = row.syncs_per_s * row.writers as f64;
            assert!((row.records_per_s - records).abs() < 1e-6, "{row:?}");
        }
        assert_eq!(floor.table().len(), 3);
        let left = std::fs::read_dir(directory.path()).expect("the directory exists").count();
        assert_eq!(left, 0);
    }
}
