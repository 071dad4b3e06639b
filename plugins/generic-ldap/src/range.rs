//! Attributes with more values than the server answers at once: Active Directory gives them in
//! ranges, `member;range=0-1499` (MS-ADTS §3.1.1.3.1.3.3).

use crate::client::{Client, Found, Search};
use ecma_plugin_sdk::{Error, ErrorKind, Result};

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
    let dn = found.dn.clone();
    with(found, &mut |name| client.find(&Search::entry(dn.as_str(), &[name])))
}

/// The same; `fetch` answers the entry with this attribute.
fn with(found: &mut Found, fetch: &mut dyn FnMut(String) -> Result<Option<Found>>) -> Result<()> {
    let mut whole = Vec::new();
    for at in 0..found.attributes.len() {
        let Some((name, mut end)) = range(&found.attributes[at].0) else { continue };
        let name = name.to_owned();
        while let Some(last) = end {
            let rest = fetch(format!("{name};range={}-*", last + 1))?;
            let mut rest = rest.into_iter().flat_map(|rest| rest.attributes);
            let part = rest.find_map(|(part, values)| {
                let (known, end) = range(&part)?;
                known.eq_ignore_ascii_case(&name).then_some((end, values))
            });
            let Some((to, values)) = part.filter(|(to, _)| to.is_none_or(|to| to > last)) else {
                let text = format!("{} changed while its {name} was read", found.dn);
                return Err(Error::new(ErrorKind::Busy, text));
            };
            found.attributes[at].1.extend(values);
            end = to;
        }
        found.attributes[at].0.clone_from(&name);
        whole.push(name);
    }
    // The attribute stands there by its own name too, without a value.
    let is_whole = |name: &str| whole.iter().any(|known| known.eq_ignore_ascii_case(name));
    found.attributes.retain(|(name, values)| !values.is_empty() || !is_whole(name));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A server with so many members that answers so many at once.
    fn answer(name: &str, members: usize, most: usize) -> Found {
        let from: usize = match name.split_once(";range=") {
            Some((_, range)) => range.split('-').next().unwrap().parse().unwrap(),
            None => 0,
        };
        let to = members.min(from + most);
        let values = (from..to).map(|n| format!("cn={n}").into_bytes()).collect();
        let last = if to == members { "*".to_owned() } else { (to - 1).to_string() };
        let attributes = vec![
            ("cn".to_owned(), vec![b"all".to_vec()]),
            ("member".to_owned(), Vec::new()),
            (format!("member;range={from}-{last}"), values),
        ];
        Found { dn: "cn=all".to_owned(), attributes, ..Found::default() }
    }

    #[test]
    fn all_members_come_in_their_order_whatever_the_server_answers_at_once() {
        for (members, most) in [(1500, 1500), (1501, 1500), (4000, 1500), (10, 1), (3, 10)] {
            let mut found = answer("member", members, most);
            let mut asked = 0;
            with(&mut found, &mut |name| {
                asked += 1;
                Ok(Some(answer(&name, members, most)))
            })
            .unwrap();
            let expected: Vec<_> = (0..members).map(|n| format!("cn={n}").into_bytes()).collect();
            assert_eq!(found.get("member"), expected, "{members} by {most}");
            assert_eq!(asked, members.div_ceil(most) - 1);
            // A second one without values would say that there are none.
            assert_eq!(found.attributes.len(), 2, "{:?}", found.attributes);
            assert_eq!(found.get("cn"), [b"all".to_vec()]);
        }
    }

    #[test]
    fn a_group_that_goes_or_shrinks_meanwhile_is_read_again_later() {
        let mut fetches: [&mut dyn FnMut(String) -> Result<Option<Found>>; 3] =
            [&mut |_| Ok(None), &mut |_| Ok(Some(Found::default())), &mut |_| {
                Ok(Some(answer("member;range=0-*", 2, 1)))
            }];
        for fetch in &mut fetches {
            let error = with(&mut answer("member", 9, 4), fetch).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Busy, "{error}");
        }
    }

    #[test]
    fn ranges_end_with_a_number_or_a_star() {
        assert_eq!(range("member;range=0-1499"), Some(("member", Some(1499))));
        assert_eq!(range("member;range=1500-*"), Some(("member", None)));
        assert_eq!(range("member"), None);
        assert_eq!(range("member;range=x"), None);
    }
}
