//! Parameters of a foreign connector, each taken by name once; what nobody takes is left to be told.

use std::cell::Cell;

use super::xml::Parameter;

/// The parameters of a connector, or of a step of one of its runs.
pub(super) struct Bag<'x> {
    parameters: Vec<(&'x Parameter, String, Cell<bool>)>,
}

/// A name without what differs between versions: case, spaces and punctuation.
fn plain(name: &str) -> String {
    name.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

impl<'x> Bag<'x> {
    pub(super) fn new(parameters: &'x [Parameter]) -> Bag<'x> {
        let named = |parameter: &'x Parameter| (parameter, plain(&parameter.name), Cell::default());
        Bag { parameters: parameters.iter().map(named).collect() }
    }

    /// The value of the parameter of this name, which does not count as understood.
    pub(super) fn peek(&self, name: &str) -> Option<&'x str> {
        let name = plain(name);
        let (parameter, ..) = self.parameters.iter().find(|one| one.1 == name)?;
        Some(parameter.value.as_str())
    }

    /// The parameter of this name, given or not. It counts as understood from now on.
    pub(super) fn find(&self, name: &str) -> Option<&'x Parameter> {
        let name = plain(name);
        let mut found = None;
        for (parameter, _, taken) in self.parameters.iter().filter(|one| one.1 == name) {
            taken.set(true);
            found = found.or(Some(*parameter));
        }
        found
    }

    /// The value of the parameter of this name, if it has one that can be read.
    pub(super) fn take(&self, name: &str) -> Option<&'x str> {
        Some(self.find(name)?.value.as_str()).filter(|value| !value.is_empty())
    }

    /// Whether the check box of this name is checked; none when there is none.
    pub(super) fn check(&self, name: &str) -> Option<bool> {
        self.take(name).map(|value| value == "1" || value.eq_ignore_ascii_case("true"))
    }

    /// Those that fit, which count as understood from now on.
    pub(super) fn take_all(&self, fits: impl Fn(&Parameter) -> bool) -> Vec<&'x Parameter> {
        let fitting = self.parameters.iter().filter(|(parameter, ..)| fits(parameter));
        fitting
            .map(|(parameter, _, taken)| {
                taken.set(true);
                *parameter
            })
            .collect()
    }

    /// What has a value and nobody took.
    pub(super) fn rest(&self) -> impl Iterator<Item = &'x Parameter> {
        let rest = self
            .parameters
            .iter()
            .filter(|(parameter, _, taken)| parameter.is_given && !taken.get());
        rest.map(|(parameter, ..)| *parameter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameter(name: &str, value: &str) -> Parameter {
        Parameter {
            name: name.into(),
            is_check_box: false,
            is_encrypted: false,
            is_given: !value.is_empty(),
            value: value.into(),
        }
    }

    #[test]
    fn what_is_taken_does_not_remain() {
        let all = [
            parameter("Export Type:Object Replace", "TRUE"),
            parameter("User: Table/View/SP", "people"),
            parameter("Empty", ""),
            parameter("Other", "x"),
        ];
        let bag = Bag::new(&all);
        assert_eq!(bag.check("export type: object replace"), Some(true));
        assert_eq!(bag.take("User:Table/View/SP"), Some("people"));
        assert_eq!((bag.take("Empty"), bag.take("Absent")), (None, None));
        let rest: Vec<_> = bag.rest().map(|parameter| parameter.name.as_str()).collect();
        assert_eq!(rest, ["Other"]);
        assert_eq!(bag.take_all(|parameter| parameter.value == "x").len(), 1);
        assert_eq!(bag.rest().count(), 0);
    }
}
