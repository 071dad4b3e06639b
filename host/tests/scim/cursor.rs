//! Pages by cursor (RFC 9865): each resource once, whoever comes and goes meanwhile.

use crate::support::{Scim, ids};
use ecma_plugin_sdk::Entry;
use serde_json::json;

async fn many(name: &str) -> Scim {
    let scim = Scim::new(name).await;
    for number in 10..35 {
        let entry = Entry::new("user").anchor("id", number.to_string());
        let title = format!("T{}", number % 4);
        scim.system.put(entry.set("userName", format!("p{number}")).set("title", title));
    }
    assert!(scim.host.import().await);
    scim
}

const QUERIES: [(&str, usize); 6] = [
    ("", 28),
    ("sortBy=userName&sortOrder=descending&", 28),
    ("sortBy=title&", 28),
    ("filter=userName+sw+%22p%22&", 25),
    ("filter=title+ne+%22T1%22&sortBy=id&", 22),
    ("attributes=userName&filter=title+eq+%22T1%22&", 6),
];

#[tokio::test]
async fn each_resource_is_on_one_page() {
    let scim = many("cursors").await;
    for (query, total) in QUERIES {
        let whole = ids(&scim.get(&format!("/Users?{query}")).await.body);
        for size in [1, 7, 28, 100] {
            let (mut seen, mut cursor) = (Vec::new(), String::new());
            loop {
                let path = format!("/Users?{query}cursor={cursor}&count={size}");
                let page = scim.get(&path).await;
                assert_eq!((page.status, &page.body["totalResults"]), (200, &json!(total)));
                assert_eq!(page.body.get("startIndex"), None, "{path}");
                let found = ids(&page.body);
                assert_eq!(page.body["itemsPerPage"], found.len());
                assert!(found.len() == size || page.body.get("nextCursor").is_none());
                seen.extend(found);
                let Some(next) = page.body.get("nextCursor") else { break };
                let next = next.as_str().unwrap();
                let safe = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
                assert!(next.chars().all(safe), "{next}");
                cursor = next.to_owned();
            }
            assert_eq!(seen, whole, "{query} {size}");
        }
    }
}

#[tokio::test]
async fn those_that_stay_are_seen_whoever_goes() {
    let scim = many("going").await;
    let path = "/Users?sortBy=title&count=10";
    let first = scim.get(&format!("{path}&cursor=")).await.body;
    let mut seen = ids(&first);
    // The last one of the page goes, and one of the next.
    let last = seen.last().unwrap().clone();
    let second = format!("{path}&cursor={}", first["nextCursor"].as_str().unwrap());
    let gone = ids(&scim.get(&second).await.body)[3].clone();
    for id in [&last, &gone] {
        let answer = scim.send("DELETE", &format!("/Users/user.{id}"), None, &[]).await;
        assert_eq!(answer.status, 204);
    }
    let mut cursor = first["nextCursor"].as_str().map(str::to_owned);
    while let Some(next) = cursor {
        let page = scim.get(&format!("{path}&cursor={next}")).await.body;
        assert_eq!(page["totalResults"], 26);
        seen.extend(ids(&page));
        cursor = page["nextCursor"].as_str().map(str::to_owned);
    }
    assert_eq!(seen.len(), 27);
    assert!(!seen.contains(&gone));
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 27, "each once");
}

#[tokio::test]
async fn a_cursor_is_good_for_its_query_alone() {
    let scim = many("bound").await;
    let first = scim.get("/Users?cursor&count=3&filter=title+pr").await.body;
    let cursor = first["nextCursor"].as_str().unwrap();
    let same = format!("/Users?FILTER=title%20PR&COUNT=9&CURSOR={cursor}&attributes=id");
    assert_eq!(ids(&scim.get(&same).await.body).len(), 9, "the size of pages may change");
    for (query, kind) in [
        (format!("cursor={cursor}"), "invalidCursor"),
        (format!("cursor={cursor}&filter=title+co+%22T%22"), "invalidCursor"),
        (format!("cursor={cursor}&filter=title+pr&sortBy=title"), "invalidCursor"),
        ("cursor=nonsense".to_owned(), "invalidCursor"),
        (format!("cursor={cursor}x&filter=title+pr"), "invalidCursor"),
        (format!("cursor={cursor}&filter=title+pr&count=0"), "invalidCount"),
        ("cursor=&count=-1".to_owned(), "invalidCount"),
        ("cursor=&startIndex=1".to_owned(), "invalidValue"),
        ("cursor=&count=x".to_owned(), "invalidValue"),
    ] {
        let answer = scim.get(&format!("/Users?{query}")).await;
        assert_eq!((answer.status, &answer.body["scimType"]), (400, &kind.into()), "{query}");
    }
    let groups = scim.get(&format!("/Groups?cursor={cursor}&filter=title+pr")).await;
    assert_eq!(groups.body["scimType"], "invalidCursor");
    let other = many("another").await;
    let answer = other.get(&format!("/Users?cursor={cursor}&filter=title+pr")).await;
    assert_eq!((answer.status, &answer.body["scimType"]), (400, &json!("expiredCursor")));
}
