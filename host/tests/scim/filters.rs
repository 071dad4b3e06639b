//! Filters: every shape finds whom it should, and only them.

use crate::support::{ENTERPRISE, OWN, Scim};

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
        // what nobody has or knows
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
