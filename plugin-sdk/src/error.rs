//! What can go wrong in a connector: a kind for machines, a sentence for people.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The result of everything a connector does.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a call failed, as far as a machine can act on it. The host decides what a client is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The entry is not in the connected system.
    NotFound,
    /// An entry with this anchor, or with a value that must be unique, is there already.
    AlreadyExists,
    /// A value is not accepted; `attribute` names which.
    Invalid,
    /// The entry changed meanwhile, or the change matches more than one.
    Conflict,
    /// The connector cannot do this at all.
    Unsupported,
    /// The connected system cannot be reached, or the connection was lost. Worth another try.
    Unreachable,
    /// The connected system is there but asks to wait. Worth another try.
    Busy,
    /// The connected system did not answer in time.
    Timeout,
    /// The connected system refuses the connector's own log-in.
    Credentials,
    /// The connector's account may not do this.
    Forbidden,
    /// The parameter values do not fit the connected system.
    Config,
    /// The host said stop.
    Cancelled,
    /// A fault of the connector: a bug, a panic.
    #[serde(other)]
    Internal,
}

impl ErrorKind {
    /// All kinds there are.
    pub const ALL: [ErrorKind; 13] = [
        ErrorKind::NotFound,
        ErrorKind::AlreadyExists,
        ErrorKind::Invalid,
        ErrorKind::Conflict,
        ErrorKind::Unsupported,
        ErrorKind::Unreachable,
        ErrorKind::Busy,
        ErrorKind::Timeout,
        ErrorKind::Credentials,
        ErrorKind::Forbidden,
        ErrorKind::Config,
        ErrorKind::Cancelled,
        ErrorKind::Internal,
    ];
}

/// An error of a connector. The message is lower case, has no full stop and says what was, not what
/// to do; it needs no care about secrets, the host removes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    #[serde(default)]
    attribute: Option<String>,
}

impl Error {
    /// An error of any kind.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into(), attribute: None }
    }

    /// The entry is not there.
    pub fn not_found(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::NotFound, message)
    }

    /// The entry is there already.
    pub fn already_exists(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::AlreadyExists, message)
    }

    /// A value of this attribute is not accepted.
    pub fn invalid(attribute: impl Into<String>, message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Invalid, message).at(attribute)
    }

    /// The connector cannot do this.
    pub fn unsupported(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unsupported, message)
    }

    /// The connected system cannot be reached.
    pub fn unreachable(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Unreachable, message)
    }

    /// The parameter values do not fit.
    pub fn config(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Config, message)
    }

    /// A fault of the connector.
    pub fn internal(message: impl Into<String>) -> Error {
        Error::new(ErrorKind::Internal, message)
    }

    /// The host said stop. [`crate::ImportSink`] returns it; pass it on with `?`.
    #[must_use]
    pub fn cancelled() -> Error {
        Error::new(ErrorKind::Cancelled, "the host asked to stop")
    }

    /// The same error, about this attribute.
    #[must_use]
    pub fn at(mut self, attribute: impl Into<String>) -> Error {
        self.attribute = Some(attribute.into());
        self
    }

    /// The same error with words before its message: `reading line 7: …`.
    #[must_use]
    pub fn context(mut self, before: impl fmt::Display) -> Error {
        self.message = format!("{before}: {}", self.message);
        self
    }

    /// The same error with another message.
    #[must_use]
    pub fn with_message(mut self, message: impl Into<String>) -> Error {
        self.message = message.into();
        self
    }

    /// What a machine acts on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The sentence for people.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The attribute whose value was refused, in the target's spelling.
    #[must_use]
    pub fn attribute(&self) -> Option<&str> {
        self.attribute.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.attribute {
            Some(attribute) => write!(f, "{attribute} {}", self.message),
            None => f.write_str(&self.message),
        }
    }
}

impl std::error::Error for Error {}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Error {
        use std::io::ErrorKind as Io;
        let kind = match error.kind() {
            Io::NotFound => ErrorKind::NotFound,
            Io::AlreadyExists => ErrorKind::AlreadyExists,
            Io::PermissionDenied | Io::ReadOnlyFilesystem => ErrorKind::Forbidden,
            Io::TimedOut => ErrorKind::Timeout,
            Io::ConnectionRefused
            | Io::ConnectionReset
            | Io::ConnectionAborted
            | Io::BrokenPipe
            | Io::NotConnected
            | Io::HostUnreachable
            | Io::NetworkUnreachable
            // Nobody gets anything into it, and it lasts.
            | Io::StorageFull
            | Io::QuotaExceeded => ErrorKind::Unreachable,
            Io::ResourceBusy => ErrorKind::Busy,
            Io::InvalidData | Io::InvalidInput => ErrorKind::Invalid,
            _ => ErrorKind::Internal,
        };
        Error::new(kind, error.to_string())
    }
}
