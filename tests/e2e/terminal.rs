//! Commands on a terminal, as people use them.

use crate::support::{Host, until};
use rustix::{
    fs::{Mode, OFlags, open},
    pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt},
};
use std::{
    fs::File,
    io::{Read, Write},
    process::{Child, Stdio},
    sync::{Arc, Mutex},
};

/// A command whose input and output is a terminal.
struct Terminal {
    keyboard: File,
    screen: Arc<Mutex<String>>,
    child: Child,
    seen: usize,
}

impl Terminal {
    fn start(host: &Host, arguments: &[&str]) -> Terminal {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap();
        let theirs = File::from(open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap());
        let end = || Stdio::from(theirs.try_clone().unwrap());
        let mut command = host.command(arguments);
        command.env("TERM", "dumb").stdin(end()).stdout(end()).stderr(end());
        let child = command.spawn().unwrap();
        let keyboard = File::from(ours);
        let mut output = keyboard.try_clone().unwrap();
        let screen = Arc::new(Mutex::new(String::new()));
        let shown = Arc::clone(&screen);
        // Ends with an error when nobody has the other end any more.
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Terminal { keyboard, screen, child, seen: 0 }
    }

    /// Waits until something is shown that was not there before, and types what follows it.
    fn answer(&mut self, question: &str, keys: &str) {
        self.seen = until(&format!("{question:?} is asked"), || {
            let screen = self.screen.lock().unwrap();
            let at = screen[self.seen..].find(question)?;
            Some(self.seen + at + question.len())
        });
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    fn end(mut self) -> (bool, String) {
        let status = until("the command has ended", || self.child.try_wait().unwrap());
        let screen = until("all of it is shown", || {
            let screen = self.screen.lock().unwrap().clone();
            screen.ends_with('\n').then_some(screen)
        });
        (status.success(), screen)
    }
}

#[test]
fn a_connector_is_asked_for_page_by_page() {
    let host = Host::with(&["csv-file"]);
    host.write("people.csv", "id,login,badge\n1,ada,B-1\n");
    let new = ["connectors", "new", "HR", "--plugin", "csv-file", "--set", "object_type=staff"];
    let mut terminal = Terminal::start(&host, &new);
    terminal.answer("How to reach the target", "");
    terminal.answer("File", "peoples.csv\n");
    for question in ["Delimiter", "Quote", "Encoding", "First line names", "Columns"] {
        terminal.answer(question, "\n");
    }
    terminal.answer("Anchor (with commas between)", "id\n");
    for question in [
        "Anchor of new rows",
        "Column of the object type",
        "Separator of several values",
        "Columns with several values",
        "Required columns",
    ] {
        terminal.answer(question, "\n");
    }
    terminal.answer("Unique columns (with", "login\n");
    for question in ["whole numbers", "true or false", "references", "Folder of snapshots"] {
        terminal.answer(question, "\n");
    }
    // The file is not there: the values are asked for again, and those given are proposed.
    terminal.answer("Change the values and try again?", "y");
    terminal.answer("How to reach the target", "");
    terminal.answer("File", &("\x7f".repeat("peoples.csv".len()) + "people.csv\n"));
    for question in ["Delimiter", "Quote", "Encoding", "First line names", "Columns"] {
        terminal.answer(question, "\n");
    }
    terminal.answer("Anchor (with commas between)", "\n");
    for question in [
        "Anchor of new rows",
        "Object type",
        "Column of the object type",
        "Separator of several values",
        "Columns with several values",
        "Required columns",
        "Unique columns (with",
        "whole numbers",
        "true or false",
        "references",
        "Folder of snapshots",
    ] {
        terminal.answer(question, "\n");
    }
    terminal.answer("Which object types?", "\n");
    terminal.answer("staff becomes the SCIM resource", "\n");
    terminal.answer("Change where SCIM has the attributes?", "y");
    terminal.answer("staff.id", "\n");
    terminal.answer("staff.login", "\n");
    terminal.answer("staff.badge", "-\n");
    let (is_well, screen) = terminal.end();
    assert!(is_well && screen.contains("Secret Token"), "{screen}");
    let document = std::fs::read_to_string(host.path("connectors/HR.toml")).unwrap();
    for line in [
        "file = \"people.csv\"",
        "anchor = [\"id\"]",
        "unique = [\"login\"]",
        "object_type = \"staff\"",
        "login = \"userName\"",
        "# badge = \"\"",
    ] {
        assert!(document.contains(line), "{line}: {document}");
    }
    assert!(!document.contains("delimiter"), "what was proposed and taken is not written");
}
