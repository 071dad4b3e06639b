//! How a delta import finds what changed.

use super::{
    Draft, METHOD, SOURCE, Source, names, same,
    source::{DELTA_IMPORT, FULL_IMPORT},
};
use crate::exchange::microsoft::xml::EntrySchema;

const KEY: &str = "delta_strategy";
const FROM: &str = "Delta Strategy";
const COLUMN: &str = "Water Mark Column Name";

pub(super) fn convert(source: &Source<'_>, draft: &mut Draft) {
    let settings = Settings::of(source);
    same_source(source, draft);
    let strategy = source.take(FROM).unwrap_or("None");
    match strategy.to_ascii_lowercase().replace(' ', "").as_str() {
        "none" => draft.set(KEY, "none", FROM),
        "watermark" => settings.watermark(draft),
        "trigger" => settings.history(draft),
        "changetracking" => draft.take(KEY, "change_tracking", FROM),
        _ => {
            draft.set(KEY, "none", FROM);
            draft.report.changed(
                format!("values.{KEY}"),
                format!("{strategy} has no counterpart here: every import is a full one"),
                "choose history, watermark or change_tracking",
            );
        }
    }
}

/// Deltas read where full imports read; there the page can be filled in otherwise.
fn same_source(source: &Source<'_>, draft: &mut Draft) {
    for entry in &source.foreign.entries {
        for name in [METHOD, SOURCE, "SQL Query", "Stored Procedure Parameters"] {
            let of_run = |profile| source.of_run(profile, Some(entry), name);
            if let Some(theirs) = of_run(DELTA_IMPORT)
                && of_run(FULL_IMPORT).is_none_or(|full| !same(full, theirs))
            {
                draft.report.changed(
                    "run.delta_import",
                    format!(
                        "the {name} of the delta import of {} is another one",
                        entry.object_type
                    ),
                    "here a delta reads where a full import does",
                );
            }
        }
        for name in ["Start Index Parameter Name", "End Index Parameter Name"] {
            source.of_run(DELTA_IMPORT, Some(entry), name);
        }
    }
}

/// Everything on the page of a delta import.
struct Settings<'x> {
    query: Option<&'x str>,
    column: Option<&'x str>,
    operation: Option<&'x str>,
    /// Our parameter, theirs, the word.
    words: [(&'static str, &'static str, Option<&'x str>); 3],
    /// Of each object type its history, and how that names the rows.
    histories: Vec<(&'x EntrySchema, Option<&'x str>, Option<&'x str>)>,
}

impl<'x> Settings<'x> {
    fn of(source: &Source<'x>) -> Settings<'x> {
        let of_run = |entry, name| source.of_run(DELTA_IMPORT, entry, name);
        let words =
            [("history_add", "Add"), ("history_update", "Update"), ("history_delete", "Delete")];
        let history = |entry| {
            let table = of_run(Some(entry), "History Table or Snapshot database name");
            (entry, table, of_run(Some(entry), "Join Condition with Parent Table"))
        };
        Settings {
            query: source.take("Water Mark Query"),
            column: of_run(None, COLUMN),
            operation: of_run(None, "Delta Operation Column Name"),
            words: words.map(|(key, from)| (key, from, of_run(None, from))),
            histories: source.foreign.entries.iter().map(history).collect(),
        }
    }

    fn watermark(&self, draft: &mut Draft) {
        draft.take(KEY, "watermark", FROM);
        match self.column {
            Some(column) => draft.take("watermark_column", column, COLUMN),
            None => draft.report.missing(
                "values.watermark_column",
                format!("no {COLUMN} says which column grows"),
                "write its name",
            ),
        }
        if let Some(query) = self.query {
            let query = query.trim().trim_end_matches(';');
            draft.take("watermark_query", query, "Water Mark Query");
        }
    }

    fn history(&self, draft: &mut Draft) {
        draft.take(KEY, "history", "Delta Strategy: Trigger");
        let mut tables = Vec::new();
        for (entry, table, join) in &self.histories {
            let kind = &entry.object_type;
            let table = table.map(|table| names::table(table).0);
            let join = table.as_ref().zip(*join);
            let join = join.and_then(|(table, join)| names::join(join, table, kind));
            match (table, join) {
                (Some(table), Some(join)) => {
                    let (kind, table) = (names::word(kind), names::word(&table));
                    tables.push(format!("{kind} = {table} WHERE {}", join.text));
                }
                _ => draft.report.missing(
                    "values.history_tables",
                    format!("nothing says what the history of {kind} is"),
                    "write \"TYPE = HISTORY WHERE HISTORY.COLUMN = TYPE.COLUMN\"",
                ),
            }
        }
        draft.take_list("history_tables", tables, "History Table, Join Condition");
        if let Some(column) = self.column {
            draft.take("history_watermark_column", column, COLUMN);
        }
        let Some(operation) = self.operation else { return };
        draft.take("history_operation_column", operation, "Delta Operation Column Name");
        for (key, from, word) in self.words {
            if let Some(word) = word {
                draft.take(key, word, from);
            }
        }
    }
}
