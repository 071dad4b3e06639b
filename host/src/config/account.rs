//! The account that the host runs as, and what it may do with files.

use super::files::quoted;
use std::path::Path;

/// An account of this machine.
#[cfg(unix)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    user: u32,
    groups: Vec<u32>,
    /// Whether the system answers for it: it is our own.
    is_own: bool,
}

#[cfg(unix)]
impl Account {
    /// That of this process.
    #[must_use]
    pub fn own() -> Account {
        let further = rustix::process::getgroups().unwrap_or_default();
        let groups = std::iter::once(rustix::process::getegid()).chain(further);
        let user = rustix::process::geteuid().as_raw();
        Account { user, groups: groups.map(rustix::process::Gid::as_raw).collect(), is_own: true }
    }

    /// The one that a file belongs to; which further groups it is in is not known then.
    #[must_use]
    pub fn owning(known: &std::fs::Metadata) -> Account {
        use std::os::unix::fs::MetadataExt as _;
        let own = Account::own();
        if known.uid() == own.user {
            return own;
        }
        Account::other(known.uid(), known.gid())
    }

    pub(super) fn other(user: u32, group: u32) -> Account {
        Account { user, groups: vec![group], is_own: false }
    }

    /// Its number.
    #[must_use]
    pub fn user(&self) -> u32 {
        self.user
    }

    /// Whether it is known to be in the group.
    pub(super) fn is_in(&self, group: u32) -> bool {
        self.groups.contains(&group)
    }

    /// Whether it is that of this process, of which all is known.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.is_own
    }

    /// Whether it may write there: to a file, or into a folder. Of an account that is not our own this is
    /// told from owner, group and mode.
    #[must_use]
    pub fn may_write(&self, path: &Path) -> bool {
        use rustix::fs::Access;
        use std::os::unix::fs::MetadataExt as _;
        if self.is_own {
            return rustix::fs::access(path, Access::WRITE_OK).is_ok();
        }
        let Ok(known) = std::fs::metadata(path) else { return false };
        let bit = match () {
            () if known.uid() == self.user => 0o200,
            () if self.is_in(known.gid()) => 0o020,
            () => 0o002,
        };
        self.user == 0 || known.mode() & bit != 0
    }

    /// How it may write there.
    #[must_use]
    pub fn remedy(&self, path: &Path) -> String {
        let (user, shown) = (self.user, quoted(path));
        format!("let the host's account write there: `chown {user} {shown}`, `chmod u+w {shown}`")
    }
}

/// Elsewhere than on Unix files say only whether anybody may write.
#[cfg(not(unix))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account;

#[cfg(not(unix))]
impl Account {
    /// That of this process.
    #[must_use]
    pub fn own() -> Account {
        Account
    }

    /// Whether it is that of this process, of which all is known.
    #[must_use]
    pub fn is_own(&self) -> bool {
        true
    }

    /// Whether it may write there: to a file, or into a folder.
    #[must_use]
    pub fn may_write(&self, path: &Path) -> bool {
        std::fs::metadata(path).is_ok_and(|known| !known.permissions().readonly())
    }

    /// How it may write there.
    #[must_use]
    pub fn remedy(&self, path: &Path) -> String {
        format!("let the host's account write to {}", quoted(path))
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
        let stranger = |group| Account::other(known.uid() + 1, group);
        for (mode, of_group, of_others) in
            [(0o600, false, false), (0o660, true, false), (0o602, false, true)]
        {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let found = [known.gid(), known.gid() + 1].map(|gid| stranger(gid).may_write(&path));
            assert_eq!(found, [of_group, of_others], "{mode:o}");
        }
        assert!(!stranger(known.gid()).may_write(&folder.path().join("none")));
        assert!(Account::owning(&known).may_write(&path), "it is ours");
        assert!(Account::owning(&known).is_own() && !stranger(0).is_own());
    }
}
