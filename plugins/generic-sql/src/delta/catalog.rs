//! How deltas are found, from the settings and the catalog, or what does not fit.

use super::{Deltas, History, Tracking, Until};
use crate::{
    child::Join,
    dialect::Dialect,
    driver::{ColumnFacts, TableFacts},
    nearest::instead,
    schema::Table,
    settings::{DeltaStrategy, Settings},
    words::{Name, Words},
};
use ecma_plugin_sdk::Problem;

const STRATEGY: &str = "delta_strategy";
const TABLES: &str = "history_tables";
const WATERMARK: &str = "history_watermark_column";
const OPERATION: &str = "history_operation_column";
/// Without a word about it.
const NUMBERED: &str = "id";
/// Words that always mean a changed row.
const UPDATES: [&str; 2] = ["Modify", "Modify_Attribute"];

/// What an entry of `history_tables` says.
struct Said {
    entry: String,
    object_type: String,
    history: String,
    join: Vec<(Name, Name)>,
}

fn parse(entry: &str) -> Result<Said, String> {
    let mut words = Words::of(entry)?;
    let object_type = words.word("the object type")?;
    words.equals("the object type")?;
    let history = words.word("the history table")?;
    let join = words.join("the history table")?;
    words.end()?;
    Ok(Said { entry: entry.to_owned(), object_type, history, join })
}

/// Whether a table is a history.
pub(crate) fn is_history(settings: &Settings, table: &str) -> bool {
    let said = settings.history_tables.iter().filter_map(|entry| parse(entry).ok());
    said.map(|said| said.history).any(|history| history.eq_ignore_ascii_case(table))
}

/// What is wrong without a look at the database.
pub(crate) fn problems(settings: &Settings) -> Vec<Problem> {
    use DeltaStrategy::{History, Watermark};
    let mut problems = Vec::new();
    let has = |strategy| settings.has_strategy(|one| one == strategy);
    let mut wrong = |name: &str, text: &str| problems.push(Problem::new(name, text));
    for (name, is_there, of, word) in [
        ("watermark_column", settings.watermark_column.is_some(), Watermark, "watermark"),
        ("watermark_query", settings.watermark_query.is_some(), Watermark, "watermark"),
        (TABLES, !settings.history_tables.is_empty(), History, "history"),
        (WATERMARK, settings.history_watermark_column.is_some(), History, "history"),
        (OPERATION, settings.history_operation_column.is_some(), History, "history"),
        ("history_add", settings.history_add.is_some(), History, "history"),
        ("history_update", settings.history_update.is_some(), History, "history"),
        ("history_delete", settings.history_delete.is_some(), History, "history"),
        ("history_overlap", settings.history_overlap.is_some(), History, "history"),
    ] {
        if is_there && !has(of) {
            wrong(name, &format!("is for the delta_strategy {word}"));
        }
    }
    if has(Watermark) && settings.watermark_column.is_none() {
        wrong("watermark_column", "is missing: the delta_strategy watermark needs it");
    }
    if has(History) && settings.history_tables.is_empty() {
        wrong(TABLES, "is missing: the delta_strategy history needs one for each object type");
    }
    if settings.history_operation_column.is_none() {
        for (name, word) in [
            ("history_add", &settings.history_add),
            ("history_update", &settings.history_update),
            ("history_delete", &settings.history_delete),
        ] {
            if has(History) && word.is_some() {
                wrong(name, "is a word of history_operation_column, which is missing");
            }
        }
    }
    if let Some(text) = settings.watermark_query.as_deref().and_then(wrong_query) {
        wrong("watermark_query", &text);
    }
    for entry in &settings.history_tables {
        if let Err(what) = parse(entry) {
            let text = format!(
                "has \"{entry}\", {what}; it is written as \"person = person_history WHERE \
                 person_history.id = person.id\""
            );
            wrong(TABLES, &text);
        }
    }
    problems
}

/// What is wrong with a query for a watermark.
pub(crate) fn wrong_query(query: &str) -> Option<String> {
    let query = plain(query);
    let first = query.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
    let is_one = first.eq_ignore_ascii_case("select") && !query.contains(';');
    (!is_one).then(|| "is not one SELECT".to_owned())
}

/// A query without the semicolon at its end.
fn plain(query: &str) -> &str {
    query.trim().trim_end_matches(';').trim()
}

