//! Finds what the entries of `multi_valued_tables` name, or says what is not there.

use super::{Child, Join, Said, text::PARAMETER};
use crate::{
    driver::{ColumnFacts, TableFacts},
    form::Form,
    nearest::instead,
    reference::References,
    schema::{Column, Table, means},
    settings::Settings,
    statement::Source,
};
use ecma_plugin_sdk::{AttributeType, Problem};

/// What is known of the database and wished of it.
pub(crate) struct Catalog<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) facts: &'a [TableFacts],
    pub(crate) references: &'a References<'a>,
}

/// Gives each table its multi-valued attributes.
pub(crate) fn attach(
    catalog: &Catalog<'_>,
    all: &[Said],
    tables: &mut [Table],
    problems: &mut Vec<Problem>,
) {
    for said in all {
        let owner = &said.attribute.table;
        let owners: Vec<usize> =
            (0..tables.len()).filter(|at| is_table(&tables[*at], owner)).collect();
        let mut found = Vec::new();
        if owners.is_empty() {
            let known = tables.iter().map(|table| table.object_type.as_str());
            let instead = instead(owner, known);
            found.push(wrong(said, &format!("whose \"{owner}\" is no object type{instead}")));
        }
        for at in owners {
            match child(catalog, said, &tables[at], tables) {
                Ok(child) => tables[at].children.push(child),
                Err(problems) => found.extend(problems),
            }
        }
        // Two object types that are one table have the same to say.
        found.dedup();
        problems.extend(found);
    }
}

fn wrong(said: &Said, what: &str) -> Problem {
    Problem::new(PARAMETER, format!("has \"{}\", {what}", said.entry))
}

/// Whether a word means this table: by its object type or its own name.
fn is_table(table: &Table, word: &str) -> bool {
    word.eq_ignore_ascii_case(&table.object_type) || word.eq_ignore_ascii_case(&table.name)
}

fn child(
    catalog: &Catalog<'_>,
    said: &Said,
    parent: &Table,
    tables: &[Table],
) -> Result<Child, Vec<Problem>> {
    let say = |what: String| wrong(said, &what);
    let name = &said.attribute.column;
    let taken = parent.columns.iter().any(|column| column.name.eq_ignore_ascii_case(name))
        || parent.children.iter().any(|child| child.name().eq_ignore_ascii_case(name));
    if taken {
        let text = format!("whose attribute {}.{name} is there already", said.attribute.table);
        return Err(vec![say(text)]);
    }
    if matches!(parent.source, Source::Procedure(_)) {
        let text =
            format!("whose {} comes from a procedure: nothing is read beside it", parent.name);
        return Err(vec![say(text)]);
    }
    let facts = child_table(catalog, said, tables).map_err(|text| vec![say(text)])?;
    let mut found = Vec::new();
    let value = column(facts, &said.value.column).map_err(|text| found.push(say(text))).ok();
    let type_column = said.type_column.as_ref().and_then(|name| {
        let typed = match name.table.eq_ignore_ascii_case(&facts.name) {
            true => column(facts, &name.column),
            false => {
                let text = "which is not the child table";
                Err(format!("whose type column is of \"{}\", {text} {}", name.table, facts.name))
            }
        };
        typed.map_err(|text| found.push(say(text))).ok()
    });
    let join =
        join(said, facts, parent).map_err(|texts| found.extend(texts.into_iter().map(say))).ok();
    if let Some(join) = &join
        && !tells_apart(catalog, parent, join)
    {
        let key: Vec<&str> = parent.anchors().map(|column| column.name.as_str()).collect();
        found.push(say(format!(
            "whose join is not by a key of {}; its anchor is {}",
            parent.name,
            key.join(", ")
        )));
    }
    let (Some(value), Some(join)) = (value, join) else { return Err(found) };
    let foreign = facts.foreign.iter().find(|key| key.alone && key.column == value);
    let foreign = foreign.and_then(|key| catalog.references.by_key(key, &parent.object_type));
    let facts_of_value = &facts.columns[value];
    let typed = type_column.is_some();
    let refers = catalog.references.of(parent, name, foreign, typed, facts_of_value.storage);
    let refers_to = refers.unwrap_or_else(|problem| {
        found.push(problem);
        None
    });
    if !found.is_empty() {
        return Err(found);
    }
    let value_column = attribute(catalog.settings, parent, name, facts_of_value, refers_to);
    let types = match value_column.refers_to.as_slice() {
        [] => catalog.references.types(),
        some => some.to_vec(),
    };
    let watermark = catalog.settings.watermark_column.as_deref();
    let watermark = watermark.and_then(|name| position(facts, name));
    Ok(Child {
        value: value_column,
        table: facts.name.clone(),
        quoted: facts.quoted.clone(),
        column: facts_of_value.name.clone(),
        join,
        type_column: type_column.map(|at| {
            let column = &facts.columns[at];
            (column.name.clone(), column.storage)
        }),
        types: if typed { types } else { Vec::new() },
        watermark: watermark.map(|at| {
            let column = &facts.columns[at];
            (column.name.clone(), column.storage)
        }),
    })
}

