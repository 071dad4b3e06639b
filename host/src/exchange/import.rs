//! An exported connector made into a document for this host, its secrets sealed anew.

use std::collections::BTreeMap;

use super::{
    Here, Imported, check, error::ImportError, parcel::Parcel, report::Report, sealed_box::Closed,
};
use crate::config::{ConnectorName, LEFT_OUT, Place, Secret, TokenHash, places, replaced};

type Opened = BTreeMap<String, Secret>;

/// Makes an exported connector this host's own.
pub(super) fn unpacked(
    parcel: Parcel,
    passphrase: Option<&Secret>,
    name: Option<&ConnectorName>,
    here: &Here<'_>,
) -> Result<Imported, ImportError> {
    let damaged = |what: String| ImportError::Damaged(what);
    let called = parcel.connector.parse().map_err(|_| damaged("connector is no name".into()))?;
    let secrets = opened(&parcel, passphrase)?;
    let places =
        places("document", &parcel.document).map_err(|problem| damaged(problem.to_string()))?;
    let name = name.unwrap_or(&called).clone();
    let mut report = Report::default();
    report.note(
        "",
        format!(
            "{called} was exported at {} by version {} of the host",
            parcel.exported, parcel.host_version
        ),
        "",
    );
    check::plugin(&parcel.plugin, parcel.plugin_version.as_deref(), here, &mut report);
    let mut new: Vec<(&Place, String)> = Vec::new();
    for place in &places {
        if place.key == "name" && place.text == called.as_str() && name != called {
            report.changed("name", format!("is {name} instead of {called}"), "");
            new.push((place, name.to_string()));
        }
        if !place.text.starts_with(LEFT_OUT) {
            continue;
        }
        match secrets.get(&place.key) {
            Some(secret) if place.is_token() => {
                let hash: TokenHash = secret.expose().parse().map_err(|_| ImportError::Box)?;
                report.taken(&place.key, "clients present the token that they know");
                new.push((place, hash.to_string()));
            }
            Some(secret) => {
                report.taken(&place.key, "the secret is sealed with this host's key");
                let sealed = here.key.seal(secret.expose());
                new.push((place, sealed.map_err(|error| ImportError::Key(error.to_string()))?));
            }
            None => missing_secret(place, &name, parcel.secrets.is_some(), &mut report),
        }
    }
    let document =
        replaced(&parcel.document, new.iter().map(|(place, text)| (*place, text.as_str())));
    check::document(&name, &document, here, &mut report);
    Ok(Imported { name, document, report })
}

fn opened(parcel: &Parcel, passphrase: Option<&Secret>) -> Result<Opened, ImportError> {
    let (sealed, passphrase) = match (&parcel.secrets, passphrase) {
        (_, None) => return Ok(Opened::new()),
        (None, Some(_)) => return Err(ImportError::NoSecrets),
        (Some(sealed), Some(passphrase)) => (sealed, passphrase),
    };
    let text = sealed.open(passphrase, &parcel.around()).map_err(|closed| match closed {
        Closed::Passphrase => ImportError::Passphrase,
        Closed::Damaged => ImportError::Box,
        Closed::Unknown => ImportError::NewerBox,
    })?;
    let texts: BTreeMap<String, String> =
        serde_json::from_str(text.expose()).map_err(|_| ImportError::Box)?;
    Ok(texts.into_iter().map(|(key, text)| (key, Secret::from(text))).collect())
}

fn missing_secret(place: &Place, name: &ConnectorName, is_sealed: bool, report: &mut Report) {
    let what = match is_sealed {
        true => "the secret was not opened",
        false => "the secret was left out at export",
    };
    let remedy = match place.is_token() {
        true => format!("run `ecma-host token new {name}` and give clients the new token"),
        false => "write what `ecma-host seal` prints, or \"env:NAME\" or \"file:PATH\"".to_owned(),
    };
    let remedy = match is_sealed {
        true => format!("import with the passphrase, or {remedy}"),
        false => remedy,
    };
    report.missing(&place.key, what, remedy);
}
