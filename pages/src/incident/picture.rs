//! The picture of an incident: phases, whose move it was, what happened, and its clocks, over one
//! scale of time.

use cordon_sla::clock::{Party, State};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use maud::{Markup, html};

use super::{Clock, IncidentReport};
use crate::amounts::{count, minute};
use crate::chart::n;
use crate::text::short;

const LEFT: f64 = 150.0;
const WIDTH: f64 = 590.0;
const LANE: f64 = 22.0;
const BAR: f64 = 14.0;
/// Most clocks that are drawn; the table has them all.
const MAX_CLOCKS: usize = 24;

/// Steps of the scale, the smallest first.
const STEPS: [i64; 15] = [
    60, 300, 600, 1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600,
    2_592_000, 7_776_000,
];

/// From moments to places.
struct Scale {
    from: Timestamp,
    to: Timestamp,
}

impl Scale {
    fn of(report: &IncidentReport) -> Self {
        let mut to = report.closed.unwrap_or(report.as_of);
        for clock in report.clocks.iter().take(MAX_CLOCKS) {
            to = clock.stopped.map_or(to, |stopped| to.max(stopped));
            // What is due soon is shown, too, but does not press everything else together.
            let most = to + to.duration_since(report.opened) / 4;
            to = clock
                .due
                .filter(|due| *due <= most)
                .map_or(to, |due| to.max(due));
        }
        let least = report.opened + SignedDuration::from_mins(1);
        Self {
            from: report.opened,
            to: to.max(least),
        }
    }

    fn x(&self, at: Timestamp) -> f64 {
        let whole = self.to.duration_since(self.from).as_secs_f64();
        let part = at.duration_since(self.from).as_secs_f64() / whole;
        LEFT + WIDTH * part.clamp(0.0, 1.0)
    }

    /// Moments to name: whole hours or days, about six.
    fn ticks(&self) -> Vec<Timestamp> {
        let whole = self.to.duration_since(self.from).as_secs();
        let step = STEPS.into_iter().find(|step| whole / step <= 6);
        let step = step.unwrap_or((whole / 6).max(1));
        let first = self.from.as_second().div_euclid(step) + 1;
        let ticks = (first..).map_while(|tick| Timestamp::from_second(tick * step).ok());
        ticks.take_while(|at| *at <= self.to).take(20).collect()
    }

    fn label(&self, at: Timestamp) -> String {
        let days = self.to.duration_since(self.from) > SignedDuration::from_hours(24 * 6);
        let form = if days { "%m-%d" } else { "%m-%d %H:%M" };
        at.to_zoned(TimeZone::UTC).strftime(form).to_string()
    }

    fn bar(&self, class: &str, y: f64, from: Timestamp, to: Timestamp) -> Markup {
        let (a, b) = (self.x(from), self.x(to));
        html! { rect class=(class) x=(n(a)) y=(n(y)) width=(n((b - a).max(1.5))) height=(n(BAR)) {} }
    }
}

/// A small square of a colour, for the legend.
pub(super) fn key(class: &str) -> Markup {
    html! { svg viewBox="0 0 14 10" width="14" height="10" aria-hidden="true" { rect class=(class) x="0" y="0" width="14" height="10" {} } }
}

