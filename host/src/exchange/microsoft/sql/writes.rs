//! What writes: statements, procedures, passwords.

use super::{
    Draft, METHOD, SOURCE, Source, names, same,
    source::{EXPORT, FULL_IMPORT},
    sources, statements,
};
use crate::exchange::microsoft::xml::EntrySchema;

/// Statements and procedures that write.
pub(super) fn convert(source: &Source<'_>, draft: &mut Draft) {
    let entries = &source.foreign.entries;
    let method = |entry: &EntrySchema| source.of_run(EXPORT, Some(entry), METHOD);
    for entry in entries {
        let by_itself = |method: &str| same(method, "Table") || same(method, "View");
        let table = |is_one: bool, name: Option<&str>| {
            name.filter(|_| is_one).map(|name| names::table(name).0)
        };
        let reads =
            source.of_run(FULL_IMPORT, Some(entry), SOURCE).or(source.of_type(entry, SOURCE));
        let reads = table(by_itself(sources::method(source, entry)), reads);
        let writes = source.of_run(EXPORT, Some(entry), SOURCE);
        let writes = table(method(entry).is_none_or(by_itself), writes);
        if let Some(table) = &writes
            && reads.as_ref().is_none_or(|reads| !same(reads, table))
        {
            let what =
                format!("{} was written to {table}, and is read elsewhere", entry.object_type);
            let remedy = "write insert_queries, update_queries and delete_queries for that table";
            draft.report.missing("values.tables", what, remedy);
        }
    }
    for (key, from, parameters, by) in [
        ("insert_queries", "Insert Query", None, "SQL Query"),
        ("update_queries", "Update Query", None, "SQL Query"),
        ("delete_queries", "Delete Query", None, "SQL Query"),
        ("add_procedures", "Add SP Name", Some("Add SP Parameters"), "Stored Procedure"),
        ("update_procedures", "Update SP Name", Some("Update SP Parameters"), "Stored Procedure"),
        ("delete_procedures", "Delete SP Name", Some("Delete SP Parameters"), "Stored Procedure"),
    ] {
        let mut found = Vec::new();
        for entry in entries {
            let of_run = |name: &str| source.of_run(EXPORT, Some(entry), name);
            let (text, parameters) = (of_run(from), parameters.and_then(of_run));
            let Some(text) = text else { continue };
            match method(entry).is_none_or(|method| same(method, by)) {
                true => found.push(written(&entry.object_type, text, parameters)),
                false => {
                    let what =
                        format!("{from} is left over from another method and not taken over");
                    draft.report.note(format!("values.{key}"), what, "");
                }
            }
        }
        draft.take_list(key, found, from);
    }
}

fn written(kind: &str, text: &str, parameters: Option<&str>) -> String {
    let text = statements(text);
    let parameters = parameters.map(statements).unwrap_or_default();
    format!("{kind} = {text}\n{parameters}").trim_end().to_owned()
}

/// What sets and changes passwords; answers whether something sets them.
pub(super) fn passwords(source: &Source<'_>, draft: &mut Draft) -> bool {
    if let Some(library) = source.take("Extension Name") {
        draft.report.missing(
            "values.set_password_procedures",
            format!("passwords were set by the extension {library}"),
            "write set_password_queries or set_password_procedures",
        );
    }
    source.take("Operation Methods");
    let mut sets = false;
    for (key, word) in
        [("set_password_procedures", "Set"), ("change_password_procedures", "Change")]
    {
        let name = source.take(&format!("{word} Password SP Name"));
        let parameters = source.take(&format!("{word} Password SP Parameters"));
        if let Some(name) = name {
            let entries = source.foreign.entries.iter();
            let all = entries.map(|entry| written(&entry.object_type, name, parameters)).collect();
            draft.take_list(key, all, &format!("{word} Password SP Name"));
            sets |= word == "Set";
        }
    }
    sets
}
