//! Points in time as text in the notation of .NET, such as `dd/MMM/yyyy HH:mm:ss`.

use jiff::{civil::DateTime, tz::Offset};

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
/// Years of two digits up to this one are of this century.
const LAST_SHORT_YEAR: i16 = 49;

/// A notation, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Literal(String),
    /// A number of exactly two digits, or of one or two.
    Number(Field, bool),
    Year,
    ShortYear,
    MonthName {
        short: bool,
    },
    /// AM or PM.
    HalfDay,
    /// So many digits of a second; with `F` those at its end that are zero are not written, and
    /// neither is the dot before it when none is left.
    Fraction {
        digits: usize,
        whole: bool,
        dot: bool,
    },
    /// `+02:00`; with `K` also `Z`, or nothing.
    Offset {
        may_miss: bool,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Month,
    Day,
    Hour,
    /// Of half a day.
    HalfHour,
    Minute,
    Second,
}

/// What was read so far.
struct Found {
    year: i16,
    month: i8,
    day: i8,
    hour: i8,
    half_hour: Option<i8>,
    afternoon: bool,
    minute: i8,
    second: i8,
    nanosecond: i32,
    offset: Option<Offset>,
}

impl Pattern {
    /// The error goes on behind the name of the setting.
    pub(super) fn compile(text: &str) -> Result<Pattern, String> {
        let letters: Vec<char> = text.chars().collect();
        let mut parts = Vec::new();
        let mut at = 0;
        while at < letters.len() {
            let letter = letters[at];
            let run = letters[at..].iter().take_while(|other| **other == letter).count();
            let place = at + 1;
            let mut taken = run;
            match (letter, run) {
                ('\\', _) => {
                    let next = letters.get(at + 1);
                    literal(&mut parts, *next.ok_or("ends with a backslash")?);
                    taken = 2;
                }
                ('\'' | '"', _) => {
                    let rest = &letters[at + 1..];
                    let end = rest.iter().position(|other| *other == letter);
                    let end = end.ok_or(format!("has quotes at {place} that do not end"))?;
                    rest[..end].iter().for_each(|other| literal(&mut parts, *other));
                    taken = end + 2;
                }
                ('y', 4) => parts.push(Part::Year),
                ('y', 2) => parts.push(Part::ShortYear),
                ('M', 3 | 4) => parts.push(Part::MonthName { short: run == 3 }),
                ('M', 1 | 2) => parts.push(Part::Number(Field::Month, run == 2)),
                ('d', 1 | 2) => parts.push(Part::Number(Field::Day, run == 2)),
                ('H', 1 | 2) => parts.push(Part::Number(Field::Hour, run == 2)),
                ('h', 1 | 2) => parts.push(Part::Number(Field::HalfHour, run == 2)),
                ('m', 1 | 2) => parts.push(Part::Number(Field::Minute, run == 2)),
                ('s', 1 | 2) => parts.push(Part::Number(Field::Second, run == 2)),
                ('f', 1..=7) => parts.push(Part::Fraction { digits: run, whole: true, dot: false }),
                ('F', 1..=7) => {
                    let dot = take_dot(&mut parts);
                    parts.push(Part::Fraction { digits: run, whole: false, dot });
                }
                ('t', 2) => parts.push(Part::HalfDay),
                ('z', 3) => parts.push(Part::Offset { may_miss: false }),
                ('K', 1) => parts.push(Part::Offset { may_miss: true }),
                // Stands for itself there too, and is in patterns that people have.
                ('T' | 'Z', 1) => literal(&mut parts, letter),
                (letter, _) if letter.is_alphabetic() || letter == '%' => {
                    let run: String = letters[at..at + run].iter().collect();
                    return Err(format!(
                        "has \"{run}\" at {place}, which means nothing; what is meant as it is \
                         stands in single quotes"
                    ));
                }
                (other, run) => (0..run).for_each(|_| literal(&mut parts, other)),
            }
            at += taken;
        }
        let pattern = Pattern(parts);
        pattern.check()?;
        Ok(pattern)
    }

