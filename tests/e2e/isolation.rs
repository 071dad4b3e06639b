//! Plugins that end their process, hang in it or take too much of the machine: one request feels it,
//! and no process is left behind.
#![cfg(target_os = "linux")]

use crate::{
    faults::{ordered, rename, the_neighbor_works},
    support::{Entra, Host, MEMORY, person, until},
};
use serde_json::{Value, json};
use std::{fs, thread};

/// A connector to people in a file, with an order to misbehave once: when its file `armed` is there.
fn armed(host: &Host, name: &str, mode: &str, at: &str, more: &str) -> String {
    let file = |what: &str| host.path(&format!("{name}.{what}")).display().to_string();
    let more = format!("file = \"{}\"\narmed = \"{}\"\n{more}", file("people"), file("armed"));
    ordered(name, mode, at, &more)
}

fn arm(host: &Host, name: &str) {
    host.write(&format!("{name}.armed"), "");
}

/// Whether somebody in the file of people has this name.
fn has(host: &Host, name: &str, display_name: &str) -> bool {
    let people = fs::read_to_string(host.path(&format!("{name}.people"))).unwrap_or_default();
    people.contains(display_name)
}

fn shown(entra: &Entra) -> String {
    entra.user("person.1").expect(200)["displayName"].as_str().unwrap().to_owned()
}

/// The workers of a host by process number, of one connector or of all.
fn workers(host: &Host, connector: &str) -> Vec<u32> {
    let parent = format!("PPid:\t{}", host.pid());
    let of = |entry: fs::DirEntry| {
        let pid: u32 = entry.file_name().to_str()?.parse().ok()?;
        let status = fs::read_to_string(entry.path().join("status")).ok()?;
        let words = fs::read_to_string(entry.path().join("cmdline")).ok()?;
        let is_it = words.contains(&format!("\0{connector}\0")) || connector.is_empty();
        (status.lines().any(|line| line == parent) && words.contains("worker") && is_it)
            .then_some(pid)
    };
    fs::read_dir("/proc").unwrap().flatten().filter_map(of).collect()
}

/// Whether a process runs; one that has ended and waits for its parent does not.
fn runs(pid: u32) -> bool {
    fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|words| !words.is_empty())
}

fn gone(pid: u32) {
    until(&format!("process {pid} is gone"), || (!runs(pid)).then_some(()));
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn an_end_in_an_export_is_looked_up_and_the_next_request_works() {
    let ends = [
        ("abort", "(signal: 6 (SIGABRT))"),
        ("overflow", "(signal: 6 (SIGABRT))"),
        ("exit", "(exit status: 3)"),
        ("segfault", "(signal: 11 (SIGSEGV))"),
    ];
    let mut host = Host::with(&["misbehaving"]);
    host.document("GOOD", &format!("{MEMORY}store = \"GOOD\""));
    for (mode, _) in ends {
        let (before, after) = (format!("BEFORE{mode}"), format!("AFTER{mode}"));
        host.document(&before, &armed(&host, &before, mode, "export", ""));
        host.document(&after, &armed(&host, &after, mode, "export", "after = true"));
    }
    host.start();
    thread::scope(|scope| {
        scope.spawn(|| the_neighbor_works(&host));
        for (mode, how) in ends {
            let name = format!("BEFORE{mode}");
            let entra = host.entra(&name);
            arm(&host, &name);
            let detail = rename(&entra).refused(500);
            assert!(detail.contains(&format!("the plugin's process ended {how}")), "{detail}");
            assert!(!has(&host, &name, "\"A\""), "{mode}: nothing was written");
            assert_eq!(shown(&entra), "Ada Lovelace");
            assert_eq!(rename(&entra).expect(200)["displayName"], "A");
            assert!(has(&host, &name, "\"A\""));

            let name = format!("AFTER{mode}");
            let entra = host.entra(&name);
            arm(&host, &name);
            assert_eq!(rename(&entra).expect(200)["displayName"], "A", "{mode}: a look showed it");
            assert!(has(&host, &name, "\"A\""));
            assert_eq!(entra.everybody().len(), 3);
        }
    });
    the_neighbor_works(&host);
    let log = host.log();
    for (mode, _) in ends {
        let connector = format!("AFTER{mode}");
        let told = log
            .lines()
            .any(|line| line.contains("The plugin's process ended") && line.contains(&connector));
        assert!(told, "{mode} is in the log");
    }
}

#[test]
fn an_end_in_an_import_leaves_what_is_known_and_is_tried_again() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("IMPORT", &armed(&host, "IMPORT", "abort", "import", ""));
    arm(&host, "IMPORT");
    host.listen();
    until("the second try is done", || (host.health()["status"] == "ok").then_some(()));
    let entra = host.entra("IMPORT");
    assert!(host.log().contains("the plugin's process ended (signal: 6 (SIGABRT))"));
    // Somebody the host does not know of: a conflict, and an import soon, which ends its process.
    let created = entra.create(&person("zoe", "")).expect(201);
    entra.delete(created["id"].as_str().unwrap()).expect(204);
    let people = fs::read_to_string(host.path("IMPORT.people")).unwrap();
    host.write("IMPORT.people", people.replace("\"grace\"", "\"amazing\""));
    let known = entra.everybody().len();
    arm(&host, "IMPORT");
    entra.create(&person("amazing", "")).refused(409);
    until("it has ended", || (!host.path("IMPORT.armed").exists()).then_some(()));
    assert_eq!(entra.everybody().len(), known, "what is known stays");
    until("the next import is done", || entra.matched("amazing"));
}

