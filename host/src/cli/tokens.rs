//! `token`: the secret tokens of clients.

use super::{
    Asked, Exit, NoHost, client::Client, connectors::document_of, secrets::from_stdin, table,
};
use anyhow::{Context, anyhow, bail};
use clap::Subcommand;
use ecma_host::{
    app,
    binding::TOKEN_NOTICE,
    config::{
        self, ConnectorConfig, DEFAULT_TOKEN, HostConfig, NewToken, TokenEntry, TokenHash,
        TokenSource, load_connectors,
    },
};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::{self, Write},
};

#[derive(Subcommand)]
pub(super) enum Token {
    /// Make a new secret token for a connector; it is shown once, the document keeps its hash.
    ///
    /// Without a label it takes the place of the one written `token`. With one it is added, and the
    /// others stay: give it to the client, and remove the old one once the new one is used.
    New {
        /// The connector.
        name: String,
        /// Add it under this name, and leave the others: 1 to 64 ASCII letters, digits, hyphens, dots or
        /// underscores, and not `default`, which is the one written `token`.
        #[arg(long)]
        label: Option<String>,
        /// Its last day in UTC, such as 2026-12-31, a time, or a number of days such as 90d; with --label only.
        #[arg(long, requires = "label")]
        expires: Option<String>,
        /// It may only read: for people and monitoring, not for provisioning; with --label only.
        #[arg(long, requires = "label")]
        read_only: bool,
        /// Read the token from standard input instead of making one.
        #[arg(long)]
        stdin: bool,
    },
    /// The tokens of a connector: until when they are good, and when they were used last.
    List {
        /// The connector.
        name: String,
    },
    /// Remove a token; the last one stays.
    Remove {
        /// The connector.
        name: String,
        /// What it is called; the one written `token` is called default.
        label: String,
    },
}

pub(super) fn run(asked: &Asked, what: Token) -> anyhow::Result<Exit> {
    match what {
        Token::New { name, label, expires, read_only, stdin } => {
            let expires = expires.as_deref().map(expiry).transpose()?;
            new(asked, &name, label.as_deref(), expires.as_deref(), read_only, stdin)
        }
        Token::List { name } => list(asked, &name),
        Token::Remove { name, label } => remove(asked, &name, &label),
    }
}

/// `90d` as a day; a day or a time as it is.
fn expiry(text: &str) -> anyhow::Result<String> {
    let now = app::now();
    if let Some(days) = text.strip_suffix('d').and_then(|days| days.parse().ok()) {
        return Ok(config::days_later(now, days));
    }
    let end = config::parse_expiry(text).map_err(|reason| {
        anyhow!("--expires: {text:?} {reason}, nor a number of days such as 90d")
    })?;
    if end <= now {
        bail!("--expires: {text} is over");
    }
    Ok(text.to_owned())
}

fn new(
    asked: &Asked,
    name: &str,
    label: Option<&str>,
    expires: Option<&str>,
    read_only: bool,
    stdin: bool,
) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    let (name, file) = document_of(&settings, name)?;
    let token = if stdin {
        let token = from_stdin("the token")?;
        if token.chars().count() < 12 || !token.bytes().all(|byte| (0x20..0x7f).contains(&byte)) {
            bail!("a token has at least 12 characters of printable ASCII");
        }
        token
    } else {
        config::new_token().expose().to_owned()
    };
    let hash = TokenHash::new(&token);
    match label {
        Some(label) => {
            config::add_token(&file, &NewToken { name: label, hash, expires, read_only })
        }
        None => config::set_string(&file, "token", &hash.to_string()),
    }
    .with_context(|| format!("cannot change {}", file.display()))?;
    let shown = (!stdin).then_some(&token);
    let label = label.unwrap_or(DEFAULT_TOKEN);
    let value = json!({"connector": name.as_str(), "label": label, "token": shown});
    asked.print(&value, |out| match shown {
        Some(token) => writeln!(out, "{token}"),
        None => Ok(()),
    })?;
    // Only then: a token that was made is shown whatever becomes of the rest.
    let at = file.display();
    Ok(match taken(&settings, name.as_str())? {
        Taken::NoHost => {
            writeln!(io::stderr(), "The hash is in {at}.")?;
            Exit::Well
        }
        Taken::Yes => {
            writeln!(io::stderr(), "The hash is in {at}. The running host has taken it.")?;
            Exit::Well
        }
        Taken::No(reason) => {
            writeln!(
                io::stderr(),
                "The hash is in {at}, but the new token is not good yet: the running host refuses the \
                 document, and tokens of before count until it is right: {reason}"
            )?;
            Exit::Wrong
        }
    })
}

