//! What the connector finds out about a server.

use crate::place::{Place, connect};
use ecma_plugin_sdk::{Access, AttributeType};

pub(crate) fn the_schema_tells_what_a_client_needs_and_is_the_same_twice(place: &Place) {
    let mut connection = place.connect_with("operational_attributes", true);
    let schema = connection.schema().unwrap();
    assert_eq!(connection.schema().unwrap(), schema);
    assert_eq!(place.connect_with("operational_attributes", true).schema().unwrap(), schema);

    let names: Vec<&str> = schema.types.iter().map(|kind| kind.name.as_str()).collect();
    assert_eq!(names, ["person", "group", "unit"]);
    for kind in &schema.types {
        let anchors: Vec<&str> = kind.anchors().map(|anchor| anchor.name.as_str()).collect();
        assert_eq!(anchors, [place.vendor.anchor], "{}", kind.name);
        let dn = kind.get("-dn-").unwrap();
        assert!(!dn.required && dn.unique && !dn.multi_valued, "{dn:?}");
    }
    let person = schema.get("person").unwrap();
    let is_active_directory = place.vendor.person == "user";
    assert_eq!(person.get("sn").unwrap().required, !is_active_directory);
    let time = if is_active_directory { "whenChanged" } else { "modifyTimestamp" };
    for (name, kind, multi_valued, access) in [
        ("departmentNumber", AttributeType::Text, true, Access::ImportExport),
        ("employeeNumber", AttributeType::Text, false, Access::ImportExport),
        ("secretary", AttributeType::Reference, true, Access::ImportExport),
        ("jpegPhoto", AttributeType::Binary, true, Access::ImportExport),
        ("userPassword", AttributeType::Text, true, Access::ExportOnly),
        ("-enabled-", AttributeType::Boolean, false, Access::ImportExport),
        (time, AttributeType::DateTime, false, Access::ImportOnly),
    ] {
        let found = person.get(name).unwrap_or_else(|| panic!("there is {name}"));
        let of = (found.kind, found.multi_valued, found.access);
        assert_eq!(of, (kind, multi_valued, access), "{name}");
    }
    let member = schema.get("group").unwrap().get("member").unwrap();
    assert!(member.multi_valued && member.kind == AttributeType::Reference, "{member:?}");
    assert!(schema.get("group").unwrap().get("-enabled-").is_none());
}

pub(crate) fn without_settings_the_usual_classes_and_the_naming_context_are_there(place: &Place) {
    let mut values = place.values.clone();
    values.remove("base");
    values.remove("object_classes");
    let mut connection = connect(&values);
    connection.test().unwrap();
    let schema = connection.schema().unwrap();
    for class in [place.vendor.person, place.vendor.group, "organizationalUnit"] {
        assert!(schema.get(class).is_some(), "{class}");
    }
    let bases: Vec<String> =
        connection.partitions().unwrap().into_iter().map(|partition| partition.id).collect();
    assert_eq!(bases, [place.server.base()]);
}
