//! Target `path`: the input is the text of a path, or of two with a line break between them.

use crate::{Worth, people};
use ecma_host::scim::{Filter, Path};

pub(crate) fn run(input: &[u8]) -> Worth {
    let Ok(text) = std::str::from_utf8(input) else { return Worth::Nothing };
    let (first, second) = text.split_once('\n').unwrap_or((text, "emails.value"));
    let (Ok(first), second) = (Path::parse(first), Path::parse(second)) else {
        return Worth::Nothing;
    };
    if let Ok(second) = second {
        assert_eq!(first.overlaps(&second), second.overlaps(&first), "{first} and {second}");
    }
    assert!(first.overlaps(&first), "{first} overlaps itself");
    let printed = first.to_string();
    if printed.len() <= Filter::LONGEST {
        assert_eq!(Path::parse(&printed).as_ref(), Ok(&first), "{printed} is read differently");
    }
    for (resource, schemas) in [
        (&people::USER, &people::USERS),
        (&people::NEWCOMER, &people::USERS),
        (&people::GROUP, &people::GROUPS),
    ] {
        let Some(canonical) = schemas.canonical(&first) else { continue };
        assert_eq!(schemas.canonical(&canonical).as_ref(), Some(&canonical), "{first}");
        assert_eq!(schemas.find(&canonical), schemas.find(&first), "{first}");
        let mut rest = (*resource).clone();
        rest.remove(&canonical);
        let left = rest.get(&canonical);
        assert!(left.is_empty(), "{canonical} left {left:?}");
    }
    Worth::Keeping
}
