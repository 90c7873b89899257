//! The process as the operating system sees it, and what was built.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;

use super::store::gauge;

/// Writes the metrics of the process.
pub(super) fn encode(encoder: &mut DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
    match resident_bytes() {
        Some(bytes) => gauge(
            encoder,
            "process_resident_memory_bytes",
            "Memory of this process that is in RAM",
            bytes,
        ),
        None => Ok(()),
    }
}

/// Known on Linux only; absent elsewhere.
fn resident_bytes() -> Option<u64> {
    parse_resident_bytes(&std::fs::read_to_string("/proc/self/status").ok()?)
}

fn parse_resident_bytes(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kibibytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kibibytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::parse_resident_bytes;

    #[test]
    fn the_kernel_reports_kibibytes() {
        let status = "Name:\tsluice\nVmPeak:\t  10 kB\nVmRSS:\t     1234 kB\nThreads:\t4\n";
        assert_eq!(parse_resident_bytes(status), Some(1234 * 1024));
        assert_eq!(parse_resident_bytes("VmRSS: ? kB"), None);
        assert_eq!(parse_resident_bytes(""), None);
    }
}
