//! Values of each form, read, written and read back.

use super::*;
use crate::subschema::excerpts::{DS389, OPENLDAP, SAMBA, schema};
use crate::syntax::{is_case_exact, needs_binary_option};
use proptest::prelude::*;

const TIME: Form = Form::GeneralizedTime { always_fraction: false };
const TIME_OF_AD: Form = Form::GeneralizedTime { always_fraction: true };

#[test]
fn a_type_of_a_server_has_the_form_of_its_syntax() {
    use Form::*;
    for (server, name, form, case_exact) in [
        (OPENLDAP, "cn", Text, false),
        (OPENLDAP, "memberUid", Text, true),
        (OPENLDAP, "labeledURI", Text, true),
        (OPENLDAP, "telephoneNumber", Text, false),
        (OPENLDAP, "postalAddress", Text, false),
        (OPENLDAP, "entryUUID", Text, false),
        (OPENLDAP, "uidNumber", Integer, true),
        (OPENLDAP, "createTimestamp", TIME, true),
        (OPENLDAP, "member", Reference, false),
        (OPENLDAP, "seeAlso", Reference, false),
        (OPENLDAP, "uniqueMember", ReferenceAndUid, false),
        (OPENLDAP, "jpegPhoto", Binary, true),
        (OPENLDAP, "userCertificate", Binary, true),
        (OPENLDAP, "userPassword", Text, true),
        (DS389, "entryUUID", Text, false),
        (DS389, "nsUniqueId", Text, true),
        (DS389, "nsRole", Reference, false),
        (DS389, "nsBindDN", Reference, false),
        (SAMBA, "cn", Text, false),
        (SAMBA, "objectClass", Text, false),
        (SAMBA, "pwdLastSet", Integer, true),
        (SAMBA, "userAccountControl", Integer, true),
        (SAMBA, "isDeleted", Boolean, true),
        (SAMBA, "whenCreated", TIME_OF_AD, true),
        (SAMBA, "objectGUID", Guid, false),
        (SAMBA, "objectSid", Binary, true),
        (SAMBA, "nTSecurityDescriptor", Binary, true),
        (SAMBA, "unicodePwd", UnicodePassword, true),
        (SAMBA, "wellKnownObjects", Text, true),
        (SAMBA, "manager", Reference, false),
    ] {
        let schema = schema(server);
        let kind = schema.attribute_type(name).unwrap();
        assert_eq!(Form::of(&schema, kind), form, "{name}");
        assert_eq!(is_case_exact(&schema, kind), case_exact, "{name}");
    }
}

#[test]
fn what_a_value_is_shown_as_has_the_kind_of_its_form() {
    use ecma_plugin_sdk::AttributeType as Kind;
    for (form, bytes, kind) in [
        (Form::Text, &b"a"[..], Kind::Text),
        (Form::Integer, b"1", Kind::Integer),
        (Form::Boolean, b"TRUE", Kind::Boolean),
        (Form::Binary, b"a", Kind::Binary),
        (TIME, b"2026013108Z", Kind::DateTime),
        (Form::UtcTime, b"2601310830Z", Kind::DateTime),
        (Form::Reference, b"cn=a", Kind::Reference),
        (Form::ReferenceAndUid, b"cn=a", Kind::Reference),
        (Form::Guid, &[0; 16], Kind::Text),
        (Form::Hex, b"a", Kind::Text),
    ] {
        assert_eq!(form.kind(), kind, "{form:?}");
        let fits = match decode(form, bytes).unwrap() {
            Value::Text(_) => matches!(kind, Kind::Text | Kind::DateTime),
            Value::Integer(_) => kind == Kind::Integer,
            Value::Boolean(_) => kind == Kind::Boolean,
            Value::Binary(_) => kind == Kind::Binary,
            _ => kind == Kind::Reference,
        };
        assert!(fits, "{form:?}");
    }
    assert_eq!(Form::UnicodePassword.kind(), Kind::Text);
}

#[test]
fn a_certificate_is_named_with_an_option_where_the_server_asks_for_it() {
    for (server, name, expected) in [
        (OPENLDAP, "userCertificate", true),
        (OPENLDAP, "jpegPhoto", false),
        (SAMBA, "userCertificate", false),
    ] {
        let schema = schema(server);
        let kind = schema.attribute_type(name).unwrap();
        assert_eq!(needs_binary_option(&schema, kind), expected, "{name}");
    }
}

