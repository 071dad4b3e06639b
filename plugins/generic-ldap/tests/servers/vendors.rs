//! The three kinds of servers: what they call things, and which scenarios they cannot pass.

use crate::place::Place;
use std::{ops::Deref, sync::LazyLock};
use targets::{Certificate, Directory, Ds389, SambaAd, Slapd};

/// People that are there from the start: more than the servers answer without pages.
const CROWD: usize = 2_600;
/// How many members a large group has.
pub(crate) const MEMBERS: usize = 10_000;

/// A server that goes with its value.
pub(crate) type Own = Box<dyn Deref<Target = Directory>>;

/// A kind of server.
pub(crate) struct Vendor {
    pub(crate) name: &'static str,
    /// The one that all tests of this process share; `None` where it cannot run.
    pub(crate) shared: fn() -> Option<&'static Directory>,
    /// One more, for a test that stops it.
    pub(crate) own: fn() -> Own,
    /// One more, which shows this kind of certificate.
    pub(crate) with: fn(Certificate) -> Own,
    /// How it writes the types of names.
    pub(crate) types: [&'static str; 2],
    /// The class of people.
    pub(crate) person: &'static str,
    /// The class of groups.
    pub(crate) group: &'static str,
    /// A group that names its members by their log-in names.
    pub(crate) posix_group: &'static str,
    /// The anchor.
    pub(crate) anchor: &'static str,
    /// An anchor that no entry has.
    pub(crate) absent: &'static str,
    /// The attribute of being disabled, and its value then, after a log-in with a password.
    pub(crate) disabled: (&'static str, &'static str),
    /// Makes it refuse passwords that are too short.
    pub(crate) rules: fn(&Directory),
    /// Somebody who can be a member of a large group, by number.
    pub(crate) member: fn(&Place, usize) -> String,
    /// How it tells changes.
    pub(crate) strategies: &'static [&'static str],
    /// The people that are there from the start.
    pub(crate) crowd: usize,
    /// Scenarios that it cannot pass, and why.
    pub(crate) cannot: &'static [(&'static str, &'static str)],
}

pub(crate) static OPENLDAP: Vendor = Vendor {
    name: "OpenLDAP",
    shared: || {
        static SERVER: LazyLock<Slapd> = LazyLock::new(|| Slapd::start_with_people(CROWD));
        Some(&SERVER)
    },
    own: || Box::new(Slapd::start()),
    with: |certificate| Box::new(Slapd::start_with(certificate)),
    types: ["cn", "ou"],
    person: "inetOrgPerson",
    group: "groupOfNames",
    posix_group: "posixGroup",
    anchor: "entryUUID",
    absent: "00000000-0000-0000-0000-000000000000",
    disabled: ("pwdAccountLockedTime", "000001010000Z"),
    rules: |_| {},
    member: |place, n| place.dn(&format!("m{n:05}")),
    strategies: &["syncrepl", "accesslog", "timestamp"],
    crowd: CROWD,
    cannot: &[],
};

pub(crate) static DS389: Vendor = Vendor {
    name: "389 Directory Server",
    shared: || {
        static SERVER: LazyLock<Ds389> = LazyLock::new(|| Ds389::start_with_people(CROWD));
        Some(&SERVER)
    },
    own: || Box::new(Ds389::start()),
    with: |certificate| Box::new(Ds389::start_with(certificate)),
    types: ["cn", "ou"],
    person: "inetOrgPerson",
    group: "groupOfNames",
    posix_group: "groupOfNames+posixGroup",
    anchor: "nsUniqueId",
    absent: "00000000-00000000-00000000-00000000",
    disabled: ("nsAccountLock", "TRUE"),
    rules: |server| {
        let on = "replace: passwordCheckSyntax\npasswordCheckSyntax: on";
        server.modify(&format!("dn: cn=config\nchangetype: modify\n{on}\n"));
    },
    member: |place, n| place.dn(&format!("m{n:05}")),
    strategies: &["changelog", "timestamp"],
    crowd: CROWD,
    cannot: &[(
        "a_sorted_list_brings_the_same_as_pages",
        "views of a list need an index that an administrator makes for each",
    )],
};

pub(crate) static SAMBA: Vendor = Vendor {
    name: "Active Directory",
    shared: || {
        static SERVER: LazyLock<Option<SambaAd>> =
            LazyLock::new(|| SambaAd::if_available(|| SambaAd::start_with_contacts(MEMBERS)));
        SERVER.as_deref()
    },
    own: || Box::new(SambaAd::start()),
    with: |certificate| Box::new(SambaAd::start_with(certificate)),
    types: ["CN", "OU"],
    person: "user",
    group: "group",
    posix_group: "group+posixGroup",
    anchor: "objectGUID",
    absent: "00000000-0000-0000-0000-000000000000",
    disabled: ("userAccountControl", "514"),
    rules: |server| {
        // A password could be changed once a day.
        let now = "replace: minPwdAge\nminPwdAge: 0";
        server.modify(&format!("dn: {}\nchangetype: modify\n{now}\n", server.base()));
    },
    // Nobody is a member who is not there.
    member: |_, n| SambaAd::contact(n),
    strategies: &["usn", "timestamp"],
    crowd: 0,
    cannot: &[(
        "without_pages_the_size_limit_is_an_error_that_tells_the_remedy",
        "Samba answers any number of entries at once",
    )],
};
