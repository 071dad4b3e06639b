//! Tokens and secret values never leave: marked ones are planted in every place where one can enter,
//! every surface is driven, and none of them shows.

use crate::support::{Entra, Host, MEMORY, person};
use ecma_plugin_sdk::testkit::built_library;
use serde_json::json;
use std::{
    fs::{self, File},
    io::Read as _,
};

/// What is planted, by where it enters. None is a part of another, or of any other word.
const SEALED: &str = "m4rk-sealed-value";
const VARIABLE: &str = "m4rk-of-variable";
const FILE: &str = "m4rk-in-a-file";
const STEP: &str = "m4rk-of-run-step";
const PLACE: &str = "m4rk-place-of-database";
const CONNECTION: &str = "m4rk-connection-string";
const TOKEN_VARIABLE: &str = "m4rk-token-of-variable";
const TOKEN_FILE: &str = "m4rk-token-in-file";
const ARCHIVE: &str = "m4rk-password-of-archive";
const PASSWORD: &str = "m4rk-password-of-person";
const BULK: &str = "m4rk-password-in-bulk";
const WRONG: &str = "m4rk-wrong-token";
const PROGRAM: &str = "m4rk-argument-of-program";
const ENVIRONMENT: &str = "m4rk-in-environment";
const NAMED: &str = "m4rk-token-with-a-name";
const PASSPHRASE: &str = "m4rk-passphrase-of-export";

/// What was said, by whom.
#[derive(Default)]
struct Said(Vec<(String, String)>);

impl Said {
    fn add(&mut self, by: impl Into<String>, text: impl Into<String>) {
        self.0.push((by.into(), text.into()));
    }

    fn command(&mut self, host: &Host, arguments: &[&str]) {
        for arguments in [arguments.to_vec(), [arguments, &["--json"]].concat()] {
            let output = host.run(&arguments, "");
            let said = [output.stdout, output.stderr].concat();
            self.add(arguments.join(" "), String::from_utf8_lossy(&said));
        }
    }

    #[track_caller]
    fn has_none_of(&self, secrets: &[&str]) {
        for (by, text) in &self.0 {
            for secret in secrets {
                let at = text.find(secret);
                let found = at.map(|at| &text[at.saturating_sub(300)..at + secret.len()]);
                assert_eq!(found, None, "{by}");
            }
        }
    }
}

/// A host with a marked secret in every place of its documents.
fn planted(format: &str) -> (Host, Vec<String>) {
    let mut host = Host::with(&["misbehaving", "generic-sql"]);
    let seal = |secret: &str| host.prints(&["seal"], secret).trim_end().to_owned();
    let [sealed, step, archive] = [SEALED, STEP, ARCHIVE].map(seal);
    for (name, value) in [
        ("SECRET", VARIABLE),
        ("PLACE", PLACE),
        ("TOKEN", TOKEN_VARIABLE),
        ("ENVIRONMENT", ENVIRONMENT),
        ("NAMED", NAMED),
    ] {
        host.variable(name, value);
    }
    host.write("secret", FILE);
    host.write("token", TOKEN_FILE);
    let passwords = MEMORY.replace("mails = \"\"", "mails = \"\"\nexport_password = \"password\"");
    let step = format!("[run.full_import.values]\nextra = \"{step}\"\n");
    host.document("SEALED", &format!("{passwords}password = \"{sealed}\"\n{step}"));
    let by_token =
        |from: &str, more: &str| format!("token = \"{from}\"\n{}{more}", MEMORY.trim_start());
    let worker = "[worker.environment]\nHIDDEN = \"env:ENVIRONMENT\"\n[[tokens]]\nname = \"autumn\"\n\
                  value = \"env:NAMED\"\n";
    let more = format!("password = \"env:SECRET\"\n{worker}");
    host.raw_document("VARIABLE", &by_token("env:TOKEN", &more));
    host.raw_document("FILE", &by_token("file:token", "password = \"file:secret\"\n"));
    for at in ["refine", "check", "connect", "schema", "import", "export", "set-password"] {
        for mode in ["panic", "fail"] {
            let name = format!("{mode}{at}").replace('-', "");
            let order = format!("store = \"{name}\"\nmode = \"{mode}\"\nat = \"{at}\"\n");
            host.document(&name, &format!("{passwords}{order}password = \"{sealed}\"\n"));
        }
    }
    let people = "plugin = \"generic-sql\"\n[[object]]\ntype = \"person\"\n[object.attributes]\n\
                  login = \"userName\"\n[values]\n";
    host.document("AWAY", &format!("{people}database = \"env:PLACE\"\n"));
    let connection = format!("Driver=x;Pwd={CONNECTION}");
    host.document(
        "PLAIN",
        &format!("{people}driver = \"odbc\"\nconnection_string = \"{connection}\"\n"),
    );
    host.write("cert.p12", "no archive");
    host.settings(&format!(
        "format = \"{format}\"\n[tls]\npkcs12 = \"cert.p12\"\npassword = \"{archive}\"\n"
    ));
    let refused = host.run(&["run"], "");
    assert!(!refused.status.success(), "the archive is none");
    let mut said = Said::default();
    said.command(&host, &["cert", "show"]);
    said.add("run", String::from_utf8_lossy(&refused.stderr));
    host.settings(&format!("format = \"{format}\"\n"));
    said.has_none_of(&[ARCHIVE]);
    (host, vec![sealed, archive])
}

