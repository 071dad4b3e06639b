//! A plugin that does everything wrong that a plugin can do wrong, on order; without an order it is
//! a small, well-behaved connector to people in memory or in a file. It ends its process when that is
//! what was ordered.

mod orders;
mod store;

use ecma_plugin_sdk::{
    HierarchyNode, Parameter, ParameterPage, Partition, PasswordOptions, Problem, prelude::*,
    tracing,
};
use orders::{Call, Mode};
use std::{path::PathBuf, sync::Arc};
use store::Store;

/// What is ordered.
#[derive(Config)]
pub struct Settings {
    /// Store
    ///
    /// Connections with the same store share its people; a new one holds three.
    #[config(default = "people")]
    store: String,
    /// File
    ///
    /// Where the people are kept, instead of in memory: they outlive the process.
    file: Option<PathBuf>,
    /// What goes wrong
    #[config(default = "nothing")]
    mode: Mode,
    /// In which call
    #[config(default = "every")]
    at: Call,
    /// Armed
    ///
    /// The order counts once, when this file is there; it is removed then.
    armed: Option<PathBuf>,
    /// After
    ///
    /// An export goes wrong when its work is done.
    #[config(default = false)]
    after: bool,
    /// Polite
    ///
    /// A hanging import ends when the host says stop.
    #[config(default = false)]
    polite: bool,
    /// Release
    ///
    /// A call that hangs ends once this file is there; without one it never ends.
    release: Option<PathBuf>,
    /// Pause
    ///
    /// Milliseconds that a slow call takes longer.
    #[config(default = 200)]
    pause: u32,
    /// Megabytes
    ///
    /// What a leak takes where nothing stops it.
    #[config(default = 4096)]
    megabytes: u32,
    /// Password
    ///
    /// Nobody asks for it; it must never be seen.
    password: Option<Secret>,
}

/// A connection.
pub struct Misbehaving {
    settings: Settings,
    store: Arc<Store>,
}

impl Misbehaving {
    fn obey(&self, call: Call) -> Result<()> {
        self.settings.obey(call, || true)
    }

    fn loses(&self, call: Call) -> bool {
        self.settings.mode == Mode::Lose && self.settings.is_due(call)
    }

    fn lies(&self, call: Call) -> bool {
        self.settings.mode == Mode::Lie && self.settings.is_due(call)
    }

    fn one(&self, change: &Change) -> Result<Exported> {
        if self.settings.mode == Mode::FailOne && self.store.user_name(change).contains("bad") {
            return Err(Error::invalid("userName", "is bad, and bad ones fail on order"));
        }
        self.store.change(change)
    }
}

fn lost() -> Error {
    Error::unreachable("ordered: the connection was lost before the answer came")
}

impl Connector for Misbehaving {
    type Config = Settings;

    fn connect(settings: Settings) -> Result<Self> {
        settings.obey(Call::Connect, || true)?;
        let store = Store::named(&settings.store, settings.file.as_deref());
        tracing::info!(store = settings.store, password = ?settings.password, "Store opened");
        Ok(Misbehaving { settings, store })
    }

    fn capabilities(settings: &Settings) -> Capabilities {
        // An order to fail cannot be obeyed here: there is no error to answer.
        let _ = settings.obey(Call::Capabilities, || true);
        let mut capabilities = Capabilities::default();
        capabilities.read = true;
        capabilities.export_pages = true;
        capabilities.concurrent = true;
        capabilities.password = true;
        if settings.mode == Mode::Lie && settings.is_due(Call::Capabilities) {
            capabilities.delta_import = true;
        }
        capabilities
    }

