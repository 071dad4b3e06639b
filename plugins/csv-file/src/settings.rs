//! What is asked of the operator: where the file is, how it is written, what its columns mean.

use crate::{
    generate::{self, Generate},
    rows::Dialect,
    text::Codec,
};
use ecma_plugin_sdk::{Config, Problem};
use std::path::PathBuf;

/// The parameters of the plugin.
#[derive(Config, Debug, Clone)]
pub struct Settings {
    /// File
    ///
    /// The CSV file. The host's account needs to write to it and to its folder: a change writes a
    /// new file and puts it in place of the old one.
    pub(crate) file: PathBuf,
    /// Delimiter
    ///
    /// The character between values; \t is the tabulator.
    #[config(schema = 1, default = ",")]
    pub(crate) delimiter: char,
    /// Quote
    ///
    /// The character around values that hold a delimiter, a quote or a line ending.
    #[config(schema = 1, default = "\"")]
    pub(crate) quote: char,
    /// Encoding
    ///
    /// The label of the file's encoding: utf-8, utf-16le, windows-1252 and the like. A byte order
    /// mark at the beginning of the file says more than this.
    #[config(schema = 1, default = "utf-8")]
    pub(crate) encoding: String,
    /// First line names the columns
    ///
    /// Without such a line the columns are named below.
    #[config(schema = 1, default = true)]
    pub(crate) header: bool,
    /// Columns
    ///
    /// The names of all columns in order, for a file whose first line is data already.
    #[config(schema = 1)]
    pub(crate) columns: Vec<String>,
    /// Anchor
    ///
    /// The column, or the columns together, whose value tells a row from all others and never
    /// changes.
    #[config(schema = 2)]
    pub(crate) anchor: Vec<String>,
    /// Anchor of new rows
    ///
    /// How a row that is added without an anchor gets one: no refuses it, number takes one more than
    /// the largest in the column, uuid makes a random one.
    #[config(schema = 2, default = "no")]
    pub(crate) generate: Generate,
    /// Object type
    ///
    /// What a row is, when no column says so.
    #[config(schema = 2, default = "person")]
    pub(crate) object_type: String,
    /// Column of the object type
    ///
    /// The column that says what a row is. A row without a value there is of the object type above.
    #[config(schema = 2)]
    pub(crate) object_type_column: Option<String>,
    /// Separator of several values
    ///
    /// The character between the values of a column that has several.
    #[config(schema = 2)]
    pub(crate) multi_value_separator: Option<char>,
    /// Columns with several values
    #[config(schema = 2)]
    pub(crate) multi_valued: Vec<String>,
    /// Required columns
    ///
    /// Columns that a change may not leave empty; those of the anchor are in any case.
    #[config(schema = 2)]
    pub(crate) required: Vec<String>,
    /// Unique columns
    ///
    /// Columns of which no two rows may have the same value.
    #[config(schema = 2)]
    pub(crate) unique: Vec<String>,
    /// Columns with whole numbers
    #[config(schema = 2)]
    pub(crate) integer: Vec<String>,
    /// Columns with true or false
    ///
    /// Read are true and false, yes and no, on and off, 1 and 0; written is what the column uses.
    #[config(schema = 2)]
    pub(crate) boolean: Vec<String>,
    /// Columns with references
    ///
    /// Columns that name another row by its anchor. They can be followed in a file of one object
    /// type whose anchor is one column.
    #[config(schema = 2)]
    pub(crate) references: Vec<String>,
    /// Folder of snapshots
    ///
    /// Where a delta import finds what the file was before; a hidden folder beside the file when
    /// left out.
    #[config(global)]
    pub(crate) snapshots: Option<PathBuf>,
}

