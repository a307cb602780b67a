//! What is said to a receiver: all, a hint, or nothing.

use cordon_courier::{CloudEvent, Letter};
use cordon_kernel::{Name, TenantId};
use cordon_sla::period::Period;
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use uuid::Uuid;

use super::super::super::model::{Happened, Incident, Tlp};
use super::audience::{Audience, Say, label, say};

/// Longest text of a comment in a notice, in characters.
const MAX_COMMENT: usize = 4_000;

/// What a notice is made of. None of it reaches a receiver but by [`compose`].
#[derive(Debug, Clone, Copy)]
pub(in super::super) struct About<'a> {
    pub(in super::super) tenant: &'a TenantId,
    /// As it is now: its present marking counts.
    pub(in super::super) incident: &'a Incident,
    pub(in super::super) sequence: i64,
    pub(in super::super) time: Timestamp,
    pub(in super::super) happened: &'a Happened,
    /// What the comment says that the entry is about.
    pub(in super::super) comment: Option<&'a str>,
}

/// What may be said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Notice(Told);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Told {
    All(Box<All>),
    Hint(Hint),
    Report(Reported),
}

/// That the report of a month is final. What it says is for those who fetch it: it is signed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Reported {
    report: String,
    month: String,
    #[serde(skip)]
    time: Timestamp,
}

/// That something happened, and to which incident.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct Hint {
    incident_number: i64,
    #[serde(skip)]
    time: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct All {
    incident_number: i64,
    incident: String,
    title: String,
    severity: &'static str,
    phase: &'static str,
    state: &'static str,
    tlp: &'static str,
    timeline_entry: String,
    sequence: i64,
    happened: &'static str,
    /// What more there is to its kind.
    #[serde(skip_serializing_if = "Value::is_null")]
    details: Value,
    by: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip)]
    time: Timestamp,
}

/// What may be said to an audience about an entry; `None`: nothing.
pub(in super::super) fn compose(
    about: About<'_>,
    audience: Audience,
    filtered: bool,
) -> Option<Notice> {
    let About {
        incident, happened, ..
    } = about;
    let told = match say(incident.tlp, audience, filtered) {
        Say::Nothing => return None,
        Say::Hint => Told::Hint(Hint {
            incident_number: incident.number,
            time: about.time,
        }),
        Say::All => Told::All(Box::new(All {
            incident_number: incident.number,
            incident: Name::Incident(about.tenant.clone(), incident.id).to_string(),
            title: incident.words.title.clone(),
            severity: incident.severity.as_str(),
            phase: incident.phase.as_str(),
            state: incident.state.as_str(),
            tlp: label(incident.tlp),
            timeline_entry: entry_name(about.tenant, incident.id, about.sequence),
            sequence: about.sequence,
            happened: happened.what.kind(),
            details: details(happened),
            by: happened.actor.party.as_str(),
            reason: happened.reason.clone(),
            comment: about
                .comment
                .map(|text| text.chars().take(MAX_COMMENT).collect()),
            time: about.time,
        })),
    };
    Some(Notice(told))
}

/// What may be said to an audience about the final report of a month. It is about what the tenant
/// was promised, and its own: TLP:AMBER+STRICT.
pub(in super::super) fn compose_report(
    tenant: &TenantId,
    (month, time): (Period, Timestamp),
    audience: Audience,
) -> Option<Notice> {
    match say(Tlp::AmberStrict, audience, true) {
        Say::All => Some(Notice(Told::Report(Reported {
            report: report_name(tenant, month),
            month: month.to_string(),
            time,
        }))),
        Say::Hint | Say::Nothing => None,
    }
}

/// What the report of a tenant's month is called.
pub(in super::super) fn report_name(tenant: &TenantId, month: Period) -> String {
    format!("tenants/{tenant}/reports/{month}")
}

fn entry_name(tenant: &TenantId, incident: Uuid, sequence: i64) -> String {
    let sequence = u64::try_from(sequence).unwrap_or(0);
    Name::TimelineEntry(tenant.clone(), incident, sequence).to_string()
}

/// What an entry's kind has besides its name, whichever it is.
fn details(happened: &Happened) -> Value {
    match serde_json::to_value(&happened.what) {
        Ok(Value::Object(kind)) => kind.into_iter().next().map_or(Value::Null, |(_, of)| of),
        _ => Value::Null,
    }
}

impl Notice {
    /// Whether it is only a hint.
    pub(in super::super) fn is_redacted(&self) -> bool {
        matches!(self.0, Told::Hint(_))
    }

    /// As a CloudEvent.
    pub(in super::super) fn event(&self, id: &str, tenant: &TenantId) -> CloudEvent<Value> {
        let source = format!("urn:cordon:tenant:{tenant}");
        match &self.0 {
            Told::Hint(hint) => CloudEvent::new(
                id.to_owned(),
                source,
                "cordon.incident.changed".to_owned(),
                hint.time,
                data(hint),
            ),
            Told::All(all) => CloudEvent::new(
                id.to_owned(),
                source,
                format!("cordon.incident.{}", all.happened),
                all.time,
                data(all.as_ref()),
            )
            .about(all.incident.clone()),
            Told::Report(reported) => CloudEvent::new(
                id.to_owned(),
                source,
                "cordon.sla.reported".to_owned(),
                reported.time,
                data(reported),
            )
            .about(reported.report.clone()),
        }
    }

    /// As a letter.
    pub(in super::super) fn letter(&self, id: &str, to: &str) -> Letter {
        let (subject, body) = match &self.0 {
            Told::Hint(hint) => {
                let number = hint.incident_number;
                (
                    format!("Incident #{number} changed"),
                    format!(
                        "Something happened to incident #{number}.\n\nIts marking does not let \
                         more be said here; read it in Cordon.\n"
                    ),
                )
            }
            Told::All(all) => (
                format!(
                    "[{}] Incident #{} {}: {}",
                    all.tlp,
                    all.incident_number,
                    all.happened.replace('_', " "),
                    all.title
                ),
                all.text(),
            ),
            Told::Report(Reported { report, month, .. }) => (
                format!("[TLP:AMBER+STRICT] Report of {month}"),
                format!(
                    "TLP:AMBER+STRICT\n\nThe report of {month} on what was promised is final: \
                     {report}\n\ncordon sla report --period {month} --out {month}.html\n"
                ),
            ),
        };
        Letter {
            id: id.to_owned(),
            to: to.to_owned(),
            subject,
            body,
        }
    }
}

impl All {
    fn text(&self) -> String {
        let mut text = format!(
            "{tlp}\n\nIncident #{number}: {title}\n\nWhat happened: {happened}, by the {by}, on {time:.0}\n\
             Severity {severity}, phase {phase}, {state}\n",
            tlp = self.tlp,
            number = self.incident_number,
            title = self.title,
            happened = self.happened.replace('_', " "),
            by = self.by,
            time = self.time,
            severity = self.severity,
            phase = self.phase.replace('_', " "),
            state = self.state,
        );
        if !self.reason.is_empty() {
            text.push_str(&format!("Reason: {}\n", self.reason));
        }
        if let Some(comment) = &self.comment {
            text.push_str(&format!("\n{comment}\n"));
        }
        text.push_str(&format!(
            "\ncordon incidents show {}\n\n{}\n",
            self.incident, self.tlp
        ));
        text
    }
}

/// Texts and numbers alone: there is nothing that could not be written.
fn data(told: &impl Serialize) -> Value {
    serde_json::to_value(told).unwrap_or_default()
}
