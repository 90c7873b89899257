//! Sequence numbers: identity and order of messages, and positions in a group's log.

/// Low bits that count within one millisecond.
const COUNTER_BITS: u32 = 20;

/// Milliseconds since the epoch in the high 44 bits, a counter in the low 20, so that age and retention are ranges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Sequence(pub u64);

impl Sequence {
    /// Before every sequence number that is ever assigned.
    pub const ZERO: Self = Self(0);
    /// After every sequence number that is ever assigned.
    pub const MAX: Self = Self(u64::MAX);

    /// Returns the first free number at `now_ms`: always above `self`, also when the clock went back.
    #[must_use]
    pub fn next(self, now_ms: u64) -> Self {
        Self((now_ms << COUNTER_BITS).max(self.0 + 1))
    }

    /// Time at which the number was assigned, epoch milliseconds.
    #[must_use]
    pub fn at_ms(self) -> u64 {
        self.0 >> COUNTER_BITS
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_rise_within_a_millisecond_and_over_a_clock_that_goes_back() {
        let first = Sequence::ZERO.next(1_000);
        let second = first.next(1_000);
        let third = second.next(500);
        assert!(first < second && second < third);
        assert_eq!(third.at_ms(), 1_000);
        assert_eq!(third.next(2_000).at_ms(), 2_000);
    }
}
