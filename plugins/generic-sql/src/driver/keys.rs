//! What is known of the keys of tables, to say which column an error is about.

use std::collections::HashMap;

/// Tables with their keys.
#[derive(Debug, Default)]
pub(super) struct Keys(pub(super) Vec<TableKeys>);

/// A table's keys.
#[derive(Debug, Default)]
pub(super) struct TableKeys {
    pub(super) table: String,
    /// The name as it stands in statements.
    pub(super) quoted: String,
    /// The first column of each unique key.
    pub(super) columns: HashMap<String, String>,
}

impl Keys {
    /// The table that a statement writes to.
    pub(super) fn of(&self, sql: &str) -> Option<&TableKeys> {
        // The row that a statement answers may be one that it adds.
        let inner = sql.split_once(" FROM FINAL TABLE (").map_or(sql, |(_, inner)| inner);
        let words = ["INSERT INTO ", "UPDATE "];
        let rest = words.iter().find_map(|word| inner.strip_prefix(word))?;
        let is = |keys: &&TableKeys| {
            rest.strip_prefix(keys.quoted.as_str()).is_some_and(|rest| rest.starts_with(' '))
        };
        self.0.iter().find(is)
    }
}
