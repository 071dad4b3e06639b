//! Searches: one page at a time, the next one asked for while this one is looked at.

use super::{Answer, Client, code, control};
use crate::{
    ber::{self, Reader},
    settings::Paging,
};
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

type Stream = SearchStream<'static, String, Vec<String>>;

impl Client {
    fn start(&mut self, search: &Search, more: Vec<RawControl>) -> Result<Stream, Error> {
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
    fn gather(&mut self, mut stream: Stream) -> Result<Gathered, Error> {
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
    fn pause(&self, duration: Duration) {
        self.runtime.block_on(tokio::time::sleep(duration));
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

/// How the pages of a search are asked for.
enum Way {
    /// Everything with one search.
    Single,
    /// Where the server's cookie says.
    Paged,
    /// By the place in a sorted list; the attribute it is sorted by.
    View(String),
}

/// The entries of a search, page by page.
pub(crate) struct Pages {
    search: Search,
    way: Way,
    size: u32,
    stream: Option<Stream>,
    /// Of a list view: the first entry of the page that was asked for last, counted from 1.
    from: u32,
    first: bool,
    /// Requests for a view in a row that the server was too busy for.
    busy: u32,
    /// How long the list is and what the server wants back, as it said with the last view.
    viewed: control::Viewed,
    /// References to other servers, which are not followed.
    pub(crate) references: usize,
}

/// How often a busy server is asked again for a view, and after how long.
const BUSY_ASKED: (u32, Duration) = (100, Duration::from_millis(20));

/// The smallest page that is tried where the server does not want larger ones.
const SMALLEST: u32 = 50;

impl Pages {
    /// Begins a search with pages of so many entries. `supported` are the server's controls, `order`
    /// an attribute that every entry has.
    pub(crate) fn begin(
        client: &mut Client,
        search: Search,
        (paging, size): (Paging, u32),
        supported: impl Fn(&str) -> bool,
        order: &str,
    ) -> Result<Pages, Error> {
        let view = || Way::View(order.to_owned());
        let way = match paging {
            Paging::Paged => Way::Paged,
            Paging::Vlv => view(),
            Paging::Off => Way::Single,
            Paging::Auto if supported(control::PAGED_RESULTS) => Way::Paged,
            Paging::Auto if supported(control::VIRTUAL_LIST) && supported(control::SORT) => view(),
            Paging::Auto => Way::Single,
        };
        let size = size.max(1);
        let mut pages = Pages {
            search,
            way,
            size,
            stream: None,
            from: 1,
            first: true,
            busy: 0,
            viewed: control::Viewed::default(),
            references: 0,
        };
        pages.ask(client, &[])?;
        Ok(pages)
    }

    fn ask(&mut self, client: &mut Client, cookie: &[u8]) -> Result<(), Error> {
        let controls = match &self.way {
            Way::Single => Vec::new(),
            Way::Paged => vec![control::paged(self.size, cookie)],
            Way::View(order) => {
                let control::Viewed { content, context } = &self.viewed;
                let view = control::view(self.from, self.size, *content, context.as_deref());
                vec![control::sorted(order), view]
            }
        };
        self.stream = Some(client.start(&self.search, controls)?);
        Ok(())
    }

    /// The entries of the next page; `None` after the last one. The page after it is asked for
    /// already.
    pub(crate) fn next(&mut self, client: &mut Client) -> Result<Option<Vec<Found>>, Error> {
        loop {
            let Some(stream) = self.stream.take() else { return Ok(None) };
            let gathered = client.gather(stream)?;
            self.references += gathered.references;
            let answer = gathered.answer;
            if answer.code != code::SUCCESS {
                if self.is_to_wait(&answer) {
                    client.pause(BUSY_ASKED.1);
                    self.ask(client, &[])?;
                    continue;
                }
                if self.shrinks(&answer) {
                    self.ask(client, &[])?;
                    continue;
                }
                return Err(self.refused(&answer));
            }
            self.first = false;
            match &self.way {
                Way::Single => {}
                Way::Paged => {
                    let cookie = control::value(&answer.controls, control::PAGED_RESULTS);
                    let cookie = cookie.and_then(control::paged_cookie).unwrap_or_default();
                    if !cookie.is_empty() {
                        self.ask(client, &cookie)?;
                    }
                }
                Way::View(_) => {
                    self.busy = 0;
                    self.viewed = control::viewed(&answer.controls).unwrap_or_default();
                    self.from += gathered.entries.len() as u32;
                    if self.from <= self.viewed.content && !gathered.entries.is_empty() {
                        self.ask(client, &[])?;
                    }
                }
            }
            return Ok(Some(gathered.entries));
        }
    }

    /// Whether the server may answer the same a little later: OpenLDAP is busy until it has done
    /// with the view before, which it answered already.
    fn is_to_wait(&mut self, answer: &Answer) -> bool {
        self.busy += 1;
        answer.code == code::BUSY && matches!(self.way, Way::View(_)) && self.busy <= BUSY_ASKED.0
    }

    /// Whether smaller pages may be what the server wants.
    fn shrinks(&mut self, answer: &Answer) -> bool {
        let limit = [code::SIZE_LIMIT, code::ADMIN_LIMIT, code::UNWILLING].contains(&answer.code);
        if !limit || !self.first || self.size <= SMALLEST || matches!(self.way, Way::Single) {
            return false;
        }
        self.size = (self.size / 2).max(SMALLEST);
        tracing::debug!(size = self.size, "The server refuses a page, trying smaller ones");
        true
    }

    fn refused(&self, answer: &Answer) -> Error {
        let remedy = match answer.code {
            code::SIZE_LIMIT if matches!(self.way, Way::Single) => {
                "; the server has no paged results for this account: raise its size limit"
            }
            code::SIZE_LIMIT | code::ADMIN_LIMIT => "; raise the server's limits for this account",
            code::TIME_LIMIT => {
                "; raise the server's time limit for this account, or set a smaller page_size"
            }
            code::CRITICAL_EXTENSION => "; set paging to what the server can",
            _ => "",
        };
        let error = answer.error();
        let message = format!("searching {}: {}{remedy}", self.search.base, error.message());
        error.with_message(message)
    }
}
