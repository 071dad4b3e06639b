//! Which tables are object types, and what is made of their columns.

use super::{Column, Table, means, qualifies};
use crate::{
    child::Said,
    delta, dn,
    driver::{ColumnFacts, Storage, TableFacts},
    form::Form,
    nearest::instead,
    object_types::Named,
    settings::{DeltaStrategy, Settings},
    statement::Source,
};
use ecma_plugin_sdk::{AttributeType, Problem};

/// A table, and the object type it is to be.
pub(super) struct Choice<'a> {
    pub(super) object_type: &'a str,
    pub(super) facts: &'a TableFacts,
}

impl Choice<'_> {
    /// Whether an entry of a list of columns means this column: `column` or `table.column`.
    pub(super) fn is(&self, entry: &str, column: &str) -> bool {
        means(entry, &self.words(), column)
    }

    fn is_qualified(&self, entry: &str, column: &str) -> bool {
        qualifies(entry, &self.words(), column)
    }

    /// What the table is called.
    pub(super) fn words(&self) -> [&str; 2] {
        [self.object_type, &self.facts.name]
    }

    fn names(&self, list: &[String], column: &str) -> bool {
        list.iter().any(|entry| self.is(entry, column))
    }

    pub(super) fn table(
        &self,
        settings: &Settings,
        anchor: &[usize],
        problems: &mut Vec<Problem>,
    ) -> Table {
        let build = |(at, facts): (usize, &ColumnFacts)| self.column(settings, anchor, at, facts);
        let columns: Vec<Column> = self.facts.columns.iter().enumerate().map(build).collect();
        let table = &self.facts.name;
        for column in columns.iter().filter(|c| c.anchor && c.separator.is_some()) {
            let text = format!("names {table}.{}, a column of the anchor", column.name);
            problems.push(Problem::new("multi_valued", text));
        }
        let is_needed = settings.strategy_of(self.object_type) == DeltaStrategy::Watermark;
        let watermark = settings.watermark_column.as_ref().filter(|_| is_needed).and_then(|name| {
            let found = columns.iter().position(|c| c.name.eq_ignore_ascii_case(name));
            let is_called = matches!(self.facts.source, Source::Procedure(_));
            if found.is_none() && !is_called {
                let text = format!("is \"{name}\", which table {table} does not have");
                problems.push(Problem::new("watermark_column", text));
            }
            found
        });
        let object_type = self.object_type.to_owned();
        let (name, quoted) = (table.clone(), self.facts.quoted.clone());
        let (deltas, children, methods) = Default::default();
        let source = self.facts.source.clone();
        let answers_row = self.facts.answers_row;
        Table {
            object_type,
            name,
            quoted,
            columns,
            watermark,
            deltas,
            children,
            source,
            methods,
            answers_row,
            dn: None,
        }
    }

    fn column(
        &self,
        settings: &Settings,
        anchor: &[usize],
        at: usize,
        facts: &ColumnFacts,
    ) -> Column {
        let name = &facts.name;
        let is_anchor = anchor.contains(&at);
        let kind = match (is_anchor, facts.storage) {
            // An anchor is compared with what is stored, so it is shown as it is stored.
            (true, Storage::Integer) => AttributeType::Integer,
            (true, Storage::Bytes) => AttributeType::Binary,
            (true, _) => AttributeType::Text,
            _ if self.names(&settings.boolean, name) => AttributeType::Boolean,
            _ if self.names(&settings.date_time, name) => AttributeType::DateTime,
            _ => facts.kind,
        };
        let alone = |key: &[usize]| key == [at];
        let primary = self.facts.columns.iter().filter(|c| c.primary_key).count();
        Column {
            kind,
            storage: facts.storage,
            anchor: is_anchor,
            generated: facts.numbered || (is_anchor && (facts.default || facts.computed)),
            numbered: facts.numbered,
            not_null: facts.not_null,
            default: facts.default || facts.computed,
            unique: self.facts.unique.iter().any(|key| alone(key))
                || alone(anchor)
                || (facts.primary_key && primary == 1),
            ignores_case: facts.ignores_case,
            writable: !facts.computed && !self.names(&settings.read_only_columns, name),
            readable: true,
            foreign: self.facts.foreign.iter().any(|key| key.column == at),
            refers_to: Vec::new(),
            named: None,
            separator: settings
                .multi_value_separator
                .clone()
                .filter(|_| self.names(&settings.multi_valued, name)),
            form: Form::of(settings, self.object_type, facts, kind, |entry| self.is(entry, name)),
            name: name.clone(),
        }
    }
}

