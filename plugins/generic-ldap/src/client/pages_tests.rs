//! Pages of a server that answers exactly what it is told to.

use super::{Client, Pages, Search, code, control};
use crate::{
    ber::{self, Reader},
    settings::{Paging, Settings},
};
use ecma_plugin_sdk::{Config as _, Error, ErrorKind, Values};
use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    ops::Range,
    sync::{Arc, Mutex},
    thread,
};

const CONTROLS: u8 = 0xa0;
const SEARCH: u8 = 0x63;
const ENTRY: u8 = 0x64;
const DONE: u8 = 0x65;
/// How many entries the server has.
const ALL: usize = 100;

/// How many entries were asked for, and from which one on; a search that begins asks from 0.
type Asked = (usize, usize);
/// How many entries of what was asked for are answered, and the result code.
type Script = fn(Asked) -> (usize, u32);
/// All that was asked for.
type Log = Arc<Mutex<Vec<Asked>>>;

fn serve(script: Script) -> (u16, Log) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let log = Log::default();
    let shared = log.clone();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while let Some(request) = message(&mut stream) {
            let mut inside = Reader::new(&request).enter(ber::SEQUENCE).unwrap();
            let id = inside.number(ber::INTEGER).unwrap();
            if inside.element().unwrap().0 != SEARCH {
                continue;
            }
            let (asked, is_view) = asked(inside.enter(CONTROLS).unwrap());
            shared.lock().unwrap().push(asked);
            let (count, code) = script(asked);
            let end = (asked.1 + count).min(ALL);
            stream.write_all(&answer(id, asked.1..end, code, is_view)).unwrap();
        }
    });
    (port, log)
}

/// The next message, whole.
fn message(stream: &mut TcpStream) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    while Reader::new(&bytes).element().is_none() {
        let mut byte = [0];
        stream.read_exact(&mut byte).ok()?;
        bytes.extend(byte);
    }
    Some(bytes)
}

/// What the controls of a search ask for, and whether it is a view.
fn asked(mut controls: Reader<'_>) -> (Asked, bool) {
    while let Some(mut one) = controls.enter(ber::SEQUENCE) {
        let kind = one.text(ber::OCTETS).unwrap();
        one.expect(ber::BOOLEAN);
        let value = one.expect(ber::OCTETS).unwrap_or_default();
        let mut inside = Reader::new(value).enter(ber::SEQUENCE).unwrap();
        if kind == control::PAGED_RESULTS {
            let size = inside.number(ber::INTEGER).unwrap();
            let cookie = inside.text(ber::OCTETS).unwrap();
            return ((size as usize, cookie.parse().unwrap_or(0)), false);
        }
        if kind == control::VIRTUAL_LIST {
            inside.number(ber::INTEGER).unwrap();
            let after = inside.number(ber::INTEGER).unwrap();
            let from = inside.enter(CONTROLS).unwrap().number(ber::INTEGER).unwrap();
            return ((after as usize + 1, from as usize - 1), true);
        }
    }
    panic!("a search without pages");
}

/// Entries and the end of the search; with success where the next page begins.
fn answer(id: i64, entries: Range<usize>, code: u32, is_view: bool) -> Vec<u8> {
    let id = ber::number(ber::INTEGER, id);
    let octets = |text: &str| ber::element(ber::OCTETS, &[text.as_bytes()]);
    let cookie = if entries.end < ALL { entries.end.to_string() } else { String::new() };
    let (kind, parts) = match is_view {
        true => (
            "2.16.840.1.113730.3.4.10",
            [
                ber::number(ber::INTEGER, 1),
                ber::number(ber::INTEGER, ALL as i64),
                ber::number(ber::ENUMERATED, 0),
            ]
            .concat(),
        ),
        false => (control::PAGED_RESULTS, [ber::number(ber::INTEGER, 0), octets(&cookie)].concat()),
    };
    let mut bytes: Vec<u8> = entries
        .map(|n| [octets(&format!("cn={n}")), ber::element(ber::SEQUENCE, &[])].concat())
        .flat_map(|found| ber::element(ber::SEQUENCE, &[&id, &ber::element(ENTRY, &[&found])]))
        .collect();
    let result = [ber::number(ber::ENUMERATED, code.into()), octets(""), octets("so it is")];
    let done = ber::element(DONE, &[&result.concat()]);
    let value = ber::element(ber::OCTETS, &[&ber::element(ber::SEQUENCE, &[&parts])]);
    let control = ber::element(ber::SEQUENCE, &[&octets(kind), &value]);
    let controls = ber::element(CONTROLS, &[&control]);
    let controls = if code == code::SUCCESS { controls } else { Vec::new() };
    bytes.extend(ber::element(ber::SEQUENCE, &[&id, &done, &controls]));
    bytes
}

