//! What is imported of Microsoft's CSV sample satisfies our plugin.
#![expect(clippy::unwrap_used, reason = "tests")]

mod exchange;

use csv_file::CsvFile;
use exchange::Home;

#[test]
fn the_plugin_finds_nothing_wrong_once_the_secrets_are_entered() {
    exchange::check::<CsvFile>(&Home::new(), "csv");
}