/// Tells each table how its deltas are found.
pub(crate) fn attach(
    settings: &Settings,
    facts: &[TableFacts],
    dialect: &dyn Dialect,
    mut tables: Vec<Table>,
) -> Result<Vec<Table>, Vec<Problem>> {
    let mut problems = Vec::new();
    for table in &mut tables {
        match settings.strategy_of(&table.object_type) {
            DeltaStrategy::None | DeltaStrategy::History => {}
            DeltaStrategy::Watermark => {
                let query = settings.watermark_query_of(&table.object_type);
                let until = query
                    .map(|(parameter, query)| Until { parameter, query: plain(query).to_owned() });
                table.deltas = Deltas::Watermark { until };
            }
            DeltaStrategy::ChangeTracking if dialect.change_tracking().is_none() => {
                let text =
                    "is change_tracking, which this database does not have; history is for all";
                problems.push(Problem::new(STRATEGY, text));
            }
            DeltaStrategy::ChangeTracking => match tracking(facts, table) {
                Ok(tracking) => table.deltas = Deltas::Tracking(tracking),
                Err(text) => problems.push(Problem::new(STRATEGY, text)),
            },
        }
    }
    problems.dedup();
    histories(settings, facts, &mut tables, &mut problems);
    if problems.is_empty() { Ok(tables) } else { Err(problems) }
}

/// The key that the database's account has is the primary one.
fn tracking(all: &[TableFacts], table: &Table) -> Result<Tracking, String> {
    let facts = all.iter().find(|facts| facts.quoted == table.quoted);
    let columns = table.columns.iter().enumerate().filter(|(_, column)| column.anchor);
    let key = |name: &str| {
        facts?.columns.iter().find(|column| column.name == *name && column.primary_key)
    };
    let mut keys = Vec::new();
    for (parent, column) in columns {
        let Some(known) = key(&column.name) else {
            let text = "is no column of the primary key, by which changes are tracked";
            return Err(format!("is change_tracking, but {}.{} {text}", table.name, column.name));
        };
        keys.push(Join { child: known.name.clone(), storage: known.storage, parent });
    }
    let is_key = |quoted: &str, name: &str| {
        let facts = all.iter().find(|facts| facts.quoted == quoted);
        facts.and_then(|facts| column(facts, name)).is_some_and(|column| column.primary_key)
    };
    let children = table
        .children
        .iter()
        .enumerate()
        .filter(|(_, child)| child.join.iter().all(|join| is_key(&child.quoted, &join.child)));
    Ok(Tracking { keys, children: children.map(|(at, _)| at).collect() })
}

fn histories(
    settings: &Settings,
    facts: &[TableFacts],
    tables: &mut [Table],
    problems: &mut Vec<Problem>,
) {
    let said: Vec<Said> =
        settings.history_tables.iter().filter_map(|entry| parse(entry).ok()).collect();
    let types: Vec<String> = tables.iter().map(|table| table.object_type.clone()).collect();
    for said in &said {
        let is = |table: &&mut Table| is_table(table, &said.object_type);
        let mut found = tables.iter_mut().filter(is).peekable();
        if found.peek().is_none() {
            let instead = instead(&said.object_type, types.iter().map(String::as_str));
            let text = format!("whose \"{}\" is no object type{instead}", said.object_type);
            problems.push(wrong(said, &text));
        }
        for table in found {
            if settings.strategy_of(&table.object_type) != DeltaStrategy::History {
                let text =
                    format!("but the delta strategy of {} is not history", table.object_type);
                problems.push(wrong(said, &text));
                continue;
            }
            if table.deltas.are_possible() {
                let text = format!("the second one of {}; it has one", table.object_type);
                problems.push(wrong(said, &text));
                continue;
            }
            match history(settings, facts, said, table) {
                Ok(history) => table.deltas = Deltas::History(history),
                Err(found) => problems.extend(found),
            }
        }
    }
    let needs = |table: &&Table| settings.strategy_of(&table.object_type) == DeltaStrategy::History;
    for table in tables.iter().filter(needs).filter(|table| !table.deltas.are_possible()) {
        if !said.iter().any(|said| is_table(table, &said.object_type)) {
            let text = format!("has none of {}; each object type needs one", table.object_type);
            problems.push(Problem::new(TABLES, text));
        }
    }
}

fn wrong(said: &Said, what: &str) -> Problem {
    Problem::new(TABLES, format!("has \"{}\", {what}", said.entry))
}

/// Whether a word means this table: by its object type or its own name.
fn is_table(table: &Table, word: &str) -> bool {
    word.eq_ignore_ascii_case(&table.object_type) || word.eq_ignore_ascii_case(&table.name)
}

