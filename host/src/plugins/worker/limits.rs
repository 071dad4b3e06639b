//! What a worker does to itself before it loads its library: it takes the pipes away from the
//! standard streams, dies with its parent, and limits what it may take.

use crate::config::WorkerLimits;
use std::{fs::File, io};

/// The pipes from and to the host. On Unix the plugin finds other standard streams in their place:
/// what it prints goes to standard error, and there is nothing to read.
#[cfg(unix)]
pub(super) fn pipes() -> io::Result<(File, File)> {
    use std::os::fd::AsFd as _;
    let input = io::stdin().as_fd().try_clone_to_owned()?;
    let output = io::stdout().as_fd().try_clone_to_owned()?;
    rustix::stdio::dup2_stdin(File::open("/dev/null")?)?;
    rustix::stdio::dup2_stdout(io::stderr())?;
    Ok((input.into(), output.into()))
}

/// The pipes from and to the host. A plugin that prints disturbs them here: not tried on Windows.
#[cfg(windows)]
pub(super) fn pipes() -> io::Result<(File, File)> {
    use std::os::windows::io::AsHandle as _;
    let input = io::stdin().as_handle().try_clone_to_owned()?;
    let output = io::stdout().as_handle().try_clone_to_owned()?;
    Ok((input.into(), output.into()))
}

/// Lets the system end this process when its parent ends; an error when the parent has ended already.
/// Elsewhere than on Linux the end of the pipe has to do.
#[cfg(target_os = "linux")]
pub(super) fn die_with_parent(parent: u32) -> io::Result<()> {
    use rustix::process::{Signal, getppid, set_parent_process_death_signal};
    set_parent_process_death_signal(Some(Signal::KILL))?;
    let now = getppid().map(|pid| pid.as_raw_nonzero().get().unsigned_abs());
    if now == Some(parent) { Ok(()) } else { Err(io::Error::other("the host has ended")) }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn die_with_parent(_: u32) -> io::Result<()> {
    Ok(())
}

/// Ends this process here and now: nothing of a plugin that hangs gets to run once more.
pub(super) fn die() -> ! {
    #[cfg(unix)]
    let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    std::process::abort()
}

/// Sets the limits. What is in memory now does not count: `memory_mb` is the plugin's.
#[cfg(unix)]
pub(super) fn set(limits: WorkerLimits) -> io::Result<()> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = |resource, at: u64, at_most: u64| {
        let hard = getrlimit(resource).maximum;
        let within = |wanted: u64| Some(hard.map_or(wanted, |hard| hard.min(wanted)));
        setrlimit(resource, Rlimit { current: within(at), maximum: within(at_most) })
    };
    // Memory of a plugin that crashes may hold secrets.
    limit(Resource::Core, 0, 0)?;
    limit(Resource::Nofile, limits.files.into(), limits.files.into())?;
    if limits.cpu_seconds > 0 {
        let seconds = limits.cpu_seconds.into();
        // First a signal that says why, then one that cannot be caught.
        limit(Resource::Cpu, seconds, seconds + 5)?;
    }
    if limits.memory_mb > 0 {
        // Not `As`: allocators and stacks reserve address space that nobody ever uses.
        let bytes = taken() + (u64::from(limits.memory_mb) << 20);
        limit(Resource::Data, bytes, bytes)?;
    }
    Ok(())
}

#[cfg(not(unix))]
pub(super) fn set(_: WorkerLimits) -> io::Result<()> {
    Ok(())
}

/// Bytes of this process that count for the limit of memory; 0 where the system does not tell.
#[cfg(unix)]
fn taken() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmData:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.unwrap_or_default() << 10
}
