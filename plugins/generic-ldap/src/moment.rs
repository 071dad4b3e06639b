//! Points in time: RFC 3339 in UTC outside, the forms of RFC 4517 inside.
//!
//! Reckoned as a civil time in UTC and not as a timestamp, whose last day is 9999-12-30: directories
//! write `99991231235959Z` for "never".

use jiff::{SignedDuration, Timestamp, civil::DateTime, tz::Offset};

/// RFC 3339 of a Generalized Time (RFC 4517 §3.3.13): minutes, seconds and a fraction of the last of
/// them may be missing, the zone may not.
pub(crate) fn read_generalized(text: &str) -> Option<String> {
    let (year, rest) = digits::<4>(text)?;
    shown(read(i16::try_from(year).ok()?, rest, true)?)
}

/// RFC 3339 of a UTC Time (RFC 4517 §3.3.34), whose years are 1950 to 2049 (RFC 5280 §4.1.2.5.1).
pub(crate) fn read_utc(text: &str) -> Option<String> {
    let (year, rest) = digits::<2>(text)?;
    let year = if year < 50 { 2000 + year } else { 1900 + year };
    shown(read(i16::try_from(year).ok()?, rest, false)?)
}

/// A point in time as Generalized Time in UTC, with a fraction where there is one or it is always
/// wanted.
pub(crate) fn write_generalized(text: &str, always_fraction: bool) -> Option<String> {
    let moment = parse(text)?;
    let mut written = format!("{:04}{}", moment.year(), since_month(moment));
    let fraction = format!("{:09}", moment.subsec_nanosecond());
    match fraction.trim_end_matches('0') {
        "" if always_fraction => written.push_str(".0"),
        "" => {}
        digits => written.extend([".", digits]),
    }
    written.push('Z');
    Some(written)
}

/// A point in time as UTC Time; none beyond its years, and none with a fraction of a second.
pub(crate) fn write_utc(text: &str) -> Option<String> {
    let moment = parse(text)?;
    let fits = (1950..2050).contains(&moment.year()) && moment.subsec_nanosecond() == 0;
    fits.then(|| format!("{:02}{}Z", moment.year() % 100, since_month(moment)))
}

fn since_month(at: DateTime) -> String {
    let (month, day) = (at.month(), at.day());
    format!("{month:02}{day:02}{:02}{:02}{:02}", at.hour(), at.minute(), at.second())
}

fn shown(moment: DateTime) -> Option<String> {
    (moment.year() >= 0).then(|| format!("{moment}Z"))
}

/// RFC 3339 with any offset, a time without one as UTC, or a Generalized Time.
fn parse(text: &str) -> Option<DateTime> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Some(Offset::UTC.to_datetime(moment)).filter(|moment| moment.year() >= 0);
    }
    let local = text.strip_suffix(['Z', 'z']).unwrap_or(text);
    // The reader of civil times would pass over an offset.
    let has_offset = local.get(10..).is_some_and(|time| time.contains(['+', '-', '[']));
    let civil = (!has_offset).then(|| local.parse().ok()).flatten();
    civil.or_else(|| {
        let (year, rest) = digits::<4>(text)?;
        read(i16::try_from(year).ok()?, rest, true)
    })
}

