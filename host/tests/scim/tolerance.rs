//! What clients do that the protocol does not say, and what is made of it.

use crate::support::{ENTERPRISE, OWN, Scim};
use serde_json::{Value as Json, json};

/// One operation on a fresh Ada; where to look in the answer, and what is there then.
async fn check(at: usize, operation: Json, pointer: &str, expected: Json) {
    let scim = Scim::new(&format!("tolerant-{at}")).await;
    let answer = scim.patch(json!([operation])).await;
    assert_eq!(answer.status, 200, "{operation}: {answer:?}");
    let found = answer.body.pointer(pointer).cloned().unwrap_or_default();
    assert_eq!(found, expected, "{operation}");
}

#[tokio::test]
async fn operations_are_taken_in_every_form() {
    let urn = |rest: &str| format!("{ENTERPRISE}:{rest}");
    let upper = |text: &str| text.to_uppercase();
    let tags = format!("/{OWN}/tags");
    let boss = format!("/{ENTERPRISE}/manager/value");
    let rows = [
        // 1: any case
        (json!({"op": "REPLACE", "path": "TITLE", "value": "X"}), "/title", json!("X")),
        (json!({"OP": "Replace", "Path": "Title", "Value": "X"}), "/title", json!("X")),
        (
            json!({"op": "aDD", "path": "Emails[TYPE EQ \"WORK\"].VALUE", "value": "x"}),
            "/emails/0/value",
            json!("x"),
        ),
        (
            json!({"op": "replace", "path": upper(&urn("department")), "value": "X"}),
            &format!("/{ENTERPRISE}/department"),
            json!("X"),
        ),
        // 2: booleans as texts
        (json!({"op": "replace", "path": "active", "value": "False"}), "/active", json!(false)),
        (json!({"op": "replace", "path": "active", "value": "false"}), "/active", json!(false)),
        (json!({"op": "replace", "path": "active", "value": false}), "/active", json!(false)),
        (
            json!({"op": "replace", "path": "active", "value": [{"value": "False"}]}),
            "/active",
            json!(false),
        ),
        (
            json!({"op": "add", "path": format!("{OWN}:IsActive"), "value": "True"}),
            &format!("/{OWN}/IsActive"),
            json!(true),
        ),
        // 3: paths
        (json!({"op": "replace", "value": {"title": "X"}}), "/title", json!("X")),
        (json!({"op": "replace", "path": "", "value": {"title": "X"}}), "/title", json!("X")),
        (
            json!({"op": "replace", "path": "name.givenName", "value": "X"}),
            "/name/givenName",
            json!("X"),
        ),
        (
            json!({"op": "replace", "path": "emails[type eq \"home\"].value", "value": "x"}),
            "/emails/1/value",
            json!("x"),
        ),
        (
            json!({"op": "add", "path": urn("department"), "value": "X"}),
            &format!("/{ENTERPRISE}/department"),
            json!("X"),
        ),
        (
            json!({"op": "add", "path": urn("manager.value"), "value": "user.3"}),
            boss.as_str(),
            json!("user.3"),
        ),
        (json!({"op": "replace", "value": {"name.givenName": "X"}}), "/name/givenName", json!("X")),
        (
            json!({"op": "replace", "value": {urn("department"): "X"}}),
            &format!("/{ENTERPRISE}/department"),
            json!("X"),
        ),
        (
            json!({"op": "replace", "value": {ENTERPRISE: {"department": "X"}}}),
            &format!("/{ENTERPRISE}/department"),
            json!("X"),
        ),
        (
            json!({"op": "replace", "value": {"emails[type eq \"work\"].value": "x"}}),
            "/emails/0/value",
            json!("x"),
        ),
        // 4: values
        (
            json!({"op": "replace", "path": "title", "value": [{"value": "X"}]}),
            "/title",
            json!("X"),
        ),
        (json!({"op": "replace", "path": "title", "value": ["X"]}), "/title", json!("X")),
        (
            json!({"op": "replace", "path": "name", "value": {"givenName": "X"}}),
            "/name/familyName",
            json!("Lovelace"),
        ),
        (
            json!({"op": "add", "path": urn("manager"), "value": "{\"value\":\"user.3\"}"}),
            boss.as_str(),
            json!("user.3"),
        ),
        (
            json!({"op": "add", "path": "manager", "value": [{"$ref": null, "value": "user.3"}]}),
            boss.as_str(),
            json!("user.3"),
        ),
        (json!({"op": "replace", "path": "title", "value": null}), "/title", json!(null)),
        (json!({"op": "replace", "path": "title", "value": ""}), "/title", json!(null)),
        (
            json!({"op": "replace", "path": urn("manager"), "value": {"value": ""}}),
            boss.as_str(),
            json!(null),
        ),
        (
            json!({"op": "replace", "path": "emails[type eq \"work\"].value", "value": ""}),
            "/emails/0/type",
            json!("home"),
        ),
        (
            json!({"op": "add", "path": format!("{OWN}:level"), "value": "11"}),
            &format!("/{OWN}/level"),
            json!(11),
        ),
        (
            json!({"op": "add", "path": format!("{OWN}:tags"), "value": ["c", "a"]}),
            tags.as_str(),
            json!(["a", "b", "c"]),
        ),
        (
            json!({"op": "remove", "path": format!("{OWN}:tags"), "value": ["a"]}),
            tags.as_str(),
            json!(["b"]),
        ),
        // 5: what nobody knows
        (
            json!({"op": "add", "path": "nobodyKnows.this", "value": "X"}),
            "/nobodyKnows",
            json!(null),
        ),
        (
            json!({"op": "add", "path": "urn:nobody:User:x", "value": "X"}),
            "/title",
            json!("Countess"),
        ),
        (
            json!({"op": "replace", "value": {"nobody": 1, "title": "X", "id": "7"}}),
            "/title",
            json!("X"),
        ),
        (
            json!({"op": "replace", "path": "title", "value": "X", "name": "title"}),
            "/title",
            json!("X"),
        ),
    ];
    for (at, (operation, pointer, expected)) in rows.into_iter().enumerate() {
        check(at, operation, pointer, expected).await;
    }
}