fn remove(asked: &Asked, name: &str, label: &str) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    let (name, file) = document_of(&settings, name)?;
    config::remove_token(&file, label)
        .with_context(|| format!("cannot change {}", file.display()))?;
    let taken = taken(&settings, name.as_str())?;
    let mut all = load_connectors(&settings.connectors).into_iter();
    let left = all.find(|one| one.file == file).and_then(|one| one.result.ok());
    let note = left.and_then(|config| note(name.as_str(), &config.tokens, app::now()));
    let refused = if let Taken::No(reason) = taken { Some(reason) } else { None };
    let value = json!({
        "connector": name.as_str(), "removed": label, "note": note, "refused": refused,
    });
    let gone = if refused.is_some() { "removed from the document" } else { "removed" };
    asked.print(&value, |out| writeln!(out, "the token {label} of {name} is {gone}"))?;
    if let Some(note) = note {
        writeln!(io::stderr(), "{note}")?;
    }
    let Some(reason) = refused else { return Ok(Exit::Well) };
    writeln!(
        io::stderr(),
        "IT IS STILL GOOD: the running host refuses the document, and tokens of before count until it is \
         right: {reason}"
    )?;
    Ok(Exit::Wrong)
}

/// What a running host made of a changed document.
enum Taken {
    Yes,
    /// It is refused for this reason; the one before goes on where there was one.
    No(String),
    /// None runs, or it did not say.
    NoHost,
}

fn taken(settings: &HostConfig, name: &str) -> anyhow::Result<Taken> {
    if !Client::tell(settings) {
        return Ok(Taken::NoHost);
    }
    let state = match Client::new(settings)?.get("/v1/health") {
        Ok(state) => state,
        Err(error) if error.is::<NoHost>() => return Ok(Taken::NoHost),
        // It may just have ended. What was written stays all the same.
        Err(error) => {
            writeln!(io::stderr(), "{error:#}; whether it has taken the change is not known")?;
            return Ok(Taken::NoHost);
        }
    };
    let mut connectors = state["connectors"].as_array().into_iter().flatten();
    let connector = connectors.find(|one| one["name"] == name).cloned().unwrap_or_default();
    let mut notices = connector["notices"].as_array().into_iter().flatten();
    let refused = notices.find(|notice| notice["kind"] == "refused");
    // One that is not bound has no plugin yet; another may have failed for its target.
    let is_broken = connector["state"] == "failed" && connector["plugin"].is_null();
    let reason = refused.or(is_broken.then_some(&connector)).map(|one| &one["detail"]);
    Ok(match reason.and_then(Value::as_str) {
        Some(reason) => Taken::No(reason.to_owned()),
        None => Taken::Yes,
    })
}

/// What is to be known of the tokens that are left, when they are none, or not for long.
fn note(connector: &str, left: &[TokenEntry], now: Timestamp) -> Option<String> {
    let live: Vec<_> =
        left.iter().filter(|token| token.expires.is_none_or(|end| end > now)).collect();
    let another = format!("make another one with `ecma-host token new {connector} --label LABEL`");
    if live.is_empty() {
        return Some(format!(
            "no token of {connector} is good any more, so no client can ask: {another}"
        ));
    }
    // Those that may only read do not provision, however long they are good.
    let writing = live.iter().filter(|token| !token.read_only);
    let Some(last) = writing.max_by_key(|token| token.expires.unwrap_or(Timestamp::MAX)) else {
        return Some(format!(
            "the tokens of {connector} that are left may only read: {another} to provision"
        ));
    };
    let end = last.expires.filter(|end| end.duration_since(now) <= TOKEN_NOTICE)?;
    let name = &last.name;
    Some(format!(
        "{connector} has no token to provision with that is good for long: the last one, {name}, \
         expires at {end}; {another}"
    ))
}

