//! Companions: libraries that a plugin brings along and opens itself, when it needs them.
//!
//! A plugin that links to a library of the system does not load where that library is missing. What
//! needs it goes into a companion: a crate of its own with `crate-type = ["cdylib"]`, a type that is
//! a [`Companion`] and `export_companion!`. It lies beside the plugin, in the folder that
//! [`library_folder`] tells; its file name is the plugin's with `_` and more behind it, by which the
//! host knows that it is not to be opened. What is asked and answered are bytes; what they mean is
//! between the two.

use crate::Result;
use std::{path::PathBuf, sync::OnceLock};

#[cfg(feature = "companion")]
pub use opener::{Opened, open};

/// What a companion answers whatever it is asked without a session.
pub(crate) const SAYS: &[u8] = ecma_plugin_abi::COMPANION_MAGIC.as_bytes();

/// One session with a companion. A panic ends it and is an error for who called.
pub trait Companion: Sized + Send + 'static {
    /// Begins a session.
    fn open(words: &[u8]) -> Result<Self>;

    /// Answers a request. What is long goes to `page` meanwhile, piece by piece; `false`: nobody
    /// wants more of it.
    fn call(&mut self, request: &[u8], page: &mut dyn FnMut(&[u8]) -> bool) -> Vec<u8>;
}

static FOLDER: OnceLock<PathBuf> = OnceLock::new();

/// The folder that the host loaded this library from, where what it brings along lies too. None
/// when the host is older, or when the connector is linked into the program.
#[must_use]
pub fn library_folder() -> Option<PathBuf> {
    FOLDER.get().cloned()
}

/// Keeps what the host says.
pub(crate) fn loaded_from(folder: PathBuf) {
    let _ = FOLDER.set(folder);
}

#[cfg(feature = "companion")]
mod opener {
    use crate::{LoadError, Pager, Result, foreign, plugin::Session, words::decode_answer};
    use serde_bytes::ByteBuf;
    use std::path::Path;

    /// A session with a companion; it ends when this is dropped.
    pub struct Opened(Box<dyn Session>);

    /// Opens the library of a companion, which stays loaded until the process ends, and begins a
    /// session. The inner error is the companion's own.
    pub fn open(path: &Path, words: &[u8]) -> Result<Result<Opened>, LoadError> {
        Ok(foreign::open_companion(path, words)?.map(Opened))
    }

    impl Opened {
        /// Asks for something; the pieces of what is long go to `page` until it says `false`.
        pub fn call(
            &mut self,
            request: &[u8],
            page: &mut dyn FnMut(&[u8]) -> bool,
        ) -> Result<Vec<u8>> {
            let answer = self.0.call(request, &mut Pieces(page))?;
            decode_answer(&answer).map(ByteBuf::into_vec)
        }
    }

    struct Pieces<'a>(&'a mut dyn FnMut(&[u8]) -> bool);

    impl Pager for Pieces<'_> {
        fn page(&mut self, page: &[u8]) -> bool {
            (self.0)(page)
        }
    }
}
