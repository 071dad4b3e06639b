//! A domain controller of Samba, which is an Active Directory.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, TcpListener},
    ops::Deref,
    path::Path,
    sync::LazyLock,
    time::Duration,
};

use anyhow::{Context as _, anyhow};

use super::{Directory, Plan, Who, tools::Tools};
use crate::{
    Certificate,
    database::or_panic,
    programs::{Account, folders, program},
    server::{INSTALLED_WITHIN, LOADED_WITHIN, Place, Server, directory, password},
    watchdog::Watchdog,
};

const PACKAGE: &str = "samba-ad-dc";
const STOP: &str = "TERM";
const BASE: &str = "DC=ad,DC=example,DC=com";
const ADMINISTRATOR: &str = "CN=Administrator,CN=Users,DC=ad,DC=example,DC=com";
const CONTACTS: &str = "OU=contacts,DC=ad,DC=example,DC=com";
/// It chooses no others.
const PORTS: [u16; 2] = [389, 636];
/// Its schema alone is 1,800 entries.
const PROVISIONED_WITHIN: Duration = Duration::from_secs(300);
/// What a domain consists of, in the directory of a server.
const PARTS: [&str; 2] = ["domain", "attributes.tdb"];

/// A running domain controller of the domain `AD.EXAMPLE.COM`, as Samba makes one: only LDAP is
/// answered, on ports 389 and 636 of an address `127.x.y.z` of its own, and the connector is the
/// administrator. Plain log-ins are taken without TLS, and none with a password of before.
///
/// Making a domain takes 5 s of a processor and more. So it is made once in a process, and each server
/// has a copy: their entries, ids and passwords are the same at first.
pub struct SambaAd(Directory);

impl SambaAd {
    /// Whether this process may start one, which has to be root on a machine where ports below
    /// 1024 are root's. The error says why not.
    pub fn available() -> Result<(), String> {
        if !rustix::process::geteuid().is_root() {
            return Err("Samba's domain controller starts as root only".to_owned());
        }
        free_address().map(drop).map_err(|error| format!("{error:#}"))
    }

    /// What `start` starts, where that is [`available`](SambaAd::available). Elsewhere it says why
    /// not, where nobody captures it, and that something was not tested.
    pub fn if_available(start: impl FnOnce() -> SambaAd) -> Option<SambaAd> {
        match SambaAd::available() {
            Ok(()) => Some(start()),
            Err(reason) => {
                let _ = writeln!(std::io::stderr(), "NOT TESTED with Active Directory: {reason}");
                None
            }
        }
    }

    /// Starts a server. Panics with the end of its log when that fails, and with the name of the
    /// Debian package when its programs are missing.
    #[track_caller]
    pub fn start() -> SambaAd {
        SambaAd::start_with(Certificate::default())
    }

    /// Starts a server that shows this kind of certificate.
    #[track_caller]
    pub fn start_with(certificate: Certificate) -> SambaAd {
        or_panic(start(certificate, 0).context("cannot start Samba"))
    }

    /// Starts a server with so many contacts, which cost less than people and can be members too.
    #[track_caller]
    pub fn start_with_contacts(contacts: usize) -> SambaAd {
        or_panic(start(Certificate::default(), contacts).context("cannot start Samba"))
    }

    /// The DN of contact `n`, counted from 0.
    pub fn contact(n: usize) -> String {
        format!("CN=contact{n:05},{CONTACTS}")
    }
}

impl Deref for SambaAd {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.0
    }
}

/// A domain on which no server runs.
struct Domain {
    /// Keeps the domain's directory as long as this process lives, and no longer.
    watchdog: Watchdog,
    password: String,
}

impl Domain {
    /// The one of this process.
    fn get() -> anyhow::Result<&'static Domain> {
        static MADE: LazyLock<Result<Domain, String>> =
            LazyLock::new(|| Domain::make().map_err(|error| format!("{error:#}")));
        MADE.as_ref().map_err(|error| anyhow!("cannot make a domain: {error}"))
    }

    fn make() -> anyhow::Result<Domain> {
        let tool = program("samba-tool", &folders(), PACKAGE)?;
        let account = Account::this();
        let mut watchdog = Watchdog::start(directory(&account)?, STOP)?;
        let directory = watchdog.directory().to_owned();
        let place = Place { directory: &directory, account: &account };
        // No server will run here; the domain does not keep the address.
        let address = Ipv4Addr::LOCALHOST.to_string();
        // The domain wants letters of both cases.
        let password = format!("A{}", password()?);
        let words = [
            "domain",
            "provision",
            &configured(&place, &address)?,
            &format!("--targetdir={}", place.path("domain")),
            "--realm=AD.EXAMPLE.COM",
            "--domain=ADTEST",
            "--server-role=dc",
            "--dns-backend=NONE",
            "--host-name=dc1",
            &format!("--host-ip={address}"),
            &format!("--adminpass={password}"),
            "--use-rfc2307",
            "--option=ldb:nosync=true",
            // Not every file system keeps the attributes that it gives to files.
            &format!("--option=posix:eadb={}", place.path("attributes.tdb")),
        ]
        .map(str::to_owned);
        watchdog
            .run_to_end(&account.words(&tool, &words), PROVISIONED_WITHIN)
            .context("samba-tool failed")?;
        Ok(Domain { watchdog, password })
    }

    /// Copies the domain to the directory of a server.
    fn copy(&self, watchdog: &mut Watchdog, place: &Place) -> anyhow::Result<()> {
        let cp = program("cp", &folders(), "coreutils")?;
        let parts = PARTS.map(|part| self.watchdog.directory().join(part).display().to_string());
        let mut words = vec!["-R".to_owned(), "-p".to_owned()];
        words.extend(parts);
        words.push(place.directory.display().to_string());
        watchdog
            .run_to_end(&place.account.words(&cp, &words), INSTALLED_WITHIN)
            .context("the domain cannot be copied")
    }
}

