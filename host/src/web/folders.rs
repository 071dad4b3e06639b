//! What a client is told of a fault names files, and not in which folders of this machine they are.

use crate::config::HostConfig;
use parking_lot::RwLock;
use std::{borrow::Cow, path::Path};

/// The folders of this process's host, the longest first.
static KNOWN: RwLock<Vec<String>> = RwLock::new(Vec::new());

/// Has the host's own folders left out whatever their names look like.
pub fn leave_out_folders(config: &HostConfig) {
    let files = config.tls.iter().flat_map(|tls| [&tls.certificate, &tls.key]);
    let folders = [&config.home, &config.plugins, &config.connectors, &config.state];
    let folders = folders.into_iter().map(|folder| folder.as_path());
    *KNOWN.write() = written(folders.chain(files.filter_map(|file| file.parent())));
}

/// As they are written, and as the system writes them.
fn written<'a>(folders: impl Iterator<Item = &'a Path>) -> Vec<String> {
    let both = folders.flat_map(|folder| {
        [Some(folder.to_owned()), folder.canonicalize().ok()].into_iter().flatten()
    });
    let named = both.filter(|folder| folder.is_absolute() && folder.file_name().is_some());
    let mut all: Vec<String> = named.map(|folder| folder.display().to_string()).collect();
    all.sort_by(|one, other| other.len().cmp(&one.len()).then_with(|| one.cmp(other)));
    all.dedup();
    all
}

/// The text with the folders of whole paths left out: `/srv/ecma/state/seal.key` is `seal.key`.
pub(super) fn without_folders(text: &str) -> Cow<'_, str> {
    match without_known(text, &KNOWN.read()) {
        Cow::Borrowed(text) => without_any(text),
        Cow::Owned(text) => Cow::Owned(without_any(&text).into_owned()),
    }
}

/// Stands for a known folder: a path without spaces.
const SHORT: &str = "/-/-";

/// The text with the known folders made short, so that what is below them is seen as a path.
fn without_known<'a>(text: &'a str, known: &[String]) -> Cow<'a, str> {
    let mut text = Cow::Borrowed(text);
    for folder in known {
        let mut from = 0;
        while let Some(found) = text[from..].find(folder.as_str()) {
            let (at, end) = (from + found, from + found + folder.len());
            let is_name = |c: char| c.is_alphanumeric() || is_separator(c) || "-_.".contains(c);
            let mut behind = text[end..].chars();
            let next = behind.next();
            let is_part = text[..at].chars().next_back().is_some_and(is_name);
            let short = match next {
                _ if is_part => None,
                Some(c) if is_separator(c) => Some(SHORT.to_owned()),
                // The end of a sentence is no name.
                Some('.') if behind.next().is_none_or(char::is_whitespace) => Some(last(folder)),
                Some(c) if is_name(c) => None,
                _ => Some(last(folder)),
            };
            from = at + short.as_ref().map_or(folder.len(), String::len);
            if let Some(short) = short {
                text.to_mut().replace_range(at..end, &short);
            }
        }
    }
    text
}

/// The last name of a path.
fn last(path: &str) -> String {
    let names = path.trim_end_matches(is_separator);
    names.rsplit(is_separator).next().unwrap_or(names).to_owned()
}

fn without_any(text: &str) -> Cow<'_, str> {
    let mut rest = text;
    let mut kept = String::new();
    while let Some((before, path, after)) = next_path(rest) {
        kept.push_str(before);
        kept.push_str(&last(path));
        rest = after;
    }
    if rest.len() == text.len() {
        return Cow::Borrowed(text);
    }
    kept.push_str(rest);
    Cow::Owned(kept)
}

fn is_separator(c: char) -> bool {
    c == '/' || c == '\\'
}

/// What of the text is one path. Spaces end it, but those before a further folder of Windows: prose has no
/// backslashes.
fn first_words(text: &str, of_windows: bool) -> &str {
    let mut end = text.find(char::is_whitespace).unwrap_or(text.len());
    let (mut at, mut rest) = (end, &text[end..]);
    while of_windows && let Some(begin) = rest.find(|c: char| !c.is_whitespace()) {
        let word = &rest[begin..];
        let word = &word[..word.find(char::is_whitespace).unwrap_or(word.len())];
        if word.starts_with(is_separator) {
            break;
        }
        at += begin + word.len();
        if word.contains('\\') {
            end = at;
        }
        rest = &text[at..];
    }
    &text[..end]
}

