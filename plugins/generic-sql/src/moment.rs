//! Points in time: RFC 3339 in UTC outside; inside as their column keeps them, in the time zone and
//! the notation of the settings.

mod pattern;
#[cfg(test)]
mod pattern_tests;
mod windows;

use crate::{
    driver::{Cell, Moments, Scalar, Storage},
    nearest::near,
    settings::Settings,
};
use ecma_plugin_sdk::Problem;
use jiff::{
    Timestamp,
    civil::DateTime,
    tz::{Offset, TimeZone},
};
use pattern::Pattern;
use std::{str, sync::Arc};

/// How a column writes points in time.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    /// Where a time without an offset is meant.
    zone: TimeZone,
    /// How a text is written; without one as in `2026-01-31 08:30:00`.
    pattern: Option<Arc<Pattern>>,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock { zone: TimeZone::UTC, pattern: None }
    }
}

impl Clock {
    /// For columns of an object type that keep points in time in this way.
    pub(crate) fn of(settings: &Settings, object_type: &str, moments: Moments) -> Clock {
        let pattern = || {
            let pattern = Pattern::compile(settings.date_time_format_of(object_type)?).ok()?;
            Some(Arc::new(pattern))
        };
        let zone = || settings.time_zone_of(object_type).and_then(zone).unwrap_or(TimeZone::UTC);
        match moments {
            Moments::Text => Clock { zone: zone(), pattern: pattern() },
            Moments::Local => Clock { zone: zone(), pattern: None },
            Moments::Absolute => Clock::default(),
        }
    }

    pub(crate) fn read(&self, cell: Cell<'_>) -> Option<String> {
        let moment = match cell {
            Cell::Integer(seconds) => Timestamp::from_second(seconds).ok()?,
            Cell::Text(bytes) => self.parse(str::from_utf8(bytes).ok()?.trim())?,
            _ => return None,
        };
        Some(moment.to_string())
    }

    /// A time that comes twice, when clocks are turned back, is the first one; one that does not
    /// come, when they are turned forward, is so much later.
    fn parse(&self, text: &str) -> Option<Timestamp> {
        let Some(pattern) = &self.pattern else {
            return text.parse::<Timestamp>().ok().or_else(|| self.absolute(text.parse().ok()?));
        };
        match pattern.read(text)? {
            (local, None) => self.absolute(local),
            (local, Some(offset)) => offset.to_timestamp(local).ok(),
        }
    }

    fn absolute(&self, local: DateTime) -> Option<Timestamp> {
        self.zone.to_timestamp(local).ok()
    }

    pub(crate) fn store(&self, text: &str, storage: Storage) -> Option<Scalar> {
        let moment: Timestamp = match text.trim().parse() {
            Ok(moment) => moment,
            Err(_) => Offset::UTC.to_timestamp(text.trim().parse().ok()?).ok()?,
        };
        if storage == Storage::Integer {
            return Some(Scalar::Integer(moment.as_second()));
        }
        let offset = self.zone.to_offset(moment);
        let local = offset.to_datetime(moment);
        Some(Scalar::Text(match &self.pattern {
            Some(pattern) => pattern.write(local, offset),
            None => local.to_string().replacen('T', " ", 1),
        }))
    }
}

/// The zone of a name, of IANA or of Windows.
fn zone(name: &str) -> Option<TimeZone> {
    let name = name.trim();
    TimeZone::get(windows::iana(name).unwrap_or(name)).ok()
}

/// What is wrong with the settings of points in time.
pub(crate) fn problems(settings: &Settings) -> Vec<Problem> {
    let zone = settings.time_zone.as_deref().and_then(|name| {
        let text = format!("is \"{name}\", which {}", wrong_zone(name)?);
        Some(Problem::new("time_zone", text))
    });
    let format = settings.date_time_format.as_deref().and_then(wrong_format);
    zone.into_iter().chain(format.map(|text| Problem::new("date_time_format", text))).collect()
}

