//! Target `worker`: the input is what goes over the pipes between the host and a worker, frame after
//! frame. What the host says is put to a plugin, as a worker does it; what a worker says is read as
//! the host does.

use crate::Worth;
use ecma_host::plugins::worker::frame::{self, Frame, Kind};
use ecma_plugin_sdk::{
    Change, Entry, Error, ImportRun, ImportSink, Info, LoadError, LogLine, Pager, Plugin, Result,
    Session, Transport, Values,
    page::{Page, Refused},
    testkit::{Fake, System, linked},
};
use serde::{Serialize, de::DeserializeOwned};
use std::{
    fmt::Debug,
    io::{self, BufReader, Read},
    sync::{Mutex, PoisonError},
};

/// The system behind the plugin; the words of the corpus name it.
const SYSTEM: &str = "fuzz worker";
/// What opens a connection to it, in MessagePack.
const VALUES: &[u8] = b"\x81\xa6system\xabfuzz worker";

pub(crate) fn run(input: &[u8]) -> Worth {
    // One at a time: each has the system as it is at first.
    static ALONE: Mutex<()> = Mutex::new(());
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    system();
    match frames(input).iter().filter(|frame| is_understood(frame)).count() {
        0 => Worth::Nothing,
        _ => Worth::Keeping,
    }
}

fn system() -> System {
    let system = System::new(SYSTEM);
    system.person("1", "ada");
    let whole = Entry::new("user").anchor("id", "2").set("userName", "grace").set("active", true);
    let whole = whole.set("number", -7).set("mails", ["a@example.org", "b@example.org"]);
    system.put(whole.set("photo", vec![0_u8, 255]));
    system.state().capabilities.password = true;
    system
}

/// A pipe that hands over a few bytes at a time, with a signal before each.
struct Crumbs<'a> {
    rest: &'a [u8],
    signal: bool,
    /// The most that was asked for at once.
    most: usize,
}

impl Read for Crumbs<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.most = self.most.max(into.len());
        self.signal = !self.signal;
        if self.signal {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let few = into.len().min(3);
        self.rest.read(&mut into[..few])
    }
}

/// The frames up to the end or to what is none.
fn frames(input: &[u8]) -> Vec<Frame> {
    let (mut rest, mut frames) = (input, Vec::new());
    let mut crumbs = Crumbs { rest: input, signal: false, most: 0 };
    let mut pipe = BufReader::with_capacity(4, &mut crumbs);
    loop {
        let before = rest;
        let (one, other) = (frame::read(&mut rest), frame::read(&mut pipe));
        match (one, other) {
            (Ok(Some(one)), Ok(Some(other))) => {
                assert_eq!(one, other, "in pieces it is another frame");
                let mut again = Vec::new();
                let written = frame::write(&mut again, one.kind, one.session, &one.bytes);
                assert!(written.is_ok(), "{:?} cannot be sent on", one.kind);
                assert_eq!(again, before[..before.len() - rest.len()], "it is written differently");
                frames.push(one);
            }
            (Ok(None), Ok(None)) => break,
            (Err(one), Err(other)) => {
                assert_eq!(one.kind(), other.kind(), "in pieces it is wrong in another way");
                break;
            }
            (one, other) => panic!("{one:?} and in pieces {other:?}"),
        }
    }
    drop(pipe);
    assert!(crumbs.most <= frame::LONGEST, "{} bytes were made room for", crumbs.most);
    frames
}

/// Whether a frame says something to the side that reads it.
fn is_understood(frame: &Frame) -> bool {
    let (plugin, bytes) = (linked::<Fake>(), &frame.bytes);
    match frame.kind {
        Kind::Ask => plugin.ask(bytes).is_ok_and(|answer| is_answer(&answer)),
        Kind::Connect => plugin.connect(bytes).is_ok(),
        Kind::Call => {
            let mut pages = Pages::default();
            let Ok(mut session) = plugin.connect(VALUES) else { panic!("the system is there") };
            let answer = session.call(bytes, &mut pages);
            for page in pages.0 {
                let sound = changes(&page).is_some_and(|all| all.iter().all(Result::is_ok));
                assert!(sound, "a plugin wrote a page that cannot be read");
            }
            answer.is_ok_and(|answer| is_answer(&answer))
        }
        Kind::Info => comes_back::<Result<Info, LoadError>>(frame),
        Kind::Failed => comes_back::<Error>(frame),
        Kind::Line => comes_back::<LogLine>(frame),
        Kind::Answer => is_answer(bytes),
        Kind::Page => changes(bytes).is_some_and(|all| comes_through(&all)),
        Kind::GoOn | Kind::Stop | Kind::Close | Kind::Level => false,
    }
}

/// Whether a word of ours is, written and read again, the same.
fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(frame: &Frame) -> bool {
    let Ok(word) = frame.said::<T>() else { return false };
    let again = Frame { bytes: frame::say(&word), ..*frame };
    assert_eq!(again.said::<T>().ok(), Some(word), "it is read differently");
    true
}

