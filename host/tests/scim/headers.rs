//! Headers: content types, places, methods that are allowed, tokens.

use crate::{room::TOKEN, support::Scim};
use serde_json::json;

#[tokio::test]
async fn the_token_is_compared_byte_for_byte() {
    let scim = Scim::new("token").await;
    let check = async |header: &str, status: u16| {
        let answer = scim.send("GET", "/Users", None, &[("authorization", header)]).await;
        assert_eq!(answer.status, status, "{header}");
        assert_eq!(answer.header("www-authenticate"), if status == 401 { "Bearer" } else { "" });
        if status == 401 {
            let detail = answer.body["detail"].as_str().unwrap();
            assert!(detail.contains("token is missing or wrong"), "{detail}");
        }
    };
    for scheme in ["Bearer", "bearer", "BEARER"] {
        check(&format!("{scheme} {TOKEN}"), 200).await;
    }
    check(&format!("Bearer   {TOKEN} "), 200).await;
    for header in [
        String::new(),
        "Bearer".into(),
        "Bearer ".into(),
        TOKEN.to_owned(),
        format!("Basic {TOKEN}"),
        format!("Bearer {}", TOKEN.to_uppercase()),
        format!("Bearer {TOKEN}x"),
        format!("Bearer {}", &TOKEN[1..]),
    ] {
        check(&header, 401).await;
    }
    for path in ["/Schemas", "/ServiceProviderConfig", "/cache", "/Users/user.1", "/nothing"] {
        let answer = scim.send("GET", path, None, &[("authorization", "Bearer no")]).await;
        assert_eq!(answer.status, 401, "{path}");
    }
    let answer =
        scim.send("DELETE", "/Users/user.1", None, &[("authorization", "Bearer no")]).await;
    assert_eq!((answer.status, scim.system.get("1").is_some()), (401, true));
}

#[tokio::test]
async fn bodies_have_one_of_two_content_types() {
    let scim = Scim::new("content").await;
    let body = json!({"Operations": []});
    for (kind, status) in [
        ("application/scim+json", 200),
        ("application/json", 200),
        ("Application/SCIM+JSON; charset=utf-8", 200),
        ("application/json;charset=UTF-8", 200),
        ("text/plain", 415),
        ("application/xml", 415),
        ("application/x-www-form-urlencoded", 415),
    ] {
        let headers = [("content-type", kind)];
        let answer = scim.send("PATCH", "/Users/user.1", Some(&body), &headers).await;
        assert_eq!(answer.status, status, "{kind}");
    }
    for accept in ["application/json", "text/html", "*/*"] {
        let answer = scim.send("GET", "/Users/user.1", None, &[("accept", accept)]).await;
        assert_eq!(answer.header("content-type"), "application/scim+json", "{accept}");
    }
}

#[tokio::test]
async fn methods_that_are_not_allowed_say_which_are() {
    let scim = Scim::new("allowed").await;
    let (read, list, one) = (
        "GET, HEAD, OPTIONS",
        "GET, HEAD, POST, OPTIONS",
        "GET, HEAD, PUT, PATCH, DELETE, OPTIONS",
    );
    for (method, path, allow) in [
        ("DELETE", "/Users", list),
        ("PUT", "/Users", list),
        ("PATCH", "/Users", list),
        ("POST", "/Users/user.1", one),
        ("TRACE", "/Users/user.1", one),
        ("POST", "/Schemas", read),
        ("DELETE", "/ServiceProviderConfig", read),
        ("PUT", "/ResourceTypes/User", read),
        ("POST", "/cache", read),
    ] {
        let answer = scim.send(method, path, None, &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (405, allow), "{method} {path}");
        let answer = scim.send("OPTIONS", path, None, &[]).await;
        assert_eq!((answer.status, answer.header("allow")), (204, allow), "OPTIONS {path}");
    }
}

#[tokio::test]
async fn a_head_is_a_get_without_the_body() {
    let scim = Scim::new("head").await;
    for path in ["/Users", "/Users/user.1", "/Users/user.9", "/Schemas", "/nothing"] {
        let (get, head) = (scim.get(path).await, scim.send("HEAD", path, None, &[]).await);
        assert_eq!((head.status, head.body.is_null()), (get.status, true), "{path}");
        assert_eq!(head.header("etag"), get.header("etag"), "{path}");
    }
}

#[tokio::test]
async fn places_are_told_as_the_client_knows_the_host() {
    let scim = Scim::new("places").await;
    let answer = scim.host.ask("GET", "/Users/user.1", None, &[]).await;
    let location = answer.body["meta"]["location"].as_str().unwrap();
    assert_eq!(location, "https://host.test/ecma2host_ROOM/scim/Users/user.1");
    let below = location.trim_start_matches("https://host.test/ecma2host_ROOM/scim");
    assert_eq!(scim.get(below).await.body, answer.body);
}
