//! The demo's data: an SQLite database and a CSV file of the same people, written as a stream.

use std::{
    fs,
    io::BufWriter,
    path::{Path, PathBuf},
    time::Instant,
};

use anyhow::Context as _;
use clap::Args;
use rusqlite::{Connection, params_from_iter};
use serde::{Deserialize, Serialize};

use crate::{
    files::{self, Reader},
    people::{COLUMNS, People},
    say,
    teams::{self, Teams},
};

/// How many people a demo has when nobody asks for another number.
pub(crate) const PEOPLE: u64 = 1000;
const SEED: u64 = 1;

#[derive(Args)]
pub(crate) struct Options {
    /// The home to make demo/people.db and demo/people.csv in.
    #[arg(long)]
    dir: PathBuf,
    /// How many people.
    #[arg(long, value_name = "N", default_value_t = PEOPLE, value_parser = clap::value_parser!(u64).range(1..))]
    people: u64,
    /// Only the database.
    #[arg(long, conflicts_with = "csv_only")]
    sql_only: bool,
    /// Only the file.
    #[arg(long)]
    csv_only: bool,
    /// Another seed makes other people.
    #[arg(long, value_name = "S", default_value_t = SEED)]
    seed: u64,
}

/// How big a target was made, and of which people.
#[derive(Serialize, Deserialize, Clone, Copy, PartialEq, Eq, Debug)]
struct Size {
    people: u64,
    seed: u64,
    /// What tables and columns it has; see [`Target::shape`].
    #[serde(default)]
    shape: u32,
}

/// What was made, kept beside it: counting rows would count those a client has added since.
#[derive(Serialize, Deserialize, Default)]
struct Record {
    database: Option<Size>,
    file: Option<Size>,
}

/// One of the two things a demo is made of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Target {
    /// `demo/people.db`
    Database,
    /// `demo/people.csv`
    File,
}

/// Makes the data anew, whether or not it is there.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if !options.csv_only {
        make(&options.dir, Target::Database, options.people, options.seed)?;
    }
    if !options.sql_only {
        make(&options.dir, Target::File, options.people, options.seed)?;
    }
    Ok(())
}

/// Makes what is not there, and what is there in another size than `asked` for or as an older
/// demo made it.
pub(crate) fn ensure(home: &Path, asked: Option<u64>) -> anyhow::Result<()> {
    [Target::Database, Target::File].into_iter().try_for_each(|one| ensure_one(home, one, asked))
}

/// The same for one of the two.
pub(crate) fn ensure_one(home: &Path, target: Target, asked: Option<u64>) -> anyhow::Result<()> {
    let size = *target.size_in(&mut record(home)?);
    let there = target.path(home).exists();
    let other = asked.is_some_and(|asked| size.is_none_or(|size| size.people != asked));
    let older = size.is_some_and(|size| size.shape < target.shape());
    if there && !other && !older {
        return Ok(());
    }
    if there && older {
        say!("{} was made by an older demo; made anew", target.path(home).display());
    } else if there {
        let had = size.map_or("an unknown number of".into(), |size| size.people.to_string());
        say!("{} has {had} people; made anew as --people asks", target.path(home).display());
    }
    let usual = size.map_or(PEOPLE, |size| size.people);
    let seed = size.map_or(SEED, |size| size.seed);
    make(home, target, asked.unwrap_or(usual), seed)
}

/// The logins of about `count` of a demo's people, evenly spread over all `people`.
pub(crate) fn logins(people: u64, count: u64) -> Vec<String> {
    let at = COLUMNS.iter().position(|name| *name == "login").expect("people have a login");
    let all = People::new(SEED);
    let step = people.div_ceil(count).max(1) as usize;
    let numbers = (1..=people).step_by(step);
    numbers.map(|number| all.person(number).values()[at].to_owned()).collect()
}