/// What clients do and hear.
fn ask(host: &Host, said: &mut Said) {
    let clients: Vec<Entra> = vec![
        host.entra("SEALED"),
        host.entra("VARIABLE").with_token(TOKEN_VARIABLE),
        host.entra("VARIABLE").with_token(NAMED),
        host.entra("FILE").with_token(TOKEN_FILE),
    ];
    for entra in &clients {
        for route in ["/Users", "/Schemas", "/ResourceTypes", "/ServiceProviderConfig", "/cache"] {
            let answer = entra.get(route);
            assert_eq!(answer.status, 200, "{route}: {}", answer.text);
            said.add(route, answer.text);
            said.add(route, entra.clone().with_token(WRONG).get(route).text);
        }
        let mut zoe = person("zoe", "");
        zoe["password"] = json!(PASSWORD);
        let made = entra.create(&zoe);
        let id = made.body["id"].as_str().unwrap_or_default().to_owned();
        said.add("create", made.text);
        said.add("again", entra.create(&zoe).text);
        let set = json!([{"op": "replace", "path": "password", "value": PASSWORD}]);
        said.add("patch", entra.patch(&id, set).text);
        let wrong = json!([{"op": "replace", "path": "password.x", "value": PASSWORD}]);
        said.add("patch", entra.patch(&id, wrong).text);
        said.add("put", entra.put(&id, &zoe).text);
        said.add("filter", entra.try_list(&format!("password eq \"{PASSWORD}\"")).text);
        let bulk = json!({
            "schemas": ["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],
            "Operations": [
                {"method": "POST", "path": "/Users", "bulkId": "a",
                 "data": {"userName": "bulk", "password": BULK}},
                {"method": "PATCH", "path": format!("/Users/{id}"),
                 "data": {"Operations": [{"op": "add", "path": "password", "value": BULK}]}},
                {"method": "POST", "path": "/Users", "data": {"password": BULK, "userName": 1}},
            ],
        });
        let request = Entra::with_body(entra.request("POST", "/Bulk"), &bulk);
        said.add("bulk", Entra::send(request).text);
        let broken =
            entra.request("POST", "/Users").body(format!("{{\"password\": \"{PASSWORD}\" x"));
        let broken = broken.header("Content-Type", "application/scim+json");
        said.add("broken body", Entra::send(broken).text);
        for header in ["Basic", "Bearer", "Digest"] {
            let with =
                entra.bare("GET", "/Users").header("Authorization", format!("{header} {WRONG}"));
            said.add("wrong header", Entra::send(with).text);
        }
    }
    said.add("away", host.entra("AWAY").get("/Users").text);
    assert!(said.0[said.0.len() - 1].1.contains("***"), "what the plugin repeats is crossed out");
    for name in names(host) {
        let entra = host.entra(&name);
        let mut zoe = person("zoe", "");
        zoe["password"] = json!(PASSWORD);
        said.add(&name, entra.get("/Users").text);
        said.add(&name, entra.create(&zoe).text);
    }
    said.add("health", host.health().to_string());
}

fn names(host: &Host) -> Vec<String> {
    let health = host.health();
    let connectors = health["connectors"].as_array().unwrap().iter();
    connectors.map(|connector| connector["name"].as_str().unwrap().to_owned()).collect()
}

/// What commands print.
fn command(host: &Host, said: &mut Said) {
    let library = built_library("misbehaving");
    let library = library.file_name().unwrap().to_str().unwrap();
    let library = host.path("ECMA").join(library);
    let library = library.to_str().unwrap();
    for arguments in [
        &["plugins", "list"][..],
        &["plugins", "inspect", library],
        &["plugins", "check", library],
        &["connectors", "list"],
        &["connectors", "validate"],
        &["imports", "held"],
        &["cert", "show"],
        &["exports", "held"],
        &["logs", "level", "trace"],
        &["doctor"],
        &["schema", "connector"],
        &["secrets", "rotate-key"],
        &["connectors", "rename", "SEALED", "RENAMED"],
        &["connectors", "rename", "RENAMED", "SEALED"],
    ] {
        said.command(host, arguments);
    }
    for name in names(host) {
        for arguments in [
            &["connectors", "show", &name][..],
            &["sync", &name, "--full", "--wait"],
            &["history", &name],
            &["cache", &name],
            &["connectors", "test", &name],
            &["connectors", "export", &name],
            &["token", "list", &name],
        ] {
            said.command(host, arguments);
        }
    }
    let sealed = host.run(&["connectors", "export", "SEALED", "--passphrase-stdin"], PASSPHRASE);
    assert!(sealed.status.success(), "{}", String::from_utf8_lossy(&sealed.stderr));
    said.add("connectors export", String::from_utf8_lossy(&sealed.stdout));
    collect(host, said);
    said.command(host, &["simulate", "SEALED", "--verbose"]);
    said.command(host, &["simulate", "failexport", "--verbose"]);
    said.command(host, &["simulate", "panicsetpassword", "--verbose", "--dry-run"]);
    let settings = fs::read_to_string(host.path("host.toml")).unwrap();
    host.write(
        "host.toml",
        format!("{settings}[secrets]\nkey = \"command:/bin/false {PROGRAM}\"\n"),
    );
    said.command(host, &["seal"]);
    said.command(host, &["connectors", "validate"]);
    host.write("host.toml", settings);
}

/// What is in the file for support.
fn collect(host: &Host, said: &mut Said) {
    let file = host.path("support.zip");
    said.add("collect", host.prints(&["logs", "collect", file.to_str().unwrap()], ""));
    let mut archive = zip::ZipArchive::new(File::open(&file).unwrap()).unwrap();
    for at in 0..archive.len() {
        let mut entry = archive.by_index(at).unwrap();
        let (name, mut bytes) = (entry.name().unwrap().into_owned(), Vec::new());
        entry.read_to_end(&mut bytes).unwrap();
        said.add(format!("collect: {name}"), String::from_utf8_lossy(&bytes));
    }
    assert!(said.0.iter().filter(|(by, _)| by.starts_with("collect: ")).count() > 5);
}

fn never_leave(format: &str) {
    let (mut host, mut also) = planted(format);
    host.listen();
    names(&host).iter().for_each(|name| drop(host.settled(name)));
    also.extend(names(&host).iter().map(|name| host.entra(name).token().to_owned()));
    let mut said = Said::default();
    ask(&host, &mut said);
    command(&host, &mut said);
    said.add("standard output", String::from_utf8_lossy(&fs::read(host.path("out")).unwrap()));
    assert!(host.stop().success());
    let log = host.log();
    assert!(log.contains("Store opened"), "the plugin's own lines are in the log");
    assert_eq!(
        format == "json",
        log.lines().all(|line| line.starts_with('{')),
        "the form is right"
    );
    said.add("log", log);
    let ours = [
        SEALED,
        VARIABLE,
        FILE,
        STEP,
        PLACE,
        CONNECTION,
        TOKEN_VARIABLE,
        TOKEN_FILE,
        ARCHIVE,
        PASSWORD,
        BULK,
        WRONG,
        PROGRAM,
        ENVIRONMENT,
        NAMED,
        PASSPHRASE,
    ];
    let all: Vec<&str> = ours.into_iter().chain(also.iter().map(String::as_str)).collect();
    said.has_none_of(&all);
    let blurted = said.0.iter().filter(|(_, text)| text.contains("ordered: ")).count();
    assert!(blurted > 10, "the plugin did repeat its password: {blurted}");
    for name in ["SEALED", "VARIABLE", "FILE"] {
        let document = fs::read_to_string(host.path(&format!("connectors/{name}.toml"))).unwrap();
        ours.iter().for_each(|secret| assert!(!document.contains(secret), "{secret}"));
    }
}

#[test]
fn secrets_never_leave() {
    never_leave("text");
}

#[test]
fn secrets_never_leave_in_a_log_of_json() {
    never_leave("json");
}

#[test]
fn what_the_host_keeps_for_itself_is_for_its_account_only() {
    use std::os::unix::fs::PermissionsExt;
    let mut host = Host::with(&["misbehaving"]);
    host.document("GOOD", MEMORY);
    host.prints(&["seal"], "anything");
    host.start();
    let mode = |name: &str| fs::metadata(host.path(name)).unwrap().permissions().mode() & 0o777;
    for folder in ["state", "state/shadow"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
    for file in ["state/key.pem", "state/seal.key", "state/ready.json"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
    let pem = fs::read(host.path("state/cert.pem")).unwrap();
    host.restart();
    assert_eq!(fs::read(host.path("state/cert.pem")).unwrap(), pem, "the certificate stays");
}

#[test]
fn a_sealed_value_opens_on_its_own_host_only() {
    let other = Host::with(&[]).prints(&["seal"], SEALED);
    let mut host = Host::with(&["misbehaving"]);
    host.document("ALIEN", &format!("{MEMORY}password = \"{}\"\n", other.trim_end()));
    host.listen();
    let detail = host.entra("ALIEN").get("/Users").refused(503);
    assert!(detail.contains("values.password") && detail.contains("seal"), "{detail}");
    assert!(!host.log().contains(other.trim_end()));
    let nothing = Host::with(&[]).run(&["seal"], "\n");
    assert!(!nothing.status.success());
}
