//! The text of an entry of `multi_valued_tables`, taken apart. Whether what it names is there is
//! looked up elsewhere.

use crate::{
    settings::Settings,
    words::{Name, Words},
};
use ecma_plugin_sdk::Problem;

pub(super) const PARAMETER: &str = "multi_valued_tables";

/// What an entry says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Said {
    /// All of it, to be shown.
    pub(crate) entry: String,
    /// Object type and attribute.
    pub(crate) attribute: Name,
    /// The child table and the column with the values.
    pub(crate) value: Name,
    /// Pairs of columns that are the same in child and parent, in either order.
    pub(crate) join: Vec<(Name, Name)>,
    /// The column with the object type of a reference.
    pub(crate) type_column: Option<Name>,
}

/// The entries of the settings; what cannot be read is a problem.
pub(crate) fn all(settings: &Settings, problems: &mut Vec<Problem>) -> Vec<Said> {
    let mut all = Vec::new();
    for entry in &settings.multi_valued_tables {
        match parse(entry) {
            Ok(said) => all.push(said),
            Err(what) => {
                let text = format!(
                    "has \"{entry}\", {what}; it is written as \"team.members = member.person_id \
                     WHERE member.team_id = team.id\", with \"TYPE member.type\" after it when a \
                     column has the object type"
                );
                problems.push(Problem::new(PARAMETER, text));
            }
        }
    }
    all
}

fn parse(entry: &str) -> Result<Said, String> {
    let mut words = Words::of(entry)?;
    let attribute = words.name("the attribute")?;
    words.equals("the attribute")?;
    let value = words.name("the column of the values")?;
    let join = words.join("the column of the values")?;
    let type_column = match words.take_keyword("TYPE") {
        true => Some(words.name("the column of the object type")?),
        false => None,
    };
    words.end()?;
    Ok(Said { entry: entry.to_owned(), attribute, value, join, type_column })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(table: &str, column: &str) -> Name {
        Name { table: table.to_owned(), column: column.to_owned() }
    }

    #[test]
    fn an_entry_is_taken_apart() {
        let join = |child: &str| vec![(name(child, "team_id"), name("team", "id"))];
        for (entry, value, join, type_column) in [
            (
                "team.members = tm.member_id WHERE tm.team_id = team.id",
                name("tm", "member_id"),
                join("tm"),
                None,
            ),
            (
                "team.members=tm.member_id where tm.team_id=team.id type tm.kind",
                name("tm", "member_id"),
                join("tm"),
                Some(name("tm", "kind")),
            ),
            (
                " team . members = \"where\".\"a \"\"b\"\" = c\" WhErE \"where\".team_id = team.id",
                name("where", "a \"b\" = c"),
                join("where"),
                None,
            ),
            (
                "team.members = tm.x WHERE tm.team_id = team.id AND team.b = tm.a Type tm.and",
                name("tm", "x"),
                vec![
                    (name("tm", "team_id"), name("team", "id")),
                    (name("team", "b"), name("tm", "a")),
                ],
                Some(name("tm", "and")),
            ),
        ] {
            let attribute = name("team", "members");
            let entry_text = entry.to_owned();
            let expected = Said { entry: entry_text, attribute, value, join, type_column };
            assert_eq!(parse(entry), Ok(expected), "{entry}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_said() {
        for (entry, expected) in [
            ("", "which ends where the attribute should stand"),
            ("members", "whose \"members\" should be the attribute, as table.column"),
            ("team. = x.y", "whose \"team.\" has no column"),
            ("team.members", "which has no equals sign after the attribute"),
            ("team.members = tm.id", "which has no WHERE after the column of the values"),
            (
                "team.members = = ",
                "which has an equals sign where the column of the values should stand",
            ),
            ("a.b = c.d WHERE c.e", "which has no equals sign after a column of the join"),
            (
                "a.b = c.d WHERE c.e = a.id TYPE",
                "which ends where the column of the object type should stand",
            ),
            (
                "a.b = c.d WHERE c.e = a.id OR x.y = z.w",
                "which goes on with \"OR\" where it should end",
            ),
            ("a.b = \"c", "in which a quoted name does not end"),
        ] {
            assert_eq!(parse(entry), Err(expected.to_owned()), "{entry}");
        }
    }
}
