//! Pictures of figures, as inline SVG. Each has a name and a text that says the same.

use cordon_sla::objective::BasisPoints;
use cordon_sla::period::Period;
use maud::{Markup, html};

use crate::amounts::percent;

/// A number as it stands in a picture.
pub(crate) fn n(number: f64) -> String {
    format!("{number:.1}")
}

fn share(points: BasisPoints) -> f64 {
    f64::from(points.0.min(10_000)) / 10_000.0
}

/// A bar: what was attained of something, and what was to be.
pub(crate) struct Bar {
    pub(crate) label: &'static str,
    pub(crate) attained: BasisPoints,
    /// Below this, something is owed.
    pub(crate) goal: Option<BasisPoints>,
}

impl Bar {
    pub(crate) fn is_short(&self) -> bool {
        self.goal.is_some_and(|goal| self.attained < goal)
    }

    fn said(&self) -> String {
        let goal = match self.goal {
            Some(goal) if self.is_short() => format!(", below the target of {}", percent(goal)),
            Some(goal) => format!(", target {}", percent(goal)),
            None => String::new(),
        };
        format!("{} {}{goal}", self.label, percent(self.attained))
    }
}

/// What was attained, bar by bar, against what was to be.
pub(crate) fn bars(name: &str, bars: &[Bar]) -> Markup {
    const LEFT: f64 = 150.0;
    const WIDTH: f64 = 370.0;
    let height = 30.0 * f64::from(u16::try_from(bars.len()).unwrap_or(u16::MAX)) + 26.0;
    let said: Vec<_> = bars.iter().map(Bar::said).collect();
    let rows = bars
        .iter()
        .zip((0..u16::MAX).map(|row| 30.0 * f64::from(row) + 6.0));
    html! {
        svg role="img" viewBox={ "0 0 700 " (n(height)) } {
            title { (name) }
            desc { (said.join("; ")) "." }
            @for part in [0_u32, 25, 50, 75, 100] {
                @let x = LEFT + WIDTH * f64::from(part) / 100.0;
                line class="grid" x1=(n(x)) x2=(n(x)) y1="2" y2=(n(height - 20.0)) {}
                text class="soft s" x=(n(x)) y=(n(height - 6.0)) text-anchor="middle" { (part) "%" }
            }
            @for (bar, y) in rows {
                @let width = WIDTH * share(bar.attained);
                text x=(n(LEFT - 10.0)) y=(n(y + 14.0)) text-anchor="end" { (bar.label) }
                rect class="track" x=(n(LEFT)) y=(n(y)) width=(n(WIDTH)) height="20" {}
                rect class=(if bar.is_short() { "miss" } else { "good" }) x=(n(LEFT)) y=(n(y)) width=(n(width)) height="20" {}
                @if let Some(goal) = bar.goal {
                    @let x = LEFT + WIDTH * share(goal);
                    line class="axis" x1=(n(x)) x2=(n(x)) y1=(n(y - 3.0)) y2=(n(y + 23.0)) stroke-width="2.5" {}
                }
                text class=(if bar.is_short() { "b bad" } else { "b" }) x=(n(LEFT + WIDTH + 10.0)) y=(n(y + 14.0)) {
                    (percent(bar.attained))
                    @if let Some(goal) = bar.goal {
                        tspan class="soft s" dx="6" {
                            @if bar.is_short() { "below " } @else { "target " }
                            (percent(goal))
                        }
                    }
                }
            }
        }
    }
}

/// What was attained month by month; none where nothing was decided.
pub(crate) struct Trend<'a> {
    pub(crate) name: &'a str,
    pub(crate) months: &'a [(Period, Option<BasisPoints>)],
    pub(crate) goal: Option<BasisPoints>,
    /// Whether it is one of several: smaller, and with fewer words.
    pub(crate) small: bool,
}

