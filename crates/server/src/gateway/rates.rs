//! How many requests an access key and an address may make.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use crate::config::RequestRates;
use crate::http::Bound;

/// So often those are forgotten who may make all their requests again: memory is bounded by the requests of a second.
const CHECKS_BEFORE_FORGETTING: u32 = 4_096;

/// Remembers how many requests have been made. `C` tells the time.
pub(crate) struct Rates<C: Clock> {
    by_key: Option<Rate<String, C>>,
    by_address: Option<Rate<IpAddr, C>>,
}

impl<C: Clock + Clone> Rates<C> {
    pub(crate) fn new(rates: &RequestRates, clock: &C) -> Self {
        Self {
            by_key: rates.per_key.map(|per_sec| Rate::new(per_sec, clock)),
            by_address: rates.per_address.map(|per_sec| Rate::new(per_sec, clock)),
        }
    }
}

impl<C: Clock> Rates<C> {
    /// Counts a request of somebody with an access key, whose signature was verified if any is.
    ///
    /// # Errors
    /// The bound, if there have been too many.
    pub(super) fn count_key(&self, access_key_id: &str) -> Result<(), Bound> {
        let is_within = |rate: &Rate<String, C>| rate.is_within(&access_key_id.to_owned());
        if self.by_key.as_ref().is_none_or(is_within) { Ok(()) } else { Err(Bound::KeyRate) }
    }

    /// Counts a request from an address, if it came from one.
    ///
    /// # Errors
    /// The bound, if there have been too many.
    pub(super) fn count_address(
        &self,
        address: impl FnOnce() -> Option<IpAddr>,
    ) -> Result<(), Bound> {
        let Some(rate) = &self.by_address else { return Ok(()) };
        let Some(address) = address() else { return Ok(()) };
        if rate.is_within(&network(address)) { Ok(()) } else { Err(Bound::AddressRate) }
    }
}

/// What one client has for itself: an IPv4 address, 64 bits of IPv6.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

struct Rate<K: Hash + Eq + Clone, C: Clock> {
    limiter: RateLimiter<K, HashMapStateStore<K>, C, NoOpMiddleware<C::Instant>>,
    checks: AtomicU32,
}

impl<K: Hash + Eq + Clone, C: Clock + Clone> Rate<K, C> {
    fn new(per_sec: NonZeroU32, clock: &C) -> Self {
        let quota = Quota::per_second(per_sec);
        let limiter = RateLimiter::new(quota, HashMapStateStore::default(), clock.clone());
        Self { limiter, checks: AtomicU32::new(0) }
    }
}

impl<K: Hash + Eq + Clone, C: Clock> Rate<K, C> {
    fn is_within(&self, key: &K) -> bool {
        let checks = self.checks.fetch_add(1, Ordering::Relaxed);
        if checks % CHECKS_BEFORE_FORGETTING == CHECKS_BEFORE_FORGETTING - 1 {
            self.limiter.retain_recent();
            self.limiter.shrink_to_fit();
        }
        self.limiter.check_key(key).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    fn rates(clock: &FakeRelativeClock) -> Rates<FakeRelativeClock> {
        let rates = RequestRates { per_key: NonZeroU32::new(3), per_address: NonZeroU32::new(2) };
        Rates::new(&rates, clock)
    }

    #[test]
    fn each_key_has_its_own_rate() {
        let clock = FakeRelativeClock::default();
        let rates = rates(&clock);
        for _ in 0..3 {
            assert_eq!(rates.count_key("a"), Ok(()));
        }
        assert_eq!(rates.count_key("a"), Err(Bound::KeyRate));
        assert_eq!(rates.count_key("b"), Ok(()));
        clock.advance(Duration::from_millis(334));
        assert_eq!(rates.count_key("a"), Ok(()), "a third of a second is one request");
        assert_eq!(rates.count_key("a"), Err(Bound::KeyRate));
        clock.advance(Duration::from_secs(60));
        assert_eq!((0..9).filter(|_| rates.count_key("a").is_ok()).count(), 3, "no more is saved");
    }

    #[test]
    fn addresses_of_one_network_are_one() {
        let clock = FakeRelativeClock::default();
        let rates = rates(&clock);
        let count = |text: &str| {
            let address = text.parse().expect("an address");
            rates.count_address(|| Some(address))
        };
        assert_eq!((count("2001:db8::1"), count("2001:db8::2")), (Ok(()), Ok(())));
        assert_eq!(count("2001:db8::3"), Err(Bound::AddressRate));
        assert_eq!((count("2001:db8:0:1::3"), count("192.0.2.1")), (Ok(()), Ok(())));
        assert_eq!(count("192.0.2.2"), Ok(()));
    }

    #[test]
    fn strangers_are_forgotten() {
        let clock = FakeRelativeClock::default();
        let rates = rates(&clock);
        for index in 0..CHECKS_BEFORE_FORGETTING * 3 {
            clock.advance(Duration::from_millis(1));
            assert_eq!(rates.count_key(&index.to_string()), Ok(()));
        }
        let known = rates.by_key.as_ref().map(|rate| rate.limiter.len());
        assert!(
            known.is_some_and(|known| known < 2 * CHECKS_BEFORE_FORGETTING as usize),
            "{known:?}"
        );
    }

    #[test]
    fn without_limits_nobody_is_counted() {
        let rates = Rates::new(&RequestRates::default(), &FakeRelativeClock::default());
        for _ in 0..10_000 {
            assert_eq!(rates.count_key("a"), Ok(()));
            assert_eq!(rates.count_address(|| unreachable!("not asked")), Ok(()));
        }
    }
}
