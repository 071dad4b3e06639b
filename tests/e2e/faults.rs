//! Plugins that do everything wrong: the call fails, the host lives, and the neighbors do not notice.

use crate::support::{Answer, Entra, Host, MEMORY, SqlTarget, person, until};
use serde_json::json;
use std::{fs, thread};

/// A connector to three people in memory, with orders to misbehave.
pub(crate) fn ordered(name: &str, mode: &str, at: &str, more: &str) -> String {
    format!("{MEMORY}store = \"{name}\"\nmode = \"{mode}\"\nat = \"{at}\"\n{more}\n")
}

/// A host with these connectors, and one that behaves. Every one of them has settled.
fn host(connectors: &[(&str, String)]) -> Host {
    let mut host = Host::with(&["misbehaving"]);
    host.document("GOOD", &format!("{MEMORY}store = \"GOOD\""));
    for (name, document) in connectors {
        host.document(name, document);
    }
    host.listen();
    host.settled("GOOD");
    connectors.iter().for_each(|(name, _)| drop(host.settled(name)));
    host
}

fn one(name: &str, mode: &str, at: &str, more: &str) -> Host {
    host(&[(name, ordered(name, mode, at, more))])
}

/// The host lives, and a connector of the same library works from end to end.
pub(crate) fn the_neighbor_works(host: &Host) {
    let entra = host.entra("GOOD");
    let created = entra.create(&person("neighbor", "")).expect(201);
    let id = created["id"].as_str().unwrap();
    let rename = json!([{"op": "Replace", "path": "displayName", "value": "Neighbor"}]);
    assert_eq!(entra.patch(id, rename).expect(200)["displayName"], "Neighbor");
    assert_eq!(entra.delete(id).status, 204);
    entra.user(id).refused(404);
}

pub(crate) fn rename(entra: &Entra) -> Answer {
    entra.patch("person.1", json!([{"op": "replace", "path": "displayName", "value": "A"}]))
}

#[test]
fn a_panic_in_any_call_is_an_error_of_that_call() {
    let early = ["refine", "check", "capabilities"];
    let late = ["connect", "schema", "partitions", "import"];
    let harmless = ["test", "hierarchy", "read", "set-password", "change-password", "drop"];
    let calls = [&early[..], &late, &harmless, &["export", "every"]].concat();
    let name = |at: &str| at.to_uppercase().replace('-', "");
    let connectors: Vec<_> =
        calls.iter().map(|at| (name(at), ordered(at, "panic", at, ""))).collect();
    let connectors: Vec<_> =
        connectors.iter().map(|(name, text)| (name.as_str(), text.clone())).collect();
    let host = host(&connectors);
    for at in early.iter().chain(&late) {
        let detail = host.entra(&name(at)).get("/Users").refused(503);
        assert!(detail.contains("panic"), "{at}: {detail}");
    }
    host.entra("EVERY").get("/Users").refused(503);
    for at in harmless {
        let entra = host.entra(&name(at));
        assert_eq!(entra.everybody().len(), 3, "{at}");
        entra.create(&person("marvin", "")).expect(201);
        rename(&entra).expect(200);
    }
    let entra = host.entra("EXPORT");
    let changes: [&dyn Fn() -> Answer; 5] = [
        &|| entra.create(&person("marvin", "")),
        &|| rename(&entra),
        &|| entra.delete("person.2"),
        &|| rename(&entra),
        &|| entra.create(&person("marvin", "")),
    ];
    for change in changes {
        let detail = change().refused(500);
        assert!(detail.contains("panic"), "{detail}");
        assert_eq!(entra.matched("ada").unwrap()["displayName"], "Ada Lovelace");
    }
    let detail = rename(&entra).refused(503);
    assert!(detail.contains("failed 5 times in a row"), "{detail}");
    the_neighbor_works(&host);
    assert_eq!(host.health()["status"], "degraded");
}

