//! The contract every connector keeps, checked against a real one.

use crate::{
    Access, Answer, AttributeType, Capabilities, Change, Connection, Entry, Error, ErrorKind,
    ExportStyle, ImportKind, ImportRun, Pager, ParameterKind, Plugin, Result, Schema, Update,
    Value, Values, Watermark,
    page::{Page, Refused},
};
use std::collections::{BTreeMap, BTreeSet};

/// Checks a plugin against the contract, as far as its capabilities claim something.
///
/// The values must lead to a connected system that holds at least three entries and that the check
/// may write to; what it adds it removes again.
pub struct Contract {
    plugin: Plugin,
    values: Values,
    sample: Option<Entry>,
    changed: Option<(String, Vec<Value>)>,
    errors: Vec<Error>,
}

/// What an import pushed.
pub struct Imported {
    /// Entries and changes in order.
    pub changes: Vec<Change>,
    /// Entries that could not be read.
    pub refused: Vec<Refused>,
    /// Where a delta import goes on.
    pub watermark: Option<Watermark>,
}

#[derive(Default)]
struct Collect {
    changes: Vec<Change>,
    refused: Vec<Refused>,
    sizes: Vec<usize>,
    stop_after: Option<usize>,
}

impl Pager for Collect {
    fn page(&mut self, page: &[u8]) -> bool {
        let page = Page::parse(page).expect("a page is well formed");
        let before = self.changes.len() + self.refused.len();
        for record in page.records() {
            match page.change(&record.expect("a record is well formed")) {
                Ok(change) => self.changes.push(change),
                Err(refused) => self.refused.push(refused),
            }
        }
        self.sizes.push(self.changes.len() + self.refused.len() - before);
        self.stop_after.is_none_or(|pages| self.sizes.len() < pages)
    }

    fn go_on(&self) -> bool {
        self.stop_after.is_none_or(|pages| self.sizes.len() < pages)
    }
}

/// Runs an import and collects what it pushes.
pub fn import(connection: &mut Connection, run: &ImportRun) -> Result<Imported> {
    let mut collect = Collect::default();
    let watermark = connection.import(run, &mut collect)?;
    Ok(Imported { changes: collect.changes, refused: collect.refused, watermark })
}

impl Contract {
    /// The contract for this plugin with these values.
    #[must_use]
    pub fn new(plugin: Plugin, values: Values) -> Contract {
        Contract { plugin, values, sample: None, changed: None, errors: Vec::new() }
    }

    /// With an entry that is not in the connected system and may be added. Needed for connectors
    /// that export.
    #[must_use]
    pub fn sample(mut self, entry: Entry) -> Contract {
        self.sample = Some(entry);
        self
    }

    /// With other values for one attribute of the sample; by default the first text attribute gets
    /// a few letters more.
    #[must_use]
    pub fn changed(mut self, attribute: &str, values: Vec<Value>) -> Contract {
        self.changed = Some((attribute.to_owned(), values));
        self
    }

    /// Checks all of it.
    ///
    /// # Panics
    /// At the first promise that is not kept, with the promise.
    pub fn verify(mut self) {
        self.parameters();
        let capabilities =
            self.ok("tells its capabilities", self.plugin.capabilities(&self.values));
        let mut connection = self.connect();
        self.ok("answers a test", connection.test());
        let schema = self.schema(&mut connection);
        let partitions = self.ok("lists its partitions", connection.partitions());
        let ids: BTreeSet<&str> = partitions.iter().map(|p| p.id.as_str()).collect();
        assert!(!ids.is_empty(), "there is a partition");
        assert_eq!(ids.len(), partitions.len(), "partitions have different ids");
        if capabilities.full_import {
            self.full_import(&mut connection, &schema);
            self.stops(&mut connection);
        }
        if capabilities.export {
            let sample = self.sample.clone().expect("a connector that exports needs a sample");
            self.export(&mut connection, &capabilities, &schema, &sample);
        }
        if capabilities.concurrent {
            let mut second = self.connect();
            self.ok("answers a test on a second connection", second.test());
            self.ok("answers a test on the first meanwhile", connection.test());
        }
        self.secrets();
    }

    fn ok<T>(&self, promise: &str, result: Result<T>) -> T {
        result.unwrap_or_else(|error| {
            panic!("{} {promise}: {:?}: {error}", self.plugin.info().name, error.kind())
        })
    }