impl Settings {
    /// Lists of columns, by parameter.
    pub(crate) fn lists(&self) -> [(&'static str, &[String]); 7] {
        [
            ("anchor", &self.anchor),
            ("multi_valued", &self.multi_valued),
            ("required", &self.required),
            ("unique", &self.unique),
            ("integer", &self.integer),
            ("boolean", &self.boolean),
            ("references", &self.references),
        ]
    }

    /// How the file is written, in this encoding.
    pub(crate) fn dialect(&self, codec: Codec) -> Result<Dialect, Vec<Problem>> {
        let mut problems = Vec::new();
        let mut unit = |name: &str, c: char| {
            let unit = codec.unit(c).filter(|_| !matches!(c, '\r' | '\n' | '\0'));
            if unit.is_none() {
                let message = format!("is {c:?}, which separates nothing in {}", codec.name());
                problems.push(Problem::new(name, message));
            }
            unit
        };
        let pair = (unit("delimiter", self.delimiter), unit("quote", self.quote));
        match pair {
            (Some(delimiter), Some(quote)) => Ok(Dialect { codec, delimiter, quote }),
            _ => Err(problems),
        }
    }

    /// Everything that is wrong with the settings, seen without the file.
    pub(crate) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        let mut wrong = |at: &str, message: String| problems.push(Problem::new(at, message));
        match Codec::for_label(&self.encoding) {
            Err(message) => wrong("encoding", message),
            Ok(codec) => {
                if let Err(found) = self.dialect(codec) {
                    found.into_iter().for_each(|problem| wrong(&problem.at, problem.message));
                }
            }
        }
        if self.quote == self.delimiter {
            wrong("quote", "is the delimiter as well".to_owned());
        }
        if let Some(separator) = self.multi_value_separator {
            if separator == self.delimiter || separator == self.quote {
                wrong("multi_value_separator", "is the delimiter or the quote as well".to_owned());
            }
        } else if !self.multi_valued.is_empty() {
            let message = "is missing, but multi_valued names columns".to_owned();
            wrong("multi_value_separator", message);
        }
        match (self.header, self.columns.is_empty()) {
            (false, true) => wrong("columns", "is empty, but the file has no header".to_owned()),
            (true, false) => {
                wrong("columns", "is given, but the file's header names the columns".to_owned());
            }
            _ => {}
        }
        if self.anchor.is_empty() {
            wrong("anchor", "names no column".to_owned());
        }
        if let Some(message) = generate::problem(self) {
            wrong("generate", message);
        }
        if self.object_type.is_empty() {
            wrong("object_type", "is empty".to_owned());
        }
        for (at, list) in self.lists().into_iter().chain([("columns", self.columns.as_slice())]) {
            for (position, name) in list.iter().enumerate() {
                if list[..position].contains(name) && !name.is_empty() {
                    wrong(at, format!("names the column \"{name}\" twice"));
                }
            }
        }
        for name in &self.multi_valued {
            if self.anchor.contains(name) {
                wrong("multi_valued", format!("names \"{name}\", which is part of the anchor"));
            }
        }
        let kinds = [&self.integer, &self.boolean, &self.references];
        for (at, (name, list)) in ["integer", "boolean", "references"].iter().zip(kinds).enumerate()
        {
            for column in list {
                if kinds[..at].iter().any(|earlier| earlier.contains(column)) {
                    wrong(name, format!("names \"{column}\", which has another type already"));
                }
            }
        }
        if !self.columns.is_empty() {
            problems.extend(self.unknown(&self.columns));
        }
        problems
    }

    /// Columns that a parameter names and the file does not have, and other uses that do not fit.
    pub(crate) fn unknown(&self, columns: &[String]) -> Vec<Problem> {
        let mut problems = Vec::new();
        let kind = self.object_type_column.as_ref();
        let lists = self.lists().into_iter();
        for (at, list) in
            lists.chain(kind.map(|name| ("object_type_column", std::slice::from_ref(name))))
        {
            for name in list {
                if !columns.contains(name) || name.is_empty() {
                    let known = columns.join(", ");
                    let message = format!("names \"{name}\", not a column of the file: {known}");
                    problems.push(Problem::new(at, message));
                } else if at != "object_type_column" && kind == Some(name) {
                    let message = format!("names \"{name}\", the column of the object type");
                    problems.push(Problem::new(at, message));
                }
            }
        }
        problems
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecma_plugin_sdk::Values;

    fn blamed(values: Values) -> Vec<String> {
        let settings = Settings::read(&values).unwrap();
        settings.problems().into_iter().map(|problem| problem.at).collect()
    }

    fn good() -> Values {
        Values::new([("file", "people.csv"), ("anchor", "id")])
    }

    #[test]
    fn good_settings_have_no_problem() {
        assert_eq!(blamed(good()), [""; 0]);
        let values = good()
            .with("delimiter", "\\t")
            .with("header", false)
            .with("columns", "id,kind,tags,n")
            .with("object_type_column", "kind")
            .with("multi_value_separator", ";")
            .with("multi_valued", "tags")
            .with("integer", "n");
        assert_eq!(blamed(values), [""; 0]);
    }

    #[test]
    fn each_problem_is_told_by_name() {
        for (name, answer, at) in [
            ("encoding", "utf-9", "encoding"),
            ("delimiter", "§", "delimiter"),
            ("delimiter", "\n", "delimiter"),
            ("delimiter", "\"", "quote"),
            ("quote", "é", "quote"),
            ("multi_value_separator", ",", "multi_value_separator"),
            ("multi_valued", "tags", "multi_value_separator"),
            ("header", "no", "columns"),
            ("columns", "id", "columns"),
            ("anchor", "", "anchor"),
            ("anchor", "id,id", "anchor"),
            ("object_type", "", "object_type"),
        ] {
            assert_eq!(blamed(good().with(name, answer)), [at], "{name} = {answer:?}");
        }
        let headless = good().with("header", false).with("columns", "id,tags,kind");
        for (name, answer, at) in [
            ("required", "nobody", "required"),
            ("object_type_column", "nobody", "object_type_column"),
            ("columns", "id,id", "columns"),
        ] {
            assert_eq!(blamed(headless.clone().with(name, answer)), [at], "{name} = {answer:?}");
        }
        let kinds = headless.clone().with("integer", "tags").with("boolean", "tags");
        assert_eq!(blamed(kinds), ["boolean"]);
        let several =
            headless.clone().with("multi_valued", "id").with("multi_value_separator", ";");
        assert_eq!(blamed(several), ["multi_valued"]);
        let kind = headless.with("object_type_column", "kind").with("required", "kind");
        assert_eq!(blamed(kind), ["required"]);
    }
}
