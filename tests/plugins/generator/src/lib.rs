//! People out of thin air: a connector without a connected system, so that a measurement sees the
//! way of an entry and nothing else.

mod person;

use ecma_plugin_sdk::{Column, prelude::*};
pub use person::{COLUMNS, Person};

/// How many people, and which.
#[derive(Config)]
pub struct Settings {
    /// Count
    ///
    /// How many people there are.
    #[config(default = 1000)]
    count: u32,
    /// Seed
    ///
    /// Another seed makes other people.
    #[config(default = 1)]
    seed: u32,
}

/// A connection to nothing.
pub struct Generator(Settings);

impl Connector for Generator {
    type Config = Settings;

    fn connect(settings: Settings) -> Result<Generator> {
        Ok(Generator(settings))
    }

    fn capabilities(_: &Settings) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.export = false;
        capabilities
    }

    fn schema(&mut self) -> Result<Schema> {
        let person = ObjectType::new("person").anchor(COLUMNS[0], Text);
        let others = COLUMNS[1..].iter();
        Ok(Schema::new([others.fold(person, |person, name| person.attribute(*name, Text))]))
    }

    fn import(&mut self, _: &ImportRun, sink: &mut ImportSink<'_>) -> Result<Option<Watermark>> {
        let (anchor, others) = (Column::anchor(COLUMNS[0]), COLUMNS[1..].iter());
        let columns = std::iter::once(anchor).chain(others.map(|name| Column::new(*name)));
        let layout = sink.layout("person", columns);
        let mut person = Person::default();
        for number in 0..self.0.count {
            person.make(self.0.seed, number);
            let mut row = sink.row(layout);
            for (column, value) in person.values().enumerate() {
                row = row.text(column, value);
            }
            row.done()?;
        }
        Ok(None)
    }
}

export_connector!(Generator);
