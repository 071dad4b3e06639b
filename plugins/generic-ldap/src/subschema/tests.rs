//! The schema of three servers, and of servers that are worse.

use super::excerpts::{DS389, OPENLDAP, SAMBA, schema};
use super::*;

fn names(classes: &[&Class]) -> Vec<String> {
    classes.iter().map(|class| class.name().to_owned()).collect()
}

#[test]
fn every_description_of_a_server_is_read() {
    for (server, classes, types, is_active_directory) in
        [(OPENLDAP, 15, 43, false), (DS389, 10, 23, false), (SAMBA, 12, 48, true)]
    {
        let schema = schema(server);
        assert_eq!(schema.skipped(), []);
        assert_eq!((schema.classes().len(), schema.attribute_types().len()), (classes, types));
        assert_eq!(schema.is_active_directory(), is_active_directory);
    }
}

#[test]
fn definitions_are_found_by_any_name_and_number_in_any_case() {
    let openldap = schema(OPENLDAP);
    for name in ["cn", "COMMONNAME", "2.5.4.3", " cn "] {
        assert_eq!(openldap.attribute_type(name).unwrap().name(), "cn");
    }
    assert!(openldap.attribute_type("nope").is_none());
    for name in ["inetorgperson", "2.16.840.1.113730.3.2.2"] {
        assert_eq!(openldap.class(name).unwrap().name(), "inetOrgPerson");
    }
    let ds389 = schema(DS389);
    assert_eq!(ds389.class("nsadmindomain-OID").unwrap().superiors, ["organizationalUnit"]);
    assert!(openldap.syntax("1.3.6.1.4.1.1466.115.121.1.8").unwrap().binary_transfer);
}

#[test]
fn an_attribute_type_is_read_whole() {
    let openldap = schema(OPENLDAP);
    let kind = |name: &str| openldap.attribute_type(name).unwrap();
    let stamp = kind("createTimestamp");
    assert_eq!(stamp.oid, "2.5.18.1");
    assert_eq!(stamp.description, "RFC4512: time which object was created");
    assert_eq!(stamp.equality.as_deref(), Some("generalizedTimeMatch"));
    assert!(stamp.single_value && stamp.no_user_modification);
    assert_eq!(stamp.usage, Usage::Operational);
    assert_eq!(kind("uid").syntax.as_deref(), Some("1.3.6.1.4.1.1466.115.121.1.15"));
    assert_eq!(kind("uid").usage, Usage::UserApplications);
    let locked = kind("pwdAccountLockedTime");
    assert_eq!((locked.usage, locked.no_user_modification), (Usage::Operational, false));
    let odd = schema("attributeTypes: ( 1.1 NAME 'a' OBSOLETE COLLECTIVE USAGE userapplications )");
    let odd = odd.attribute_type("a").unwrap();
    assert!(odd.obsolete && odd.collective);
    assert_eq!(odd.usage, Usage::UserApplications);
    let spaced = schema(DS389);
    let group = spaced.attribute_type("gidNumber").unwrap();
    let text = "An integer uniquely identifying a group in an administrative domain";
    assert_eq!(group.description, text);
}

#[test]
fn a_type_has_the_syntax_and_the_rule_of_those_above_it_and_its_own_number_of_values() {
    let openldap = schema(OPENLDAP);
    for (name, syntax, equality, single_value) in [
        ("cn", "1.3.6.1.4.1.1466.115.121.1.15", "caseIgnoreMatch", false),
        ("c", "1.3.6.1.4.1.1466.115.121.1.11", "caseIgnoreMatch", true),
        ("member", "1.3.6.1.4.1.1466.115.121.1.12", "distinguishedNameMatch", false),
    ] {
        let kind = openldap.attribute_type(name).unwrap();
        assert_eq!(kind.syntax.as_deref(), Some(syntax), "{name}");
        assert_eq!(kind.equality.as_deref(), Some(equality), "{name}");
        assert_eq!(kind.single_value, single_value, "{name}");
    }
    let single = schema(
        "attributeTypes: ( 1.1 NAME 'one' SYNTAX 1.5 SINGLE-VALUE )
attributeTypes: ( 1.2 NAME 'many' SUP one )
attributeTypes: ( 1.3 NAME 'lost' SUP nowhere )",
    );
    let many = single.attribute_type("many").unwrap();
    assert_eq!((many.syntax.as_deref(), many.single_value), (Some("1.5"), false));
    assert_eq!(single.attribute_type("lost").unwrap().syntax, None);
}