/// A plugin and a session of it that answer everything with the same bytes.
#[derive(Clone)]
struct Says(Vec<u8>);

impl Transport for Says {
    fn ask(&self, _: &[u8]) -> Result<Vec<u8>> {
        Ok(self.0.clone())
    }

    fn connect(&self, _: &[u8]) -> Result<Box<dyn Session>> {
        Ok(Box::new(self.clone()))
    }
}

impl Session for Says {
    fn call(&mut self, _: &[u8], _: &mut dyn Pager) -> Result<Vec<u8>> {
        Ok(self.0.clone())
    }
}

/// Whether the host takes it for the answer to anything.
fn is_answer(bytes: &[u8]) -> bool {
    let nobody = String::new;
    let info = Info { name: nobody(), version: nobody(), sdk: nobody(), description: nobody() };
    let plugin = Plugin::new(info, Says(bytes.to_vec()));
    let (values, id) = (Values::default(), Entry::new("user").anchor("id", "1").id().clone());
    let Ok(mut connection) = plugin.connect(&values) else { return false };
    let mut no_pages = Pages::default();
    [
        plugin.parameters(None, &values).is_ok(),
        plugin.check(&values).is_ok(),
        plugin.capabilities(&values).is_ok(),
        connection.test().is_ok(),
        connection.partitions().is_ok(),
        connection.hierarchy(None).is_ok(),
        connection.schema().is_ok(),
        connection.import(&ImportRun::full(), &mut no_pages).is_ok(),
        connection.export(&[Change::Delete { id: id.clone() }]).is_ok(),
        connection.read(&[id]).is_ok(),
    ]
    .contains(&true)
}

/// Keeps all pages.
#[derive(Default)]
struct Pages(Vec<Vec<u8>>);

impl Pager for Pages {
    fn page(&mut self, page: &[u8]) -> bool {
        self.0.push(page.to_vec());
        true
    }
}

type Changes = Vec<Result<Change, Refused>>;

/// What a page tells of; nothing when it is damaged.
fn changes(page: &[u8]) -> Option<Changes> {
    let page = Page::parse(page).ok()?;
    page.records().map(|record| Some(page.change(&record.ok()?))).collect()
}

/// What the host reads when a plugin writes it.
fn written(all: &Changes) -> Changes {
    let mut pages = Pages::default();
    let mut sink = ImportSink::new(u32::MAX, &mut pages);
    for one in all {
        let written = match one {
            Ok(change) => sink.change(change),
            Err(Refused { place, error }) => sink.refused(place, error),
        };
        assert!(written.is_ok(), "{written:?}");
    }
    assert!(sink.finish().is_ok(), "the host takes it");
    pages.0.iter().flat_map(|page| changes(page).expect("what is written is sound")).collect()
}

