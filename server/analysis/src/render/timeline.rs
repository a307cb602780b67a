//! A timeline as a picture: a lane for each of the most active, time from left to right.

use std::collections::BTreeMap;

use jiff::Timestamp;
use maud::{Markup, html};

use super::text::{Words, f, n, short_end};
use crate::answer::{Entry, Timeline};
use crate::time::nanoseconds;

/// Most lanes; what does not fit one has the last.
const MOST_LANES: usize = 14;
/// Most marks that are drawn.
const MOST_MARKS: usize = 3_000;

const LEFT: f64 = 250.0;
const WIDTH: f64 = 990.0;
const LANE: f64 = 26.0;
const TOP: f64 = 30.0;

struct Mark<'t> {
    x: f64,
    y: f64,
    entry: &'t Entry,
}

fn time(text: &str) -> Option<i64> {
    text.parse::<Timestamp>().ok().map(nanoseconds)
}

#[allow(clippy::cast_precision_loss, reason = "a picture is exact to a pixel")]
fn part(at: i64, first: i64, last: i64) -> f64 {
    let whole = last.saturating_sub(first).max(1) as f64;
    at.saturating_sub(first) as f64 / whole
}

/// The picture, with what it shows in words; none where nothing is in it.
pub(super) fn draw(timeline: &Timeline) -> Option<Markup> {
    let timed: Vec<(i64, &Entry)> = timeline
        .entries
        .iter()
        .filter_map(|entry| Some((time(&entry.time)?, entry)))
        .collect();
    let around = timeline.around.as_deref().and_then(time);
    let times = timed.iter().map(|(at, _)| *at).chain(around);
    let (first, last) = (times.clone().min()?, times.max()?);
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    for (_, entry) in &timed {
        *counts.entry(&entry.actor).or_default() += 1;
    }
    let mut lanes: Vec<(&str, usize)> = counts.into_iter().collect();
    lanes.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    let others: usize = lanes.iter().skip(MOST_LANES).map(|(_, count)| count).sum();
    lanes.truncate(MOST_LANES);
    let rows = lanes.len() + usize::from(others > 0);
    let bottom = TOP + f(rows) * LANE;
    let span = WIDTH - LEFT - 20.0;
    let x = |at: i64| LEFT + span * part(at, first, last);
    let marks: Vec<Mark<'_>> = timed
        .iter()
        .take(MOST_MARKS)
        .map(|(at, entry)| {
            let lane = lanes.iter().position(|(actor, _)| *actor == entry.actor);
            Mark {
                x: x(*at),
                y: TOP + (f(lane.unwrap_or(lanes.len())) + 0.5) * LANE,
                entry,
            }
        })
        .collect();
    let ticks = (0..5_u32).map(|tick| {
        let share = f64::from(tick) / 4.0;
        let step = last.saturating_sub(first) / 4;
        let at = first.saturating_add(step.saturating_mul(i64::from(tick)));
        (
            LEFT + span * share,
            tick,
            crate::time::rfc3339(at - at.rem_euclid(1_000_000_000)),
        )
    });
    Some(html! {
        figure {
            div class="wide" {
                svg role="img" width=(n(WIDTH)) height=(n(bottom + 26.0)) viewBox={ "0 0 " (n(WIDTH)) " " (n(bottom + 26.0)) } {
                    title { "What happened when, by actor" }
                    desc {
                        (timed.len()) " events of " (lanes.len()) " actors"
                        @if others > 0 { " and of others" }
                        ". The table below says the same in words."
                    }
                    @for (x, tick, text) in ticks {
                        line class="grid" x1=(n(x)) x2=(n(x)) y1=(n(TOP - 6.0)) y2=(n(bottom)) {}
                        text class="soft s" x=(n(x)) y=(n(if tick % 2 == 0 { bottom + 14.0 } else { TOP - 12.0 })) text-anchor=(if tick == 4 { "end" } else { "middle" }) { (text) }
                    }
                    @for (row, (actor, count)) in lanes.iter().enumerate() {
                        @let y = TOP + (f(row) + 0.5) * LANE;
                        line class="grid" x1=(n(LEFT)) x2=(n(WIDTH - 20.0)) y1=(n(y)) y2=(n(y)) {}
                        text class="s" x=(n(LEFT - 12.0)) y=(n(y + 4.0)) text-anchor="end" {
                            title { (Words(actor)) }
                            (if actor.is_empty() { "no actor named".to_owned() } else { short_end(actor, 32) }) " · " (count)
                        }
                    }
                    @if others > 0 {
                        text class="soft s" x=(n(LEFT - 12.0)) y=(n(TOP + (f(lanes.len()) + 0.5) * LANE + 4.0)) text-anchor="end" { "others · " (others) }
                    }
                    @for mark in &marks {
                        circle class=(if mark.entry.status == "Failure" { "mark bad" } else { "mark" }) cx=(n(mark.x)) cy=(n(mark.y)) r="4" {
                            title {
                                (Words(&mark.entry.time)) " " (Words(&mark.entry.operation)) " "
                                (Words(&mark.entry.resource))
                            }
                        }
                    }
                    @if let Some(around) = around {
                        line class="around" x1=(n(x(around))) x2=(n(x(around))) y1=(n(TOP - 6.0)) y2=(n(bottom)) {}
                    }
                }
            }
            figcaption class="legend" {
                span { svg class="key" viewBox="0 0 12 12" aria-hidden="true" { circle class="mark" cx="6" cy="6" r="4" {} } "done" }
                span { svg class="key" viewBox="0 0 12 12" aria-hidden="true" { circle class="mark bad" cx="6" cy="6" r="4" {} } "failed" }
                @if timeline.around.is_some() { span { svg class="key" viewBox="0 0 12 12" aria-hidden="true" { path class="around" d="M6 0 V12" {} } "what was asked about" } }
                @let left = timed.len().saturating_sub(marks.len());
                @if left > 0 { span { (left) " more are not drawn." } }
                @if timeline.left_out > 0 { span { "Events were left out; see the remarks." } }
            }
        }
    })
}
