//! Passwords, and accounts that are enabled and disabled.

use crate::place::{Place, added, changed, everything, export, read};
use ecma_plugin_sdk::{Connection, PasswordOptions, Secret, Update, prelude::*};

/// Passwords that every policy of the tests accepts.
const GOOD: [&str; 3] = ["First-Pass-word1", "Second-Pass-word2", "Third-\"Pass\" wörd3"];

fn set(connection: &mut Connection, id: &EntryId, password: &str) -> Result<()> {
    connection.set_password(id, &Secret::new(password), PasswordOptions::default())
}

/// Somebody new, enabled where new accounts are not by themselves.
fn account(place: &Place, connection: &mut Connection, name: &str) -> Entry {
    (place.vendor.rules)(place.server);
    let person = place.person(name);
    let is_active_directory = place.vendor.person == "user";
    let person = if is_active_directory { person.set("-enabled-", true) } else { person };
    added(connection, person)
}

fn refused(result: Result<()>) {
    let error = result.unwrap_err();
    let of = (error.kind(), error.attribute());
    assert_eq!(of, (ErrorKind::Invalid, Some("export_password")), "{error}");
}

pub(crate) fn a_password_that_is_set_logs_in_and_the_one_before_does_not(place: &Place) {
    let mut connection = place.connect();
    let entry = account(place, &mut connection, "x");
    let dn = place.dn("x");
    for (before, now) in [("nothing yet", GOOD[0]), (GOOD[0], GOOD[1]), (GOOD[1], GOOD[2])] {
        set(&mut connection, entry.id(), now).unwrap();
        assert!(place.binds(&dn, now) && !place.binds(&dn, before), "{now}");
    }
    // What is set is never read, and an old name is no hindrance.
    place.rename(&dn, "cn=y", None);
    set(&mut connection, entry.id(), GOOD[0]).unwrap();
    assert!(place.binds(&place.dn("y"), GOOD[0]));
    let now = read(&mut connection, entry.id()).unwrap();
    assert_eq!((now.get("userPassword"), now.get("unicodePwd")), (&[][..], &[][..]));
    let mut gone = entry.id().clone();
    gone.anchor = ecma_plugin_sdk::Anchor::new([(place.vendor.anchor, place.vendor.absent)]);
    assert_eq!(set(&mut connection, &gone, GOOD[1]).unwrap_err().kind(), ErrorKind::NotFound);
}

pub(crate) fn a_password_is_changed_by_who_knows_the_old_one(place: &Place) {
    let mut connection = place.connect();
    let entry = account(place, &mut connection, "x");
    let dn = place.dn("x");
    set(&mut connection, entry.id(), GOOD[0]).unwrap();
    let mut change = |old: &str, new: &str| {
        connection.change_password(entry.id(), &Secret::new(old), &Secret::new(new))
    };
    refused(change("wrong", GOOD[1]));
    assert!(place.binds(&dn, GOOD[0]) && !place.binds(&dn, GOOD[1]));
    change(GOOD[0], GOOD[1]).unwrap();
    assert!(!place.binds(&dn, GOOD[0]) && place.binds(&dn, GOOD[1]));
}

pub(crate) fn a_password_that_the_policy_refuses_is_invalid(place: &Place) {
    let mut connection = place.connect();
    let entry = account(place, &mut connection, "x");
    set(&mut connection, entry.id(), GOOD[0]).unwrap();
    refused(set(&mut connection, entry.id(), "x1"));
    let (old, short) = (Secret::new(GOOD[0]), Secret::new("x1"));
    refused(connection.change_password(entry.id(), &old, &short));
    assert!(place.binds(&place.dn("x"), GOOD[0]));
}

