//! Partitions: one for each object type, `OBJECT=<type>`, as Microsoft's connector names them.

use crate::schema::Table;
use ecma_plugin_sdk::{Error, Partition, Result};

/// The partition of an object type.
pub(crate) fn of(table: &Table) -> Partition {
    let name = format!("OBJECT={}", table.object_type);
    Partition { id: name.clone(), name, dn: None }
}

/// Whether this is everything, for somebody who has not asked for partitions.
pub(crate) fn is_everything(partition: &Partition) -> bool {
    partition.id == Partition::default_partition().id
}

/// The tables of a partition.
pub(crate) fn tables<'t>(tables: &'t [Table], partition: &Partition) -> Result<Vec<&'t Table>> {
    if is_everything(partition) {
        return Ok(tables.iter().collect());
    }
    let ids = tables.iter().map(|table| (of(table).id, table));
    let found = ids.clone().find(|(id, _)| *id == partition.id);
    found.map(|(_, table)| vec![table]).ok_or_else(|| {
        let known: Vec<String> = ids.map(|(id, _)| id).collect();
        let text = format!("there is no partition {}; there is {}", partition.id, known.join(", "));
        Error::config(text)
    })
}
