//! Object types of three servers, and what is said of choices that do not fit.

use super::*;
use crate::subschema::excerpts::{DS389, OPENLDAP, SAMBA, schema};
use ecma_plugin_sdk::Attribute;

fn chosen(classes: &[&str]) -> Chosen {
    Chosen {
        object_classes: owned(classes),
        operational: false,
        extensible: false,
        aliases: Vec::new(),
        anchor: Anchor::Dn,
        export_only: Vec::new(),
        read_only: Vec::new(),
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn by(anchor: &str, classes: &[&str]) -> Chosen {
    Chosen { anchor: Anchor::Attribute(anchor.to_owned()), ..chosen(classes) }
}

fn built(server: &str, chosen: &Chosen) -> Types {
    Types::build(&schema(server), chosen).unwrap()
}

fn attribute(types: &Types, kind: &str, name: &str) -> Attribute {
    types.get(kind).unwrap().object_type.get(name).unwrap().clone()
}

fn names(types: &Types) -> Vec<&str> {
    types.iter().map(|kind| kind.name.as_str()).collect()
}

/// What is said of an attribute, shortly.
fn said(attribute: &Attribute) -> String {
    let mut said = format!("{:?}", attribute.kind);
    for (word, holds) in [
        ("many", attribute.multi_valued),
        ("required", attribute.required),
        ("generated", attribute.generated),
        ("anchor", attribute.anchor),
        ("unique", attribute.unique),
        ("exact", attribute.case_exact),
        ("read", attribute.access == Access::ImportOnly),
        ("written", attribute.access == Access::ExportOnly),
    ] {
        if holds {
            said.extend([" ", word]);
        }
    }
    said
}

#[test]
fn attributes_of_openldap_are_what_the_schema_says() {
    let choice = Chosen {
        operational: true,
        ..by(
            "entryUUID",
            &["person=inetOrgPerson+posixAccount", "groupOfNames", "groupOfUniqueNames"],
        )
    };
    let types = built(OPENLDAP, &choice);
    for (kind, name, expected) in [
        ("person", "entryUUID", "Text generated anchor unique read"),
        ("person", "-dn-", "Text unique"),
        ("person", "objectClass", "Text many generated"),
        ("person", "cn", "Text many required"),
        ("person", "sn", "Text many required"),
        ("person", "uid", "Text many required"),
        ("person", "uidNumber", "Integer required exact"),
        ("person", "displayName", "Text"),
        ("person", "jpegPhoto", "Binary many exact"),
        ("person", "manager", "Reference many"),
        ("person", "userPassword", "Text many exact written"),
        ("person", "memberOf", "Reference many read"),
        ("person", "createTimestamp", "DateTime exact read"),
        ("person", "pwdAccountLockedTime", "DateTime exact read"),
        ("groupOfNames", "member", "Reference many required"),
        ("groupOfUniqueNames", "uniqueMember", "Reference many required"),
    ] {
        assert_eq!(said(&attribute(&types, kind, name)), expected, "{kind} {name}");
    }
    let person = types.get("person").unwrap();
    // A history of passwords is neither read nor written.
    assert!(person.object_type.get("pwdHistory").is_none());
    assert!(types.get("groupOfNames").unwrap().object_type.get("uid").is_none());
    let cn = attribute(&types, "person", "cn").description;
    assert_eq!(cn, "RFC4519: common name(s) for which the entity is known by");
    assert!(types.schema().get("person").is_some());
}

#[test]
fn attributes_of_active_directory_are_required_when_it_does_not_make_them() {
    let types = built(SAMBA, &by("objectGUID", &["user", "group", "computer"]));
    for (kind, name, expected) in [
        ("user", "objectGUID", "Text generated anchor unique read"),
        ("user", "objectClass", "Text many generated"),
        ("user", "cn", "Text generated"),
        ("user", "sAMAccountName", "Text generated"),
        ("user", "objectSid", "Binary generated exact read"),
        ("user", "objectCategory", "Reference generated"),
        ("user", "instanceType", "Integer generated exact read"),
        ("user", "unicodePwd", "Text exact written"),
        ("user", "pwdLastSet", "Integer exact"),
        ("user", "whenCreated", "DateTime exact read"),
        ("user", "uidNumber", "Integer exact"),
        ("group", "groupType", "Integer generated exact"),
        ("group", "member", "Reference many"),
        // By way of the content rule of the class above.
        ("computer", "sAMAccountName", "Text generated"),
        ("computer", "dNSHostName", "Text"),
    ] {
        assert_eq!(said(&attribute(&types, kind, name)), expected, "{kind} {name}");
    }
    let user = types.get("user").unwrap();
    assert!(user.object_type.attributes.iter().all(|attribute| !attribute.required));
    assert!(user.object_type.get("nTSecurityDescriptor").is_none(), "it is made for each reader");
    assert_eq!(user.field("objectGUID").unwrap().form, Form::Guid);
    assert_eq!(user.field("unicodePwd").unwrap().form, Form::UnicodePassword);
}

#[test]
fn attributes_of_389_are_what_the_schema_says() {
    let types = built(DS389, &by("nsUniqueId", &["inetOrgPerson+posixGroup", "nsAdminDomain"]));
    for (kind, name, expected) in [
        ("inetOrgPerson", "nsUniqueId", "Text generated anchor unique exact read"),
        ("inetOrgPerson", "gidNumber", "Integer required exact"),
        ("inetOrgPerson", "memberUid", "Text many exact"),
        ("nsAdminDomain", "ou", "Text many required"),
        ("nsAdminDomain", "nsAdminDomainName", "Text many exact"),
    ] {
        assert_eq!(said(&attribute(&types, kind, name)), expected, "{kind} {name}");
    }
    assert!(types.get("inetOrgPerson").unwrap().object_type.get("nsAccountLock").is_none());
    // Beside its other name it is a history of passwords.
    let operational = Chosen { operational: true, ..chosen(&["nsPerson"]) };
    let operational = built(DS389, &operational);
    let person = operational.get("nsPerson").unwrap();
    assert!(person.object_type.get("passwordHistory").is_none());
    assert!(person.object_type.get("nsAccountLock").is_some());
}

#[test]
fn the_distinguished_name_is_the_anchor_or_an_attribute_beside_it() {
    let types = built(OPENLDAP, &chosen(&["account"]));
    assert_eq!(said(&attribute(&types, "account", "dn")), "Text generated anchor unique");
    let kind = &types.get("account").unwrap().object_type;
    assert!(kind.get("-dn-").is_none() && kind.get("entryUUID").is_none());
    assert_eq!(kind.anchors().count(), 1);
    // An attribute that the operator writes is an anchor that must be there.
    let types = built(OPENLDAP, &by("UserID", &["account"]));
    assert_eq!(said(&attribute(&types, "account", "uid")), "Text required anchor unique");
    assert_eq!(said(&attribute(&types, "account", "-dn-")), "Text unique");
    // A name or a time that is an anchor is the text that is stored.
    let types = built(OPENLDAP, &by("entryDN", &["account"]));
    assert_eq!(types.get("account").unwrap().field("entryDN").unwrap().form, Form::Text);
}

#[test]
fn without_a_choice_the_usual_classes_are_object_types() {
    let is_structural = |kind: &Type| kind.object_type.attributes.len() > 2;
    for (server, expected) in [
        (
            OPENLDAP,
            &[
                "inetOrgPerson",
                "account",
                "groupOfNames",
                "groupOfUniqueNames",
                "posixGroup",
                "organizationalUnit",
                "organization",
            ][..],
        ),
        // There posixGroup is an auxiliary class.
        (DS389, &["inetOrgPerson", "account", "groupOfNames", "organizationalUnit"]),
        (SAMBA, &["inetOrgPerson", "user", "contact", "group", "organizationalUnit", "container"]),
    ] {
        let types = built(server, &chosen(&[]));
        assert_eq!(names(&types), expected);
        assert!(types.iter().all(is_structural));
    }
}

#[test]
fn the_most_derived_structural_class_of_an_entry_decides() {
    let samba = built(SAMBA, &chosen(&["user", "group"]));
    let user = ["top", "person", "organizationalPerson", "user"];
    let of = |classes: &[&str]| samba.of(classes).map(|kind| kind.name.as_str());
    assert_eq!(of(&user), Some("user"));
    assert_eq!(of(&["TOP", "USER", "posixAccount"]), Some("user"));
    assert_eq!(of(&["user", "unheard-of"]), Some("user"));
    assert_eq!(of(&["1.2.840.113556.1.5.9"]), Some("user"));
    assert_eq!(of(&[&user[..], &["computer"]].concat()), None);
    assert_eq!(of(&["top", "person"]), None);
    assert_eq!(of(&[]), None);
    let both = built(SAMBA, &chosen(&["user", "machine=computer"]));
    assert_eq!(both.of(&[&user[..], &["computer"]].concat()).unwrap().name, "machine");
    // Two chains of structural classes, as 389 Directory Server accepts them.
    let chains = built(DS389, &chosen(&["groupOfNames", "account"]));
    for classes in [["account", "groupOfNames"], ["groupOfNames", "account"]] {
        assert_eq!(chains.of(&classes).unwrap().name, "groupOfNames");
    }
    assert_eq!(chains.of(&["nsPerson", "account"]).unwrap().name, "account");
}

#[test]
fn object_types_of_one_class_are_told_apart_by_their_auxiliary_classes() {
    let choice = chosen(&[
        "plain=inetOrgPerson",
        "posix=inetOrgPerson+posixAccount",
        "shadow=inetOrgPerson+posixAccount+shadowAccount",
    ]);
    let types = built(OPENLDAP, &choice);
    for (classes, expected) in [
        (&["inetOrgPerson"][..], "plain"),
        (&["inetOrgPerson", "POSIXACCOUNT"], "posix"),
        (&["shadowAccount", "inetOrgPerson", "posixAccount"], "shadow"),
        (&["inetOrgPerson", "shadowAccount"], "plain"),
    ] {
        assert_eq!(types.of(classes).unwrap().name, expected, "{classes:?}");
    }
    // An entry that was made without them is of the type nevertheless.
    let types = built(OPENLDAP, &chosen(&["inetOrgPerson+posixAccount"]));
    assert_eq!(types.of(&["inetOrgPerson"]).unwrap().name, "inetOrgPerson");
}

#[test]
fn a_type_knows_the_classes_of_new_entries_and_how_to_find_them() {
    let types = built(OPENLDAP, &chosen(&["person=inetorgperson+POSIXACCOUNT"]));
    let person = types.get("person").unwrap();
    let classes = ["top", "person", "organizationalPerson", "inetOrgPerson", "posixAccount"];
    assert_eq!(person.object_classes(), classes);
    assert_eq!(person.superiors, ["organizationalPerson", "person", "top"]);
    assert_eq!(person.filter(), "(objectClass=inetOrgPerson)");
}

#[test]
fn attributes_are_named_with_their_options_on_the_wire() {
    let choice = Chosen {
        aliases: owned(&["jpegPhoto;binary", "CN;lang-de", "cn;lang-de", "uidNumber;x-a"]),
        ..chosen(&["inetOrgPerson"])
    };
    let types = built(OPENLDAP, &choice);
    let person = types.get("inetOrgPerson").unwrap();
    for (name, wire) in [
        ("jpegPhoto", "jpegPhoto;binary"),
        // The server says so.
        ("userCertificate", "userCertificate;binary"),
        ("cn", "cn"),
        ("cn;lang-de", "cn;lang-de"),
    ] {
        assert_eq!(person.field(name).unwrap().wire, wire);
        assert_eq!(person.field_on_wire(&wire.to_uppercase()).unwrap().name, name);
    }
    assert_eq!(person.field_on_wire("userCertificate").unwrap().name, "userCertificate");
    assert_eq!(person.field_on_wire("cn;binary;lang-DE").unwrap().name, "cn;lang-de");
    for wire in ["cn;lang-fr", "uidNumber;x-a", ""] {
        assert_eq!(person.field_on_wire(wire), None, "{wire}");
    }
    assert_eq!(said(&attribute(&types, "inetOrgPerson", "cn;lang-de")), "Text many");
    let tagged = person.object_type.attributes.iter().filter(|a| a.name.contains(';'));
    assert_eq!(tagged.count(), 1);
}

#[test]
fn an_extensible_type_has_every_attribute() {
    let count = |choice: &Chosen| {
        built(OPENLDAP, choice).get("account").unwrap().object_type.attributes.len()
    };
    let narrow = count(&chosen(&["account"]));
    let wide = count(&Chosen { extensible: true, ..chosen(&["account"]) });
    assert!(wide > 2 * narrow, "{wide} {narrow}");
    assert_eq!(count(&chosen(&["account+extensibleObject"])), wide);
    let all = count(&Chosen { extensible: true, operational: true, ..chosen(&["account"]) });
    // All but a history of passwords, and the distinguished name.
    assert_eq!(all, schema(OPENLDAP).attribute_types().len());
    assert!(all > wide);
}

#[test]
fn the_operator_says_what_is_only_read_or_only_written() {
    let choice = Chosen {
        export_only: owned(&["TELEPHONENUMBER"]),
        read_only: owned(&["employeeNumber", "sn"]),
        ..chosen(&["inetOrgPerson"])
    };
    let types = built(OPENLDAP, &choice);
    for (name, access) in [
        ("telephoneNumber", Access::ExportOnly),
        ("employeeNumber", Access::ImportOnly),
        ("sn", Access::ImportOnly),
        ("userPassword", Access::ExportOnly),
        ("mail", Access::ImportExport),
    ] {
        assert_eq!(attribute(&types, "inetOrgPerson", name).access, access, "{name}");
        let field = types.get("inetOrgPerson").unwrap().field(name).unwrap();
        assert_eq!(field.access, access, "{name}");
    }
}

#[test]
fn choices_that_do_not_fit_are_all_told() {
    let choice = Chosen {
        aliases: owned(&["userCertificate", "cn;", "mial;lang-de"]),
        export_only: owned(&["createTimestamp", "phone"]),
        read_only: owned(&["userPassword", "manger"]),
        ..by(
            "entryUID",
            &[
                "inetOrgPersn",
                "top",
                "posixAccount",
                "inetOrgPerson+person",
                "=account",
                "x=",
                "account",
                "account+posixAccount",
            ],
        )
    };
    let problems = Types::build(&schema(OPENLDAP), &choice).unwrap_err();
    let problems: Vec<String> = problems.iter().map(Problem::to_string).collect();
    assert_eq!(
        problems,
        [
            "object_classes names \"inetOrgPersn\", which is no class of this directory, did you mean \"inetOrgPerson\"?",
            "object_classes names \"top\", an abstract class; an object type begins with a structural one",
            "object_classes names \"posixAccount\", an auxiliary class; an object type begins with a structural one",
            "object_classes adds \"person\", which is no auxiliary class; an object type has one structural class",
            "object_classes has an object type without a name in \"=account\"",
            "object_classes names \"\", which is no class of this directory",
            "object_classes has two object types \"account\"; name one apart, as in staff=account+posixAccount",
            "anchor is \"entryUID\", which is no attribute of this directory, did you mean \"entryUUID\"?",
            "export_only_attributes names \"phone\", which is no attribute of this directory, did you mean \"photo\"?",
            "read_only_attributes names \"manger\", which is no attribute of this directory, did you mean \"manager\"?",
            "attribute_aliases has \"userCertificate\"; it is written as userCertificate;binary",
            "attribute_aliases has \"cn;\"; it is written as userCertificate;binary",
            "attribute_aliases names \"mial\", which is no attribute of this directory, did you mean \"mail\"?",
            "read_only_attributes names \"userPassword\", which is never read",
            "export_only_attributes names \"createTimestamp\", which only the directory writes",
        ]
    );
    for (choice, expected) in [
        (
            Chosen {
                export_only: owned(&["mail"]),
                read_only: owned(&["mail"]),
                ..chosen(&["account"])
            },
            "read_only_attributes names \"mail\", which export_only_attributes names as well",
        ),
        (by("userPassword", &["account"]), "anchor is \"userPassword\", which is never read"),
    ] {
        let problems = Types::build(&schema(OPENLDAP), &choice).unwrap_err();
        assert_eq!(problems.iter().map(Problem::to_string).collect::<Vec<_>>(), [expected]);
    }
    let problems = Types::build(&schema(""), &chosen(&[])).unwrap_err();
    let text = "is empty, and this directory has none of the usual classes; name those to use";
    assert_eq!(problems, [Problem::new("object_classes", text)]);
}

#[test]
fn what_is_obsolete_or_collective_is_told() {
    let odd = "objectClasses: ( 1.1 NAME 'a' MAY ( b $ c $ unknown ) )
attributeTypes: ( 1.2 NAME 'b' DESC 'Old' OBSOLETE )
attributeTypes: ( 1.3 NAME 'c' COLLECTIVE )";
    let types = built(odd, &chosen(&["a"]));
    assert_eq!(attribute(&types, "a", "b").description, "Obsolete. Old");
    assert_eq!(attribute(&types, "a", "c").access, Access::ImportOnly);
    assert_eq!(types.get("a").unwrap().fields.len(), 2);
}
