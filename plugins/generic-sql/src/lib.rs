//! Tables of a database as object types, rows as entries: the plugin `generic-sql`.
//!
//! The database is an SQLite file, a PostgreSQL, MySQL or MariaDB server, or whatever has an ODBC
//! driver. What differs from database to database is behind `driver` and in `dialect`; all else is
//! the same code for each: `schema` says what is there, `import` and `delta` read, `export` writes,
//! `statement` has what the operator wrote in SQL. The library is the plugin; the crate itself shows
//! only [`GenericSql`] and its settings.

mod child;
mod databases;
mod delta;
mod dialect;
mod dn;
#[cfg(test)]
mod dn_tests;
mod driver;
mod export;
mod form;
mod import;
mod moment;
mod nearest;
mod object_types;
mod partition;
mod reference;
mod schema;
mod settings;
mod statement;
mod value;
mod words;

use databases::{Databases, describe};
use driver::Driver;
use ecma_plugin_sdk::{Partition, PasswordOptions, Problem, prelude::*};
use schema::Table;
pub use settings::{DeltaStrategy, DialectName, DriverName, Settings, Tls};
use statement::{Password, Source};

/// A connection to a database.
pub struct GenericSql {
    settings: Settings,
    databases: Databases,
    tables: Vec<Table>,
    /// The partitions that were imported as of the moment that is still being read.
    imported: Vec<String>,
}

impl GenericSql {
    fn end_import(&mut self) -> Result<()> {
        self.imported.clear();
        Ok(self.databases.forget()?)
    }

    /// Makes the connection of an object type ready for something else than an import.
    fn ready(&mut self, object_type: &str) -> Result<()> {
        self.end_import()?;
        Ok(self.databases.of(object_type).alive()?)
    }

    /// Reads the catalog again: somebody may have changed a table. Object types that rows name are
    /// others only with a new schema.
    fn refresh(&mut self, is_new_schema: bool) -> Result<()> {
        self.end_import()?;
        self.databases.are_alive()?;
        let known = if is_new_schema { &[][..] } else { &self.tables };
        self.tables = tables(&self.settings, self.databases.shared(), known)??;
        self.databases.look(&self.tables)
    }

