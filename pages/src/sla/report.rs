//! The report of a tenant's month.

use cordon_sla::agreement::CreditBasis;
use cordon_sla::clock::Subject;
use cordon_sla::decided::DecidedClock;
use cordon_sla::objective::BasisPoints;
use cordon_sla::report::{Figures, Report};
use maud::{Markup, html};

use super::{agreements, availability_goal, goal, kind, month, ruling, severity, year};
use crate::amounts::{count, grouped, minute, none, percent, percent_or_none, span, span_or_none};
use crate::chart::{Bar, Trend, bars};
use crate::shell::{Page, Tile, section, tiles};
use crate::text::{Words, short};

/// Most breached clocks that a page lists; the others are in the report's lines of clocks.
pub(crate) const MAX_LISTED: usize = 200;
/// Most gaps.
const MAX_GAPS: usize = 60;

/// A tenant's month as a page. `signed_by` are the ids of the keys that the report was found to be
/// signed with; with none the page says that nobody has checked it.
pub fn sla_report(report: &Report, signed_by: &[String]) -> String {
    let title = format!(
        "Service levels of {} in {}",
        report.tenant,
        month(report.period)
    );
    let body = html! {
        header {
            h1 { "Service level report: " (month(report.period)) }
            p class="about" { "For " strong { (Words(&report.tenant)) } ". "
                @if report.complete { "The whole month, in UTC." }
                @else { "The month so far: as of " (minute(report.as_of)) " UTC. More may be decided in it." }
            }
        }
        p class="lead" { (verdict(report)) }
        (tiles(&figures(report)))
        (section("What was attained", attained(report)))
        (section("The last twelve months", trends(report)))
        (section("By objective and severity", lines(report)))
        (section("What was not done in time", breaches(report)))
        (section("Credits", credits(report)))
        (section("The service itself", service(report)))
        (section("What was promised", agreements::agreements(report)))
        (section("How to check this report", checking(report, signed_by)))
    };
    let marking = html! {
        span { "Service level report · " (short(&report.tenant, 60)) " · " (report.period) }
        span { @if report.complete { "final" } @else { "so far" } }
    };
    Page {
        title: &title,
        marking,
        below: "Service level report",
        body,
    }
    .into_html()
}

fn verdict(report: &Report) -> String {
    let Figures { met, breached, .. } = report.overall;
    let all = met.saturating_add(breached);
    let kept = match (all, breached) {
        (0, _) => "No promise fell due in this month.".to_owned(),
        (1, 0) => "The one promise that fell due was kept.".to_owned(),
        (all, 0) => format!("All {} promises that fell due were kept.", grouped(all)),
        (all, breached) => format!(
            "Of {} that fell due, {} not kept.",
            count(all, "promise", "promises"),
            match breached {
                1 => "1 was".to_owned(),
                breached => format!("{} were", grouped(breached)),
            }
        ),
    };
    let owed = match report.credits.total {
        BasisPoints(0) => "Nothing is owed.".to_owned(),
        total => format!("{} of the month’s fee is owed.", percent(total)),
    };
    format!("{kept} {owed}")
}

