//! Exports of multi-valued attributes kept in child tables.

use crate::{
    children::{TEAMS, name, reference, teams},
    support::{Database, add, export, failure, id, update},
};
use ecma_plugin_sdk::{AttributeChange, Connection, Exported, Update, prelude::*};

const MEMBERS: &str = "SELECT * FROM team_member ORDER BY 1, 2, 3";
const ROLES: &str = "SELECT * FROM person_role ORDER BY 1, 2";

fn modify(
    id: ecma_plugin_sdk::EntryId,
    attribute: &str,
    added: &[Value],
    removed: &[Value],
) -> Change {
    let mut update = Update::new(id);
    let change = AttributeChange::Modify { added: added.to_vec(), removed: removed.to_vec() };
    update.attributes.push((attribute.to_owned(), change));
    Change::Update(update)
}

fn texts<const N: usize>(values: [&str; N]) -> Vec<Value> {
    values.map(Value::from).to_vec()
}

fn open() -> (Database, Connection) {
    let database = Database::new(TEAMS);
    let connection = database.open_with(teams);
    (database, connection)
}

fn done(connection: &mut Connection, change: Change) -> Exported {
    export(connection, change).unwrap()
}

#[test]
fn a_new_entry_brings_its_values() {
    let (database, mut connection) = open();
    let new = Entry::new("person")
        .set("login", "new")
        .set("manager_id", reference("10"))
        .set("roles", ["z", "a", "z"]);
    let answered = done(&mut connection, add(new)).entry.unwrap();
    assert_eq!(answered.get("roles"), texts(["a", "z"]), "what the database has comes back");
    assert_eq!(answered.get("id"), [Value::from(11)]);
    assert_eq!(database.rows("SELECT * FROM person WHERE id = 11"), ["11|'new'|10"]);
    assert_eq!(
        database.rows("SELECT * FROM person_role WHERE person_id = 11"),
        ["11|'a'", "11|'z'"]
    );

    let new = Entry::new("team")
        .set("name", "new")
        .set("members", [name("person", 11), name("team", 1), name("person", 11)]);
    let answered = done(&mut connection, add(new)).entry.unwrap();
    assert_eq!(answered.get("members"), [], "a group's members are not read again");
    let rows = database.rows("SELECT * FROM team_member WHERE team_id = 4 ORDER BY 2");
    assert_eq!(rows, ["4|1|'team'", "4|11|'person'"]);
}

#[test]
fn values_are_added_and_removed() {
    let (database, mut connection) = open();
    let team = || id("team", "id", 2);
    let change = modify(
        team(),
        "members",
        &[name("team", 3), name("person", 1), name("person", 2)],
        &[name("person", 10), name("person", 77), name("device", 4), reference("nonsense")],
    );
    let answered = done(&mut connection, change).entry.unwrap();
    assert_eq!(answered.text("name"), Some("one"));
    // Member 1 was there, 77 was not; what names no object type is not ours.
    let rows = database
        .rows("SELECT member_id, member_type FROM team_member WHERE team_id = 2 ORDER BY 1");
    assert_eq!(rows, ["1|'person'", "2|'person'", "3|'team'", "4|'device'"]);

    let change =
        modify(id("person", "id", 1), "roles", &texts(["new", "owner"]), &texts(["admin", "x"]));
    let answered = done(&mut connection, change).entry.unwrap();
    assert_eq!(answered.get("roles"), texts(["new", "owner"]));
    assert_eq!(database.rows(ROLES), ["1|'new'", "1|'owner'", "10|'guest'"]);

    let both = modify(id("person", "id", 10), "roles", &texts(["guest"]), &texts(["guest"]));
    done(&mut connection, both);
    assert_eq!(database.rows(ROLES)[2], "10|'guest'", "what is removed and added is there");
}

#[test]
fn values_are_set_and_cleared() {
    let (database, mut connection) = open();
    let team = || id("team", "id", 2);
    let set = update(team()).set("members", vec![name("person", 10), name("team", 1)]);
    done(&mut connection, Change::Update(set.set("name", "named")));
    let rows = || {
        database.rows("SELECT member_id, member_type FROM team_member WHERE team_id = 2 ORDER BY 1")
    };
    assert_eq!(rows(), ["1|'team'", "4|'device'", "10|'person'"]);
    assert_eq!(database.rows("SELECT name FROM team WHERE id = 2"), ["'named'"]);
    done(&mut connection, Change::Update(update(team()).set("members", Vec::<Value>::new())));
    assert_eq!(rows(), ["4|'device'"]);
    let clear = update(id("person", "id", 1)).set("roles", None::<&str>);
    assert_eq!(done(&mut connection, Change::Update(clear)).entry.unwrap().get("roles"), []);
    assert_eq!(database.rows(ROLES), ["10|'guest'"]);
}

