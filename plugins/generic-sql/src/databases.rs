//! The connections to databases: one for all object types, and one for each that has an account or a
//! database of its own.

use crate::{
    driver::{self, Driver, Failure, Purpose, TableFacts},
    schema::Table,
    settings::Settings,
    statement::Source,
};
use ecma_plugin_sdk::{Error, Result};
use std::iter;

pub(crate) struct Databases {
    shared: Box<dyn Driver>,
    /// By object type.
    own: Vec<(String, Box<dyn Driver>)>,
}

impl Databases {
    /// One connection for all object types.
    pub(crate) fn sharing(shared: Box<dyn Driver>) -> Databases {
        Databases { shared, own: Vec::new() }
    }

    /// Connects for the object types that do not share it.
    pub(crate) fn connect_own(&mut self, settings: &Settings, tables: &[Table]) -> Result<()> {
        for table in tables {
            let object_type = &table.object_type;
            let Some(own) = settings.of_partition(object_type) else { continue };
            let driver = driver::connect(&own).map_err(|failure| {
                let error = Error::from(failure).context(format!("the partition of {object_type}"));
                // The host knows the passwords of all partitions as one text.
                let is_told = |secret: &str| error.message().contains(secret);
                match own.password.as_ref().is_some_and(|secret| is_told(secret.expose())) {
                    true => Error::new(error.kind(), format!("{object_type} cannot be reached")),
                    false => error,
                }
            })?;
            self.own.push((object_type.clone(), driver));
        }
        self.look(tables)
    }

    /// Looks whether the tables of object types are where their own connections lead.
    pub(crate) fn look(&self, tables: &[Table]) -> Result<()> {
        for (object_type, driver) in &self.own {
            let Some(table) = tables.iter().find(|table| table.object_type == *object_type) else {
                continue;
            };
            let facts = describe(&**driver)?;
            let is_there = facts.iter().any(|facts| facts.quoted == table.quoted);
            if matches!(table.source, Source::Table | Source::View) && !is_there {
                let text = "is not in the database of its partition, or hidden from its account";
                return Err(Error::config(format!("the table {} {text}", table.name)));
            }
        }
        Ok(())
    }

    /// The connection that object types share; it has the catalog of all.
    pub(crate) fn shared(&self) -> &dyn Driver {
        &*self.shared
    }

    /// The connection of an object type.
    pub(crate) fn of(&self, object_type: &str) -> &dyn Driver {
        let own = self.own.iter().find(|(known, _)| known == object_type);
        own.map_or(&*self.shared, |(_, driver)| &**driver)
    }

    /// Whether two object types have the same connection.
    pub(crate) fn are_one(&self, one: &str, other: &str) -> bool {
        let is_own = |object_type: &str| self.own.iter().any(|(known, _)| known == object_type);
        one == other || !(is_own(one) || is_own(other))
    }

    fn all(&self) -> impl Iterator<Item = &dyn Driver> {
        iter::once(&*self.shared).chain(self.own.iter().map(|(_, driver)| &**driver))
    }

    /// Whether all of them answer.
    pub(crate) fn are_alive(&self) -> Result<(), Failure> {
        self.all().try_for_each(Driver::alive)
    }

    /// The connection of an object type, to be read as of the moment at which this was first asked
    /// for; until [`Databases::forget`].
    pub(crate) fn reading(&self, object_type: &str) -> Result<&dyn Driver, Failure> {
        let driver = self.of(object_type);
        if !driver.in_transaction() {
            driver.alive()?;
            driver.begin(Purpose::Read)?;
        }
        Ok(driver)
    }

    /// Ends what is open.
    pub(crate) fn forget(&self) -> Result<(), Failure> {
        let ended: Vec<Result<(), Failure>> = self.all().map(Driver::rollback).collect();
        ended.into_iter().collect()
    }
}

/// The tables of a database, by the catalog.
pub(crate) fn describe(driver: &dyn Driver) -> Result<Vec<TableFacts>> {
    driver.begin(Purpose::Read)?;
    let facts = driver.describe();
    driver.rollback()?;
    Ok(facts?)
}
