//! A domain controller of Samba, which is an Active Directory.

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, TcpListener},
    ops::Deref,
    path::Path,
    time::Duration,
};

use anyhow::Context as _;

use super::{Directory, Plan, Who, tools::Tools};
use crate::{
    Certificate,
    database::or_panic,
    programs::{Account, folders, program},
    server::{Place, Server, directory, password},
    watchdog::Watchdog,
};

const PACKAGE: &str = "samba-ad-dc";
const STOP: &str = "TERM";
const BASE: &str = "DC=ad,DC=example,DC=com";
const ADMINISTRATOR: &str = "CN=Administrator,CN=Users,DC=ad,DC=example,DC=com";
/// It chooses no others.
const PORTS: [u16; 2] = [389, 636];
/// Its schema alone is 1,800 entries.
const PROVISIONED_WITHIN: Duration = Duration::from_secs(300);

/// A running domain controller of the domain `AD.EXAMPLE.COM`, as Samba makes one: only LDAP is
/// answered, on ports 389 and 636 of an address `127.x.y.z` of its own, and the connector is the
/// administrator. Plain log-ins are taken without TLS, and none with a password of before.
///
/// Making the domain takes 10 s of a processor and more; tests should share one.
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

    /// Makes a domain and starts its server, where that is [`available`](SambaAd::available).
    /// Elsewhere it says why not, where nobody captures it, and that something was not tested.
    #[track_caller]
    pub fn start_if_available() -> Option<SambaAd> {
        match SambaAd::available() {
            Ok(()) => Some(SambaAd::start()),
            Err(reason) => {
                let _ = writeln!(std::io::stderr(), "NOT TESTED with Active Directory: {reason}");
                None
            }
        }
    }

    /// Makes a domain and starts its server. Panics with the end of its log when that fails, and
    /// with the name of the Debian package when its programs are missing.
    #[track_caller]
    pub fn start() -> SambaAd {
        SambaAd::start_with(Certificate::default())
    }

    /// Makes a domain and starts its server, which shows this kind of certificate.
    #[track_caller]
    pub fn start_with(certificate: Certificate) -> SambaAd {
        or_panic(start(certificate).context("cannot start Samba"))
    }
}

impl Deref for SambaAd {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.0
    }
}

fn start(certificate: Certificate) -> anyhow::Result<SambaAd> {
    let folders = folders();
    let samba = program("samba", &folders, PACKAGE)?;
    let tool = program("samba-tool", &folders, PACKAGE)?;
    let tools = Tools::find()?;
    let account = Account::this();
    let mut watchdog = Watchdog::start(directory(&account)?, STOP)?;
    let directory = watchdog.directory().to_owned();
    let place = Place { directory: &directory, account: &account };
    let address = free_address()?.to_string();
    let files = certificate.make(&place, &address)?;

    let settings = settings(&directory, &address);
    let settings = format!("--configfile={}", place.write("smb.conf", &settings)?.display());
    // The domain wants letters of both cases.
    let password = format!("A{}", password()?);
    let words = [
        "domain",
        "provision",
        &settings,
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

    let words = [&settings, "--foreground", "--no-process-group", "--model=single"];
    let words = words.map(str::to_owned).into_iter().chain(["--debug-stdout".to_owned()]);
    let words = account.words(&samba, &words.collect::<Vec<_>>());
    let who = || Who { dn: ADMINISTRATOR, password: password.clone() };
    let plan =
        Plan { base: BASE, host: address, connector: who(), administrator: who(), files, tools };
    let start = |[]: [u16; 0]| Ok(words.clone());
    let (server, []) = Server::start(watchdog, start, |[]| plan.answers(PORTS))?;
    Ok(SambaAd(Directory::new(plan, account, server, PORTS)))
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
