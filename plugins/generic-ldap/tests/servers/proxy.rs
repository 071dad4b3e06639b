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
    Add = 0x68,
    Added = 0x69,
}

/// When the connection is broken off.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Break {
    /// Before the message goes on.
    Before(Message),
    /// Instead of so many messages of this kind.
    After(Message, usize),
}

#[derive(Default)]
struct State {
    next: Option<Break>,
    /// Messages of adding that went on to the server.
    adds: usize,
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

    /// Ends all connections that there are.
    pub(crate) fn close(&self) {
        self.state.lock().unwrap().streams.drain(..).for_each(|stream| {
            let _ = stream.shutdown(Shutdown::Both);
        });
    }

    /// How often an entry was to be added.
    pub(crate) fn adds(&self) -> usize {
        self.state.lock().unwrap().adds
    }
}

/// Carries messages until one side ends, or the message comes at which to break off.
fn carry(mut from: TcpStream, mut to: TcpStream, state: &Mutex<State>) {
    while let Some((tag, bytes)) = message(&mut from) {
        if breaks(&mut state.lock().unwrap(), tag) || to.write_all(&bytes).is_err() {
            break;
        }
    }
    for stream in [from, to] {
        let _ = stream.shutdown(Shutdown::Both);
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
    } else if tag == Message::Add as u8 {
        state.adds += 1;
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
