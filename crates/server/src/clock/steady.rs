//! The time of queues on a machine whose clock may jump: it goes on, and comes closer to the clock by and by.
//!
//! Deadlines are stored as times of day, so that they hold over a restart; but what they measure is time that passes.
//! So the time of day is read at the start, and from then on real time is added. A clock that was set forth or back,
//! even by hours, makes this time a tenth faster or slower until they agree again: timeouts, delays and waits are a
//! tenth shorter or longer meanwhile, and nothing else happens (docs/operations.md). A clock that is ahead by more than
//! a day is followed when it has been so for a while: to be wrong for a moment must not expire everything.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};
use tracing::{info, warn};

use super::{Clock, since_epoch};

/// Of the time that passes, this part is added or left out to come closer to the clock.
const SLEW_DIVISOR: u32 = 10;
/// A clock that is ahead by more had not been set before, as on a machine without a battery. It is followed in one
/// step: what is sent at the wrong date would expire when the server is started again.
const STEP_MIN: Duration = Duration::from_hours(24);
/// For so long every reading has to be ahead so far before the clock is believed.
const STEP_AFTER: Duration = Duration::from_secs(30);
/// A pause between two readings counts as no more than this, twice what the server makes of it: while the machine slept,
/// nobody saw what its clock showed.
const UNSEEN_MAX: Duration = Duration::from_secs(10);
/// A difference that is worth a line in the log.
const NOTEWORTHY: Duration = Duration::from_secs(1);

/// The time of day, made steady. Never goes back while the server runs.
#[derive(Debug)]
pub struct SteadyClock {
    reading: Mutex<Reading>,
}

/// What a [`SteadyClock`] showed last.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// Time since the epoch,
    time: Duration,
    /// when the machine had been up for so long.
    uptime: Duration,
    agrees: bool,
    /// What a clock claims that is ahead by more than [`STEP_MIN`].
    claim: Option<Claim>,
}

/// A clock that may have been set forth by days.
#[derive(Debug, Clone, Copy)]
struct Claim {
    /// For how long every reading has been ahead.
    lasted: Duration,
    /// By how much the clock was ahead of the uptime, the least since then.
    ahead: Duration,
}

impl SteadyClock {
    /// A clock that shows the time of day.
    pub fn start() -> Self {
        let reading = Reading { time: since_epoch(), uptime: uptime(), agrees: true, claim: None };
        Self { reading: Mutex::new(reading) }
    }
}

impl Clock for SteadyClock {
    fn now_ms(&self) -> u64 {
        let (wall, uptime) = (since_epoch(), uptime());
        // A reading is replaced as a whole, so a poisoned lock is as good as any.
        let mut reading = self.reading.lock().unwrap_or_else(PoisonError::into_inner);
        let before = *reading;
        let now = before.after(wall, uptime);
        *reading = now;
        drop(reading);
        if before.agrees != now.agrees || before.claim.is_none() && now.claim.is_some() {
            tell(now, wall);
        }
        u64::try_from(now.time.as_millis()).unwrap_or(u64::MAX)
    }
}

impl Reading {
    fn after(self, wall: Duration, uptime: Duration) -> Self {
        // Threads may come here in another order than they read the clocks.
        let elapsed = uptime.saturating_sub(self.uptime);
        let (steady, slew) = (self.time + elapsed, elapsed / SLEW_DIVISOR);
        let ahead = wall.saturating_sub(uptime);
        let claim = (wall > steady + STEP_MIN).then(|| match self.claim {
            Some(Claim { lasted, ahead: least }) => {
                Claim { lasted: lasted + elapsed.min(UNSEEN_MAX), ahead: least.min(ahead) }
            }
            None => Claim { lasted: Duration::ZERO, ahead },
        });
        let believed = claim.filter(|claim| claim.lasted >= STEP_AFTER);
        let time = match believed {
            Some(claim) => claim.ahead + uptime,
            None => wall.clamp(steady - slew, steady + slew),
        };
        let agrees = wall.abs_diff(time) < NOTEWORTHY;
        let claim = claim.filter(|_| believed.is_none());
        Self { time, uptime: self.uptime + elapsed, agrees, claim }
    }
}

fn tell(now: Reading, wall: Duration) {
    let secs = wall.abs_diff(now.time).as_secs();
    let direction = if wall > now.time { "ahead of" } else { "behind" };
    match now.agrees {
        true => info!("the machine's clock and the time of the queues agree again"),
        false if now.claim.is_some() => warn!(
            "the machine's clock jumped and is {secs} s ahead of the time of the queues, which follows \
             in one step if that has not changed in {} s",
            STEP_AFTER.as_secs()
        ),
        false => warn!(
            "the machine's clock jumped and is {secs} s {direction} the time of the queues, which \
             approaches it by a tenth of the time that passes"
        ),
    }
}

