//! A foreign connector with its parameters ready to be taken, those of its runs too.

use super::{
    bag::Bag,
    xml::{EntrySchema, Foreign, Parameter, Run},
};
use crate::config::ConnectorName;

/// The run profiles, by their names there.
pub(super) const FULL_IMPORT: &str = "FullImport";
/// Reads what changed.
pub(super) const DELTA_IMPORT: &str = "DeltaImport";
/// Writes.
pub(super) const EXPORT: &str = "Export";

/// A foreign connector while it is understood.
pub(super) struct Source<'x> {
    pub(super) foreign: &'x Foreign,
    /// What it is called here.
    pub(super) name: &'x ConnectorName,
    pub(super) parameters: Bag<'x>,
    steps: Vec<(&'x Run, Bag<'x>)>,
}

impl<'x> Source<'x> {
    pub(super) fn new(foreign: &'x Foreign, name: &'x ConnectorName) -> Source<'x> {
        let steps = foreign.runs.iter().map(|run| (run, Bag::new(&run.parameters))).collect();
        Source { foreign, name, parameters: Bag::new(&foreign.parameters), steps }
    }

    /// Whether there is such a run profile.
    pub(super) fn runs(&self, profile: &str) -> bool {
        self.steps.iter().any(|(run, _)| same(&run.profile, profile))
    }

    /// A parameter of the connector's own.
    pub(super) fn take(&self, name: &str) -> Option<&'x str> {
        self.parameters.take(name)
    }

    /// A parameter of an object type: `User:Table/View/SP`.
    pub(super) fn of_type(&self, entry: &EntrySchema, name: &str) -> Option<&'x str> {
        self.take(&format!("{}:{name}", entry.object_type))
    }

    /// A parameter of a run profile's step, the one for this object type if there are several; the
    /// connector itself has what is the same for all of them.
    pub(super) fn of_run(
        &self,
        profile: &str,
        entry: Option<&EntrySchema>,
        name: &str,
    ) -> Option<&'x str> {
        let everywhere = self.take(name);
        let of_profile = || self.steps.iter().filter(|(run, _)| same(&run.profile, profile));
        let mine = entry.and_then(|entry| {
            let partition = format!("OBJECT={}", entry.object_type);
            of_profile().find(|(run, _)| same(&run.partition, &partition))
        });
        // Of the others only the name is understood: a step that is not the type's own says nothing.
        let step = mine.or_else(|| of_profile().next());
        let value = step.and_then(|(_, bag)| bag.take(name));
        value.or(everywhere)
    }

    /// Says that a parameter is understood wherever it stands.
    pub(super) fn pass(&self, name: &str) {
        self.parameters.take(name);
        for (_, bag) in &self.steps {
            bag.take(name);
        }
    }

    /// What nobody understood, each name once.
    pub(super) fn rest(&self) -> Vec<&'x Parameter> {
        let mut rest: Vec<&Parameter> = Vec::new();
        let of_steps = self.steps.iter().flat_map(|(_, bag)| bag.rest());
        for parameter in self.parameters.rest().chain(of_steps) {
            if !rest.iter().any(|known| known.name == parameter.name) {
                rest.push(parameter);
            }
        }
        rest
    }
}

/// Whether two words of that host are the same: it is not strict about cases.
pub(super) fn same(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other)
}