#[test]
fn rows_that_stay_are_not_touched() {
    let database = Database::new(
        "CREATE TABLE t (id INTEGER PRIMARY KEY); INSERT INTO t VALUES (1);
         CREATE TABLE m (t INTEGER, v INTEGER, since TEXT DEFAULT 'now');
         INSERT INTO m VALUES (1, 1, 'old'), (1, 2, 'old');",
    );
    let mut connection = database.open_with(|values| {
        values
            .with("multi_valued_tables", "t.v = m.v WHERE m.t = t.id")
            .with("export_object_replace", true)
    });
    let entry = Entry::new("t").anchor("id", 1).set("v", [2, 3]);
    done(&mut connection, Change::Replace(entry));
    assert_eq!(database.rows("SELECT v, since FROM m ORDER BY v"), ["2|'old'", "3|'now'"]);
    done(&mut connection, Change::Replace(Entry::new("t").anchor("id", 1)));
    assert_eq!(database.rows("SELECT v FROM m"), [""; 0]);
}

#[test]
fn one_target_type_is_written_into_the_type_column() {
    let database = Database::new(TEAMS);
    let mut connection =
        database.open_with(|values| teams(values).with("references", "members=person"));
    let change = modify(
        id("team", "id", 1),
        "members",
        &[reference("10")],
        &[reference("1"), reference("2")],
    );
    done(&mut connection, change);
    let rows = database.rows("SELECT * FROM team_member WHERE team_id = 1 ORDER BY 2");
    assert_eq!(rows, ["1|2|'team'", "1|10|'person'"], "the team among the members is not ours");
}

#[test]
fn a_deleted_entry_takes_its_own_rows_along() {
    let (database, mut connection) = open();
    done(&mut connection, Change::Delete { id: id("team", "id", 2) });
    assert_eq!(database.rows(MEMBERS), ["1|1|'person'", "1|2|'team'"], "not where it is a member");
    assert_eq!(database.rows("SELECT id FROM team"), ["1", "3"]);
    done(&mut connection, Change::Delete { id: id("person", "id", 10) });
    assert_eq!(database.rows(ROLES), ["1|'admin'", "1|'owner'"]);
    let refused = export(&mut connection, Change::Delete { id: id("person", "id", 1) });
    assert_eq!(failure(refused).0, ErrorKind::Invalid, "it is somebody's manager");
    assert_eq!(database.rows(ROLES), ["1|'admin'", "1|'owner'"], "and keeps its roles");
}

#[test]
fn refusals_name_the_attribute_and_change_nothing() {
    let strict = TEAMS
        .replace("role TEXT NOT NULL", "role TEXT NOT NULL REFERENCES role CHECK (role <> 'no')")
        .replace("CREATE TABLE person_role", "CREATE TABLE role (role TEXT PRIMARY KEY); \
             INSERT INTO role VALUES ('owner'), ('admin'), ('guest'), ('no'); CREATE TABLE person_role");
    let strict = strict
        .replace("member_type TEXT NOT NULL,", "member_type TEXT NOT NULL, UNIQUE (member_id),");
    let strict = strict.replace("(2, 10, 'person'), (2, 1, 'person'),", "(2, 10, 'person'),");
    use ErrorKind::{AlreadyExists, Invalid, NotFound};
    let person = |key| id("person", "id", key);
    let team = |key| id("team", "id", key);
    let new = |login: &str| Entry::new("person").set("login", login);
    for (change, kind, attribute) in [
        (modify(person(1), "roles", &texts(["unknown"]), &[]), Invalid, Some("roles")),
        (modify(person(1), "roles", &texts(["no"]), &[]), Invalid, Some("roles")),
        (add(new("x").set("roles", ["guest", "unknown"])), Invalid, Some("roles")),
        (modify(person(1), "roles", &[vec![1_u8].into()], &[]), Invalid, Some("roles")),
        (modify(team(1), "members", &[name("person", 10)], &[]), AlreadyExists, Some("members")),
        (modify(team(1), "members", &[reference("10")], &[]), Invalid, Some("members")),
        (modify(team(1), "members", &[name("device", 10)], &[]), Invalid, Some("members")),
        (
            modify(team(1), "members", &[reference("CN=a+b,OBJECT=person")], &[]),
            Invalid,
            Some("members"),
        ),
        (
            modify(team(1), "members", &[reference("CN=ada,OBJECT=person")], &[]),
            Invalid,
            Some("members"),
        ),
        (modify(person(99), "roles", &texts(["guest"]), &[]), NotFound, None),
        (modify(person(99), "roles", &[], &texts(["guest"])), NotFound, None),
        (
            Change::Update(update(person(99)).set("roles", "guest").set("login", "x")),
            NotFound,
            None,
        ),
        (Change::Delete { id: team(99) }, NotFound, None),
        (
            Change::Update(update(person(1)).set("manager_id", reference("77"))),
            Invalid,
            Some("manager_id"),
        ),
        (
            Change::Update(update(person(1)).set("manager_id", reference("x"))),
            Invalid,
            Some("manager_id"),
        ),
    ] {
        let database = Database::new(&strict);
        let mut connection = database.open_with(teams);
        let state = || {
            [MEMBERS, ROLES, "SELECT * FROM person", "SELECT * FROM team"].map(|q| database.rows(q))
        };
        let before = state();
        let result = export(&mut connection, change.clone());
        assert_eq!(failure(result), (kind, attribute.map(str::to_owned)), "{change:?}");
        assert_eq!(state(), before, "{change:?}");
    }
}

