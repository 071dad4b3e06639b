//! Deltas by content synchronization (RFC 4533): the server itself tells a client that comes back what
//! was added, changed and deleted.
//!
//! Only refreshes are used, not the mode that stays connected. Where the server does not know what was
//! deleted, it would name everything that is there instead; then a full import, which can be had in
//! pages, is the better way.

use super::{Scene, Tell, changed_now, forgotten};
use crate::{
    ber::{self, Reader},
    client::{Client, Found, Search, code, control},
    value::uuid_text,
};
use ecma_plugin_sdk::{Error, ErrorKind, Result};
use ldap3::controls::RawControl;

const STATE: &str = "1.3.6.1.4.1.4203.1.9.1.2";
const DONE: &str = "1.3.6.1.4.1.4203.1.9.1.3";
const INFO: &str = "1.3.6.1.4.1.4203.1.9.1.4";
/// More changes than this are better fetched by a full import, which has pages.
const MOST: i32 = 50_000;

/// Asks for a refresh from where the cookie says (§2.2).
fn request(cookie: Option<&str>) -> RawControl {
    const REFRESH_ONLY: i64 = 1;
    let mode = ber::number(ber::ENUMERATED, REFRESH_ONLY);
    let cookie = cookie.map(|cookie| ber::element(ber::OCTETS, &[cookie.as_bytes()]));
    let value = ber::element(ber::SEQUENCE, &[&mode, &cookie.unwrap_or_default()]);
    control::control(control::SYNC_REQUEST, true, Some(value))
}

/// The cookie and whether what was not told stays as it was (§2.4).
fn done(controls: &[RawControl]) -> (Option<String>, bool) {
    let inside = control::value(controls, DONE).and_then(|v| Reader::new(v).enter(ber::SEQUENCE));
    let Some(mut inside) = inside else { return (None, false) };
    let cookie = inside.text(ber::OCTETS).map(str::to_owned);
    (cookie, inside.expect(ber::BOOLEAN).is_some_and(|truth| truth != [0]))
}

/// Whether the server gives its account of this base to clients: OpenLDAP names the control in its
/// root entry even where no database has it.
pub(crate) fn is_there(client: &mut Client, base: &str) -> Result<bool> {
    Ok(client.search(&nothing(base))?.answer.code != code::CRITICAL_EXTENSION)
}

/// Nothing fits, so that only the cookie comes: it does not depend on the filter.
fn nothing(base: &str) -> Search {
    let filter = "(&(objectClass=top)(!(objectClass=top)))";
    let controls = vec![request(None)];
    Search { controls, ..Search::below(base, filter, &["1.1".to_owned()]) }
}

pub(super) fn mark(client: &mut Client, scene: &Scene<'_>) -> Result<String> {
    let gathered = client.search(&nothing(scene.base))?;
    let answer = gathered.answer.done().map_err(|error| {
        let error =
            error.context(format!("delta_strategy is syncrepl, but searching {}", scene.base));
        match error.kind() {
            ErrorKind::Unsupported => Error::config(error.message()),
            _ => error,
        }
    })?;
    done(&answer.controls).0.ok_or_else(|| {
        Error::config("delta_strategy is syncrepl, but the server gives no cookie; use another one")
    })
}

