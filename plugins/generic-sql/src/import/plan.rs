//! What an import reads of a table.

use crate::{
    child::Child,
    dialect::Dialect,
    dn::{DN, Naming},
    driver::{Cell, Cells, Merged, Scalar, Storage},
    schema::{Column, Table},
};
use ecma_plugin_sdk::{self as sdk, Error, ImportRun, Result};
use std::ops::Range;

/// What is read of a table: the columns that were asked for, those of the anchor among them, the
/// watermark column last; and the multi-valued attributes that were asked for.
pub(crate) struct Plan<'a> {
    pub(crate) table: &'a Table,
    pub(crate) columns: Vec<&'a Column>,
    pub(crate) watermark: Option<&'a Column>,
    pub(super) children: Vec<&'a Child>,
    /// Where the anchor stands among the columns.
    anchor: Vec<usize>,
    /// Where among the columns the one stands of which the name is made, if that is wanted.
    pub(super) naming: Option<Naming>,
}

impl<'a> Plan<'a> {
    pub(super) fn new(table: &'a Table, run: &ImportRun) -> Result<Plan<'a>> {
        let object_type = &table.object_type;
        let selections = run.selected.iter().filter(|s| s.object_type == *object_type);
        for name in selections.flat_map(|selection| &selection.attributes) {
            let is_name = table.dn.is_some() && name == DN;
            if !is_name && table.column(name).is_none() && table.child(name).is_none() {
                return Err(Error::config(format!("table {} has no column {name}", table.name)));
            }
        }
        let wants = |name: &str| run.wants_attribute(object_type, name);
        let naming = table.dn.filter(|naming| naming.is_anchor || wants(DN));
        let is_wanted = |at: usize, column: &Column| {
            column.anchor || wants(&column.name) || naming.is_some_and(|naming| naming.column == at)
        };
        let columns = table.columns.iter().enumerate();
        let columns = columns.filter(|(at, column)| column.readable && is_wanted(*at, column));
        let columns: Vec<&Column> = columns.map(|(_, column)| column).collect();
        let naming = naming.and_then(|Naming { column, is_anchor }| {
            let name = &table.columns[column].name;
            let column = columns.iter().position(|column| column.name == *name)?;
            Some(Naming { column, is_anchor })
        });
        let anchor = (0..columns.len()).filter(|at| columns[*at].anchor).collect();
        let children = table.children.iter().filter(|child| wants(child.name())).collect();
        let watermark = table.watermark.map(|at| &table.columns[at]);
        Ok(Plan { table, columns, watermark, children, anchor, naming })
    }

    /// The columns and multi-valued attributes as a page of the import has them.
    pub(super) fn layout(&self) -> impl Iterator<Item = sdk::Column> {
        let column = |name: &str, is_anchor| match is_anchor {
            true => sdk::Column::anchor(name),
            false => sdk::Column::new(name),
        };
        let is_name = self.naming.is_some_and(|naming| naming.is_anchor);
        let columns = self.columns.iter().map(move |c| column(&c.name, c.anchor && !is_name));
        let children = self.children.iter().map(|child| sdk::Column::new(child.name()));
        let name = self.naming.map(|naming| column(DN, naming.is_anchor));
        columns.chain(children).chain(name)
    }

    /// Where the name stands in that page.
    pub(super) fn name(&self) -> usize {
        self.columns.len() + self.children.len()
    }

    /// The columns that are read, with the watermark column at the end when asked for.
    pub(super) fn read(&self, watermark: bool) -> Vec<&'a Column> {
        let last = self.watermark.filter(|_| watermark);
        self.columns.iter().copied().chain(last).collect()
    }

    /// The watermark column as it is written in a condition.
    pub(crate) fn watermark_name(&self, dialect: &dyn Dialect) -> Option<String> {
        self.watermark.map(|column| dialect.of_parent(&column.name))
    }

    /// The child tables that have a watermark column.
    pub(crate) fn child_watermarks(&self) -> impl Iterator<Item = (&'a Child, &'a str, Storage)> {
        let children = self.children.iter().copied();
        children.filter_map(|child| {
            let (column, storage) = child.watermark.as_ref()?;
            Some((child, column.as_str(), *storage))
        })
    }

    /// Whether statements have rows of child tables beside those of the table.
    pub(crate) fn has_children(&self) -> bool {
        !self.children.is_empty()
    }

    /// The anchor in a row of the table.
    pub(crate) fn anchor_cells<'c>(
        &'c self,
        cells: &'c dyn Cells,
    ) -> impl Iterator<Item = (&'c Column, Cell<'c>)> {
        self.anchor.iter().map(|at| (self.columns[*at], cells.cell(*at)))
    }

    /// Where the columns of a value stand in a row of a child table: after the parent's anchor.
    pub(super) fn value(&self, child: &Child) -> Range<usize> {
        let first = self.anchor.len();
        first..first + child.columns().count()
    }

    /// Whether a row of a child table is one of this row.
    pub(super) fn owns(&self, cells: &dyn Cells, child: &dyn Cells) -> bool {
        let mut anchor = self.anchor.iter().enumerate();
        anchor.all(|(at, column)| cells.cell(*column) == child.cell(at))
    }

    /// The rows that fit a condition, with those of their children.
    pub(super) fn merged<'m>(
        &'m self,
        watermark: bool,
        condition: &'m str,
        parameters: &'m [Scalar],
        most: Option<usize>,
    ) -> Merged<'m> {
        let (table, columns) = (self.table, self.read(watermark));
        let (anchor, children) = (&self.anchor[..], &self.children[..]);
        Merged { table, columns, anchor, children, condition, parameters, most }
    }
}
