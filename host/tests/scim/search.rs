//! `.search`: what the query of a GET asks for, in a body (RFC 7644 §3.4.3).

use crate::support::{Scim, ids};
use serde_json::{Value as Json, json};

const MESSAGE: &str = "urn:ietf:params:scim:api:messages:2.0:SearchRequest";

#[tokio::test]
async fn a_body_asks_what_a_query_does() {
    let scim = Scim::new("search").await;
    for (body, query) in [
        (json!({}), ""),
        (json!({"schemas": [MESSAGE], "filter": "title pr", "more": 7}), "filter=title+pr"),
        (
            json!({"FILTER": "userName sw \"ada\"", "attributes": ["userName", "title"]}),
            "filter=userName+sw+%22ada%22&attributes=userName,title",
        ),
        (
            json!({"excludedAttributes": ["emails"], "count": 2}),
            "excludedAttributes=emails&count=2",
        ),
        (
            json!({"sortBy": "name.familyName", "sortOrder": "descending", "startIndex": 2}),
            "sortBy=name.familyName&sortOrder=descending&startIndex=2",
        ),
        (json!({"cursor": "", "count": 5}), "cursor=&count=5"),
    ] {
        let found = scim.with("POST", "/Users/.search", body.clone()).await;
        let listed = scim.get(&format!("/Users?{query}")).await;
        assert_eq!((found.status, &found.body), (200, &listed.body), "{body}");
    }
    let groups = scim.with("POST", "/groups/.search", json!({"filter": "displayName pr"})).await;
    assert_eq!(groups.body["Resources"][0]["id"], "group.g1");
    let page = scim.with("POST", "/Users/.search", json!({"cursor": "", "count": 2})).await.body;
    let rest = json!({"cursor": page["nextCursor"], "count": 2});
    assert_eq!(ids(&scim.with("POST", "/Users/.search", rest).await.body), ["3"]);
}

#[tokio::test]
async fn the_root_searches_resources_of_all_types() {
    let scim = Scim::new("root-search").await;
    let search = async |body: Json| scim.with("POST", "/.search", body).await.body;
    let all = search(json!({})).await;
    assert_eq!(all["totalResults"], 4);
    for resource in all["Resources"].as_array().unwrap() {
        let kind = resource["meta"]["resourceType"].as_str().unwrap();
        let own = format!("urn:ietf:params:scim:schemas:core:2.0:{kind}");
        assert_eq!(resource["schemas"][0], own);
        let path = format!("/{kind}s/{}", resource["id"].as_str().unwrap());
        assert_eq!(resource, &scim.get(&path).await.body);
    }
    for (body, expected) in [
        (json!({"filter": "externalId pr"}), "1"),
        (json!({"filter": "displayName co \"e\"", "sortBy": "displayName"}), "1 group.g1 2"),
        (json!({"sortBy": "displayName", "sortOrder": "descending"}), "3 2 group.g1 1"),
        (json!({"sortBy": "userName", "count": 2, "startIndex": 3}), "3 group.g1"),
        (json!({"filter": "meta.resourceType eq \"Group\""}), "group.g1"),
        (json!({"filter": "userName sw \"ada\" or members pr", "sortBy": "id"}), "group.g1 1"),
        (json!({"filter": "id eq \"group.g1\" or id eq \"user.3\"", "sortBy": "id"}), "group.g1 3"),
        (json!({"filter": "nobody eq 1"}), ""),
    ] {
        let found = search(body.clone()).await;
        assert_eq!(ids(&found).join(" "), expected, "{body}");
    }
    for sort in [None, Some("displayName")] {
        let whole = ids(&search(json!({"sortBy": sort})).await);
        let (mut seen, mut cursor) = (Vec::new(), json!(""));
        while !cursor.is_null() {
            let page = search(json!({"cursor": cursor, "count": 1, "sortBy": sort})).await;
            seen.extend(ids(&page));
            cursor = page["nextCursor"].clone();
        }
        assert_eq!(seen, whole, "{sort:?}");
    }
    let shown = search(json!({"attributes": ["displayName"], "filter": "displayName pr"})).await;
    for resource in shown["Resources"].as_array().unwrap() {
        let names: Vec<&String> = resource.as_object().unwrap().keys().collect();
        assert_eq!(names, ["displayName", "id", "schemas"]);
    }
}

#[tokio::test]
async fn searches_are_posted_and_say_what_is_wrong() {
    let scim = Scim::new("no-search").await;
    for path in ["/.search", "/Users/.search", "/Groups/.search"] {
        for method in ["GET", "HEAD", "PUT", "PATCH", "DELETE"] {
            let answer = scim.send(method, path, None, &[]).await;
            assert_eq!((answer.status, answer.header("allow")), (405, "POST, OPTIONS"), "{path}");
        }
        assert_eq!(scim.send("OPTIONS", path, None, &[]).await.status, 204);
        for (body, kind, name) in [
            (json!("{"), "invalidSyntax", "JSON"),
            (json!([]), "invalidSyntax", "object"),
            (json!({"filter": 7}), "invalidValue", "filter"),
            (json!({"count": "many"}), "invalidValue", "count"),
            (json!({"startIndex": {}}), "invalidValue", "startIndex"),
            (json!({"attributes": [[]]}), "invalidValue", "attributes"),
            (json!({"sortOrder": "up", "sortBy": "id"}), "invalidValue", "sortOrder"),
            (json!({"filter": "userName"}), "invalidFilter", "userName"),
            (json!({"attributes": ["a b"]}), "invalidPath", "character 3"),
            (json!({"cursor": "x"}), "invalidCursor", "cursor"),
        ] {
            let answer = scim.with("POST", path, body.clone()).await;
            assert_eq!((answer.status, &answer.body["scimType"]), (400, &kind.into()), "{body}");
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.contains(name), "{body}: {detail}");
        }
    }
}
