//! What it costs that a plugin runs in a process of its own: full imports of everybody, and changes of
//! single people over SCIM, with one connector that runs in either way in turn.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use super::{
    Bench,
    client::{Client, encoded, spread},
    figures::{Table, grouped, median},
    server::{Home, Kind, WAYS},
};
use crate::{demo, say};

/// People whose changes are timed: a file is written anew for each change.
const FEW: u64 = 1000;
/// How long changes are made in a turn when nobody says it.
const SECONDS: u64 = 5;
/// How many times as long a process may take.
const AIM: f64 = 1.1;

/// What each round showed, one figure for each of [`WAYS`].
type Rounds = Vec<[f64; 2]>;

/// Measures and prints.
pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    let people = bench.options.people;
    let time = Duration::from_secs(bench.options.seconds(SECONDS));
    let mut table = Table::new(&[
        "what",
        "process, ms (each round)",
        "in-process, ms",
        "process / in-process (each round)",
    ]);
    for kind in [Kind::Csv, Kind::Sqlite] {
        let rounds = imports(bench, kind, people)?;
        let what = format!("import of {} people from {}", grouped(people as f64), kind.name());
        row(&mut table, &what, 0, &rounds);
    }
    for kind in [Kind::Csv, Kind::Sqlite] {
        let rounds = changes(bench, kind, time)?;
        let what = format!("a change over SCIM, {} of {} people", kind.name(), grouped(FEW as f64));
        row(&mut table, &what, 2, &rounds);
    }
    say!(
        "Isolation, {} rounds, changes for {} s each, the median of them; aim: {AIM:.2}\n\n{table}",
        bench.options.rounds,
        time.as_secs()
    );
    Ok(())
}

fn row(table: &mut Table, what: &str, digits: usize, rounds: &Rounds) {
    let all = |pick: fn(&[f64; 2]) -> f64, digits: usize| {
        let each: Vec<String> = rounds.iter().map(|r| format!("{:.digits$}", pick(r))).collect();
        format!("{:.digits$} ({})", median(rounds.iter().map(pick)), each.join(" · "))
    };
    table.row(&[
        &what,
        &all(|round| round[0] * 1e3, digits),
        &all(|round| round[1] * 1e3, digits),
        &all(|round| round[0] / round[1], 2),
    ]);
}

/// The seconds of full imports, each of a host that knows nothing yet.
fn imports(bench: &Bench<'_>, kind: Kind, people: u64) -> anyhow::Result<Rounds> {
    let home = Home::make_isolated(bench, kind, people)?;
    rounds(bench, |way| {
        home.isolate(way)?;
        let host = home.start(&bench.host)?;
        let seconds = match host.runs()?.as_slice() {
            [run] if run.added == people && run.refused == 0 => run.seconds,
            others => bail!("the host made {} imports, or not of all people", others.len()),
        };
        host.stop()?;
        Ok(seconds)
    })
}

/// The median seconds of changes, one after the other over one connection.
fn changes(bench: &Bench<'_>, kind: Kind, time: Duration) -> anyhow::Result<Rounds> {
    let home = Home::make_isolated(bench, kind, FEW)?;
    let logins: Vec<String> = demo::logins(FEW, FEW).iter().map(|l| encoded(l)).collect();
    rounds(bench, |way| {
        home.isolate(way)?;
        let host = home.start(&bench.host)?;
        let mut client = host.target.connect()?;
        let ids: anyhow::Result<Vec<String>> =
            (0..100).map(|number| id(&mut client, spread(&logins, number))).collect();
        let (ids, mut times) = (ids?, Vec::new());
        let begun = Instant::now();
        for number in 0.. {
            let one = Instant::now();
            change(&mut client, spread(&ids, number), &format!("{way} {number}"))?;
            // The first tenth warms up.
            if begun.elapsed() > time / 10 {
                times.push(one.elapsed().as_secs_f64());
            }
            if begun.elapsed() > time {
                break;
            }
        }
        host.stop()?;
        Ok(median(times))
    })
}

/// Measures both ways in each round; every other round begins with the other one.
fn rounds(
    bench: &Bench<'_>,
    mut measure: impl FnMut(&str) -> anyhow::Result<f64>,
) -> anyhow::Result<Rounds> {
    // The first host finds its files on the disk, the others in memory.
    measure(WAYS[0])?;
    let mut rounds = Rounds::new();
    for round in 0..bench.options.rounds {
        let mut both = [0.0; 2];
        let order = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for at in order {
            both[at] = measure(WAYS[at])?;
        }
        rounds.push(both);
    }
    Ok(rounds)
}

fn id(client: &mut Client, login: &str) -> anyhow::Result<String> {
    let list: Value = serde_json::from_slice(&client.look_up(login)?)?;
    let id = list["Resources"][0]["id"].as_str();
    Ok(id.with_context(|| format!("{login} is not found"))?.to_owned())
}

fn change(client: &mut Client, id: &str, name: &str) -> anyhow::Result<()> {
    let patch = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"],
        "Operations": [{ "op": "replace", "path": "displayName", "value": name }],
    });
    let (status, body) = client.ask("PATCH", &format!("/Users/{id}"), &patch.to_string())?;
    if !matches!(status, 200 | 204) {
        bail!("a change was answered {status}: {}", String::from_utf8_lossy(&body));
    }
    Ok(())
}
