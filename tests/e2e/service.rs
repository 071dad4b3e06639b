//! The host as a service: what it tells the supervisor that started it, over a real socket.

use crate::support::{Host, MEMORY, until};
use std::os::unix::net::UnixDatagram;

/// A socket that the supervisor listens on; the host is told of it.
fn supervised(host: &mut Host) -> UnixDatagram {
    let path = host.path("notify");
    let socket = UnixDatagram::bind(&path).unwrap();
    socket.set_read_timeout(Some(std::time::Duration::from_secs(120))).unwrap();
    host.variable("NOTIFY_SOCKET", path.to_str().unwrap());
    socket
}

/// The next message that has this line; others may come before it.
fn told(socket: &UnixDatagram, line: &str) -> String {
    let mut bytes = [0; 4096];
    loop {
        let length = socket.recv(&mut bytes).unwrap_or_else(|error| panic!("{line}: {error}"));
        let message = std::str::from_utf8(&bytes[..length]).unwrap();
        if message.lines().any(|told| told == line) {
            return message.to_owned();
        }
    }
}

#[test]
fn the_supervisor_is_told_what_the_host_does() {
    let mut host = Host::with(&["misbehaving"]);
    let socket = supervised(&mut host);
    host.variable("WATCHDOG_USEC", "400000");
    host.document("GOOD", MEMORY);
    host.start();
    let ready = told(&socket, "READY=1");
    assert!(ready.contains("STATUS=Serving 1 connector on 127.0.0.1:"), "{ready}");
    for _ in 0..3 {
        told(&socket, "WATCHDOG=1");
    }
    host.signal(rustix::process::Signal::HUP);
    let reloading = told(&socket, "RELOADING=1");
    assert!(reloading.contains("MONOTONIC_USEC="), "{reloading}");
    told(&socket, "READY=1");
    told(&socket, "WATCHDOG=1");
    assert_eq!(host.health()["status"], "ok", "a hang-up does not end it");
    assert!(host.stop().success());
    told(&socket, "STOPPING=1");
}

#[test]
fn a_reload_looks_at_documents_and_plugins() {
    let mut host = Host::with(&[]);
    let socket = supervised(&mut host);
    host.document("LATE", MEMORY);
    host.listen();
    told(&socket, "READY=1");
    assert_eq!(host.settled("LATE")["state"], "failed");
    host.add_plugin("misbehaving");
    host.signal(rustix::process::Signal::HUP);
    told(&socket, "RELOADING=1");
    told(&socket, "READY=1");
    until("the plugin is there", || (host.health()["status"] == "ok").then_some(()));
    assert!(host.log().contains("Asked to reload"));
}

#[test]
fn without_a_supervisor_nobody_is_told_and_a_hang_up_reloads_all_the_same() {
    let mut host = Host::with(&["misbehaving"]);
    host.document("GOOD", MEMORY);
    host.start();
    host.signal(rustix::process::Signal::HUP);
    until("it has reloaded", || host.log().contains("Reloaded").then_some(()));
    assert_eq!(host.health()["status"], "ok");
    assert!(!host.log().contains("The supervisor could not be told"));
}
