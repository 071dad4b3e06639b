//! A file of lines: begun anew each day or when it is full, with a bounded number of older ones kept
//! beside it as `NAME.1`, `NAME.2` and so on; or only ever appended to.

use super::{Clock, queue::Place};
use crate::config::{self, private_folder};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::{Path, PathBuf},
    time::{SystemTime, UNIX_EPOCH},
};

/// Days since 1970, UTC.
fn day(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs() / 86_400)
}

/// See the head of the file.
pub(super) struct LineFile {
    path: PathBuf,
    rotation: Option<Rotation>,
    open: Option<File>,
    bytes: u64,
    /// A line was not written to its end: the next one needs a newline first.
    torn: bool,
}

struct Rotation {
    daily: bool,
    bytes: u64,
    keep: usize,
    clock: Clock,
    day: u64,
}

impl LineFile {
    /// A file that is begun anew now and then.
    pub(super) fn rotated(file: &config::LogFile, clock: Clock) -> io::Result<LineFile> {
        let known = fs::metadata(&file.path).and_then(|known| known.modified());
        let day = day(known.unwrap_or_else(|_| clock().into()));
        let (daily, bytes, keep) = (file.daily, file.bytes, file.keep);
        LineFile::open(&file.path, Some(Rotation { daily, bytes, keep, clock, day }))
    }

    /// A file that is only appended to.
    pub(super) fn appended(path: &Path) -> io::Result<LineFile> {
        LineFile::open(path, None)
    }

    fn open(path: &Path, rotation: Option<Rotation>) -> io::Result<LineFile> {
        if let Some(folder) = path.parent() {
            private_folder(folder)?;
        }
        let mut file =
            LineFile { path: path.to_owned(), rotation, open: None, bytes: 0, torn: false };
        file.file()?;
        Ok(file)
    }

    /// The file, opened when it is not.
    fn file(&mut self) -> io::Result<&mut File> {
        if self.open.is_none() {
            let mut options = File::options();
            options.create(true).append(true);
            #[cfg(unix)]
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
            let file = options.open(&self.path)?;
            self.bytes = file.metadata()?.len();
            self.open = Some(file);
        }
        self.open.as_mut().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Moves the older files on and the current one after them, when it is time.
    fn rotate(&mut self, coming: usize) {
        let Some(rotation) = &mut self.rotation else { return };
        let today = day((rotation.clock)().into());
        let is_full = self.bytes > 0 && self.bytes + coming as u64 > rotation.bytes;
        let is_over = rotation.daily && today != rotation.day;
        if !is_full && !is_over {
            return;
        }
        rotation.day = today;
        if self.bytes == 0 {
            return;
        }
        let older = |number: usize| {
            let mut name = self.path.clone().into_os_string();
            name.push(format!(".{number}"));
            PathBuf::from(name)
        };
        let keep = rotation.keep;
        for number in (1..keep).rev() {
            // One that is not there leaves its place free.
            let _ = fs::rename(older(number), older(number + 1));
        }
        let moved = match keep {
            0 => fs::remove_file(&self.path),
            _ => fs::rename(&self.path, older(1)),
        };
        self.bytes = 0;
        // Where it cannot be moved it grows on, and is tried again when as much has come.
        if moved.is_ok() {
            self.open = None;
        }
    }
}

impl Place for LineFile {
    fn line(&mut self, line: &[u8]) -> io::Result<()> {
        self.rotate(line.len());
        let torn = self.torn;
        let file = self.file()?;
        let written = match torn {
            true => file.write_all(b"\n").and_then(|()| file.write_all(line)),
            false => file.write_all(line),
        };
        self.bytes += line.len() as u64;
        self.torn = written.is_err();
        written
    }

    fn reopen(&mut self) {
        self.open = None;
        // Where it cannot be opened the next line tries again.
        let _ = self.file();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicI64, Ordering};

    fn now() -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    fn in_folder(folder: &Path, bytes: u64, keep: usize) -> config::LogFile {
        config::LogFile { path: folder.join("log/host.log"), daily: true, bytes, keep }
    }

    fn contents(folder: &Path) -> Vec<(String, String)> {
        let mut all: Vec<_> = fs::read_dir(folder.join("log"))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .map(|path| {
                let name = path.file_name().unwrap().to_str().unwrap().to_owned();
                (name, fs::read_to_string(path).unwrap())
            })
            .collect();
        all.sort();
        all
    }

    fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
        all.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
    }

    #[test]
    fn a_full_file_is_begun_anew_and_so_many_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let mut file = LineFile::rotated(&in_folder(folder.path(), 8, 2), now).unwrap();
        for line in ["one\n", "two\n", "three\n", "four\n", "five\n"] {
            file.line(line.as_bytes()).unwrap();
        }
        let expected =
            [("host.log", "five\n"), ("host.log.1", "four\n"), ("host.log.2", "three\n")];
        assert_eq!(contents(folder.path()), pairs(&expected));
        file = LineFile::rotated(&in_folder(folder.path(), 8, 0), now).unwrap();
        file.line(b"sixth\n").unwrap();
        assert_eq!(contents(folder.path())[0], ("host.log".into(), "sixth\n".into()));
        assert_eq!(contents(folder.path())[1].1, "four\n", "nothing is kept, nothing is moved");
    }

    #[test]
    fn a_new_day_begins_a_new_file_once() {
        static LATER: AtomicI64 = AtomicI64::new(0);
        fn clock() -> jiff::Timestamp {
            now() + jiff::SignedDuration::from_hours(24 * LATER.load(Ordering::Relaxed))
        }
        let folder = tempfile::tempdir().unwrap();
        let settings = in_folder(folder.path(), 1000, 5);
        let mut file = LineFile::rotated(&settings, clock).unwrap();
        file.line(b"monday\n").unwrap();
        LATER.store(1, Ordering::Relaxed);
        file.line(b"tuesday\n").unwrap();
        file.line(b"later\n").unwrap();
        let expected = [("host.log", "tuesday\nlater\n"), ("host.log.1", "monday\n")];
        assert_eq!(contents(folder.path()), pairs(&expected));
    }

    #[test]
    fn a_file_that_is_appended_to_is_never_moved_and_opened_again_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log/audit.log");
        for line in ["one\n", "two\n"] {
            LineFile::appended(&path).unwrap().line(line.as_bytes()).unwrap();
        }
        let mut file = LineFile::appended(&path).unwrap();
        fs::rename(&path, path.with_extension("old")).unwrap();
        file.line(b"three\n").unwrap();
        file.reopen();
        file.line(b"four\n").unwrap();
        let expected = [("audit.log", "four\n"), ("audit.old", "one\ntwo\nthree\n")];
        assert_eq!(contents(folder.path()), pairs(&expected));
    }

    #[test]
    fn a_folder_in_the_way_is_an_error_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let settings = in_folder(folder.path(), 8, 1);
        fs::create_dir_all(settings.path.join("inside")).unwrap();
        assert!(LineFile::rotated(&settings, now).is_err());
        fs::remove_dir_all(&settings.path).unwrap();
        let mut file = LineFile::rotated(&settings, now).unwrap();
        fs::remove_file(&settings.path).unwrap();
        fs::create_dir(&settings.path).unwrap();
        file.reopen();
        assert!(file.line(b"lost\n").is_err());
        fs::remove_dir(&settings.path).unwrap();
        file.line(b"kept\n").unwrap();
        assert_eq!(contents(folder.path()), pairs(&[("host.log", "kept\n")]));
    }
}
