//! Where the entries of each object type come from: a table or a view, a query, a procedure.

use super::{Draft, METHOD, NAMED, SOURCE, Source, names, same, source::FULL_IMPORT, statements};
use crate::exchange::microsoft::xml::EntrySchema;

/// The sources of all object types, by our parameters.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) tables: Vec<String>,
    pub(super) queries: Vec<String>,
    pub(super) procedures: Vec<String>,
}

impl Sources {
    pub(super) fn read(&mut self, source: &Source<'_>, entry: &EntrySchema, draft: &mut Draft) {
        let of_run = |name: &str| source.of_run(FULL_IMPORT, Some(entry), name);
        let method = method(source, entry);
        let name = of_run(SOURCE);
        let detected_in = source.of_type(entry, SOURCE);
        let parameters = source.of_type(entry, "Store Procedure Parameters");
        let parameters = of_run("Stored Procedure Parameters").or(parameters).unwrap_or_default();
        source.of_type(entry, "Provide SQL query for detecting attributes");
        let (start, end) =
            (of_run("Start Index Parameter Name"), of_run("End Index Parameter Name"));
        let query = of_run("SQL Query");
        let kind = &entry.object_type;
        if same(method, "SQL Query") {
            let query = query.unwrap_or_default();
            if query.lines().filter(|line| !line.trim().is_empty()).count() != 1 {
                draft.report.missing(
                    "values.queries",
                    format!("{kind} is not read by one statement on one line"),
                    "make it one statement; a line of a long one begins with a space",
                );
            }
            let query = [(start, "@StartIndex"), (end, "@EndIndex")]
                .into_iter()
                .fold(query.to_owned(), |query, (theirs, ours)| paged(&query, theirs, ours));
            self.queries.push(format!("{kind} =\n{}", statements(&query)));
            return;
        }
        let name = name.or(detected_in).unwrap_or_default();
        if name.is_empty() {
            let what = format!("nothing says where the entries of {kind} come from");
            draft.report.missing(
                "values.tables",
                what,
                format!("write tables = [\"{kind}=TABLE\"]"),
            );
            return;
        }
        if same(method, "Stored Procedure") {
            let page = [(start, "@StartIndex"), (end, "@EndIndex")].into_iter();
            let page = page.filter_map(|(name, value)| {
                Some(format!("{}:INPUT:{value}", name?.trim_start_matches('@')))
            });
            let lines: Vec<String> = page.chain([statements(parameters)]).collect();
            self.procedures.push(format!("{kind} = {name}\n{}", lines.join("\n")));
            if source.parameters.check(NAMED) != Some(true) {
                draft.report.note(
                    "values.procedures",
                    format!("{name} is given its page first, then its other parameters"),
                    "put the lines into the order that the procedure has, or set named_parameters",
                );
            }
            return;
        }
        let (table, before) = names::table(name);
        if !matches!(before.to_ascii_lowercase().as_str(), "" | "dbo" | "public") {
            draft.report.changed(
                "values.tables",
                format!(
                    "{name} is {table} here: tables are looked for in the account's own schema"
                ),
                "give the account that schema as its default, or make a view",
            );
        }
        self.tables.push(match *kind == table {
            true => table,
            false => format!("{kind}={table}"),
        });
    }
}

/// How the entries of an object type are read.
pub(super) fn method<'x>(source: &Source<'x>, entry: &EntrySchema) -> &'x str {
    let detected = source.of_type(entry, "Attribute Detection");
    source.of_run(FULL_IMPORT, Some(entry), METHOD).or(detected).unwrap_or("Table")
}

/// The names of what an import is given, by ours.
fn paged(query: &str, theirs: Option<&str>, ours: &str) -> String {
    let theirs = theirs.map(|name| name.trim_start_matches('@')).filter(|name| !name.is_empty());
    let Some(theirs) = theirs.map(|name| format!("@{name}")) else { return query.to_owned() };
    let mut pieces = query.split(&theirs);
    let mut paged = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        // `@first` is no part of `@firstname`.
        let ends = !piece.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        paged.push_str(if ends { ours } else { &theirs });
        paged.push_str(piece);
    }
    paged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_import_is_given_has_our_names() {
        let query = "SELECT @firstname, @first FROM x WHERE n >= @first";
        let expected = "SELECT @firstname, @StartIndex FROM x WHERE n >= @StartIndex";
        for name in ["first", "@first"] {
            assert_eq!(paged(query, Some(name), "@StartIndex"), expected);
        }
        for name in [None, Some(""), Some("@")] {
            assert_eq!(paged(query, name, "@StartIndex"), query);
        }
    }
}
