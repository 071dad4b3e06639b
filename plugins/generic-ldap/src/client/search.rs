//! Searches, and what they find.

use super::{Answer, Client, code};
use crate::ber::{self, Reader};
use ecma_plugin_sdk::Error;
use ldap3::{
    ResultEntry, SearchOptions, SearchStream,
    asn1::{PL, StructureTag},
    controls::RawControl,
};
use std::time::Duration;

/// How far below its base a search looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scope {
    /// The base alone.
    Base,
    /// The base and all that stands below.
    Subtree,
}

/// What is looked for.
#[derive(Debug, Clone)]
pub(crate) struct Search {
    /// Where.
    pub(crate) base: String,
    /// How far below.
    pub(crate) scope: Scope,
    /// What entries have to fit (RFC 4515).
    pub(crate) filter: String,
    /// Which attributes are wanted, by their names.
    pub(crate) attributes: Vec<String>,
    /// Controls of the request, besides those of paging.
    pub(crate) controls: Vec<RawControl>,
    /// How many entries at most; 0 is no limit.
    pub(crate) limit: i32,
}

impl Search {
    /// The entry of this name, with these attributes.
    pub(crate) fn entry(base: impl Into<String>, attributes: &[String]) -> Search {
        Search {
            base: base.into(),
            scope: Scope::Base,
            filter: "(objectClass=*)".to_owned(),
            attributes: attributes.to_vec(),
            controls: Vec::new(),
            limit: 0,
        }
    }

    /// All that fits below the base.
    pub(crate) fn below(
        base: impl Into<String>,
        filter: impl Into<String>,
        attributes: &[String],
    ) -> Search {
        let (scope, filter) = (Scope::Subtree, filter.into());
        Search { scope, filter, ..Search::entry(base, attributes) }
    }
}

/// An entry as the server answers it; values are bytes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where it stands.
    pub(crate) dn: String,
    /// Names, with options, and values.
    pub(crate) attributes: Vec<(String, Vec<Vec<u8>>)>,
    /// Controls that came with it, as kinds and values.
    pub(crate) controls: Vec<(String, Option<Vec<u8>>)>,
}

impl Found {
    /// The values of this attribute.
    pub(crate) fn get(&self, name: &str) -> &[Vec<u8>] {
        let found = self.attributes.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map_or(&[], |(_, values)| values)
    }

    /// The first value of this attribute.
    pub(crate) fn first(&self, name: &str) -> Option<&[u8]> {
        self.get(name).first().map(Vec::as_slice)
    }

    /// The first value of this attribute as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.first(name)?).ok()
    }

    /// All values of this attribute as text.
    pub(crate) fn texts(&self, name: &str) -> Vec<&str> {
        self.get(name).iter().filter_map(|value| std::str::from_utf8(value).ok()).collect()
    }

    /// The entry in the bytes of a SearchResultEntry, as a control has it (RFC 4527 §3.2); `None`
    /// when it is none.
    pub(crate) fn read(bytes: &[u8]) -> Option<Found> {
        const ENTRY: u8 = 0x64;
        let mut whole = Reader::new(bytes);
        let mut inside = whole.enter(ENTRY).or_else(|| whole.enter(ber::SEQUENCE))?;
        let mut found = Found { dn: inside.text(ber::OCTETS)?.to_owned(), ..Found::default() };
        let mut attributes = inside.enter(ber::SEQUENCE)?;
        while let Some(mut attribute) = attributes.enter(ber::SEQUENCE) {
            let name = attribute.text(ber::OCTETS)?.to_owned();
            let (mut set, mut values) = (attribute.enter(ber::SET)?, Vec::new());
            while let Some(value) = set.expect(ber::OCTETS) {
                values.push(value.to_vec());
            }
            found.attributes.push((name, values));
        }
        Some(found)
    }

    /// The entry in a SearchResultEntry (RFC 4511 §4.5.2); `None` when it is none.
    pub(crate) fn of(tag: StructureTag) -> Option<Found> {
        let mut parts = constructed(tag)?.into_iter();
        let dn = String::from_utf8(primitive(parts.next()?)?).ok()?;
        let attribute = |tag: StructureTag| {
            let mut parts = constructed(tag)?.into_iter();
            let name = String::from_utf8(primitive(parts.next()?)?).ok()?;
            let values = constructed(parts.next()?)?.into_iter().map(primitive);
            Some((name, values.collect::<Option<Vec<_>>>()?))
        };
        let attributes = constructed(parts.next()?)?.into_iter().map(attribute);
        let attributes = attributes.collect::<Option<Vec<_>>>()?;
        Some(Found { dn, attributes, controls: Vec::new() })
    }
}

