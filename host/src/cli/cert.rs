//! `cert`: the certificate in the files and the one that is served; a new one.

use super::{Asked, Exit, NoHost, client::Client, secrets::from_stdin};
use clap::Subcommand;
use ecma_host::{
    app::{self, Installed},
    config::HostConfig,
    web::tls::CertificateFiles,
};
use serde_json::{Value, json};
use std::{
    io::{self, Write},
    path::PathBuf,
};

#[derive(Subcommand)]
pub(super) enum Cert {
    /// The certificate: whose it is, for which names, how long, and whether the running host serves it.
    Show,
    /// Make a new self-signed certificate; the old one is kept beside.
    Generate {
        /// A name that clients use; several are possible. Without it, that of host.toml or the machine.
        #[arg(long)]
        name: Vec<String>,
        /// How long it is valid.
        #[arg(long, default_value_t = 730, value_parser = clap::value_parser!(u32).range(1..=3650))]
        days: u32,
        /// Make a new private key as well.
        #[arg(long)]
        new_key: bool,
    },
    /// Install a certificate of your own, PEM or PKCS#12; the running host takes it at once.
    Install {
        /// The certificate with those that lead to its root, or a PKCS#12 file.
        certificate: PathBuf,
        /// The private key, when it is not in the same file.
        #[arg(long)]
        key: Option<PathBuf>,
        /// Read the password of the PKCS#12 file from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
}

pub(super) fn run(asked: &Asked, what: Cert) -> anyhow::Result<Exit> {
    match what {
        Cert::Show => show(asked),
        Cert::Generate { name, days, new_key } => {
            let settings = asked.settings()?;
            let made = app::generate_certificate(&settings, name, days, new_key)?;
            tell(asked, &settings, &made, true)
        }
        Cert::Install { certificate, key, password_stdin } => {
            // As seen from here: reading the settings enters the home.
            let certificate = std::path::absolute(certificate)?;
            let key = key.map(std::path::absolute).transpose()?.unwrap_or(certificate.clone());
            let password = password_stdin.then(|| from_stdin("the password")).transpose()?;
            let from = CertificateFiles { certificate, key, password: password.map(Into::into) };
            let settings = asked.settings()?;
            let installed = app::install_certificate(settings.clone(), &from)?;
            tell(asked, &settings, &installed, false)
        }
    }
}

/// What the running host serves; nothing when none runs.
fn served(settings: &HostConfig, look_again: bool) -> anyhow::Result<Option<Value>> {
    let client = Client::new(settings)?;
    let asked = || {
        if look_again {
            client.post("/v1/reload", &Value::Null)?;
        }
        client.get("/v1/certificate")
    };
    match asked() {
        Ok(served) => Ok(Some(served)),
        Err(error) if error.is::<NoHost>() => Ok(None),
        Err(error) => Err(error),
    }
}

fn show(asked: &Asked) -> anyhow::Result<Exit> {
    let settings = asked.settings()?;
    let running = served(&settings, false)?;
    let in_files = app::certificate(&settings);
    let (file, wrong) = match &in_files {
        Ok(value) => (value.clone(), None),
        Err(error) if running.is_some() => (Value::Null, Some(format!("{error:#}"))),
        Err(_) => return in_files.map(|_| Exit::Wrong),
    };
    let differs = running.as_ref().is_some_and(|running| running["sha256"] != file["sha256"]);
    let value = json!({
        "file": file, "problem": wrong, "running": running, "differs": differs,
    });
    asked.print(&value, |out| {
        match &wrong {
            Some(wrong) => writeln!(out, "files        {wrong}")?,
            None => lines(out, &file)?,
        }
        match &running {
            None => writeln!(out, "served       no host runs in {}", settings.home.display()),
            Some(_) if !differs => writeln!(out, "served       by the running host"),
            Some(running) => {
                writeln!(out, "served       ANOTHER one by the running host; its log says why:")?;
                lines(out, running)
            }
        }
    })?;
    Ok(if differs || wrong.is_some() { Exit::Wrong } else { Exit::Well })
}

fn lines(out: &mut dyn Write, one: &Value) -> io::Result<()> {
    let text = |key: &str| one[key].as_str().unwrap_or_default();
    let names: Vec<&str> =
        one["names"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let by = if one["selfSigned"] == true { " (signed with its own key)" } else { "" };
    let days = match one["days"].as_i64().unwrap_or_default() {
        ended if ended < 0 => "it has ended".to_owned(),
        days => format!("{days} days left"),
    };
    let covers = match one["coversHostName"] == true {
        true => "is among the names",
        false => "is NOT among the names: clients that use it refuse the host",
    };
    writeln!(out, "file         {}", text("certificate"))?;
    writeln!(out, "subject      {}", text("subject"))?;
    writeln!(out, "names        {}", names.join(", "))?;
    writeln!(out, "issuer       {}{by}", text("issuer"))?;
    writeln!(out, "valid        {} to {} ({days})", text("notBefore"), text("notAfter"))?;
    writeln!(out, "key          {}", text("key"))?;
    writeln!(out, "SHA-256      {}", text("sha256"))?;
    writeln!(out, "host name    {} {covers}", text("hostName"))
}

/// Says what was put in place, and whether the running host serves it by now.
fn tell(
    asked: &Asked,
    settings: &HostConfig,
    Installed { certificate, kept }: &Installed,
    is_made: bool,
) -> anyhow::Result<Exit> {
    let running = served(settings, true)?;
    let is_served = running.as_ref().map(|running| running["sha256"] == certificate["sha256"]);
    let value = json!({"certificate": certificate, "kept": kept, "served": is_served});
    asked.print(&value, |out| {
        lines(out, certificate)?;
        for kept in kept {
            writeln!(out, "kept         {}", kept.display())?;
        }
        match is_served {
            Some(true) => {
                writeln!(out, "served       by the running host from the next handshake on")
            }
            Some(false) => writeln!(out, "served       NOT by the running host; its log says why"),
            None => writeln!(out, "served       from the next start on; no host runs"),
        }?;
        if is_made {
            let file = certificate["certificate"].as_str().unwrap_or_default();
            writeln!(
                out,
                "\nClients have to trust {file}:\n  \
                 Debian, Ubuntu   cp {file} /usr/local/share/ca-certificates/ecma-host.crt && \
                 update-ca-certificates\n  \
                 Windows          certutil -addstore Root cert.pem, as administrator, where the \
                 provisioning agent runs"
            )?;
        }
        Ok(())
    })?;
    Ok(if is_served == Some(false) { Exit::Wrong } else { Exit::Well })
}
