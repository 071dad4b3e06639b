//! Filters: every shape finds whom it should, and only them.

use crate::support::{ENTERPRISE, OWN, Scim, ids};
use ecma_plugin_sdk::{Entry, Value};

#[tokio::test]
async fn filters_find_whom_they_should() {
    let scim = Scim::new("filters").await;
    for (filter, expected) in [
        // eq, in any case of attribute, operator and text
        (r#"userName eq "ada@example.org""#, "1"),
        (r#"USERNAME EQ "ADA@example.ORG""#, "1"),
        (r#"urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ada@example.org""#, "1"),
        (r#"externalId eq "ada-7""#, "1"),
        (r#"externalId eq "ADA-7""#, ""),
        (r#"id eq "user.2""#, "2"),
        (r#"id eq "user.9""#, ""),
        ("active eq true", "1"),
        (r#"active eq "False""#, "2"),
        (r#"title eq "engineer""#, "3"),
        // the other operators
        (r#"userName ne "ada@example.org""#, "2 3"),
        (r#"userName co "EXAMPLE""#, "1 2 3"),
        (r#"userName sw "gra""#, "2"),
        (r#"title ew "ess""#, "1"),
        ("title pr", "1 3"),
        ("externalId pr", "1"),
        (&format!("{OWN}:level gt 7"), "2"),
        (&format!("{OWN}:level ge 7"), "1 2"),
        (&format!("{OWN}:level lt 12"), "1"),
        (&format!("{OWN}:level le 12"), "1 2"),
        // and, or, not, parentheses
        (r#"title pr and userName sw "ada""#, "1"),
        (r#"userName eq "ada@example.org" and title eq "Engineer""#, ""),
        (r#"userName sw "ada" or title eq "Engineer""#, "1 3"),
        ("not (title pr)", "2"),
        (r#"not (userName sw "ada") and title pr"#, "3"),
        (r#"userName sw "grace" or userName sw "mary" and title pr"#, "2 3"),
        (r#"(userName sw "grace" or userName sw "mary") and title pr"#, "3"),
        // parts and value paths
        (r#"name.familyName eq "hopper""#, "2"),
        (r#"emails[type eq "work"].value eq "ada@example.org""#, "1"),
        (r#"emails[type eq "work" and value co "grace"]"#, "2"),
        (r#"emails[type eq "home"].value eq "ada@example.org""#, ""),
        (r#"emails.value eq "ada@home.example""#, "1"),
        (r#"emails eq "ada@home.example""#, "1"),
        // extensions
        (&format!(r#"{ENTERPRISE}:department eq "engines""#), "1"),
        (&format!(r#"{}:employeeNumber eq "42""#, ENTERPRISE.to_uppercase()), "1"),
        (&format!(r#"{ENTERPRISE}:manager eq "user.2""#), "1"),
        (r#"id eq "user.1" and manager eq "user.2""#, "1"),
        (&format!(r#"{OWN}:tags eq "b""#), "1"),
        (&format!("{OWN}:level eq 12"), "2"),
        (&format!(r#"{OWN}:level eq "12""#), "2"),
        // order and beginnings of what has an index
        (r#"userName sw "M" or userName sw "ADA""#, "1 3"),
        (r#"userName gt "ada@example.org""#, "2 3"),
        (r#"userName ge "Grace" and userName lt "mary@a""#, "2"),
        (r#"emails[type eq "work" and value sw "ADA"]"#, "1"),
        (r#"emails[value eq "grace@example.org"]"#, "2"),
        // references
        (&format!(r#"{ENTERPRISE}:manager.value eq "user.2""#), "1"),
        (&format!(r#"{ENTERPRISE}:manager eq "user.1""#), ""),
        (&format!(r#"{ENTERPRISE}:manager eq "user.9""#), ""),
        (r#"groups eq "group.g1""#, "1 2"),
        (r#"groups.value eq "group.g1" and title pr"#, "1"),
        (r#"groups[value eq "group.g1"]"#, "1 2"),
        (r#"groups[value eq "group.g1" and type eq "indirect"]"#, ""),
        (r#"groups.value eq "user.1""#, ""),
        (r#"groups.value eq "group.g9" or userName sw "mary""#, "3"),
        // types
        (r#"meta.resourceType eq "User" and title pr"#, "1 3"),
        (r#"meta.resourceType eq "Group""#, ""),
        (r#"meta.lastModified ge "2025-06-15T15:06:40Z""#, "1 2 3"),
        (r#"meta.lastModified lt "2025-06-15T17:06:40+02:00""#, ""),
        // what nobody has or knows
        (r#"userName sw "ada" and PLACEHOLDER ne "x""#, ""),
        (r#"userName sw "ada" and not (PLACEHOLDER pr)"#, "1"),
        (r#"not (userName sw "ada" or PLACEHOLDER eq "x")"#, "2 3"),
        (r#"ims.value eq "x" or title eq null"#, "2"),
        (r#"PLACEHOLDER eq "3f2a""#, ""),
        (r#"nobody.knows eq "x""#, ""),
        ("urn:nobody:knows:this eq 1", ""),
        (r#"PLACEHOLDER eq "x" or userName sw "ada""#, "1"),
        (r#"nickName eq "x""#, ""),
        (r#"userName eq """#, ""),
    ] {
        assert_eq!(scim.found(filter).await.join(" "), expected, "{filter}");
    }
}

#[tokio::test]
async fn what_is_no_filter_is_refused() {
    let scim = Scim::new("no-filter").await;
    let deep = format!("{}title pr{}", "(".repeat(40), ")".repeat(40));
    let long = format!("title eq \"{}\"", "x".repeat(9000));
    for filter in [
        "userName",
        "userName eq",
        "eq \"x\"",
        "userName is \"x\"",
        "userName eq \"x",
        "(userName pr",
        "userName pr)",
        "userName pr and",
        "not title pr pr",
        "emails[type eq \"work\".value eq 1",
        "active gt true",
        "meta.lastModified lt \"junk\"",
        "not (meta.lastModified ge 7)",
        &deep,
        &long,
    ] {
        let query: String = form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let answer = scim.get(&format!("/Users?filter={query}")).await;
        assert_eq!(answer.status, 400, "{filter}: {answer:?}");
        assert_eq!(answer.body["scimType"], "invalidFilter", "{filter}");
    }
}

#[tokio::test]
async fn filters_see_what_was_written_just_now() {
    let scim = Scim::new("fresh").await;
    let rename = serde_json::json!([{"op": "replace", "path": "userName", "value": "k@example.org"},
        {"op": "replace", "path": "title", "value": "Queen"}]);
    assert_eq!(scim.patch(rename).await.status, 200);
    for (filter, expected) in [
        (r#"userName eq "k@example.org""#, "1"),
        (r#"userName eq "ada@example.org""#, ""),
        (r#"title eq "Queen""#, "1"),
        (r#"title eq "Countess""#, ""),
    ] {
        assert_eq!(scim.found(filter).await.join(" "), expected, "{filter}");
    }
}

#[tokio::test]
async fn groups_are_found_by_their_members() {
    let scim = Scim::new("members").await;
    let group = |id: &str, members: &[&str]| {
        let members = members.iter().map(|one| Value::Reference((*one).to_owned()));
        let entry = Entry::new("group").anchor("id", id).set("userName", id);
        entry.set("members", members.collect::<Vec<_>>())
    };
    scim.system.put(group("g2", &["CN=g1,OBJECT=group"]));
    scim.system.put(group("g3", &["CN=3,OBJECT=user", "CN=nobody,OBJECT=user"]));
    // The same person by the other name that the target may use.
    scim.system.put(group("g4", &["2"]));
    assert!(scim.host.import().await);
    for (filter, expected) in [
        (r#"members eq "user.1""#, "g1"),
        (r#"members.value eq "user.3""#, "g3"),
        (r#"members[value eq "user.2"]"#, "g1 g4"),
        (r#"members eq "group.g1""#, "g2"),
        (r#"members[value eq "group.g1" and type eq "Group"]"#, "g2"),
        (r#"members[value eq "group.g1" and type eq "User"]"#, ""),
        (r#"members eq "user.nobody""#, ""),
        (r#"members eq "user.1" or members eq "user.3""#, "g1 g3"),
        (r#"members eq "user.1" and displayName sw "eng""#, "g1"),
        (r#"not (members eq "user.1")"#, "g2 g3 g4"),
        (r#"members ne "user.1""#, "g1 g2 g3 g4"),
    ] {
        let query: String = form_urlencoded::byte_serialize(filter.as_bytes()).collect();
        let list = scim.get(&format!("/Groups?excludedAttributes=members&filter={query}")).await;
        let ids = ids(&list.body).join(" ").replace("group.", "");
        assert_eq!(ids, expected, "{filter}");
    }
    // Through a group in a group.
    assert_eq!(scim.found(r#"groups.value eq "group.g2""#).await.join(" "), "1 2");
}