    fn check(&self) -> Result<(), String> {
        let has = |test: &dyn Fn(&Part) -> bool| self.0.iter().any(test);
        let number =
            |field: Field| has(&|part| matches!(part, Part::Number(one, _) if *one == field));
        for (is_there, what) in [
            (has(&|part| matches!(part, Part::Year | Part::ShortYear)), "year, such as yyyy"),
            (
                number(Field::Month) || has(&|part| matches!(part, Part::MonthName { .. })),
                "month, such as MM",
            ),
            (number(Field::Day), "day, such as dd"),
        ] {
            if !is_there {
                return Err(format!("has no {what}"));
            }
        }
        if number(Field::HalfHour) != has(&|part| *part == Part::HalfDay) {
            return Err("has only one of hh and tt, which belong together; HH is the hour of a \
                        whole day"
                .to_owned());
        }
        let open = |part: &Part| {
            matches!(part, Part::Number(_, false) | Part::Fraction { whole: false, .. })
        };
        let digit = |part: &Part| match part {
            Part::Literal(text) => text.starts_with(|c: char| c.is_ascii_digit()),
            Part::Fraction { dot, .. } => !dot,
            Part::MonthName { .. } | Part::HalfDay | Part::Offset { .. } => false,
            Part::Number(..) | Part::Year | Part::ShortYear => true,
        };
        if self.0.windows(2).any(|two| open(&two[0]) && digit(&two[1])) {
            let text = "has a number without a fixed length and another digit behind it";
            return Err(format!("{text}; dd, MM, HH, mm, ss and fff have a fixed length"));
        }
        Ok(())
    }

    pub(super) fn write(&self, local: DateTime, offset: Offset) -> String {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Number(field, padded) => {
                    let number = match field {
                        Field::Month => local.month(),
                        Field::Day => local.day(),
                        Field::Hour => local.hour(),
                        Field::HalfHour => (local.hour() + 11) % 12 + 1,
                        Field::Minute => local.minute(),
                        Field::Second => local.second(),
                    };
                    text.push_str(&match padded {
                        true => format!("{number:02}"),
                        false => number.to_string(),
                    });
                }
                Part::Year => text.push_str(&format!("{:04}", local.year())),
                Part::ShortYear => text.push_str(&format!("{:02}", local.year().rem_euclid(100))),
                Part::MonthName { short } => {
                    let name = MONTHS[usize::from(local.month().unsigned_abs()) - 1];
                    text.push_str(if *short { &name[..3] } else { name });
                }
                Part::HalfDay => text.push_str(if local.hour() < 12 { "AM" } else { "PM" }),
                Part::Fraction { digits, whole, dot } => {
                    let fraction = format!("{:09}", local.subsec_nanosecond());
                    let fraction = &fraction[..*digits];
                    let fraction = if *whole { fraction } else { fraction.trim_end_matches('0') };
                    if *dot && !fraction.is_empty() {
                        text.push('.');
                    }
                    text.push_str(fraction);
                }
                Part::Offset { may_miss: true } if offset == Offset::UTC => text.push('Z'),
                Part::Offset { .. } => text.push_str(&shown(offset)),
            }
        }
        text
    }

    /// The time in a text, and the offset that it names.
    pub(super) fn read(&self, text: &str) -> Option<(DateTime, Option<Offset>)> {
        let mut found = Found {
            year: 1,
            month: 1,
            day: 1,
            hour: 0,
            half_hour: None,
            afternoon: false,
            minute: 0,
            second: 0,
            nanosecond: 0,
            offset: None,
        };
        let mut rest = text;
        for part in &self.0 {
            rest = found.take(part, rest)?;
        }
        if !rest.is_empty() {
            return None;
        }
        let hour = match found.half_hour {
            Some(hour) => hour % 12 + if found.afternoon { 12 } else { 0 },
            None => found.hour,
        };
        let Found { year, month, day, minute, second, nanosecond, offset, .. } = found;
        let local = DateTime::new(year, month, day, hour, minute, second, nanosecond).ok()?;
        Some((local, offset))
    }
}

