//! Controls by their object identifiers, as they are sent and answered.

use crate::ber::{self, Reader};
use ldap3::controls::RawControl;

/// Simple paged results (RFC 2696).
pub(crate) const PAGED_RESULTS: &str = "1.2.840.113556.1.4.319";
/// Server-side sorting (RFC 2891).
pub(crate) const SORT: &str = "1.2.840.113556.1.4.473";
/// Virtual list views (draft-ietf-ldapext-ldapv3-vlv-09).
pub(crate) const VIRTUAL_LIST: &str = "2.16.840.1.113730.3.4.9";
/// Virtual list views, the answer.
const VIRTUAL_LIST_ANSWER: &str = "2.16.840.1.113730.3.4.10";
/// Deletes all that stands below too (MS-ADTS §3.1.1.3.4.1.15).
pub(crate) const TREE_DELETE: &str = "1.2.840.113556.1.4.805";
/// Shows what was deleted (MS-ADTS §3.1.1.3.4.1.14).
pub(crate) const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
/// A value that is there already, or not any more, is no error (MS-ADTS §3.1.1.3.4.1.8).
pub(crate) const PERMISSIVE_MODIFY: &str = "1.2.840.113556.1.4.1413";
/// The change is made only if the entry fits a filter (RFC 4528).
pub(crate) const ASSERTION: &str = "1.3.6.1.1.12";
/// The entry as it is after the change (RFC 4527).
pub(crate) const POST_READ: &str = "1.3.6.1.1.13.2";
/// What a password policy says (draft-behera-ldap-password-policy-10).
pub(crate) const PASSWORD_POLICY: &str = "1.3.6.1.4.1.42.2.27.8.5.1";
/// Content synchronization: the request (RFC 4533 §2.2).
pub(crate) const SYNC_REQUEST: &str = "1.3.6.1.4.1.4203.1.9.1.1";

/// A control of this kind with this value.
pub(crate) fn control(kind: &str, critical: bool, value: Option<Vec<u8>>) -> RawControl {
    RawControl { ctype: kind.to_owned(), crit: critical, val: value }
}

/// Asks for so many entries, from where the cookie says (RFC 2696 §2).
pub(crate) fn paged(size: u32, cookie: &[u8]) -> RawControl {
    let parts = [ber::number(ber::INTEGER, size.into()), ber::element(ber::OCTETS, &[cookie])];
    let value = ber::element(ber::SEQUENCE, &[&parts[0], &parts[1]]);
    control(PAGED_RESULTS, true, Some(value))
}

/// Where the next page begins; empty after the last one.
pub(crate) fn paged_cookie(value: &[u8]) -> Option<Vec<u8>> {
    let mut inside = Reader::new(value).enter(ber::SEQUENCE)?;
    inside.number(ber::INTEGER)?;
    inside.expect(ber::OCTETS).map(<[u8]>::to_vec)
}

/// In the order of this attribute (RFC 2891 §1.1).
pub(crate) fn sorted(attribute: &str) -> RawControl {
    let key = ber::element(ber::OCTETS, &[attribute.as_bytes()]);
    let keys = ber::element(ber::SEQUENCE, &[&ber::element(ber::SEQUENCE, &[&key])]);
    control(SORT, true, Some(keys))
}

/// Of a sorted list so many entries from this one on, counted from 1 (VLV §3.1).
pub(crate) fn view(from: u32, size: u32, content: u32, context: Option<&[u8]>) -> RawControl {
    const BY_OFFSET: u8 = 0xa0;
    let integer = |number: u32| ber::number(ber::INTEGER, number.into());
    let offset = ber::element(BY_OFFSET, &[&integer(from), &integer(content)]);
    let context = context.map(|context| ber::element(ber::OCTETS, &[context]));
    let value = ber::element(
        ber::SEQUENCE,
        &[&integer(0), &integer(size.saturating_sub(1)), &offset, &context.unwrap_or_default()],
    );
    control(VIRTUAL_LIST, true, Some(value))
}

/// What is known of a list view after a page of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Viewed {
    /// How many entries there are.
    pub(crate) content: u32,
    /// What to give back with the next request.
    pub(crate) context: Option<Vec<u8>>,
}

/// The server's word about a list view (VLV §3.2).
pub(crate) fn viewed(controls: &[RawControl]) -> Option<Viewed> {
    let mut inside = Reader::new(value(controls, VIRTUAL_LIST_ANSWER)?).enter(ber::SEQUENCE)?;
    inside.number(ber::INTEGER)?;
    let content = u32::try_from(inside.number(ber::INTEGER)?).ok()?;
    inside.number(ber::ENUMERATED)?;
    Some(Viewed { content, context: inside.expect(ber::OCTETS).map(<[u8]>::to_vec) })
}

/// The value of the answered control of this kind.
pub(crate) fn value<'a>(controls: &'a [RawControl], kind: &str) -> Option<&'a [u8]> {
    controls.iter().find(|control| control.ctype == kind)?.val.as_deref()
}

/// Asks for these attributes of the entry after the change (RFC 4527 §3.2).
pub(crate) fn post_read(attributes: &[String]) -> RawControl {
    let names: Vec<Vec<u8>> =
        attributes.iter().map(|name| ber::element(ber::OCTETS, &[name.as_bytes()])).collect();
    let names: Vec<&[u8]> = names.iter().map(Vec::as_slice).collect();
    control(POST_READ, false, Some(ber::element(ber::SEQUENCE, &names)))
}

/// The change is made only if this attribute of the entry has this value (RFC 4528 §3): an
/// assertion of equality (RFC 4511 §4.5.1.7.1).
pub(crate) fn asserted(attribute: &str, value: &[u8]) -> RawControl {
    const EQUALITY: u8 = 0xa3;
    let parts = [attribute.as_bytes(), value].map(|part| ber::element(ber::OCTETS, &[part]));
    control(ASSERTION, true, Some(ber::element(EQUALITY, &[&parts[0], &parts[1]])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_is_read_back_as_it_was_sent() {
        for cookie in [&b""[..], b"\x00\xff", &[7; 300]] {
            let value = paged(500, cookie).val.unwrap();
            assert_eq!(paged_cookie(&value).as_deref(), Some(cookie));
        }
        assert_eq!(paged_cookie(b"\x30\x05\x02"), None);
    }

    #[test]
    fn a_view_tells_how_many_entries_there_are() {
        let value = ber::element(
            ber::SEQUENCE,
            &[
                &ber::number(ber::INTEGER, 1),
                &ber::number(ber::INTEGER, 50_000),
                &ber::number(ber::ENUMERATED, 0),
                &ber::element(ber::OCTETS, &[b"here"]),
            ],
        );
        let answered = control(VIRTUAL_LIST_ANSWER, false, Some(value));
        let expected = Viewed { content: 50_000, context: Some(b"here".to_vec()) };
        assert_eq!(viewed(&[answered]), Some(expected));
        assert_eq!(viewed(&[]), None);
    }
}
