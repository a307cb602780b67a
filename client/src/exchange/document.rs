//! Our own JSON. Each object says its format and version; a reader passes over keys that it does
//! not know, and a key changes its meaning only with another version. Times are RFC 3339 in UTC,
//! words are in capitals, and what is not known is left out or `null`.

use cordon_proto::incidents::timeline_entry::ClockRef;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::words::{code, duty, objective, party, phase, severity, stage, state, tlp, why};
use crate::error::{Error, Reason, Result};
use crate::incidents::{Actor, Comment, Incident, SignOff, TimelineEntry, TimelineWhat};
use crate::sla::ReportingFactKind;
use crate::time::from_proto;

/// The format of a [`Case`], as in its `format`.
pub const CASE: &str = "cordon.incident";
/// The format of a file of cases in one JSON object.
pub const CASES: &str = "cordon.incidents";
/// The format of a line of an exported timeline.
pub const ENTRY: &str = "cordon.timeline-entry";
/// The version of all three.
pub const VERSION: u32 = 1;

/// The whole of an incident.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Case {
    /// [`CASE`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// `tenants/{tenant}/incidents/{incident}`; by this it is known elsewhere.
    pub name: String,
    /// Counts the tenant's incidents.
    pub number: i64,
    /// In one line.
    pub title: String,
    /// What is known.
    pub description: String,
    /// `SEV1` to `SEV4`.
    pub severity: Option<String>,
    /// As in `FOLLOW_UP`.
    pub phase: Option<String>,
    /// `OPEN` or `CLOSED`.
    pub state: Option<String>,
    /// As in `AMBER_STRICT`.
    pub tlp: Option<String>,
    /// Whose move it is: `CUSTOMER` or `PROVIDER`.
    pub pending_party: Option<String>,
    /// What the side whose move it is is asked for; may be empty.
    pub pending_action: String,
    /// Whether it is a drill, which counts in no figures.
    pub exercise: bool,
    /// Whether the provider opened it as a part of a larger one of its own.
    pub provider_wide: bool,
    /// What has to be true before recovery.
    pub clean_state_criteria: Vec<Criterion>,
    /// Who opened it.
    pub opened_by: Option<Person>,
    /// When it was opened.
    pub create_time: Option<Timestamp>,
    /// When it was changed last.
    pub update_time: Option<Timestamp>,
    /// When the provider took note.
    pub acknowledge_time: Option<Timestamp>,
    /// When it was closed.
    pub close_time: Option<Timestamp>,
    /// As in `FALSE_POSITIVE`.
    pub close_code: Option<String>,
    /// Changes with each change.
    pub etag: String,
    /// Of one that was itself brought in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// What was said, oldest first.
    pub comments: Vec<Said>,
    /// What happened, in order.
    pub timeline: Vec<Entry>,
}

/// Somebody, and of which side.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Person {
    /// A name for people.
    pub subject: String,
    /// `CUSTOMER` or `PROVIDER`.
    pub party: Option<String>,
}

/// Something that has to be true before recovery, and who stands for it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Criterion {
    /// In words.
    pub text: String,
    /// The customer's.
    pub customer: Option<Signed>,
    /// The provider's.
    pub provider: Option<Signed>,
}

/// That somebody stands for something.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Signed {
    /// Who.
    pub subject: String,
    /// When.
    pub time: Option<Timestamp>,
}

/// What something that was brought in says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Origin {
    /// By what it is known elsewhere; empty for a comment.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub external_id: String,
    /// Who opened or said it there.
    pub author: String,
    /// When it was opened or said there.
    pub create_time: Option<Timestamp>,
    /// When the provider took note there.
    pub acknowledge_time: Option<Timestamp>,
    /// When it was changed last there.
    pub update_time: Option<Timestamp>,
    /// When it was closed there.
    pub close_time: Option<Timestamp>,
}

/// What somebody said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Said {
    /// `tenants/{tenant}/incidents/{incident}/comments/{comment}`.
    pub name: String,
    /// What it says now.
    pub text: String,
    /// Who said it.
    pub author: Option<Person>,
    /// When.
    pub create_time: Option<Timestamp>,
    /// When the present text was written.
    pub update_time: Option<Timestamp>,
    /// What it said before, oldest first.
    pub revisions: Vec<Revision>,
    /// Of one that was brought in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
}

/// An earlier text.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Revision {
    /// What it said.
    pub text: String,
    /// From when on.
    pub create_time: Option<Timestamp>,
}

/// Something that happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Entry {
    /// `tenants/{tenant}/incidents/{incident}/timelineEntries/{sequence}`.
    pub name: String,
    /// Its number among all that happened to the tenant's incidents.
    pub sequence: i64,
    /// When.
    pub time: Option<Timestamp>,
    /// Who did it.
    pub actor: Option<Person>,
    /// What, as in `HANDED_OVER`.
    pub what: String,
    /// What there is to know about it, by what it was.
    pub details: Value,
    /// What was said with it; may be empty.
    pub reason: String,
    /// Whether the incident is a drill.
    pub exercise: bool,
}

