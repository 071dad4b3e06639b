//! Deltas by the numbers that Active Directory gives to changes (MS-ADTS §3.1.1.1.9): each server
//! has its own, and what was deleted stays for a while as a tombstone.

use super::{News, Scene, Tell, changed_now, forgotten, is_container};
use crate::{
    client::{Client, Found, Pages, Search, control},
    dn::Name,
};
use ecma_plugin_sdk::{Error, Result};

const HIGHEST: &str = "highestCommittedUSN";
const SERVER: &str = "dsServiceName";
const CONTEXT: &str = "defaultNamingContext";

/// The highest number that is given, and which server gave it.
fn now(client: &mut Client) -> Result<(u64, String, Found)> {
    let names = [HIGHEST, SERVER, CONTEXT].map(str::to_owned);
    let root = client.find(&Search::entry("", &names))?.unwrap_or_default();
    let highest = root.text(HIGHEST).and_then(|text| text.parse().ok());
    let highest = highest.ok_or_else(|| {
        Error::config("delta_strategy is usn, but the server has no highestCommittedUSN")
    })?;
    let server = root.text(SERVER).unwrap_or_default().to_owned();
    Ok((highest, server, root))
}

pub(super) fn mark(client: &mut Client, scene: &Scene<'_>) -> Result<String> {
    let (highest, server, root) = now(client)?;
    let context = root.text(CONTEXT).unwrap_or(scene.base);
    let shown = vec![control::control(control::SHOW_DELETED, true, None)];
    let deleted = Search::entry(format!("CN=Deleted Objects,{context}"), &["1.1".to_owned()]);
    if client.find(&Search { controls: shown, ..deleted }).ok().flatten().is_none() {
        tracing::warn!(
            container = %format!("CN=Deleted Objects,{context}"),
            "This account cannot see deleted entries, so that only full imports notice them"
        );
    }
    Ok(format!("{highest} {server}"))
}

pub(super) fn news(
    client: &mut Client,
    scene: &Scene<'_>,
    since: &str,
    tell: &mut Tell<'_>,
) -> Result<String> {
    let (number, server) = since.split_once(' ').unwrap_or((since, ""));
    let number: u64 = number.parse().map_err(|_| forgotten("the watermark is no number"))?;
    let (highest, known, root) = now(client)?;
    if known != server {
        return Err(forgotten("this is another server, with numbers of its own"));
    }
    if highest < number {
        return Err(forgotten("the server's numbers went back: it was restored"));
    }
    if highest == number {
        return Ok(since.to_owned());
    }
    let newer = format!("(uSNChanged>={})", number + 1);
    // Who moved out of the filter or the containers is told by the plan.
    let kinds = scene.plan.with_containers(&scene.plan.classes_filter());
    let filter = format!("(&{kinds}{newer})");
    let search = Search::below(scene.base, filter.as_str(), scene.plan.asked());
    each(client, scene, search, &mut |client, found| tell(client, changed_now(scene, found)))?;

    let context = root.text(CONTEXT).unwrap_or(scene.base);
    outside(client, scene, Search::below(context, filter, &[]), tell)?;
    let gone = format!("(&(isDeleted=TRUE){newer})");
    let shown = vec![control::control(control::SHOW_DELETED, true, None)];
    let search = Search { controls: shown, ..Search::below(context, gone, &ids(scene)) };
    each(client, scene, search, &mut |client, found| tell_gone(client, scene, &found, tell))?;
    Ok(format!("{highest} {server}"))
}

/// Tells that what changed outside the base is not in it: it may have been before.
fn outside(
    client: &mut Client,
    scene: &Scene<'_>,
    search: Search,
    tell: &mut Tell<'_>,
) -> Result<()> {
    let names = (Name::parse(scene.base), Name::parse(&search.base));
    let (Ok(base), Ok(context)) = names else { return Ok(()) };
    if context.is_within(&base) {
        return Ok(());
    }
    let search = Search { attributes: ids(scene).to_vec(), ..search };
    let mut containers = Vec::new();
    each(client, scene, search, &mut |client, found| {
        let Ok(name) = Name::parse(&found.dn) else { return Ok(()) };
        if name.is_within(&base) || base.is_within(&name) {
            return Ok(());
        }
        if is_container(&found) {
            containers.push(found.dn);
            return Ok(());
        }
        tell_gone(client, scene, &found, tell)
    })?;
    for dn in containers {
        let below = Search::below(dn, scene.plan.classes_filter(), &ids(scene));
        each(client, scene, below, &mut |client, found| tell_gone(client, scene, &found, tell))?;
    }
    Ok(())
}

/// The attributes that tell which entry it is, and whether it is a container.
fn ids(scene: &Scene<'_>) -> [String; 2] {
    let anchor = scene.target.anchor_attribute().unwrap_or("objectGUID");
    ["objectClass", anchor].map(str::to_owned)
}

fn tell_gone(
    client: &mut Client,
    scene: &Scene<'_>,
    found: &Found,
    tell: &mut Tell<'_>,
) -> Result<()> {
    match scene.plan.anchor(found) {
        Ok(anchor) => tell(client, News::Gone(anchor)),
        Err(_) if scene.target.has_own_anchor() => Ok(()),
        Err(_) => Err(forgotten(format!("nothing tells which entry {} was", found.dn))),
    }
}

/// Shows each entry that a search finds.
pub(super) fn each(
    client: &mut Client,
    scene: &Scene<'_>,
    search: Search,
    tell: &mut dyn FnMut(&mut Client, Found) -> Result<()>,
) -> Result<()> {
    let mut pages = scene.pages(client, search)?;
    while let Some(page) = pages.next(client)? {
        for found in page {
            tell(client, found)?;
        }
    }
    Ok(())
}

impl Scene<'_> {
    /// The pages of a search, in the way the settings and the server allow.
    pub(crate) fn pages(&self, client: &mut Client, search: Search) -> Result<Pages> {
        self.target.pages(client, search, self.page_size)
    }
}
