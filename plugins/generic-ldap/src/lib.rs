//! Entries of a directory as object types: the plugin `generic-ldap`.
//!
//! `client` speaks LDAP; `directory` knows one server from another; `subschema`, `schema`, `syntax`
//! and `value` read what the server says of itself; `import` and `delta` read entries, `export` writes
//! them. The library is the plugin; the crate itself shows only [`GenericLdap`] and its settings.

mod ber;
mod client;
mod delta;
mod directory;
mod dn;
mod enabled;
mod export;
mod import;
mod known;
mod members;
mod moment;
mod nearest;
mod plan;
mod range;
mod schema;
mod settings;
mod subschema;
mod syntax;
mod target;
mod template;
mod value;

use client::{Client, Search};
use ecma_plugin_sdk::{Dn, DnStyle, ExportStyle, Partition, PasswordOptions, Problem, prelude::*};
use export::Export;
pub use settings::{Bind, DeltaStrategy, Encryption, Paging, PasswordMethod, Settings};
use std::collections::HashSet;
use target::Target;

/// A connection to a directory.
pub struct GenericLdap {
    client: Client,
    target: Target,
    /// Anchors of new accounts that are to be enabled as soon as they have a password.
    waiting: HashSet<String>,
}

impl GenericLdap {
    /// What exports work with, on a connection that is open.
    fn writing(&mut self) -> Result<Export<'_>> {
        self.alive()?;
        let GenericLdap { client, target, waiting } = self;
        Ok(Export { client, target, waiting })
    }

    /// Opens the connection again when the server closed it since it was used last.
    fn alive(&mut self) -> Result<()> {
        if !self.client.is_open() {
            self.client = Client::connect(&self.target.settings)?;
        }
        Ok(())
    }
}

impl Connector for GenericLdap {
    type Config = Settings;

    fn connect(settings: Settings) -> Result<GenericLdap> {
        let mut client = Client::connect(&settings)?;
        let target = Target::learn(&mut client, settings)??;
        Ok(GenericLdap { client, target, waiting: HashSet::new() })
    }

    fn capabilities(settings: &Settings) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.delta_import = settings.delta_strategy != Some(DeltaStrategy::None);
        capabilities.export_style = ExportStyle::AttributeUpdate;
        capabilities.read = true;
        capabilities.password = true;
        capabilities.concurrent = true;
        capabilities.dn_style = DnStyle::Ldap;
        capabilities.dn_is_anchor =
            settings.anchor.as_ref().is_some_and(|name| name.eq_ignore_ascii_case("dn"));
        capabilities.rename = !capabilities.dn_is_anchor;
        capabilities
    }

    /// Looks at the directory as well when it can be reached; that it cannot is no fault of the
    /// settings.
    fn check(settings: &Settings) -> Vec<Problem> {
        let problems = settings.problems();
        if !problems.is_empty() {
            return problems;
        }
        let learned = Client::connect(settings)
            .and_then(|mut client| Target::learn(&mut client, settings.clone()));
        match learned {
            Ok(Err(problems)) => problems,
            _ => Vec::new(),
        }
    }

    fn schema(&mut self) -> Result<Schema> {
        Ok(self.target.types.schema())
    }

    fn partitions(&mut self) -> Result<Vec<Partition>> {
        let partition = |base: &String| Partition {
            id: base.clone(),
            name: base.clone(),
            dn: Some(Dn::new(base.as_str())),
        };
        Ok(self.target.bases.iter().map(partition).collect())
    }

    fn import(&mut self, run: &ImportRun, sink: &mut ImportSink<'_>) -> Result<Option<Watermark>> {
        self.alive()?;
        self.client.wait(self.target.settings.import_patience());
        let imported = import::run(&mut self.client, &self.target, run, sink);
        self.client.wait(self.target.settings.patience());
        imported
    }

    fn test(&mut self) -> Result<()> {
        self.alive()?;
        for base in &self.target.bases {
            let found = self.client.find(&Search::entry(base.as_str(), &["1.1".to_owned()]))?;
            found.ok_or_else(|| {
                Error::config(format!("base: {base} is not there, or hidden from this account"))
            })?;
        }
        Ok(())
    }

    fn export(&mut self, change: &Change) -> Result<Exported> {
        self.writing()?.export(change)
    }

    fn read(&mut self, ids: &[EntryId]) -> Result<Vec<Option<Entry>>> {
        let mut reading = self.writing()?;
        ids.iter().map(|id| reading.read(id)).collect()
    }

    fn set_password(&mut self, id: &EntryId, new: &Secret, options: PasswordOptions) -> Result<()> {
        self.writing()?.set_password(id, new, options)
    }

    fn change_password(&mut self, id: &EntryId, old: &Secret, new: &Secret) -> Result<()> {
        self.writing()?.change_password(id, old, new)
    }
}

export_connector!(GenericLdap);
