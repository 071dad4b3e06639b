//! Groups, members and managers in a database: ids outside, keys inside.

use crate::support::{Answer, Entra, Host};
use rusqlite::Connection;
use serde_json::{Value, json};
use std::{collections::BTreeSet, path::PathBuf};

const DOCUMENT: &str = r#"
plugin = "generic-sql"
autosync = 0
[values]
database = "company.db"
tables = ["person", "team"]
multi_valued_tables = [
    "team.members = team_member.member WHERE team_member.team = team.id TYPE team_member.kind",
    "person.roles = person_role.role WHERE person_role.person = person.id",
]
[[object]]
type = "person"
query = ["login"]
[object.attributes]
login = "userName"
manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager"
roles = "roles"
[[object]]
type = "team"
resource = "Group"
query = ["name"]
[object.attributes]
name = "displayName"
members = "members"
"#;

const TABLES: &str = "
    CREATE TABLE person (id INTEGER PRIMARY KEY, login TEXT NOT NULL UNIQUE,
        manager INTEGER REFERENCES person (id));
    CREATE TABLE person_role (person INTEGER REFERENCES person (id), role TEXT,
        PRIMARY KEY (person, role));
    CREATE TABLE team (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE);
    CREATE TABLE team_member (team INTEGER REFERENCES team (id), member INTEGER NOT NULL,
        kind TEXT NOT NULL, PRIMARY KEY (team, kind, member));
    INSERT INTO person VALUES (1, 'ada', NULL), (2, 'grace', 1), (3, 'mary', 1);
    INSERT INTO person_role VALUES (1, 'head'), (1, 'pilot');
    INSERT INTO team VALUES (1, 'Engines'), (2, 'All');
    INSERT INTO team_member VALUES (1, 1, 'person'), (1, 2, 'person'), (2, 1, 'team'), (2, 3, 'person');
";

struct Company {
    host: Host,
    entra: Entra,
    path: PathBuf,
}

impl Company {
    fn new() -> Company {
        let mut host = Host::with(&["generic-sql"]);
        let path = host.path("company.db");
        Connection::open(&path).unwrap().execute_batch(TABLES).unwrap();
        host.document("COMPANY", DOCUMENT);
        host.start();
        let entra = host.entra("COMPANY");
        Company { host, entra, path }
    }

    /// Rows of a query, each as one text.
    fn rows(&self, query: &str) -> Vec<String> {
        let database = Connection::open(&self.path).unwrap();
        let mut query = database.prepare(query).unwrap();
        let rows = query.query_map([], |row| row.get(0)).unwrap();
        rows.map(Result::unwrap).collect()
    }

    fn members(&self, team: i64) -> Vec<String> {
        self.rows(&format!(
            "SELECT kind || ' ' || member FROM team_member WHERE team = {team} ORDER BY 1"
        ))
    }

    fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        Entra::send(Entra::with_body(self.entra.request(method, path), body))
    }

    fn patch(&self, path: &str, operations: Value) -> Answer {
        self.send("PATCH", path, &json!({"Operations": operations}))
    }
}

fn values(list: &Value) -> Vec<&str> {
    let list = list.as_array().map(Vec::as_slice).unwrap_or_default();
    list.iter().map(|one| one["value"].as_str().unwrap()).collect()
}

