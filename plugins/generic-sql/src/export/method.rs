//! Entries, written by the statements of the operator.

use super::{Done, Export, added::Inserts};
use crate::{
    child::Child,
    dn,
    driver::{Driver, Failure, Purpose, Scalar},
    import::{self, Whole},
    schema::Table,
    statement::{Given, Method, Password},
};
use ecma_plugin_sdk::{AttributeChange, Change, Entry, EntryId, Error, Exported, Result, Update};

impl Export<'_> {
    pub(super) fn add_by(&self, method: &Method, entry: &Entry) -> Done<Exported> {
        self.known(entry)?;
        self.taken(method, entry.attributes().map(|(name, _)| name))?;
        let did = self.given(entry).run(self.driver, method);
        let did = did.map_err(|failure| self.blame(&[], failure))?;
        let mut id = EntryId { anchor: Default::default(), ..entry.id().clone() };
        for column in self.table.anchors() {
            let answered = || {
                let is = |(name, _): &&(String, Scalar)| name.eq_ignore_ascii_case(&column.name);
                let value = did.answered.iter().find(is).map(|(_, value)| value.clone());
                value.or_else(|| did.number.map(Scalar::Integer))
            };
            match (entry.get(&column.name).first(), answered) {
                (Some(value), _) => id.anchor.set(&column.name, value.clone()),
                (None, answered) => {
                    let value = answered().ok_or_else(|| {
                        let text = "is not known: let the statement answer it, as by RETURNING, or \
                                    let it be given";
                        Error::invalid(&column.name, text)
                    })?;
                    super::added::name(&mut id, column, value.cell())?;
                }
            }
        }
        let children = self.table.children.iter().filter(|child| child.value.writable);
        let values =
            children.map(|child| (child, AttributeChange::Set(entry.get(child.name()).to_vec())));
        let values = values.filter(|(child, _)| !entry.get(child.name()).is_empty());
        if let Some(anchor) = import::anchor(self.table, &id)? {
            self.write(&anchor, values)?;
        }
        match self.now(&id)? {
            Some(entry) => Ok(Exported::with_entry(entry)),
            None => Ok(Exported::with_anchor(dn::outer_anchor(self.table, id.anchor))),
        }
    }

    /// What comes of the statements: values in child tables, and the entry as it is then.
    fn changed(&self, id: &EntryId, children: Vec<(&Child, AttributeChange)>) -> Done<Exported> {
        if !children.is_empty() {
            let anchor = import::anchor(self.table, id)?.ok_or_else(|| self.missing(id))?;
            self.exactly_one(self.count(&anchor)?, id)?;
            self.write(&anchor, children)?;
        }
        Ok(self.now(id)?.map_or_else(Exported::done, Exported::with_entry))
    }

    pub(super) fn replace_by(&self, method: &Method, entry: &Entry) -> Done<Exported> {
        self.known(entry)?;
        self.change_by(method, entry)?;
        let children = self.table.children.iter().filter(|child| child.value.writable);
        let values = children
            .map(|child| (child, AttributeChange::Set(entry.get(child.name()).to_vec())))
            .collect();
        self.changed(entry.id(), values)
    }

    pub(super) fn update_by(&self, method: &Method, update: &Update) -> Done<Exported> {
        let (mut children, mut own) = (Vec::new(), Update::new(update.id.clone()));
        for (name, change) in &update.attributes {
            match self.table.child(name) {
                Some(child) if !child.value.writable => {
                    return Err(Error::invalid(name, "is read only").into());
                }
                Some(child) => children.push((child, change.clone())),
                None => own.attributes.push((name.clone(), change.clone())),
            }
        }
        if own.attributes.is_empty() {
            return self.changed(&update.id, children);
        }
        self.taken(method, own.attributes.iter().map(|(name, _)| name.as_str()))?;
        // The statements are given the whole entry, changed or not.
        let before = import::read(self.driver, self.table, &own.id, Whole::Row)?;
        let before = before.ok_or_else(|| self.missing(&update.id))?;
        let after = Change::Update(own).apply(Some(&before)).unwrap_or(before);
        self.change_by(method, &after)?;
        self.changed(&update.id, children)
    }

    pub(super) fn delete_by(&self, method: &Method, id: &EntryId) -> Done<Exported> {
        let is_anchor = |at: usize| self.table.columns[at].anchor;
        let mut entry = Entry::with_id(id.clone());
        if !method.columns().all(is_anchor) {
            let found = import::read(self.driver, self.table, id, Whole::Row)?;
            entry = found.ok_or_else(|| self.missing(id))?;
        }
        self.remove_children(id)?;
        let did = self.given(&entry).run(self.driver, method);
        let did = did.map_err(|failure| self.blame(&[], failure))?;
        self.first_changed_one(did.rows, id)?;
        Ok(Exported::done())
    }

    fn given<'e>(&'e self, entry: &'e Entry) -> Given<'e> {
        Given { table: self.table, entry, password: None }
    }

    fn change_by(&self, method: &Method, entry: &Entry) -> Done<()> {
        let did = self.given(entry).run(self.driver, method);
        let did = did.map_err(|failure| self.blame(&[], failure))?;
        self.first_changed_one(did.rows, entry.id())
    }

    /// A procedure does not say how many rows it changed.
    fn first_changed_one(&self, rows: Option<u64>, id: &EntryId) -> Done<()> {
        if let Some(rows) = rows {
            self.exactly_one(rows, id)?;
        }
        Ok(())
    }

    /// What nobody would write is refused, not lost.
    fn taken<'n>(&self, method: &Method, names: impl IntoIterator<Item = &'n str>) -> Done<()> {
        for name in names {
            let at = self.table.columns.iter().position(|column| column.name == name);
            let is_taken =
                self.table.child(name).is_some() || at.is_some_and(|at| method.takes(at));
            if !is_taken {
                let text = "is not among what the statements of the connector write";
                return Err(Error::invalid(name, text).into());
            }
        }
        Ok(())
    }
}

