//! The waist: all that crosses between the connector host and a plugin library.
//!
//! Four functions and named bytes. What the bytes mean is the business of `ecma-plugin-sdk`; this
//! crate is frozen so that a host and a plugin built years apart still fit. The crate's own version
//! is part of the layout that `abi_stable` compares: it stays 1.0.x. New functions go to the end of
//! [`PluginModule`] and are optional.
//!
//! No function here may unwind: the SDK catches panics on the plugin's side.

#![expect(non_camel_case_types, reason = "abi_stable's macro makes `PluginModule_Ref`")]

use abi_stable::{
    StableAbi,
    library::RootModule,
    package_version_strings,
    sabi_types::VersionStrings,
    std_types::{ROption, RSlice, RStr, RVec},
};

#[doc(hidden)]
pub use abi_stable;

/// The version of the waist. A host loads plugins of the same version only; it asks for it through
/// the plain C symbol [`VERSION_SYMBOL`] before anything else.
pub const VERSION: u32 = 1;

/// Name of the C function `extern "C" fn() -> u32` that answers the plugin's [`VERSION`].
pub const VERSION_SYMBOL: &str = "ecma_plugin_abi";

/// Name of the object file section that tells a plugin without running any of its code.
#[cfg(not(any(target_os = "macos", windows)))]
pub const MARKER_SECTION: &str = ".ecmaplug";
/// Name of the object file section that tells a plugin without running any of its code.
#[cfg(target_os = "macos")]
pub const MARKER_SECTION: &str = "__ecmaplug";
/// Name of the object file section that tells a plugin without running any of its code.
#[cfg(windows)]
pub const MARKER_SECTION: &str = ".ecmapl";

/// What the text of the marker section begins with.
pub const MARKER_MAGIC: &str = "ecma-plugin";

/// What the text of the marker section begins with in a companion: a library that a plugin brings
/// along and opens itself. A host never takes it for a plugin.
pub const COMPANION_MAGIC: &str = "ecma-companion";

