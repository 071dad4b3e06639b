//! A file in a folder of its own, and a connection to it.
//!
//! Each test uses a part of it.
#![expect(dead_code, unreachable_pub, reason = "shared by several test programs")]

use csv_file::CsvFile;
use ecma_plugin_sdk::{Connection, Exported, ImportRun, prelude::*, testkit::*};
use std::{fs, path::PathBuf};

pub struct Place {
    pub dir: TempDir,
    pub file: PathBuf,
    pub values: Values,
}

impl Place {
    /// A file of these bytes, with the anchor `id`.
    pub fn new(bytes: impl AsRef<[u8]>) -> Place {
        let dir = temp_dir();
        let file = dir.path().join("people.csv");
        fs::write(&file, bytes).unwrap();
        let values = Values::new([("file", file.to_str().unwrap()), ("anchor", "id")]);
        Place { dir, file, values }
    }

    pub fn with(mut self, name: &str, answer: impl Into<ecma_plugin_sdk::Answer>) -> Place {
        self.values.set(name, answer);
        self
    }

    pub fn connect(&self) -> Connection {
        Plugin::linked::<CsvFile>("csv-file", "0").connect(&self.values).unwrap()
    }

    pub fn bytes(&self) -> Vec<u8> {
        fs::read(&self.file).unwrap()
    }

    pub fn write(&self, bytes: impl AsRef<[u8]>) {
        fs::write(&self.file, bytes).unwrap();
    }

    pub fn export(&self, changes: &[Change]) -> Vec<Result<Exported>> {
        self.connect().export(changes).unwrap()
    }

    /// Entries in the order of the file, and what was refused.
    pub fn entries(&self) -> (Vec<Entry>, Vec<String>) {
        let imported = import(&mut self.connect(), &ImportRun::full()).unwrap();
        let entries = imported.changes.into_iter().filter_map(|change| change.apply(None));
        let refused = imported.refused.iter().map(|r| format!("{}: {}", r.place, r.error));
        (entries.collect(), refused.collect())
    }
}

pub fn person(id: impl Into<Value>) -> Entry {
    Entry::new("person").anchor("id", id)
}

pub fn update(id: &str) -> ecma_plugin_sdk::Update {
    ecma_plugin_sdk::Update::new(person(id).id().clone())
}

pub fn delete(id: &str) -> Change {
    Change::Delete { id: person(id).id().clone() }
}
