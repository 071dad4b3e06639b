//! Folders, plugins and documents of a home.

use super::Findings;
use crate::{
    app::{texts, workbench::Workbench},
    config::{Account, HostConfig, Loaded, SEALED, SealingKey, load_connectors, places, quoted},
};
use std::{fs, path::Path};

/// Whether the state folder can be worked with: the key is in it, and copies of plugins.
pub(super) fn is_usable(config: &HostConfig) -> bool {
    let parent = config.state.parent().unwrap_or(Path::new("."));
    is_writable(if config.state.exists() { &config.state } else { parent })
}

#[cfg(unix)]
fn is_writable(folder: &Path) -> bool {
    rustix::fs::access(folder, rustix::fs::Access::WRITE_OK).is_ok()
}

#[cfg(not(unix))]
fn is_writable(folder: &Path) -> bool {
    fs::metadata(folder).is_ok_and(|known| !known.permissions().readonly())
}

pub(super) fn folders(config: &HostConfig, account: &Account, found: &mut Findings) {
    for (folder, name, is_private) in [
        (&config.home, "home", false),
        (&config.plugins, "plugins folder", false),
        (&config.connectors, "connectors folder", false),
        (&config.state, "state folder", true),
    ] {
        let shown = folder.display();
        match fs::metadata(folder) {
            Ok(known) if known.is_dir() => {
                look(folder, &known, name, is_private.then_some(account), found)
            }
            Ok(_) => {
                found.error(name, format!("{shown} is no folder"), "put a folder in its place")
            }
            Err(_) if is_private => {
                found.note(name, format!("{shown} is not there yet"), "the first start makes it");
            }
            Err(error) => found.warning(
                name,
                format!("{shown}: {error}"),
                format!("make it: `mkdir {}`", quoted(folder)),
            ),
        }
    }
    if config.state.exists() && !account.may_write(&config.state) {
        let shown = config.state.display();
        let what = format!("{shown} cannot be written by the host's account");
        found.unwritable(account, "state folder", what, &config.state);
    }
    if config.connectors.exists() && !account.may_write(&config.connectors) {
        let shown = config.connectors.display();
        let what = format!(
            "{shown} cannot be written by the host's account: commands such as `token new` and \
             `connectors rename` fail"
        );
        found.warning("connectors folder", what, account.remedy(&config.connectors));
    }
}

#[cfg(unix)]
fn look(
    folder: &Path,
    known: &fs::Metadata,
    name: &str,
    private_to: Option<&Account>,
    found: &mut Findings,
) {
    use std::os::unix::fs::MetadataExt;
    let (shown, mode) = (folder.display(), known.mode() & 0o7777);
    let command = quoted(folder);
    let before = found.0.len();
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        let remedy = format!("`chmod o-w {command}`");
        found.error(name, format!("{shown} may be written by anybody ({mode:o})"), remedy);
    }
    if private_to.is_some() && mode & 0o077 != 0 {
        let what = format!("{shown} is open to others ({mode:o}), and keys are in it");
        found.error(name, what, format!("`chmod 700 {command}`"));
    }
    let owner = known.uid();
    if let Some(user) = private_to.map(Account::user).filter(|user| *user != owner) {
        found.error(
            name,
            format!("{shown} belongs to account {owner}, and the host or this runs as {user}"),
            format!("run the commands as the host's account, or `chown -R {user} {command}`"),
        );
    }
    if found.0.len() == before {
        found.ok(name, format!("{shown} ({mode:o})"));
    }
}

#[cfg(not(unix))]
fn look(folder: &Path, _: &fs::Metadata, name: &str, _: Option<&Account>, found: &mut Findings) {
    found.ok(name, folder.display().to_string());
}

pub(super) fn plugins_and_documents(config: &HostConfig, found: &mut Findings) {
    let bench = match Workbench::open(config.clone()) {
        Ok(bench) => bench,
        Err(error) => {
            let remedy = "run this as the host's account";
            return found.error("state folder", format!("{error:#}"), remedy);
        }
    };
    for row in bench.rows() {
        match row.state.as_str() {
            "loaded" => found.ok(&row.file, format!("{} {} is loaded", row.plugin, row.version)),
            state if state.starts_with("refused") => found.error(&row.file, state, row.remedy),
            state => found.note(&row.file, state, row.remedy),
        }
    }
    let mut sealed = 0;
    for Loaded { name, file, result, .. } in load_connectors(&config.connectors) {
        let shown = file.strip_prefix(&config.home).unwrap_or(&file).display().to_string();
        let text = fs::read_to_string(&file).unwrap_or_default();
        let opened = seals(&text, bench.key());
        sealed += opened.iter().filter(|(_, wrong)| wrong.is_none()).count();
        let connector = match result {
            Ok(connector) => connector,
            Err(problems) => {
                found.error(&shown, texts(&problems), "correct it; a running host follows it");
                // Of one that is right the plugin's answer tells the same.
                for (key, wrong) in opened {
                    if let Some(wrong) = wrong {
                        found.error(&shown, format!("{key}: {wrong}"), "seal the value anew");
                    }
                }
                continue;
            }
        };
        match bench.in_the_way(connector) {
            reasons if reasons.is_empty() => {
                found.ok(&shown, "right, and its plugin takes its values");
            }
            reasons => {
                let test = name.map_or_else(String::new, |name| name.to_string());
                found.error(
                    &shown,
                    reasons.join("\n"),
                    format!("correct it; `ecma-host connectors test {test}` looks further"),
                );
            }
        }
    }
    if sealed > 0 {
        found.ok("sealing key", format!("it opens all {sealed} sealed values that it should"));
    }
}

/// Each sealed value of a document, and why it does not open.
fn seals(text: &str, key: &SealingKey) -> Vec<(String, Option<String>)> {
    let all = places("document", text).unwrap_or_default().into_iter();
    all.filter(|place| place.text.starts_with(SEALED))
        .map(|place| (place.key, key.open(&place.text).err().map(|error| error.to_string())))
        .collect()
}
