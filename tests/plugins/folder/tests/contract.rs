//! The contract, kept by the connector linked in and as a library.
use ecma_plugin_sdk::{prelude::*, testkit::*};

fn verify(plugin: Plugin) {
    let dir = temp_dir();
    for (id, name) in [("1", "Ada"), ("2", "Grace"), ("3", "Edsger")] {
        std::fs::write(dir.path().join(format!("{id}.txt")), name).unwrap();
    }
    Contract::new(plugin, Values::new([("folder", dir.path().to_str().unwrap())]))
        .sample(Entry::new("user").anchor("id", "42").set("displayName", "Marvin"))
        .verify();
}
#[test]
fn linked() {
    verify(Plugin::linked::<folder::Folder>("folder", "0"));
}
#[test]
fn as_library() {
    verify(Plugin::load(&built_library("folder")).unwrap());
}
