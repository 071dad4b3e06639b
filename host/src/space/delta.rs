//! What to export: before and after become one change, in the style the connector wants.

use ecma_plugin_sdk::{
    Access, AttributeChange, AttributeType, Change, Entry, ExportStyle, ObjectType, Update, Value,
};
use std::collections::BTreeSet;

/// The change that makes `wanted` of `before`; `None` when there is nothing to do.
///
/// Attributes in `named` are exported even when they do not differ: the target may have drifted
/// from what we know. Attributes that the target only lets us read are never exported.
#[must_use]
pub fn change(
    before: Option<&Entry>,
    wanted: &Entry,
    named: &BTreeSet<String>,
    style: ExportStyle,
    object_type: &ObjectType,
) -> Option<Change> {
    let Some(before) = before else {
        let mut entry = wanted.clone();
        entry.retain(|name| writable(object_type, name));
        return Some(Change::Add(entry));
    };
    let names: BTreeSet<&str> = before
        .attributes()
        .map(|(name, _)| name)
        .chain(wanted.attributes().map(|(name, _)| name))
        .chain(named.iter().map(String::as_str))
        .filter(|name| writable(object_type, name) && before.id().anchor.get(name).is_none())
        .collect();
    let new_dn = wanted.id().dn.clone().filter(|dn| before.id().dn.as_ref() != Some(dn));
    let differing: Vec<&str> = names
        .iter()
        .filter(|name| named.contains(**name) || before.get(name) != wanted.get(name))
        .copied()
        .collect();
    if differing.is_empty() && new_dn.is_none() {
        return None;
    }
    if style == ExportStyle::ObjectReplace {
        let mut entry = wanted.clone();
        entry.id_mut().anchor = before.id().anchor.clone();
        entry.retain(|name| writable(object_type, name));
        return Some(Change::Replace(entry));
    }
    let attributes = differing
        .into_iter()
        .map(|name| {
            let by_value = object_type.get(name).is_some_and(|attribute| {
                attribute.multi_valued
                    && match style {
                        ExportStyle::AttributeUpdate => true,
                        ExportStyle::ReferenceUpdate => attribute.kind == AttributeType::Reference,
                        _ => false,
                    }
            });
            (name.to_owned(), attribute_change(before.get(name), wanted.get(name), by_value))
        })
        .collect();
    Some(Change::Update(Update { id: before.id().clone(), new_dn, attributes }))
}

/// The update that a change is, to be added to; it becomes one when there was nothing to do.
pub fn update_of<'c>(change: &'c mut Option<Change>, wanted: &Entry) -> &'c mut Update {
    if !matches!(change, Some(Change::Update(_))) {
        *change = Some(Change::Update(Update::new(wanted.id().clone())));
    }
    match change {
        Some(Change::Update(update)) => update,
        _ => unreachable!("it was just made one"),
    }
}

fn writable(object_type: &ObjectType, name: &str) -> bool {
    object_type.get(name).is_none_or(|attribute| attribute.access != Access::ImportOnly)
}

