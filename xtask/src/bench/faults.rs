//! What look-ups of one connector feel while the plugin of another hangs, panics, leaks or ends its
//! process. Each fault has a host of its own in each round: one that is fresh has no pauses yet.

use std::{
    collections::BTreeMap,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::{
    Bench, MISBEHAVING,
    client::{Answer, Client, Paced, Target, encoded, spread},
    figures::{Table, grouped, median, percentile},
    machine,
    server::{Home, Host, Kind},
};
use crate::{demo, say, stage};

/// People of the healthy connector.
const PEOPLE: u64 = 1000;
/// Connections that look them up, and how often each does: 400 look-ups a second together.
const CONNECTIONS: usize = 4;
const EVERY: Duration = Duration::from_millis(10);
/// Connections that provoke the fault, and how often each does: 5 requests a second together. There
/// are many, so that those that wait do not keep the others from asking.
const PROVOKERS: usize = 10;
const PROVOKE: Duration = Duration::from_secs(2);
/// How long a turn takes when nobody says it, and how long the first one warms up.
const SECONDS: u64 = 5;
const WARM: Duration = Duration::from_secs(1);
/// How many times longer than alone the 99th percentile may be.
const AIM: f64 = 2.0;

/// What goes wrong in each create, and where the plugin runs.
struct Fault {
    name: &'static str,
    mode: &'static str,
    isolation: &'static str,
}

const FAULTS: [Fault; 7] = [
    Fault { name: "hangs", mode: "hang", isolation: "in-process" },
    Fault { name: "panics", mode: "panic", isolation: "in-process" },
    Fault { name: "leaks 8 MB", mode: "leak", isolation: "in-process" },
    Fault { name: "aborts", mode: "abort", isolation: "process" },
    Fault { name: "overflows its stack", mode: "overflow", isolation: "process" },
    Fault { name: "calls exit", mode: "exit", isolation: "process" },
    Fault { name: "segfaults", mode: "segfault", isolation: "process" },
];

impl Fault {
    /// The document of the connector that has it, without plugin and token.
    fn document(&self) -> String {
        let Fault { mode, isolation, .. } = self;
        // Who waits for a call that hangs is let go after a second.
        let run = if *mode == "hang" { "[run.export]\nseconds = 1\n" } else { "" };
        format!(
            r#"isolation = "{isolation}"
autosync = 0

[[object]]
type = "person"
query = ["userName"]

[object.attributes]
userName = "userName"
displayName = "displayName"
active = "active"
mails = ""

[values]
mode = "{mode}"
at = "export"
megabytes = 8

{run}"#
        )
    }
}

/// How many answers there were of each status; 0 is a connection that broke.
type Statuses = BTreeMap<u16, usize>;

/// What one round showed of a fault.
struct Round {
    /// 99th percentile of look-ups beside a connector that nobody asks, in milliseconds.
    alone: f64,
    /// Median and 99th percentile of look-ups beside the fault.
    p50: f64,
    p99: f64,
    /// All look-ups, and those that did not find the one person.
    requests: usize,
    failed: usize,
    /// What the misbehaving connector answered.
    answers: Statuses,
    /// Of the host's process: bytes and threads before the fault and after.
    memory: [f64; 2],
    threads: [f64; 2],
}

/// Measures, prints, and fails where the healthy connector felt too much.
pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    let time = Duration::from_secs(bench.options.seconds(SECONDS));
    let mut home = Home::make_shared(bench, Kind::Csv, PEOPLE)?;
    stage::stage(&[&bench.misbehaving], &home.path.join("ECMA"))?;
    let logins: Vec<String> = demo::logins(PEOPLE, PEOPLE).iter().map(|l| encoded(l)).collect();
    let mut rounds: Vec<Vec<Round>> = FAULTS.iter().map(|_| Vec::new()).collect();
    for _ in 0..bench.options.rounds {
        for (fault, rounds) in FAULTS.iter().zip(&mut rounds) {
            home.neighbor("FAULTY", MISBEHAVING, &fault.document())?;
            let host = home.start(&bench.host)?;
            rounds.push(round(&host, &logins, time).with_context(|| fault.name)?);
            host.stop().with_context(|| fault.name)?;
        }
    }
    print(bench, &rounds, time);
    let felt: Vec<&str> = FAULTS
        .iter()
        .zip(&rounds)
        .filter(|(_, rounds)| is_felt(rounds))
        .map(|(fault, _)| fault.name)
        .collect();
    if !felt.is_empty() {
        bail!(
            "look-ups failed or took more than {AIM} times as long beside a plugin that {}",
            felt.join(", ")
        );
    }
    Ok(())
}

