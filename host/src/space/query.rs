//! Finding entries: by indexes where the filter allows it, by looking at each otherwise.
//!
//! | condition | answered by |
//! |---|---|
//! | `id eq` | the table of anchors |
//! | `eq` on an indexed attribute | its hash index |
//! | `sw`, `gt`, `ge`, `lt`, `le` on indexed text of one value | its order |
//! | `eq` on references, `members`, `groups` | who names whom (`naming.rs`) |
//! | `and` | the part that finds the fewest; the others are checked |
//! | `or` | all parts, when each is answered |
//! | an attribute nobody knows, or nobody has | nobody |

use super::{
    cache::{Space, Stored},
    flow::{Flow, LookUp},
    needs::Needs,
    row,
    slots::Slots,
    sorted::Span,
};
use crate::scim::{Filter, Operator, Path};
use serde_json::Value as Json;
use std::ops::Range;

/// So many slots are sorted and compared with others without others having to wait for it.
const FEW: usize = 4096;

/// How a filter is answered.
#[derive(Debug, PartialEq, Eq)]
pub enum Plan {
    /// Nobody can match.
    Nothing,
    /// Everybody matches.
    All,
    /// These slots may match, in their order, and no others; each is still to be compared with the
    /// filter unless `exact`.
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
    match (Planner { space, flow }).plan(filter) {
        Found::Nothing => Plan::Nothing,
        Found::All => Plan::All,
        Found::Scan => Plan::Scan,
        Found::Slots(slots, exact) => Plan::Slots { slots, exact },
        Found::Places { number, places, exact } => {
            let slots = space.at_places(flow.number, number, places);
            Plan::Slots { slots: in_order(slots), exact }
        }
    }
}

/// The slots in their order. Many are sorted by marking each: that is several times as fast.
fn in_order(mut slots: Vec<u32>) -> Vec<u32> {
    if slots.len() <= FEW {
        slots.sort_unstable();
        return slots;
    }
    let mut marked = Slots::default();
    slots.iter().for_each(|slot| marked.insert(*slot));
    marked.iter().collect()
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
    row::type_of(stored.bytes) == flow.number
        && filter.matches(&flow.resource(space, stored, base, needs), &flow.schemas)
}

/// What an index has for a part of a filter.
#[derive(Debug)]
enum Found {
    Nothing,
    All,
    Slots(Vec<u32>, bool),
    /// A stretch of an attribute's order; slots are taken from it only when they are wanted.
    Places {
        number: u32,
        places: Range<usize>,
        exact: bool,
    },
    Scan,
}

impl Found {
    fn exactly(slots: Vec<u32>) -> Found {
        Found::Slots(slots, true)
    }

    /// The same, still to be compared with the filter.
    fn inexact(self) -> Found {
        match self {
            Found::Slots(slots, _) => Found::Slots(slots, false),
            Found::Places { number, places, .. } => Found::Places { number, places, exact: false },
            other => other,
        }
    }

    fn len(&self) -> usize {
        match self {
            Found::Slots(slots, _) => slots.len(),
            Found::Places { places, .. } => places.len(),
            _ => 0,
        }
    }
}

struct Planner<'a> {
    space: &'a Space,
    flow: &'a Flow,
}