pub(crate) fn an_account_is_disabled_and_enabled_and_imports_tell_it(place: &Place) {
    let mut connection = place.connect();
    let entry = account(place, &mut connection, "x");
    let id = entry.id();
    set(&mut connection, id, GOOD[0]).unwrap();
    let (attribute, disabled) = place.vendor.disabled;
    let dn = place.dn("x");
    let before = place.stored(&dn, attribute);
    for enabled in [false, false, true, true] {
        let entry = changed(&mut connection, Update::new(id.clone()).set("-enabled-", enabled));
        assert_eq!(entry.get("-enabled-"), [enabled.into()]);
        let all = everything(&mut connection);
        assert_eq!(all[&id.to_string()].get("-enabled-"), [enabled.into()]);
        let stored = place.stored(&dn, attribute);
        assert_eq!(stored, if enabled { before.clone() } else { vec![disabled.to_owned()] });
        assert_eq!(place.can_log_in(&dn, GOOD[0]), enabled);
    }
    // Beside other changes, and for a new entry.
    let both = Update::new(id.clone()).set("sn", "Other").set("-enabled-", false);
    let entry = changed(&mut connection, both);
    assert_eq!((entry.text("sn"), entry.get("-enabled-")), (Some("Other"), &[false.into()][..]));
    let new = added(&mut connection, place.person("new").set("-enabled-", false));
    assert_eq!(new.get("-enabled-"), [false.into()]);
    assert_eq!(place.stored(&place.dn("new"), attribute).len(), 1);
}

/// A new account of Active Directory cannot be enabled before it has a password.
pub(crate) fn a_new_account_is_enabled_with_its_first_password(place: &Place) {
    let mut connection = place.connect();
    let entry = added(&mut connection, place.person("x").set("-enabled-", true));
    let dn = place.dn("x");
    let is_active_directory = place.vendor.person == "user";
    assert_eq!(entry.get("-enabled-"), [(!is_active_directory).into()]);
    set(&mut connection, entry.id(), GOOD[0]).unwrap();
    let entry = read(&mut connection, entry.id()).unwrap();
    assert_eq!(entry.get("-enabled-"), [true.into()]);
    assert!(place.binds(&dn, GOOD[0]));
    if is_active_directory {
        assert_eq!(place.stored(&dn, "userAccountControl"), ["512"]);
        place.set(&dn, "userAccountControl", "66048");
        for (enabled, bits) in [(false, "66050"), (true, "66048")] {
            let update = Update::new(entry.id().clone()).set("-enabled-", enabled);
            export(&mut connection, Change::Update(update)).unwrap();
            assert_eq!(place.stored(&dn, "userAccountControl"), [bits], "the other bits stay");
        }
    }
}

/// Where a server has such a policy.
pub(crate) fn a_password_that_was_set_has_to_be_changed(place: &Place) {
    let mut connection = place.connect();
    let entry = account(place, &mut connection, "x");
    let dn = place.dn("x");
    let (attribute, asked) = match place.vendor.person {
        "user" => ("pwdLastSet", "0"),
        _ => ("pwdReset", "TRUE"),
    };
    set(&mut connection, entry.id(), GOOD[0]).unwrap();
    assert!(!place.stored(&dn, attribute).contains(&asked.to_owned()), "nobody asked for it");
    let options = PasswordOptions { force_change: true, ..PasswordOptions::default() };
    connection.set_password(entry.id(), &Secret::new(GOOD[1]), options).unwrap();
    assert_eq!(place.stored(&dn, attribute), [asked]);
}

/// Where a server has such a policy.
pub(crate) fn a_locked_account_is_unlocked_with_a_password(place: &Place) {
    /// More than other tests have wrong ones of an account.
    const WRONG: usize = 12;

    let mut connection = place.connect();
    let entry = account(place, &mut connection, "x");
    let dn = place.dn("x");
    set(&mut connection, entry.id(), GOOD[0]).unwrap();
    if place.vendor.person == "user" {
        place.set(place.server.base(), "lockoutThreshold", &WRONG.to_string());
        for _ in 0..WRONG {
            assert!(!place.binds(&dn, "wrong"));
        }
    } else {
        place.set(&dn, "pwdAccountLockedTime", "000001010000Z");
    }
    assert!(!place.can_log_in(&dn, GOOD[0]), "it is locked");
    let options = PasswordOptions { unlock: true, ..PasswordOptions::default() };
    connection.set_password(entry.id(), &Secret::new(GOOD[1]), options).unwrap();
    assert!(place.can_log_in(&dn, GOOD[1]));
}