fn constructed(tag: StructureTag) -> Option<Vec<StructureTag>> {
    match tag.payload {
        PL::C(parts) => Some(parts),
        PL::P(_) => None,
    }
}

fn primitive(tag: StructureTag) -> Option<Vec<u8>> {
    match tag.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    }
}

/// What came of one search.
#[derive(Debug, Default)]
pub(crate) struct Gathered {
    /// Entries.
    pub(crate) entries: Vec<Found>,
    /// Intermediate responses (RFC 4511 §4.13): names and values.
    pub(crate) told: Vec<(Option<String>, Option<Vec<u8>>)>,
    /// References to other servers, which are not followed.
    pub(crate) references: usize,
    /// The end.
    pub(crate) answer: Answer,
}

pub(super) type Stream = SearchStream<'static, String, Vec<String>>;

impl Client {
    pub(super) fn start(
        &mut self,
        search: &Search,
        more: Vec<RawControl>,
    ) -> Result<Stream, Error> {
        let scope = match search.scope {
            Scope::Base => ldap3::Scope::Base,
            Scope::Subtree => ldap3::Scope::Subtree,
        };
        let mut controls = search.controls.clone();
        controls.extend(more);
        let ldap = self.ldap.with_timeout(self.patience);
        let ldap = if controls.is_empty() { ldap } else { ldap.with_controls(controls) };
        let ldap = match search.limit {
            0 => ldap,
            limit => ldap.with_search_options(SearchOptions::new().sizelimit(limit)),
        };
        let attributes = search.attributes.clone();
        let started = ldap.streaming_search(&search.base, scope, &search.filter, attributes);
        let started = self.runtime.block_on(started);
        started.map_err(|error| self.lost(&error))
    }

    /// Waits for all that a search finds.
    pub(super) fn gather(&mut self, mut stream: Stream) -> Result<Gathered, Error> {
        let mut gathered = Gathered::default();
        let ended = self.runtime.block_on(async {
            while let Some(item) = stream.next().await? {
                if item.is_ref() {
                    gathered.references += 1;
                } else if item.is_intermediate() {
                    gathered.told.extend(told(item));
                } else {
                    let (tag, controls) = (item.0, item.1);
                    let controls = controls.into_iter().map(|c| (c.1.ctype, c.1.val)).collect();
                    if let Some(found) = Found::of(tag) {
                        gathered.entries.push(Found { controls, ..found });
                    }
                }
            }
            Ok(stream.finish().await)
        });
        gathered.answer = ended.map_err(|error| self.lost(&error))?.into();
        Ok(gathered)
    }

    /// Lets the server do something else.
    pub(super) fn pause(&self, duration: Duration) {
        self.runtime.block_on(async { tokio::time::sleep(duration).await });
    }

    /// All that a search finds at once; whether the server said more than that is in the answer.
    pub(crate) fn search(&mut self, search: &Search) -> Result<Gathered, Error> {
        let stream = self.start(search, Vec::new())?;
        self.gather(stream)
    }

    /// The entry of a search for one; `None` when there is none.
    pub(crate) fn find(&mut self, search: &Search) -> Result<Option<Found>, Error> {
        let gathered = self.search(search)?;
        match gathered.answer.code {
            code::NO_SUCH_ENTRY => Ok(None),
            // More than one, where one was asked for: the caller decides by the first two.
            code::SIZE_LIMIT if !gathered.entries.is_empty() => {
                Ok(gathered.entries.into_iter().next())
            }
            _ => {
                gathered.answer.done()?;
                Ok(gathered.entries.into_iter().next())
            }
        }
    }
}

/// Name and value of an IntermediateResponse.
fn told(item: ResultEntry) -> Option<(Option<String>, Option<Vec<u8>>)> {
    let (mut name, mut value) = (None, None);
    for part in constructed(item.0)? {
        match part.id {
            0 => name = primitive(part).and_then(|bytes| String::from_utf8(bytes).ok()),
            1 => value = primitive(part),
            _ => {}
        }
    }
    Some((name, value))
}
