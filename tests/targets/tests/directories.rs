//! Each directory at work: it starts, answers, restarts, and leaves nothing behind.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "tests")]

mod support;

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Output},
    sync::LazyLock,
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use support::Trace;
use targets::{
    Certificate, Directory, Ds389, Found, People, SambaAd, Slapd, SlapdOptions, escape_dn_value,
};

/// `sizeLimitExceeded`, `adminLimitExceeded` and `unwillingToPerform` of RFC 4511.
const SIZE_LIMIT: i32 = 4;
const ADMIN_LIMIT: i32 = 11;
const UNWILLING: i32 = 53;
const EVERYTHING: &str = "(objectClass=*)";

static SLAPD: LazyLock<Slapd> = LazyLock::new(|| Slapd::start_with_people(2100));
static DS389: LazyLock<Ds389> = LazyLock::new(|| Ds389::start_with_people(5100));
static SAMBA: LazyLock<Option<SambaAd>> = LazyLock::new(|| SambaAd::if_available(SambaAd::start));

fn directories() -> Vec<&'static Directory> {
    let mut directories: Vec<&Directory> = vec![&SLAPD, &DS389];
    directories.extend(SAMBA.as_deref());
    directories
}

fn trace(directory: &Directory) -> Trace {
    support::trace(directory.host(), directory.port(), directory.ca())
}

/// Asks as a connector, over StartTLS, trusting the authority alone.
fn ask(directory: &Directory, more: &[&str]) -> Output {
    let mut command = Command::new("ldapsearch");
    command.env("LDAPTLS_CACERT", directory.ca());
    command.args(["-LLL", "-x", "-ZZ", "-H", &directory.uri(), "-D", directory.bind_dn()]);
    command.args(["-w", directory.password()]).args(more).output().unwrap()
}

/// How many entries a connector gets, and the code its search ends with.
fn found(directory: &Directory, more: &[&str]) -> (usize, i32) {
    let output = ask(directory, more);
    let printed = String::from_utf8(output.stdout).unwrap();
    let lines = printed.lines().filter(|line| line.starts_with("dn:")).count();
    (lines, output.status.code().unwrap())
}

/// Changes something as a connector.
fn as_connector(directory: &Directory, ldif: &str) -> Output {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, ldif).unwrap();
    let mut command = Command::new("ldapmodify");
    command.env("LDAPTLS_CACERT", directory.ca());
    command.args(["-x", "-H", directory.ldaps_uri(), "-D", directory.bind_dn()]);
    command.args(["-w", directory.password(), "-f"]).arg(file.path()).output().unwrap()
}

/// The code that a log-in ends with.
fn log_in_code(directory: &Directory, dn: &str, password: &str) -> i32 {
    let mut command = Command::new("ldapwhoami");
    command.env("LDAPTLS_CACERT", directory.ca());
    command.args(["-x", "-H", directory.ldaps_uri(), "-D", dn, "-w", password]);
    command.output().unwrap().status.code().unwrap()
}

fn person(directory: &Directory, uid: &str) -> String {
    format!(
        "dn: uid={uid},ou=people,{}\nobjectClass: inetOrgPerson\nuid: {uid}\ncn: {uid}\nsn: x\n\n",
        directory.base()
    )
}

fn the_only(found: Vec<Found>) -> BTreeMap<String, Vec<String>> {
    assert_eq!(found.len(), 1, "{found:?}");
    found.into_iter().next().unwrap().1
}

#[test]
fn entries_are_added_found_changed_and_deleted_with_every_character_whole() {
    for directory in directories() {
        let name = " #a, b+c\"d\\e<f>;g=é法 ";
        let top = format!("ou=characters,{}", directory.base());
        directory.add(&format!(
            "dn: {top}\nobjectClass: organizationalUnit\nou: characters\n\n\
             dn: ou={},{top}\nobjectClass: organizationalUnit\ndescription: one\nstreet: a: b\n\
             ou:: {}\n",
            escape_dn_value(name),
            STANDARD.encode(name)
        ));
        let entries = directory.search(&top, "one", EVERYTHING, &["ou", "description", "street"]);
        let (dn, attributes) = entries.first().unwrap();
        assert_eq!(attributes["ou"], [name], "{dn}");
        assert_eq!(attributes["street"], ["a: b"]);
        directory.modify(&format!(
            "dn: ou={},{top}\nchangetype: modify\nreplace: description\ndescription: two\n\
             description: three\n",
            escape_dn_value(name)
        ));
        let two = directory.search(&top, "sub", "(description=two)", &["description"]);
        let mut values = the_only(two).remove("description").unwrap();
        values.sort();
        assert_eq!(values, ["three", "two"]);
        directory.delete(dn);
        assert!(directory.search(&top, "one", EVERYTHING, &[]).is_empty());
        let again = format!("dn: {top}\nobjectClass: organizationalUnit\nou: characters\n");
        let error = directory.try_modify(&again).unwrap_err().to_string();
        assert!(error.contains("Already exists"), "{error}");
    }
}

