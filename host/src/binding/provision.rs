//! Writing: what a client asks for becomes a change, the target's word becomes the answer.
//!
//! A write is acknowledged only after the target accepted it, and the answer shows what the target
//! has then. Writes to one entry keep their order. A client that goes away does not stop a write
//! half-way: it runs on a task of its own.

use super::{
    Binding, Cause, Failure, Prepared, asker::same_asker, guard::Leave, kept::after, links,
    outgoing::Outgoing, search::Shown,
};
use crate::{
    config::DeleteFlow,
    scim::{self, Filter, PatchRequest, Path, Resource, Written},
    space::{Flow, ResourceId, cache::Stored, delta, flow, needs::Needs, query, row},
};
use ecma_plugin_sdk::{Change, Entry, ExportStyle, Exported, Secret, Value};
use serde_json::Value as Json;
use std::{
    collections::BTreeSet,
    future::Future,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};
use tracing::Instrument as _;

/// What a write did.
#[derive(Debug, PartialEq)]
pub enum Outcome {
    /// The resource as it is now.
    Resource(Shown),
    /// What was asked.
    Done {
        /// Of the resource.
        id: ResourceId,
        /// As it is now.
        version: String,
    },
    /// There is none any more.
    Gone,
}

/// What the client knows of the resource (RFC 7644 §3.14).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Conditions {
    /// The versions of `If-Match`; empty when there is no such header.
    pub versions: Vec<String>,
}

impl Conditions {
    fn check(&self, stored: &Stored<'_>) -> Result<(), Failure> {
        let now = flow::version(stored);
        let fits = |known: &String| known == "*" || known.trim_start_matches("W/") == &now[2..];
        if self.versions.is_empty() || self.versions.iter().any(fits) {
            return Ok(());
        }
        Err(Failure::new(Cause::Version, format!("the resource is now {now}")))
    }
}

/// What a client wants to hear.
#[derive(Debug, Clone)]
pub struct Answered {
    /// The connector's URL up to `/scim`.
    pub base: String,
    /// What of the resource; without any, only that it is done.
    pub needs: Option<Needs>,
}

/// What a client wants of an entry that is there.
enum Wish {
    Patch(PatchRequest),
    Replace(Json),
    Delete,
}

impl Binding {
    /// Creates an entry from the body of a POST.
    pub async fn create(
        self: &Arc<Self>,
        flow: Arc<Flow>,
        body: Json,
        answered: Answered,
    ) -> Result<Outcome, Failure> {
        let binding = Arc::clone(self);
        self.to_its_end(async move { binding.create_now(&flow, body, &answered).await }).await
    }

    /// Applies a PATCH.
    pub async fn patch(
        self: &Arc<Self>,
        flow: Arc<Flow>,
        id: ResourceId,
        request: PatchRequest,
        conditions: Conditions,
        answered: Answered,
    ) -> Result<Outcome, Failure> {
        self.write(flow, id, Wish::Patch(request), conditions, answered).await
    }

    /// Makes of a resource what the body of a PUT says.
    pub async fn replace(
        self: &Arc<Self>,
        flow: Arc<Flow>,
        id: ResourceId,
        body: Json,
        conditions: Conditions,
        answered: Answered,
    ) -> Result<Outcome, Failure> {
        self.write(flow, id, Wish::Replace(body), conditions, answered).await
    }

    /// Deletes, or does what the delete flow says.
    pub async fn delete(
        self: &Arc<Self>,
        flow: Arc<Flow>,
        id: ResourceId,
        conditions: Conditions,
    ) -> Result<(), Failure> {
        let answered = Answered { base: String::new(), needs: None };
        self.write(flow, id, Wish::Delete, conditions, answered).await.map(drop)
    }

    async fn write(
        self: &Arc<Self>,
        flow: Arc<Flow>,
        id: ResourceId,
        wish: Wish,
        conditions: Conditions,
        answered: Answered,
    ) -> Result<Outcome, Failure> {
        let binding = Arc::clone(self);
        self.to_its_end(async move {
            let _turn = turn(&binding.memory.locks, id.as_str()).lock().await;
            binding.write_now(&flow, &id, wish, &conditions, &answered).await
        })
        .await
    }

