//! Deltas in each way that a server has: after them the picture is that of a full import.

use crate::place::{Picture, Place, connect, full, linked, rdn, sorted};
use ecma_plugin_sdk::{Selection, Values, prelude::*, testkit};
use serde_json::Value as Json;

/// One who imports what changes in a container of its own.
pub(crate) struct Watch<'p> {
    place: &'p Place,
    /// The strategy.
    pub(crate) strategy: &'static str,
    /// Where entries are watched.
    pub(crate) base: String,
    pub(crate) values: Values,
    pub(crate) since: Watermark,
    picture: Picture,
}

/// What of entries is compared.
fn run(mut run: ImportRun) -> ImportRun {
    let select = |object_type: &str, attributes: &[&str]| Selection {
        object_type: object_type.to_owned(),
        attributes: attributes.iter().map(ToString::to_string).collect(),
    };
    let person = ["cn", "sn", "employeeNumber", "-dn-"];
    run.selected = vec![select("person", &person), select("unit", &["ou", "-dn-"])];
    run.page_size = 3;
    run
}

impl<'p> Watch<'p> {
    /// A container with people `a` to `f`, of whom `e` and `f` are in the container `in`, and
    /// where the container `out` is left out; imported once.
    pub(crate) fn begin(place: &'p Place, strategy: &'static str) -> Watch<'p> {
        let base = place.container(strategy);
        for container in ["in", "out"] {
            place.make_container(&place.ou(container, &base));
        }
        for name in ["a", "b", "c", "d"] {
            place.put_in(&base, name);
        }
        for name in ["e", "f"] {
            place.put_in(&place.ou("in", &base), name);
        }
        let values = place
            .values
            .clone()
            .with("base", vec![base.clone()])
            .with("delta_strategy", strategy)
            .with("exclude_containers", vec![place.ou("out", &base)])
            .with("filters", vec!["person=(!(employeeNumber=gone))".to_owned()]);
        let (picture, since) = full(&mut connect(&values), &run(ImportRun::full()));
        Watch { place, strategy, base, values, since: since.unwrap(), picture }
    }

    pub(crate) fn dn(&self, name: &str) -> String {
        self.place.dn_in(&self.base, name)
    }

    /// The error of a delta since a mark of this strategy.
    pub(crate) fn refusal(&self, strategy: &str, base: &str, mark: &str) -> Error {
        self.refusal_with(&[("strategy", strategy), ("base", base), ("mark", mark)])
    }

    /// The error of a delta since the watermark with these parts in the place of its own.
    fn refusal_with(&self, parts: &[(&str, &str)]) -> Error {
        let mut since: Json = serde_json::from_str(self.since.as_str()).unwrap();
        for (name, text) in parts {
            assert!(since[name].is_string(), "{since} has {name}");
            since[name] = Json::from(*text);
        }
        self.refusal_since(Watermark::new(since.to_string()))
    }

    pub(crate) fn refusal_since(&self, since: Watermark) -> Error {
        let mut connection = linked().connect(&self.values).unwrap();
        let imported = testkit::import(&mut connection, &run(ImportRun::delta(since.clone())));
        let Err(error) = imported else { panic!("{since:?} is taken") };
        error
    }

    /// A delta by a new connection, with the watermark as text: `+name` or `-name` of each change.
    pub(crate) fn delta(&mut self) -> Vec<String> {
        let since = Watermark::new(self.since.as_str().to_owned());
        let mut connection = linked().connect(&self.values).unwrap();
        let imported = testkit::import(&mut connection, &run(ImportRun::delta(since))).unwrap();
        assert_eq!(imported.refused, []);
        let mut told = Vec::new();
        for change in imported.changes {
            match change {
                Change::Add(entry) => {
                    told.push(format!("+{}", rdn(&entry)));
                    self.picture.insert(entry.id().to_string(), entry);
                }
                Change::Delete { id } => {
                    let known = self.picture.remove(&id.to_string());
                    told.extend(known.map(|entry| format!("-{}", rdn(&entry))));
                }
                other => panic!("{other:?}"),
            }
        }
        self.since = imported.watermark.unwrap();
        told.sort();
        told.dedup();
        told
    }

    fn is_timestamp(&self) -> bool {
        self.strategy == "timestamp"
    }

    /// A delta brings this, and the next one nothing. Times tell nothing of what is gone, and bring
    /// again what lies in the overlap.
    #[track_caller]
    pub(crate) fn expect(&mut self, expected: &[&str]) {
        let told = self.delta();
        if self.is_timestamp() {
            let seen = |name: &&&str| told.iter().any(|told| told == *name);
            let missing: Vec<_> = expected.iter().filter(|name| !seen(name)).collect();
            assert!(missing.iter().all(|name| name.starts_with('-')), "{missing:?} of {told:?}");
            return;
        }
        assert_eq!(told, expected, "{}", self.strategy);
        assert_eq!(self.delta(), Vec::<String>::new(), "{}: the newest mark", self.strategy);
    }

    /// The picture is the one that a full import makes, but for what times do not tell.
    #[track_caller]
    pub(crate) fn is_complete(&mut self) {
        let (now, _) = full(&mut connect(&self.values), &run(ImportRun::full()));
        if self.is_timestamp() {
            self.picture.retain(|id, _| now.contains_key(id));
        }
        let shown = |picture: &Picture| picture.values().map(sorted).collect::<Vec<_>>();
        assert_eq!(shown(&self.picture), shown(&now), "{}", self.strategy);
    }
}

