//! People in memory, by the name of their store; they live as long as the library, or as their file.

use ecma_plugin_sdk::{
    Anchor, AttributeType, Change, Entry, EntryId, Error, Exported, ObjectType, Result, Schema,
    Value,
};
use std::{
    collections::{BTreeMap, HashMap},
    fs,
    path::{Path, PathBuf},
    sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError},
};

static STORES: LazyLock<Mutex<HashMap<String, Arc<Store>>>> = LazyLock::new(Mutex::default);

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// People by their id.
type People = BTreeMap<i64, Entry>;

/// The people of one store.
pub(crate) struct Store {
    people: Mutex<People>,
    file: Option<PathBuf>,
}

/// Persons with a number that the store gives them.
pub(crate) fn schema() -> Schema {
    let person = ObjectType::new("person")
        .anchor("id", AttributeType::Integer)
        .generated()
        .attribute("userName", AttributeType::Text)
        .required()
        .unique()
        .case_insensitive()
        .attribute("displayName", AttributeType::Text)
        .attribute("active", AttributeType::Boolean)
        .attribute("mails", AttributeType::Text)
        .multi_valued();
    Schema::new([person])
}

/// An entry that breaks one rule or another: no anchor, an unknown type, a wrong kind of value.
pub(crate) fn lie(person: &Entry, which: usize) -> Entry {
    let mut id = person.id().clone();
    match which % 3 {
        0 => id.anchor = Anchor::default(),
        1 => id.object_type = "unicorn".to_owned(),
        _ => return person.clone().set("active", "perhaps").set("unheardOf", 7),
    }
    Entry::with_id(id).set("userName", "liar")
}

fn person(id: i64, user_name: &str, display_name: &str) -> Entry {
    Entry::new("person")
        .anchor("id", id)
        .set("userName", user_name)
        .set("displayName", display_name)
        .set("active", true)
        .set("mails", vec![format!("{user_name}@example.org")])
}

fn number(id: &EntryId) -> Option<i64> {
    match id.anchor.get("id")? {
        Value::Integer(number) => Some(*number),
        other => other.as_text()?.parse().ok(),
    }
}

impl Store {
    /// The store of this name; one nobody has asked for yet holds three people.
    pub(crate) fn named(name: &str, file: Option<&Path>) -> Arc<Store> {
        let make = || {
            let people = [("ada", "Ada Lovelace"), ("grace", "Grace Hopper"), ("edsger", "Edsger")];
            let people = (1..).zip(people).map(|(id, (user, name))| (id, person(id, user, name)));
            Arc::new(Store { people: Mutex::new(people.collect()), file: file.map(Path::to_owned) })
        };
        lock(&STORES).entry(name.to_owned()).or_insert_with(make).clone()
    }

    /// The people as they are now, in the file when there is one.
    fn now(&self) -> MutexGuard<'_, People> {
        let mut people = lock(&self.people);
        let text = self.file.as_ref().and_then(|file| fs::read(file).ok());
        if let Some(known) = text.and_then(|text| serde_json::from_slice(&text).ok()) {
            *people = known;
        }
        people
    }

    fn keep(&self, people: &People) -> Result<()> {
        let Some(file) = &self.file else { return Ok(()) };
        let text = serde_json::to_vec(people).map_err(|e| Error::internal(e.to_string()))?;
        // All at once: the process may end at any moment.
        let new = file.with_extension("new");
        fs::write(&new, text)?;
        Ok(fs::rename(new, file)?)
    }

    /// Everybody.
    pub(crate) fn people(&self) -> Vec<Entry> {
        self.now().values().cloned().collect()
    }

    /// One of them.
    pub(crate) fn get(&self, id: &EntryId) -> Option<Entry> {
        self.now().get(&number(id)?).cloned()
    }

    /// The user name a change gives, or the one its person has.
    pub(crate) fn user_name(&self, change: &Change) -> String {
        let known = || self.get(change.id())?.text("userName").map(str::to_owned);
        change.text("userName").map(str::to_owned).or_else(known).unwrap_or_default()
    }

    /// Does a change.
    pub(crate) fn change(&self, change: &Change) -> Result<Exported> {
        let mut people = self.now();
        let known = number(change.id()).filter(|id| people.contains_key(id));
        let id = match (change, known) {
            (Change::Add(_), Some(_)) => return Err(Error::already_exists("the id is taken")),
            (Change::Add(_), None) => number(change.id())
                .unwrap_or_else(|| people.last_key_value().map_or(1, |(last, _)| last + 1)),
            (_, Some(id)) => id,
            (_, None) => return Err(Error::not_found("there is no such person")),
        };
        let Some(mut after) = change.apply(people.get(&id)) else {
            people.remove(&id);
            self.keep(&people)?;
            return Ok(Exported::done());
        };
        let Some(name) = after.text("userName").map(str::to_lowercase) else {
            return Err(Error::invalid("userName", "is required"));
        };
        let has_name = |other: &Entry| {
            other.text("userName").is_some_and(|other| other.to_lowercase() == name)
        };
        if people.iter().any(|(other, person)| *other != id && has_name(person)) {
            return Err(Error::already_exists("the user name is taken").at("userName"));
        }
        after.id_mut().anchor = Anchor::new([("id", id)]);
        people.insert(id, after.clone());
        self.keep(&people)?;
        Ok(Exported::with_entry(after))
    }
}