#[test]
fn a_bad_change_leaves_its_neighbors_values() {
    let (database, mut connection) = open();
    let page = [
        modify(id("person", "id", 2), "roles", &texts(["good"]), &[]),
        add(Entry::new("person").set("login", "ada").set("roles", "bad")),
        add(Entry::new("person").set("login", "new").set("roles", "good")),
    ];
    let results = connection.export(&page).unwrap();
    let kinds: Vec<_> = results.into_iter().map(|r| r.map(drop).map_err(|e| e.kind())).collect();
    assert_eq!(kinds, [Ok(()), Err(ErrorKind::AlreadyExists), Ok(())]);
    let good =
        database.rows("SELECT person_id FROM person_role WHERE role IN ('good', 'bad') ORDER BY 1");
    assert_eq!(good, ["2", "11"]);
}

#[test]
fn attributes_that_are_read_only_stay() {
    let database = Database::new(TEAMS);
    let mut connection =
        database.open_with(|values| teams(values).with("read_only_columns", "person.roles"));
    let refused =
        export(&mut connection, modify(id("person", "id", 1), "roles", &[], &texts(["owner"])));
    assert_eq!(failure(refused), (ErrorKind::Invalid, Some("roles".to_owned())));
    done(&mut connection, add(Entry::new("person").set("login", "new").set("roles", "x")));
    let refused = export(&mut connection, Change::Delete { id: id("person", "id", 10) });
    assert_eq!(failure(refused).0, ErrorKind::Invalid, "its roles are in the way");
    assert_eq!(database.rows(ROLES), ["1|'admin'", "1|'owner'", "10|'guest'"]);
}

#[test]
fn a_join_by_another_key_finds_the_owner() {
    let database = Database::new(
        "CREATE TABLE person (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE);
         CREATE TABLE role (person INTEGER REFERENCES person, role TEXT);
         INSERT INTO person VALUES (7, 'ada');",
    );
    let mut connection = database.open_with(|values| {
        values
            .with("anchor", "login")
            .with("multi_valued_tables", "person.roles = role.role WHERE role.person = person.id")
    });
    done(&mut connection, modify(id("person", "login", "ada"), "roles", &texts(["a", "b"]), &[]));
    done(&mut connection, add(Entry::new("person").anchor("login", "bob").set("roles", "c")));
    assert_eq!(database.rows("SELECT * FROM role"), ["7|'a'", "7|'b'", "8|'c'"]);
    done(&mut connection, Change::Delete { id: id("person", "login", "ada") });
    assert_eq!(database.rows("SELECT * FROM role"), ["8|'c'"]);
}

#[test]
fn references_to_any_type_in_a_text_are_whole_names() {
    let database = Database::new(
        "CREATE TABLE a (id INTEGER PRIMARY KEY, seen TEXT); CREATE TABLE b (id INTEGER PRIMARY KEY);
         INSERT INTO a VALUES (1, 'CN=5,OBJECT=b'); CREATE TABLE s (a INTEGER, seen TEXT);",
    );
    let mut connection = database.open_with(|values| {
        values
            .with("multi_valued_tables", "a.all = s.seen WHERE s.a = a.id")
            .with("references", "a.seen=*, a.all=*")
    });
    let change = modify(id("a", "id", 1), "all", &[name("b", 5), name("a", 1)], &[]);
    assert_eq!(done(&mut connection, change).entry.unwrap().get("seen"), [name("b", 5)]);
    assert_eq!(
        database.rows("SELECT * FROM s ORDER BY 2"),
        ["1|'CN=1,OBJECT=a'", "1|'CN=5,OBJECT=b'"]
    );
    let read = connection.read(&[id("a", "id", 1)]).unwrap().remove(0).unwrap();
    assert_eq!(read.get("all"), [name("a", 1), name("b", 5)]);
}

#[test]
fn a_member_of_a_large_group_is_added_by_a_few_statements() {
    let database = Database::new(
        "CREATE TABLE person (id INTEGER PRIMARY KEY); CREATE TABLE team (id INTEGER PRIMARY KEY);
         CREATE TABLE m (team INTEGER REFERENCES team, person INTEGER REFERENCES person, PRIMARY KEY (team, person));
         WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100001)
         INSERT INTO person SELECT i FROM n;
         INSERT INTO team VALUES (1); INSERT INTO m SELECT 1, id FROM person WHERE id <= 100000;",
    );
    let mut connection = database.open_with(|values| {
        values.with("multi_valued_tables", "team.members = m.person WHERE m.team = team.id")
    });
    // Two thousand times through all members would take minutes.
    for key in [100_001, 5] {
        let member = [reference(&key.to_string())];
        let remove = modify(id("team", "id", 1), "members", &[], &member);
        let add = modify(id("team", "id", 1), "members", &member, &[]);
        let page: Vec<Change> = [remove, add].into_iter().cycle().take(1000).collect();
        let results = connection.export(&page).unwrap();
        assert!(results.iter().all(Result::is_ok));
    }
    assert_eq!(database.rows("SELECT count(*) FROM m"), ["100001"]);
}
