//! Clock, disk, memory and limits of the machine.

use super::Findings;
use crate::{app::now, config::HostConfig};
use std::{fs, path::Path};

/// Less free disk than this: what the host keeps cannot be written soon, or can no more.
const LITTLE_DISK: u64 = 512 << 20;
const NO_DISK: u64 = 32 << 20;
/// Less memory than this, and an import may not fit.
const LITTLE_MEMORY: u64 = 256 << 20;
/// Open files besides the connections of clients: targets, logs, libraries.
const OTHER_FILES: u64 = 256;
/// No host was built before.
const FIRST_YEAR: i16 = 2025;

pub(super) fn look(config: &HostConfig, found: &mut Findings) {
    clock(config, found);
    let folder = if config.state.exists() { &config.state } else { &config.home };
    disk_of(folder, "disk", found);
    if let Some(available) = available_memory() {
        memory(available, found);
    }
    if let Some(files) = open_files() {
        limits(files, config.limits.connections as u64, found);
    }
}

fn clock(config: &HostConfig, found: &mut Findings) {
    let now = now();
    let year = now.to_zoned(jiff::tz::TimeZone::UTC).year();
    let newest = fs::read_dir(&config.state).into_iter().flatten().flatten();
    let newest = newest.filter_map(|entry| entry.metadata().ok()?.modified().ok()).max();
    let ahead = newest.and_then(|time| jiff::Timestamp::try_from(time).ok());
    let ahead = ahead.map_or(0, |time| time.duration_since(now).as_secs());
    let remedy = "set the clock of this machine, best by a time server";
    match () {
        () if year < FIRST_YEAR => found.error("clock", format!("it is {now} here"), remedy),
        () if ahead > 60 => {
            let what = format!("files of the host were written {ahead} s in the future");
            found.warning("clock", what, remedy);
        }
        () => found.ok("clock", format!("it is {:.0}", now)),
    }
}

/// How much is free where this folder is.
pub(super) fn disk_of(folder: &Path, at: &str, found: &mut Findings) {
    if let Some(free) = free_disk(folder) {
        disk(free, folder, at, found);
    }
}

fn disk(free: u64, folder: &Path, at: &str, found: &mut Findings) {
    let what = format!("{} are free", size(free));
    let remedy = format!("make room where {} is", folder.display());
    match free {
        0..NO_DISK => found.error(at, what, remedy),
        NO_DISK..LITTLE_DISK => found.warning(at, what, remedy),
        _ => found.ok(at, what),
    }
}

/// Whether both are on one disk; one that is not there is on any.
#[cfg(unix)]
pub(super) fn is_same_disk(one: &Path, other: &Path) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let disk = |path| fs::metadata(path).map(|known| known.dev());
    !matches!((disk(one), disk(other)), (Ok(one), Ok(other)) if one != other)
}

#[cfg(not(unix))]
pub(super) fn is_same_disk(_: &Path, _: &Path) -> bool {
    true
}

fn memory(available: u64, found: &mut Findings) {
    let what = format!("{} are available", size(available));
    match available {
        0..LITTLE_MEMORY => {
            found.warning("memory", what, "give the machine more, or stop what else runs here");
        }
        _ => found.ok("memory", what),
    }
}

fn limits(files: u64, connections: u64, found: &mut Findings) {
    let needed = connections + OTHER_FILES;
    let what = format!("{files} files may be open at once");
    match files < needed {
        true => found.warning(
            "files",
            format!("{what}, and {connections} connections with all else want {needed}"),
            "raise the limit (`ulimit -n`, or LimitNOFILE= in the unit), or lower limits.connections",
        ),
        false => found.ok("files", what),
    }
}

fn size(bytes: u64) -> String {
    match bytes >> 30 {
        0 => format!("{} MiB", bytes >> 20),
        gib => format!("{gib} GiB"),
    }
}

#[cfg(unix)]
fn free_disk(folder: &Path) -> Option<u64> {
    let known = rustix::fs::statvfs(folder).ok()?;
    Some(known.f_bavail.saturating_mul(known.f_frsize))
}

#[cfg(not(unix))]
fn free_disk(_: &Path) -> Option<u64> {
    None
}

/// What Linux says is available; other systems do not say it in a file.
fn available_memory() -> Option<u64> {
    let text = fs::read_to_string("/proc/meminfo").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib << 10)
}

#[cfg(unix)]
fn open_files() -> Option<u64> {
    // No limit is no finding.
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current
}

#[cfg(not(unix))]
fn open_files() -> Option<u64> {
    None
}

#[cfg(test)]
mod tests {
    use super::super::Urgency;
    use super::*;

    fn urgency(look: impl FnOnce(&mut Findings)) -> Urgency {
        let mut found = Findings::default();
        look(&mut found);
        assert_eq!(found.0.len(), 1);
        found.0[0].urgency
    }

    #[test]
    fn what_is_scarce_is_told_by_how_scarce_it_is() {
        for (free, expected) in
            [(1 << 20, Urgency::Error), (100 << 20, Urgency::Warning), (10 << 30, Urgency::Ok)]
        {
            assert_eq!(
                urgency(|found| disk(free, Path::new("."), "disk", found)),
                expected,
                "{free}"
            );
        }
        assert_eq!(urgency(|found| memory(100 << 20, found)), Urgency::Warning);
        assert_eq!(urgency(|found| memory(1 << 30, found)), Urgency::Ok);
        assert_eq!(urgency(|found| limits(1024, 1024, found)), Urgency::Warning);
        assert_eq!(urgency(|found| limits(4096, 1024, found)), Urgency::Ok);
    }

    #[test]
    fn sizes_are_told_in_what_fits() {
        assert_eq!([size(100 << 20), size(3 << 30)], ["100 MiB", "3 GiB"]);
    }
}
