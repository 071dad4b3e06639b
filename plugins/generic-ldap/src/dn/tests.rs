//! Names read and written again, compared, and taken apart.

use super::*;
use proptest::prelude::*;

fn name(text: &str) -> Name {
    Name::parse(text).unwrap()
}

#[test]
fn names_are_written_as_rfc_4514_writes_them() {
    for (text, expected) in [
        ("", ""),
        ("  ", ""),
        // RFC 4514 §4.
        ("UID=jsmith,DC=example,DC=net", "UID=jsmith,DC=example,DC=net"),
        ("OU=Sales+CN=J.  Smith,DC=example,DC=net", "OU=Sales+CN=J.  Smith,DC=example,DC=net"),
        (
            r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#,
            r#"CN=James \"Jim\" Smith\, III,DC=example,DC=net"#,
        ),
        (r"CN=Before\0dAfter,DC=example", r"CN=Before\0DAfter,DC=example"),
        ("1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0=#04024869"),
        (r"CN=Lu\C4\8Di\C4\87", "CN=Lučić"),
        // RFC 2253 §4 and RFC 1779: what LDAPv2 wrote.
        (
            " CN = Steve Kille ; O=\"Isode Limited\" , C = GB ",
            "CN=Steve Kille,O=Isode Limited,C=GB",
        ),
        (
            r#"CN="L. Eagle",O="Sue, Grabbit and \"Runn\"""#,
            r#"CN=L. Eagle,O=Sue\, Grabbit and \"Runn\""#,
        ),
        ("OID.2.5.4.3=x", "2.5.4.3=x"),
        ("oid.2.5.4.3=x", "2.5.4.3=x"),
        // Spaces and number signs at the ends of a value.
        (r"cn=\20x\20", r"cn=\ x\ "),
        (r"cn=\  x  ", r"cn=\  x"),
        (r"cn=a\20\20,dc=b", r"cn=a \ ,dc=b"),
        (r"cn=\ ", r"cn=\ "),
        (r"cn=\#x#", r"cn=\#x#"),
        (r"cn=#0C0141 + ou=a", "cn=#0c0141+ou=a"),
        // What need not be escaped, and is so all the same.
        (r"cn=a\=b=c", r"cn=a\=b\=c"),
        ("cn=,dc=x", "cn=,dc=x"),
        ("cn=\"\"", "cn="),
        (r"cn=a\00b", r"cn=a\00b"),
        // Active Directory's name of what was deleted.
        (
            r"CN=x\0ADEL:23f04d4b-2b2f-4a3c-b6e2-6b6a9f6a0d3e,CN=Deleted Objects,DC=x",
            r"CN=x\0ADEL:23f04d4b-2b2f-4a3c-b6e2-6b6a9f6a0d3e,CN=Deleted Objects,DC=x",
        ),
        ("cn=日本,ou=Ünits", "cn=日本,ou=Ünits"),
        ("nsuniqueid=1-2+uid=a_b,a-b=c", "nsuniqueid=1-2+uid=a_b,a-b=c"),
    ] {
        assert_eq!(name(text).to_string(), expected, "{text}");
    }
}

#[test]
fn what_is_no_name_says_where_and_why() {
    for (text, at, why) in [
        ("cn", 3, "an equals sign is missing"),
        ("cn=a,", 6, "an attribute type is missing"),
        ("cn=a,,dc=b", 6, "an attribute type is missing"),
        ("=a", 1, "an attribute type is missing"),
        ("größe=a", 3, "an equals sign is missing"),
        ("-a=b", 1, "a type does not begin with a letter"),
        ("2.5..3=b", 1, "a numeric type is malformed"),
        ("2.5.4.3.=b", 1, "a numeric type is malformed"),
        ("a.b=c", 1, "a type has a dot"),
        ("cn=a+b,dc=c", 7, "an equals sign is missing"),
        ("cn=\"a", 6, "a quoted value does not end"),
        ("cn=\"a\"b", 7, "the value has ended and there is more"),
        ("cn=é\"b", 5, "a character stands without a backslash before it"),
        ("cn=a<b", 5, "a character stands without a backslash before it"),
        ("cn=a\\", 5, "a backslash is not followed by what it escapes"),
        ("cn=a\\x", 5, "a backslash is not followed by what it escapes"),
        ("cn=a\\C", 5, "a backslash is not followed by what it escapes"),
        ("cn=a\\C3b", 5, "escaped bytes are not UTF-8"),
        ("cn=#", 5, "two hexadecimal digits are missing"),
        ("cn=#0", 5, "two hexadecimal digits are missing"),
        ("cn=#04x,", 7, "two hexadecimal digits are missing"),
        ("cn=#04 05", 8, "the value has ended and there is more"),
    ] {
        assert_eq!(Name::parse(text), Err(Malformed { at, why }), "{text}");
    }
    let error = Name::parse("cn=a,,").unwrap_err().to_string();
    assert_eq!(error, "no distinguished name: an attribute type is missing at character 6");
}

