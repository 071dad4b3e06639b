//! Directory servers: what can be done with a running one of either vendor.

mod ds389;
mod ldif;
mod people;
mod samba_ad;
mod slapd;
mod tools;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rustix::process::{Pid, Signal, kill_process};

use self::tools::{Login, Tools};
use crate::{
    certificate::{self, Files},
    database::or_panic,
    programs::Account,
    server::{Place, Server},
};

pub use self::{
    ds389::Ds389,
    ldif::{Found, escape_dn_value},
    people::People,
    samba_ad::SambaAd,
    slapd::{Slapd, SlapdOptions},
};

/// The suffix of the servers that may choose one.
const BASE: &str = "dc=example,dc=com";
/// Who a connector is there. It has all rights on entries, and is bound by limits.
const CONNECTOR: &str = "cn=connector,ou=services,dc=example,dc=com";

const HALTED_WITHIN: Duration = Duration::from_secs(20);

/// The entries that every server begins with, as LDIF. `access` is more lines of the topmost one.
fn tree(access: &str, connector_password: &str) -> String {
    let unit = |name: &str| {
        format!("dn: ou={name},{BASE}\nobjectClass: organizationalUnit\nou: {name}\n\n")
    };
    let top = format!("dn: {BASE}\nobjectClass: top\nobjectClass: domain\ndc: example\n{access}\n");
    let connector = format!(
        "dn: {CONNECTOR}\nobjectClass: organizationalRole\nobjectClass: simpleSecurityObject\n\
         cn: connector\nuserPassword: {connector_password}\n\n"
    );
    [top, unit("people"), unit("groups"), unit("services"), connector].concat()
}

/// A name in the directory and its password.
struct Who {
    dn: &'static str,
    password: String,
}

/// What is known of a directory before it runs.
struct Plan {
    base: &'static str,
    host: String,
    connector: Who,
    administrator: Who,
    files: Files,
    tools: Tools,
}

impl Plan {
    /// Whether the server at these ports takes the administrator's password.
    fn answers(&self, [_, ldaps]: [u16; 2]) -> anyhow::Result<()> {
        let uri = self.uri("ldaps", ldaps);
        self.tools
            .search(self.administrator(&uri), self.base, "base", "(objectClass=*)", &["1.1"])
            .map(drop)
    }

    fn administrator<'a>(&'a self, uri: &'a str) -> Login<'a> {
        Login { uri, dn: self.administrator.dn, password: &self.administrator.password }
    }

    fn uri(&self, scheme: &str, port: u16) -> String {
        format!("{scheme}://{}:{port}", self.host)
    }
}

/// A running directory server. What it is asked here goes through the tools of OpenLDAP, as the
/// administrator, whom limits do not concern.
pub struct Directory {
    plan: Plan,
    account: Account,
    ports: [u16; 2],
    ldaps_uri: String,
    server: Mutex<Server>,
}

impl Directory {
    fn new(plan: Plan, account: Account, server: Server, ports: [u16; 2]) -> Directory {
        let ldaps_uri = plan.uri("ldaps", ports[1]);
        Directory { plan, account, ports, ldaps_uri, server: Mutex::new(server) }
    }

    /// Where plain connections and StartTLS are answered: `ldap://HOST:PORT`.
    pub fn uri(&self) -> String {
        self.plan.uri("ldap", self.port())
    }

    /// Where TLS is spoken from the start: `ldaps://HOST:PORT`.
    pub fn ldaps_uri(&self) -> &str {
        &self.ldaps_uri
    }

    /// The address the server listens on, `127.0.0.1` where it may choose its ports. The
    /// certificate is for it, and for `localhost`.
    pub fn host(&self) -> &str {
        &self.plan.host
    }

    /// The port of [`uri`](Directory::uri); it stays when the server is restarted.
    pub fn port(&self) -> u16 {
        self.ports[0]
    }

    /// The port of [`ldaps_uri`](Directory::ldaps_uri); it stays when the server is restarted.
    pub fn ldaps_port(&self) -> u16 {
        self.ports[1]
    }

