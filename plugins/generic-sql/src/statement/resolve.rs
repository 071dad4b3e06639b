//! Gives object types the statements that the settings have for them, or says what does not fit.

use super::{
    Method, Methods, Slot, Source, entry, procedure,
    procedure::{Parameter, Procedure},
    source::NO_TYPE,
    text::{Piece, pieces, statements},
};
use crate::{
    dialect::Dialect,
    nearest::instead,
    schema::{Column, Table, means},
    settings::Settings,
};
use ecma_plugin_sdk::Problem;

/// A list of the settings.
struct List<'a> {
    parameter: &'static str,
    entries: &'a [String],
    does: Does,
    is_procedure: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Does {
    Add,
    Update,
    Delete,
    SetPassword,
    ChangePassword,
}

impl Does {
    /// What there is for it besides attributes.
    fn allows(self, slot: &Slot) -> bool {
        match slot {
            Slot::NewPassword => matches!(self, Does::SetPassword | Does::ChangePassword),
            Slot::PasswordOptions => self == Does::SetPassword,
            Slot::OldPassword => self == Does::ChangePassword,
            _ => false,
        }
    }

    fn of(self, methods: &mut Methods) -> &mut Option<Method> {
        match self {
            Does::Add => &mut methods.add,
            Does::Update => &mut methods.update,
            Does::Delete => &mut methods.delete,
            Does::SetPassword => &mut methods.set_password,
            Does::ChangePassword => &mut methods.change_password,
        }
    }
}

fn lists(settings: &Settings) -> [List<'_>; 10] {
    use Does::{Add, ChangePassword, Delete, SetPassword, Update};
    let list =
        |parameter, entries, does, is_procedure| List { parameter, entries, does, is_procedure };
    let it = settings;
    [
        list("insert_queries", &it.insert_queries, Add, false),
        list("update_queries", &it.update_queries, Update, false),
        list("delete_queries", &it.delete_queries, Delete, false),
        list("set_password_queries", &it.set_password_queries, SetPassword, false),
        list("change_password_queries", &it.change_password_queries, ChangePassword, false),
        list("add_procedures", &it.add_procedures, Add, true),
        list("update_procedures", &it.update_procedures, Update, true),
        list("delete_procedures", &it.delete_procedures, Delete, true),
        list("set_password_procedures", &it.set_password_procedures, SetPassword, true),
        list("change_password_procedures", &it.change_password_procedures, ChangePassword, true),
    ]
}

/// Gives each object type its methods, and what may be written by them.
pub(crate) fn resolve(
    settings: &Settings,
    dialect: &dyn Dialect,
    tables: &mut [Table],
    problems: &mut Vec<Problem>,
) {
    let lists = lists(settings);
    write_only(settings, &lists, tables, problems);
    for List { parameter, entries, does, is_procedure } in lists {
        for text in entries {
            let line = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default().trim();
            let mut wrong = |what: &str| {
                problems.push(Problem::new(parameter, format!("has \"{line}\", {what}")));
            };
            let Some((name, rest)) = entry(text) else {
                wrong(NO_TYPE);
                continue;
            };
            let known = tables.iter().map(|table| table.object_type.clone()).collect::<Vec<_>>();
            let Some(table) = tables.iter_mut().find(|table| table.object_type == name) else {
                let instead = instead(name, known.iter().map(String::as_str));
                wrong(&format!("whose \"{name}\" is no object type{instead}"));
                continue;
            };
            let method = match is_procedure {
                true => called(rest, does, table, settings.named_parameters),
                false => queried(rest, does, table, dialect),
            };
            match method {
                Err(what) => wrong(&what),
                Ok(_) if does.of(&mut table.methods).is_some() => {
                    wrong(&format!("and another one does that for {name}"));
                }
                Ok(method) => *does.of(&mut table.methods) = Some(method),
            }
        }
    }
    for table in tables.iter_mut() {
        may_write(table);
    }
}

