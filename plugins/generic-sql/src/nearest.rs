//! The nearest right name, for the one who wrote a wrong one.

/// `, did you mean "team"?`, or all names there are.
pub(crate) fn instead<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    match near(written, known.iter().copied()) {
        Some(word) => format!(", did you mean \"{word}\"?"),
        None if known.is_empty() => "; there is none".to_owned(),
        None => format!("; there is {}", known.join(", ")),
    }
}

/// The name that is near.
pub(crate) fn near<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let folded = written.to_ascii_lowercase();
    let distance = |word: &str| strsim::damerau_levenshtein(&folded, &word.to_ascii_lowercase());
    let near = known.into_iter().map(|word| (distance(word), word)).min();
    near.filter(|(distance, word)| *distance <= word.chars().count().div_ceil(3))
        .map(|(_, word)| word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_near_is_offered_and_otherwise_all_of_them() {
        for (written, known, expected) in [
            ("Tem", &["team", "person"][..], ", did you mean \"team\"?"),
            ("x", &["team", "person"], "; there is team, person"),
            ("x", &[], "; there is none"),
        ] {
            assert_eq!(instead(written, known.iter().copied()), expected);
        }
    }
}
