//! The entries of a search page by page, the next one asked for while this one is looked at.

use super::{
    Answer, Client, Found, Search, code, control,
    given::{Given, MOST},
    search::{Gathered, Stream},
};
use crate::settings::Paging;
use ecma_plugin_sdk::Error;
use std::time::Duration;

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
    /// Of pages by the server's cookie.
    given: Given,
    /// Requests for a view in a row that the server was too busy for.
    busy: u32,
    /// How long the list is and what the server wants back, as it said with the last view.
    viewed: control::Viewed,
    /// References to other servers, which are not followed.
    pub(crate) references: usize,
}

/// How often a busy server is asked again for a view, and after how long.
const BUSY_ASKED: (u32, Duration) = (100, Duration::from_millis(20));

/// The smallest page that is tried where the server does not want larger ones, or cannot fill them
/// in the time that it allows.
const SMALLEST: u32 = 10;

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
            given: Given::default(),
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

    /// The entries of the next page, which may have none; `None` after the last one. The page after it
    /// is asked for already.
    pub(crate) fn next(&mut self, client: &mut Client) -> Result<Option<Vec<Found>>, Error> {
        loop {
            let Some(stream) = self.stream.take() else { return Ok(None) };
            let mut gathered = client.gather(stream)?;
            self.references += gathered.references;
            if matches!(self.way, Way::Paged) {
                self.given.leave_new(&mut gathered.entries);
            }
            let answer = &gathered.answer;
            if answer.code == code::SUCCESS {
                return self.go_on(client, gathered).map(Some);
            }
            if self.is_to_wait(answer) {
                client.pause(BUSY_ASKED.1);
                self.ask(client, &[])?;
                continue;
            }
            if !self.shrinks(answer) {
                return Err(self.refused(answer));
            }
            self.ask(client, &[])?;
            if matches!(self.way, Way::Paged) {
                self.references = 0;
                return Ok(Some(gathered.entries));
            }
        }
    }

    /// Asks for the page after this one.
    fn go_on(&mut self, client: &mut Client, gathered: Gathered) -> Result<Vec<Found>, Error> {
        let Gathered { entries, answer, .. } = gathered;
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
                self.from += entries.len() as u32;
                if self.from <= self.viewed.content && !entries.is_empty() {
                    self.ask(client, &[])?;
                }
            }
        }
        Ok(entries)
    }

    /// Whether the server may answer the same a little later: OpenLDAP is busy until it has done
    /// with the view before, which it answered already.
    fn is_to_wait(&mut self, answer: &Answer) -> bool {
        self.busy += 1;
        answer.code == code::BUSY && matches!(self.way, Way::View(_)) && self.busy <= BUSY_ASKED.0
    }

    /// Makes pages smaller, where that may be what the server wants. A view goes on where it was to
    /// begin. Paged results begin anew: what a server makes of a cookie after it has sent a part of
    /// its page nobody says.
    fn shrinks(&mut self, answer: &Answer) -> bool {
        let may_help = match answer.code {
            code::TIME_LIMIT | code::ADMIN_LIMIT => true,
            // Of a later page this is about all pages, or about the cookie.
            code::SIZE_LIMIT | code::UNWILLING => self.first,
            _ => false,
        };
        if !may_help || self.size <= SMALLEST {
            return false;
        }
        let can_go_on = match self.way {
            Way::Single => false,
            Way::Paged => self.given.begin_anew(),
            Way::View(_) => true,
        };
        if !can_go_on {
            return false;
        }
        self.size = (self.size / 2).max(SMALLEST);
        tracing::debug!(size = self.size, "The server refuses a page, trying smaller ones");
        true
    }

    fn refused(&self, answer: &Answer) -> Error {
        let is_single = matches!(self.way, Way::Single);
        let remedy = match answer.code {
            code::SIZE_LIMIT if is_single => {
                "; the server has no paged results for this account: raise its size limit"
                    .to_owned()
            }
            code::SIZE_LIMIT | code::ADMIN_LIMIT => {
                "; raise the server's limits for this account, or set another paging".to_owned()
            }
            code::TIME_LIMIT if is_single => {
                "; raise the server's time limit for this account, or set paging".to_owned()
            }
            code::TIME_LIMIT if self.size > SMALLEST => format!(
                "; more than {MOST} entries came before: set a smaller page_size, or raise the server's \
                 time limit for this account"
            ),
            code::TIME_LIMIT => format!(
                "; it was met by pages of {} entries: raise the server's time limit for this account",
                self.size
            ),
            code::CRITICAL_EXTENSION => "; set paging to what the server can".to_owned(),
            _ => String::new(),
        };
        let error = answer.error();
        let message = format!("searching {}: {}{remedy}", self.search.base, error.message());
        error.with_message(message)
    }
}