#[test]
fn a_call_that_hangs_is_given_up_and_the_others_go_on() {
    let mut host = Host::with(&["misbehaving"]);
    let release = host.path("release");
    let more = format!("release = \"{}\"\n[run.export]\nseconds = 1\n", release.display());
    host.document("HANG", &ordered("HANG", "hang", "export", &more));
    host.document("GOOD", &format!("{MEMORY}store = \"GOOD\""));
    host.start();
    let entra = host.entra("HANG");
    let hanging: Vec<_> = (0..3)
        .map(|number| {
            let entra = entra.clone();
            thread::spawn(move || entra.create(&person(&format!("late{number}"), "")))
        })
        .collect();
    the_neighbor_works(&host);
    assert_eq!(entra.everybody().len(), 3, "who only reads does not wait");
    for answer in hanging {
        let answer = answer.join().unwrap();
        assert!(matches!(answer.status, 503 | 504), "{}", answer.text);
        assert!(!answer.text.contains("\"id\""), "nothing is acknowledged");
    }
    let detail = rename(&entra).refused(504);
    assert!(detail.contains("within 1 seconds"), "{detail}");
    the_neighbor_works(&host);
    fs::write(&release, "").unwrap();
    until("changes are accepted again", || (rename(&entra).status == 200).then_some(()));
    assert!(host.stop().success());
}

#[test]
fn a_target_that_fails_again_and_again_is_left_alone_until_it_works() {
    let mut host = Host::with(&["misbehaving"]);
    let release = host.path("release");
    let more = format!("release = \"{}\"\n[run.export]\nseconds = 1\n", release.display());
    host.document("FENCED", &ordered("FENCED", "hang", "export", &more));
    host.document("GOOD", &format!("{MEMORY}store = \"GOOD\""));
    host.start();
    let entra = host.entra("FENCED");
    let failures =
        (0..100).find(|_| rename(&entra).text.contains("times in a row; the next change"));
    assert!(failures >= Some(5), "{failures:?}");
    let answer = rename(&entra);
    let seconds: u64 = answer.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=60).contains(&seconds), "{seconds}");
    answer.refused(503);
    assert_eq!(entra.everybody().len(), 3, "who only reads does not notice");
    the_neighbor_works(&host);
    assert_eq!(host.health()["status"], "degraded");
    let standing = host.health_of("FENCED");
    assert_eq!(standing["state"], "ready");
    assert!(matches!(standing["exports"]["fence"].as_str(), Some("open" | "half-open")));
    let listed = host.prints(&["connectors", "list"], "");
    assert!(listed.contains("the target fails, changes are refused"), "{listed}");
    let listed = host.prints(&["connectors", "list", "--json"], "");
    assert!(listed.contains("\"fence\""), "{listed}");
    fs::write(&release, "").unwrap();
    until("changes are let through again", || (rename(&entra).status == 200).then_some(()));
    assert_eq!(host.health()["status"], "ok");
    assert!(host.health_of("FENCED")["exports"].is_null());
    let log = host.log();
    for line in ["changes are refused for now", "One change is let through", "works again"] {
        assert!(log.contains(line), "{line}");
    }
}

#[test]
fn an_import_that_hangs_keeps_only_its_own_connector_waiting() {
    let mut host = Host::with(&["misbehaving"]);
    let release = host.path("release");
    let more = format!("release = \"{}\"", release.display());
    host.document("HANG", &ordered("HANG", "hang", "import", &more));
    host.document("GOOD", &format!("{MEMORY}store = \"GOOD\""));
    host.listen();
    host.settled("GOOD");
    let entra = host.entra("HANG");
    until("the import is under way", || entra.get("/Schemas").status.eq(&200).then_some(()));
    let detail = entra.get("/Users").refused(503);
    assert!(detail.contains("importing"), "{detail}");
    entra.create(&person("early", "")).refused(503);
    assert_eq!(host.health()["status"], "starting");
    the_neighbor_works(&host);
    fs::write(&release, "").unwrap();
    until("the import is done", || (host.health()["status"] == "ok").then_some(()));
    assert_eq!(entra.everybody().len(), 3);
}

#[test]
fn a_plugin_that_never_answers_keeps_no_host_from_starting_or_stopping() {
    let calls = ["refine", "check", "capabilities", "connect", "schema", "partitions", "import"];
    let mut host = Host::with(&["misbehaving"]);
    host.document("GOOD", &format!("{MEMORY}store = \"GOOD\""));
    host.document("EXPORT", &ordered("EXPORT", "hang", "export", "[run.export]\nseconds = 1"));
    for at in calls {
        host.document(&at.to_uppercase(), &ordered(at, "hang", at, ""));
    }
    host.listen();
    for name in ["GOOD", "EXPORT"] {
        assert_eq!(host.settled(name)["state"], "ready");
    }
    for at in calls {
        host.entra(&at.to_uppercase()).get("/Users").refused(503);
    }
    rename(&host.entra("EXPORT")).refused(504);
    the_neighbor_works(&host);
    assert!(host.stop().success());
}