#[test]
fn a_type_that_says_less_has_a_form_as_well() {
    let schema = schema(
        "attributeTypes: ( 1.1 NAME 'none' )
attributeTypes: ( 1.2 NAME 'odd' EQUALITY 2.5.13.2 SYNTAX 1.9.9 )
attributeTypes: ( 1.3 NAME 'told' SYNTAX 1.9.8 )
attributeTypes: ( 2.16.840.1.113719.1.1.4.1.501 NAME 'GUID' SYNTAX 1.3.6.1.4.1.1466.115.121.1.40{16} )
attributeTypes: ( 1.4 NAME 'stamp' SYNTAX 1.3.6.1.4.1.1466.115.121.1.53 )
ldapSyntaxes: ( 1.9.8 DESC 'x' X-NOT-HUMAN-READABLE 'TRUE' )",
    );
    for (name, form, case_exact) in [
        ("none", Form::Text, true),
        ("odd", Form::Text, false),
        ("told", Form::Binary, true),
        ("guid", Form::Hex, true),
        ("stamp", Form::UtcTime, true),
    ] {
        let kind = schema.attribute_type(name).unwrap();
        assert_eq!(Form::of(&schema, kind), form, "{name}");
        assert_eq!(is_case_exact(&schema, kind), case_exact, "{name}");
    }
}

#[test]
fn what_a_server_answers_is_a_value_or_an_error() {
    let text = |text: &str| Ok(Value::from(text));
    let name = |text: &str| Ok(Value::Reference(text.to_owned()));
    let number = |number: i64| Ok(Value::from(number));
    // As Samba answered it for its administrator.
    let guid = b"\x85\x01\x6d\x23\x53\xda\xf2\x44\xa0\x68\xa1\x4b\xd1\x64\x80\xa9";
    for (form, bytes, expected) in [
        (Form::Text, "Zoë".as_bytes(), text("Zoë")),
        (Form::Text, b"", text("")),
        (Form::Text, b"a\xff", Err("is not UTF-8")),
        (Form::Integer, b"-42", number(-42)),
        (Form::Integer, b"9223372036854775807", number(i64::MAX)),
        (
            Form::Integer,
            b"9223372036854775808",
            Err("is \"9223372036854775808\", not a whole number of 64 bits"),
        ),
        (Form::Integer, b"", Err("is \"\", not a whole number of 64 bits")),
        (Form::Boolean, b"TRUE", Ok(Value::from(true))),
        (Form::Boolean, b"false", Ok(Value::from(false))),
        (Form::Boolean, b"1", Err("is \"1\", not TRUE or FALSE")),
        (Form::Binary, b"\xff\x00", Ok(Value::from(vec![0xff, 0]))),
        (TIME, b"20260131093015+0100", text("2026-01-31T08:30:15Z")),
        (TIME_OF_AD, b"20261122054928.0Z", text("2026-11-22T05:49:28Z")),
        (TIME, b"soon", Err("is \"soon\", not a point in time")),
        (Form::UtcTime, b"260131083015Z", text("2026-01-31T08:30:15Z")),
        (Form::Reference, b"CN=a, dc=b", name("CN=a, dc=b")),
        (Form::ReferenceAndUid, b"cn=a,dc=b#'0101'B", name("cn=a,dc=b")),
        (Form::ReferenceAndUid, b"cn=a,dc=b#''B", name("cn=a,dc=b")),
        (Form::ReferenceAndUid, b"cn=a#1,dc=b", name("cn=a#1,dc=b")),
        (Form::Guid, guid, text("236d0185-da53-44f2-a068-a14bd16480a9")),
        (Form::Guid, b"abc", Err("has 3 bytes, and a GUID has 16")),
        (Form::Hex, b"\x81\xc9\x53\x4c", text("81c9534c")),
        (Form::UnicodePassword, b"\x22\x00", Err("is a password, which is not read")),
    ] {
        assert_eq!(decode(form, bytes), expected.map_err(str::to_owned), "{form:?} {bytes:?}");
    }
}

