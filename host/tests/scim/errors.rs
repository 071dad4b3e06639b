//! What is not there, not right or not possible has a body that says so.

use crate::support::Scim;
use axum::{
    body::{Body, Bytes, HttpBody},
    http::Request,
};
use serde_json::{Value as Json, json};
use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};
use tower::ServiceExt;

#[tokio::test]
async fn routes_nobody_knows_are_not_found() {
    let scim = Scim::new("routes").await;
    for path in ["", "/", "/Nobody", "/Nobody/1", "/Nobody/.search", "/Bulk/1", "/scim/Users"] {
        for method in ["GET", "POST", "DELETE"] {
            let answer = scim.with(method, path, json!({})).await;
            assert!(matches!(answer.status, 404 | 405), "{method} {path}: {answer:?}");
        }
    }
    for method in ["GET", "POST", "PATCH"] {
        assert_eq!(scim.with(method, "/Me", json!({})).await.status, 501);
    }
}

#[tokio::test]
async fn connectors_nobody_knows_are_not_found() {
    let scim = Scim::new("connectors").await;
    for path in [
        "/",
        "/scim/Users",
        "/ecma2host_room/scim/Users",
        "/ecma2host_OTHER/scim/Users",
        "/ecma2host_ROOM",
        "/ecma2host_ROOM/users",
        "/ecma2host_/scim/Users",
        "/ecma2host_..%2F/scim/Users",
    ] {
        let request = Request::builder().uri(path).body(Body::empty()).unwrap();
        let response = scim.host.web.front().oneshot(request).await.unwrap();
        assert_eq!(response.status(), 404, "{path}");
        let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
        let body: Json = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(body["status"], "404", "{path}");
    }
}

#[tokio::test]
async fn bodies_that_are_not_what_is_needed_are_refused() {
    let scim = Scim::new("bodies").await;
    for (method, path) in [("POST", "/Users"), ("PUT", "/Users/user.1"), ("PATCH", "/Users/user.1")]
    {
        for body in ["", "{", "[]", "7", "null", "\"text\"", "{\"userName\": }", "<xml/>", "{} {}"]
        {
            let answer = scim.with(method, path, json!(body)).await;
            assert_eq!(answer.status, 400, "{method} {body}: {answer:?}");
            assert_eq!(answer.body["scimType"], "invalidSyntax", "{method} {body}");
        }
    }
    let raw = Request::builder()
        .method("POST")
        .uri("/ecma2host_ROOM/scim/Users")
        .header("authorization", format!("Bearer {}", crate::room::TOKEN))
        .body(Body::from(vec![0xff, 0xfe, b'{']))
        .unwrap();
    assert_eq!(scim.host.web.front().oneshot(raw).await.unwrap().status(), 400);
    assert!(scim.system.state().exported.is_empty());
}

/// A body of which only the beginning comes.
struct Broken(bool);

impl HttpBody for Broken {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<io::Result<hyper::body::Frame<Bytes>>>> {
        let begun = std::mem::replace(&mut self.0, true);
        Poll::Ready(Some(if begun {
            Err(io::Error::other("no such chunk"))
        } else {
            Ok(hyper::body::Frame::data(Bytes::from_static(b"{")))
        }))
    }
}

#[tokio::test]
async fn a_body_that_breaks_off_is_not_one_that_is_too_long() {
    let scim = Scim::new("broken").await;
    let request = Request::builder()
        .method("POST")
        .uri("/ecma2host_ROOM/scim/Users")
        .header("host", "host.test")
        .header("authorization", format!("Bearer {}", crate::room::TOKEN))
        .body(Body::new(Broken(false)))
        .unwrap();
    let response = scim.host.web.front().oneshot(request).await.unwrap();
    assert_eq!(response.status(), 400);
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let body: Json = serde_json::from_slice(&bytes).unwrap();
    assert_eq!(body["scimType"], "invalidSyntax");
    assert!(body["detail"].as_str().unwrap().contains("no such chunk"), "{body}");
}

#[tokio::test]
async fn values_that_do_not_fit_are_named() {
    let scim = Scim::new("values").await;
    let own = crate::support::OWN;
    for (body, attribute) in [
        (json!({"title": "no name"}), "userName"),
        (json!({"userName": ""}), "userName"),
        (json!({"userName": null}), "userName"),
        (json!({"userName": ["a", "b"]}), "userName"),
        (json!({"userName": "k", "active": "perhaps"}), "active"),
        (json!({"userName": "k", "name": "Kim"}), "name"),
        (json!({"userName": "k", own: {"level": "many"}}), "level"),
        (json!({"userName": "k", own: {"level": 1.5}}), "level"),
    ] {
        let answer = scim.with("POST", "/Users", body.clone()).await;
        assert_eq!(
            (answer.status, &answer.body["scimType"]),
            (400, &json!("invalidValue")),
            "{body}"
        );
        assert!(answer.body["detail"].as_str().unwrap().contains(attribute), "{answer:?}");
    }
    assert!(scim.system.state().exported.is_empty());
}
