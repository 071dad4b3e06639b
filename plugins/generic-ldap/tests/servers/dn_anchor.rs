//! A connector that knows entries by their distinguished names.

use crate::place::{Place, added, changed, everything, export, read};
use ecma_plugin_sdk::{Dn, Update, prelude::*};

pub(crate) fn entries_that_are_known_by_their_names_keep_them(place: &Place) {
    let values = place.values.clone().with("anchor", "dn");
    assert!(!crate::place::linked().capabilities(&values).unwrap().rename);
    let mut connection = crate::place::connect(&values);
    let entry =
        added(&mut connection, Entry::new("person").anchor("dn", place.dn("a, b")).set("sn", "x"));
    let id = entry.id();
    let all = everything(&mut connection);
    assert_eq!(all.len(), 2);
    assert_eq!(all[&id.to_string()].get("sn"), ["x".into()]);
    let entry = changed(&mut connection, Update::new(id.clone()).set("sn", "y"));
    assert_eq!((entry.id(), entry.text("sn")), (id, Some("y")));
    let mut new_dn = Update::new(id.clone());
    new_dn.new_dn = Some(Dn::new(place.dn("other")));
    for update in [new_dn, Update::new(id.clone()).set("cn", "other")] {
        let error = export(&mut connection, Change::Update(update)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
        assert!(error.message().contains("choose another anchor"), "{error}");
    }
    assert_eq!(read(&mut connection, id).unwrap().id(), id);
    export(&mut connection, Change::Delete { id: id.clone() }).unwrap();
    assert_eq!(read(&mut connection, id), None);
    assert_eq!(
        export(&mut connection, Change::Delete { id: id.clone() }).unwrap_err().kind(),
        ErrorKind::NotFound
    );
}
