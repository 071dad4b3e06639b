//! Names are read as they are made, and as people write them.

use crate::dn::{name, parse};
use proptest::prelude::*;

#[test]
fn a_name_is_read_with_any_spaces_and_case() {
    for text in [
        "CN=ada,OBJECT=person",
        "cn = ada , Object = Person",
        " CN=ada,object=PERSON ",
        "CN=\\61da,OBJECT=person",
    ] {
        assert_eq!(parse(text, "person"), Ok("ada".to_owned()), "{text}");
    }
    for (text, value) in [
        ("CN=a\\,b\\+c,OBJECT=person", "a,b+c"),
        ("CN=a\\2Cb,OBJECT=person", "a,b"),
        ("CN=\\ a\\ ,OBJECT=person", " a "),
        ("CN=Zo\\C3\\AB,OBJECT=person", "Zoë"),
        ("CN='; DROP TABLE person--,OBJECT=person", ""),
        ("CN=a=b,OBJECT=person", "a=b"),
    ] {
        let expected = (!value.is_empty()).then(|| value.to_owned());
        assert_eq!(parse(text, "person").ok(), expected, "{text}");
    }
}

#[test]
fn what_is_no_name_of_the_type_is_said() {
    let form = "not written as CN=value,OBJECT=person";
    for (text, expected) in [
        ("", form),
        ("ada", form),
        ("CN=ada", form),
        ("CN=,OBJECT=person", form),
        ("OU=ada,OBJECT=person", form),
        ("CN=ada,OBJECT=person,DC=x", form),
        ("CN=ada,OBJECT=person,", form),
        ("CN=a+b,OBJECT=person", form),
        ("CN=ada\\", form),
        ("CN=\\FF,OBJECT=person", form),
        ("CN=ada,OBJECT=team", "which is a name of \"team\", not of person"),
    ] {
        assert_eq!(parse(text, "person"), Err(expected.to_owned()), "{text}");
    }
}

proptest! {
    #[test]
    fn a_name_is_read_as_it_was_made(value in "\\PC{1,20}", object_type in "[a-z ]{0,5}[a-z]") {
        let name = name(object_type.trim(), &value);
        prop_assert_eq!(parse(&name, object_type.trim()), Ok(value));
    }
}
