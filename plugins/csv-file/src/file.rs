//! The file itself: opening it, seeing that it changed, locking it, putting a new one in its place.

use crate::{rows::Rows, schema::Table, settings::Settings, text::Codec};
use ecma_plugin_sdk::{Error, ErrorKind, Result};
use std::{
    fs::{self, File, Metadata, TryLockError},
    io::{self, BufWriter, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, UNIX_EPOCH},
};

/// How long an export waits for another one.
const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(5);

/// An error of the system, with the path it is about.
pub(crate) fn trouble(path: &Path, error: io::Error) -> Error {
    let place = path.display();
    if error.kind() == io::ErrorKind::NotFound {
        return Error::unreachable(format!("{place} is not there"));
    }
    Error::from(error).context(place)
}

/// What tells one state of a file from another without reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stamp {
    pub(crate) size: u64,
    /// Nanoseconds since 1970.
    pub(crate) modified: u64,
    /// Which file it is, and when that or its owner last changed.
    pub(crate) identity: [u64; 3],
}

impl Stamp {
    pub(crate) fn of(metadata: &Metadata) -> Stamp {
        let since = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        let modified = since.map_or(0, |since| since.as_nanos() as u64);
        #[cfg(unix)]
        let identity = {
            use std::os::unix::fs::MetadataExt;
            let changed = metadata.ctime().wrapping_mul(1_000_000_000) + metadata.ctime_nsec();
            [metadata.dev(), metadata.ino(), changed as u64]
        };
        #[cfg(not(unix))]
        let identity = [0; 3];
        Stamp { size: metadata.len(), modified, identity }
    }
}

/// The file behind the path, links followed.
pub(crate) fn resolve(settings: &Settings) -> Result<PathBuf> {
    let path = fs::canonicalize(&settings.file).map_err(|e| trouble(&settings.file, e))?;
    let metadata = fs::metadata(&path).map_err(|e| trouble(&path, e))?;
    if !metadata.is_file() {
        return Err(Error::config(format!("{} is not a file", path.display())));
    }
    Ok(path)
}

/// A path beside the file: `.people.csv.lock`.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(suffix);
    path.with_file_name(name)
}

/// The file being read.
pub(crate) struct Reader {
    pub(crate) rows: Rows<File>,
    pub(crate) table: Table,
    pub(crate) codec: Codec,
    /// The byte order mark.
    pub(crate) mark: Vec<u8>,
    /// The header, as it is written; empty without one.
    pub(crate) header: Vec<u8>,
    /// Everything before the first row of data: mark, empty lines, header.
    pub(crate) preamble: Vec<(Vec<u8>, Vec<u8>)>,
    pub(crate) stamp: Stamp,
    pub(crate) metadata: Metadata,
    file: File,
    path: PathBuf,
}

impl Reader {
    /// Opens the file and reads as far as the header.
    pub(crate) fn open(settings: &Settings, path: &Path) -> Result<Reader> {
        let failed = |error| trouble(path, error);
        let mut file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        let mut start = Vec::new();
        (&mut file).take(3).read_to_end(&mut start).map_err(failed)?;
        let (codec, mark) = match Codec::for_mark(&start) {
            Some((codec, length)) => (codec, start.drain(..length).collect()),
            None => (Codec::for_label(&settings.encoding).map_err(Error::config)?, Vec::new()),
        };
        let dialect = settings.dialect(codec)?;
        let second = file.try_clone().map_err(failed)?;
        let mut rows = Rows::new(file, dialect, &start);
        let mut preamble = Vec::new();
        let mut header = Vec::new();
        let names = if settings.header {
            loop {
                if !rows.advance().map_err(|e| e.context(path.display()))? {
                    let text = format!("{} has no line that names the columns", path.display());
                    return Err(Error::config(text));
                }
                preamble.push((rows.content().to_vec(), rows.terminator().to_vec()));
                if rows.len() > 0 {
                    break;
                }
            }
            header.extend_from_slice(rows.content());
            let mut cells = Cells::new(codec);
            let name = |at| cells.text(&rows, at).map(str::to_owned);
            let names: Option<Vec<String>> = (0..rows.len()).map(name).collect();
            names.ok_or_else(|| {
                let (place, encoding) = (path.display(), codec.name());
                Error::config(format!("{place}: the names of the columns are not {encoding}"))
            })?
        } else {
            settings.columns.clone()
        };
        let table = Table::new(settings, &names).map_err(|e| e.context(path.display()))?;
        let (stamp, path) = (Stamp::of(&metadata), path.to_owned());
        Ok(Reader {
            rows,
            table,
            codec,
            mark,
            header,
            preamble,
            stamp,
            metadata,
            file: second,
            path,
        })
    }

    /// Goes to the next row of data that is not empty.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        loop {
            if !self.step()? {
                return Ok(false);
            }
            if self.rows.len() > 0 {
                return Ok(true);
            }
        }
    }

    /// Goes to the next row, which may be empty.
    pub(crate) fn step(&mut self) -> Result<bool> {
        self.rows.advance().map_err(|error| error.context(self.path.display()))
    }

    /// An error when somebody wrote into the file while it was read.
    pub(crate) fn still_the_same(&self) -> Result<()> {
        let now = self.file.metadata().map_err(|error| trouble(&self.path, error))?;
        let now = Stamp::of(&now);
        if (now.size, now.modified) == (self.stamp.size, self.stamp.modified) {
            return Ok(());
        }
        let place = self.path.display();
        Err(Error::new(ErrorKind::Busy, format!("{place} was changed while it was read")))
    }
}

