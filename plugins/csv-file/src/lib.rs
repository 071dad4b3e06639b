//! People, groups or devices of a CSV file.
//!
//! `settings` asks, `file` opens, locks and replaces, `rows`, `scan` and `text` split and decode, `schema`
//! knows the columns, `import` and `delta` read, `export` and `edit` write. Nothing is kept in memory
//! between two calls.

mod delta;
mod edit;
mod export;
mod file;
mod generate;
mod import;
mod rows;
mod scan;
mod schema;
mod seen;
mod settings;
mod text;

pub use settings::Settings;

use ecma_plugin_sdk::Problem;
use ecma_plugin_sdk::prelude::*;

/// The connector.
pub struct CsvFile(Settings);

impl Connector for CsvFile {
    type Config = Settings;

    fn connect(settings: Settings) -> Result<CsvFile> {
        let problems = settings.problems();
        if problems.is_empty() { Ok(CsvFile(settings)) } else { Err(problems.into()) }
    }

    fn schema(&mut self) -> Result<Schema> {
        schema::schema(&self.0)
    }

    fn test(&mut self) -> Result<()> {
        file::Reader::open(&self.0, &file::resolve(&self.0)?).map(drop)
    }

    fn import(&mut self, run: &ImportRun, sink: &mut ImportSink<'_>) -> Result<Option<Watermark>> {
        import::import(&self.0, run, sink)
    }

    fn capabilities(_: &Settings) -> Capabilities {
        let mut capabilities = Capabilities::default();
        capabilities.delta_import = true;
        capabilities.export_pages = true;
        capabilities.read = true;
        capabilities.concurrent = true;
        capabilities
    }

    fn refine(
        _: Option<ecma_plugin_sdk::ParameterPage>,
        _: &Values,
        parameters: &mut Vec<ecma_plugin_sdk::Parameter>,
    ) -> Result<()> {
        for parameter in parameters.iter_mut().filter(|parameter| parameter.name == "anchor") {
            parameter.required = true;
        }
        Ok(())
    }

    fn check(settings: &Settings) -> Vec<Problem> {
        settings.problems()
    }

    fn export(&mut self, change: &Change) -> Result<Exported> {
        export::export(&self.0, std::slice::from_ref(change)).remove(0)
    }

    fn export_batch(&mut self, batch: &[Change]) -> Vec<Result<Exported>> {
        export::export(&self.0, batch)
    }

    fn read(&mut self, ids: &[EntryId]) -> Result<Vec<Option<Entry>>> {
        import::read(&self.0, ids)
    }
}

export_connector!(CsvFile);
