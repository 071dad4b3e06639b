//! The little of BER that controls and extended operations need (RFC 4511 §5.1): definite lengths,
//! one byte of tag.

/// Boolean.
pub(crate) const BOOLEAN: u8 = 0x01;
/// Integer.
pub(crate) const INTEGER: u8 = 0x02;
/// Octet string.
pub(crate) const OCTETS: u8 = 0x04;
/// Enumerated.
pub(crate) const ENUMERATED: u8 = 0x0a;
/// Sequence.
pub(crate) const SEQUENCE: u8 = 0x30;
/// Set.
pub(crate) const SET: u8 = 0x31;

/// Reads elements one after the other; `None` at the end and where bytes are no BER.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Reader<'a> {
        Reader(bytes)
    }

    /// Tag and content of the next element.
    pub(crate) fn element(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, first], rest) = self.0.split_first_chunk()?;
        let (length, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x84 => {
                let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                let length = digits.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
                (length, rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    /// The content of the next element when it has this tag; otherwise the reader stays.
    pub(crate) fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        let mut ahead = *self;
        let (found, content) = ahead.element()?;
        if found != tag {
            return None;
        }
        *self = ahead;
        Some(content)
    }

    /// What is inside the next element, when it has this tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Option<Reader<'a>> {
        self.expect(tag).map(Reader)
    }

    /// The next element as text.
    pub(crate) fn text(&mut self, tag: u8) -> Option<&'a str> {
        std::str::from_utf8(self.expect(tag)?).ok()
    }

    /// The next element as a number.
    pub(crate) fn number(&mut self, tag: u8) -> Option<i64> {
        let bytes = self.expect(tag)?;
        let first = bytes.first().filter(|_| bytes.len() <= 8)?;
        let sign = if first & 0x80 == 0 { 0 } else { -1 };
        Some(bytes.iter().fold(sign, |number, byte| number << 8 | i64::from(*byte)))
    }
}

/// An element of this tag with these parts after each other inside.
pub(crate) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let length: usize = parts.iter().map(|part| part.len()).sum();
    let mut bytes = vec![tag];
    if length < 0x80 {
        bytes.push(length as u8);
    } else {
        let digits = length.to_be_bytes();
        let digits = &digits[digits.iter().take_while(|byte| **byte == 0).count()..];
        bytes.push(0x80 | digits.len() as u8);
        bytes.extend_from_slice(digits);
    }
    parts.iter().for_each(|part| bytes.extend_from_slice(part));
    bytes
}

/// A number as an element of this tag.
pub(crate) fn number(tag: u8, number: i64) -> Vec<u8> {
    let bytes = number.to_be_bytes();
    let spare = |at: usize| match bytes[at] {
        0 => bytes[at + 1] & 0x80 == 0,
        0xff => bytes[at + 1] & 0x80 != 0,
        _ => false,
    };
    let skip = (0..7).take_while(|at| spare(*at)).count();
    element(tag, &[&bytes[skip..]])
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_back(value in any::<i64>()) {
            let bytes = number(INTEGER, value);
            prop_assert_eq!(Reader::new(&bytes).number(INTEGER), Some(value));
        }

        #[test]
        fn elements_are_read_back_whatever_their_length(length in 0..70_000usize) {
            let content = vec![7; length];
            let bytes = element(SEQUENCE, &[&content, &number(ENUMERATED, 1)]);
            let mut reader = Reader::new(&bytes);
            let inside = reader.expect(SEQUENCE).unwrap();
            prop_assert_eq!(inside.len(), length + 3);
            prop_assert!(reader.element().is_none());
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = Reader::new(&bytes);
            while reader.element().is_some() {}
        }
    }

    #[test]
    fn numbers_are_as_short_as_they_can_be() {
        for (value, expected) in [
            (0, vec![2, 1, 0]),
            (127, vec![2, 1, 127]),
            (128, vec![2, 2, 0, 128]),
            (-1, vec![2, 1, 255]),
            (-129, vec![2, 2, 255, 127]),
        ] {
            assert_eq!(number(INTEGER, value), expected, "{value}");
        }
    }

    #[test]
    fn another_tag_leaves_the_reader_where_it_is() {
        let bytes = element(OCTETS, &[b"kim"]);
        let mut reader = Reader::new(&bytes);
        assert_eq!(reader.text(SET), None);
        assert_eq!(reader.text(OCTETS), Some("kim"));
    }
}