fn figures(report: &Report) -> Vec<Tile> {
    let overall = &report.overall;
    let all = overall.met.saturating_add(overall.breached);
    let mut figures = vec![
        Tile {
            figure: percent_or_none(overall.attained),
            label: "Kept in time".to_owned(),
            note: format!("{} of {}", grouped(overall.met), grouped(all)),
            bad: false,
        },
        Tile {
            figure: grouped(overall.breached),
            label: "Not in time".to_owned(),
            note: match overall.breached {
                0 => "no clock was breached".to_owned(),
                _ => format!(
                    "took {} of the provider’s time",
                    span(overall.breaches_took.provider)
                ),
            },
            bad: overall.breached > 0,
        },
        Tile {
            figure: percent(report.credits.total),
            label: "Credit owed".to_owned(),
            note: "of the month’s fee".to_owned(),
            bad: report.credits.total.0 > 0,
        },
    ];
    let available = report
        .availability
        .as_ref()
        .and_then(|measured| measured.attained);
    let wanted = availability_goal(report);
    figures.push(Tile {
        figure: percent_or_none(available),
        label: "Available".to_owned(),
        note: match (available, wanted) {
            (None, _) => "not measured".to_owned(),
            (_, Some(wanted)) => format!("target {}", percent(wanted)),
            _ => "no target".to_owned(),
        },
        bad: available
            .zip(wanted)
            .is_some_and(|(is, wanted)| is < wanted),
    });
    let seen = report.freshness.map(|measured| measured.p99);
    let wanted = ruling(report).and_then(|draft| draft.freshness_p99);
    figures.push(Tile {
        figure: span_or_none(seen),
        label: "Events seen within (p99)".to_owned(),
        note: match (seen, wanted) {
            (None, _) => "not measured".to_owned(),
            (_, Some(wanted)) => format!("target {}", span(wanted)),
            _ => "no target".to_owned(),
        },
        bad: seen.zip(wanted).is_some_and(|(is, wanted)| is > wanted),
    });
    figures
}

fn attained(report: &Report) -> Markup {
    let drawn: Vec<Bar> = report
        .totals
        .iter()
        .filter_map(|total| {
            Some(Bar {
                label: kind(total.kind),
                attained: total.figures.attained?,
                goal: goal(report, CreditBasis::Objective(total.kind)),
            })
        })
        .collect();
    if drawn.is_empty() {
        return html! { p class="none" { "No promise fell due in this month." } };
    }
    html! {
        figure {
            (bars("The part of each kind of promise that was kept", &drawn))
            figcaption { "Bars show the part of the promises that was kept. A black mark is the target below which a credit is owed; a bar below it is red." }
        }
        table {
            thead { tr { th { "Promise" } th class="n" { "Kept" } th class="n" { "Not kept" } th class="n" { "Attained" } th class="n" { "Target" } th class="n" { "Half took at most" } th class="n" { "90 of 100" } th class="n" { "99 of 100" } } }
            tbody {
                @for total in &report.totals {
                    @let wanted = goal(report, CreditBasis::Objective(total.kind));
                    (figures_row(kind(total.kind), None, &total.figures, wanted))
                }
                tr class="sum" {
                    th { "All" }
                    td class="n" { (grouped(report.overall.met)) }
                    td class="n" { (grouped(report.overall.breached)) }
                    td class="n" { (percent_or_none(report.overall.attained)) }
                    td class="n" {} td class="n" {} td class="n" {} td class="n" {}
                }
            }
        }
    }
}

fn figures_row(
    name: &str,
    severity: Option<&str>,
    figures: &Figures,
    wanted: Option<BasisPoints>,
) -> Markup {
    let short = figures
        .attained
        .zip(wanted)
        .is_some_and(|(is, wanted)| is < wanted);
    html! {
        tr {
            th { (name) }
            @if let Some(severity) = severity { td { (severity) } }
            td class="n" { (grouped(figures.met)) }
            td class=(if figures.breached > 0 { "n late" } else { "n" }) { (grouped(figures.breached)) }
            td class=(if short { "n late" } else { "n" }) { (percent_or_none(figures.attained)) }
            @if severity.is_none() { td class="n" { (percent_or_none(wanted)) } }
            td class="n" { (span_or_none(figures.p50)) }
            td class="n" { (span_or_none(figures.p90)) }
            td class="n" { (span_or_none(figures.p99)) }
            @if severity.is_some() {
                @if figures.breached > 0 {
                    td class="n" { (span(figures.breaches_took.provider)) }
                    td class="n" { (span(figures.breaches_took.customer)) }
                } @else {
                    td class="n" { (none()) } td class="n" { (none()) }
                }
            }
        }
    }
}

