//! A server of OpenLDAP.

use std::ops::Deref;

use anyhow::Context as _;

use super::{BASE, CONNECTOR, Directory, People, Plan, Who, tools::Tools, tree};
use crate::{
    Certificate,
    database::or_panic,
    programs::{Account, folders, program},
    server::{LOADED_WITHIN, Place, Server, directory, password},
    watchdog::Watchdog,
};

const PACKAGE: &str = "slapd";
const STOP: &str = "TERM";
const ADMINISTRATOR: &str = "cn=admin,dc=example,dc=com";
const SCHEMAS: &str = "/etc/ldap/schema";
const MODULES: &str = "/usr/lib/ldap";

/// What a server has beside entries.
#[derive(Clone, Copy, Debug)]
pub struct SlapdOptions {
    /// What it shows to clients of TLS.
    pub certificate: Certificate,
    /// Whether writes are kept under `cn=accesslog`, which the connector may read.
    pub accesslog: bool,
    /// Whether there is synchronization (RFC 4533), with a log of the last 1,000 changes.
    pub syncprov: bool,
    /// Whether a search in pages may be as long as it likes. Otherwise pages are refused, though
    /// the root DSE lists the control.
    pub pages: bool,
    /// How many of [`People`] are there from the start, with their groups. `memberOf` is kept only
    /// for what comes later.
    pub people: usize,
}

impl Default for SlapdOptions {
    fn default() -> SlapdOptions {
        let certificate = Certificate::default();
        SlapdOptions { certificate, accesslog: true, syncprov: true, pages: true, people: 0 }
    }
}

/// A running OpenLDAP server with `ou=people`, `ou=groups`, `ou=services` and `ou=policies` under
/// `dc=example,dc=com`.
///
/// It keeps `memberOf` and references (`member`, `manager`), wants each `uid` under `ou=people`
/// once and passwords of at least 8 characters, which it hashes, and locks after 5 wrong ones. A
/// search answers 500 entries, 2,000 when asked for, any number in pages. Everybody who is logged
/// in may read; a client's certificate `CN=x` is the entry `cn=x,ou=services` (SASL EXTERNAL).
pub struct Slapd(Directory);

impl Slapd {
    /// Starts a server with everything. Panics with the end of its log when it does not come up
    /// within 30 s, and with the name of the Debian package when its programs are missing.
    #[track_caller]
    pub fn start() -> Slapd {
        Slapd::start_as(SlapdOptions::default())
    }

    /// Starts a server that shows this kind of certificate.
    #[track_caller]
    pub fn start_with(certificate: Certificate) -> Slapd {
        Slapd::start_as(SlapdOptions { certificate, ..SlapdOptions::default() })
    }

    /// Starts a server with so many people.
    #[track_caller]
    pub fn start_with_people(people: usize) -> Slapd {
        Slapd::start_as(SlapdOptions { people, ..SlapdOptions::default() })
    }

    /// Starts a server with these options.
    #[track_caller]
    pub fn start_as(options: SlapdOptions) -> Slapd {
        or_panic(start(options).context("cannot start OpenLDAP"))
    }
}

impl Deref for Slapd {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.0
    }
}

fn start(options: SlapdOptions) -> anyhow::Result<Slapd> {
    let folders = folders();
    let slapd = program("slapd", &folders, PACKAGE)?;
    let slapadd = program("slapadd", &folders, PACKAGE)?;
    let tools = Tools::find()?;
    let account = Account::unprivileged()?;
    let mut watchdog = Watchdog::start(directory(&account)?, STOP)?;
    let directory = watchdog.directory().to_owned();
    let place = Place { directory: &directory, account: &account };
    let files = options.certificate.make(&place, "127.0.0.1")?;
    place.folder("main")?;
    place.folder("changes")?;

    let (connector, administrator) = (password()?, password()?);
    let settings = settings(&place, options, &administrator);
    let settings = place.write("slapd.conf", &settings)?.display().to_string();
    let policies = "dn: ou=policies,dc=example,dc=com\nobjectClass: organizationalUnit\n\
                    ou: policies\n\n\
                    dn: cn=default,ou=policies,dc=example,dc=com\nobjectClass: organizationalRole\n\
                    objectClass: pwdPolicy\ncn: default\npwdAttribute: userPassword\n\
                    pwdMinLength: 8\npwdCheckQuality: 2\npwdLockout: TRUE\npwdMaxFailure: 5\n\n";
    let entries = tree("", &connector) + policies + &People::new(BASE, options.people).ldif();
    let entries = place.write("entries.ldif", &entries)?.display().to_string();
    let mut words = vec!["-q", "-d", "none", "-f", &settings, "-b", BASE, "-l", &entries];
    if options.syncprov {
        // Writes where synchronization begins.
        words.push("-w");
    }
    let words: Vec<_> = words.into_iter().map(str::to_owned).collect();
    watchdog
        .run_to_end(&account.words(&slapadd, &words), LOADED_WITHIN)
        .context("slapadd failed")?;

    let words = |[ldap, ldaps]: [u16; 2]| {
        let listen = format!("ldap://127.0.0.1:{ldap} ldaps://127.0.0.1:{ldaps}");
        // Without a level it would leave the terminal, and not be what is watched over.
        let words = ["-d", "none", "-f", &settings, "-h", &listen].map(str::to_owned);
        Ok(account.words(&slapd, &words))
    };
    let plan = Plan {
        base: BASE,
        host: "127.0.0.1".to_owned(),
        connector: Who { dn: CONNECTOR, password: connector },
        administrator: Who { dn: ADMINISTRATOR, password: administrator },
        files,
        tools,
    };
    let (server, ports) = Server::start(watchdog, words, |ports| plan.answers(ports))?;
    Ok(Slapd(Directory::new(plan, account, server, ports)))
}

