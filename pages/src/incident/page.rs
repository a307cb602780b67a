//! The report of an incident as a page.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use cordon_sla::clock::{Party, State};
use maud::{Markup, html};

use super::{IncidentReport, Person, parts, picture};
use crate::amounts::{count, minute, none, second, span};
use crate::shell::{Page, Tile, list_or_none, section, tiles};
use crate::sla::severity;
use crate::text::{Words, short};

/// What stands around the envelope, in base64, at the end of a page: a comment, since a page has
/// nothing that leads anywhere.
const ENVELOPE: [&str; 2] = ["<!-- signed report: ", " -->"];

/// What a report was found to be signed in.
#[derive(Debug, Clone, Copy)]
pub struct Signed<'a> {
    /// The ids of the keys.
    pub keys: &'a [String],
    /// The envelope, byte for byte: the page carries it.
    pub envelope: &'a [u8],
}

/// The envelope that a page carries; `None` when it is no page of a signed report. Nobody knows yet
/// whose it is, nor whether the page shows what is in it: it does when [`incident_report`] makes the
/// same page of it.
pub fn carried_envelope(page: &str) -> Option<Vec<u8>> {
    let [open, close] = ENVELOPE;
    let (_, behind) = page.rsplit_once(open)?;
    let (encoded, _) = behind.split_once(close)?;
    STANDARD.decode(encoded).ok()
}

/// A signed report of an incident as a page. Its marking stands on every printed page.
pub fn incident_report(report: &IncidentReport, signed: Signed<'_>) -> String {
    let kind = if report.drill { "Exercise" } else { "Incident" };
    let title = format!(
        "{kind} {} of {}: {}",
        report.number, report.tenant, report.title
    );
    let body = html! {
        header {
            @if report.drill {
                p class="drill" { "EXERCISE EXERCISE EXERCISE – this was a drill. No real resource was touched, and it counts in no service level." }
            }
            h1 { (kind) " " (report.number) ": " (Words(&report.title)) }
            p class="about" {
                "Of " strong { (Words(&report.tenant)) } ", " (severity(report.severity)) ". As of " (second(report.as_of)) " UTC. "
                code { (Words(&report.incident)) }
            }
        }
        (tiles(&figures(report)))
        (section("What happened", html! {
            @if report.description.trim().is_empty() { p class="none" { "None recorded." } }
            @else { p class="prose" { (Words(&report.description)) } }
        }))
        (section("At a glance", html! {
            figure {
                (picture::timeline(report))
                figcaption class="legend" {
                    span { (picture::key("good")) "provider’s move" }
                    span { (picture::key("wait")) "customer’s move: no clock counts" }
                    span { (picture::key("done")) "phase" }
                    span { (picture::key("miss")) "breached: past the due moment" }
                    span { "│ due" }
                }
            }
        }))
        (section("Phases", list_or_none(&report.phases, |phases| parts::phases(report, phases))))
        (section("Who did what when", list_or_none(&report.timeline, parts::timeline)))
        (section("Clocks", list_or_none(&report.clocks, parts::clocks)))
        (section("Deadlines of the law", list_or_none(&report.deadlines, |all| parts::deadlines(report, all))))
        (section("Responsibilities", html! {
            (list_or_none(&report.responsibilities, parts::responsibilities))
            h3 { "Hand-overs" }
            (list_or_none(&report.hand_overs, parts::hand_overs))
        }))
        (section("Clean-state criteria", list_or_none(&report.criteria, parts::criteria)))
        (section("Evidence and custody", list_or_none(&report.evidence, parts::evidence)))
        (section("Containment and restoration", list_or_none(&report.actions, parts::actions)))
        (section("Verified deletion of keys", list_or_none(&report.key_deletions, parts::key_deletions)))
        (section("What was said", list_or_none(&report.comments, parts::comments)))
        (section("Lessons", list_or_none(&report.lessons, parts::lessons)))
        (section("About this page", html! {
            p { "This is a picture of a report that was signed by the key "
                @for (index, key) in signed.keys.iter().enumerate() {
                    @if index > 0 { ", " } code { (Words(key)) }
                } ". It carries that report: " code { "cordon verify" } " checks the signature, and that the page shows what was signed." }
            p class="small" { "All times are UTC. Clocks count open time of the agreement’s calendar. Characters that can’t be seen are spelt out, as in \\u{202e}." }
        }))
    };
    let marking = html! {
        span class={ "tlp tlp-" (tlp_class(report)) } { (report.tlp.words()) }
        span { @if report.drill { strong { "EXERCISE" } " · " } (kind) " " (report.number) " · " (short(&report.tenant, 60)) }
    };
    let page = Page {
        title: &title,
        marking,
        below: report.tlp.words(),
        body,
    };
    let [open, close] = ENVELOPE;
    let envelope = STANDARD.encode(signed.envelope);
    page.into_html() + open + &envelope + close + "\n"
}

fn tlp_class(report: &IncidentReport) -> &'static str {
    use super::Tlp;
    match report.tlp {
        Tlp::Red => "red",
        Tlp::AmberStrict => "amber_strict",
        Tlp::Amber => "amber",
        Tlp::Green => "green",
        Tlp::Clear => "clear",
    }
}

/// A side, for people.
pub(super) const fn party(party: Party) -> &'static str {
    match party {
        Party::Provider => "provider",
        Party::Customer => "customer",
    }
}

/// Somebody and the side.
pub(super) fn person(person: &Person) -> Markup {
    html! { (Words(&person.name)) " " span class="small" { "(" (party(person.party)) ")" } }
}

fn figures(report: &IncidentReport) -> Vec<Tile> {
    let end = report.closed.unwrap_or(report.as_of);
    let breached = report
        .clocks
        .iter()
        .filter(|clock| clock.state == State::Breached);
    let breached = u64::try_from(breached.count()).unwrap_or(u64::MAX);
    let clocks = u64::try_from(report.clocks.len()).unwrap_or(u64::MAX);
    vec![
        Tile {
            figure: match report.closed {
                Some(_) => "Closed".to_owned(),
                None => "Open".to_owned(),
            },
            label: "State".to_owned(),
            note: match (report.closed, report.code) {
                (Some(_), Some(code)) => format!("as {}", code.words()),
                (Some(_), None) => String::new(),
                _ => format!("in {}", report.phase.words().to_lowercase()),
            },
            bad: false,
        },
        Tile {
            figure: minute(report.opened).chars().skip(11).collect(),
            label: "Opened".to_owned(),
            note: format!("{} UTC", minute(report.opened)),
            bad: false,
        },
        Tile {
            figure: report
                .acknowledged
                .map_or_else(none, |at| span(at.duration_since(report.opened))),
            label: "Until the provider took note".to_owned(),
            note: report.acknowledged.map_or_else(
                || "it has not yet".to_owned(),
                |at| format!("{} UTC", minute(at)),
            ),
            bad: false,
        },
        Tile {
            figure: span(end.duration_since(report.opened)),
            label: if report.closed.is_some() {
                "Until it was closed"
            } else {
                "Open so far"
            }
            .to_owned(),
            note: format!("{} UTC", minute(end)),
            bad: false,
        },
        Tile {
            figure: breached.to_string(),
            label: "Promises not kept in time".to_owned(),
            note: format!("of {}", count(clocks, "clock", "clocks")),
            bad: breached > 0,
        },
    ]
}
