//! Tables of a database as object types, rows as entries: the plugin `generic-sql`.
//!
//! The database is an SQLite file, a PostgreSQL, MySQL or MariaDB server, or whatever has an ODBC
//! driver. What differs from database to database is behind `driver` and in `dialect`; all else is
//! the same code for each: `schema` says what is there, `import` and `delta` read, `export` writes,
//! `statement` has what the operator wrote in SQL. The library is the plugin; the crate itself shows
//! only [`GenericSql`] and its settings.

mod child;
mod delta;
mod dialect;
mod driver;
mod export;
mod form;
mod import;
mod moment;
mod nearest;
mod partition;
mod reference;
mod schema;
mod settings;
mod statement;
mod value;
mod words;

use driver::{Driver, Purpose};
use ecma_plugin_sdk::{Partition, PasswordOptions, Problem, prelude::*};
use schema::Table;
pub use settings::{DeltaStrategy, DialectName, DriverName, Settings, Tls};
use statement::{Password, Source};

/// A connection to a database.
pub struct GenericSql {
    settings: Settings,
    driver: Box<dyn Driver>,
    tables: Vec<Table>,
    /// The partitions that were imported as of the moment of the transaction that is open.
    imported: Vec<String>,
}

impl GenericSql {
    /// The connection, for something else than the next partition of an import.
    fn ready(&mut self) -> Result<&dyn Driver> {
        self.end_import()?;
        self.driver.alive()?;
        Ok(&*self.driver)
    }

    fn end_import(&mut self) -> Result<()> {
        self.imported.clear();
        Ok(self.driver.rollback()?)
    }

    /// Reads the catalog again: somebody may have changed a table.
    fn refresh(&mut self) -> Result<()> {
        self.ready()?;
        self.tables = tables(&self.settings, &*self.driver)??;
        Ok(())
    }
}

/// The tables, or everything in the settings that does not fit the database.
fn tables(settings: &Settings, driver: &dyn Driver) -> Result<Result<Vec<Table>, Vec<Problem>>> {
    driver.begin(Purpose::Read)?;
    let facts = driver.describe();
    driver.rollback()?;
    let (mut facts, mut problems) = (facts?, Vec::new());
    facts.extend(statement::sources(settings, driver, &mut problems)?);
    let dialect = driver.dialect();
    Ok(schema::tables(settings, dialect, &facts, problems)
        .and_then(|tables| delta::attach(settings, &facts, dialect, tables)))
}

impl Connector for GenericSql {
    type Config = Settings;

    fn connect(settings: Settings) -> Result<GenericSql> {
        let driver = driver::connect(&settings)?;
        let tables = tables(&settings, &*driver)??;
        Ok(GenericSql { settings, driver, tables, imported: Vec::new() })
    }

    fn capabilities(settings: &Settings) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.delta_import = settings.strategy() != DeltaStrategy::None;
        // What cannot be read before it is changed has to come whole.
        let whole = settings.export_object_replace || !settings.procedures.is_empty();
        capabilities.export_style = match whole {
            true => ecma_plugin_sdk::ExportStyle::ObjectReplace,
            // All members of a group would come with each one that is new.
            false if !settings.multi_valued_tables.is_empty() => {
                ecma_plugin_sdk::ExportStyle::AttributeUpdate
            }
            false => ecma_plugin_sdk::ExportStyle::AttributeReplace,
        };
        capabilities.export_pages = true;
        capabilities.read = settings.procedures.is_empty();
        capabilities.password = settings.sets_passwords();
        capabilities.concurrent = true;
        capabilities
    }

    /// Looks at the database as well when it can be opened; that it cannot is no fault of the
    /// settings.
    fn check(settings: &Settings) -> Vec<Problem> {
        let problems = settings.problems();
        if !problems.is_empty() {
            return problems;
        }
        let found = driver::connect(settings).map_err(Error::from);
        match found.and_then(|driver| tables(settings, &*driver)) {
            Ok(Err(problems)) => problems,
            _ => Vec::new(),
        }
    }

    fn test(&mut self) -> Result<()> {
        self.ready()?;
        let probed = |table: &&Table| !matches!(table.source, Source::Procedure(_));
        for table in self.tables.iter().filter(probed) {
            let children = table.children.iter().map(|child| (&child.table, &child.quoted));
            for (name, quoted) in std::iter::once((&table.name, &table.quoted)).chain(children) {
                let sql = self.driver.dialect().probe(quoted);
                let answer = self.driver.query(&sql, &[], &mut |_| Ok(()));
                answer.map_err(|failure| Error::from(failure).context(name))?;
            }
        }
        Ok(())
    }

    fn schema(&mut self) -> Result<Schema> {
        self.refresh()?;
        Ok(schema::schema(&self.tables))
    }

    fn partitions(&mut self) -> Result<Vec<Partition>> {
        Ok(self.tables.iter().map(partition::of).collect())
    }

    /// Partitions that come one after another are read as of one moment: the transaction stays open
    /// until all were read, one comes again, or something else is asked for.
    fn import(&mut self, run: &ImportRun, sink: &mut ImportSink<'_>) -> Result<Option<Watermark>> {
        let partition = &run.partition;
        if self.imported.is_empty() || self.imported.contains(&partition.id) {
            self.refresh()?;
            self.driver.begin(Purpose::Read)?;
        }
        self.imported.push(partition.id.clone());
        let imported = import::run(&*self.driver, &self.tables, run, sink);
        let was_last = self.imported.len() == self.tables.len();
        if imported.is_err() || was_last || partition::is_everything(partition) {
            let ended = self.end_import();
            return imported.and_then(|watermark| ended.map(|()| watermark));
        }
        imported
    }

    fn export(&mut self, change: &Change) -> Result<Exported> {
        self.ready()?;
        export::page_of_one(&*self.driver, &self.tables, change)
    }

    fn export_batch(&mut self, batch: &[Change]) -> Vec<Result<Exported>> {
        match self.ready() {
            Ok(_) => export::page(&*self.driver, &self.tables, batch),
            Err(error) => batch.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn read(&mut self, ids: &[EntryId]) -> Result<Vec<Option<Entry>>> {
        self.ready()?.begin(Purpose::Read)?;
        let read = |id: &EntryId| {
            let table = self.tables.iter().find(|table| table.object_type == id.object_type);
            let table = table.ok_or_else(|| {
                let text = format!("there is no object type {}", id.object_type);
                Error::new(ErrorKind::Invalid, text)
            })?;
            import::read(&*self.driver, table, id, import::Whole::All)
        };
        let entries = ids.iter().map(read).collect::<Result<Vec<_>>>();
        let ended = self.driver.rollback();
        let entries = entries?;
        ended?;
        Ok(entries)
    }

    fn set_password(&mut self, id: &EntryId, new: &Secret, options: PasswordOptions) -> Result<()> {
        self.ready()?;
        let password = Password { new, old: None, options };
        export::password(&*self.driver, &self.tables, id, password)
    }

    fn change_password(&mut self, id: &EntryId, old: &Secret, new: &Secret) -> Result<()> {
        self.ready()?;
        let password = Password { new, old: Some(old), options: PasswordOptions::default() };
        export::password(&*self.driver, &self.tables, id, password)
    }
}

export_connector!(GenericSql);