/// The login of the first person in the demo's database.
pub(crate) fn somebody(home: &Path) -> anyhow::Result<Option<String>> {
    let path = Target::Database.path(home);
    let database = Connection::open_with_flags(&path, rusqlite::OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let mut query = database.prepare("SELECT login FROM person ORDER BY id LIMIT 1")?;
    let mut rows = query.query([])?;
    Ok(rows.next()?.map(|row| row.get(0)).transpose()?)
}

impl Target {
    /// Where it lies.
    pub(crate) fn path(self, home: &Path) -> PathBuf {
        home.join("demo").join(match self {
            Self::Database => "people.db",
            Self::File => "people.csv",
        })
    }

    /// Grows when what is made has other tables or columns: what an older demo made then is made
    /// anew. The database has teams and roles since 1.
    fn shape(self) -> u32 {
        match self {
            Self::Database => 1,
            Self::File => 0,
        }
    }

    fn size_in(self, record: &mut Record) -> &mut Option<Size> {
        match self {
            Self::Database => &mut record.database,
            Self::File => &mut record.file,
        }
    }
}

fn record_path(home: &Path) -> PathBuf {
    home.join("demo/demo.json")
}

fn record(home: &Path) -> anyhow::Result<Record> {
    let path = record_path(home);
    match fs::read(&path) {
        Ok(bytes) => serde_json::from_slice(&bytes)
            .with_context(|| format!("{} is damaged; delete it", path.display())),
        Err(_) => Ok(Record::default()),
    }
}

fn make(home: &Path, target: Target, people: u64, seed: u64) -> anyhow::Result<()> {
    let size = Size { people, seed, shape: target.shape() };
    let started = Instant::now();
    let path = target.path(home);
    let place = || format!("cannot make {}", path.display());
    fs::create_dir_all(files::folder_of(&path)).with_context(place)?;
    let people = People::new(size.seed);
    match target {
        Target::Database => make_database(&path, &people, size.people).with_context(place)?,
        Target::File => make_file(&path, &people, size.people).with_context(place)?,
    }
    let mut record = record(home)?;
    *target.size_in(&mut record) = Some(size);
    files::write(&record_path(home), &serde_json::to_vec_pretty(&record)?, Reader::All)?;
    let seconds = started.elapsed().as_secs_f64();
    say!("made {} with {} people in {seconds:.1} s", path.display(), size.people);
    Ok(())
}

fn make_file(path: &Path, people: &People, count: u64) -> anyhow::Result<()> {
    let new = path.with_extension("csv.new");
    let file = fs::File::create(&new)?;
    let mut writer = csv::Writer::from_writer(BufWriter::with_capacity(1 << 20, &file));
    writer.write_record(COLUMNS.iter().chain(&["proxy_addresses"]))?;
    for person in people.first(count) {
        let values = person.values();
        writer.write_record(values.iter().chain(&[person.proxy_addresses.as_str()]))?;
    }
    writer.flush()?;
    file.sync_all()?;
    fs::rename(&new, path)?;
    Ok(())
}

/// The tables. A member may be a person or a team, so no foreign key can watch over it: triggers do.
const TABLES: &str = "
CREATE TABLE person (
    id INTEGER PRIMARY KEY,
    login TEXT NOT NULL,
    enabled INTEGER NOT NULL DEFAULT 1,
    display_name TEXT, title TEXT, mail TEXT, preferred_language TEXT,
    given_name TEXT, family_name TEXT, formatted_name TEXT,
    street TEXT, city TEXT, state TEXT, postal_code TEXT, country TEXT, formatted_address TEXT,
    work_phone TEXT, mobile_phone TEXT, fax TEXT,
    external_id TEXT,
    employee_number TEXT, department TEXT, organization TEXT, cost_center TEXT, division TEXT,
    manager_id INTEGER REFERENCES person (id) ON DELETE SET NULL,
    user_type TEXT, nick_name TEXT, locale TEXT, time_zone TEXT,
    badge TEXT, hired TEXT,
    note TEXT
);
CREATE TABLE person_role (
    person_id INTEGER NOT NULL REFERENCES person (id) ON DELETE CASCADE,
    role TEXT NOT NULL,
    PRIMARY KEY (person_id, role)
) WITHOUT ROWID;
CREATE TABLE team (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    external_id TEXT
);
CREATE TABLE team_member (
    team_id INTEGER NOT NULL REFERENCES team (id) ON DELETE CASCADE,
    member_id INTEGER NOT NULL,
    member_type TEXT NOT NULL CHECK (member_type IN ('person', 'team')),
    PRIMARY KEY (team_id, member_id, member_type)
) WITHOUT ROWID;";
/// What a real directory of people has, and comes last because that is several times as fast.
const INDEXES: &str = "
CREATE UNIQUE INDEX person_login ON person (login);
CREATE INDEX person_mail ON person (mail);
CREATE INDEX person_external_id ON person (external_id);
CREATE INDEX person_manager ON person (manager_id);
CREATE INDEX person_role_role ON person_role (role);
CREATE INDEX team_external_id ON team (external_id);
CREATE INDEX team_member_member ON team_member (member_id, member_type);
CREATE TRIGGER person_leaves AFTER DELETE ON person BEGIN
    DELETE FROM team_member WHERE member_id = old.id AND member_type = 'person';
END;
CREATE TRIGGER team_leaves AFTER DELETE ON team BEGIN
    DELETE FROM team_member WHERE member_id = old.id AND member_type = 'team';
END;";

fn make_database(path: &Path, people: &People, count: u64) -> anyhow::Result<()> {
    let new = path.with_extension("db.new");
    files::remove(&new)?;
    let mut database = Connection::open(&new)?;
    database.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA foreign_keys = OFF;",
    )?;
    let bulk = database.transaction()?;
    bulk.execute_batch(TABLES)?;
    let marks = vec!["?"; COLUMNS.len()].join(", ");
    let mut insert = bulk.prepare(&format!("INSERT INTO person VALUES ({marks})"))?;
    for person in people.first(count) {
        // SQLite itself turns text into numbers where the column is of numbers.
        let values = person.values().map(|text| (!text.is_empty()).then_some(text));
        insert.execute(params_from_iter(values))?;
    }
    drop(insert);
    make_teams(&bulk, people, count)?;
    bulk.execute_batch(INDEXES)?;
    bulk.commit()?;
    database.close().map_err(|(_, error)| error)?;
    fs::File::open(&new)?.sync_all()?;
    // A journal of the old database would be played into the new one.
    for end in ["db-wal", "db-shm", "db-journal"] {
        files::remove(&path.with_extension(end))?;
    }
    fs::rename(&new, path)?;
    Ok(())
}

