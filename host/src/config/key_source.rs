//! Where the sealing key is: a file, the environment, systemd's credentials, or what a program prints.

use std::{
    fmt,
    io::Read,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::{
    files,
    keys::{Key, Shape},
    sealing::SealError,
    value::read_env,
};

/// The keys of `[secrets]`.
pub(super) const SECRETS: &[Key] = &[Key::new(
    "key",
    Shape::NAME,
    "Where the sealing key is: \"file:PATH\", \"env:NAME\", \"credential:NAME\" or \"command:PROGRAM \
     ARGUMENTS\"; by default seal.key in the state folder.",
)];

/// How long a program may take to print the key.
const COMMAND_TIME: Duration = Duration::from_secs(10);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(10);
/// More than a key ever needs.
const KEY_LIMIT: u64 = 64 * 1024;

/// Where the sealing key is.
#[derive(Clone, PartialEq, Eq)]
pub enum KeySource {
    /// In this file.
    File(PathBuf),
    /// In the environment variable of this name.
    Env(String),
    /// In this file of `$CREDENTIALS_DIRECTORY`, where systemd puts what a unit is to know.
    Credential(String),
    /// What this program prints, given these arguments; no shell reads them.
    Command(Vec<String>),
}

impl KeySource {
    /// Reads the form of `host.toml`; paths are relative to `home`.
    pub(super) fn parse(home: &Path, text: &str) -> Result<Self, String> {
        let (kind, rest) = text.split_once(':').unwrap_or((text, ""));
        match (kind, rest.trim()) {
            ("file", path) if !path.is_empty() => Ok(Self::File(home.join(path))),
            ("env", name) if !name.is_empty() => Ok(Self::Env(name.to_owned())),
            ("credential", name) if !name.is_empty() && !name.contains('/') => {
                Ok(Self::Credential(name.to_owned()))
            }
            ("command", words) if Path::new(words).is_absolute() => {
                Ok(Self::Command(words.split_whitespace().map(str::to_owned).collect()))
            }
            ("command", _) => Err("names no program by its whole path, such as \
                                   \"command:/usr/bin/pass show ecma\""
                .to_owned()),
            _ => Err("must be \"file:PATH\", \"env:NAME\", \"credential:NAME\" or \
                      \"command:/PROGRAM ARGUMENTS\""
                .to_owned()),
        }
    }

    /// The file, where it is one that the host may write.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match self {
            Self::File(path) => Some(path),
            _ => None,
        }
    }

    /// The text of the key.
    pub(super) fn read(&self) -> Result<Zeroizing<String>, SealError> {
        let failed = |reason: String| SealError::Source { place: self.to_string(), reason };
        match self {
            Self::File(path) => read_file(path, true),
            Self::Env(name) => {
                let text = read_env(name).map_err(failed)?;
                Ok(Zeroizing::new(text.expose().to_owned()))
            }
            Self::Credential(name) => match std::env::var_os("CREDENTIALS_DIRECTORY") {
                Some(folder) => read_file(&Path::new(&folder).join(name), false),
                None => Err(failed(format!(
                    "CREDENTIALS_DIRECTORY is not set: start the host by a unit with \
                     LoadCredential={name}:PATH or LoadCredentialEncrypted="
                ))),
            },
            Self::Command(words) => printed(words).map_err(failed),
        }
    }
}

impl fmt::Display for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "sealing key {}", path.display()),
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::Credential(name) => write!(f, "the credential {name}"),
            // Its arguments may be somebody's secrets.
            Self::Command(words) => write!(f, "what {} prints", words[0]),
        }
    }
}

impl fmt::Debug for KeySource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "KeySource({self})")
    }
}

fn read_file(path: &Path, only_ours: bool) -> Result<Zeroizing<String>, SealError> {
    let file = |source| SealError::File { path: path.to_owned(), source };
    let mode = files::mode(&std::fs::metadata(path).map_err(file)?);
    // What systemd hands over is closed by its folder.
    if only_ours && mode.is_some_and(|mode| mode & 0o077 != 0) {
        return Err(SealError::Readable { path: path.to_owned() });
    }
    let mut text = Zeroizing::new(String::new());
    let mut opened = std::fs::File::open(path).map_err(file)?.take(KEY_LIMIT);
    opened.read_to_string(&mut text).map_err(file)?;
    Ok(text)
}

