//! Pages: each resource once, whatever their size.

use crate::support::{Scim, ids};
use ecma_plugin_sdk::Entry;

/// Twenty-five people, some removed again, so that the places are not all in a row.
async fn many(name: &str) -> Scim {
    let scim = Scim::new(name).await;
    for number in 10..35 {
        let entry = Entry::new("user").anchor("id", number.to_string());
        scim.system.put(entry.set("userName", format!("p{number}")).set("title", "T"));
    }
    assert!(scim.host.import().await);
    for number in [12, 20, 34] {
        assert_eq!(
            scim.send("DELETE", &format!("/Users/user.{number}"), None, &[]).await.status,
            204
        );
    }
    scim
}

#[tokio::test]
async fn each_resource_is_on_one_page() {
    let scim = many("pages").await;
    let title: String = form_urlencoded::byte_serialize(b"title eq \"T\"").collect();
    for (query, total) in [(String::new(), 25), (format!("filter={title}&"), 22)] {
        for size in [1, 2, 3, 7, 22, 25, 100] {
            let (mut seen, mut start) = (Vec::new(), 1);
            loop {
                let page =
                    scim.get(&format!("/Users?{query}startIndex={start}&count={size}")).await;
                assert_eq!(page.body["totalResults"], total);
                assert_eq!(page.body["startIndex"], start);
                let found = ids(&page.body);
                assert_eq!(page.body["itemsPerPage"], found.len());
                if found.is_empty() {
                    break;
                }
                start += found.len();
                seen.extend(found);
            }
            assert_eq!(seen.len(), total, "{query} {size}");
            seen.sort();
            seen.dedup();
            assert_eq!(seen.len(), total, "{query} {size}: each once");
        }
    }
}

#[tokio::test]
async fn windows_mean_what_the_protocol_says() {
    let scim = Scim::new("windows").await;
    for (query, start, expected) in [
        ("", 1, 3),
        ("startIndex=1&count=2", 1, 2),
        ("startIndex=3&count=2", 3, 1),
        ("startIndex=4&count=2", 4, 0),
        ("startIndex=400", 400, 0),
        ("startIndex=0", 1, 3),
        ("startIndex=-5&count=1", 1, 1),
        ("count=0", 1, 0),
        ("count=-1", 1, 0),
        ("count=100000", 1, 3),
        ("STARTINDEX=2&Count=1", 2, 1),
        ("startIndex=&count=", 1, 3),
        ("aadOptscim062020&startIndex=2", 2, 2),
        ("filter=title+pr&startIndex=2&count=5", 2, 1),
        ("filter=title+pr&count=0", 1, 0),
    ] {
        let list = scim.get(&format!("/Users?{query}")).await.body;
        let total = if query.contains("filter") { 2 } else { 3 };
        assert_eq!(list["startIndex"], start, "{query}");
        assert_eq!(list["totalResults"], total, "{query}");
        assert_eq!(
            (ids(&list).len(), &list["itemsPerPage"]),
            (expected, &expected.into()),
            "{query}"
        );
    }
    for query in ["startIndex=x", "count=ten", "count=1.5"] {
        let answer = scim.get(&format!("/Users?{query}")).await;
        assert_eq!(
            (answer.status, &answer.body["scimType"]),
            (400, &"invalidValue".into()),
            "{query}"
        );
    }
}
