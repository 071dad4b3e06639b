//! Versions: `ETag`, `If-Match`, `If-None-Match`.

use crate::support::Scim;
use serde_json::json;

#[tokio::test]
async fn a_write_with_another_version_is_refused() {
    let scim = Scim::new("if-match").await;
    let etag = scim.get("/Users/user.1").await.header("etag").to_owned();
    assert!(etag.starts_with("W/\""), "{etag}");
    let body = json!({"userName": "ada@example.org", "Operations":
        [{"op": "replace", "path": "title", "value": "X"}]});
    for method in ["PATCH", "PUT", "DELETE"] {
        for known in ["W/\"other\"", "\"other\"", "W/\"a\", W/\"b\""] {
            let headers = [("if-match", known)];
            let answer = scim.send(method, "/Users/user.1", Some(&body), &headers).await;
            assert_eq!(answer.status, 412, "{method} {known}");
        }
    }
    assert!(scim.system.state().exported.is_empty());
    let strong = etag.trim_start_matches("W/").to_owned();
    for known in [etag.clone(), format!("W/\"other\", {etag}"), "*".into(), strong] {
        let empty = json!({"Operations": []});
        let headers = [("if-match", known.as_str())];
        let answer = scim.send("PATCH", "/Users/user.1", Some(&empty), &headers).await;
        assert_eq!((answer.status, answer.header("etag")), (200, etag.as_str()), "{known}");
    }
    let headers = [("if-match", etag.as_str())];
    assert_eq!(scim.send("PATCH", "/Users/user.1", Some(&body), &headers).await.status, 200);
    assert_eq!(scim.send("DELETE", "/Users/user.1", None, &headers).await.status, 412);
    let now = scim.get("/Users/user.1").await.header("etag").to_owned();
    assert_ne!(now, etag);
    let headers = [("if-match", now.as_str())];
    assert_eq!(scim.send("DELETE", "/Users/user.1", None, &headers).await.status, 204);
}

#[tokio::test]
async fn a_read_of_a_known_version_has_no_body() {
    let scim = Scim::new("if-none-match").await;
    let etag = scim.get("/Users/user.1").await.header("etag").to_owned();
    for (known, status) in [
        (etag.clone(), 304),
        (format!("\"x\", {etag}"), 304),
        ("*".into(), 304),
        ("W/\"other\"".into(), 200),
    ] {
        let headers = [("if-none-match", known.as_str())];
        let answer = scim.send("GET", "/Users/user.1", None, &headers).await;
        assert_eq!((answer.status, answer.body.is_null()), (status, status == 304), "{known}");
        assert_eq!(answer.header("etag"), etag);
    }
}

#[tokio::test]
async fn versions_are_the_same_on_every_host() {
    let (one, other) = (Scim::new("version-one").await, Scim::new("version-two").await);
    for path in ["/Users/user.1", "/Users/user.2", "/Groups/group.g1"] {
        assert_eq!(one.get(path).await.body, other.get(path).await.body);
    }
}