#[test]
fn values_are_written_as_their_attribute_wants_them() {
    let reference = |text: &str| Value::Reference(text.to_owned());
    let guid = b"\x85\x01\x6d\x23\x53\xda\xf2\x44\xa0\x68\xa1\x4b\xd1\x64\x80\xa9";
    for (form, value, expected) in [
        (Form::Text, Value::from("Zoë"), Ok("Zoë".as_bytes())),
        (Form::Text, Value::from(7), Ok(b"7")),
        (Form::Text, Value::from(true), Ok(b"true")),
        (Form::Text, reference("cn=a"), Ok(b"cn=a")),
        (Form::Text, Value::from(vec![1]), Err("is bytes, not text")),
        (Form::Integer, Value::from(-7), Ok(b"-7")),
        (Form::Integer, Value::from(" 512 "), Ok(b"512")),
        (Form::Integer, Value::from("5.0"), Err("is \"5.0\", not a whole number of 64 bits")),
        (Form::Integer, Value::from(true), Err("is \"true\", not a whole number of 64 bits")),
        (Form::Boolean, Value::from(true), Ok(b"TRUE")),
        (Form::Boolean, Value::from("False"), Ok(b"FALSE")),
        (Form::Boolean, Value::from(1), Ok(b"TRUE")),
        (Form::Boolean, Value::from(2), Err("is \"2\", not true or false")),
        (Form::Boolean, Value::from("maybe"), Err("is \"maybe\", not true or false")),
        (Form::Binary, Value::from(vec![0xff]), Ok(b"\xff")),
        (Form::Binary, Value::from("AQ=="), Err("is not bytes")),
        (TIME, Value::from("2026-01-31T09:30:15+01:00"), Ok(b"20260131083015Z")),
        (TIME_OF_AD, Value::from("2026-01-31T08:30:15Z"), Ok(b"20260131083015.0Z")),
        (TIME, Value::from("soon"), Err("is \"soon\", not a point in time")),
        (TIME, Value::from(5), Err("is \"5\", not a point in time")),
        (Form::UtcTime, Value::from("2026-01-31T08:30:15Z"), Ok(b"260131083015Z")),
        (
            Form::UtcTime,
            Value::from("2050-01-01T00:00:00Z"),
            Err("is \"2050-01-01T00:00:00Z\", not a whole second of the years 1950 to 2049"),
        ),
        (Form::Reference, reference("CN=a, dc=b"), Ok(b"CN=a, dc=b")),
        (Form::Reference, Value::from("cn=a"), Ok(b"cn=a")),
        (
            Form::Reference,
            reference("jdoe"),
            Err("is \"jdoe\", no distinguished name: an equals sign is missing at character 5"),
        ),
        (Form::Reference, Value::from(5), Err("is \"5\", not the name of an entry")),
        (Form::ReferenceAndUid, reference("cn=a,dc=b#'01'B"), Ok(b"cn=a,dc=b#'01'B")),
        (Form::Guid, Value::from("236D0185-da53-44f2-a068-a14bd16480a9"), Ok(guid)),
        (Form::Guid, Value::from("{236d0185-da53-44f2-a068-a14bd16480a9}"), Ok(guid)),
        (Form::Guid, Value::from("236d0185"), Err("is \"236d0185\", not a GUID")),
        (
            Form::Guid,
            Value::from("236d0185da53-44f2-a068-a14bd16480a9-"),
            Err("is \"236d0185da53-44f2-a068-a14bd16480a9-\", not a GUID"),
        ),
        (Form::Hex, Value::from("81C9534c"), Ok(b"\x81\xc9\x53\x4c")),
        (Form::Hex, Value::from("81c"), Err("is \"81c\", not hexadecimal digits")),
        (Form::Hex, Value::from("8é"), Err("is \"8é\", not hexadecimal digits")),
        (Form::UnicodePassword, Value::from("pé"), Ok(b"\"\0p\0\xe9\0\"\0")),
    ] {
        let expected = expected.map(<[u8]>::to_vec).map_err(str::to_owned);
        assert_eq!(encode(form, &value), expected, "{form:?} {value:?}");
    }
}

#[test]
fn a_long_value_is_cut_in_an_error() {
    let error = encode(Form::Integer, &Value::from("é".repeat(50))).unwrap_err();
    assert_eq!(error, format!("is \"{}…\", not a whole number of 64 bits", "é".repeat(40)));
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        text in any::<String>(), number: i64, truth: bool, bytes: Vec<u8>, guid: [u8; 16],
    ) {
        let reference = format!("cn={},dc=x", crate::dn::escape(&text));
        for (form, value) in [
            (Form::Text, Value::from(text)),
            (Form::Integer, Value::from(number)),
            (Form::Boolean, Value::from(truth)),
            (Form::Hex, Value::from(hex(&bytes))),
            (Form::Binary, Value::from(bytes)),
            (Form::Guid, Value::from(guid_text(&guid))),
            (Form::Reference, Value::Reference(reference)),
        ] {
            let written = encode(form, &value).unwrap();
            prop_assert_eq!(decode(form, &written), Ok(value));
        }
        prop_assert_eq!(guid_bytes(&guid_text(&guid)), Some(guid));
    }

    #[test]
    fn no_bytes_are_too_odd(bytes: Vec<u8>, text in any::<String>()) {
        for form in [
            Form::Text, Form::Integer, Form::Boolean, Form::Binary, TIME, Form::UtcTime,
            Form::Reference, Form::ReferenceAndUid, Form::Guid, Form::Hex, Form::UnicodePassword,
        ] {
            let _ = (decode(form, &bytes), encode(form, &Value::from(text.as_str())));
        }
    }
}
