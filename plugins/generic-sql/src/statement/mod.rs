//! Statements that the operator wrote: queries and calls of procedures, for a table's generated ones.

mod procedure;
mod resolve;
mod run;
mod source;
mod text;

pub(crate) use procedure::Procedure;
pub(crate) use resolve::resolve;
pub(crate) use run::{Given, Password, rows};
pub(crate) use source::{Reading, answered, called, query, reading, sources, wrong};
pub(crate) use text::Piece;

/// Where the entries of an object type come from.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum Source {
    #[default]
    Table,
    /// How many rows a statement changed is not said of every view.
    View,
    Query,
    Procedure(Procedure<Slot>),
}

/// Statements that take the place of generated ones.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) struct Methods {
    pub(crate) add: Option<Method>,
    pub(crate) update: Option<Method>,
    pub(crate) delete: Option<Method>,
    pub(crate) set_password: Option<Method>,
    pub(crate) change_password: Option<Method>,
}

/// What does one thing.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Method {
    /// One statement after the other.
    Queries(Vec<Vec<Piece<Slot>>>),
    Procedure(Procedure<Slot>),
}

/// What a value of a statement is.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Slot {
    /// What the entry has in this column of its table.
    Column(usize),
    /// As the operator wrote it.
    Literal(String),
    NewPassword,
    OldPassword,
    /// The options of a new password, as words with commas between them.
    PasswordOptions,
    /// The first row of a page, counted from 1.
    StartIndex,
    /// The last row of a page.
    EndIndex,
}

impl Slot {
    /// What is not an attribute, by the name it has in statements.
    fn named(name: &str) -> Option<Slot> {
        Some(match name.to_ascii_lowercase().as_str() {
            "newpassword" => Slot::NewPassword,
            "oldpassword" => Slot::OldPassword,
            "passwordoptions" | "passwordoption" => Slot::PasswordOptions,
            "startindex" => Slot::StartIndex,
            "endindex" => Slot::EndIndex,
            _ => return None,
        })
    }
}

impl Method {
    fn slots(&self) -> Vec<&Slot> {
        match self {
            Method::Queries(statements) => statements
                .iter()
                .flatten()
                .filter_map(|piece| match piece {
                    Piece::Value(slot) => Some(slot),
                    Piece::Text(_) => None,
                })
                .collect(),
            Method::Procedure(procedure) => {
                let given = procedure.parameters.iter().filter(|one| one.direction.is_given());
                given.map(|one| &one.value).collect()
            }
        }
    }

    /// Whether it is given the value of this column.
    pub(crate) fn takes(&self, column: usize) -> bool {
        self.slots().contains(&&Slot::Column(column))
    }

    /// The columns whose values it is given.
    pub(crate) fn columns(&self) -> impl Iterator<Item = usize> {
        self.slots().into_iter().filter_map(|slot| match slot {
            Slot::Column(at) => Some(*at),
            _ => None,
        })
    }
}

/// An entry of a list: the object type before its first equals sign, and the rest.
pub(crate) fn entry(text: &str) -> Option<(&str, &str)> {
    let (object_type, rest) = text.split_once('=')?;
    let object_type = object_type.trim();
    (!object_type.is_empty() && !object_type.contains('\n')).then_some((object_type, rest))
}
