//! Which parts of a resource somebody wants, so that no others are made.

use super::flow::Flow;
use crate::scim::{Filter, Path, Projection};

/// Which parts of a resource are wanted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Needs {
    /// By rule; all of them when there is no list.
    rules: Option<Box<[bool]>>,
    /// `id`, `schemas` and `meta`.
    pub(super) common: bool,
    /// The groups of a user.
    pub(super) groups: bool,
    /// Multi-valued references, which may be many.
    pub(super) links: bool,
    /// The names of the entries that references name: told only who asks.
    pub(super) display: bool,
}

impl Needs {
    /// All that is shown unasked.
    pub const ALL: Needs =
        Needs { rules: None, common: true, groups: true, links: true, display: false };

    /// What a client can change, but for multi-valued references.
    pub const WRITABLE: Needs = Needs { groups: false, links: false, ..Needs::ALL };

    /// Whether it is all that is shown unasked.
    #[must_use]
    pub fn is_all(&self) -> bool {
        *self == Needs::ALL
    }

    /// Whether references are shown with the names of what they name.
    #[must_use]
    pub fn display(&self) -> bool {
        self.display
    }

    pub(super) fn rule(&self, at: usize) -> bool {
        self.rules.as_ref().is_none_or(|rules| rules[at])
    }

    /// The same without multi-valued references.
    #[must_use]
    pub fn without_links(&self) -> Needs {
        Needs { links: false, ..self.clone() }
    }
}

impl Flow {
    /// What an answer with these attributes shows.
    #[must_use]
    pub fn needs(&self, projection: &Projection) -> Needs {
        if *projection == Projection::default() {
            return Needs::ALL;
        }
        let of = |paths: &[Path]| -> Vec<Path> {
            paths.iter().filter_map(|path| self.schemas.canonical(path)).collect()
        };
        let (wanted, excluded) = (of(&projection.attributes), of(&projection.excluded));
        let shows = |path: &Path| {
            let whole = |one: &&Path| one.sub.is_none() && covers(one, path);
            !excluded.iter().any(|one| whole(&one))
                && (projection.attributes.is_empty() || wanted.iter().any(|one| covers(one, path)))
        };
        Needs { display: !wanted.is_empty(), ..self.that(shows, true) }
    }

    /// What it takes to decide whether a resource matches.
    #[must_use]
    pub fn needs_of(&self, filter: &Filter) -> Needs {
        let mut paths = Vec::new();
        gather(filter, &mut paths);
        let paths: Vec<Path> =
            paths.into_iter().filter_map(|path| self.schemas.canonical(path)).collect();
        let common = paths.iter().any(|path| {
            path.extension().is_none()
                && ["id", "meta", "schemas", ""].contains(&path.attribute.as_str())
        });
        self.that(|path| paths.iter().any(|one| covers(one, path)), common)
    }

    /// Whether any resource can have a value at a path, which is canonical.
    pub(super) fn may_have(&self, path: &Path) -> bool {
        let common = ["id", "meta", "schemas", ""].contains(&path.attribute.as_str());
        common && path.extension().is_none()
            || self.always_has(&path.attribute) && path.extension().is_none()
            || self.rules().iter().any(|rule| covers(path, &rule.path))
    }

    fn that(&self, shows: impl Fn(&Path) -> bool, common: bool) -> Needs {
        Needs {
            rules: Some(self.rules().iter().map(|rule| shows(&rule.path)).collect()),
            common,
            groups: shows(&Path::of("groups")),
            links: true,
            display: true,
        }
    }
}

/// Whether a path is about the attribute of another one, or about all of its schema.
fn covers(one: &Path, path: &Path) -> bool {
    one.extension() == path.extension()
        && (one.attribute.is_empty() || one.attribute == path.attribute)
}

fn gather<'f>(filter: &'f Filter, paths: &mut Vec<&'f Path>) {
    match filter {
        Filter::And(parts) | Filter::Or(parts) => {
            parts.iter().for_each(|part| gather(part, paths));
        }
        Filter::Not(inner) => gather(inner, paths),
        Filter::Has(path) | Filter::Compare(path, ..) => paths.push(path),
    }
}
