//! Samba's Active Directory: every scenario. Its server starts only where the tests are root's;
//! elsewhere each test says on the terminal why it did nothing.

use crate::vendors::SAMBA;

every_scenario! { SAMBA }

tests_of! { SAMBA, passwords:
    a_password_that_was_set_has_to_be_changed
    a_locked_account_is_unlocked_with_a_password
}

tests_of! { SAMBA, groups:
    a_member_that_is_not_there_is_invalid
}
