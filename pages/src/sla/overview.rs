//! A month over all tenants, for the provider.

use std::collections::BTreeMap;

use cordon_sla::objective::{BasisPoints, ObjectiveKind};
use cordon_sla::period::Period;
use cordon_sla::report::Report;
use maud::{Markup, html};

use super::{availability_goal, kind, month, ruling};
use crate::amounts::{count, grouped, percent, percent_or_none, span_or_none};
use crate::chart::{Bar, Trend, bars, n};
use crate::shell::{Page, Tile, section, tiles};
use crate::text::Words;

/// Tenants that are named before all others.
const WORST: usize = 10;

/// What stays of a tenant's report.
struct Tenant {
    name: String,
    met: u64,
    breached: u64,
    attained: Option<BasisPoints>,
    owed: BasisPoints,
    availability: Option<BasisPoints>,
    available: bool,
    freshness: Option<jiff::SignedDuration>,
    fresh: bool,
    /// Of the twelve months, the earliest first.
    year: Vec<Option<BasisPoints>>,
}

/// A month over all tenants as a page: how many promises were kept, where they were not, and how
/// that has been over twelve months. Of each report only a row is kept.
pub fn sla_overview(period: Period, reports: impl IntoIterator<Item = Report>) -> String {
    let mut tenants = Vec::new();
    let mut kinds: BTreeMap<ObjectiveKind, (u64, u64)> = BTreeMap::new();
    let mut months: BTreeMap<Period, (u64, u64)> = BTreeMap::new();
    for report in reports {
        for total in &report.totals {
            let sums = kinds.entry(total.kind).or_default();
            sums.0 = sums.0.saturating_add(total.figures.met);
            sums.1 = sums.1.saturating_add(total.figures.breached);
        }
        let year = super::year(&report);
        for (period, month) in &year {
            let (met, breached) = month.as_ref().map(|month| month.sums()).unwrap_or_default();
            let sums = months.entry(*period).or_default();
            sums.0 = sums.0.saturating_add(met);
            sums.1 = sums.1.saturating_add(breached);
        }
        tenants.push(row(&report, &year));
    }
    let (met, breached) = kinds
        .values()
        .fold((0_u64, 0_u64), |(a, b), (met, breached)| {
            (a.saturating_add(*met), b.saturating_add(*breached))
        });
    let all = met.saturating_add(breached);
    let with_credit = tenants.iter().filter(|tenant| tenant.owed.0 > 0).count();
    let with_breach = tenants.iter().filter(|tenant| tenant.breached > 0).count();
    let title = format!("Service levels of all tenants in {}", month(period));
    let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let figures = [
        Tile {
            figure: percent_or_none(BasisPoints::of(met, all)),
            label: "Kept in time".to_owned(),
            note: format!("{} of {}", grouped(met), grouped(all)),
            bad: false,
        },
        Tile {
            figure: grouped(breached),
            label: "Not in time".to_owned(),
            note: format!("at {}", count(number(with_breach), "tenant", "tenants")),
            bad: breached > 0,
        },
        Tile {
            figure: grouped(number(with_credit)),
            label: "Tenants with a credit".to_owned(),
            note: format!("of {}", grouped(number(tenants.len()))),
            bad: with_credit > 0,
        },
    ];
    let year: Vec<_> = months
        .iter()
        .map(|(period, (met, breached))| {
            (
                *period,
                BasisPoints::of(*met, met.saturating_add(*breached)),
            )
        })
        .collect();
    let drawn: Vec<Bar> = kinds
        .iter()
        .filter_map(|(of, (met, breached))| {
            Some(Bar {
                label: kind(*of),
                attained: BasisPoints::of(*met, met.saturating_add(*breached))?,
                goal: None,
            })
        })
        .collect();
    let mut worst: Vec<&Tenant> = tenants
        .iter()
        .filter(|tenant| tenant.breached > 0)
        .collect();
    worst.sort_by_key(|tenant| (tenant.attained, std::cmp::Reverse(tenant.breached)));
    worst.truncate(WORST);
    let body = html! {
        header {
            h1 { "Service levels: " (month(period)) }
            p class="about" { (count(number(tenants.len()), "tenant", "tenants")) ", months in UTC." }
        }
        (tiles(&figures))
        @if !drawn.is_empty() {
            (section("What was attained", html! {
                figure {
                    (bars("The part of each kind of promise that was kept", &drawn))
                    figcaption { "The part of the promises that was kept, over all tenants." }
                }
                table {
                    thead { tr { th { "Promise" } th class="n" { "Kept" } th class="n" { "Not kept" } th class="n" { "Attained" } } }
                    tbody { @for (of, (met, breached)) in &kinds { tr {
                        th { (kind(*of)) } td class="n" { (grouped(*met)) } td class="n" { (grouped(*breached)) }
                        td class="n" { (percent_or_none(BasisPoints::of(*met, met.saturating_add(*breached)))) }
                    } } }
                }
            }))
            (section("The last twelve months", html! {
                figure {
                    (Trend { name: "All promises, month by month", months: &year, goal: None, small: false }.draw())
                    figcaption { "The part of all promises that was kept. Mind where the scale begins." }
                }
            }))
        }
        (section("Where most was not kept", html! {
            @if worst.is_empty() { p class="ok" { "Everything was done in time." } }
            @else { (table(worst.into_iter())) }
        }))
        (section("All tenants", html! {
            @if tenants.is_empty() { p class="none" { "There is no tenant." } }
            @else { (table(tenants.iter())) }
        }))
    };
    let marking = html! { span { "Service levels of all tenants · " (period) } span { "for the provider alone" } };
    Page {
        title: &title,
        marking,
        below: "For the provider alone",
        body,
    }
    .into_html()
}

