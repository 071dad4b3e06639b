//! What the host calls: [`Plugin`] and [`Connection`], the same whatever lies between.

use crate::{
    Capabilities, Change, Connector, Dn, Entry, EntryId, Error, Exported, HierarchyNode, ImportRun,
    Pager, Parameter, ParameterPage, Partition, PasswordOptions, Problem, Result, Schema, Secret,
    Values, Watermark, export,
    words::{Info, Question, Request, decode_answer, encode},
};
use serde::de::DeserializeOwned;
use std::marker::PhantomData;

/// Carries questions to a plugin: a library, this very program, another process.
///
/// Answers are the plugin's bytes, its errors among them; an error is that of the way to it.
pub trait Transport: Send + Sync {
    /// Answers a question.
    fn ask(&self, question: &[u8]) -> Result<Vec<u8>>;

    /// Opens a session with these values. The error may be the plugin's.
    fn connect(&self, values: &[u8]) -> Result<Box<dyn Session>>;

    /// Ends what runs in the plugin, where that is possible: every call under way comes back with an
    /// error. `false`: it is not possible, calls come back when they like.
    fn end(&self) -> bool {
        false
    }

    /// How often what runs the plugin was started anew, after it ended; 0 where that cannot be.
    fn restarts(&self) -> u64 {
        0
    }
}

/// Carries requests to a connection.
pub trait Session: Send {
    /// Answers a request; pages of an import go to the pager meanwhile.
    fn call(&mut self, request: &[u8], pager: &mut dyn Pager) -> Result<Vec<u8>>;

    /// Whether a request would reach the plugin.
    fn is_open(&self) -> bool {
        true
    }
}

/// A plugin that was found to be sound.
pub struct Plugin {
    info: Info,
    transport: Box<dyn Transport>,
}

impl Plugin {
    /// A plugin behind a transport.
    pub fn new(info: Info, transport: impl Transport + 'static) -> Plugin {
        Plugin { info, transport: Box::new(transport) }
    }

    /// A connector of this very program, for tests.
    pub fn linked<C: Connector>(name: &str, version: &str) -> Plugin {
        let info = Info {
            name: name.to_owned(),
            version: version.to_owned(),
            sdk: env!("CARGO_PKG_VERSION").to_owned(),
            description: String::new(),
        };
        Plugin::new(info, Linked::<C>(PhantomData))
    }

    /// Who it is.
    #[must_use]
    pub fn info(&self) -> &Info {
        &self.info
    }

    /// The parameters, of one page or of all, given what was answered so far.
    pub fn parameters(
        &self,
        page: Option<ParameterPage>,
        values: &Values,
    ) -> Result<Vec<Parameter>> {
        self.ask(&Question::Parameters { page, values: values.clone() })
    }

    /// Everything that is wrong with these answers.
    pub fn check(&self, values: &Values) -> Result<Vec<Problem>> {
        self.ask(&Question::Check(values.clone()))
    }

    /// What it can do with these answers.
    pub fn capabilities(&self, values: &Values) -> Result<Capabilities> {
        self.ask(&Question::Capabilities(values.clone()))
    }

    /// Opens a connection.
    pub fn connect(&self, values: &Values) -> Result<Connection> {
        self.transport.connect(&encode(values)).map(Connection)
    }

    /// Ends what runs in the plugin, where that is possible: when it has a process of its own. Calls
    /// under way then come back with an error, and the next one finds a new process.
    pub fn end(&self) -> bool {
        self.transport.end()
    }

    /// How often its process was started anew, after it ended.
    #[must_use]
    pub fn restarts(&self) -> u64 {
        self.transport.restarts()
    }

    fn ask<T: DeserializeOwned>(&self, question: &Question) -> Result<T> {
        decode_answer(&self.transport.ask(&encode(question))?)
    }
}

/// An open connection. Each call blocks its thread.
pub struct Connection(Box<dyn Session>);

struct NoPages;

impl Pager for NoPages {
    fn page(&mut self, _: &[u8]) -> bool {
        false
    }
}

impl Connection {
    /// Whether a call would reach the plugin: not when its process has ended.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.0.is_open()
    }

    /// Whether the connected system answers.
    pub fn test(&mut self) -> Result<()> {
        self.call(&Request::Test)
    }

    /// The parts that are imported by themselves.
    pub fn partitions(&mut self) -> Result<Vec<Partition>> {
        self.call(&Request::Partitions)
    }

    /// The containers directly below this one.
    pub fn hierarchy(&mut self, below: Option<&Dn>) -> Result<Vec<HierarchyNode>> {
        self.call(&Request::Hierarchy(below.cloned()))
    }

    /// The schema.
    pub fn schema(&mut self) -> Result<Schema> {
        self.call(&Request::Schema)
    }

    /// Imports; pages go to the pager.
    pub fn import(&mut self, run: &ImportRun, pager: &mut dyn Pager) -> Result<Option<Watermark>> {
        decode_answer(&self.0.call(&encode(&Request::Import(run.clone())), pager)?)
    }

    /// Exports a page of changes; one result for each. An error of the whole page may have happened
    /// before, between or after the changes.
    pub fn export(&mut self, changes: &[Change]) -> Result<Vec<Result<Exported>>> {
        let results: Vec<Result<Exported>> = self.call(&Request::Export(changes.to_vec()))?;
        if results.len() != changes.len() {
            return Err(Error::internal(format!(
                "the plugin answered {} results for {} changes",
                results.len(),
                changes.len()
            )));
        }
        Ok(results)
    }

    /// Reads entries by their ids.
    pub fn read(&mut self, ids: &[EntryId]) -> Result<Vec<Option<Entry>>> {
        let entries: Vec<Option<Entry>> = self.call(&Request::Read(ids.to_vec()))?;
        if entries.len() != ids.len() {
            return Err(Error::internal("the plugin answered too few or too many entries"));
        }
        Ok(entries)
    }

    /// Sets a password.
    pub fn set_password(
        &mut self,
        id: &EntryId,
        new: &Secret,
        options: PasswordOptions,
    ) -> Result<()> {
        self.call(&Request::SetPassword { id: id.clone(), new: new.clone(), options })
    }

    /// Changes a password.
    pub fn change_password(&mut self, id: &EntryId, old: &Secret, new: &Secret) -> Result<()> {
        let (old, new) = (old.clone(), new.clone());
        self.call(&Request::ChangePassword { id: id.clone(), old, new })
    }

    fn call<T: DeserializeOwned>(&mut self, request: &Request) -> Result<T> {
        decode_answer(&self.0.call(&encode(request), &mut NoPages)?)
    }
}

/// The transport to a connector of this very program: the same words and pages, no waist.
struct Linked<C>(PhantomData<fn() -> C>);

/// What carries the bytes of [`Plugin::linked`], for tests that have bytes of their own.
#[cfg(feature = "testkit")]
#[must_use]
pub fn linked<C: Connector>() -> impl Transport {
    Linked::<C>(PhantomData)
}

impl<C: Connector> Transport for Linked<C> {
    fn ask(&self, question: &[u8]) -> Result<Vec<u8>> {
        Ok(export::ask::<C>(question))
    }

    fn connect(&self, values: &[u8]) -> Result<Box<dyn Session>> {
        Ok(Box::new(export::connect::<C>(values)?))
    }
}

impl<C: Connector> Session for export::Open<C> {
    fn call(&mut self, request: &[u8], pager: &mut dyn Pager) -> Result<Vec<u8>> {
        Ok(self.answer(request, pager))
    }
}
