//! Object types from the catalog of the database and the settings.

mod choice;

use crate::{
    child::{self, Catalog, Child, Said},
    delta::Deltas,
    dialect::Dialect,
    dn::{self, Naming},
    driver::{Storage, TableFacts},
    form::{self, Form},
    object_types::Named,
    reference::References,
    settings::{DriverName, Settings},
    statement::{self, Methods, Source},
};
use choice::{Choice, anchor, choose};
use ecma_plugin_sdk::{Access, Attribute, AttributeType, ObjectType, Problem, Schema, tracing};

/// A table that is an object type.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) object_type: String,
    pub(crate) name: String,
    /// The name as it stands in statements.
    pub(crate) quoted: String,
    pub(crate) columns: Vec<Column>,
    /// The watermark column.
    pub(crate) watermark: Option<usize>,
    /// How it is found out which rows changed.
    pub(crate) deltas: Deltas,
    /// Attributes whose values are rows of other tables.
    pub(crate) children: Vec<Child>,
    pub(crate) source: Source,
    pub(crate) methods: Methods,
    /// Whether what a statement answers of a row is the row as it stays.
    pub(crate) answers_row: bool,
    /// How its entries are named, when they have names.
    pub(crate) dn: Option<Naming>,
}

/// A column that is an attribute.
#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub(crate) name: String,
    pub(crate) kind: AttributeType,
    pub(crate) storage: Storage,
    pub(crate) anchor: bool,
    pub(crate) generated: bool,
    /// The database numbers new rows here.
    pub(crate) numbered: bool,
    pub(crate) not_null: bool,
    pub(crate) default: bool,
    pub(crate) unique: bool,
    pub(crate) ignores_case: bool,
    pub(crate) writable: bool,
    /// Whether it is imported.
    pub(crate) readable: bool,
    pub(crate) foreign: bool,
    /// The object types a reference names; none for any.
    pub(crate) refers_to: Vec<String>,
    /// The object type when a reference is the whole name of an entry of it, and the column has a part.
    pub(crate) named: Option<String>,
    /// Between the values of a multi-valued column.
    pub(crate) separator: Option<String>,
    pub(crate) form: Form,
}

impl Table {
    /// The columns of the anchor.
    pub(crate) fn anchors(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.anchor)
    }

    /// Whether a statement that writes a row answers all there is to know of it. What stands in
    /// child tables is written later, and may change the row.
    pub(crate) fn answers_whole(&self) -> bool {
        self.answers_row && self.children.is_empty()
    }

    /// The columns that are imported.
    pub(crate) fn read(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter().filter(|column| column.readable)
    }

    /// The column of this name, spelled as the catalog spells it.
    pub(crate) fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// The multi-valued attribute of this name.
    pub(crate) fn child(&self, name: &str) -> Option<&Child> {
        self.children.iter().find(|child| child.name() == name)
    }
}

impl Column {
    /// A column that is read and written, of which no more is known.
    pub(crate) fn new(name: &str, kind: AttributeType, storage: Storage) -> Column {
        Column {
            name: name.to_owned(),
            kind,
            storage,
            anchor: false,
            generated: false,
            numbered: false,
            not_null: false,
            default: false,
            unique: false,
            ignores_case: false,
            writable: true,
            readable: true,
            form: Form::default(),
            foreign: false,
            refers_to: Vec::new(),
            named: None,
            separator: None,
        }
    }

    /// An attribute that statements are given, and that no column has.
    pub(crate) fn given(name: &str) -> Column {
        Column { readable: false, ..Column::new(name, AttributeType::Text, Storage::Text) }
    }

    pub(crate) fn attribute(&self) -> Attribute {
        let mut attribute = Attribute::new(&self.name, self.kind);
        attribute.multi_valued = self.separator.is_some();
        attribute.required = !self.generated && (self.anchor || (self.not_null && !self.default));
        attribute.access = match (self.readable, self.writable) {
            (true, true) => Access::ImportExport,
            (true, false) => Access::ImportOnly,
            (false, _) => Access::ExportOnly,
        };
        attribute.anchor = self.anchor;
        attribute.unique = self.unique;
        attribute.case_exact = !self.ignores_case;
        attribute.generated = self.generated;
        attribute.refers_to.clone_from(&self.refers_to);
        attribute
    }
}

/// The schema that these tables are.
pub(crate) fn schema(tables: &[Table]) -> Schema {
    Schema::new(tables.iter().map(|table| {
        let columns = dn::attributes(table).into_iter();
        let attributes = columns.chain(table.children.iter().map(Child::attribute));
        attributes.fold(ObjectType::new(&table.object_type), ObjectType::with)
    }))
}

