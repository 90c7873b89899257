//! Which deduplication keys may have a row, in some bits each, so that a send with a new one is not looked up on disk.
//!
//! A filter is a Bloom filter: it may take a new key for a known one, never a known one for new. It takes in keys until it is
//! full, then the next one does, and it is dropped when all of its rows are forgotten. Rows from before the partition was
//! opened are in no filter, and as long as there may be any, every key may have a row.

use std::collections::VecDeque;

use crate::DeadlineKey;
use crate::deduplication::WINDOW_MS;

/// Keys of the smallest and of the largest filter.
const KEYS_MIN: usize = 64;
const KEYS_MAX: usize = 1 << 20;
/// The most filters of a partition: 16 million keys if all are large, 9 million where small ones came first.
const FILTERS_MAX: usize = 16;
/// With so many, each full filter has one new key in a thousand looked up.
const BITS_PER_KEY: usize = 16;
/// All bits of a key are in one block, which is a line of the processor's cache.
type Block = [u64; 8];
const KEYS_PER_BLOCK: usize = size_of::<Block>() * 8 / BITS_PER_KEY;

/// What memory knows of the rows of deduplication.
#[derive(Debug)]
pub(crate) struct RecentKeys {
    /// The oldest first; the last one takes keys in.
    filters: VecDeque<Filter>,
    /// No row that is in no filter has a later deadline, epoch milliseconds.
    unfiltered_until_ms: u64,
}

impl RecentKeys {
    /// Opens it where no row has a later deadline, epoch milliseconds.
    pub(crate) fn open(deadline_max_ms: u64) -> Self {
        Self { filters: VecDeque::new(), unfiltered_until_ms: deadline_max_ms }
    }

    /// Whether a key may have a row. No row has a deadline before `deadline_min_ms`.
    pub(crate) fn may_contain(&self, key: u128, deadline_min_ms: u64) -> bool {
        deadline_min_ms <= self.unfiltered_until_ms
            || self.filters.iter().any(|filter| filter.may_contain(key))
    }

    /// Takes in a new row. No row has a deadline before `deadline_min_ms`.
    pub(crate) fn insert(&mut self, row: DeadlineKey, deadline_min_ms: u64) {
        self.filters.retain(|filter| filter.deadline_max_ms >= deadline_min_ms);
        if let Some(keys) = self.next_filter(row.deadline_ms) {
            self.filters.push_back(Filter::new(keys, row.deadline_ms));
        }
        if self.filters.len() > FILTERS_MAX
            && let Some(oldest) = self.filters.pop_front()
        {
            self.unfiltered_until_ms = self.unfiltered_until_ms.max(oldest.deadline_max_ms);
        }
        if let Some(filter) = self.filters.back_mut() {
            filter.insert(row);
        }
    }

    /// Of how many keys the next filter is to be, if the last one has taken in all that it should: the faster keys come, the
    /// larger are the filters.
    fn next_filter(&self, deadline_ms: u64) -> Option<usize> {
        let Some(last) = self.filters.back() else { return Some(KEYS_MIN) };
        let keys = if deadline_ms >= last.opened_deadline_ms.saturating_add(WINDOW_MS) {
            2 * last.len
        } else if last.len == last.keys() {
            4 * last.len
        } else {
            return None;
        };
        Some(keys.next_power_of_two().clamp(KEYS_MIN, KEYS_MAX))
    }

    /// Forgets everything, as the rows are removed at once.
    pub(crate) fn clear(&mut self) {
        *self = Self::open(0);
    }
}

#[derive(Debug)]
struct Filter {
    blocks: Vec<Block>,
    len: usize,
    /// Deadlines of the first row and of the last, epoch milliseconds.
    opened_deadline_ms: u64,
    deadline_max_ms: u64,
}

impl Filter {
    fn new(keys: usize, deadline_ms: u64) -> Self {
        Self {
            blocks: vec![[0; 8]; keys / KEYS_PER_BLOCK],
            len: 0,
            opened_deadline_ms: deadline_ms,
            deadline_max_ms: 0,
        }
    }

    fn keys(&self) -> usize {
        self.blocks.len() * KEYS_PER_BLOCK
    }

    fn insert(&mut self, row: DeadlineKey) {
        self.len += 1;
        self.deadline_max_ms = self.deadline_max_ms.max(row.deadline_ms);
        let index = self.block_of(row.key);
        for (word, bits) in self.blocks[index].iter_mut().zip(bits_of(row.key)) {
            *word |= bits;
        }
    }

    fn may_contain(&self, key: u128) -> bool {
        let block = &self.blocks[self.block_of(key)];
        block.iter().zip(bits_of(key)).all(|(word, bits)| word & bits == bits)
    }

    /// Keys are hashes, so that any of their bits are as good as others. The number of blocks is a power of two.
    fn block_of(&self, key: u128) -> usize {
        (key >> 64) as usize & (self.blocks.len() - 1)
    }
}

