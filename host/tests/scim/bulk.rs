//! Bulk requests (RFC 7644 §3.7).

use crate::support::{ENTERPRISE, Scim};
use ecma_plugin_sdk::testkit::System;
use serde_json::{Value as Json, json};
use std::sync::Arc;

async fn bulk(scim: &Scim, body: Json) -> Vec<Json> {
    let answer = scim.with("POST", "/Bulk", body).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let schema = "urn:ietf:params:scim:api:messages:2.0:BulkResponse";
    assert_eq!(answer.body["schemas"], json!([schema]));
    answer.body["Operations"].as_array().unwrap().clone()
}

fn statuses(operations: &[Json]) -> Vec<&str> {
    operations.iter().map(|one| one["status"].as_str().unwrap()).collect()
}

fn post(bulk_id: &str, name: &str) -> Json {
    json!({"method": "POST", "path": "/Users", "bulkId": bulk_id, "data": {"userName": name}})
}

fn id_of(operation: &Json) -> String {
    operation["location"].as_str().unwrap().rsplit('/').next().unwrap().to_owned()
}

fn boss(system: &System, id: &str) -> Option<String> {
    system.get(id.trim_start_matches("user."))?.text("boss").map(str::to_owned)
}

#[tokio::test]
async fn each_operation_is_answered_as_it_would_be_by_itself() {
    let scim = Scim::new("bulk-each").await;
    let version = scim.get("/Users/user.2").await.header("etag").to_owned();
    let title =
        |title: &str| json!({"Operations": [{"op": "add", "path": "title", "value": title}]});
    let operations = bulk(
        &scim,
        json!({"Operations": [
            post("a", "new@example.org"),
            {"method": "PUT", "path": "/Users/user.3", "data": {"userName": "mary2@example.org"}},
            {"method": "PATCH", "path": "/Users/user.2", "version": version, "data": title("Dr")},
            {"method": "PATCH", "path": "/Users/user.2", "version": version, "data": title("Sir")},
            {"method": "DELETE", "path": "/Users/user.1"},
            {"method": "DELETE", "path": "/Users/user.1"},
            post("b", "new@example.org"),
            {"method": "POST", "path": "/Nothing", "data": {}},
            {"method": "PATCH", "path": "/Users/user.3", "data": {}},
            {"nothing": true}
        ]}),
    )
    .await;
    let expected = ["201", "200", "200", "412", "204", "404", "409", "400", "400", "400"];
    assert_eq!(statuses(&operations), expected);
    assert_eq!(operations[0]["bulkId"], "a");
    assert_eq!(operations[0]["method"], "POST");
    let made = scim.get(&format!("/Users/{}", id_of(&operations[0]))).await;
    assert_eq!(made.header("etag"), operations[0]["version"].as_str().unwrap());
    assert_eq!(made.body["meta"]["location"], operations[0]["location"]);
    assert_eq!(operations[6]["response"]["scimType"], "uniqueness");
    assert_eq!(operations[6]["response"]["status"], "409");
    assert_eq!(scim.system.get("2").unwrap().text("title"), Some("Dr"));
    assert_eq!(scim.system.get("3").unwrap().text("userName"), Some("mary2@example.org"));
    assert_eq!(scim.system.get("1"), None);
}

#[tokio::test]
async fn what_is_made_is_named_by_its_bulk_id() {
    let scim = Scim::new("bulk-ids").await;
    let operations = bulk(
        &scim,
        json!({"Operations": [
            post("a", "a@example.org"),
            {"method": "POST", "path": "/Users", "bulkId": "b", "data": {"userName": "b@example.org",
                ENTERPRISE: {"manager": {"value": "bulkId:a"}}}},
            {"method": "POST", "path": "/Groups", "bulkId": "g", "data": {"displayName": "G",
                "members": [{"value": "bulkId:a"}, {"value": "user.1"}]}},
            {"method": "PATCH", "path": "/Groups/bulkId:g", "data": {"Operations": [
                {"op": "add", "path": "members", "value": [{"value": "bulkId:b"}]}]}}
        ]}),
    )
    .await;
    assert_eq!(statuses(&operations), ["201", "201", "201", "200"]);
    let (a, b, g) = (id_of(&operations[0]), id_of(&operations[1]), id_of(&operations[2]));
    assert_eq!(boss(&scim.system, &b).unwrap(), a.trim_start_matches("user."));
    let group = scim.get(&format!("/Groups/{g}")).await.body;
    let mut members: Vec<&str> =
        group["members"].as_array().unwrap().iter().map(|m| m["value"].as_str().unwrap()).collect();
    members.sort_unstable();
    let mut expected = [a.as_str(), b.as_str(), "user.1"];
    expected.sort_unstable();
    assert_eq!(members, expected);
}

