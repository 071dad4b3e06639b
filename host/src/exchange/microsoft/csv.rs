//! The sample of Microsoft's PowerShell connector that reads and writes a CSV file, as `csv-file`.

use super::{
    draft::Draft,
    object::Kind,
    source::{Source, same},
    xml::AttributeSchema,
};

const SCOPES: [&str; 2] = ["_Global", "_RunStep"];
/// What stands between several values in the sample's scripts.
const SEPARATOR: &str = ";";

/// Whether these are the sample's settings: its scripts may be changed, so they have to be about CSV.
pub(super) fn is_csv(source: &Source<'_>) -> bool {
    let value = |name: &str| source.parameters.peek(name);
    value("FileName_Global").is_some_and(|file| !file.is_empty())
        && value("Delimiter_Global").is_some()
        && value("Import Script").is_some_and(|script| script.contains("Import-Csv"))
}

pub(super) fn convert(source: &Source<'_>, draft: &mut Draft) -> Kind {
    draft.plugin = "csv-file".into();
    let setting = |name: &str| source.take(&format!("{name}_Global"));
    // What the scripts do is the plugin's own work, and the steps repeat what the connector says.
    for name in ["FileName", "Delimiter", "Encoding"] {
        for scope in SCOPES {
            source.pass(&format!("{name}{scope}"));
        }
    }
    let scripts = source.parameters.take_all(|parameter| {
        let name = parameter.name.to_ascii_lowercase();
        name.contains("script") || name.starts_with("additional config")
    });
    let scripts: Vec<&str> = scripts
        .iter()
        .filter(|parameter| parameter.is_given && parameter.value.contains('\n'))
        .map(|parameter| parameter.name.as_str())
        .collect();
    draft.report.changed(
        "values",
        format!("the plugin does what these did: {}", scripts.join(", ")),
        "look whether somebody changed the scripts of the sample",
    );
    for name in CAPABILITIES {
        source.take(name);
    }
    let written = setting("FileName").unwrap_or_default();
    let file = written.rsplit(['\\', '/']).next().unwrap_or_default();
    draft.set("file", file, "FileName_Global");
    draft.report.missing(
        "values.file",
        format!("the file {written} is in the folder MAData of that host"),
        format!("put it into this host's home as {file}, where the host's account may write to it"),
    );
    let delimiter = setting("Delimiter").unwrap_or(",");
    draft.take("delimiter", delimiter, "Delimiter_Global");
    encoding(setting("Encoding"), draft);
    columns(source, delimiter, draft);
    Kind::Csv
}

/// What a script connector says of itself, and `csv-file` knows.
const CAPABILITIES: [&str; 16] = [
    "Distinguished Name Style",
    "Export Type",
    "Data Normalization",
    "Object Confirmation",
    "Use DN As Anchor (Only LDAP style DN)",
    "Concurrent Operations Of Several Connectors",
    "Partitions (Only LDAP style DN)",
    "Hierarchy (Only LDAP style DN)",
    "Enable Import",
    "Enable Delta Import",
    "Enable Export",
    "Enable Full Export",
    "No Reference Values In First Export Pass",
    "Enable Object Rename",
    "Delete-Add As Replace",
    "Enable Export Password In First Pass",
];

/// Encodings by PowerShell's names.
fn encoding(written: Option<&str>, draft: &mut Draft) {
    let from = "Encoding_Global";
    let Some(written) = written else { return };
    let label = match written.to_ascii_lowercase().as_str() {
        "utf8" | "utf8bom" | "utf8nobom" | "utf-8" => "utf-8",
        "unicode" | "utf-16" => "utf-16le",
        "bigendianunicode" => "utf-16be",
        "ascii" | "default" | "ansi" => "windows-1252",
        _ => {
            let what = format!("{from} is {written:?}, which has no counterpart here");
            let remedy = "write the label of the file's encoding, such as windows-1252";
            return draft.report.missing("values.encoding", what, remedy);
        }
    };
    draft.take("encoding", label, from);
}

fn columns(source: &Source<'_>, delimiter: &str, draft: &mut Draft) {
    let Some(entry) = source.foreign.entries.first() else { return };
    let names = |fits: &dyn Fn(&AttributeSchema) -> bool| -> Vec<String> {
        let fitting = entry.attributes.iter().filter(|attribute| fits(attribute));
        fitting.map(|attribute| attribute.name.clone()).collect()
    };
    let of = |word: &'static str| move |a: &AttributeSchema| same(&a.data_type, word);
    draft.take("object_type", entry.object_type.as_str(), "Object Type");
    draft.take_list("anchor", names(&|attribute| attribute.is_anchor), "Anchor");
    draft.take_list("boolean", names(&of("Boolean")), "DataType");
    draft.take_list("integer", names(&of("Integer")), "DataType");
    draft.take_list("references", names(&of("Reference")), "DataType");
    let several = names(&|attribute| attribute.is_multi_valued && !attribute.is_anchor);
    if several.is_empty() {
        return;
    }
    draft.take_list("multi_valued", several, "Multivalued");
    match delimiter == SEPARATOR {
        false => draft.take("multi_value_separator", SEPARATOR, "the sample's scripts"),
        true => draft.report.missing(
            "values.multi_value_separator",
            "the scripts take a semicolon apart, which is the delimiter too",
            "write the sign that stands between several values",
        ),
    }
}
