//! Tables for people.

use std::io::{self, Write};

/// Writes rows under their headings; the last column is not padded.
pub(super) fn write(
    out: &mut dyn Write,
    headings: &[&str],
    rows: &[Vec<String>],
) -> io::Result<()> {
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row[column].chars().count());
        cells.chain([headings[column].len()]).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..headings.len()).map(width).collect();
    let headings: Vec<String> = headings.iter().map(|text| (*text).to_owned()).collect();
    for row in std::iter::once(&headings).chain(rows) {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_what_is_in_them() {
        let rows = [vec!["ü".to_owned(), "1".to_owned()], vec!["long".to_owned(), String::new()]];
        let mut out = Vec::new();
        write(&mut out, &["A", "COUNT"], &rows).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "A     COUNT\nü     1\nlong\n");
    }
}
