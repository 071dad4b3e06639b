//! Targets with the same twelve people: a CSV file and a database of SQLite.

use super::Host;
use rusqlite::Connection;
use std::{collections::BTreeMap, fs, path::PathBuf};

/// What the target holds of a person, by column; nothing where a column is empty.
pub(crate) type Row = BTreeMap<String, String>;

pub(crate) const COLUMNS: [&str; 10] =
    ["id", "login", "display", "given", "family", "mail", "department", "enabled", "badge", "note"];

/// The people; the first has everything.
fn people() -> Vec<[String; 10]> {
    let first = [
        "1",
        "ada@example.org",
        "Ada, \"the first\"",
        "Ada",
        "Lovelace",
        "ada@example.org",
        "Engines",
        "1",
        "B-1",
        "says \"hello\", often",
    ];
    let mut people = vec![first.map(str::to_owned)];
    for (id, name) in (2..).zip([
        "jürgen", "José", "Łucja", "grace", "edsger", "barbara", "donald", "Ågot", "niklaus",
        "frances", "李明",
    ]) {
        let login = format!("{name}@example.org");
        let enabled = if id == 4 { "0" } else { "1" };
        people.push([
            id.to_string(),
            login.clone(),
            name.to_owned(),
            name.to_owned(),
            format!("Ex{id}"),
            login,
            String::new(),
            enabled.to_owned(),
            String::new(),
            format!("row {id}"),
        ]);
    }
    people
}

/// The part of a connector's document that both have in common.
const MAPPING: &str = r#"
autosync = 0
[[object]]
type = "person"
anchor = ["id"]
query = ["login", "mail"]
[object.attributes]
login = "userName"
display = "displayName"
given = "name.givenName"
family = "name.familyName"
mail = 'emails[type eq "work"].value'
department = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department"
badge = ""
"#;

/// A connected system that a test can look into, and change behind the host's back.
pub(crate) trait Target {
    /// The plugin's name.
    const PLUGIN: &'static str;

    /// Makes the target in a home, with the connector `PEOPLE` to it.
    fn new(host: &Host) -> Self;

    /// Everybody, by user name.
    fn rows(&self) -> BTreeMap<String, Row>;

    /// Makes of the rows what the change makes of them.
    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Row>));
}

fn no_empty(row: impl IntoIterator<Item = (String, String)>) -> Row {
    row.into_iter().filter(|(_, value)| !value.is_empty()).collect()
}

/// A CSV file with a byte order mark, CRLF, quotes and a column nobody selects.
pub(crate) struct CsvTarget(PathBuf);

impl CsvTarget {
    pub(crate) fn bytes(&self) -> String {
        fs::read_to_string(&self.0).unwrap()
    }

    fn lines(rows: impl IntoIterator<Item = [String; 10]>) -> String {
        let mut text = format!("\u{feff}{}\r\n", COLUMNS.join(","));
        for row in rows {
            let cells = row.map(|value| match value.contains([',', '"']) {
                true => format!("\"{}\"", value.replace('"', "\"\"")),
                false => value,
            });
            text.push_str(&format!("{}\r\n", cells.join(",")));
        }
        text
    }

    /// Splits a line; values in quotes may hold commas and doubled quotes.
    fn split(line: &str) -> Vec<String> {
        let (mut cells, mut quoted, mut before) = (vec![String::new()], false, ' ');
        for c in line.chars() {
            let cell = cells.last_mut().unwrap();
            match c {
                '"' => {
                    quoted = !quoted;
                    if quoted && before == '"' {
                        cell.push('"');
                    }
                }
                ',' if !quoted => cells.push(String::new()),
                c => cell.push(c),
            }
            before = c;
        }
        cells
    }

    /// The rows of a text, all of them whole.
    pub(crate) fn parse(text: &str) -> BTreeMap<String, Row> {
        let mut lines = text.strip_prefix('\u{feff}').unwrap().split_terminator("\r\n");
        assert!(text.ends_with("\r\n"), "the last line is whole");
        assert_eq!(lines.next().unwrap(), COLUMNS.join(","));
        lines
            .map(|line| {
                let cells = Self::split(line);
                assert_eq!(cells.len(), COLUMNS.len(), "{line}");
                (cells[1].clone(), no_empty(COLUMNS.map(str::to_owned).into_iter().zip(cells)))
            })
            .collect()
    }
}

