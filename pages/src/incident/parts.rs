//! The tables of an incident's report.

use cordon_sla::clock::State;
use jiff::Timestamp;
use maud::{Markup, html};

use super::page::{party, person};
use super::{
    Action, Clock, Comment, Criterion, Deadline, Evidence, HandOver, Happening, IncidentReport,
    KeyDeletion, Lesson, PhaseSpan, Responsibility, SignOff, Work,
};
use crate::amounts::{day, grouped, minute, none, second, span};
use crate::sla::severity;
use crate::text::Words;

fn time_or_none(at: Option<Timestamp>) -> String {
    at.map_or_else(none, minute)
}

pub(super) fn phases(report: &IncidentReport, phases: &[PhaseSpan]) -> Markup {
    html! { table {
        thead { tr { th { "Phase" } th { "From (UTC)" } th { "To (UTC)" } th class="n" { "Length" } } }
        tbody { @for phase in phases {
            @let end = phase.to.or(report.closed).unwrap_or(report.as_of);
            tr {
                th { (phase.phase.words()) }
                td class="t" { (second(phase.from)) }
                td class="t" { @match phase.to { Some(to) => (second(to)), None => "goes on" } }
                td class="n" { (span(end.duration_since(phase.from))) }
            }
        } }
    } }
}

pub(super) fn timeline(timeline: &[Happening]) -> Markup {
    html! { table {
        thead { tr { th class="n" { "No." } th { "Time (UTC)" } th { "Who" } th { "What" } th { "Why" } } }
        tbody { @for entry in timeline { tr {
            td class="n" { (entry.sequence) }
            td class="t" { (second(entry.time)) }
            td { (person(&entry.actor)) }
            td { (Words(&entry.what)) }
            td { (Words(&entry.reason)) }
        } } }
    } }
}

fn state(clock: &Clock) -> Markup {
    match clock.state {
        State::Met => html! { span class="ok" { "in time" } },
        State::Breached => html! {
            span class="late" { (span(clock.spent.saturating_sub(clock.allowed))) " late" }
        },
        State::Running => html! { "running" },
        State::Paused => html! { "waits for the customer" },
        State::Cancelled => html! { "called off" },
    }
}

pub(super) fn clocks(clocks: &[Clock]) -> Markup {
    html! { div class="wide" { table {
        thead { tr {
            th { "Promise" } th { "Severity" } th { "Result" } th { "Started (UTC)" } th { "Due (UTC)" } th { "Ended (UTC)" }
            th class="n" { "Allowed" } th class="n" { "Provider’s time" } th class="n" { "Customer’s time" } th { "Entries" }
        } }
        tbody { @for clock in clocks { tr {
            th { (Words(&clock.what)) }
            td { (severity(clock.severity)) }
            td class="t" { (state(clock)) }
            td class="t" { (minute(clock.started)) }
            td class="t" { (time_or_none(clock.due)) }
            td class="t" { (time_or_none(clock.stopped)) }
            td class="n" { (span(clock.allowed)) }
            td class="n" { (span(clock.spent)) }
            td class="n" { (span(clock.paused)) }
            td class="e" { (clock.entries.iter().map(u64::to_string).collect::<Vec<_>>().join(", ")) }
        } } }
    } } }
}

pub(super) fn deadlines(report: &IncidentReport, deadlines: &[Deadline]) -> Markup {
    html! { table {
        thead { tr { th { "Law" } th { "Duty" } th { "Due (UTC)" } th { "Done (UTC)" } th { "Result" } } }
        tbody { @for deadline in deadlines {
            @let end = deadline.done.unwrap_or(report.as_of);
            tr {
                th { (Words(&deadline.law)) }
                td { (Words(&deadline.duty)) }
                td class="t" { @match deadline.due {
                    Some(due) => (minute(due)),
                    None if deadline.started.is_some() => "without undue delay",
                    None => "not started",
                } }
                td class="t" { (time_or_none(deadline.done)) }
                td {
                    @match deadline.due {
                        Some(due) if due < end => { span class="late" { (span(end.duration_since(due))) " late" } }
                        Some(_) if deadline.done.is_some() => { span class="ok" { "in time" } }
                        // Nobody but the authority says whether that was without undue delay.
                        None if deadline.done.is_some() => "done",
                        _ => "open"
                    }
                }
            }
        } }
    } }
}

