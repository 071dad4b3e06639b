//! The configuration that the wizard of Microsoft's host exports, made into documents of ours.
//!
//! `xml` reads the file, `sql`, `ldap` and `csv` know which of our parameters stands for which of
//! theirs, `object` has what is the same for every plugin. Nothing is lost silently: a parameter that
//! nobody understands is in the report by its name.

mod bag;
mod csv;
mod draft;
mod ldap;
mod object;
mod source;
mod sql;
#[cfg(test)]
mod tests;
mod xml;

use std::{collections::BTreeSet, fmt::Write as _};

pub(super) use xml::is_xml;

use super::{Here, Imported, check, error::ImportError};
use crate::config::{ConnectorName, LEFT_OUT};
use draft::{Draft, Line, comment};
use object::Object;
use source::Source;
use xml::Foreign;

/// The usual port, theirs and ours.
const PORT: &str = "8585";
/// The longest value of a parameter that a report shows.
const LONGEST_SHOWN: usize = 80;

/// Makes a document of each connector of a configuration.
pub(super) fn import(
    file: &[u8],
    name: Option<&ConnectorName>,
    here: &Here<'_>,
) -> Result<Vec<Imported>, ImportError> {
    let configuration = xml::read(file)?;
    let connectors = &configuration.connectors;
    if name.is_some() && connectors.len() > 1 {
        let names = connectors.iter().map(|foreign| foreign.name.clone()).collect();
        return Err(ImportError::Several(names));
    }
    let mut taken = BTreeSet::new();
    let one = |foreign| {
        let name = name.cloned().unwrap_or_else(|| proposed(foreign, &mut taken));
        document(foreign, name, configuration.port.as_deref(), here)
    };
    Ok(connectors.iter().map(one).collect())
}

/// The connector's name, or what is left of it that may be one; told apart also where files with names
/// in other cases are the same.
fn proposed(foreign: &Foreign, taken: &mut BTreeSet<String>) -> ConnectorName {
    let letters: String =
        foreign.name.chars().filter(char::is_ascii_alphanumeric).take(60).collect();
    let letters = if letters.is_empty() { "Imported".to_owned() } else { letters };
    let numbered = (2..).map(|number| format!("{letters}{number}"));
    let free = std::iter::once(letters.clone())
        .chain(numbered)
        .find(|name| taken.insert(name.to_ascii_lowercase()));
    free.and_then(|name| name.parse().ok())
        .expect("a number is free and has letters and digits only")
}

fn document(
    foreign: &Foreign,
    name: ConnectorName,
    port: Option<&str>,
    here: &Here<'_>,
) -> Imported {
    let source = Source::new(foreign, &name);
    let mut draft = Draft::default();
    let library = foreign.library.rsplit(['\\', '/']).next().unwrap_or_default();
    let library = library.strip_suffix(".dll").unwrap_or(library);
    if name.as_str() != foreign.name {
        let what = format!("is {name} instead of {:?}", foreign.name);
        draft.report.changed("name", what, "the URL that clients use changes with it");
    }
    let kind = match library.to_ascii_lowercase().as_str() {
        "microsoft.iam.connector.genericsql" => sql::convert(&source, here.key, &mut draft),
        "microsoft.iam.connector.genericldap" => ldap::convert(&source, &mut draft),
        "microsoft.iam.connector.powershell" if csv::is_csv(&source) => {
            csv::convert(&source, &mut draft)
        }
        _ => {
            draft.report.missing(
                "plugin",
                format!("no plugin of this host stands for {library}"),
                "write a plugin for it, or use one that reaches the same target, and name it here",
            );
            object::Kind::Unknown
        }
    };
    let objects = object::objects(&source, kind, &mut draft);
    let runs = object::runs(&source, &mut draft);
    let autosync = object::autosync(foreign, &mut draft);
    draft.report.missing(
        "token",
        "tokens do not travel",
        format!("run `ecma-host token new {name}` and give clients the new token"),
    );
    listening(port, &mut draft);
    rest(&source, kind, &mut draft);
    let document = written(foreign, library, &draft, autosync, &runs, &objects);
    let mut report = draft.report;
    if !draft.plugin.is_empty() {
        check::plugin(&draft.plugin, None, here, &mut report);
    }
    check::document(&name, &document, here, &mut report);
    report.items.sort_by_key(|item| item.severity);
    Imported { name, document, report }
}

fn listening(port: Option<&str>, draft: &mut Draft) {
    let report = &mut draft.report;
    if let Some(port) = port.filter(|port| *port != PORT) {
        let remedy = format!("write listen = [\"0.0.0.0:{port}\"] into host.toml to keep it");
        report.note("Setting", format!("that host listens on port {port}"), remedy);
    }
    report.note(
        "Setting",
        "the certificate of that host stays there",
        "let clients trust this host's, state/cert.pem, or name your own under [tls] in host.toml",
    );
}

/// What nobody understood.
fn rest(source: &Source<'_>, kind: object::Kind, draft: &mut Draft) {
    for parameter in source.rest() {
        let shown = match parameter.value.as_str() {
            _ if parameter.is_encrypted => "a secret".to_owned(),
            text if text.contains('\n') => format!("a text of {} lines", text.lines().count()),
            text if text.chars().count() > LONGEST_SHOWN => "a long text".to_owned(),
            text => format!("{text:?}"),
        };
        let remedy = match kind {
            object::Kind::Unknown => "",
            _ => "see whether you need it, in the README of the plugin",
        };
        draft.report.note(&parameter.name, format!("not taken over: {shown}"), remedy);
    }
}

fn written(
    foreign: &Foreign,
    library: &str,
    draft: &Draft,
    autosync: Option<Line>,
    runs: &[(&'static str, Vec<Line>)],
    objects: &[Object],
) -> String {
    let mut text = format!(
        "# Imported from the connector {:?} of Microsoft's host, whose plugin is {library}.\n\
         # What a value was called there stands behind it.\n",
        comment(&foreign.name)
    );
    let line = |key: &str, value: &str, from: &str| {
        let (key, from) = (key.to_owned(), from.to_owned());
        Line { key, value: value.into(), from }
    };
    let from = match draft.plugin.is_empty() {
        true => format!("no plugin of this host stands for {library}: name the one that does"),
        false => library.to_owned(),
    };
    draft::write(&mut text, &line("plugin", &draft.plugin, &from));
    if !foreign.description.is_empty() {
        draft::write(&mut text, &line("description", &foreign.description, ""));
    }
    draft::write(&mut text, &line("token", LEFT_OUT, "Secret Token: tokens do not travel"));
    autosync.iter().for_each(|line| draft::write(&mut text, line));
    let mut table = |head: &str, lines: &[Line]| {
        if !lines.is_empty() {
            writeln!(text, "\n{head}").expect("a text takes everything");
            lines.iter().for_each(|line| draft::write(&mut text, line));
        }
    };
    table("[values]", &draft.values);
    for (head, lines) in runs {
        table(head, lines);
    }
    for object in objects {
        table("[[object]]", &object.head);
        table("[object.attributes]", &object.attributes);
        table("[object.deprovisioning]", &object.deprovisioning);
    }
    text
}

/// A secret that has to be entered again.
fn missing_secret(key: &str, from: &str, draft: &mut Draft) {
    draft.set(key, LEFT_OUT, from);
    draft.report.missing(
        format!("values.{key}"),
        format!("{from} is a secret that only that machine can open"),
        "write what `ecma-host seal` prints, or \"env:NAME\" or \"file:PATH\"",
    );
}