pub(super) fn news(
    client: &mut Client,
    scene: &Scene<'_>,
    since: &str,
    tell: &mut Tell<'_>,
) -> Result<String> {
    let filter = scene.plan.with_containers(&scene.plan.filter());
    let search = Search {
        controls: vec![request(Some(since))],
        limit: MOST,
        ..Search::below(scene.base, filter, scene.plan.asked())
    };
    let gathered = client.search(&search)?;
    match gathered.answer.code {
        code::SUCCESS => {}
        code::REFRESH_REQUIRED => return Err(forgotten("the server does not know the cookie")),
        code::SIZE_LIMIT => return Err(forgotten("there are more changes than a delta can bring")),
        // 389's word for a cookie of another database, OpenLDAP's for one from the future.
        code::UNWILLING => return Err(forgotten(gathered.answer.error().message())),
        _ => return Err(gathered.answer.error()),
    }
    let (cookie, is_delta) = done(&gathered.answer.controls);
    if !is_delta {
        return Err(forgotten("the server does not know any more what was deleted"));
    }
    for (name, value) in &gathered.told {
        let value = value.as_deref().filter(|_| name.as_deref() == Some(INFO));
        for uuid in value.map(deleted).unwrap_or_default() {
            tell(client, super::gone(scene, uuid)?)?;
        }
    }
    for found in gathered.entries {
        match state(&found) {
            Some((State::Deleted, uuid)) => tell(client, super::gone(scene, uuid)?)?,
            Some((State::Present, _)) => {}
            _ => tell(client, changed_now(scene, found))?,
        }
    }
    Ok(cookie.unwrap_or_else(|| since.to_owned()))
}

/// What the server says of an entry (§2.3).
#[derive(Debug, PartialEq, Eq)]
enum State {
    Present,
    Changed,
    Deleted,
}

fn state(found: &Found) -> Option<(State, String)> {
    let (_, value) = found.controls.iter().find(|(kind, _)| kind == STATE)?;
    let mut inside = Reader::new(value.as_deref()?).enter(ber::SEQUENCE)?;
    let state = match inside.number(ber::ENUMERATED)? {
        0 => State::Present,
        3 => State::Deleted,
        _ => State::Changed,
    };
    Some((state, uuid_text(inside.expect(ber::OCTETS)?)?))
}

/// The entries that a syncIdSet says are gone (§2.5); none in other messages.
fn deleted(value: &[u8]) -> Vec<String> {
    const ID_SET: u8 = 0xa3;
    let Some(mut inside) = Reader::new(value).enter(ID_SET) else { return Vec::new() };
    inside.expect(ber::OCTETS);
    if inside.expect(ber::BOOLEAN).is_none_or(|truth| truth == [0]) {
        return Vec::new();
    }
    let Some(mut ids) = inside.enter(ber::SET) else { return Vec::new() };
    let mut found = Vec::new();
    while let Some(id) = ids.expect(ber::OCTETS) {
        found.extend(uuid_text(id));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: [u8; 16] = [
        0xb8, 0x1a, 0x32, 0xe0, 0x7a, 0x86, 0x10, 0x41, 0x8c, 0xac, 0x27, 0x88, 0xa4, 0xe1, 0xaf,
        0xe1,
    ];

    #[test]
    fn ids_of_deleted_entries_are_read_and_those_of_present_ones_left() {
        for (deletes, expected) in [(0xff, 1), (0, 0)] {
            let ids = ber::element(ber::SET, &[&ber::element(ber::OCTETS, &[&UUID])]);
            let cookie = ber::element(ber::OCTETS, &[b"csn"]);
            let flag = ber::element(ber::BOOLEAN, &[&[deletes]]);
            let set = ber::element(0xa3, &[&cookie, &flag, &ids]);
            assert_eq!(deleted(&set).len(), expected, "{deletes}");
        }
        assert_eq!(deleted(b"\x80\x03csn"), Vec::<String>::new());
    }

    #[test]
    fn the_state_of_an_entry_comes_with_its_id() {
        for (number, expected) in [(0, State::Present), (1, State::Changed), (3, State::Deleted)] {
            let value = ber::element(
                ber::SEQUENCE,
                &[&ber::number(ber::ENUMERATED, number), &ber::element(ber::OCTETS, &[&UUID])],
            );
            let controls = vec![(STATE.to_owned(), Some(value))];
            let found = Found { controls, ..Found::default() };
            let uuid = "b81a32e0-7a86-1041-8cac-2788a4e1afe1".to_owned();
            assert_eq!(state(&found), Some((expected, uuid)));
        }
    }
}