pub(super) fn timeline(report: &IncidentReport) -> Markup {
    let scale = Scale::of(report);
    let end = report.closed.unwrap_or(report.as_of);
    let clocks = report.clocks.iter().take(MAX_CLOCKS);
    let lanes = 3.0 + f64::from(u16::try_from(clocks.len()).unwrap_or(0));
    let height = lanes * LANE + 40.0;
    let lane = |number: u16| 8.0 + LANE * f64::from(number);
    let ticks = scale.ticks();
    html! {
        svg role="img" viewBox={ "0 0 760 " (n(height)) } {
            title { "The incident over time" }
            desc { (said(report)) }
            defs { pattern id="wait" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                rect width="5" height="5" fill="#fff2d0" {} rect width="2" height="5" fill="#b97a00" {}
            } }
            @for at in &ticks {
                @let x = scale.x(*at);
                line class="grid" x1=(n(x)) x2=(n(x)) y1="4" y2=(n(height - 30.0)) {}
                text class="soft s" x=(n(x)) y=(n(height - 16.0)) text-anchor="middle" { (scale.label(*at)) }
            }
            text class="s" x=(n(LEFT - 10.0)) y=(n(lane(0) + 11.0)) text-anchor="end" { "Phase" }
            @for phase in &report.phases {
                @let to = phase.to.unwrap_or(end);
                @let wide = scale.x(to) - scale.x(phase.from);
                (scale.bar("done", lane(0), phase.from, to))
                line stroke="#fff" stroke-width="1.5" x1=(n(scale.x(phase.from))) x2=(n(scale.x(phase.from))) y1=(n(lane(0))) y2=(n(lane(0) + BAR)) {}
                @if wide > 74.0 { text class="s white" x=(n(scale.x(phase.from) + 5.0)) y=(n(lane(0) + 11.0)) { (phase.phase.words()) } }
            }
            text class="s" x=(n(LEFT - 10.0)) y=(n(lane(1) + 11.0)) text-anchor="end" { "Whose move" }
            @for (party, from, to) in moves(report, end) {
                (scale.bar(turn(party), lane(1), from, to))
            }
            text class="s" x=(n(LEFT - 10.0)) y=(n(lane(2) + 11.0)) text-anchor="end" { "What happened" }
            line class="axis" x1=(n(LEFT)) x2=(n(LEFT + WIDTH)) y1=(n(lane(2) + 7.0)) y2=(n(lane(2) + 7.0)) {}
            @for entry in &report.timeline {
                circle class=(match entry.actor.party { Party::Provider => "good", Party::Customer => "wait" })
                    cx=(n(scale.x(entry.time))) cy=(n(lane(2) + 7.0)) r="4" {
                    title { (minute(entry.time)) ": " (short(&entry.what, 80)) }
                }
            }
            @for (clock, number) in clocks.zip(3_u16..) {
                (clock_lane(&scale, clock, lane(number), report.as_of))
            }
        }
    }
}

fn clock_lane(scale: &Scale, clock: &Clock, y: f64, as_of: Timestamp) -> Markup {
    let end = clock.stopped.unwrap_or(as_of);
    let late = clock
        .due
        .filter(|due| *due < end && clock.state == State::Breached);
    html! {
        text class=(if late.is_some() { "s bad b" } else { "s" }) x=(n(LEFT - 10.0)) y=(n(y + 11.0)) text-anchor="end" { (short(&clock.what, 20)) }
        @for stretch in &clock.stretches { (scale.bar(turn(stretch.party), y, stretch.from, stretch.to)) }
        @if let Some(due) = late { (scale.bar("miss", y, due, end)) }
        @if let Some(due) = clock.due.filter(|due| *due <= scale.to) {
            line class="due" x1=(n(scale.x(due))) x2=(n(scale.x(due))) y1=(n(y - 3.0)) y2=(n(y + BAR + 3.0)) {}
        }
    }
}

const fn turn(party: Party) -> &'static str {
    match party {
        Party::Provider => "good",
        Party::Customer => "wait",
    }
}

/// Whose move it was from when to when. The first one is the provider's, and so is the first one
/// after it was opened again; while it was closed, which leaves a gap between phases, nobody had it.
fn moves(report: &IncidentReport, end: Timestamp) -> Vec<(Party, Timestamp, Timestamp)> {
    let hand_overs = report.hand_overs.iter();
    let mut turns: Vec<_> = hand_overs.map(|one| (one.time, Some(one.to))).collect();
    for (before, after) in report.phases.iter().zip(report.phases.iter().skip(1)) {
        if let Some(closed) = before.to.filter(|closed| *closed < after.from) {
            turns.extend([(closed, None), (after.from, Some(Party::Provider))]);
        }
    }
    turns.sort_by_key(|(time, _)| *time);
    let mut moves = Vec::new();
    let (mut turn, mut since) = (Some(Party::Provider), report.opened);
    for (time, to) in turns {
        if to != turn {
            moves.extend(turn.map(|party| (party, since, time)));
            (turn, since) = (to, time);
        }
    }
    moves.extend(turn.map(|party| (party, since, end.max(since))));
    moves
}

fn said(report: &IncidentReport) -> String {
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let phases = report.phases.iter();
    let phases = phases.map(|phase| format!("{} from {}", phase.phase.words(), minute(phase.from)));
    let late = report
        .clocks
        .iter()
        .filter(|clock| clock.state == State::Breached);
    let late: Vec<_> = late.map(|clock| short(&clock.what, 40)).collect();
    let late = if late.is_empty() {
        "none is breached".to_owned()
    } else {
        format!("breached: {}", late.join(", "))
    };
    format!(
        "{}. {}. {}, {late}. The tables below say the same.",
        phases.collect::<Vec<_>>().join(", "),
        count(
            number(report.timeline.len()),
            "timeline entry",
            "timeline entries"
        ),
        count(number(report.clocks.len()), "clock", "clocks"),
    )
}
