//! The host is asked to stop: what was acknowledged is in the target, nobody is left without a word, and
//! who asks twice does not wait.

use crate::{
    faults::{ordered, rename},
    support::{Answer, Host, person, until},
};
use rustix::process::Signal;
use std::{fs, thread};

/// A host with one connector that keeps its people in a file, with an order for exports that counts
/// once, when it is armed, or always.
fn host(mode: &str, is_armed: bool, more: &str, seconds: u32) -> Host {
    let mut host = Host::with(&["misbehaving"]);
    host.settings(&format!("[limits]\nshutdown_seconds = {seconds}\n"));
    let path = |name: &str| host.path(name).display().to_string();
    let mut values = format!("file = \"{}\"\nrelease = \"{}\"\n", path("people"), path("release"));
    if is_armed {
        values.push_str(&format!("armed = \"{}\"\n", path("armed")));
        host.write("armed", "");
    }
    host.document("END", &ordered("END", mode, "export", &format!("{values}{more}")));
    host.start();
    host
}

fn is_under_way(host: &Host) {
    until("it is under way", || (!host.path("armed").exists()).then_some(()));
}

fn people(host: &Host) -> String {
    fs::read_to_string(host.path("people")).unwrap_or_default()
}

fn listens_no_more(host: &Host) {
    until("it listens no more", || host.log().contains("Stopped listening").then_some(()));
}

#[test]
fn a_change_under_way_is_finished() {
    let mut host = host("hang", true, "", 60);
    let entra = host.entra("END");
    let under_way = thread::spawn(move || rename(&entra));
    is_under_way(&host);
    host.signal(Signal::TERM);
    listens_no_more(&host);
    host.write("release", "");
    assert_eq!(under_way.join().unwrap().expect(200)["displayName"], "A");
    assert!(host.ended().success());
    assert!(people(&host).contains("\"A\""));
}

#[test]
fn what_cannot_be_finished_in_time_is_not_acknowledged() {
    let mut host =
        host("slow", false, "pause = 1000\n[run.export]\nconnections = 1\npage_size = 1", 3);
    let entra = host.entra("END");
    let (told, first) = std::sync::mpsc::channel();
    let all: Vec<_> = (0..12)
        .map(|number| {
            let (entra, told) = (entra.clone(), told.clone());
            thread::spawn(move || -> (String, Answer) {
                let name = format!("leaving{number}x");
                let answer = entra.create(&person(&name, ""));
                let _ = told.send(());
                (name, answer)
            })
        })
        .collect();
    first.recv().unwrap();
    assert!(host.stop().success());
    let people = people(&host);
    let (mut acknowledged, mut refused) = (0, 0);
    for one in all {
        let (name, answer) = one.join().unwrap();
        if answer.status == 201 {
            assert!(people.contains(&name), "{name} was acknowledged");
            acknowledged += 1;
        } else {
            answer.refused(503);
            refused += 1;
        }
    }
    assert!(acknowledged > 0 && refused > 0, "{acknowledged} {refused}");
}

#[test]
fn who_asks_twice_does_not_wait() {
    let mut host = host("hang", true, "[run.export]\nseconds = 3600", 3600);
    let entra = host.entra("END");
    let request = entra.request("DELETE", "/Users/person.1");
    let under_way = thread::spawn(move || crate::support::Entra::try_send(request).map(drop));
    is_under_way(&host);
    host.signal(Signal::TERM);
    listens_no_more(&host);
    host.stop();
    assert!(host.log().contains("Asked to stop again; ending at once"));
    assert!(under_way.join().unwrap().is_err(), "nothing was acknowledged");
    assert!(!host.path("state/ready.json").exists());
}