/// What follows the year.
fn read(year: i16, text: &str, has_fraction: bool) -> Option<DateTime> {
    let (month, rest) = digits::<2>(text)?;
    let (day, rest) = digits::<2>(rest)?;
    let (hour, rest) = digits::<2>(rest)?;
    let (minute, rest) = optional(rest);
    let (second, rest) = if minute.is_some() { optional(rest) } else { (None, rest) };
    let unit = match (minute, second) {
        (None, _) => SignedDuration::from_hours(1),
        (Some(_), None) => SignedDuration::from_mins(1),
        (Some(_), Some(_)) => SignedDuration::from_secs(1),
    };
    let (fraction, rest) = match rest.strip_prefix(['.', ',']) {
        Some(rest) if has_fraction => fraction(rest, unit)?,
        Some(_) => return None,
        None => (SignedDuration::ZERO, rest),
    };
    let field = |value: Option<u32>| i8::try_from(value.unwrap_or(0)).ok();
    // A leap second is the one before it.
    let second = second.map(|second| if second == 60 { 59 } else { second });
    let (month, day, hour) = (field(Some(month))?, field(Some(day))?, field(Some(hour))?);
    let (minute, second) = (field(minute)?, field(second)?);
    let local = DateTime::new(year, month, day, hour, minute, second, 0).ok()?;
    local.checked_add(fraction).ok()?.checked_sub(offset(rest)?).ok()
}

/// `Z`, or how far east of UTC: `+hh` or `+hhmm`.
fn offset(text: &str) -> Option<SignedDuration> {
    if matches!(text, "Z" | "z") {
        return Some(SignedDuration::ZERO);
    }
    let (hours, rest) = digits::<2>(text.strip_prefix(['+', '-'])?)?;
    let (minutes, rest) = optional(rest);
    let minutes = minutes.unwrap_or(0);
    if !rest.is_empty() || hours > 23 || minutes > 59 {
        return None;
    }
    let east = SignedDuration::from_mins(i64::from(hours * 60 + minutes));
    Some(if text.starts_with('-') { -east } else { east })
}

/// The digits of a fraction, as that much of a unit; what is below a nanosecond is dropped.
fn fraction(text: &str, unit: SignedDuration) -> Option<(SignedDuration, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let digits = &digits[..digits.len().min(18)];
    let parts: i128 = digits.parse().ok()?;
    let whole = 10_i128.pow(u32::try_from(digits.len()).ok()?);
    let nanoseconds = i64::try_from(unit.as_nanos() * parts / whole).ok()?;
    Some((SignedDuration::from_nanos(nanoseconds), rest))
}

fn digits<const N: usize>(text: &str) -> Option<(u32, &str)> {
    let (digits, rest) = text.split_at_checked(N)?;
    let is_number = digits.bytes().all(|c| c.is_ascii_digit());
    Some((digits.parse().ok().filter(|_| is_number)?, rest))
}

