//! What an operator sees of a host at work: its log, its numbers, and the file for support.

use crate::support::{Entra, Host, MEMORY, person, until};
use ecma_plugin_sdk::testkit::temp_dir;
use serde_json::{Value, json};
use std::{
    fs::{self, File},
    io::{BufRead, BufReader, Read},
    process::Output,
    sync::atomic::{AtomicBool, Ordering},
};

const ID: &str = "11111111-2222-3333-4444-555555555555";

fn memory(more: &str) -> String {
    format!("{MEMORY}{more}\n")
}

/// How a command ends, and all it says.
fn ends(host: &Host, arguments: &[&str]) -> (i32, String) {
    let Output { status, stdout, stderr } = host.run(arguments, "");
    (status.code().unwrap(), String::from_utf8([stdout, stderr].concat()).unwrap())
}

fn json_of(host: &Host, arguments: &[&str]) -> Value {
    let all: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    serde_json::from_str(&host.prints(&all, "")).unwrap()
}

/// Settings with another log, for this machine only.
fn settings(log: &str) -> String {
    format!("listen = [\"127.0.0.1:0\"]\n[log]\n{log}\n")
}

#[test]
fn the_level_is_shown_and_set_while_the_host_runs() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory(""));
    host.write("host.toml", settings("level = \"info\""));
    assert_eq!(ends(&host, &["logs", "level"]).0, 3, "no host runs");
    host.start();
    assert_eq!(host.prints(&["logs", "level"], ""), "info\n");
    host.entra("MEMORY").get("/Users").expect(200);
    let said = host.prints(&["logs", "level", "info,ecma_host::web=debug"], "");
    assert_eq!(said, "info,ecma_host::web=debug until the next restart; it was info\n");
    assert_eq!(json_of(&host, &["logs", "level"])["level"], "info,ecma_host::web=debug");
    host.entra("MEMORY").get("/Users/nobody").refused(404);
    until("the request has its line", || {
        host.log().lines().any(|line| line.contains("Answered")).then_some(())
    });
    let log = host.log();
    let lines: Vec<&str> = log.lines().filter(|line| line.contains("Answered")).collect();
    let [line] = lines[..] else { panic!("one request was at DEBUG: {lines:?}") };
    for part in ["connector=\"MEMORY\"", "method=GET", "route=\"/Users/{id}\"", "status=404"] {
        assert!(line.contains(part), "{part}: {line}");
    }
    let (code, said) = ends(&host, &["logs", "level", "dbug"]);
    assert!(code == 1 && said.contains("\"dbug\" is no level: give error, warn"), "{said}");
    assert_eq!(host.prints(&["logs", "level"], ""), "info,ecma_host::web=debug\n");
}

#[test]
fn an_id_leads_from_the_request_to_the_line_of_the_plugin() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory("mode = \"print\"\nat = \"export\""));
    host.write("host.toml", settings("level = \"info\""));
    host.start();
    let entra = host.entra("MEMORY");
    let with_id = |request: reqwest::blocking::RequestBuilder| {
        Entra::send(request.header("client-request-id", ID))
    };
    let made = with_id(entra.creating(&person("late", "")));
    assert_eq!(made.header("x-correlation-id"), Some(ID));
    made.expect(201);
    for what in ["Noise ordered", "Exported"] {
        let line =
            until(what, || host.log().lines().find(|line| line.contains(what)).map(str::to_owned));
        let request = format!("request{{connector=\"MEMORY\" id=\"{ID}\"}}");
        assert!(line.contains(&request), "{what}: {line}");
    }
    for (path, status) in [("/Users?count=1", 200), ("//health", 200), ("//nothing", 404)] {
        let answer = with_id(entra.request("GET", path));
        assert_eq!((answer.status, answer.header("x-correlation-id")), (status, Some(ID)));
    }
    let own = || entra.get("/Users").header("x-correlation-id").unwrap().to_owned();
    let (one, other) = (own(), own());
    assert!(one.len() == 32 && one != other, "{one} {other}");
}

/// What a line of the metrics says.
fn sample(text: &str, named: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(named)?.strip_prefix(' '));
    line.map(|number| number.parse().unwrap())
}

