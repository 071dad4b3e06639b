//! `attributes` and `excludedAttributes`, in lists, single resources and answers to writes.

use crate::support::{ENTERPRISE, OWN, Scim};
use serde_json::{Value as Json, json};

fn names(resource: &Json) -> Vec<&str> {
    let mut names: Vec<&str> = resource.as_object().unwrap().keys().map(String::as_str).collect();
    names.sort_unstable();
    names
}

#[tokio::test]
async fn only_what_was_asked_for_is_shown() {
    let scim = Scim::new("asked").await;
    let full = scim.get("/Users/user.1").await.body;
    for (query, expected) in [
        ("attributes=id", vec!["id", "schemas"]),
        ("attributes=userName", vec!["id", "schemas", "userName"]),
        ("attributes=USERNAME,Title", vec!["id", "schemas", "title", "userName"]),
        ("attributes=name.givenName", vec!["id", "name", "schemas"]),
        ("attributes=nobody", vec!["id", "schemas"]),
        (&format!("attributes={ENTERPRISE}:department"), vec!["id", "schemas", ENTERPRISE]),
        (&format!("attributes={OWN}"), vec!["id", "schemas", OWN]),
        ("attributes=meta", vec!["id", "meta", "schemas"]),
    ] {
        let shown = scim.get(&format!("/Users/user.1?{query}")).await.body;
        assert_eq!(names(&shown), expected, "{query}");
        let listed = scim.get(&format!("/Users?filter=title+eq+%22Countess%22&{query}")).await.body;
        assert_eq!(listed["Resources"], json!([shown]), "{query}");
    }
    let given = scim.get("/Users/user.1?attributes=name.givenName").await.body;
    assert_eq!(given["name"], json!({"givenName": "Ada"}));
    let without = scim.get("/Users/user.1?excludedAttributes=emails,name.givenName,id").await.body;
    let mut expected = full.clone();
    expected.as_object_mut().unwrap().remove("emails");
    expected["name"] = json!({"familyName": "Lovelace"});
    assert_eq!(without, expected, "the id is always shown");
}

#[tokio::test]
async fn writes_answer_what_was_asked_for_too() {
    let scim = Scim::new("asked-write").await;
    let body = json!({"userName": "kim", "title": "T"});
    let created = scim.with("POST", "/Users?attributes=title", body).await;
    assert_eq!((created.status, names(&created.body)), (201, vec!["id", "schemas", "title"]));
    let body = json!({"Operations": [{"op": "replace", "path": "title", "value": "U"}]});
    let patched = scim.with("PATCH", "/Users/user.1?attributes=userName", body).await;
    assert_eq!(names(&patched.body), ["id", "schemas", "userName"]);
    let group = scim.get("/Groups/group.g1?excludedAttributes=members").await.body;
    assert_eq!(group.get("members"), None);
    assert_eq!(group["displayName"], "Engineers");
}
