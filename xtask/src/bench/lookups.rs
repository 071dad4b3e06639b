//! Look-ups per second: two hosts, of few people and of many, and the yardstick take turns.

use std::{fs, net::SocketAddr, path::PathBuf};

use anyhow::bail;

use super::{
    Bench, Options, SECONDS,
    client::encoded,
    figures::{Table, grouped, median},
    server::{Home, Kind, Yardstick},
    wrk::{Load, Turn},
};
use crate::{demo, say};

/// The small target.
const FEW: u64 = 1000;
/// Logins the load picks from; spread evenly over all.
const LOGINS: u64 = 100_000;
/// Answers that are looked at.
const VERIFIED: usize = 200;

/// A turn during which others kept more cores busy than this is disturbed: there are more turns, up
/// to three times as many, and the quietest count.
const QUIET: f64 = 0.2;

/// One who is measured.
struct Measured {
    name: String,
    address: SocketAddr,
    pid: u32,
    path: String,
    token: String,
    logins: PathBuf,
    turns: Vec<Turn>,
}

/// Measures and prints.
pub(super) fn run(bench: &Bench<'_>) -> anyhow::Result<()> {
    let options = bench.options;
    if options.people <= FEW {
        bail!("--people is held against {FEW} people and must be more");
    }
    let homes = [FEW, options.people]
        .map(|people| Home::make(bench, Kind::Sqlite, people, 0).map(|home| (people, home)));
    let homes = homes.into_iter().collect::<anyhow::Result<Vec<_>>>()?;
    let mut hosts = Vec::new();
    let mut measured = Vec::new();
    let mut bytes = 0;
    for (people, home) in &homes {
        say!("starting the host with {} people", grouped(*people as f64));
        let host = home.start(&bench.host)?;
        let logins: Vec<String> =
            demo::logins(*people, LOGINS).iter().map(|login| encoded(login)).collect();
        let step = (logins.len() / VERIFIED).max(1);
        let some: Vec<String> = logins.iter().step_by(step).cloned().collect();
        bytes = host.target.connect()?.verify(&some)?;
        let file = home.path.join("logins.txt");
        fs::write(&file, logins.join("\n") + "\n")?;
        measured.push(Measured {
            name: format!("host, {} people", grouped(*people as f64)),
            address: host.target.address,
            pid: host.pid,
            path: host.target.path.clone(),
            token: host.target.token.clone(),
            logins: file,
            turns: Vec::new(),
        });
        hosts.push(host);
    }
    let yardstick = Yardstick::start(&bench.yardstick, &homes[0].1, bytes)?;
    measured.insert(
        0,
        Measured {
            name: "yardstick".into(),
            address: yardstick.address,
            pid: yardstick.pid(),
            path: measured[0].path.clone(),
            token: measured[0].token.clone(),
            logins: measured[0].logins.clone(),
            turns: Vec::new(),
        },
    );
    let mut round = 0;
    let most = 3 * options.rounds;
    let seconds = options.seconds(SECONDS);
    while round <= options.rounds || (round <= most && disturbed(&measured, options)) {
        for one in &mut measured {
            // The first round only warms up.
            let seconds = if round == 0 { seconds.min(2) } else { seconds };
            let turn = Load {
                address: one.address,
                pid: one.pid,
                path: &one.path,
                token: &one.token,
                logins: &one.logins,
                connections: options.connections,
                seconds,
            }
            .turn()?;
            if round > 0 {
                one.turns.push(turn);
            }
        }
        round += 1;
    }
    for one in &mut measured {
        one.turns.sort_by(|a, b| a.others.total_cmp(&b.others));
        one.turns.truncate(options.rounds as usize);
    }
    for host in hosts {
        host.stop()?;
    }
    print(bench, &measured, bytes);
    Ok(())
}

/// Whether somebody has had too few turns in which the machine was ours.
fn disturbed(measured: &[Measured], options: &Options) -> bool {
    let quiet = |one: &Measured| one.turns.iter().filter(|turn| turn.others < QUIET).count();
    measured.iter().any(|one| (quiet(one) as u64) < options.rounds)
}

fn print(bench: &Bench<'_>, measured: &[Measured], bytes: usize) {
    let of = |one: &Measured, pick: fn(&Turn) -> f64| median(one.turns.iter().map(pick));
    let mut table = Table::new(&[
        "server",
        "requests/s (median)",
        "each turn",
        "p50 ms",
        "p99 ms",
        "CPU µs/request",
        "others' cores",
    ]);
    for one in measured {
        let each: Vec<String> = one.turns.iter().map(|turn| grouped(turn.per_second)).collect();
        table.row(&[
            &one.name,
            &grouped(of(one, |turn| turn.per_second)),
            &each.join(" · "),
            &format!("{:.2}", of(one, |turn| turn.p50)),
            &format!("{:.2}", of(one, |turn| turn.p99)),
            &format!("{:.1}", of(one, |turn| turn.cpu)),
            &format!("{:.2}", of(one, |turn| turn.others)),
        ]);
    }
    let rate = |at: usize| of(&measured[at], |turn| turn.per_second);
    let percent = |part: f64, whole: f64| format!("{:.0} %", part / whole * 100.0);
    let options = bench.options;
    say!(
        "\nLook-ups: {} connections, {} turns of {} s each, bodies of {bytes} bytes, wrk with one \
         thread on the same machine.\n\n{table}",
        options.connections,
        options.rounds,
        options.seconds(SECONDS)
    );
    say!("- host of few people / yardstick: {} (target 70 %)", percent(rate(1), rate(0)));
    say!("- host of many / yardstick: {} (target 70 %)", percent(rate(2), rate(0)));
    say!("- host of many / of few: {} (target 85 %)\n", percent(rate(2), rate(1)));
}
