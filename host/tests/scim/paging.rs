//! Pages: each resource once, whatever their size.

use crate::support::{OWN, Scim, ids};
use ecma_plugin_sdk::Entry;
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

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

/// Somebody the target has: the id, the title and the level.
#[derive(Debug, Clone)]
struct Person {
    id: usize,
    title: Option<&'static str>,
    level: Option<i64>,
}

/// A filter, and whom it means. The three people of every test are among them.
type Question = (&'static str, fn(&Person) -> bool);

const QUESTIONS: [Question; 8] = [
    ("", |_| true),
    ("title eq \"t\"", |one| one.title == Some("T")),
    ("title pr", |one| one.title.is_some()),
    ("not (title eq \"T\")", |one| one.title != Some("T")),
    ("userName sw \"P\"", |one| one.id >= 10),
    ("userName eq \"p12\" or userName eq \"p13\"", |one| matches!(one.id, 12 | 13)),
    ("userName eq \"p12\"", |one| one.id == 12),
    ("OWN:level gt 6 and title pr", |one| {
        one.level.is_some_and(|level| level > 6) && one.title.is_some()
    }),
];

fn people() -> impl Strategy<Value = Vec<Person>> {
    let title = prop::sample::select(vec![None, Some("T"), Some("U")]);
    prop::collection::vec((title, prop::option::of(0..12_i64)), 0..40).prop_map(|all| {
        let numbered = all.into_iter().enumerate();
        numbered.map(|(at, (title, level))| Person { id: at + 10, title, level }).collect()
    })
}

/// Walks through the pages of every question as a client does that counts what it was given.
async fn walk(people: Vec<Person>, removed: Vec<prop::sample::Index>, size: usize) {
    static SYSTEMS: AtomicUsize = AtomicUsize::new(0);
    let number = SYSTEMS.fetch_add(1, Ordering::Relaxed);
    let scim = Scim::new(&format!("walk {number}")).await;
    for one in &people {
        let mut entry = Entry::new("user").anchor("id", one.id.to_string());
        entry = entry.set("userName", format!("p{}", one.id));
        if let Some(title) = one.title {
            entry = entry.set("title", title);
        }
        if let Some(level) = one.level {
            entry = entry.set("level", level);
        }
        scim.system.put(entry);
    }
    assert!(scim.host.import().await);
    let mut here = vec![
        Person { id: 1, title: Some("Countess"), level: Some(7) },
        Person { id: 2, title: None, level: Some(12) },
        Person { id: 3, title: Some("Engineer"), level: None },
    ];
    here.extend(people);
    for index in removed {
        let gone = here.remove(index.index(here.len()));
        scim.send("DELETE", &format!("/Users/user.{}", gone.id), None, &[]).await;
    }
    for (filter, means) in QUESTIONS {
        let filter = filter.replace("OWN", OWN);
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("filter", &filter)
            .append_pair("count", &size.to_string())
            .finish();
        let mut expected: Vec<_> =
            here.iter().filter(|one| means(one)).map(|one| one.id.to_string()).collect();
        let (mut seen, mut start) = (Vec::new(), 1);
        loop {
            let page = scim.get(&format!("/Users?{query}&startIndex={start}")).await.body;
            let found = ids(&page);
            assert_eq!(page["totalResults"], expected.len(), "{filter}");
            assert_eq!(page["startIndex"], start, "{filter}");
            assert_eq!(page["itemsPerPage"], found.len(), "{filter}");
            let left = expected.len() + 1 - start;
            assert_eq!(found.len(), left.min(size), "{filter} from {start}");
            if found.is_empty() {
                break;
            }
            start += found.len();
            seen.extend(found);
        }
        seen.sort();
        expected.sort();
        assert_eq!(seen, expected, "{filter}, {size} a page");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn each_resource_is_on_one_page_whatever_their_size_and_the_question(
        people in people(),
        removed in prop::collection::vec(any::<prop::sample::Index>(), 0..3),
        size in 1..45_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(walk(people, removed, size));
    }
}
