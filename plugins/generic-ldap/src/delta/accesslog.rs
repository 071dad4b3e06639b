//! Deltas by OpenLDAP's log of operations (slapo-accesslog).
//!
//! A line is known by the server's time at which its operation began, with a counter for those of one
//! second. Only the server's times are compared with each other.

use super::{News, Scene, Tell, forgotten};
use crate::{
    client::{Client, Found, Search},
    dn::Name,
    moment,
};
use ecma_plugin_sdk::{Error, Result};
use jiff::{Timestamp, ToSpan};

const ASKED: [&str; 8] = [
    "reqStart",
    "reqType",
    "reqDN",
    "reqNewDN",
    "reqNewRDN",
    "reqNewSuperior",
    "reqEntryUUID",
    "reqOld",
];

/// The oldest and the newest change in the log, in the server's time.
fn span(client: &mut Client, log: &str) -> Result<(Option<Timestamp>, Option<Timestamp>)> {
    let names = ["minCSN", "contextCSN"].map(str::to_owned);
    let found = client.find(&Search::entry(log, &names))?.ok_or_else(|| {
        Error::config(format!(
            "delta_strategy is accesslog, but {log} is not there or hidden from this account"
        ))
    })?;
    let times = |name: &str| found.texts(name).into_iter().filter_map(time).collect::<Vec<_>>();
    Ok((times(&names[0]).into_iter().min(), times(&names[1]).into_iter().max()))
}

/// The time in a change sequence number: `20261122061249.154638Z#000000#000#000000`.
fn time(number: &str) -> Option<Timestamp> {
    moment::read_generalized(number.split('#').next()?)?.parse().ok()
}

fn written(time: Timestamp) -> String {
    time.strftime("%Y%m%d%H%M%S.%6fZ").to_string()
}

pub(super) fn mark(client: &mut Client, scene: &Scene<'_>) -> Result<String> {
    let (oldest, newest) = span(client, &scene.target.change_log())?;
    let newest = newest.unwrap_or_else(|| scene.target.now());
    let back = i64::from(scene.target.settings.delta_overlap_seconds).seconds();
    let mark = newest.checked_sub(back).unwrap_or(newest);
    // Before its first change nothing of the log is missing.
    Ok(written(oldest.map_or(mark, |oldest| mark.max(oldest))))
}

pub(super) fn news(
    client: &mut Client,
    scene: &Scene<'_>,
    since: &str,
    tell: &mut Tell<'_>,
) -> Result<String> {
    let log = scene.target.change_log();
    let (oldest, _) = span(client, &log)?;
    let known = time(since).ok_or_else(|| forgotten("the watermark is no time"))?;
    // The log's own numbers count the seconds' parts another way than its lines do.
    if oldest.is_some_and(|oldest| oldest.as_second() > known.as_second()) {
        return Err(forgotten("the log does not go back that far any more"));
    }
    let filter = format!("(&(objectClass=auditWriteObject)(reqResult=0)(reqStart>={since}))");
    let mut pages = scene.pages(client, Search::below(&log, filter, &ASKED.map(str::to_owned)))?;
    let base = Name::parse(scene.base).ok();
    let mut newest = since.to_owned();
    while let Some(page) = pages.next(client)? {
        for line in page {
            if let Some(start) = line.text("reqStart").filter(|start| *start > newest.as_str()) {
                newest = start.to_owned();
            }
            for news in read(scene, base.as_ref(), &line)? {
                tell(client, news)?;
            }
        }
    }
    Ok(newest)
}

/// What a line of the log tells.
fn read(scene: &Scene<'_>, base: Option<&Name>, line: &Found) -> Result<Vec<News>> {
    let Some(dn) = line.text("reqDN") else { return Ok(Vec::new()) };
    let within = |dn: &str| match (Name::parse(dn), base) {
        (Ok(name), Some(base)) => name.is_within(base),
        _ => true,
    };
    let gone = || -> Result<News> {
        let uuid = || {
            let old = line.texts("reqOld");
            let old = old.iter().find_map(|text| text.strip_prefix("entryUUID: "));
            line.text("reqEntryUUID").or(old).map(str::to_owned)
        };
        match scene.target.anchor_attribute() {
            None => Ok(News::Gone(dn.to_owned())),
            Some(_) => uuid().map(News::Gone).ok_or_else(|| {
                forgotten(format!(
                    "the log does not tell which entry {dn} was that is gone; set logold there"
                ))
            }),
        }
    };
    match line.text("reqType").unwrap_or_default() {
        "delete" if within(dn) => Ok(vec![gone()?]),
        "modrdn" => {
            let moved = line.text("reqNewDN").map(str::to_owned).or_else(|| {
                let (rdn, superior) = (line.text("reqNewRDN"), line.text("reqNewSuperior"));
                super::changelog::renamed(dn, rdn, superior)
            });
            let moved = moved
                .ok_or_else(|| forgotten(format!("the log does not tell the new name of {dn}")))?;
            if within(dn) && (scene.target.anchor_attribute().is_none() || !within(&moved)) {
                // Under the old name there is nothing any more, nor below it.
                return Err(forgotten(format!("{dn} was renamed")));
            }
            Ok(if within(&moved) { vec![News::Below(moved)] } else { Vec::new() })
        }
        "add" | "modify" if within(dn) => Ok(vec![News::Named(dn.to_owned())]),
        _ => Ok(Vec::new()),
    }
}
