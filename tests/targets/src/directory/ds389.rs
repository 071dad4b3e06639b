//! A server of 389 Directory Server.
//!
//! Its own installer takes long, and reads what only root may. The templates that it fills in are
//! filled in here.

use std::{
    fs,
    ops::Deref,
    path::{Path, PathBuf},
};

use anyhow::Context as _;

use super::{BASE, CONNECTOR, Directory, People, Plan, Who, tools::Tools, tree};
use crate::{
    Certificate,
    database::or_panic,
    programs::{Account, folders, program},
    server::{INSTALLED_WITHIN, LOADED_WITHIN, Place, Server, directory, password},
    watchdog::Watchdog,
};

const PACKAGE: &str = "389-ds-base";
const STOP: &str = "TERM";
const ADMINISTRATOR: &str = "cn=Directory Manager";
const TEMPLATE: &str = "/usr/share/dirsrv/data/template-dse.ldif";
/// The key's name in the server's store of keys, which the template knows.
const KEY: &str = "Server-Cert";
/// The level that prints what its log has. Without one it would leave the terminal, and not be what
/// is watched over.
const LOUD: &str = "16384";
/// The folders that the template has places for.
const FOLDERS: [&str; 10] =
    ["bak", "cert", "db", "db_home", "inst", "ldif", "lock", "log", "run", "schema"];

/// A running 389 Directory Server with `ou=people`, `ou=groups` and `ou=services` under
/// `dc=example,dc=com`.
///
/// It keeps `memberOf`, and writes under `cn=changelog`, which the connector may read. A search
/// answers 2,000 entries and looks at 5,000 candidates, in pages any number. Everybody who is logged
/// in may read.
pub struct Ds389(Directory);

impl Ds389 {
    /// Starts a server. Panics with the end of its log when it does not come up within 30 s, and
    /// with the name of the Debian package when its programs are missing.
    #[track_caller]
    pub fn start() -> Ds389 {
        Ds389::start_with(Certificate::default())
    }

    /// Starts a server that shows this kind of certificate.
    #[track_caller]
    pub fn start_with(certificate: Certificate) -> Ds389 {
        or_panic(start(certificate, 0).context("cannot start 389 Directory Server"))
    }

    /// Starts a server with so many [`People`], and their groups. `memberOf` is kept only for what
    /// comes later.
    #[track_caller]
    pub fn start_with_people(people: usize) -> Ds389 {
        let started = start(Certificate::default(), people);
        or_panic(started.context("cannot start 389 Directory Server"))
    }
}

impl Deref for Ds389 {
    type Target = Directory;

    fn deref(&self) -> &Directory {
        &self.0
    }
}

fn start(certificate: Certificate, people: usize) -> anyhow::Result<Ds389> {
    let slapd = program("ns-slapd", &folders(), PACKAGE)?;
    let tools = Tools::find()?;
    let account = Account::unprivileged()?;
    let mut watchdog = Watchdog::start(directory(&account)?, STOP)?;
    let directory = watchdog.directory().to_owned();
    let place = Place { directory: &directory, account: &account };
    let files = certificate.make(&place, "127.0.0.1")?;
    let instance = PathBuf::from(place.folder("instance")?);
    for folder in FOLDERS {
        place.folder(&format!("instance/{folder}"))?;
    }
    keep_key(&mut watchdog, &place)?;

    let (connector, administrator) = (password()?, password()?);
    place.write("instance/slapd-collations.conf", "")?;
    place.write("instance/certmap.conf", "certmap default default\n")?;
    // The last file is the one that it writes itself.
    place.write("instance/schema/99user.ldif", "dn: cn=schema\nobjectClass: top\ncn: schema\n")?;
    let template = fs::read_to_string(TEMPLATE).with_context(|| {
        format!("cannot read {TEMPLATE}; install the Debian package `{PACKAGE}`")
    })?;
    let runs_as = account.name()?;
    let configure = |ports| {
        let settings = settings(&template, &instance, &runs_as, ports, &administrator)?;
        place.write("instance/dse.ldif", &settings)
    };
    // The import does not listen.
    configure([389, 636])?;
    let entries = tree(&access(), &connector) + &People::new(BASE, people).ldif();
    let entries = place.write("entries.ldif", &entries)?.display().to_string();
    let config = instance.display().to_string();
    let words =
        ["ldif2db", "-D", &config, "-n", "userRoot", "-i", &entries, "-d", LOUD].map(str::to_owned);
    watchdog.run_to_end(&account.words(&slapd, &words), LOADED_WITHIN).context("ldif2db failed")?;

    let pid = place.path("instance/run/pid");
    let words = |ports: [u16; 2]| {
        configure(ports)?;
        let words = ["-D", &config, "-i", &pid, "-d", LOUD].map(str::to_owned);
        Ok(account.words(&slapd, &words))
    };
    let plan = Plan {
        base: BASE,
        host: "127.0.0.1".to_owned(),
        connector: Who { dn: CONNECTOR, password: connector },
        administrator: Who { dn: ADMINISTRATOR, password: administrator.clone() },
        files,
        tools,
    };
    let (server, ports) = Server::start(watchdog, words, |ports| plan.answers(ports))?;
    let directory = Directory::new(plan, account, server, ports);
    directory.try_modify(&format!(
        "dn: cn=changelog\nchangetype: modify\nadd: aci\naci: (targetattr = \"*\")(version 3.0; \
         acl \"changes\"; allow (read, search, compare) userdn = \"ldap:///{CONNECTOR}\";)\n"
    ))?;
    Ok(Ds389(directory))
}

