//! What look-ups feel of heavy neighbors: a group of 100,000 members that is read and changed, and
//! filters that look at everybody.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};
use rusqlite::Connection;
use serde_json::{Value, json};

use super::{
    Bench, SECONDS,
    client::{Client, Paced, Target, encoded},
    figures::{Table, grouped, median, percentile},
    server::{Home, Yardstick},
};
use crate::{demo, say};

/// Members of the large group.
const MEMBERS: u64 = 100_000;
/// Their names in the database; the demo's own teams have smaller ids.
const LARGE: i64 = 900_001;
const SMALL: i64 = 900_002;
/// Connections that look people up, and how often each does.
const CONNECTIONS: usize = 4;
const EVERY: Duration = Duration::from_millis(10);

/// A neighbor: what one connection does over and over.
struct Neighbor {
    target: Target,
    name: &'static str,
    method: &'static str,
    path: String,
    /// Bodies in turn.
    bodies: Vec<String>,
    status: u16,
}

/// Measures and prints.
pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    let people = bench.options.people;
    if people <= MEMBERS {
        bail!("--people must be more than the {MEMBERS} members of the group");
    }
    let home = Home::make_whole(bench, people)?;
    let database = Connection::open(&home.data)?;
    for (team, members) in [(LARGE, MEMBERS), (SMALL, 10)] {
        database
            .execute("INSERT OR IGNORE INTO team (id, name) VALUES (?1, 'Bench ' || ?1)", [team])?;
        database.execute(
            "INSERT OR IGNORE INTO team_member SELECT ?1, id, 'person' FROM person ORDER BY id LIMIT ?2",
            (team, members as i64),
        )?;
    }
    let last: i64 = database.query_row("SELECT max(id) FROM person", [], |row| row.get(0))?;
    drop(database);
    say!("starting the host with {} people and their groups", grouped(people as f64));
    let host = home.start(&bench.host)?;
    let target = &host.target;
    let logins: Vec<String> = demo::logins(people, 10_000).iter().map(|l| encoded(l)).collect();
    target.connect()?.verify(&logins[..logins.len().min(100)])?;
    let size = target.connect()?.ask("GET", &format!("/Groups/team.{LARGE}"), "")?.1.len();
    let seconds = Duration::from_secs(bench.options.seconds(SECONDS));

    let yardstick = Yardstick::start(&bench.yardstick, &home, size)?;
    let bare = target.at(yardstick.address);
    let neighbors = neighbors(target, &bare, last);
    let mut rounds = Vec::new();
    for _ in 0..bench.options.rounds {
        let round: anyhow::Result<Vec<Beside>> = neighbors
            .iter()
            .map(|neighbor| beside(target, &logins, neighbor.as_ref(), seconds))
            .collect();
        rounds.push(round?);
    }
    let mut table = Table::new(&[
        "neighbor",
        "its median ms",
        "how often",
        "look-ups p50 ms",
        "p99 ms",
        "p50 / alone",
        "p99 / alone",
    ]);
    for (at, neighbor) in neighbors.iter().enumerate() {
        let of = |pick: &dyn Fn(&[Beside]) -> f64| median(rounds.iter().map(|round| pick(round)));
        table.row(&[
            &neighbor.as_ref().map_or("nobody", |neighbor| neighbor.name),
            &format!("{:.2}", of(&|round| round[at].its_median)),
            &grouped(of(&|round| round[at].how_often)),
            &format!("{:.2}", of(&|round| round[at].p50)),
            &format!("{:.2}", of(&|round| round[at].p99)),
            &format!("{:.2}", of(&|round| round[at].p50 / round[0].p50)),
            &format!("{:.2}", of(&|round| round[at].p99 / round[0].p99)),
        ]);
    }
    host.stop()?;
    say!(
        "\nNeighbors: {} people, a group of {} members ({} bytes of JSON), {CONNECTIONS} connections \
         look people up every {} ms each; medians of {} rounds of {} s.\n\n{table}",
        grouped(people as f64),
        grouped(MEMBERS as f64),
        grouped(size as f64),
        EVERY.as_millis(),
        bench.options.rounds,
        seconds.as_secs(),
    );
    Ok(())
}

