//! The file for support: what others need to find a fault, and no secret. What cannot be had is named in
//! it, and stops nothing.

use super::{
    Asked, Exit,
    client::{Client, escaped},
};
use anyhow::Context;
use ecma_host::{
    app,
    config::{HostConfig, Scrubber, Secret, load_connectors, without_secrets},
};
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};
use zip::{CompressionMethod, ZipWriter, write::SimpleFileOptions};

/// Bytes of the log's files at most, the youngest.
const LOG: u64 = 10 << 20;
/// How deep the folders below the home are listed.
const DEPTH: usize = 4;

/// The archive under way.
struct Bundle {
    zip: ZipWriter<File>,
    scrubber: Scrubber,
    names: Vec<String>,
    missing: Vec<String>,
}

impl Bundle {
    fn put(&mut self, name: &str, text: &str) -> anyhow::Result<()> {
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .unix_permissions(0o600);
        self.zip.start_file(name, options)?;
        self.zip.write_all(self.scrubber.scrub(text).as_bytes())?;
        self.names.push(name.to_owned());
        Ok(())
    }

    /// Adds what there is, or notes why it is not.
    fn add(&mut self, name: &str, text: anyhow::Result<String>) -> anyhow::Result<()> {
        match text {
            Ok(text) => self.put(name, &text),
            Err(error) => {
                let reason = format!("{name}: {error:#}");
                self.missing.push(self.scrubber.scrub(&reason).into_owned());
                Ok(())
            }
        }
    }
}

fn pretty(value: Value) -> anyhow::Result<String> {
    Ok(serde_json::to_string_pretty(&value)?)
}

pub(super) fn run(asked: &Asked, file: Option<PathBuf>) -> anyhow::Result<Exit> {
    let time = app::now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let file = file.unwrap_or_else(|| format!("ecma-support-{time}.zip").into());
    // As it is named from where the command runs, before that is the home.
    let file = std::path::absolute(file)?;
    let settings = asked.settings()?;
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let made = options.open(&file).with_context(|| format!("cannot make {}", file.display()))?;
    let mut bundle = Bundle {
        zip: ZipWriter::new(made),
        scrubber: Scrubber::new(secrets(&settings)),
        names: Vec::new(),
        missing: Vec::new(),
    };
    of_host(&mut bundle, &settings)?;
    of_home(&mut bundle, &settings)?;
    let missing = bundle.missing.join("\n");
    if !missing.is_empty() {
        bundle.put("missing.txt", &missing)?;
    }
    let Bundle { zip, names, missing, .. } = bundle;
    zip.finish()?.sync_all()?;
    asked.print(&json!({"file": file, "contains": names, "missing": missing}), |out| {
        writeln!(out, "{}", file.display())?;
        names.iter().try_for_each(|name| writeln!(out, "  {name}"))?;
        missing.iter().try_for_each(|reason| writeln!(out, "  missing: {reason}"))
    })?;
    Ok(Exit::Well)
}

/// What the secrets of all connectors are: nothing of them may stand in the file, not even where a
/// plugin wrote them into the log.
fn secrets(settings: &HostConfig) -> Vec<Secret> {
    let key = app::any_sealing_key(settings);
    let documents = load_connectors(&settings.connectors);
    let configs = documents.iter().filter_map(|document| document.result.as_ref().ok());
    let mut secrets = Vec::new();
    for config in configs {
        let steps = [&config.run.full_import.values, &config.run.delta_import.values];
        for value in config.values.values().chain(steps.into_iter().flat_map(|step| step.values()))
        {
            if let (true, Ok(ecma_host::config::Resolved::Text(secret))) =
                (value.is_reference(), value.resolve(&settings.home, &key))
            {
                secrets.push(secret);
            }
        }
    }
    secrets
}

/// What a running host says.
fn of_host(bundle: &mut Bundle, settings: &HostConfig) -> anyhow::Result<()> {
    let client = Client::new(settings)?;
    let health = client.get("/v1/health");
    let connectors = health.as_ref().ok().and_then(|state| state["connectors"].as_array().cloned());
    if let Err(error) = health {
        bundle.missing.push(format!("what only a running host knows: {error:#}"));
        return Ok(());
    }
    bundle.add("health.json", health.and_then(pretty))?;
    bundle.add("certificate.json", client.get("/v1/certificate").and_then(pretty))?;
    bundle.add("metrics.txt", client.text("/metrics"))?;
    bundle.add("log/recent.jsonl", client.text("/v1/log/lines"))?;
    bundle.add("log/level.json", client.get("/v1/log/level").and_then(pretty))?;
    for connector in connectors.unwrap_or_default() {
        // Without a plugin it is not at work, and health says why.
        let at_work = !connector["plugin"].is_null();
        let Some(name) = connector["name"].as_str().filter(|_| at_work) else { continue };
        let runs = client.get(&format!("/v1/connectors/{}/runs", escaped(name)));
        bundle.add(&format!("history/{name}.json"), runs.and_then(pretty))?;
    }
    Ok(())
}