/// The numbers of the entries that come, how the search ends, and what was asked for.
fn search(
    paging: Paging,
    size: u32,
    script: Script,
) -> (Vec<usize>, Result<(), Error>, Vec<Asked>) {
    let (port, log) = serve(script);
    let values = Values::new([("servers", "127.0.0.1"), ("encryption", "off")])
        .with("bind", "anonymous")
        .with("port", i64::from(port));
    let mut client = Client::connect(&Settings::read(&values).unwrap()).unwrap();
    let below = Search::below("dc=x", "(objectClass=*)", &[]);
    let mut pages = Pages::begin(&mut client, below, (paging, size), |_| true, "cn").unwrap();
    let mut found = Vec::new();
    let ended = loop {
        match pages.next(&mut client) {
            Ok(Some(page)) => {
                found.extend(page.iter().map(|one| one.dn[3..].parse::<usize>().unwrap()));
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    let log = log.lock().unwrap().clone();
    (found, ended, log)
}

fn everything() -> Vec<usize> {
    (0..ALL).collect()
}

#[test]
fn a_time_limit_on_a_later_page_makes_pages_smaller_and_every_entry_comes_once() {
    let (found, ended, log) = search(Paging::Paged, 40, |(size, from)| match (size, from) {
        // A part of the third page came.
        (40, 80) => (7, code::TIME_LIMIT),
        // It was slow even with fewer.
        (20, 40) => (0, code::TIME_LIMIT),
        _ => (size, code::SUCCESS),
    });
    ended.unwrap();
    assert_eq!(found, everything());
    let mut expected = vec![(40, 0), (40, 40), (40, 80), (20, 0), (20, 20), (20, 40)];
    expected.extend((0..10).map(|page| (10, page * 10)));
    assert_eq!(log, expected, "what a cookie is worth after an error nobody says");
}

#[test]
fn entries_that_come_before_a_limit_on_the_first_page_are_used() {
    for limit in [code::TIME_LIMIT, code::ADMIN_LIMIT, code::SIZE_LIMIT] {
        let script: Script = match limit {
            code::TIME_LIMIT => |(size, _)| if size > 50 { (3, 3) } else { (size, 0) },
            code::ADMIN_LIMIT => |(size, _)| if size > 50 { (3, 11) } else { (size, 0) },
            _ => |(size, _)| if size > 50 { (3, 4) } else { (size, 0) },
        };
        let (found, ended, log) = search(Paging::Paged, 150, script);
        ended.unwrap();
        assert_eq!(found, everything(), "{limit}");
        assert_eq!(log, [(150, 0), (75, 0), (37, 0), (37, 37), (37, 74)], "{limit}");
    }
}

#[test]
fn a_time_limit_that_the_smallest_pages_meet_is_an_error_with_its_remedy() {
    let (found, ended, log) = search(Paging::Paged, 40, |(size, from)| match from {
        0 => (size, code::SUCCESS),
        _ => (4, code::TIME_LIMIT),
    });
    let error = ended.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert_eq!(
        error.message(),
        "searching dc=x: the directory answered timeLimitExceeded (3): so it is; it was met by pages \
         of 10 entries: raise the server's time limit for this account"
    );
    assert_eq!(found, (0..44).collect::<Vec<_>>(), "each once");
    assert_eq!(log, [(40, 0), (40, 40), (20, 0), (20, 20), (10, 0), (10, 10)]);
}

#[test]
fn a_limit_of_all_pages_is_an_error_at_once() {
    let (found, ended, log) = search(Paging::Paged, 40, |(size, from)| match from {
        0 => (size, code::SUCCESS),
        _ => (0, code::SIZE_LIMIT),
    });
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::Config);
    assert_eq!((found.len(), log.len()), (40, 2));
}

#[test]
fn a_view_that_takes_too_long_is_asked_for_again_with_fewer() {
    let (found, ended, log) = search(Paging::Vlv, 40, |(size, from)| match (size, from) {
        (40, 40) => (5, code::TIME_LIMIT),
        _ => (size, code::SUCCESS),
    });
    ended.unwrap();
    assert_eq!(found, everything());
    assert_eq!(log, [(40, 0), (40, 40), (20, 40), (20, 60), (20, 80)]);
}
