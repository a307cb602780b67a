//! A matrix as one SVG file that needs nothing else.

use maud::{Markup, PreEscaped, html};

use super::{CELLS, MEANING, said};
use crate::text::short;
use crate::{Access, Cell, Matrix, NOTICE, Row, SourceType};

/// Places and sizes, in pixels.
const EDGE: u32 = 20;
const NAME: u32 = 340;
const CELL: u32 = 74;
const LINE: u32 = 22;
/// Widths of the legend's entries.
const LEGEND: [u32; 4] = [140, 235, 175, 110];
/// Where the columns' heads begin, and the rows.
const HEADS: u32 = 100;
const ROWS: u32 = 138;
/// What stands below the rows: legend and notice.
const BELOW: u32 = 150;
/// As few columns leave no room for the sentences.
const LEAST: u32 = 760;
/// Most letters of what is not ours or may be long.
const TITLE: usize = 60;
const TECHNIQUE: usize = 46;
/// Most techniques that the description names.
const NAMED: usize = 40;

const STYLE: &str = "text { font: 12px \"Segoe UI\", \"Helvetica Neue\", Arial, \"Liberation Sans\", \"Noto Sans\", sans-serif; fill: #16202b; } \
.h { font-size: 20px; font-weight: 600; } .b { font-weight: 600; } .s { font-size: 11px; } .soft { fill: #55616f; } .bad { fill: #b3251d; font-weight: 600; } \
.id { font-family: \"Liberation Mono\", Consolas, monospace; font-size: 11px; } .rule { stroke: #cdd5de; } .band { fill: #e7ecf1; } \
.direct { fill: #cfe1f5; } .direct-bar { fill: #1d5fa6; } .analysis { fill: #fdebc8; } .analysis-bar { fill: #b97a00; } \
.forensic { fill: #e6dcf3; } .forensic-bar { fill: #6b45a3; } .none { fill: #fff; stroke: #8a94a0; stroke-dasharray: 3 2; } .none-bar { fill: #8a94a0; } \
.gap { fill: #fff; stroke: #b3251d; stroke-width: 1.5; }";

/// The matrix as a picture for a light background. The title may be anybody's text; it is
/// escaped, and cut at 60 letters.
#[must_use]
pub fn svg(matrix: &Matrix<'_>, title: &str) -> String {
    let title = short(title, TITLE);
    let columns = number(matrix.sources.len()) + 1;
    let width = (2 * EDGE + NAME + columns * CELL).max(LEAST);
    let lines = matrix
        .tactics
        .iter()
        .map(|(_, rows)| number(rows.len()) + 1);
    let bottom = ROWS + lines.sum::<u32>() * LINE;
    let height = bottom + BELOW;

    // Each tactic with the line that it begins on.
    let mut next = ROWS;
    let tactics = matrix.tactics.iter().map(|(tactic, rows)| {
        let top = next;
        next += (number(rows.len()) + 1) * LINE;
        (tactic.name, top, rows)
    });
    let tactics: Vec<_> = tactics.collect();

    let picture = html! {
        svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title desc" viewBox={ "0 0 " (width) " " (height) } width=(width) height=(height) {
            title id="title" { (title) }
            desc id="desc" { (described(matrix)) }
            style { (PreEscaped(STYLE)) }
            rect width=(width) height=(height) fill="#fff" {}
            text class="h" x=(EDGE) y="38" { (title) }
            @for (at, line) in (0..).zip(sentences(matrix)) {
                text class="soft" x=(EDGE) y=(60 + 17 * at) { (line) }
            }
            @for (at, (source, _)) in (0..).zip(&matrix.sources) { (head(at, *source)) }
            text class="b" x=(middle(columns - 1)) y=(HEADS + 14) text-anchor="middle" { "all" }
            text class="b" x=(middle(columns - 1)) y=(HEADS + 29) text-anchor="middle" { "sources" }
            @for (name, top, rows) in &tactics {
                rect class="band" x=(EDGE) y=(top) width=(NAME + columns * CELL) height=(LINE - 2) {}
                text class="b" x=(EDGE + 6) y=(top + 15) { (name) }
                @for (at, row) in (1..).zip(rows.iter()) { (line(row, top + at * LINE, columns)) }
            }
            (legend(bottom + 26))
            @for (at, line) in (0..).zip(NOTICE.split_inclusive(". ")) {
                text class="s soft" x=(EDGE) y=(bottom + 112 + 16 * at) { (line.trim_end()) }
            }
        }
    };
    picture.into_string()
}

