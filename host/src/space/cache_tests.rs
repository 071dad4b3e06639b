//! Names of entries that change.

use super::{
    Layout, Space,
    cache::{By, Edit},
    layout::Keeping,
    row,
};
use ecma_plugin_sdk::{Attribute, AttributeType, Entry};
use std::sync::Arc;

#[test]
fn a_new_name_is_noticed_once_and_only_where_entries_may_name_each_other() {
    for is_named in [false, true] {
        let mut layout = Layout::default();
        let id = Attribute::new("id", AttributeType::Integer);
        let kept = Keeping { indexed: false, folded: false, linked: false };
        layout.add("user", std::slice::from_ref(&id), &[], |_| kept);
        if is_named {
            layout.index_names(true);
        }
        let mut space = Space::new(Arc::new(layout));
        let mut put = |dn: &str| {
            let entry = Entry::new("user").anchor("id", 1_i64).dn(dn);
            let row = row::encode(space.layout(), &entry).unwrap();
            space.apply(&Edit::Put(&row), By::Import, 0);
            (space.take_renamed(), space.take_renamed())
        };
        assert_eq!(put("uid=kim"), (false, false), "it is new");
        assert_eq!(put("uid=kim"), (false, false), "it is the same");
        assert_eq!(put("uid=kim2"), (is_named, false));
    }
}