fn start(certificate: Certificate, contacts: usize) -> anyhow::Result<SambaAd> {
    let samba = program("samba", &folders(), PACKAGE)?;
    let tools = Tools::find()?;
    let domain = Domain::get()?;
    let account = Account::this();
    let mut watchdog = Watchdog::start(directory(&account)?, STOP)?;
    let directory = watchdog.directory().to_owned();
    let place = Place { directory: &directory, account: &account };
    let address = free_address()?.to_string();
    let files = certificate.make(&place, &address)?;
    domain.copy(&mut watchdog, &place)?;
    let settings = configured(&place, &address)?;
    if contacts > 0 {
        add_contacts(&mut watchdog, &place, &settings, contacts)?;
    }

    let words = [&settings, "--foreground", "--no-process-group", "--model=single"];
    let words = words.map(str::to_owned).into_iter().chain(["--debug-stdout".to_owned()]);
    let words = account.words(&samba, &words.collect::<Vec<_>>());
    let who = || Who { dn: ADMINISTRATOR, password: domain.password.clone() };
    let plan =
        Plan { base: BASE, host: address, connector: who(), administrator: who(), files, tools };
    let start = |[]: [u16; 0]| Ok(words.clone());
    let (server, []) = Server::start(watchdog, start, |[]| plan.answers(PORTS))?;
    Ok(SambaAd(Directory::new(plan, account, server, PORTS)))
}

/// Adds contacts while no server runs, all at once: by LDAP 10,000 would take ten times as long.
fn add_contacts(
    watchdog: &mut Watchdog,
    place: &Place,
    settings: &str,
    count: usize,
) -> anyhow::Result<()> {
    let ldbadd = program("ldbadd", &folders(), "ldb-tools")?;
    let container = format!("dn: {CONTACTS}\nobjectClass: organizationalUnit\n\n");
    let contact = |n| format!("dn: {}\nobjectClass: contact\n\n", SambaAd::contact(n));
    let ldif = container + &(0..count).map(contact).collect::<String>();
    let ldif = place.write("contacts.ldif", &ldif)?.display().to_string();
    let database = place.path("domain/private/sam.ldb");
    // With the last two it does not copy its index for each entry.
    let words = [settings, "-H", &database, "--option=ldb:nosync=true", "-o", "batch_mode:1"];
    let words = words.into_iter().chain(["-o", "transaction_index_cache_size:200000", &ldif]);
    let words: Vec<String> = words.map(str::to_owned).collect();
    watchdog
        .run_to_end(&place.account.words(&ldbadd, &words), LOADED_WITHIN)
        .context("ldbadd failed")
}

/// Writes the server's `smb.conf`, and answers the argument that names it.
fn configured(place: &Place, address: &str) -> anyhow::Result<String> {
    let path = place.write("smb.conf", &settings(place.directory, address))?;
    Ok(format!("--configfile={}", path.display()))
}

/// An address of this machine on which nobody has the ports.
fn free_address() -> anyhow::Result<IpAddr> {
    let mut bytes = [0; 3];
    getrandom::fill(&mut bytes).context("cannot get random bytes")?;
    // Neither a network's own address nor its last; 127.0 is for others.
    let [b, c, d] = bytes.map(|byte| byte.clamp(1, 254));
    let address = IpAddr::V4(Ipv4Addr::new(127, b, c, d));
    for port in PORTS {
        TcpListener::bind((address, port))
            .with_context(|| format!("cannot listen on port {port} of {address}"))?;
    }
    Ok(address)
}

/// The server's `smb.conf`.
fn settings(directory: &Path, address: &str) -> String {
    let directory = directory.display();
    format!(
        "[global]
netbios name = DC1
realm = AD.EXAMPLE.COM
workgroup = ADTEST
server role = active directory domain controller
server services = ldap
interfaces = {address}/8
bind interfaces only = yes
disable netbios = yes
ldap server require strong auth = no
tls cafile = {directory}/ca.pem
tls certfile = {directory}/server.pem
tls keyfile = {directory}/server.key
private dir = {directory}/domain/private
lock directory = {directory}/domain
state directory = {directory}/domain/state
cache directory = {directory}/domain/cache
binddns dir = {directory}/domain/bind-dns
pid directory = {directory}
ncalrpc dir = {directory}/ncalrpc
log file = {directory}/samba.log
posix:eadb = {directory}/attributes.tdb
idmap_ldb:use rfc2307 = yes
old password allowed period = 0
ldb:nosync = true
"
    )
}
