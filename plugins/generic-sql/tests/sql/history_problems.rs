//! What is said of settings of deltas that do not fit.

use crate::support::Database;

const TABLES: &str = "
    CREATE TABLE person (id INTEGER PRIMARY KEY, site TEXT, name TEXT, changed INTEGER);
    CREATE TABLE team (id INTEGER PRIMARY KEY);
    CREATE TABLE person_history (id INTEGER PRIMARY KEY, person INTEGER, site TEXT, what TEXT);
    CREATE TABLE device (site TEXT, number INTEGER, PRIMARY KEY (site, number));";

const PERSON: &str = "person = person_history WHERE person_history.person = person.id";

fn problems(settings: &[(&str, &str)]) -> Vec<String> {
    let database = Database::new(TABLES);
    database.problems(|values| {
        let values = values.with("tables", "person");
        settings.iter().fold(values, |values, (name, value)| values.with(*name, *value))
    })
}

#[test]
fn strategies_and_settings_fit_each_other() {
    for (settings, expected) in [
        (&[("delta_strategy", "none")][..], &[][..]),
        (&[("watermark_column", "changed")], &[]),
        (&[("delta_strategy", "history"), ("history_tables", PERSON)], &[]),
        (
            &[("delta_strategy", "watermark")],
            &["watermark_column is missing: the delta_strategy watermark needs it"],
        ),
        (
            &[("delta_strategy", "history")],
            &[
                "history_tables is missing: the delta_strategy history needs one for each object type",
            ],
        ),
        (
            &[("delta_strategy", "none"), ("watermark_column", "changed")],
            &["watermark_column is for the delta_strategy watermark"],
        ),
        (
            &[("watermark_column", "changed"), ("history_overlap", "5"), ("history_add", "I")],
            &[
                "history_add is for the delta_strategy history",
                "history_overlap is for the delta_strategy history",
            ],
        ),
        (
            &[("delta_strategy", "history"), ("history_tables", PERSON), ("history_add", "I")],
            &["history_add is a word of history_operation_column, which is missing"],
        ),
        (
            &[("delta_strategy", "change_tracking")],
            &["delta_strategy is change_tracking, which this database does not have; history is \
               for all"],
        ),
        (
            &[("watermark_column", "changed"), ("watermark_query", "DELETE FROM person")],
            &["watermark_query is not one SELECT"],
        ),
        (
            &[("watermark_column", "changed"), ("watermark_query", "SELECT 1; SELECT 2")],
            &["watermark_query is not one SELECT"],
        ),
    ] {
        assert_eq!(problems(settings), expected, "{settings:?}");
    }
}

#[test]
fn history_tables_are_looked_up_in_the_catalog() {
    for (entry, expected) in [
        (
            "person",
            "has \"person\", which has no equals sign after the object type; it is written as \
             \"person = person_history WHERE person_history.id = person.id\"",
        ),
        (
            "persn = person_history WHERE person_history.person = persn.id",
            "has \"persn = person_history WHERE person_history.person = persn.id\", whose \"persn\" \
             is no object type, did you mean \"person\"?",
        ),
        (
            "person = persn_history WHERE persn_history.person = person.id",
            "has \"person = persn_history WHERE persn_history.person = person.id\", whose history \
             table \"persn_history\" is not in the database, did you mean \"person_history\"?",
        ),
        (
            "person = person WHERE person.id = person.id",
            "has \"person = person WHERE person.id = person.id\", whose history table person is the \
             table itself",
        ),
        (
            "person = person_history WHERE person_history.persn = person.id",
            "has \"person = person_history WHERE person_history.persn = person.id\", whose \"persn\" \
             is no column of person_history, did you mean \"person\"?",
        ),
        (
            "person = person_history WHERE person_history.site = person.site",
            "has \"person = person_history WHERE person_history.site = person.site\", whose join \
             has no person.id, a column of the anchor",
        ),
        (
            "person = person_history WHERE person_history.person = team.id",
            "has \"person = person_history WHERE person_history.person = team.id\", whose join of \
             person_history.person and team.id is not between person_history and person",
        ),
    ] {
        let mut found = problems(&[("delta_strategy", "history"), ("history_tables", entry)]);
        found.retain(|problem| !problem.starts_with("history_tables has none of"));
        assert_eq!(found, [format!("history_tables {expected}")], "{entry}");
    }
    let missing = problems(&[
        ("delta_strategy", "history"),
        ("history_tables", PERSON),
        ("history_watermark_column", "nmber"),
        ("history_operation_column", "wat"),
    ]);
    assert_eq!(
        missing,
        [
            "history_watermark_column is \"nmber\", which is no column of person_history; there is \
             id, person, site, what",
            "history_operation_column is \"wat\", which is no column of person_history, did you mean \
             \"what\"?",
        ]
    );
}

#[test]
fn each_object_type_needs_a_history() {
    let database = Database::new(TABLES);
    let found = database.problems(|values| {
        let values = values.with("tables", "person, team").with("delta_strategy", "history");
        values.with("history_tables", PERSON)
    });
    assert_eq!(found, ["history_tables has none of team; each object type needs one"]);
}
