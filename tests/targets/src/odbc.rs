//! ODBC drivers, as distributions install them.

use std::fs;

/// The file of a driver, such as `psqlodbcw.so`, in one of the folders where distributions put them.
/// Panics when there is none, with the name of its Debian package.
#[track_caller]
pub fn odbc_driver(file: &str) -> String {
    let package = match file {
        "psqlodbcw.so" => "odbc-postgresql",
        "libmaodbc.so" => "odbc-mariadb",
        "libsqlite3odbc.so" => "libsqliteodbc",
        _ => "that has it",
    };
    let inside = |folder: &str| fs::read_dir(folder).into_iter().flatten().flatten();
    let folders = inside("/usr/lib").chain(inside("/usr")).map(|entry| entry.path());
    let mut files = folders.flat_map(|folder| [folder.join("odbc").join(file), folder.join(file)]);
    let found = files.find(|path| path.is_file());
    match found {
        Some(path) => path.display().to_string(),
        None => panic!("there is no {file}: install the Debian package {package}"),
    }
}
