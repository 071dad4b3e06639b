//! Deltas by OpenLDAP's log of operations (slapo-accesslog).
//!
//! A line has the change sequence number of its change. The log keeps those of one server in order,
//! and replicas bring lines with the numbers of other servers, so that a mark is the last number of
//! each. They are compared as texts.

use super::{
    Scene, Tell, forgotten,
    log::{Happened, Line, Log, renamed},
};
use crate::client::{Client, Found, Search};
use ecma_plugin_sdk::{Error, Result};
use jiff::ToSpan;
use std::collections::BTreeMap;

const NUMBER: &str = "entryCSN";
const ASKED: [&str; 9] = [
    NUMBER,
    "reqStart",
    "reqType",
    "reqDN",
    "reqNewDN",
    "reqNewRDN",
    "reqNewSuperior",
    "reqEntryUUID",
    "reqOld",
];

/// Change sequence numbers, one for each server:
/// `20261122061249.154638Z#000000#001#000000` of server `001`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Numbers(BTreeMap<String, String>);

impl Numbers {
    fn read<'t>(texts: impl IntoIterator<Item = &'t str>) -> Numbers {
        let mut numbers = Numbers::default();
        texts.into_iter().for_each(|text| numbers.note(text));
        numbers
    }

    /// Keeps the number when it is the greatest of its server.
    fn note(&mut self, number: &str) {
        let Some(server) = number.split('#').nth(2) else { return };
        let known = self.0.entry(server.to_owned()).or_default();
        if number > known.as_str() {
            number.clone_into(known);
        }
    }

    /// Whether the number is not greater than the one of its server.
    fn covers(&self, number: &str) -> bool {
        let known = number.split('#').nth(2).and_then(|server| self.0.get(server));
        known.is_some_and(|known| number <= known.as_str())
    }

    /// Whether some server's number is less than its own in the other ones.
    fn is_behind(&self, others: &Numbers) -> bool {
        let known = |server| self.0.get(server);
        others.0.iter().any(|(server, other)| known(server).is_some_and(|known| known < other))
    }

    fn written(&self) -> String {
        self.0.values().map(String::as_str).collect::<Vec<_>>().join(" ")
    }
}

/// From where the log goes back no further, and how far it goes.
fn span(client: &mut Client, log: &str) -> Result<(Numbers, Numbers)> {
    let names = ["minCSN", "contextCSN"].map(str::to_owned);
    let found = client.find(&Search::entry(log, &names))?.ok_or_else(|| {
        Error::config(format!(
            "delta_strategy is accesslog, but {log} is not there or hidden from this account"
        ))
    })?;
    Ok((Numbers::read(found.texts(&names[0])), Numbers::read(found.texts(&names[1]))))
}

pub(super) fn mark(client: &mut Client, scene: &Scene<'_>) -> Result<String> {
    let (_, newest) = span(client, &scene.target.change_log())?;
    if newest != Numbers::default() {
        return Ok(newest.written());
    }
    // A log without syncprov does not tell; then the clocks have to do.
    let back = i64::from(scene.target.settings.delta_overlap_seconds).seconds();
    let now = scene.target.now();
    let now = now.checked_sub(back).unwrap_or(now);
    Ok(now.strftime("%Y%m%d%H%M%S.%6fZ#000000#000#000000").to_string())
}

pub(super) fn news(
    client: &mut Client,
    scene: &Scene<'_>,
    since: &str,
    tell: &mut Tell<'_>,
) -> Result<String> {
    let place = scene.target.change_log();
    let (oldest, newest) = span(client, &place)?;
    let known = Numbers::read(since.split(' '));
    let least = known.0.values().min().ok_or_else(|| forgotten("the watermark has no numbers"))?;
    if known.is_behind(&oldest) {
        return Err(forgotten("the log does not go back that far any more"));
    }
    if newest.is_behind(&known) {
        return Err(forgotten("the numbers of the log went back: it was made anew or restored"));
    }
    let filter = format!("(&(objectClass=auditWriteObject)(reqResult=0)({NUMBER}>={least}))");
    let mut pages =
        scene.pages(client, Search::below(&place, filter, &ASKED.map(str::to_owned)))?;
    let log = Log::of(scene);
    let mut last = Numbers::read(since.split(' '));
    while let Some(page) = pages.next(client)? {
        for line in page {
            let number = line.text(NUMBER).unwrap_or_default();
            if known.covers(number) {
                continue;
            }
            last.note(number);
            if let Some(news) = read(&line).map(|line| log.news(line)).transpose()?.flatten() {
                tell(client, news)?;
            }
        }
    }
    Ok(last.written())
}

/// What a line of the log says.
fn read(line: &Found) -> Option<Line<'_>> {
    let dn = line.text("reqDN")?;
    let happened = match line.text("reqType")? {
        "add" | "modify" => Happened::Changed,
        "delete" => Happened::Deleted,
        "modrdn" => Happened::Renamed(
            line.text("reqNewDN")
                .map(str::to_owned)
                .or_else(|| renamed(dn, line.text("reqNewRDN"), line.text("reqNewSuperior"))),
        ),
        _ => Happened::Nothing,
    };
    let old = || line.texts("reqOld").into_iter().find_map(|text| text.strip_prefix("entryUUID: "));
    Some(Line { dn, id: line.text("reqEntryUUID").or_else(old), happened })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_compared_server_by_server() {
        let number = |second: u32, server: &str| {
            format!("202611220612{second:02}.154638Z#000000#{server}#000000")
        };
        let known = Numbers::read([&*number(5, "001"), &number(3, "002"), &number(4, "001")]);
        assert_eq!(known.written(), format!("{} {}", number(5, "001"), number(3, "002")));
        assert_eq!(Numbers::read(known.written().split(' ')), known);
        for (second, server, covered) in [
            (5, "001", true),
            (6, "001", false),
            (3, "002", true),
            (4, "002", false),
            (1, "003", false),
        ] {
            assert_eq!(known.covers(&number(second, server)), covered, "{second} {server}");
        }
        for (numbers, behind) in [
            (&[number(5, "001")][..], false),
            (&[number(6, "001")], true),
            (&[number(1, "001"), number(4, "002")], true),
            (&[number(9, "003")], false),
        ] {
            let others = Numbers::read(numbers.iter().map(String::as_str));
            assert_eq!(known.is_behind(&others), behind, "{numbers:?}");
        }
    }
}
