//! What a command needs to try plugins and documents out while nothing is served: the settings, the
//! sealing key, the plugins. All that commands want of the catalogue is here.

use super::{
    any_sealing_key, bind, catalog, check::in_the_way, machine_name, ready_file, sealing_key,
    texts, tokens::Uses,
};
use crate::{
    binding::{Binding, Unbound},
    config::{
        ConfigValue, ConnectorConfig, ConnectorName, HostConfig, Resolved, SealError, SealingKey,
    },
    plugins::{Catalog, Isolation, Row, Surroundings},
};
use anyhow::{anyhow, bail};
use ecma_plugin_sdk::{Answer, ParameterKind, Plugin, Values};
use std::{
    sync::{Arc, OnceLock, mpsc},
    time::Duration,
};

/// A home's plugins and key.
pub struct Workbench {
    config: HostConfig,
    key: SealingKey,
    /// The key, made for whoever seals.
    made: OnceLock<SealingKey>,
    catalog: Catalog,
}

impl Workbench {
    /// Looks at what lies in the plugins folder, and reads the key. One that cannot be read opens nothing.
    pub fn open(config: HostConfig) -> anyhow::Result<Workbench> {
        let (key, catalog) = (any_sealing_key(&config), catalog(&config)?);
        Ok(Workbench { config, key, made: OnceLock::new(), catalog })
    }

    /// The settings of the home.
    #[must_use]
    pub fn config(&self) -> &HostConfig {
        &self.config
    }

    /// The key that opens secrets.
    #[must_use]
    pub fn key(&self) -> &SealingKey {
        self.made.get().unwrap_or(&self.key)
    }

    /// The key that seals secrets; it is made in a home without one.
    pub fn key_to_seal(&self) -> Result<&SealingKey, SealError> {
        if !self.key().is_unusable() {
            return Ok(self.key());
        }
        let key = sealing_key(&self.config)?;
        Ok(self.made.get_or_init(|| key))
    }

    /// The plugin of this name, or why there is none.
    pub fn plugin(&self, name: &str) -> anyhow::Result<Arc<Plugin>> {
        let isolation = Isolation::Process(Surroundings::default());
        self.catalog.plugin(name, isolation).map_err(|reason| anyhow!("{reason}"))
    }

    /// The parameters that a plugin calls secret; none of one that cannot be asked.
    #[must_use]
    pub fn secret_parameters(&self, plugin: &str) -> Option<Vec<String>> {
        let all = self.plugin(plugin).ok()?.parameters(None, &Values::default()).ok()?;
        let secret = all.into_iter().filter(|one| one.kind == ParameterKind::Secret);
        Some(secret.map(|one| one.name).collect())
    }

    /// What became of each file in the plugins folder.
    #[must_use]
    pub fn rows(&self) -> Vec<Row> {
        self.catalog.rows()
    }

    /// Name and version of each plugin that can be used.
    #[must_use]
    pub fn plugins(&self) -> Vec<(String, String)> {
        let rows = self.catalog.rows().into_iter().filter(|row| row.state == "loaded");
        rows.map(|row| (row.plugin, row.version)).collect()
    }

    /// What a plugin gets for a value of a document, or why its reference leads nowhere.
    pub fn answer(&self, value: &ConfigValue) -> Result<Answer, String> {
        Ok(match value.resolve(&self.config.home, self.key())? {
            Resolved::Text(text) => Answer::Text(text.expose().to_owned()),
            Resolved::Integer(number) => Answer::Integer(number),
            Resolved::Boolean(truth) => Answer::Boolean(truth),
            Resolved::List(list) => Answer::List(list),
        })
    }

    /// A connector bound to its plugin; the target is not reached. Otherwise all that is in the way.
    pub fn bind(&self, connector: ConnectorConfig) -> Result<Arc<Binding>, Vec<String>> {
        bind(&self.config, &self.catalog, self.key(), connector, &Uses::default())
            .map_err(|Unbound(reasons)| reasons)
    }

    /// All that is wrong with a document but for its mapping; its plugin is asked, its target is not.
    #[must_use]
    pub fn problems(&self, name: &ConnectorName, text: &str) -> Vec<String> {
        let file = format!("connectors/{name}.toml");
        match ConnectorConfig::parse(name, &file, text) {
            Err(problems) => texts(&problems).lines().map(str::to_owned).collect(),
            Ok(connector) => self.bind(connector).err().unwrap_or_default(),
        }
    }

    /// What keeps a connector from its work, as far as its plugin and the mapping by itself tell.
    pub(super) fn in_the_way(&self, connector: ConnectorConfig) -> Vec<String> {
        in_the_way(&self.config, &self.catalog, self.key(), connector)
    }
}

/// What clients are to be given as the URL of a connector.
#[must_use]
pub fn url(config: &HostConfig, name: &ConnectorName) -> String {
    // A host that runs knows the port better: 0 in the settings means any.
    let running = std::fs::read_to_string(ready_file(config)).ok();
    let ready = running.and_then(|text| serde_json::from_str::<serde_json::Value>(&text).ok());
    let listens = ready.as_ref().and_then(|ready| ready["listen"][0].as_str()?.parse().ok());
    let address: Option<std::net::SocketAddr> = listens.or(config.listen.first().copied());
    let port = address.map_or(0, |address| address.port());
    let is_here = address.is_some_and(|address| address.ip().is_loopback());
    let machine = || if is_here { "localhost".to_owned() } else { machine_name() };
    let host = config.host_name.clone().unwrap_or_else(machine);
    format!("https://{host}:{port}/ecma2host_{name}/scim")
}

/// Calls what may not come back, such as a plugin that waits for its target. Then its thread is left
/// behind.
pub fn within<T: Send + 'static>(
    limit: Duration,
    what: &str,
    call: impl FnOnce() -> T + Send + 'static,
) -> anyhow::Result<T> {
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let _ = tell.send(call());
    });
    match told.recv_timeout(limit) {
        Ok(result) => Ok(result),
        Err(mpsc::RecvTimeoutError::Timeout) => {
            bail!("{what} did not answer within {} s", limit.as_secs())
        }
        Err(mpsc::RecvTimeoutError::Disconnected) => bail!("{what} broke off"),
    }
}
