//! A connected system in memory, with faults on order.

use crate::{
    Anchor, AttributeType, Capabilities, Change, Config, Connector, Entry, EntryId, Error,
    ErrorKind, ExportStyle, Exported, ImportKind, ImportRun, ImportSink, ObjectType, Parameter,
    ParameterKind, PasswordOptions, Problem, Result, Schema, Secret, Value, Values, Watermark,
};
use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

/// Something that goes wrong, once, in the next call it fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The next connection is refused.
    Connect(ErrorKind),
    /// The next import fails after so many entries.
    Import(usize, ErrorKind),
    /// The next export fails and nothing is changed.
    Export(ErrorKind),
    /// The next export is done, but the answer is lost.
    LostAnswer(ErrorKind),
    /// The next deletion fails and nothing is changed.
    Delete(ErrorKind),
    /// The next password is refused and not set.
    Password(ErrorKind),
    /// The next export panics.
    Panic,
}

/// What a fake holds; shared by its connections.
#[derive(Default)]
pub struct State {
    /// Entries by their anchor.
    pub entries: BTreeMap<Anchor, Entry>,
    /// Changes in order, for delta imports.
    pub journal: Vec<Change>,
    /// Pages of changes as they were exported.
    pub exported: Vec<Vec<Change>>,
    /// Passwords that were set, in order; those of entries that are gone as well.
    pub passwords: Vec<(EntryId, String, PasswordOptions)>,
    /// Faults to come.
    pub faults: VecDeque<Fault>,
    /// What the connector says it can do.
    pub capabilities: Capabilities,
    /// The schema.
    pub schema: Schema,
    /// The next number the system gives to an entry without anchor.
    pub next: i64,
    /// While set, an import stops before its last entry until it is unset.
    pub hold_import: bool,
    /// While set, an export waits.
    pub hold_export: bool,
}

/// A connected system in memory. Clones share what it holds.
#[derive(Clone)]
pub struct System {
    name: String,
    state: Arc<(Mutex<State>, std::sync::Condvar)>,
}