/// What lies in the home.
fn of_home(bundle: &mut Bundle, settings: &HostConfig) -> anyhow::Result<()> {
    let plugins = app::catalog(settings).and_then(|catalog| pretty(json!(catalog.rows())));
    bundle.add("plugins.json", plugins)?;
    bundle.add("versions.json", pretty(versions()))?;
    let document = settings.home.join("host.toml");
    if document.exists() {
        bundle.add("host.toml", shown(&document))?;
    }
    for document in load_connectors(&settings.connectors) {
        let name = document.file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        bundle.add(&format!("connectors/{name}"), shown(&document.file))?;
    }
    let mut files = Vec::new();
    list(&settings.home, &settings.home, DEPTH, &mut files);
    files.sort();
    bundle.put("files.txt", &(files.join("\n") + "\n"))?;
    let mut left = LOG;
    for (number, path) in logs(settings).into_iter().enumerate() {
        let Ok(length) = fs::metadata(&path).map(|known| known.len()) else { continue };
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        bundle.add(&format!("log/{number}-{name}"), end_of(&path, left))?;
        left = left.saturating_sub(length);
        if left == 0 {
            break;
        }
    }
    Ok(())
}

fn shown(document: &Path) -> anyhow::Result<String> {
    Ok(without_secrets(&fs::read_to_string(document)?))
}

fn versions() -> Value {
    let release = |line: &str| {
        line.strip_prefix("PRETTY_NAME=").map(|name| name.trim_matches('"').to_owned())
    };
    let system = fs::read_to_string("/etc/os-release").ok();
    let system = system.and_then(|text| text.lines().find_map(release));
    json!({
        "host": env!("CARGO_PKG_VERSION"),
        "waist": ecma_plugin_abi::VERSION,
        "os": std::env::consts::OS,
        "architecture": std::env::consts::ARCH,
        "system": system,
        "kernel": fs::read_to_string("/proc/sys/kernel/osrelease").ok().map(|text| text.trim().to_owned()),
    })
}

/// The log's files, the youngest first.
fn logs(settings: &HostConfig) -> Vec<PathBuf> {
    let file = &settings.log.file;
    let older = (1..=file.keep).map(|number| {
        let mut name = file.path.clone().into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    });
    let all = [file.path.clone()].into_iter().chain(older).take_while(|path| path.is_file());
    all.chain(settings.log.audit.clone().filter(|path| path.is_file())).collect()
}

/// The last bytes of a file, from the beginning of a line on.
fn end_of(path: &Path, most: u64) -> anyhow::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let from = length.saturating_sub(most);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(most).read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let text = if from == 0 { &*text } else { text.split_once('\n').map_or("", |(_, rest)| rest) };
    Ok(text.to_owned())
}

/// A line for each file below a folder: mode, owner, bytes, name.
fn list(home: &Path, folder: &Path, depth: usize, lines: &mut Vec<String>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(known) = entry.metadata() else { continue };
        let path = entry.path();
        let name = path.strip_prefix(home).unwrap_or(&path).display().to_string();
        lines.push(format!("{name}  {}{} bytes", owner(&known), known.len()));
        if known.is_dir() && depth > 1 {
            list(home, &path, depth - 1, lines);
        }
    }
}

#[cfg(unix)]
fn owner(known: &fs::Metadata) -> String {
    use std::os::unix::fs::MetadataExt as _;
    format!("{:o}  {}:{}  ", known.mode(), known.uid(), known.gid())
}

#[cfg(not(unix))]
fn owner(_: &fs::Metadata) -> String {
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_file_begins_with_a_line() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        fs::write(&path, "one\ntwo\nthree\n").unwrap();
        assert_eq!(end_of(&path, 100).unwrap(), "one\ntwo\nthree\n");
        assert_eq!(end_of(&path, 8).unwrap(), "three\n");
        assert_eq!(end_of(&path, 3).unwrap(), "");
    }
}