    /// The suffix that everything is under.
    pub fn base(&self) -> &'static str {
        self.plan.base
    }

    /// Who a connector is: all rights under the base, and no freedom from limits.
    pub fn bind_dn(&self) -> &'static str {
        self.plan.connector.dn
    }

    /// The password of [`bind_dn`](Directory::bind_dn), another one in each process.
    pub fn password(&self) -> &str {
        &self.plan.connector.password
    }

    /// Who may do anything.
    pub fn administrator_dn(&self) -> &'static str {
        self.plan.administrator.dn
    }

    /// The password of [`administrator_dn`](Directory::administrator_dn).
    pub fn administrator_password(&self) -> &str {
        &self.plan.administrator.password
    }

    /// The PEM file of what a client has to trust.
    pub fn ca(&self) -> &Path {
        &self.plan.files.ca
    }

    /// SHA-256 of the server's certificate as DER, in 64 lower-case hexadecimal digits.
    pub fn certificate_sha256(&self) -> &str {
        &self.plan.files.sha256
    }

    /// Makes a client's certificate with the subject `CN=name` that the server's authority has
    /// signed. The PEM files of it and of its key.
    #[track_caller]
    pub fn client_certificate(&self, name: &str) -> (PathBuf, PathBuf) {
        or_panic(self.try_client_certificate(name))
    }

    fn try_client_certificate(&self, name: &str) -> anyhow::Result<(PathBuf, PathBuf)> {
        let (certificate, key) = certificate::for_client(&self.plan.files.authority, name)?;
        let directory =
            self.plan.files.ca.parent().context("the authority's file is in no directory")?;
        let place = Place { directory, account: &self.account };
        let certificate = place.write(&format!("client-{name}.pem"), &certificate)?;
        Ok((certificate, place.write(&format!("client-{name}.key"), &key)?))
    }

    /// Adds the entries of an LDIF. Panics with the server's words at the first that it refuses.
    #[track_caller]
    pub fn add(&self, ldif: &str) {
        or_panic(self.try_modify(ldif));
    }

    /// Makes the changes of an LDIF. Panics with the server's words at the first that it refuses.
    #[track_caller]
    pub fn modify(&self, ldif: &str) {
        or_panic(self.try_modify(ldif));
    }

    /// Makes the changes of an LDIF; records without `changetype` are added. The error has the
    /// server's words about the first that it refused.
    pub fn try_modify(&self, ldif: &str) -> anyhow::Result<()> {
        self.plan.tools.modify(self.administrator(), ldif)
    }

    /// Deletes an entry. Panics with the server's words if it refuses.
    #[track_caller]
    pub fn delete(&self, dn: &str) {
        let mut record = String::new();
        ldif::write_line(&mut record, "dn", dn.as_bytes());
        self.modify(&(record + "changetype: delete\n"));
    }

    /// What is found: each entry's DN and attributes. `scope` is `base`, `one` or `sub`. Panics with
    /// the server's words if it refuses, which it does when the base is not there.
    #[track_caller]
    pub fn search(&self, base: &str, scope: &str, filter: &str, attributes: &[&str]) -> Vec<Found> {
        or_panic(self.plan.tools.search(self.administrator(), base, scope, filter, attributes))
    }

    /// Whether this name and password are taken. Panics with the server's words if it answers
    /// neither yes nor no.
    #[track_caller]
    pub fn binds(&self, dn: &str, password: &str) -> bool {
        or_panic(self.plan.tools.binds(Login { uri: &self.ldaps_uri, dn, password }))
    }

    /// Stops the server, which ends all connections, and starts it on the same ports with its
    /// entries. Panics with the end of its log when it does not come up within 30 s.
    #[track_caller]
    pub fn restart(&self) {
        let restarted = self.server().restart(|| (), || self.plan.answers(self.ports));
        or_panic(restarted.context("cannot restart the server"));
    }

    /// The id of the server's process, another one after a restart.
    pub fn pid(&self) -> u32 {
        self.server().pid()
    }

    /// Halts the server's process: connections stay, and nobody answers until
    /// [`cont`](Directory::cont).
    #[track_caller]
    pub fn stop(&self) {
        or_panic(self.signal(Signal::STOP).and_then(|()| wait_until_halted(self.pid())));
    }

    /// Lets a halted server go on.
    #[track_caller]
    pub fn cont(&self) {
        or_panic(self.signal(Signal::CONT));
    }

    fn signal(&self, signal: Signal) -> anyhow::Result<()> {
        let pid = i32::try_from(self.pid()).ok().and_then(Pid::from_raw);
        let pid = pid.context("the server has no process")?;
        kill_process(pid, signal).context("cannot signal the server")
    }

    fn administrator(&self) -> Login<'_> {
        self.plan.administrator(&self.ldaps_uri)
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The signal is only on its way: on a busy machine a server may answer something before it halts.
fn wait_until_halted(pid: u32) -> anyhow::Result<()> {
    let started = Instant::now();
    while !is_halted(pid) {
        if started.elapsed() > HALTED_WITHIN {
            bail!("the server goes on {HALTED_WITHIN:?} after it was told to halt");
        }
        sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Whether all threads are halted, where the system tells of threads in `/proc`.
fn is_halted(pid: u32) -> bool {
    let threads = fs::read_dir(format!("/proc/{pid}/task")).into_iter().flatten().flatten();
    // The state stands behind the program's name, which is in parentheses.
    let state = |stat: String| stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    let mut states = threads
        .filter_map(|thread| fs::read_to_string(thread.path().join("stat")).ok())
        .filter_map(state);
    states.all(|state| state == 'T')
}
