//! Connectors that were imported of Microsoft's configuration, for the tests of our plugins: one plugin
//! can be linked into a test.

use std::{fs, path::Path};

use ecma_host::{
    config::{ConnectorConfig, LEFT_OUT, Resolved, SealingKey},
    exchange::{self, Here, Imported},
};
use ecma_plugin_sdk::{Answer, Connector, ParameterKind, Plugin, Problem, Values};

/// A host with a home and a key of its own.
pub(crate) struct Home {
    pub(crate) folder: tempfile::TempDir,
    pub(crate) key: SealingKey,
}

impl Home {
    pub(crate) fn new() -> Home {
        let folder = tempfile::tempdir().unwrap();
        let key = SealingKey::load_or_create(&folder.path().join("seal.key")).unwrap();
        Home { folder, key }
    }

    /// The connectors of a sample.
    pub(crate) fn import(&self, sample: &str) -> Vec<Imported> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/exchange");
        let file = fs::read(folder.join(format!("{sample}.xml"))).unwrap();
        let here = Here { home: self.folder.path(), key: &self.key, plugins: &[] };
        exchange::import(&file, None, None, &here).unwrap()
    }

    /// The values as the plugin gets them, once the secrets are entered.
    pub(crate) fn values(&self, one: &Imported) -> (ConnectorConfig, Values) {
        let entered = one.document.replace(LEFT_OUT, "env:CARGO_PKG_NAME");
        let config = ConnectorConfig::parse(&one.name, "x", &entered).unwrap();
        let values = config.resolve_values(self.folder.path(), &self.key).unwrap();
        let values = values.into_iter().map(|(name, value)| {
            let answer = match value {
                Resolved::Text(text) => Answer::Text(text.expose().to_owned()),
                Resolved::Integer(number) => Answer::Integer(number),
                Resolved::Boolean(truth) => Answer::Boolean(truth),
                Resolved::List(list) => Answer::List(list),
            };
            (name, answer)
        });
        (config, Values::new(values))
    }
}

/// Holds that a plugin finds nothing wrong with a sample once the secrets are entered, and that no
/// secret stands in it as text.
pub(crate) fn check<C: Connector>(home: &Home, sample: &str) {
    let plugin = Plugin::linked::<C>("linked", "0.1.0");
    for one in home.import(sample) {
        let (config, values) = home.values(&one);
        for parameter in plugin.parameters(None, &values).unwrap() {
            let written = config.values.get(&parameter.name);
            let open = written.is_some_and(|value| !value.is_reference());
            assert!(parameter.kind != ParameterKind::Secret || !open, "{}", parameter.name);
        }
        assert_eq!(plugin.check(&values).unwrap(), Vec::<Problem>::new(), "{}", one.document);
    }
}
