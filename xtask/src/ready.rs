//! What `cargo xtask run` hands out when the host is ready: a file for programs, a page for people.

use std::{fmt::Write as _, path::Path};

use serde::Serialize;

use crate::documents::Connector;

/// How to reach the host.
#[derive(Serialize)]
pub(crate) struct Ready<'a> {
    pid: u32,
    ca_pem: &'a Path,
    connectors: Vec<Endpoint<'a>>,
}

#[derive(Serialize)]
struct Endpoint<'a> {
    name: &'a str,
    plugin: &'a str,
    base_url: String,
    token: &'a str,
}

impl<'a> Ready<'a> {
    /// The host `pid` on `port`, known by `ca_pem`.
    pub(crate) fn new(pid: u32, ca_pem: &'a Path, port: u16, connectors: &'a [Connector]) -> Self {
        let endpoint = |connector: &'a Connector| Endpoint {
            name: connector.name,
            plugin: connector.plugin,
            base_url: format!("https://localhost:{port}/ecma2host_{}/scim", connector.name),
            token: &connector.token,
        };
        Self { pid, ca_pem, connectors: connectors.iter().map(endpoint).collect() }
    }

    /// Endpoints, tokens and three commands to paste: the look-up a SCIM client tests the
    /// connection with, one for `who`, and one that creates a person named after `new`.
    pub(crate) fn for_a_person(&self, who: &str, new: &str) -> String {
        let mut page = String::from("The host is ready.\n\n");
        for Endpoint { name, plugin, base_url, token } in &self.connectors {
            writeln!(page, "{name} ({plugin})\n  endpoint  {base_url}\n  token     {token}\n")
                .expect("a String takes all");
        }
        if let Some(first) = self.connectors.first() {
            let base = &first.base_url;
            let curl = format!(
                "curl -sS --cacert {} -H {}",
                quoted(&self.ca_pem.to_string_lossy()),
                quoted(&format!("Authorization: Bearer {}", first.token))
            );
            let look = |filter: &str| {
                format!(
                    "{curl} -G {base}/Users --data-urlencode {}",
                    quoted(&format!("filter={filter}"))
                )
            };
            let dummy = look("PLACEHOLDER eq \"3f1c2f6e-7a50-4d1e-9f0b-6a2d54c8e901\"");
            let real = look(&format!("userName eq \"{who}\""));
            let person = serde_json::json!({
                "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
                "userName": format!("new.person.{new}@example.com"),
                "externalId": format!("new.{new}"),
                "active": true,
                "displayName": "New Person",
                "name": {"givenName": "New", "familyName": "Person"},
                "emails": [{"type": "work", "value": format!("new.person.{new}@example.com")}],
            });
            let create = format!(
                "{curl} -H 'Content-Type: application/scim+json' {base}/Users -d {}",
                quoted(&person.to_string())
            );
            write!(
                page,
                "Look up nobody, as a client that tests the connection does:\n{dummy}\n\n\
                 Look up somebody:\n{real}\n\nCreate a person:\n{create}\n\nCtrl-C stops the host.\n"
            )
            .expect("a String takes all");
        }
        page
    }
}

/// The text as one word of a POSIX shell.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connectors() -> [Connector; 1] {
        [Connector { name: "CORPDB", plugin: "generic-sql", token: "secret".into() }]
    }

    #[test]
    fn the_file_has_what_a_program_needs() {
        let connectors = connectors();
        let ready = Ready::new(7, Path::new("/home/state/cert.pem"), 4242, &connectors);
        assert_eq!(
            serde_json::to_value(&ready).unwrap(),
            serde_json::json!({"pid": 7, "ca_pem": "/home/state/cert.pem", "connectors": [{
                "name": "CORPDB", "plugin": "generic-sql", "token": "secret",
                "base_url": "https://localhost:4242/ecma2host_CORPDB/scim"}]})
        );
    }

    #[cfg(unix)]
    #[test]
    fn the_page_has_three_commands_a_shell_takes_as_they_are() {
        let connectors = connectors();
        let ready = Ready::new(7, Path::new("/it's a home/cert.pem"), 4242, &connectors);
        let page = ready.for_a_person("o'brien@example.com", "1a2b");
        let commands: Vec<_> = page.lines().filter(|line| line.starts_with("curl ")).collect();
        assert_eq!(commands.len(), 3);
        for command in commands {
            let script = format!("curl() {{ printf '%s\\n' \"$@\"; }}; {command}");
            let output = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
            let words = String::from_utf8(output.stdout).unwrap();
            let words: Vec<_> = words.lines().collect();
            assert_eq!(words[2], "/it's a home/cert.pem");
            assert_eq!(words[4], "Authorization: Bearer secret");
            let last = words.last().unwrap();
            match last.strip_prefix("filter=") {
                Some(filter) => assert!(
                    filter.starts_with("PLACEHOLDER eq \"")
                        || filter == "userName eq \"o'brien@example.com\""
                ),
                None => {
                    let person: serde_json::Value = serde_json::from_str(last).unwrap();
                    assert_eq!(person["userName"], "new.person.1a2b@example.com");
                }
            }
        }
    }
}
