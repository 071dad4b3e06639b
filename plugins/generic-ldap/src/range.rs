//! Attributes with more values than the server answers at once: Active Directory gives them in
//! ranges, `member;range=0-1499` (MS-ADTS §3.1.1.3.1.3.3).

use crate::client::{Client, Found, Search};
use ecma_plugin_sdk::{Error, Result};

/// Name, and where the range ends; `None` at the last one.
fn range(name: &str) -> Option<(&str, Option<u32>)> {
    let (name, range) = name.split_once(";range=")?;
    let (_, end) = range.split_once('-')?;
    match end {
        "*" => Some((name, None)),
        end => Some((name, Some(end.parse().ok()?))),
    }
}

/// Fetches what is missing of an entry's attributes.
pub(crate) fn complete(client: &mut Client, found: &mut Found) -> Result<()> {
    for at in 0..found.attributes.len() {
        let Some((name, mut end)) = range(&found.attributes[at].0) else { continue };
        let name = name.to_owned();
        while let Some(last) = end {
            let next = format!("{name};range={}-*", last + 1);
            let rest = client.find(&Search::entry(found.dn.as_str(), &[next]))?;
            let mut rest = rest.into_iter().flat_map(|rest| rest.attributes);
            let part = rest.find_map(|(part, values)| {
                let (known, end) = range(&part)?;
                known.eq_ignore_ascii_case(&name).then_some((end, values))
            });
            let Some((to, values)) = part.filter(|(to, _)| to.is_none_or(|to| to > last)) else {
                let text = format!("{} changed while its {name} was read", found.dn);
                return Err(Error::new(ecma_plugin_sdk::ErrorKind::Busy, text));
            };
            found.attributes[at].1.extend(values);
            end = to;
        }
        found.attributes[at].0 = name.clone();
        // The attribute stands there by its own name too, without a value.
        let whole = std::mem::take(&mut found.attributes[at].1);
        let bare = found
            .attributes
            .iter()
            .position(|(known, values)| values.is_empty() && known.eq_ignore_ascii_case(&name));
        let place = bare.unwrap_or(at);
        found.attributes[place].1 = whole;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_end_with_a_number_or_a_star() {
        assert_eq!(range("member;range=0-1499"), Some(("member", Some(1499))));
        assert_eq!(range("member;range=1500-*"), Some(("member", None)));
        assert_eq!(range("member"), None);
        assert_eq!(range("member;range=x"), None);
    }
}
