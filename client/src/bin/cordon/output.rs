//! Results on stdout: tables for people, JSON for programs.

use std::io::{self, BufWriter, IsTerminal as _, Stdout, Write as _};

use clap::ValueEnum;
use comfy_table::{Attribute, Cell, Color, ContentArrangement, Table, presets};
use cordon_client::Error;
use futures::{Stream, TryStreamExt as _};
use serde_json::Value;

use crate::failure::Outcome;
use crate::text::{cell, indented, visible};

/// Form of the result.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    Table,
    Json,
    Ndjson,
}

/// Something that can be shown in each form.
pub(crate) trait Row {
    /// The names of its cells.
    const HEAD: &'static [&'static str];

    /// Its cells.
    fn cells(&self) -> Vec<String>;

    /// The whole of it as JSON.
    fn json(&self) -> Value;
}

/// The way to stdout.
#[derive(Debug)]
pub(crate) struct Output {
    form: Form,
}

impl Output {
    pub(crate) const fn new(form: Form) -> Self {
        Self { form }
    }

    pub(crate) const fn form(&self) -> Form {
        self.form
    }

    /// Shows a list, fetched as it is shown.
    pub(crate) async fn list<T: Row>(
        &self,
        items: impl Stream<Item = Result<T, Error>>,
    ) -> Outcome {
        let mut items = std::pin::pin!(items);
        if self.form == Form::Table {
            let mut rows = Vec::new();
            while let Some(item) = items.try_next().await? {
                rows.push(item.cells());
            }
            return self.table(T::HEAD, rows);
        }
        let mut documents = Documents::new(self.form);
        while let Some(item) = items.try_next().await? {
            documents.put(item.json().to_string().as_bytes())?;
        }
        documents.finish()
    }

    /// Shows one thing.
    pub(crate) fn one<T: Row>(&self, item: &T) -> Outcome {
        match self.form {
            Form::Table => self.pairs(T::HEAD.iter().copied().zip(item.cells())),
            Form::Json | Form::Ndjson => self.document(&item.json()),
        }
    }

    /// Says what was done, or gives what came of it as JSON.
    pub(crate) fn done(&self, sentence: &str, result: &Value) -> Outcome {
        match self.form {
            Form::Table => self.text(sentence),
            Form::Json | Form::Ndjson => self.document(result),
        }
    }

    /// Shows names and values, one pair a line.
    pub(crate) fn pairs<'a>(&self, pairs: impl Iterator<Item = (&'a str, String)>) -> Outcome {
        let rows = pairs
            .map(|(name, value)| vec![name.to_owned(), value])
            .collect();
        self.print(table(&[], rows))
    }

    /// Shows a table.
    pub(crate) fn table(&self, head: &[&str], rows: Vec<Vec<String>>) -> Outcome {
        if rows.is_empty() {
            return Ok(());
        }
        self.print(table(head, rows))
    }

    fn print(&self, table: Table) -> Outcome {
        let mut out = io::stdout().lock();
        for line in table.lines() {
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(out.flush()?)
    }

    /// Shows a text; its control characters are shown as such.
    pub(crate) fn text(&self, text: &str) -> Outcome {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", visible(text))?;
        Ok(out.flush()?)
    }

    /// Writes bytes as they are; only on a terminal are control characters shown as such.
    pub(crate) fn bytes(&self, bytes: &[u8]) -> Outcome {
        if io::stdout().is_terminal() {
            return self.text(&String::from_utf8_lossy(bytes));
        }
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
        out.write_all(b"\n")?;
        Ok(out.flush()?)
    }

    /// Writes one JSON document: on a line as it is, but for people indented.
    pub(crate) fn json(&self, document: &[u8]) -> Outcome {
        if self.form == Form::Table || (self.form == Form::Json && io::stdout().is_terminal()) {
            return self.text(&indented(document));
        }
        self.bytes(document)
    }

    /// The same for a value.
    pub(crate) fn document(&self, value: &Value) -> Outcome {
        self.json(value.to_string().as_bytes())
    }
}

