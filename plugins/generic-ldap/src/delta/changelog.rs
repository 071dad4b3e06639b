//! Deltas by a log of changes with numbers (draft-good-ldap-changelog-04): 389 Directory Server and
//! its relatives.

use super::{News, Scene, Tell, forgotten};
use crate::{
    client::{Client, Found, Search},
    dn::Name,
};
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
    let base = Name::parse(scene.base).ok();
    while let Some(page) = pages.next(client)? {
        for line in page {
            for news in read(scene, base.as_ref(), &line)? {
                tell(client, news)?;
            }
        }
    }
    Ok(last.to_string())
}

/// What a line of the log tells.
fn read(scene: &Scene<'_>, base: Option<&Name>, line: &Found) -> Result<Vec<News>> {
    let Some(dn) = line.text("targetDN") else { return Ok(Vec::new()) };
    let within = |dn: &str| match (Name::parse(dn), base) {
        (Ok(name), Some(base)) => name.is_within(base),
        _ => true,
    };
    let kind = line.text("changeType").unwrap_or_default().to_ascii_lowercase();
    let id = IDS.iter().find_map(|name| line.text(name));
    let gone = |dn: &str| -> Result<News> {
        match scene.target.anchor_attribute() {
            None => Ok(News::Gone(dn.to_owned())),
            Some(_) => {
                let missing = || {
                    forgotten(format!("the log does not tell which entry {dn} was that is gone"))
                };
                super::gone(scene, id.map(str::to_owned).ok_or_else(missing)?)
            }
        }
    };
    match kind.as_str() {
        "delete" if within(dn) => Ok(vec![gone(dn)?]),
        "delete" => Ok(Vec::new()),
        "modrdn" | "moddn" => {
            let mut told = Vec::new();
            let moved = renamed(dn, line.text("newRDN"), line.text("newSuperior"));
            let moved = moved
                .ok_or_else(|| forgotten(format!("the log does not tell the new name of {dn}")))?;
            if scene.target.anchor_attribute().is_none() || !within(&moved) && within(dn) {
                // Under the old name there is nothing any more, nor below it.
                if within(dn) {
                    return Err(forgotten(format!("{dn} was renamed")));
                }
            }
            if within(&moved) {
                told.push(News::Below(moved));
            }
            Ok(told)
        }
        _ if within(dn) => Ok(vec![News::Named(dn.to_owned())]),
        _ => Ok(Vec::new()),
    }
}

/// The name of an entry after a ModifyDN.
pub(super) fn renamed(dn: &str, rdn: Option<&str>, superior: Option<&str>) -> Option<String> {
    let rdn = Name::parse(rdn?).ok()?.rdn()?.clone();
    let parent = match superior.filter(|text| !text.is_empty()) {
        Some(superior) => Name::parse(superior).ok()?,
        None => Name::parse(dn).ok()?.parent()?,
    };
    Some(Name::join(rdn, &parent).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_renamed_entry_has_its_new_name_where_it_was_or_where_it_goes() {
        let dn = "uid=kim,ou=people,dc=example";
        assert_eq!(renamed(dn, Some("uid=kim2"), None).unwrap(), "uid=kim2,ou=people,dc=example");
        let moved = renamed(dn, Some("uid=kim"), Some("ou=left,dc=example"));
        assert_eq!(moved.unwrap(), "uid=kim,ou=left,dc=example");
        assert_eq!(renamed(dn, None, None), None);
    }
}