/// A line of an exported timeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    /// [`ENTRY`].
    pub format: String,
    /// [`VERSION`].
    pub version: u32,
    /// The incident that it happened to.
    pub incident: String,
    /// What happened.
    #[serde(flatten)]
    pub entry: Entry,
}

impl Case {
    /// Puts the parts of an incident together.
    ///
    /// # Errors
    ///
    /// `UNIMPLEMENTED` when something happened that this program is too old to know: what it wrote
    /// would not be the whole.
    pub fn new(
        incident: Incident,
        comments: Vec<Comment>,
        timeline: Vec<TimelineEntry>,
    ) -> Result<Self> {
        let criteria = incident.clean_state_criteria.iter();
        let criteria = criteria.map(|criterion| Criterion {
            text: criterion.text.clone(),
            customer: criterion.customer.as_ref().map(signed),
            provider: criterion.provider.as_ref().map(signed),
        });
        Ok(Self {
            format: CASE.to_owned(),
            version: VERSION,
            number: incident.number,
            severity: severity(incident.severity()),
            phase: phase(incident.phase()),
            state: state(incident.state()),
            tlp: tlp(incident.tlp()),
            pending_party: party(incident.pending_party()),
            close_code: code(incident.close_code()),
            clean_state_criteria: criteria.collect(),
            opened_by: incident.opened_by.as_ref().map(person),
            create_time: moment(incident.create_time),
            update_time: moment(incident.update_time),
            acknowledge_time: moment(incident.acknowledge_time),
            close_time: moment(incident.close_time),
            pending_action: incident.pending_action,
            exercise: incident.exercise,
            provider_wide: incident.provider_wide,
            name: incident.name,
            title: incident.title,
            description: incident.description,
            etag: incident.etag,
            origin: incident.origin.map(origin),
            comments: comments.into_iter().map(said).collect(),
            timeline: timeline
                .into_iter()
                .map(Entry::new)
                .collect::<Result<_>>()?,
        })
    }
}

impl Entry {
    /// An entry as a document.
    ///
    /// # Errors
    ///
    /// As [`Case::new`].
    pub fn new(entry: TimelineEntry) -> Result<Self> {
        let known = entry.what.as_ref().map(what);
        let (what, details) = known.ok_or_else(|| {
            let message = format!(
                "entry {} of the timeline is of a kind that this program is too old to know: use \
                 a newer one",
                entry.sequence
            );
            Error::new(Reason::Unimplemented, message)
        })?;
        Ok(Self {
            name: entry.name,
            sequence: entry.sequence,
            time: moment(entry.time),
            actor: entry.actor.as_ref().map(person),
            what: what.to_owned(),
            details,
            reason: entry.reason,
            exercise: entry.exercise,
        })
    }

    /// The incident that it happened to.
    #[must_use]
    pub fn incident(&self) -> &str {
        let name = self.name.rsplit_once("/timelineEntries/");
        name.map_or("", |(incident, _)| incident)
    }
}

impl From<Entry> for Line {
    fn from(entry: Entry) -> Self {
        Self {
            format: ENTRY.to_owned(),
            version: VERSION,
            incident: entry.incident().to_owned(),
            entry,
        }
    }
}

fn moment(time: Option<prost_types::Timestamp>) -> Option<Timestamp> {
    time.as_ref().and_then(from_proto)
}

fn person(actor: &Actor) -> Person {
    Person {
        subject: actor.subject.clone(),
        party: party(actor.party()),
    }
}

fn signed(signed: &SignOff) -> Signed {
    Signed {
        subject: signed.subject.clone(),
        time: moment(signed.time),
    }
}

fn origin(origin: crate::incidents::Origin) -> Origin {
    Origin {
        external_id: origin.external_id,
        author: origin.author,
        create_time: moment(origin.create_time),
        acknowledge_time: moment(origin.acknowledge_time),
        update_time: moment(origin.update_time),
        close_time: moment(origin.close_time),
    }
}

fn said(comment: Comment) -> Said {
    let revisions = comment.revisions.into_iter().map(|revision| Revision {
        text: revision.text,
        create_time: moment(revision.create_time),
    });
    Said {
        revisions: revisions.collect(),
        author: comment.author.as_ref().map(person),
        create_time: moment(comment.create_time),
        update_time: moment(comment.update_time),
        name: comment.name,
        text: comment.text,
        origin: comment.origin.map(origin),
    }
}

/// Which clock.
fn clock(clock: Option<&ClockRef>) -> Option<Value> {
    let clock = clock?;
    Some(json!({
        "objective": objective(clock.objective()),
        "request": Some(&clock.request).filter(|request| !request.is_empty()),
        "interval": Some(clock.interval).filter(|interval| *interval != 0),
        "started_by": clock.started_by,
    }))
}

/// What deadlines of the law run from.
fn fact(fact: Option<&ReportingFactKind>) -> Value {
    match fact {
        Some(ReportingFactKind::Duties(duties)) => {
            json!({ "duties": duties.duties().map(duty).collect::<Vec<_>>() })
        }
        Some(ReportingFactKind::AwarenessTime(at)) => {
            json!({ "awareness_time": moment(Some(*at)) })
        }
        Some(ReportingFactKind::ClassificationTime(at)) => {
            json!({ "classification_time": moment(Some(*at)) })
        }
        Some(ReportingFactKind::Submission(of)) => json!({ "submission": {
            "duty": duty(of.duty()),
            "stage": stage(of.stage()),
            "time": moment(of.time),
        } }),
        None => Value::Null,
    }
}

