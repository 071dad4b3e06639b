//! What is at hand of each plugin, for all catalogues of one folder: the newest copy of its library,
//! and the plugin that the host's own process has loaded.
//!
//! That one stays: two versions of a library in one process would share what is not made for it, and
//! none is ever unloaded.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
};

use ecma_plugin_sdk::Plugin;
use parking_lot::Mutex;

use super::{Surroundings, refusal::Refusal, shadow::Copy};

/// The newest copy of one plugin's library; a worker that starts takes what is there then.
pub(super) type Newest = Arc<Mutex<Arc<Copy>>>;

#[derive(Default)]
pub(super) struct Shelf(Mutex<HashMap<String, Kept>>);

struct Kept {
    newest: Newest,
    /// With the hash of its content.
    loaded: Option<(String, Arc<Plugin>)>,
    /// Those in processes of their own that somebody still has.
    isolated: Vec<(String, Surroundings, Weak<Plugin>)>,
}

impl Shelf {
    /// Keeps the copy that is to be used from now on.
    pub(super) fn put(&self, name: &str, copy: &Arc<Copy>) {
        let mut all = self.0.lock();
        let kept = all.entry(name.to_owned()).or_insert_with(|| Kept {
            newest: Arc::new(Mutex::new(Arc::clone(copy))),
            loaded: None,
            isolated: Vec::new(),
        });
        *kept.newest.lock() = Arc::clone(copy);
    }

    /// The copy to be used, now and when it is another one.
    pub(super) fn newest(&self, name: &str) -> Option<Newest> {
        Some(Arc::clone(&self.0.lock().get(name)?.newest))
    }

    /// The copies that the next process of a connector is loaded from.
    pub(super) fn awaited(&self) -> Vec<Arc<Copy>> {
        let all = self.0.lock();
        // More than one: a connector holds the other.
        let awaited = all.values().filter(|kept| Arc::strong_count(&kept.newest) > 1);
        awaited.map(|kept| Arc::clone(&kept.newest.lock())).collect()
    }

    /// A plugin in a process of its own: that which a connector with the same surroundings has already,
    /// or a new one. So a connector whose document changed goes on in the same process.
    pub(super) fn isolated(
        &self,
        name: &str,
        hash: &str,
        surroundings: &Surroundings,
        make: impl FnOnce() -> Plugin,
    ) -> Arc<Plugin> {
        let mut all = self.0.lock();
        let Some(kept) = all.get_mut(name) else { return Arc::new(make()) };
        kept.isolated.retain(|(.., plugin)| plugin.strong_count() > 0);
        let is_it = |(known, around, _): &&(String, Surroundings, Weak<Plugin>)| {
            known == hash && around == surroundings
        };
        if let Some(plugin) = kept.isolated.iter().find(is_it).and_then(|(.., p)| p.upgrade()) {
            return plugin;
        }
        let plugin = Arc::new(make());
        let weak = Arc::downgrade(&plugin);
        kept.isolated.push((hash.to_owned(), surroundings.clone(), weak));
        plugin
    }

    /// The plugin that this process has loaded.
    pub(super) fn loaded(&self, name: &str) -> Option<Arc<Plugin>> {
        Some(Arc::clone(&self.0.lock().get(name)?.loaded.as_ref()?.1))
    }

    /// Whether this process has loaded a plugin of this name with other content.
    pub(super) fn has_other(&self, name: &str, hash: Option<&str>) -> bool {
        let all = self.0.lock();
        let loaded = all.get(name).and_then(|kept| kept.loaded.as_ref());
        loaded.is_some_and(|(known, _)| Some(known.as_str()) != hash)
    }

    /// Loads a plugin into this process, once.
    pub(super) fn load(&self, name: &str, hash: &str) -> Result<Arc<Plugin>, Refusal> {
        let mut all = self.0.lock();
        let Some(kept) = all.get_mut(name) else { return Err(Refusal::NotAPlugin) };
        if let Some((_, plugin)) = &kept.loaded {
            return Ok(Arc::clone(plugin));
        }
        let copy = Arc::clone(&kept.newest.lock());
        let plugin = Arc::new(Plugin::load_with(&copy.plugin, &copy.prerequisites)?);
        kept.loaded = Some((hash.to_owned(), Arc::clone(&plugin)));
        Ok(plugin)
    }
}