#[test]
fn a_class_has_all_above_it_nearest_first() {
    for (server, class, lineage) in [
        (
            OPENLDAP,
            "inetOrgPerson",
            &["inetOrgPerson", "organizationalPerson", "person", "top"][..],
        ),
        (OPENLDAP, "posixAccount", &["posixAccount", "top"]),
        (SAMBA, "computer", &["computer", "user", "organizationalPerson", "person", "top"]),
    ] {
        let schema = schema(server);
        assert_eq!(names(&schema.lineage(schema.class(class).unwrap())), lineage);
    }
    let odd = schema(
        "objectClasses: ( 1.0 NAME 'top' ABSTRACT MUST objectClass )
objectClasses: ( 1.1 NAME 'a' SUP b )
objectClasses: ( 1.2 NAME 'b' SUP ( a $ c $ 1.9 ) )
objectClasses: ( 1.3 NAME 'c' SUP 1.3 AUXILIARY )",
    );
    let lineage = |name: &str| names(&odd.lineage(odd.class(name).unwrap()));
    assert_eq!(lineage("a"), ["a", "b", "c", "top"]);
    assert_eq!(lineage("b"), ["b", "a", "c", "top"]);
    assert_eq!(lineage("c"), ["c"]);
    assert_eq!(odd.class("b").unwrap().kind, Kind::Structural);
}

#[test]
fn types_that_inherit_in_a_circle_end() {
    let odd = schema(
        "attributeTypes: ( 1.1 NAME 'a' SUP b )
attributeTypes: ( 1.2 NAME 'b' SUP a EQUALITY caseIgnoreMatch )",
    );
    let a = odd.attribute_type("a").unwrap();
    assert_eq!((a.syntax.as_deref(), a.equality.as_deref()), (None, Some("caseIgnoreMatch")));
}

#[test]
fn a_content_rule_adds_to_its_class() {
    let samba = schema(SAMBA);
    let user = samba.class("user").unwrap();
    assert!(user.must.iter().any(|name| name == "sAMAccountName"), "{:?}", user.must);
    assert!(user.may.iter().any(|name| name == "uidNumber"), "{:?}", user.may);
}

#[test]
fn a_description_that_cannot_be_read_is_told_and_the_others_stay() {
    let odd = schema(
        "objectClasses: ( 1.1 NAME 'a' MAY ( b $ c )
objectClasses: ( 1.2 NAME 'b' )
attributeTypes: broken
attributeTypes: ( )
ldapSyntaxes: ( 1.3 DESC 'open )",
    );
    let told: Vec<(&str, &str)> = odd.skipped().iter().map(|s| (s.of, s.why)).collect();
    assert_eq!(
        told,
        [
            ("objectClasses", "has a list that does not end"),
            ("attributeTypes", "is not in parentheses"),
            ("attributeTypes", "has neither a number nor a name"),
            ("ldapSyntaxes", "has a quoted text that does not end"),
        ]
    );
    assert_eq!(odd.skipped()[1].text, "broken");
    assert!(odd.class("b").is_some() && odd.class("a").is_none());
}

#[test]
fn of_two_definitions_with_one_name_the_first_has_it() {
    let odd = schema(
        "attributeTypes: ( 1.1 NAME 'a' SYNTAX 1.5 )
attributeTypes: ( 1.2 NAME ( 'A' 'b' ) SYNTAX 1.6 )",
    );
    assert_eq!(odd.attribute_type("a").unwrap().oid, "1.1");
    assert_eq!(odd.attribute_type("b").unwrap().oid, "1.2");
}
