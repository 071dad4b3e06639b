//! Only the addresses that the host and the connector allow are answered.

use crate::support::{PEOPLE, Room, imported};
use axum::{body::Body, http::Request};
use ecma_host::{
    config::HostConfig,
    web::{Inside, server::Peer},
};
use std::path::Path;
use tower::ServiceExt;

/// The status and the body of a request from this address, with a wrong token.
async fn from(room: &Room, peer: &str, path: &str) -> (u16, String) {
    let mut request = Request::builder().uri(path).header("host", "host.test");
    request = request.header("x-forwarded-for", "10.0.0.1").header("authorization", "Bearer wrong");
    let mut request = request.body(Body::empty()).unwrap();
    request.extensions_mut().insert(Peer(peer.parse().unwrap()));
    let response = room.web.front().oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let bytes = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(bytes.to_vec()).unwrap())
}

const USERS: &str = "/ecma2host_ROOM/scim/Users";

#[tokio::test]
async fn a_connector_answers_the_addresses_it_allows() {
    let document = format!("allow = [\"10.0.0.0/8\", \"::1\"]\n{PEOPLE}");
    let (_system, room) = imported("allow-connector", 3, &document).await;
    for (peer, status) in
        [("10.9.9.9", 401), ("::ffff:10.9.9.9", 401), ("::1", 401), ("192.0.2.7", 403)]
    {
        assert_eq!(from(&room, peer, USERS).await.0, status, "{peer}");
        assert_eq!(from(&room, peer, "/health").await.0, 200, "{peer}");
    }
    let (_, said) = from(&room, "::ffff:192.0.2.7", USERS).await;
    assert!(said.contains("urn:ietf:params:scim:api:messages:2.0:Error"), "{said}");
    assert!(said.contains("requests from 192.0.2.7 are not allowed here"), "{said}");
}

#[tokio::test]
async fn the_host_answers_the_addresses_it_allows_and_itself() {
    let document = format!("allow = [\"10.0.0.0/8\"]\n{PEOPLE}");
    let (_system, room) = imported("allow-host", 3, &document).await;
    let settings = HostConfig::parse(Path::new("."), "allow = [\"10.1.0.0/16\", \"192.0.2.7\"]");
    room.web.allow(settings.unwrap().allow);
    for (peer, users, health) in
        [("10.1.9.9", 401, 200), ("10.2.9.9", 403, 403), ("192.0.2.7", 403, 200)]
    {
        assert_eq!(from(&room, peer, USERS).await.0, users, "{peer}");
        assert_eq!(from(&room, peer, "/health").await.0, health, "{peer}");
    }
    let inside = Inside::new(&room.web, room.binding.name(), crate::room::TOKEN.into());
    assert_eq!(inside.ask("GET", "/Users", None).await.status, 200);
}
