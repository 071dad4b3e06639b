//! Where SCIM has an attribute: the path that a document gives it, in the schema's spelling.

use super::{Draft, extension_urn};
use crate::{
    config::AttributeMapping,
    scim::{AttributeKind, Path},
    space::schemas::standard_schemas,
};

impl Draft<'_> {
    /// Where SCIM has it; `None` when it has no such place.
    pub(super) fn path(&mut self, mapping: &AttributeMapping) -> Option<Path> {
        let place = format!("attributes.{}", mapping.target);
        let path = match &mapping.scim {
            None => {
                let urn = extension_urn(&self.object.resource);
                Path { schema: Some(urn), ..Path::of(&mapping.target) }
            }
            Some(text) => match Path::parse(text) {
                Ok(path) => path,
                Err(error) => {
                    self.misfit(&place, format!("\"{text}\" is not a SCIM path: {}", error.detail));
                    return None;
                }
            },
        };
        self.placed(&place, path)
    }

    /// The path in the schema's spelling, down to a value; `None` when SCIM has no such place.
    pub(super) fn placed(&mut self, place: &str, path: Path) -> Option<Path> {
        let resource = &self.object.resource;
        let own = extension_urn(resource);
        let standard = standard_schemas(resource);
        let is_own = path.schema.as_deref().is_some_and(|urn| urn.eq_ignore_ascii_case(&own));
        let is_simple = path.filter.is_none() && path.sub.is_none() && !path.attribute.is_empty();
        if is_own || standard.is_none() {
            if is_simple && (is_own || path.schema.is_none()) && !is_common(&path) {
                return Some(Path { schema: is_own.then_some(own), ..path });
            }
            self.misfit(
                place,
                format!("{path} has to be the name of one attribute, without parts"),
            );
            return None;
        }
        let standard = standard?;
        let found = standard.find(&path).and_then(|found| found.attribute.map(|_| found));
        let (Some(found), Some(mut path)) = (found, standard.canonical(&path)) else {
            let message = format!(
                "SCIM has no {path} in a {resource}; leave the path empty to have it in the \
                 extension {own}"
            );
            self.misfit(place, message);
            return None;
        };
        if is_common(&path) {
            self.misfit(place, format!("{} is the host's own to say", path.attribute));
            return None;
        }
        if let Some(complex) = found.leaf().filter(|leaf| leaf.kind == AttributeKind::Complex) {
            if complex.sub("value").is_none() {
                let parts: Vec<String> = complex
                    .sub_attributes
                    .iter()
                    .map(|sub| format!("{path}.{}", sub.name))
                    .collect();
                let message = format!("{path} has parts, name one of them: {}", parts.join(", "));
                self.misfit(place, message);
                return None;
            }
            path.sub = Some("value".to_owned());
        }
        Some(path)
    }

    /// Whether no other attribute flows to the same place.
    pub(super) fn fits(&mut self, name: &str, path: &Path, others: &[(&str, &Path)]) -> bool {
        let clashes = |other: &Path| {
            let selected = path.filter.is_some() && other.filter.is_some();
            path == other
                || !selected && path.overlaps(other) && {
                    let value =
                        |path: &Path| path.sub.clone().unwrap_or_else(|| "value".to_owned());
                    value(path) == value(other)
                }
        };
        let Some((other, _)) = others.iter().find(|(_, other)| clashes(other)) else { return true };
        self.misfit(
            &format!("attributes.{name}"),
            format!("{path} is where {other} flows to already"),
        );
        false
    }
}

/// Whether SCIM's own rules say what stands there: the host answers it from what it knows.
fn is_common(path: &Path) -> bool {
    path.extension().is_none()
        && ["id", "meta", "schemas"].iter().any(|name| path.attribute.eq_ignore_ascii_case(name))
}
