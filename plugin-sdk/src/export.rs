//! The plugin's side of the waist: understands a call, guards it against panics, answers.

use crate::{
    Companion, Config, Connector, Error, ErrorKind, Exported, HostLine, ImportSink, Pager,
    Parameter, Problem, Result, Values, companion,
    words::{Info, Question, Request, decode, encode},
};
use ecma_plugin_abi::{
    Connected, HostLog, Pages, Session,
    abi_stable::std_types::{RNone, RSlice, RSome, RVec},
};
use serde::Serialize;
use serde_bytes::ByteBuf;
use std::{
    any::Any,
    cell::RefCell,
    panic::{self, AssertUnwindSafe},
};

thread_local! {
    /// Where the last panic of this thread happened; filled by the hook of `start`.
    static PANIC_PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Runs the vendor's code; a panic becomes an error of kind `Internal`.
fn guard<T>(call: impl FnOnce() -> Result<T>) -> Result<T> {
    panic::catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| Err(panicked(&*payload)))
}

fn panicked(payload: &(dyn Any + Send)) -> Error {
    let text = payload
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| payload.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "without a message".to_owned());
    let place = PANIC_PLACE.take().map(|place| format!(" at {place}")).unwrap_or_default();
    tracing::error!(place, "The plugin panicked");
    Error::new(ErrorKind::Internal, format!("the plugin panicked{place}: {text}"))
}

fn answer<T: Serialize>(call: impl FnOnce() -> Result<T>) -> Vec<u8> {
    encode(&guard(call))
}

/// Answers a question about the connector `C`.
pub(crate) fn ask<C: Connector>(question: &[u8]) -> Vec<u8> {
    match decode::<Question>(question) {
        Err(error) => encode(&Err::<(), _>(error)),
        Ok(Question::Parameters { page, values }) => answer(|| {
            let mut parameters = parameters::<C>(&values)?;
            C::refine(page, &values, &mut parameters)?;
            parameters.retain(|parameter| page.is_none_or(|page| parameter.page == page));
            Ok(parameters)
        }),
        Ok(Question::Check(values)) => answer(|| check::<C>(&values)),
        Ok(Question::Capabilities(values)) => {
            answer(|| Ok(C::capabilities(&C::Config::read(&values)?)))
        }
        Ok(Question::Folder(folder)) => answer(|| {
            companion::loaded_from(folder.into());
            Ok(())
        }),
    }
}

fn parameters<C: Connector>(_: &Values) -> Result<Vec<Parameter>> {
    Ok(C::Config::parameters())
}

fn check<C: Connector>(values: &Values) -> Result<Vec<Problem>> {
    let mut parameters = parameters::<C>(values)?;
    C::refine(None, values, &mut parameters)?;
    let mut problems = Vec::new();
    for (name, answer) in values.iter() {
        match parameters.iter().find(|parameter| parameter.name == name) {
            None => problems.push(Problem::new(name, unknown(name, &parameters))),
            Some(parameter) => {
                if let Some(message) = parameter.problem(answer) {
                    problems.push(Problem::new(name, message));
                }
            }
        }
    }
    for parameter in parameters.iter().filter(|p| p.required && values.get(&p.name).is_none()) {
        problems.push(Problem::new(&parameter.name, "is missing"));
    }
    match C::Config::read(values) {
        Ok(config) if problems.is_empty() => problems.extend(C::check(&config)),
        Ok(_) => {}
        Err(found) => {
            for problem in found {
                if !problems.iter().any(|known| known.at == problem.at) {
                    problems.push(problem);
                }
            }
        }
    }
    Ok(problems)
}

/// "is not a parameter", with the nearest one that is.
fn unknown(name: &str, parameters: &[Parameter]) -> String {
    let near = parameters
        .iter()
        .map(|parameter| (distance(name, &parameter.name), &parameter.name))
        .min()
        .filter(|(distance, known)| *distance <= known.len().div_ceil(3));
    match near {
        Some((_, known)) => format!("is not a parameter of this plugin, did you mean \"{known}\"?"),
        None => {
            let known: Vec<&str> = parameters.iter().map(|p| p.name.as_str()).collect();
            format!("is not a parameter of this plugin; it has {}", known.join(", "))
        }
    }
}

/// Edits that make one word of the other (Levenshtein).
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut diagonal = std::mem::replace(&mut row[0], i + 1);
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != *b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

/// Opens a connection of the connector `C`.
pub(crate) fn connect<C: Connector>(values: &[u8]) -> Result<Open<C>> {
    guard(|| {
        let config = C::Config::read(&decode(values)?)?;
        Ok(Open { connector: Some(C::connect(config)?) })
    })
}

/// An open connection of the connector `C`; empty after a panic.
pub(crate) struct Open<C> {
    connector: Option<C>,
}

