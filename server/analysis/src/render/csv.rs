//! Tables as CSV.

use std::io::{self, Write};

use crate::answer::{Cell, Table};

/// A text that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// Writes a table with a header. Empty cells are empty, times RFC 3339 in UTC; a text that a
/// spreadsheet would take for a formula begins with an apostrophe. That rows were left out is
/// not in it: [`Table::cut`] says so.
///
/// # Errors
///
/// When it can't be written.
pub fn csv(out: impl Write, table: &Table) -> io::Result<()> {
    let mut csv = ::csv::Writer::from_writer(out);
    let names = table.columns.iter().map(|column| &column.name);
    csv.write_record(names).map_err(io::Error::other)?;
    for row in &table.rows {
        let cells = row.iter().map(|cell| match cell {
            Cell::Empty => String::new(),
            Cell::Integer(number) => number.to_string(),
            Cell::Float(number) => number.to_string(),
            Cell::Text(text) => harmless(text),
        });
        csv.write_record(cells).map_err(io::Error::other)?;
    }
    csv.flush()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Column, ColumnKind};

    #[test]
    fn what_looks_like_a_formula_is_text() {
        let column = |name: &str, kind| Column {
            name: name.to_owned(),
            kind,
            unit: None,
        };
        let table = Table {
            name: "t".to_owned(),
            title: "T".to_owned(),
            columns: vec![
                column("a", ColumnKind::Text),
                column("n", ColumnKind::Integer),
            ],
            rows: vec![
                vec![Cell::text("=HYPERLINK(\"x\")"), Cell::Integer(-5)],
                vec![Cell::text("@SUM, \"q\"\nline"), Cell::Empty],
                vec![Cell::text("\tx"), Cell::Float(0.25)],
            ],
            cut: None,
        };
        let mut out = Vec::new();
        csv(&mut out, &table).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "a,n\n\"'=HYPERLINK(\"\"x\"\")\",-5\n\"'@SUM, \"\"q\"\"\nline\",\n'\tx,0.25\n"
        );
    }
}
