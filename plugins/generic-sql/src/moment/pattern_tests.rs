//! Notations of dates: what is written is read, and what means nothing is told.

use super::pattern::Pattern;
use jiff::{civil::DateTime, tz::Offset};
use proptest::prelude::*;

#[test]
fn what_means_nothing_is_told_with_its_place() {
    for (format, expected) in [
        ("ddd yyyy-MM-dd", "has \"ddd\" at 1, which means nothing"),
        ("yyyyy-MM-dd", "has \"yyyyy\" at 1, which means nothing"),
        ("yyyy-MM-dd 'at", "has quotes at 12 that do not end"),
        ("yyyy-MM-dd\\", "ends with a backslash"),
        ("MM-dd", "has no year"),
        ("yyyy-mm-dd", "has no month"),
        ("yyyy-MM", "has no day"),
        ("yyyy-MM-dd hh:mm", "has only one of hh and tt"),
        ("yyyyMd", "has a number without a fixed length"),
        ("", "has no year"),
    ] {
        let error = Pattern::compile(format).unwrap_err();
        assert!(error.starts_with(expected), "{format}: {error}");
    }
}

#[test]
fn texts_are_read() {
    let moment = |hour, minute| DateTime::new(2026, 1, 31, hour, minute, 0, 0).unwrap();
    for (format, text, expected) in [
        ("yyyy-MM-dd", "2026-01-31", Some(moment(0, 0))),
        ("d/M/yy H:m", "31/1/26 8:05", Some(moment(8, 5))),
        ("dd MMMM yyyy", "31 jANUARY 2026", Some(moment(0, 0))),
        ("dd MMM yyyy", "31 JAN 2026", Some(moment(0, 0))),
        ("MM/dd/yyyy hh:mm tt", "01/31/2026 12:05 am", Some(moment(0, 5))),
        ("MM/dd/yyyy hh:mm tt", "01/31/2026 12:05 PM", Some(moment(12, 5))),
        ("MM/dd/yyyy hh:mm tt", "01/31/2026 13:05 PM", None),
        ("yyyy-MM-dd 'o''clock' HH", "2026-01-31 oclock 08", Some(moment(8, 0))),
        ("yyyy-MM-dd \\d HH", "2026-01-31 d 08", Some(moment(8, 0))),
        ("yyyy-MM-dd HH:mm:ss.FFF", "2026-01-31 08:05:00", Some(moment(8, 5))),
        ("yyyy-MM-dd", "2026-02-30", None),
        ("yyyy-MM-dd", "2026-01-31 ", None),
        ("yyyy-MM-dd", "26-01-31", None),
        ("yyyy-MM-dd", "é", None),
    ] {
        let found = Pattern::compile(format).unwrap().read(text);
        assert_eq!(found.map(|(local, _)| local), expected, "{format} {text}");
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_as_the_same(
        year in 1950_i16..2050, month in 1_i8..=12, day in 1_i8..=28, hour in 0_i8..24,
        minute in 0_i8..60, second in 0_i8..60, fraction in 0_i32..10_000_000,
        minutes in -14 * 60..=14 * 60,
    ) {
        let offset = Offset::from_seconds(minutes * 60).unwrap();
        let whole = DateTime::new(year, month, day, hour, minute, second, 0).unwrap();
        let exact = DateTime::new(year, month, day, hour, minute, second, fraction * 100);
        let exact = exact.unwrap();
        for (format, local, has_offset) in [
            ("yyyy-MM-dd HH:mm:ss", whole, false),
            ("yyyy-MM-ddTHH:mm:ssZ", whole, false),
            ("dd/MMM/yyyy HH:mm:ss", whole, false),
            ("d MMMM yy, h:m:s tt", whole, false),
            ("yyyyMMddHHmmssfffffff", exact, false),
            ("yyyy-MM-dd'T'HH:mm:ss.fffffffzzz", exact, true),
            ("yyyy-MM-dd\"T\"HH:mm:ss.FFFFFFFK", exact, true),
            ("tt hh\\hmm:ss dd.MM.yyyy zzz", whole, true),
        ] {
            let pattern = Pattern::compile(format).unwrap();
            let text = pattern.write(local, offset);
            let expected = Some((local, has_offset.then_some(offset)));
            prop_assert_eq!(pattern.read(&text), expected, "{} {}", format, text);
        }
    }

    #[test]
    fn no_text_is_too_strange(format in "[yMdHhmstfFKz :'\\\\é%]{0,12}", text in "\\PC{0,20}") {
        if let Ok(pattern) = Pattern::compile(&format) {
            let _ = pattern.read(&text);
        }
    }
}