    /// Does changes of object types that have the same connection.
    fn export_page(&mut self, page: &[Change]) -> Vec<Result<Exported>> {
        let Some(first) = page.first() else { return Vec::new() };
        let object_type = &first.id().object_type;
        match self.ready(object_type) {
            Ok(()) => export::page(self.databases.of(object_type), &self.tables, page),
            Err(error) => page.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn set(&mut self, id: &EntryId, password: Password<'_>) -> Result<()> {
        self.ready(&id.object_type)?;
        let driver = self.databases.of(&id.object_type);
        export::password(driver, &self.tables, id, password)
    }
}

/// The tables, or everything in the settings that does not fit the database. Those that are known
/// already have the object types.
fn tables(
    settings: &Settings,
    driver: &dyn Driver,
    known: &[Table],
) -> Result<Result<Vec<Table>, Vec<Problem>>> {
    let (mut facts, mut problems) = (describe(driver)?, Vec::new());
    let named = match object_types::named(settings, driver, &facts, known)? {
        Ok(named) => named,
        Err(problem) => return Ok(Err(vec![problem])),
    };
    facts.extend(statement::sources(settings, driver, &mut problems)?);
    let dialect = driver.dialect();
    Ok(schema::tables(settings, dialect, &facts, named.as_ref(), problems)
        .and_then(|tables| delta::attach(settings, &facts, dialect, tables)))
}

impl Connector for GenericSql {
    type Config = Settings;

    fn connect(settings: Settings) -> Result<GenericSql> {
        // The host does not look at what is said of partitions before a connection is made.
        let problems = settings.problems();
        if !problems.is_empty() {
            return Err(problems.into());
        }
        let mut databases = Databases::sharing(driver::connect(&settings)?);
        let tables = tables(&settings, databases.shared(), &[])??;
        databases.connect_own(&settings, &tables)?;
        Ok(GenericSql { settings, databases, tables, imported: Vec::new() })
    }

    fn capabilities(settings: &Settings) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.delta_import = settings.has_strategy(|one| one != DeltaStrategy::None);
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
        match found.and_then(|driver| tables(settings, &*driver, &[])) {
            Ok(Err(problems)) => problems,
            _ => Vec::new(),
        }
    }

    fn test(&mut self) -> Result<()> {
        self.end_import()?;
        self.databases.are_alive()?;
        let probed = |table: &&Table| !matches!(table.source, Source::Procedure(_));
        for table in self.tables.iter().filter(probed) {
            let driver = self.databases.of(&table.object_type);
            let children = table.children.iter().map(|child| (&child.table, &child.quoted));
            for (name, quoted) in std::iter::once((&table.name, &table.quoted)).chain(children) {
                let answer = driver.query(&driver.dialect().probe(quoted), &[], &mut |_| Ok(()));
                answer.map_err(|failure| Error::from(failure).context(name))?;
            }
        }
        Ok(())
    }

    fn schema(&mut self) -> Result<Schema> {
        self.refresh(true)?;
        Ok(schema::schema(&self.tables))
    }

    fn partitions(&mut self) -> Result<Vec<Partition>> {
        Ok(self.tables.iter().map(partition::of).collect())
    }

    /// Partitions that come one after another are read as of one moment, until all were read, one
    /// comes again, or something else is asked for.
    fn import(&mut self, run: &ImportRun, sink: &mut ImportSink<'_>) -> Result<Option<Watermark>> {
        let partition = &run.partition;
        if self.imported.is_empty() || self.imported.contains(&partition.id) {
            self.refresh(false)?;
        }
        self.imported.push(partition.id.clone());
        let imported = import::run(&self.databases, &self.tables, run, sink);
        let was_last = self.imported.len() == self.tables.len();
        if imported.is_err() || was_last || partition::is_everything(partition) {
            let ended = self.end_import();
            return imported.and_then(|watermark| ended.map(|()| watermark));
        }
        imported
    }

    fn export(&mut self, change: &Change) -> Result<Exported> {
        self.ready(&change.id().object_type)?;
        let driver = self.databases.of(&change.id().object_type);
        export::page_of_one(driver, &self.tables, change)
    }

    fn export_batch(&mut self, batch: &[Change]) -> Vec<Result<Exported>> {
        let are_one = |one: &Change, other: &Change| {
            self.databases.are_one(&one.id().object_type, &other.id().object_type)
        };
        let pages: Vec<&[Change]> = batch.chunk_by(are_one).collect();
        pages.into_iter().flat_map(|page| self.export_page(page)).collect()
    }

    fn read(&mut self, ids: &[EntryId]) -> Result<Vec<Option<Entry>>> {
        self.end_import()?;
        let read = |id: &EntryId| {
            let table = self.tables.iter().find(|table| table.object_type == id.object_type);
            let table = table.ok_or_else(|| {
                let text = format!("there is no object type {}", id.object_type);
                Error::new(ErrorKind::Invalid, text)
            })?;
            let driver = self.databases.reading(&id.object_type)?;
            import::read(driver, table, id, import::Whole::All)
        };
        let entries = ids.iter().map(read).collect::<Result<Vec<_>>>();
        let ended = self.end_import();
        let entries = entries?;
        ended?;
        Ok(entries)
    }

    fn set_password(&mut self, id: &EntryId, new: &Secret, options: PasswordOptions) -> Result<()> {
        self.set(id, Password { new, old: None, options })
    }

    fn change_password(&mut self, id: &EntryId, old: &Secret, new: &Secret) -> Result<()> {
        self.set(id, Password { new, old: Some(old), options: PasswordOptions::default() })
    }
}

export_connector!(GenericSql);