/// What is before the first whole path, the path, and what is behind it.
fn next_path(text: &str) -> Option<(&str, &str, &str)> {
    let begins = |at: usize| {
        text[..at]
            .chars()
            .next_back()
            .is_none_or(|before| before.is_whitespace() || "\"'`(<[=:,".contains(before))
    };
    for (at, c) in text.char_indices() {
        let from = &text[at..];
        let is_drive = c.is_ascii_alphabetic()
            && from.get(1..3).is_some_and(|next| next == ":\\" || next == ":/");
        let is_share = from.starts_with(r"\\");
        let is_root = c == '/' && !from[1..].starts_with('/');
        if !(is_drive || is_share || is_root) || !begins(at) {
            continue;
        }
        let drive = if from.starts_with(r"\\?\") { 5 } else { 1 };
        let ends = |(at, c): (usize, char)| {
            ("\"'`)>],;\n".contains(c) || c == ':' && at != drive).then_some(at)
        };
        let end = from.char_indices().find_map(ends).unwrap_or(from.len());
        let path = first_words(&from[..end], !is_root);
        let end = path.len();
        // One name alone is no folder of anything: `/Users`.
        if path.trim_end_matches(is_separator).matches(is_separator).count() > 1 {
            return Some((&text[..at], path, &from[end..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_without_their_folders() {
        for (text, expected) in [
            (
                "sealing key /srv/ecma/state/seal.key: Permission denied (os error 13)",
                "sealing key seal.key: Permission denied (os error 13)",
            ),
            (
                "the system cannot load it: /srv/ecma/state/shadow/1f/libx.so: undefined symbol: y",
                "the system cannot load it: libx.so: undefined symbol: y",
            ),
            ("run `chmod 600 /a/b` and `chmod 700 /c/d/`", "run `chmod 600 b` and `chmod 700 d`"),
            (r"C:\ecma\state\seal.key is damaged", "seal.key is damaged"),
            (r"read C:\Documents and Settings\ecma\x: denied", "read x: denied"),
            (r"\\?\C:\Program Files\ecma\x is damaged", "x is damaged"),
            (r"from C:\a\b to D:\c\d", "from b to d"),
            (r"from C:\a\b to \\server\share\d", "from b to d"),
            (r"\\server\share is away", "share is away"),
            (
                "connectors/HR.toml: values.file: people.csv",
                "connectors/HR.toml: values.file: people.csv",
            ),
            (
                "https://idm.example.org/a/b and ldaps://x/y",
                "https://idm.example.org/a/b and ldaps://x/y",
            ),
            ("there is no /Users, 3/4, and/or ", "there is no /Users, 3/4, and/or "),
            ("größe /ä/ö/ü", "größe ü"),
            ("", ""),
        ] {
            assert_eq!(without_folders(text), expected);
        }
    }

    #[test]
    fn known_folders_are_left_out_whatever_their_names_look_like() {
        let home = tempfile::tempdir().unwrap();
        let home = home.path().join("my own data");
        std::fs::create_dir(&home).unwrap();
        let known = written([home.join("state").as_path(), home.as_path()].into_iter());
        let home = home.to_str().unwrap();
        for (text, expected) in [
            ("sealing key HOME/state/seal.key: denied", "sealing key seal.key: denied"),
            ("HOME/state/shadow/1f/libx.so: bad", "libx.so: bad"),
            ("`chmod 600 'HOME/password'`", "`chmod 600 'password'`"),
            ("cannot use HOME/state.", "cannot use state."),
            ("the folder HOME is full", "the folder my own data is full"),
            ("nothing of it", "nothing of it"),
        ] {
            let text = text.replace("HOME", home);
            let short = without_known(&text, &known);
            assert_eq!(without_any(&short), expected);
        }
        let besides = format!("{home}2 and /x{home}");
        assert_eq!(without_known(&besides, &known), besides, "others only look like it");
    }
}