impl Found {
    /// Takes what a part says from the text; what is left of it.
    fn take<'t>(&mut self, part: &Part, text: &'t str) -> Option<&'t str> {
        match part {
            Part::Literal(literal) => text.strip_prefix(literal.as_str()),
            Part::Number(field, padded) => {
                let (number, rest) = number(text, if *padded { 2 } else { 1 }, 2)?;
                let number = i8::try_from(number).ok()?;
                match field {
                    Field::Month => self.month = number,
                    Field::Day => self.day = number,
                    Field::Hour => self.hour = number,
                    Field::HalfHour if !(1..=12).contains(&number) => return None,
                    Field::HalfHour => self.half_hour = Some(number),
                    Field::Minute => self.minute = number,
                    Field::Second => self.second = number,
                }
                Some(rest)
            }
            Part::Year => {
                let (year, rest) = number(text, 4, 4)?;
                self.year = i16::try_from(year).ok()?;
                Some(rest)
            }
            Part::ShortYear => {
                let (year, rest) = number(text, 2, 2)?;
                let year = i16::try_from(year).ok()?;
                self.year = year + if year <= LAST_SHORT_YEAR { 2000 } else { 1900 };
                Some(rest)
            }
            Part::MonthName { short } => {
                let is = |name: &&str| {
                    let name = if *short { &name[..3] } else { name };
                    text.get(..name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name))
                };
                let month = MONTHS.iter().position(is)?;
                self.month = i8::try_from(month).ok()? + 1;
                text.get(if *short { 3 } else { MONTHS[month].len() }..)
            }
            Part::HalfDay => {
                let (word, rest) = text.split_at_checked(2)?;
                self.afternoon = word.eq_ignore_ascii_case("PM");
                (self.afternoon || word.eq_ignore_ascii_case("AM")).then_some(rest)
            }
            Part::Fraction { digits, whole, dot } => {
                let text = match (dot, text.strip_prefix('.')) {
                    (true, None) => return Some(text),
                    (true, Some(rest)) => rest,
                    (false, _) => text,
                };
                let (fraction, rest) = number(text, if *whole { *digits } else { 0 }, *digits)?;
                let taken = u32::try_from(text.len() - rest.len()).ok()?;
                self.nanosecond = fraction * 10_i32.pow(9 - taken);
                Some(rest)
            }
            Part::Offset { may_miss: true } if text.is_empty() => Some(text),
            Part::Offset { may_miss } => {
                if let Some(rest) = text.strip_prefix(['Z', 'z']).filter(|_| *may_miss) {
                    self.offset = Some(Offset::UTC);
                    return Some(rest);
                }
                let sign = if text.starts_with('-') { -1 } else { 1 };
                let (hours, rest) = number(text.strip_prefix(['+', '-'])?, 2, 2)?;
                let (minutes, rest) = number(rest.strip_prefix(':')?, 2, 2)?;
                let seconds = sign * (hours * 60 + minutes) * 60;
                self.offset = Some(Offset::from_seconds(seconds).ok()?);
                Some(rest)
            }
        }
    }
}

fn literal(parts: &mut Vec<Part>, letter: char) {
    match parts.last_mut() {
        Some(Part::Literal(text)) => text.push(letter),
        _ => parts.push(Part::Literal(letter.to_string())),
    }
}

/// Takes the dot at the end of what was read so far.
fn take_dot(parts: &mut Vec<Part>) -> bool {
    let Some(Part::Literal(text)) = parts.last_mut() else { return false };
    let dot = text.ends_with('.');
    if dot {
        text.pop();
    }
    if text.is_empty() {
        parts.pop();
    }
    dot
}

/// A number at the beginning of a text with so many digits, and what is left of it.
fn number(text: &str, least: usize, most: usize) -> Option<(i32, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if digits < least {
        return None;
    }
    let (number, rest) = text.split_at(digits);
    Some((if digits == 0 { 0 } else { number.parse().ok()? }, rest))
}

/// `+02:00`
fn shown(offset: Offset) -> String {
    let minutes = offset.seconds() / 60;
    let sign = if minutes < 0 { '-' } else { '+' };
    format!("{sign}{:02}:{:02}", minutes.abs() / 60, minutes.abs() % 60)
}
