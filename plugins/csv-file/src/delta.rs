//! What the file was at an import: a snapshot with two numbers per row, against which the next delta
//! import compares. The host's watermark is the name of a snapshot.
//!
//! ```text
//! snapshot  magic · 11 numbers (see `Head`) · keys · index
//! key       length u32 · object type and anchor, as `Table::key` writes them
//! index     per row: hash of the key · hash of the row's bytes · where its key stands; by the first
//! ```
//! Numbers are 64 bits, little-endian. Hashes are made with a random key that is handed on from
//! snapshot to snapshot.

use crate::{
    file::{Stamp, Successor, beside, trouble},
    settings::Settings,
};
use ecma_plugin_sdk::{Error, ErrorKind, Result, Watermark};
use std::{
    fs::{self, File},
    hash::{BuildHasher, RandomState},
    io::{Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

const MAGIC: &[u8; 8] = b"ecmacsv1";
const HEAD: usize = 8 + 11 * 8;
/// A file that was changed so shortly before it was read may have changed again with the same time.
const SETTLED: u64 = 2_000_000_000;
/// Snapshots of other settings, and leftovers, are removed after this.
const STALE: Duration = Duration::from_secs(30 * 24 * 3600);
/// Snapshots that are kept of a file read in one way. The host may use an older watermark than the
/// last when a run failed, or when an import was made only to look.
const KEPT: usize = 6;
const SUFFIX: &str = ".snapshot";

/// The key of the hashes.
pub(crate) type HashKey = [u64; 2];

/// A key that nobody can know.
pub(crate) fn random_key() -> HashKey {
    [random(), random()]
}

fn random() -> u64 {
    RandomState::new().hash_one("csv-file")
}

/// A number that tells these bytes from others.
pub(crate) fn hash(key: HashKey, bytes: &[u8]) -> u64 {
    let mix = |one: u64, other: u64| {
        let product = u128::from(one) * u128::from(other);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let word = |bytes: &[u8]| {
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        u64::from_le_bytes(word)
    };
    let mut state = mix(key[0] ^ (bytes.len() as u64), key[1] | 1);
    let mut blocks = bytes.chunks_exact(16);
    for block in &mut blocks {
        state = mix(state ^ word(&block[..8]), key[1] ^ word(&block[8..]));
    }
    let (low, high) = blocks.remainder().split_at(blocks.remainder().len().min(8));
    state = mix(state ^ word(low), key[1] ^ word(high));
    mix(state ^ key[1], key[0] | 1)
}

/// Where the snapshots of a file, read in one way, are.
pub(crate) struct Shelf {
    folder: PathBuf,
    /// Which settings, header and selection: rows read otherwise cannot be compared.
    reading: u64,
}

impl Shelf {
    pub(crate) fn new(settings: &Settings, path: &Path, reading: &str) -> Shelf {
        let folder = settings.snapshots.clone().unwrap_or_else(|| beside(path, ".snapshots"));
        let name = path.as_os_str().as_encoded_bytes();
        let key =
            [hash([0x9e37_79b9_7f4a_7c15, 0xc2b2_ae3d_27d4_eb4f], name), 0x1656_67b1_9e37_79f9];
        Shelf { folder, reading: hash(key, reading.as_bytes()) }
    }

    fn path(&self, id: &str, suffix: &str) -> PathBuf {
        self.folder.join(format!("{:016x}-{id}{suffix}", self.reading))
    }

    /// Opens the snapshot that a watermark names.
    pub(crate) fn find(&self, watermark: &Watermark) -> Result<Snapshot> {
        let id = watermark.as_str();
        let known = id.len() == 16 && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let snapshot = known.then(|| Snapshot::open(&self.path(id, SUFFIX), id)).flatten();
        snapshot.ok_or_else(unknown)
    }

    /// Begins a snapshot of a file with this stamp.
    pub(crate) fn begin(&self, key: HashKey, stamp: Stamp) -> Result<Draft> {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder).map_err(|error| trouble(&self.folder, error))?;
        let id = format!("{:016x}", random());
        let mut file = Successor::create(self.path(&id, ".new"))?;
        let metadata = file.file()?.metadata();
        let metadata = metadata.map_err(|error| trouble(&self.folder, error))?;
        file.write(&[0; HEAD])?;
        let taken = Stamp::of(&metadata).modified;
        Ok(Draft { file, id, key, stamp, taken, index: Vec::new(), at: HEAD as u64 })
    }

    /// Puts a snapshot on the shelf and takes away all but the last few and the one before.
    pub(crate) fn keep(&self, mut draft: Draft, before: Option<&Snapshot>) -> Result<Watermark> {
        draft.complete()?;
        let id = draft.id;
        let path = self.path(&id, SUFFIX);
        draft.file.put_in_place(&path)?;
        self.tidy(&path, before.map(|before| self.path(&before.id, SUFFIX)));
        Ok(Watermark::new(id))
    }

    /// What cannot be removed now is removed another time.
    fn tidy(&self, newest: &Path, before: Option<PathBuf>) {
        let modified = |path: &Path| fs::metadata(path).and_then(|m| m.modified()).ok();
        let Some(now) = modified(newest) else { return };
        let prefix = format!("{:016x}-", self.reading);
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        let mut others: Vec<(SystemTime, PathBuf)> = Vec::new();
        for entry in entries {
            let (path, name) = (entry.path(), entry.file_name());
            let Some(name) = name.to_str() else { continue };
            let Some(time) = modified(&path) else { continue };
            if path == newest || before.as_ref() == Some(&path) {
                continue;
            }
            if name.starts_with(&prefix) && name.ends_with(SUFFIX) {
                others.push((time, path));
            } else if (name.ends_with(SUFFIX) || name.ends_with(".new"))
                && now.duration_since(time).is_ok_and(|age| age > STALE)
            {
                let _ = fs::remove_file(path);
            }
        }
        others.sort();
        others.truncate(others.len().saturating_sub(KEPT - 1 - usize::from(before.is_some())));
        for (_, path) in others {
            let _ = fs::remove_file(path);
        }
    }
}

fn unknown() -> Error {
    let text = "the watermark is not known any more, a full import is needed";
    Error::new(ErrorKind::Conflict, text)
}

/// A row in the index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Item {
    key: u64,
    row: u64,
    at: u64,
}

/// A snapshot being made.
pub(crate) struct Draft {
    file: Successor,
    id: String,
    key: HashKey,
    stamp: Stamp,
    taken: u64,
    index: Vec<Item>,
    at: u64,
}

impl Draft {
    /// Notes a row: the hashes of its key and its bytes, and the key.
    pub(crate) fn note(&mut self, key_hash: u64, row_hash: u64, key: &[u8]) -> Result<()> {
        self.index.push(Item { key: key_hash, row: row_hash, at: self.at });
        self.file.write(&(key.len() as u32).to_le_bytes())?;
        self.file.write(key)?;
        self.at += 4 + key.len() as u64;
        Ok(())
    }

    fn complete(&mut self) -> Result<()> {
        self.index.sort_unstable();
        let mut check = self.key[0];
        for item in &self.index {
            let mut bytes = [0; 24];
            bytes[..8].copy_from_slice(&item.key.to_le_bytes());
            bytes[8..16].copy_from_slice(&item.row.to_le_bytes());
            bytes[16..].copy_from_slice(&item.at.to_le_bytes());
            check = hash([check, self.key[1]], &bytes);
            self.file.write(&bytes)?;
        }
        let [size, modified] = [self.stamp.size, self.stamp.modified];
        let [device, number, changed] = self.stamp.identity;
        let [key0, key1] = self.key;
        let count = self.index.len() as u64;
        let numbers = [
            self.taken, key0, key1, size, modified, device, number, changed, count, self.at, check,
        ];
        let head: Vec<u8> =
            MAGIC.iter().copied().chain(numbers.into_iter().flat_map(u64::to_le_bytes)).collect();
        let file = self.file.file()?;
        let written = file.seek(SeekFrom::Start(0)).and_then(|_| file.write_all(&head));
        Ok(written?)
    }
}

/// The file as it was.
pub(crate) struct Snapshot {
    id: String,
    file: File,
    pub(crate) key: HashKey,
    stamp: Stamp,
    taken: u64,
    index: Vec<Item>,
    /// Where in the index the hashes with the same first bits begin.
    starts: Vec<u32>,
    seen: Vec<u64>,
}

impl Snapshot {
    /// `None` when there is none, or not a whole one.
    fn open(path: &Path, id: &str) -> Option<Snapshot> {
        let mut file = File::open(path).ok()?;
        let mut head = [0; HEAD];
        file.read_exact(&mut head).ok()?;
        let (magic, numbers) = head.split_first_chunk::<8>()?;
        if magic != MAGIC {
            return None;
        }
        let mut numbers = numbers.as_chunks::<8>().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
        let mut next = || numbers.next();
        let taken = next()?;
        let key = [next()?, next()?];
        let (size, modified) = (next()?, next()?);
        let stamp = Stamp { size, modified, identity: [next()?, next()?, next()?] };
        let (count, at, check) = (next()?, next()?, next()?);
        let length = file.metadata().ok()?.len();
        if at.checked_add(count.checked_mul(24)?)? != length {
            return None;
        }
        file.seek(SeekFrom::Start(at)).ok()?;
        let mut index = Vec::with_capacity(count as usize);
        let mut reader = std::io::BufReader::with_capacity(256 * 1024, &file);
        let mut found = key[0];
        for _ in 0..count {
            let mut bytes = [0; 24];
            reader.read_exact(&mut bytes).ok()?;
            found = hash([found, key[1]], &bytes);
            let mut words = bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word));
            index.push(Item { key: words.next()?, row: words.next()?, at: words.next()? });
        }
        if found != check {
            return None;
        }
        let seen = vec![0; index.len().div_ceil(64)];
        let bits = (index.len() / 4).max(2).ilog2();
        let mut starts = vec![0; (1 << bits) + 1];
        index.iter().for_each(|item| starts[(item.key >> (64 - bits)) as usize + 1] += 1);
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Some(Snapshot { id: id.to_owned(), file, key, stamp, taken, index, starts, seen })
    }

    /// The place of a hash in the index.
    fn position(&self, key_hash: u64) -> Option<usize> {
        let bits = (self.starts.len() - 1).ilog2();
        let first = (key_hash >> (64 - bits)) as usize;
        let (from, to) = (self.starts[first] as usize, self.starts[first + 1] as usize);
        (from..to).find(|at| self.index[*at].key == key_hash)
    }

    /// Whether the file with this stamp is surely the one of the snapshot.
    pub(crate) fn shows(&self, stamp: Stamp) -> bool {
        self.stamp == stamp && self.taken.saturating_sub(stamp.modified) > SETTLED
    }

    /// Whether the row was there with the same bytes. Marks it as still there.
    pub(crate) fn has(&mut self, key_hash: u64, row_hash: u64) -> bool {
        let Some(at) = self.position(key_hash) else { return false };
        self.seen[at / 64] |= 1 << (at % 64);
        self.index[at].row == row_hash
    }

    /// Rows that were not seen again: both hashes and the key.
    pub(crate) fn unseen(&mut self) -> impl Iterator<Item = Result<(u64, u64, Vec<u8>)>> {
        let Snapshot { index, seen, file, key: hash_key, .. } = self;
        let unseen = |at: &usize| seen[at / 64] & (1 << (at % 64)) == 0;
        (0..index.len()).filter(unseen).map(|at| {
            let item = index[at];
            let mut length = [0; 4];
            file.seek(SeekFrom::Start(item.at))?;
            file.read_exact(&mut length)?;
            let mut key = Vec::new();
            file.take(u32::from_le_bytes(length).into()).read_to_end(&mut key)?;
            if hash(*hash_key, &key) != item.key {
                return Err(unknown());
            }
            Ok((item.key, item.row, key))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecma_plugin_sdk::{Config, Values, testkit::temp_dir};

    fn settings(folder: &Path) -> Settings {
        let folder = folder.join("snapshots");
        let values = Values::new([("file", "people.csv"), ("anchor", "id")]);
        Settings::read(&values.with("snapshots", folder.to_str().unwrap())).unwrap()
    }

    fn of(key: &str) -> u64 {
        hash([1, 2], key.as_bytes())
    }

    fn snapshot(shelf: &Shelf, rows: &[(&str, u64)], before: Option<&Snapshot>) -> Watermark {
        let mut draft = shelf.begin([1, 2], Stamp::default()).unwrap();
        for (text, row) in rows {
            draft.note(of(text), *row, text.as_bytes()).unwrap();
        }
        shelf.keep(draft, before).unwrap()
    }

    #[test]
    fn what_was_there_is_known_again() {
        let dir = temp_dir();
        let shelf = Shelf::new(&settings(dir.path()), Path::new("/people.csv"), "one way");
        let watermark = snapshot(&shelf, &[("i", 90), ("c", 30), ("e", 50)], None);
        let mut found = shelf.find(&watermark).unwrap();
        assert!(found.has(of("c"), 30));
        assert!(!found.has(of("e"), 51));
        assert!(!found.has(of("d"), 40));
        let gone: Vec<_> = found.unseen().map(Result::unwrap).collect();
        assert_eq!(gone, [(of("i"), 90, b"i".to_vec())]);
        assert!(shelf.find(&Watermark::new("../../etc/passwd")).is_err());
        let other = Shelf::new(&settings(dir.path()), Path::new("/people.csv"), "another way");
        assert_eq!(other.find(&watermark).err().unwrap().kind(), ErrorKind::Conflict);
    }

    #[test]
    fn the_last_snapshots_are_kept() {
        let dir = temp_dir();
        let shelf = Shelf::new(&settings(dir.path()), Path::new("/people.csv"), "one way");
        let first = snapshot(&shelf, &[], None);
        let base = shelf.find(&first).unwrap();
        let marks: Vec<Watermark> = (0..9).map(|_| snapshot(&shelf, &[], Some(&base))).collect();
        assert!(shelf.find(&first).is_ok(), "the one a delta began from stays");
        let known = marks.iter().filter(|mark| shelf.find(mark).is_ok()).count();
        assert_eq!(known, KEPT - 1);
        assert!(shelf.find(&marks[8]).is_ok());
        let files = fs::read_dir(dir.path().join("snapshots")).unwrap().count();
        assert_eq!(files, KEPT);
    }

    #[test]
    fn a_damaged_snapshot_is_not_known() {
        let dir = temp_dir();
        let shelf = Shelf::new(&settings(dir.path()), Path::new("/people.csv"), "one way");
        let watermark = snapshot(&shelf, &[("i", 90), ("c", 30)], None);
        let path = shelf.path(watermark.as_str(), SUFFIX);
        let whole = fs::read(&path).unwrap();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            assert!(shelf.find(&watermark).is_err(), "{length} bytes");
        }
        let mut flipped = whole.clone();
        *flipped.last_mut().unwrap() ^= 1;
        fs::write(&path, flipped).unwrap();
        assert!(shelf.find(&watermark).is_err());
        let mut flipped = whole;
        flipped[HEAD + 4] ^= 1;
        fs::write(&path, flipped).unwrap();
        let keys: Vec<bool> =
            shelf.find(&watermark).unwrap().unseen().map(|key| key.is_ok()).collect();
        assert_eq!(keys.iter().filter(|sound| !**sound).count(), 1, "a key is not its hash's");
    }

    #[test]
    fn only_a_file_that_had_settled_is_taken_as_unchanged() {
        let dir = temp_dir();
        let shelf = Shelf::new(&settings(dir.path()), Path::new("/people.csv"), "one way");
        let mut draft = shelf.begin([1, 2], Stamp { size: 7, ..Stamp::default() }).unwrap();
        draft.stamp.modified = draft.taken - SETTLED - 1;
        let stamp = draft.stamp;
        let settled = shelf.keep(draft, None).unwrap();
        let settled = shelf.find(&settled).unwrap();
        assert!(settled.shows(stamp));
        assert!(!settled.shows(Stamp { size: 8, ..stamp }));
        let mut draft = shelf.begin([1, 2], stamp).unwrap();
        draft.stamp.modified = draft.taken - 1;
        let stamp = draft.stamp;
        let fresh = shelf.keep(draft, None).unwrap();
        assert!(!shelf.find(&fresh).unwrap().shows(stamp));
    }

    #[test]
    fn hashes_differ_where_bytes_do() {
        let mut found = std::collections::HashSet::new();
        let key = random_key();
        for length in 0..70 {
            for at in 0..=length {
                let mut bytes = vec![0; length];
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = 1;
                }
                assert!(found.insert(hash(key, &bytes)), "{length} bytes, a one at {at}");
            }
        }
    }
}
