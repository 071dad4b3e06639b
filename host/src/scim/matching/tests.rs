//! Filters and resources: who matches.

use super::*;
use crate::scim::standard;
use serde_json::json;

fn schemas() -> ResourceSchemas {
    let mut custom = standard::enterprise_user();
    custom.id = "urn:x:Custom".into();
    custom.attributes = vec![
        AttributeDefinition::new("level", AttributeKind::Integer),
        AttributeDefinition::new("score", AttributeKind::Decimal),
        AttributeDefinition::new("hired", AttributeKind::DateTime),
        AttributeDefinition::new("tags", AttributeKind::String).multi_valued().case_exact(),
    ];
    ResourceSchemas::new(
        standard::user(),
        vec![(standard::enterprise_user(), false), (custom, false)],
    )
}

fn resource() -> Resource {
    serde_json::from_value(json!({
        "id": "7f", "userName": "Kim@Example.org", "displayName": "Ärzte Ünion", "active": true,
        "nickName": "",
        "name": {"familyName": "Lee", "givenName": "Kim"},
        "emails": [{"value": "kim@work", "type": "work", "primary": "True"},
                   {"value": "kim@home", "type": "home"}],
        "phoneNumbers": [{"value": "1"}, {"type": "fax"}, {"value": "", "type": "mobile"}],
        "ims": [{"type": "xmpp"}],
        "meta": {"created": "2024-02-29T12:00:00Z"},
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":
            {"employeeNumber": "42", "manager": {"value": "M1"}},
        "urn:x:Custom": {"level": 9, "score": 2.5, "hired": "2020-01-01T01:00:00+01:00",
                         "tags": ["Red", "blue"]}
    }))
    .unwrap()
}

fn check(text: &str, expected: bool) {
    let filter = Filter::parse_for(text, &schemas()).unwrap();
    assert_eq!(filter.matches(&resource(), &schemas()), expected, "{text}");
    let denied = Filter::Not(Box::new(filter));
    assert_eq!(denied.matches(&resource(), &schemas()), !expected, "not ({text})");
}

#[test]
fn text_minds_case_only_where_the_schema_does() {
    check(r#"USERNAME eq "kim@example.ORG""#, true);
    check(r#"userName ne "kim@example.org""#, false);
    check(r#"userName sw "KIM@" and userName ew ".org" and userName co "exa""#, true);
    check(r#"displayName eq "äRZTE üNION""#, true);
    check(r#"displayName co "ÜN""#, true);
    check(r#"id eq "7F""#, false);
    check(r#"id eq "7f""#, true);
    check(r#"userName gt "kim@a" and userName lt "KIM@z""#, true);
    check(r#"urn:ietf:params:scim:schemas:core:2.0:User:userName sw "kim""#, true);
}

#[test]
fn types_come_from_the_schema() {
    check("active eq true", true);
    check(r#"active eq "True""#, true);
    check("active ne FALSE", true);
    check("urn:x:Custom:level gt 8", true);
    check("urn:x:Custom:level gt 10", false);
    check(r#"urn:x:Custom:level eq "9""#, true);
    check("urn:x:Custom:score le 2.50", true);
    check("externalId eq 5", false);
    check("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber eq 42", true);
    check(r#"meta.created eq "2024-02-29T13:00:00+01:00""#, true);
    check(r#"meta.created gt "2024-02-29T12:30:00+01:00""#, true);
    check(r#"urn:x:Custom:hired lt "2020-01-01""#, false);
    check(r#"urn:x:Custom:hired ge "2020-01-01T00:00:00""#, true);
    check("urn:x:Custom:hired gt null", false);
}

#[test]
fn what_is_no_moment_comes_neither_before_nor_after_one() {
    let junk: Resource = serde_json::from_value(json!({
        "meta": {"created": "yesterday"}, "urn:x:Custom": {"level": "high"}
    }))
    .unwrap();
    let matches = |text: &str| Filter::parse(text).unwrap().matches(&junk, &schemas());
    assert!(matches(r#"meta.created eq "Yesterday" and urn:x:Custom:level eq "high""#));
    for operator in ["lt", "le", "gt", "ge"] {
        assert!(!matches(&format!("meta.created {operator} \"2020-01-01T00:00:00Z\"")));
        assert!(!matches(&format!("urn:x:Custom:level {operator} 5")));
        let unchecked = Filter::parse(&format!("meta.created {operator} \"junk\"")).unwrap();
        assert!(!unchecked.matches(&resource(), &schemas()), "{operator}");
    }
}

#[test]
fn one_of_several_values_is_enough() {
    check(r#"emails eq "KIM@home""#, true);
    check(r#"emails.value ew "@work""#, true);
    check(r#"emails.type ne "work""#, true);
    check(r#"emails[type eq "work" and value co "home"]"#, false);
    check(r#"emails[type eq "home" and not (value co "work")]"#, true);
    check(r#"emails[type eq "work"].value eq "kim@work""#, true);
    check(r#"emails[type eq "work"].value eq "kim@home""#, false);
    check(r#"emails[primary eq true].value sw "kim""#, true);
    check(r#"emails[nope eq 1]"#, false);
    check(r#"urn:x:Custom:tags eq "red""#, false);
    check(r#"urn:x:Custom:tags eq "Red""#, true);
    check(r#"urn:x:Custom:tags[value eq "blue"]"#, true);
    check(r#"urn:x:Custom:tags[nope ne "blue"]"#, false);
    check(r#"urn:x:Custom:tags[nope eq null]"#, false);
    check(r#"manager eq "M1""#, true);
    check(r#"manager.value eq "m1""#, false);
    check(r#"name eq "Lee""#, false);
}

#[test]
fn a_complex_attribute_is_compared_by_its_value() {
    for (text, expected) in [
        ("phoneNumbers eq \"1\"", true),
        ("phoneNumbers ne \"1\"", false),
        ("phoneNumbers eq \"\"", false),
        ("ims ne \"1\"", true),
        ("ims eq \"\"", false),
    ] {
        check(text, expected);
        let (name, rest) = text.split_once(' ').unwrap();
        check(&format!("{name}.value {rest}"), expected);
    }
    check("ims pr", true);
    check("ims.value pr", false);
}

#[test]
fn absent_is_not_equal_and_unknown_is_nothing() {
    check("userName pr and name pr and name.givenName pr and emails pr", true);
    check("nickName pr or title pr or name.middleName pr or photos pr", false);
    check("title eq null and userName ne null", true);
    check(r#"title ne "x""#, true);
    check(r#"title eq "x" or title co "" or title lt "z""#, false);
    check(r#"PLACEHOLDER eq "x" or PLACEHOLDER ne "x" or PLACEHOLDER pr"#, false);
    check("urn:x:Custom pr", true);
}

#[test]
fn what_has_no_order_is_refused() {
    for text in [
        "active gt true",
        "not (active le false)",
        "userName pr and x509Certificates ge \"x\"",
        "emails[primary lt true]",
        "emails.primary gt \"x\"",
        "x509Certificates[value gt \"x\"].display eq \"y\"",
        "meta.lastModified lt \"junk\"",
        "meta.created ge true",
        "not (urn:x:Custom:hired gt 7)",
        "urn:x:Custom:level gt \"high\"",
        "urn:x:Custom:score lt false",
    ] {
        let refused = Filter::parse_for(text, &schemas()).unwrap_err();
        assert_eq!(refused.scim_type, Some(ScimType::InvalidFilter), "{text}");
    }
}