impl<C: Connector> Open<C> {
    /// Answers a request. After a panic the connection is of no use any more and says so.
    pub(crate) fn answer(&mut self, request: &[u8], pager: &mut dyn Pager) -> Vec<u8> {
        let request = match decode::<Request>(request) {
            Ok(request) => request,
            Err(error) => return encode(&Err::<(), _>(error)),
        };
        let Some(connector) = &mut self.connector else {
            let error = Error::internal("the connection is closed after a panic");
            return encode(&Err::<(), _>(error));
        };
        match panic::catch_unwind(AssertUnwindSafe(|| handle(connector, request, pager))) {
            Ok(answer) => answer,
            Err(payload) => {
                let error = panicked(&*payload);
                let _ = guard(|| {
                    self.connector = None;
                    Ok(())
                });
                encode(&Err::<(), _>(error))
            }
        }
    }
}

impl<C> Drop for Open<C> {
    fn drop(&mut self) {
        let _ = guard(|| {
            self.connector = None;
            Ok(())
        });
    }
}

fn handle<C: Connector>(connector: &mut C, request: Request, pager: &mut dyn Pager) -> Vec<u8> {
    match request {
        Request::Test => encode(&connector.test()),
        Request::Partitions => encode(&connector.partitions()),
        Request::Hierarchy(below) => encode(&connector.hierarchy(below.as_ref())),
        Request::Schema => encode(&connector.schema()),
        Request::Import(run) => {
            let mut sink = ImportSink::new(run.page_size, pager);
            let imported = connector.import(&run, &mut sink);
            encode(&imported.and_then(|watermark| sink.finish().map(|()| watermark)))
        }
        Request::Export(changes) => {
            let results: Vec<Result<Exported>> = match changes.as_slice() {
                [change] => vec![connector.export(change)],
                changes => connector.export_batch(changes),
            };
            encode(&Ok::<_, Error>(results))
        }
        Request::Read(ids) => encode(&connector.read(&ids)),
        Request::SetPassword { id, new, options } => {
            encode(&connector.set_password(&id, &new, options))
        }
        Request::ChangePassword { id, old, new } => {
            encode(&connector.change_password(&id, &old, &new))
        }
    }
}

/// What stands behind a session of the waist.
trait Answers {
    /// Answers a request and never panics; pages go to the pager meanwhile.
    fn answer(&mut self, request: &[u8], pager: &mut dyn Pager) -> Vec<u8>;
}

impl<C: Connector> Answers for Open<C> {
    fn answer(&mut self, request: &[u8], pager: &mut dyn Pager) -> Vec<u8> {
        Open::answer(self, request, pager)
    }
}

/// An open companion; empty after a panic.
struct Aboard<T>(Option<T>);

impl<T: Companion> Answers for Aboard<T> {
    fn answer(&mut self, request: &[u8], pager: &mut dyn Pager) -> Vec<u8> {
        let answered = guard(|| {
            // It comes back when there was no panic.
            let mut companion = self
                .0
                .take()
                .ok_or_else(|| Error::internal("the companion is closed after a panic"))?;
            let answer = companion.call(request, &mut |page| pager.page(page));
            self.0 = Some(companion);
            Ok(ByteBuf::from(answer))
        });
        encode(&answered)
    }
}

impl<T> Drop for Aboard<T> {
    fn drop(&mut self) {
        let _ = guard(|| {
            self.0 = None;
            Ok(())
        });
    }
}

/// What `export_connector!` and `export_companion!` put behind the functions of the module.
pub mod symbols {
    use super::{
        Aboard, Answers, Companion, Connected, Connector, HostLine, HostLog, Info, PANIC_PLACE,
        Pager, Pages, RNone, RSlice, RSome, RVec, Session, ask, companion, connect, encode, guard,
        panic,
    };

    /// Takes the host's log and answers who the plugin is.
    pub fn start(log: HostLog, name: &str, version: &str, description: &str) -> RVec<u8> {
        panic::set_hook(Box::new(|info| {
            PANIC_PLACE.set(info.location().map(ToString::to_string));
        }));
        HostLine::install(log, name);
        let info = Info {
            name: name.to_owned(),
            version: version.to_owned(),
            sdk: env!("CARGO_PKG_VERSION").to_owned(),
            description: description.to_owned(),
        };
        encode(&info).into()
    }

    /// Answers a question.
    pub extern "C" fn ask_symbol<C: Connector>(question: RSlice<'_, u8>) -> RVec<u8> {
        ask::<C>(question.as_slice()).into()
    }

    /// Opens a connection.
    pub extern "C" fn connect_symbol<C: Connector>(values: RSlice<'_, u8>) -> Connected {
        connected(connect::<C>(values.as_slice()))
    }

    /// Tells a companion from a plugin.
    pub extern "C" fn companion_ask_symbol(_: RSlice<'_, u8>) -> RVec<u8> {
        companion::SAYS.to_vec().into()
    }

    /// Opens a companion.
    pub extern "C" fn companion_open_symbol<T: Companion>(words: RSlice<'_, u8>) -> Connected {
        connected(guard(|| Ok(Aboard(Some(T::open(words.as_slice())?)))))
    }

