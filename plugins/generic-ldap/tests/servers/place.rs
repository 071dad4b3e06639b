//! A container of its own on a server for each test, and what tests do there.

use crate::vendors::Vendor;
use ecma_plugin_sdk::{Answer, Connection, Exported, Plugin, Update, Values, prelude::*, testkit};
use generic_ldap::GenericLdap;
use std::{
    collections::BTreeMap,
    io::Write as _,
    ops::Deref,
    sync::atomic::{AtomicUsize, Ordering},
};
use targets::{Directory, escape_dn_value};

/// A container on a server that all tests of the process share.
pub(crate) struct Place {
    pub(crate) vendor: &'static Vendor,
    pub(crate) server: &'static Directory,
    /// The name of the container.
    pub(crate) base: String,
    /// The settings that reach it.
    pub(crate) values: Values,
}

impl Deref for Place {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        self.server
    }
}

/// Entries by object type and anchor.
pub(crate) type Picture = BTreeMap<String, Entry>;

impl Place {
    /// A new container for a scenario; `None`, with the reason on the terminal, when the vendor
    /// cannot pass it.
    pub(crate) fn of(vendor: &'static Vendor, scenario: &str) -> Option<Place> {
        if let Some((_, why)) = vendor.cannot.iter().find(|(name, _)| *name == scenario) {
            let _ = writeln!(std::io::stderr(), "NOT TESTED {scenario} on {}: {why}", vendor.name);
            return None;
        }
        static NEXT: AtomicUsize = AtomicUsize::new(1);
        let server = (vendor.shared)()?;
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let base = format!("{}=test{number},{}", vendor.types[1], server.base());
        let values = reach(server, vendor).with("base", vec![base.clone()]);
        let place = Place { vendor, server, base, values };
        place.make_container(&place.base);
        Some(place)
    }

    /// A connection with the usual settings.
    pub(crate) fn connect(&self) -> Connection {
        connect(&self.values)
    }

    /// A connection with one more setting.
    pub(crate) fn connect_with(&self, name: &str, answer: impl Into<Answer>) -> Connection {
        connect(&self.values.clone().with(name, answer))
    }

    /// The name of an entry directly in the container.
    pub(crate) fn dn(&self, name: &str) -> String {
        self.dn_in(&self.base, name)
    }

    /// The name of an entry in a container.
    pub(crate) fn dn_in(&self, container: &str, name: &str) -> String {
        format!("{}={},{container}", self.vendor.types[0], escape_dn_value(name))
    }

    /// The name of a container in this one, or in another.
    pub(crate) fn ou(&self, name: &str, container: &str) -> String {
        format!("{}={name},{container}", self.vendor.types[1])
    }

    /// Makes a container in this one, behind the connector's back.
    pub(crate) fn container(&self, name: &str) -> String {
        let dn = self.ou(name, &self.base);
        self.make_container(&dn);
        dn
    }

    /// Makes a container of this name, behind the connector's back.
    pub(crate) fn make_container(&self, dn: &str) {
        let (_, ou) = dn.split(',').next().unwrap().split_once('=').unwrap();
        self.add(&format!("dn: {dn}\nobjectClass: organizationalUnit\nou: {ou}\n"));
    }

    /// Makes somebody, behind the connector's back.
    pub(crate) fn put(&self, name: &str) -> String {
        self.put_in(&self.base, name)
    }

    /// Makes somebody in a container, behind the connector's back.
    pub(crate) fn put_in(&self, container: &str, name: &str) -> String {
        let dn = self.dn_in(container, name);
        self.add(&self.ldif(&dn, name));
        dn
    }

    /// Somebody as LDIF.
    pub(crate) fn ldif(&self, dn: &str, name: &str) -> String {
        let class = self.vendor.person;
        let sn = "sn: Of Tests\n";
        format!("dn: {dn}\nobjectClass: {class}\ncn: {name}\n{sn}\n")
    }

    /// Changes one attribute, behind the connector's back.
    pub(crate) fn set(&self, dn: &str, attribute: &str, value: &str) {
        self.modify(&format!(
            "dn: {dn}\nchangetype: modify\nreplace: {attribute}\n{attribute}: {value}\n"
        ));
    }

    /// Renames or moves an entry, behind the connector's back.
    pub(crate) fn rename(&self, dn: &str, rdn: &str, superior: Option<&str>) {
        let superior = superior.map(|dn| format!("newsuperior: {dn}\n")).unwrap_or_default();
        self.modify(&format!(
            "dn: {dn}\nchangetype: modrdn\nnewrdn: {rdn}\ndeleteoldrdn: 1\n{superior}"
        ));
    }

    /// Somebody new, named directly in the container.
    pub(crate) fn person(&self, name: &str) -> Entry {
        Entry::new("person").set("-dn-", self.dn(name)).set("sn", "Of Tests")
    }