/// The table that has the values.
fn child_table<'a>(
    catalog: &Catalog<'a>,
    said: &Said,
    tables: &[Table],
) -> Result<&'a TableFacts, String> {
    let word = &said.value.table;
    let found = catalog.facts.iter().find(|facts| facts.name.eq_ignore_ascii_case(word));
    let Some(facts) = found else {
        let known = catalog.facts.iter().map(|facts| facts.name.as_str());
        let instead = instead(word, known);
        return Err(format!("whose child table \"{word}\" is not in the database{instead}"));
    };
    if let Some(what) = facts.unfit {
        return Err(format!("whose child table {} is {what}, not a table", facts.name));
    }
    // To add a value would be to add an entry.
    if tables.iter().any(|table| table.name == facts.name) {
        let text = "is an object type itself; values stand in a table of their own";
        return Err(format!("whose child table {} {text}", facts.name));
    }
    Ok(facts)
}

fn join(said: &Said, facts: &TableFacts, parent: &Table) -> Result<Vec<Join>, Vec<String>> {
    let (mut join, mut wrong) = (Vec::new(), Vec::new());
    for (one, other) in &said.join {
        let is_child = |name: &str| name.eq_ignore_ascii_case(&facts.name);
        let (of_child, of_parent) = match (is_child(&one.table), is_child(&other.table)) {
            (true, _) if is_table(parent, &other.table) => (one, other),
            (_, true) if is_table(parent, &one.table) => (other, one),
            _ => {
                wrong.push(format!(
                    "whose join of {}.{} and {}.{} is not between {} and {}",
                    one.table, one.column, other.table, other.column, facts.name, parent.name
                ));
                continue;
            }
        };
        let child = column(facts, &of_child.column).map_err(|text| wrong.push(text)).ok();
        let at = parent.columns.iter().position(|c| c.name.eq_ignore_ascii_case(&of_parent.column));
        if at.is_none() {
            let known = parent.columns.iter().map(|column| column.name.as_str());
            let instead = instead(&of_parent.column, known);
            let (table, column) = (&parent.name, &of_parent.column);
            wrong.push(format!("whose \"{column}\" is no column of {table}{instead}"));
        }
        if let (Some(child), Some(parent)) = (child, at) {
            let column = &facts.columns[child];
            join.push(Join { child: column.name.clone(), storage: column.storage, parent });
        }
    }
    if wrong.is_empty() { Ok(join) } else { Err(wrong) }
}

/// Whether the parent's columns in a join are one row's.
fn tells_apart(catalog: &Catalog<'_>, parent: &Table, join: &[Join]) -> bool {
    let has = |at: usize| join.iter().any(|join| join.parent == at);
    let columns = || parent.columns.iter().enumerate();
    let Some(facts) = catalog.facts.iter().find(|facts| facts.name == parent.name) else {
        return false;
    };
    let key: Vec<usize> =
        (0..facts.columns.len()).filter(|at| facts.columns[*at].primary_key).collect();
    columns().filter(|(_, column)| column.anchor).all(|(at, _)| has(at))
        || (!key.is_empty() && key.iter().all(|at| has(*at)))
        || facts.unique.iter().any(|key| key.iter().all(|at| has(*at)))
}

fn position(facts: &TableFacts, name: &str) -> Option<usize> {
    facts.columns.iter().position(|column| column.name.eq_ignore_ascii_case(name))
}

fn column(facts: &TableFacts, name: &str) -> Result<usize, String> {
    position(facts, name).ok_or_else(|| {
        let known = facts.columns.iter().map(|column| column.name.as_str());
        format!("whose \"{name}\" is no column of {}{}", facts.name, instead(name, known))
    })
}

/// What the values are.
fn attribute(
    settings: &Settings,
    parent: &Table,
    name: &str,
    facts: &ColumnFacts,
    refers_to: Option<Vec<String>>,
) -> Column {
    let is = |entry: &str| means(entry, &[&parent.object_type, &parent.name], name);
    let named = |list: &[String]| list.iter().any(|entry| is(entry));
    let kind = if refers_to.is_some() {
        AttributeType::Reference
    } else if named(&settings.boolean) {
        AttributeType::Boolean
    } else if named(&settings.date_time) {
        AttributeType::DateTime
    } else {
        facts.kind
    };
    Column {
        ignores_case: facts.ignores_case,
        writable: !facts.computed && !named(&settings.read_only_columns),
        form: Form::of(settings, &parent.object_type, facts, kind, is),
        refers_to: refers_to.unwrap_or_default(),
        ..Column::new(name, kind, facts.storage)
    }
}