#[tokio::test]
async fn requests_are_taken_in_every_form() {
    let scim = Scim::new("forms").await;
    // 5: schemas and attributes nobody knows
    let body =
        json!({"schemas": ["urn:nobody", 7], "userName": "kim", "nobody": {"a": 1}, "urn:x:y": {}});
    let created = scim.with("POST", "/Users", body).await;
    assert_eq!((created.status, created.body.get("nobody")), (201, None));
    // 6: the flag on every request
    for path in
        ["/Users?aadOptscim062020", "/Users/user.1?aadOptscim062020", "/Schemas?aadOptscim062020=1"]
    {
        assert_eq!(scim.get(path).await.status, 200, "{path}");
    }
    // 7: no operations
    for body in [json!({"Operations": []}), json!({"operations": [], "schemas": "x"})] {
        let before = scim.get("/Users/user.1").await.body;
        let answer = scim.with("PATCH", "/Users/user.1", body).await;
        assert_eq!((answer.status, answer.body), (200, before));
    }
    // 8: PUT
    let body = json!({"UserName": "kim", "Active": "True", "meta": {"version": "x"}, "roles": []});
    let put = scim.with("PUT", "/Users/user.1001", body).await;
    assert_eq!((put.status, &put.body["active"]), (200, &json!(true)));
    // 9 stands in `headers`, 10 in every test: the answers are looked at in `Scim::send`.
    let exported = scim.system.state().exported.len();
    assert_eq!(exported, 2, "what changes nothing is not exported");
}

#[tokio::test]
async fn values_are_kept_exactly_as_sent() {
    let scim = Scim::new("exact").await;
    for value in [
        "  spaced  ",
        "ÅSE Ødegård",
        "日本",
        "a\tb\nc",
        "\\\"quoted\\\"",
        "😀",
        "e\u{301}",
        "{\"no\": object",
    ] {
        let operation = json!([{"op": "replace", "path": "displayName", "value": value}]);
        let answer = scim.patch(operation).await;
        assert_eq!((answer.status, &answer.body["displayName"]), (200, &json!(value)), "{value:?}");
        assert_eq!(scim.system.get("1").unwrap().text("shown"), Some(value));
        assert_eq!(scim.get("/Users/user.1").await.body["displayName"], value);
    }
}