/// What a program prints, if it ends well and in time.
fn printed(words: &[String]) -> Result<Zeroizing<String>, String> {
    let deadline = Instant::now() + COMMAND_TIME;
    let mut command = Command::new(&words[0]);
    // What it says beside the key may be secret too.
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
    let mut child = command.spawn().map_err(|error| format!("it cannot be started: {error}"))?;
    let out = child.stdout.take();
    let (tell, told) = mpsc::channel();
    // On a thread of its own: whom the program started may keep its output open for ever.
    std::thread::spawn(move || {
        let mut text = Zeroizing::new(String::new());
        let read = out.map(|out| out.take(KEY_LIMIT).read_to_string(&mut text));
        let _ = tell.send(matches!(read, Some(Ok(_))).then_some(text));
    });
    let text = told.recv_timeout(COMMAND_TIME).ok().flatten();
    let ended = ended(&mut child, deadline);
    match (text, ended) {
        (Some(text), Some(status)) if status.success() => Ok(text),
        (_, Some(status)) if !status.success() => {
            Err(format!("it ended with {status}; run it by hand to see why"))
        }
        (_, Some(_)) => Err("what it printed is no text".to_owned()),
        (_, None) => Err(format!("it did not end within {} s", COMMAND_TIME.as_secs())),
    }
}

/// How a program ended; one that does not end in time is made to.
fn ended(child: &mut Child, deadline: Instant) -> Option<std::process::ExitStatus> {
    loop {
        if let Ok(Some(status)) = child.try_wait() {
            return Some(status);
        }
        if Instant::now() >= deadline {
            let _ = child.kill();
            let _ = child.wait();
            return None;
        }
        std::thread::sleep(LOOK);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_told_apart_and_need_their_names() {
        let home = Path::new("/home");
        for (text, expected) in [
            ("file:state/k", KeySource::File("/home/state/k".into())),
            ("env:KEY", KeySource::Env("KEY".into())),
            ("credential:ecma-seal-key", KeySource::Credential("ecma-seal-key".into())),
            (
                "command:/bin/pass  show x",
                KeySource::Command(vec!["/bin/pass".into(), "show".into(), "x".into()]),
            ),
        ] {
            assert_eq!(KeySource::parse(home, text).unwrap(), expected);
        }
        for text in ["file:", "env: ", "credential:", "credential:../x", "AAAA", "", "vault:x"] {
            let refused = KeySource::parse(home, text).unwrap_err();
            assert!(refused.starts_with("must be \"file:PATH\""), "{text}: {refused}");
        }
        assert!(KeySource::parse(home, "command:pass").unwrap_err().contains("whole path"));
    }

    #[cfg(unix)]
    #[test]
    fn a_program_prints_the_key_or_says_why_not() {
        let said = |words: &[&str]| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            KeySource::Command(words).read().map(|text| text.to_string())
        };
        assert_eq!(said(&["/bin/sh", "-c", "echo key"]).unwrap(), "key\n");
        for (words, reason) in [
            (&["/no/such/program", "s3cret"][..], "cannot be started"),
            (&["/bin/sh", "-c", "echo s3cret; exit 3"], "ended with exit status: 3"),
            (&["/bin/sh", "-c", "printf '\\377'"], "is no text"),
        ] {
            let refused = said(words).unwrap_err().to_string();
            assert!(refused.contains(reason), "{refused}");
            assert!(!refused.contains("s3cret"), "{refused}");
        }
    }

    #[test]
    fn what_is_not_there_is_named_with_its_remedy() {
        let refused = KeySource::Env("ECMA_HOST_NEVER_SET".into()).read().unwrap_err();
        assert!(refused.to_string().contains("ECMA_HOST_NEVER_SET is not set"), "{refused}");
        let refused = KeySource::Credential("ecma-seal-key".into()).read().unwrap_err();
        assert!(refused.to_string().contains("LoadCredential=ecma-seal-key:PATH"), "{refused}");
    }
}
