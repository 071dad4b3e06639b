//! Microsoft's Generic SQL connector as `generic-sql`.

mod columns;
mod connection;
mod delta;
mod names;
mod sources;
mod writes;

use super::{
    draft::Draft,
    missing_secret,
    object::Kind,
    source::{self, Source, same},
};
use crate::config::SealingKey;
use sources::Sources;

/// Where the name of a table, a view or a procedure stands, on every page.
const SOURCE: &str = "Table/View/SP";
/// The object types are in a list.
const FIXED: &str = "Fixed Value";
const METHOD: &str = "Operation Method";
const NAMED: &str = "Use named parameters to execute a stored procedure";
/// More than this our plugin takes for a mistake: a day.
const LONGEST_STATEMENT: u32 = 86_400;

pub(super) fn convert(source: &Source<'_>, key: &SealingKey, draft: &mut Draft) -> Kind {
    draft.plugin = "generic-sql".into();
    connection::convert(source, key, draft);
    settings(source, draft);
    let entries = &source.foreign.entries;
    object_types(source, draft);
    let mut sources = Sources::default();
    entries.iter().for_each(|entry| sources.read(source, entry, draft));
    draft.take_list("tables", sources.tables, SOURCE);
    draft.take_list("queries", sources.queries, "SQL Query");
    draft.take_list("procedures", sources.procedures, "Stored Procedure");
    columns::anchors(source, draft);
    columns::kinds(source, draft);
    columns::values_in_tables(source, draft);
    delta::convert(source, draft);
    writes::convert(source, draft);
    Kind::Sql { passwords: writes::passwords(source, draft) }
}

/// What concerns all object types.
fn settings(source: &Source<'_>, draft: &mut Draft) {
    if let Some(written) = source.take("Command Timeout") {
        match written.parse::<u32>() {
            Ok(seconds) => {
                let seconds = seconds.min(LONGEST_STATEMENT);
                draft.take("command_timeout_seconds", i64::from(seconds), "Command Timeout");
            }
            Err(_) => draft.report.changed(
                "values.command_timeout_seconds",
                format!("Command Timeout is {written:?}; ours has no limit"),
                "",
            ),
        }
    }
    if source.parameters.check("Export Type:Object Replace") == Some(true) {
        draft.take("export_object_replace", true, "Export Type:Object Replace");
    }
    if source.parameters.check("DN is Anchor") == Some(true) {
        let what = "DN is Anchor: here the anchor names an entry, and needs no distinguished name";
        draft.report.changed("values.anchor", what, "");
    }
    if source.parameters.check(NAMED) == Some(true) {
        draft.take("named_parameters", true, "Use named parameters");
    }
    for (key, from) in [
        ("time_zone", "Data Source Time Zone"),
        ("date_time_format", "Data Source Date Time Format"),
    ] {
        if let Some(text) = source.take(from) {
            draft.take(key, text, from);
        }
    }
}

/// How object types were detected. Ours are named where their entries come from.
fn object_types(source: &Source<'_>, draft: &mut Draft) {
    let method = source.take("Object type detection method").unwrap_or(FIXED);
    let column = source.take("Column Name for Table/View/SP").unwrap_or("COLUMN");
    let table = source.take("Fixed value list/Table/View/SP").unwrap_or_default();
    source.take("Store Procedure Parameters");
    let query = source.take("Provide SQL query for detecting object types").unwrap_or("SELECT …");
    if !same(method, FIXED) {
        let ours = match method {
            _ if same(method, "SQL Query") => format!("object_type_query = \"{query}\""),
            _ if same(method, "Stored Procedure") => {
                format!("object_type_procedure = \"{column} = {table}\"")
            }
            _ => format!("object_type_column = \"{table}.{column}\""),
        };
        draft.report.changed(
            "values.tables",
            format!("object types were detected by {method}; those that were exposed are written"),
            format!("to have rows name them, set {ours}, with a table or a query for each name"),
        );
        return;
    }
    let entries = &source.foreign.entries;
    let known = |name: &str| entries.iter().any(|entry| same(&entry.object_type, name));
    for name in table.split(',').map(str::trim).filter(|name| !name.is_empty() && !known(name)) {
        let what = format!("the object type {name} was detected and not exposed");
        draft.report.note("values.tables", what, "");
    }
}

/// Each line is a statement there; a space before one would make it part of the one above.
fn statements(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}
