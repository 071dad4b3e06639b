//! `docs/first-hour.md`, run as it stands: every command in its order, and what it prints.

use crate::support::until;
use ecma_plugin_sdk::testkit::{TempDir, built_library, temp_dir};
use regex::Regex;
use std::{
    fs::{self, File},
    net::TcpListener,
    path::Path,
    process::{Child, Command, Stdio},
};

const DOCUMENT: &str = include_str!("../../docs/first-hour.md");
/// What differs each time.
const VOLATILE: [(&str, &str); 10] = [
    (r"^Secret Token  \S+", "TOKEN"),
    (r"sha256:[0-9a-f:]+", "HASH"),
    (r"^\d+ +\d{4}-\d\d-\d\d \d\d:\d\d:\d\d", "RUN"),
    (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME"),
    (r" +\d+ ms", " MS"),
    (r"ecma-simulate-[0-9a-f]{8}", "MARK"),
    (r"\b\d+\.\d\b|process \d+", "NUMBER"),
    (r"\d+ [GM]iB|\d+ files", "SIZE"),
    (r"\d+ more days", "DAYS"),
    (r"\S*/(one|two)\b", "HOME/$1"),
];

/// A command, and what it is to print.
struct Step<'d> {
    command: &'d str,
    expected: Vec<&'d str>,
}

/// The steps of the document: lines in `console` blocks, commands after `$`.
fn steps() -> Vec<Step<'static>> {
    let mut steps: Vec<Step<'_>> = Vec::new();
    let mut inside = false;
    for line in DOCUMENT.lines() {
        match (line, inside) {
            ("```console", _) => inside = true,
            ("```", _) => inside = false,
            (line, true) => match (line.strip_prefix("$ "), steps.last_mut()) {
                (Some(command), _) => steps.push(Step { command, expected: Vec::new() }),
                (None, Some(step)) => step.expected.push(line),
                (None, None) => panic!("a block begins without a command: {line}"),
            },
            _ => {}
        }
    }
    steps
}

/// A folder with the plugin in it, where the commands run; the hosts end with it.
struct Shell {
    folder: TempDir,
    home: String,
    running: Vec<Child>,
    ports: [(String, String); 2],
    volatile: Vec<(Regex, &'static str)>,
}

impl Shell {
    fn new() -> Shell {
        let folder = temp_dir();
        fs::copy(built_library("csv-file"), folder.path().join("libcsv_file.so")).unwrap();
        // Both are taken at once, so that they differ.
        let free = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let [one, two] = free.map(|free| free.local_addr().unwrap().port().to_string());
        let ports = [("8585".to_owned(), one), ("8586".to_owned(), two)];
        let volatile = VOLATILE.map(|(pattern, by)| (Regex::new(pattern).unwrap(), by));
        Shell { folder, home: String::new(), running: Vec::new(), ports, volatile: volatile.into() }
    }

    fn command(&self, text: &str) -> Command {
        let text =
            self.ports.iter().fold(text.to_owned(), |text, (said, is)| text.replace(said, is));
        let mut command = Command::new("sh");
        let program = Path::new(env!("CARGO_BIN_EXE_ecma-host")).parent().unwrap();
        let path = format!("{}:{}", program.display(), std::env::var("PATH").unwrap());
        command.arg("-c").arg(text).current_dir(self.folder.path()).env("PATH", path);
        command.env("ECMA_HOME", &self.home).env_remove("ECMA_LOG").stdin(Stdio::null());
        command
    }

    /// What a command prints.
    fn prints(&self, text: &str) -> String {
        // What the document says of limits and modes is of these.
        let text = format!("umask 022; ulimit -n 4096; {{ {text}; }} 2>&1");
        let output = self.command(&text).output().unwrap();
        let said = String::from_utf8(output.stdout).unwrap();
        self.ports.iter().fold(said, |said, (shown, is)| said.replace(is, shown))
    }

    fn start(&mut self) {
        let log = File::create(self.folder.path().join(&self.home).join("log")).unwrap();
        let mut command = self.command("exec ecma-host run");
        self.running.push(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        until("the host is ready", || {
            self.prints("ecma-host connectors list").contains("  ready  ").then_some(())
        });
    }

    /// A text without what differs each time.
    fn plain(&self, text: &str) -> String {
        let replace = |text: String, (pattern, by): &(Regex, &str)| {
            pattern.replace_all(&text, *by).into_owned()
        };
        self.volatile.iter().fold(text.trim_end().to_owned(), replace)
    }

    /// Whether a text is as expected; a line of `…` stands for any lines.
    fn fits(&self, expected: &[&str], said: &str) -> bool {
        let said: Vec<String> = said.lines().map(|line| self.plain(line)).collect();
        let mut at = 0;
        let mut gap = false;
        for line in expected {
            if *line == "…" {
                gap = true;
                continue;
            }
            let line = self.plain(line);
            let found = said[at..].iter().position(|said| *said == line);
            match found {
                Some(0) => at += 1,
                Some(further) if gap => at += further + 1,
                _ => return false,
            }
            gap = false;
        }
        gap || at == said.len()
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        for child in &mut self.running {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[test]
fn the_first_hour_is_as_the_document_tells_it() {
    let mut shell = Shell::new();
    let steps = steps();
    assert!(steps.len() > 30, "the commands were found");
    let mut wrong = Vec::new();
    for Step { command, expected } in steps {
        if let Some(home) = command.strip_prefix("export ECMA_HOME=") {
            shell.home = home.to_owned();
            continue;
        }
        if command == "ecma-host run &" {
            shell.start();
            continue;
        }
        let mut said = shell.prints(command);
        // A running host follows its files soon, not at once.
        if command.starts_with("ecma-host connectors list") && !shell.fits(&expected, &said) {
            until(&format!("`{command}` prints {expected:#?}"), || {
                said = shell.prints(command);
                shell.fits(&expected, &said).then_some(())
            });
        }
        if !shell.fits(&expected, &said) {
            wrong.push(format!(
                "$ {command}\n{said}\nis in the document\n{}\n",
                expected.join("\n")
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
