//! What Linux tells of the machine and of a process, from /proc.

use std::fs;

use anyhow::Context as _;

/// Ticks of a second: the same on every Linux that Rust runs on.
const TICKS: f64 = 100.0;

fn read(path: &str) -> anyhow::Result<String> {
    fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

/// The machine in a line, for above a table.
pub(super) fn line() -> anyhow::Result<String> {
    let cpus = read("/proc/cpuinfo")?;
    let cores = cpus.lines().filter(|line| line.starts_with("processor")).count();
    let model = cpus.lines().find_map(|line| line.strip_prefix("model name"));
    let model = model.and_then(|rest| rest.split_once(": ")).map_or("unknown", |(_, name)| name);
    let memory = kilobytes(&read("/proc/meminfo")?, "MemTotal:").unwrap_or_default() / 1024 / 1024;
    let kernel = read("/proc/sys/kernel/osrelease")?;
    Ok(format!("Machine: {cores} cores of {model}, {memory} GiB, Linux {}", kernel.trim()))
}

fn kilobytes(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    line.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy)]
pub(super) struct Memory {
    /// Resident now.
    pub(super) now: f64,
    /// The most that was resident since the start or the last [`forget_peak`].
    pub(super) peak: f64,
}

/// The memory of a process.
pub(super) fn memory(pid: u32) -> anyhow::Result<Memory> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let of = |name| kilobytes(&status, name).with_context(|| format!("the kernel tells no {name}"));
    Ok(Memory { now: of("VmRSS:")? as f64 * 1024.0, peak: of("VmHWM:")? as f64 * 1024.0 })
}

/// How many threads a process has.
pub(super) fn threads(pid: u32) -> anyhow::Result<f64> {
    let status = read(&format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("Threads:"));
    line.and_then(|rest| rest.trim().parse().ok()).context("the kernel tells no threads")
}

/// Makes the peak of a process what it has now.
pub(super) fn forget_peak(pid: u32) -> anyhow::Result<()> {
    let path = format!("/proc/{pid}/clear_refs");
    fs::write(&path, "5").with_context(|| format!("cannot write {path}"))
}

/// Seconds of CPU that have been used.
#[derive(Clone, Copy)]
pub(super) struct Cpu {
    /// By the process.
    process: f64,
    /// By the programs we started and have waited for.
    ours: f64,
    /// By everything on the machine.
    machine: f64,
}

impl Cpu {
    /// Used by now.
    pub(super) fn of(pid: u32) -> anyhow::Result<Self> {
        let fields = |pid: &str| -> anyhow::Result<Vec<f64>> {
            let stat = read(&format!("/proc/{pid}/stat"))?;
            // The name in parentheses may hold anything; user time is the 12th field after it.
            let (_, rest) = stat.rsplit_once(") ").context("the kernel tells no CPU time")?;
            let times = rest.split(' ').skip(11).take(4);
            Ok(times.map(|ticks| ticks.parse().unwrap_or(0.0) / TICKS).collect())
        };
        let all = read("/proc/stat")?;
        let all = all.lines().next().and_then(|line| line.strip_prefix("cpu ")).unwrap_or_default();
        let all: Vec<f64> = all.split_whitespace().map(|t| t.parse().unwrap_or(0.0)).collect();
        // user nice system idle iowait irq softirq steal: all but the two in which nothing runs.
        let busy = [0, 1, 2, 5, 6].iter().filter_map(|at| all.get(*at)).sum::<f64>();
        Ok(Self {
            process: fields(&pid.to_string())?.iter().take(2).sum(),
            ours: fields("self")?.iter().sum(),
            machine: busy / TICKS,
        })
    }

    /// Used by the process since then.
    pub(super) fn since(self, before: Self) -> f64 {
        self.process - before.process
    }

    /// Used by others on the machine since then: neither the process nor we.
    pub(super) fn others_since(self, before: Self) -> f64 {
        let ours = (self.process - before.process) + (self.ours - before.ours);
        (self.machine - before.machine - ours).max(0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kilobytes_are_found_by_name() {
        let text = "VmHWM:\t    1234 kB\nVmRSS:\t     99 kB\nThreads:\t2\n";
        assert_eq!(kilobytes(text, "VmRSS:"), Some(99));
        assert_eq!(kilobytes(text, "Threads:"), None);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn this_process_has_memory_and_a_machine() {
        let memory = memory(std::process::id()).unwrap();
        assert!(memory.now > 0.0 && memory.peak >= memory.now);
        assert!(threads(std::process::id()).unwrap() >= 1.0);
        assert!(line().unwrap().contains(" cores of "));
        assert!(Cpu::of(std::process::id()).unwrap().machine > 0.0);
    }
}
