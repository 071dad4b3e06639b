//! The host follows its files while it runs: documents, plugins, the certificate.

use crate::support::{Answer, Entra, Host, MEMORY, person, until};
use ecma_plugin_sdk::testkit::built_library;
use serde_json::json;
use std::{
    fs,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

/// Nobody is held back who deletes a lot.
const UNGUARDED: &str = "export_guard.percent = 100\n";

fn memory(more: &str) -> String {
    format!("{MEMORY}{more}\n")
}

fn notice(host: &Host, name: &str) -> String {
    host.health_of(name)["notices"][0]["detail"].as_str().unwrap_or_default().to_owned()
}

#[test]
fn a_new_document_is_served_and_a_removed_one_is_not() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("FIRST", &memory("store = \"first\""));
    host.start();
    host.document("SECOND", &memory("store = \"second\""));
    until("the second answers", || {
        (host.entra("SECOND").get("/Users").status == 200).then_some(())
    });
    assert_eq!(host.entra("SECOND").everybody().len(), 3);
    fs::remove_file(host.path("connectors/SECOND.toml")).unwrap();
    until("the second is gone", || {
        (host.entra("SECOND").get("/Users").status == 404).then_some(())
    });
    assert_eq!(host.entra("FIRST").everybody().len(), 3);
}

#[test]
fn connectors_go_on_when_their_whole_folder_is_gone() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("FIRST", &memory("store = \"first\""));
    host.start();
    fs::rename(host.path("connectors"), host.path("elsewhere")).unwrap();
    // It would look by itself within half a minute.
    host.hang_up();
    until("it is said", || {
        let detail = host.health()["hostNotices"][0]["detail"].to_string();
        detail.contains("is gone; its connectors go on").then_some(())
    });
    host.prints(&["sync", "FIRST", "--wait"], "");
    assert_eq!(host.entra("FIRST").everybody().len(), 3);
    assert_eq!(host.health()["status"], "degraded");
    fs::rename(host.path("elsewhere"), host.path("connectors")).unwrap();
    host.hang_up();
    until("all is well", || (host.health()["status"] == "ok").then_some(()));
    host.document("SECOND", &memory("store = \"second\""));
    host.hang_up();
    until("documents count again", || {
        (host.entra("SECOND").get("/Users").status == 200).then_some(())
    });
}

#[test]
fn a_bad_document_is_refused_and_the_one_before_goes_on() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory(""));
    host.start();
    let entra = host.entra("MEMORY");
    entra.create(&person("late", "")).expect(201);
    for (bad, said) in [
        (memory("").replace("plugin", "plugn"), "did you mean \"plugin\"?"),
        (memory("").replace("\"misbehaving\"", "\"misbehavin\""), "did you mean misbehaving?"),
        (memory("").replace("mails = \"\"", "males = \"\""), "males"),
    ] {
        host.document("MEMORY", &bad);
        until("the document is refused", || notice(&host, "MEMORY").contains(said).then_some(()));
        assert_eq!(host.health_of("MEMORY")["notices"][0]["kind"], "refused");
        assert_eq!(host.health()["status"], "degraded");
        assert_eq!(entra.everybody().len(), 4);
        assert!(host.log().contains("Document refused; the one before goes on"));
    }
    host.document("MEMORY", &memory(""));
    until("nothing is to be known", || notice(&host, "MEMORY").is_empty().then_some(()));
    assert_eq!(entra.everybody().len(), 4);
}

#[test]
fn a_mapping_changes_without_reading_the_target_again() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory(""));
    host.start();
    let entra = host.entra("MEMORY");
    let before = host.health_of("MEMORY")["lastRun"]["began"].clone();
    host.document("MEMORY", &memory("").replace("\"displayName\"", "\"nickName\""));
    until("the name is shown as a nickname", || {
        entra.matched("ada").unwrap().get("nickName").map(|name| assert_eq!(name, "Ada Lovelace"))
    });
    assert!(host.log().contains("Document changed; what is known of the target is kept"));
    assert_eq!(host.health_of("MEMORY")["lastRun"]["began"], before, "no import was needed");
}

#[test]
fn another_attribute_is_read_while_the_document_before_serves() {
    let mut host = Host::with(&["misbehaving"]);
    let small = memory("").replace("displayName = \"displayName\"\n", "");
    host.document("MEMORY", &format!("{UNGUARDED}{}", small.trim_start()));
    host.start();
    let entra = host.entra("MEMORY");
    let (stop, failed) = (AtomicBool::new(false), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                failed.lock().unwrap().extend(round(&entra, "load"));
            }
        });
        let stopping = StopAtEnd(&stop);
        host.document("MEMORY", &format!("{UNGUARDED}{}", memory("").trim_start()));
        until("the name is shown", || {
            let ada = entra.matched("ada").unwrap();
            ada.get("displayName").map(|name| assert_eq!(name, "Ada Lovelace"))
        });
        drop(stopping);
    });
    assert_eq!(failed.into_inner().unwrap(), Vec::<String>::new());
    assert!(host.log().contains("the target is read again beside"));
}

#[test]
fn another_target_is_read_anew_and_the_log_says_why() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory("store = \"one\""));
    host.start();
    host.entra("MEMORY").create(&person("late", "")).expect(201);
    host.document("MEMORY", &memory("store = \"other\""));
    until("the other store is served", || {
        let answer = host.entra("MEMORY").get("/Users");
        (answer.status == 200 && answer.body["totalResults"] == 3).then_some(())
    });
    assert!(host.log().contains("values.store was another"));
}

