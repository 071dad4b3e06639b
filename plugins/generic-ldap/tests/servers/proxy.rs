//! Stands between the connector and a server, and breaks off when it is told to.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// What a message is, by its tag (RFC 4511 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Message {
    SearchEntry = 0x64,
    SearchDone = 0x65,
    Modify = 0x66,
    Modified = 0x67,
    Add = 0x68,
    Added = 0x69,
    Delete = 0x4a,
}

/// The requests that write.
const WRITES: [Message; 3] = [Message::Add, Message::Modify, Message::Delete];

/// When the connection is broken off.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Break {
    /// Before the message goes on.
    Before(Message),
    /// Instead of so many messages of this kind.
    After(Message, usize),
}

/// What somebody else does.
type Deed = Box<dyn FnOnce() + Send>;

#[derive(Default)]
struct State {
    next: Option<Break>,
    /// What happens before a message goes on.
    deed: Option<(Message, Deed)>,
    /// Entries of a page, and pages with that many until one ends with a time limit.
    limit: Option<(usize, usize)>,
    /// Requests to write that went on to the server.
    writes: Vec<Message>,
    streams: Vec<TcpStream>,
}

/// A way to a server of plain LDAP, for any number of connections.
pub(crate) struct Proxy {
    pub(crate) port: u16,
    state: Arc<Mutex<State>>,
}

impl Proxy {
    pub(crate) fn to(host: &str, port: u16) -> Proxy {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let own = listener.local_addr().unwrap().port();
        let state = Arc::new(Mutex::new(State::default()));
        let (server, shared) = ((host.to_owned(), port), state.clone());
        thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let Ok(server) = TcpStream::connect((server.0.as_str(), server.1)) else {
                    continue;
                };
                let both = [client.try_clone().unwrap(), server.try_clone().unwrap()];
                shared.lock().unwrap().streams.extend(both);
                let there = (client.try_clone().unwrap(), server.try_clone().unwrap());
                let (one, other) = (shared.clone(), shared.clone());
                thread::spawn(move || carry(there.0, there.1, &one));
                thread::spawn(move || carry(server, client, &other));
            }
        });
        Proxy { port: own, state }
    }

    /// Breaks off once.
    pub(crate) fn breaks(&self, when: Break) {
        self.state.lock().unwrap().next = Some(when);
    }

    /// Does something once, before such a message goes on.
    pub(crate) fn before(&self, message: Message, deed: impl FnOnce() + Send + 'static) {
        self.state.lock().unwrap().deed = Some((message, Box::new(deed)));
    }

    /// Lets one page with so many entries, the `nth` from now on, end with a time limit.
    pub(crate) fn limits(&self, entries: usize, nth: usize) {
        self.state.lock().unwrap().limit = Some((entries, nth));
    }

    /// Whether a page is still to end so.
    pub(crate) fn has_limit(&self) -> bool {
        self.state.lock().unwrap().limit.is_some()
    }

    /// Ends all connections that there are.
    pub(crate) fn close(&self) {
        self.state.lock().unwrap().streams.drain(..).for_each(|stream| {
            let _ = stream.shutdown(Shutdown::Both);
        });
    }

    /// The requests to write that went on to the server since this was asked last.
    pub(crate) fn writes(&self) -> Vec<Message> {
        std::mem::take(&mut self.state.lock().unwrap().writes)
    }
}

/// Carries messages until one side ends, or the message comes at which to break off.
fn carry(mut from: TcpStream, mut to: TcpStream, state: &Mutex<State>) {
    let mut entries = 0;
    while let Some((tag, mut bytes)) = message(&mut from) {
        if tag == Message::SearchEntry as u8 {
            entries += 1;
        } else if tag == Message::SearchDone as u8 {
            limit(&mut state.lock().unwrap(), std::mem::take(&mut entries), &mut bytes);
        }
        let deed = state.lock().unwrap().deed.take_if(|(message, _)| *message as u8 == tag);
        deed.into_iter().for_each(|(_, deed)| deed());
        if breaks(&mut state.lock().unwrap(), tag) || to.write_all(&bytes).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
    }
}

/// Makes another result of success, when it is time.
fn limit(state: &mut State, entries: usize, done: &mut [u8]) {
    const SUCCESS: [u8; 3] = [0x0a, 1, 0];
    const TIME_LIMIT: u8 = 3;
    let Some((least, nth)) = &mut state.limit else { return };
    if entries < *least {
        return;
    }
    *nth -= 1;
    if *nth == 0 {
        let at = done.windows(SUCCESS.len()).position(|bytes| bytes == SUCCESS).unwrap();
        done[at + SUCCESS.len() - 1] = TIME_LIMIT;
        state.limit = None;
    }
}

fn breaks(state: &mut State, tag: u8) -> bool {
    let is_now = match &mut state.next {
        Some(Break::Before(message)) => *message as u8 == tag,
        Some(Break::After(message, count)) if *message as u8 == tag => {
            *count -= 1;
            *count == 0
        }
        _ => false,
    };
    if is_now {
        state.next = None;
    } else {
        state.writes.extend(WRITES.into_iter().find(|message| *message as u8 == tag));
    }
    is_now
}

/// The next message and its tag.
fn message(from: &mut TcpStream) -> Option<(u8, Vec<u8>)> {
    let mut bytes = vec![0; 2];
    from.read_exact(&mut bytes).ok()?;
    let mut length = usize::from(bytes[1]);
    if length > 0x7f {
        let mut digits = vec![0; length & 0x7f];
        from.read_exact(&mut digits).ok()?;
        length = digits.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        bytes.extend(digits);
    }
    let mut content = vec![0; length];
    from.read_exact(&mut content).ok()?;
    // Behind the number of the message.
    let tag = *content.get(2 + usize::from(*content.get(1)?))?;
    bytes.extend(content);
    Some((tag, bytes))
}