/// After the people, so that those lie side by side in the file.
fn make_teams(bulk: &Connection, people: &People, count: u64) -> anyhow::Result<()> {
    let teams = Teams::new(people);
    let mut insert = bulk.prepare("INSERT INTO team VALUES (?, ?, ?, ?)")?;
    for team in teams.all() {
        insert.execute((team.id as i64, team.name, team.description, team.external_id))?;
    }
    let mut insert = bulk.prepare("INSERT INTO team_member VALUES (?, ?, ?)")?;
    let mut role = bulk.prepare("INSERT INTO person_role VALUES (?, ?)")?;
    for one in teams.nested() {
        insert.execute((one.team as i64, one.member as i64, one.kind))?;
    }
    for (number, person) in (1..).zip(people.first(count)) {
        for one in teams.of(number, &person) {
            insert.execute((one.team as i64, one.member as i64, one.kind))?;
        }
        for word in teams::roles(number, &person, count) {
            role.execute((person.id(), word))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows_in_database(home: &Path) -> Vec<Vec<String>> {
        let database = Connection::open(Target::Database.path(home)).unwrap();
        let mut query = database.prepare("SELECT * FROM person ORDER BY id").unwrap();
        let mut rows = query.query([]).unwrap();
        let mut found = Vec::new();
        while let Some(row) = rows.next().unwrap() {
            found.push(
                (0..COLUMNS.len())
                    .map(|at| match row.get_unwrap::<_, rusqlite::types::Value>(at) {
                        rusqlite::types::Value::Null => String::new(),
                        rusqlite::types::Value::Integer(number) => number.to_string(),
                        rusqlite::types::Value::Text(text) => text,
                        other => panic!("{other:?}"),
                    })
                    .collect(),
            );
        }
        found
    }

    fn rows_in_file(home: &Path) -> Vec<Vec<String>> {
        csv::Reader::from_path(Target::File.path(home))
            .unwrap()
            .records()
            .map(|row| row.unwrap().iter().take(COLUMNS.len()).map(str::to_owned).collect())
            .collect()
    }

    #[test]
    fn database_and_file_hold_the_same_people() {
        let home = tempfile::tempdir().unwrap();
        ensure(home.path(), Some(600)).unwrap();
        let rows = rows_in_database(home.path());
        assert_eq!(rows.len(), 600);
        assert_eq!(rows, rows_in_file(home.path()));
        assert_eq!(somebody(home.path()).unwrap().as_deref(), Some(rows[0][1].as_str()));
    }

    #[test]
    fn the_database_generates_keys_and_wants_a_unique_login() {
        let home = tempfile::tempdir().unwrap();
        ensure(home.path(), Some(3)).unwrap();
        let database = Connection::open(Target::Database.path(home.path())).unwrap();
        let add = |login: Option<&str>| {
            database.execute("INSERT INTO person (login) VALUES (?)", [login]).is_ok()
        };
        assert!(add(Some("new@example.com")));
        assert_eq!(database.last_insert_rowid(), 100_004);
        assert!(!add(Some("new@example.com")));
        assert!(!add(None));
    }

    fn counts(home: &Path, queries: &[&str]) -> Vec<i64> {
        let database = Connection::open(Target::Database.path(home)).unwrap();
        let count = |query: &&str| database.query_row(query, [], |row| row.get(0)).unwrap();
        queries.iter().map(count).collect()
    }

    #[test]
    fn the_database_has_teams_roles_and_managers_that_fit_the_people() {
        let home = tempfile::tempdir().unwrap();
        ensure_one(home.path(), Target::Database, Some(400)).unwrap();
        let found = counts(
            home.path(),
            &[
                "SELECT count(*) FROM team",
                "SELECT count(DISTINCT person_id) FROM person_role",
                "SELECT count(*) FROM person WHERE typeof(manager_id) = 'integer'",
                "SELECT count(*) FROM pragma_foreign_key_check",
                // Who is in no department's team although the row names it, or the other way round.
                "SELECT count(*) FROM person AS p LEFT JOIN team AS t ON t.name = p.department
                 LEFT JOIN team_member AS m ON m.team_id = t.id AND m.member_id = p.id
                     AND m.member_type = 'person' WHERE (t.id IS NULL) <> (m.team_id IS NULL)",
                "SELECT count(*) FROM team_member WHERE member_type = 'team'
                 AND member_id NOT IN (SELECT id FROM team)",
            ],
        );
        assert_eq!(found, [19, 400, 399, 0, 0, 0]);
    }

    #[test]
    fn who_is_deleted_is_nobodys_manager_and_in_no_team() {
        let home = tempfile::tempdir().unwrap();
        ensure_one(home.path(), Target::Database, Some(50)).unwrap();
        let database = Connection::open(Target::Database.path(home.path())).unwrap();
        database
            .execute_batch("DELETE FROM person WHERE id = 100001; DELETE FROM team WHERE id = 501")
            .unwrap();
        let found = counts(
            home.path(),
            &[
                "SELECT count(*) FROM person WHERE manager_id = 100001",
                "SELECT count(*) FROM person_role WHERE person_id = 100001",
                "SELECT count(*) FROM team_member WHERE member_id IN (100001, 501) OR team_id = 501",
            ],
        );
        assert_eq!(found, [0, 0, 0]);
    }

    #[test]
    fn a_database_of_an_older_demo_is_made_anew() {
        let home = tempfile::tempdir().unwrap();
        ensure(home.path(), Some(7)).unwrap();
        let old = r#"{"database":{"people":7,"seed":1},"file":{"people":7,"seed":1}}"#;
        fs::write(record_path(home.path()), old).unwrap();
        let database = Connection::open(Target::Database.path(home.path())).unwrap();
        database.execute_batch("DROP TABLE team").unwrap();
        fs::write(Target::File.path(home.path()), "id\n1\n").unwrap();
        ensure(home.path(), None).unwrap();
        assert_eq!(counts(home.path(), &["SELECT count(*) FROM person"]), [7]);
        assert_eq!(counts(home.path(), &["SELECT count(*) FROM team"]), [19]);
        assert_eq!(rows_in_file(home.path()).len(), 1, "the file is as it was made then");
        database.close().unwrap();
        let kept = fs::metadata(Target::Database.path(home.path())).unwrap().modified().unwrap();
        ensure(home.path(), None).unwrap();
        let now = fs::metadata(Target::Database.path(home.path())).unwrap().modified().unwrap();
        assert_eq!(kept, now, "once");
    }

    #[test]
    fn a_demo_is_made_again_only_when_another_size_is_asked_for() {
        let home = tempfile::tempdir().unwrap();
        ensure(home.path(), Some(5)).unwrap();
        fs::write(Target::File.path(home.path()), "id\n1\n").unwrap();
        ensure(home.path(), None).unwrap();
        ensure(home.path(), Some(5)).unwrap();
        assert_eq!(rows_in_file(home.path()).len(), 1);
        ensure(home.path(), Some(6)).unwrap();
        assert_eq!(rows_in_file(home.path()).len(), 6);
        assert_eq!(rows_in_database(home.path()).len(), 6);
        fs::remove_file(Target::File.path(home.path())).unwrap();
        ensure(home.path(), None).unwrap();
        assert_eq!(rows_in_file(home.path()).len(), 6);
    }

    #[test]
    fn a_journal_of_the_old_database_is_not_left_to_the_new_one() {
        let home = tempfile::tempdir().unwrap();
        ensure(home.path(), Some(2)).unwrap();
        let journal = home.path().join("demo/people.db-wal");
        fs::write(&journal, "old").unwrap();
        ensure(home.path(), Some(3)).unwrap();
        assert!(!journal.exists());
    }
}