impl Trend<'_> {
    /// Where the scale begins, in percent: low enough for all, and never misleadingly high.
    fn floor(&self) -> u32 {
        let known = self.months.iter().filter_map(|(_, attained)| *attained);
        let lowest = known.chain(self.goal).min().unwrap_or(BasisPoints::WHOLE);
        match lowest.0 / 100 {
            99.. => 98,
            94..99 => 90,
            85..94 => 80,
            55..85 => 50,
            _ => 0,
        }
    }

    fn said(&self) -> String {
        let said = self.months.iter().map(|(period, attained)| match attained {
            Some(attained) => format!("{period} {}", percent(*attained)),
            None => format!("{period} nothing decided"),
        });
        said.collect::<Vec<_>>().join("; ")
    }

    pub(crate) fn draw(&self) -> Markup {
        let (width, height) = if self.small {
            (220.0, 96.0)
        } else {
            (700.0, 190.0)
        };
        let (left, right) = (38.0, if self.small { 8.0 } else { 16.0 });
        let (top, bottom) = if self.small {
            (10.0, 18.0)
        } else {
            (24.0, 24.0)
        };
        let floor = self.floor();
        let count = u16::try_from(self.months.len()).unwrap_or(u16::MAX);
        let step = (width - left - right) / f64::from(count.max(1));
        let x = |index: u16| left + step * (f64::from(index) + 0.5);
        let y = |attained: BasisPoints| {
            let low = f64::from(floor) / 100.0;
            let part = ((share(attained) - low) / (1.0 - low)).max(0.0);
            height - bottom - (height - bottom - top) * part
        };
        let points: Vec<(f64, Period, Option<BasisPoints>)> = (0..count)
            .zip(self.months)
            .map(|(index, (period, attained))| (x(index), *period, *attained))
            .collect();
        // A stroke for each run of months that have something.
        let runs = points.split(|(_, _, attained)| attained.is_none());
        let runs = runs.filter(|run| run.len() > 1).map(|run| {
            let run = run
                .iter()
                .filter_map(|(x, _, attained)| attained.map(|a| (x, a)));
            let run = run.map(|(x, attained)| format!("{},{}", n(*x), n(y(attained))));
            run.collect::<Vec<_>>().join(" ")
        });
        let short = |attained: BasisPoints| self.goal.is_some_and(|goal| attained < goal);
        let marks = [floor, u32::midpoint(floor, 100), 100];
        html! {
            svg role="img" viewBox={ "0 0 " (n(width)) " " (n(height)) } {
                title { (self.name) }
                desc { (self.said()) ". The scale begins at " (floor) "%." }
                @for mark in marks {
                    @let level = y(BasisPoints(mark * 100));
                    line class="grid" x1=(n(left)) x2=(n(width - right)) y1=(n(level)) y2=(n(level)) {}
                    @if !self.small || mark != marks[1] {
                        text class="soft s" x=(n(left - 5.0)) y=(n(level + 4.0)) text-anchor="end" { (mark) "%" }
                    }
                }
                @if let Some(goal) = self.goal {
                    line class="goal" x1=(n(left)) x2=(n(width - right)) y1=(n(y(goal))) y2=(n(y(goal))) {}
                }
                @for run in runs { polyline class="line" points=(run) {} }
                @for (x, period, attained) in &points {
                    @if let Some(attained) = attained {
                        @let level = y(*attained);
                        circle class=(if short(*attained) { "miss" } else { "good" }) cx=(n(*x)) cy=(n(level)) r=(if self.small { "3" } else { "4.5" }) {}
                        @if !self.small {
                            text class=(if short(*attained) { "s b bad" } else { "s b" }) x=(n(*x)) y=(n(level - 9.0)) text-anchor="middle" { (percent(*attained)) }
                        }
                    }
                    @if !self.small {
                        text class="soft s" x=(n(*x)) y=(n(height - 7.0)) text-anchor="middle" { (period.to_string()) }
                    }
                }
                @if self.small {
                    @if let Some((x, period, _)) = points.first() {
                        text class="soft s" x=(n(*x - 6.0)) y=(n(height - 4.0)) { (period.to_string()) }
                    }
                    @if let Some((x, period, _)) = points.last().filter(|_| points.len() > 3) {
                        text class="soft s" x=(n(*x + 6.0)) y=(n(height - 4.0)) text-anchor="end" { (period.to_string()) }
                    }
                }
            }
        }
    }
}
