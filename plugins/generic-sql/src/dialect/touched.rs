//! Statements about rows that were touched, as a history or the database's own account tells it.

use super::Dialect;
use crate::{child::Join, delta::History, schema::Table};
use std::fmt::Debug;

/// How a database answers about the account that it keeps of changes itself. SQL Server's answers
/// are `CHANGE_TRACKING_CURRENT_VERSION()`, `CHANGE_TRACKING_MIN_VALID_VERSION(OBJECT_ID(?))` and
/// `CHANGETABLE(CHANGES [t], ?)`.
pub(crate) trait Account: Debug + Sync {
    /// The statement for the version up to which everything is visible.
    fn now(&self) -> String;

    /// The statement for the least version that changes can be asked from; its parameter is the
    /// name of a table as it stands in statements. It answers NULL without an account of the table.
    fn least(&self) -> String;

    /// What stands for the touched keys of a table since the version of a parameter, with the
    /// columns of its primary key. Its alias follows. The name is in quotes already.
    fn changes(&self, table: &str, mark: &str) -> String;
}

impl dyn Dialect + '_ {
    /// A column of the history, in statements that have table and history.
    pub(crate) fn of_history(&self, column: &str) -> String {
        format!("h.{}", self.name(column))
    }

    /// The condition of rows whose anchor is among the keys of `from`, which has the alias `h`.
    pub(crate) fn touched(
        &self,
        table: &Table,
        keys: &[Join],
        from: &str,
        condition: &str,
    ) -> String {
        let parents: Vec<String> =
            keys.iter().map(|key| self.of_parent(&table.columns[key.parent].name)).collect();
        let touched: Vec<String> = keys.iter().map(|key| self.of_history(&key.child)).collect();
        self.among(&parents, &touched, from, condition)
    }

    /// The keys of `from` that have no row in the table.
    pub(crate) fn gone(&self, table: &Table, keys: &[Join], from: &str, condition: &str) -> String {
        let mut parts: Vec<String> =
            keys.iter().map(|key| self.present(&self.of_history(&key.child))).collect();
        parts.extend(Some(condition).filter(|part| !part.is_empty()).map(str::to_owned));
        let same = keys.iter().map(|key| {
            let column = &table.columns[key.parent];
            self.is(&self.of_parent(&column.name), column.storage, &self.of_history(&key.child))
        });
        let same = same.collect::<Vec<_>>().join(" AND ");
        parts.push(format!("NOT EXISTS (SELECT 1 FROM {} p WHERE {same})", table.quoted));
        let columns = self.keys(keys).join(", ");
        format!("SELECT DISTINCT {columns} FROM {from} WHERE {}", parts.join(" AND "))
    }

    /// Rows of a history: the key, the watermark, and what happened.
    pub(crate) fn history(&self, history: &History, condition: &str) -> String {
        let mut columns = self.keys(&history.keys);
        let rest = [Some(&history.watermark), history.operation.as_ref()];
        columns.extend(
            rest.into_iter()
                .flatten()
                .map(|(column, storage)| self.shown(&self.of_history(column), *storage)),
        );
        format!("SELECT {} FROM {} h WHERE {condition}", columns.join(", "), history.quoted)
    }

    fn keys(&self, keys: &[Join]) -> Vec<String> {
        let shown = |key: &Join| self.shown(&self.of_history(&key.child), key.storage);
        keys.iter().map(shown).collect()
    }
}
