//! Looks at files without serving anything: a library, and the documents of connectors.

use super::{any_sealing_key, bind, texts, tokens::Uses};
use crate::{
    binding::Unbound,
    config::{ConnectorConfig, HostConfig, Loaded, SealingKey, load_connectors, private_folder},
    plugins::{self, Catalog, Isolation, Row, Surroundings, worker},
    space::mapping::misfits_without_target,
};
use anyhow::{Context, bail};
use ecma_plugin_sdk::Plugin;
use std::{path::Path, sync::Arc};

/// What a file would be in the plugins folder, and the plugin when it would be loaded.
pub fn candidate(config: &HostConfig, file: &Path) -> anyhow::Result<(Row, Option<Arc<Plugin>>)> {
    private_folder(&config.state)
        .with_context(|| format!("cannot use the folder {}", config.state.display()))?;
    plugins::install_log();
    let folder = file.parent().unwrap_or(Path::new("."));
    let shadow = config.state.join("shadow");
    let catalog = Catalog::scan(folder, &shadow, Some(&config.home), &worker::program());
    let mut rows = catalog.rows().into_iter().zip(catalog.found());
    let Some((row, found)) = rows.find(|(_, found)| found.file == file) else {
        bail!("{} is no library, and no folder with libraries", file.display());
    };
    let isolation = Isolation::Process(Surroundings::default());
    let plugin = found.loaded().and_then(|info| catalog.plugin(&info.name, isolation).ok());
    Ok((row, plugin))
}

/// All that is wrong with the documents of connectors, or with one of them, by file. Their plugins
/// are asked, their targets are not.
pub fn validate(
    config: &HostConfig,
    name: Option<&str>,
) -> anyhow::Result<Vec<(String, Vec<String>)>> {
    let (key, catalog) = (any_sealing_key(config), super::catalog(config)?);
    let wanted = |one: &Loaded| {
        name.is_none_or(|name| one.name.as_ref().is_some_and(|known| known.as_str() == name))
    };
    let look = |Loaded { file, result, .. }: Loaded| {
        let file = file.strip_prefix(&config.home).unwrap_or(&file).display().to_string();
        let problems = match result {
            Err(problems) => texts(&problems).lines().map(str::to_owned).collect(),
            Ok(connector) => {
                let reasons = in_the_way(config, &catalog, &key, connector);
                reasons.iter().map(|reason| format!("{file}: {reason}")).collect()
            }
        };
        (file, problems)
    };
    Ok(load_connectors(&config.connectors).into_iter().filter(wanted).map(look).collect())
}

/// What keeps a connector from its work, as far as its plugin and the mapping by itself tell.
pub(super) fn in_the_way(
    config: &HostConfig,
    catalog: &Catalog,
    key: &SealingKey,
    connector: ConnectorConfig,
) -> Vec<String> {
    let misfits = misfits_without_target(&connector.objects);
    let misfits: Vec<String> = misfits.iter().map(ToString::to_string).collect();
    let bound = bind(config, catalog, key, connector, &Uses::default());
    let mut reasons = bound.err().map(|Unbound(reasons)| reasons).unwrap_or_default();
    reasons.extend(misfits);
    reasons
}
