//! The sealing key. What does not open with it is told of each document.

use super::Findings;
use crate::config::{HostConfig, SealError, known_key};

pub(super) fn look(config: &HostConfig, found: &mut Findings) {
    let error = match known_key(config) {
        // Whoever seals first makes one.
        Ok(_) | Err(SealError::NotYet { .. }) => return,
        Err(error) => error,
    };
    let remedy = match &error {
        SealError::Missing { .. } => {
            "put the file of a backup in its place, for the host's account alone; a running host takes \
             it at once. Without a backup, remove the sealed values, those in state/removed too, and \
             seal them anew"
                .to_owned()
        }
        SealError::Key { .. } => "put the one of a backup in its place; a running host takes a file at \
                                  once. Without a backup, remove it and the sealed values, and seal \
                                  them anew"
            .to_owned(),
        SealError::Readable { path } => format!("`chmod 600 {}`", path.display()),
        SealError::Source { .. } => {
            "run this with the environment that the host has, or correct [secrets] key in host.toml"
                .to_owned()
        }
        _ => "run this as the host's account".to_owned(),
    };
    found.error("sealing key", error.to_string(), remedy);
}
