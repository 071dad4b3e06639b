//! Target `filter`: the input is the text of a filter.

use crate::{Worth, people};
use ecma_host::scim::Filter;

pub(crate) fn run(input: &[u8]) -> Worth {
    let Some(filter) = std::str::from_utf8(input).ok().and_then(|text| Filter::parse(text).ok())
    else {
        return Worth::Nothing;
    };
    let printed = filter.to_string();
    // Printing may write an escape longer than it was read, so a long filter need not be read again.
    if printed.len() <= Filter::LONGEST {
        let again = Filter::parse(&printed);
        assert_eq!(again.as_ref(), Ok(&filter), "{printed} is read differently");
    }
    let denied = Filter::Not(Box::new(filter.clone()));
    for (resource, schemas) in [
        (&people::USER, &people::USERS),
        (&people::NEWCOMER, &people::USERS),
        (&people::GROUP, &people::GROUPS),
    ] {
        let matches = filter.matches(resource, schemas);
        assert_ne!(matches, denied.matches(resource, schemas), "not ({printed})");
        assert_eq!(Filter::parse_for(&printed, schemas).is_ok(), filter.check(schemas).is_ok());
        // An index looks entries up by these; what it does not find must not match.
        for (path, value) in filter.equalities() {
            let part = Filter::equal(path.clone(), value.clone());
            assert!(!matches || part.matches(resource, schemas), "{printed} without {part}");
        }
    }
    Worth::Keeping
}