    fn refuses<T>(&mut self, promise: &str, kind: ErrorKind, result: Result<T>) {
        match result {
            Ok(_) => panic!("{} {promise}, but it succeeded", self.plugin.info().name),
            Err(error) => {
                assert_eq!(error.kind(), kind, "{promise}: {error}");
                self.errors.push(error);
            }
        }
    }

    fn connect(&self) -> Connection {
        self.ok("connects", self.plugin.connect(&self.values))
    }

    fn parameters(&mut self) {
        let parameters =
            self.ok("lists its parameters", self.plugin.parameters(None, &self.values));
        let names: BTreeSet<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names.len(), parameters.len(), "parameters have different names");
        for parameter in &parameters {
            assert!(!parameter.label.is_empty(), "{} has a label", parameter.name);
            if let Some(default) = &parameter.default {
                assert_eq!(
                    parameter.problem(default),
                    None,
                    "{} has a good default",
                    parameter.name
                );
                assert_ne!(parameter.kind, ParameterKind::Secret, "a secret has no default");
            }
        }
        let problems = self.ok("checks values", self.plugin.check(&self.values));
        assert_eq!(problems, [], "the given values are accepted");
        for parameter in parameters.iter().filter(|parameter| parameter.required) {
            let mut values = self.values.clone();
            values.remove(&parameter.name);
            self.is_blamed(&parameter.name, &values, "the absence of a required parameter");
        }
        for parameter in &parameters {
            let wrong = match parameter.kind {
                ParameterKind::Integer { .. } | ParameterKind::Boolean => "neither",
                ParameterKind::Choice { extensible: false, .. } => "no such choice",
                _ => continue,
            };
            let values = self.values.clone().with(&parameter.name, wrong);
            self.is_blamed(&parameter.name, &values, "a wrong answer");
        }
        let values = self.values.clone().with("no such parameter", "x");
        self.is_blamed("no such parameter", &values, "a parameter nobody knows");
    }

    fn is_blamed(&self, name: &str, values: &Values, what: &str) {
        let problems = self.ok("checks values", self.plugin.check(values));
        assert!(
            problems.iter().any(|problem| problem.at == name),
            "{what} is reported by name, {name}: {problems:?}"
        );
    }

    fn schema(&self, connection: &mut Connection) -> Schema {
        let schema = self.ok("tells its schema", connection.schema());
        assert_eq!(schema, self.ok("tells it again", connection.schema()), "the schema is stable");
        assert!(!schema.types.is_empty(), "there is an object type");
        for object_type in &schema.types {
            let name = &object_type.name;
            assert!(object_type.anchors().count() > 0, "{name} has an anchor");
            assert!(
                object_type.anchors().all(|a| !a.multi_valued),
                "{name}'s anchor has one value"
            );
            let names: BTreeSet<&str> =
                object_type.attributes.iter().map(|a| a.name.as_str()).collect();
            assert_eq!(names.len(), object_type.attributes.len(), "{name}'s attributes differ");
            for attribute in &object_type.attributes {
                let unknown = attribute.refers_to.iter().find(|known| schema.get(known).is_none());
                assert_eq!(unknown, None, "{name}'s {} refers to types there are", attribute.name);
            }
        }
        schema
    }

    fn full(&self, connection: &mut Connection, page_size: u32) -> BTreeMap<String, Entry> {
        let run = ImportRun { page_size, ..ImportRun::full() };
        let mut collect = Collect::default();
        self.ok("imports", connection.import(&run, &mut collect));
        assert_eq!(collect.refused, [], "every entry of the test can be read");
        assert!(
            collect.sizes.iter().all(|size| *size <= page_size as usize),
            "no page has more than {page_size} entries"
        );
        let mut entries = BTreeMap::new();
        for change in collect.changes {
            let Change::Add(entry) = change else { panic!("a full import adds only: {change:?}") };
            let id = entry.id().to_string();
            assert!(entries.insert(id.clone(), entry).is_none(), "{id} comes once");
        }
        entries
    }

    fn full_import(&self, connection: &mut Connection, schema: &Schema) {
        let entries = self.full(connection, 1000);
        assert!(entries.len() >= 3, "the connected system of the test has three entries");
        for page_size in [1, 7] {
            let again = self.full(connection, page_size);
            assert_eq!(again, entries, "pages of {page_size} bring the same");
        }
        for (id, entry) in &entries {
            let object_type = schema.get(&entry.id().object_type);
            let object_type = object_type.unwrap_or_else(|| panic!("{id}: its type is known"));
            let anchors: Vec<&str> = object_type.anchors().map(|a| a.name.as_str()).collect();
            let given: Vec<&str> = entry.id().anchor.iter().map(|(name, _)| name).collect();
            assert_eq!(given, anchors, "{id} has its anchor");
            for (name, values) in entry.attributes() {
                let attribute = object_type.get(name);
                let attribute =
                    attribute.unwrap_or_else(|| panic!("{id}: {name} is in the schema"));
                assert_ne!(attribute.access, Access::ExportOnly, "{id}: {name} is never read");
                assert!(attribute.multi_valued || values.len() == 1, "{id}: {name} has one value");
                assert!(values.iter().all(|v| fits(attribute.kind, v)), "{id}: {name}: {values:?}");
            }
        }
    }

    fn stops(&mut self, connection: &mut Connection) {
        let run = ImportRun { page_size: 1, ..ImportRun::full() };
        let mut collect = Collect { stop_after: Some(1), ..Collect::default() };
        let result = connection.import(&run, &mut collect);
        self.refuses("ends an import when the host says stop", ErrorKind::Cancelled, result);
        assert_eq!(collect.sizes.len(), 1, "no page comes after the host said stop");
    }

    fn one(&mut self, connection: &mut Connection, change: Change) -> Result<Entry> {
        let entry = change.apply(None);
        let done = connection.export(&[change])?.remove(0)?;
        let mut entry = done.entry.or(entry).unwrap_or_else(|| Entry::new(""));
        if let Some(anchor) = done.anchor {
            entry.id_mut().anchor = anchor;
        }
        Ok(entry)
    }

    fn export(
        &mut self,
        connection: &mut Connection,
        capabilities: &Capabilities,
        schema: &Schema,
        sample: &Entry,
    ) {
        let before = self.full(connection, 1000);
        let watermark = self.watermark(connection, capabilities);
        let added = self.one(connection, Change::Add(sample.clone()));
        let added = self.ok("adds the sample", added);
        let id = added.id().clone();
        assert!(!id.anchor.is_empty(), "an added entry has an anchor");
        let now = self.full(connection, 1000);
        assert_eq!(now.len(), before.len() + 1, "the added entry is imported, and only it");
        let found = now.get(&id.to_string()).expect("the added entry is imported by its anchor");
        self.same(schema, sample, found);

        let mut again = sample.clone();
        again.id_mut().anchor = id.anchor.clone();
        let result = self.one(connection, Change::Add(again));
        self.refuses("refuses what is there already", ErrorKind::AlreadyExists, result);
        assert_eq!(self.full(connection, 1000), now, "a refused add changes nothing");

        let (attribute, values) = self.changed.clone().unwrap_or_else(|| other(schema, found));
        let change = |values: Vec<Value>| match capabilities.export_style {
            ExportStyle::ObjectReplace => {
                Change::Replace(found.clone().set(attribute.as_str(), values))
            }
            _ => Change::Update(Update::new(id.clone()).set(attribute.as_str(), values)),
        };
        let changed = self.one(connection, change(values.clone()));
        self.ok("changes one attribute", changed);
        let now = self.full(connection, 1000);
        let after = now.get(&id.to_string()).expect("a changed entry keeps its anchor");
        let expected = found.clone().set(attribute.as_str(), values.clone());
        self.same(schema, &expected, after);
        let unchanged = self.one(connection, change(values));
        self.ok("takes the same value again", unchanged);
        assert_eq!(self.full(connection, 1000), now, "the same value changes nothing");

        if capabilities.read {
            let mut missing = id.clone();
            missing.anchor = absent(&id.anchor);
            let read = self.ok("reads by id", connection.read(&[missing, id.clone()]));
            assert_eq!(read[0], None, "an entry that is not there is not read");
            assert_eq!(read[1].as_ref(), Some(after), "what is read is what is imported");
        }
        self.delta(connection, watermark, &id.to_string());

        let delete = || Change::Delete { id: id.clone() };
        let deleted = self.one(connection, delete());
        self.ok("deletes", deleted);
        assert_eq!(self.full(connection, 1000), before, "delete undoes add");
        let result = self.one(connection, delete());
        self.refuses("says that it is gone", ErrorKind::NotFound, result);
        let result = self.one(connection, change(vec![Value::Text("x".to_owned())]));
        self.refuses("does not change what is gone", ErrorKind::NotFound, result);

        self.pages(connection, sample, &before);
    }

    /// A page of three, one of which must fail, gives three answers in order.
    fn pages(
        &mut self,
        connection: &mut Connection,
        sample: &Entry,
        before: &BTreeMap<String, Entry>,
    ) {
        let (_, known) = before.first_key_value().expect("there are entries");
        let mut gone = known.id().clone();
        gone.anchor = absent(&gone.anchor);
        let page =
            [Change::Delete { id: gone }, Change::Add(sample.clone()), Change::Add(known.clone())];
        let mut results = self.ok("takes a page", connection.export(&page));
        assert!(results.pop().expect("three answers").is_err(), "the third is there already");
        let added = self.ok("adds the second of a page", results.pop().expect("three answers"));
        assert!(results.pop().expect("three answers").is_err(), "the first is not there");
        let mut id = sample.id().clone();
        if let Some(anchor) = added.anchor.or(added.entry.map(|e| e.id().anchor.clone())) {
            id.anchor = anchor;
        }
        let deleted = self.one(connection, Change::Delete { id });
        self.ok("deletes what the page added", deleted);
        assert_eq!(&self.full(connection, 1000), before, "a failing change leaves its neighbors");
    }

    fn watermark(
        &self,
        connection: &mut Connection,
        capabilities: &Capabilities,
    ) -> Option<Watermark> {
        if !capabilities.delta_import {
            return None;
        }
        let imported = self.ok("imports", import(connection, &ImportRun::full()));
        Some(imported.watermark.expect("a full import gives a watermark for the first delta"))
    }

    fn delta(&self, connection: &mut Connection, since: Option<Watermark>, id: &str) {
        let Some(since) = since else { return };
        let run = ImportRun { kind: ImportKind::Delta(since), ..ImportRun::full() };
        let imported = self.ok("imports what changed", import(connection, &run));
        let ids: BTreeSet<String> =
            imported.changes.iter().map(|change| change.id().to_string()).collect();
        assert_eq!(ids, BTreeSet::from([id.to_owned()]), "the change is in the delta, and only it");
        let since = imported.watermark.expect("a delta import gives the next watermark");
        let run = ImportRun { kind: ImportKind::Delta(since), ..ImportRun::full() };
        let imported = self.ok("imports what changed since", import(connection, &run));
        assert_eq!(imported.changes, [], "nothing changed since");
    }

    fn same(&self, schema: &Schema, wanted: &Entry, found: &Entry) {
        let object_type = schema.get(&wanted.id().object_type).expect("the sample's type is known");
        for (name, values) in wanted.attributes() {
            if object_type.get(name).is_some_and(|a| a.access == Access::ImportExport) {
                assert_eq!(found.get(name), values, "{name} is what was exported");
            }
        }
    }

    fn secrets(&self) {
        let parameters =
            self.ok("lists its parameters", self.plugin.parameters(None, &self.values));
        for parameter in parameters.iter().filter(|p| p.kind == ParameterKind::Secret) {
            let Some(secret) = self.values.get(&parameter.name).and_then(Answer::as_text) else {
                continue;
            };
            for error in &self.errors {
                assert!(!error.to_string().contains(&secret), "no error holds {}", parameter.name);
            }
        }
    }
}