/// Decodes values of a row; keeps the memory for it.
pub(crate) struct Cells {
    codec: Codec,
    bytes: Vec<u8>,
    text: String,
}

impl Cells {
    pub(crate) fn new(codec: Codec) -> Cells {
        Cells { codec, bytes: Vec::new(), text: String::new() }
    }

    /// The text of a value; `None` when its bytes are none in the encoding.
    pub(crate) fn text<'a>(&'a mut self, rows: &'a Rows<File>, at: usize) -> Option<&'a str> {
        self.codec.decode(rows.value(at, &mut self.bytes), &mut self.text)
    }
}

/// Waits until nobody else exports to the file. Dropping the answer ends the lock.
pub(crate) fn lock(path: &Path) -> Result<File> {
    let place = beside(path, ".lock");
    let mut options = File::options();
    options.create(true).truncate(false).write(true);
    let file = options.open(&place).map_err(|error| trouble(&place, error))?;
    let mut waited = Duration::ZERO;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::Error(error)) => return Err(trouble(&place, error)),
            Err(TryLockError::WouldBlock) if waited >= PATIENCE => {
                let text = format!("{} is being written by another export", path.display());
                return Err(Error::new(ErrorKind::Busy, text));
            }
            Err(TryLockError::WouldBlock) => {
                std::thread::sleep(PAUSE);
                waited += PAUSE;
            }
        }
    }
}

/// A new file that is to take the place of another; removed when dropped before.
pub(crate) struct Successor {
    path: PathBuf,
    out: Option<BufWriter<File>>,
    placed: bool,
}

impl Successor {
    /// Creates it beside the path. The caller holds the lock: what is there is left over from an
    /// export that was killed.
    pub(crate) fn create(path: PathBuf) -> Result<Successor> {
        let failed = |error| trouble(&path, error);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
        let mut options = File::options();
        options.write(true).read(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&path).map_err(failed)?;
        Ok(Successor { path, out: Some(BufWriter::with_capacity(256 * 1024, file)), placed: false })
    }

    /// Appends bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let out = self.out.as_mut().expect("open until it is put in place");
        out.write_all(bytes).map_err(|error| trouble(&self.path, error))
    }

    /// The file, all bytes given so far written to it.
    pub(crate) fn file(&mut self) -> Result<&mut File> {
        let out = self.out.as_mut().expect("open until it is put in place");
        out.flush().map_err(|error| trouble(&self.path, error))?;
        Ok(out.get_mut())
    }

    /// Puts it in the place of `target`.
    pub(crate) fn put_in_place(mut self, target: &Path) -> Result<()> {
        self.file()?;
        self.place(target)
    }

    fn place(&mut self, target: &Path) -> Result<()> {
        drop(self.out.take());
        fs::rename(&self.path, target).map_err(|error| trouble(target, error))?;
        self.placed = true;
        Ok(())
    }

    /// Puts it, safe on the disk, in the place of `target`, with the owner and mode of the file
    /// before; `false` when that has changed since it was read.
    pub(crate) fn replace(mut self, target: &Path, reader: Reader) -> Result<bool> {
        let path = self.path.clone();
        let file = self.file()?;
        let kept = keep_owner(file, &reader.metadata).and_then(|()| file.sync_all());
        kept.map_err(|error| trouble(&path, error))?;
        let now = fs::metadata(target).map_err(|error| trouble(target, error))?;
        if Stamp::of(&now) != reader.stamp {
            return Ok(false);
        }
        // Windows does not replace a file that is open everywhere.
        drop(reader);
        self.place(target)?;
        #[cfg(unix)]
        if let Some(folder) = target.parent() {
            // The change is done and seen by everybody; only a loss of power could still undo it.
            if let Err(error) = File::open(folder).and_then(|folder| folder.sync_all()) {
                ecma_plugin_sdk::tracing::warn!(?folder, %error, "Folder not synced to the disk");
            }
        }
        Ok(true)
    }
}

impl Drop for Successor {
    fn drop(&mut self) {
        drop(self.out.take());
        if !self.placed {
            let _ = fs::remove_file(&self.path);
        }
    }
}

#[cfg(unix)]
fn keep_owner(file: &File, before: &Metadata) -> io::Result<()> {
    use std::os::unix::fs::{MetadataExt, fchown};
    let now = file.metadata()?;
    if now.uid() != before.uid() || now.gid() != before.gid() {
        // Only root can give a file away; others keep at least the group when they belong to it.
        if fchown(file, Some(before.uid()), Some(before.gid())).is_err() {
            let _ = fchown(file, None, Some(before.gid()));
        }
    }
    file.set_permissions(before.permissions())
}

#[cfg(not(unix))]
fn keep_owner(file: &File, before: &Metadata) -> io::Result<()> {
    file.set_permissions(before.permissions())
}
