//! Files of secrets that others than the host's account may read. They are told of and used all the same.

use std::path::{Path, PathBuf};

use super::{connector::ConnectorConfig, host::HostConfig, token::TokenSource, value::ConfigValue};

/// A file of a secret that others may read.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Exposed {
    /// The file.
    pub path: PathBuf,
    /// Its permission bits.
    pub mode: u32,
    /// Who may read it.
    pub who: &'static str,
    /// The command that closes it.
    pub remedy: String,
}

/// What others may read of the secrets that `host.toml` names: the certificate's key and its password.
/// `own_key` is the key where `host.toml` names none.
#[must_use]
pub fn exposed_of_host(config: &HostConfig, own_key: &Path) -> Vec<Exposed> {
    let key = config.tls.as_ref().map_or(own_key, |tls| &tls.key);
    let password = config.tls.as_ref().and_then(|tls| tls.password.as_ref());
    let password = password.and_then(|value| file_of(&config.home, value));
    let password = password.and_then(|path| exposed(&path, false));
    // As for other servers: a group of those who may use the certificate is usual.
    exposed(key, true).into_iter().chain(password).collect()
}

/// What others may read of the secrets that a connector's document names.
#[must_use]
pub fn exposed_of_connector(home: &Path, connector: &ConnectorConfig) -> Vec<Exposed> {
    let worker = connector.worker.iter().flat_map(|worker| worker.environment.values());
    let run = &connector.run;
    let steps = run.full_import.values.values().chain(run.delta_import.values.values());
    let values = connector.values.values().chain(worker).chain(steps);
    let mut files: Vec<PathBuf> = values.filter_map(|value| file_of(home, value)).collect();
    files.extend(connector.tokens.iter().filter_map(|token| match &token.source {
        TokenSource::File(path) => Some(home.join(path)),
        _ => None,
    }));
    files.sort();
    files.dedup();
    files.iter().filter_map(|path| exposed(path, false)).collect()
}

fn file_of(home: &Path, value: &ConfigValue) -> Option<PathBuf> {
    match value {
        ConfigValue::File(path) => Some(home.join(path)),
        _ => None,
    }
}

/// `for_group`: its group may read it whoever owns it.
#[cfg(unix)]
fn exposed(path: &Path, for_group: bool) -> Option<Exposed> {
    use std::os::unix::fs::MetadataExt as _;
    const READ_BY_OTHERS: u32 = 0o004;
    const READ_BY_GROUP: u32 = 0o040;
    let known = std::fs::metadata(path).ok().filter(std::fs::Metadata::is_file)?;
    let mode = known.mode() & 0o7777;
    // Somebody else's file is ours by its group, as root:ecma with 0640.
    let group_is_ours = for_group || known.uid() != rustix::process::geteuid().as_raw();
    let who = match () {
        () if mode & READ_BY_OTHERS != 0 => "everybody",
        () if mode & READ_BY_GROUP != 0 && !group_is_ours => "its group",
        () => return None,
    };
    let bits = if group_is_ours && mode & READ_BY_GROUP != 0 { "640" } else { "600" };
    let is_closed =
        |folder: &Path| std::fs::metadata(folder).is_ok_and(|known| known.mode() & 0o011 == 0);
    // Nobody else comes to a file in a folder that nobody else may enter.
    let whole = path.canonicalize().ok()?;
    if whole.ancestors().skip(1).any(is_closed) {
        return None;
    }
    let remedy = format!("chmod {bits} {}", path.display());
    Some(Exposed { path: path.to_owned(), mode, who, remedy })
}

#[cfg(not(unix))]
fn exposed(_: &Path, _: bool) -> Option<Exposed> {
    None
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    fn set(path: &Path, mode: u32) {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn what_others_may_read_is_told_with_the_command_that_closes_it() {
        let home = tempfile::tempdir().unwrap();
        set(home.path(), 0o755);
        let file = home.path().join("secret");
        fs::write(&file, "s3cret").unwrap();
        let looks = |mode, for_group| {
            set(&file, mode);
            exposed(&file, for_group)
                .map(|found| (found.who, found.remedy.replace(file.to_str().unwrap(), "FILE")))
        };
        for (mode, for_group, expected) in [
            (0o600, false, None),
            (0o400, false, None),
            (0o644, false, Some(("everybody", "chmod 600 FILE"))),
            (0o640, false, Some(("its group", "chmod 600 FILE"))),
            (0o640, true, None),
            (0o644, true, Some(("everybody", "chmod 640 FILE"))),
            (0o604, true, Some(("everybody", "chmod 600 FILE"))),
        ] {
            let expected = expected.map(|(who, remedy)| (who, remedy.to_owned()));
            assert_eq!(looks(mode, for_group), expected, "{mode:o} {for_group}");
        }
        set(home.path(), 0o700);
        assert_eq!(looks(0o644, false), None, "nobody comes to it");
        assert_eq!(exposed(&home.path().join("none"), false), None);
    }
}