/// Whether a value is of the attribute's kind.
fn fits(kind: AttributeType, value: &Value) -> bool {
    matches!(
        (kind, value),
        (AttributeType::Text | AttributeType::DateTime, Value::Text(_))
            | (AttributeType::Integer, Value::Integer(_))
            | (AttributeType::Boolean, Value::Boolean(_))
            | (AttributeType::Binary, Value::Binary(_))
            | (AttributeType::Reference, Value::Reference(_))
    )
}

/// The first writable text attribute, with a few letters more.
fn other(schema: &Schema, entry: &Entry) -> (String, Vec<Value>) {
    let object_type = schema.get(&entry.id().object_type).expect("the sample's type is known");
    let attribute = object_type
        .attributes
        .iter()
        .filter(|a| !a.anchor && a.access == Access::ImportExport && a.kind == AttributeType::Text)
        .find(|a| !entry.get(&a.name).is_empty())
        .expect("the sample has a text attribute, or `changed` names another");
    let text = entry.text(&attribute.name).expect("it has a value");
    (attribute.name.clone(), vec![Value::Text(format!("{text} changed"))])
}

/// An anchor of the same shape that no entry has.
fn absent(anchor: &crate::Anchor) -> crate::Anchor {
    crate::Anchor::new(anchor.iter().map(|(name, value)| {
        let value = match value {
            Value::Integer(_) => Value::Integer(987_654_321_987),
            Value::Binary(_) => Value::Binary(b"no such entry".to_vec()),
            Value::Boolean(truth) => Value::Boolean(*truth),
            _ => Value::Text("nosuchentry".to_owned()),
        };
        (name.to_owned(), value)
    }))
}
