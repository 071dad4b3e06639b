//! The tokens of a connector at work: whose a request is, whether it may still be, and when each was
//! used last.

use super::Binding;
use crate::config::{ConnectorConfig, TokenHash};
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use std::{
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

/// From so many days before its end a token is told of.
pub const TOKEN_NOTICE: SignedDuration = SignedDuration::from_hours(14 * 24);

/// When a token was used last, in minutes since 1970; 0 when it never was.
pub type LastUse = Arc<AtomicI64>;

/// A token that may be presented.
pub struct Token {
    /// What it is called.
    pub name: Arc<str>,
    /// Whether it may only read.
    pub read_only: bool,
    hash: TokenHash,
    expires: Option<Timestamp>,
    used: LastUse,
}

/// A token as it is shown to an operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenShown {
    /// What it is called.
    pub name: String,
    /// Whether it may only read.
    pub read_only: bool,
    /// From when on it is refused, RFC 3339.
    pub expires: Option<String>,
    /// When it was used last, to the minute, RFC 3339.
    pub last_used: Option<String>,
}

/// Whose token was presented.
pub enum Verdict<'t> {
    /// This one, and it may still be used.
    Valid(&'t Token),
    /// This one, but its time is over.
    Expired(&'t Token),
    /// Nobody's.
    Unknown,
}

/// All tokens of a connector.
pub struct Tokens(Vec<Token>);

impl Tokens {
    /// The tokens of a document, references followed from `home`; `used` gives each, by its print, what
    /// it keeps its last use in. An error names the token.
    pub fn of(
        config: &ConnectorConfig,
        home: &Path,
        used: impl Fn(&str) -> LastUse,
    ) -> Result<Tokens, String> {
        let tokens = config.tokens.iter().map(|entry| {
            let hash = entry.source.resolve(home).map_err(|reason| match entry.name.as_str() {
                crate::config::DEFAULT_TOKEN => format!("token: {reason}"),
                name => format!("tokens: {name}: {reason}"),
            })?;
            Ok(Token {
                name: entry.name.as_str().into(),
                read_only: entry.read_only,
                hash,
                expires: entry.expires,
                used: used(&entry.print(config.name.as_str())),
            })
        });
        Ok(Tokens(tokens.collect::<Result<_, String>>()?))
    }

    /// Whose token this is; it counts as used. Each is compared whatever the others say, so that the time
    /// tells nothing.
    pub fn judge(&self, presented: &[u8], now: Timestamp) -> Verdict<'_> {
        let mut verdict = Verdict::Unknown;
        for token in &self.0 {
            if token.hash.matches(presented) && !matches!(verdict, Verdict::Valid(_)) {
                verdict = match token.is_over(now) {
                    true => Verdict::Expired(token),
                    false => Verdict::Valid(token),
                };
            }
        }
        if let Verdict::Valid(token) = &verdict {
            token.use_at(now);
        }
        verdict
    }

    /// The tokens, for an operator.
    pub fn shown(&self) -> impl Iterator<Item = TokenShown> {
        self.0.iter().map(|token| TokenShown {
            name: token.name.to_string(),
            read_only: token.read_only,
            expires: token.expires.map(|end| end.to_string()),
            last_used: time_of(token.used.load(Ordering::Relaxed)).map(|used| used.to_string()),
        })
    }
}

/// The time of a [`LastUse`]; `None` when there was none.
#[must_use]
pub fn time_of(minutes: i64) -> Option<Timestamp> {
    Some(minutes).filter(|minutes| *minutes > 0).and_then(|m| Timestamp::from_second(m * 60).ok())
}

impl Token {
    fn is_over(&self, now: Timestamp) -> bool {
        self.expires.is_some_and(|end| end <= now)
    }

    fn use_at(&self, now: Timestamp) {
        let minute = now.as_second() / 60;
        // Most requests find it there already: nothing is written that other processors look at.
        if self.used.load(Ordering::Relaxed) != minute {
            self.used.store(minute, Ordering::Relaxed);
        }
    }
}

impl Binding {
    /// Whose token this is; it counts as used now.
    pub fn whose(&self, presented: &[u8]) -> Verdict<'_> {
        self.tokens.judge(presented, (self.clock)())
    }

    /// The tokens, for an operator.
    #[must_use]
    pub fn tokens_shown(&self) -> Vec<TokenShown> {
        self.tokens.shown().collect()
    }

    /// What an operator should know of tokens that end soon, or have ended.
    #[must_use]
    pub fn ending_tokens(&self) -> Vec<String> {
        let (now, connector) = ((self.clock)(), self.name());
        let ending = self.tokens.0.iter().filter_map(|token| {
            let (end, name) = (token.expires?, &token.name);
            if end <= now {
                return Some(format!(
                    "the token {name} has expired at {end}; remove it with \
                     `ecma-host token remove {connector} {name}`"
                ));
            }
            (end.duration_since(now) <= TOKEN_NOTICE).then(|| {
                format!(
                    "the token {name} expires at {end}; make another one with \
                     `ecma-host token new {connector} --label LABEL` and give it to its client"
                )
            })
        });
        ending.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        let token = |name: &str, text: &str, expires: Option<&str>| Token {
            name: name.into(),
            read_only: false,
            hash: TokenHash::new(text),
            expires: expires.map(|end| end.parse().unwrap()),
            used: LastUse::default(),
        };
        Tokens(vec![
            token("old", "one", Some("2026-01-01T00:00:00Z")),
            token("new", "two", Some("2027-01-01T00:00:00Z")),
            token("same", "one", None),
        ])
    }

    fn judged(presented: &str, now: &str) -> String {
        match tokens().judge(presented.as_bytes(), now.parse().unwrap()) {
            Verdict::Valid(token) => token.name.to_string(),
            Verdict::Expired(token) => format!("{} is over", token.name),
            Verdict::Unknown => "nobody".to_owned(),
        }
    }

    #[test]
    fn a_token_is_whose_it_is_until_it_ends() {
        for (presented, now, expected) in [
            ("one", "2025-12-31T23:59:59Z", "old"),
            ("one", "2026-01-01T00:00:00Z", "same"),
            ("two", "2026-01-01T00:00:00Z", "new"),
            ("two", "2027-01-01T00:00:00Z", "new is over"),
            ("three", "2026-01-01T00:00:00Z", "nobody"),
            ("", "2026-01-01T00:00:00Z", "nobody"),
        ] {
            assert_eq!(judged(presented, now), expected, "{presented} at {now}");
        }
    }

    #[test]
    fn a_use_is_kept_to_the_minute_and_only_of_what_was_let_in() {
        let tokens = tokens();
        let uses = || tokens.shown().map(|one| one.last_used).collect::<Vec<_>>();
        tokens.judge(b"three", "2026-06-01T10:20:30Z".parse().unwrap());
        assert_eq!(uses(), [None, None, None]);
        tokens.judge(b"two", "2026-06-01T10:20:30Z".parse().unwrap());
        tokens.judge(b"two", "2028-06-01T10:20:30Z".parse().unwrap());
        assert_eq!(uses(), [None, Some("2026-06-01T10:20:00Z".to_owned()), None]);
    }
}
