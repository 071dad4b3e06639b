//! Delta imports: what changed since a watermark, found in the way the server has for it.
//!
//! A strategy is a file with two functions: `mark`, where the next delta shall go on, asked before a
//! full import begins, and `news`, what happened since. News names entries; what they are now is
//! read from the directory, so that news that comes twice, or late, does no harm.

mod accesslog;
mod changelog;
mod log;
pub(crate) mod syncrepl;
mod timestamp;
mod usn;

use crate::{
    client::{Client, Found},
    dn::Name,
    known::CONTAINERS,
    plan::Plan,
    settings::DeltaStrategy,
    target::Target,
};
use ecma_plugin_sdk::{Error, ErrorKind, Result, Watermark};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
pub(crate) use timestamp::{TIMES, changed};

/// What is known to have happened to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum News {
    /// It is as it is here now, with the attributes that the import wants.
    Entry(Found),
    /// The entry of this name was added or changed.
    Named(String),
    /// All that stands at and below this name has come there.
    Below(String),
    /// The entry with this anchor is gone.
    Gone(String),
}

/// Where news is told.
pub(crate) type Tell<'t> = dyn FnMut(&mut Client, News) -> Result<()> + 't;

/// What a strategy works with.
pub(crate) struct Scene<'a> {
    pub(crate) target: &'a Target,
    pub(crate) plan: &'a Plan<'a>,
    /// Where the entries of the partition stand.
    pub(crate) base: &'a str,
    /// Entries of a page.
    pub(crate) page_size: u32,
}

/// A watermark as the host keeps it.
#[derive(Debug, Serialize, Deserialize)]
struct Mark {
    strategy: String,
    base: String,
    mark: String,
    /// Whose log it is about, where each server has its own.
    #[serde(default)]
    server: String,
}

/// What is known before a full import begins.
pub(crate) struct Begun {
    started: Timestamp,
    mark: String,
}

/// To be asked before a full import begins. `None` without a strategy.
pub(crate) fn begin(client: &mut Client, scene: &Scene<'_>) -> Result<Option<Begun>> {
    let mark = match scene.target.strategy() {
        DeltaStrategy::None => return Ok(None),
        DeltaStrategy::Syncrepl => syncrepl::mark(client, scene)?,
        DeltaStrategy::Accesslog => accesslog::mark(client, scene)?,
        DeltaStrategy::Changelog => changelog::mark(client, scene)?,
        DeltaStrategy::Usn => usn::mark(client, scene)?,
        DeltaStrategy::Timestamp => String::new(),
    };
    Ok(Some(Begun { started: scene.target.now(), mark }))
}

/// Where the next delta import of this base shall go on, after a full import that saw `greatest` as
/// the time of the last change.
pub(crate) fn end(
    client: &Client,
    scene: &Scene<'_>,
    begun: Begun,
    greatest: Option<Timestamp>,
) -> Watermark {
    match scene.target.strategy() {
        DeltaStrategy::Timestamp => {
            watermark(client, scene, timestamp::settled(scene, begun.started, greatest))
        }
        _ => watermark(client, scene, begun.mark),
    }
}

/// Tells what happened since the watermark; answers where the next delta shall go on. An error of kind
/// `Conflict` means that the server does not know any more: a full import is needed.
pub(crate) fn news(
    client: &mut Client,
    scene: &Scene<'_>,
    since: &Watermark,
    tell: &mut Tell<'_>,
) -> Result<Watermark> {
    let strategy = scene.target.strategy();
    let old: Mark = serde_json::from_str(since.as_str())
        .map_err(|_| forgotten("the watermark is not of this plugin"))?;
    if old.strategy != name(strategy) || old.base != scene.base {
        return Err(forgotten("the delta strategy or the base is another one now"));
    }
    if old.server != log_of(client, strategy) {
        return Err(forgotten("this is another server, with a log of its own"));
    }
    let since = old.mark.as_str();
    let mark = match strategy {
        DeltaStrategy::None => return Err(forgotten("there is no delta strategy any more")),
        DeltaStrategy::Syncrepl => syncrepl::news(client, scene, since, tell),
        DeltaStrategy::Accesslog => accesslog::news(client, scene, since, tell),
        DeltaStrategy::Changelog => changelog::news(client, scene, since, tell),
        DeltaStrategy::Usn => usn::news(client, scene, since, tell),
        DeltaStrategy::Timestamp => timestamp::news(client, scene, since, tell),
    };
    mark.map(|mark| watermark(client, scene, mark))
}

/// What it means that an entry has changed: with a container all that stands below may have another
/// name. The base keeps its own.
fn changed_now(scene: &Scene<'_>, found: Found) -> News {
    let is_base = || match (Name::parse(&found.dn), Name::parse(scene.base)) {
        (Ok(name), Ok(base)) => name.key() == base.key(),
        _ => false,
    };
    if is_container(&found) && !is_base() { News::Below(found.dn) } else { News::Entry(found) }
}

/// Whether others may stand below the entry.
fn is_container(found: &Found) -> bool {
    let is_one = |class: &&str| CONTAINERS.iter().any(|known| known.eq_ignore_ascii_case(class));
    found.texts("objectClass").iter().any(is_one)
}

/// That the entry which the server itself calls `id` is gone; an error where the anchor is something
/// else, that nobody tells any more.
fn gone(scene: &Scene<'_>, id: String) -> Result<News> {
    if scene.target.has_own_anchor() {
        return Ok(News::Gone(id));
    }
    let anchor = scene.target.anchor_attribute().unwrap_or("dn");
    Err(forgotten(format!("the server tells that {id} is gone, and not what its {anchor} was")))
}

/// The server does not know what happened since the watermark.
fn forgotten(why: impl Into<String>) -> Error {
    Error::new(ErrorKind::Conflict, why)
}

/// Whose log a strategy reads, where each server has its own.
fn log_of(client: &Client, strategy: DeltaStrategy) -> &str {
    match strategy {
        DeltaStrategy::Accesslog | DeltaStrategy::Changelog => client.server(),
        _ => "",
    }
}

fn watermark(client: &Client, scene: &Scene<'_>, mark: String) -> Watermark {
    let strategy = scene.target.strategy();
    let server = log_of(client, strategy).to_owned();
    let strategy = name(strategy).to_owned();
    let mark = Mark { strategy, base: scene.base.to_owned(), mark, server };
    Watermark::new(serde_json::to_string(&mark).unwrap_or_default())
}

/// The word of the settings for a strategy.
pub(crate) fn name(strategy: DeltaStrategy) -> &'static str {
    match strategy {
        DeltaStrategy::None => "none",
        DeltaStrategy::Syncrepl => "syncrepl",
        DeltaStrategy::Accesslog => "accesslog",
        DeltaStrategy::Changelog => "changelog",
        DeltaStrategy::Usn => "usn",
        DeltaStrategy::Timestamp => "timestamp",
    }
}