/// The tables of the settings as the catalog describes them, or everything that does not fit.
pub(crate) fn tables(
    settings: &Settings,
    dialect: &dyn Dialect,
    facts: &[TableFacts],
    named: Option<&Named>,
    mut problems: Vec<Problem>,
) -> Result<Vec<Table>, Vec<Problem>> {
    // Statements about an object type that could not be read have nothing to be held against.
    let is_whole = problems.is_empty();
    let children = child::said(settings, &mut problems);
    let chosen = choose(settings, facts, named, &children, &mut problems);
    let is_column = |entry: &str| {
        let is = |choice: &Choice<'_>| {
            choice.facts.columns.iter().any(|column| choice.is(entry, &column.name))
        };
        chosen.iter().any(is)
    };
    let is_attribute = |entry: &str| is_column(entry) || is_child(entry, &children, &chosen);
    let mut check = |parameter: &str, entry: &str, known: bool| {
        if !known && !chosen.is_empty() {
            problems.push(Problem::new(parameter, no_column(entry, &chosen)));
        }
    };
    for (parameter, list, also_children) in settings.column_lists() {
        for entry in list {
            let known = if also_children { is_attribute(entry) } else { is_column(entry) };
            check(parameter, entry, known);
        }
    }
    let references = References::of_settings(settings, is_attribute);
    references.names().for_each(|name| check("references", name, is_attribute(name)));
    form::named(settings).for_each(|name| check("boolean_words", name, is_attribute(name)));
    let mut tables = Vec::new();
    for choice in &chosen {
        match anchor(settings, choice) {
            Ok(anchor) => tables.push(choice.table(settings, &anchor, &mut problems)),
            Err(text) if settings.has_types() => problems.push(Problem::new("anchor", text)),
            Err(_) => {
                tracing::debug!(table = choice.facts.name, "A table without a key is left out")
            }
        }
    }
    if tables.is_empty() && problems.is_empty() {
        let (name, text) = match settings.driver {
            DriverName::Sqlite => ("database", "has no table with a key"),
            DriverName::Odbc => ("tables", "finds no table with a key that this user may read"),
            _ => ("database_name", "has no table with a key that this user may read"),
        };
        problems.push(Problem::new(name, text));
    }
    let references = references.among(&tables, &mut problems);
    refer(&mut tables, &chosen, &references, &mut problems);
    let catalog = Catalog { settings, facts, references: &references };
    child::attach(&catalog, &children, &mut tables, &mut problems);
    if is_whole {
        statement::resolve(settings, dialect, &mut tables, &mut problems);
    }
    if problems.is_empty() {
        dn::attach(settings, &mut tables, &mut problems);
        form::unfit(settings, &tables, &mut problems);
        settings.unknown_partitions(&tables, &mut problems);
    }
    if problems.is_empty() { Ok(tables) } else { Err(problems) }
}

/// Whether an entry of a list means this column or attribute: `column`, or `table.column` with one
/// of the table's names.
pub(crate) fn means(entry: &str, tables: &[&str], column: &str) -> bool {
    entry.eq_ignore_ascii_case(column) || qualifies(entry, tables, column)
}

/// Whether an entry is `table.column` with one of the table's names.
pub(crate) fn qualifies(entry: &str, tables: &[&str], column: &str) -> bool {
    tables.iter().any(|table| {
        entry
            .split_at_checked(table.len())
            .filter(|(before, _)| before.eq_ignore_ascii_case(table))
            .and_then(|(_, rest)| rest.strip_prefix('.'))
            .is_some_and(|rest| rest.eq_ignore_ascii_case(column))
    })
}

/// Whether an entry of a list means an attribute of a child table.
fn is_child(entry: &str, children: &[Said], chosen: &[Choice<'_>]) -> bool {
    children.iter().any(|said| {
        let owner = &said.attribute.table;
        let owners = chosen
            .iter()
            .filter(|choice| choice.words().iter().any(|word| word.eq_ignore_ascii_case(owner)));
        let mut words = owners.map(Choice::words);
        words.any(|words| means(entry, &words, &said.attribute.column))
    })
}

fn no_column(entry: &str, chosen: &[Choice<'_>]) -> String {
    let tables: Vec<&str> = chosen.iter().map(|choice| choice.facts.name.as_str()).collect();
    format!("names \"{entry}\", which is no column of {}", tables.join(", "))
}

/// Makes references of the columns that the settings name so, and of foreign keys to the anchor of
/// a table among these.
fn refer(
    tables: &mut [Table],
    chosen: &[Choice<'_>],
    references: &References<'_>,
    problems: &mut Vec<Problem>,
) {
    for table in tables {
        let Some(choice) = chosen.iter().find(|c| c.object_type == table.object_type) else {
            continue;
        };
        for at in 0..table.columns.len() {
            let column = &table.columns[at];
            let keys = choice.facts.foreign.iter().filter(|key| key.alone && key.column == at);
            let foreign = keys.filter_map(|key| references.by_key(key, &table.object_type)).next();
            let other = matches!(column.kind, AttributeType::Boolean | AttributeType::DateTime);
            let named = references.named(table, &column.name);
            if column.anchor || (other && foreign.is_none() && !named) {
                continue;
            }
            match references.of(table, &column.name, foreign, false, column.storage) {
                Ok(None) => {}
                Ok(Some(refers_to)) => {
                    let column = &mut table.columns[at];
                    column.kind = AttributeType::Reference;
                    column.refers_to = refers_to;
                }
                Err(problem) => problems.push(problem),
            }
        }
    }
}
