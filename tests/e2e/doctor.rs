//! `doctor`: a home in order, and homes that are not.

use crate::support::{Host, MEMORY};
use serde_json::Value;
use std::{
    fs,
    net::TcpListener,
    os::unix::fs::{MetadataExt, PermissionsExt},
};

fn examined(host: &Host) -> (bool, Value) {
    let output = host.run(&["doctor", "--json"], "");
    let value = serde_json::from_slice(&output.stdout);
    (output.status.success(), value.unwrap_or_else(|_| panic!("{output:?}")))
}

/// What was found about something, as `urgency: what → remedy`.
fn about(value: &Value, at: &str) -> Vec<String> {
    let all = value["findings"].as_array().unwrap().iter();
    let text = |finding: &Value| {
        let part = |key: &str| finding[key].as_str().unwrap().to_owned();
        format!("{}: {} → {}", part("urgency"), part("what"), part("remedy"))
    };
    all.filter(|finding| finding["at"] == at).map(text).collect()
}

fn mode(host: &Host, name: &str, mode: u32) {
    fs::set_permissions(host.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_home_in_order_is_well_whether_or_not_a_host_runs() {
    let mut host = Host::with(&["misbehaving"]);
    let sealed = host.prints(&["seal"], "hunter2hunter2");
    host.document("MEMORY", &format!("{MEMORY}password = \"{}\"\n", sealed.trim()));
    host.write("host.toml", "listen = [\"127.0.0.1:0\"]\nhost_name = \"localhost\"\n");
    let (is_well, value) = examined(&host);
    assert!(is_well && value["well"] == true, "{value:#}");
    assert!(about(&value, "host")[0].starts_with("note: none runs"), "{value:#}");
    assert!(about(&value, "state/cert.pem")[0].starts_with("note: there is no certificate yet"));
    assert_eq!(about(&value, "127.0.0.1:0"), ["ok: free → "]);
    assert!(about(&value, "sealing key")[0].starts_with("ok: it opens all 1"), "{value:#}");
    host.start();
    let (is_well, value) = examined(&host);
    assert!(is_well, "{value:#}");
    assert_eq!(about(&value, "connector MEMORY"), ["ok: ready, 3 entries → "]);
    assert!(about(&value, "state/cert.pem")[0].starts_with("ok: it is valid for 7"), "{value:#}");
    let said = host.prints(&["doctor"], "");
    assert!(
        said.contains("it runs as process") && said.contains("connectors/MEMORY.toml"),
        "{said}"
    );
    host.kill();
    let (is_well, value) = examined(&host);
    assert!(is_well && about(&value, "state/admin.sock")[0].starts_with("note: it was left by"));
}

#[test]
fn what_an_operator_has_to_do_is_told_with_its_remedy() {
    let host = Host::with(&["misbehaving"]);
    let sealed = host.prints(&["seal"], "hunter2hunter2");
    let sealed = sealed.trim();
    host.document("GOOD", MEMORY);
    host.document("OTHERKEY", &format!("{MEMORY}password = \"{sealed}\"\n"));
    host.document("BROKEN", &format!("plugn = 1\n[values]\npassword = \"{sealed}\"\n"));
    host.write("state/seal.key", "A".repeat(43) + "=\n");
    host.plugin("libtext.so", &b"no library\n".repeat(9));
    mode(&host, "connectors", 0o777);
    mode(&host, "state", 0o755);
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    host.write(
        "host.toml",
        format!("listen = [\"{address}\"]\n[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n"),
    );
    let (is_well, value) = examined(&host);
    assert!(!is_well && value["well"] == false, "{value:#}");
    for (at, said) in [
        ("connectors folder", "may be written by anybody (777) → `chmod o-w"),
        ("state folder", "is open to others (755), and keys are in it → `chmod 700"),
        ("connectors/OTHERKEY.toml", "values.password: "),
        ("connectors/BROKEN.toml", "did you mean"),
        ("ECMA/libtext.so", "→ remove the file"),
        ("c.pem", "cannot read"),
        (&address, "cannot be listened on"),
    ] {
        let found = about(&value, at);
        let is_told = |one: &String| one.starts_with("error: ") && one.contains(said);
        assert!(found.iter().any(is_told), "{at}: {found:?} in {value:#}");
    }
    assert!(
        about(&value, "connectors/BROKEN.toml")[1].contains("seal the value anew"),
        "{value:#}"
    );
    assert!(about(&value, "connectors/GOOD.toml")[0].starts_with("ok: "), "{value:#}");
    let output = host.run(&["doctor"], "");
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8(output.stdout).unwrap().lines().nth(1).unwrap().starts_with("error"));
}

#[test]
fn settings_that_are_not_right_keep_nothing_else_from_being_looked_at() {
    let host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    host.write("host.toml", "listn = []\n");
    let (is_well, value) = examined(&host);
    assert!(!is_well && about(&value, "host.toml")[0].contains("did you mean"), "{value:#}");
    assert!(about(&value, "connectors/MEMORY.toml")[0].starts_with("ok: "), "{value:#}");
}

#[test]
fn what_the_hosts_account_cannot_write_is_told() {
    let host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    host.write("in-the-way", "a file");
    host.settings("to = \"file\"\nfile = \"in-the-way/host.log\"\naudit = \"closed/audit.log\"\n");
    fs::create_dir_all(host.path("closed")).unwrap();
    mode(&host, "closed", 0o555);
    mode(&host, "connectors", 0o555);
    fs::create_dir_all(host.path("state")).unwrap();
    // Who may write anywhere looks for the account that the state folder belongs to.
    let is_root = fs::metadata("/proc/self").unwrap().uid() == 0;
    if is_root {
        std::os::unix::fs::chown(host.path("state"), Some(4711), Some(4711)).unwrap();
    }
    let (is_well, value) = examined(&host);
    mode(&host, "connectors", 0o755);
    assert!(!is_well);
    assert!(!value.to_string().contains("belongs to account"), "{value:#}");
    for (at, said) in [
        ("connectors folder", "warning: "),
        ("connectors folder", "cannot be written by the host's account"),
        ("log file", "error: "),
        ("log file", "in-the-way/host.log cannot be made, and the log goes to standard error"),
        // What is computed of another account is not sure: it may be in further groups.
        ("audit file", if is_root { "warning: " } else { "error: " }),
        ("audit file", "closed/audit.log cannot be made"),
    ] {
        let found = about(&value, at);
        assert!(found.iter().any(|one| one.contains(said)), "{at}: {found:?} in {value:#}");
    }
}

#[test]
fn secrets_that_others_may_read_are_told_by_doctor_and_once_in_the_log() {
    let mut host = Host::with(&["misbehaving"]);
    host.write("password", "hunter2hunter2");
    host.document("MEMORY", &format!("{MEMORY}password = \"file:password\"\n"));
    fs::set_permissions(host.path(""), fs::Permissions::from_mode(0o755)).unwrap();
    mode(&host, "password", 0o644);
    let (_, value) = examined(&host);
    let found = about(&value, "password");
    assert!(found[0].starts_with("warning: everybody may read it (644)"), "{value:#}");
    assert!(found[0].contains("→ `chmod 600 "), "{value:#}");
    host.start();
    assert_eq!(host.health_of("MEMORY")["state"], "ready", "it is used all the same");
    // It is bound again before the command ends.
    host.prints(&["token", "new", "MEMORY", "--label", "second"], "");
    assert!(host.log().contains("Document changed; what is known of the target is kept"));
    let told = || host.log().matches("Others than the host's account may read a secret").count();
    assert_eq!(told(), 1, "{}", host.log());
    mode(&host, "password", 0o600);
    assert_eq!(about(&examined(&host).1, "password"), [""; 0]);
}

#[test]
fn a_sealing_key_that_is_no_good_is_told_with_what_helps() {
    let host = Host::with(&["misbehaving"]);
    let sealed = host.prints(&["seal"], "hunter2hunter2");
    host.document("MEMORY", &format!("{MEMORY}password = \"{}\"\n", sealed.trim()));
    let about_key = |said: &str, remedy: &str| {
        let (is_well, value) = examined(&host);
        let found = about(&value, "sealing key");
        assert!(!is_well && found.len() == 1, "{value:#}");
        assert!(found[0].contains(said) && found[0].contains(remedy), "{found:?}");
        assert!(!found[0].contains("run this as the host's account"), "{found:?}");
    };
    mode(&host, "state/seal.key", 0o644);
    about_key("is readable by others", "→ `chmod 600 ");
    mode(&host, "state/seal.key", 0o600);
    host.write("state/seal.key", "no key");
    about_key("is damaged: restore it from a backup", "→ put the one of a backup in its place");
    fs::remove_file(host.path("state/seal.key")).unwrap();
    about_key(
        "is missing, and 1 value is sealed with it",
        "→ put the file of a backup in its place",
    );
}

#[test]
fn every_listener_is_looked_at_as_the_host_does_at_its_start() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    let taken = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
    let [clients, metrics] = taken.each_ref().map(|one| one.local_addr().unwrap().to_string());
    host.settings(&format!(
        "[[listener]]\naddress = \"{clients}\"\nclient_ca = \"clients.pem\"\n[metrics]\nlisten = \
         \"{metrics}\"\n"
    ));
    for (text, said) in [(None, "cannot read"), (Some("no certificate\n"), "no certificate")] {
        if let Some(text) = text {
            host.write("clients.pem", text);
        }
        let (is_well, value) = examined(&host);
        let found = about(&value, "host.toml");
        assert!(!is_well && found.len() == 1, "{value:#}");
        let start = format!("error: client_ca of the listener {clients}: ");
        assert!(found[0].starts_with(&start) && found[0].contains(said), "{found:?}");
        assert!(found[0].contains("clients.pem"), "{found:?}");
        for (at, key) in
            [(&clients, "`address` of [[listener]]"), (&metrics, "`listen` of [metrics]")]
        {
            let found = about(&value, at);
            assert!(found[0].starts_with("error: cannot be listened on") && found[0].contains(key));
        }
    }
    let own = rcgen::generate_simple_self_signed(["clients.example".to_owned()]).unwrap();
    host.write("clients.pem", own.cert.pem());
    host.settings(
        "[[listener]]\naddress = \"127.0.0.1:0\"\nclient_ca = \"clients.pem\"\n[metrics]\nlisten = \
         \"127.0.0.1:0\"\n",
    );
    let (is_well, value) = examined(&host);
    assert!(is_well && about(&value, "host.toml")[0].starts_with("ok: "), "{value:#}");
    assert_eq!(about(&value, "127.0.0.1:0"), ["ok: free → "; 3]);
    host.start();
}

#[test]
fn an_own_certificate_that_ends_is_not_to_be_generated() {
    let host = Host::with(&["misbehaving"]);
    host.document("MEMORY", MEMORY);
    let mut params = rcgen::CertificateParams::new(vec!["elsewhere.example".to_owned()]).unwrap();
    params.not_before = rcgen::date_time_ymd(2020, 1, 1);
    params.not_after = rcgen::date_time_ymd(2021, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let pem = params.self_signed(&key).unwrap().pem();
    host.settings("[tls]\ncertificate = \"c.pem\"\nkey = \"k.pem\"\n");
    host.write("c.pem", pem);
    host.write("k.pem", key.serialize_pem());
    let (_, value) = examined(&host);
    let found = about(&value, "c.pem");
    assert!(found.iter().any(|one| one.contains("it expired on")), "{found:?}");
    assert!(found.iter().any(|one| one.contains("it is not for")), "{found:?}");
    for one in found.iter().filter(|one| !one.contains("chmod")) {
        assert!(one.contains("`ecma-host cert install`") && !one.contains("generate"), "{one}");
    }
}
