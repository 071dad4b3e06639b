//! Full imports: pages, limits, and what is chosen.

use crate::place::{Place, connect, everything, full, in_pages, rdns};
use ecma_plugin_sdk::{Connection, Dn, Selection, prelude::*, testkit};

/// A connection to more people than a server answers at once, where it has a limit.
fn crowd(place: &Place, paging: &str) -> (Connection, usize) {
    let values = place.values.clone().with("paging", paging);
    if place.vendor.crowd > 0 {
        let people = format!("ou=people,{}", place.server.base());
        let classes = vec!["person=inetOrgPerson".to_owned()];
        let values = values.with("base", vec![people]).with("object_classes", classes);
        return (connect(&values), place.vendor.crowd);
    }
    let ldif: String =
        (0..40).map(|n| place.ldif(&place.dn(&n.to_string()), &n.to_string())).collect();
    place.add(&ldif);
    (connect(&values), 41)
}

pub(crate) fn every_entry_comes_once_in_pages_of_any_size(place: &Place) {
    let (mut connection, count) = crowd(place, "auto");
    let all = everything(&mut connection);
    assert_eq!(all.len(), count);
    for page_size in [7, 100_000] {
        assert!(
            full(&mut connection, &in_pages(page_size)).0 == all,
            "pages of {page_size} bring the same"
        );
    }
}

pub(crate) fn without_pages_the_size_limit_is_an_error_that_tells_the_remedy(place: &Place) {
    let (mut connection, _) = crowd(place, "off");
    let error = testkit::import(&mut connection, &ImportRun::full()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    assert!(error.message().contains("raise its size limit"), "{error}");
}

pub(crate) fn a_sorted_list_brings_the_same_as_pages(place: &Place) {
    let expected = everything(&mut crowd(place, "paged").0);
    let values = place.values.clone();
    let mut connection = match place.vendor.crowd {
        0 => connect(&values.with("paging", "vlv")),
        _ => crowd(place, "vlv").0,
    };
    for page_size in [7, 500] {
        assert!(full(&mut connection, &in_pages(page_size)).0 == expected, "views of {page_size}");
    }
}

pub(crate) fn a_base_that_is_not_there_is_an_error_of_the_settings(place: &Place) {
    let base = format!("ou=nowhere,{}", place.base);
    let mut connection = place.connect_with("base", vec![base.clone()]);
    for error in [
        connection.test().unwrap_err(),
        testkit::import(&mut connection, &ImportRun::full()).err().unwrap(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        assert!(error.message().contains(&base), "{error}");
    }
}

pub(crate) fn containers_and_filters_choose_what_comes(place: &Place) {
    let left = place.container("left");
    let right = place.container("right");
    let inner = place.ou("inner", &left);
    place.make_container(&inner);
    for (container, name) in [
        (&place.base, "top"),
        (&left, "one"),
        (&left, "svc-one"),
        (&inner, "deep"),
        (&right, "two"),
    ] {
        place.put_in(container, name);
    }
    let chosen = |settings: &[(&str, &[&str])], run: &ImportRun| {
        let mut values = place.values.clone();
        for (name, list) in settings {
            values.set(*name, list.iter().map(ToString::to_string).collect::<Vec<String>>());
        }
        let (object_type, attributes) = ("person".to_owned(), vec!["cn".to_owned()]);
        let mut run = run.clone();
        run.selected = vec![Selection { object_type, attributes }];
        rdns(&full(&mut connect(&values), &run).0)
    };
    let all = ImportRun::full();
    assert_eq!(chosen(&[], &all), ["deep", "one", "svc-one", "top", "two"]);
    // Written in another way than the server does.
    let left = left.to_uppercase().replace(',', " , ");
    assert_eq!(chosen(&[("include_containers", &[&left])], &all), ["deep", "one", "svc-one"]);
    let both = [("include_containers", &[left.as_str(), &right, &inner][..])];
    assert_eq!(chosen(&both, &all), ["deep", "one", "svc-one", "two"]);
    let without = [("include_containers", &[left.as_str()][..]), ("exclude_containers", &[&inner])];
    assert_eq!(chosen(&without, &all), ["one", "svc-one"]);
    assert_eq!(chosen(&[("exclude_containers", &[&left])], &all), ["top", "two"]);
    assert_eq!(
        chosen(&[("filters", &["person=(!(cn=svc-*))", "group=(cn=x)"])], &all),
        ["deep", "one", "top", "two"]
    );
    let mut run = ImportRun::full();
    run.include = vec![Dn::new(left.as_str())];
    run.exclude = vec![Dn::new(inner.as_str())];
    assert_eq!(chosen(&[], &run), ["one", "svc-one"]);
}
