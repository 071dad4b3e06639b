//! The host is killed at many random moments, under writes, while its documents are changed: what was
//! acknowledged is in the target, documents are whole, and the next start serves.

use crate::support::{CsvTarget, Entra, Host, SqlTarget, Target, person, until};
use ecma_host::config::{ConnectorConfig, ConnectorName};
use std::{
    collections::hash_map::RandomState,
    env, fs,
    hash::{BuildHasher, Hasher},
    io::Write,
    sync::{
        atomic::{AtomicBool, Ordering},
        mpsc::{Sender, channel},
    },
    thread,
    time::{Duration, Instant},
};

/// How often each host is killed.
const KILLS: u32 = 100;
/// Who writes at once.
const WRITERS: u32 = 2;

/// Numbers by chance that can be had again (SplitMix64).
struct Chance(u64);

impl Chance {
    /// That of `ECMA_TEST_SEED`, or another one each time; it is told.
    fn new(of: &str) -> Chance {
        let known = env::var("ECMA_TEST_SEED").ok().and_then(|seed| seed.parse().ok());
        let seed = known.unwrap_or_else(|| RandomState::new().build_hasher().finish());
        // Shown by the test runner with a failure.
        let _ = writeln!(std::io::stderr(), "{of}: ECMA_TEST_SEED={seed}");
        Chance(seed)
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        (mixed ^ (mixed >> 31)) % bound
    }
}

/// Creates people until the host is gone; those that were acknowledged.
fn posts(entra: &Entra, name: &str, told: &Sender<()>) -> Vec<String> {
    let mut acknowledged = Vec::new();
    for number in 0.. {
        let login = format!("{name}-{number}@example.org");
        let request = entra.creating(&person(&login, &format!("{name}-{number}")));
        let Ok(answer) = Entra::try_send(request) else { break };
        answer.expect(201);
        acknowledged.push(login);
        let _ = told.send(());
    }
    acknowledged
}

/// Changes the document again and again: its interval, and the hash of its token.
fn edits(host: &Host, token: &str, is_over: &AtomicBool) {
    for minutes in 30.. {
        if is_over.load(Ordering::Relaxed) {
            return;
        }
        let text = fs::read_to_string(host.path("connectors/PEOPLE.toml")).unwrap();
        let rest: Vec<&str> = text.lines().filter(|line| !line.starts_with("autosync")).collect();
        host.raw_document("PEOPLE", &format!("autosync = {minutes}\n{}\n", rest.join("\n")));
        host.prints(&["token", "new", "PEOPLE", "--stdin"], token);
    }
}

fn nothing_acknowledged_is_lost<T: Target>() {
    let mut chance = Chance::new(T::PLUGIN);
    let mut host = Host::with(&[T::PLUGIN]);
    let target = T::new(&host);
    let name: ConnectorName = "PEOPLE".parse().unwrap();
    for round in 0..KILLS {
        host.start();
        let entra = host.entra("PEOPLE");
        let (told, heard) = channel();
        let (acknowledgments, micros) = (chance.below(6), chance.below(4000));
        let is_over = AtomicBool::new(false);
        let acknowledged: Vec<String> = thread::scope(|scope| {
            let posting: Vec<_> = (0..WRITERS)
                .map(|writer| {
                    let (entra, told) = (&entra, told.clone());
                    scope.spawn(move || posts(entra, &format!("r{round}w{writer}"), &told))
                })
                .collect();
            let pid = host.pid();
            let editing = scope.spawn(|| edits(&host, entra.token(), &is_over));
            (0..acknowledgments).for_each(|_| heard.recv().unwrap());
            let moment = Instant::now() + Duration::from_micros(micros);
            while Instant::now() < moment {
                thread::yield_now();
            }
            let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
            rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            let ended: Vec<_> = posting.into_iter().map(|thread| thread.join()).collect();
            is_over.store(true, Ordering::Relaxed);
            editing.join().unwrap();
            ended.into_iter().flat_map(Result::unwrap).collect()
        });
        host.kill();
        let rows = target.rows();
        for login in acknowledged {
            assert!(rows.contains_key(&login), "round {round}: {login} was acknowledged");
        }
        let text = fs::read_to_string(host.path("connectors/PEOPLE.toml")).unwrap();
        let read = ConnectorConfig::parse(&name, "PEOPLE.toml", &text);
        assert!(read.is_ok(), "round {round}: {:?}", read.err());
    }
    host.start();
    let entra = host.entra("PEOPLE");
    let rows = target.rows().len();
    until("everybody is there", || (entra.everybody().len() == rows).then_some(()));
}

#[test]
fn a_database_has_what_was_acknowledged_at_a_hundred_kills() {
    nothing_acknowledged_is_lost::<SqlTarget>();
}

#[test]
fn a_csv_file_has_what_was_acknowledged_at_a_hundred_kills() {
    nothing_acknowledged_is_lost::<CsvTarget>();
}