fn list(asked: &Asked, name: &str) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    let (name, file) = document_of(&settings, name)?;
    let mut all = load_connectors(&settings.connectors).into_iter();
    let loaded = all.find(|one| one.file == file).context("the document has just gone")?;
    let config = loaded.result.map_err(|problems| {
        let texts: Vec<String> = problems.iter().map(ToString::to_string).collect();
        anyhow!("{}", texts.join("\n"))
    })?;
    let uses = uses(&settings, &config)?;
    let now = app::now();
    let tokens: Vec<Value> = config
        .tokens
        .iter()
        .map(|token| {
            json!({
                "name": token.name,
                "kind": if token.read_only { "read-only" } else { "full" },
                "kept": kept(token),
                "expires": token.expires.map(|end| end.to_string()),
                "lastUsed": uses.get(&token.name),
                "state": state(token, now),
            })
        })
        .collect();
    asked.print(&json!({"connector": name.as_str(), "tokens": tokens}), |out| {
        let row = |token: &Value| {
            let text = |key: &str| token[key].as_str().unwrap_or("never").to_owned();
            ["name", "kind", "kept", "expires", "lastUsed", "state"].map(text).to_vec()
        };
        let rows: Vec<_> = tokens.iter().map(row).collect();
        table::write(out, &["NAME", "KIND", "KEPT", "EXPIRES", "LAST USED", "STATE"], &rows)
    })?;
    Ok(Exit::Well)
}

fn kept(token: &TokenEntry) -> &'static str {
    match token.source {
        TokenSource::Hash(_) => "hash",
        TokenSource::Env(_) => "env",
        TokenSource::File(_) => "file",
    }
}

fn state(token: &TokenEntry, now: Timestamp) -> &'static str {
    match token.expires {
        Some(end) if end <= now => "expired",
        _ => "good",
    }
}

/// When tokens were used last, by name: what a running host says, else what the last one wrote down.
fn uses(
    settings: &HostConfig,
    config: &ConnectorConfig,
) -> anyhow::Result<BTreeMap<String, String>> {
    let name = config.name.as_str();
    match Client::new(settings)?.get("/v1/health") {
        Ok(state) => {
            let mut connectors = state["connectors"].as_array().into_iter().flatten();
            let connector = connectors.find(|connector| connector["name"] == name);
            let tokens = connector.and_then(|one| one["tokens"].as_array()).into_iter().flatten();
            let text = |value: &Value| value.as_str().map(str::to_owned);
            let used = |token: &Value| Some((text(&token["name"])?, text(&token["lastUsed"])?));
            Ok(tokens.filter_map(used).collect())
        }
        Err(error) if error.is::<NoHost>() => {
            let written = app::last_uses(&settings.state)
                .with_context(|| format!("cannot read {}", settings.state.display()))?;
            let used = |token: &TokenEntry| {
                Some((token.name.clone(), written.get(&token.print(name))?.clone()))
            };
            Ok(config.tokens.iter().filter_map(used).collect())
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_that_are_left_and_are_no_longer_good_are_told() {
        let token = |name: &str, expires: Option<&str>, read_only| TokenEntry {
            name: name.to_owned(),
            source: TokenSource::Env("T".to_owned()),
            expires: expires.map(|end| end.parse().unwrap()),
            read_only,
        };
        let told = |left: &[TokenEntry]| {
            note("HR", left, "2026-06-01T00:00:00Z".parse().unwrap()).unwrap_or_default()
        };
        let over = token("over", Some("2026-05-31T00:00:00Z"), false);
        let soon = token("soon", Some("2026-06-10T00:00:00Z"), false);
        let good = token("good", Some("2027-01-01T00:00:00Z"), false);
        let reads = token("reads", None, true);
        assert!(told(std::slice::from_ref(&over)).contains("no token of HR is good any more"));
        let said = told(&[over.clone(), soon.clone()]);
        assert!(said.contains("the last one, soon, expires at 2026-06-10"), "{said}");
        assert!(told(&[reads.clone(), over]).contains("may only read"));
        let said = told(&[soon.clone(), reads.clone()]);
        assert!(said.contains("the last one, soon, expires at 2026-06-10"), "{said}");
        assert_eq!(told(&[soon, good, reads]), "");
    }
}
