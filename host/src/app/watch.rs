//! Watches the files that the host lives by: documents, settings, certificates, plugins. The system
//! tells of most changes at once; what it does not tell is found by looking now and then.

use notify::{RecommendedWatcher, RecursiveMode, Watcher};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tokio::sync::mpsc;

/// Changes come in groups: an editor writes, renames, sets the mode.
const SETTLING: Duration = Duration::from_millis(100);
/// Some file systems tell nothing.
const LOOK: Duration = Duration::from_secs(30);

/// Tells that something may have changed.
pub(super) struct Watch {
    told: mpsc::Receiver<()>,
    _watcher: Option<RecommendedWatcher>,
}

impl Watch {
    /// Watches these folders, and one file whose neighbors do not count; what is not there, or cannot
    /// be watched, is looked at now and then like all the others.
    pub(super) fn new(folders: &[(PathBuf, RecursiveMode)], file: &Path) -> Watch {
        let (tell, told) = mpsc::channel(1);
        let counting: Vec<PathBuf> = folders.iter().map(|(folder, _)| folder.clone()).collect();
        let counting = move |path: &PathBuf, file: &Path| {
            path == file || counting.iter().any(|folder| path.starts_with(folder))
        };
        let alone = file.to_owned();
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            let is_nothing = |event: &notify::Event| {
                let counts = |path| counting(path, &alone);
                event.kind.is_access() || !event.paths.is_empty() && !event.paths.iter().any(counts)
            };
            if !event.as_ref().is_ok_and(is_nothing) {
                // One word that waits is enough.
                let _ = tell.try_send(());
            }
        });
        let mut watcher =
            watcher.inspect_err(|error| tracing::warn!(%error, "Files cannot be watched")).ok();
        let beside = file.parent().map(|folder| (folder, RecursiveMode::NonRecursive));
        let all = folders.iter().map(|(folder, mode)| (folder.as_path(), *mode));
        for (folder, mode) in beside.into_iter().chain(all) {
            let watched = watcher.as_mut().map(|watcher| watcher.watch(folder, mode));
            if let Some(Err(error)) = watched {
                tracing::info!(folder = %folder.display(), %error, every = ?LOOK,
                    "The folder is not watched, only looked at now and then");
            }
        }
        Watch { told, _watcher: watcher }
    }

    /// Waits until it is time to look.
    pub(super) async fn changed(&mut self) {
        match tokio::time::timeout(LOOK, self.told.recv()).await {
            Ok(Some(())) => {
                tokio::time::sleep(SETTLING).await;
                while self.told.try_recv().is_ok() {}
            }
            Ok(None) => tokio::time::sleep(LOOK).await,
            Err(_) => {}
        }
    }
}

/// How files looked when they were looked at last.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Looks(BTreeMap<PathBuf, (u64, Option<SystemTime>)>);

impl Looks {
    /// Files, and all below folders, as they are now.
    pub(super) fn of<'a>(paths: impl IntoIterator<Item = &'a Path>) -> Looks {
        let mut looks = Looks::default();
        let mut left: Vec<PathBuf> = paths.into_iter().map(Path::to_owned).collect();
        while let Some(path) = left.pop() {
            let Ok(metadata) = std::fs::metadata(&path) else { continue };
            if metadata.is_dir() {
                let inside = std::fs::read_dir(&path).into_iter().flatten().flatten();
                left.extend(inside.map(|entry| entry.path()));
            }
            looks.0.insert(path, (metadata.len(), metadata.modified().ok()));
        }
        looks
    }
}
