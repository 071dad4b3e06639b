//! The connectors at work, and how they follow their documents while the host runs.
//!
//! A changed document is bound beside the old one and put in its place when it is right; one that is
//! not right is refused and the old one goes on. What happens to what is known of the target is
//! `binding::Takeover`.

use super::{BINDING, bind, exposed::Exposures, texts, tokens::Uses};
use crate::{
    binding::{Binding, Takeover, Unbound},
    config::{ConnectorConfig, ConnectorName, HostConfig, Loaded, SealingKey, load_connectors},
    plugins::Catalog,
    web::{Endpoint, Notice, Web},
};
use arc_swap::ArcSwap;
use sha2::{Digest, Sha256};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::sync::{Mutex, watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How often it is looked whether a successor has read its target.
const LOOK: Duration = Duration::from_millis(100);
/// How long requests under way may hold up those that wait for a changed connector.
const TURN: Duration = Duration::from_secs(10);
/// How long a plugin may take beyond [`BINDING`] to describe its target for a changed document.
const DESCRIBING: Duration = Duration::from_secs(60);

/// All connectors of the host.
pub(super) struct Fleet {
    pub(super) config: HostConfig,
    pub(super) key: ArcSwap<SealingKey>,
    pub(super) catalog: ArcSwap<Catalog>,
    pub(super) web: Arc<Web>,
    pub(super) uses: Uses,
    pub(super) exposures: Exposures,
    members: Mutex<BTreeMap<PathBuf, Member>>,
    /// What has to end before the host does.
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// One document and what became of it.
#[derive(Default)]
struct Member {
    name: Option<ConnectorName>,
    /// Of the document as it was seen last, at work or refused.
    print: Print,
    binding: Option<Arc<Binding>>,
    /// Reads its target while `binding` serves.
    successor: Option<(Arc<Binding>, CancellationToken)>,
    /// Why the document is not at work.
    refused: Option<String>,
    /// The SHA-256 of the plugin's library that was there when the binding was made.
    library: Option<String>,
}

/// Tells whether a document, or a file it refers to, is another one now.
type Print = [u8; 32];

/// A document that has to be bound, and the binding in whose place.
struct Task {
    file: PathBuf,
    name: Option<ConnectorName>,
    print: Print,
    result: Result<ConnectorConfig, String>,
    old: Option<Arc<Binding>>,
    /// The file that the old binding came from, when it was renamed.
    renamed: Option<PathBuf>,
}

type Bound = Result<(Arc<Binding>, Option<Takeover>), String>;

impl Fleet {
    pub(super) fn new(
        config: HostConfig,
        key: SealingKey,
        catalog: Catalog,
        web: Arc<Web>,
    ) -> Arc<Fleet> {
        Arc::new(Fleet {
            uses: Uses::load(&config.state),
            exposures: Exposures::default(),
            config,
            key: ArcSwap::from_pointee(key),
            catalog: ArcSwap::from_pointee(catalog),
            web,
            members: Mutex::default(),
            tasks: TaskTracker::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Makes the connectors what the documents say now. `all`: those that could not be bound are tried
    /// again, because something else may be another now.
    pub(super) async fn follow(self: &Arc<Self>, all: bool) {
        let mut members = self.members.lock().await;
        if self.stop.is_cancelled() {
            return;
        }
        let folder = self.config.connectors.clone();
        let Ok(loaded) = tokio::task::spawn_blocking(move || load_connectors(&folder)).await else {
            return;
        };
        let tasks = self.changed(&mut members, loaded, all);
        // All at once: each has the whole time.
        let bindings: Vec<_> = tasks.into_iter().map(|task| self.bind(task)).collect();
        let deadline = tokio::time::Instant::now() + BINDING;
        for (task, file, binding) in bindings {
            let patience = if task.old.is_some() { DESCRIBING } else { Duration::ZERO };
            let bound = match tokio::time::timeout_at(deadline + patience, binding).await {
                Ok(Ok(bound)) => bound,
                Ok(Err(_)) => Err(format!("{file}: binding it broke off")),
                Err(_) => {
                    let seconds = (BINDING + patience).as_secs();
                    Err(format!("{file}: its plugin did not answer within {seconds} s"))
                }
            };
            self.place(&mut members, task, &file, bound);
        }
        self.drop_vanished(&mut members);
        members.values().for_each(|member| self.tell(member));
    }

    /// What has to be bound. Members whose file is gone keep their places until that is done: one of
    /// them may only have got another name.
    fn changed(
        &self,
        members: &mut BTreeMap<PathBuf, Member>,
        loaded: Vec<Loaded>,
        all: bool,
    ) -> Vec<Task> {
        let present: Vec<&PathBuf> = loaded.iter().map(|one| &one.file).collect();
        let mut gone: Vec<(PathBuf, Arc<Binding>)> = members
            .iter()
            .filter(|(file, _)| !present.contains(file))
            .filter_map(|(file, member)| Some((file.clone(), Arc::clone(member.binding.as_ref()?))))
            .collect();
        for file in
            members.keys().filter(|file| !present.contains(file)).cloned().collect::<Vec<_>>()
        {
            members.entry(file).and_modify(|member| member.print = [0; 32]);
        }
        let mut tasks = Vec::new();
        for Loaded { name, file, result, sha256 } in loaded {
            let print = self.print(sha256, result.as_ref().ok());
            let known = members.get(&file);
            let again = |member: &Member| {
                all && (member.refused.is_some() || self.has_other_library(member))
            };
            if known.is_some_and(|member| member.print == print && !again(member)) {
                continue;
            }
            let mut old = known.and_then(|member| member.binding.clone());
            let mut renamed = None;
            if let (None, Ok(config)) = (known, &result) {
                let is_it = |(_, binding): &(PathBuf, Arc<Binding>)| {
                    let before = binding.config();
                    *config == ConnectorConfig { name: config.name.clone(), ..before.clone() }
                };
                if let Some(at) = gone.iter().position(is_it) {
                    let (file, binding) = gone.swap_remove(at);
                    (old, renamed) = (Some(binding), Some(file));
                }
            }
            let result = result.map_err(|problems| texts(&problems));
            tasks.push(Task { file, name, print, result, old, renamed });
        }
        tasks
    }

    /// Whether the process of a connector's plugin should be another one: the library is another one.
    fn has_other_library(&self, member: &Member) -> bool {
        let Some(binding) = member.binding.as_ref().filter(|b| b.config().worker.is_some()) else {
            return false;
        };
        let catalog = self.catalog.load();
        // A library that is gone is no reason: what runs goes on.
        catalog.hash(binding.plugin()).is_some_and(|hash| member.library.as_deref() != Some(hash))
    }

    /// The print of a document with all it refers to.
    fn print(&self, sha256: Option<Print>, config: Option<&ConnectorConfig>) -> Print {
        let mut hasher = Sha256::new().chain_update(sha256.unwrap_or_default());
        for file in config.into_iter().flat_map(ConnectorConfig::referenced_files) {
            let content = std::fs::read(self.config.home.join(file)).unwrap_or_default();
            hasher.update(Sha256::digest(content));
        }
        // What is sealed counts by what it opens to: sealed anew, it is the same.
        let key = self.key.load();
        for sealed in config.into_iter().flat_map(ConnectorConfig::sealed) {
            match key.open(sealed) {
                Ok(secret) => hasher.update(Sha256::digest(secret.expose())),
                Err(_) => hasher.update(sealed),
            }
        }
        hasher.finalize().into()
    }

    /// Begins to bind a document, on a thread of its own.
    fn bind(self: &Arc<Self>, task: Task) -> (Task, String, tokio::task::JoinHandle<Bound>) {
        let file = self.shown(&task.file);
        let (fleet, result, at) = (Arc::clone(self), task.result.clone(), file.clone());
        let old = task.old.clone();
        let binding = tokio::task::spawn_blocking(move || {
            let reasons = |Unbound(reasons): Unbound| format!("{at}: {}", reasons.join("\n"));
            let (key, catalog) = (fleet.key.load(), fleet.catalog.load());
            let connector = result?;
            fleet.exposures.tell_of(&fleet.config.home, &connector);
            let mut binding =
                bind(&fleet.config, &catalog, &key, connector, &fleet.uses).map_err(reasons)?;
            let takeover = old.map(|old| binding.take_over(&old)).transpose().map_err(reasons)?;
            binding.keep_guard(&fleet.config.state.join("guards"));
            Ok((binding, takeover))
        });
        (task, file, binding)
    }

    /// Puts what was bound into its place, or says why it was not.
    fn place(
        self: &Arc<Self>,
        members: &mut BTreeMap<PathBuf, Member>,
        task: Task,
        file: &str,
        bound: Bound,
    ) {
        let Task { file: path, name, print, renamed, .. } = task;
        if let Some(before) = renamed
            && bound.is_ok()
            && let Some(member) = members.remove(&before)
        {
            member.name.iter().for_each(|name| self.web.remove(name));
            members.insert(path.clone(), member);
        }
        let member = members.entry(path.clone()).or_default();
        let before = std::mem::replace(&mut member.print, print);
        member.name = name.clone();
        match bound {
            Ok((binding, takeover)) => {
                member.refused = None;
                member.library = self.catalog.load().hash(binding.plugin()).map(str::to_owned);
                self.forget_successor(member);
                let old = member.binding.clone();
                match (old, takeover) {
                    (Some(old), Some(Takeover::Beside(why))) => {
                        tracing::info!(
                            file,
                            why,
                            "Document changed; the target is read again beside"
                        );
                        self.succeed(member, path, old, binding);
                    }
                    (old, takeover) => self.replace(member, file, old, binding, takeover),
                }
            }
            Err(reason) => {
                let is_news = member.refused.as_ref() != Some(&reason) || before != print;
                match (&member.binding, is_news) {
                    (Some(_), true) => {
                        tracing::error!(file, reason, "Document refused; the one before goes on");
                    }
                    (None, true) => tracing::error!(file, reason, "Connector is not at work"),
                    (_, false) => {}
                }
                if let (None, Some(name)) = (&member.binding, name) {
                    self.web.set(name, Endpoint::Broken(reason.clone()));
                }
                member.refused = Some(reason);
            }
        }
    }

    /// Puts a binding in the place of another one, or where none was, at once.
    fn replace(
        &self,
        member: &mut Member,
        file: &str,
        old: Option<Arc<Binding>>,
        binding: Arc<Binding>,
        takeover: Option<Takeover>,
    ) {
        self.web.set(binding.name().clone(), Endpoint::Bound(Arc::clone(&binding)));
        binding.start();
        if let Some(old) = old {
            let is_kept = takeover == Some(Takeover::Kept);
            match &takeover {
                Some(Takeover::Anew(why)) => {
                    tracing::warn!(file, why, "Document changed; the target is read anew");
                }
                _ => tracing::info!(file, "Document changed; what is known of the target is kept"),
            }
            self.tasks
                .spawn(async move { if is_kept { old.retire().await } else { old.stop().await } });
        }
        member.binding = Some(binding);
    }

    /// Lets a binding read its target while the old one serves, and puts it in place then.
    fn succeed(
        self: &Arc<Self>,
        member: &mut Member,
        path: PathBuf,
        old: Arc<Binding>,
        binding: Arc<Binding>,
    ) {
        old.begin_journal();
        binding.start();
        let given_up = self.stop.child_token();
        member.successor = Some((Arc::clone(&binding), given_up.clone()));
        let fleet = Arc::clone(self);
        self.tasks.spawn(async move {
            let ready = async {
                while binding.ready().is_err() {
                    tokio::time::sleep(LOOK).await;
                }
            };
            tokio::select! {
                biased;
                () = given_up.cancelled() => return,
                () = ready => {}
            }
            binding.catch_up(old.take_journal()).await;
            let mut members = fleet.members.lock().await;
            let Some(member) = members.get_mut(&path) else { return };
            if !given_up.is_cancelled() {
                fleet.turn(member, &old, binding).await;
            }
        });
    }

    /// The successor has read its target: requests wait until those on the old binding are finished.
    async fn turn(&self, member: &mut Member, old: &Arc<Binding>, binding: Arc<Binding>) {
        let name = binding.name().clone();
        let (done, turning) = watch::channel(());
        self.web.set(name.clone(), Endpoint::Turning(turning));
        let in_time = tokio::time::timeout(TURN, old.retire()).await.is_ok();
        binding.catch_up(old.take_journal()).await;
        self.web.set(name.clone(), Endpoint::Bound(Arc::clone(&binding)));
        drop(done);
        tracing::info!(connector = %name, "Target read again; the changed document is at work");
        member.binding = Some(Arc::clone(&binding));
        member.successor = None;
        self.tell(member);
        let old = Arc::clone(old);
        self.tasks.spawn(async move {
            old.stop().await;
            if !in_time {
                binding.catch_up(old.take_journal()).await;
            }
        });
    }

    /// A successor that was not put in place is not needed any more.
    fn forget_successor(&self, member: &mut Member) {
        if let Some((successor, given_up)) = member.successor.take() {
            given_up.cancel();
            member.binding.iter().for_each(|binding| binding.end_journal());
            self.tasks.spawn(async move { successor.stop().await });
        }
    }

    /// Connectors whose documents are gone.
    fn drop_vanished(&self, members: &mut BTreeMap<PathBuf, Member>) {
        // Without their folder nobody took them away: a mount is gone, perhaps.
        let is_there = self.config.connectors.is_dir();
        let gone: Vec<PathBuf> = members
            .iter()
            .filter(|(file, _)| is_there && !file.try_exists().unwrap_or(true))
            .map(|(file, _)| file.clone())
            .collect();
        for path in gone {
            let Some(mut member) = members.remove(&path) else { continue };
            self.forget_successor(&mut member);
            member.name.iter().for_each(|name| self.web.remove(name));
            if let Some(binding) = member.binding {
                tracing::info!(file = self.shown(&path), "Document removed; its connector ends");
                self.tasks.spawn(async move { binding.stop().await });
            }
        }
    }

    /// Tells what is to be known of a connector.
    fn tell(&self, member: &Member) {
        let Some(name) = &member.name else { return };
        let mut notices = Vec::new();
        if let (Some(reason), Some(_)) = (&member.refused, &member.binding) {
            let detail = format!(
                "the document was changed and is refused, the one before goes on: {reason}"
            );
            notices.push(Notice { kind: "refused", detail });
        }
        if let Some((successor, _)) = &member.successor {
            let mut detail = "the target is read again for the changed document, the one before \
                              serves meanwhile"
                .to_owned();
            if let Some(failed) =
                successor.status().not_ready().filter(|_| successor.status().count() > 0)
            {
                detail = format!("{detail}: {failed}");
            }
            notices.push(Notice { kind: "reading", detail });
        }
        let in_process = member.binding.as_ref().filter(|b| b.config().worker.is_none());
        if in_process.is_some_and(|b| self.catalog.load().has_loaded_another(b.plugin())) {
            let detail = "the plugin's file has changed: restart the host to pick it up".to_owned();
            notices.push(Notice { kind: "restart", detail });
        }
        self.web.tell(name, notices);
    }

    /// Looks at the plugins folder again; connectors that wait for a plugin are tried again.
    pub(super) async fn rescan(self: &Arc<Self>) {
        let catalog = self.catalog.load_full();
        let Ok(fresh) = tokio::task::spawn_blocking(move || catalog.rescan()).await else { return };
        self.catalog.store(Arc::new(fresh));
        self.follow(true).await;
    }

    /// The documents at work, and those that are not, with the reason.
    pub(super) async fn len(&self) -> usize {
        self.members.lock().await.values().filter(|member| member.binding.is_some()).count()
    }

    /// The connectors at work.
    pub(super) async fn bindings(&self) -> Vec<Arc<Binding>> {
        self.members.lock().await.values().filter_map(|member| member.binding.clone()).collect()
    }

    /// Stops all connectors.
    pub(super) async fn stop(&self) {
        self.stop.cancel();
        let mut members = self.members.lock().await;
        for (_, mut member) in std::mem::take(&mut *members) {
            self.forget_successor(&mut member);
            // All at once: one that hangs in its plugin does not keep the others waiting.
            if let Some(binding) = member.binding {
                self.tasks.spawn(async move { binding.stop().await });
            }
        }
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// A path as seen from the host's home.
    fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.config.home).unwrap_or(path).display().to_string()
    }
}