#[test]
fn an_end_in_any_other_call_stays_with_its_connector() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("GOOD", &format!("{MEMORY}store = \"GOOD\""));
    let early = ["refine", "check", "capabilities"];
    let late = ["connect", "schema", "partitions"];
    for at in early.iter().chain(&late) {
        host.document(&at.to_uppercase(), &ordered(at, "exit", at, ""));
    }
    host.listen();
    for at in early.iter().chain(&late) {
        host.settled(&at.to_uppercase());
        let detail = host.entra(&at.to_uppercase()).get("/Users").refused(503);
        assert!(detail.contains("the plugin's process ended"), "{at}: {detail}");
    }
    host.settled("GOOD");
    the_neighbor_works(&host);
}

#[test]
fn a_call_that_hangs_is_ended_with_its_process() {
    let mut host = Host::with(&["misbehaving"]);
    let more = "[run.export]\nseconds = 1";
    host.document("HANG", &armed(&host, "HANG", "hang", "export", more));
    host.start();
    let entra = host.entra("HANG");
    let [stuck] = workers(&host, "HANG")[..] else { panic!("one process for the connector") };
    arm(&host, "HANG");
    let detail = rename(&entra).refused(504);
    assert!(detail.contains("within 1 seconds"), "{detail}");
    gone(stuck);
    assert_eq!(rename(&entra).expect(200)["displayName"], "A");
    let log = host.log();
    assert!(log.contains("The plugin's process was ended") && !log.contains("restart the host"));
}

#[test]
fn a_plugin_that_ends_again_and_again_is_given_pauses() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("AGAIN", &ordered("AGAIN", "exit", "export", ""));
    host.start();
    let entra = host.entra("AGAIN");
    let detail = until("there is a pause", || {
        let answer = rename(&entra);
        assert!(matches!(answer.status, 500 | 503), "{}", answer.text);
        answer.text.contains("the next try is in ").then(|| answer.refused(503))
    });
    assert!(detail.contains("in a row"), "{detail}");
    assert_eq!(shown(&entra), "Ada Lovelace", "who only reads does not notice");
}

#[test]
fn memory_and_processor_have_limits() {
    let mut host = Host::with(&["misbehaving"]);
    let limits = "[worker]\nmemory_mb = 128\nfiles = 64";
    host.document("LEAK", &armed(&host, "LEAK", "leak", "export", limits));
    host.document("SPIN", &armed(&host, "SPIN", "spin", "export", "[worker]\ncpu_seconds = 1"));
    host.start();
    let process = workers(&host, "LEAK")[0];
    let proc_limits = fs::read_to_string(format!("/proc/{process}/limits")).unwrap();
    let limit = |name: &str| {
        let line = proc_limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().next().unwrap().to_owned()
    };
    assert_eq!((limit("Max open files"), limit("Max core file size")), ("64".into(), "0".into()));
    for (name, said) in [
        ("LEAK", "perhaps for want of memory: it may take 128 MB"),
        ("SPIN", "it has used its 1 seconds of a processor"),
    ] {
        let entra = host.entra(name);
        arm(&host, name);
        let detail = rename(&entra).refused(500);
        assert!(detail.contains(said), "{detail}");
        assert_eq!(rename(&entra).expect(200)["displayName"], "A");
    }
    assert!(host.log().contains("memory allocation of"), "the plugin's own word is in the log");
}

#[test]
fn a_worker_that_is_killed_is_replaced() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("KILLED", &ordered("KILLED", "nothing", "every", ""));
    host.start();
    let entra = host.entra("KILLED");
    rename(&entra).expect(200);
    let first = workers(&host, "KILLED")[0];
    kill(first);
    gone(first);
    until("the host has noticed", || host.log().contains("SIGKILL").then_some(()));
    assert_eq!(rename(&entra).expect(200)["displayName"], "A");
    let second = workers(&host, "KILLED")[0];
    assert_ne!(first, second);
    let shown = host.prints(&["connectors", "show", "KILLED", "--json"], "");
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["running"]["workerRestarts"], 1, "{shown}");
}

