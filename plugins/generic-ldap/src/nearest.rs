//! The nearest right name, for the one who wrote a wrong one.

/// `, did you mean "mail"?`, or nothing when no name is near.
pub(crate) fn instead<'k>(written: &str, known: impl IntoIterator<Item = &'k str>) -> String {
    let folded = written.to_ascii_lowercase();
    let distance = |word: &str| strsim::damerau_levenshtein(&folded, &word.to_ascii_lowercase());
    let near = known.into_iter().map(|word| (distance(word), word)).min();
    match near.filter(|(distance, word)| *distance <= word.chars().count().div_ceil(3)) {
        Some((_, word)) => format!(", did you mean \"{word}\"?"),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_near_is_offered() {
        for (written, expected) in
            [("Mial", ", did you mean \"mail\"?"), ("sN", ", did you mean \"sn\"?"), ("xyz", "")]
        {
            assert_eq!(instead(written, ["mail", "sn"]), expected);
        }
        assert_eq!(instead("mail", []), "");
    }
}
