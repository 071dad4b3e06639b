//! The files that the log and the audit go to.

use super::{Findings, machine};
use crate::config::{Account, HostConfig, LogTo};
use std::{fs, path::Path};

pub(super) fn look(config: &HostConfig, account: &Account, found: &mut Findings) {
    let log = (config.log.to == LogTo::File).then_some(("log", config.log.file.path.as_path()));
    let audit = config.log.audit.as_deref().map(|path| ("audit", path));
    for (name, path) in log.into_iter().chain(audit) {
        file(name, path, config, account, found);
    }
}

fn file(name: &str, path: &Path, config: &HostConfig, account: &Account, found: &mut Findings) {
    let at = format!("{name} file");
    let shown = path.display();
    let lost = match name {
        "audit" => "then no audit file is written",
        _ => "the log goes to standard error then",
    };
    // The nearest that is there: the host makes folders that are not.
    let folder = path.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(&config.home);
    match fs::metadata(path) {
        Ok(known) if !known.is_file() => {
            let what = format!("{shown} is no file, and {lost}");
            return found.error(&at, what, "move it away, or name another one under [log]");
        }
        Ok(_) if !account.may_write(path) => {
            let what = format!("{shown} cannot be written, and {lost}");
            return found.unwritable(account, &at, what, path);
        }
        Err(_) if !folder.is_dir() => {
            let what = format!("{shown} cannot be made, and {lost}");
            let remedy = format!("{} is no folder: move it away", folder.display());
            return found.error(&at, what, remedy);
        }
        Err(_) if !account.may_write(folder) => {
            let what = format!("{shown} cannot be made, and {lost}");
            return found.unwritable(account, &at, what, folder);
        }
        // Older files are moved on in its folder.
        Ok(_) if name == "log" && !account.may_write(folder) => {
            let what = format!("{shown} cannot be begun anew in its folder, and grows without end");
            return found.unwritable(account, &at, what, folder);
        }
        Ok(_) => found.ok(&at, format!("{shown} can be written")),
        Err(_) => found.ok(&at, format!("{shown} is not there yet, and can be made")),
    }
    if !machine::is_same_disk(folder, &config.state) {
        machine::disk_of(folder, &format!("disk of the {name}"), found);
    }
}