fn task(task: &str, title: &str) -> Value {
    json!({ "task": task, "title": title })
}

/// What happened, as a word, and what there is to know about it.
#[must_use]
pub fn what(what: &TimelineWhat) -> (&'static str, Value) {
    match what {
        TimelineWhat::Opened(opened) => (
            "OPENED",
            json!({ "severity": severity(opened.severity()), "phase": phase(opened.phase()) }),
        ),
        TimelineWhat::Updated(updated) => ("UPDATED", json!({ "fields": updated.fields })),
        TimelineWhat::Acknowledged(_) => ("ACKNOWLEDGED", json!({})),
        TimelineWhat::Moved(moved) => (
            "MOVED",
            json!({ "from": phase(moved.from()), "to": phase(moved.to()) }),
        ),
        TimelineWhat::Reclassified(graded) => (
            "RECLASSIFIED",
            json!({ "from": severity(graded.from()), "to": severity(graded.to()) }),
        ),
        TimelineWhat::HandedOver(handed) => ("HANDED_OVER", json!({ "to": party(handed.to()) })),
        TimelineWhat::CriteriaSet(set) => ("CRITERIA_SET", json!({ "count": set.count })),
        TimelineWhat::SignedOff(signed) => (
            "SIGNED_OFF",
            json!({
                "party": party(signed.party()),
                "criteria": signed.criteria,
                "complete": signed.complete,
            }),
        ),
        TimelineWhat::Closed(closed) => ("CLOSED", json!({ "code": code(closed.code()) })),
        TimelineWhat::Reopened(_) => ("REOPENED", json!({})),
        TimelineWhat::Commented(said) => ("COMMENTED", json!({ "comment": said.comment })),
        TimelineWhat::CommentUpdated(said) => {
            ("COMMENT_UPDATED", json!({ "comment": said.comment }))
        }
        TimelineWhat::Attached(attached) => (
            "ATTACHED",
            json!({
                "attachment": attached.attachment,
                "file_name": attached.file_name,
                "size_bytes": attached.size_bytes,
                "sha256": attached.sha256,
            }),
        ),
        TimelineWhat::Linked(linked) => (
            "LINKED",
            json!({ "link": linked.link, "resource": linked.resource }),
        ),
        TimelineWhat::Unlinked(unlinked) => (
            "UNLINKED",
            json!({ "link": unlinked.link, "resource": unlinked.resource }),
        ),
        TimelineWhat::AnalysisRequested(of) => (
            "ANALYSIS_REQUESTED",
            json!({ "analysis": of.analysis, "question": of.question }),
        ),
        TimelineWhat::AnalysisHandedOver(of) => (
            "ANALYSIS_HANDED_OVER",
            json!({ "analysis": of.analysis, "to": party(of.to()) }),
        ),
        TimelineWhat::AnalysisAnswered(of) => {
            ("ANALYSIS_ANSWERED", json!({ "analysis": of.analysis }))
        }
        TimelineWhat::AnalysisCalledOff(of) => (
            "ANALYSIS_CALLED_OFF",
            json!({ "analysis": of.analysis, "why": why(of.why()) }),
        ),
        TimelineWhat::ClockWarned(warned) => (
            "CLOCK_WARNED",
            json!({
                "clock": clock(warned.clock.as_ref()),
                "percent": warned.percent,
                "due_time": moment(warned.due_time),
            }),
        ),
        TimelineWhat::ClockBreached(breached) => (
            "CLOCK_BREACHED",
            json!({
                "clock": clock(breached.clock.as_ref()),
                "due_time": moment(breached.due_time),
            }),
        ),
        TimelineWhat::ReportingFact(stated) => ("REPORTING_FACT", fact(stated.fact.as_ref())),
        TimelineWhat::TaskAdded(of) => ("TASK_ADDED", task(&of.task, &of.title)),
        TimelineWhat::TaskHandedOver(of) => (
            "TASK_HANDED_OVER",
            json!({
                "task": of.task,
                "title": of.title,
                "to_customer": of.to_customer,
                "to_provider": of.to_provider,
            }),
        ),
        TimelineWhat::TaskDone(of) => ("TASK_DONE", task(&of.task, &of.title)),
        TimelineWhat::TaskCancelled(of) => ("TASK_CANCELLED", task(&of.task, &of.title)),
        TimelineWhat::TaskReopened(of) => ("TASK_REOPENED", task(&of.task, &of.title)),
        TimelineWhat::Imported(imported) => (
            "IMPORTED",
            json!({
                "severity": severity(imported.severity()),
                "phase": phase(imported.phase()),
                "state": state(imported.state()),
                "close_code": code(imported.close_code()),
                "comments": imported.comments,
                "origin": imported.origin.clone().map(origin),
            }),
        ),
    }
}
