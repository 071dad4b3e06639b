//! The fuzzer's program: runs the target that the variable `FUZZ_TARGET` names.
#![no_main]

use std::sync::LazyLock;

static TARGET: LazyLock<fuzz::Target> = LazyLock::new(|| {
    let name = std::env::var("FUZZ_TARGET").unwrap_or_default();
    fuzz::target(&name).unwrap_or_else(|| panic!("FUZZ_TARGET is {name:?}, which is no target"))
});

libfuzzer_sys::fuzz_target!(|input: &[u8]| -> libfuzzer_sys::Corpus {
    match TARGET(input) {
        fuzz::Worth::Keeping => libfuzzer_sys::Corpus::Keep,
        fuzz::Worth::Nothing => libfuzzer_sys::Corpus::Reject,
    }
});