    fn connected<S: Answers>(opened: crate::Result<S>) -> Connected {
        match opened {
            Ok(open) => {
                let state = Box::into_raw(Box::new(open)).cast::<()>();
                let session = Session { state, call: call::<S>, close: close::<S> };
                Connected { session: RSome(session), failure: RVec::new() }
            }
            Err(error) => Connected { session: RNone, failure: encode(&error).into() },
        }
    }

    struct HostPages(Pages);

    #[expect(unsafe_code, reason = "the waist")]
    impl Pager for HostPages {
        fn page(&mut self, page: &[u8]) -> bool {
            // SAFETY: `state` is the host's and is valid during the call that handed it over.
            unsafe { (self.0.page)(self.0.state, RSlice::from_slice(page)) }
        }

        fn go_on(&self) -> bool {
            // SAFETY: as above.
            unsafe { (self.0.go_on)(self.0.state) }
        }
    }

    #[expect(unsafe_code, reason = "the waist")]
    unsafe extern "C" fn call<S: Answers>(
        state: *mut (),
        request: RSlice<'_, u8>,
        pages: Pages,
    ) -> RVec<u8> {
        // SAFETY: `state` comes from `connected::<S>`, is not closed yet, and the host calls from one
        // thread at a time.
        let open = unsafe { &mut *state.cast::<S>() };
        open.answer(request.as_slice(), &mut HostPages(pages)).into()
    }

    #[expect(unsafe_code, reason = "the waist")]
    unsafe extern "C" fn close<S: Answers>(state: *mut ()) {
        // SAFETY: `state` comes from `connected::<S>` and the host closes it once.
        drop(unsafe { Box::from_raw(state.cast::<S>()) });
    }
}

/// The function that says who a library is: as its crate is called.
#[doc(hidden)]
#[macro_export]
macro_rules! export_start {
    () => {
        extern "C" fn start(
            log: $crate::abi::HostLog,
        ) -> $crate::abi::abi_stable::std_types::RVec<u8> {
            $crate::symbols::start(
                log,
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
                env!("CARGO_PKG_DESCRIPTION"),
            )
        }
    };
}

/// Makes a library of a connector: exports what the host looks for.
///
/// The plugin's name and version are those of the crate.
#[macro_export]
macro_rules! export_connector {
    ($connector:ty) => {
        const _: () = {
            $crate::export_start!();
            fn module() -> $crate::abi::PluginModule {
                $crate::abi::PluginModule {
                    start,
                    ask: $crate::symbols::ask_symbol::<$connector>,
                    connect: $crate::symbols::connect_symbol::<$connector>,
                }
            }
            $crate::abi::export_module!(module);
        };
    };
}

/// Makes a library of a companion: exports what [`crate::companion::open`] looks for.
///
/// Its name and version are those of the crate.
#[macro_export]
macro_rules! export_companion {
    ($companion:ty) => {
        const _: () = {
            $crate::export_start!();
            fn module() -> $crate::abi::PluginModule {
                $crate::abi::PluginModule {
                    start,
                    ask: $crate::symbols::companion_ask_symbol,
                    connect: $crate::symbols::companion_open_symbol::<$companion>,
                }
            }
            $crate::abi::export_module!(module, "ecma-companion");
        };
    };
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::words::decode_answer;

    struct Fragile;

    impl Companion for Fragile {
        fn open(words: &[u8]) -> Result<Fragile> {
            assert_ne!(words, b"never", "it cannot be opened so");
            Ok(Fragile)
        }

        fn call(&mut self, request: &[u8], page: &mut dyn FnMut(&[u8]) -> bool) -> Vec<u8> {
            assert_ne!(request, b"break", "it broke");
            while page(request) {}
            request.to_vec()
        }
    }

    #[derive(Default)]
    struct Two(usize);

    impl Pager for Two {
        fn page(&mut self, _: &[u8]) -> bool {
            self.0 += 1;
            self.0 < 2
        }
    }

    #[test]
    fn a_companion_answers_sends_pages_until_it_is_enough_and_is_closed_by_a_panic() {
        let mut aboard = Aboard(Some(Fragile));
        let mut call = |request: &[u8]| {
            let mut pager = Two::default();
            let answer = Answers::answer(&mut aboard, request, &mut pager);
            (decode_answer::<ByteBuf>(&answer).map(ByteBuf::into_vec), pager.0)
        };
        assert_eq!(call(b"x"), (Ok(b"x".to_vec()), 2));
        let (broken, _) = call(b"break");
        let broken = broken.unwrap_err();
        assert_eq!(broken.kind(), ErrorKind::Internal);
        assert!(broken.message().contains("it broke"), "{broken}");
        assert!(call(b"x").0.unwrap_err().message().contains("closed after a panic"));
    }

    #[test]
    fn a_companion_that_panics_at_its_opening_is_an_error() {
        let opened = guard(|| Fragile::open(b"never"));
        assert_eq!(opened.err().map(|error| error.kind()), Some(ErrorKind::Internal));
    }
}
