//! The generator keeps the contract, linked in and as a library.

use ecma_plugin_sdk::{prelude::*, testkit::*};

fn verify(plugin: Plugin) {
    Contract::new(plugin, Values::new([("count", "20"), ("seed", "3")])).verify();
}

#[test]
fn linked() {
    verify(Plugin::linked::<generator::Generator>("generator", "0"));
}

#[test]
fn as_library() {
    verify(Plugin::load(&built_library("generator")).unwrap());
}
