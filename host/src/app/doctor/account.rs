//! The account that the host runs as, as far as the home tells it.

use crate::config::{Account, HostConfig};

/// That of the running host, which its socket belongs to; without one that of the state folder where the
/// command runs as root, which may write anywhere; otherwise our own.
#[cfg(unix)]
pub(super) fn of_host(config: &HostConfig) -> Account {
    let owned = match crate::app::simulate::is_running(&config.state) {
        true => std::fs::symlink_metadata(config.state.join("admin.sock")).ok(),
        false if rustix::process::geteuid().is_root() => std::fs::metadata(&config.state).ok(),
        false => None,
    };
    owned.as_ref().map_or_else(Account::own, Account::owning)
}

#[cfg(not(unix))]
pub(super) fn of_host(_: &HostConfig) -> Account {
    Account::own()
}
