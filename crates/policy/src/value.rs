//! The types that condition operators compare.

use std::net::IpAddr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;

const SECS_PER_DAY: i64 = 86_400;
const DIGITS_OF_NANOS: usize = 9;

/// A finite decimal number.
pub(crate) fn number(text: &str) -> Option<f64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte));
    text.parse().ok().filter(|number: &f64| is_plain && number.is_finite())
}

/// `true` or `false`, in any case.
pub(crate) fn boolean(text: &str) -> Option<bool> {
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// Bytes in base64.
pub(crate) fn binary(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

/// A network; an address alone is a network of one.
pub(crate) fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| address(text).map(IpNet::from))
}

/// An address; an IPv4 address in the clothes of IPv6 is one of IPv4.
pub(crate) fn address(text: &str) -> Option<IpAddr> {
    text.parse().ok().map(|address: IpAddr| address.to_canonical())
}

/// Whether two texts are the same but for upper and lower case.
pub(crate) fn is_same_text(left: &str, right: &str) -> bool {
    let lower = |text| str::chars(text).flat_map(char::to_lowercase);
    lower(left).eq(lower(right))
}

/// A point in time, in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Date {
    unix_secs: i64,
    nanos: u32,
}

impl Date {
    /// Parses seconds since 1970, or one of the forms of ISO 8601 that the W3C names: a year, a month, a day, or a day with
    /// time and zone. Four digits are a year.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let is_year = text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit());
        if !is_year && let Ok(unix_secs) = text.parse() {
            return Some(Self { unix_secs, nanos: 0 });
        }
        let (day, time) = match text.split_once('T') {
            Some((day, time)) => (day, Some(time)),
            None => (text, None),
        };
        let mut parts = day.split('-');
        let year = digits(parts.next()?, 4)?;
        let month = parts.next().map(|text| digits(text, 2));
        let day = parts.next().map(|text| digits(text, 2));
        if parts.next().is_some() || (day.is_none() && time.is_some()) {
            return None;
        }
        let (month, day) = (month.unwrap_or(Some(1))?, day.unwrap_or(Some(1))?);
        if !(1..=12).contains(&month) || !(1..=days_of_month(year, month)).contains(&day) {
            return None;
        }
        let start_secs = unix_days(year, month, day) * SECS_PER_DAY;
        let (secs, nanos) = time.map_or(Some((0, 0)), time_of_day)?;
        Some(Self { unix_secs: start_secs + secs, nanos })
    }
}

/// Seconds since the start of the day in UTC, and nanoseconds, of `hh:mm[:ss[.s…]]` with a zone.
fn time_of_day(text: &str) -> Option<(i64, u32)> {
    let (time, offset_secs) = match text.strip_suffix('Z') {
        Some(time) => (time, 0),
        None => {
            let (time, zone) = text.split_at(text.rfind(['+', '-'])?);
            let (hours, minutes) = zone[1..].split_once(':')?;
            let secs = below(hours, 24)? * 3_600 + below(minutes, 60)? * 60;
            (time, if zone.starts_with('-') { -secs } else { secs })
        }
    };
    let (time, fraction) = time.split_once('.').map_or((time, None), |(t, f)| (t, Some(f)));
    let mut parts = time.split(':');
    let hours = below(parts.next()?, 24)?;
    let minutes = below(parts.next()?, 60)?;
    let secs = parts.next();
    if parts.next().is_some() || (fraction.is_some() && secs.is_none()) {
        return None;
    }
    let secs = secs.map_or(Some(0), |text| below(text, 60))?;
    let nanos = fraction.map_or(Some(0), nanos)?;
    Some((hours * 3_600 + minutes * 60 + secs - offset_secs, nanos))
}

/// Digits behind the point; more than nine are cut.
fn nanos(fraction: &str) -> Option<u32> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let nine: String = fraction.chars().chain("000000000".chars()).take(DIGITS_OF_NANOS).collect();
    nine.parse().ok()
}

fn below(text: &str, end: i64) -> Option<i64> {
    digits(text, 2).filter(|number| *number < end)
}

/// A number of exactly `count` digits.
fn digits(text: &str, count: usize) -> Option<i64> {
    let is_plain = text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

fn days_of_month(year: i64, month: i64) -> i64 {
    let next = if month == 12 { unix_days(year + 1, 1, 1) } else { unix_days(year, month + 1, 1) };
    next - unix_days(year, month, 1)
}

/// Days since 1970-01-01 in the Gregorian calendar. Years begin in March here, so that the leap day is the last.
fn unix_days(year: i64, month: i64, day: i64) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let days_of_years =
        year * 365 + year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let days_of_months = (153 * month + 2) / 5;
    days_of_years + days_of_months + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secs(text: &str) -> Option<i64> {
        Date::parse(text).map(|date| date.unix_secs)
    }

    #[test]
    fn every_form_of_a_date_is_understood() {
        for (text, unix_secs) in [
            ("1970", 0),
            ("1970-02", 31 * SECS_PER_DAY),
            ("1970-01-02", SECS_PER_DAY),
            ("1970-01-01T00:01Z", 60),
            ("1970-01-01T00:00:01Z", 1),
            ("1970-01-01T01:00:00+01:00", 0),
            ("1969-12-31T23:30:00-00:30", 0),
            ("1969-12-31T23:59:59Z", -1),
            ("2000-03-01T00:00:00Z", 951_868_800),
            ("2024-02-29", 1_709_164_800),
            ("2026-11-22T00:00:00Z", 1_795_305_600),
            ("1795305600", 1_795_305_600),
            ("-1", -1),
        ] {
            assert_eq!(secs(text), Some(unix_secs), "{text}");
        }
        let parts = Date::parse("1970-01-01T00:00:00.25Z");
        assert_eq!(parts, Some(Date { unix_secs: 0, nanos: 250_000_000 }));
    }

    #[test]
    fn what_is_no_date_is_none() {
        for text in [
            "",
            "now",
            "1900-02-29",
            "2023-02-29",
            "2024-13-01",
            "2024-00-01",
            "2024-01-00",
            "2024-1-1",
            "2024-01-01T00:00:00",
            "2024-01-01T24:00:00Z",
            "2024-01-01T00:60Z",
            "2024-01-01T00:00:60Z",
            "2024-01-01T00:00.5Z",
            "2024-01-01T00:00:00.Z",
            "2024-01T00:00Z",
            "2024-01-01-01",
            "12.5",
            "2024-01-01T00:00:00+1:00",
            "2024-01-01T00:00:00+99:00",
            "2024-01-01TZ",
        ] {
            assert_eq!(Date::parse(text), None, "{text}");
        }
    }

    #[test]
    fn days_of_months_follow_the_gregorian_calendar() {
        let lengths = |year| (1..=12).map(|month| days_of_month(year, month)).collect::<Vec<_>>();
        let usual = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
        assert_eq!(lengths(2023), usual);
        assert_eq!(lengths(1900), usual);
        assert_eq!(days_of_month(2024, 2), 29);
        assert_eq!(days_of_month(2000, 2), 29);
    }

    #[test]
    fn numbers_are_finite_decimals() {
        assert_eq!(number("-1.5"), Some(-1.5));
        assert_eq!(number("1e3"), Some(1_000.0));
        for text in ["", "inf", "nan", "1e999", "0x1", "1 ", "one"] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