    fn refine(
        _: Option<ParameterPage>,
        values: &Values,
        parameters: &mut Vec<Parameter>,
    ) -> Result<()> {
        let Ok(settings) = Settings::read(values) else { return Ok(()) };
        settings.obey(Call::Refine, || true)?;
        if settings.mode == Mode::Lie && settings.is_due(Call::Refine) {
            parameters.extend(parameters.clone());
        }
        Ok(())
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        match settings.obey(Call::Check, || true) {
            Ok(()) => Vec::new(),
            Err(error) => vec![Problem::new("mode", error.message())],
        }
    }

    fn test(&mut self) -> Result<()> {
        self.obey(Call::Test)
    }

    fn partitions(&mut self) -> Result<Vec<Partition>> {
        self.obey(Call::Partitions)?;
        let copies = if self.lies(Call::Partitions) { 2 } else { 1 };
        Ok(vec![Partition::default_partition(); copies])
    }

    fn hierarchy(&mut self, _: Option<&ecma_plugin_sdk::Dn>) -> Result<Vec<HierarchyNode>> {
        self.obey(Call::Hierarchy)?;
        Err(Error::unsupported("the store has no containers"))
    }

    fn schema(&mut self) -> Result<Schema> {
        self.obey(Call::Schema)?;
        if self.lies(Call::Schema) {
            return Ok(Schema::new([ObjectType::new("person").attribute("userName", Text)]));
        }
        Ok(store::schema())
    }

    fn import(&mut self, _: &ImportRun, sink: &mut ImportSink<'_>) -> Result<Option<Watermark>> {
        for (at, person) in self.store.people().into_iter().enumerate() {
            if at == 1 {
                // In the middle: something has come already, and not all of it.
                self.settings.obey(Call::Import, || sink.go_on())?;
            }
            if self.lies(Call::Import) {
                sink.entry(store::lie(&person, at))?;
                continue;
            }
            let name = person.text("userName").unwrap_or_default();
            if self.settings.mode == Mode::FailOne && name.contains("bad") {
                sink.refused(person.id(), &Error::invalid("userName", "is bad"))?;
                continue;
            }
            sink.entry(person)?;
        }
        Ok(None)
    }

    fn export(&mut self, change: &Change) -> Result<Exported> {
        if !self.settings.after {
            self.obey(Call::Export)?;
        }
        if self.lies(Call::Export) {
            // Claims to have done it.
            return Ok(Exported::done());
        }
        let done = self.one(change);
        if self.settings.after {
            self.obey(Call::Export)?;
        }
        if self.loses(Call::Export) { Err(lost()) } else { done }
    }

    fn export_batch(&mut self, batch: &[Change]) -> Vec<Result<Exported>> {
        if let Err(error) = self.obey(Call::Export) {
            return batch.iter().map(|_| Err(error.clone())).collect();
        }
        let mut done: Vec<_> = batch.iter().map(|change| self.one(change)).collect();
        if self.lies(Call::Export) {
            done.pop();
        }
        if self.loses(Call::Export) {
            done.fill(Err(lost()));
        }
        done
    }

    fn read(&mut self, ids: &[EntryId]) -> Result<Vec<Option<Entry>>> {
        self.obey(Call::Read)?;
        let mut read: Vec<_> = ids.iter().map(|id| self.store.get(id)).collect();
        if self.lies(Call::Read) {
            read.pop();
        }
        Ok(read)
    }

    fn set_password(&mut self, id: &EntryId, _: &Secret, _: PasswordOptions) -> Result<()> {
        self.obey(Call::SetPassword)?;
        self.store.get(id).map(drop).ok_or_else(|| Error::not_found("there is no such person"))
    }

    fn change_password(&mut self, id: &EntryId, _: &Secret, _: &Secret) -> Result<()> {
        self.obey(Call::ChangePassword)?;
        self.store.get(id).map(drop).ok_or_else(|| Error::not_found("there is no such person"))
    }
}

impl Drop for Misbehaving {
    fn drop(&mut self) {
        if self.settings.at == Call::Drop {
            let _ = self.obey(Call::Drop);
        }
    }
}

export_connector!(Misbehaving);
