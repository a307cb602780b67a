//! A graph as a picture: hops from left to right, each a column.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use maud::{Markup, html};

use super::text::{Words, f, n, short, short_end};
use crate::answer::{Graph, Node, Outcome};

/// Most nodes that are drawn.
pub(super) const MOST_DRAWN: usize = 200;
/// Most edges that are drawn.
const MOST_EDGES_DRAWN: usize = 600;

const BOX: (f64, f64) = (230.0, 40.0);
/// From box to box.
const STEP: (f64, f64) = (340.0, 58.0);
const EDGE: f64 = 14.0;
/// Above the boxes: the names of columns.
const TOP: f64 = 34.0;

/// What is drawn: places of nodes by their number.
struct Layout {
    places: BTreeMap<usize, (f64, f64)>,
    hops: Vec<(i32, f64)>,
    size: (f64, f64),
}

fn layout(graph: &Graph) -> Layout {
    // The nearest to the start are drawn; in a column they stand in the order of those before.
    let mut order: Vec<usize> = (0..graph.nodes.len()).collect();
    let hop = |at: usize| graph.nodes.get(at).map_or(0, |node| node.hop);
    order.sort_by_key(|at| (hop(*at).unsigned_abs(), *at));
    order.truncate(MOST_DRAWN);
    let mut columns: BTreeMap<i32, Vec<usize>> = BTreeMap::new();
    for at in order {
        columns.entry(hop(at)).or_default().push(at);
    }
    let tallest = columns.values().map(Vec::len).max().unwrap_or_default();
    let height = f(tallest) * STEP.1;
    let mut heights: BTreeMap<usize, f64> = BTreeMap::new();
    let mut layout = Layout {
        places: BTreeMap::new(),
        hops: Vec::new(),
        size: (
            (f(columns.len()) - 1.0).max(0.0) * STEP.0 + BOX.0 + 2.0 * EDGE,
            height + TOP + EDGE,
        ),
    };
    for (column, (hop, mut nodes)) in columns.into_iter().enumerate() {
        // By the mean height of neighbours that have a place already.
        let mean = |at: usize| {
            let near = graph.edges.iter().filter_map(|edge| match () {
                () if edge.to == at => heights.get(&edge.from),
                () if edge.from == at => heights.get(&edge.to),
                () => None,
            });
            let (sum, count) = near.fold((0.0, 0.0), |(sum, count), y| (sum + y, count + 1.0));
            if count > 0.0 { sum / count } else { 0.0 }
        };
        let mut keyed: Vec<(f64, usize)> = nodes.drain(..).map(|at| (mean(at), at)).collect();
        keyed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let x = EDGE + f(column) * STEP.0;
        let free = (height - f(keyed.len()) * STEP.1) / 2.0;
        for (row, (_, at)) in keyed.into_iter().enumerate() {
            let y = TOP + free + f(row) * STEP.1;
            heights.insert(at, y);
            layout.places.insert(at, (x, y));
        }
        layout.hops.push((hop, x));
    }
    layout
}

fn heading(hop: i32) -> String {
    let steps = if hop.abs() == 1 { "step" } else { "steps" };
    match hop {
        0 => "start".to_owned(),
        1.. => format!("{hop} {steps} on"),
        _ => format!("{} {steps} before", hop.unsigned_abs()),
    }
}

/// The name without what all have in common; of a session its role's.
fn label(node: &Node) -> String {
    let name = match session(node) {
        Some((role, _)) => role,
        None => node.id.rsplit(':').next().unwrap_or_default(),
    };
    let name = if name.is_empty() { &node.id } else { name };
    short_end(name, 27)
}

/// What it is; of a session what it is called.
fn about(node: &Node) -> String {
    match session(node) {
        Some((_, name)) => short_end(name, 20),
        None => short(&node.kind, 20).replace('_', " "),
    }
}

/// Role and name of a session.
fn session(node: &Node) -> Option<(&str, &str)> {
    let (_, rest) = node.id.split_once(":assumed-role/")?;
    rest.split_once('/')
}

fn events(count: u64) -> String {
    format!("{count} event{}", if count == 1 { "" } else { "s" })
}

fn class(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Refused => "way refused",
        Outcome::Given => "way given",
        Outcome::Used => "way used",
    }
}