/// The server's `slapd.conf`.
fn settings(place: &Place, options: SlapdOptions, password: &str) -> String {
    let pages = if options.pages { "unlimited" } else { "disabled" };
    let global = format!(
        "include {SCHEMAS}/core.schema
include {SCHEMAS}/cosine.schema
include {SCHEMAS}/inetorgperson.schema
include {SCHEMAS}/nis.schema
modulepath {MODULES}
moduleload back_mdb
moduleload back_monitor
moduleload accesslog
moduleload memberof
moduleload ppolicy
moduleload refint
moduleload sssvlv
moduleload syncprov
moduleload unique
TLSCACertificateFile {ca}
TLSCertificateFile {certificate}
TLSCertificateKeyFile {key}
TLSVerifyClient try
authz-regexp ^cn=([^,]+)$ cn=$1,ou=services,{BASE}
sizelimit size.soft=500 size.hard=2000 size.prtotal={pages}
database monitor
",
        ca = place.path("ca.pem"),
        certificate = place.path("server.pem"),
        key = place.path("server.key"),
    );
    let log = format!(
        "database mdb
suffix cn=accesslog
rootdn cn=accesslog
directory {directory}
maxsize 268435456
dbnosync
index default eq
index reqStart,reqEnd,reqMod,reqResult,entryCSN,objectClass
access to * by dn.exact={CONNECTOR} read by dn.exact={ADMINISTRATOR} read by * none
limits dn.exact={ADMINISTRATOR} size=unlimited
",
        directory = place.path("changes"),
    );
    let log_overlay = "overlay syncprov\nsyncprov-nopresent TRUE\nsyncprov-reloadhint TRUE\n";
    let main = format!(
        "database mdb
suffix {BASE}
rootdn {ADMINISTRATOR}
rootpw {password}
directory {directory}
maxsize 1073741824
dbnosync
index objectClass,entryCSN,entryUUID eq
index uid,mail,cn,sn,employeeNumber eq,sub
index member,memberOf,manager,modifyTimestamp,createTimestamp eq
overlay sssvlv
overlay unique
unique_uri ldap:///ou=people,{BASE}?uid?sub
",
        directory = place.path("main"),
    );
    let syncprov = "overlay syncprov\nsyncprov-checkpoint 100 10\nsyncprov-sessionlog 1000\n";
    let accesslog = "overlay accesslog\nlogdb cn=accesslog\nlogops writes\n\
                     logold (objectClass=*)\nlogsuccess TRUE\n";
    let rest = format!(
        "overlay memberof
memberof-refint TRUE
overlay refint
refint_attributes member manager
overlay ppolicy
ppolicy_default cn=default,ou=policies,{BASE}
ppolicy_hash_cleartext
access to attrs=userPassword by dn.exact={CONNECTOR} write by self write by anonymous auth by * none
access to * by dn.exact={CONNECTOR} write by users read by * none
"
    );
    let when = |wanted: bool, part: &str| if wanted { part.to_owned() } else { String::new() };
    [
        global,
        when(options.accesslog, &log),
        when(options.accesslog && options.syncprov, log_overlay),
        main,
        when(options.syncprov, syncprov),
        when(options.accesslog, accesslog),
        rest,
    ]
    .concat()
}
