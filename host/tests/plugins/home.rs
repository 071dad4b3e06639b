//! A home with a plugins folder, and libraries to spoil.

use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::Command,
};

use ecma_host::plugins::{Catalog, Found, Isolation, Refusal, State, Surroundings};
use ecma_plugin_sdk::{
    ImportRun, Plugin, Values,
    testkit::{TempDir, built_library, import, temp_dir},
};

/// The workspace has one version; plugins of the tests have it too.
pub(crate) const VERSION: &str = concat!("version=", env!("CARGO_PKG_VERSION"), ";");
pub(crate) const MARKER: &str =
    concat!("ecma-plugin;abi=1;panic=unwind;name=folder;version=", env!("CARGO_PKG_VERSION"), ";");

/// What is started as a worker.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_ecma-host");

pub(crate) struct Home(TempDir);

impl Home {
    pub(crate) fn new() -> Home {
        let home = Home(temp_dir());
        fs::create_dir(home.ecma()).unwrap();
        chmod(&home.ecma(), 0o755);
        home
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn ecma(&self) -> PathBuf {
        self.0.path().join("ECMA")
    }

    pub(crate) fn shadow(&self) -> PathBuf {
        self.0.path().join("shadow")
    }

    pub(crate) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.ecma().join(name);
        let folder = path.parent().unwrap();
        fs::create_dir_all(folder).unwrap();
        chmod(folder, 0o755);
        fs::write(&path, bytes).unwrap();
        chmod(&path, 0o644);
        path
    }

    pub(crate) fn scan(&self) -> Catalog {
        Catalog::scan(&self.ecma(), &self.shadow(), Some(self.0.path()), PROGRAM.as_ref())
    }

    /// The one refusal of a folder with one candidate.
    pub(crate) fn refusal(&self) -> Refusal {
        let catalog = self.scan();
        let [found] = catalog.found() else { panic!("{:?}", catalog.rows()) };
        refused(found).clone()
    }

    /// Builds a library from C, beside those it is linked with.
    pub(crate) fn cc(&self, name: &str, source: &str, with: &[&Path]) -> PathBuf {
        let folder = self.0.path().join("built");
        fs::create_dir_all(&folder).unwrap();
        let (code, library) = (folder.join(format!("{name}.c")), folder.join(name));
        fs::write(&code, source).unwrap();
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-Wl,--no-as-needed", "-Wl,--allow-shlib-undefined"]);
        cc.arg(format!("-Wl,-soname,{name}")).arg("-o").arg(&library).arg(&code).args(with);
        let done = cc.output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        library
    }
}

pub(crate) fn chmod(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

pub(crate) fn refused(found: &Found) -> &Refusal {
    match &found.state {
        State::Refused(refusal) => {
            assert!(!refusal.remedy().is_empty());
            refusal
        }
        _ => panic!("{} was not refused", found.file.display()),
    }
}

pub(crate) fn library(name: &str) -> Vec<u8> {
    fs::read(built_library(name)).unwrap()
}

/// The bytes with all occurrences of a text replaced by one of the same length.
pub(crate) fn patched(bytes: &[u8], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let (mut bytes, mut count) = (bytes.to_vec(), 0);
    for at in 0..bytes.len() - from.len() {
        if bytes[at..].starts_with(from.as_bytes()) {
            bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
            count += 1;
        }
    }
    assert!(count > 0, "{from} is in the library");
    bytes
}

/// The plugin `folder` in another version, and that version.
pub(crate) fn other_version(whole: &[u8], digit: &str) -> (Vec<u8>, String) {
    let version = format!("{digit}{}", &env!("CARGO_PKG_VERSION")[1..]);
    (patched(whole, VERSION, &format!("version={version};")), version)
}

/// C code that claims in its marker to be a plugin.
pub(crate) fn claims(name: &str, code: &str) -> String {
    format!(
        "__attribute__((section(\".ecmaplug\"), used)) static const char marker[] =\n\
         \"ecma-plugin;abi=1;panic=unwind;name={name};version=1.0.0;\";\n{code}\n"
    )
}

/// A process of its own for a connector.
pub(crate) fn process() -> Isolation {
    Isolation::Process(Surroundings { connector: "TEST".to_owned(), ..Surroundings::default() })
}

/// The plugin `folder` of a catalogue works, in this process and in one of its own.
pub(crate) fn works(catalog: &Catalog) {
    for how in [Isolation::InProcess, process()] {
        reads(&catalog.plugin("folder", how).unwrap());
    }
}

/// A plugin `folder` reads a person.
pub(crate) fn reads(plugin: &Plugin) {
    let people = temp_dir();
    fs::write(people.path().join("1.txt"), "Ada").unwrap();
    let values = Values::new([("folder", people.path().to_str().unwrap())]);
    let mut connection = plugin.connect(&values).unwrap();
    assert_eq!(import(&mut connection, &ImportRun::full()).unwrap().changes.len(), 1);
}
