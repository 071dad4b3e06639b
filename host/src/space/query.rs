//! Finding entries: by an index where the filter allows it, by looking at each otherwise.

use super::{
    cache::{Space, Stored},
    flow::{Flow, LookUp},
    needs::Needs,
};
use crate::scim::Filter;

/// How a filter is answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nobody can match.
    Nothing,
    /// These slots may match, and no others; each is still to be compared with the filter unless
    /// `exact`.
    Slots {
        /// Where to look.
        slots: Vec<u32>,
        /// Whether all of them match.
        exact: bool,
    },
    /// Every entry has to be looked at.
    Scan,
}

/// Plans how to answer a filter.
#[must_use]
pub fn plan(space: &Space, flow: &Flow, filter: &Filter) -> Plan {
    let mut best: Option<Vec<u32>> = None;
    for (path, value) in filter.equalities() {
        // Entra asks for `id eq "…"` in its reference check.
        if path.schema.is_none() && path.attribute.eq_ignore_ascii_case("id") {
            let id = value.as_str().map(super::ResourceId::new);
            let stored = id.and_then(|id| space.by_id(&id));
            best = Some(stored.into_iter().map(|stored| stored.slot).collect());
            break;
        }
        let Some((number, rule)) = flow.behind(path) else {
            if flow.schemas.find(path).is_none() && !path.attribute.eq_ignore_ascii_case("meta") {
                // An attribute nobody knows matches nothing: Entra's PLACEHOLDER look-up.
                return Plan::Nothing;
            }
            continue;
        };
        let bytes = match rule.looked_up(space, value) {
            LookUp::Cell(bytes) => bytes,
            LookUp::Nobody => return Plan::Nothing,
            LookUp::Unknown => continue,
        };
        let Some(slots) = space.find(flow.number, number, &bytes) else { continue };
        if best.as_ref().is_none_or(|best| slots.len() < best.len()) {
            let exact = filter.as_equality().is_some();
            if exact {
                return Plan::Slots { slots, exact };
            }
            best = Some(slots);
        }
    }
    best.map_or(Plan::Scan, |slots| Plan::Slots { slots, exact: false })
}

/// Whether an entry matches. `needs` is what the filter looks at ([`Flow::needs_of`]): no more than
/// that is made of the entry.
#[must_use]
pub fn matches(
    space: &Space,
    flow: &Flow,
    filter: &Filter,
    needs: &Needs,
    stored: &Stored<'_>,
    base: &str,
) -> bool {
    super::row::type_of(stored.bytes) == flow.number
        && filter.matches(&flow.resource(space, stored, base, needs), &flow.schemas)
}
