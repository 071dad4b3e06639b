//! What a mapping may not say, and what it is told.

use super::{
    flow_tests::{object, person, to},
    mapping::{PASSWORD, compile, misfits_without_target},
};
use crate::config::{AttributeMapping, DeleteFlow, DisableFlow, DnSource, ObjectMapping};
use crate::scim::{Mutability, Path, Returned};
use ecma_plugin_sdk::{AttributeType, Capabilities, Entry, ObjectType, Schema};

fn schema() -> Schema {
    let plain = ObjectType::new("plain").attribute("a", AttributeType::Text);
    Schema::new([person(), plain])
}

fn check(objects: &[ObjectMapping], expected: &[(&str, &str)]) {
    let misfits = compile(&schema(), objects, &Capabilities::default()).err().unwrap_or_default();
    let found: Vec<_> = misfits.iter().map(|m| (m.key.as_str(), m.message.as_str())).collect();
    assert_eq!(found, expected);
}

#[test]
fn what_no_target_makes_right_is_found_without_one() {
    let mut wrong = object(vec![
        to("login", "userName"),
        to("given", "name.first"),
        to("work", "a b"),
        to("nick", "USERNAME"),
        to("made", ""),
    ]);
    wrong.anchor = vec!["id".to_owned()];
    wrong.query = ["id", "login", "logn"].map(str::to_owned).to_vec();
    let found = misfits_without_target(std::slice::from_ref(&wrong));
    let found: Vec<_> = found.iter().map(|m| (m.key.as_str(), m.message.as_str())).collect();
    let [first, second, ..] = found[..] else { panic!("{found:?}") };
    assert_eq!(first.0, "object[0].attributes.given");
    assert!(first.1.starts_with("SCIM has no name.first in a User"), "{found:?}");
    assert!(second.1.starts_with("\"a b\" is not a SCIM path"), "{found:?}");
    assert_eq!(
        found[2..],
        [
            ("object[0].attributes.nick", "userName is where login flows to already"),
            ("object[0].query", "there is no mapped attribute \"logn\", did you mean \"login\"?"),
        ]
    );
    // Without `anchor` in the document, that name may be the target's anchor.
    wrong.anchor.clear();
    assert_eq!(misfits_without_target(&[wrong]).len(), 3);
}

fn changed(change: impl FnOnce(&mut ObjectMapping)) -> ObjectMapping {
    let mut object = object(vec![to("login", "userName")]);
    change(&mut object);
    object
}

#[test]
fn objects_that_do_not_fit_are_refused() {
    let one = |change: fn(&mut ObjectMapping), key: &str, message: &str| {
        check(&[changed(change)], &[(key, message)]);
    };
    one(
        |o| o.object_type = "persn".to_owned(),
        "object[0].type",
        "there is no object type \"persn\", did you mean \"person\"?",
    );
    one(
        |o| o.object_type = "zebra".to_owned(),
        "object[0].type",
        "there is no object type \"zebra\"",
    );
    one(
        |o| o.object_type = "plain".to_owned(),
        "object[0].type",
        "plain has no anchor, so nothing tells its objects apart",
    );
    one(
        |o| o.resource = "Bulk".to_owned(),
        "object[0].resource",
        "Bulk is the name of a SCIM endpoint",
    );
    one(
        |o| o.anchor = vec!["login".to_owned()],
        "object[0].anchor",
        "the plugin's anchor of person is id; choose another one in [values] if the plugin lets you",
    );
    one(
        |o| o.query = vec!["logn".to_owned()],
        "object[0].query",
        "there is no mapped attribute \"logn\", did you mean \"login\"?",
    );
    one(
        |o| {
            o.attributes.push(to("secret", "password"));
            o.query = vec!["secret".to_owned()];
        },
        "object[0].query",
        "there is no mapped attribute \"secret\"",
    );
    one(
        |o| o.dn = DnSource::Attribute("plac".to_owned()),
        "object[0].dn",
        "there is no attribute of the target \"plac\", did you mean \"place\"?",
    );
    let twice = [changed(|_| ()), changed(|o| o.resource = "Guest".to_owned())];
    check(&twice, &[("object[1].type", "person is another object's type already")]);
}