#[test]
fn what_happened_is_counted() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory("mode = \"fail-one\"\nat = \"export\""));
    host.settings("[metrics]\nlisten = \"127.0.0.1:0\"\n");
    host.start();
    let entra = host.entra("MEMORY");
    for _ in 0..5 {
        entra.get("/Users/nobody").refused(404);
    }
    entra.create(&person("late", "")).expect(201);
    entra.create(&person("bad", ""));
    let unknown = host.entra("NOBODY");
    unknown.get("/Users").refused(404);
    let ready: Value =
        serde_json::from_slice(&fs::read(host.path("state/ready.json")).unwrap()).unwrap();
    let url = format!("http://{}/metrics", ready["metrics"].as_str().unwrap());
    let answer = reqwest::blocking::Client::new().get(url).send().unwrap();
    assert!(
        answer.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let text = answer.text().unwrap();
    let of = "connector=\"MEMORY\"";
    for (named, expected) in [
        (format!("ecma_requests_total{{{of},method=\"GET\",status=\"4xx\"}}"), 5.0),
        (format!("ecma_requests_total{{{of},method=\"POST\",status=\"2xx\"}}"), 1.0),
        ("ecma_requests_total{connector=\"\",method=\"GET\",status=\"4xx\"}".into(), 1.0),
        (format!("ecma_request_seconds_count{{{of}}}"), 7.0),
        (format!("ecma_request_seconds_bucket{{le=\"+Inf\",{of}}}"), 7.0),
        (format!("ecma_exports_total{{{of},kind=\"add\",outcome=\"success\"}}"), 1.0),
        (format!("ecma_export_seconds_count{{{of},kind=\"add\"}}"), 2.0),
        (format!("ecma_imports_total{{{of},kind=\"full\",outcome=\"success\"}}"), 1.0),
        (format!("ecma_connector_ready{{{of}}}"), 1.0),
        (format!("ecma_space_entries{{{of}}}"), 4.0),
        (format!("ecma_export_queue_changes{{{of}}}"), 0.0),
        (format!("ecma_plugin_panics_total{{{of}}}"), 0.0),
        (format!("ecma_import_held_removals{{{of}}}"), 0.0),
        ("ecma_requests_in_flight".into(), 0.0),
        ("ecma_log_lost_lines_total".into(), 0.0),
    ] {
        assert_eq!(sample(&text, &named), Some(expected), "{named}:\n{text}");
    }
    let failed =
        text.lines().filter(|line| line.contains("kind=\"add\",outcome=") && line.ends_with(" 1"));
    assert_eq!(failed.count(), 2, "one success, one failure:\n{text}");
    let log = host.log();
    let audit: Vec<&str> = log.lines().filter(|line| line.contains("kind=\"add\"")).collect();
    let told = |outcome: &str| audit.iter().filter(|line| line.contains(outcome)).count();
    assert_eq!((audit.len(), told("outcome=\"success\"")), (2, 1), "{audit:?}");
    assert_eq!(told("outcome=\"failed\" error=\""), 1, "{audit:?}");
    assert_eq!(told("entry=person 4"), 1, "the anchor that the target made: {audit:?}");
    let days = sample(&text, "ecma_certificate_remaining_days").unwrap();
    assert!((700.0..=732.0).contains(&days), "{days}");
    assert!(sample(&text, "ecma_process_resident_bytes").unwrap() > 1e6);
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn a_panic_of_the_plugin_is_counted() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory("mode = \"panic\"\nat = \"export\""));
    host.settings("[metrics]\nlisten = \"127.0.0.1:0\"\n");
    host.start();
    host.entra("MEMORY").create(&person("late", "")).refused(500);
    let ready: Value =
        serde_json::from_slice(&fs::read(host.path("state/ready.json")).unwrap()).unwrap();
    let url = format!("http://{}/metrics", ready["metrics"].as_str().unwrap());
    let text = reqwest::blocking::get(url).unwrap().text().unwrap();
    let named = |name: &str| sample(&text, &format!("{name}{{connector=\"MEMORY\"}}"));
    assert_eq!(named("ecma_plugin_panics_total"), Some(1.0), "{text}");
}

#[test]
fn lines_are_followed_as_they_come() {
    let mut host = Host::with(&["misbehaving"]);
    for name in ["FIRST", "SECOND"] {
        host.document(name, &memory(&format!("store = \"{name}\"")));
    }
    host.start();
    let follow = |arguments: &[&str]| {
        let mut child =
            host.begin(&[&["logs", "follow", "--connector", "SECOND"], arguments].concat());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        // What comes before the command listens is not shown: ask until something is.
        let stop = AtomicBool::new(false);
        let first = std::thread::scope(|scope| {
            scope.spawn(|| {
                for at in (0..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                    let name = format!("x{}{at}", arguments.len());
                    host.entra("FIRST").create(&person(&name, ""));
                    host.entra("SECOND").create(&person(&name, ""));
                }
            });
            let line = lines.next().unwrap().unwrap();
            stop.store(true, Ordering::Relaxed);
            line
        });
        child.kill().unwrap();
        child.wait().unwrap();
        first
    };
    let shown = follow(&["--level", "info"]);
    assert!(shown.contains("SECOND") && !shown.contains("FIRST"), "{shown}");
    assert!(shown.contains(" INFO ") || shown.contains(" WARN "), "{shown}");
    let line: Value = serde_json::from_str(&follow(&["--json"])).unwrap();
    assert!(line["level"].is_string() && line["fields"]["message"].is_string(), "{line}");
    assert_eq!(ends(&Host::with(&[]), &["logs", "follow"]).0, 3);
}