/// Whether there is something in a page. A plugin of ours writes no attribute beside an anchor of that
/// name, as others may; what it writes stays as it is.
fn comes_through(all: &Changes) -> bool {
    let once = written(all);
    assert_eq!(once.len(), all.len(), "not as many as there were");
    assert_eq!(written(&once), once, "the page is read differently");
    !all.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ecma_plugin_sdk::{Dn, ParameterPage, PasswordOptions, Secret, Update, Watermark};
    use std::sync::Arc;

    /// Writes down what a host and a worker say to each other on the way to a plugin in memory.
    #[derive(Clone, Default)]
    struct Overheard(Arc<Mutex<Vec<u8>>>);

    impl Overheard {
        fn say(&self, kind: Kind, bytes: &[u8]) {
            frame::write(&mut *self.0.lock().unwrap(), kind, 1, bytes).unwrap();
        }

        fn answer<T>(&self, answered: &Result<T>, bytes: impl FnOnce(&T) -> Vec<u8>) {
            match answered {
                Ok(answer) => self.say(Kind::Answer, &bytes(answer)),
                Err(error) => self.say(Kind::Failed, &frame::say(error)),
            }
        }
    }

    impl Transport for Overheard {
        fn ask(&self, question: &[u8]) -> Result<Vec<u8>> {
            self.say(Kind::Ask, question);
            let answered = linked::<Fake>().ask(question);
            self.answer(&answered, Vec::clone);
            answered
        }

        fn connect(&self, values: &[u8]) -> Result<Box<dyn Session>> {
            self.say(Kind::Connect, values);
            let opened = linked::<Fake>().connect(values);
            self.answer(&opened, |_| Vec::new());
            Ok(Box::new(Call(opened?, self.clone())))
        }
    }

    struct Call(Box<dyn Session>, Overheard);

    impl Session for Call {
        fn call(&mut self, request: &[u8], pager: &mut dyn Pager) -> Result<Vec<u8>> {
            self.1.say(Kind::Call, request);
            let mut pages = Pages::default();
            let answered = self.0.call(request, &mut pages);
            for page in pages.0 {
                self.1.say(Kind::Page, &page);
                self.1.say(if pager.page(&page) { Kind::GoOn } else { Kind::Stop }, &[]);
            }
            self.1.answer(&answered, Vec::clone);
            answered
        }
    }

    /// Streams of frames as the code writes them, each with a name.
    fn said() -> Vec<(&'static str, Vec<u8>)> {
        let system = system();
        let (values, ada) = (system.values(), system.get("1").unwrap());
        let options = PasswordOptions::default();
        let (no_pages, none) = (Pages::default, Values::default());
        let update =
            Update::new(ada.id().clone()).set("displayName", "Ada").set("mails", ["a", "b"]);
        let added = Entry::new("user").set("userName", "new").set("number", 7);
        let renamed = Entry::with_id(ada.id().clone()).set("userName", "lovelace");
        type Said<'a> = &'a dyn Fn(&Plugin, &Values);
        let all: [(&'static str, Said<'_>); 17] = [
            ("parameters", &|p, v| drop(p.parameters(None, v))),
            ("parameters-of-a-page", &|p, v| drop(p.parameters(Some(ParameterPage::Global), v))),
            ("check", &|p, v| drop(p.check(v))),
            ("check-nothing", &|p, _| drop(p.check(&none))),
            ("check-a-word-nobody-knows", &|p, v| drop(p.check(&v.clone().with("sistem", true)))),
            ("capabilities", &|p, v| drop(p.capabilities(v))),
            ("connect", &|p, v| drop(p.connect(v))),
            ("connect-to-nothing", &|p, _| drop(p.connect(&none))),
            ("test", &|p, v| drop(p.connect(v).unwrap().test())),
            ("partitions", &|p, v| drop(p.connect(v).unwrap().partitions())),
            ("hierarchy", &|p, v| drop(p.connect(v).unwrap().hierarchy(Some(&Dn::new("ou=a"))))),
            ("schema", &|p, v| drop(p.connect(v).unwrap().schema())),
            ("import", &|p, v| {
                drop(p.connect(v).unwrap().import(&ImportRun::full(), &mut no_pages()));
            }),
            ("import-delta", &|p, v| {
                let since = ImportRun::delta(Watermark::new("1"));
                drop(p.connect(v).unwrap().import(&since, &mut no_pages()));
            }),
            ("export", &|p, v| {
                let changes = [Change::Update(update.clone()), Change::Add(added.clone())];
                drop(p.connect(v).unwrap().export(&changes));
            }),
            ("export-replace-and-delete", &|p, v| {
                let mut connection = p.connect(v).unwrap();
                drop(connection.export(&[Change::Replace(renamed.clone())]));
                drop(connection.export(&[Change::Delete { id: ada.id().clone() }]));
            }),
            ("read-and-set-password", &|p, v| {
                let mut connection = p.connect(v).unwrap();
                drop(
                    connection.read(&[
                        ada.id().clone(),
                        Entry::new("user").anchor("id", "9").id().clone(),
                    ]),
                );
                drop(connection.set_password(ada.id(), &Secret::new("new"), options));
                drop(connection.change_password(
                    ada.id(),
                    &Secret::new("old"),
                    &Secret::new("new"),
                ));
            }),
        ];
        let info = Info {
            name: "fake".into(),
            version: "1.0.0".into(),
            sdk: "1".into(),
            description: "People in memory".into(),
        };
        let overheard = |say: Said<'_>| {
            let stream = Overheard::default();
            say(&Plugin::new(info.clone(), stream.clone()), &values);
            std::mem::take(&mut *stream.0.lock().unwrap())
        };
        let mut said: Vec<_> = all.into_iter().map(|(name, say)| (name, overheard(say))).collect();
        let other = LoadError::Waist { found: 2, expected: 1 };
        let line = LogLine {
            level: 2,
            plugin: "fake".into(),
            target: "fake::import".into(),
            message: "Left out".into(),
            fields: vec![("line".into(), "7".into())],
        };
        let words = [
            ("info", Kind::Info, frame::say(&Ok::<_, LoadError>(&info))),
            ("info-refused", Kind::Info, frame::say(&Err::<Info, _>(other))),
            ("info-missing", Kind::Info, frame::say(&Err::<Info, _>(LoadError::NoSymbol))),
            ("line", Kind::Line, frame::say(&line)),
            ("failed", Kind::Failed, frame::say(&Error::invalid("userName", "is bad"))),
        ];
        for (name, kind, word) in words {
            let stream = Overheard::default();
            stream.say(kind, &word);
            stream.say(Kind::Level, &[5]);
            stream.say(Kind::Close, &[]);
            said.push((name, std::mem::take(&mut *stream.0.lock().unwrap())));
        }
        said
    }

    #[test]
    fn what_host_and_worker_say_to_each_other_is_understood() {
        for (name, stream) in said() {
            assert_eq!(run(&stream), Worth::Keeping, "{name}");
        }
    }
}
