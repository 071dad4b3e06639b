//! One connector name at work: where the rules of the space meet the world of connections, threads
//! and time.
//!
//! Start at [`provision`] for what a client's request does, at [`import`] for a run, at
//! [`Exporter`] for how changes reach the target. Nothing here knows libraries, processes or HTTP.

mod asker;
mod autosync;
mod export;
mod failure;
mod fence;
mod guard;
mod import;
mod kept;
mod line;
mod links;
mod memory;
pub mod metrics;
mod order;
mod outgoing;
mod provision;
mod rehearsal;
mod search;
mod send;
mod status;
mod succession;
mod tokens;

pub use asker::{asked_by, same_asker};
pub use export::Exporter;
pub use failure::{Cause, Failure};
pub use fence::Fenced;
pub use guard::HeldExports;
pub use outgoing::Outgoing;
pub use provision::{Answered, Conditions, Outcome};
pub use rehearsal::Told;
pub use search::{LARGEST_PAGE, Listed, PAGE, Page, Query, Shown};
pub use status::{Health, RunKind, RunOutcome, RunRecord, Status};
pub use succession::Takeover;
pub use tokens::{LastUse, TOKEN_NOTICE, Token, TokenShown, Tokens, Verdict, time_of};

use crate::{
    config::{ConnectorConfig, ConnectorName, Resolved, Scrubber, Secret},
    space::{
        Flow, Layout, Space,
        mapping::{self, Compiled},
    },
};
use ecma_plugin_sdk::{
    Answer, Capabilities, ParameterKind, ParameterPage, Plugin, Schema, Selection, Values,
};
use memory::{Memory, SharedSpace};
use parking_lot::RwLock;
use std::{
    collections::BTreeMap,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};
use tokio::sync::Semaphore;
use tokio_util::{
    sync::CancellationToken,
    task::{TaskTracker, task_tracker::TaskTrackerToken},
};

/// Where the time comes from.
pub type Clock = fn() -> jiff::Timestamp;

/// How many searches that have to look at every entry run at once: half of the processors stay for
/// everybody else.
fn scans() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| (cores.get() / 2).max(1))
}

/// What is known once the target's schema has been read.
pub struct Prepared {
    /// What the target said of itself.
    pub schema: Schema,
    /// What the space keeps.
    pub layout: Arc<Layout>,
    /// The attribute flows, by number of the object type.
    pub flows: Vec<Arc<Flow>>,
    /// The entries.
    pub space: SharedSpace,
}

impl Prepared {
    /// The flow behind an endpoint: `Users`, in any case.
    #[must_use]
    pub fn flow(&self, endpoint: &str) -> Option<&Arc<Flow>> {
        self.flows.iter().find(|flow| flow.endpoint.eq_ignore_ascii_case(endpoint))
    }
}

/// A configured connector with its plugin.
pub struct Binding {
    config: ConnectorConfig,
    tokens: Tokens,
    plugin: Arc<Plugin>,
    values: Values,
    full_values: Values,
    delta_values: Values,
    capabilities: Capabilities,
    scrubber: Scrubber,
    clock: Clock,
    prepared: OnceLock<Arc<Prepared>>,
    exporter: Exporter,
    memory: Arc<Memory>,
    scans: Arc<Semaphore>,
    scan_deadline: Duration,
    /// Calls of imports that have not come back.
    stuck: Arc<AtomicUsize>,
    /// Another binding is in its place.
    retired: CancellationToken,
    tasks: TaskTracker,
}

/// The values of the run profiles, references followed.
#[derive(Default)]
pub struct Steps {
    /// Of full imports.
    pub full_import: BTreeMap<String, Resolved>,
    /// Of delta imports.
    pub delta_import: BTreeMap<String, Resolved>,
    /// What the plugin's own process finds in its environment: no message repeats it.
    pub environment: Vec<Secret>,
}

/// Why a connector cannot be bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unbound(pub Vec<String>);