#[test]
fn no_worker_outlives_its_host() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("IDLE", &ordered("IDLE", "nothing", "every", ""));
    host.document("STUCK", &armed(&host, "STUCK", "hang", "export", "[run.export]\nseconds = 8"));
    for is_killed in [true, false] {
        host.start();
        let entra = host.entra("STUCK");
        arm(&host, "STUCK");
        let asked = thread::spawn(move || {
            Entra::try_send(entra.request("DELETE", "/Users/person.1")).map(|a| a.status)
        });
        until("it hangs", || (!host.path("STUCK.armed").exists()).then_some(()));
        let workers = [workers(&host, "IDLE"), workers(&host, "STUCK")].concat();
        assert_eq!(workers.len(), 2);
        if is_killed {
            host.kill();
            assert!(asked.join().unwrap().is_err(), "nothing was acknowledged");
        } else {
            assert!(host.stop().success());
            let _ = asked.join().unwrap();
        }
        workers.into_iter().for_each(gone);
    }
}

#[test]
fn a_worker_sees_its_own_secrets_only() {
    let mut host = Host::with(&["misbehaving"]);
    host.variable("OF_ONE", "the-secret-of-one");
    host.variable("OF_TWO", "the-secret-of-two");
    host.variable("LC_TIME", "C");
    for (name, variable) in [("ONE", "OF_ONE"), ("TWO", "OF_TWO")] {
        let more = format!("[worker.environment]\nOWN = \"env:{variable}\"\nPLAIN = \"text\"");
        host.document(name, &ordered(name, "environment", "connect", &more));
    }
    host.document(
        "BROKEN",
        &ordered("X", "nothing", "every", "[worker.environment]\nA = \"env:B\""),
    );
    host.listen();
    for (name, own, other) in [("ONE", "one", "two"), ("TWO", "two", "one")] {
        host.settled(name);
        let log = host.log();
        let mut lines = log.lines().filter(|line| line.contains("Environment ordered"));
        let of = format!("{{connector={name} ");
        let line = lines.find(|line| line.contains(&of)).unwrap_or_else(|| panic!("{log}"));
        assert!(line.contains(&format!("OWN=the-secret-of-{own}")), "{line}");
        assert!(line.contains("PLAIN=text") && line.contains("LC_TIME=C"), "{line}");
        assert!(!line.contains(&format!("the-secret-of-{other}")), "{line}");
        assert!(!line.contains("OF_ONE") && !line.contains("OF_TWO"), "{line}");
    }
    let detail = host.entra("BROKEN").get("/Users").refused(503);
    assert!(detail.contains("worker.environment.A: environment variable B is not set"), "{detail}");
}

#[test]
fn what_is_printed_goes_to_the_log_and_standard_input_is_empty() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("NOISE", &ordered("NOISE", "print", "every", ""));
    host.document("READ", &ordered("READ", "read", "every", ""));
    host.start();
    for name in ["NOISE", "READ"] {
        let entra = host.entra(name);
        assert_eq!(rename(&entra).expect(200)["displayName"], "A");
        assert_eq!(entra.everybody().len(), 3);
    }
    until("the noise is in the log", || {
        let log = host.log();
        let mut noise =
            log.lines().filter(|line| line.contains("noise on standard output in Export"));
        noise.next().map(|line| assert!(line.contains("WARN") && line.contains("NOISE"), "{line}"))
    });
    assert_eq!(fs::read_to_string(host.path("out")).unwrap(), "", "not to the host's own output");
    let log = host.log();
    let line = log.lines().find(|line| line.contains("Noise ordered") && line.contains("Export"));
    assert!(
        line.unwrap().contains("export{connector=\"NOISE\""),
        "in the span of the call: {line:?}"
    );
    assert!(log.contains("Standard input ordered") && log.contains("read=0"));
}

#[test]
fn a_plugin_in_the_hosts_process_has_no_worker() {
    let mut host = Host::with(&["misbehaving"]);
    let document = ordered("INSIDE", "nothing", "every", "");
    host.document("INSIDE", &format!("isolation = \"in-process\"\n{}", document.trim_start()));
    host.document("OUTSIDE", &ordered("OUTSIDE", "nothing", "every", ""));
    host.start();
    rename(&host.entra("INSIDE")).expect(200);
    assert_eq!((workers(&host, "INSIDE").len(), workers(&host, "OUTSIDE").len()), (0, 1));
    assert_eq!(workers(&host, "").len(), 1, "those of trying plugins out are gone");
}

#[test]
fn people_in_memory_are_those_of_all_connections_of_a_connector() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("ONE", &ordered("SAME", "nothing", "every", ""));
    host.document("TWO", &ordered("SAME", "nothing", "every", ""));
    host.start();
    let created = host.entra("ONE").create(&person("only in one", "")).expect(201);
    let id = created["id"].as_str().unwrap().to_owned();
    let done = json!([{"op": "replace", "path": "displayName", "value": "Changed"}]);
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| host.entra("ONE").patch(&id, done.clone()).expect(200));
        }
    });
    host.entra("TWO").patch(&id, done).refused(404);
}
