//! Settings as data: `host.toml`, `connectors/<name>.toml`, their secrets, and the files they live in.
//!
//! Start at [`HostConfig::load`] and [`load_connectors`]. A document is first checked against its
//! table of keys (`keys.rs`, `document.rs`), which finds every [`Problem`] at once, then read into
//! its type. Nothing here knows HTTP, plugins or time; references to secrets are resolved only
//! when asked for.
//!
//! To add a key: one line in the table of its section (`host.rs`, `connector.rs`, `mapping.rs`) and
//! one line where that section is read. Check, suggestions and JSON Schema follow from the table.

mod account;
mod addresses;
mod connector;
mod document;
mod edit;
mod exposed;
mod files;
mod home_key;
mod host;
mod key_source;
mod keys;
mod log;
mod mapping;
mod name;
mod places;
mod problem;
mod rotation;
mod schema;
mod sealing;
mod secrets;
mod tls;
mod token;
mod tokens;
mod value;
mod worker;

#[cfg(test)]
mod tests;

pub use account::Account;
pub use addresses::Addresses;
pub use connector::{
    ConnectorConfig, DeltaImport, Export, ExportGuard, FullImport, Guard, Loaded, RunProfiles,
    load_connectors,
};
pub use edit::{rename_document, set_certificate, sounds_secret, without_secrets};
pub use exposed::{Exposed, exposed_of_connector, exposed_of_host};
pub(crate) use files::quoted;
pub use files::{EditError, private_folder, set_string, write_atomic};
pub use home_key::{key_to_seal, known_key};
pub use host::{HostConfig, Limits};
pub use key_source::KeySource;
pub use keys::nearest;
pub use log::{Log, LogFile, LogFormat, LogTo, directives};
pub use mapping::{
    AttributeMapping, DeleteFlow, Deprovisioning, DisableFlow, DnSource, ObjectMapping,
};
pub use name::{ConnectorName, NotAName};
pub use places::{Place, places, replaced};
pub use problem::Problem;
pub use rotation::{Resealed, begin_rotation, documents_in, end_rotation, reseal};
pub use schema::{connector_schema, host_schema};
pub use sealing::{SealError, SealingKey};
pub use secrets::{Scrubber, Secret};
pub use tls::{Listener, TlsFiles};
pub use token::{TokenHash, TokenSource, new_token};
pub use tokens::{
    DEFAULT_TOKEN, NewToken, TokenEntry, add_token, check_label, days_later, parse_expiry,
    remove_token,
};
pub use value::{ConfigValue, LEFT_OUT, Resolved, SEALED};
pub use worker::{WorkerConfig, WorkerLimits};