fn round(host: &Host<'_>, logins: &[String], time: Duration) -> anyhow::Result<Round> {
    let faulty = host.neighbor.as_ref().context("there is no neighbor")?;
    host.target.connect()?.verify(&logins[..logins.len().min(100)])?;
    turn(&host.target, logins, None, WARM)?;
    let state =
        || Ok::<_, anyhow::Error>((machine::memory(host.pid)?.now, machine::threads(host.pid)?));
    let alone = turn(&host.target, logins, None, time)?;
    let before = state()?;
    let beside = turn(&host.target, logins, Some(faulty), time)?;
    let after = state()?;
    let answers = beside.answers.iter().fold(Statuses::new(), |mut counts, answer| {
        *counts.entry(answer.status).or_default() += 1;
        counts
    });
    Ok(Round {
        alone: percentile(alone.times(), 99.0),
        p50: median(beside.times()),
        p99: percentile(beside.times(), 99.0),
        requests: alone.found.len() + beside.found.len(),
        failed: alone.failed() + beside.failed(),
        answers,
        memory: [before.0, after.0],
        threads: [before.1, after.1],
    })
}

/// The look-ups of a turn, and the answers of the connector that was provoked meanwhile.
struct Turn {
    /// The first tenth warms up.
    late: Instant,
    found: Vec<Answer>,
    answers: Vec<Answer>,
}

impl Turn {
    fn times(&self) -> impl Iterator<Item = f64> {
        self.found.iter().filter(|one| one.due > self.late).map(|one| one.milliseconds)
    }

    fn failed(&self) -> usize {
        self.found.iter().filter(|one| one.status != 200).count()
    }
}

fn turn(
    healthy: &Target,
    logins: &[String],
    faulty: Option<&Target>,
    time: Duration,
) -> anyhow::Result<Turn> {
    let begun = Instant::now();
    let logins = logins.to_vec();
    let found = Paced::asking(healthy, CONNECTIONS, EVERY, move |client, number| {
        find(client, spread(&logins, number))
    })?;
    let faults = faulty.map(|faulty| Paced::asking(faulty, PROVOKERS, PROVOKE, provoke));
    let faults = faults.transpose()?;
    thread::sleep(time.saturating_sub(begun.elapsed()));
    let found = found.end()?;
    let answers = faults.map(Paced::end).transpose()?.unwrap_or_default();
    if found.is_empty() {
        bail!("nobody was looked up: the turn was too short");
    }
    Ok(Turn { late: begun + time / 10, found, answers })
}

/// Looks somebody up; the status is 0 when not that one person is found.
fn find(client: &mut Client, login: &str) -> anyhow::Result<u16> {
    let path = format!("/Users?filter=userName%20eq%20%22{login}%22");
    let (status, body) = client.try_ask("GET", &path, "")?;
    let list: Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok(if status == 200 && list["totalResults"] != 1 { 0 } else { status })
}

/// Creates somebody, which is what goes wrong.
fn provoke(client: &mut Client, number: usize) -> anyhow::Result<u16> {
    let person = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User"],
        "userName": format!("fault-{number}"),
    });
    Ok(client.try_ask("POST", "/Users", &person.to_string())?.0)
}

/// The median of the rounds' own ratios: a round's two turns had the same machine.
fn ratio(rounds: &[Round]) -> f64 {
    median(rounds.iter().map(|round| round.p99 / round.alone))
}

fn is_felt(rounds: &[Round]) -> bool {
    rounds.iter().any(|round| round.failed > 0) || ratio(rounds) > AIM
}