/// What is wrong with the name of a time zone.
pub(crate) fn wrong_zone(name: &str) -> Option<String> {
    if zone(name).is_some() {
        return None;
    }
    let iana = jiff::tz::db().available().map(|name| name.to_string());
    let known: Vec<String> = iana.chain(windows::names().map(str::to_owned)).collect();
    let instead = match near(name, known.iter().map(String::as_str)) {
        Some(near) => format!(", did you mean \"{near}\"?"),
        None => "; it is written as Europe/Berlin or W. Europe Standard Time".to_owned(),
    };
    Some(format!("is no time zone{instead}"))
}

/// What is wrong with the notation of points in time.
pub(crate) fn wrong_format(format: &str) -> Option<String> {
    Pattern::compile(format).err()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clock(name: &str, format: Option<&str>) -> Clock {
        let pattern = format.map(|format| Arc::new(Pattern::compile(format).unwrap()));
        Clock { zone: zone(name).unwrap(), pattern }
    }

    fn read(clock: &Clock, text: &str) -> Option<String> {
        clock.read(Cell::Text(text.as_bytes()))
    }

    #[test]
    fn a_time_without_an_offset_is_of_the_zone() {
        for name in ["Europe/Berlin", "europe/berlin", "W. Europe Standard Time"] {
            let clock = clock(name, None);
            for (text, expected) in [
                ("2026-01-31 08:30:00", "2026-01-31T07:30:00Z"),
                ("2026-07-31 08:30:00", "2026-07-31T06:30:00Z"),
                ("2026-07-31", "2026-07-30T22:00:00Z"),
                ("2026-07-31T08:30:00Z", "2026-07-31T08:30:00Z"),
                ("2026-07-31 08:30:00-05", "2026-07-31T13:30:00Z"),
                // It comes twice: the first one.
                ("2026-10-25 02:30:00", "2026-10-25T00:30:00Z"),
                // It does not come: an hour later.
                ("2026-03-29 02:30:00", "2026-03-29T01:30:00Z"),
            ] {
                assert_eq!(read(&clock, text).as_deref(), Some(expected), "{name} {text}");
            }
            let stored = clock.store("2026-07-31T06:30:00Z", Storage::Text);
            assert_eq!(stored, Some(Scalar::Text("2026-07-31 08:30:00".to_owned())));
            let stored = clock.store("1970-01-01T00:01:00Z", Storage::Integer);
            assert_eq!(stored, Some(Scalar::Integer(60)), "seconds are of UTC");
            assert_eq!(clock.read(Cell::Integer(60)).as_deref(), Some("1970-01-01T00:01:00Z"));
        }
    }

    #[test]
    fn a_text_is_written_as_the_format_says() {
        for (format, text) in [
            ("dd/MMM/yyyy HH:mm:ss", "31/Jul/2026 08:30:00"),
            ("MM/dd/yyyy hh:mm tt", "07/31/2026 08:30 AM"),
            ("yyyyMMddHHmmss", "20260731083000"),
            ("yyyy-MM-dd'T'HH:mm:sszzz", "2026-07-31T08:30:00+02:00"),
        ] {
            let clock = clock("Europe/Berlin", Some(format));
            assert_eq!(read(&clock, text).as_deref(), Some("2026-07-31T06:30:00Z"), "{format}");
            let stored = clock.store("2026-07-31T06:30:00Z", Storage::Text);
            assert_eq!(stored, Some(Scalar::Text(text.to_owned())), "{format}");
            assert_eq!(read(&clock, "2026-07-31 08:30:00"), None, "{format}");
        }
        let clock = clock("Europe/Berlin", Some("yyyy-MM-dd HH:mm:ssK"));
        assert_eq!(
            read(&clock, "2026-07-31 08:30:00-05:00").as_deref(),
            Some("2026-07-31T13:30:00Z"),
            "an offset in the text is the one that counts"
        );
    }
}
