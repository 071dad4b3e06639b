//! The bare readers an import is held against: every value of every row is looked at, nothing kept.

use std::{hint::black_box, path::Path, time::Instant};

use anyhow::Context as _;
use rusqlite::{Connection, OpenFlags, types::ValueRef};

/// How fast a reader was.
pub(super) struct Read {
    pub(super) rows: u64,
    pub(super) seconds: f64,
}

/// Reads the demo's file with the csv crate.
pub(super) fn file(path: &Path) -> anyhow::Result<Read> {
    let place = || format!("cannot read {}", path.display());
    let started = Instant::now();
    let mut reader = csv::Reader::from_path(path).with_context(place)?;
    let mut record = csv::ByteRecord::new();
    let (mut rows, mut bytes) = (0, 0);
    while reader.read_byte_record(&mut record).with_context(place)? {
        rows += 1;
        bytes += record.iter().map(<[u8]>::len).sum::<usize>();
    }
    black_box(bytes);
    Ok(Read { rows, seconds: started.elapsed().as_secs_f64() })
}

/// Reads the demo's database with rusqlite.
pub(super) fn database(path: &Path) -> anyhow::Result<Read> {
    let started = Instant::now();
    let database = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let mut query = database.prepare("SELECT * FROM person")?;
    let columns = query.column_count();
    let mut found = query.query([])?;
    let (mut rows, mut bytes) = (0, 0);
    while let Some(row) = found.next()? {
        rows += 1;
        for column in 0..columns {
            bytes += match row.get_ref(column)? {
                ValueRef::Text(text) | ValueRef::Blob(text) => text.len(),
                ValueRef::Null => 0,
                ValueRef::Integer(_) | ValueRef::Real(_) => 8,
            };
        }
    }
    black_box(bytes);
    Ok(Read { rows, seconds: started.elapsed().as_secs_f64() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::demo::{self, Target};

    #[test]
    fn both_readers_see_every_row() {
        let home = tempfile::tempdir().unwrap();
        demo::ensure(home.path(), Some(40)).unwrap();
        assert_eq!(file(&Target::File.path(home.path())).unwrap().rows, 40);
        assert_eq!(database(&Target::Database.path(home.path())).unwrap().rows, 40);
    }
}
