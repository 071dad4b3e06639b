//! Calls of stored procedures.

use super::{Cells, ColumnFacts, Failure, Scalar};
use crate::dialect::Dialect;
use ecma_plugin_sdk::Error;

/// A stored procedure, and what it is given.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    /// Its name as the operator wrote it: `name`, `schema.name`, parts in double quotes.
    pub(crate) name: &'a str,
    pub(crate) arguments: &'a [Argument],
    /// Whether arguments are told apart by their names, not by their order.
    pub(crate) is_named: bool,
}

/// What a parameter of a procedure is given, or where its answer goes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Argument {
    pub(crate) name: String,
    pub(crate) direction: Direction,
    pub(crate) value: Scalar,
}

/// What is done with a row that a procedure answers, and its columns.
pub(crate) type Answer<'a> = dyn FnMut(&dyn Cells, &[ColumnFacts]) -> Result<(), Failure> + 'a;

/// Which way the value of a parameter goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Input,
    Output,
    Both,
}

/// What a procedure answered, but for its rows.
#[derive(Debug, Default)]
pub(crate) struct Called {
    /// The columns of the rows.
    pub(crate) columns: Vec<ColumnFacts>,
    /// The parameters that it gave a value, by their names.
    pub(crate) outputs: Vec<(String, Scalar)>,
}

impl Direction {
    /// Whether the procedure is given a value.
    pub(crate) fn is_given(self) -> bool {
        self != Direction::Output
    }

    /// Whether it answers one.
    pub(crate) fn is_answered(self) -> bool {
        self != Direction::Input
    }
}

impl Call<'_> {
    /// The name as it stands in a statement, whatever is in it.
    pub(super) fn quoted(&self, dialect: &dyn Dialect) -> String {
        let parts = self.parts();
        parts.iter().map(|part| dialect.name(part)).collect::<Vec<_>>().join(".")
    }

    /// The parts of the name, the last of which is the procedure's own.
    pub(super) fn parts(&self) -> Vec<String> {
        let (mut parts, mut quoted) = (vec![String::new()], false);
        let mut rest = self.name.chars().peekable();
        while let Some(c) = rest.next() {
            let part = parts.last_mut().expect("there is always a part");
            match c {
                '"' if quoted && rest.next_if_eq(&'"').is_some() => part.push('"'),
                '"' => quoted = !quoted,
                '.' if !quoted => parts.push(String::new()),
                c => part.push(c),
            }
        }
        parts
    }

    /// An argument as it stands in the call.
    pub(super) fn placed(
        &self,
        dialect: &dyn Dialect,
        argument: &Argument,
        mark: String,
    ) -> Result<String, Failure> {
        if !self.is_named {
            return Ok(mark);
        }
        let name = argument.name.trim_start_matches('@');
        let named = dialect.named(name, &mark, argument.direction.is_answered());
        named.ok_or_else(|| {
            let text = "arguments are told apart by their order here; leave named_parameters out";
            Error::config(text).into()
        })
    }

    /// The values of a row as what the parameters answered: those that it has a column for.
    pub(super) fn outputs(
        &self,
        columns: &[ColumnFacts],
        row: &dyn Cells,
    ) -> Result<Vec<(String, Scalar)>, Failure> {
        let answered = self.arguments.iter().filter(|argument| argument.direction.is_answered());
        let value = |argument: &Argument| {
            let name = argument.name.trim_start_matches('@');
            let at = columns.iter().position(|column| column.name.eq_ignore_ascii_case(name));
            let Some(at) = at else {
                let text = format!("the procedure {} answers no {name}", self.name);
                return Err(Error::config(text).into());
            };
            Ok((argument.name.clone(), Scalar::of(row.cell(at))))
        };
        answered.map(value).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialect;

    #[test]
    fn a_name_is_quoted_part_by_part() {
        for (name, quoted) in [
            ("add_person", "\"add_person\""),
            ("hr.add_person", "\"hr\".\"add_person\""),
            ("\"h.r\".\"a \"\"b\"\"\"", "\"h.r\".\"a \"\"b\"\"\""),
            ("x(); DROP TABLE t; --", "\"x(); DROP TABLE t; --\""),
        ] {
            let call = Call { name, arguments: &[], is_named: false };
            assert_eq!(call.quoted(dialect::POSTGRES), quoted);
        }
    }
}
