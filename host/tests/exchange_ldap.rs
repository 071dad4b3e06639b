//! What is imported of Microsoft's LDAP connector satisfies ours.
#![expect(clippy::unwrap_used, reason = "tests")]

mod exchange;

use exchange::Home;
use generic_ldap::GenericLdap;

#[test]
fn the_plugin_finds_nothing_wrong_once_the_secrets_are_entered() {
    for sample in ["openldap", "ad-lds"] {
        exchange::check::<GenericLdap>(&Home::new(), sample);
    }
}