/// Marks the columns that are written and never read. One that the source does not have is an
/// attribute that statements are given.
fn write_only(
    settings: &Settings,
    lists: &[List<'_>],
    tables: &mut [Table],
    problems: &mut Vec<Problem>,
) {
    const PARAMETER: &str = "export_only_columns";
    for text in &settings.export_only_columns {
        let mut found = false;
        for table in tables.iter_mut() {
            let words = [table.object_type.clone(), table.name.clone()];
            let words = [words[0].as_str(), words[1].as_str()];
            let named = table.columns.iter().position(|c| means(text, &words, &c.name));
            if let Some(at) = named {
                found = true;
                if table.columns[at].anchor {
                    let what = format!("names {text}, a column of the anchor");
                    problems.push(Problem::new(PARAMETER, what));
                }
                table.columns[at].readable = false;
                continue;
            }
            let own = text
                .split_once('.')
                .filter(|(word, _)| words.iter().any(|known| known.eq_ignore_ascii_case(word)));
            let has_statements = lists.iter().any(|list| {
                let types = list.entries.iter().filter_map(|text| entry(text));
                types.into_iter().any(|(name, _)| name == table.object_type)
            });
            if let Some((_, name)) = own.filter(|_| has_statements && !table.is_written_itself()) {
                found = true;
                table.columns.push(Column::given(name));
            }
        }
        if !found {
            let what = format!(
                "names \"{text}\", which is no column; an attribute that only statements are given \
                 is written as type.attribute"
            );
            problems.push(Problem::new(PARAMETER, what));
        }
    }
}

/// What has no table of its own is written by its statements alone.
fn may_write(table: &mut Table) {
    if table.is_written_itself() {
        return;
    }
    let methods = &table.methods;
    let written =
        |at: usize| [&methods.add, &methods.update].into_iter().flatten().any(|m| m.takes(at));
    let written: Vec<bool> = (0..table.columns.len()).map(written).collect();
    let added = |at: usize| methods.add.as_ref().is_some_and(|add| add.takes(at));
    let made: Vec<bool> =
        (0..table.columns.len()).map(|at| methods.add.is_some() && !added(at)).collect();
    for (at, column) in table.columns.iter_mut().enumerate() {
        column.writable &= written[at];
        // A new entry has a key that it is not given: the statement makes it.
        column.generated |= column.anchor && made[at];
    }
}

/// Which value a name stands for.
fn slot(name: &str, does: Does, table: &Table) -> Option<Result<Slot, String>> {
    let mut columns = table.columns.iter();
    let exact = columns.position(|column| column.name == name);
    let mut columns = table.columns.iter();
    let found = exact.or_else(|| columns.position(|one| one.name.eq_ignore_ascii_case(name)));
    if let Some(at) = found {
        return Some(Ok(Slot::Column(at)));
    }
    let special = Slot::named(name)?;
    Some(match does.allows(&special) {
        true => Ok(special),
        false => Err(format!("which has @{name}: there is none when this is done")),
    })
}

fn unknown(name: &str, table: &Table) -> String {
    if let Some(child) = table.child(name) {
        let name = child.name();
        return format!("which has @{name}: its values are rows of a table, written by themselves");
    }
    let instead = instead(name, table.columns.iter().map(|column| column.name.as_str()));
    format!("whose @{name} is no attribute of {}{instead}", table.object_type)
}

fn queried(text: &str, does: Does, table: &Table, dialect: &dyn Dialect) -> Result<Method, String> {
    let mut queries = Vec::new();
    for statement in statements(text) {
        let pieces = pieces(&statement, dialect.escapes_with_backslash());
        let pieces = pieces.map_err(|what| format!("in which {what}"))?;
        let resolved = pieces.into_iter().map(|piece| match piece {
            Piece::Text(text) => Ok(Piece::Text(text)),
            Piece::Value(name) => {
                let slot = slot(&name, does, table).unwrap_or_else(|| Err(unknown(&name, table)));
                slot.map(Piece::Value)
            }
        });
        queries.push(resolved.collect::<Result<Vec<_>, String>>()?);
    }
    match queries.is_empty() {
        true => Err("which has no statement".to_owned()),
        false => Ok(Method::Queries(queries)),
    }
}

fn called(text: &str, does: Does, table: &Table, is_named: bool) -> Result<Method, String> {
    let procedure = procedure::parse(text, is_named).map_err(|what| format!("which {what}"))?;
    let parameters = procedure.parameters.into_iter().map(|one| {
        let bare = one.value.trim_start_matches('@');
        let value = match slot(bare, does, table) {
            Some(slot) => slot?,
            None if one.value.starts_with('@') => return Err(unknown(bare, table)),
            None => Slot::Literal(one.value.clone()),
        };
        if one.direction.is_answered() && !matches!(value, Slot::Column(_)) {
            let known = table.columns.iter().map(|column| column.name.as_str());
            let instead = instead(bare, known);
            return Err(format!("whose output {} goes to no attribute{instead}", one.name));
        }
        Ok(Parameter { name: one.name, direction: one.direction, value })
    });
    let parameters = parameters.collect::<Result<Vec<_>, String>>()?;
    Ok(Method::Procedure(Procedure { name: procedure.name, parameters, is_named }))
}

impl Table {
    /// Whether statements can be made for it: a query or a procedure is not written to.
    pub(crate) fn is_written_itself(&self) -> bool {
        matches!(self.source, Source::Table | Source::View)
    }
}