fn history(
    settings: &Settings,
    facts: &[TableFacts],
    said: &Said,
    table: &Table,
) -> Result<History, Vec<Problem>> {
    let say = |what: String| wrong(said, &what);
    let found = facts.iter().find(|facts| facts.name.eq_ignore_ascii_case(&said.history));
    let Some(facts) = found else {
        let instead = instead(&said.history, facts.iter().map(|facts| facts.name.as_str()));
        let text = format!("whose history table \"{}\" is not in the database", said.history);
        return Err(vec![say(text + &instead)]);
    };
    if facts.name == table.name {
        return Err(vec![say(format!("whose history table {} is the table itself", facts.name))]);
    }
    if let Some(what) = facts.unfit.filter(|_| facts.columns.is_empty()) {
        let text = format!("whose history table {} is {what}, not a table", facts.name);
        return Err(vec![say(text)]);
    }
    let mut problems = Vec::new();
    let mut named = |parameter: &str, name: &str| {
        let found = column(facts, name);
        if found.is_none() {
            let instead = instead(name, facts.columns.iter().map(|column| column.name.as_str()));
            let text = format!("is \"{name}\", which is no column of {}{instead}", facts.name);
            problems.push(Problem::new(parameter, text));
        }
        found.map(|column| (column.name.clone(), column.storage))
    };
    let watermark = settings.history_watermark_column.as_deref().unwrap_or(NUMBERED);
    let watermark = named(WATERMARK, watermark);
    let operation = settings.history_operation_column.as_deref();
    let operation = operation.map(|name| named(OPERATION, name));
    let mut pairs = Vec::new();
    for (one, other) in &said.join {
        match pair(facts, table, one, other) {
            Ok(pair) => pairs.push(pair),
            Err(text) => problems.push(say(text)),
        }
    }
    let mut keys = Vec::new();
    for (at, anchor) in table.columns.iter().enumerate().filter(|(_, column)| column.anchor) {
        match pairs.iter().find(|pair| pair.parent == at) {
            Some(pair) => keys.push(pair.clone()),
            None if problems.is_empty() => {
                let name = &anchor.name;
                let text =
                    format!("whose join has no {}.{name}, a column of the anchor", table.name);
                problems.push(say(text));
            }
            None => {}
        }
    }
    let word = |word: &Option<String>, usual: &str| word.clone().unwrap_or(usual.to_owned());
    let mut operations = vec![
        word(&settings.history_add, "Add"),
        word(&settings.history_update, "Update"),
        word(&settings.history_delete, "Delete"),
    ];
    operations.extend(UPDATES.map(str::to_owned));
    match watermark {
        Some(watermark) if problems.is_empty() => Ok(History {
            table: facts.name.clone(),
            quoted: facts.quoted.clone(),
            keys,
            watermark,
            operation: operation.flatten(),
            operations,
            overlap: settings.history_overlap,
        }),
        _ => Err(problems),
    }
}

fn column<'f>(facts: &'f TableFacts, name: &str) -> Option<&'f ColumnFacts> {
    facts.columns.iter().find(|column| column.name.eq_ignore_ascii_case(name))
}

/// A column of the history and the one of the table that it is the same as.
fn pair(facts: &TableFacts, table: &Table, one: &Name, other: &Name) -> Result<Join, String> {
    let is_history = |name: &Name| name.table.eq_ignore_ascii_case(&facts.name);
    let (of_history, of_table) = match (is_history(one), is_history(other)) {
        (true, _) if is_table(table, &other.table) => (one, other),
        (_, true) if is_table(table, &one.table) => (other, one),
        _ => {
            return Err(format!(
                "whose join of {}.{} and {}.{} is not between {} and {}",
                one.table, one.column, other.table, other.column, facts.name, table.name
            ));
        }
    };
    let known = column(facts, &of_history.column).ok_or_else(|| {
        let name = &of_history.column;
        let instead = instead(name, facts.columns.iter().map(|column| column.name.as_str()));
        format!("whose \"{name}\" is no column of {}{instead}", facts.name)
    })?;
    let name = &of_table.column;
    let parent = table.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
    let parent = parent.ok_or_else(|| {
        let instead = instead(name, table.columns.iter().map(|column| column.name.as_str()));
        format!("whose \"{name}\" is no column of {}{instead}", table.name)
    })?;
    Ok(Join { child: known.name.clone(), storage: known.storage, parent })
}