#[test]
fn the_connector_logs_in_over_tls_that_stands_a_check() {
    for directory in directories() {
        assert!(directory.binds(directory.bind_dn(), directory.password()));
        assert!(!directory.binds(directory.bind_dn(), "wrong"));
        let base = ["-b", directory.base(), "-s", "base", "1.1"];
        assert_eq!(found(directory, &base), (1, 0), "{}", directory.uri());
        assert_eq!(directory.certificate_sha256().len(), 64);
        assert!(directory.ldaps_uri().ends_with(&directory.ldaps_port().to_string()));
    }
}

#[test]
fn a_halted_server_keeps_its_connections_waiting_until_it_goes_on() {
    let server = Slapd::start();
    let states = || -> Vec<char> {
        let threads = fs::read_dir(format!("/proc/{}/task", server.pid())).unwrap();
        let stats = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("stat")));
        let state = |stat: String| stat.rsplit_once(") ").unwrap().1.chars().next().unwrap();
        stats.map(|stat| state(stat.unwrap())).collect()
    };
    for _ in 0..20 {
        server.stop();
        let states = states();
        assert!(states.iter().all(|state| *state == 'T'), "each thread is halted: {states:?}");
        assert!(support::is_there(&trace(&server)), "the port is still open");
        server.cont();
        assert!(server.binds(server.bind_dn(), server.password()));
    }
}

#[test]
fn what_is_there_from_the_start_is_all_there() {
    for (directory, count) in [(&**SLAPD, 2100), (&**DS389, 5100)] {
        let people = People::new(directory.base(), count);
        let under = format!("ou=people,{}", directory.base());
        let found = directory.search(&under, "one", "(employeeNumber=*)", &["employeeNumber"]);
        assert_eq!(found.len(), count);
        // One of each odd name.
        for n in (49..500).step_by(50).chain([0, 1, 101]) {
            let attributes = people.attributes(n);
            let found = directory.search(&people.dn(n), "base", EVERYTHING, &["cn", "jpegPhoto"]);
            let found = the_only(found);
            let cn = attributes.iter().find(|(name, _)| *name == "cn").unwrap();
            assert_eq!(found["cn"][0].as_bytes(), cn.1, "person {n}");
            assert_eq!(found.contains_key("jpegPhoto"), n % 100 == 1);
        }
        let groups = directory.search(directory.base(), "sub", "(cn=Everybody)", &["member"]);
        assert_eq!(the_only(groups)["member"].len(), count);
    }
}

#[test]
fn limits_hold_for_the_connector_and_pages_go_past_them() {
    let people = format!("ou=people,{}", SLAPD.base());
    let all = ["-b", &people, "-s", "one", "(uid=*)", "1.1"];
    assert_eq!(found(&SLAPD, &all), (500, SIZE_LIMIT));
    let paged = [&["-E", "pr=500/noprompt"], &all[..]].concat();
    assert_eq!(found(&SLAPD, &paged), (2100, 0));
    assert_eq!(found(&DS389, &all), (2000, SIZE_LIMIT));
    assert_eq!(found(&DS389, &paged), (5100, 0));
    let without_index = ["-b", &people, "-s", "one", "(postalCode=1)", "1.1"];
    assert_eq!(found(&DS389, &without_index), (0, ADMIN_LIMIT));
}

#[test]
fn slapd_can_be_without_log_and_synchronization_and_refuse_pages() {
    let options = SlapdOptions {
        accesslog: false,
        syncprov: false,
        pages: false,
        people: 3,
        ..SlapdOptions::default()
    };
    let server = Slapd::start_as(options);
    let all = ["-b", server.base(), EVERYTHING, "1.1"];
    // Base, units, policy, connector, people, groups.
    let count = 1 + 4 + 1 + 1 + 3 + 5;
    assert_eq!(found(&server, &all), (count, 0));
    let paged = [&["-E", "!pr=2/noprompt"], &all[..]].concat();
    assert_eq!(found(&server, &paged), (0, ADMIN_LIMIT));
    let root = the_only(server.search("", "base", EVERYTHING, &["+"]));
    assert!(!root["namingContexts"].contains(&"cn=accesslog".to_owned()));
    let context = server.search(server.base(), "base", EVERYTHING, &["contextCSN"]);
    assert!(!the_only(context).contains_key("contextCSN"));
}

