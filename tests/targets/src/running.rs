//! What can be done with a running server of either vendor.

use std::{
    ops::Deref,
    sync::{Mutex, MutexGuard, PoisonError},
};

use anyhow::Context as _;

use crate::{
    database::{Access, Database, or_panic},
    server::Server,
};

/// A running server, and its database `hr`.
pub struct Running {
    hr: Database,
    server: Mutex<Server>,
}

impl Running {
    pub(crate) fn new(access: Access, server: Server) -> Running {
        Running { hr: Database::new(access), server: Mutex::new(server) }
    }

    /// Makes a database of this name (a-z, 0-9, _) on this server. Panics if there is one.
    #[track_caller]
    pub fn fresh_database(&self, name: &str) -> Database {
        or_panic(self.hr.create(name))
    }

    /// Stops the server, which ends all connections, and starts it on the same port with its data.
    /// Panics with the end of its log when it does not come up within 30 s.
    #[track_caller]
    pub fn restart(&self) {
        self.stopped_while(|| ());
    }

    /// The same; something is done while the server is stopped.
    #[track_caller]
    pub fn stopped_while(&self, meanwhile: impl FnOnce()) {
        let restarted = self.server().restart(meanwhile, || self.hr.answers());
        or_panic(restarted.context("cannot restart the server"));
    }

    /// The id of the server's process, another one after a restart.
    pub fn pid(&self) -> u32 {
        self.server().pid()
    }

    fn server(&self) -> MutexGuard<'_, Server> {
        self.server.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deref for Running {
    type Target = Database;

    fn deref(&self) -> &Database {
        &self.hr
    }
}