#[test]
fn another_level_in_host_toml_is_taken_at_once_and_the_rest_waits() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory(""));
    host.write("host.toml", settings("level = \"info\""));
    host.start();
    let notice = || host.health()["hostNotices"][0].clone();
    host.write("host.toml", settings("level = \"warn\""));
    until("the level is taken", || (host.prints(&["logs", "level"], "") == "warn\n").then_some(()));
    assert_eq!(notice(), Value::Null);
    host.write("host.toml", settings("level = \"loud\""));
    until("the level is refused", || {
        notice()["detail"].as_str()?.contains("log.level: \"loud\" is no level").then_some(())
    });
    assert_eq!(notice()["kind"], "refused");
    assert_eq!(host.prints(&["logs", "level"], ""), "warn\n");
    host.write("host.toml", settings("levl = \"info\""));
    until("the document is refused", || {
        notice()["detail"].as_str()?.contains("did you mean \"level\"?").then_some(())
    });
    assert_eq!(host.health()["status"], "degraded");
    until("the log says so", || {
        host.log().contains("host.toml refused; the settings before go on").then_some(())
    });
    host.write("host.toml", settings("level = \"warn\"\n[limits]\nbody_bytes = 4096"));
    until("a restart is asked for", || (notice()["kind"] == "restart").then_some(()));
    assert_eq!(host.prints(&["logs", "level"], ""), "warn\n");
    assert_eq!(notice()["detail"], "host.toml: restart to pick up: limits.body_bytes");
    host.write("host.toml", settings("level = \"info\""));
    until("nothing is to be known", || notice().is_null().then_some(()));
    assert_eq!(host.health()["status"], "ok");
}

#[test]
fn the_audit_has_a_file_that_only_grows_and_is_opened_anew_on_request() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory(""));
    host.write("host.toml", settings("level = \"off,audit=off\"\naudit = \"state/audit.log\""));
    host.start();
    let read = |name: &str| -> Vec<Value> {
        let text = fs::read_to_string(host.path(name)).unwrap_or_default();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let written = |name: &str, lines: usize| {
        until("the audit is written", || {
            let all = read(name);
            (all.len() >= lines).then_some(all)
        })
    };
    host.entra("MEMORY").create(&person("one", "")).expect(201);
    let first = written("state/audit.log", 1);
    assert_eq!((first.len(), &first[0]["kind"]), (1, &json!("add")), "{first:?}");
    assert_eq!(
        (&first[0]["connector"], &first[0]["outcome"]),
        (&json!("MEMORY"), &json!("success"))
    );
    assert!(first[0]["attributes"].as_str().unwrap().contains("userName"));
    assert!(!first[0].to_string().contains("Zoë"), "no values: {first:?}");
    fs::rename(host.path("state/audit.log"), host.path("state/audit.old")).unwrap();
    host.entra("MEMORY").create(&person("two", "")).expect(201);
    assert_eq!(written("state/audit.old", 2).len(), 2);
    host.hang_up();
    until("the file is there again", || host.path("state/audit.log").exists().then_some(()));
    host.entra("MEMORY").create(&person("three", "")).expect(201);
    assert_eq!(written("state/audit.log", 1).len(), 1);
}

#[test]
fn a_run_that_did_not_end_by_itself_is_told_at_the_next_start() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory(""));
    let told = |host: &Host| host.log().matches("The last run did not end by itself").count();
    host.start();
    assert!(host.log().contains("Logging to=\"stderr\""), "{}", host.log());
    assert!(host.stop().success());
    host.start();
    assert_eq!(told(&host), 0);
    host.kill();
    host.listen();
    assert_eq!(told(&host), 1, "{}", host.log());
    // A start that fails has told it, too.
    host.kill();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    host.write("host.toml", format!("[metrics]\nlisten = \"{}\"\n", taken.local_addr().unwrap()));
    let failed = host.run(&["run", "--port", "0"], "");
    let said = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(!failed.status.success() && said.contains("for metrics"), "{said}");
    assert!(said.contains("The last run did not end by itself"), "{said}");
    host.write("host.toml", "");
    host.listen();
    assert_eq!(told(&host), 1);
    assert!(host.stop().success());
    host.listen();
    assert_eq!(told(&host), 1);
}