fn optional(text: &str) -> (Option<u32>, &str) {
    digits::<2>(text).map_or((None, text), |(number, rest)| (Some(number), rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_form_of_generalized_time_is_read() {
        for (text, expected) in [
            // RFC 4517 §3.3.13.
            ("199412161032Z", Some("1994-12-16T10:32:00Z")),
            ("199412160532-0500", Some("1994-12-16T10:32:00Z")),
            ("20260131083015Z", Some("2026-01-31T08:30:15Z")),
            ("2026013108Z", Some("2026-01-31T08:00:00Z")),
            ("2026013108.5Z", Some("2026-01-31T08:30:00Z")),
            ("202601310830,25Z", Some("2026-01-31T08:30:15Z")),
            ("20260131083015.123456789987654321987Z", Some("2026-01-31T08:30:15.123456789Z")),
            ("20260131083015.120Z", Some("2026-01-31T08:30:15.12Z")),
            ("20260101003000+01", Some("2025-12-31T23:30:00Z")),
            ("20260101003000+0545", Some("2025-12-31T18:45:00Z")),
            ("20161231235960Z", Some("2016-12-31T23:59:59Z")),
            // Active Directory, the password policy, and never.
            ("20261122054928.0Z", Some("2026-11-22T05:49:28Z")),
            ("16010101000000.0Z", Some("1601-01-01T00:00:00Z")),
            ("000001010000Z", Some("0000-01-01T00:00:00Z")),
            ("99991231235959Z", Some("9999-12-31T23:59:59Z")),
            ("99991231235959-0100", None),
            ("000001010000+0100", None),
            ("20260131083015", None),
            ("20260131083015.Z", None),
            ("20260131083015.5", None),
            ("20260131Z", None),
            ("2026013108301Z", None),
            ("20260231083015Z", None),
            ("20260131243015Z", None),
            ("20260131086015Z", None),
            ("20260131083061Z", None),
            ("20260131083015+1", None),
            ("20260131083015+2400", None),
            ("20260131083015+010000", None),
            ("2026013108３0Z", None),
            ("+026013108Z", None),
            ("", None),
        ] {
            assert_eq!(read_generalized(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn every_form_of_utc_time_is_read() {
        for (text, expected) in [
            ("9412161032Z", Some("1994-12-16T10:32:00Z")),
            ("260131083015Z", Some("2026-01-31T08:30:15Z")),
            ("260131083015+0100", Some("2026-01-31T07:30:15Z")),
            ("490101000000Z", Some("2049-01-01T00:00:00Z")),
            ("500101000000Z", Some("1950-01-01T00:00:00Z")),
            ("260131083015.5Z", None),
            ("260131083015", None),
            ("2601", None),
        ] {
            assert_eq!(read_utc(text).as_deref(), expected, "{text}");
        }
    }

    #[test]
    fn points_in_time_are_written_in_utc() {
        for (text, generalized, with_fraction, utc) in [
            ("2026-01-31T08:30:15Z", "20260131083015Z", "20260131083015.0Z", Some("260131083015Z")),
            ("2026-01-31T08:30:15.250+01:00", "20260131073015.25Z", "20260131073015.25Z", None),
            ("2026-01-31t08:30:15z", "20260131083015Z", "20260131083015.0Z", Some("260131083015Z")),
            ("2026-01-31 08:30:15", "20260131083015Z", "20260131083015.0Z", Some("260131083015Z")),
            (" 2026-01-31 ", "20260131000000Z", "20260131000000.0Z", Some("260131000000Z")),
            ("9999-12-31T23:59:59Z", "99991231235959Z", "99991231235959.0Z", None),
            ("0000-01-01T00:00:00Z", "00000101000000Z", "00000101000000.0Z", None),
            ("20260131093015+0100", "20260131083015Z", "20260131083015.0Z", Some("260131083015Z")),
        ] {
            assert_eq!(write_generalized(text, false).as_deref(), Some(generalized), "{text}");
            assert_eq!(write_generalized(text, true).as_deref(), Some(with_fraction), "{text}");
            assert_eq!(write_utc(text).as_deref(), utc, "{text}");
        }
        for text in
            ["", "soon", "9999-12-31T23:59:59-05:00", "-000001-01-01T00:00:00Z", "1769848215"]
        {
            assert_eq!(write_generalized(text, false), None, "{text}");
            assert_eq!(write_utc(text), None, "{text}");
        }
    }

    prop_compose! {
        fn moment(years: std::ops::Range<i16>)(
            year in years, month in 1..=12_i8, day in 1..=28_i8, hour in 0..24_i8, minute in 0..60_i8,
            second in 0..60_i8,
        ) -> DateTime {
            DateTime::new(year, month, day, hour, minute, second, 0).unwrap()
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(at in moment(0..10_000), nanos in 0..1_000_000_000_i64) {
            let at = at.checked_add(SignedDuration::from_nanos(nanos)).unwrap();
            let text = format!("{at}Z");
            for always_fraction in [false, true] {
                let written = write_generalized(&text, always_fraction).unwrap();
                prop_assert_eq!(read_generalized(&written), Some(text.clone()));
            }
        }

        #[test]
        fn utc_time_that_is_written_is_read_back(at in moment(1950..2050)) {
            let text = format!("{at}Z");
            prop_assert_eq!(read_utc(&write_utc(&text).unwrap()), Some(text));
        }

        #[test]
        fn no_text_is_too_odd(text in "[0-9Z+.,TZ:é-]{0,24}") {
            let _ = (read_generalized(&text), read_utc(&text), write_generalized(&text, true));
        }
    }
}