#[test]
fn a_renamed_document_keeps_what_is_known() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("OLD", &memory(""));
    host.start();
    let token = host.entra("OLD").token().to_owned();
    fs::rename(host.path("connectors/OLD.toml"), host.path("connectors/NEW.toml")).unwrap();
    let new = host.entra("NEW").with_token(&token);
    until("the new name is served", || (new.get("/Users").status == 200).then_some(()));
    assert_eq!(host.entra("OLD").get("/Users").status, 404);
    assert!(host.log().contains("what is known of the target is kept"));
}

#[test]
fn a_connector_that_waits_for_its_plugin_is_bound_when_it_comes() {
    let mut host = Host::with(&[]);
    host.document("MEMORY", &memory(""));
    host.listen();
    assert!(
        host.entra("MEMORY").get("/Users").refused(503).contains("there is no plugin misbehaving")
    );
    let library = built_library("misbehaving");
    host.plugin("libmisbehaving.so", &fs::read(library).unwrap());
    until("the connector is bound", || {
        (host.entra("MEMORY").get("/Users").status == 200).then_some(())
    });
}

#[test]
fn another_library_is_taken_by_a_new_process_and_not_by_the_hosts_own() {
    let mut host = Host::with(&["folder"]);
    let people = |name: &str| {
        let text = format!(
            "{}plugin = \"folder\"\n[values]\nfolder = \"people\"\n[[object]]\ntype = \"user\"\n\
             [object.attributes]\ndisplayName = \"displayName\"\nid = \"userName\"\n",
            if name == "INSIDE" { "isolation = \"in-process\"\n" } else { "" }
        );
        host.document(name, &text);
    };
    fs::create_dir(host.path("people")).unwrap();
    host.write("people/1.txt", "Ada\n");
    people("INSIDE");
    people("OWN");
    host.start();
    let mut library = fs::read(built_library("folder")).unwrap();
    // Another file to everybody but the loader.
    library.extend_from_slice(b"another build");
    host.plugin("libfolder.so", &library);
    until("the library of the host's own process waits", || {
        let notices = host.health_of("INSIDE")["notices"].to_string();
        notices.contains("restart the host to pick it up").then_some(())
    });
    until("the other one has a new process", || {
        host.log().contains("what is known of the target is kept").then_some(())
    });
    assert!(host.health_of("OWN").get("notices").is_none(), "{}", host.health());
    for name in ["INSIDE", "OWN"] {
        assert_eq!(host.entra(name).everybody().len(), 1, "{name}");
    }
}

#[test]
fn another_certificate_serves_the_next_handshake_and_a_bad_one_does_not() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("MEMORY", &memory(""));
    host.start();
    let key = fs::read(host.path("state/key.pem")).unwrap();
    host.write("state/key.pem", "no key");
    until("the bad key is refused", || {
        host.log().contains("Certificate refused; the one before is served").then_some(())
    });
    host.again("MEMORY").get("/Users").expect(200);
    host.write("state/key.pem", key);
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    host.write("state/key.pem", made.signing_key.serialize_pem());
    host.write("state/cert.pem", made.cert.pem());
    until("the other certificate is served", || {
        host.log().contains("The certificate is another one").then_some(())
    });
    host.again("MEMORY").get("/Users").expect(200);
}

/// Creates, changes, reads and deletes somebody; answers what did not go well.
fn round(entra: &Entra, name: &str) -> Option<String> {
    let made = entra.create(&person(name, ""));
    let id = made.body["id"].as_str().unwrap_or_default().to_owned();
    let patched = entra.patch(&id, json!([{"op": "Replace", "path": "active", "value": "False"}]));
    let answers = [made, patched, entra.user(&id), entra.delete(&id)];
    let wrong = |(answer, status): &(&Answer, u16)| answer.status != *status;
    let mut all = answers.iter().zip([201, 200, 200, 204]);
    all.find(wrong).map(|(answer, _)| format!("{}: {}", answer.status, answer.text))
}

#[test]
fn a_thousand_edits_under_load_fail_no_request() {
    let names: Vec<String> = (0..10).map(|number| format!("MEMORY{number}")).collect();
    let text = |name: &str, edit: usize| {
        let shown = if edit % 2 == 1 { "\"nickName\"" } else { "\"displayName\"" };
        let mapped = memory(&format!("store = \"{name}\"")).replace("\"displayName\"", shown);
        format!("description = \"edit {edit}\"\n{UNGUARDED}{}", mapped.trim_start())
    };
    let mut host = Host::with(&["misbehaving"]);
    names.iter().for_each(|name| host.document(name, &text(name, 0)));
    host.start();
    let clients: Vec<Entra> = names.iter().map(|name| host.entra(name)).collect();
    let (stop, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    let failed = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for client in 0..3 {
            let (clients, stop, rounds, failed) = (&clients, &stop, &rounds, &failed);
            scope.spawn(move || {
                for turn in (0..).take_while(|_| !stop.load(Ordering::Relaxed)) {
                    let wrong = round(&clients[turn % 10], &format!("p{client}x{turn}"));
                    rounds.fetch_add(1, Ordering::Relaxed);
                    failed.lock().unwrap().extend(wrong);
                }
            });
        }
        let stopping = StopAtEnd(&stop);
        for edit in 1..=100 {
            names.iter().for_each(|name| host.document(name, &text(name, edit)));
            let shown = if edit % 2 == 1 { "nickName" } else { "displayName" };
            for client in &clients {
                until("the edit is at work", || {
                    client.matched("ada").unwrap().get(shown).map(drop)
                });
            }
        }
        drop(stopping);
    });
    let rounds = rounds.into_inner();
    assert!(rounds > 100, "{rounds}");
    let failed: Vec<String> = failed.into_inner().unwrap();
    assert_eq!(failed, Vec::<String>::new(), "of {rounds} rounds of 4 requests");
    assert!(!host.log().contains("Document refused"));
}

/// Ends the clients' threads, also when the test fails.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