impl Target for CsvTarget {
    const PLUGIN: &'static str = "csv-file";

    fn new(host: &Host) -> CsvTarget {
        let path = host.path("people.csv");
        fs::write(&path, Self::lines(people())).unwrap();
        let document = format!(
            "plugin = \"csv-file\"{MAPPING}id = \"\"\n[object.deprovisioning]\n\
             disable = {{ set = \"enabled\", true = \"1\", false = \"0\" }}\n[values]\n\
             file = \"people.csv\"\nanchor = \"id\"\nunique = \"login\"\nrequired = \"login\"\n"
        );
        host.document("PEOPLE", &document);
        CsvTarget(path)
    }

    fn rows(&self) -> BTreeMap<String, Row> {
        Self::parse(&self.bytes())
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Row>)) {
        let mut rows = self.rows();
        change(&mut rows);
        let cell = |row: &Row, name: &str| row.get(name).cloned().unwrap_or_default();
        let text = Self::lines(rows.values().map(|row| COLUMNS.map(|name| cell(row, name))));
        let new = self.0.with_extension("edited");
        fs::write(&new, text).unwrap();
        fs::rename(new, &self.0).unwrap();
    }
}

/// A database with one table, whose key the database makes.
pub(crate) struct SqlTarget(PathBuf);

impl SqlTarget {
    fn open(&self) -> Connection {
        let database = Connection::open(&self.0).unwrap();
        database.busy_timeout(std::time::Duration::from_secs(20)).unwrap();
        database
    }

    /// The connector's document.
    pub(crate) fn document() -> String {
        format!(
            "plugin = \"generic-sql\"{MAPPING}[object.deprovisioning]\n\
             disable = {{ set = \"enabled\", true = \"1\", false = \"0\" }}\n[values]\n\
             database = \"people.db\"\n"
        )
    }

    /// Makes the database; it is there all at once.
    pub(crate) fn create(path: PathBuf) -> SqlTarget {
        let target = SqlTarget(path.with_extension("new"));
        let table = "CREATE TABLE person (
            id INTEGER PRIMARY KEY AUTOINCREMENT, login TEXT NOT NULL UNIQUE, display TEXT,
            given TEXT, family TEXT, mail TEXT, department TEXT,
            enabled INTEGER NOT NULL DEFAULT 1, badge TEXT, note TEXT)";
        target.open().execute(table, []).unwrap();
        target.change(|rows| {
            for person in people() {
                let cells = COLUMNS.map(str::to_owned).into_iter().zip(person.clone());
                rows.insert(person[1].clone(), no_empty(cells));
            }
        });
        fs::rename(&target.0, &path).unwrap();
        SqlTarget(path)
    }
}

impl Target for SqlTarget {
    const PLUGIN: &'static str = "generic-sql";

    fn new(host: &Host) -> SqlTarget {
        host.document("PEOPLE", &Self::document());
        Self::create(host.path("people.db"))
    }

    fn rows(&self) -> BTreeMap<String, Row> {
        let database = self.open();
        let columns = COLUMNS.map(|name| format!("coalesce({name}, '')||''")).join(",");
        let mut query = database.prepare(&format!("SELECT {columns} FROM person")).unwrap();
        let row = |row: &rusqlite::Row<'_>| {
            let cells = (0..COLUMNS.len()).map(|at| (COLUMNS[at].to_owned(), row.get(at).unwrap()));
            Ok(no_empty(cells))
        };
        let rows = query.query_map([], row).unwrap().map(Result::unwrap);
        rows.map(|row: Row| (row["login"].clone(), row)).collect()
    }

    fn change(&self, change: impl FnOnce(&mut BTreeMap<String, Row>)) {
        let before = self.rows();
        let mut after = before.clone();
        change(&mut after);
        let mut database = self.open();
        let transaction = database.transaction().unwrap();
        for (login, _) in before.iter().filter(|(login, row)| after.get(*login) != Some(*row)) {
            transaction.execute("DELETE FROM person WHERE login = ?", [login]).unwrap();
        }
        for (_, row) in after.iter().filter(|(login, row)| before.get(*login) != Some(*row)) {
            let cell = |name: &str| row.get(name).cloned();
            let sql = format!("INSERT INTO person VALUES ({})", ["?"; COLUMNS.len()].join(","));
            transaction.execute(&sql, COLUMNS.map(cell)).unwrap();
        }
        transaction.commit().unwrap();
    }
}
