//! Random changes of multi-valued attributes in child tables against a plain model.

use crate::{
    children::name,
    support::{Database, entries, export, id},
};
use ecma_plugin_sdk::{AttributeChange, Update, prelude::*};
use proptest::{collection, prelude::*};
use std::collections::{BTreeMap, BTreeSet};

const TABLES: &str = "
    CREATE TABLE t (id INTEGER PRIMARY KEY);
    CREATE TABLE tag (t INTEGER REFERENCES t, tag TEXT);
    CREATE TABLE member (t INTEGER REFERENCES t, member INTEGER, type TEXT, PRIMARY KEY (t, member, type));";
const SETTING: &str = "t.tags = tag.tag WHERE tag.t = t.id, \
    t.members = member.member WHERE member.t = t.id TYPE member.type";

type Values = BTreeSet<Value>;
/// Tags and members of each entry.
type Model = BTreeMap<i64, [Values; 2]>;

#[derive(Debug, Clone)]
enum Step {
    Add(i64, [Vec<Value>; 2]),
    Update(i64, usize, AttributeChange),
    Delete(i64),
}

const ATTRIBUTES: [&str; 2] = ["tags", "members"];

fn values(attribute: usize) -> BoxedStrategy<Vec<Value>> {
    let tag = prop_oneof!["[a-c]", "\\PC{1,3}"].prop_map(Value::from);
    let member = prop_oneof![-1..3_i64, Just(i64::MAX)].prop_map(|key| name("t", key));
    match attribute {
        0 => collection::vec(tag, 0..5).boxed(),
        _ => collection::vec(member, 0..5).boxed(),
    }
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 1..4_i64;
    let change = (0..2_usize).prop_flat_map(|attribute| {
        let change = prop_oneof![
            values(attribute).prop_map(AttributeChange::Set),
            Just(AttributeChange::Clear),
            (values(attribute), values(attribute))
                .prop_map(|(added, removed)| AttributeChange::Modify { added, removed }),
        ];
        (Just(attribute), change)
    });
    prop_oneof![
        (key(), values(0), values(1))
            .prop_map(|(key, tags, members)| Step::Add(key, [tags, members])),
        (key(), change).prop_map(|(key, (attribute, change))| Step::Update(key, attribute, change)),
        key().prop_map(Step::Delete),
    ]
}

fn change(step: &Step) -> Change {
    match step {
        Step::Add(key, [tags, members]) => {
            let mut entry = Entry::new("t").anchor("id", *key);
            entry.put("tags", tags.clone());
            entry.put("members", members.clone());
            Change::Add(entry)
        }
        Step::Update(key, attribute, change) => {
            let mut update = Update::new(id("t", "id", *key));
            update.attributes.push((ATTRIBUTES[*attribute].to_owned(), change.clone()));
            Change::Update(update)
        }
        Step::Delete(key) => Change::Delete { id: id("t", "id", *key) },
    }
}

fn apply(model: &mut Model, step: &Step) -> Result<(), ErrorKind> {
    match step {
        Step::Add(key, _) if model.contains_key(key) => return Err(ErrorKind::AlreadyExists),
        Step::Add(key, values) => {
            model.insert(*key, values.clone().map(|values| values.into_iter().collect()));
        }
        Step::Update(key, attribute, change) => {
            let entry = model.get_mut(key).ok_or(ErrorKind::NotFound)?;
            let before: Vec<Value> = entry[*attribute].iter().cloned().collect();
            entry[*attribute] = change.apply(&before).into_iter().collect();
        }
        Step::Delete(key) => drop(model.remove(key).ok_or(ErrorKind::NotFound)?),
    }
    Ok(())
}

fn found(entries: Vec<Entry>) -> Model {
    let key = |entry: &Entry| entry.id().anchor.first().and_then(Value::as_integer).unwrap();
    let values = |entry: &Entry| ATTRIBUTES.map(|name| entry.get(name).iter().cloned().collect());
    entries.iter().map(|entry| (key(entry), values(entry))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn child_tables_are_what_the_model_is(steps in collection::vec(step(), 1..20)) {
        let database = Database::new(TABLES);
        let mut connection = database.open_with(|values| values.with("multi_valued_tables", SETTING));
        let mut model = Model::new();
        for step in &steps {
            let done = export(&mut connection, change(step)).map(drop).map_err(|error| error.kind());
            prop_assert_eq!(done, apply(&mut model, step), "{:?}", step);
        }
        prop_assert_eq!(found(entries(&mut connection)), model);
    }
}
