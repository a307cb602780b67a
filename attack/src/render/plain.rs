//! A matrix in letters of one width.

use super::{CELLS, MEANING, said};
use crate::text::short;
use crate::{Access, Cell, Matrix, NOTICE, Row, SourceType};

/// What a piece of text stands for, for a caller who colours it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Tone {
    /// Names of tactics and of columns.
    Heading,
    /// A cell, by the access to its source.
    Access(Access),
    /// A technique of whose data the tenant gets at nothing.
    Gap,
    /// What is there for completeness.
    Soft,
}

/// Of the longest id, `T1562.008`.
const ID: usize = 9;
/// Of a cell, `D 10/10`, and of the gap before it.
const CELL: usize = 7;
const GAP: usize = 2;
/// Least and most for the name of a technique.
const LEAST: usize = 16;
const MOST: usize = 48;
/// Least and most for a whole line.
const NARROW: usize = 60;
const WIDE: usize = 400;

/// A column: a source, or all together, with its place in a row.
struct Column {
    place: Option<usize>,
    heads: [&'static str; 2],
    width: usize,
}

impl Column {
    fn new(place: Option<usize>, heads: [&'static str; 2]) -> Self {
        let width = heads.iter().map(|head| head.len()).max().unwrap_or(0);
        Self {
            place,
            heads,
            width: width.max(CELL),
        }
    }

    fn of(place: usize, source: SourceType) -> Self {
        let name = source.as_str();
        let heads = name.split_once('.').unwrap_or((name, ""));
        Self::new(Some(place), [heads.0, heads.1])
    }

    fn written(&self, row: &Row<'_>) -> (Tone, String) {
        let cell = match self.place {
            Some(place) => row.cells.get(place).copied(),
            None if row.is_gap() => return (Tone::Gap, format!("0/{}", row.together.of)),
            None if row.together.of == 0 => return (Tone::Soft, "no data".to_owned()),
            None => Some(row.together),
        };
        let Some(cell) = cell.filter(|cell| !cell.is_empty()) else {
            return (Tone::Soft, ".".to_owned());
        };
        let Cell {
            access,
            covered,
            of,
        } = cell;
        let text = format!("{} {covered}/{of}", access.letter());
        (Tone::Access(access), text)
    }
}

/// The matrix by tactic, in lines of at most `width` letters (60 to 400), in several parts if it
/// has more columns than fit. Each piece that has a meaning goes through `paint`, padded as it
/// is to be; what `paint` adds must take no room, as colours of a terminal take none.
#[must_use]
pub fn plain(matrix: &Matrix<'_>, width: usize, paint: impl Fn(Tone, &str) -> String) -> String {
    let width = width.clamp(NARROW, WIDE);
    let mut columns = vec![Column::new(None, ["all", "sources"])];
    let sources = matrix.sources.iter().enumerate();
    columns.extend(sources.map(|(place, (source, _))| Column::of(place, *source)));

    let room = width - ID - GAP - LEAST;
    let mut parts: Vec<Vec<&Column>> = vec![Vec::new()];
    let mut taken = 0;
    for column in &columns {
        let wide = GAP + column.width;
        if taken + wide > room {
            parts.push(Vec::new());
            taken = 0;
        }
        taken += wide;
        if let Some(part) = parts.last_mut() {
            part.push(column);
        }
    }

    let mut out = String::new();
    for part in &parts {
        table(&mut out, matrix, part, width, &paint);
        out.push('\n');
    }
    for (access, meaning) in MEANING {
        let letter = paint(Tone::Access(access), access.letter());
        out.push_str(&format!("{letter} {access}: {meaning}\n"));
    }
    let below = format!("{CELLS} {} {NOTICE}", said(matrix));
    for line in wrapped(&below, width) {
        out.push_str(&line);
        out.push('\n');
    }
    out
}

fn table(
    out: &mut String,
    matrix: &Matrix<'_>,
    columns: &[&Column],
    width: usize,
    paint: &impl Fn(Tone, &str) -> String,
) {
    let taken: usize = columns.iter().map(|column| GAP + column.width).sum();
    let name = width.saturating_sub(ID + GAP + taken).clamp(LEAST, MOST);
    let left = ID + GAP + name;
    for at in 0..2 {
        let mut line = " ".repeat(left);
        for column in columns {
            let head = column.heads.get(at).copied().unwrap_or_default();
            line.push_str(&format!("{:GAP$}{head:<1$}", "", column.width));
        }
        out.push_str(&paint(Tone::Heading, line.trim_end()));
        out.push('\n');
    }
    for (tactic, rows) in &matrix.tactics {
        out.push_str(&paint(Tone::Heading, tactic.name));
        out.push('\n');
        for row in rows {
            let head = format!(
                "{:<ID$}{:GAP$}{:<name$}",
                row.technique.id,
                "",
                short(row.technique.name, name)
            );
            out.push_str(&if row.is_gap() {
                paint(Tone::Gap, &head)
            } else {
                head
            });
            for column in columns {
                out.push_str(&" ".repeat(GAP));
                let (tone, text) = column.written(row);
                out.push_str(&paint(tone, &format!("{text:<0$}", column.width)));
            }
            out.truncate(out.trim_end_matches(' ').len());
            out.push('\n');
        }
    }
}

/// The words of a text in lines.
fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let full = lines
            .last()
            .is_some_and(|line| !line.is_empty() && line.chars().count() + 1 + word.len() > width);
        if full {
            lines.push(String::new());
        }
        if let Some(line) = lines.last_mut() {
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
    }
    lines
}
