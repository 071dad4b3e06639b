//! Full imports: how fast beside the bare reader, how much memory, and what look-ups feel of one.

use std::{
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::bail;

use super::{
    Bench,
    client::{Answer, Paced, encoded},
    figures::{Table, grouped, median, percentile},
    machine::{self, Memory},
    readers::{self, Read},
    server::{Home, Host, Kind, Run},
    size_of,
};
use crate::{demo, say};

/// Until the allocator and the kernel have settled after an import.
const SETTLE: Duration = Duration::from_secs(3);
/// How long look-ups are measured while nothing else happens, at least.
const IDLE: Duration = Duration::from_secs(15);
/// Connections of the paced look-ups, and how often each asks: 200 look-ups a second together.
const CONNECTIONS: usize = 4;
const EVERY: Duration = Duration::from_millis(20);
/// How long a second import may take to come and end.
const PATIENCE: Duration = Duration::from_secs(20 * 60);

const MEGABYTE: f64 = 1024.0 * 1024.0;

/// What was measured of one kind.
struct Figures {
    kind: Kind,
    bytes: u64,
    reads: Vec<Read>,
    runs: Vec<Run>,
    /// After the first import of the last round.
    first: Memory,
    /// After the second import of the last round.
    second: Memory,
    again: Run,
    idle: Vec<f64>,
    busy: Vec<f64>,
}

/// Measures and prints.
pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    let kinds = [Kind::Csv, Kind::Sqlite].map(|kind| one(bench, kind));
    let all = kinds.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    print(bench, &all);
    Ok(())
}

fn one(bench: &Bench<'_>, kind: Kind) -> anyhow::Result<Figures> {
    let options = bench.options;
    let people = options.people;
    let home = Home::make(bench, kind, people, 1)?;
    let (mut reads, mut runs, mut last) = (Vec::new(), Vec::new(), None);
    for _ in 0..options.rounds {
        let read = match kind {
            Kind::Csv => readers::file(&home.data)?,
            Kind::Sqlite => readers::database(&home.data)?,
        };
        if read.rows != people {
            bail!("{} has {} rows, expected {people}", home.data.display(), read.rows);
        }
        reads.push(read);
        if let Some(host) = last.take().map(|(host, _): (Host<'_>, Memory)| host) {
            host.stop()?;
        }
        let host = home.start(&bench.host)?;
        let run = match host.runs()?.as_slice() {
            [run] if run.added == people && run.refused == 0 => *run,
            others => bail!("the host made {} imports, or not of all people", others.len()),
        };
        say!("{}: {} people in {:.1} s", kind.name(), grouped(people as f64), run.seconds);
        runs.push(run);
        sleep(SETTLE);
        let memory = machine::memory(host.pid)?;
        last = Some((host, memory));
    }
    let (host, first) = last.expect("there is at least one round");
    machine::forget_peak(host.pid)?;
    let logins: Vec<String> = demo::logins(people, 10_000).iter().map(|l| encoded(l)).collect();
    host.target.connect()?.verify(&logins[..logins.len().min(100)])?;
    let begun = Instant::now();
    let paced = Paced::begin(&host.target, &logins, CONNECTIONS, EVERY)?;
    let again = loop {
        sleep(Duration::from_millis(20));
        if let [_, again, ..] = host.runs()?.as_slice() {
            break *again;
        }
        if begun.elapsed() > PATIENCE {
            bail!("no second import came; see the log in {}", home.path.display());
        }
    };
    let end = Instant::now();
    let start = end - Duration::from_secs_f64(again.seconds);
    let answers = paced.end()?;
    if again.unchanged != people {
        bail!("the second import found only {} people unchanged", again.unchanged);
    }
    if start < begun + IDLE {
        bail!("the second import came too soon to measure look-ups before it");
    }
    sleep(SETTLE);
    let second = machine::memory(host.pid)?;
    host.stop()?;
    let within = |from: Instant, to: Instant| {
        let fits = move |answer: &&Answer| answer.due >= from && answer.due < to;
        answers.iter().filter(fits).map(|answer| answer.milliseconds).collect()
    };
    Ok(Figures {
        kind,
        bytes: size_of(&home.data)?,
        reads,
        runs,
        first,
        second,
        again,
        idle: within(begun + Duration::from_secs(2), start - Duration::from_secs(1)),
        busy: within(start, end),
    })
}

fn print(bench: &Bench<'_>, all: &[Figures]) {
    let people = bench.options.people as f64;
    let mut speed = Table::new(&[
        "source",
        "size",
        "bare reader, people/s",
        "full import, people/s",
        "import / reader (target 50 %)",
        "second import, people/s",
    ]);
    let mut memory = Table::new(&[
        "source",
        "steady",
        "peak of the first import",
        "peak / steady (target 1.2)",
        "steady after the second",
        "peak of the second",
        "peak / steady",
    ]);
    let mut latency =
        Table::new(&["source", "idle p50 / p99 / max ms", "during p50 / p99 / max ms", "answers"]);
    for one in all {
        let reader = people / median(one.reads.iter().map(|read| read.seconds));
        let import = people / median(one.runs.iter().map(|run| run.seconds));
        let name = one.kind.name();
        speed.row(&[
            &name,
            &format!("{:.0} MB", one.bytes as f64 / MEGABYTE),
            &grouped(reader),
            &grouped(import),
            &format!("{:.0} %", import / reader * 100.0),
            &grouped(people / one.again.seconds),
        ]);
        let megabytes = |bytes: f64| format!("{:.0} MB", bytes / MEGABYTE);
        let ratio = |memory: &Memory| format!("{:.2}", memory.peak / memory.now);
        memory.row(&[
            &name,
            &megabytes(one.first.now),
            &megabytes(one.first.peak),
            &ratio(&one.first),
            &megabytes(one.second.now),
            &megabytes(one.second.peak),
            &ratio(&one.second),
        ]);
        let times = |of: &[f64]| {
            let at = |percent| percentile(of.iter().copied(), percent);
            format!("{:.2} / {:.2} / {:.2}", at(50.0), at(99.0), at(100.0))
        };
        latency.row(&[
            &name,
            &times(&one.idle),
            &times(&one.busy),
            &format!("{} / {}", one.idle.len(), one.busy.len()),
        ]);
    }
    say!(
        "\nFull import of {} people, {} rounds, medians:\n\n{speed}\nMemory of the host:\n\n\
         {memory}\nLook-ups, {} a second over {CONNECTIONS} connections, before and during the \
         second full import:\n\n{latency}",
        grouped(people),
        bench.options.rounds,
        CONNECTIONS as u128 * 1000 / EVERY.as_millis()
    );
}
