//! The account that the host runs as, and what it may write.

use crate::config::HostConfig;
use std::path::Path;

/// An account of this machine.
#[cfg(unix)]
pub(super) struct Account {
    user: u32,
    group: u32,
}

#[cfg(unix)]
impl Account {
    /// That of the running host, which its socket belongs to; without one that of the state folder where
    /// the command runs as root, which may write anywhere; otherwise our own.
    pub(super) fn of_host(config: &HostConfig) -> Account {
        use std::os::unix::fs::MetadataExt as _;
        let (user, group) =
            (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let owned = match crate::app::simulate::is_running(&config.state) {
            true => std::fs::symlink_metadata(config.state.join("admin.sock")).ok(),
            false if user == 0 => std::fs::metadata(&config.state).ok(),
            false => None,
        };
        let ours = Account { user, group };
        owned.map_or(ours, |known| Account { user: known.uid(), group: known.gid() })
    }

    /// Whether it may write there: to a file, or into a folder.
    pub(super) fn may_write(&self, path: &Path) -> bool {
        use rustix::fs::Access;
        use std::os::unix::fs::MetadataExt as _;
        if self.user == rustix::process::geteuid().as_raw() {
            return rustix::fs::access(path, Access::WRITE_OK).is_ok();
        }
        let Ok(known) = std::fs::metadata(path) else { return false };
        let bit = match () {
            () if known.uid() == self.user => 0o200,
            () if known.gid() == self.group => 0o020,
            () => 0o002,
        };
        self.user == 0 || known.mode() & bit != 0
    }

    pub(super) fn remedy(&self, path: &Path) -> String {
        let (user, shown) = (self.user, path.display());
        format!("let the host's account write there: `chown {user} {shown}`, `chmod u+w {shown}`")
    }
}

/// Elsewhere than on Unix files say only whether anybody may write.
#[cfg(not(unix))]
pub(super) struct Account;

#[cfg(not(unix))]
impl Account {
    pub(super) fn of_host(_: &HostConfig) -> Account {
        Account
    }

    pub(super) fn may_write(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|known| !known.permissions().readonly())
    }

    pub(super) fn remedy(&self, path: &Path) -> String {
        format!("let the host's account write to {}", path.display())
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt as _};

    #[test]
    fn who_may_write_follows_from_owner_group_and_mode() {
        use std::os::unix::fs::MetadataExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "x").unwrap();
        let known = fs::metadata(&path).unwrap();
        // Not our own: that one the system answers for.
        let stranger = |group| Account { user: known.uid() + 1, group };
        for (mode, of_group, of_others) in
            [(0o600, false, false), (0o660, true, false), (0o602, false, true)]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let found = [known.gid(), known.gid() + 1].map(|gid| stranger(gid).may_write(&path));
            assert_eq!(found, [of_group, of_others], "{mode:o}");
        }
        assert!(!stranger(known.gid()).may_write(&folder.path().join("none")));
        assert!(Account { user: known.uid(), group: 0 }.may_write(&path));
    }
}