/// Puts the server's key and certificate, and that of the authority, where the server looks.
fn keep_key(watchdog: &mut Watchdog, place: &Place) -> anyhow::Result<()> {
    let folders = folders();
    let certutil = program("certutil", &folders, "libnss3-tools")?;
    let pk12util = program("pk12util", &folders, "libnss3-tools")?;
    let openssl = program("openssl", &folders, "openssl")?;
    let [cert, ca, pem, key, bundle] =
        ["instance/cert", "ca.pem", "server.pem", "server.key", "server.p12"]
            .map(|name| place.path(name));
    let make = ["-N", "--empty-password", "-d", &cert];
    let trust = ["-A", "-n", "Authority", "-t", "CT,,", "-i", &ca, "-d", &cert];
    let pack = [
        "pkcs12", "-export", "-in", &pem, "-inkey", &key, "-name", KEY, "-passout", "pass:",
        "-out", &bundle,
    ];
    let unpack = ["-i", &bundle, "-d", &cert, "-W", ""];
    let steps =
        [(&certutil, &make[..]), (&openssl, &pack), (&pk12util, &unpack), (&certutil, &trust)];
    for (program, arguments) in steps {
        let arguments: Vec<_> = arguments.iter().map(|word| (*word).to_owned()).collect();
        watchdog
            .run_to_end(&place.account.words(program, &arguments), INSTALLED_WITHIN)
            .with_context(|| format!("{} failed", program.display()))?;
    }
    Ok(())
}

/// Who may do what under the base.
fn access() -> String {
    format!(
        "aci: (targetattr = \"*\")(version 3.0; acl \"connector\"; allow (all) \
         userdn = \"ldap:///{CONNECTOR}\";)\n\
         aci: (targetattr != \"userPassword\")(version 3.0; acl \"all\"; \
         allow (read, search, compare) userdn = \"ldap:///all\";)\n\
         aci: (targetattr = \"userPassword\")(version 3.0; acl \"self\"; allow (write) \
         userdn = \"ldap:///self\";)\n"
    )
}

/// The server's `dse.ldif` from the package's template.
fn settings(
    template: &str,
    instance: &Path,
    runs_as: &str,
    [ldap, ldaps]: [u16; 2],
    password: &str,
) -> anyhow::Result<String> {
    let mut settings = fill(template, |place| {
        Some(match place {
            "fqdn" => "localhost".to_owned(),
            "ds_port" => ldap.to_string(),
            "ds_user" => runs_as.to_owned(),
            "rootdn" => ADMINISTRATOR.to_owned(),
            "ds_passwd" => password.to_owned(),
            "ds_suffix" => BASE.to_owned(),
            "ldapi" => "none".to_owned(),
            "ldapi_enabled" | "ldapi_autobind" => "off".to_owned(),
            "db_lib" => "bdb".to_owned(),
            "config_dir" => instance.display().to_string(),
            _ => instance.join(place.strip_suffix("_dir")?).display().to_string(),
        })
    })?;
    for (dn, lines) in [
        (
            "cn=config",
            format!(
                "nsslapd-listenhost: 127.0.0.1\nnsslapd-securelistenhost: 127.0.0.1\n\
                 nsslapd-security: on\nnsslapd-securePort: {ldaps}\n\
                 nsslapd-rootpwstoragescheme: CLEAR\nnsslapd-sizelimit: 2000\n\
                 nsslapd-pagedsizelimit: -1\n"
            ),
        ),
        (
            "cn=config,cn=ldbm database,cn=plugins,cn=config",
            // A quarter of the machine's memory otherwise.
            "nsslapd-cache-autosize: 0\nnsslapd-dbcachesize: 33554432\n\
             nsslapd-db-durable-transaction: off\n\
             nsslapd-lookthroughlimit: 5000\nnsslapd-pagedlookthroughlimit: -1\n"
                .to_owned(),
        ),
        (
            "cn=Retro Changelog Plugin,cn=plugins,cn=config",
            "nsslapd-attribute: nsuniqueid:targetUniqueId\n".to_owned(),
        ),
        ("cn=MemberOf Plugin,cn=plugins,cn=config", String::new()),
    ] {
        let head = format!("dn: {dn}\n");
        let (before, rest) =
            settings.split_once(&head).with_context(|| format!("{TEMPLATE} has no entry {dn}"))?;
        let (entry, after) = rest.split_once("\n\n").unwrap_or((rest, ""));
        let entry = entry.replace("nsslapd-pluginenabled: off", "nsslapd-pluginenabled: on");
        settings = format!("{before}{head}{lines}{entry}\n\n{after}");
    }
    Ok(settings
        + &format!(
            "dn: cn=userRoot,cn=ldbm database,cn=plugins,cn=config\n\
             objectClass: top\nobjectClass: extensibleObject\nobjectClass: nsBackendInstance\n\
             cn: userRoot\nnsslapd-suffix: {BASE}\nnsslapd-directory: {}\n\
             nsslapd-cachememsize: 134217728\n\n\
             dn: cn=\"{BASE}\",cn=mapping tree,cn=config\n\
             objectClass: top\nobjectClass: extensibleObject\nobjectClass: nsMappingTree\n\
             cn: {BASE}\nnsslapd-state: backend\nnsslapd-backend: userRoot\n\n",
            instance.join("db/userRoot").display()
        ))
}

/// The template with a value at each `%place%`.
fn fill(template: &str, value: impl Fn(&str) -> Option<String>) -> anyhow::Result<String> {
    let mut filled = String::new();
    for (at, part) in template.split('%').enumerate() {
        if at % 2 == 0 {
            filled.push_str(part);
            continue;
        }
        let value = value(part).with_context(|| {
            format!("{TEMPLATE} has a place for {part:?}, which nobody here knows")
        })?;
        filled.push_str(&value);
    }
    Ok(filled)
}
