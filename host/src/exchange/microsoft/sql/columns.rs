//! What columns are: anchors, their types and directions, and values in tables of their own.

use super::{
    Draft, Source, names, same,
    source::{DELTA_IMPORT, EXPORT, FULL_IMPORT},
};

use crate::exchange::microsoft::xml::EntrySchema;

const TABLES_OF_VALUES: &str = "Name of Multi-valued Table/Views";

/// The columns that tell rows apart.
pub(super) fn anchors(source: &Source<'_>, draft: &mut Draft) {
    let mut anchors = Vec::new();
    for entry in &source.foreign.entries {
        let prefix = format!("{}:", entry.object_type);
        let boxes = source.parameters.take_all(|parameter| {
            let is_column = parameter.name.get(..prefix.len()).is_some_and(|it| same(it, &prefix));
            parameter.is_check_box && is_column
        });
        source.take(&format!("Select Anchor for :{}", entry.object_type));
        source.take(&format!("Select DN attribute for {}", entry.object_type));
        let chosen = entry.attributes.iter().filter(|attribute| attribute.is_anchor);
        let mut columns: Vec<&str> = chosen.map(|attribute| attribute.name.as_str()).collect();
        if columns.is_empty() {
            let checked = boxes.iter().filter(|parameter| parameter.value == "1");
            columns.extend(checked.map(|parameter| parameter.name[prefix.len()..].trim()));
        }
        anchors.extend(columns.iter().map(|column| format!("{}.{column}", entry.object_type)));
    }
    draft.take_list("anchor", anchors, "Select Anchor");
}

/// Types and directions of columns; what the database says of itself is known here too.
pub(super) fn kinds(source: &Source<'_>, draft: &mut Draft) {
    let (mut dates, mut booleans, mut references) = (Vec::new(), Vec::new(), Vec::new());
    let (mut read_only, mut export_only) = (Vec::new(), Vec::new());
    for entry in &source.foreign.entries {
        for attribute in &entry.attributes {
            let name = &attribute.name;
            let column = format!("{}.{name}", entry.object_type);
            let kind = source.of_type(entry, &format!("{name} DataType")).unwrap_or_default();
            let target = source.of_type(entry, &format!("Reference {name}"));
            let typed = type_column(source, entry, name);
            match kind.to_ascii_lowercase().as_str() {
                "datetime" => dates.push(column.clone()),
                "boolean" => booleans.push(column.clone()),
                // Its table says it, behind TYPE.
                "reference" if typed.is_some() && attribute.is_multi_valued => {}
                "reference" => {
                    let target = target.unwrap_or(&entry.object_type);
                    references.push(format!("{column}={target}"));
                    if let Some(typed) = typed {
                        draft.report.missing(
                            "values.references",
                            format!("{typed} has the object type of what {column} names"),
                            "here only the rows of a child table have such a column",
                        );
                    }
                }
                _ => {}
            }
            let direction = source.of_type(entry, &format!("{name} Direction"));
            match direction.unwrap_or_default().to_ascii_lowercase().as_str() {
                "importonly" => read_only.push(column),
                "exportonly" => export_only.push(column),
                _ => {}
            }
        }
        // Of columns that are not selected there is nothing to say.
        let prefix = format!("{}:", entry.object_type.to_ascii_lowercase());
        source.parameters.take_all(|parameter| {
            let name = parameter.name.to_ascii_lowercase();
            name.starts_with(&prefix)
                && (name.ends_with(" datatype") || name.ends_with(" direction"))
        });
    }
    draft.take_list("date_time", dates, "DataType");
    draft.take_list("boolean", booleans, "DataType");
    draft.take_list("references", references, "DataType, Reference");
    draft.take_list("read_only_columns", read_only, "Direction ImportOnly");
    draft.take_list("export_only_columns", export_only, "Direction ExportOnly");
}

/// The column with the object type of what an attribute names.
fn type_column<'x>(source: &Source<'x>, entry: &EntrySchema, name: &str) -> Option<&'x str> {
    source.of_type(entry, &format!("Object type column for {name}"))
}

/// Attributes whose values are rows of another table.
pub(super) fn values_in_tables(source: &Source<'_>, draft: &mut Draft) {
    let mut all = Vec::new();
    for entry in &source.foreign.entries {
        let detected = source.of_type(entry, TABLES_OF_VALUES);
        let table = source.of_run(FULL_IMPORT, Some(entry), TABLES_OF_VALUES).or(detected);
        let condition = source.of_run(FULL_IMPORT, Some(entry), "Join Condition");
        for profile in [DELTA_IMPORT, EXPORT] {
            source.of_run(profile, Some(entry), TABLES_OF_VALUES);
            source.of_run(profile, Some(entry), "Join Condition");
        }
        let Some(table) = table else { continue };
        let key = "values.multi_valued_tables";
        let (child, _) = names::table(table);
        let join = condition.and_then(|text| names::join(text, &child, &entry.object_type));
        let Some(join) = join else {
            let what = format!("{table} of {} has no join that is understood", entry.object_type);
            let remedy =
                "write \"TYPE.ATTRIBUTE = CHILD.COLUMN WHERE CHILD.COLUMN = TABLE.COLUMN\"";
            draft.report.missing(key, what, remedy);
            continue;
        };
        let own = |name: &str| join.columns.iter().any(|column| same(column, name));
        let several = entry.attributes.iter().filter(|one| one.is_multi_valued && !own(&one.name));
        let word = names::word;
        let before = all.len();
        all.extend(several.map(|one| {
            let (kind, name, child) = (word(&entry.object_type), word(&one.name), word(&child));
            let typed = type_column(source, entry, &one.name);
            let typed = typed.map(|typed| format!(" TYPE {child}.{}", word(typed)));
            format!(
                "{kind}.{name} = {child}.{name} WHERE {}{}",
                join.text,
                typed.unwrap_or_default()
            )
        }));
        if all.len() == before {
            let what = format!("no multi-valued attribute of {} is selected", entry.object_type);
            draft.report.note(key, what, "");
        }
    }
    draft.take_list("multi_valued_tables", all, TABLES_OF_VALUES);
}
