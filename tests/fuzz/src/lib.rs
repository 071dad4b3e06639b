//! What the fuzzer may try: functions from bytes to nothing that panic when a law is broken.
//!
//! `cargo xtask fuzz` looks for inputs that break one; the tests here only try the inputs of
//! `corpus/` again, so that they hold on every platform, without an engine.

mod filter;
mod patch;
mod path;
mod people;
mod request;
mod worker;

/// Whether an input leads far enough that others like it should be tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worth {
    /// It does.
    Keeping,
    /// It is refused before it reaches what is looked at.
    Nothing,
}

/// Tries one input.
pub type Target = fn(&[u8]) -> Worth;

/// Every target, by its name; the corpus of each is the folder of that name.
pub const TARGETS: [(&str, Target); 5] = [
    ("filter", filter::run),
    ("path", path::run),
    ("patch", patch::run),
    ("request", request::run),
    ("worker", worker::run),
];

/// The target of that name.
#[must_use]
pub fn target(name: &str) -> Option<Target> {
    TARGETS.iter().find(|(known, _)| *known == name).map(|(_, target)| *target)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, path::Path};

    #[test]
    fn every_input_of_the_corpus_keeps_the_laws() {
        for (name, target) in TARGETS {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
            let mut kept = 0;
            for file in fs::read_dir(folder).unwrap() {
                let path = file.unwrap().path();
                let input = fs::read(&path).unwrap();
                let outcome = std::panic::catch_unwind(|| target(&input));
                assert!(outcome.is_ok(), "{} breaks a law", path.display());
                kept += usize::from(outcome.unwrap() == Worth::Keeping);
            }
            assert!(kept > 20, "{name}: {kept} inputs are a corpus that says little");
        }
    }
}
