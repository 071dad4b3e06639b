//! Imports and adds in OpenLDAP beside the same work by its own tools:
//! `cargo bench -p generic-ldap --bench directory [-- ENTRIES]`. A server of its own, TLS, 127.0.0.1.
//!
//! An import of ENTRIES (50,000) people beside `ldapsearch` that writes the same attributes of them
//! to a pipe, and ENTRIES / 10 new ones, two connections at once, beside two `ldapadd`.

use ecma_plugin_sdk::{Pager, Selection, prelude::*};
use generic_ldap::GenericLdap;
use std::{
    error::Error as Failure,
    fs,
    io::{self, Read as _, Write as _},
    process::{Command, Stdio},
    thread,
    time::{Duration, Instant},
};
use targets::Slapd;

type Outcome<T> = Result<T, Box<dyn Failure + Send + Sync>>;

const ROUNDS: usize = 3;
const CONNECTIONS: usize = 2;
const ATTRIBUTES: [&str; 9] =
    ["uid", "cn", "sn", "givenName", "displayName", "mail", "title", "employeeNumber", "manager"];

fn main() -> Outcome<()> {
    let entries = std::env::args().find_map(|word| word.parse().ok()).unwrap_or(50_000);
    let server = Slapd::start_with_people(entries);
    let values = Values::new([("user", server.bind_dn()), ("password", server.password())])
        .with("servers", vec![format!("{}:{}", server.host(), server.ldaps_port())])
        .with("ca_file", server.ca().to_str().ok_or("the path is UTF-8")?)
        .with("dn_templates", vec!["inetOrgPerson=uid={uid},ou=people,{base}".to_owned()])
        .with("base", vec![server.base().to_owned()]);
    let plugin = Plugin::linked::<GenericLdap>("generic-ldap", "0");
    let mut importer = plugin.connect(&values)?;
    let mut run = ImportRun::full();
    let attributes = ATTRIBUTES.map(str::to_owned).to_vec();
    run.selected = vec![Selection { object_type: "inetOrgPerson".to_owned(), attributes }];
    let partition = importer.partitions()?.into_iter().next().ok_or("there is a partition")?;
    run.partition = partition;
    let mut grown = 0;
    for round in 0..ROUNDS {
        let before = peak_after_reset()?;
        let mut entries_seen = Bytes(0);
        let started = Instant::now();
        importer.import(&run, &mut entries_seen)?;
        let imported = rate(entries, started.elapsed());
        grown = grown.max(peak()?.saturating_sub(before));
        let started = Instant::now();
        searched(&server)?;
        let searched = rate(entries, started.elapsed());
        let adds = entries / 10;
        let started = Instant::now();
        thread::scope(|scope| -> Outcome<()> {
            let halves: Vec<_> = (0..CONNECTIONS)
                .map(|half| {
                    let (plugin, values) = (&plugin, &values);
                    scope.spawn(move || exported(plugin, values, round, half, adds / CONNECTIONS))
                })
                .collect();
            halves.into_iter().try_for_each(|half| half.join().map_err(|_| "an export panicked")?)
        })?;
        let exported = rate(adds, started.elapsed());
        let files: Vec<_> = (0..CONNECTIONS)
            .map(|half| {
                let people = (0..adds / CONNECTIONS).map(|n| person(round, 2 + half, n));
                let text: String = people.map(|person| person.ldif(&server)).collect();
                let path = server.ca().with_file_name(format!("adds-{round}-{half}.ldif"));
                fs::write(&path, text).map(|()| path)
            })
            .collect::<Result<_, _>>()?;
        let started = Instant::now();
        let adding: Vec<_> = files
            .iter()
            .map(|path| {
                let mut tool = tool(&server, "ldapadd");
                tool.arg("-f").arg(path).stdout(Stdio::null()).spawn()
            })
            .collect::<Result<_, _>>()?;
        for mut adding in adding {
            if !adding.wait()?.success() {
                return Err("ldapadd failed".into());
            }
        }
        let added = rate(adds, started.elapsed());
        say(&format!(
            "import {imported:.0} entries/s, ldapsearch {searched:.0}, {:.2} of it; \
             export {exported:.0} adds/s, ldapadd {added:.0}, {:.2} of it",
            imported / searched,
            exported / added
        ))?;
    }
    say(&format!("an import takes {grown} kB more than the plugin at rest"))
}

/// A new person.
struct Person {
    uid: String,
}

fn person(round: usize, half: usize, n: usize) -> Person {
    Person { uid: format!("bench-{round}-{half}-{n}") }
}

impl Person {
    fn values(&self) -> [(&'static str, String); 6] {
        [
            ("uid", self.uid.clone()),
            ("cn", format!("Person {}", self.uid)),
            ("sn", "Person".to_owned()),
            ("givenName", self.uid.clone()),
            ("mail", format!("{}@example.com", self.uid)),
            ("title", "Engineer".to_owned()),
        ]
    }

    fn entry(&self) -> Entry {
        self.values().into_iter().fold(Entry::new("inetOrgPerson"), |e, (name, v)| e.set(name, v))
    }

    fn ldif(&self, server: &Slapd) -> String {
        let head = format!(
            "dn: uid={},ou=people,{}\nobjectClass: inetOrgPerson\n",
            self.uid,
            server.base()
        );
        let lines = self.values().map(|(name, value)| format!("{name}: {value}\n"));
        format!("{head}{}\n", lines.concat())
    }
}

fn exported(
    plugin: &Plugin,
    values: &Values,
    round: usize,
    half: usize,
    count: usize,
) -> Outcome<()> {
    let mut exporter = plugin.connect(values)?;
    for n in 0..count {
        let add = Change::Add(person(round, half, n).entry());
        for exported in exporter.export(std::slice::from_ref(&add))? {
            exported?;
        }
    }
    Ok(())
}

fn tool(server: &Slapd, name: &str) -> Command {
    let mut tool = Command::new(name);
    tool.env("LDAPTLS_CACERT", server.ca());
    tool.args(["-x", "-H", server.ldaps_uri(), "-D", server.bind_dn(), "-w", server.password()]);
    tool
}

/// Reads what `ldapsearch` writes of all people.
fn searched(server: &Slapd) -> Outcome<()> {
    let mut search = tool(server, "ldapsearch")
        .args(["-LLL", "-o", "ldif-wrap=no", "-E", "pr=500/noprompt", "-b", server.base()])
        .arg("(objectClass=inetOrgPerson)")
        .args(ATTRIBUTES)
        .args(["objectClass", "entryUUID"])
        .stdout(Stdio::piped())
        .spawn()?;
    let mut out = search.stdout.take().ok_or("there is a pipe")?;
    let mut bytes = vec![0; 1 << 16];
    while out.read(&mut bytes)? > 0 {}
    if !search.wait()?.success() {
        return Err("ldapsearch failed".into());
    }
    Ok(())
}

struct Bytes(usize);

impl Pager for Bytes {
    fn page(&mut self, page: &[u8]) -> bool {
        self.0 += page.len();
        true
    }
}

fn rate(count: usize, took: Duration) -> f64 {
    count as f64 / took.as_secs_f64()
}

fn say(line: &str) -> Outcome<()> {
    Ok(writeln!(io::stdout(), "{line}")?)
}

/// The most memory since the last reset, in kilobytes.
fn peak() -> Outcome<u64> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).ok_or("there is a peak")?;
    Ok(line.split_whitespace().nth(1).ok_or("the peak has a number")?.parse()?)
}

fn peak_after_reset() -> Outcome<u64> {
    fs::write("/proc/self/clear_refs", "5")?;
    peak()
}