/// Whether stdout takes colours.
pub(crate) fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty())
}

fn table(head: &[&str], rows: Vec<Vec<String>>) -> Table {
    let mut table = Table::new();
    table.load_preset(presets::NOTHING);
    if colours() {
        // As wide as the terminal; what is longer goes on below.
        table.set_content_arrangement(ContentArrangement::Dynamic);
    } else {
        table.force_no_tty();
    }
    if !head.is_empty() {
        let cells = head
            .iter()
            .map(|name| Cell::new(name.to_uppercase()).add_attribute(Attribute::Bold));
        table.set_header(cells);
    }
    for row in rows {
        table.add_row(row.iter().map(|text| {
            let shown = Cell::new(cell(text));
            match text.as_str() {
                "Failure" | "suspended" | "pending deletion" | "revoked" => shown.fg(Color::Red),
                _ => shown,
            }
        }));
    }
    // Columns stand two blanks apart, and the first at the very left.
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table
}

/// Writes one row for those who wait for it. The widths are those of all columns but the last:
/// they can't wait for what is still to come.
pub(crate) fn put_line(cells: &[String], widths: &[usize]) -> Outcome {
    let mut out = io::stdout().lock();
    writeln!(out, "{}", line(cells, widths))?;
    Ok(out.flush()?)
}

fn line(cells: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (at, text) in cells.iter().enumerate() {
        let width = widths.get(at).copied().unwrap_or(0);
        line.push_str(&format!("{:<width$}  ", cell(text)));
    }
    line.trim_end().to_owned()
}

/// JSON documents, one a line or as one list.
#[derive(Debug)]
pub(crate) struct Documents {
    out: BufWriter<Stdout>,
    list: bool,
    count: u64,
    terminal: bool,
}

impl Documents {
    pub(crate) fn new(form: Form) -> Self {
        Self {
            out: BufWriter::with_capacity(64 << 10, io::stdout()),
            list: form == Form::Json,
            count: 0,
            terminal: io::stdout().is_terminal(),
        }
    }

    /// Writes one, byte for byte; only on a terminal are control characters shown as such.
    pub(crate) fn put(&mut self, document: &[u8]) -> Outcome {
        let separator: &[u8] = match (self.list, self.count) {
            (false, _) => b"",
            (true, 0) => b"[\n",
            (true, _) => b",\n",
        };
        self.out.write_all(separator)?;
        if self.terminal {
            let text = String::from_utf8_lossy(document);
            self.out.write_all(visible(&text).as_bytes())?;
        } else {
            self.out.write_all(document)?;
        }
        if !self.list {
            self.out.write_all(b"\n")?;
        }
        self.count += 1;
        Ok(())
    }

    /// Hands on what was written, for those who wait for each line.
    pub(crate) fn flush(&mut self) -> Outcome {
        Ok(self.out.flush()?)
    }

    pub(crate) fn finish(mut self) -> Outcome {
        if self.list {
            self.out
                .write_all(if self.count == 0 { b"[]\n" } else { b"\n]\n" })?;
        }
        self.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_plain_where_there_is_no_terminal() {
        let rows = vec![
            vec!["acme".to_owned(), "active".to_owned()],
            vec!["a\u{1b}[2J\nb".to_owned(), "suspended".to_owned()],
        ];
        let mut shown = table(&["tenant", "state"], rows);
        shown.force_no_tty();
        let lines: Vec<_> = shown
            .lines()
            .map(|line| line.trim_end().to_owned())
            .collect();
        assert_eq!(
            lines,
            [
                "TENANT        STATE",
                "acme          active",
                "a\\u001b[2J b  suspended"
            ]
        );
    }

    #[test]
    fn rows_stand_below_each_other_and_are_harmless() {
        let row = |texts: [&str; 3]| line(&texts.map(str::to_owned), &[30, 16]);
        assert_eq!(
            row(["a", "b", "c"]).find('b'),
            row(["aa", "b", "c"]).find('b')
        );
        assert!(row(["a\u{1b}", "b\n", "c"]).starts_with("a\\u001b "));
    }
}