#[test]
fn slapd_keeps_log_references_uniqueness_and_passwords() {
    let server = &*Slapd::start();
    let base = server.base();
    server.add(&(person(server, "kept") + &person(server, "boss")));
    server.add(&format!(
        "dn: cn=kept,ou=groups,{base}\nobjectClass: groupOfNames\ncn: kept\n\
         member: uid=kept,ou=people,{base}\nmember: uid=boss,ou=people,{base}\n"
    ));
    let kept = format!("uid=kept,ou=people,{base}");
    let found = server.search(&kept, "base", EVERYTHING, &["memberOf", "entryUUID"]);
    assert_eq!(the_only(found)["memberOf"], [format!("cn=kept,ou=groups,{base}")]);

    let double = person(server, "kept").replace("dn: uid=kept", "dn: cn=double");
    let error = server.try_modify(&double).unwrap_err().to_string();
    assert!(error.contains("Constraint violation"), "{error}");

    server.delete(&format!("uid=boss,ou=people,{base}"));
    let group = server.search(base, "sub", "(cn=kept)", &["member"]);
    let group = group.into_iter().find(|(dn, _)| dn.contains("ou=groups")).unwrap();
    assert_eq!(group.1["member"], [&*kept]);
    let log =
        ["-b", "cn=accesslog", &format!("(&(reqType=delete)(reqDN=uid=boss,ou=people,{base}))")];
    let log = String::from_utf8(ask(server, &log).stdout).unwrap();
    assert!(log.contains("reqOld: uid: boss"), "{log}");
    let context = server.search(base, "base", EVERYTHING, &["contextCSN"]);
    assert!(the_only(context).contains_key("contextCSN"));

    let set = |password: &str| {
        let ldif = format!(
            "dn: {kept}\nchangetype: modify\nreplace: userPassword\nuserPassword: {password}\n"
        );
        as_connector(server, &ldif).status.code().unwrap()
    };
    assert_eq!(set("short"), 19, "LDAP_CONSTRAINT_VIOLATION");
    assert_eq!(set("long enough"), 0);
    let stored = the_only(server.search(&kept, "base", EVERYTHING, &["userPassword"]));
    assert!(stored["userPassword"][0].starts_with("{SSHA}"), "{stored:?}");
    assert!(server.binds(&kept, "long enough"));
    for _ in 0..5 {
        assert!(!server.binds(&kept, "wrong"));
    }
    assert!(!server.binds(&kept, "long enough"), "it is locked");
}

