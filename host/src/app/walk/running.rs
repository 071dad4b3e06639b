//! What the running host has made of the connector: its imports, and a look-up of somebody who is
//! there.

use super::{Broken, Walk, Walked, broken, front::Over};
use serde_json::Value;

const LINKS: [&str; 2] = ["import", "look-up"];

pub(super) fn walk(walk: &Walk<'_>, endpoint: &str, over: Option<&Over>, walked: &mut Walked<'_>) {
    let name = walk.name;
    let health = match (walk.admin, over) {
        (Some(ask), _) => ask("/v1/health"),
        (None, Some(over)) => over.health(),
        (None, None) => return walked.skip_all(&LINKS, "no host could be asked"),
    };
    let imported = walked.link("import", || {
        let health = health.map_err(|error| broken(error, "look into the host's log"))?;
        let all = health["connectors"].as_array().cloned().unwrap_or_default();
        let it = all.into_iter().find(|connector| connector["name"] == name.as_str());
        state(name.as_str(), it.as_ref())
    });
    let Some(entries) = imported else {
        return walked.skip("look-up", "the import is not complete");
    };
    if entries == 0 {
        return walked.skip("look-up", "the target has nobody to look for");
    }
    let read = |path: &str| match (walk.admin, over) {
        (Some(ask), _) => ask(&format!("/v1/connectors/{name}/scim{path}")),
        (None, Some(over)) => over.get(path).map(|(_, value)| value),
        (None, None) => Err("no host could be asked".to_owned()),
    };
    walked.link("look-up", || look_up(endpoint, &read));
}

/// How the import stands: the number of entries.
fn state(name: &str, connector: Option<&Value>) -> Result<(u64, String), Broken> {
    let Some(connector) = connector else {
        return Err(broken(
            "the host does not know the connector yet",
            "look again in a moment; the host's log says whether the document was refused",
        ));
    };
    let detail = connector["detail"].as_str().unwrap_or_default().to_owned();
    if let Some(notice) = connector["notices"]
        .as_array()
        .into_iter()
        .flatten()
        .find(|notice| notice["kind"] == "refused")
    {
        return Err(broken(
            notice["detail"].as_str().unwrap_or_default(),
            "correct the document; the one before goes on until then",
        ));
    }
    let entries = connector["entries"].as_u64().unwrap_or_default();
    match connector["state"].as_str() {
        Some("ready") => {
            let outcome = connector["lastRun"]["outcome"].as_str().unwrap_or_default();
            match outcome {
                "failed" => Err(broken(
                    format!("the last import failed; {entries} entries are known from before"),
                    format!("`ecma-host history {name}` says why"),
                )),
                "held" => Err(broken(
                    format!("removals are held back: {}", connector["held"]),
                    format!(
                        "`ecma-host imports held` shows them, `imports release {name}` lets them go"
                    ),
                )),
                _ => Ok((entries, format!("{entries} entries are known"))),
            }
        }
        Some("starting") => Err(broken(
            format!("the first import runs, {entries} entries so far"),
            "look again when it is complete",
        )),
        _ => Err(broken(detail, format!("`ecma-host history {name}` and the log say more"))),
    }
}

/// Looks for the first one by name, as clients do.
fn look_up(
    endpoint: &str,
    read: &dyn Fn(&str) -> Result<Value, String>,
) -> Result<((), String), Broken> {
    let failed = |error| broken(error, "look into the host's log");
    let page = read(&format!("/{endpoint}?count=1")).map_err(failed)?;
    let first = &page["Resources"][0];
    let known = ["userName", "displayName", "id"];
    let Some((by, value)) = known.iter().find_map(|by| Some((*by, first[*by].as_str()?))) else {
        return Err(broken(
            format!("no one of {endpoint} has a name"),
            "map an attribute to userName or displayName",
        ));
    };
    let filter = format!("{by} eq {}", Value::from(value));
    let filter = percent_encoding::utf8_percent_encode(&filter, percent_encoding::NON_ALPHANUMERIC);
    let found = read(&format!("/{endpoint}?filter={filter}")).map_err(failed)?;
    match found["totalResults"].as_u64() {
        Some(1..) => Ok(((), format!("somebody is found by {by}"))),
        _ => Err(broken(
            format!("somebody who is there is not found by {by}"),
            "read the target anew with `ecma-host sync --full --wait`; the log may say more",
        )),
    }
}
