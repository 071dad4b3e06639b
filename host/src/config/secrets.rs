//! Text that must not be seen: a type that does not print it, and a scrubber for messages.

use std::{borrow::Cow, fmt};

use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// What stands in place of a secret.
const MASK: &str = "***";
/// Shorter secrets are not scrubbed: they would blank out ordinary words.
const SHORTEST_SCRUBBED: usize = 4;
const SHORTEST_SCRUBBED_LINE: usize = 8;

/// Secret text: prints as `***` and is zeroed when dropped.
#[derive(Clone)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// The text itself; not to be kept, printed or logged.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl From<String> for Secret {
    fn from(text: String) -> Self {
        Self(Zeroizing::new(text))
    }
}

impl From<&str> for Secret {
    fn from(text: &str) -> Self {
        text.to_owned().into()
    }
}

impl PartialEq for Secret {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl Eq for Secret {}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// Replaces secrets in messages by `***`, as they are and as Rust's debug form escapes them.
#[derive(Clone, Default)]
pub struct Scrubber {
    secrets: Vec<Secret>,
}

impl Scrubber {
    /// A scrubber of these secrets; those under 4 characters are left alone. Of a secret of several lines
    /// each line of 8 characters or more is one too, and what follows its first `=`.
    pub fn new(secrets: impl IntoIterator<Item = Secret>) -> Self {
        let mut known: Vec<Secret> = Vec::new();
        for secret in secrets {
            let escaped = Secret::from(secret.expose().escape_debug().to_string());
            let lines = secret.expose().trim().lines();
            let lines = if lines.clone().count() > 1 { Some(lines) } else { None };
            let whole = |line: &&str| line.chars().nth(SHORTEST_SCRUBBED_LINE - 1).is_some();
            let parts =
                lines.into_iter().flatten().map(str::trim).filter(whole).flat_map(|line| {
                    [Some(line), line.split_once('=').map(|(_, after)| after.trim())]
                });
            let parts: Vec<Secret> = parts.flatten().map(Secret::from).collect();
            for form in [secret, escaped].into_iter().chain(parts) {
                let long = form.expose().chars().nth(SHORTEST_SCRUBBED - 1).is_some();
                if long && !known.contains(&form) {
                    known.push(form);
                }
            }
        }
        Self { secrets: known }
    }

    /// The message without the secrets; secrets that overlap go together.
    pub fn scrub<'m>(&self, message: &'m str) -> Cow<'m, str> {
        let mut hits = self.hits(message);
        if hits.is_empty() {
            return Cow::Borrowed(message);
        }
        hits.sort_unstable();
        let (mut clean, mut shown) = (String::with_capacity(message.len()), 0);
        for (start, end) in hits {
            if start >= shown {
                clean.push_str(&message[shown..start]);
                clean.push_str(MASK);
            }
            shown = shown.max(end);
        }
        clean.push_str(&message[shown..]);
        Cow::Owned(clean)
    }

    fn hits(&self, message: &str) -> Vec<(usize, usize)> {
        let mut hits = Vec::new();
        for secret in self.secrets.iter().map(Secret::expose) {
            let first = secret.chars().next().map_or(1, char::len_utf8);
            let mut from = 0;
            while let Some(found) = message[from..].find(secret) {
                hits.push((from + found, from + found + secret.len()));
                from += found + first;
            }
        }
        hits
    }
}

impl fmt::Debug for Scrubber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Scrubber({} forms)", self.secrets.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::from("hunter22");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
        assert_eq!(secret.expose(), "hunter22");
        assert_eq!(secret, "hunter22".into());
        assert_ne!(secret, "hunter23".into());
    }

    #[test]
    fn messages_are_scrubbed() {
        let secrets = ["hunter22", "ter22xyz", "aaaa", "abc", "quo\"te", "größe"];
        let scrubber = Scrubber::new(secrets.map(Secret::from));
        for (message, expected) in [
            ("nothing to hide", "nothing to hide"),
            ("hunter22", "***"),
            ("user=x;password=hunter22;hunter22", "user=x;password=***;***"),
            ("hunter22xyz!", "***!"),
            ("b aaaaaa b", "b *** b"),
            ("aaaaaaaa", "***"),
            ("abc stays", "abc stays"),
            (r#"near "quo\"te""#, r#"near "***""#),
            ("größe", "***"),
        ] {
            assert_eq!(scrubber.scrub(message), expected, "{message}");
        }
        assert_eq!(format!("{scrubber:?}"), "Scrubber(6 forms)");
    }

    #[test]
    fn each_line_of_a_secret_is_one() {
        let scrubber = Scrubber::new([Secret::from("person = hunter22\nteam = s3cret!\nend\n")]);
        for (message, expected) in [
            ("log-in with hunter22 failed", "log-in with *** failed"),
            ("line person = hunter22", "line ***"),
            ("s3cret! in the end", "*** in the end"),
        ] {
            assert_eq!(scrubber.scrub(message), expected);
        }
    }
}
