//! Write connectors for the connector host.
//!
//! A connector reads and writes the people, groups or devices of one kind of system: a database, a
//! directory, a file, an application. The host does the rest: SCIM, TLS, the connector space,
//! schedules, retries, secrets.
//!
//! # A complete connector
//!
//! ```
#![doc = include_str!("../../tests/plugins/folder/src/lib.rs")]
//! ```
//!
//! It is built as a library: `crate-type = ["cdylib", "rlib"]` and one dependency, this crate.
//!
//! # Its test
//!
//! The contract that every connector keeps, linked in and as a library:
//!
//! ```
#![doc = include_str!("../../tests/plugins/folder/tests/contract.rs")]
//! # verify(Plugin::linked::<folder::Folder>("folder", "0"));
//! ```
//!
//! # Words
//!
//! An [`Entry`] has an object type, an [`Anchor`] that never changes, perhaps a distinguished name,
//! and attributes. A [`Change`] is one of add, replace, update, delete. What a connector can do it
//! says in its [`Capabilities`]; what it asks of the operator in its [`Config`]. Errors have an
//! [`ErrorKind`] for the host and a sentence for people; a panic becomes an error of that call.
//! Lines written with [`tracing`] arrive in the host's log inside the span of the call.

mod capabilities;
mod change;
pub mod companion;
mod config;
mod connector;
mod entry;
mod error;
mod export;
#[cfg(feature = "companion")]
mod foreign;
mod log;
pub mod page;
mod plugin;
mod run;
mod schema;
mod sink;
#[cfg(feature = "testkit")]
pub mod testkit;
#[cfg(feature = "tls")]
pub mod tls;
mod words;

pub use capabilities::{Capabilities, DnStyle, ExportStyle};
pub use change::{AttributeChange, Change, Update};
pub use companion::{Companion, library_folder};
pub use config::{
    Answer, Config, Parameter, ParameterKind, ParameterPage, Problem, Secret, Setting, Values,
};
pub use connector::Connector;
pub use ecma_plugin_sdk_macros::{Choice, Config};
pub use entry::{Anchor, Dn, Entry, EntryId, IntoValues, Value};
pub use error::{Error, ErrorKind, Result};
#[doc(hidden)]
pub use export::symbols;
#[cfg(feature = "companion")]
pub use foreign::{Library, LoadError, LogTarget, set_log};
pub use log::LogLine;
pub use plugin::{Connection, Plugin, Session, Transport};
pub use run::{
    Exported, HierarchyNode, ImportKind, ImportRun, Partition, PasswordOptions, Selection,
    Watermark,
};
pub use schema::{Access, Attribute, AttributeType, ObjectType, Schema};
pub use sink::{Column, ImportSink, Pager, Row};
pub use tracing;
pub use words::Info;

#[doc(hidden)]
pub use ecma_plugin_abi as abi;
use log::HostLine;

/// What a connector needs, to import with one line.
pub mod prelude {
    pub use crate::{
        AttributeChange, AttributeType::*, Capabilities, Change, Choice, Config, Connector, Entry,
        EntryId, Error, ErrorKind, Exported, ImportRun, ImportSink, ObjectType, Plugin, Result,
        Schema, Secret, Value, Values, Watermark, export_connector,
    };
}
