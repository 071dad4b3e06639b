//! What the vendor writes: [`Connector`].
//!
//! To write a connector: a struct of settings with `#[derive(Config)]`, a struct that holds the
//! connection, `impl Connector` with `connect`, `schema`, `import` and, if it can, `export`; then
//! `export_connector!(It)`. The library goes into the host's `ECMA/` folder. The front page of this
//! crate has a complete one.

use crate::{
    Capabilities, Change, Config, Dn, Entry, EntryId, Error, Exported, HierarchyNode, ImportRun,
    ImportSink, Parameter, ParameterPage, Partition, PasswordOptions, Problem, Result, Schema,
    Secret, Values, Watermark,
};

/// A connection to a connected system. One thread uses it at a time; the host opens as many as it
/// needs and drops those that failed. Calls block; the host keeps the deadlines.
pub trait Connector: Sized + Send + 'static {
    /// The settings.
    type Config: Config;

    /// Opens a connection. Dropping it closes it.
    fn connect(config: Self::Config) -> Result<Self>;

    /// The object types and attributes of the connected system.
    fn schema(&mut self) -> Result<Schema>;

    /// Pushes entries into the sink: all of them, each once, or what changed since the run's
    /// watermark. Answers the watermark from which the next delta import shall go on, if the
    /// connector has such a thing. The host keeps it only when the whole run went well.
    fn import(&mut self, run: &ImportRun, sink: &mut ImportSink<'_>) -> Result<Option<Watermark>>;

    /// What it can do with these settings.
    fn capabilities(config: &Self::Config) -> Capabilities {
        let _ = config;
        Capabilities::default()
    }

    /// Adapts the parameters to what was answered so far: fills a drop-down, adds a parameter.
    /// `page` is the page being shown, or absent when all are asked for.
    fn refine(
        page: Option<ParameterPage>,
        values: &Values,
        parameters: &mut Vec<Parameter>,
    ) -> Result<()> {
        let _ = (page, values, parameters);
        Ok(())
    }

    /// What is wrong with settings that are each fine by themselves.
    fn check(config: &Self::Config) -> Vec<Problem> {
        let _ = config;
        Vec::new()
    }

    /// Whether the connected system answers; quick.
    fn test(&mut self) -> Result<()> {
        self.schema().map(drop)
    }

    /// The parts that are imported by themselves.
    fn partitions(&mut self) -> Result<Vec<Partition>> {
        Ok(vec![Partition::default_partition()])
    }

    /// The containers directly below this one, or the topmost.
    fn hierarchy(&mut self, below: Option<&Dn>) -> Result<Vec<HierarchyNode>> {
        let _ = below;
        Err(Error::unsupported("this connector has no containers"))
    }

    /// Does one change. An error means that nothing was changed, unless it is of kind
    /// `Unreachable` or `Timeout`: then the host looks.
    fn export(&mut self, change: &Change) -> Result<Exported> {
        let _ = change;
        Err(Error::unsupported("this connector does not write"))
    }

    /// Does a page of changes of different entries; one result for each, in order. One that fails
    /// does not keep the others from being done.
    fn export_batch(&mut self, batch: &[Change]) -> Vec<Result<Exported>> {
        batch.iter().map(|change| self.export(change)).collect()
    }

    /// Reads entries by their ids, `None` for those that are not there; in order.
    fn read(&mut self, ids: &[EntryId]) -> Result<Vec<Option<Entry>>> {
        let _ = ids;
        Err(Error::unsupported("this connector does not read single entries"))
    }

    /// Sets a password.
    fn set_password(&mut self, id: &EntryId, new: &Secret, options: PasswordOptions) -> Result<()> {
        let _ = (id, new, options);
        Err(Error::unsupported("this connector does not set passwords"))
    }

    /// Changes a password that is known.
    fn change_password(&mut self, id: &EntryId, old: &Secret, new: &Secret) -> Result<()> {
        let _ = (id, old, new);
        Err(Error::unsupported("this connector does not change passwords"))
    }
}