/// Where a plugin's log lines go. Plain functions: valid for the life of the process, from any
/// thread.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct HostLog {
    /// Whether a line of this level (1 error … 5 trace) from this target would be written.
    pub enabled: extern "C" fn(level: u8, target: RStr<'_>) -> bool,
    /// Writes one line: a MessagePack record of the SDK.
    pub line: extern "C" fn(record: RSlice<'_, u8>),
}

/// Where an import's pages go, and how a plugin learns that it should stop. Valid during one call.
#[repr(C)]
#[derive(StableAbi, Clone, Copy)]
pub struct Pages {
    /// The host's state; handed back in each call.
    pub state: *mut (),
    /// Takes one page. `false`: stop soon.
    pub page: unsafe extern "C" fn(state: *mut (), page: RSlice<'_, u8>) -> bool,
    /// Whether the run should go on; cheap, asked often.
    pub go_on: unsafe extern "C" fn(state: *mut ()) -> bool,
}

/// An open connection of a plugin. Used by one thread at a time; closed exactly once.
#[repr(C)]
#[derive(StableAbi)]
pub struct Session {
    /// The plugin's state; handed back in each call.
    pub state: *mut (),
    /// Does what the request says and answers.
    pub call:
        unsafe extern "C" fn(state: *mut (), request: RSlice<'_, u8>, pages: Pages) -> RVec<u8>,
    /// Frees the state.
    pub close: unsafe extern "C" fn(state: *mut ()),
}

/// The answer to `connect`: a session, or the reason why there is none.
#[repr(C)]
#[derive(StableAbi)]
pub struct Connected {
    /// The open connection.
    pub session: ROption<Session>,
    /// The reason, as an encoded error of the SDK; empty when there is a session.
    pub failure: RVec<u8>,
}

/// What a plugin library offers.
#[repr(C)]
#[derive(StableAbi)]
#[sabi(kind(Prefix(prefix_ref = PluginModule_Ref)))]
pub struct PluginModule {
    /// Called once, before anything else: takes the host's log, answers who the plugin is.
    pub start: extern "C" fn(log: HostLog) -> RVec<u8>,
    /// Answers a question that needs no connection.
    pub ask: extern "C" fn(question: RSlice<'_, u8>) -> RVec<u8>,
    /// Opens a connection with the given parameter values.
    #[sabi(last_prefix_field)]
    pub connect: extern "C" fn(values: RSlice<'_, u8>) -> Connected,
}

impl RootModule for PluginModule_Ref {
    abi_stable::declare_root_module_statics! {PluginModule_Ref}
    const BASE_NAME: &'static str = "ecma_plugin";
    const NAME: &'static str = "ecma_plugin";
    const VERSION_STRINGS: VersionStrings = package_version_strings!();
}

/// Copies a marker text into an array, so that a `static` of it lies in its section as bytes.
#[doc(hidden)]
#[must_use]
pub const fn marker<const N: usize>(text: &str) -> [u8; N] {
    let bytes = text.as_bytes();
    let mut marker = [0; N];
    let mut at = 0;
    while at < N {
        marker[at] = bytes[at];
        at += 1;
    }
    marker
}

/// Exports the symbols that make a library a plugin: the version function, the marker section and
/// the module that `$make: fn() -> PluginModule` returns. A companion exports the same with another
/// word at the beginning of its marker.
#[doc(hidden)]
#[macro_export]
macro_rules! export_module {
    ($make:path) => {
        $crate::export_module!($make, "ecma-plugin");
    };
    ($make:path, $magic:literal) => {
        #[allow(unsafe_code, clippy::allow_attributes)]
        const _: () = {
            use $crate::abi_stable::library as l;

            #[unsafe(no_mangle)]
            extern "C" fn ecma_plugin_abi() -> u32 {
                $crate::VERSION
            }

            #[cfg(panic = "unwind")]
            const PANIC: &str = "unwind";
            #[cfg(not(panic = "unwind"))]
            const PANIC: &str = "abort";
            // The text is `ecma-plugin;abi=1;panic=unwind;name=…;version=…`.
            const TEXT: &str = if PANIC.len() == 6 {
                concat!(
                    $magic,
                    ";abi=1;panic=unwind;name=",
                    env!("CARGO_PKG_NAME"),
                    ";version=",
                    env!("CARGO_PKG_VERSION"),
                    ";"
                )
            } else {
                concat!(
                    $magic,
                    ";abi=1;panic=abort;name=",
                    env!("CARGO_PKG_NAME"),
                    ";version=",
                    env!("CARGO_PKG_VERSION"),
                    ";"
                )
            };
            #[used]
            #[cfg_attr(target_os = "macos", unsafe(link_section = "__DATA,__ecmaplug"))]
            #[cfg_attr(windows, unsafe(link_section = ".ecmapl"))]
            #[cfg_attr(not(any(target_os = "macos", windows)), unsafe(link_section = ".ecmaplug"))]
            static MARKER: [u8; TEXT.len()] = $crate::marker(TEXT);

            fn ecma_plugin_module() -> $crate::PluginModule_Ref {
                $crate::abi_stable::prefix_type::PrefixTypeTrait::leak_into_prefix($make())
            }
            extern "C" fn erased() -> l::RootModuleResult {
                l::__call_root_module_loader(ecma_plugin_module)
            }
            #[unsafe(export_name = "_1as_0lib_1header_0root_bmodule_bloader")]
            static HEADER: l::LibHeader =
                // SAFETY: `erased` returns a `PluginModule_Ref`, cast by `__call_root_module_loader`.
                unsafe {
                    l::LibHeader::from_constructor::<$crate::PluginModule_Ref>(
                        erased,
                        l::CheckTypeLayout::Yes,
                    )
                };
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_is_exported_under_the_name_that_abi_stable_looks_for() {
        let source = include_str!("lib.rs");
        let name = abi_stable::library::ROOT_MODULE_LOADER_NAME;
        assert!(source.contains(&format!("export_name = \"{name}\"")), "{name}");
    }

    #[test]
    fn marker_is_its_text() {
        const TEXT: &str = "ecma-plugin;abi=1;";
        let marker: [u8; TEXT.len()] = marker(TEXT);
        assert_eq!(marker, TEXT.as_bytes());
        assert!(TEXT.starts_with(MARKER_MAGIC));
    }
}
