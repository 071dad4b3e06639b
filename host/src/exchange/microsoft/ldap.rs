//! Microsoft's Generic LDAP connector as `generic-ldap`.

use super::{
    draft::Draft,
    missing_secret,
    object::Kind,
    source::{Source, same},
};

const LONGEST_WAIT: u32 = 600;
/// Their default, which counts for the first connection only.
const USUAL_WAIT: &str = "180";
/// What is asked of the server by itself here.
const KNOWN_BY_THEMSELVES: [&str; 7] = [
    "HostName",
    "Supported SASL Mechanisms",
    "Server Certificate Details",
    "Mandatory Features Found",
    "Mandatory Features Not Found",
    "Object type detection method",
    "Search only in selected containers",
];
const CONTROLS: [&str; 4] = [
    "1.2.840.113556.1.4.319",
    "2.16.840.1.113730.3.4.9",
    "1.2.840.113556.1.4.473",
    "1.2.840.113556.1.4.417",
];
const TREE_DELETE: &str = "1.2.840.113556.1.4.805";
/// What the distinguished name is called among attributes.
const DN: [&str; 4] = ["-dn-", "_distinguishedName", "<dn>", "dn"];
/// Attributes of the auxiliary class for accounts of Unix.
const POSIX: [&str; 3] = ["uidNumber", "gidNumber", "homeDirectory"];

pub(super) fn convert(source: &Source<'_>, draft: &mut Draft) -> Kind {
    draft.plugin = "generic-ldap".into();
    server(source, draft);
    binding(source, draft);
    base(source, draft);
    object_types(source, draft);
    attributes(source, draft);
    anchor(source, draft);
    global(source, draft);
    Kind::Ldap
}

fn server(source: &Source<'_>, draft: &mut Draft) {
    match source.take("Host") {
        Some(host) => draft.take_list("servers", vec![host.to_owned()], "Host"),
        None => draft.report.missing("values.servers", "there is no Host", "name the server"),
    }
    if let Some(port) = source.take("Port") {
        match port.parse::<u16>() {
            Ok(port) => draft.take("port", i64::from(port), "Port"),
            Err(_) => {
                draft.report.missing("values.port", format!("Port is {port:?}"), "write a number");
            }
        }
    }
    let key = "connect_timeout_seconds";
    let from = "Connection Timeout (seconds)";
    let wait = source.take(from).or_else(|| source.take("Connection Timeout"));
    match wait.map(|written| (written, written.parse::<u32>())) {
        None | Some((USUAL_WAIT, _)) => {}
        Some((_, Ok(seconds @ 1..=LONGEST_WAIT))) => draft.take(key, i64::from(seconds), from),
        Some((written, _)) => {
            let what = format!("{from} is {written}; ours is the default, 10");
            draft.report.changed(format!("values.{key}"), what, "");
        }
    }
}

fn binding(source: &Source<'_>, draft: &mut Draft) {
    let from = "Binding";
    let written = source.take(from).unwrap_or("Basic");
    let word = written.to_ascii_lowercase();
    let certificate = source.parameters.check("Use Client Certificate") == Some(true);
    let kerberos = ["kerberos", "sasl", "digest"].iter().any(|name| word.contains(name));
    let encryption = match () {
        () if word.contains("ssl") => "ldaps",
        // Kerberos encrypts by itself; what stands in for it has to be told to.
        () if word.contains("tls") || kerberos => "starttls",
        () => "off",
    };
    draft.take("encryption", encryption, from);
    for name in ["Store Location", "Store Name", "Subject"] {
        let text = source.take(name);
        if let (Some(text), true) = (text, certificate) {
            draft.report.note(name, format!("the client certificate was {text:?} there"), "");
        }
    }
    if certificate {
        draft.take("bind", "external", "Use Client Certificate");
        for key in ["client_certificate", "client_key"] {
            let file = format!("{}-{key}.pem", source.name);
            draft.set(key, file.as_str(), "Store Location, Store Name, Subject");
            draft.report.missing(
                format!("values.{key}"),
                "the client certificate is in the store of that machine",
                format!("export it in PEM and put it into this host's home as {file}"),
            );
        }
        return;
    }
    if word.contains("anonymous") {
        for name in ["User Name", "Password"] {
            source.parameters.find(name);
        }
        return draft.take("bind", "anonymous", from);
    }
    draft.take("bind", "simple", from);
    if kerberos {
        source.take("Realm/Domain");
        draft.report.missing(
            "values.bind",
            format!("{written} is not spoken here"),
            "log in with a distinguished name and a password over ldaps, or with a client certificate",
        );
    }
    if encryption == "off" {
        draft.set("allow_plain_password", true, from);
        draft.report.changed(
            "values.allow_plain_password",
            "the password goes over the network as it is, as it did there",
            "set encryption = \"ldaps\" or \"starttls\" and take this line and the port out",
        );
    }
    match source.take("User Name") {
        Some(user) => draft.take("user", user, "User Name"),
        None => draft.report.missing("values.user", "there is no User Name", "name the account"),
    }
    source.parameters.find("Password");
    missing_secret("password", "Password", draft);
}

