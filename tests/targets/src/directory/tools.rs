//! The programs of `ldap-utils`, which ask and change directories for tests.

use std::{
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use super::ldif::{self, Found};
use crate::{
    client::feed,
    programs::{folders, together},
};

/// `LDAP_INVALID_CREDENTIALS` of RFC 4511, which the programs end with.
const INVALID_CREDENTIALS: i32 = 49;

/// Where the programs are.
#[derive(Clone)]
pub(crate) struct Tools {
    search: PathBuf,
    modify: PathBuf,
}

/// Where a server is, and as whom it is asked.
#[derive(Clone, Copy)]
pub(crate) struct Login<'a> {
    pub(crate) uri: &'a str,
    pub(crate) dn: &'a str,
    pub(crate) password: &'a str,
}

impl Tools {
    pub(crate) fn find() -> anyhow::Result<Tools> {
        let programs = ["ldapsearch", "ldapmodify"];
        let [search, modify] = together(programs, &folders(), "ldap-utils")?;
        Ok(Tools { search, modify })
    }

    /// Makes the changes of an LDIF up to the first failure; records without `changetype` are added.
    pub(crate) fn modify(&self, login: Login<'_>, ldif: &str) -> anyhow::Result<()> {
        let mut command = command(&self.modify, login);
        command.arg("-a");
        feed(command, ldif).map(drop)
    }

    /// The entries that a search finds. `scope` is `base`, `one` or `sub`.
    pub(crate) fn search(
        &self,
        login: Login<'_>,
        base: &str,
        scope: &str,
        filter: &str,
        attributes: &[&str],
    ) -> anyhow::Result<Vec<Found>> {
        let mut command = command(&self.search, login);
        command.args(["-LLL", "-o", "ldif-wrap=no", "-E", "pr=1000/noprompt"]);
        command.args(["-b", base, "-s", scope, filter]).args(attributes);
        ldif::entries(&feed(command, "")?)
    }

    /// Whether the server takes this name and password.
    pub(crate) fn binds(&self, login: Login<'_>) -> anyhow::Result<bool> {
        // Samba does not know "Who am I?" (RFC 4532), and everybody shows the root DSE.
        let mut command = command(&self.search, login);
        command.args(["-LLL", "-b", "", "-s", "base", "1.1"]);
        let output = command.stdin(Stdio::null()).output().context("cannot start ldapsearch")?;
        match output.status.code() {
            Some(0) => Ok(true),
            Some(INVALID_CREDENTIALS) => Ok(false),
            _ => bail!("ldapsearch: {}", String::from_utf8_lossy(&output.stderr).trim()),
        }
    }
}

fn command(program: &PathBuf, login: Login<'_>) -> Command {
    let mut command = Command::new(program);
    command.env_clear().env("PATH", std::env::var_os("PATH").unwrap_or_default());
    // Servers show any certificate here; nobody else has the port.
    command.env("LDAPTLS_REQCERT", "never");
    command.args(["-x", "-o", "nettimeout=10", "-H", login.uri]);
    command.args(["-D", login.dn, "-w", login.password]);
    command
}
