//! The words inside the waist: questions, requests, answers, in MessagePack with names.
//!
//! So that an older side and a newer one understand each other: new fields are `#[serde(default)]`,
//! nothing is renamed, nothing changes its meaning. A request that the other side does not know is
//! answered with `Unsupported`.
//!
//! To add an operation: a method in `connector.rs`, a variant here, an arm in `export.rs` and a
//! method in `plugin.rs`.

use crate::{
    Change, Dn, EntryId, Error, ErrorKind, ImportRun, ParameterPage, PasswordOptions, Result,
    Secret, Values,
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Who a plugin is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Info {
    /// Name, as connectors write it in their documents.
    pub name: String,
    /// The plugin's own version.
    pub version: String,
    /// The version of the SDK it was built with.
    pub sdk: String,
    /// A sentence about it.
    #[serde(default)]
    pub description: String,
}

/// What is asked without a connection.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Question {
    /// Which parameters are there, given these answers; of one page or of all.
    Parameters {
        /// The page; all when absent.
        #[serde(default)]
        page: Option<ParameterPage>,
        /// What was answered so far.
        values: Values,
    },
    /// What is wrong with these answers.
    Check(Values),
    /// What can be done with these answers.
    Capabilities(Values),
    /// No question: the folder that the library was loaded from, with what it brings along.
    Folder(String),
}

/// What is asked of a connection.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Does it work?
    Test,
    /// Which partitions are there?
    Partitions,
    /// Which containers are directly below this one?
    Hierarchy(Option<Dn>),
    /// Which object types and attributes are there?
    Schema,
    /// Import; pages go to [`ecma_plugin_abi::Pages`].
    Import(ImportRun),
    /// Export these.
    Export(Vec<Change>),
    /// Read these.
    Read(Vec<EntryId>),
    /// Set a password.
    SetPassword {
        /// Whose.
        id: EntryId,
        /// The new one.
        new: Secret,
        /// How.
        #[serde(default)]
        options: PasswordOptions,
    },
    /// Change a password.
    ChangePassword {
        /// Whose.
        id: EntryId,
        /// The one that is valid now.
        old: Secret,
        /// The new one.
        new: Secret,
    },
}

/// Writes a word.
pub(crate) fn encode<T: Serialize>(word: &T) -> Vec<u8> {
    rmp_serde::to_vec_named(word).expect("the vocabulary always encodes")
}

/// Reads a word of the other side.
pub(crate) fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    rmp_serde::from_slice(bytes).map_err(|error| {
        Error::new(ErrorKind::Unsupported, format!("the other side was not understood: {error}"))
    })
}

/// Reads an answer: what was asked for, or the error.
pub(crate) fn decode_answer<T: DeserializeOwned>(bytes: &[u8]) -> Result<T> {
    decode::<Result<T>>(bytes)?
}
