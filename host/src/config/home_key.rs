//! The sealing key of a home: only read, or made where nothing is sealed yet. A key that was lost is never
//! replaced in silence: the new one would open nothing of what is there.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use super::{
    host::HostConfig,
    places::places,
    rotation::documents_in,
    sealing::{SealError, SealingKey, check_form},
    value::SEALED,
};

/// The key as it is. Makes nothing.
pub fn known_key(config: &HostConfig) -> Result<SealingKey, SealError> {
    let source = &config.sealing_key;
    match (SealingKey::load(source), source.file()) {
        (Err(SealError::File { source, .. }), Some(path))
            if source.kind() == io::ErrorKind::NotFound =>
        {
            let path = path.to_owned();
            Err(match sealed_values(config)? {
                0 => SealError::NotYet { path },
                count => SealError::Missing { path, count },
            })
        }
        (known, _) => known,
    }
}

/// The key to seal with. A file of it is made when there is none, and nothing is sealed.
pub fn key_to_seal(config: &HostConfig) -> Result<SealingKey, SealError> {
    match known_key(config) {
        Err(SealError::NotYet { path }) => SealingKey::load_or_create(&path),
        known => known,
    }
}

/// How many values of this home are sealed, those of removed connectors included.
fn sealed_values(config: &HostConfig) -> Result<usize, SealError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| SealError::Uncounted { path, source }
    };
    let mut files: Vec<PathBuf> = vec![config.home.join("host.toml")];
    for folder in [&config.connectors, &config.state.join("removed")] {
        files.extend(documents_in(folder).map_err(failed(folder))?);
    }
    let mut count = 0;
    for file in files {
        match fs::read(&file) {
            Ok(bytes) => count += sealed_in(&String::from_utf8_lossy(&bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(failed(&file)(error)),
        }
    }
    Ok(count)
}

fn sealed_in(text: &str) -> usize {
    let is_sealed = |text: &str| matches!(check_form(text), Ok(_) | Err(SealError::Version(_)));
    match places("document", text) {
        Ok(all) => all.iter().filter(|place| is_sealed(&place.text)).count(),
        // What is no document may be made one again.
        Err(_) => {
            let ends = |one: char| !(one.is_ascii_alphanumeric() || "+/=".contains(one));
            let texts = text.split(SEALED).skip(1);
            let texts = texts.map(|rest| rest.split(ends).next().unwrap_or_default());
            texts.filter(|encoded| is_sealed(&format!("{SEALED}{encoded}"))).count()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home(tempfile::TempDir, HostConfig);

    impl Home {
        fn new() -> Home {
            let folder = tempfile::tempdir().unwrap();
            let config = HostConfig::load(folder.path()).unwrap();
            Home(folder, config)
        }

        fn write(&self, name: &str, text: &str) {
            let path = self.0.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }

        fn key(&self) -> PathBuf {
            self.0.path().join("state/seal.key")
        }

        /// Something sealed, and the key is gone.
        fn sealed(&self) -> String {
            let sealed = key_to_seal(&self.1).unwrap().seal("hunter2").unwrap();
            fs::remove_file(self.key()).unwrap();
            sealed
        }
    }

    #[test]
    fn a_fresh_home_gets_its_key_from_whoever_seals_and_not_from_whoever_looks() {
        let home = Home::new();
        home.write("connectors/A.toml", "[values]\npassword = \"env:X\" # not sealed:\n");
        assert!(matches!(known_key(&home.1), Err(SealError::NotYet { .. })));
        assert!(!home.key().exists());
        let sealed = key_to_seal(&home.1).unwrap().seal("hunter2").unwrap();
        assert_eq!(known_key(&home.1).unwrap().open(&sealed).unwrap().expose(), "hunter2");
    }

    #[test]
    fn a_lost_key_is_not_replaced_while_anything_is_sealed_with_it() {
        for (file, before, after) in [
            ("host.toml", "[tls]\ncertificate = \"c\"\nkey = \"c\"\npassword = \"", "\"\n"),
            ("connectors/A.toml", "[values]\npassword = '", "'\n"),
            ("connectors/A.toml", "[worker]\nenvironment.X = \"", "\"\n"),
            ("connectors/A.toml", "a = = \"", "\"\n"),
            ("connectors/A.toml", "a = = '", "'"),
            ("state/removed/A.toml", "[values]\npassword = \"", "\"\n"),
        ] {
            let home = Home::new();
            home.write(file, &format!("{before}{}{after}", home.sealed()));
            let error = key_to_seal(&home.1).unwrap_err();
            assert!(matches!(error, SealError::Missing { count: 1, .. }), "{file}: {error}");
            assert!(!home.key().exists(), "{file}");
        }
    }

    #[test]
    fn how_many_are_sealed_is_told_with_what_to_do() {
        let home = Home::new();
        let sealed = home.sealed();
        home.write("connectors/A.toml", &format!("a = \"{sealed}\"\nb = \"{sealed}\"\n"));
        let path = home.key().display().to_string();
        assert_eq!(
            known_key(&home.1).unwrap_err().to_string(),
            format!(
                "the sealing key {path} is missing, and 2 values are sealed with it: restore it from a \
                 backup, or remove those values"
            )
        );
        home.write("connectors/A.toml", &format!("a = \"{sealed}\"\n"));
        let one = known_key(&home.1).unwrap_err().to_string();
        assert!(one.contains("1 value is sealed with it") && one.ends_with("that value"), "{one}");
    }

    #[test]
    fn what_cannot_be_read_may_hold_sealed_values() {
        let home = Home::new();
        home.write("connectors", "no folder");
        assert!(matches!(key_to_seal(&home.1), Err(SealError::Uncounted { .. })));
        assert!(!home.key().exists());
    }
}