fn trends(report: &Report) -> Markup {
    let year = year(report);
    let overall: Vec<_> = year
        .iter()
        .map(|(period, month)| (*period, month.as_ref().and_then(|month| month.attained())))
        .collect();
    let mut kinds = Vec::new();
    for (_, month) in &year {
        kinds.extend(
            month
                .iter()
                .flat_map(|month| month.kinds.iter().map(|of| of.kind)),
        );
    }
    kinds.sort_unstable();
    kinds.dedup();
    let of = |wanted| {
        let months = year.iter().map(move |(period, month)| {
            let kinds = month.iter().flat_map(|month| &month.kinds);
            let attained = kinds
                .filter(|of| of.kind == wanted)
                .find_map(|of| of.attained);
            (*period, attained)
        });
        months.collect::<Vec<_>>()
    };
    let available: Vec<_> = year
        .iter()
        .map(|(period, month)| (*period, month.as_ref().and_then(|month| month.availability)))
        .collect();
    let is_measured = available.iter().any(|(_, attained)| attained.is_some());
    html! {
        figure {
            (Trend { name: "All promises, month by month", months: &overall, goal: None, small: false }.draw())
            figcaption { "The part of all promises that was kept, month by month. Mind where the scale begins." }
        }
        div class="small-multiples" {
            @for wanted in &kinds {
                figure {
                    figcaption { strong { (kind(*wanted)) } }
                    (Trend {
                        name: kind(*wanted), months: &of(*wanted), small: true,
                        goal: goal(report, CreditBasis::Objective(*wanted)),
                    }.draw())
                }
            }
            @if is_measured {
                figure {
                    figcaption { strong { "Availability" } }
                    (Trend { name: "Availability", months: &available, small: true, goal: availability_goal(report) }.draw())
                }
            }
        }
        p class="small" { "Dashed: the target. Red: below it." }
        div class="wide" { table {
            thead { tr {
                th { "Month" } th class="n" { "Kept" } th class="n" { "Not kept" } th class="n" { "All" }
                @for wanted in &kinds { th class="n" { (kind(*wanted)) } }
                th class="n" { "Available" }
            } }
            tbody { @for (period, month) in year.iter().rev() { tr {
                th class="t" { (period) }
                @match month {
                    Some(month) => {
                        td class="n" { (grouped(month.sums().0)) }
                        td class="n" { (grouped(month.sums().1)) }
                        td class="n" { (percent_or_none(month.attained())) }
                        @for wanted in &kinds {
                            td class="n" { (percent_or_none(month.kinds.iter().find(|of| of.kind == *wanted).and_then(|of| of.attained))) }
                        }
                        td class="n" { (percent_or_none(month.availability)) }
                    }
                    None => td colspan=(kinds.len() + 4) { "no report" }
                }
            } } }
        } }
    }
}

fn lines(report: &Report) -> Markup {
    if report.lines.is_empty() {
        return html! { p class="none" { "No promise fell due in this month." } };
    }
    html! { div class="wide" { table {
        thead { tr {
            th { "Promise" } th { "Severity" } th class="n" { "Kept" } th class="n" { "Not kept" } th class="n" { "Attained" }
            th class="n" { "Half took at most" } th class="n" { "90 of 100" } th class="n" { "99 of 100" }
            th class="n" { "Breaches: provider’s time" } th class="n" { "customer’s time" }
        } }
        tbody { @for line in &report.lines {
            (figures_row(kind(line.kind), Some(severity(line.severity)), &line.figures, None))
        } }
    } }
    p class="small" { "Times are open time of the agreement’s calendar, and the provider’s alone: while the customer has the next move, by a recorded hand-over, no time counts." } }
}

/// Why a clock was breached, in words.
fn cause(clock: &DecidedClock) -> String {
    let over = span(clock.spent.saturating_sub(clock.allowed));
    match clock.stopped {
        Some(_) => format!("ended {over} late"),
        None => format!("not done by the month’s end, {over} over"),
    }
}