#[tokio::test]
async fn what_is_made_later_is_named_too_and_two_may_name_each_other() {
    let scim = Scim::new("bulk-circle").await;
    let group = |own: &str, other: &str| {
        json!({"method": "POST", "path": "/Groups", "bulkId": own, "data": {
            "displayName": own, "members": [{"type": "Group", "value": format!("bulkId:{other}")}]}})
    };
    let operations = bulk(
        &scim,
        json!({"Operations": [
            group("g1", "g2"),
            group("g2", "g1"),
            {"method": "PATCH", "path": "/Users/user.1", "data": {"Operations": [
                {"op": "add", "path": "manager", "value": "bulkId:m"}]}},
            post("m", "m@example.org"),
            {"method": "DELETE", "path": "/Users/bulkId:nobody"},
            {"method": "POST", "path": "/Users", "data": {"userName": "alone@example.org",
                ENTERPRISE: {"manager": {"value": "bulkId:m2"}}}},
            post("m2", "m2@example.org")
        ]}),
    )
    .await;
    assert_eq!(statuses(&operations), ["201", "201", "200", "201", "400", "201", "201"]);
    let detail = operations[4]["response"]["detail"].as_str().unwrap();
    assert!(detail.contains("nobody"), "{detail}");
    for (own, other) in [(0, 1), (1, 0)] {
        let path = format!("/Groups/{}", id_of(&operations[own]));
        let group = scim.get(&path).await.body;
        assert_eq!(group["members"][0]["value"], id_of(&operations[other]));
    }
    let manager = id_of(&operations[3]);
    assert_eq!(boss(&scim.system, "user.1").unwrap(), manager.trim_start_matches("user."));
    assert_eq!(operations[5].get("bulkId"), None);
    let alone = id_of(&operations[5]);
    assert_eq!(
        boss(&scim.system, &alone).unwrap(),
        id_of(&operations[6]).trim_start_matches("user.")
    );
}

#[tokio::test]
async fn what_needs_something_that_failed_fails() {
    let scim = Scim::new("bulk-failed").await;
    let before = scim.system.state().entries.len();
    let operations = bulk(
        &scim,
        json!({"Operations": [
            {"method": "POST", "path": "/Users", "bulkId": "x", "data": {"displayName": "no name"}},
            {"method": "POST", "path": "/Groups", "data": {"displayName": "G",
                "members": [{"value": "bulkId:x"}]}}
        ]}),
    )
    .await;
    assert_eq!(statuses(&operations), ["400", "400"]);
    assert_eq!(scim.system.state().entries.len(), before);
}

#[tokio::test]
async fn it_ends_after_so_many_errors() {
    let scim = Scim::new("bulk-errors").await;
    let wrong = json!({"method": "DELETE", "path": "/Users/user.99"});
    let body = json!({"failOnErrors": 2, "Operations": [
        wrong, post("a", "a@example.org"), wrong, post("b", "b@example.org")]});
    let operations = bulk(&scim, body).await;
    assert_eq!(statuses(&operations), ["404", "201", "404"]);
    let names: Vec<String> = scim
        .system
        .state()
        .entries
        .values()
        .filter_map(|e| e.text("userName").map(str::to_owned))
        .collect();
    assert!(names.contains(&"a@example.org".to_owned()));
    assert!(!names.contains(&"b@example.org".to_owned()));
}

#[tokio::test]
async fn neighbors_reach_the_target_by_the_page() {
    let scim = Scim::new("bulk-pages").await;
    let scim = Arc::new(scim);
    scim.system.hold(false, true);
    let many: Vec<Json> = (0..50).map(|n| post(&format!("b{n}"), &format!("n{n}@x"))).collect();
    let asking = Arc::clone(&scim);
    let asked = tokio::spawn(async move { bulk(&asking, json!({"Operations": many})).await });
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    scim.system.hold(false, false);
    let operations = asked.await.unwrap();
    assert!(statuses(&operations).iter().all(|status| *status == "201"));
    let pages: Vec<usize> = scim.system.state().exported.iter().map(Vec::len).collect();
    assert_eq!(pages.iter().sum::<usize>(), 50);
    assert!(pages.len() < 50, "{pages:?}");
}

#[tokio::test]
async fn too_many_operations_and_what_is_no_request_are_refused() {
    let scim = Scim::new("bulk-bounds").await;
    let many: Vec<Json> =
        (0..1001).map(|_| json!({"method": "DELETE", "path": "/Users/user.1"})).collect();
    let answer = scim.with("POST", "/Bulk", json!({"Operations": many})).await;
    assert_eq!(answer.status, 413);
    assert_eq!(scim.with("POST", "/Bulk", json!({})).await.status, 400);
    assert_eq!(scim.get("/Bulk").await.status, 405);
    let options = scim.send("OPTIONS", "/Bulk", None, &[]).await;
    assert_eq!(options.header("allow"), "POST, OPTIONS");
    assert_eq!(bulk(&scim, json!({"Operations": []})).await, Vec::<Json>::new());
    let config = scim.get("/ServiceProviderConfig").await.body;
    let said = json!({"supported": true, "maxOperations": 1000, "maxPayloadSize": 65536});
    assert_eq!(config["bulk"], said);
    assert!(scim.system.get("1").is_some());
}
