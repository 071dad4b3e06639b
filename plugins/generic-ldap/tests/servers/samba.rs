//! Samba's Active Directory: every scenario. Its server starts only where the tests are root's;
//! elsewhere each test says on the terminal why it did nothing.

use crate::vendors::SAMBA;

every_scenario! { SAMBA }
