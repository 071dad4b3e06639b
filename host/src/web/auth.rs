//! The secret token of a connector, in `Authorization: Bearer`.

use crate::binding::Binding;
use axum::http::{HeaderMap, header};

/// Whether the request carries the connector's token. Compared as bytes: Microsoft's documented
/// generator makes tokens with characters outside of RFC 6750's grammar.
pub(super) fn is_allowed(binding: &Binding, headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes()) else {
        return false;
    };
    match value.split_at_checked(7) {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case(b"bearer ") => {
            binding.token().matches(token.trim_ascii())
        }
        _ => false,
    }
}
