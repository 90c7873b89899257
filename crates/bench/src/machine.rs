//! Under which conditions something was measured.

use serde::Serialize;

use crate::clock;

/// The machine and the moment.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Conditions {
    /// Version of this program.
    pub(crate) sluice_version: &'static str,
    /// Cores that this process may use.
    pub(crate) cores: usize,
    /// Model of the processor.
    pub(crate) processor: String,
    /// Kernel release.
    pub(crate) kernel: String,
    /// When, in seconds since 1970.
    pub(crate) unix_secs: u64,
    /// Load average over the last minute, before anything began.
    pub(crate) load_average: String,
    /// The command line.
    pub(crate) command: String,
}

impl Conditions {
    /// Those of now.
    pub(crate) fn now() -> Self {
        let read = |path| std::fs::read_to_string(path).unwrap_or_default();
        let first_word = |text: String| text.split_whitespace().next().unwrap_or("").to_owned();
        Self {
            sluice_version: env!("CARGO_PKG_VERSION"),
            cores: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            processor: processor(&read("/proc/cpuinfo")),
            kernel: read("/proc/sys/kernel/osrelease").trim().to_owned(),
            unix_secs: clock::unix_secs(),
            load_average: first_word(read("/proc/loadavg")),
            command: std::env::args().skip(1).collect::<Vec<_>>().join(" "),
        }
    }
}

impl Conditions {
    /// Rows of a table, headings first.
    pub(crate) fn rows(&self) -> Vec<Vec<String>> {
        let row = |name: &str, value: String| vec![name.to_owned(), value];
        vec![
            row("condition", "value".to_owned()),
            row("sluice", self.sluice_version.to_owned()),
            row("cores", self.cores.to_string()),
            row("processor", self.processor.clone()),
            row("kernel", self.kernel.clone()),
            row("seconds since 1970", self.unix_secs.to_string()),
            row("load average before", self.load_average.clone()),
        ]
    }
}

fn processor(cpuinfo: &str) -> String {
    let line = cpuinfo.lines().find(|line| line.starts_with("model name"));
    line.and_then(|line| line.split_once(':')).map_or("", |(_, name)| name.trim()).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_once() {
        let two = "processor\t: 0\nmodel name\t: A: B\nprocessor\t: 1\nmodel name\t: A: B\n";
        assert_eq!(processor(two), "A: B");
        assert_eq!(processor(""), "");
    }
}