fn row(report: &Report, year: &[(Period, Option<cordon_sla::report::Month>)]) -> Tenant {
    let availability = report
        .availability
        .as_ref()
        .and_then(|measured| measured.attained);
    let freshness = report.freshness.map(|measured| measured.p99);
    let promised = ruling(report).and_then(|draft| draft.freshness_p99);
    Tenant {
        name: report.tenant.clone(),
        met: report.overall.met,
        breached: report.overall.breached,
        attained: report.overall.attained,
        owed: report.credits.total,
        available: availability
            .zip(availability_goal(report))
            .is_none_or(|(is, goal)| is >= goal),
        availability,
        fresh: freshness.zip(promised).is_none_or(|(is, goal)| is <= goal),
        freshness,
        year: year
            .iter()
            .map(|(_, month)| month.as_ref().and_then(|month| month.attained()))
            .collect(),
    }
}

fn table<'a>(tenants: impl Iterator<Item = &'a Tenant>) -> Markup {
    let late = |bad: bool| if bad { "n late" } else { "n" };
    html! { div class="wide" { table {
        thead { tr {
            th { "Tenant" } th class="n" { "Kept" } th class="n" { "Not kept" } th class="n" { "Attained" } th { "Twelve months" }
            th class="n" { "Credit owed" } th class="n" { "Available" } th class="n" { "Events seen within (p99)" }
        } }
        tbody { @for tenant in tenants { tr {
            th { (Words(&tenant.name)) }
            td class="n" { (grouped(tenant.met)) }
            td class=(late(tenant.breached > 0)) { (grouped(tenant.breached)) }
            td class="n" { (percent_or_none(tenant.attained)) }
            td { (spark(&tenant.year)) }
            td class=(late(tenant.owed.0 > 0)) { (percent(tenant.owed)) }
            td class=(late(!tenant.available)) { (percent_or_none(tenant.availability)) }
            td class=(late(!tenant.fresh)) { (span_or_none(tenant.freshness)) }
        } } }
    } } }
}

/// Twelve bars, from 0 to 100 %.
fn spark(year: &[Option<BasisPoints>]) -> Markup {
    let bars = (0_u16..)
        .zip(year)
        .filter_map(|(at, attained)| Some((at, (*attained)?)));
    let said = year.iter().map(|attained| percent_or_none(*attained));
    let said = said.collect::<Vec<_>>().join(", ");
    html! {
        svg role="img" viewBox="0 0 96 18" width="96" height="18" {
            title { "Month by month: " (said) }
            line class="grid" x1="0" x2="96" y1="17.5" y2="17.5" {}
            @for (at, attained) in bars {
                @let height = 16.0 * f64::from(attained.0.min(10_000)) / 10_000.0;
                rect class=(if attained.0 < 9_000 { "miss" } else { "good" }) x=(n(f64::from(at) * 8.0)) y=(n(17.0 - height)) width="6" height=(n(height)) {}
            }
        }
    }
}
