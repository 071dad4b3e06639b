//! Deltas by a log of changes with numbers (draft-good-ldap-changelog-04): 389 Directory Server and
//! its relatives.

use super::{
    Scene, Tell, forgotten,
    log::{Happened, Line, Log, renamed},
};
use crate::client::{Client, Found, Search};
use ecma_plugin_sdk::{Error, Result};

/// How servers call the anchor of the entry that a line of the log is about.
const IDS: [&str; 4] = ["targetUniqueId", "targetEntryUUID", "targetUUID", "targetEntryId"];

/// What is asked of a line.
const ASKED: [&str; 10] = [
    "changeNumber",
    "targetDN",
    "changeType",
    "newRDN",
    "newSuperior",
    "changes",
    IDS[0],
    IDS[1],
    IDS[2],
    IDS[3],
];

/// The first and the last number of the log.
fn numbers(client: &mut Client) -> Result<(u64, u64)> {
    let names = ["firstChangeNumber", "lastChangeNumber"].map(str::to_owned);
    let root = client.find(&Search::entry("", &names))?.unwrap_or_default();
    let number = |name: &String| root.text(name).and_then(|text| text.parse().ok());
    let missing = || {
        Error::config(
            "delta_strategy is changelog, but the server does not tell lastChangeNumber; is its log \
             of changes switched on?",
        )
    };
    let last = number(&names[1]).ok_or_else(missing)?;
    Ok((number(&names[0]).unwrap_or(0), last))
}

pub(super) fn mark(client: &mut Client, _: &Scene<'_>) -> Result<String> {
    Ok(numbers(client)?.1.to_string())
}

pub(super) fn news(
    client: &mut Client,
    scene: &Scene<'_>,
    since: &str,
    tell: &mut Tell<'_>,
) -> Result<String> {
    let since: u64 = since.parse().map_err(|_| forgotten("the watermark is no number"))?;
    let (first, last) = numbers(client)?;
    if last < since {
        return Err(forgotten("the numbers of the log went back: it was made anew"));
    }
    if first > since + 1 {
        return Err(forgotten("the log does not go back that far any more"));
    }
    if last == since {
        return Ok(since.to_string());
    }
    let filter = format!("(&(changeNumber>={})(changeNumber<={last}))", since + 1);
    let base = scene.target.change_log();
    let mut pages = scene.pages(client, Search::below(base, filter, &ASKED.map(str::to_owned)))?;
    let log = Log::of(scene);
    while let Some(page) = pages.next(client)? {
        for line in page.iter().filter_map(read) {
            if let Some(news) = log.news(line)? {
                tell(client, news)?;
            }
        }
    }
    Ok(last.to_string())
}

/// What a line of the log says.
fn read(line: &Found) -> Option<Line<'_>> {
    let dn = line.text("targetDN")?;
    let happened = match line.text("changeType")?.to_ascii_lowercase().as_str() {
        "delete" => Happened::Deleted,
        "modrdn" | "moddn" => {
            Happened::Renamed(renamed(dn, line.text("newRDN"), line.text("newSuperior")))
        }
        _ => Happened::Changed,
    };
    Some(Line { dn, id: IDS.iter().find_map(|name| line.text(name)), happened })
}
