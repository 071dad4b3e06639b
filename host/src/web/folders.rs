//! What a client is told of a fault names files, and not in which folders of this machine they are.

use std::borrow::Cow;

/// The text with the folders of whole paths left out: `/srv/ecma/state/seal.key` is `seal.key`.
pub(super) fn without_folders(text: &str) -> Cow<'_, str> {
    let mut rest = text;
    let mut kept = String::new();
    while let Some((before, path, after)) = next_path(rest) {
        kept.push_str(before);
        kept.push_str(
            path.trim_end_matches(is_separator).rsplit(is_separator).next().unwrap_or(path),
        );
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
        let is_root = c == '/' && !from[1..].starts_with('/');
        if !(is_drive || is_root) || !begins(at) {
            continue;
        }
        let ends = |(at, c): (usize, char)| {
            (c.is_whitespace() || "\"'`)>],;".contains(c) || c == ':' && at != 1).then_some(at)
        };
        let end = from.char_indices().find_map(ends).unwrap_or(from.len());
        let path = &from[..end];
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
}
