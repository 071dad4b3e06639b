//! Medians, percentiles and tables.

use std::fmt::{Display, Write as _};

/// The value in the middle; the lower one of two. Zero of nothing.
pub(super) fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    percentile(values, 50.0)
}

/// The least value that so many of a hundred do not exceed.
pub(super) fn percentile(values: impl IntoIterator<Item = f64>, percent: f64) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let rank = (values.len() as f64 * percent / 100.0).ceil() as usize;
    values.get(rank.max(1) - 1).copied().unwrap_or_default()
}

/// A number of requests or bytes, with commas.
pub(super) fn grouped(number: f64) -> String {
    let digits = format!("{number:.0}");
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at) % 3 == 0 {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A table in Markdown.
pub(super) struct Table {
    text: String,
}

impl Table {
    /// With these headings; all columns but the first hold numbers.
    pub(super) fn new(headings: &[&str]) -> Self {
        let rule = "---:|".repeat(headings.len().saturating_sub(1));
        Self { text: format!("| {} |\n|---|{rule}\n", headings.join(" | ")) }
    }

    /// With one more row.
    pub(super) fn row(&mut self, cells: &[&dyn Display]) {
        self.text.push('|');
        for cell in cells {
            write!(self.text, " {cell} |").expect("a String takes all");
        }
        self.text.push('\n');
    }
}

impl Display for Table {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_and_the_tail_are_found() {
        let values = || (1..=100).rev().map(f64::from);
        assert_eq!((median([3.0, 1.0, 2.0]), median([])), (2.0, 0.0));
        assert_eq!((percentile(values(), 99.0), percentile(values(), 100.0)), (99.0, 100.0));
    }

    #[test]
    fn numbers_have_commas_where_people_expect_them() {
        for (number, text) in [(7.4, "7"), (999.0, "999"), (1000.0, "1,000"), (1e6, "1,000,000")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn a_table_is_markdown() {
        let mut table = Table::new(&["what", "n"]);
        table.row(&[&"a", &1]);
        assert_eq!(table.to_string(), "| what | n |\n|---|---:|\n| a | 1 |\n");
    }
}