#[test]
fn slapd_knows_the_connector_by_its_certificate() {
    let (certificate, key) = SLAPD.client_certificate("connector");
    let mut command = Command::new("ldapwhoami");
    command.env("LDAPTLS_CACERT", SLAPD.ca());
    command.env("LDAPTLS_CERT", certificate).env("LDAPTLS_KEY", key);
    let output = command.args(["-Q", "-Y", "EXTERNAL", "-H", SLAPD.ldaps_uri()]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert_eq!(said.trim(), format!("dn:{}", SLAPD.bind_dn()), "{output:?}");
}

#[test]
fn ds389_keeps_memberships_and_a_log_and_locks_accounts() {
    let server = &*Ds389::start();
    let base = server.base();
    let kept = format!("uid=kept,ou=people,{base}");
    let added =
        as_connector(server, &person(server, "kept").replacen('\n', "\nchangetype: add\n", 1));
    assert!(added.status.success(), "{added:?}");
    server.add(&format!(
        "dn: cn=kept,ou=groups,{base}\nobjectClass: groupOfNames\ncn: kept\nmember: {kept}\n"
    ));
    let found = the_only(server.search(&kept, "base", EVERYTHING, &["memberOf", "nsUniqueId"]));
    assert_eq!(found["memberOf"], [format!("cn=kept,ou=groups,{base}")]);
    let log = ["-b", "cn=changelog", &format!("(targetDn={kept})"), "*", "targetUniqueId"];
    let log = String::from_utf8(ask(server, &log).stdout).unwrap();
    assert!(log.contains("changeType: add"), "{log}");
    assert!(log.contains(&format!("targetUniqueId: {}", found["nsUniqueId"][0])), "{log}");

    let set = |lines: &str| {
        let changed = as_connector(server, &format!("dn: {kept}\nchangetype: modify\n{lines}"));
        assert!(changed.status.success(), "{changed:?}");
    };
    set("replace: userPassword\nuserPassword: long enough\n");
    assert!(server.binds(&kept, "long enough"));
    set("replace: nsAccountLock\nnsAccountLock: true\n");
    let code = log_in_code(server, &kept, "long enough");
    assert_eq!(code, UNWILLING);
}

#[test]
fn samba_has_accounts_with_unicode_passwords_and_ids_that_stay() {
    let Some(server) = &*SAMBA else { return };
    let base = server.base();
    let dn = format!("CN=Ada Lovelace,CN=Users,{base}");
    // `"Passw0rd.x"` in UTF-16, which is taken over TLS only.
    let password: String =
        "\"Passw0rd.x\"".encode_utf16().flat_map(u16::to_le_bytes).map(char::from).collect();
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(&file, password).unwrap();
    server.add(&format!(
        "dn: {dn}\nobjectClass: user\nsAMAccountName: ada\nuserAccountControl: 512\n\
         unicodePwd:< file://{}\n",
        file.path().display()
    ));
    assert!(server.binds(&dn, "Passw0rd.x"));
    let ada = the_only(server.search(&dn, "base", EVERYTHING, &["objectGUID", "uSNChanged"]));
    assert!(ada.contains_key("objectGUID") && ada["uSNChanged"][0].parse::<u64>().is_ok());
    let root = the_only(server.search("", "base", EVERYTHING, &["supportedControl"]));
    assert!(root["supportedControl"].contains(&"1.2.840.113556.1.4.841".to_owned()), "DirSync");
}

#[test]
fn what_changes_on_one_samba_changes_on_no_other_and_contacts_are_there_when_asked_for() {
    let Some(server) = &*SAMBA else { return };
    let other = SambaAd::start_with_contacts(3);
    let kept = format!("OU=only here,{}", other.base());
    other.add(&format!("dn: {kept}\nobjectClass: organizationalUnit\n"));
    let named = |server: &Directory, filter: &str| {
        let found = server.search(server.base(), "sub", filter, &["1.1"]);
        let mut names: Vec<String> = found.into_iter().map(|(dn, _)| dn).collect();
        names.sort();
        names
    };
    let filter = "(|(objectClass=contact)(ou=only here))";
    let expected = [SambaAd::contact(0), SambaAd::contact(1), SambaAd::contact(2), kept];
    assert_eq!(named(&other, filter), expected);
    assert!(named(server, filter).is_empty());
    assert_ne!(server.host(), other.host());
}

/// Restarts and drops a server.
fn lives_and_goes<S: std::ops::Deref<Target = Directory>>(server: S) {
    let (trace, ports, pid) = (trace(&server), (server.port(), server.ldaps_port()), server.pid());
    let top = format!("ou=kept,{}", server.base());
    server.add(&format!("dn: {top}\nobjectClass: organizationalUnit\nou: kept\n"));
    server.restart();
    assert_eq!((server.port(), server.ldaps_port()), ports);
    assert_ne!(server.pid(), pid);
    assert_eq!(server.search(&top, "base", EVERYTHING, &["1.1"]).len(), 1);
    drop(server);
    assert!(support::is_gone(&trace));
}

#[test]
fn a_slapd_with_its_own_authority_keeps_ports_and_entries_and_is_gone_when_dropped() {
    lives_and_goes(Slapd::start_with(Certificate::SelfSignedAuthority));
}

#[test]
fn a_ds389_with_its_own_authority_keeps_ports_and_entries_and_is_gone_when_dropped() {
    lives_and_goes(Ds389::start_with(Certificate::SelfSignedAuthority));
}

#[test]
fn a_samba_with_its_own_authority_keeps_its_entries_and_is_gone_when_dropped() {
    if let Some(server) =
        SambaAd::if_available(|| SambaAd::start_with(Certificate::SelfSignedAuthority))
    {
        lives_and_goes(server);
    }
}

#[test]
fn certificates_that_are_wrong_are_refused_by_those_who_look() {
    for certificate in [Certificate::Expired, Certificate::WrongName] {
        let samba = SambaAd::if_available(|| SambaAd::start_with(certificate));
        let others: [&Directory; 2] =
            [&Slapd::start_with(certificate), &Ds389::start_with(certificate)];
        for server in others.into_iter().chain(samba.as_deref()) {
            assert!(server.binds(server.bind_dn(), server.password()), "{certificate:?}");
            let output = ask(server, &["-b", server.base(), "-s", "base"]);
            let said = String::from_utf8_lossy(&output.stderr);
            assert!(!output.status.success() && said.contains("start_tls"), "{output:?}");
        }
    }
}

#[test]
fn directories_end_when_the_test_is_killed() {
    support::servers_end_with_their_test("directories_end_when_the_test_is_killed", || {
        directories().into_iter().map(trace).collect()
    });
}