#[test]
fn noise_on_standard_output_does_not_hurt() {
    let host = one("NOISE", "print", "every", "");
    let entra = host.entra("NOISE");
    let created = entra.create(&person("noisy", "")).expect(201);
    entra.delete(created["id"].as_str().unwrap()).expect(204);
    let log = host.log();
    assert!(log.contains("Noise ordered"), "its lines are in the log");
    let noise = log.lines().find(|line| line.contains("Noise ordered") && line.contains("Import"));
    assert!(noise.unwrap().contains("run{connector=NOISE"), "in the span of the call: {noise:?}");
    the_neighbor_works(&host);
}

#[test]
fn one_bad_entry_of_a_page_leaves_its_neighbors() {
    let host = one("PAGE", "fail-one", "every", "[run.export]\nconnections = 1");
    let names: Vec<String> =
        (0..40).map(|n| if n % 8 == 3 { format!("bad{n}") } else { format!("fine{n}") }).collect();
    let entra = host.entra("PAGE");
    let answers: Vec<Answer> = thread::scope(|scope| {
        let creating = |name: &String| {
            let (entra, body) = (entra.clone(), person(name, ""));
            scope.spawn(move || entra.create(&body))
        };
        let all: Vec<_> = names.iter().map(creating).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect()
    });
    for (name, answer) in names.iter().zip(answers) {
        if name.starts_with("bad") {
            assert_eq!(answer.body["scimType"], "invalidValue");
            assert!(answer.refused(400).contains("userName"), "{name}");
            assert_eq!(entra.matched(name), None);
        } else {
            let resource = answer.expect(201);
            assert_eq!(entra.matched(name).unwrap(), resource);
        }
    }
    assert_eq!(entra.everybody().len(), 3 + 35);
}

#[test]
fn writes_to_one_person_keep_their_order() {
    let host = one("ORDER", "slow", "export", "pause = 5");
    let entra = host.entra("ORDER");
    let patch = |number: usize| {
        let name = format!("name {number}");
        let done = json!([{"op": "replace", "path": "displayName", "value": name}]);
        let answer = entra.patch("person.1", done).expect(200);
        assert_eq!(answer["displayName"], name, "each sees what it wrote itself");
    };
    thread::scope(|scope| (0..16).for_each(|number| drop(scope.spawn(move || patch(number)))));
    let last = entra.user("person.1").expect(200)["displayName"].clone();
    let cache = entra.get("/cache?count=1").expect(200);
    assert_eq!(cache["Resources"][0]["attributes"]["displayName"]["values"], json!([last]));
}

#[test]
fn a_lost_answer_is_looked_up() {
    let host = one("LOST", "lose", "export", "");
    let entra = host.entra("LOST");
    assert_eq!(rename(&entra).expect(200)["displayName"], "A", "it was done, as a look showed");
    assert_eq!(entra.delete("person.2").status, 204);
    entra.user("person.2").refused(404);
    // Who was created has a number that only the target knows: there is nothing to look up.
    let detail = entra.create(&person("nobody knows", "")).refused(503);
    assert!(detail.contains("connection was lost"), "{detail}");
    until("an import has found out", || entra.matched("nobody knows"));
}

#[test]
fn a_target_that_is_down_at_start_comes_back() {
    let mut host = Host::with(&["generic-sql", "misbehaving"]);
    host.document("PEOPLE", &SqlTarget::document());
    host.document("GOOD", &format!("{MEMORY}store = \"GOOD\""));
    host.listen();
    let health = host.settled("PEOPLE");
    assert_eq!(health["state"], "failed");
    let entra = host.entra("PEOPLE");
    let answers = ["/Users", "/Users/person.1", "/Users?filter=PLACEHOLDER+eq+%22x%22", "/Schemas"];
    for path in answers {
        let detail = entra.get(path).refused(503);
        assert!(detail.contains("people.db"), "not knowing is not \"not there\": {detail}");
    }
    entra.create(&person("early@example.org", "")).refused(503);
    host.settled("GOOD");
    the_neighbor_works(&host);
    SqlTarget::create(host.path("people.db"));
    until("the target is back", || (host.health()["status"] == "ok").then_some(()));
    assert_eq!(entra.everybody().len(), 12);
    entra.create(&person("late@example.org", "")).expect(201);
}
