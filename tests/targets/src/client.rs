//! The vendors' own clients, which run scripts and read rows.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};

use anyhow::{Context as _, bail};

/// What stands for NULL in the rows of a query.
pub const NULL: &str = "␀";

/// Between the values that psql prints; a zero byte is after each row.
const UNIT: &str = "\u{1f}";

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Vendor {
    Postgres,
    Mariadb,
}

/// A client program and the server it goes to, over TLS.
#[derive(Clone)]
pub(crate) struct Client {
    pub(crate) vendor: Vendor,
    pub(crate) program: PathBuf,
    pub(crate) port: u16,
    pub(crate) ca: PathBuf,
    /// Whether it checks the server's certificate, which stands the check then.
    pub(crate) checks: bool,
}

/// As whom, and to which database.
#[derive(Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) user: &'a str,
    pub(crate) password: &'a str,
    pub(crate) database: &'a str,
}

impl Client {
    /// The same client for a server on this port.
    pub(crate) fn at(&self, port: u16) -> Client {
        Client { port, ..self.clone() }
    }

    /// Runs a script up to its first failure.
    pub(crate) fn run(&self, login: Login<'_>, script: &str) -> anyhow::Result<()> {
        feed(self.command(login), script).map(drop)
    }

    /// The rows that a script answers.
    pub(crate) fn rows(&self, login: Login<'_>, script: &str) -> anyhow::Result<Vec<Vec<String>>> {
        let mut command = self.command(login);
        match self.vendor {
            Vendor::Postgres => {
                command.args(["--no-align", "--tuples-only"]);
                command.args(["--field-separator", UNIT, "--record-separator-zero"]);
                command.arg(format!("--pset=null={NULL}"));
                Ok(rows_of_psql(&feed(command, script)?))
            }
            Vendor::Mariadb => {
                command.arg("--xml");
                rows_of_xml(&feed(command, script)?)
            }
        }
    }

    fn command(&self, login: Login<'_>) -> Command {
        let mut command = Command::new(&self.program);
        command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
        match self.vendor {
            Vendor::Postgres => self.psql(&mut command, login),
            Vendor::Mariadb => self.mariadb(&mut command, login),
        }
        command
    }

    fn psql(&self, command: &mut Command, login: Login<'_>) {
        command.args(["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1"]);
        command.args(["--file=-", "--port", &self.port.to_string()]);
        command.args(["--username", login.user, "--dbname", login.database]);
        command.env("PGPASSWORD", login.password);
        // The address, and the name that the certificate is for.
        command.env("PGHOSTADDR", "127.0.0.1").env("PGHOST", "localhost");
        if self.checks {
            command.env("PGSSLMODE", "verify-full").env("PGSSLROOTCERT", &self.ca);
        } else {
            command.env("PGSSLMODE", "require");
        }
        command.env("PGCLIENTENCODING", "UTF8").env("PGCONNECT_TIMEOUT", "10");
    }

    fn mariadb(&self, command: &mut Command, login: Login<'_>) {
        command.args(["--no-defaults", "--batch", "--protocol=TCP", "--host=127.0.0.1"]);
        command.args(["--port", &self.port.to_string(), "--connect-timeout=10"]);
        command.args(["--user", login.user, "--database", login.database]);
        command.args(["--default-character-set=utf8mb4", "--ssl"]);
        if self.checks {
            command.args(["--ssl-verify-server-cert", "--ssl-ca"]).arg(&self.ca);
        }
        command.env("MYSQL_PWD", login.password);
    }
}

/// Gives a script to a client and returns what it prints.
pub(crate) fn feed(mut command: Command, script: &str) -> anyhow::Result<String> {
    let program = Path::new(command.get_program()).display().to_string();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .with_context(|| format!("cannot start {program}"))?;
    let mut pipe = child.stdin.take().context("the client has no standard input")?;
    let output = thread::scope(|scope| {
        // A client that fails early does not read to the end; its own words tell why.
        scope.spawn(move || pipe.write_all(script.as_bytes()));
        child.wait_with_output()
    });
    let output = output.with_context(|| format!("cannot wait for {program}"))?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr);
        bail!("{program} ended with {}: {}", output.status, words.trim());
    }
    String::from_utf8(output.stdout).with_context(|| format!("{program} printed no UTF-8"))
}

fn rows_of_psql(printed: &str) -> Vec<Vec<String>> {
    let row = |row: &str| row.split(UNIT).map(str::to_owned).collect();
    printed.split_terminator('\0').map(row).collect()
}

/// The rows in `<row><field name="…">…</field><field name="…" xsi:nil="true" /></row>`.
fn rows_of_xml(printed: &str) -> anyhow::Result<Vec<Vec<String>>> {
    let row = |row: &str| {
        let row = row.split_once("</row>").context("a row has no end")?.0;
        row.split("<field name=\"").skip(1).map(value).collect()
    };
    printed.split("<row>").skip(1).map(row).collect()
}

fn value(field: &str) -> anyhow::Result<String> {
    let (_, rest) = field.split_once('"').context("a field's name has no end")?;
    if rest.starts_with(" xsi:nil=\"true\"") {
        return Ok(NULL.to_owned());
    }
    let (_, rest) = rest.split_once('>').context("a field's tag has no end")?;
    let (text, _) = rest.split_once("</field>").context("a field has no end")?;
    let text = text.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\"");
    Ok(text.replace("&amp;", "&"))
}
