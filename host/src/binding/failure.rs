//! What went wrong, in two sentences: one for the client, one for the operator.

use crate::{
    config::Scrubber,
    scim::{self, ScimType},
    space::Flow,
};
use ecma_plugin_sdk::ErrorKind;

/// What a machine does about a failure; `web::reply` gives each its status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The request is wrong.
    Request(Option<ScimType>),
    /// There is no such resource.
    NotFound,
    /// There is one already.
    Exists,
    /// The resource is not as the client's condition says, or changed meanwhile.
    Version,
    /// The connector does not know its target yet.
    NotReady,
    /// Too much at once.
    Busy,
    /// The export guard holds it until an operator lets it go.
    Held,
    /// The target cannot be reached.
    Unreachable,
    /// The target did not answer in time.
    Timeout,
    /// The connector cannot do this.
    Unsupported,
    /// The target refuses the connector, or the connector's document is wrong.
    Refused,
    /// A fault of the plugin or of the host.
    Internal,
}

/// Why a request failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What a machine does about it.
    pub cause: Cause,
    /// For the client.
    pub public: String,
    /// Seconds after which another try makes sense.
    pub retry_after: Option<u32>,
}

impl Failure {
    /// A failure.
    pub fn new(cause: Cause, public: impl Into<String>) -> Failure {
        let retry_after = match cause {
            Cause::NotReady | Cause::Unreachable => Some(30),
            Cause::Busy => Some(5),
            // Only a person can change that.
            Cause::Held => Some(600),
            _ => None,
        };
        Failure { cause, public: public.into(), retry_after }
    }

    /// The connector does not know its target yet.
    pub fn not_ready(why: impl Into<String>) -> Failure {
        Failure::new(Cause::NotReady, why)
    }

    /// The connector's document does not fit the target.
    pub fn configuration(message: impl Into<String>) -> Failure {
        Failure::new(Cause::Refused, message)
    }

    /// There is no resource with this id.
    #[must_use]
    pub fn not_found(id: &crate::space::ResourceId) -> Failure {
        Failure::new(Cause::NotFound, format!("there is no resource {id}"))
    }

    /// An error of the plugin: attributes get their SCIM names, secrets go.
    #[must_use]
    pub fn target(
        error: &ecma_plugin_sdk::Error,
        flow: Option<&Flow>,
        scrubber: &Scrubber,
    ) -> Failure {
        let cause = match error.kind() {
            ErrorKind::NotFound => Cause::NotFound,
            ErrorKind::AlreadyExists => Cause::Exists,
            ErrorKind::Invalid => Cause::Request(Some(ScimType::InvalidValue)),
            ErrorKind::Conflict => Cause::Version,
            ErrorKind::Unsupported => Cause::Unsupported,
            ErrorKind::Unreachable | ErrorKind::Cancelled => Cause::Unreachable,
            ErrorKind::Busy => Cause::Busy,
            ErrorKind::Timeout => Cause::Timeout,
            ErrorKind::Credentials | ErrorKind::Forbidden | ErrorKind::Config => Cause::Refused,
            _ => Cause::Internal,
        };
        let scim = error
            .attribute()
            .and_then(|attribute| flow.and_then(|flow| flow.scim_name(attribute)))
            .map(|name| format!(" ({name})"))
            .unwrap_or_default();
        let public = match error.kind() {
            ErrorKind::Credentials => format!("the target refuses the connector's log-in: {error}"),
            ErrorKind::Forbidden => format!("the target forbids this to the connector: {error}"),
            _ => format!("{error}{scim}"),
        };
        Failure::new(cause, scrubber.scrub(&public).into_owned())
    }
}

impl From<scim::Error> for Failure {
    fn from(error: scim::Error) -> Failure {
        let cause = match error.scim_type {
            Some(ScimType::Uniqueness) => Cause::Exists,
            scim_type => Cause::Request(scim_type),
        };
        Failure::new(cause, error.detail)
    }
}