/// From the side of one box to that of another.
fn curve(from: (f64, f64), to: (f64, f64)) -> String {
    let half = BOX.1 / 2.0;
    let mut path = String::new();
    let (start, end, bend) = if to.0 > from.0 {
        (
            (from.0 + BOX.0, from.1 + half),
            (to.0 - 7.0, to.1 + half),
            50.0,
        )
    } else if to.0 < from.0 {
        (
            (from.0, from.1 + half),
            (to.0 + BOX.0 + 7.0, to.1 + half),
            -50.0,
        )
    } else {
        // In one column: around the right side.
        let x = from.0 + BOX.0;
        let (y, z) = (from.1 + half, to.1 + half);
        let _ = write!(
            path,
            "M{} {} C{} {} {} {} {} {}",
            n(x),
            n(y),
            n(x + 50.0),
            n(y),
            n(x + 50.0),
            n(z),
            n(x + 7.0),
            n(z)
        );
        return path;
    };
    // Writing to a string does not fail.
    let _ = write!(
        path,
        "M{} {} C{} {} {} {} {} {}",
        n(start.0),
        n(start.1),
        n(start.0 + bend),
        n(start.1),
        n(end.0 - bend),
        n(end.1),
        n(end.0),
        n(end.1)
    );
    path
}

/// The picture, with what it shows in words.
pub(super) fn draw(graph: &Graph) -> Markup {
    let layout = layout(graph);
    let (width, height) = layout.size;
    let drawn: Vec<_> = graph
        .edges
        .iter()
        .filter_map(|edge| {
            let from = *layout.places.get(&edge.from)?;
            let to = *layout.places.get(&edge.to)?;
            Some((edge, curve(from, to)))
        })
        .take(MOST_EDGES_DRAWN)
        .collect();
    let nodes = graph.nodes.len() - layout.places.len().min(graph.nodes.len());
    let edges = graph.edges.len() - drawn.len();
    let name = |at: usize| graph.nodes.get(at).map_or("", |node| node.id.as_str());
    html! {
        figure {
            div class="wide" {
                svg role="img" class="graph" width=(n(width)) height=(n(height)) viewBox={ "0 0 " (n(width)) " " (n(height)) } {
                    title { "Who was given which identity" }
                    desc {
                        (graph.nodes.len()) " identities and " (graph.edges.len())
                        " steps between them. The tables below say the same in words."
                    }
                    defs {
                        marker id="tip" viewBox="0 0 8 8" refX="1" refY="4" markerUnits="userSpaceOnUse" markerWidth="9" markerHeight="9" orient="auto" {
                            path class="tip" d="M0 0 L8 4 L0 8 z" {}
                        }
                    }
                    @for (hop, x) in &layout.hops {
                        text class="soft s" x=(n(x + BOX.0 / 2.0)) y="18" text-anchor="middle" { (heading(*hop)) }
                    }
                    @for (edge, path) in &drawn {
                        path class=(class(edge.outcome)) d=(path) marker-end="url(#tip)" {
                            title {
                                (Words(name(edge.from))) " → " (Words(name(edge.to))) ": "
                                (Words(&edge.operation)) ", " (edge.count) " times, first " (edge.first)
                            }
                        }
                    }
                    @for (at, (x, y)) in &layout.places {
                        @if let Some(node) = graph.nodes.get(*at) {
                            g {
                                title { (Words(&node.id)) }
                                rect class=(if node.hop == 0 { "node start" } else { "node" }) x=(n(*x)) y=(n(*y)) width=(n(BOX.0)) height=(n(BOX.1)) rx="4" {}
                                text class="b" x=(n(x + 10.0)) y=(n(y + 17.0)) { (label(node)) }
                                text class="soft s" x=(n(x + 10.0)) y=(n(y + 32.0)) {
                                    (about(node))
                                    @if node.used > 0 { " · " (events(node.used)) }
                                }
                            }
                        }
                    }
                }
            }
            figcaption class="legend" {
                span { svg class="key" viewBox="0 0 24 8" aria-hidden="true" { path class="way used" d="M0 4 H24" {} } "given and used" }
                span { svg class="key" viewBox="0 0 24 8" aria-hidden="true" { path class="way given" d="M0 4 H24" {} } "given, no use seen" }
                span { svg class="key" viewBox="0 0 24 8" aria-hidden="true" { path class="way refused" d="M0 4 H24" {} } "refused" }
                @if nodes + edges > 0 {
                    span { (nodes) " identities and " (edges) " steps are not drawn; the tables have them." }
                }
            }
        }
    }
}
