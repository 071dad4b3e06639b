//! Putting built plugins into an `ECMA/` folder, each in one step: the host may be watching. One with
//! companions lies in a folder of its own with them.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;

use crate::{
    cargo::{self, Profile},
    files::{self, Reader},
    say,
};

/// Builds all plugins and stages them into the folder.
pub(crate) fn run(profile: Profile, into: &Path) -> anyhow::Result<()> {
    let packages = packages()?;
    let names: Vec<_> = packages.iter().map(String::as_str).collect();
    stage(&cargo::build(&names, profile)?.libraries, into)
}

/// The names of all plugins, and of what they bring along as far as it can be built here.
pub(crate) fn packages() -> anyhow::Result<Vec<String>> {
    let mut packages = cargo::plugins()?;
    match driver_manager_is_there() {
        true => packages.extend(cargo::companions()?),
        false => say!(
            "ODBC is left out: it is built with the driver manager; install unixodbc-dev (Debian, \
             Ubuntu) or unixODBC-devel (RHEL) for it"
        ),
    }
    Ok(packages)
}

/// Whether a library can be linked to the ODBC driver manager. It is part of Windows.
pub(crate) fn driver_manager_is_there() -> bool {
    if cfg!(windows) {
        return true;
    }
    let name = if cfg!(target_os = "macos") { "libodbc.dylib" } else { "libodbc.so" };
    let asked = Command::new("cc").arg(format!("--print-file-name={name}")).output();
    // The compiler repeats the name of what it does not find.
    asked.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).trim() != name)
}

/// Copies the libraries into the folder; one that is there already byte for byte is left alone, so
/// that a host which is running does not load it again. What is there of a plugin in the other
/// layout is removed: the host would find it twice.
pub(crate) fn stage(libraries: &[impl AsRef<Path>], into: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
    close_to_others(into).with_context(|| format!("cannot change {}", into.display()))?;
    let libraries: Vec<&Path> = libraries.iter().map(AsRef::as_ref).collect();
    for library in &libraries {
        let plugin = libraries.iter().find(|plugin| is_companion(library, plugin));
        let has_companions = libraries.iter().any(|other| is_companion(other, library));
        let own = folder(into, plugin.unwrap_or(library));
        let name = library.file_name().context("cargo named a library without a file name")?;
        let (target, other) = match plugin.is_some() || has_companions {
            true => (own.join(name), into.join(name)),
            false => (into.join(name), own.join(name)),
        };
        copy(library, &target)?;
        files::remove(&other)?;
        if target.parent() == Some(into) && own.is_dir() {
            remove_companions(&own, library)?;
        }
    }
    Ok(())
}

fn copy(library: &Path, target: &Path) -> anyhow::Result<()> {
    let bytes = fs::read(library).with_context(|| format!("cannot read {}", library.display()))?;
    if fs::read(target).is_ok_and(|old| old == bytes) {
        return Ok(());
    }
    files::write(target, &bytes, Reader::All)?;
    let folder = files::folder_of(target);
    close_to_others(folder).with_context(|| format!("cannot change {}", folder.display()))?;
    say!("staged {}", target.display());
    Ok(())
}

/// Removes what a plugin brought along, and the folder when nothing else is in it.
fn remove_companions(folder: &Path, plugin: &Path) -> anyhow::Result<()> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    for entry in entries.flatten().filter(|entry| is_companion(&entry.path(), plugin)) {
        files::remove(&entry.path())?;
    }
    // It stays when somebody put more into it.
    drop(fs::remove_dir(folder));
    Ok(())
}

/// Whether a library is one that the plugin opens itself: `libx_more.so` beside `libx.so`.
fn is_companion(library: &Path, plugin: &Path) -> bool {
    let stem =
        |path: &Path| path.file_stem().and_then(OsStr::to_str).unwrap_or_default().to_owned();
    let (library, plugin) = (stem(library), stem(plugin));
    library.strip_prefix(&plugin).is_some_and(|more| more.starts_with('_'))
}

/// The folder for a plugin with companions.
fn folder(into: &Path, plugin: &Path) -> PathBuf {
    let stem = plugin.file_stem().and_then(OsStr::to_str).unwrap_or_default();
    let name = stem.strip_prefix(std::env::consts::DLL_PREFIX).unwrap_or(stem);
    into.join(name.replace('_', "-"))
}

/// The host refuses plugins in a folder that others may write to, as a checkout's folders are
/// under umask 002.
#[cfg(unix)]
fn close_to_others(folder: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let mode = fs::metadata(folder)?.permissions().mode();
    fs::set_permissions(folder, fs::Permissions::from_mode(mode & !0o022))
}

#[cfg(not(unix))]
fn close_to_others(_: &Path) -> std::io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_library_replaces_the_old_one_and_nothing_else_is_left() {
        let home = tempfile::tempdir().unwrap();
        let (built, into) = (home.path().join("libx.so"), home.path().join("ECMA"));
        for content in ["one", "two", "two"] {
            fs::write(&built, content).unwrap();
            stage(&[&built], &into).unwrap();
            assert_eq!(fs::read_to_string(into.join("libx.so")).unwrap(), content);
        }
        assert_eq!(fs::read_dir(&into).unwrap().count(), 1);
    }

    #[test]
    fn a_plugin_with_a_companion_has_a_folder_and_one_layout_at_a_time() {
        let home = tempfile::tempdir().unwrap();
        let name = |stem: &str| {
            format!("{}{stem}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX)
        };
        let built = |stem: &str| home.path().join(name(stem));
        let (plugin, companion, other) = (built("x_y"), built("x_y_odbc"), built("x"));
        for path in [&plugin, &companion, &other] {
            fs::write(path, "x").unwrap();
        }
        let into = home.path().join("ECMA");
        let there = || {
            let below = |folder: &Path| fs::read_dir(folder).into_iter().flatten().flatten();
            let files = below(&into).flat_map(|entry| match entry.path() {
                path if path.is_dir() => below(&path).map(|inside| inside.path()).collect(),
                path => vec![path],
            });
            let mut files: Vec<_> =
                files.map(|path| path.strip_prefix(&into).unwrap().to_owned()).collect();
            files.sort();
            files
        };
        let plain = [PathBuf::from(name("x")), PathBuf::from(name("x_y"))];
        let together = [
            PathBuf::from(name("x")),
            Path::new("x-y").join(name("x_y")),
            Path::new("x-y").join(name("x_y_odbc")),
        ];
        let mut together = together.to_vec();
        together.sort();
        stage(&[&other], &into).unwrap();
        for _ in 0..2 {
            stage(&[&plugin], &into).unwrap();
            assert_eq!(there(), plain);
            stage(&[&companion, &plugin], &into).unwrap();
            assert_eq!(there(), together);
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_staged_library_and_its_folder_are_not_writable_by_others() {
        use std::os::unix::fs::PermissionsExt as _;
        let home = tempfile::tempdir().unwrap();
        let built = home.path().join("libx.so");
        fs::write(&built, "x").unwrap();
        fs::set_permissions(&built, fs::Permissions::from_mode(0o777)).unwrap();
        fs::create_dir(home.path().join("ECMA")).unwrap();
        fs::set_permissions(home.path().join("ECMA"), fs::Permissions::from_mode(0o775)).unwrap();
        stage(&[&built], &home.path().join("ECMA")).unwrap();
        let mode = |path| fs::metadata(home.path().join(path)).unwrap().permissions().mode();
        assert_eq!(mode("ECMA/libx.so") & 0o777, 0o644);
        assert_eq!(mode("ECMA") & 0o777, 0o755);
    }
}
