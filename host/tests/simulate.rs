//! The simulator over a connected system in memory: every step of both clients, faults, an end before
//! the end, and what must not be shown.
#![expect(clippy::unwrap_used, reason = "tests")]

mod room;
#[path = "room/target.rs"]
mod target;

use ecma_host::{
    simulate::{self, Client, Form, Subject, Summary, Wishes},
    web::Inside,
};
use ecma_plugin_sdk::{
    ErrorKind, Plugin,
    testkit::{Fake, Fault, System},
};
use parking_lot::Mutex;
use room::{Host, Setup, TOKEN};
use std::{
    io::{self, Write},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// A connector whose people have a password.
const DOCUMENT: &str = r#"
[[object]]
type = "user"
query = ["userName"]
[object.attributes]
userName = "userName"
displayName = "displayName"
password = "password"
number = ""
photo = ""
mails = ""
active = "active"
"#;

/// The first line after which something of ours is in the target.
const CREATED: &str = "PASS  create a user";

type Then = dyn FnOnce(&AtomicBool) + Send;

/// Keeps what is told, and does something once a line is there.
struct Paper {
    text: Arc<Mutex<String>>,
    line: &'static str,
    then: Option<Box<Then>>,
    stop: Arc<AtomicBool>,
}

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut text = self.text.lock();
        text.push_str(std::str::from_utf8(bytes).unwrap());
        if text.contains(self.line)
            && let Some(then) = self.then.take()
        {
            then(&self.stop);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn wishes(client: Client) -> Wishes {
    let matching = "userName".parse().unwrap();
    Wishes { client, matching, values: Vec::new(), dry_run: false, form: Form::Verbose }
}

/// Runs a simulation; after a line something is done to it.
async fn run_and(
    host: &Host,
    wishes: &Wishes,
    line: &'static str,
    then: impl FnOnce(&AtomicBool) + Send + 'static,
) -> (Summary, String) {
    let (text, told) = (Arc::<Mutex<String>>::default(), Arc::<Mutex<Vec<_>>>::default());
    let stop = Arc::new(AtomicBool::new(false));
    let then: Option<Box<Then>> = Some(Box::new(then));
    let out = Box::new(Paper { text: Arc::clone(&text), line, then, stop: Arc::clone(&stop) });
    if wishes.dry_run {
        let told = Arc::clone(&told);
        host.binding.rehearse(Box::new(move |change| told.lock().push(change.clone())));
    }
    let inside = Inside::new(&host.web, host.binding.name(), TOKEN.into());
    let subject = Subject { binding: Arc::clone(&host.binding), inside, told, stop, out };
    let summary = simulate::run(subject, wishes).await;
    let text = text.lock().clone();
    (summary, text)
}

async fn run(host: &Host, wishes: &Wishes) -> (Summary, String) {
    run_and(host, wishes, "", |_| ()).await
}

/// People with a password; `change` is made to the system first.
async fn plain(name: &str, change: impl FnOnce(&System)) -> (System, Host) {
    let system = System::new(name);
    system.person("1", "ada");
    change(&system);
    let host = Setup::new(Plugin::linked::<Fake>("fake", "1.0.0"), name, DOCUMENT).host();
    assert!(host.import().await);
    (system, host)
}

#[tokio::test(flavor = "multi_thread")]
async fn both_clients_are_content_and_nothing_is_left() {
    let (system, host) = target::target("simulate-all").await;
    let before = system.state().entries.clone();
    for client in [Client::Entra, Client::Okta] {
        let (summary, told) = run(&host, &wishes(client)).await;
        assert!(summary.is_good(), "{told}");
        let skipped: Vec<&str> = told.lines().filter(|line| line.starts_with("SKIP")).collect();
        match client {
            Client::Entra => assert!(
                matches!(skipped[..], [one] if one.contains("does not say that displayName")),
                "{skipped:?}"
            ),
            Client::Okta => assert_eq!(skipped, Vec::<&str>::new()),
        }
        for step in match client {
            Client::Entra => ["manager: remove", "remove a member with aad", "restore", "delete"],
            Client::Okta => ["push members", "PUT it back", "reactivate", "pages of 100: 4 in all"],
        } {
            assert!(told.lines().any(|l| l.starts_with("PASS") && l.contains(step)), "{step}");
        }
        assert_eq!(system.state().entries, before, "{client:?}");
        let people = host.ask("GET", "/Users", None, &[]).await;
        assert_eq!(people.header("content-type"), "application/scim+json");
        assert_eq!((people.status, &people.body["totalResults"]), (200, &3.into()));
        assert!(!told.contains("Lovelace") && told.contains("more, not shown"), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_what_it_would_export_and_exports_nothing() {
    let (system, host) = target::target("simulate-dry").await;
    let before = system.state().entries.clone();
    let dry = Wishes { dry_run: true, ..wishes(Client::Entra) };
    let (summary, told) = run(&host, &dry).await;
    assert!(summary.is_good(), "{told}");
    assert_eq!(system.state().exported.len(), 0);
    assert_eq!(system.state().entries, before);
    for line in ["would export: add group", "boss = \"dry-run-", "enabled = \"no\"", "members"] {
        assert!(told.contains(line), "{line}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn passwords_are_sent_and_never_shown() {
    let (system, host) = plain("simulate-secret", |_| ()).await;
    for form in [Form::Verbose, Form::Json] {
        let given = vec![("password".parse().unwrap(), "correct horse".to_owned())];
        for values in [Vec::new(), given] {
            let (summary, told) =
                run(&host, &Wishes { form, values, ..wishes(Client::Okta) }).await;
            assert!(summary.is_good(), "{told}");
            assert!(told.contains("\"password\": \"***\""), "{told}");
            assert!(!told.contains("Aa1-") && !told.contains("correct horse"), "{told}");
        }
    }
    let dry = Wishes { dry_run: true, ..wishes(Client::Okta) };
    let (_, told) = run(&host, &dry).await;
    assert!(told.contains("password = \"***\"") && !told.contains("Aa1-"), "{told}");
    let exported = format!("{:?}", system.state().exported);
    assert!(exported.contains("Aa1-ecma-simulate-") && exported.contains("correct horse"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_given_is_sent_and_what_is_empty_is_not() {
    let (system, host) = plain("simulate-given", |_| ()).await;
    let given = [
        ("displayName", "Kim"),
        ("urn:ietf:params:scim:schemas:extension:ECMA2Host:2.0:User:number", ""),
    ];
    let values = given.map(|(path, value)| (path.parse().unwrap(), value.to_owned())).to_vec();
    let (summary, told) = run(&host, &Wishes { values, ..wishes(Client::Entra) }).await;
    assert!(summary.is_good(), "{told}");
    let exported = format!("{:?}", system.state().exported);
    assert!(exported.contains("Kim") && !exported.contains("displayName 0"));
    assert!(!exported.contains("\"number\""), "{exported}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_that_fails_is_told_and_what_was_made_is_removed() {
    let (system, host) = plain("simulate-fault", |_| ()).await;
    let target = system.clone();
    let fail = move |_: &AtomicBool| target.fail(Fault::Export(ErrorKind::Invalid));
    let (summary, told) = run_and(&host, &wishes(Client::Entra), CREATED, fail).await;
    assert_eq!((summary.failed > 0, summary.left.len()), (true, 0), "{told}");
    assert!(told.contains("FAIL") && told.contains("the test asked for it"), "{told}");
    assert_eq!(system.state().entries.len(), 1, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_made_without_an_answer_is_found_and_removed() {
    let (system, host) =
        plain("simulate-lost", |system| system.state().capabilities.read = false).await;
    system.fail(Fault::LostAnswer(ErrorKind::Timeout));
    let (summary, told) = run(&host, &wishes(Client::Entra)).await;
    assert!(told.contains("FAIL  create a user") && told.contains("PASS  clean up"), "{told}");
    assert_eq!((summary.failed, summary.left.len()), (1, 0), "{told}");
    assert_eq!(system.state().entries.len(), 1, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_removed_is_named_as_the_target_calls_it() {
    let (system, host) = plain("simulate-left", |_| ()).await;
    let target = system.clone();
    let fail = move |_: &AtomicBool| {
        (0..64).for_each(|_| target.fail(Fault::Export(ErrorKind::Forbidden)));
    };
    let (summary, told) = run_and(&host, &wishes(Client::Entra), CREATED, fail).await;
    let left = system.state().entries.keys().nth(1).unwrap().to_string();
    assert_eq!(summary.left.len(), 1, "{told}");
    assert!(summary.left[0].contains(&format!("in the target: user {left}")), "{told}");
    assert!(told.contains("FAIL  clean up") && !summary.is_good(), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn it_ends_when_asked_and_cleans_up() {
    let (system, host) = plain("simulate-stop", |_| ()).await;
    let (summary, told) = run_and(&host, &wishes(Client::Entra), CREATED, |stop| {
        stop.store(true, Ordering::Relaxed);
    })
    .await;
    assert!(summary.stopped && !summary.is_good() && summary.left.is_empty(), "{told}");
    assert!(!told.contains("PATCH as Entra") && told.contains("PASS  clean up"), "{told}");
    assert_eq!(system.state().entries.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connector_that_does_not_write_is_only_read() {
    let (system, host) =
        plain("simulate-read", |system| system.state().capabilities.export = false).await;
    for client in [Client::Entra, Client::Okta] {
        let (summary, told) = run(&host, &wishes(client)).await;
        assert!(summary.is_good() && summary.skipped > 0, "{told}");
        assert!(told.contains("the plugin does not write"), "{told}");
    }
    assert_eq!(system.state().exported.len(), 0);
}
