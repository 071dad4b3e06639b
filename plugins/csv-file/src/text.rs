//! Characters and bytes: one encoding, both ways, and which bytes can separate values in it.

use encoding_rs::{
    DecoderResult, EncoderResult, Encoding, ISO_2022_JP, REPLACEMENT, UTF_8, UTF_16BE, UTF_16LE,
};

/// How many bytes make one unit, and in which order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Units {
    /// Bytes; all encodings but UTF-16.
    Bytes,
    /// Two bytes, the low one first.
    Little,
    /// Two bytes, the high one first.
    Big,
}

/// An encoding that a file can have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Codec {
    encoding: &'static Encoding,
    pub(crate) units: Units,
}

impl Codec {
    /// The encoding of this label, or what is wrong with the label.
    pub(crate) fn for_label(label: &str) -> Result<Codec, String> {
        match Encoding::for_label(label.as_bytes()) {
            None => Err(format!("is \"{label}\", not the label of an encoding")),
            Some(encoding) if encoding == REPLACEMENT || encoding == ISO_2022_JP => {
                Err(format!("is \"{label}\", in which one byte means many things: use utf-8"))
            }
            Some(encoding) => Ok(Codec::of(encoding)),
        }
    }

    /// The encoding that the first bytes of a file tell, and how many of them tell it.
    pub(crate) fn for_mark(start: &[u8]) -> Option<(Codec, usize)> {
        Encoding::for_bom(start).map(|(encoding, length)| (Codec::of(encoding), length))
    }

    fn of(encoding: &'static Encoding) -> Codec {
        let units = match encoding {
            e if e == UTF_16LE => Units::Little,
            e if e == UTF_16BE => Units::Big,
            _ => Units::Bytes,
        };
        Codec { encoding, units }
    }

    /// What people call it.
    pub(crate) fn name(self) -> &'static str {
        self.encoding.name()
    }

    /// The unit that stands for this character and never for a part of another.
    pub(crate) fn unit(self, c: char) -> Option<u16> {
        let safe = match self.units {
            Units::Little | Units::Big => return u16::try_from(u32::from(c)).ok(),
            Units::Bytes if self.encoding == UTF_8 => c.is_ascii(),
            Units::Bytes if self.encoding.is_single_byte() => true,
            // The second byte of a character is a digit, or 0x40 and above.
            Units::Bytes => u32::from(c) < 0x40 && !c.is_ascii_digit(),
        };
        let mut bytes = Vec::new();
        self.encode(c.encode_utf8(&mut [0; 4]), &mut bytes).ok()?;
        match bytes[..] {
            [byte] if safe => Some(byte.into()),
            _ => None,
        }
    }

    /// The text of these bytes, when bytes of the encoding are text as they are.
    pub(crate) fn direct(self, bytes: &[u8]) -> Option<&str> {
        if self.encoding == UTF_8 { simdutf8::basic::from_utf8(bytes).ok() } else { None }
    }

    /// The text of these bytes, `None` when they are none. The scratch is used when the bytes are
    /// not the text already.
    pub(crate) fn decode<'a>(self, bytes: &'a [u8], scratch: &'a mut String) -> Option<&'a str> {
        if self.encoding == UTF_8 {
            return simdutf8::basic::from_utf8(bytes).ok();
        }
        let mut decoder = self.encoding.new_decoder_without_bom_handling();
        scratch.clear();
        scratch.reserve(decoder.max_utf8_buffer_length_without_replacement(bytes.len())?);
        match decoder.decode_to_string_without_replacement(bytes, scratch, true) {
            (DecoderResult::InputEmpty, _) => Some(scratch),
            _ => None,
        }
    }

    /// Appends the bytes of a text, or answers the first character that has none.
    pub(crate) fn encode(self, text: &str, out: &mut Vec<u8>) -> Result<(), char> {
        match self.units {
            Units::Little => out.extend(text.encode_utf16().flat_map(u16::to_le_bytes)),
            Units::Big => out.extend(text.encode_utf16().flat_map(u16::to_be_bytes)),
            Units::Bytes if self.encoding == UTF_8 => out.extend_from_slice(text.as_bytes()),
            Units::Bytes => {
                let mut encoder = self.encoding.new_encoder();
                let room = encoder
                    .max_buffer_length_from_utf8_without_replacement(text.len())
                    .unwrap_or(text.len());
                out.reserve(room);
                let (result, _) =
                    encoder.encode_from_utf8_to_vec_without_replacement(text, out, true);
                if let EncoderResult::Unmappable(c) = result {
                    return Err(c);
                }
            }
        }
        Ok(())
    }

    /// Appends one unit.
    pub(crate) fn put(self, unit: u16, out: &mut Vec<u8>) {
        match self.units {
            Units::Bytes => out.push(unit as u8),
            Units::Little => out.extend_from_slice(&unit.to_le_bytes()),
            Units::Big => out.extend_from_slice(&unit.to_be_bytes()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_from_its_bytes() {
        for label in ["utf-8", "utf-16le", "utf-16be", "windows-1252", "shift_jis", "gb18030"] {
            let codec = Codec::for_label(label).unwrap();
            let text = if label == "windows-1252" { "Zoë, 3 €" } else { "東京, A" };
            let mut bytes = Vec::new();
            codec.encode(text, &mut bytes).unwrap();
            let mut scratch = String::new();
            assert_eq!(codec.decode(&bytes, &mut scratch), Some(text), "{label}");
        }
    }

    #[test]
    fn what_has_no_bytes_and_what_is_no_text_is_said() {
        let codec = Codec::for_label("latin1").unwrap();
        assert_eq!(codec.encode("東", &mut Vec::new()), Err('東'));
        let utf8 = Codec::for_label("utf8").unwrap();
        assert_eq!(utf8.decode(b"Zo\xeb", &mut String::new()), None);
        let utf16 = Codec::for_label("utf-16le").unwrap();
        assert_eq!(utf16.decode(b"\x00\xd8a\x00", &mut String::new()), None);
        assert_eq!(utf16.decode(b"a\x00b", &mut String::new()), None);
    }

    #[test]
    fn separators_are_units_that_are_never_part_of_another_character() {
        let unit = |label, c| Codec::for_label(label).unwrap().unit(c);
        assert_eq!(unit("utf-8", ';'), Some(0x3b));
        assert_eq!(unit("utf-8", '§'), None);
        assert_eq!(unit("windows-1252", '§'), Some(0xa7));
        assert_eq!(unit("utf-16be", '§'), Some(0xa7));
        assert_eq!(unit("utf-16be", '😀'), None);
        assert_eq!(unit("shift_jis", '|'), None);
        assert_eq!(unit("shift_jis", ','), Some(0x2c));
    }

    #[test]
    fn labels_that_are_none_or_of_no_use_are_refused() {
        for label in ["utf-9", "iso-2022-jp", "hz-gb-2312", ""] {
            assert!(Codec::for_label(label).is_err(), "{label}");
        }
    }
}