fn attribute_change(before: &[Value], wanted: &[Value], by_value: bool) -> AttributeChange {
    if wanted.is_empty() {
        return AttributeChange::Clear;
    }
    let added: Vec<Value> = wanted.iter().filter(|v| !before.contains(v)).cloned().collect();
    let removed: Vec<Value> = before.iter().filter(|v| !wanted.contains(v)).cloned().collect();
    // Values that were named but do not differ are set, so that the target surely has them.
    if by_value && !(added.is_empty() && removed.is_empty()) {
        AttributeChange::Modify { added, removed }
    } else {
        AttributeChange::Set(wanted.to_vec())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn object_type() -> ObjectType {
        ObjectType::new("user")
            .anchor("id", AttributeType::Text)
            .attribute("a", AttributeType::Text)
            .attribute("b", AttributeType::Text)
            .attribute("mails", AttributeType::Text)
            .multi_valued()
            .attribute("members", AttributeType::Reference)
            .multi_valued()
            .attribute("seen", AttributeType::Text)
            .import_only()
    }

    fn entry() -> impl Strategy<Value = Entry> {
        let value = || proptest::option::of("[xyz]");
        let values = || proptest::collection::btree_set("[pqrs]", 0..4);
        (value(), value(), values(), values(), proptest::option::of("[de]")).prop_map(
            |(a, b, mails, members, dn)| {
                let members: Vec<Value> = members.into_iter().map(Value::Reference).collect();
                let entry = Entry::new("user").anchor("id", "1").set("a", a).set("b", b);
                let mut entry = entry.set("mails", mails.into_iter().collect::<Vec<_>>());
                entry.put("members", members);
                match dn {
                    Some(dn) => entry.dn(dn),
                    None => entry,
                }
            },
        )
    }

    fn sorted(entry: &Entry) -> Vec<(String, Vec<Value>)> {
        let mut attributes: Vec<(String, Vec<Value>)> = entry
            .attributes()
            .map(|(name, values)| {
                let mut values = values.to_vec();
                values.sort();
                (name.to_owned(), values)
            })
            .collect();
        attributes.sort();
        attributes
    }

    const STYLES: [ExportStyle; 4] = [
        ExportStyle::AttributeUpdate,
        ExportStyle::AttributeReplace,
        ExportStyle::ObjectReplace,
        ExportStyle::ReferenceUpdate,
    ];

    proptest! {
        #[test]
        fn applying_the_delta_to_before_gives_what_was_wanted(
            before in entry(),
            wanted in entry(),
            named in proptest::collection::btree_set("a|b|mails|members", 0..3),
        ) {
            for style in STYLES {
                let change = change(Some(&before), &wanted, &named, style, &object_type());
                let after = match &change {
                    Some(change) => change.apply(Some(&before)).unwrap(),
                    None => before.clone(),
                };
                prop_assert_eq!(sorted(&after), sorted(&wanted), "{:?}", style);
                if wanted.id().dn.is_some() {
                    prop_assert_eq!(&after.id().dn, &wanted.id().dn);
                }
                if let Some(Change::Update(update)) = &change {
                    for name in &named {
                        prop_assert!(update.get(name).is_some(), "{} was named", name);
                    }
                }
            }
        }
    }

    #[test]
    fn nothing_to_do_is_no_change() {
        let entry = Entry::new("user").anchor("id", "1").set("a", "x");
        for style in STYLES {
            let none = BTreeSet::new();
            assert_eq!(change(Some(&entry), &entry, &none, style, &object_type()), None);
        }
    }

    #[test]
    fn what_is_only_read_is_not_exported() {
        let before = Entry::new("user").anchor("id", "1").set("seen", "monday");
        let wanted = Entry::new("user").anchor("id", "1").set("a", "x").set("seen", "tuesday");
        let named = BTreeSet::from(["seen".to_owned()]);
        for style in STYLES {
            let change = change(Some(&before), &wanted, &named, style, &object_type()).unwrap();
            assert_eq!(change.text("a"), Some("x"), "{style:?}");
            assert!(change.text("seen").is_none(), "{style:?}");
        }
    }

    #[test]
    fn values_are_added_and_removed_where_the_style_says_so() {
        let before = Entry::new("user").anchor("id", "1").set("mails", ["p", "q"]);
        let wanted = Entry::new("user").anchor("id", "1").set("mails", ["q", "r"]);
        let none = BTreeSet::new();
        let update = |style| match change(Some(&before), &wanted, &none, style, &object_type()) {
            Some(Change::Update(update)) => update.get("mails").unwrap().clone(),
            other => panic!("{other:?}"),
        };
        let by_value =
            AttributeChange::Modify { added: vec!["r".into()], removed: vec!["p".into()] };
        let whole = AttributeChange::Set(vec!["q".into(), "r".into()]);
        assert_eq!(update(ExportStyle::AttributeUpdate), by_value);
        assert_eq!(update(ExportStyle::AttributeReplace), whole);
        assert_eq!(update(ExportStyle::ReferenceUpdate), whole);
    }
}
