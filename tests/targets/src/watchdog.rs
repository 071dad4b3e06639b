//! A shell that runs the server and stops it when the test is gone, however it went.

use std::{
    fs,
    io::Write as _,
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread::sleep,
    time::{Duration, Instant},
};

use anyhow::{Context as _, bail};

const SCRIPT: &str = include_str!("watchdog.sh");
/// The script kills what has not stopped after 10 seconds.
const STOPPED_WITHIN: Duration = Duration::from_secs(20);
const LINES_OF_LOG: usize = 20;

/// Runs one program at a time. Dropping it, and the end of this process in any way, stops the
/// program and removes the directory.
pub(crate) struct Watchdog {
    directory: PathBuf,
    shell: Child,
}

impl Watchdog {
    /// Takes over `directory`. `signal` is what stops a program, such as `TERM`.
    pub(crate) fn start(directory: PathBuf, signal: &str) -> anyhow::Result<Watchdog> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let shell = Command::new("sh")
            .args(["-c", SCRIPT, "watchdog"])
            .arg(&directory)
            .arg(signal)
            .env_clear()
            .env("PATH", path)
            .env("HOME", &directory)
            .env("TMPDIR", &directory)
            .current_dir("/")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            // Ctrl-C ends the test; the shell has work to do then.
            .process_group(0)
            .spawn()
            .context("cannot start `sh`, which watches over the server")?;
        Ok(Watchdog { directory, shell })
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Starts a program, which then runs beside this process. No word may have a line break.
    pub(crate) fn run(&mut self, words: &[String]) -> anyhow::Result<()> {
        for file in ["ended", "pid"] {
            let _ = fs::remove_file(self.directory.join(file));
        }
        let lines: String = words.iter().map(|word| format!("{word}\n")).collect();
        self.say(&format!("{}\n{lines}", words.len()))
    }

    /// Runs a program to its end, and fails when it does.
    pub(crate) fn run_to_end(&mut self, words: &[String], within: Duration) -> anyhow::Result<()> {
        self.run(words)?;
        match self.wait(within)? {
            0 => Ok(()),
            code => bail!("it ended with code {code}\n{}", self.end_of_log()),
        }
    }

    /// Stops the program and waits until it is gone.
    pub(crate) fn stop(&mut self) -> anyhow::Result<()> {
        self.say("0\n")?;
        self.wait(STOPPED_WITHIN).map(drop)
    }

    /// The exit code, when the program has ended.
    pub(crate) fn ended(&self) -> Option<i32> {
        fs::read_to_string(self.directory.join("ended")).ok()?.trim().parse().ok()
    }

    /// The process id of the program.
    pub(crate) fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.directory.join("pid")).ok()?.trim().parse().ok()
    }

    /// The last lines that programs printed.
    pub(crate) fn end_of_log(&self) -> String {
        let log = fs::read(self.directory.join("log")).unwrap_or_default();
        let log = String::from_utf8_lossy(&log);
        let lines: Vec<_> = log.lines().collect();
        let tail = &lines[lines.len().saturating_sub(LINES_OF_LOG)..];
        format!("the end of its log:\n{}", tail.join("\n"))
    }

    fn say(&mut self, words: &str) -> anyhow::Result<()> {
        let pipe = self.shell.stdin.as_mut().context("the watchdog has no pipe")?;
        pipe.write_all(words.as_bytes()).context("the watchdog of the server is gone")
    }

    fn wait(&self, within: Duration) -> anyhow::Result<i32> {
        let started = Instant::now();
        loop {
            if let Some(code) = self.ended() {
                return Ok(code);
            }
            if started.elapsed() > within {
                bail!("it has not ended within {within:?}\n{}", self.end_of_log());
            }
            sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
        // For the case that somebody ended the shell.
        let _ = fs::remove_dir_all(&self.directory);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(script: &str) -> Vec<String> {
        ["sh", "-c", script].map(str::to_owned).to_vec()
    }

    fn watchdog() -> Watchdog {
        let directory = tempfile::tempdir().unwrap().keep();
        Watchdog::start(directory, "TERM").unwrap()
    }

    #[test]
    fn a_failing_program_is_told_with_its_last_words() {
        let mut watchdog = watchdog();
        let failing = words("seq 100; echo 'not \"like\" this' >&2; exit 3");
        let error = watchdog.run_to_end(&failing, STOPPED_WITHIN).unwrap_err().to_string();
        assert!(error.contains("code 3") && error.ends_with("not \"like\" this"), "{error}");
        assert_eq!(error.lines().count(), LINES_OF_LOG + 2, "{error}");
    }

    #[test]
    fn one_program_follows_another_and_the_directory_goes_with_the_last() {
        let mut watchdog = watchdog();
        let directory = watchdog.directory().to_owned();
        watchdog.run_to_end(&words("exit 0"), STOPPED_WITHIN).unwrap();
        watchdog.run(&words("exec sleep 60")).unwrap();
        assert!(watchdog.wait(Duration::from_millis(300)).is_err(), "it runs");
        watchdog.stop().unwrap();
        assert!(watchdog.ended().is_some_and(|code| code > 128), "a signal ended it");
        watchdog.run(&words("exec sleep 60")).unwrap();
        drop(watchdog);
        assert!(!directory.exists());
    }
}
