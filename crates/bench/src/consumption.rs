//! CPU time and memory of a process, as the kernel accounts for them.

use std::time::Duration;

/// What a process has used so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Consumption {
    /// User and system time of all its threads.
    pub(crate) cpu: Duration,
    /// Memory that is resident now.
    pub(crate) resident_bytes: u64,
    /// The most that ever was.
    pub(crate) peak_bytes: u64,
}

impl Consumption {
    /// Of the process with this id; none if it cannot be read.
    pub(crate) fn of(pid: u32) -> Option<Self> {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
        let ticks_per_sec = rustix::param::clock_ticks_per_second();
        Some(Self {
            cpu: cpu_time(&stat, ticks_per_sec)?,
            resident_bytes: bytes_of(&status, "VmRSS:")?,
            peak_bytes: bytes_of(&status, "VmHWM:")?,
        })
    }
}

/// Fields 14 and 15, counted after the name, which may contain anything but ends with the last parenthesis.
fn cpu_time(stat: &str, ticks_per_sec: u64) -> Option<Duration> {
    let (_, after_name) = stat.rsplit_once(')')?;
    let mut fields = after_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(Duration::from_secs_f64((user + system) as f64 / ticks_per_sec as f64))
}

fn bytes_of(status: &str, name: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(name))?;
    let kilobytes: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_process_may_look_like_fields() {
        let stat = "7 (a) b 1 (c)) S 1 7 7 0 -1 4194560 9 0 0 0 150 50 0 0 20 0 3 0 100 1 1";
        assert_eq!(cpu_time(stat, 100), Some(Duration::from_secs(2)));
        assert_eq!(cpu_time("", 100), None);
    }

    #[test]
    fn memory_is_found_among_the_rest() {
        let status = "Name:\tx\nVmHWM:\t    4096 kB\nVmRSS:\t    2048 kB\nThreads:\t1\n";
        assert_eq!(bytes_of(status, "VmRSS:"), Some(2_097_152));
        assert_eq!(bytes_of(status, "VmHWM:"), Some(4_194_304));
        assert_eq!(bytes_of("Name:\tx\n", "VmRSS:"), None);
    }

    #[test]
    fn this_process_uses_something() {
        let used = Consumption::of(std::process::id());
        assert!(used.is_some_and(|used| used.resident_bytes > 0), "{used:?}");
        assert_eq!(Consumption::of(u32::MAX), None);
    }
}