/// One bit for each word of a block.
fn bits_of(key: u128) -> Block {
    std::array::from_fn(|word| 1 << ((key >> (6 * word)) & 63))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// A number as far from its neighbours as a hash would be.
    fn key(number: u64) -> u128 {
        let high = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let low = (high ^ (high >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        u128::from(high ^ (low >> 32)) << 64 | u128::from(low ^ (low >> 31))
    }

    fn row(deadline_ms: u64, number: u64) -> DeadlineKey {
        DeadlineKey { deadline_ms, key: key(number) }
    }

    #[derive(Debug, Clone)]
    enum Step {
        Insert { count: u64 },
        ForgetFirst { count: usize },
        MoveClock { by_ms: i64 },
        Reopen,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            4 => (1_u64..300).prop_map(|count| Step::Insert { count }),
            3 => (1_usize..300).prop_map(|count| Step::ForgetFirst { count }),
            3 => prop_oneof![4 => 0_i64..200_000, 1 => -400_000_i64..0]
                .prop_map(|by_ms| Step::MoveClock { by_ms }),
            1 => Just(Step::Reopen),
        ]
    }

    proptest! {
        #[test]
        fn no_row_is_denied(steps in prop::collection::vec(step(), 1..60)) {
            let mut rows: BTreeSet<DeadlineKey> = BTreeSet::new();
            let mut recent = RecentKeys::open(0);
            let (mut now_ms, mut latest_ms, mut numbers) = (10_000_000_u64, 0, 0..);
            for step in steps {
                let min = |rows: &BTreeSet<DeadlineKey>| {
                    rows.first().map_or(u64::MAX, |row| row.deadline_ms)
                };
                match step {
                    Step::Insert { count } => for number in numbers.by_ref().take(count as usize) {
                        latest_ms = latest_ms.max(now_ms);
                        let row = row(now_ms + WINDOW_MS, number);
                        recent.insert(row, min(&rows));
                        rows.insert(row);
                    },
                    Step::ForgetFirst { count } => for _ in 0..count { rows.pop_first(); },
                    Step::MoveClock { by_ms } => now_ms = now_ms.saturating_add_signed(by_ms),
                    Step::Reopen => recent = RecentKeys::open(latest_ms + WINDOW_MS),
                }
                let min = min(&rows);
                for row in &rows {
                    prop_assert!(recent.may_contain(row.key, min), "{row:?}");
                }
                prop_assert!(recent.filters.len() <= FILTERS_MAX);
            }
        }
    }

    #[test]
    fn few_new_keys_are_taken_for_known_ones() {
        const KNOWN: u64 = 100_000;
        let mut recent = RecentKeys::open(0);
        (0..KNOWN).for_each(|number| recent.insert(row(1, number), 1));
        let mistaken =
            (KNOWN..2 * KNOWN).filter(|number| recent.may_contain(key(*number), 1)).count();
        assert!(mistaken > 0, "none of so many: the keys are no hashes");
        assert!(mistaken < 1_000, "{mistaken} of {KNOWN}");
    }

    #[test]
    fn filters_are_as_large_as_their_keys_are_many() {
        let mut recent = RecentKeys::open(0);
        let blocks = |recent: &RecentKeys| -> usize {
            recent.filters.iter().map(|filter| filter.blocks.len()).sum()
        };
        (0..10).for_each(|number| recent.insert(row(1, number), 1));
        assert_eq!(blocks(&recent), KEYS_MIN / KEYS_PER_BLOCK);
        (0..10_000).for_each(|number| recent.insert(row(2, number), 1));
        assert!(blocks(&recent) <= 10 * 10_000 / KEYS_PER_BLOCK);
        // Later, when few come and those are forgotten.
        recent.insert(row(WINDOW_MS + 10, 1), WINDOW_MS);
        assert_eq!(blocks(&recent), KEYS_MIN / KEYS_PER_BLOCK);
    }

    #[test]
    fn more_keys_than_the_filters_hold_may_all_have_a_row() {
        let mut recent = RecentKeys::open(0);
        let mut numbers = 0_u64..;
        while recent.unfiltered_until_ms == 0 {
            let number = numbers.next().unwrap();
            recent.insert(row(1 + number / 1_000, number), 1);
        }
        assert!(numbers.start > 9_000_000, "{} keys", numbers.start);
        assert!(recent.may_contain(key(u64::MAX), 1));
        let bytes: usize =
            recent.filters.iter().map(|filter| filter.blocks.len() * size_of::<Block>()).sum();
        assert!(bytes <= FILTERS_MAX * KEYS_MAX * BITS_PER_KEY / 8, "{bytes} bytes");
        // Once the rows are forgotten that no filter has any more.
        assert!(!recent.may_contain(key(u64::MAX), recent.unfiltered_until_ms + 1));
    }
}
