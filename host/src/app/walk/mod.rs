//! Walks the way of a request from the client to the target, link by link, and says which one is
//! broken and what to do.

mod front;
mod own;
mod running;
mod target;

use super::url;
use crate::config::{ConnectorName, HostConfig, Loaded, Secret, load_connectors};
use anyhow::Context;
use serde::Serialize;
use serde_json::Value;
use std::time::Instant;

/// How a link stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LinkState {
    /// It holds.
    Ok,
    /// It is broken.
    Failed,
    /// It was not tried.
    Skipped,
}

/// One link of the way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Which one.
    pub what: &'static str,
    /// How it stands.
    pub state: LinkState,
    /// What was seen, or why it was not tried.
    pub detail: String,
    /// What to do; empty when there is nothing to do.
    pub remedy: String,
    /// How long it took.
    pub milliseconds: u64,
}

/// What is walked.
pub struct Walk<'w> {
    /// The settings of the home.
    pub config: &'w HostConfig,
    /// The connector.
    pub name: &'w ConnectorName,
    /// Where clients reach it, if that is another place than the settings say.
    pub url: Option<&'w str>,
    /// The token that a client has.
    pub token: Option<&'w Secret>,
    /// Asks the admin API of the host that runs in the home, if one does.
    pub admin: Option<Ask<'w>>,
}

/// Reads something of a running host; an error is in words.
pub type Ask<'w> = &'w dyn Fn(&str) -> Result<Value, String>;

/// Why a link does not hold.
struct Broken {
    detail: String,
    remedy: String,
}

fn broken(detail: impl Into<String>, remedy: impl Into<String>) -> Broken {
    Broken { detail: detail.into(), remedy: remedy.into() }
}

/// The links as they are walked.
struct Walked<'t> {
    links: Vec<Link>,
    tell: &'t mut dyn FnMut(&Link),
}

impl Walked<'_> {
    /// Tries a link; what holds says what was seen.
    fn link<T>(
        &mut self,
        what: &'static str,
        look: impl FnOnce() -> Result<(T, String), Broken>,
    ) -> Option<T> {
        let began = Instant::now();
        let (found, state, detail, remedy) = match look() {
            Ok((found, detail)) => (Some(found), LinkState::Ok, detail, String::new()),
            Err(Broken { detail, remedy }) => (None, LinkState::Failed, detail, remedy),
        };
        let milliseconds = began.elapsed().as_millis().try_into().unwrap_or(u64::MAX);
        self.push(Link { what, state, detail, remedy, milliseconds });
        found
    }

    fn skip(&mut self, what: &'static str, why: &str) {
        let (detail, remedy) = (why.to_owned(), String::new());
        self.push(Link { what, state: LinkState::Skipped, detail, remedy, milliseconds: 0 });
    }

    fn skip_all(&mut self, all: &[&'static str], why: &str) {
        all.iter().for_each(|what| self.skip(what, why));
    }

    fn push(&mut self, link: Link) {
        (self.tell)(&link);
        self.links.push(link);
    }
}

/// Walks the whole way. `tell` hears of each link at once; an error means that there was no way to
/// walk.
pub fn walk(walk: &Walk<'_>, tell: &mut dyn FnMut(&Link)) -> anyhow::Result<Vec<Link>> {
    let mut walked = Walked { links: Vec::new(), tell };
    let Walk { config, name, .. } = walk;
    let is_it = |one: &Loaded| one.name.as_ref() == Some(*name);
    let loaded = load_connectors(&config.connectors).into_iter().find(is_it);
    let loaded = loaded.with_context(|| format!("there is no connector {name}"))?;
    let file = loaded.file.strip_prefix(&config.home).unwrap_or(&loaded.file).display().to_string();
    let connector = walked.link("document", || match loaded.result {
        Ok(connector) => Ok((connector, format!("{file} is right"))),
        Err(problems) => Err(broken(
            super::texts(&problems),
            format!("correct {file}; a running host follows it"),
        )),
    });
    let resource = connector.as_ref().and_then(|connector| {
        let objects = &connector.objects;
        let people = objects.iter().find(|object| object.resource == "User");
        people.or(objects.first()).map(|object| object.resource.clone())
    });
    let endpoint = format!("{}s", resource.as_deref().unwrap_or("User"));
    let over = front::walk(walk, &endpoint, &mut walked)?;
    match connector {
        Some(connector) => target::walk(walk, connector, &mut walked),
        None => walked.skip_all(&target::LINKS, "the document is not right"),
    }
    running::walk(walk, &endpoint, over.as_ref(), &mut walked);
    Ok(walked.links)
}
