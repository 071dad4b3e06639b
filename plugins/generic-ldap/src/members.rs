//! Groups that name their members not by distinguished names but by another attribute: `memberUid`
//! has values of `uid` (RFC 2307 §2.2). The host knows entries by their names, so each is looked up.

use crate::{
    client::{Client, Found, Search},
    dn::{Name, escape_filter},
    settings::Settings,
    subschema::Subschema,
    target::Target,
};
use ecma_plugin_sdk::{Error, Result};
use std::collections::{BTreeSet, HashMap};

/// Values that are looked up with one search.
const AT_ONCE: usize = 200;
/// Where a value leads to that no entry has: it is kept, and leads nowhere.
const NOWHERE: &str = "";

/// Which attributes name others, and by what.
#[derive(Debug, Clone, Default)]
pub(crate) struct References(Vec<(String, String)>);

impl References {
    /// Those of the settings, and `memberUid` where the server has it.
    pub(crate) fn of(settings: &Settings, subschema: &Subschema) -> References {
        let said = settings.references.iter().filter_map(|entry| entry.split_once('='));
        let mut all: Vec<(String, String)> =
            said.map(|(name, by)| (name.trim().to_owned(), by.trim().to_owned())).collect();
        let known = ["memberUid", "uid"];
        if all.iter().all(|(name, _)| !name.eq_ignore_ascii_case(known[0]))
            && known.iter().all(|name| subschema.attribute_type(name).is_some())
        {
            all.push((known[0].to_owned(), known[1].to_owned()));
        }
        References(all)
    }

    /// By what this attribute names others.
    pub(crate) fn by(&self, attribute: &str) -> Option<&str> {
        let named = self.0.iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute));
        named.map(|(_, by)| by.as_str())
    }
}

/// Puts distinguished names in the place of what the entries of a page name others by.
pub(crate) fn read(client: &mut Client, target: &Target, page: &mut [Found]) -> Result<()> {
    for (attribute, by) in &target.references.0 {
        let named: BTreeSet<String> = page
            .iter()
            .flat_map(|found| found.texts(attribute))
            .map(|text| text.to_lowercase())
            .collect();
        if named.is_empty() {
            continue;
        }
        let names = look_up(client, target, by, &named)?;
        for found in page.iter_mut() {
            let values = found.attributes.iter_mut();
            let values = values.filter(|(name, _)| name.eq_ignore_ascii_case(attribute));
            for value in values.flat_map(|(_, values)| values) {
                let text = String::from_utf8_lossy(value).to_lowercase();
                if let Some(dn) = names.get(&text).filter(|dn| *dn != NOWHERE) {
                    *value = dn.clone().into_bytes();
                }
            }
        }
    }
    Ok(())
}

/// The names of the entries that have these values, in lower case.
fn look_up(
    client: &mut Client,
    target: &Target,
    by: &str,
    named: &BTreeSet<String>,
) -> Result<HashMap<String, String>> {
    let mut names = HashMap::new();
    let asked = [by.to_owned()];
    let all: Vec<&String> = named.iter().collect();
    for some in all.chunks(AT_ONCE) {
        let terms: String =
            some.iter().map(|text| format!("({by}={})", escape_filter(text.as_bytes()))).collect();
        for base in &target.bases {
            let search = Search::below(base.as_str(), format!("(|{terms})"), &asked);
            // Without pages: OpenLDAP has those of one search in a connection, and an import is on.
            let gathered = client.search(&search)?;
            let context = || format!("looking for entries by {by} in {base}");
            gathered.answer.done().map_err(|error| error.context(context()))?;
            for found in gathered.entries {
                for text in found.texts(by) {
                    names.entry(text.to_lowercase()).or_insert_with(|| found.dn.clone());
                }
            }
        }
    }
    Ok(names)
}

/// What a group writes for the entry with this name.
pub(crate) fn written(
    client: &mut Client,
    by: &str,
    attribute: &str,
    name: &str,
) -> Result<String> {
    let Ok(parsed) = Name::parse(name) else { return Ok(name.to_owned()) };
    let rdn = parsed.rdn().and_then(|rdn| {
        rdn.avas().find(|(kind, _)| kind.eq_ignore_ascii_case(by)).map(|(_, value)| value)
    });
    if let Some(value) = rdn {
        return Ok(value);
    }
    let found = client.find(&Search::entry(name, &[by.to_owned()]))?;
    let text = found.as_ref().and_then(|found| found.text(by)).map(str::to_owned);
    text.ok_or_else(|| Error::invalid(attribute, format!("names {name}, which has no {by}")))
}
