//! LDIF (RFC 2849) as the tools read and print it, and names of entries (RFC 4514).

use std::collections::BTreeMap;

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::STANDARD};

/// An entry that was found: its DN, and its attributes by their names as the server writes them.
/// Values that are no UTF-8 have `U+FFFD` for what is not.
pub type Found = (String, BTreeMap<String, Vec<String>>);

/// Adds a line with a value of any bytes, in base64 if need be.
pub(crate) fn write_line(out: &mut String, name: &str, value: &[u8]) {
    out.push_str(name);
    match std::str::from_utf8(value) {
        Ok(text) if is_safe(text) => {
            out.push_str(": ");
            out.push_str(text);
        }
        _ => {
            out.push_str(":: ");
            STANDARD.encode_string(value, out);
        }
    }
    out.push('\n');
}

/// Whether a text may stand as it is: `SAFE-STRING` of RFC 2849 without a space at its end.
fn is_safe(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii() && !matches!(byte, 0 | b'\n' | b'\r');
    text.bytes().all(plain) && !text.starts_with([' ', ':', '<']) && !text.ends_with(' ')
}

/// A value as it stands in a DN (RFC 4514 §2.4).
pub fn escape_dn_value(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    let last = value.chars().count().saturating_sub(1);
    for (at, c) in value.chars().enumerate() {
        let special = match c {
            '"' | '+' | ',' | ';' | '<' | '>' | '\\' | '=' => true,
            '#' => at == 0,
            ' ' => at == 0 || at == last,
            _ => false,
        };
        match c {
            '\0' => escaped.push_str("\\00"),
            _ if special => escaped.extend(['\\', c]),
            _ => escaped.push(c),
        }
    }
    escaped
}

/// Reads what `ldapsearch -LLL -o ldif-wrap=no` prints.
pub(crate) fn entries(printed: &str) -> anyhow::Result<Vec<Found>> {
    let mut entries: Vec<Found> = Vec::new();
    for line in printed.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        let (name, rest) = line.split_once(':').with_context(|| format!("no colon: {line}"))?;
        let value = match rest.strip_prefix(':') {
            Some(encoded) => {
                let bytes = STANDARD.decode(encoded.trim());
                let bytes = bytes.with_context(|| format!("no base64: {line}"))?;
                String::from_utf8_lossy(&bytes).into_owned()
            }
            None => rest.strip_prefix(' ').unwrap_or(rest).to_owned(),
        };
        match entries.last_mut() {
            _ if name == "dn" => entries.push((value, BTreeMap::new())),
            Some((_, attributes)) => attributes.entry(name.to_owned()).or_default().push(value),
            None => bail!("a value before the first entry: {line}"),
        }
    }
    Ok(entries)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_are_not_safe_are_in_base64() {
        let line = |value: &[u8]| {
            let mut out = String::new();
            write_line(&mut out, "cn", value);
            out
        };
        assert_eq!(line(b"Ada: a < b #1"), "cn: Ada: a < b #1\n");
        assert_eq!(line(b""), "cn: \n");
        for value in ["é", " a", "a ", ":a", "<a", "a\nb", "\0"] {
            let encoded = STANDARD.encode(value);
            assert_eq!(line(value.as_bytes()), format!("cn:: {encoded}\n"));
        }
        assert_eq!(line(&[0xff]), "cn:: /w==\n");
    }

    #[test]
    fn names_are_escaped_where_the_rfc_says() {
        for (value, escaped) in [
            ("Ada", "Ada"),
            ("Smith, Jr.", "Smith\\, Jr."),
            ("#1#2", "\\#1#2"),
            (" a b ", "\\ a b\\ "),
            (" ", "\\ "),
            ("a+b\"c\\d<e>f;g=h\0", "a\\+b\\\"c\\\\d\\<e\\>f\\;g\\=h\\00"),
            ("é法", "é法"),
        ] {
            assert_eq!(escape_dn_value(value), escaped);
        }
    }

    #[test]
    fn entries_are_read_with_decoded_values() {
        let printed = "dn: cn=a\ncn: a\nmail: x: y\nmail:\nphoto:: /w==\n\n# refldap://x\n\n\
                       dn:: Y249w6k=\ncn:: w6k=\n";
        let found = entries(printed).unwrap();
        let names: Vec<_> = found.iter().map(|(dn, _)| dn.as_str()).collect();
        assert_eq!(names, ["cn=a", "cn=é"]);
        assert_eq!(found[0].1["mail"], ["x: y", ""]);
        assert_eq!(found[0].1["photo"], ["\u{fffd}"]);
        assert_eq!(found[1].1["cn"], ["é"]);
        assert!(entries("cn: a\n").is_err());
    }
}