    /// Runs a write on a task of its own.
    async fn to_its_end<T: Send + 'static>(
        self: &Arc<Self>,
        write: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> Result<T, Failure> {
        let failed = |_| Failure::new(Cause::Internal, "the write broke off");
        self.tasks.spawn(same_asker(write).in_current_span()).await.map_err(failed)?
    }

    /// Whose turn it is among the writes that give somebody this user name.
    async fn name_turn(&self, resource: &Resource) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let name = resource.text("userName")?;
        Some(turn(&self.memory.names, &scim::fold(name)).lock().await)
    }

    fn check_export(&self) -> Result<(), Failure> {
        if self.capabilities.export {
            return Ok(());
        }
        Err(Failure::new(Cause::Unsupported, "this connector does not write"))
    }

    async fn create_now(
        self: &Arc<Self>,
        flow: &Arc<Flow>,
        body: Json,
        answered: &Answered,
    ) -> Result<Outcome, Failure> {
        let prepared = Arc::clone(self.ready()?);
        self.check_export()?;
        let apart = flow.apart();
        let Written { resource, edits, .. } = scim::create(body, &flow.schemas, &apart)?;
        let mut entry = flow.entry(&prepared.space.read(), &resource, &[], None)?;
        let password = flow.take_password(&mut entry);
        let plans = self.plan_links(&prepared, flow, None, edits, &answered.base).await?;
        for plan in &plans {
            entry.put(plan.of(flow).target.as_str(), plan.after(Vec::new()));
        }
        let mut name = self.name_turn(&resource).await;
        self.check_anchor(&prepared, &entry)?;
        self.check_name(&prepared, flow, &resource, None)?;
        let exported = match self.add(flow, &entry, password).await {
            Err(failure) if failure.cause == Cause::Exists => {
                // The target has somebody we do not know of.
                self.run_soon();
                return Err(failure);
            }
            other => other?,
        };
        let made = after(flow, entry, exported);
        // A target may give the anchor of a deleted entry again, and the space forgets that one a
        // moment after the target did. Who waits for that lets the name go: entries come first.
        let locks = &self.memory.locks;
        let id = row::encode(&prepared.layout, &made)
            .map(|row| ResourceId::of(&prepared.layout, &row.bytes));
        let turn = id.ok().map(|id| turn(locks, id.as_str()));
        let _turn = match turn.map(|turn| (turn, turn.try_lock())) {
            Some((turn, Err(_))) => {
                name = None;
                Some(turn.lock().await)
            }
            Some((_, Ok(free))) => Some(free),
            None => None,
        };
        let known = self.keep(&prepared, flow, made, &plans, None)?;
        drop(name);
        self.answer(&prepared, flow, &known, answered).await
    }

    /// Adds an entry to the target; where the target wants it so, first without its references.
    async fn add(
        self: &Arc<Self>,
        flow: &Arc<Flow>,
        entry: &Entry,
        password: Option<Secret>,
    ) -> Result<Exported, Failure> {
        let (style, none) = (self.capabilities.export_style, BTreeSet::new());
        let delta = |before: Option<&Entry>, wanted: &Entry| {
            delta::change(before, wanted, &none, style, &flow.object_type)
                .ok_or_else(|| Failure::new(Cause::Internal, "nothing to create"))
        };
        let mut first = entry.clone();
        if self.capabilities.references_in_second_pass {
            let names = |value: &Value| matches!(value, Value::Reference(_));
            first.retain(|name| !entry.get(name).iter().any(names));
        }
        let change = Outgoing::from(delta(None, &first)?).with(password);
        let mut exported = self.exported(flow, change, None).await?;
        if first == *entry {
            return Ok(exported);
        }
        let made = after(flow, first, exported.clone());
        let mut wanted = made.clone();
        for (name, values) in entry.attributes().filter(|(name, _)| made.get(name).is_empty()) {
            wanted.put(name, values.to_vec());
        }
        let second = self.exported(flow, delta(Some(&made), &wanted)?, Some(&wanted)).await;
        let second = second.map_err(|failure| {
            self.run_soon();
            let public =
                format!("{} was made, but not its references: {}", made.id(), failure.public);
            Failure { public, ..failure }
        })?;
        exported.entry = Some(after(flow, wanted, second));
        Ok(exported)
    }

    /// An anchor that is known is not created again.
    fn check_anchor(&self, prepared: &Prepared, entry: &Entry) -> Result<(), Failure> {
        if let Ok(row) = row::encode(&prepared.layout, entry)
            && prepared.space.read().by_key(row.key()).is_some()
        {
            let what = format!("there is one with the anchor {}", entry.id().anchor);
            return Err(Failure::new(Cause::Exists, what));
        }
        Ok(())
    }

    /// Nobody else has the user name, upper and lower case being the same (RFC 7643 §4.1.1). The
    /// attribute behind it always has an index.
    fn check_name(
        &self,
        prepared: &Prepared,
        flow: &Arc<Flow>,
        resource: &Resource,
        own: Option<&ResourceId>,
    ) -> Result<(), Failure> {
        let Some(name) = resource.text("userName") else { return Ok(()) };
        let space = prepared.space.read();
        let filter = Filter::equal(Path::of("userName"), name);
        let query::Plan::Slots { slots, exact } = query::plan(&space, flow, &filter) else {
            return Ok(());
        };
        let needs = flow.needs_of(&filter);
        let has_name = |stored: &Stored<'_>| {
            exact || query::matches(&space, flow, &filter, &needs, stored, "")
        };
        let others = slots.into_iter().filter_map(|slot| space.stored(slot)).filter(has_name);
        let mut ids = others.map(|stored| ResourceId::of(&prepared.layout, stored.bytes));
        match ids.find(|id| own != Some(id)) {
            Some(_) => {
                let what = format!("there is one with the userName {name}");
                Err(Failure::new(Cause::Exists, what))
            }
            None => Ok(()),
        }
    }

    async fn write_now(
        self: &Arc<Self>,
        flow: &Arc<Flow>,
        id: &ResourceId,
        wish: Wish,
        conditions: &Conditions,
        answered: &Answered,
    ) -> Result<Outcome, Failure> {
        let prepared = Arc::clone(self.ready()?);
        let (mut before, mut resource) = {
            let space = prepared.space.read();
            let stored = space.by_id(id).filter(|s| row::type_of(s.bytes) == flow.number);
            let stored = stored.ok_or_else(|| Failure::not_found(id))?;
            conditions.check(&stored)?;
            let shown = flow.resource(&space, &stored, &answered.base, &Needs::WRITABLE);
            (space.entry(&stored), shown)
        };
        self.check_export()?;
        let known_as = resource.text("userName").map(str::to_owned);
        let (is_delete, was_active) = (matches!(wish, Wish::Delete), !is_inactive(&resource));
        let apart = flow.apart();
        let (mut named, mut edits) = (Vec::new(), Vec::new());
        let wanted = match wish {
            Wish::Delete => match &flow.mapping.deprovisioning.delete {
                DeleteFlow::None => return Ok(Outcome::Gone),
                DeleteFlow::Delete => None,
                DeleteFlow::Set { .. } => flow.left(&before)?,
            },
            Wish::Patch(request) => {
                let patched = scim::patch::apply(&mut resource, &request, &flow.schemas, &apart)?;
                (named, edits) = (patched.named, patched.edits);
                flow.check_password(&resource, &named)?;
                self.wanted(&prepared, flow, &resource, &named, &before)?
            }
            Wish::Replace(body) => {
                let written = scim::replace(&resource, body, &flow.schemas, &apart)?;
                (resource, named, edits) = (written.resource, written.named, written.edits);
                self.wanted(&prepared, flow, &resource, &named, &before)?
            }
        };
        let Some(mut wanted) = wanted else {
            self.remove(&prepared, flow, &before).await?;
            return Ok(Outcome::Gone);
        };
        let plans = self.plan_links(&prepared, flow, Some(id), edits, &answered.base).await?;
        // The name as it is may be somebody else's already: only a new one is looked at.
        let renamed = named.iter().any(|path| path.overlaps(&Path::of("userName")))
            && resource.text("userName") != known_as.as_deref();
        let _name = if renamed { self.name_turn(&resource).await } else { None };
        if renamed {
            self.check_name(&prepared, flow, &resource, Some(id))?;
        }
        let mut named = flow.named(&named);
        let password = flow.take_password(&mut wanted);
        let style = self.capabilities.export_style;
        let by_value = links::is_by_value(style);
        let all = |link| links::all(&prepared.space.read(), flow, link, id);
        for link in flow.links().iter().filter(|_| !by_value) {
            let plan = plans.iter().find(|plan| plan.of(flow) == link);
            if plan.is_none() && style != ExportStyle::ObjectReplace {
                continue;
            }
            let known = all(link);
            let after = plan.map(|plan| plan.after(known.clone()));
            let known: Vec<Value> = known.into_iter().map(|(_, value)| value).collect();
            wanted.put(link.target.as_str(), after.unwrap_or_else(|| known.clone()));
            before.put(link.target.as_str(), known);
            named.extend(plan.map(|_| link.target.clone()));
        }
        let mut change = delta::change(Some(&before), &wanted, &named, style, &flow.object_type);
        for plan in plans.iter().filter(|_| by_value) {
            let link = plan.of(flow);
            let after = || plan.after(all(link));
            let update = delta::update_of(&mut change, &wanted);
            update.attributes.push((link.target.clone(), plan.by_value(after)));
        }
        let ends = is_delete || was_active && is_inactive(&resource) && flow.writes_active();
        let exported = match Outgoing::of(before.id(), change, password) {
            Some(outgoing) => {
                let leave = if ends { self.leave(&prepared)? } else { None };
                let sent = self.exported(flow, outgoing, Some(&wanted)).await;
                let exported = sent.inspect_err(|failure| {
                    if failure.cause == Cause::NotFound {
                        self.forget(&prepared, &before);
                    }
                })?;
                leave.into_iter().for_each(Leave::gone);
                exported
            }
            None => Exported::done(),
        };
        let known =
            self.keep(&prepared, flow, after(flow, wanted, exported), &plans, Some(&before))?;
        self.answer(&prepared, flow, &known, answered).await
    }

    /// The entry as the resource wants it; `None` when it asks for the end by the disable flow.
    fn wanted(
        &self,
        prepared: &Prepared,
        flow: &Flow,
        resource: &Resource,
        named: &[Path],
        before: &Entry,
    ) -> Result<Option<Entry>, Failure> {
        if flow.asks_to_delete(resource) {
            return Ok(None);
        }
        Ok(Some(flow.entry(&prepared.space.read(), resource, named, Some(before))?))
    }

    pub(super) async fn remove(
        self: &Arc<Self>,
        prepared: &Prepared,
        flow: &Arc<Flow>,
        before: &Entry,
    ) -> Result<(), Failure> {
        let change = Change::Delete { id: before.id().clone() };
        let leave = self.leave(prepared)?;
        match self.exported(flow, change, None).await {
            Ok(_) => leave.into_iter().for_each(Leave::gone),
            // Gone is what was asked for.
            Err(failure) if failure.cause == Cause::NotFound => {}
            Err(failure) => return Err(failure),
        }
        self.forget(prepared, before);
        Ok(())
    }

    /// What a client hears of a resource that was written.
    async fn answer(
        self: &Arc<Self>,
        prepared: &Arc<Prepared>,
        flow: &Arc<Flow>,
        id: &ResourceId,
        answered: &Answered,
    ) -> Result<Outcome, Failure> {
        if let Some(needs) = &answered.needs {
            let resource = self.show(prepared, flow, id, &answered.base, needs).await?;
            return Ok(Outcome::Resource(resource));
        }
        let space = prepared.space.read();
        let lost = || Failure::new(Cause::Internal, "the space lost an entry");
        let version = flow::version(&space.by_id(id).ok_or_else(lost)?);
        Ok(Outcome::Done { id: id.clone(), version })
    }
}

/// Whether the resource says that its entry is disabled.
fn is_inactive(resource: &Resource) -> bool {
    resource.get(&Path::of("active")).first() == Some(&&Json::Bool(false))
}

/// Whose turn it is among those who write the same thing.
fn turn<'a>(locks: &'a [tokio::sync::Mutex<()>], what: &str) -> &'a tokio::sync::Mutex<()> {
    let mut hasher = DefaultHasher::new();
    what.hash(&mut hasher);
    &locks[hasher.finish() as usize % locks.len()]
}
