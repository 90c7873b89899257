//! Sizes as people write them: `8388608`, `8MiB`.

/// Suffixes and what they multiply by, longest name first is not needed: none ends another.
const UNITS: &[(&str, u64)] = &[("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30)];

/// Parses a size in bytes, with or without a binary suffix.
pub(crate) fn parse(text: &str) -> Option<u64> {
    for (suffix, factor) in UNITS {
        if let Some(number) = text.strip_suffix(suffix) {
            return number.trim_end().parse::<u64>().ok()?.checked_mul(*factor);
        }
    }
    text.parse().ok()
}

/// Writes a size with the largest suffix that loses nothing.
pub(crate) fn render(bytes: u64) -> String {
    for (suffix, factor) in UNITS.iter().rev() {
        if bytes != 0 && bytes.is_multiple_of(*factor) {
            return format!("{}{suffix}", bytes / factor);
        }
    }
    bytes.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_survive_a_round_trip() {
        for bytes in [0, 1, 1023, 1024, 1536, 8 << 20, 3 << 30, u64::MAX] {
            assert_eq!(parse(&render(bytes)), Some(bytes));
        }
    }

    #[test]
    fn nonsense_is_no_size() {
        for text in ["", "MiB", "-1", "1.5MiB", "8MB", "99999999999GiB"] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