#[test]
fn the_log_goes_to_a_file_and_a_place_that_is_none_stops_nobody() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory(""));
    host.write("host.toml", settings("to = \"file\"\nformat = \"json\""));
    host.start();
    let lines = until("the log is written", || {
        let text = fs::read_to_string(host.path("state/log/host.log")).ok()?;
        text.contains("Import finished").then_some(text)
    });
    for line in lines.lines() {
        assert!(serde_json::from_str::<Value>(line).unwrap()["level"].is_string(), "{line}");
    }
    assert_eq!(host.log(), "", "nothing on standard error");
    let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
    assert_eq!(first["fields"]["message"], "Logging", "{first}");
    assert_eq!(first["fields"]["to"], host.path("state/log/host.log").to_str().unwrap());
    assert!(host.stop().success());
    fs::remove_file(host.path("state/log/host.log")).unwrap();
    fs::create_dir(host.path("state/log/host.log")).unwrap();
    host.start();
    until("it says so", || host.log().contains("cannot write the log to").then_some(()));
    assert!(host.stop().success());
    host.write("host.toml", settings("to = \"journald\""));
    host.start();
    assert_eq!(host.entra("MEMORY").everybody().len(), 3);
}

#[test]
fn the_file_for_support_has_everything_and_no_secret() {
    let mut host = Host::with(&["misbehaving"]);
    let sealed = host.prints(&["seal"], "planted-in-the-document");
    host.variable("PLANTED", "planted-in-the-environment");
    host.document("MEMORY", &memory(&format!("password = \"{}\"", sealed.trim())));
    host.document("BROKEN", "plugin = = 1\npassword = \"planted-in-a-broken-one\n");
    host.document("OTHER", &memory("store = \"other\"\npassword = \"env:PLANTED\""));
    host.write(
        "host.toml",
        settings("level = \"trace\"\nto = \"file\"\naudit = \"state/audit.log\""),
    );
    host.listen();
    host.settled("MEMORY");
    host.settled("OTHER");
    let entra = host.entra("MEMORY");
    entra.create(&person("late", "")).expect(201);
    // As if a plugin had printed it.
    let folder = temp_dir();
    let mut log = File::options().append(true).open(host.path("state/log/host.log")).unwrap();
    std::io::Write::write_all(&mut log, b"a plugin says planted-in-the-document\n").unwrap();
    let all = [
        "log/0-host.log",
        "log/1-audit.log",
        "versions.json",
        "plugins.json",
        "host.toml",
        "connectors/MEMORY.toml",
        "connectors/BROKEN.toml",
        "files.txt",
    ];
    let of_host = [
        "health.json",
        "certificate.json",
        "metrics.txt",
        "log/recent.jsonl",
        "history/MEMORY.json",
    ];
    for (name, runs) in [("one.zip", true), ("two.zip", false)] {
        if !runs {
            assert!(host.stop().success());
        }
        let file = folder.path().join(name);
        let told = json_of(&host, &["logs", "collect", file.to_str().unwrap()]);
        assert_eq!(told["file"], file.to_str().unwrap());
        let mut archive = zip::ZipArchive::new(File::open(&file).unwrap()).unwrap();
        let mut texts = Vec::new();
        for at in 0..archive.len() {
            let mut inside = archive.by_index(at).unwrap();
            let mut text = String::new();
            inside.read_to_string(&mut text).unwrap();
            texts.push((inside.name().unwrap().into_owned(), text));
        }
        let text_of = |name: &str| {
            texts.iter().find(|(known, _)| known == name).map(|(_, text)| text.as_str())
        };
        for name in all {
            assert!(text_of(name).is_some_and(|text| !text.is_empty()), "{name}: {told}");
        }
        for name in of_host {
            assert_eq!(text_of(name).is_some(), runs, "{name}: {told}");
        }
        assert_eq!(told["missing"].as_array().unwrap().is_empty(), runs, "{told}");
        assert!(text_of("log/0-host.log").unwrap().contains("a plugin says ***"));
        assert!(text_of("files.txt").unwrap().contains("state/seal.key  100600"));
        let key = fs::read_to_string(host.path("state/seal.key")).unwrap();
        for (name, text) in &texts {
            for secret in ["planted", "sealed:", "sha256:", entra.token(), key.trim()] {
                assert!(!text.contains(secret), "{secret} in {name}");
            }
        }
        let again = host.run(&["logs", "collect", file.to_str().unwrap()], "");
        assert_eq!(again.status.code(), Some(1), "nothing is written over");
    }
    let said =
        host.prints(&["logs", "collect", folder.path().join("three.zip").to_str().unwrap()], "");
    assert!(said.contains("three.zip\n") && said.contains("  missing: what only"), "{said}");
}