#[test]
fn attributes_that_do_not_fit_are_refused() {
    let one = |target: &str, scim: &str, message: &str| {
        let key = format!("object[0].attributes.{target}");
        check(&[changed(|o| o.attributes.push(to(target, scim)))], &[(&key, message)]);
    };
    one(
        "givn",
        "name.givenName",
        "there is no attribute of the target \"givn\", did you mean \"given\"?",
    );
    one(
        "given",
        "name.first",
        "SCIM has no name.first in a User; leave the path empty to have it in the extension \
         urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User",
    );
    one(
        "given",
        "urn:x:y:given",
        "SCIM has no urn:x:y:given in a User; leave the path empty to have it in the extension \
         urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User",
    );
    one("given", "USERNAME", "userName is where login flows to already");
    one("given", "meta.location", "meta is the host's own to say");
    one("given", "ID", "id is the host's own to say");
    one(
        "given",
        "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User:a.b",
        "urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User:a.b has to be the name of one \
         attribute, without parts",
    );
    let paths = changed(|o| o.attributes.push(to("given", "name")));
    let misfit = compile(&schema(), &[paths], &Capabilities::default()).err().unwrap().remove(0);
    assert!(misfit.message.starts_with("name has parts, name one of them: name."), "{misfit:?}");
    let text = changed(|o| o.attributes.push(to("given", "a b")));
    let misfit = compile(&schema(), &[text], &Capabilities::default()).err().unwrap().remove(0);
    assert!(misfit.message.starts_with("\"a b\" is not a SCIM path: "), "{misfit:?}");
    let lists = changed(|o| {
        o.attributes.extend([to("work", "emails[type eq \"work\"].value"), to("home", "emails")]);
    });
    check(
        &[lists],
        &[("object[0].attributes.home", "emails.value is where work flows to already")],
    );
    let words = AttributeMapping { when_true: Some("on".to_owned()), ..to("flag", "active") };
    check(
        &[changed(|o| o.attributes.push(words))],
        &[("object[0].attributes.flag", "\"on\" is not a whole number, which flag holds")],
    );
}

#[test]
fn flows_that_cannot_be_are_refused() {
    let disable = |attribute: &str, when_true: Option<&str>, message: &str| {
        let mapping = changed(|o| {
            o.attributes.push(to("vip", "active"));
            o.deprovisioning.disable = DisableFlow::Set {
                attribute: attribute.to_owned(),
                when_true: when_true.map(str::to_owned),
                when_false: None,
            };
        });
        check(&[mapping], &[("object[0].deprovisioning.disable", message)]);
    };
    disable("flg", None, "there is no attribute of the target \"flg\", did you mean \"flag\"?");
    disable("flag", None, "active is mapped to vip already");
    disable("seen", None, "seen cannot be written in the target");
    disable("id", None, "id cannot be written in the target");
    disable("vip", Some("maybe"), "\"maybe\" is not true or false, which vip holds");
    let delete = |attribute: &str, value: &str, message: &str| {
        let mapping = changed(|o| {
            let (attribute, value) = (attribute.to_owned(), value.to_owned());
            o.deprovisioning.delete = DeleteFlow::Set { attribute, value };
        });
        check(&[mapping], &[("object[0].deprovisioning.delete", message)]);
    };
    delete("flag", "left", "\"left\" is not a whole number, which flag holds");
    delete("hired", "soon", "\"soon\" is not a point in time (RFC 3339), which hired holds");
    delete("photo", "?", "\"?\" is not Base64, which photo holds");
    delete("seen", "x", "seen cannot be written in the target");
    delete("sen", "x", "there is no attribute of the target \"sen\", did you mean \"seen\"?");
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let first = changed(|o| o.attributes.push(to("unheard", "")));
    let second = changed(|o| o.object_type = "zebra".to_owned());
    check(
        &[first, second],
        &[
            ("object[0].attributes.unheard", "there is no attribute of the target \"unheard\""),
            ("object[1].type", "there is no object type \"zebra\""),
        ],
    );
}

