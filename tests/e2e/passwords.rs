//! Passwords go from the client to the statements of the operator, and stay nowhere else.

use crate::support::{Host, SqlTarget, Target, person};
use rusqlite::Connection;
use serde_json::{Value, json};

const FIRST: &str = "corr3ct-h0rse";
const SECOND: &str = "b4ttery-staple";
const SHORT: &str = "sh0rt";

/// A new person as Entra and Okta create one.
fn with_password(name: &str, password: &str) -> Value {
    let mut body = person(name, "100");
    body["password"] = json!(password);
    body
}

#[test]
fn passwords_are_set_by_the_statements_and_a_refused_one_leaves_nobody_behind() {
    let mut host = Host::with(&["generic-sql"]);
    let target = SqlTarget::create(host.path("people.db"));
    let database = Connection::open(host.path("people.db")).unwrap();
    let secrets =
        "CREATE TABLE secret (person INTEGER PRIMARY KEY, word TEXT CHECK (length(word) >= 8))";
    database.execute(secrets, []).unwrap();
    let mapped = SqlTarget::document()
        .replace("badge = \"\"\n", "badge = \"\"\nexport_password = \"password\"\n");
    let sets = "set_password_queries = [\"person = INSERT INTO secret VALUES (@id, @newPassword) \
                ON CONFLICT (person) DO UPDATE SET word = excluded.word\"]\n";
    host.document("PEOPLE", &format!("{mapped}tables = [\"person\"]\n{sets}"));
    host.document("NONE", &mapped);
    host.listen();
    host.settled("PEOPLE");
    host.settled("NONE");
    let word = |id: &str| -> Option<String> {
        let key = id.strip_prefix("person.").unwrap();
        database.query_row("SELECT word FROM secret WHERE person = ?", [key], |row| row.get(0)).ok()
    };

    let entra = host.entra("PEOPLE");
    let config = entra.get("/ServiceProviderConfig").expect(200);
    assert_eq!(config["changePassword"]["supported"], true);
    let before = target.rows();
    let refused = entra.create(&with_password("zoe@example.org", SHORT)).refused(400);
    assert!(refused.contains("(password)"), "{refused}");
    assert_eq!(target.rows(), before, "nobody is left behind");
    assert_eq!(entra.matched("zoe@example.org"), None);

    let made = entra.create(&with_password("zoe@example.org", FIRST)).expect(201);
    let id = made["id"].as_str().unwrap();
    assert_eq!((word(id).as_deref(), made.get("password")), (Some(FIRST), None));
    // Okta sends a password by PATCH.
    let change = |password: &str| {
        entra.patch(id, json!([{"op": "replace", "value": {"password": password}}]))
    };
    change(SECOND).expect(200);
    assert_eq!(word(id).as_deref(), Some(SECOND));
    change(SHORT).refused(400);
    assert_eq!(word(id).as_deref(), Some(SECOND));

    let reason = host.entra("NONE").get("/Users").refused(503);
    assert!(reason.contains("export_password") && reason.contains("does not set passwords"));
    let shown = [entra.get("/Users?count=1000").text, entra.get("/cache?count=1000").text];
    assert!(host.stop().success());
    for text in shown.into_iter().chain([host.log(), refused]) {
        assert!(![FIRST, SECOND, SHORT].iter().any(|secret| text.contains(secret)));
    }
}
