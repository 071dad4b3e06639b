//! Sealed values, the key that seals them, and secrets typed in.

use super::{Asked, Exit, NoHost, client::Client};
use anyhow::{Context, bail};
use clap::Subcommand;
use ecma_host::{
    app,
    config::{self, HostConfig, KeySource, Resealed, SealingKey},
};
use serde_json::{Value, json};
use std::{
    io::{self, IsTerminal, Read, Write},
    path::PathBuf,
};

#[derive(Subcommand)]
pub(super) enum Secrets {
    /// Seal a secret read from standard input, as `seal` does.
    Seal,
    /// Seal every sealed value with a new key, in all documents and host.toml, while the host runs.
    ///
    /// Interrupted, it leaves everything readable; running it again ends it.
    RotateKey {
        /// Do not keep the old key beside the new one.
        #[arg(long)]
        forget: bool,
    },
}

pub(super) fn secrets(asked: &Asked, what: Secrets) -> anyhow::Result<Exit> {
    match what {
        Secrets::Seal => seal(asked),
        Secrets::RotateKey { forget } => rotate_key(asked, forget),
    }
}

fn rotate_key(asked: &Asked, forget: bool) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    let Some(file) = settings.sealing_key.file() else {
        return rotate_elsewhere(asked, &settings);
    };
    app::sealing_key(&settings)?;
    let key = config::begin_rotation(file)?;
    // The host has to know the new key before it meets what that sealed.
    let is_known = Client::follow(&settings)?;
    if let Known::No(reason) = known_to_host(&settings, &key)? {
        bail!(
            "nothing was sealed anew, because the running host does not know the new key: {reason}; \
             see its log; if [secrets] was changed, restart it, and run this again"
        );
    }
    let done = reseal_all(&settings, &key)?;
    Client::follow(&settings)?;
    let kept = (!forget).then(|| {
        let mut name = file.as_os_str().to_owned();
        name.push(format!(".{}", app::now().strftime("%Y%m%dT%H%M%S%.3fZ")));
        PathBuf::from(name)
    });
    config::end_rotation(file, kept.as_deref())?;
    Client::follow(&settings)?;
    let value = json!({
        "key": file, "kept": kept, "documents": documents(&done), "running": is_known,
    });
    asked.print(&value, |out| {
        write_resealed(out, &done)?;
        writeln!(out, "{} holds a new key; back it up", file.display())?;
        match &kept {
            Some(kept) => writeln!(out, "the old one is kept as {}", kept.display()),
            None => Ok(()),
        }
    })?;
    Ok(Exit::Well)
}

/// Whether the host that runs could open what is sealed from now on.
enum Known {
    Yes,
    /// It could not, for this reason.
    No(String),
    /// There is none.
    NoHost,
}

fn known_to_host(settings: &HostConfig, key: &SealingKey) -> anyhow::Result<Known> {
    let probe = json!({"sealed": key.seal("probe")?});
    match Client::new(settings)?.post("/v1/secrets/opens", &probe) {
        Ok(answer) if answer["opens"] == true => Ok(Known::Yes),
        Ok(answer) => Ok(Known::No(answer["reason"].as_str().unwrap_or_default().to_owned())),
        Err(error) if error.is::<NoHost>() => Ok(Known::NoHost),
        Err(error) => Err(error.context(
            "nothing was sealed anew, because the running host cannot say whether it knows the new key",
        )),
    }
}

/// A key that the host cannot write: the operator puts the new one in front, and takes the old one out.
fn rotate_elsewhere(asked: &Asked, settings: &HostConfig) -> anyhow::Result<Exit> {
    let (key, source) = (app::sealing_key(settings)?, &settings.sealing_key);
    let known = known_to_host(settings, &key)?;
    let fresh = match source {
        KeySource::Command(_) => "let the program print",
        _ => "make it hold",
    };
    let mut done = Vec::new();
    let (exit, mut steps) = match (key.len(), &known) {
        (1, _) => (
            Exit::Wrong,
            vec![
                format!(
                    "{source} is not the host's to change: {fresh} two lines, a new key from `openssl \
                     rand -base64 32` and then the old one"
                ),
                "restart the host, and run this again, with the same environment".to_owned(),
            ],
        ),
        (_, Known::No(reason)) => (
            Exit::Wrong,
            vec![
                "nothing was sealed anew: the running host does not know the first key that this command \
                 finds, and could not open what it seals"
                    .to_owned(),
                format!("the host says: {reason}"),
                format!(
                    "restart the host with the same keys in {source}, the new one first, and run this again"
                ),
            ],
        ),
        _ => {
            done = reseal_all(settings, &key)?;
            let all = format!("everything is sealed with the first key of {source}");
            (Exit::Well, vec![all, format!("{fresh} only that one, and restart the host")])
        }
    };
    if let Known::NoHost = known {
        steps.push(format!(
            "no host runs in this home, so nobody could be asked: see that its next start finds the same \
             keys in {source}"
        ));
    }
    let running = !matches!(known, Known::NoHost);
    let value = json!({"documents": documents(&done), "steps": steps, "running": running});
    asked.print(&value, |out| {
        write_resealed(out, &done)?;
        steps.iter().try_for_each(|step| writeln!(out, "{step}"))
    })?;
    Ok(exit)
}

/// Seals with the first key what another one sealed, one document after the other.
fn reseal_all(settings: &HostConfig, key: &SealingKey) -> anyhow::Result<Vec<Resealed>> {
    let mut files = vec![settings.home.join("host.toml")];
    for folder in [&settings.connectors, &settings.state.join("removed")] {
        let found = config::documents_in(folder);
        files.extend(found.with_context(|| format!("cannot read {}", folder.display()))?);
    }
    let mut done = Vec::new();
    for file in files {
        done.push(config::reseal(&file, key).context(
            "not everything is sealed with the new key, and the old one stays until then: repair this \
             and run it again",
        )?);
    }
    Ok(done)
}

fn documents(done: &[Resealed]) -> Value {
    let with_any = done.iter().filter(|one| one.resealed > 0 || !one.unopened.is_empty());
    let one = |one: &Resealed| json!({"file": one.file, "resealed": one.resealed, "unopened": one.unopened});
    with_any.map(one).collect()
}

fn write_resealed(out: &mut dyn Write, done: &[Resealed]) -> io::Result<()> {
    for Resealed { file, resealed, unopened } in done {
        if *resealed > 0 {
            writeln!(out, "{}: {resealed} sealed anew", file.display())?;
        }
        for name in unopened {
            writeln!(out, "{}: {name} opens with no key; seal it anew", file.display())?;
        }
    }
    Ok(())
}

pub(super) fn seal(asked: &Asked) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    let sealed = app::sealing_key(&settings)?.seal(&from_stdin("the secret")?)?;
    asked.print(&json!({"sealed": sealed}), |out| writeln!(out, "{sealed}"))?;
    Ok(Exit::Well)
}

/// A secret from standard input, without the newline at its end.
pub(super) fn from_stdin(what: &str) -> anyhow::Result<String> {
    if io::stdin().is_terminal() {
        writeln!(io::stderr(), "Type {what}, then Enter and Ctrl-D:")?;
    }
    let mut text = String::new();
    io::stdin().read_to_string(&mut text)?;
    let text = text.trim_end_matches(['\n', '\r']).to_owned();
    if text.is_empty() {
        bail!("standard input holds nothing");
    }
    Ok(text)
}