static SYSTEMS: LazyLock<Mutex<HashMap<String, System>>> = LazyLock::new(Mutex::default);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl System {
    /// A system under this name, which no other test of the process may use: people with `id`,
    /// `userName`, `displayName`, `active`, `mails` and a few more attributes.
    #[must_use]
    pub fn new(name: &str) -> System {
        let user = ObjectType::new("user").anchor("id", AttributeType::Text);
        let user = user
            .attribute("userName", AttributeType::Text)
            .required()
            .unique()
            .case_insensitive()
            .attribute("displayName", AttributeType::Text)
            .attribute("active", AttributeType::Boolean)
            .attribute("number", AttributeType::Integer)
            .attribute("mails", AttributeType::Text)
            .multi_valued()
            .attribute("photo", AttributeType::Binary)
            .attribute("password", AttributeType::Text)
            .export_only();
        let capabilities = Capabilities {
            delta_import: true,
            export_style: ExportStyle::AttributeUpdate,
            export_pages: true,
            read: true,
            concurrent: true,
            ..Capabilities::default()
        };
        let state =
            State { capabilities, schema: Schema::new([user]), next: 1, ..State::default() };
        let system = System {
            name: name.to_owned(),
            state: Arc::new((Mutex::new(state), Default::default())),
        };
        lock(&SYSTEMS).insert(name.to_owned(), system.clone());
        system
    }

    /// The values that lead to it.
    #[must_use]
    pub fn values(&self) -> Values {
        Values::new([("system", self.name.as_str())])
    }

    /// What it holds, to look at and to change.
    pub fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state.0)
    }

    /// Adds an entry as somebody else would.
    pub fn put(&self, entry: Entry) {
        let mut state = self.state();
        state.journal.push(Change::Add(entry.clone()));
        state.entries.insert(entry.id().anchor.clone(), entry);
    }

    /// Adds a person as somebody else would.
    pub fn person(&self, id: &str, user_name: &str) -> Entry {
        let entry = Entry::new("user").anchor("id", id).set("userName", user_name);
        self.put(entry.clone());
        entry
    }

    /// Removes an entry as somebody else would.
    pub fn remove(&self, id: &str) {
        let mut state = self.state();
        if let Some(entry) = state.entries.remove(&Anchor::new([("id", id)])) {
            state.journal.push(Change::Delete { id: entry.id().clone() });
        }
    }

    /// The entry with this anchor.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<Entry> {
        self.state().entries.get(&Anchor::new([("id", id)])).cloned()
    }

    /// Orders a fault.
    pub fn fail(&self, fault: Fault) {
        self.state().faults.push_back(fault);
    }

    /// Makes imports or exports wait, or lets them go on.
    pub fn hold(&self, imports: bool, exports: bool) {
        let mut state = self.state();
        state.hold_import = imports;
        state.hold_export = exports;
        self.state.1.notify_all();
    }

    fn wait_while(&self, held: impl Fn(&State) -> bool) {
        let mut state = self.state();
        while held(&state) {
            state = self.state.1.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn fault(&self, fits: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let mut state = self.state();
        let at = state.faults.iter().position(fits)?;
        state.faults.remove(at)
    }
}

/// Settings: which system.
pub struct Which(String);

impl Config for Which {
    fn parameters() -> Vec<Parameter> {
        vec![Parameter::new("system", ParameterKind::Text)]
    }

    fn read(values: &Values) -> Result<Which, Vec<Problem>> {
        let mut problems = Vec::new();
        values.read("system", None, &mut problems).map(Which).ok_or(problems)
    }
}

/// The connector to a [`System`].
pub struct Fake(System);

fn ordered(kind: ErrorKind) -> Error {
    Error::new(kind, "the test asked for it")
}

impl Connector for Fake {
    type Config = Which;

    fn connect(config: Which) -> Result<Fake> {
        let system = lock(&SYSTEMS).get(&config.0).cloned();
        let system = system.ok_or_else(|| Error::config("there is no such system"))?;
        match system.fault(|fault| matches!(fault, Fault::Connect(_))) {
            Some(Fault::Connect(kind)) => Err(ordered(kind)),
            _ => Ok(Fake(system)),
        }
    }

    fn capabilities(config: &Which) -> Capabilities {
        let system = lock(&SYSTEMS).get(&config.0).cloned();
        system.map(|system| system.state().capabilities.clone()).unwrap_or_default()
    }

    fn schema(&mut self) -> Result<Schema> {
        Ok(self.0.state().schema.clone())
    }

    fn import(&mut self, run: &ImportRun, sink: &mut ImportSink<'_>) -> Result<Option<Watermark>> {
        let fault = self.0.fault(|fault| matches!(fault, Fault::Import(..)));
        let (changes, end) = {
            let state = self.0.state();
            let changes: Vec<Change> = match &run.kind {
                ImportKind::Full => state.entries.values().cloned().map(Change::Add).collect(),
                ImportKind::Delta(since) => {
                    let since: usize = since.as_str().parse().unwrap_or_default();
                    state.journal.get(since..).unwrap_or_default().to_vec()
                }
            };
            (changes, state.journal.len())
        };
        for (at, change) in changes.iter().enumerate() {
            if let Some(Fault::Import(after, kind)) = fault
                && at >= after
            {
                return Err(ordered(kind));
            }
            if at + 1 == changes.len() {
                self.0.wait_while(|state| state.hold_import);
            }
            let mut change = change.clone();
            if let Change::Add(entry) = &mut change {
                entry.retain(|name| name != "password");
            }
            sink.change(&change)?;
        }
        Ok(Some(Watermark::new(end.to_string())))
    }

    fn export(&mut self, change: &Change) -> Result<Exported> {
        self.export_batch(std::slice::from_ref(change)).remove(0)
    }

    fn export_batch(&mut self, batch: &[Change]) -> Vec<Result<Exported>> {
        self.0.wait_while(|state| state.hold_export);
        self.0.state().exported.push(batch.to_vec());
        batch.iter().map(|change| self.one(change)).collect()
    }

    fn read(&mut self, ids: &[EntryId]) -> Result<Vec<Option<Entry>>> {
        let state = self.0.state();
        Ok(ids.iter().map(|id| state.entries.get(&id.anchor).cloned()).collect())
    }

    fn set_password(&mut self, id: &EntryId, new: &Secret, options: PasswordOptions) -> Result<()> {
        if let Some(Fault::Password(kind)) = self.0.fault(|f| matches!(f, Fault::Password(_))) {
            // Not every connector keeps a password to itself.
            return Err(Error::new(kind, format!("the test refuses {}", new.expose())));
        }
        let mut state = self.0.state();
        if !state.entries.contains_key(&id.anchor) {
            return Err(Error::not_found("there is no such entry"));
        }
        state.passwords.push((id.clone(), new.expose().to_owned(), options));
        Ok(())
    }
}

impl Fake {
    fn one(&mut self, change: &Change) -> Result<Exported> {
        let is_delete = matches!(change, Change::Delete { .. });
        let fault = self.0.fault(|fault| match fault {
            Fault::Export(_) | Fault::LostAnswer(_) | Fault::Panic => true,
            Fault::Delete(_) => is_delete,
            _ => false,
        });
        match fault {
            Some(Fault::Export(kind) | Fault::Delete(kind)) => return Err(ordered(kind)),
            Some(Fault::Panic) => panic!("the test asked for it"),
            _ => {}
        }
        let mut state = self.0.state();
        let mut anchor = change.id().anchor.clone();
        let before = state.entries.get(&anchor).cloned();
        match (change, &before) {
            (Change::Add(_), Some(_)) => return Err(Error::already_exists("the id is taken")),
            (Change::Add(entry), None) => {
                let name = entry.text("userName");
                if name.is_none() {
                    return Err(Error::invalid("userName", "is required"));
                }
                if state.entries.values().any(|known| known.text("userName") == name) {
                    return Err(Error::already_exists("the user name is taken").at("userName"));
                }
                if anchor.is_empty() {
                    while anchor.is_empty() || state.entries.contains_key(&anchor) {
                        anchor = Anchor::new([("id", Value::Text(state.next.to_string()))]);
                        state.next += 1;
                    }
                }
            }
            (_, None) => return Err(Error::not_found("there is no such entry")),
            _ => {}
        }
        match change.apply(before.as_ref()) {
            Some(mut entry) => {
                entry.id_mut().anchor = anchor.clone();
                state.journal.push(Change::Add(entry.clone()));
                state.entries.insert(anchor.clone(), entry);
            }
            None => {
                state.journal.push(change.clone());
                state.entries.remove(&anchor);
            }
        }
        match fault {
            Some(Fault::LostAnswer(kind)) => Err(ordered(kind)),
            _ => Ok(Exported::with_anchor(anchor)),
        }
    }
}
