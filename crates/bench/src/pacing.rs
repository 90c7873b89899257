//! Waits for a moment more exactly than the timer of the async runtime, which counts milliseconds.

#[cfg(target_os = "linux")]
pub(crate) use linux::Timer;
#[cfg(not(target_os = "linux"))]
pub(crate) use portable::Timer;

#[cfg(target_os = "linux")]
mod linux {
    use std::io;
    use std::time::{Duration, Instant};

    use rustix::time::{
        Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, timerfd_create,
        timerfd_settime,
    };
    use tokio::net::unix::pipe::Receiver;

    use crate::clock;

    /// A timer of the kernel; one for each connection. To the async runtime it is the reading end of a pipe: what becomes
    /// readable when time is up, and the one way to wait for it without `unsafe`.
    pub(crate) struct Timer {
        file: Receiver,
    }

    impl Timer {
        pub(crate) fn new() -> io::Result<Self> {
            let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
            let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
            Ok(Self { file: Receiver::from_owned_fd_unchecked(timer)? })
        }

        /// Returns at `moment`, or at once if it has passed.
        pub(crate) async fn until(&self, moment: Instant) -> io::Result<()> {
            let wait = moment.saturating_duration_since(clock::now());
            if wait.is_zero() {
                return Ok(());
            }
            let timer =
                Itimerspec { it_interval: timespec(Duration::ZERO), it_value: timespec(wait) };
            timerfd_settime(&self.file, TimerfdTimerFlags::empty(), &timer)?;
            loop {
                self.file.readable().await?;
                let mut expirations = [0; 8];
                match self.file.try_read(&mut expirations) {
                    Ok(_bytes) => return Ok(()),
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                    Err(error) => return Err(error),
                }
            }
        }
    }

    fn timespec(duration: Duration) -> Timespec {
        Timespec {
            tv_sec: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
            tv_nsec: i64::from(duration.subsec_nanos()),
        }
    }
}

/// Where the kernel's timers are unknown, starts are up to a millisecond late, and their latency says so.
#[cfg(not(target_os = "linux"))]
mod portable {
    use std::io;
    use std::time::Instant;

    /// The timer of the async runtime.
    pub(crate) struct Timer;

    impl Timer {
        pub(crate) fn new() -> io::Result<Self> {
            Ok(Self)
        }

        /// Returns at `moment`, or at once if it has passed.
        pub(crate) async fn until(&self, moment: Instant) -> io::Result<()> {
            tokio::time::sleep_until(moment.into()).await;
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use crate::clock;

    use super::*;

    #[tokio::test]
    async fn a_timer_serves_again_and_is_never_early() {
        let timer = Timer::new().expect("the kernel has timers");
        for micros in [300, 0, 1_500] {
            let moment = clock::now() + Duration::from_micros(micros);
            timer.until(moment).await.expect("it can be waited for");
            assert!(clock::now() >= moment);
        }
    }
}