#[test]
fn what_looks_like_a_mistake_is_told() {
    let strict = ObjectType::new("person")
        .anchor("id", AttributeType::Text)
        .attribute("login", AttributeType::Text)
        .attribute("surname", AttributeType::Text)
        .required()
        .attribute("mails", AttributeType::Text)
        .multi_valued()
        .attribute("state", AttributeType::Text)
        .required();
    let mapping = changed(|o| {
        o.attributes.extend([
            to("id", "externalId"),
            to("mails", "nickName"),
            to("state", "title"),
        ]);
        o.deprovisioning.disable =
            DisableFlow::Set { attribute: "state".to_owned(), when_true: None, when_false: None };
    });
    let compiled =
        compile(&Schema::new([strict]), &[mapping], &Capabilities::default()).ok().unwrap();
    let told: Vec<_> =
        compiled.warnings.iter().map(|w| (w.key.as_str(), w.message.as_str())).collect();
    assert_eq!(
        told,
        [
            ("object[0].attributes.state", "state holds active, so it does not flow to title"),
            (
                "object[0].attributes",
                "the target requires surname, which no SCIM attribute is mapped to: nobody can be created"
            ),
            ("object[0].attributes", "SCIM takes one value of mails, so only the first flows"),
        ]
    );
}

#[test]
fn clients_see_what_the_target_allows() {
    let mapping = changed(|o| {
        o.attributes.extend([
            to("id", "externalId"),
            to("seen", "emails[primary eq true].value"),
            to("work", "emails[type eq \"work\"].value"),
            to("secret", "password"),
            to("level", ""),
        ]);
    });
    let compiled = compile(&schema(), &[mapping], &Capabilities::default()).ok().unwrap();
    let schemas = &compiled.flows[0].schemas;
    let seen = |path: &str| {
        let path = Path::parse(path).unwrap();
        schemas.definition(&path).map(|d| format!("{:?} {:?}", d.mutability, d.returned))
    };
    assert_eq!(seen("emails.value").as_deref(), Some("ReadWrite Default"));
    assert!(seen("emails.type").is_some() && seen("emails.primary").is_some());
    assert_eq!(seen("emails.display"), None);
    assert_eq!(seen("password").as_deref(), Some("WriteOnly Never"));
    assert_eq!(seen("displayName"), None);
    assert_eq!(schemas.extensions().len(), 1);
}

#[test]
fn a_password_has_a_name_of_its_own_where_the_connector_sets_passwords() {
    let mapping = changed(|o| o.attributes.push(to(PASSWORD, "password")));
    let text = "this connector does not set passwords with these values";
    let mapping = [mapping];
    check(&mapping, &[("object[0].attributes.export_password", text)]);
    let mut capabilities = Capabilities::default();
    capabilities.password = true;
    let compiled = compile(&schema(), &mapping, &capabilities).ok().unwrap();
    let flow = &compiled.flows[0];
    let password = flow.schemas.definition(&Path::of("password")).unwrap();
    assert_eq!((password.mutability, password.returned), (Mutability::WriteOnly, Returned::Never));
    assert!(flow.writes_password() && !flow.selected().iter().any(|name| name == PASSWORD));
    assert_eq!(compiled.layout.types[0].number(PASSWORD), None, "the space does not keep it");
    let named = [Path::of("password"), Path::of("userName")];
    assert_eq!(flow.named(&named).into_iter().collect::<Vec<_>>(), ["login"]);
    let mut wanted = Entry::new("person").set(PASSWORD, "s3cret").set("login", "ada");
    let password = flow.take_password(&mut wanted).unwrap();
    assert_eq!((password.expose(), wanted), ("s3cret", Entry::new("person").set("login", "ada")));

    // An attribute of the target that has this name is written as all others are.
    let own = person().attribute(PASSWORD, AttributeType::Text);
    let compiled = compile(&Schema::new([own]), &mapping, &capabilities).ok().unwrap();
    let mut wanted = Entry::new("person").set(PASSWORD, "s3cret");
    assert!(compiled.flows[0].take_password(&mut wanted).is_none());
    assert_eq!(wanted.text(PASSWORD), Some("s3cret"));
    assert!(compiled.flows[0].named(&named).contains(PASSWORD));
}
