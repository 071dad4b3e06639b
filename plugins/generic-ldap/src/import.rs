//! Imports: entries of the directory into the sink, all of them or what changed.

use crate::{
    client::{Client, Found, Search},
    delta::{self, News, Scene},
    plan::{Plan, Taken},
    target::Target,
};
use ecma_plugin_sdk::{
    Dn, EntryId, Error, ErrorKind, ImportKind, ImportRun, ImportSink, Result, Watermark,
};
use jiff::Timestamp;
use std::collections::{BTreeSet, HashSet};

/// Names that are read with one turn to the server each, so many of them kept to tell doubles.
const REMEMBERED: usize = 100_000;

/// Imports what the run wants.
pub(crate) fn run(
    client: &mut Client,
    target: &Target,
    run: &ImportRun,
    sink: &mut ImportSink<'_>,
) -> Result<Option<Watermark>> {
    let plan = Plan::of_run(target, run)?;
    let base = run.partition.dn.as_ref().map(Dn::as_str);
    let base = base.or(target.bases.first().map(String::as_str)).ok_or_else(|| {
        Error::config("base: the server names no naming context; set where entries stand")
    })?;
    let scene = Scene { target, plan: &plan, base, page_size: run.page_size };
    let mut import = Import { plan: &plan, sink, references: 0 };
    let watermark = match &run.kind {
        ImportKind::Delta(since) => import.changed(client, &scene, since).map(Some),
        _ => import.everything(client, &scene),
    };
    if import.references > 0 {
        let references = import.references;
        tracing::warn!(base, references, "References to other servers were not followed");
    }
    watermark.map_err(|error| match error.kind() {
        // A base, a container or a log, and no entry of the host's.
        ErrorKind::NotFound => Error::config(format!(
            "{}; is its name right, and may this account see it",
            error.message()
        )),
        _ => error,
    })
}

struct Import<'i, 's> {
    plan: &'i Plan<'i>,
    sink: &'i mut ImportSink<'s>,
    references: usize,
}

impl Import<'_, '_> {
    fn everything(&mut self, client: &mut Client, scene: &Scene<'_>) -> Result<Option<Watermark>> {
        let begun = delta::begin(client, scene)?;
        let mut greatest = None;
        for root in self.plan.roots(scene.base)? {
            self.below(client, scene, &root, &mut greatest)?;
        }
        Ok(begun.map(|begun| delta::end(client, scene, begun, greatest)))
    }

    /// Every wanted entry at and below this name.
    fn below(
        &mut self,
        client: &mut Client,
        scene: &Scene<'_>,
        root: &str,
        greatest: &mut Option<Timestamp>,
    ) -> Result<()> {
        let search = Search::below(root, self.plan.filter(), self.plan.asked());
        let mut pages = scene.target.pages(client, search, scene.page_size)?;
        let mut is_empty = true;
        while let Some(page) = pages.next(client)? {
            is_empty &= page.is_empty();
            for (found, taken) in self.plan.take(client, page)? {
                *greatest = (*greatest).max(delta::changed(&found));
                match taken {
                    Ok(Taken::Entry(entry)) => self.sink.entry(*entry)?,
                    Ok(Taken::Other(_)) => {}
                    Err(error) => self.sink.refused(&found.dn, &error)?,
                }
            }
            if !self.sink.go_on() {
                return Err(Error::cancelled());
            }
        }
        self.references += pages.references;
        // 389 answers a search in pages below nothing with nothing.
        let itself = Search::entry(root, &["1.1".to_owned()]);
        if is_empty && client.find(&itself)?.is_none() {
            return Err(Error::not_found(format!("there is no {root}")));
        }
        Ok(())
    }

    fn changed(
        &mut self,
        client: &mut Client,
        scene: &Scene<'_>,
        since: &Watermark,
    ) -> Result<Watermark> {
        let mut known = HashSet::new();
        let mut containers = BTreeSet::new();
        let watermark = delta::news(client, scene, since, &mut |client, news| {
            if !self.sink.go_on() {
                return Err(Error::cancelled());
            }
            match news {
                News::Entry(found) => self.one(client, found),
                News::Gone(anchor) => self.gone(&anchor),
                News::Named(dn) => {
                    if known.len() >= REMEMBERED {
                        known.clear();
                    }
                    // Each is read as it is now: once is enough.
                    if known.insert(dn.clone()) { self.named(client, &dn) } else { Ok(()) }
                }
                News::Below(dn) => {
                    containers.insert(dn);
                    Ok(())
                }
            }
        })?;
        // Not before the end: OpenLDAP has the pages of one search in a connection.
        for dn in &containers {
            match self.all_below(client, scene, dn) {
                // Moved on, or deleted since: that is told too.
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                result => result?,
            }
        }
        Ok(watermark)
    }

    /// What stands at and below this name as it is now, also what is not wanted any more there.
    fn all_below(&mut self, client: &mut Client, scene: &Scene<'_>, dn: &str) -> Result<()> {
        let search = Search::below(dn, self.plan.classes_filter(), self.plan.asked());
        let mut pages = scene.pages(client, search)?;
        while let Some(page) = pages.next(client)? {
            for found in page {
                self.one(client, found)?;
            }
            if !self.sink.go_on() {
                return Err(Error::cancelled());
            }
        }
        Ok(())
    }

    fn named(&mut self, client: &mut Client, dn: &str) -> Result<()> {
        match client.find(&Search::entry(dn, self.plan.asked()))? {
            Some(found) => self.one(client, found),
            // Renamed or deleted since: the log tells that too.
            None => Ok(()),
        }
    }

    fn one(&mut self, client: &mut Client, found: Found) -> Result<()> {
        let fits = self.plan.fits(client, &found)?;
        for (found, taken) in self.plan.take(client, vec![found])? {
            match taken {
                Ok(Taken::Entry(entry)) if fits => self.sink.entry(*entry)?,
                Ok(Taken::Entry(entry)) => self.forget(entry.id().clone())?,
                Ok(Taken::Other(Some(anchor))) => self.gone(&anchor)?,
                Ok(Taken::Other(None)) => {}
                Err(error) => self.sink.refused(&found.dn, &error)?,
            }
        }
        Ok(())
    }

    /// The entry with this anchor is none of ours any more, of whatever object type it was.
    fn gone(&mut self, anchor: &str) -> Result<()> {
        let ids: Vec<EntryId> = self.plan.ids(anchor).collect();
        ids.into_iter().try_for_each(|id| self.forget(id))
    }

    fn forget(&mut self, id: EntryId) -> Result<()> {
        self.sink.deleted(id)
    }
}
