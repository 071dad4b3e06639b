//! The command line of a worker, written by the host and read by the same program in its new process.

use crate::config::WorkerLimits;
use std::{
    ffi::OsString,
    path::{Path, PathBuf},
};

/// What a worker is told when it starts. There are no secrets in it: other accounts may read it.
#[derive(clap::Args, Debug, PartialEq, Eq)]
pub struct Orders {
    /// The connector, for who looks at the list of processes.
    connector: String,
    /// The process that started it.
    #[arg(long)]
    pub(super) parent: u32,
    /// Which lines of the log are wanted: 0 none, 1 errors … 5 all.
    #[arg(long)]
    pub(super) level: u8,
    /// Megabytes that the plugin may take; 0 without a limit.
    #[arg(long)]
    memory_mb: u32,
    /// Seconds of a processor; 0 without a limit.
    #[arg(long)]
    cpu_seconds: u32,
    /// Files that are open at once.
    #[arg(long)]
    files: u32,
    /// The plugin's library.
    pub(super) library: PathBuf,
    /// Libraries that are opened before it.
    pub(super) prerequisites: Vec<PathBuf>,
}

impl Orders {
    pub(super) fn new(
        connector: &str,
        limits: WorkerLimits,
        level: u8,
        library: &Path,
        prerequisites: &[PathBuf],
    ) -> Orders {
        Orders {
            connector: connector.to_owned(),
            parent: std::process::id(),
            level,
            memory_mb: limits.memory_mb,
            cpu_seconds: limits.cpu_seconds,
            files: limits.files,
            library: library.to_owned(),
            prerequisites: prerequisites.to_vec(),
        }
    }

    pub(super) fn limits(&self) -> WorkerLimits {
        WorkerLimits { memory_mb: self.memory_mb, cpu_seconds: self.cpu_seconds, files: self.files }
    }

    /// The words behind the program's name.
    pub(super) fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = vec!["worker".into()];
        for (name, number) in [
            ("parent", self.parent),
            ("level", self.level.into()),
            ("memory-mb", self.memory_mb),
            ("cpu-seconds", self.cpu_seconds),
            ("files", self.files),
        ] {
            words.push(format!("--{name}={number}").into());
        }
        // A path may begin with a hyphen.
        words.extend(["--".into(), self.connector.clone().into(), self.library.clone().into()]);
        words.extend(self.prerequisites.iter().map(OsString::from));
        words
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        orders: Orders,
    }

    #[test]
    fn a_worker_reads_what_the_host_wrote() {
        let limits = WorkerLimits { memory_mb: 512, cpu_seconds: 0, files: 99 };
        let more = [PathBuf::from("-a b.so"), PathBuf::from("--files=1")];
        let orders = Orders::new("CORPDB1", limits, 3, Path::new("-odd/libx.so"), &more);
        let words = orders.words();
        assert_eq!(words[0], "worker");
        let read = Program::try_parse_from(words).unwrap().orders;
        assert_eq!((read.limits(), &read), (limits, &orders));
    }
}