#[test]
fn a_name_is_taken_apart_and_put_together() {
    let whole = name("uid=a+cn=b\\,c,ou=people,dc=x");
    let rdn = whole.rdn().unwrap();
    let avas: Vec<(&str, String)> = rdn.avas().collect();
    assert_eq!(avas, [("uid", "a".to_owned()), ("cn", "b,c".to_owned())]);
    let parent = whole.parent().unwrap();
    assert_eq!(parent.to_string(), "ou=people,dc=x");
    assert_eq!(Name::join(rdn.clone(), &parent), whole);
    assert_eq!(Name::join(Rdn::new("cn", "#1"), &parent).to_string(), "cn=\\#1,ou=people,dc=x");
    let encoded = name("cn=#0C0141");
    assert_eq!(encoded.rdn().unwrap().avas().next(), Some(("cn", "#0c0141".to_owned())));
    let root = name("dc=x").parent().unwrap();
    assert_eq!(root, Name::default());
    assert_eq!((root.parent(), root.rdn()), (None, None));
}

#[test]
fn names_of_one_entry_have_one_key() {
    for (left, right, same) in [
        ("UID=Jo , OU=People", "uid=jo,ou=people", true),
        ("cn=a  b", "cn= A B ", true),
        ("cn=\\20a", "cn=a", true),
        ("cn=STRASSE", "cn=straße", true),
        ("cn=ΟΔΟΣ", "cn=οδος", true),
        ("cn=a+uid=b", "UID=B+CN=A", true),
        ("cn=#0C0141", "cn=#0c0141", true),
        ("cn=#0C0141", "cn=\\#0c0141", false),
        ("cn=ab", "cn=a b", false),
        ("cn=a\\,dc=b", "cn=a,dc=b", false),
        ("cn=a\\+dc=b", "cn=a+dc=b", false),
        ("cn=a", "uid=a", false),
        ("cn=a,dc=b", "cn=a", false),
    ] {
        assert_eq!(name(left).key() == name(right).key(), same, "{left} {right}");
    }
}

#[test]
fn an_entry_is_below_the_base_and_within_it() {
    for (text, base, below, within) in [
        ("uid=a,ou=p,dc=x", "OU=P, DC=X", true, true),
        ("uid=a,ou=p,dc=x", "dc=x", true, true),
        ("uid=a,ou=p,dc=x", "", true, true),
        ("dc=x", "dc=X", false, true),
        ("", "", false, true),
        ("dc=x", "ou=p,dc=x", false, false),
        ("uid=a,dc=y", "dc=x", false, false),
        // The end of the text is that of the base, and the entry is elsewhere.
        ("uid=a\\,dc=x", "dc=x", false, false),
    ] {
        let (entry, base) = (name(text), name(base));
        assert_eq!((entry.is_below(&base), entry.is_within(&base)), (below, within), "{text}");
    }
}

#[test]
fn a_rename_names_the_parent_only_when_it_is_another() {
    let rename = |rdn: &str, superior: Option<&str>| {
        Some(Rename { rdn: rdn.to_owned(), superior: superior.map(str::to_owned) })
    };
    for (old, new, expected) in [
        ("uid=a,ou=p", "uid=b,ou=p", rename("uid=b", None)),
        ("uid=a,ou=p", "uid=b,OU= P", rename("uid=b", None)),
        ("uid=a,ou=p", "uid=a,ou=q", rename("uid=a", Some("ou=q"))),
        ("uid=a,ou=p", "uid=\\#b,ou=q", rename("uid=\\#b", Some("ou=q"))),
        ("uid=a,ou=p", "uid=A,ou=p", rename("uid=A", None)),
        ("uid=a", "uid=b", rename("uid=b", None)),
        ("uid=a,dc=x", "uid=a", rename("uid=a", Some(""))),
        ("uid=a,ou=p", "uid=a, ou=p", None),
        ("uid=a,ou=p", "", None),
    ] {
        assert_eq!(renames(&name(old), &name(new)), expected, "{old} {new}");
    }
}

