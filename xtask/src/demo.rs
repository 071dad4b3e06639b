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
    let size = Size { people: options.people, seed: options.seed };
    if !options.csv_only {
        make(&options.dir, Target::Database, size)?;
    }
    if !options.sql_only {
        make(&options.dir, Target::File, size)?;
    }
    Ok(())
}

/// Makes what is not there, and what is there in another size than `asked` for.
pub(crate) fn ensure(home: &Path, asked: Option<u64>) -> anyhow::Result<()> {
    [Target::Database, Target::File].into_iter().try_for_each(|one| ensure_one(home, one, asked))
}

/// The same for one of the two.
pub(crate) fn ensure_one(home: &Path, target: Target, asked: Option<u64>) -> anyhow::Result<()> {
    let size = *target.size_in(&mut record(home)?);
    let there = target.path(home).exists();
    let other = asked.is_some_and(|asked| size.is_none_or(|size| size.people != asked));
    if there && !other {
        return Ok(());
    }
    if there {
        let had = size.map_or("an unknown number of".into(), |size| size.people.to_string());
        say!("{} has {had} people; made anew as --people asks", target.path(home).display());
    }
    let usual = size.map_or(PEOPLE, |size| size.people);
    let seed = size.map_or(SEED, |size| size.seed);
    make(home, target, Size { people: asked.unwrap_or(usual), seed })
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

fn make(home: &Path, target: Target, size: Size) -> anyhow::Result<()> {
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

/// The table. `manager_id` is text because SCIM's manager is; the indexes are those a real
/// directory of people has, and come last because that is several times as fast.
const TABLE: &str = "
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
    manager_id TEXT,
    user_type TEXT, nick_name TEXT, locale TEXT, time_zone TEXT,
    badge TEXT, hired TEXT,
    note TEXT
)";
const INDEXES: &str = "
CREATE UNIQUE INDEX person_login ON person (login);
CREATE INDEX person_mail ON person (mail);
CREATE INDEX person_external_id ON person (external_id);";

fn make_database(path: &Path, people: &People, count: u64) -> anyhow::Result<()> {
    let new = path.with_extension("db.new");
    files::remove(&new)?;
    let mut database = Connection::open(&new)?;
    database.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;")?;
    let bulk = database.transaction()?;
    bulk.execute_batch(TABLE)?;
    let marks = vec!["?"; COLUMNS.len()].join(", ");
    let mut insert = bulk.prepare(&format!("INSERT INTO person VALUES ({marks})"))?;
    for person in people.first(count) {
        // SQLite itself turns text into numbers where the column is of numbers.
        let values = person.values().map(|text| (!text.is_empty()).then_some(text));
        insert.execute(params_from_iter(values))?;
    }
    drop(insert);
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
