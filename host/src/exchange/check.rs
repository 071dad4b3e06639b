//! What can be said of an imported document before it runs: is its plugin here, can it be read, and do
//! its references lead somewhere.

use std::cmp::Ordering;

use super::{
    Here,
    report::{Report, Severity},
};
use crate::config::{ConfigValue, ConnectorConfig, ConnectorName, SEALED, TokenSource, places};

/// Whether the plugin is here, and in which version.
pub(super) fn plugin(name: &str, version: Option<&str>, here: &Here<'_>, report: &mut Report) {
    let Some((_, ours)) = here.plugins.iter().find(|(known, _)| known == name) else {
        let version = version.map(|version| format!(" {version}")).unwrap_or_default();
        let what = format!("the plugin {name}{version} is not here");
        return report.missing("plugin", what, "put its library into ECMA/ and restart the host");
    };
    match version.map(|theirs| (theirs, compare(ours, theirs))) {
        None | Some((_, Some(Ordering::Equal))) => {
            report.taken("plugin", format!("{name} {ours} is here"));
        }
        Some((theirs, Some(Ordering::Less))) => report.note(
            "plugin",
            format!("{name} is older here, {ours} instead of {theirs}"),
            "update it if it does not know all of the parameters",
        ),
        Some((theirs, _)) => report.note(
            "plugin",
            format!("{name} is {ours} here and was {theirs} there"),
            "read what changed in between",
        ),
    }
}

/// By the numbers before any `-` or `+`. None where they cannot tell.
fn compare(one: &str, other: &str) -> Option<Ordering> {
    if one == other {
        return Some(Ordering::Equal);
    }
    let numbers = |version: &str| -> Option<Vec<u64>> {
        let core = version.split(['-', '+']).next().unwrap_or_default();
        core.split('.').map(|part| part.parse().ok()).collect()
    };
    Some(numbers(one)?.cmp(&numbers(other)?)).filter(|order| order.is_ne())
}

/// Reads the document as the host will, and reports what it would refuse and is not reported yet;
/// then what references lead nowhere.
pub(super) fn document(name: &ConnectorName, document: &str, here: &Here<'_>, report: &mut Report) {
    let file = format!("connectors/{name}.toml");
    if let Err(problems) = ConnectorConfig::parse(name, &file, document) {
        for problem in problems {
            if !report.of(Severity::Missing).any(|item| item.at == problem.key) {
                report.missing(problem.key, problem.message, "edit the document");
            }
        }
    }
    for place in places(&file, document).unwrap_or_default().iter().filter(|place| place.refers) {
        let found = match (place.is_token(), ConfigValue::from_text(&place.text)) {
            (_, Err(_) | Ok(ConfigValue::Text(_))) => continue,
            (true, Ok(_)) => match TokenSource::parse(&place.text) {
                Ok(source) => source.resolve(here.home).map(drop),
                Err(_) => continue,
            },
            (_, Ok(value)) => value.resolve(here.home, here.key).map(drop),
        };
        if let Err(why) = found {
            report.missing(&place.key, why, "put it there");
        } else if !place.text.starts_with(SEALED) {
            report.taken(&place.key, "what it refers to is here");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_compared_by_their_numbers() {
        use Ordering::{Equal, Greater, Less};
        for (one, other, expected) in [
            ("1.2.3", "1.2.3", Some(Equal)),
            ("1.10", "1.9", Some(Greater)),
            ("1.2", "1.2.1", Some(Less)),
            ("2.0.0-beta", "1.9", Some(Greater)),
            ("1.0.0-beta", "1.0.0", None),
            ("nightly", "1.0", None),
            ("nightly", "nightly", Some(Equal)),
        ] {
            assert_eq!(compare(one, other), expected, "{one} {other}");
        }
    }
}