fn neighbors(host: &Target, yardstick: &Target, somebody: i64) -> Vec<Option<Neighbor>> {
    let get = |name, target: &Target, path: String| {
        let bodies = vec![String::new()];
        let target = target.clone();
        Some(Neighbor { target, name, method: "GET", path, bodies, status: 200 })
    };
    let change = |name, team: i64| {
        let member = format!("person.{somebody}");
        let add = json!({"op": "add", "path": "members", "value": [{"value": member}]});
        let path = format!("members[value eq \"{member}\"]");
        let remove = json!({"op": "remove", "path": path});
        let body = |operation: Value| json!({"Operations": [operation]}).to_string();
        Some(Neighbor {
            target: host.clone(),
            name,
            method: "PATCH",
            path: format!("/Groups/team.{team}"),
            bodies: vec![body(add), body(remove)],
            status: 204,
        })
    };
    vec![
        None,
        get("reads as many bytes from the yardstick", yardstick, String::new()),
        get("reads the large group", host, format!("/Groups/team.{LARGE}")),
        get(
            "reads it without members",
            host,
            format!("/Groups/team.{LARGE}?excludedAttributes=members"),
        ),
        change("adds and removes a member of it", LARGE),
        change("adds and removes one of a group of 10", SMALL),
        get(
            "asks a filter that looks at everybody",
            host,
            format!("/Users?filter={}", encoded("title co \"nobody has this\"")),
        ),
    ]
}

/// What one turn showed; times in milliseconds.
struct Beside {
    /// Median of the neighbor's requests.
    its_median: f64,
    /// How many it made.
    how_often: f64,
    /// Median and 99th percentile of look-ups beside.
    p50: f64,
    p99: f64,
}

fn beside(
    target: &Target,
    logins: &[String],
    neighbor: Option<&Neighbor>,
    time: Duration,
) -> anyhow::Result<Beside> {
    let stop = Arc::new(AtomicBool::new(false));
    let begun = Instant::now();
    let paced = Paced::begin(target, logins, CONNECTIONS, EVERY)?;
    let heavy = thread::scope(|scope| {
        let until = Arc::clone(&stop);
        let heavy = neighbor.map(|neighbor| {
            scope.spawn(move || -> anyhow::Result<Vec<f64>> {
                let mut client: Client = neighbor.target.connect()?;
                let mut times = Vec::new();
                while !until.load(Ordering::Relaxed) {
                    let body = &neighbor.bodies[times.len() % neighbor.bodies.len()];
                    let begun = Instant::now();
                    let (status, text) = client.ask(neighbor.method, &neighbor.path, body)?;
                    if status != neighbor.status {
                        let text = String::from_utf8_lossy(&text);
                        bail!("{}: {status}: {text:.300}", neighbor.name);
                    }
                    times.push(begun.elapsed().as_secs_f64() * 1e3);
                }
                Ok(times)
            })
        });
        thread::sleep(time.saturating_sub(begun.elapsed()));
        stop.store(true, Ordering::Relaxed);
        heavy.map(|heavy| heavy.join().expect("a neighbor does not panic")).transpose()
    })?;
    let answers = paced.end()?;
    // The first tenth warms up.
    let late = begun + time / 10;
    let times: Vec<f64> =
        answers.iter().filter(|one| one.due > late).map(|one| one.milliseconds).collect();
    if times.is_empty() {
        return Err(anyhow::anyhow!("nobody was looked up")).context("the turn was too short");
    }
    let heavy = heavy.unwrap_or_default();
    Ok(Beside {
        its_median: median(heavy.iter().copied()),
        how_often: heavy.len() as f64,
        p50: median(times.iter().copied()),
        p99: percentile(times, 99.0),
    })
}
