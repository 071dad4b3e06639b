//! Names and joins as Microsoft's SQL connector has them, written as ours wants them.

/// The parts of a name with dots between them, without brackets and quotes: `[dbo].[My Table]`.
fn parts(name: &str) -> Vec<String> {
    let (mut parts, mut part, mut end) = (Vec::new(), String::new(), None);
    for c in name.trim().chars() {
        match (c, end) {
            (c, Some(close)) if c == close => end = None,
            ('[', None) => end = Some(']'),
            ('"', None) => end = Some('"'),
            ('`', None) => end = Some('`'),
            ('.', None) => parts.push(std::mem::take(&mut part)),
            (c, _) => part.push(c),
        }
    }
    parts.push(part);
    parts.iter().map(|part| part.trim().to_owned()).collect()
}

/// A table: its own name, and what stands before it, such as a schema.
pub(super) fn table(name: &str) -> (String, String) {
    let mut parts = parts(name);
    let own = parts.pop().unwrap_or_default();
    (own, parts.join("."))
}

/// A word of a join or a child table, in quotes where it could be read as something else.
pub(super) fn word(name: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | '#');
    let keyword = ["where", "and", "type"].contains(&name.to_ascii_lowercase().as_str());
    match !name.is_empty() && name.chars().all(plain) && !keyword {
        true => name.to_owned(),
        false => format!("\"{}\"", name.replace('"', "\"\"")),
    }
}

/// A join of equal columns.
pub(super) struct Join {
    /// As it stands behind `WHERE`.
    pub(super) text: String,
    /// The columns of the table that is joined.
    pub(super) columns: Vec<String>,
}

/// Reads `Employee.DEPTID = Department.DepartmentID`, several with `AND` between them; `child` is the
/// table that is joined, and the other one is called by its object type. None when it is more than that.
pub(super) fn join(text: &str, child: &str, object_type: &str) -> Option<Join> {
    let mut join = Join { text: String::new(), columns: Vec::new() };
    for pair in split_at_and(text) {
        let (left, right) = pair.split_once('=')?;
        let mut side = |text: &str| {
            let mut parts = parts(text);
            let (column, table) = (parts.pop()?, parts.pop()?);
            let plain = |name: &str| !name.is_empty() && !name.contains(['(', ')', '<', '>']);
            if !plain(&column) || !plain(&table) {
                return None;
            }
            let is_child = table.eq_ignore_ascii_case(child);
            let table = if is_child { child } else { object_type };
            let written = format!("{}.{}", word(table), word(&column));
            if is_child {
                join.columns.push(column);
            }
            Some(written)
        };
        let pair = format!("{} = {}", side(left)?, side(right)?);
        let and = if join.text.is_empty() { "" } else { " AND " };
        join.text.push_str(and);
        join.text.push_str(&pair);
    }
    Some(join).filter(|join| !join.columns.is_empty())
}

fn split_at_and(text: &str) -> Vec<String> {
    let mut pairs = vec![String::new()];
    for word in text.split_whitespace() {
        match pairs.last_mut() {
            Some(last) if !word.eq_ignore_ascii_case("and") => {
                last.push(' ');
                last.push_str(word);
            }
            _ => pairs.push(String::new()),
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_stands_without_its_schema() {
        for (name, own, before) in [
            ("Employees", "Employees", ""),
            ("dbo.Employees", "Employees", "dbo"),
            ("[Server].[Db].[dbo].[My.Table]", "My.Table", "Server.Db.dbo"),
            (" \"hr\".\"people\" ", "people", "hr"),
            ("", "", ""),
        ] {
            assert_eq!(table(name), (own.to_owned(), before.to_owned()), "{name}");
        }
    }

    #[test]
    fn a_join_is_pairs_of_columns() {
        let of = |text: &str| join(text, "B B", "user");
        for (text, expected) in [
            ("A.x = [B B].y", Some("user.x = \"B B\".y")),
            (
                "dbo.[b b].y=A.x and A.z = [B B].where",
                Some("\"B B\".y = user.x AND user.z = \"B B\".\"where\""),
            ),
            ("A.x = C.y", None),
            ("A.x", None),
            ("x = [B B].y", None),
            ("A.x <> [B B].y", None),
            ("upper(A.x) = [B B].y", None),
            ("", None),
        ] {
            assert_eq!(of(text).map(|join| join.text).as_deref(), expected, "{text}");
        }
        assert_eq!(of("A.x = [B B].y AND A.z = [B B].w").unwrap().columns, ["y", "w"]);
    }
}