#[test]
fn groups_and_managers_flow_both_ways() {
    let mut company = Company::new();
    let all = company.entra.get("/Groups/team.2?attributes=members").expect(200);
    assert_eq!(values(&all["members"]), ["team.1", "person.3"]);
    assert_eq!(all["members"][0]["display"], "Engines");
    assert_eq!(all["members"][0]["type"], "Group");
    let ada = company.entra.user("person.1").expect(200);
    assert_eq!(values(&ada["groups"]), ["team.1", "team.2"]);
    assert_eq!(ada["groups"][1]["type"], "indirect");
    assert_eq!(values(&ada["roles"]), ["head", "pilot"]);

    let body =
        json!({"displayName": "Ships", "members": [{"value": "person.2"}, {"value": "team.1"}]});
    let ships = company.send("POST", "/Groups", &body).expect(201);
    assert_eq!(ships["id"], "team.3");
    assert_eq!(values(&ships["members"]), ["team.1", "person.2"]);
    assert_eq!(company.members(3), ["person 2", "team 1"]);
    let operations = json!([
        {"op": "Add", "path": "members", "value": [{"value": "person.3"}]},
        {"op": "Remove", "path": "members[value eq \"team.1\"]"}
    ]);
    assert_eq!(company.patch("/Groups/team.3", operations).status, 204);
    assert_eq!(company.members(3), ["person 2", "person 3"]);
    let unknown = json!([{"op": "Add", "path": "members", "value": [{"value": "person.77"}]}]);
    let refused = company.patch("/Groups/team.3", unknown);
    assert_eq!(refused.body["scimType"], "invalidValue");
    assert!(refused.refused(400).contains("person.77"));

    let manager = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager";
    let operations = json!([{"op": "Replace", "path": manager, "value": "person.2"},
                            {"op": "Add", "path": "roles", "value": [{"value": "poet"}]}]);
    company.patch("/Users/person.3", operations).expect(200);
    assert_eq!(company.rows("SELECT manager || '' FROM person WHERE id = 3"), ["2"]);
    assert_eq!(company.rows("SELECT role FROM person_role WHERE person = 3"), ["poet"]);
    let operations = json!([{"op": "Replace", "path": manager, "value": ""}]);
    company.patch("/Users/person.3", operations).expect(200);
    assert_eq!(
        company.rows("SELECT login FROM person WHERE manager IS NULL ORDER BY 1"),
        ["ada", "mary"]
    );

    company.host.restart();
    let entra = company.host.entra("COMPANY");
    let again = entra.get("/Groups/team.3").expect(200);
    assert_eq!(values(&again["members"]), ["person.2", "person.3"]);
    assert_eq!(
        values(&entra.user("person.2").expect(200)["groups"]),
        ["team.1", "team.3", "team.2"]
    );
    assert_eq!(Entra::send(entra.request("DELETE", "/Groups/team.3")).status, 204);
    assert_eq!(company.members(3), [""; 0]);
    assert_eq!(entra.user("person.3").expect(200)["groups"].as_array().unwrap().len(), 1);
}

#[test]
fn a_new_group_can_be_replaced_at_once() {
    let company = Company::new();
    let body = |members: &[&str]| {
        let members: Vec<Value> = members.iter().map(|id| json!({"value": id})).collect();
        json!({"displayName": "Ships", "members": members})
    };
    let members = |answer: &Answer| values(&answer.body["members"]).join(" ");
    let made = company.send("POST", "/Groups", &body(&["person.1", "team.2"]));
    assert_eq!((made.status, members(&made)), (201, "person.1 team.2".to_owned()));
    let replaced = company.send("PUT", "/Groups/team.3", &body(&["team.2", "person.3"]));
    assert_eq!(members(&replaced), "team.2 person.3");
    assert_eq!(company.members(3), ["person 3", "team 2"]);
}

#[test]
fn a_large_group_arrives_whole() {
    let mut company = Company::new();
    let many =
        "WITH RECURSIVE n (id) AS (SELECT 10 UNION ALL SELECT id + 1 FROM n WHERE id < 20009)
        INSERT INTO person SELECT id, 'p' || id, NULL FROM n;
        INSERT INTO team_member SELECT 1, id, 'person' FROM person WHERE id >= 10";
    Connection::open(&company.path).unwrap().execute_batch(many).unwrap();
    company.host.restart();
    let entra = company.host.entra("COMPANY");
    let group = entra.get("/Groups/team.1").expect(200);
    assert_eq!(group["members"].as_array().unwrap().len(), 20_002);
    let list = entra.get("/Groups").expect(200);
    assert_eq!(list["Resources"][0], group);
    let ids: BTreeSet<&str> = values(&group["members"]).into_iter().collect();
    assert!(ids.len() == 20_002 && ids.contains("person.20009"), "each once");
}

#[test]
fn a_bulk_request_makes_people_and_their_group() {
    let company = Company::new();
    let person = |name: &str| json!({"method": "POST", "path": "/Users", "bulkId": name, "data": {"userName": name}});
    let body = json!({"Operations": [
        {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "New",
            "members": [{"value": "bulkId:b"}, {"value": "bulkId:a"}, {"value": "person.1"}]}},
        person("a"), person("b"), person("ada"),
    ]});
    let answer = company.send("POST", "/Bulk", &body).expect(200);
    let statuses: Vec<&Value> =
        answer["Operations"].as_array().unwrap().iter().map(|one| &one["status"]).collect();
    assert_eq!(statuses, ["201", "201", "201", "409"]);
    assert_eq!(company.members(3), ["person 1", "person 4", "person 5"]);
}