fn print(bench: &Bench<'_>, rounds: &[Vec<Round>], time: Duration) {
    let mut table = Table::new(&[
        "beside a plugin that",
        "runs in",
        "look-ups",
        "failed",
        "p50 ms",
        "p99 ms",
        "p99 alone ms",
        "p99 / alone",
        "its answers",
        "memory MB",
        "threads",
    ]);
    for (fault, rounds) in FAULTS.iter().zip(rounds) {
        let of = |pick: fn(&Round) -> f64| median(rounds.iter().map(pick));
        let sum = |pick: fn(&Round) -> usize| rounds.iter().map(pick).sum::<usize>();
        let megabytes = |bytes: f64| bytes / 1024.0 / 1024.0;
        let (before, after) = (of(|round| round.memory[0]), of(|round| round.memory[1]));
        table.row(&[
            &fault.name,
            if fault.isolation == "process" { &"its own" } else { &"the host's" },
            &grouped(sum(|round| round.requests) as f64),
            &sum(|round| round.failed),
            &format!("{:.2}", of(|round| round.p50)),
            &format!("{:.2}", of(|round| round.p99)),
            &format!("{:.2}", of(|round| round.alone)),
            &format!("{:.2}", ratio(rounds)),
            &told(rounds),
            &format!("{:.0} → {:.0}", megabytes(before), megabytes(after)),
            &format!("{:.0} → {:.0}", of(|round| round.threads[0]), of(|round| round.threads[1])),
        ]);
    }
    say!(
        "\nFaults: {} people, {CONNECTIONS} connections look people up every {} ms each; beside them {} \
         creates a second go wrong; medians of {} rounds of {} s alone and {} s beside.\n\n{table}",
        grouped(PEOPLE as f64),
        EVERY.as_millis(),
        PROVOKERS as u64 / PROVOKE.as_secs(),
        bench.options.rounds,
        time.as_secs(),
        time.as_secs(),
    );
}

/// The statuses of all rounds: `500 × 3 · 503 × 22`.
fn told(rounds: &[Round]) -> String {
    let mut all = Statuses::new();
    for (status, count) in rounds.iter().flat_map(|round| &round.answers) {
        *all.entry(*status).or_default() += count;
    }
    let each = all.iter().map(|(status, count)| match status {
        0 => format!("no answer × {count}"),
        status => format!("{status} × {count}"),
    });
    each.collect::<Vec<_>>().join(" · ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn round(alone: f64, p99: f64, failed: usize, answers: &[(u16, usize)]) -> Round {
        Round {
            alone,
            p50: 0.2,
            p99,
            requests: 2000,
            failed,
            answers: answers.iter().copied().collect(),
            memory: [1e6, 2e6],
            threads: [9.0, 10.0],
        }
    }

    #[test]
    fn a_fault_is_felt_when_a_look_up_fails_or_most_rounds_are_slower_than_the_aim() {
        let quiet = || round(1.0, 1.5, 0, &[]);
        let slow = || round(1.0, 2.1, 0, &[]);
        assert!(!is_felt(&[quiet(), slow(), quiet()]), "one round of three may be disturbed");
        assert!(is_felt(&[slow(), quiet(), slow()]));
        assert!(is_felt(&[quiet(), round(1.0, 1.0, 1, &[]), quiet()]));
    }

    #[test]
    fn answers_of_all_rounds_are_counted_by_status() {
        let rounds =
            [round(1.0, 1.0, 0, &[(500, 2), (503, 20)]), round(1.0, 1.0, 0, &[(0, 1), (503, 3)])];
        assert_eq!(told(&rounds), "no answer × 1 · 500 × 2 · 503 × 23");
    }

    #[test]
    fn documents_say_where_the_plugin_runs_and_what_goes_wrong() {
        for fault in &FAULTS {
            let document: toml::Table = fault.document().parse().unwrap();
            assert_eq!(document["isolation"].as_str(), Some(fault.isolation));
            assert_eq!(document["values"]["mode"].as_str(), Some(fault.mode));
            assert_eq!(document.contains_key("run"), fault.mode == "hang");
        }
    }
}
