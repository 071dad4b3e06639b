//! `sortBy` and `sortOrder`: lists in the order of any attribute.

use crate::support::{ENTERPRISE, OWN, Scim, ids};

async fn sorted(scim: &Scim, query: &str) -> String {
    let answer = scim.get(&format!("/Users?{query}")).await;
    assert_eq!(answer.status, 200, "{query}: {answer:?}");
    ids(&answer.body).join(" ")
}

#[tokio::test]
async fn lists_have_the_order_that_was_asked_for() {
    let scim = Scim::new("sorted").await;
    let manager = format!("sortBy={ENTERPRISE}:manager");
    let own = format!("sortBy={OWN}");
    for (query, ascending, descending) in [
        ("sortBy=userName", "1 2 3", "3 2 1"),
        ("SORTBY=USERNAME", "1 2 3", "3 2 1"),
        ("sortBy=name.familyName", "2 3 1", "1 3 2"),
        // Who has none comes last, and first the other way round.
        ("sortBy=title", "1 3 2", "2 3 1"),
        ("sortBy=externalId", "1 2 3", "3 2 1"),
        ("sortBy=displayName", "1 2 3", "3 2 1"),
        ("sortBy=emails", "1 2 3", "3 2 1"),
        ("sortBy=emails.value", "1 2 3", "3 2 1"),
        ("sortBy=emails%5Btype+eq+%22work%22%5D.value", "1 2 3", "3 2 1"),
        ("sortBy=emails%5Btype+eq+%22home%22%5D.value", "1 2 3", "3 2 1"),
        ("sortBy=active", "2 1 3", "3 1 2"),
        ("sortBy=meta.lastModified", "1 2 3", "3 2 1"),
        ("sortBy=id", "1 2 3", "3 2 1"),
        (&format!("{own}:level"), "1 2 3", "3 2 1"),
        (&format!("{own}:tags"), "1 2 3", "3 2 1"),
        (&manager, "1 2 3", "3 2 1"),
        ("sortBy=groups", "1 2 3", "3 2 1"),
        ("sortBy=title&filter=userName+sw+%22%22", "1 3 2", "2 3 1"),
        ("sortBy=userName&filter=title+pr", "1 3", "3 1"),
        ("sortBy=name.familyName&filter=name.familyName+pr&startIndex=2&count=1", "3", "3"),
        // What is no attribute is no order.
        ("sortBy=nobody.knows", "1 2 3", "1 2 3"),
        ("sortBy=name", "1 2 3", "1 2 3"),
        ("sortBy=", "1 2 3", "1 2 3"),
    ] {
        assert_eq!(sorted(&scim, query).await, ascending, "{query}");
        let query = format!("{query}&sortOrder=descending");
        assert_eq!(sorted(&scim, &query).await, descending, "{query}");
    }
    assert_eq!(sorted(&scim, "sortOrder=descending").await, "1 2 3");
    assert_eq!(sorted(&scim, "sortBy=title&sortOrder=ASCENDING").await, "1 3 2");
}

#[tokio::test]
async fn an_order_follows_what_is_written() {
    let scim = Scim::new("resorted").await;
    let rename = serde_json::json!([
        {"op": "replace", "path": "userName", "value": "Zoe@example.org"},
        {"op": "remove", "path": "title"},
    ]);
    assert_eq!(scim.patch(rename).await.status, 200);
    assert_eq!(sorted(&scim, "sortBy=userName").await, "2 3 1");
    assert_eq!(sorted(&scim, "sortBy=title").await, "3 1 2");
    assert_eq!(scim.send("DELETE", "/Users/user.2", None, &[]).await.status, 204);
    assert_eq!(sorted(&scim, "sortBy=userName&sortOrder=descending").await, "1 3");
}

#[tokio::test]
async fn what_is_no_order_is_refused() {
    let scim = Scim::new("no-order").await;
    for (query, kind) in [
        ("sortBy=userName&sortOrder=upwards", "invalidValue"),
        ("sortBy=user+name", "invalidPath"),
        ("sortBy=emails%5Btype", "invalidPath"),
    ] {
        let answer = scim.get(&format!("/Users?{query}")).await;
        assert_eq!((answer.status, &answer.body["scimType"]), (400, &kind.into()), "{query}");
    }
}
