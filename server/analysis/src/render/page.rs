//! An answer as one page that stands alone.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use maud::{DOCTYPE, Markup, PreEscaped, html};
use ring::digest::{SHA256, digest};

use super::text::Words;
use super::{graph, timeline};
use crate::answer::{Answer, Cell, ColumnKind, Table};
use crate::plan::method;
use crate::question::{Question, Scope};

const STYLE: &str = include_str!("style.css");
/// Most rows of one table on the page; the rest is in its CSV.
const MOST_ROWS: usize = 1_000;

/// The answer as HTML: what was asked, what is to be known of it, pictures, tables.
#[must_use]
pub fn page(question: &Question, scope: &Scope, answer: &Answer) -> String {
    let hash = STANDARD.encode(digest(&SHA256, STYLE.as_bytes()));
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{hash}'; base-uri 'none'; form-action 'none'"
    );
    let title = format!("Analysis: {}", answer.kind.as_str().replace('_', " "));
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(policy);
                meta name="referrer" content="no-referrer";
                meta name="color-scheme" content="light dark";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) }
            }
            body {
                main {
                    h1 { (title) }
                    p class="about" {
                        (scope.since.to_string()) " to " (scope.until.to_string())
                        " · " (answer.events) " events looked at · plan " (answer.plan_version)
                    }
                    (remarks(answer))
                    @if let Some(graph) = &answer.graph {
                        section { h2 { "Picture" } (graph::draw(graph)) }
                    }
                    @if let Some(picture) = answer.timeline.as_ref().and_then(timeline::draw) {
                        section { h2 { "Picture" } (picture) }
                    }
                    @for shown in &answer.tables { (table(shown)) }
                    section {
                        h2 { "How it was answered" }
                        p { (method(answer.kind)) }
                        h3 { "Question" }
                        p class="mono" { (Words(&question.canonical())) }
                        h3 { "Scope" }
                        p class="mono" { (Words(&scope.canonical())) }
                    }
                }
            }
        }
    };
    page.into_string()
}

fn remarks(answer: &Answer) -> Markup {
    html! {
        @if !answer.remarks.is_empty() {
            section class="remarks" {
                h2 { "Remarks" }
                ul { @for remark in &answer.remarks { li { (Words(&remark.message)) } } }
            }
        }
    }
}

fn table(table: &Table) -> Markup {
    html! {
        section {
            h2 { (Words(&table.title)) }
            @if table.rows.is_empty() {
                p class="none" { "None." }
            } @else {
                div class="wide" {
                    table {
                        thead {
                            tr {
                                @for column in &table.columns {
                                    th scope="col" class=[class(column.kind).filter(|class| *class != "mono")] {
                                        (Words(&column.name.replace('_', " ")))
                                        @if let Some(unit) = &column.unit { @if !column.name.contains(unit.as_str()) { " " span class="unit" { (Words(unit)) } } }
                                    }
                                }
                            }
                        }
                        tbody {
                            @for row in table.rows.iter().take(MOST_ROWS) {
                                tr {
                                    @for (cell, column) in row.iter().zip(&table.columns) {
                                        td class=[class(column.kind).or_else(|| long(cell))] {
                                            @match cell {
                                                Cell::Empty => {}
                                                Cell::Integer(number) => (number),
                                                Cell::Float(number) => (number.to_string()),
                                                Cell::Text(text) => (Words(text)),
                                            }
                                        }
                                    }
                                }
                            }
                        }
                    }
                }
                @if table.rows.len() > MOST_ROWS {
                    p class="none" { (table.rows.len() - MOST_ROWS) " more rows are in the answer and not on this page." }
                }
            }
            @if let Some(cut) = &table.cut {
                p class="cut" {
                    @if cut.at_least { "At least " }
                    (cut.left_out) " rows were left out: " (Words(&cut.narrow)) "."
                }
            }
        }
    }
}

/// Texts that may be broken anywhere.
fn long(cell: &Cell) -> Option<&'static str> {
    matches!(cell, Cell::Text(text) if text.len() > 32).then_some("long")
}

fn class(kind: ColumnKind) -> Option<&'static str> {
    match kind {
        ColumnKind::Integer | ColumnKind::Float => Some("n"),
        ColumnKind::Time => Some("t"),
        ColumnKind::EventName | ColumnKind::Json => Some("mono"),
        ColumnKind::Text | ColumnKind::Address => None,
    }
}