impl Binding {
    /// Binds a connector to its plugin: checks the parameter values against the plugin. The target
    /// is not touched yet.
    pub fn new(
        config: ConnectorConfig,
        tokens: Tokens,
        resolved: BTreeMap<String, Resolved>,
        steps: Steps,
        plugin: Arc<Plugin>,
        clock: Clock,
        scan_deadline: Duration,
    ) -> Result<Arc<Binding>, Unbound> {
        let values = answers(&resolved);
        // Whatever is referenced is not to be repeated; what else is secret only the plugin knows.
        let mut secrets: Vec<Secret> = steps.environment;
        let run = &config.run;
        for (written, resolved) in [
            (&config.values, &resolved),
            (&run.full_import.values, &steps.full_import),
            (&run.delta_import.values, &steps.delta_import),
        ] {
            for (name, _) in written.iter().filter(|(_, value)| value.is_reference()) {
                if let Some(Resolved::Text(secret)) = resolved.get(name) {
                    secrets.push(secret.clone());
                }
            }
        }
        let scrubber = Scrubber::new(secrets.clone());
        let parameters = plugin
            .parameters(None, &values)
            .map_err(|e| Unbound(vec![scrubber.scrub(&e.to_string()).into_owned()]))?;
        let mut problems = Vec::new();
        for parameter in parameters.iter().filter(|p| p.kind == ParameterKind::Secret) {
            if let Some(Resolved::Text(secret)) = resolved.get(&parameter.name) {
                secrets.push(secret.clone());
            }
            if config.values.get(&parameter.name).is_some_and(|value| !value.is_reference()) {
                problems.push(format!(
                    "values.{}: a secret in plain text; seal it with `ecma-host seal`, or write \
                     \"env:NAME\" or \"file:PATH\"",
                    parameter.name
                ));
            }
        }
        let scrubber = Scrubber::new(secrets);
        let step =
            |page| parameters.iter().filter(move |p| p.page == page).map(|p| p.name.as_str());
        let run_step: Vec<&str> =
            step(ParameterPage::RunStep).chain(step(ParameterPage::Partition)).collect();
        match plugin.check(&values) {
            Ok(found) => problems.extend(
                found
                    .into_iter()
                    // Those of run steps may stand elsewhere.
                    .filter(|problem| {
                        resolved.contains_key(&problem.at)
                            || !run_step.contains(&problem.at.as_str())
                    })
                    .map(|problem| format!("values.{problem}")),
            ),
            Err(error) => problems.push(error.to_string()),
        }
        let capabilities = match plugin.capabilities(&values) {
            Ok(capabilities) => capabilities,
            Err(error) if problems.is_empty() => {
                return Err(Unbound(vec![scrubber.scrub(&error.to_string()).into_owned()]));
            }
            Err(_) => Capabilities::default(),
        };
        if !problems.is_empty() {
            return Err(Unbound(
                problems.iter().map(|problem| scrubber.scrub(problem).into_owned()).collect(),
            ));
        }
        let connections = if capabilities.concurrent { config.run.export.connections } else { 1 };
        let page = if capabilities.export_pages { config.run.export.page_size } else { 1 };
        let exporter = Exporter::new(
            config.name.to_string(),
            Arc::clone(&plugin),
            values.clone(),
            connections as usize,
            page as usize,
            Duration::from_secs(config.run.export.seconds.into()),
        );
        Ok(Arc::new(Binding {
            tokens,
            plugin,
            values,
            full_values: answers(&steps.full_import),
            delta_values: answers(&steps.delta_import),
            capabilities,
            scrubber,
            clock,
            prepared: OnceLock::new(),
            exporter,
            memory: Arc::default(),
            scans: Arc::new(Semaphore::new(scans())),
            scan_deadline,
            stuck: Arc::default(),
            retired: CancellationToken::new(),
            tasks: TaskTracker::new(),
            config,
        }))
    }

    /// The connector's name.
    #[must_use]
    pub fn name(&self) -> &ConnectorName {
        &self.config.name
    }

    /// The plugin's name.
    #[must_use]
    pub fn plugin(&self) -> &str {
        &self.plugin.info().name
    }

    /// A number of this memory of the target, another one after each start.
    #[must_use]
    pub fn memory(&self) -> u64 {
        self.memory.number
    }