/// Sets a password, or changes one that is known.
pub(crate) fn password(
    driver: &dyn Driver,
    tables: &[Table],
    id: &EntryId,
    password: Password<'_>,
) -> Result<()> {
    let table = super::table(tables, &id.object_type)?;
    let id = &*dn::known_id(table, id)?;
    let methods = &table.methods;
    let method =
        if password.old.is_some() { &methods.change_password } else { &methods.set_password };
    let Some(method) = method else {
        let text = format!("there is no statement that does so for {}", table.object_type);
        return Err(Error::unsupported(text));
    };
    let export = Export { driver, table, inserts: &Inserts::default() };
    driver.begin(Purpose::Write)?;
    let done = (|| -> Done<()> {
        let is_anchor = |at: usize| table.columns[at].anchor;
        let mut entry = Entry::with_id(id.clone());
        if !method.columns().all(is_anchor) {
            let found = import::read(driver, table, id, Whole::Row)?;
            entry = found.ok_or_else(|| export.missing(id))?;
        }
        let given = Given { table, entry: &entry, password: Some(password) };
        let did = given.run(driver, method).map_err(|failure| hidden(failure, password))?;
        export.first_changed_one(did.rows, id)?;
        driver.commit()
    })();
    if done.is_err() {
        driver.rollback()?;
    }
    Ok(done?)
}

/// The failure without the database's words where these have the password in them.
fn hidden(failure: Failure, password: Password<'_>) -> Failure {
    let secrets = [Some(password.new), password.old];
    let tells =
        |text: &str| secrets.into_iter().flatten().any(|secret| text.contains(secret.expose()));
    let error = Error::from(failure);
    match tells(error.message()) {
        true => Error::new(error.kind(), "the database does not take the password").into(),
        false => error.into(),
    }
}
