//! Deltas by a watermark column: rows at or after the last value, without those that were imported
//! as they are.
//!
//! Several rows can have the last value, and one of them can change again without getting a greater
//! one. So the mark remembers a digest of each row at the last value, and only rows that are the
//! same in every column are left out. Deleted rows are not seen.

use super::{Known, Last, REMEMBERED, Since, Until};
use crate::{
    dialect::Dialect,
    driver::{Driver, Failure, Storage},
    import::{self, Plan},
};
use ecma_plugin_sdk::Error;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

#[derive(Debug, Default, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Mark {
    /// Of the table; none when it has no row with a value.
    pub(super) last: Option<Last>,
    /// Of each child table that has the column too, by attribute.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) children: BTreeMap<String, Last>,
    pub(super) rows: Vec<Known>,
}

/// The condition of rows that may have changed, and those among them that have not.
pub(super) fn since(dialect: &dyn Dialect, plan: &Plan<'_>, mark: &Mark) -> Since {
    let mut parameters = Vec::new();
    let mut came = |column: String, last: Option<&Last>| match last {
        Some(last) => {
            parameters.push(last.scalar());
            dialect.since(&column, parameters.len())
        }
        None => dialect.present(&column),
    };
    let mut parts = Vec::new();
    let column = plan.watermark_name(dialect);
    parts.extend(column.map(|column| came(column, mark.last.as_ref())));
    for (child, column, _) in plan.child_watermarks() {
        let last = mark.children.get(child.name());
        let condition = came(dialect.of_child(column), last);
        parts.push(dialect.has_child(plan.table, child, &condition));
    }
    let known = mark.rows.iter().copied().collect();
    Since { condition: any(&parts), parameters, known, ..Since::default() }
}

/// How far an import comes by the operator's query.
pub(super) fn until(driver: &dyn Driver, until: &Until) -> Result<Last, Failure> {
    let Until { parameter, query } = until;
    let mut last = None;
    let sql = driver.dialect().answer(query);
    let answer = driver.query(&sql, &[], &mut |cells| {
        last = Last::of(parameter, cells.cell(0))?;
        Ok(())
    });
    answer.map_err(|failure| {
        let error = Error::from(failure);
        match error.kind() {
            ecma_plugin_sdk::ErrorKind::Unreachable | ecma_plugin_sdk::ErrorKind::Timeout => error,
            _ => Error::config(format!("{parameter} does not work: {}", error.message())),
        }
    })?;
    let text = "answers nothing; it answers one value, not NULL";
    Ok(last.ok_or_else(|| Error::config(format!("{parameter} {text}")))?)
}

/// How far a table is imported now: to the greatest value of the column, or as far as was said.
pub(super) fn mark(
    driver: &dyn Driver,
    plan: &Plan<'_>,
    until: Option<&Last>,
) -> Result<Option<Mark>, Failure> {
    let Some(column) = plan.watermark else { return Ok(None) };
    let (dialect, table) = (driver.dialect(), plan.table);
    let last = |table: &str, column: &str, storage: Storage| -> Result<Option<Last>, Failure> {
        if let Some(until) = until {
            return Ok(Some(until.clone()));
        }
        let mut last = None;
        driver.query(&dialect.greatest(table, column, storage), &[], &mut |cells| {
            last = Last::of("the watermark column", cells.cell(0))?;
            Ok(())
        })?;
        Ok(last)
    };
    let mut parameters = Vec::new();
    let mut parts = Vec::new();
    // Rows beyond the end that was said are imported too, and come once more otherwise.
    let mut at = |column: String, last: &Last| {
        parameters.push(last.scalar());
        match until {
            Some(_) => dialect.since(&column, parameters.len()),
            None => dialect.at(&column, parameters.len()),
        }
    };
    let of_table = last(&table.quoted, &column.name, column.storage)?;
    let column = plan.watermark_name(dialect);
    parts.extend(column.zip(of_table.as_ref()).map(|(column, last)| at(column, last)));
    let mut children = BTreeMap::new();
    for (child, column, storage) in plan.child_watermarks() {
        if let Some(last) = last(&child.quoted, column, storage)? {
            let condition = at(dialect.of_child(column), &last);
            parts.push(dialect.has_child(table, child, &condition));
            children.insert(child.name().to_owned(), last);
        }
    }
    if parts.is_empty() {
        return Ok(None);
    }
    let mut rows = import::digests(driver, plan, &any(&parts), &parameters, REMEMBERED + 1)?;
    if rows.len() > REMEMBERED {
        rows.clear();
    }
    rows.sort_unstable();
    Ok(Some(Mark { last: of_table, children, rows }))
}

/// The condition of what fits one of these.
fn any(parts: &[String]) -> String {
    parts.join(" OR ")
}