    /// What runs did and how things stand.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.memory.status
    }

    /// Why changes are refused at once, when they are: the target fails.
    #[must_use]
    pub fn fenced(&self) -> Option<Fenced> {
        self.memory.fence.standing()
    }

    /// The document it was made of.
    #[must_use]
    pub fn config(&self) -> &ConnectorConfig {
        &self.config
    }

    /// The values of the plugin's parameters as written, secrets removed from a text.
    #[must_use]
    pub fn scrub<'m>(&self, message: &'m str) -> std::borrow::Cow<'m, str> {
        self.scrubber.scrub(message)
    }

    /// Held while a request that may write is under way: the binding does not end before.
    pub fn enter(&self) -> TaskTrackerToken {
        self.tasks.token()
    }

    /// How many entries the space holds.
    #[must_use]
    pub fn entries(&self) -> usize {
        // Not worth waiting for: the first import holds the lock while it fills the indexes.
        let space = self.prepared.get().and_then(|prepared| prepared.space.try_read());
        space.map_or_else(|| self.status().entries_so_far(), |space| space.len())
    }

    /// Schemas, flows and entries, once the target has been reached and read.
    pub fn ready(&self) -> Result<&Arc<Prepared>, Failure> {
        match (self.status().not_ready(), self.prepared.get()) {
            (None, Some(prepared)) => Ok(prepared),
            (reason, _) => Err(Failure::not_ready(reason.unwrap_or_default())),
        }
    }

    /// Schemas and flows, as soon as the target's schema has been read; the entries may not be
    /// there yet.
    pub fn discovered(&self) -> Result<&Arc<Prepared>, Failure> {
        self.prepared
            .get()
            .ok_or_else(|| Failure::not_ready(self.status().not_ready().unwrap_or_default()))
    }

    /// What is counted of the connector.
    #[must_use]
    pub fn meters(&self) -> &metrics::Meters {
        &self.memory.meters
    }

    /// Bytes of memory that the space takes; nothing while an import fills it.
    #[must_use]
    pub fn space_bytes(&self) -> Option<usize> {
        let space = self.prepared.get().and_then(|prepared| prepared.space.try_read());
        space.map(|space| space.memory())
    }

    /// Changes that wait for the target.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.exporter.waiting()
    }

    /// Calls into the plugin that were given up, or open connections for an import right now.
    #[must_use]
    pub fn stuck(&self) -> usize {
        self.exporter.stuck() + self.stuck.load(Ordering::Relaxed)
    }

    /// How often the plugin's process was started anew since the document was put in place.
    #[must_use]
    pub fn worker_restarts(&self) -> u64 {
        self.plugin.restarts()
    }

    /// Asks for an import as soon as possible.
    pub fn run_soon(&self) {
        self.memory.wake.notify_one();
    }

    /// An entry that others name has another name: soon a full import reads what they name it by now.
    /// Some directories change the others too, and not all of them tell that a group was changed so.
    fn names_changed(&self) {
        self.memory.full_next.store(true, Ordering::Relaxed);
        self.run_soon();
    }

    /// Stops: running imports end soon, writes under way are finished.
    pub async fn stop(&self) {
        self.memory.stopping.store(true, Ordering::Relaxed);
        self.retire().await;
    }

    /// Makes place for the binding that took over: begins no more imports; one that runs and requests
    /// under way are finished.
    pub async fn retire(&self) {
        self.retired.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        self.exporter.stop();
        if self.stuck.load(Ordering::Relaxed) > 0 {
            self.plugin.end();
        }
    }

    fn is_stopping(&self) -> bool {
        self.memory.stopping.load(Ordering::Relaxed)
    }

    fn now(&self) -> u32 {
        u32::try_from((self.clock)().as_second()).unwrap_or_default()
    }

    /// The flows for a schema; what does not fit is the operator's to repair.
    fn prepare(&self, schema: &Schema) -> Result<Arc<Prepared>, Failure> {
        if let Some(prepared) = self.prepared.get() {
            return Ok(Arc::clone(prepared));
        }
        self.exporter.learn(schema);
        let Compiled { layout, flows, warnings } =
            self.compile(schema).map_err(|texts| Failure::configuration(texts.join("; ")))?;
        for warning in warnings {
            tracing::warn!(connector = %self.name(), at = warning.key, "{}", warning.message);
        }
        let space = Arc::new(RwLock::new(Space::new(Arc::clone(&layout))));
        let prepared = Arc::new(Prepared { schema: schema.clone(), layout, flows, space });
        Ok(Arc::clone(self.prepared.get_or_init(|| prepared)))
    }

    /// The mapping compiled against a schema, or all that does not fit.
    fn compile(&self, schema: &Schema) -> Result<Compiled, Vec<String>> {
        mapping::compile(schema, &self.config.objects, &self.capabilities)
            .map_err(|misfits| misfits.iter().map(ToString::to_string).collect())
    }

    fn selections(&self, prepared: &Prepared) -> Vec<Selection> {
        let flows = prepared.flows.iter();
        flows
            .map(|flow| Selection {
                object_type: flow.object_type.name.clone(),
                attributes: flow.selected(),
            })
            .collect()
    }

    /// A plugin's error as a failure, without secrets.
    fn failure(&self, error: &ecma_plugin_sdk::Error, flow: Option<&Flow>) -> Failure {
        Failure::target(error, flow, &self.scrubber)
    }
}

/// Resolved values as a plugin takes them.
fn answers(resolved: &BTreeMap<String, Resolved>) -> Values {
    let answer = |value: &Resolved| match value {
        Resolved::Text(text) => Answer::Text(text.expose().to_owned()),
        Resolved::Integer(number) => Answer::Integer(*number),
        Resolved::Boolean(truth) => Answer::Boolean(*truth),
        Resolved::List(list) => Answer::List(list.clone()),
    };
    Values::new(resolved.iter().map(|(name, value)| (name.clone(), answer(value))))
}