/// The tables, queries and procedures that are object types.
pub(super) fn choose<'a>(
    settings: &'a Settings,
    facts: &'a [TableFacts],
    named: Option<&'a Named>,
    children: &[Said],
    problems: &mut Vec<Problem>,
) -> Vec<Choice<'a>> {
    if !settings.has_types() {
        let is_child = |facts: &TableFacts| {
            children.iter().any(|said| said.value.table.eq_ignore_ascii_case(&facts.name))
                || delta::is_history(settings, &facts.name)
        };
        let fit = facts.iter().filter(|facts| facts.unfit.is_none() && !is_child(facts));
        return fit.map(|facts| Choice { object_type: &facts.name, facts }).collect();
    }
    // Queries and procedures come behind what the catalog has.
    let has_statement =
        |facts: &&TableFacts| matches!(facts.source, Source::Query | Source::Procedure(_));
    let answered = facts.iter().filter(has_statement);
    let facts: Vec<&TableFacts> = facts.iter().filter(|facts| !has_statement(facts)).collect();
    let find = |name: &str| {
        let exact = facts.iter().find(|facts| facts.name == name);
        exact.or_else(|| facts.iter().find(|facts| facts.name.eq_ignore_ascii_case(name))).copied()
    };
    let mut chosen: Vec<Choice<'_>> = Vec::new();
    let mut wrong = |text| problems.push(Problem::new("tables", text));
    for entry in &settings.tables {
        // A table whose name has an equals sign in it is meant as it is.
        let found = find(entry).map(|facts| (facts.name.as_str(), facts)).or_else(|| {
            let (object_type, table) = entry.split_once('=')?;
            Some((object_type.trim(), find(table.trim())?))
        });
        match found {
            None => {
                let known: Vec<&str> = facts.iter().map(|facts| facts.name.as_str()).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                wrong(format!("names \"{entry}\", but the tables of the database are: {known}"));
            }
            Some((_, facts)) if facts.unfit.is_some() => {
                let what = facts.unfit.unwrap_or_default();
                wrong(format!("names \"{}\", which is {what}, no table or view", facts.name));
            }
            Some(("", _)) => wrong(format!("has no type before the equals sign of \"{entry}\"")),
            Some((object_type, _)) if chosen.iter().any(|c| c.object_type == object_type) => {
                wrong(format!("names the type \"{object_type}\" twice"));
            }
            Some((object_type, facts)) => chosen.push(Choice { object_type, facts }),
        }
    }
    for facts in answered {
        if chosen.iter().any(|choice| choice.object_type == facts.name) {
            let text = format!("names the type \"{}\" twice", facts.name);
            let is_query = facts.source == Source::Query;
            let parameter = if is_query { "queries" } else { "procedures" };
            problems.push(Problem::new(parameter, text));
            continue;
        }
        chosen.push(Choice { object_type: &facts.name, facts });
    }
    if let Some(named) = named {
        complete(&mut chosen, named, find, problems);
    }
    chosen
}

/// Adds the tables of the types that rows name, and tells of entries whose type none of them names.
fn complete<'a>(
    chosen: &mut Vec<Choice<'a>>,
    named: &'a Named,
    find: impl Fn(&str) -> Option<&'a TableFacts>,
    problems: &mut Vec<Problem>,
) {
    let Named { parameter, names } = named;
    // What is wrong with an entry is told already, and its type would be told to have none.
    let is_whole = problems.is_empty();
    for Choice { object_type, facts } in &*chosen {
        if !names.iter().any(|name| name == object_type) {
            let list = match facts.source {
                Source::Table | Source::View => "tables",
                Source::Query => "queries",
                Source::Procedure(_) => "procedures",
            };
            let instead = instead(object_type, names.iter().map(String::as_str));
            let text =
                format!("names the type \"{object_type}\", which is none of {parameter}{instead}");
            problems.push(Problem::new(list, text));
        }
    }
    for name in names {
        if chosen.iter().any(|choice| choice.object_type == name) {
            continue;
        }
        match find(name) {
            Some(facts) if facts.unfit.is_none() => {
                chosen.push(Choice { object_type: name, facts });
            }
            _ if !is_whole => {}
            _ => {
                let text = format!(
                    "names the type \"{name}\", and there is no table or view {name}: say where its \
                     entries are, as tables = [\"{name}=TABLE\"], or in queries or procedures"
                );
                problems.push(Problem::new(*parameter, text));
            }
        }
    }
}

/// The columns of the anchor, in the table's order.
pub(super) fn anchor(settings: &Settings, choice: &Choice<'_>) -> Result<Vec<usize>, String> {
    let facts = choice.facts;
    let columns = || facts.columns.iter().enumerate();
    let table = &facts.name;
    if settings.dn_is_anchor
        && let Some(name) = dn::column(settings, choice.object_type)
        && let Some((at, _)) = columns().find(|(_, c)| c.name.eq_ignore_ascii_case(name))
    {
        return Ok(vec![at]);
    }
    let qualified: Vec<usize> = columns()
        .filter(|(_, c)| settings.anchor.iter().any(|e| choice.is_qualified(e, &c.name)))
        .map(|(at, _)| at)
        .collect();
    if !qualified.is_empty() {
        return Ok(qualified);
    }
    let plain: Vec<usize> = columns()
        .filter(|(_, c)| settings.anchor.iter().any(|e| e.eq_ignore_ascii_case(&c.name)))
        .map(|(at, _)| at)
        .collect();
    if !plain.is_empty() {
        return Ok(plain);
    }
    let primary: Vec<usize> = columns().filter(|(_, c)| c.primary_key).map(|(at, _)| at).collect();
    if !primary.is_empty() {
        return Ok(primary);
    }
    let without_null = |key: &&Vec<usize>| key.iter().all(|at| facts.columns[*at].not_null);
    match facts.unique.iter().find(without_null) {
        Some(key) => {
            let mut key = key.clone();
            key.sort_unstable();
            Ok(key)
        }
        None if facts.source != Source::Table => Err(format!(
            "is missing for {table}, whose keys nobody tells; name its columns as {table}.column"
        )),
        None => Err(format!(
            "is missing for table {table}, which has neither a primary key nor a unique one without \
             NULL; name its columns as {table}.column"
        )),
    }
}
