//! The text of `Number` message attributes (contract §4.6).

use super::limits::{NUMBER_DIGITS_MAX, NUMBER_EXPONENTS};

/// Says whether the text is a decimal number within SQS's precision and range.
pub(super) fn is_valid(text: &str) -> bool {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()),
        None => (unsigned, Some(0)),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let is_digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if (whole.is_empty() && fraction.is_empty()) || !is_digits(whole) || !is_digits(fraction) {
        return false;
    }
    let Some(exponent) = exponent else { return false };
    let digits = format!("{whole}{fraction}");
    let Some(first) = digits.bytes().position(|digit| digit != b'0') else {
        return true;
    };
    let significant = digits.trim_matches('0').len();
    let places = |count: usize| i64::try_from(count).unwrap_or(i64::MAX);
    let leading_exponent = (places(whole.len()) - 1 - places(first)).saturating_add(exponent);
    significant <= NUMBER_DIGITS_MAX && NUMBER_EXPONENTS.contains(&leading_exponent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_precision_and_a_range() {
        let digits38 = "1".repeat(38);
        let good = ["0", "-1.50", "+3", "1e126", "1E-128", ".5", "5.", "0.000", digits38.as_str()];
        for good in good {
            assert!(is_valid(good), "{good}");
        }
        let digits39 = "1".repeat(39);
        let bad = ["", "-", ".", "1a", "1e", "0x1", " 1", "NaN", "1e127", "1e-129", &digits39];
        for bad in bad {
            assert!(!is_valid(bad), "{bad}");
        }
    }
}
