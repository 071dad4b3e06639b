//! Putting built plugins into an `ECMA/` folder, each in one step: the host may be watching.

use std::{fs, path::Path};

use anyhow::Context as _;

use crate::{
    cargo::{self, Profile},
    files::{self, Reader},
    say,
};

/// Builds all plugins and stages them into the folder.
pub(crate) fn run(profile: Profile, into: &Path) -> anyhow::Result<()> {
    let plugins = cargo::plugins()?;
    let names: Vec<_> = plugins.iter().map(String::as_str).collect();
    stage(&cargo::build(&names, profile)?.libraries, into)
}

/// Copies the libraries into the folder; one that is there already byte for byte is left alone, so
/// that a host which is running does not load it again.
pub(crate) fn stage(libraries: &[impl AsRef<Path>], into: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(into).with_context(|| format!("cannot make {}", into.display()))?;
    close_to_others(into).with_context(|| format!("cannot change {}", into.display()))?;
    for library in libraries.iter().map(AsRef::as_ref) {
        let bytes =
            fs::read(library).with_context(|| format!("cannot read {}", library.display()))?;
        let name = library.file_name().context("cargo named a library without a file name")?;
        let target = into.join(name);
        if fs::read(&target).is_ok_and(|old| old == bytes) {
            continue;
        }
        files::write(&target, &bytes, Reader::All)?;
        say!("staged {}", target.display());
    }
    Ok(())
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
