//! Calling cargo: the commands, the workspace's members and what a build left where.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::LazyLock,
};

use anyhow::{Context, bail};
use serde::Deserialize;

/// The repository: the folder with the workspace's manifest. What cargo says now goes before what
/// it said when this was built: checkouts that share a target folder share this program.
pub(crate) fn root() -> &'static Path {
    static ROOT: LazyLock<PathBuf> = LazyLock::new(|| {
        let now = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
        let own = now.filter(|folder| folder.ends_with("xtask"));
        let own = own.unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
        own.parent().expect("xtask lies in the workspace's folder").to_owned()
    });
    &ROOT
}

/// A cargo that starts in the root, without what the cargo that started us has put into the
/// environment: build scripts watch those variables and would run again at each turn.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    for (name, _) in std::env::vars_os() {
        if about_this_package(&name) {
            command.env_remove(name);
        }
    }
    if std::env::var_os("CI").is_some() {
        command.env("CARGO_INCREMENTAL", "0");
    }
    command
}

fn about_this_package(name: &OsString) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_", "CARGO_PRIMARY_"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}

/// How to build.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Profile {
    /// Fast to run.
    Release,
    /// Fast to build.
    Debug,
}

/// A dependency graph as `cargo metadata` prints it; only what we use.
#[derive(Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    pub(crate) workspace_members: Vec<String>,
    pub(crate) resolve: Option<Resolve>,
    #[serde(default)]
    pub(crate) target_directory: PathBuf,
}

#[derive(Deserialize)]
pub(crate) struct Package {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) license: Option<String>,
    pub(crate) source: Option<String>,
    pub(crate) manifest_path: PathBuf,
    pub(crate) targets: Vec<Target>,
    pub(crate) dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
pub(crate) struct Target {
    pub(crate) crate_types: Vec<String>,
}

#[derive(Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    pub(crate) req: String,
    pub(crate) path: Option<PathBuf>,
}

#[derive(Deserialize)]
pub(crate) struct Resolve {
    pub(crate) nodes: Vec<Node>,
}

#[derive(Deserialize)]
pub(crate) struct Node {
    pub(crate) id: String,
}

/// Runs `cargo metadata` with these further arguments.
pub(crate) fn metadata(arguments: &[&str]) -> anyhow::Result<Metadata> {
    let output = cargo()
        .args(["metadata", "--format-version", "1"])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cargo metadata failed: {}", output.status);
    }
    serde_json::from_slice(&output.stdout).context("cannot read what cargo metadata printed")
}

/// The names of the connector plugins: the members in `plugins/` that make a dynamic library.
pub(crate) fn plugins() -> anyhow::Result<Vec<String>> {
    let folder = root().join("plugins");
    let names = libraries(|path| path.parent() == Some(&folder))?;
    if names.is_empty() {
        bail!("no member below {} makes a cdylib", folder.display());
    }
    Ok(names)
}

/// The names of libraries that plugins bring along and open themselves: the members in the folders
/// of plugins that make a dynamic library.
pub(crate) fn companions() -> anyhow::Result<Vec<String>> {
    let folder = root().join("plugins");
    libraries(|path| path.parent().and_then(Path::parent) == Some(&folder))
}

/// The names of members in such folders that make a dynamic library, in order.
fn libraries(wanted: impl Fn(&Path) -> bool) -> anyhow::Result<Vec<String>> {
    let mut names: Vec<_> = metadata(&["--no-deps"])?
        .packages
        .into_iter()
        .filter(|package| package.manifest_path.parent().is_some_and(&wanted))
        .filter(|package| package.targets.iter().any(Target::is_library_file))
        .map(|package| package.name)
        .collect();
    names.sort();
    Ok(names)
}

impl Target {
    fn is_library_file(&self) -> bool {
        self.crate_types.iter().any(|kind| kind == "cdylib")
    }
}

/// What a build made.
#[derive(Default, Debug)]
pub(crate) struct Built {
    /// The dynamic libraries.
    pub(crate) libraries: Vec<PathBuf>,
    /// The programs.
    pub(crate) programs: Vec<PathBuf>,
}

#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    #[serde(default)]
    filenames: Vec<PathBuf>,
    executable: Option<PathBuf>,
    manifest_path: Option<PathBuf>,
}

/// Builds packages and tells where cargo says the files are: a guess from the profile's folder
/// would be wrong with another target folder, and stale after a build with `cargo test`.
pub(crate) fn build(packages: &[&str], profile: Profile) -> anyhow::Result<Built> {
    let mut command = cargo();
    command.args(["build", "--message-format=json-render-diagnostics"]);
    for package in packages {
        command.args(["--package", package]);
    }
    if profile == Profile::Release {
        command.arg("--release");
    }
    let output = command.stderr(Stdio::inherit()).output().context("cannot start cargo")?;
    if !output.status.success() {
        bail!("cargo build of {} failed: {}", packages.join(", "), output.status);
    }
    let mut built = Built::default();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let message: Message = serde_json::from_str(line)
            .with_context(|| format!("cannot read cargo's message `{line}`"))?;
        let ours = message.manifest_path.as_deref().is_some_and(|path| path.starts_with(root()));
        if message.reason != "compiler-artifact" || !ours {
            continue;
        }
        built.programs.extend(message.executable);
        if message.target.is_some_and(|target| target.is_library_file()) {
            let libraries = message.filenames.into_iter().filter(|file| {
                file.extension().is_some_and(|end| end == std::env::consts::DLL_EXTENSION)
            });
            built.libraries.extend(libraries);
        }
    }
    Ok(built)
}

/// Builds one package's program and returns where it is.
pub(crate) fn build_program(package: &str, profile: Profile) -> anyhow::Result<PathBuf> {
    build(&[package], profile)?.program(package)
}

impl Built {
    /// The program of that name.
    pub(crate) fn program(&self, name: &str) -> anyhow::Result<PathBuf> {
        let found = self.programs.iter().find(|path| path.file_stem().is_some_and(|s| s == name));
        found.cloned().with_context(|| format!("cargo built no program named {name}"))
    }
}
