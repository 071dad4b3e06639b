//! Procedures of MySQL and MariaDB: what they answer besides rows goes through variables of the
//! session.

use super::{Mysql, Stopped, bound, value};
use crate::driver::{Answer, Call, Called, ColumnFacts, Driver as _, Failure, Scalar};
use mysql_async::{Column, prelude::Queryable as _};

pub(super) fn columns(columns: &[Column]) -> Vec<ColumnFacts> {
    let column = |one: &Column| {
        ColumnFacts::new(&one.name_str(), value::type_of_column(one), value::moments_of(one))
    };
    columns.iter().map(column).collect()
}

pub(super) fn call(
    mysql: &Mysql,
    call: &Call<'_>,
    each: &mut Answer<'_>,
) -> Result<Called, Failure> {
    let (mut marks, mut parameters, mut variables) = (Vec::new(), Vec::new(), Vec::new());
    for (at, argument) in call.arguments.iter().enumerate() {
        if !argument.direction.is_answered() {
            let mark = mysql.dialect().mark(at + 1);
            marks.push(call.placed(mysql.dialect(), argument, mark)?);
            parameters.push(argument.value.clone());
            continue;
        }
        let variable = format!("@ecma_{at}");
        mysql.execute(&format!("SET {variable} = ?"), std::slice::from_ref(&argument.value))?;
        marks.push(variable.clone());
        variables.push((argument, variable));
    }
    let sql = mysql.dialect().call(&call.quoted(mysql.dialect()), &marks);
    let columns = mysql.work(&sql, async |connection| {
        let statement = mysql.prepared(connection, &sql).await?;
        let mut rows = connection.exec_iter(statement, bound(&parameters)).await?;
        let columns = columns(rows.columns_ref());
        while let Some(row) = rows.next().await? {
            each(&value::Sent::from(row), &columns).map_err(Stopped::Ours)?;
        }
        rows.drop_result().await?;
        Ok(columns)
    })?;
    let mut outputs = Vec::new();
    if !variables.is_empty() {
        let names: Vec<&str> = variables.iter().map(|(_, name)| name.as_str()).collect();
        mysql.query(&format!("SELECT {}", names.join(", ")), &[], &mut |cells| {
            let answered = variables.iter().enumerate();
            let output = |(at, (argument, _)): (usize, &(&crate::driver::Argument, String))| {
                (argument.name.clone(), Scalar::of(cells.cell(at)))
            };
            outputs = answered.map(output).collect();
            Ok(())
        })?;
    }
    Ok(Called { columns, outputs })
}
