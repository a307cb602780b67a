//! What was promised, as tables.

use cordon_sla::agreement::AgreementDraft;
use cordon_sla::calendar::{Calendar, CalendarDraft};
use cordon_sla::objective::{Objective, ObjectiveKind, Severity};
use cordon_sla::report::Report;
use maud::{Markup, html};

use super::{kind, severity};
use crate::amounts::{minute, percent, span};
use crate::text::Words;

const DAYS: [&str; 7] = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];

pub(super) fn agreements(report: &Report) -> Markup {
    if report.agreements.is_empty() {
        return html! { p class="none" { "No agreement was in force in this month." } };
    }
    html! { @for draft in &report.agreements { (agreement(draft)) } }
}

fn agreement(draft: &AgreementDraft) -> Markup {
    let used = |wanted: ObjectiveKind| draft.objectives.iter().any(|of| of.kind == wanted);
    let find = |wanted: ObjectiveKind, of: Severity| {
        let mut objectives = draft.objectives.iter();
        objectives.find(|objective| (objective.kind, objective.severity) == (wanted, of))
    };
    html! {
        h3 { "Agreement " (draft.version) }
        p class="small" {
            "In force from " (minute(draft.valid_from)) " UTC"
            @match draft.valid_to {
                Some(to) => { " to " (minute(to)) " UTC." }
                None => { " to the month’s end and on." }
            }
            @if let Some(part) = draft.availability { " Available " (percent(part)) " of the time." }
            @if let Some(age) = draft.freshness_p99 { " 99 of 100 events to be seen within " (span(age)) "." }
            @if !draft.reclassify_grace.is_zero() { " When an incident is classified as graver, " (span(draft.reclassify_grace)) " are left at least." }
        }
        @if draft.objectives.is_empty() {
            p class="none" { "It promises nothing about incidents." }
        } @else {
            table {
                thead { tr { th { "To be done within" } @for of in Severity::ALL { th { (severity(of)) } } } }
                tbody {
                    @for wanted in ObjectiveKind::ALL.into_iter().filter(|wanted| used(*wanted)) { tr {
                        th { (kind(wanted)) }
                        @for of in Severity::ALL { td { (objective(find(wanted, of))) } }
                    } }
                }
            }
        }
        @if !draft.calendars.is_empty() {
            p class="small" { "Calendars: "
                @for (index, (name, calendar)) in draft.calendars.iter().enumerate() {
                    @if index > 0 { "; " }
                    strong { (Words(name)) } " " (Words(&hours(calendar)))
                } "."
            }
        }
    }
}

fn objective(objective: Option<&Objective>) -> Markup {
    match objective {
        Some(objective) => html! {
            (span(objective.within)) " " span class="small" { (Words(&objective.calendar)) }
        },
        None => html! { "–" },
    }
}

/// When a calendar is open, in words.
fn hours(calendar: &Calendar) -> String {
    let hours = match CalendarDraft::from(calendar.clone()) {
        CalendarDraft::AlwaysOpen => return "around the clock".to_owned(),
        CalendarDraft::OfficeHours(hours) => hours,
    };
    let mut days: Vec<(String, String, String)> = Vec::new();
    for (name, spans) in DAYS.iter().zip(&hours.hours) {
        if spans.is_empty() {
            continue;
        }
        let spans = spans
            .iter()
            .map(|span| format!("{}–{}", span.from, span.to));
        let spans = spans.collect::<Vec<_>>().join(", ");
        match days.last_mut() {
            Some((_, last, same)) if *same == spans && follows(last, name) => {
                (*name).clone_into(last);
            }
            _ => days.push(((*name).to_owned(), (*name).to_owned(), spans)),
        }
    }
    let days = days.into_iter().map(|(from, to, spans)| {
        if from == to {
            format!("{from} {spans}")
        } else {
            format!("{from}–{to} {spans}")
        }
    });
    let days = days.collect::<Vec<_>>().join(", ");
    let closed = match hours.holidays.len() {
        0 => String::new(),
        1 => ", but for 1 day".to_owned(),
        count => format!(", but for {count} days"),
    };
    format!("{days} ({}){closed}", hours.time_zone)
}

fn follows(day: &str, next: &str) -> bool {
    let place = |name: &str| DAYS.iter().position(|other| *other == name);
    place(day).zip(place(next)).is_some_and(|(a, b)| b == a + 1)
}