    /// Values of an attribute as the server has them.
    pub(crate) fn stored(&self, dn: &str, attribute: &str) -> Vec<String> {
        let found = self.search(dn, "base", "(objectClass=*)", &[attribute]);
        let (_, attributes) = found.into_iter().next().unwrap();
        let named = attributes.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(attribute));
        let mut values = named.map(|(_, values)| values).unwrap_or_default();
        values.sort();
        values
    }

    /// Whether this name and password are taken; a server may say of a disabled account that it
    /// does not want to.
    pub(crate) fn can_log_in(&self, dn: &str, password: &str) -> bool {
        let values = self.values.clone().with("user", dn).with("password", password);
        linked().connect(&values).is_ok()
    }

    /// The names of all that stands at and below the container.
    pub(crate) fn names(&self) -> Vec<String> {
        let found = self.search(&self.base, "sub", "(objectClass=*)", &["1.1"]);
        let mut names: Vec<String> = found.into_iter().map(|(dn, _)| dn).collect();
        names.sort();
        names
    }
}

/// The settings that reach a server.
pub(crate) fn reach(server: &Directory, vendor: &Vendor) -> Values {
    let types = ["person", "group", "unit"];
    let classes = [vendor.person, vendor.group, "organizationalUnit"];
    let classes = types.iter().zip(classes).map(|(name, class)| format!("{name}={class}"));
    Values::new([("user", server.bind_dn()), ("password", server.password())])
        .with("servers", server.host())
        .with("port", i64::from(server.ldaps_port()))
        .with("ca_file", server.ca().to_str().unwrap())
        .with("base", vec![server.base().to_owned()])
        .with("object_classes", classes.collect::<Vec<String>>())
        .with("operational_attributes", false)
}

pub(crate) fn linked() -> Plugin {
    Plugin::linked::<GenericLdap>("generic-ldap", "0")
}

pub(crate) fn connect(values: &Values) -> Connection {
    assert_eq!(linked().check(values).unwrap(), [], "the settings are good");
    linked().connect(values).unwrap()
}

/// What is wrong with settings when a connection is opened with them.
pub(crate) fn refusal(values: &Values) -> Error {
    linked().connect(values).err().unwrap()
}

/// Does one change.
pub(crate) fn export(connection: &mut Connection, change: Change) -> Result<Exported> {
    connection.export(&[change]).unwrap().remove(0)
}

/// Adds an entry, and answers it as the connector does.
pub(crate) fn added(connection: &mut Connection, entry: Entry) -> Entry {
    let name = entry.text("-dn-").unwrap_or_default().to_owned();
    let exported = export(connection, Change::Add(entry));
    exported.unwrap_or_else(|error| panic!("{name} is added: {error:?}")).entry.unwrap()
}

/// Changes an entry, and answers it as the connector does.
pub(crate) fn changed(connection: &mut Connection, update: Update) -> Entry {
    export(connection, Change::Update(update)).unwrap().entry.unwrap()
}

/// The entry as it is now.
pub(crate) fn read(connection: &mut Connection, id: &EntryId) -> Option<Entry> {
    connection.read(std::slice::from_ref(id)).unwrap().remove(0)
}

/// A full import, and where deltas go on.
pub(crate) fn full(connection: &mut Connection, run: &ImportRun) -> (Picture, Option<Watermark>) {
    let imported = testkit::import(connection, run).unwrap();
    assert_eq!(imported.refused, []);
    let mut picture = Picture::new();
    for change in imported.changes {
        let Change::Add(entry) = change else { panic!("a full import adds only: {change:?}") };
        let id = entry.id().to_string();
        assert!(picture.insert(id.clone(), entry).is_none(), "{id} comes once");
    }
    (picture, imported.watermark)
}

/// Every entry of a full import.
pub(crate) fn everything(connection: &mut Connection) -> Picture {
    full(connection, &ImportRun::full()).0
}

/// An entry with attributes and values in order.
pub(crate) fn sorted(entry: &Entry) -> Entry {
    let mut names: Vec<&str> = entry.attributes().map(|(name, _)| name).collect();
    names.sort_unstable();
    names.into_iter().fold(Entry::with_id(entry.id().clone()), |sorted, name| {
        sorted.set(name, values(entry, name))
    })
}

/// The values of an attribute in order.
pub(crate) fn values(entry: &Entry, name: &str) -> Vec<Value> {
    let mut values = entry.get(name).to_vec();
    values.sort();
    values
}

/// What differs of two entries.
#[track_caller]
pub(crate) fn assert_same(one: &Entry, other: &Entry) {
    assert_eq!(one.id(), other.id());
    let names = one.attributes().chain(other.attributes()).map(|(name, _)| name);
    let differ = |name: &&str| values(one, name) != values(other, name);
    let names: Vec<&str> = names.filter(differ).collect();
    let shown =
        |entry: &Entry| names.iter().map(|name| (*name, values(entry, name))).collect::<Vec<_>>();
    assert_eq!(shown(one), shown(other));
}

/// An import of everything in pages of this size.
pub(crate) fn in_pages(page_size: u32) -> ImportRun {
    let mut run = ImportRun::full();
    run.page_size = page_size;
    run
}

/// The first parts of the names of entries, without their types.
pub(crate) fn rdns(picture: &Picture) -> Vec<String> {
    let mut names: Vec<String> = picture.values().map(rdn).collect();
    names.sort();
    names
}

/// The value of the first part of an entry's name.
pub(crate) fn rdn(entry: &Entry) -> String {
    let dn = entry.id().dn.as_ref().unwrap().as_str();
    dn.split(',').next().unwrap().split('=').nth(1).unwrap().to_owned()
}