#[test]
fn bytes_of_a_filter_are_escaped() {
    for (bytes, expected) in [
        (&b"plain text~"[..], "plain text~"),
        (b"a(b)*\\c", r"a\28b\29\2a\5cc"),
        (&[0, 4, 0x1f, 0x7f, 0x80, 0xff], r"\00\04\1f\7f\80\ff"),
        ("é".as_bytes(), r"\c3\a9"),
        (b"", ""),
    ] {
        assert_eq!(escape_filter(bytes), expected, "{bytes:?}");
    }
}

fn attribute() -> impl Strategy<Value = String> {
    prop_oneof!["[a-zA-Z][a-zA-Z0-9-]{0,8}", "[0-2]\\.[1-9][0-9]{0,3}(\\.[1-9][0-9]{0,9}){0,4}"]
}

fn value() -> impl Strategy<Value = Asserted> {
    prop_oneof![
        any::<String>().prop_map(Asserted::Text),
        "[ #,+\\\\\"<>;=\\x00a\u{e9}]{0,6}".prop_map(Asserted::Text),
        prop::collection::vec(any::<u8>(), 1..6).prop_map(Asserted::Encoded),
    ]
}

fn any_name() -> impl Strategy<Value = Name> {
    let ava = (attribute(), value()).prop_map(|(attribute, value)| Ava { attribute, value });
    let rdn = prop::collection::vec(ava, 1..3).prop_map(|avas| Rdn { avas });
    prop::collection::vec(rdn, 0..4).prop_map(|rdns| Name { rdns })
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(name in any_name()) {
        prop_assert_eq!(Name::parse(&name.to_string()), Ok(name));
    }

    #[test]
    fn a_key_is_a_name_with_the_same_key(name in any_name()) {
        let key = name.key();
        prop_assert_eq!(Name::parse(&key).unwrap().key(), key);
    }

    #[test]
    fn every_name_is_within_all_above_it(name in any_name()) {
        let mut above = Some(name.clone());
        while let Some(base) = above {
            prop_assert!(name.is_within(&base));
            prop_assert!(base == name || name.is_below(&base));
            above = base.parent();
        }
    }

    #[test]
    fn no_text_is_too_odd(text in "[a-c=,+;#\"\\\\<> .0-9A-F\u{e9}]{0,24}") {
        if let Ok(name) = Name::parse(&text) {
            prop_assert_eq!(Name::parse(&name.to_string()), Ok(name));
        }
    }

    #[test]
    fn a_filter_value_is_ascii_and_keeps_every_byte(bytes: Vec<u8>) {
        let text = escape_filter(&bytes);
        prop_assert!(text.bytes().all(|c| (b' '..=b'~').contains(&c) && !b"()*".contains(&c)));
        let mut read = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, after @ ..] = rest {
            if *first == b'\\' {
                let digits = std::str::from_utf8(&after[..2]).unwrap();
                read.push(u8::from_str_radix(digits, 16).unwrap());
                rest = &after[2..];
            } else {
                read.push(*first);
                rest = after;
            }
        }
        prop_assert_eq!(read, bytes);
    }
}

#[test]
fn a_name_and_what_refers_to_it_are_written_in_one_way() {
    for (text, expected) in [
        ("uid=kim,ou=people,dc=example", "uid=kim,ou=people,dc=example"),
        (r"cn=Smith\2C Jr.,dc=example", r"cn=Smith\, Jr.,dc=example"),
        (r#"cn="Smith, Jr.",dc=example"#, r"cn=Smith\, Jr.,dc=example"),
        ("cn = Kim, dc=example", "cn=Kim,dc=example"),
        (r"cn=Trailing\20,dc=example", r"cn=Trailing\ ,dc=example"),
        ("cn=Kim Larsen,dc=example", "cn=Kim Larsen,dc=example"),
        ("no name", "no name"),
        ("", ""),
    ] {
        assert_eq!(canonical(text), expected, "{text}");
    }
}
