//! What ODBC itself tells of the catalog, for databases whose own catalog nobody here knows.

use crate::{
    connection::Pages,
    fetch,
    parameters::Habits,
    words::{Catalog, Trouble},
};
use odbc_api::{Connection, CursorImpl, handles::Statement};

/// Rows of one of the functions, with the columns that ODBC gives them.
pub(crate) fn rows(
    connection: &Connection<'_>,
    catalog: &Catalog,
    habits: Habits,
    pages: &mut Pages<'_>,
) -> Result<(), Trouble> {
    let mut statement = connection.preallocate()?;
    match catalog {
        Catalog::Tables => all(statement.tables_cursor("", "%", "%", "")?, habits, pages),
        Catalog::Columns => all(statement.columns_cursor("", "%", "%", "%")?, habits, pages),
        Catalog::PrimaryKeys { schema, table } => {
            all(statement.primary_keys_cursor(None, given(schema), table)?, habits, pages)
        }
        Catalog::ForeignKeys { schema, table } => {
            let schema = schema.as_str();
            all(statement.foreign_keys_cursor("", "", "", "", schema, table)?, habits, pages)
        }
    }
}

fn given(schema: &str) -> Option<&str> {
    (!schema.is_empty()).then_some(schema)
}

fn all<S: Statement>(
    mut cursor: CursorImpl<S>,
    habits: Habits,
    pages: &mut Pages<'_>,
) -> Result<(), Trouble> {
    let read = fetch::rows_one_by_one(&mut cursor, habits, fetch::Known::default(), pages);
    fetch::closed(cursor, read)
}
