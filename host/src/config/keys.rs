//! The language in which a document's keys are declared: one table per section.

/// One key a section may have.
pub(super) struct Key {
    /// The key as written in the document.
    pub(super) name: &'static str,
    /// What its value may be.
    pub(super) shape: Shape,
    /// What to say when it is absent, if it may not be.
    pub(super) required: Option<&'static str>,
    /// What it is for: one sentence, shown by editors.
    pub(super) about: &'static str,
}

/// What a value may be. Defaults stand here and nowhere else.
pub(super) enum Shape {
    /// Any string.
    Text,
    /// A string that is not empty.
    Name { default: Option<&'static str> },
    /// A list of strings that are not empty.
    Names { default: &'static [&'static str], at_least: usize },
    /// A whole number between two bounds, both included.
    Whole { from: i64, to: i64, default: i64 },
    /// true or false.
    Flag { default: bool },
    /// One of a few words.
    Word { words: &'static [&'static str], default: &'static str },
    /// A table of known keys.
    Table(&'static [Key]),
    /// One or more tables of known keys, written `[[name]]`.
    Tables(&'static [Key]),
    /// A table whose keys are free.
    Map(&'static Shape),
    /// The shape, or a table of known keys in its place.
    OrTable(&'static Shape, &'static [Key]),
    /// A plugin's parameter: a string, a whole number, a boolean or a list of strings.
    Value,
}

impl Key {
    /// An optional key.
    pub(super) const fn new(name: &'static str, shape: Shape, about: &'static str) -> Self {
        Self { name, shape, required: None, about }
    }

    /// The key may not be absent.
    pub(super) const fn required(self) -> Self {
        self.required_because("missing")
    }

    /// The key may not be absent, and this is said when it is.
    pub(super) const fn required_because(self, message: &'static str) -> Self {
        Self { required: Some(message), ..self }
    }
}

impl Shape {
    /// A name without a default.
    pub(super) const NAME: Shape = Shape::Name { default: None };

    /// The shape in words, to follow "must be".
    pub(super) fn expected(&self) -> String {
        match self {
            Shape::Text | Shape::Name { .. } => "a string".into(),
            Shape::Names { .. } => "a list of strings".into(),
            Shape::Whole { .. } => "a whole number".into(),
            Shape::Flag { .. } => "true or false".into(),
            Shape::Word { words, .. } => one_of(words),
            Shape::Table(_) | Shape::Map(_) => "a table".into(),
            Shape::Tables(_) => "a list of tables".into(),
            Shape::OrTable(shape, _) => format!("{} or a table", shape.expected()),
            Shape::Value => "a string, a whole number, true or false, or a list of strings".into(),
        }
    }
}

/// The words in quotes, with "or" between them.
fn one_of(words: &[&str]) -> String {
    words.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(" or ")
}

/// The known word the writer most likely meant.
pub fn nearest<'k>(written: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let folded = written.to_ascii_lowercase();
    let allowed = (written.chars().count() / 3).max(2);
    known
        .map(|word| (strsim::damerau_levenshtein(&folded, &word.to_ascii_lowercase()), word))
        .filter(|(distance, word)| *distance <= allowed && *distance < word.len())
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_near_and_ignores_case() {
        for (written, expected) in [
            ("atributes", Some("attributes")),
            ("Attributes", Some("attributes")),
            ("anhcor", Some("anchor")),
            ("dm", Some("dn")),
            ("xy", None),
            ("colour", None),
        ] {
            let known = ["attributes", "anchor", "dn", "resource"];
            assert_eq!(nearest(written, known.into_iter()), expected, "{written}");
        }
    }
}
