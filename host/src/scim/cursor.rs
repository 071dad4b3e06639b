//! Cursors (RFC 9865): where the next page of a list begins, as text that means nothing to a client.
//!
//! A cursor says all there is to know, so the server remembers none. It names the server's memory
//! that it was made for, and the query; with another query it is refused.

use super::{Error, ScimType, SortKey};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64};

const VERSION: u8 = 1;

/// After which resource a page begins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Position {
    /// What the resource was sorted by; nothing in a list that is not sorted.
    pub key: Option<SortKey>,
    /// Its place among the server's resources.
    pub place: u32,
}

/// What a cursor is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CursorScope {
    /// Which memory of the server; places in another one are others.
    pub memory: u64,
    /// A digest of what was asked.
    pub query: u64,
}

impl Position {
    /// The cursor of this position.
    #[must_use]
    pub fn to_cursor(&self, scope: CursorScope) -> String {
        let mut bytes = vec![VERSION];
        bytes.extend_from_slice(&scope.memory.to_le_bytes());
        bytes.extend_from_slice(&scope.query.to_le_bytes());
        bytes.extend_from_slice(&self.place.to_le_bytes());
        match &self.key {
            None => bytes.push(0),
            Some(SortKey::Missing) => bytes.push(1),
            Some(SortKey::Value(key)) => {
                bytes.push(2);
                bytes.extend_from_slice(key);
            }
        }
        BASE64.encode(bytes)
    }

    /// Reads a cursor. One that is not ours or belongs to another query is `invalidCursor`, one of
    /// another memory is `expiredCursor`.
    pub fn of_cursor(text: &str, scope: CursorScope) -> Result<Self, Error> {
        let invalid = |detail: &str| Error::new(ScimType::InvalidCursor, detail);
        let bytes = BASE64.decode(text.trim()).unwrap_or_default();
        let read = || {
            let (version, rest) = bytes.split_first()?;
            let (memory, rest) = rest.split_first_chunk()?;
            let (query, rest) = rest.split_first_chunk()?;
            let (place, rest) = rest.split_first_chunk()?;
            let key = match rest.split_first()? {
                (0, []) => None,
                (1, []) => Some(SortKey::Missing),
                (2, key) => Some(SortKey::Value(key.into())),
                _ => return None,
            };
            let scope = CursorScope {
                memory: u64::from_le_bytes(*memory),
                query: u64::from_le_bytes(*query),
            };
            let position = Position { key, place: u32::from_le_bytes(*place) };
            (*version == VERSION).then_some((scope, position))
        };
        let Some((made_for, position)) = read() else {
            return Err(invalid("the cursor is not one that this server gave"));
        };
        if made_for.memory != scope.memory {
            let detail =
                "the server started anew since it gave the cursor; begin with an empty one";
            return Err(Error::new(ScimType::ExpiredCursor, detail));
        }
        if made_for.query != scope.query {
            return Err(invalid("the cursor belongs to a query with another filter or order"));
        }
        Ok(position)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SCOPE: CursorScope = CursorScope { memory: 7, query: 8 };

    #[test]
    fn a_cursor_is_read_as_it_was_written() {
        for key in [None, Some(SortKey::Missing), Some(SortKey::of_text("Ada", false))] {
            let position = Position { key, place: 70_000 };
            let cursor = position.to_cursor(SCOPE);
            assert_eq!(Position::of_cursor(&cursor, SCOPE), Ok(position));
        }
    }

    #[test]
    fn a_cursor_of_something_else_is_refused() {
        let cursor = Position { key: None, place: 3 }.to_cursor(SCOPE);
        let check = |cursor: &str, scope: CursorScope, expected: ScimType| {
            let refused = Position::of_cursor(cursor, scope).unwrap_err();
            assert_eq!(refused.scim_type, Some(expected), "{cursor}");
        };
        check(&cursor, CursorScope { query: 9, ..SCOPE }, ScimType::InvalidCursor);
        check(&cursor, CursorScope { memory: 9, ..SCOPE }, ScimType::ExpiredCursor);
        for broken in ["x", "", "AAAA", &cursor[1..], &format!("{cursor}AAAA")] {
            check(broken, SCOPE, ScimType::InvalidCursor);
        }
    }

    proptest! {
        #[test]
        fn no_cursor_panics(text in "[A-Za-z0-9_-]{0,60}|.{0,20}") {
            let _ = Position::of_cursor(&text, SCOPE);
        }
    }
}
