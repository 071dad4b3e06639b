//! Several tokens at once: each for as long as it is good, and for what it permits.

use crate::{
    room::Answer,
    support::{PEOPLE, Room, expect, imported},
};
use ecma_host::config::TokenHash;
use serde_json::{Value as Json, json};

/// The clock of rooms begins in June 2025.
fn tokens() -> String {
    let one = |name: &str, more: &str| {
        let value = TokenHash::new(&format!("{name}-token-of-room"));
        format!("[[tokens]]\nname = \"{name}\"\nvalue = \"{value}\"\n{more}\n")
    };
    let (soon, over, eye) = (
        one("soon", "expires = \"2025-06-20\""),
        one("over", "expires = \"2025-06-01\""),
        one("eye", "read_only = true"),
    );
    format!("{soon}{over}{eye}{PEOPLE}")
}

async fn ask(room: &Room, token: &str, method: &str, path: &str, body: Option<Json>) -> Answer {
    let bearer = format!("Bearer {token}-token-of-room");
    room.ask(method, path, body.as_ref(), &[("authorization", &bearer)]).await
}

#[tokio::test]
async fn each_token_is_good_until_it_expires() {
    let (_system, room) = imported("tokens-each", 3, &tokens()).await;
    expect(&room.user("1").await, 200);
    expect(&ask(&room, "soon", "GET", "/Users/user.1", None).await, 200);
    expect(&ask(&room, "soon", "DELETE", "/Users/user.1", None).await, 204);
    let answer = ask(&room, "over", "GET", "/Users/user.2", None).await;
    expect(&answer, 401);
    assert!(answer.body["detail"].as_str().unwrap().contains("the token over has expired"));
    let answer = ask(&room, "unknown", "GET", "/Users/user.2", None).await;
    expect(&answer, 401);
    assert!(!answer.body["detail"].as_str().unwrap().contains("expired"), "{answer:?}");
}

#[tokio::test]
async fn a_token_that_may_only_read_reads_and_searches() {
    let (system, room) = imported("tokens-eye", 3, &tokens()).await;
    let search = json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"]});
    for (method, path, body, status) in [
        ("GET", "/Users/user.1", None, 200),
        ("HEAD", "/Users", None, 200),
        ("OPTIONS", "/Users", None, 204),
        ("GET", "/cache", None, 200),
        ("POST", "/Users/.search", Some(search.clone()), 200),
        ("POST", "/.search", Some(search), 200),
        ("POST", "/Users", Some(json!({"userName": "new"})), 403),
        ("DELETE", "/Users/user.1", None, 403),
        ("PATCH", "/Users/user.1", Some(json!({"Operations": []})), 403),
        ("PUT", "/Users/user.1", Some(json!({"userName": "p1"})), 403),
        ("POST", "/Bulk", Some(json!({"Operations": []})), 403),
        ("DELETE", "/Users/.search", None, 403),
    ] {
        let answer = ask(&room, "eye", method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        if status == 403 {
            expect(&answer, 403);
            assert!(
                answer.body["detail"].as_str().unwrap().contains("the token eye may only read")
            );
        }
    }
    assert!(system.get("1").is_some());
}

#[tokio::test]
async fn operators_see_which_token_is_used_and_which_one_ends() {
    let (_system, room) = imported("tokens-shown", 3, &tokens()).await;
    ask(&room, "soon", "GET", "/Users", None).await;
    ask(&room, "over", "GET", "/Users", None).await;
    let shown = room.binding.tokens_shown();
    let used: Vec<_> =
        shown.iter().map(|one| (one.name.as_str(), one.last_used.is_some())).collect();
    assert_eq!(used, [("default", false), ("soon", true), ("over", false), ("eye", false)]);
    let ending = room.binding.ending_tokens();
    assert_eq!(ending.len(), 2, "{ending:?}");
    assert!(ending[0].contains("soon expires at 2025-06-21T00:00:00Z"), "{ending:?}");
    assert!(ending[1].contains("over has expired at 2025-06-02T00:00:00Z"), "{ending:?}");
}
