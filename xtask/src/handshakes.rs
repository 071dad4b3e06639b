//! `cargo xtask handshakes`: the real host's listener before sslyze, a scanner that others wrote. It has to
//! find nothing weak.

use std::{fs, path::Path, process::Stdio, time::Duration};

use anyhow::{Context as _, bail};
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::{
    cargo::{self, Profile},
    conformance::python,
    files::{self, Reader},
    run, say,
};

/// How long the host may take to listen, and the scanner to look.
const PATIENCE: Duration = Duration::from_secs(120);
/// What may be offered, by the scanner's name of the attempt. Everything else there must be refused.
const SUITES: [(&str, &[&str]); 2] = [
    (
        "tls_1_2_cipher_suites",
        &[
            "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
            "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
            "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        ],
    ),
    (
        "tls_1_3_cipher_suites",
        &["TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256"],
    ),
];
const REFUSED: [&str; 4] = [
    "ssl_2_0_cipher_suites",
    "ssl_3_0_cipher_suites",
    "tls_1_0_cipher_suites",
    "tls_1_1_cipher_suites",
];
/// Other findings: attempt, what is told, and what it has to be.
const FINDINGS: [(&str, &str, &str); 7] = [
    ("tls_compression", "supports_compression", "false"),
    ("heartbleed", "is_vulnerable_to_heartbleed", "false"),
    ("openssl_ccs_injection", "is_vulnerable_to_ccs_injection", "false"),
    ("robot", "robot_result", "\"NOT_VULNERABLE_RSA_NOT_SUPPORTED\""),
    ("session_renegotiation", "is_vulnerable_to_client_renegotiation_dos", "false"),
    ("session_renegotiation", "client_renegotiations_success_count", "0"),
    ("tls_1_3_early_data", "supports_early_data", "false"),
];
const ASKED: [&str; 13] = [
    "--sslv2",
    "--sslv3",
    "--tlsv1",
    "--tlsv1_1",
    "--tlsv1_2",
    "--tlsv1_3",
    "--compression",
    "--heartbleed",
    "--openssl_ccs",
    "--robot",
    "--reneg",
    "--early_data",
    "--quiet",
];

/// Scans the listener; what is weak is a failure.
pub(crate) fn run() -> anyhow::Result<()> {
    let scratch = cargo::metadata(&["--no-deps"])?.target_directory.join("handshakes");
    fs::create_dir_all(&scratch).with_context(|| format!("cannot make {}", scratch.display()))?;
    let requirements = cargo::root().join("tests/handshakes/requirements.txt");
    let python = python::ensure(&scratch.join("venv"), &requirements, "sslyze")?;
    let host = cargo::build_program("ecma-host", Profile::Debug)?;
    let home = tempfile::tempdir_in(&scratch).context("cannot make a home for the host")?;
    let settings = home.path().join("host.toml");
    files::write(&settings, b"listen = [\"127.0.0.1:0\"]\n", Reader::All)?;
    let found = scratch.join("found.json");
    let _ = fs::remove_file(&found);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(scan(&python, &host, home.path(), &found))?;
    let text = fs::read(&found).with_context(|| format!("cannot read {}", found.display()))?;
    let faults = faults(&serde_json::from_slice(&text)?);
    faults.iter().for_each(|fault| say!("{fault}"));
    match faults.len() {
        0 => Ok(()),
        count => bail!("{count} faults, named above; all that was found is in {}", found.display()),
    }
}

/// Starts the host, lets the scanner look, and ends the host, whatever happened.
async fn scan(python: &Path, host: &Path, home: &Path, found: &Path) -> anyhow::Result<()> {
    let mut command = run::command(host, home, Some(0))?;
    command.stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let mut host = command.spawn().context("cannot start the host")?;
    let scanned = tokio::time::timeout(PATIENCE, look(&mut host, python, home, found)).await;
    host.kill().await?;
    scanned.context("it took too long")?
}

async fn look(host: &mut Child, python: &Path, home: &Path, found: &Path) -> anyhow::Result<()> {
    let pid = host.id().context("the host ended at once")?;
    let listening = tokio::select! {
        ready = run::wait_ready(home, pid, &[]) => ready?,
        status = host.wait() => bail!("the host ended: {}", status?),
    };
    // It ends with an error where the certificate is self-signed, which is told in the file too.
    let mut scanner = Command::new(python);
    scanner.args(["-W", "ignore", "-m", "sslyze"]).args(ASKED).arg("--json_out").arg(found);
    scanner.arg("--mozilla_config=disable").arg(listening.address()?.to_string());
    scanner.stdin(Stdio::null()).stdout(Stdio::null()).kill_on_drop(true);
    scanner.status().await.context("cannot start the scanner")?;
    Ok(())
}

/// What is weak, or was not looked at.
fn faults(found: &Value) -> Vec<String> {
    let result = |attempt: &str| &found["server_scan_results"][0]["scan_result"][attempt]["result"];
    let accepted = |attempt: &str| -> Option<Vec<&str>> {
        let suites = result(attempt)["accepted_cipher_suites"].as_array()?;
        suites.iter().map(|one| one["cipher_suite"]["name"].as_str()).collect()
    };
    let mut faults = Vec::new();
    let refused = REFUSED.map(|attempt| (attempt, &[][..]));
    for (attempt, allowed) in SUITES.into_iter().chain(refused) {
        match accepted(attempt) {
            None => faults.push(format!("{attempt}: not looked at")),
            Some(suites) => {
                let mut suites = suites;
                suites.sort_unstable();
                if suites != allowed {
                    faults.push(format!("{attempt}: {suites:?} instead of {allowed:?}"));
                }
            }
        }
    }
    for (attempt, what, expected) in FINDINGS {
        let found = &result(attempt)[what];
        if serde_json::from_str::<Value>(expected).ok().as_ref() != Some(found) {
            faults.push(format!("{attempt}: {what} is {found} instead of {expected}"));
        }
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sound() -> Value {
        let mut result = json!({});
        for (attempt, suites) in SUITES.into_iter().chain(REFUSED.map(|one| (one, &[][..]))) {
            let suites: Vec<Value> =
                suites.iter().map(|name| json!({"cipher_suite": {"name": name}})).collect();
            result[attempt]["result"]["accepted_cipher_suites"] = json!(suites);
        }
        for (attempt, what, expected) in FINDINGS {
            result[attempt]["result"][what] = serde_json::from_str(expected).unwrap();
        }
        json!({"server_scan_results": [{"scan_result": result}]})
    }

    #[test]
    fn only_what_is_sound_has_no_faults() {
        assert_eq!(faults(&sound()), Vec::<String>::new());
        assert_eq!(faults(&json!({})).len(), SUITES.len() + REFUSED.len() + FINDINGS.len());
        for (attempt, what, value) in [
            (
                "tls_1_1_cipher_suites",
                "accepted_cipher_suites",
                json!([{"cipher_suite": {"name": "X"}}]),
            ),
            ("heartbleed", "is_vulnerable_to_heartbleed", json!(true)),
        ] {
            let mut weak = sound();
            weak["server_scan_results"][0]["scan_result"][attempt]["result"][what] = value;
            let found = faults(&weak);
            assert!(found.len() == 1 && found[0].starts_with(attempt), "{found:?}");
        }
    }
}
