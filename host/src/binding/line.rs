//! A worker's connection: opened when it is needed, given up when it broke.

use ecma_plugin_sdk::{Connection, Error, ErrorKind, Plugin, Result, Values};

/// What stands before the message of an error when nothing was sent.
const NOT_SENT: &str = "no connection";

/// A connection that may be open.
pub(super) struct Line<'a> {
    plugin: &'a Plugin,
    values: &'a Values,
    connection: Option<Connection>,
}

impl<'a> Line<'a> {
    pub(super) fn new(plugin: &'a Plugin, values: &'a Values) -> Line<'a> {
        Line { plugin, values, connection: None }
    }

    pub(super) fn is_open(&self) -> bool {
        self.connection.is_some()
    }

    pub(super) fn close(&mut self) {
        self.connection = None;
    }

    /// Calls the plugin. That a connection could not be opened is no unknown outcome; one whose process
    /// has ended is opened anew.
    pub(super) fn call<T>(&mut self, call: impl FnOnce(&mut Connection) -> Result<T>) -> Result<T> {
        if self.connection.as_ref().is_some_and(|open| !open.is_open()) {
            self.close();
        }
        let open = match &mut self.connection {
            Some(open) => open,
            None => {
                let opened = self.plugin.connect(self.values);
                self.connection.insert(opened.map_err(|error| error.context(NOT_SENT))?)
            }
        };
        let result = call(open);
        self.heed(&result);
        result
    }

    /// Closes the connection when it is of no more use after this.
    pub(super) fn heed<T>(&mut self, result: &Result<T>) {
        if result.as_ref().is_err_and(breaks) {
            self.close();
        }
    }
}

fn breaks(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Internal | ErrorKind::Credentials
    )
}

/// Whether what ended with this error may have been done all the same.
pub(super) fn is_unknown(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Unreachable | ErrorKind::Timeout | ErrorKind::Internal)
        && !error.message().starts_with(NOT_SENT)
}