/// A count that fits a picture. The table is small, so that none is cut.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX).min(10_000)
}

const fn left(column: u32) -> u32 {
    EDGE + NAME + column * CELL
}

const fn middle(column: u32) -> u32 {
    left(column) + CELL / 2
}

fn sentences(matrix: &Matrix<'_>) -> Vec<String> {
    let said = said(matrix);
    let lines = said.split_inclusive(". ");
    lines.map(|line| line.trim_end().to_owned()).collect()
}

/// What the picture says, in words.
fn described(matrix: &Matrix<'_>) -> String {
    let rows = matrix.tactics.iter().flat_map(|(_, rows)| rows);
    let mut gaps: Vec<_> = rows
        .filter(|row| row.is_gap())
        .map(|row| row.technique.id)
        .collect();
    gaps.sort_unstable();
    gaps.dedup();
    let more = gaps.len().saturating_sub(NAMED);
    gaps.truncate(NAMED);
    let gaps = match (gaps.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!(" Of nothing is known: {}.", gaps.join(", ")),
        (false, more) => format!(" Of nothing is known: {} and {more} more.", gaps.join(", ")),
    };
    format!("{}{gaps} {NOTICE}", said(matrix))
}

fn head(column: u32, source: SourceType) -> Markup {
    let name = source.as_str();
    let (first, second) = name.split_once('.').unwrap_or((name, ""));
    html! {
        text class="s" x=(middle(column)) y=(HEADS + 14) text-anchor="middle" { (first) }
        text class="s" x=(middle(column)) y=(HEADS + 29) text-anchor="middle" { (second) }
    }
}

fn line(row: &Row<'_>, top: u32, columns: u32) -> Markup {
    let name = short(row.technique.name, TECHNIQUE);
    html! {
        text class="id soft" x=(EDGE + 6) y=(top + 15) { (row.technique.id) }
        text class=[row.is_gap().then_some("bad")] x=(EDGE + 76) y=(top + 15) { (name) }
        @for (at, one) in (0..).zip(&row.cells) { (cell(one, at, top)) }
        @if row.together.of == 0 {
            text class="s soft" x=(middle(columns - 1)) y=(top + 15) text-anchor="middle" { "no data" }
        } @else if row.is_gap() {
            rect class="gap" x=(left(columns - 1) + 3) y=(top + 1) width=(CELL - 6) height=(LINE - 4) {}
            text class="s bad" x=(middle(columns - 1)) y=(top + 14) text-anchor="middle" { "gap 0/" (row.together.of) }
        } @else {
            (cell(&row.together, columns - 1, top))
        }
        line class="rule" x1=(EDGE) x2=(left(columns)) y1=(top + LINE - 1) y2=(top + LINE - 1) stroke-width="0.5" {}
    }
}

fn cell(cell: &Cell, column: u32, top: u32) -> Markup {
    let wide = CELL - 6;
    let share = number(cell.covered) * wide / number(cell.of).max(1);
    let class = cell.access.as_str();
    html! {
        @if !cell.is_empty() {
            rect class=(class) x=(left(column) + 3) y=(top + 1) width=(wide) height=(LINE - 4) {}
            @if cell.access != Access::None {
                rect class={ (class) "-bar" } x=(left(column) + 3) y=(top + LINE - 6) width=(share) height="3" {}
            }
            text class="s" x=(middle(column)) y=(top + 13) text-anchor="middle" { (cell.access.letter()) " " (cell.covered) "/" (cell.of) }
        }
    }
}

fn legend(top: u32) -> Markup {
    html! {
        @for (at, (access, meaning)) in (0..).zip(MEANING) {
            @let x = EDGE + LEGEND.iter().take(at).sum::<u32>();
            rect class=(access.as_str()) x=(x) y=(top) width="30" height="18" {}
            text class="s" x=(x + 15) y=(top + 13) text-anchor="middle" { (access.letter()) }
            text class="s" x=(x + 38) y=(top + 13) { (meaning) }
        }
        text class="s soft" x=(EDGE) y=(top + 40) { (CELLS) }
        text class="s soft" x=(EDGE) y=(top + 56) { "The last column counts what you have access to. Whether a source is switched on, and whether anybody looks, is another matter." }
    }
}