pub(super) fn responsibilities(all: &[Responsibility]) -> Markup {
    html! { table {
        thead { tr { th { "Task" } th { "Responsible" } th { "Accountable" } th { "Consulted" } th { "Informed" } } }
        tbody { @for duty in all { tr {
            th { (Words(&duty.task)) }
            td { (Words(&duty.responsible)) }
            td { (Words(&duty.accountable)) }
            td { (Words(&duty.consulted)) }
            td { (Words(&duty.informed)) }
        } } }
    } }
}

pub(super) fn hand_overs(all: &[HandOver]) -> Markup {
    html! { table {
        thead { tr { th { "Time (UTC)" } th { "By" } th { "To the" } th { "What was asked for" } } }
        tbody { @for hand_over in all { tr {
            td class="t" { (second(hand_over.time)) }
            td { (person(&hand_over.by)) }
            td { (party(hand_over.to)) }
            td { (Words(&hand_over.reason)) }
        } } }
    } }
}

fn sign_off(sign_off: Option<&SignOff>) -> Markup {
    html! { @match sign_off {
        Some(signed) => { (Words(&signed.by)) br; span class="small" { (minute(signed.time)) } }
        None => { span class="late" { "not signed off" } }
    } }
}

pub(super) fn criteria(criteria: &[Criterion]) -> Markup {
    html! { table {
        thead { tr { th { "Criterion" } th { "Customer" } th { "Provider" } } }
        tbody { @for criterion in criteria { tr {
            td { (Words(&criterion.text)) }
            td { (sign_off(criterion.customer.as_ref())) }
            td { (sign_off(criterion.provider.as_ref())) }
        } } }
    } }
}

pub(super) fn evidence(all: &[Evidence]) -> Markup {
    html! { @for item in all {
        h3 { (Words(&item.name)) }
        p class="small" {
            (Words(&item.kind)) ", " (grouped(item.bytes)) " bytes, secured " (second(item.acquired)) " UTC"
            br; "SHA-256 " code { (Words(&item.sha256)) }
        }
        @if item.custody.is_empty() { p class="none" { "No custody recorded." } }
        @else { table {
            thead { tr { th { "Time (UTC)" } th { "Who" } th { "What" } } }
            tbody { @for step in &item.custody { tr {
                td class="t" { (second(step.time)) }
                td { (Words(&step.by)) }
                td { (Words(&step.what)) }
            } } }
        } }
    } }
}

fn verified(text: &str) -> Markup {
    html! {
        @if text.is_empty() { span class="late" { "not verified" } } @else { (Words(text)) }
    }
}

pub(super) fn actions(actions: &[Action]) -> Markup {
    html! { table {
        thead { tr { th { "Time (UTC)" } th { "What" } th { "To what" } th { "State" } th { "Who" } th { "Verified" } } }
        tbody { @for action in actions { tr {
            td class="t" { (second(action.time)) }
            td { (Words(&action.what)) }
            td { (Words(&action.target)) }
            td { span class=(if matches!(action.state, Work::Failed | Work::Partial) { "late" } else { "" }) { (action.state.words()) } }
            td { (person(&action.by)) }
            td { (verified(&action.verified)) }
        } } }
    } }
}

pub(super) fn key_deletions(deletions: &[KeyDeletion]) -> Markup {
    html! { table {
        thead { tr { th { "Time (UTC)" } th { "Key" } th { "How" } th { "Verified" } } }
        tbody { @for deletion in deletions { tr {
            td class="t" { (second(deletion.time)) }
            td { code { (Words(&deletion.key)) } }
            td { (Words(&deletion.method)) }
            td { (verified(&deletion.verified)) }
        } } }
    } }
}

pub(super) fn comments(comments: &[Comment]) -> Markup {
    html! { @for comment in comments { div class="comment" {
        p class="by" { (second(comment.time)) " UTC · " (person(&comment.author)) }
        p class="prose" { (Words(&comment.text)) }
        @for revision in &comment.revisions {
            p class="small" { "It said from " (second(revision.time)) " UTC on:" }
            p class="prose small" { (Words(&revision.text)) }
        }
    } } }
}

pub(super) fn lessons(lessons: &[Lesson]) -> Markup {
    html! { ol class="steps" { @for lesson in lessons { li {
        span class="prose" { (Words(&lesson.text)) }
        @if !lesson.owner.is_empty() || lesson.done.is_some() {
            " " span class="small" { "("
                @if !lesson.owner.is_empty() { (Words(&lesson.owner)) }
                @if !lesson.owner.is_empty() && lesson.done.is_some() { ", " }
                @if let Some(done) = lesson.done { "done on " (day(done)) }
            ")" }
        }
    } } } }
}
