//! Tables in Markdown.

use std::fmt::Display;

/// Prints a section's heading and what its figures are.
pub(crate) fn heading(title: &str, about: &str) {
    println!("### {title}\n\n{about}\n");
}

/// Prints the head of a table.
pub(crate) fn head(columns: &[&str]) {
    row(columns);
    row(&vec!["---"; columns.len()]);
}

pub(crate) fn row(cells: &[impl Display]) {
    let cells: String = cells.iter().map(|cell| format!(" {cell} |")).collect();
    println!("|{cells}");
}

/// Ends a table.
pub(crate) fn end() {
    println!();
}