impl Planner<'_> {
    fn plan(&self, filter: &Filter) -> Found {
        match filter {
            Filter::And(parts) => self.all(parts),
            Filter::Or(parts) => self.any(parts),
            Filter::Not(inner) => match self.plan(inner) {
                Found::Nothing => Found::All,
                Found::All => Found::Nothing,
                _ => Found::Scan,
            },
            Filter::Has(path) => self.element(path),
            Filter::Compare(path, operator, wanted) => self.compare(path, *operator, wanted),
        }
    }

    /// The part that finds the fewest; what others have as lists is taken from it.
    fn all(&self, parts: &[Filter]) -> Found {
        let (mut best, mut whole) = (None, true);
        for part in parts {
            let found = match self.plan(part) {
                Found::Nothing => return Found::Nothing,
                Found::All => continue,
                Found::Scan => {
                    whole = false;
                    continue;
                }
                some => some,
            };
            best = Some(match best {
                None => found,
                Some(best) => self.narrowed(best, found),
            });
        }
        match best {
            None if whole => Found::All,
            None => Found::Scan,
            Some(best) if whole => best,
            Some(best) => best.inexact(),
        }
    }

    /// What both may find, by the one that finds fewer.
    fn narrowed(&self, one: Found, other: Found) -> Found {
        let (few, many) = if one.len() <= other.len() { (one, other) } else { (other, one) };
        match many {
            Found::Slots(list, exact) if few.len() <= FEW => {
                let (mut slots, both) = self.slots(few);
                slots.retain(|slot| list.binary_search(slot).is_ok());
                Found::Slots(slots, exact && both)
            }
            _ => few.inexact(),
        }
    }

    /// What any part finds, when each is answered by an index and they are not most there are.
    fn any(&self, parts: &[Filter]) -> Found {
        let most = (self.space.count(self.flow.number) / 4).max(FEW);
        let (mut all, mut whole) = (Vec::new(), true);
        for part in parts {
            match self.plan(part) {
                Found::Nothing => {}
                Found::All => return Found::All,
                Found::Scan => return Found::Scan,
                some if all.len() + some.len() > most => return Found::Scan,
                some => {
                    let (slots, exact) = self.slots(some);
                    all.extend(slots);
                    whole &= exact;
                }
            }
        }
        all.sort_unstable();
        all.dedup();
        if all.is_empty() { Found::Nothing } else { Found::Slots(all, whole) }
    }

    /// The slots in their order.
    fn slots(&self, found: Found) -> (Vec<u32>, bool) {
        match found {
            Found::Slots(slots, exact) => (slots, exact),
            Found::Places { number, places, exact } => {
                let slots = self.space.at_places(self.flow.number, number, places);
                (in_order(slots), exact)
            }
            _ => (Vec::new(), false),
        }
    }

    /// `emails[type eq "work" and value eq "x"]` asks what `emails[type eq "work"].value eq "x"` does.
    fn element(&self, path: &Path) -> Found {
        let Some(filter) = path.filter.as_deref() else { return Found::Scan };
        if self.flow.schemas.find(path).is_none() {
            return Found::Nothing;
        }
        let parts = match filter {
            Filter::And(parts) => parts.as_slice(),
            other => std::slice::from_ref(other),
        };
        for (at, part) in parts.iter().enumerate() {
            let Filter::Compare(sub, operator, wanted) = part else { continue };
            if *operator == Operator::Ne || wanted.is_null() {
                continue;
            }
            let mut rest = parts.to_vec();
            rest.remove(at);
            let filter = (!rest.is_empty()).then(|| Box::new(Filter::all(rest)));
            let path = Path { filter, sub: Some(sub.attribute.clone()), ..path.clone() };
            match self.compare(&path, *operator, wanted) {
                Found::Scan | Found::All => {}
                found => return found,
            }
            // Elements that fulfil all conditions fulfil this one.
            match self.compare(&Path { filter: None, ..path }, *operator, wanted) {
                Found::Scan | Found::All => {}
                found => return found.inexact(),
            }
        }
        Found::Scan
    }

    fn compare(&self, path: &Path, operator: Operator, wanted: &Json) -> Found {
        let flow = self.flow;
        let Some(path) = flow.schemas.canonical(path) else {
            // An attribute nobody knows matches nothing: Entra's PLACEHOLDER look-up.
            return Found::Nothing;
        };
        let asks_for_none =
            operator == Operator::Ne || operator != Operator::Pr && wanted.is_null();
        if asks_for_none {
            return Found::Scan;
        }
        if !flow.may_have(&path) {
            return Found::Nothing;
        }
        if operator == Operator::Eq {
            return self.equal(&path, wanted);
        }
        let Some(number) = flow.text_behind(self.space.layout(), &path) else { return Found::Scan };
        let Json::String(text) = wanted else { return Found::Scan };
        let span = match operator {
            Operator::Sw => Span::Begin(text),
            Operator::Gt => Span::Above(text, false),
            Operator::Ge => Span::Above(text, true),
            Operator::Lt => Span::Below(text, false),
            Operator::Le => Span::Below(text, true),
            _ => return Found::Scan,
        };
        match self.space.places(flow.number, number, span) {
            Some((places, exact)) => Found::Places { number, places, exact },
            None => Found::Scan,
        }
    }

    fn equal(&self, path: &Path, wanted: &Json) -> Found {
        let flow = self.flow;
        let is_plain = path.schema.is_none() && path.filter.is_none();
        match (path.attribute.as_str(), path.sub.as_deref()) {
            // Entra asks for `id eq "…"` in its reference check.
            ("id", None) if is_plain => {
                let stored = wanted.as_str().and_then(|id| self.by_id(id));
                let stored = stored.filter(|stored| row::type_of(stored.bytes) == flow.number);
                return Found::exactly(stored.into_iter().map(|stored| stored.slot).collect());
            }
            ("meta", Some("resourceType")) if is_plain => {
                let same = wanted.as_str() == Some(flow.resource_type());
                return if same { Found::All } else { Found::Nothing };
            }
            _ => {}
        }
        if flow.refers_at(path) {
            // What leads nowhere is not shown, so nobody names one that is not there.
            let Some(named) = wanted.as_str().and_then(|id| self.by_id(id)) else {
                return Found::Nothing;
            };
            return match flow.naming(self.space, path, &named) {
                Some((slots, exact)) => Found::Slots(slots, exact),
                None => Found::Scan,
            };
        }
        let Some((number, rule)) = flow.behind(path) else { return Found::Scan };
        match rule.looked_up(wanted) {
            LookUp::Cell(bytes) => {
                let slots = self.space.find(flow.number, number, &bytes);
                let found = slots.map_or(Found::Scan, Found::exactly);
                // The index knows of values that SCIM does not show.
                if rule.is_whole() { found } else { found.inexact() }
            }
            LookUp::Nobody => Found::Nothing,
            LookUp::Unknown => Found::Scan,
        }
    }

    fn by_id(&self, id: &str) -> Option<Stored<'_>> {
        self.space.by_id(&super::ResourceId::new(id))
    }
}