/// Where entries are looked for.
fn base(source: &Source<'_>, draft: &mut Draft) {
    let lines = source.take("Partition Names").unwrap_or_default().lines();
    let partitions = source.foreign.partitions.iter().map(String::as_str);
    let mut names: Vec<String> = Vec::new();
    for name in partitions.chain(lines).map(str::trim).filter(|name| name.contains('=')) {
        if !names.iter().any(|known| same(known, name)) {
            names.push(name.to_owned());
        }
    }
    let all = names.clone();
    // What lies below another base is read with that one.
    names.retain(|name| {
        let lower = name.to_lowercase();
        !all.iter().any(|other| lower.ends_with(&format!(",{}", other.to_lowercase())))
    });
    draft.take_list("base", names, "Partitions");
}

fn object_types(source: &Source<'_>, draft: &mut Draft) {
    let entries = &source.foreign.entries;
    let classes = entries.iter().map(|entry| {
        let has = |name: &str| entry.attributes.iter().any(|one| same(&one.name, name));
        let posix = POSIX.iter().all(|name| has(name));
        let kind = &entry.object_type;
        match posix && !same(kind, "posixAccount") {
            true => format!("{kind}={kind}+posixAccount"),
            false => kind.clone(),
        }
    });
    let classes: Vec<String> = classes.collect();
    if classes.iter().any(|class| class.contains('+')) {
        draft.report.changed(
            "values.object_classes",
            "new entries get the auxiliary class posixAccount, whose attributes are selected",
            "add others that your mapping of objectClass names, such as +shadowAccount",
        );
    }
    draft.take_list("object_classes", classes, "Object Type");
}

fn attributes(source: &Source<'_>, draft: &mut Draft) {
    for (key, from, usual) in [
        ("operational_attributes", "Include operational attributes in schema", true),
        ("extensible_attributes", "Include extensible attributes in schema", false),
    ] {
        let boxes = source.parameters.take_all(|parameter| {
            parameter.name.get(..from.len()).is_some_and(|name| same(name, from))
        });
        let checked = boxes.first().filter(|parameter| parameter.is_given);
        if let Some(checked) = checked.map(|it| it.value == "1" || same(&it.value, "true"))
            && checked != usual
        {
            draft.take(key, checked, from);
        }
    }
    if let Some(aliases) = source.take("Attribute Aliases") {
        let lines = aliases.lines().map(str::trim).filter(|line| !line.is_empty());
        draft.take_list(
            "attribute_aliases",
            lines.map(str::to_owned).collect(),
            "Attribute Aliases",
        );
    }
}

/// There the distinguished name often is the anchor; here what the server is known for.
fn anchor(source: &Source<'_>, draft: &mut Draft) {
    source.take("Allow manual anchor selection");
    let all = source.foreign.entries.iter().flat_map(|entry| &entry.attributes);
    let is_dn = |name: &str| DN.iter().any(|dn| same(name, dn));
    let Some(anchor) =
        all.filter(|attribute| attribute.is_anchor).map(|one| one.name.as_str()).next()
    else {
        return;
    };
    if !is_dn(anchor) {
        return draft.take("anchor", anchor, "Anchor");
    }
    draft.report.changed(
        "values.anchor",
        "was the distinguished name; here it is the attribute that never changes, so that entries can \
         be renamed",
        "Entra matches people anew by the attribute it is told; write anchor = \"dn\" to keep it",
    );
}

fn global(source: &Source<'_>, draft: &mut Draft) {
    for name in KNOWN_BY_THEMSELVES {
        source.take(name);
    }
    source.parameters.take_all(|it| CONTROLS.iter().any(|control| it.name.contains(control)));
    let tree = source.parameters.take_all(|it| it.name.contains(TREE_DELETE));
    if tree.iter().any(|parameter| parameter.value == "1" || same(&parameter.value, "true")) {
        draft.take("delete_subtree", true, "Supported Controls: Tree Delete");
    }
    let strategy = source.take("Delta Strategy").or_else(|| source.take("Strategy"));
    let strategy = strategy.or_else(|| source.take("Delta Import Strategy"));
    let log = source.take("Change Log DN");
    let ours = match strategy.map(str::to_ascii_lowercase).as_deref() {
        Some("usnchanged") => Some("usn"),
        Some("changelog" | "change log") => Some("changelog"),
        Some("accesslog" | "access log") => Some("accesslog"),
        Some("timestamp") => Some("timestamp"),
        Some("none") => Some("none"),
        _ => None,
    };
    match (strategy, ours) {
        (_, Some(ours)) => draft.take("delta_strategy", ours, "Delta Import: Strategy"),
        (Some(strategy), None) => draft.report.changed(
            "values.delta_strategy",
            format!("{strategy} is not known: what the server can is used"),
            "",
        ),
        (None, None) => {}
    }
    if let (Some(log), Some("changelog" | "accesslog")) = (log, ours) {
        draft.take("change_log", log, "Change Log DN");
    }
    let attribute =
        source.take("Password Attribute Name").or_else(|| source.take("Password Attribute"));
    if let Some(name) = attribute
        && !["userPassword", "unicodePwd"].iter().any(|usual| same(usual, name))
    {
        draft.take("password_attribute", name, "Password Attribute");
        draft.take("password_method", "attribute", "Password Attribute");
    }
}
