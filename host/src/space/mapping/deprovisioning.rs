//! What disabling and deleting write into the target.

use super::{Draft, Misfit, unknown};
use crate::{
    config::{DeleteFlow, DisableFlow},
    scim::{AttributeKind, Path},
    space::{flow::Rule, rule::parse},
};
use ecma_plugin_sdk::{Access, Attribute, AttributeType, ObjectType};

impl Draft<'_> {
    /// A word of the document that is to be written into an attribute.
    pub(super) fn value(&mut self, place: &str, target: &Attribute, word: &str) {
        if parse(target, word, &target.name).is_err() {
            let kind = match target.kind {
                AttributeType::Integer => "a whole number",
                AttributeType::Boolean => "true or false",
                AttributeType::Binary => "Base64",
                _ => "a point in time (RFC 3339)",
            };
            self.misfit(place, format!("\"{word}\" is not {kind}, which {} holds", target.name));
        }
    }

    /// The attribute that a flow of the document writes into.
    pub(super) fn written<'t>(
        &mut self,
        place: &str,
        target: &'t ObjectType,
        name: &str,
    ) -> Option<&'t Attribute> {
        let Some(found) = target.get(name) else {
            let names = target.attributes.iter().map(|a| a.name.as_str());
            self.misfit(place, unknown("attribute of the target", name, names));
            return None;
        };
        if found.anchor || found.access == Access::ImportOnly {
            self.misfit(place, format!("{name} cannot be written in the target"));
            return None;
        }
        Some(found)
    }

    /// `active` goes into the attribute that the disable flow names.
    pub(super) fn disable_rule(&mut self, target: &ObjectType, rules: &mut Vec<Rule>) {
        let DisableFlow::Set { attribute, when_true, when_false } =
            &self.object.deprovisioning.disable
        else {
            return;
        };
        let place = "deprovisioning.disable";
        let Some(found) = self.written(place, target, attribute) else { return };
        for word in [when_true, when_false].into_iter().flatten() {
            self.value(place, found, word);
        }
        let active = Path::of("active");
        if let Some(rule) = rules.iter_mut().find(|rule| rule.path == active) {
            if rule.target.name == *attribute {
                rule.when_true = rule.when_true.take().or_else(|| when_true.clone());
                rule.when_false = rule.when_false.take().or_else(|| when_false.clone());
            } else {
                let message = format!("active is mapped to {} already", rule.target.name);
                self.misfit(place, message);
            }
            return;
        }
        if let Some(at) = rules.iter().position(|rule| rule.target.name == *attribute) {
            let key = self.key(&format!("attributes.{attribute}"));
            let message =
                format!("{attribute} holds active, so it does not flow to {}", rules[at].path);
            self.warnings.push(Misfit { key, message });
            rules.remove(at);
        }
        rules.push(Rule {
            target: found.clone(),
            path: active,
            multi_valued: false,
            when_true: when_true.clone(),
            when_false: when_false.clone(),
            anchor: false,
            kind: AttributeKind::Boolean,
            list: false,
            refers: None,
            shape: None,
        });
    }

    pub(super) fn delete_value(&mut self, target: &ObjectType) {
        if let DeleteFlow::Set { attribute, value } = &self.object.deprovisioning.delete {
            let place = "deprovisioning.delete";
            if let Some(found) = self.written(place, target, attribute) {
                self.value(place, found, value);
            }
        }
    }
}