fn which(clock: &DecidedClock) -> Markup {
    html! {
        (kind(clock.kind))
        @match &clock.subject {
            Some(Subject::Interval(interval)) => { " " (interval) }
            Some(Subject::Request(request)) => { br; span class="mono" title=(Words(request)) { (short(last_part(request), 40)) } }
            None => {}
        }
    }
}

/// Of a resource's name.
fn last_part(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

fn breaches(report: &Report) -> Markup {
    if report.breaches.is_empty() {
        return html! { p class="ok" { "Everything was done in time." } };
    }
    let listed = report.breaches.iter().take(MAX_LISTED);
    let more = report.overall.breached;
    let more = more.saturating_sub(u64::try_from(listed.len()).unwrap_or(u64::MAX));
    html! {
        div class="wide" { table {
            thead { tr {
                th class="n" { "Incident" } th { "Severity" } th { "Promise" } th { "Due (UTC)" } th { "Cause" }
                th class="n" { "Allowed" } th class="n" { "Provider’s time" } th class="n" { "Customer’s time" } th { "Timeline entries" }
            } }
            tbody { @for clock in listed { tr {
                th class="n" { (clock.number) }
                td { (severity(clock.severity)) }
                td class="k" { (which(clock)) }
                td class="t" { (clock.due.map_or_else(none, minute)) }
                td class="late" { (cause(clock)) }
                td class="n" { (span(clock.allowed)) }
                td class="n" { (span(clock.spent)) }
                td class="n" { (span(clock.paused)) }
                td class="e" { (entries(&clock.entries)) }
            } } }
        } }
        @if more > 0 {
            p { "And " (count(more, "more", "more")) ", which the report’s list of clocks names." }
        }
    }
}

/// The first of many numbers.
fn entries(entries: &[u64]) -> String {
    let shown: Vec<_> = entries.iter().take(8).map(u64::to_string).collect();
    let more = entries.len().saturating_sub(shown.len());
    match more {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

fn basis(basis: CreditBasis) -> String {
    match basis {
        CreditBasis::Objective(of) => kind(of).to_owned(),
        CreditBasis::Availability => "Availability".to_owned(),
    }
}

fn credits(report: &Report) -> Markup {
    let Some(version) = report.credits.agreement else {
        return html! { p class="none" { "No agreement was in force in this month: nothing is owed." } };
    };
    html! {
        @if report.credits.owed.is_empty() {
            p class="ok" { "Nothing is owed by agreement " (version) "." }
        } @else {
            table {
                thead { tr { th { "For" } th class="n" { "Attained" } th class="n" { "Owed below" } th class="n" { "Part of the fee" } } }
                tbody {
                    @for owed in &report.credits.owed { tr {
                        th { (basis(owed.term.basis)) }
                        td class="n late" { (percent(owed.attained)) }
                        td class="n" { (percent(owed.term.below)) }
                        td class="n" { (percent(owed.term.credit)) }
                    } }
                    tr class="sum" { th { "Together" } td {} td {} td class="n" { (percent(report.credits.total)) } }
                }
            }
            p class="small" { "By the steps of agreement " (version) ", the latest that was in force in the month. Of the steps of a kind the one that owes most applies; together they are at most the whole fee." }
        }
    }
}

fn service(report: &Report) -> Markup {
    html! {
        h3 { "Availability" }
        @match &report.availability {
            None => p class="none" { "Not measured." }
            Some(measured) => {
                p {
                    "It answered in " (grouped(measured.available_minutes)) " of " (grouped(measured.total_minutes)) " minutes: " strong { (percent_or_none(measured.attained)) } "."
                    @if let Some(wanted) = availability_goal(report) { " The target is " (percent(wanted)) "." }
                }
                @if measured.gaps.is_empty() { p class="ok" { "There was no gap." } }
                @else {
                    figure {
                        (gaps(report))
                        figcaption { "Red: when the service did not answer." }
                    }
                    table {
                        thead { tr { th { "From (UTC)" } th { "To (UTC)" } th class="n" { "Length" } } }
                        tbody { @for gap in measured.gaps.iter().take(MAX_GAPS) { tr {
                            td class="t" { (minute(gap.from)) } td class="t" { (minute(gap.to)) }
                            td class="n" { (span(gap.to.duration_since(gap.from))) }
                        } } }
                    }
                    @let more = measured.gaps.len().saturating_sub(MAX_GAPS);
                    @if more > 0 { p { "And " (more) " more, which the report itself lists." } }
                }
            }
        }
        h3 { "Freshness" }
        @match report.freshness {
            None => p class="none" { "Not measured." }
            Some(measured) => p {
                "Of " (count(measured.count, "measurement", "measurements")) ", half of the events could be seen within "
                strong { (span(measured.p50)) } " and 99 of 100 within " strong { (span(measured.p99)) } " of their delivery."
                @if let Some(wanted) = ruling(report).and_then(|draft| draft.freshness_p99) { " The target for the latter is " (span(wanted)) "." }
            }
        }
    }
}

/// The month as a band with its gaps.
fn gaps(report: &Report) -> Markup {
    use crate::chart::n;
    const LEFT: f64 = 10.0;
    const WIDTH: f64 = 680.0;
    let (from, to) = (report.period.from(), report.period.to());
    let whole = to.duration_since(from).as_secs_f64().max(1.0);
    let x = |at: jiff::Timestamp| {
        let part = at.duration_since(from).as_secs_f64() / whole;
        LEFT + WIDTH * part.clamp(0.0, 1.0)
    };
    let measured = report.availability.as_ref();
    let gaps = measured
        .map(|measured| measured.gaps.as_slice())
        .unwrap_or_default();
    html! {
        svg role="img" viewBox="0 0 700 46" {
            title { "The month, and when the service did not answer" }
            desc { (count(u64::try_from(gaps.len()).unwrap_or_default(), "gap", "gaps")) "; the table says when." }
            rect class="good" x=(n(LEFT)) y="4" width=(n(x(report.as_of) - LEFT)) height="18" {}
            @for gap in gaps {
                rect class="miss" x=(n(x(gap.from))) y="1" width=(n((x(gap.to) - x(gap.from)).max(1.5))) height="24" {}
            }
            @for day in [1_i64, 8, 15, 22, 29] {
                @let at = from.checked_add(jiff::SignedDuration::from_hours(24 * (day - 1))).unwrap_or(to);
                @if at < to {
                    line class="axis" x1=(n(x(at))) x2=(n(x(at))) y1="26" y2="30" {}
                    text class="soft s" x=(n(x(at))) y="42" { (crate::amounts::day(at)) }
                }
            }
        }
    }
}

fn checking(report: &Report, signed_by: &[String]) -> Markup {
    html! {
        @if signed_by.is_empty() {
            p { "Nobody has checked a signature for this page. What counts is the signed report, of which this is a picture." }
        } @else {
            p { "This is a picture of a report whose signature was checked, by key "
                @for (index, key) in signed_by.iter().enumerate() {
                    @if index > 0 { ", " } code { (Words(key)) }
                } "." }
        }
        @if let Some(clocks) = &report.clocks {
            p { "It is made of " (count(clocks.count, "clock", "clocks")) ". The SHA-256 of their lines is in the report: " code { (Words(&clocks.sha256)) } "." }
        }
        p { "Whoever has the incidents’ timeline and the agreements can compute every clock and every figure again, and is told what differs:" }
        p { code { "cordon sla report --period " (report.period) " --format json --out report.json" } br; code { "cordon sla recompute report.json" } }
        p class="small" { "Availability and freshness are what the service measured about itself: no timeline can prove them." }
    }
}
