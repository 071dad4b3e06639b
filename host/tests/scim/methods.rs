//! What each method answers, and what the target has then.

use crate::support::{BASE, ENTERPRISE, OWN, Scim};
use serde_json::json;

#[tokio::test]
async fn a_post_makes_a_resource() {
    let scim = Scim::new("post").await;
    let body = json!({"userName": "kim@example.org", "active": true, OWN: {"level": 3}});
    let answer = scim.with("POST", "/Users", body).await;
    assert_eq!(answer.status, 201);
    assert_eq!(answer.header("location"), format!("{BASE}/Users/user.1001"));
    assert_eq!(answer.body["meta"]["location"], answer.header("location"));
    assert_eq!(answer.body["meta"]["version"], answer.header("etag"));
    assert_eq!(answer.body["meta"]["resourceType"], "User");
    assert_eq!(scim.get("/Users/user.1001").await.body, answer.body);
    let entry = scim.system.get("1001").unwrap();
    assert_eq!(
        (entry.text("userName"), entry.text("enabled")),
        (Some("kim@example.org"), Some("yes"))
    );
}

#[tokio::test]
async fn a_get_shows_a_resource() {
    let scim = Scim::new("get").await;
    let answer = scim.get("/Users/user.1").await;
    assert_eq!((answer.status, answer.header("location")), (200, ""));
    let mut body = answer.body.clone();
    body["meta"]["version"] = json!("v");
    assert_eq!(
        body,
        json!({
            "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", ENTERPRISE, OWN],
            "id": "user.1", "externalId": "ada-7",
        "groups": [{"value": "group.g1", "display": "Engineers", "type": "direct",
            "$ref": "https://host.test/ecma2host_ROOM/scim/Groups/group.g1"}], "userName": "ada@example.org",
            "displayName": "Ada Lovelace", "title": "Countess", "active": true,
            "name": {"givenName": "Ada", "familyName": "Lovelace"},
            "emails": [{"type": "work", "value": "ada@example.org"},
                       {"type": "home", "value": "ada@home.example"}],
            "phoneNumbers": [{"type": "mobile", "value": "+44 1"}],
            ENTERPRISE: {"employeeNumber": "42", "department": "Engines", "manager": {"value": "user.2",
            "$ref": "https://host.test/ecma2host_ROOM/scim/Users/user.2"}},
            OWN: {"level": 7, "tags": ["a", "b"]},
            "meta": {"resourceType": "User", "lastModified": "2025-06-15T15:06:40Z",
                     "version": "v", "location": format!("{BASE}/Users/user.1")}
        })
    );
}

#[tokio::test]
async fn a_put_makes_of_it_what_the_body_says() {
    let scim = Scim::new("put").await;
    let body = json!({"userName": "ada@example.org", "id": "user.7", "name": {"familyName": "King"},
                      "active": "False", OWN: {"tags": ["c"]}});
    let answer = scim.with("PUT", "/Users/user.1", body).await;
    assert_eq!((answer.status, &answer.body["id"]), (200, &json!("user.1")));
    assert_eq!(answer.body["name"], json!({"familyName": "King"}));
    assert_eq!(answer.body["active"], false);
    for gone in ["title", "emails", "externalId", ENTERPRISE] {
        assert_eq!(answer.body.get(gone), None, "{gone}");
    }
    let entry = scim.system.get("1").unwrap();
    assert_eq!(
        (entry.text("title"), entry.text("family"), entry.text("enabled")),
        (None, Some("King"), Some("no"))
    );
    assert_eq!(entry.get("tags"), ["c".into()]);
    let without = scim.with("PUT", "/Users/user.1", json!({"title": "x"})).await;
    assert_eq!((without.status, &without.body["scimType"]), (400, &json!("invalidValue")));
    assert_eq!(scim.with("PUT", "/Users/user.9", json!({"userName": "x"})).await.status, 404);
}

#[tokio::test]
async fn a_patch_of_what_cannot_be_is_refused_and_changes_nothing() {
    let scim = Scim::new("patch").await;
    let before = scim.get("/Users/user.1").await.body;
    let first = json!({"op": "replace", "path": "title", "value": "X"});
    for (operation, expected) in [
        (json!({"op": "replace", "path": "id", "value": "user.9"}), "mutability"),
        (json!({"op": "remove", "path": "userName"}), "mutability"),
        (json!({"op": "remove"}), "noTarget"),
        (json!({"op": "remove", "path": "emails[type eq \"other\"]"}), "noTarget"),
        (json!({"op": "replace", "path": "emails[", "value": "x"}), "invalidPath"),
        (json!({"op": "replace", "path": "active", "value": "perhaps"}), "invalidValue"),
        (json!({"op": "add", "value": 7}), "invalidValue"),
        (json!({"op": "replace", "path": format!("{OWN}:level"), "value": "many"}), "invalidValue"),
        (json!({"op": "move", "path": "title", "value": "x"}), "invalidSyntax"),
    ] {
        let answer = scim.patch(json!([first, operation])).await;
        assert_eq!(
            (answer.status, &answer.body["scimType"]),
            (400, &json!(expected)),
            "{operation}"
        );
    }
    assert_eq!(scim.get("/Users/user.1").await.body, before);
    assert!(scim.system.state().exported.is_empty());
}

#[tokio::test]
async fn a_delete_takes_it_away() {
    let scim = Scim::new("delete").await;
    let answer = scim.send("DELETE", "/Users/user.1", None, &[]).await;
    assert_eq!((answer.status, answer.body.is_null()), (204, true));
    assert_eq!(scim.system.get("1"), None);
    for method in ["GET", "DELETE"] {
        assert_eq!(scim.send(method, "/Users/user.1", None, &[]).await.status, 404);
    }
    assert_eq!(scim.found("userName co \"ada\"").await, [""; 0]);
}

#[tokio::test]
async fn what_is_there_already_is_a_conflict() {
    let scim = Scim::new("conflict").await;
    for body in [json!({"userName": "Grace@example.org"}), json!({"userName": "grace@example.org"})]
    {
        let answer = scim.with("POST", "/Users", body).await;
        assert_eq!((answer.status, &answer.body["scimType"]), (409, &json!("uniqueness")));
    }
    // A group of that name is somebody else.
    let group = scim.with("POST", "/Groups", json!({"displayName": "Pilots"})).await;
    assert_eq!((group.status, &group.body["id"]), (201, &json!("group.1001")));
}

#[tokio::test]
async fn a_resource_is_found_at_its_own_endpoint_only() {
    let scim = Scim::new("endpoint").await;
    for (path, status) in [
        ("/Users/user.1", 200),
        ("/users/user.1", 200),
        ("/v2/Users/user.1", 200),
        ("/Users/user%2E1", 200),
        ("/Groups/group.g1", 200),
        ("/Groups/user.1", 404),
        ("/Users/group.g1", 404),
        ("/Users/USER.1", 404),
        ("/Users/1", 404),
        ("/Users/user.1/name", 404),
        ("/Users/user.01", 404),
    ] {
        assert_eq!(scim.get(path).await.status, status, "{path}");
    }
    for method in ["PUT", "PATCH", "DELETE"] {
        let body = json!({"userName": "x", "Operations": []});
        assert_eq!(scim.with(method, "/Groups/user.1", body).await.status, 404, "{method}");
    }
    assert!(scim.system.get("1").is_some());
}