/// Time since the machine was started, with the time that it slept.
fn uptime() -> Duration {
    // Other systems count sleep in the monotonic clock.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    let clock = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let clock = ClockId::Monotonic;
    Duration::try_from(clock_gettime(clock)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const SECOND: Duration = Duration::from_secs(1);

    /// Read once a second for so many seconds, beside a clock that is off by a fixed time.
    fn run(mut reading: Reading, secs: u32, wall_at: impl Fn(Duration) -> Duration) -> Reading {
        for _ in 0..secs {
            let uptime = reading.uptime + SECOND;
            let next = reading.after(wall_at(uptime), uptime);
            assert!(next.time > reading.time);
            reading = next;
        }
        reading
    }

    fn begun() -> Reading {
        Reading { time: 1_000 * HOUR, uptime: HOUR, agrees: true, claim: None }
    }

    #[test]
    fn it_shows_the_time_of_day() {
        let reading = run(begun(), 3_600, |uptime| 999 * HOUR + uptime);
        assert_eq!((reading.time, reading.agrees), (1_001 * HOUR, true));
    }

    #[test]
    fn a_clock_that_was_set_is_approached_by_a_tenth_of_the_time() {
        for (jumped, expected) in [
            (1_005 * HOUR, 1_000 * HOUR + 110 * SECOND),
            (995 * HOUR, 1_000 * HOUR + 90 * SECOND),
            (999 * HOUR - HOUR / 2, 1_000 * HOUR + 90 * SECOND),
        ] {
            let reading = run(begun(), 100, |uptime| jumped - HOUR + uptime);
            assert_eq!((reading.time, reading.agrees), (expected, false), "{jumped:?}");
        }
    }

    #[test]
    fn after_ten_times_the_jump_they_agree_again() {
        for off in [998 * HOUR, 1_000 * HOUR] {
            let reading = run(begun(), 10 * 3_600, |uptime| off + uptime);
            assert_eq!((reading.time, reading.agrees), (off + 11 * HOUR, true));
        }
    }

    const YEAR: Duration = Duration::from_hours(24 * 365);

    /// Read beside a clock that is off by a fixed time, for so many seconds.
    fn ahead_for(reading: Reading, secs: u32, by: Duration) -> Reading {
        run(reading, secs, |uptime| 999 * HOUR + by + uptime)
    }

    #[test]
    fn a_clock_that_had_not_been_set_is_followed_after_a_while_and_only_forth() {
        let waiting = ahead_for(begun(), 30, YEAR);
        assert_eq!((waiting.time, waiting.agrees), (1_000 * HOUR + 33 * SECOND, false));
        let set = ahead_for(waiting, 1, YEAR);
        assert_eq!((set.time, set.agrees), (1_000 * HOUR + YEAR + 31 * SECOND, true));
        let back = ahead_for(set, 100, Duration::ZERO);
        assert_eq!((back.time, back.agrees), (set.time + 90 * SECOND, false));
    }

    #[test]
    fn a_clock_that_is_ahead_by_days_for_a_moment_is_not_followed() {
        for secs in [1, 30] {
            let wrong = ahead_for(begun(), secs, YEAR);
            let right = ahead_for(wrong, 1, Duration::ZERO);
            assert!(right.time < 1_000 * HOUR + 35 * SECOND, "{secs} s");
            let wrong_again = ahead_for(right, secs, YEAR);
            assert!(wrong_again.time < 1_000 * HOUR + 70 * SECOND, "{secs} s, again");
        }
    }

    #[test]
    fn a_clock_that_is_ahead_by_days_on_both_sides_of_a_sleep_is_not_followed_for_that() {
        let ahead = ahead_for(begun(), 1, YEAR);
        let uptime = ahead.uptime + 2 * HOUR;
        let woken = ahead.after(999 * HOUR + YEAR + uptime, uptime);
        assert!(woken.time < 1_003 * HOUR, "{woken:?}");
        let followed = ahead_for(woken, 20, YEAR);
        assert_eq!(followed.time, 999 * HOUR + YEAR + followed.uptime);
    }

    #[test]
    fn a_clock_is_followed_no_further_than_it_was_ahead_all_the_time() {
        let ahead = ahead_for(begun(), 20, YEAR);
        let further = ahead_for(ahead, 11, 2 * YEAR);
        assert_eq!((further.time, further.agrees), (1_000 * HOUR + YEAR + 31 * SECOND, false));
        let followed = ahead_for(further, 31, 2 * YEAR);
        assert_eq!((followed.time, followed.agrees), (1_000 * HOUR + 2 * YEAR + 62 * SECOND, true));
    }

    #[test]
    fn readings_that_cross_do_not_go_back() {
        let reading = begun().after(1_000 * HOUR + SECOND, HOUR + SECOND);
        let crossed = reading.after(1_000 * HOUR, HOUR);
        assert_eq!(crossed.time, reading.time);
    }
}