fn each(place: &Place, watch: impl Fn(Watch<'_>)) {
    place.vendor.strategies.iter().for_each(|strategy| watch(Watch::begin(place, strategy)));
}

pub(crate) fn what_happens_to_entries_is_what_deltas_bring(place: &Place) {
    each(place, |mut watch| {
        watch.expect(&[]);
        place.put_in(&watch.base, "g");
        watch.expect(&["+g"]);
        place.set(&watch.dn("a"), "sn", "Other");
        watch.expect(&["+a"]);
        place.set(&watch.dn("a"), "sn", "Third");
        place.set(&watch.dn("b"), "sn", "Third");
        watch.expect(&["+a", "+b"]);
        place.rename(&watch.dn("b"), "cn=b2", None);
        watch.expect(&["+b2"]);
        place.rename(&watch.dn("c"), "cn=c", Some(&place.ou("in", &watch.base)));
        watch.expect(&["+c"]);
        place.server.delete(&watch.dn("a"));
        watch.expect(&["-a"]);
        place.server.delete(&watch.dn("d"));
        place.put_in(&watch.base, "d");
        watch.expect(&["+d", "-d"]);
        place.put_in(&watch.base, "h");
        place.server.delete(&watch.dn("h"));
        watch.expect(&[]);
        watch.is_complete();
    });
}

pub(crate) fn what_leaves_the_filter_or_the_containers_is_gone(place: &Place) {
    each(place, |mut watch| {
        place.set(&watch.dn("a"), "employeeNumber", "gone");
        watch.expect(&["-a"]);
        place.set(&watch.dn("a"), "employeeNumber", "7");
        watch.expect(&["+a"]);
        let out = place.ou("out", &watch.base);
        place.rename(&watch.dn("b"), "cn=b", Some(&out));
        watch.expect(&["-b"]);
        place.set(&place.dn_in(&out, "b"), "sn", "Unseen");
        watch.expect(&[]);
        place.rename(&place.dn_in(&out, "b"), "cn=b", Some(&watch.base));
        watch.expect(&["+b"]);
        watch.is_complete();
    });
}

pub(crate) fn what_stands_below_a_container_moves_with_it(place: &Place) {
    each(place, |mut watch| {
        let (inside, out) = (place.ou("in", &watch.base), place.ou("out", &watch.base));
        place.rename(&inside, "ou=renamed", None);
        watch.expect(&["+e", "+f", "+renamed"]);
        watch.is_complete();
        let renamed = place.ou("renamed", &watch.base);
        place.rename(&renamed, "ou=renamed", Some(&out));
        watch.expect(&["-e", "-f", "-renamed"]);
        watch.is_complete();
        place.rename(&place.ou("renamed", &out), "ou=renamed", Some(&watch.base));
        watch.expect(&["+e", "+f", "+renamed"]);
        watch.is_complete();
    });
}

pub(crate) fn a_group_comes_with_the_members_that_it_has_then(place: &Place) {
    each(place, |watch| {
        let values = &watch.values;
        let (kim, group) = (watch.dn("a"), watch.dn("group"));
        place.add(&format!(
            "dn: {group}\nobjectClass: {}\ncn: group\nmember: {kim}\nmember: {}\n",
            place.vendor.group,
            watch.dn("b")
        ));
        let since = full(&mut connect(values), &ImportRun::full()).1.unwrap();
        place.modify(&format!(
            "dn: {group}\nchangetype: modify\nadd: member\nmember: {}\n-\ndelete: member\n\
             member: {kim}\n",
            watch.dn("c")
        ));
        let run = ImportRun::delta(since);
        let changes = testkit::import(&mut connect(values), &run).unwrap().changes;
        // OpenLDAP says of what others do elsewhere that it is not here.
        let is_group =
            |c: &&Change| matches!(c, Change::Add(entry) if entry.id().object_type == "group");
        let change = changes.iter().find(is_group);
        let change = change.unwrap_or_else(|| panic!("{}: {changes:?}", watch.strategy));
        let mut members: Vec<String> =
            change.values("member").unwrap().iter().map(ToString::to_string).collect();
        members.sort();
        assert_eq!(members, [watch.dn("b"), watch.dn("c")], "{}", watch.strategy);
    });
}

pub(crate) fn what_leaves_the_base_is_gone_or_asks_for_a_full_import(place: &Place) {
    each(place, |mut watch| {
        place.rename(&watch.dn("a"), "cn=a", Some(&place.base));
        match watch.strategy {
            // The log does not tell whether anything stands below.
            "accesslog" | "changelog" => {
                let error = watch.refusal_since(watch.since.clone());
                assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
            }
            _ => {
                watch.expect(&["-a"]);
                watch.is_complete();
            }
        }
        place.server.delete(&place.dn("a"));
    });
}

pub(crate) fn changes_of_one_second_are_not_lost(place: &Place) {
    each(place, |mut watch| {
        watch.values.set("delta_overlap_seconds", 0);
        for number in 0..5 {
            let name = format!("n{number}");
            place.put_in(&watch.base, &name);
            watch.expect(&[&format!("+{name}")]);
        }
        watch.is_complete();
    });
}

pub(crate) fn a_mark_that_the_server_does_not_know_asks_for_a_full_import(place: &Place) {
    each(place, |watch| {
        let base = watch.base.as_str();
        let marks: &[&str] = match watch.strategy {
            "syncrepl" => &["rid=000,csn=20990101000000.000000Z#000000#000#000000"],
            "accesslog" => &[
                "20010101000000.000000Z#000000#000#000000",
                "20990101000000.000000Z#000000#000#000000",
                "x",
            ],
            "changelog" => &["99999999", "x"],
            "usn" => &["99999999 CN=x", "5 CN=NTDS Settings,CN=ELSEWHERE", "x"],
            _ => &["x"],
        };
        let other = if watch.strategy == "usn" { "syncrepl" } else { "usn" };
        let mut errors: Vec<Error> =
            marks.iter().map(|mark| watch.refusal(watch.strategy, base, mark)).collect();
        errors.push(watch.refusal(other, base, "1"));
        errors.push(watch.refusal(watch.strategy, &place.base, "1"));
        errors.push(watch.refusal_since(Watermark::new("something else")));
        if ["accesslog", "changelog"].contains(&watch.strategy) {
            let elsewhere = watch.refusal_with(&[("server", "ldaps://127.0.0.9:636")]);
            assert!(elsewhere.message().contains("another server"), "{elsewhere}");
            errors.push(elsewhere);
        }
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Conflict, "{}: {error}", watch.strategy);
        }
    });
}
