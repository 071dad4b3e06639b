//! A connector's document made into a file that may leave the host: no secret in it that others can
//! open.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use super::{
    error::{ExportError, SHORTEST_PASSPHRASE},
    parcel::Parcel,
    report::Report,
    sealed_box::{Cost, SealedBox},
};
use crate::config::{
    ConfigValue, ConnectorName, LEFT_OUT, Place, SEALED, SealingKey, Secret, places, replaced,
    sounds_secret,
};

/// How the hash of a token begins.
const HASH: &str = "sha256:";

/// What the file says of where it comes from.
#[derive(Clone, Copy, Debug)]
pub struct Origin<'a> {
    /// The connector.
    pub name: &'a ConnectorName,
    /// The version of its plugin, if that is here.
    pub plugin_version: Option<&'a str>,
    /// When.
    pub exported: jiff::Timestamp,
    /// The parameters that the plugin calls secret. Without the plugin they are told by their names.
    pub secret_parameters: Option<&'a [String]>,
}

/// What becomes of sealed values and of the token's hash.
#[derive(Clone, Copy, Debug)]
pub enum Secrets<'a> {
    /// They stay here, and are entered again on the other host.
    LeftOut,
    /// They travel under a passphrase.
    Sealed {
        /// Opens what the document has sealed.
        key: &'a SealingKey,
        /// Opens the file; at least 12 characters.
        passphrase: &'a Secret,
    },
}

/// A file for another host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exported {
    /// The file, UTF-8.
    pub text: String,
    /// Which secrets travel, which are left out, and what has to exist on the other host.
    pub report: Report,
}

/// Makes one file of a connector's document. The document need not be without mistakes, but has to be
/// TOML and name a plugin.
pub fn export_document(
    document: &str,
    origin: &Origin<'_>,
    secrets: Secrets<'_>,
) -> Result<Exported, ExportError> {
    exported(document, origin, secrets, Cost::OWASP)
}

pub(super) fn exported(
    document: &str,
    origin: &Origin<'_>,
    secrets: Secrets<'_>,
    cost: Cost,
) -> Result<Exported, ExportError> {
    if let Secrets::Sealed { passphrase, .. } = secrets
        && passphrase.expose().chars().count() < SHORTEST_PASSPHRASE
    {
        return Err(ExportError::Passphrase);
    }
    let places = places(&format!("{}.toml", origin.name), document)?;
    let plugin = places.iter().find(|place| place.key == "plugin" && !place.text.is_empty());
    let plugin = plugin.ok_or(ExportError::Plugin)?.text.clone();
    let mut report = Report::default();
    let mut opened = BTreeMap::new();
    let mut hidden = Vec::new();
    for place in &places {
        if !is_secret(place, origin.secret_parameters) {
            references(place, &mut report);
            continue;
        }
        hidden.push((place, LEFT_OUT));
        match secrets {
            _ if place.is_token() && !place.text.starts_with(HASH) => {
                left_out(place, "it is plain text, which no host takes", &mut report);
            }
            Secrets::LeftOut => left_out(place, "the secret is left out", &mut report),
            Secrets::Sealed { key, .. } => match open(place, key) {
                Ok(secret) => {
                    report.taken(&place.key, "the secret travels under the passphrase");
                    opened.insert(place.key.as_str(), secret);
                }
                Err(why) => left_out(place, &format!("the secret is left out: {why}"), &mut report),
            },
        }
    }
    remains(document, &places, &mut report);
    let mut parcel = Parcel {
        connector: origin.name.to_string(),
        plugin,
        plugin_version: origin.plugin_version.map(str::to_owned),
        host_version: env!("CARGO_PKG_VERSION").into(),
        exported: origin.exported.to_string(),
        document: replaced(document, hidden),
        secrets: None,
    };
    if let Secrets::Sealed { passphrase, .. } = secrets
        && !opened.is_empty()
    {
        let texts: BTreeMap<&str, &str> =
            opened.iter().map(|(key, secret)| (*key, secret.expose())).collect();
        let text = serde_json::to_string(&texts).expect("a map of texts can be written");
        let text = Zeroizing::new(text);
        parcel.secrets = Some(SealedBox::seal(cost, passphrase, &text, &parcel.around()));
    }
    Ok(Exported { text: parcel.write(), report })
}

/// What is sealed, and tokens; a host refuses secrets in plain text, but its documents may have them.
fn is_secret(place: &Place, parameters: Option<&[String]>) -> bool {
    if place.text.starts_with(SEALED) {
        return true;
    }
    if !place.refers || !matches!(ConfigValue::from_text(&place.text), Ok(ConfigValue::Text(_))) {
        return false;
    }
    let parameter = place.key.rsplit_once("values.").map(|(_, name)| name.trim_matches('"'));
    place.is_token()
        || parameter.is_some_and(|name| match parameters {
            Some(known) => known.iter().any(|known| known == name),
            None => sounds_secret(name),
        })
}

fn open(place: &Place, key: &SealingKey) -> Result<Secret, String> {
    match place.text.starts_with(SEALED) {
        true => key.open(&place.text).map_err(|error| error.to_string()),
        false => Ok(place.text.as_str().into()),
    }
}

fn left_out(place: &Place, what: &str, report: &mut Report) {
    let remedy = match place.is_token() {
        true => "make a new token on the other host",
        false => "enter it again on the other host",
    };
    report.missing(&place.key, what, remedy);
}

fn references(place: &Place, report: &mut Report) {
    if !place.refers {
        return;
    }
    let what = match ConfigValue::from_text(&place.text) {
        Ok(ConfigValue::Env(name)) => format!("the environment variable {name} does not travel"),
        Ok(ConfigValue::File(path)) => format!("the file {path} does not travel"),
        Err(_) if place.text.starts_with(LEFT_OUT) => {
            return left_out(place, "the secret was not here either", report);
        }
        _ => return,
    };
    report.note(&place.key, what, "it must exist on the other host");
}

/// Sealed text outside of values, as in a comment, stays: nobody can open it without this host's key.
fn remains(document: &str, places: &[Place], report: &mut Report) {
    for (at, _) in document.match_indices(SEALED) {
        if !places.iter().any(|place| place.span.contains(&at)) {
            let line = document[..at].matches('\n').count() + 1;
            report.note(
                format!("line {line}"),
                "a comment has a sealed text, which only this host's key opens",
                "remove it before you pass the file on",
            );
        }
    }
}
