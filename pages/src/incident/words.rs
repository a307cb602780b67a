//! What the wire says, in words: one wording for the report that a server signs and for what
//! programs show.

use cordon_proto::incidents::timeline_entry::analysis_called_off::Why;
use cordon_proto::incidents::timeline_entry::{ClockRef, What as TimelineWhat};
use cordon_proto::incidents::{
    CloseCode, Party, Phase, Responsible, Severity, incident::State as IncidentState,
};
use cordon_proto::sla::reporting_fact::Fact;
use cordon_proto::sla::{ObjectiveKind, ReportingDuty, ReportingStage};
use jiff::Timestamp;

/// A word of a closed set of the wire.
pub trait Word: Copy {
    /// The name on the wire.
    fn wire_name(self) -> &'static str;
    /// What all names of the set begin with.
    const PREFIX: &'static str;
}

macro_rules! sets {
    ($($name:ident: $prefix:literal;)*) => {$(
        impl Word for $name {
            const PREFIX: &'static str = $prefix;

            fn wire_name(self) -> &'static str {
                self.as_str_name()
            }
        }
    )*};
}

sets! {
    Severity: "SEVERITY_";
    Phase: "PHASE_";
    Party: "PARTY_";
    CloseCode: "CLOSE_CODE_";
    IncidentState: "STATE_";
    Responsible: "RESPONSIBLE_";
    ObjectiveKind: "OBJECTIVE_KIND_";
    ReportingDuty: "REPORTING_DUTY_";
    ReportingStage: "REPORTING_STAGE_";
}

/// The word as people read it; `unknown` for what is unset.
pub fn named<T: Word>(word: T) -> String {
    match word.wire_name().strip_prefix(T::PREFIX) {
        None | Some("UNSPECIFIED") => "unknown".to_owned(),
        Some(word) => word.to_lowercase().replace('_', " "),
    }
}

/// The same where there may be none: empty.
pub(super) fn named_or_none<T: Word>(word: T) -> String {
    match word.wire_name().ends_with("_UNSPECIFIED") {
        true => String::new(),
        false => named(word),
    }
}

/// What happened, in words.
#[must_use]
pub fn what(what: Option<&TimelineWhat>) -> String {
    match what {
        Some(TimelineWhat::Opened(opened)) => format!(
            "opened as {}, in {}",
            named(opened.severity()),
            named(opened.phase())
        ),
        Some(TimelineWhat::Updated(updated)) => format!("changed {}", updated.fields.join(", ")),
        Some(TimelineWhat::Acknowledged(_)) => "took note".to_owned(),
        Some(TimelineWhat::Moved(moved)) => format!(
            "moved from {} to {}",
            named(moved.from()),
            named(moved.to())
        ),
        Some(TimelineWhat::Reclassified(reclassified)) => format!(
            "reclassified from {} to {}",
            named(reclassified.from()),
            named(reclassified.to())
        ),
        Some(TimelineWhat::HandedOver(handed_over)) => {
            format!("handed over to the {}", named(handed_over.to()))
        }
        Some(TimelineWhat::CriteriaSet(set)) => match set.count {
            0 => "withdrew the clean-state criteria".to_owned(),
            1 => "set 1 clean-state criterion".to_owned(),
            count => format!("set {count} clean-state criteria"),
        },
        Some(TimelineWhat::SignedOff(signed)) => {
            let places: Vec<_> = signed.criteria.iter().map(i32::to_string).collect();
            let rest = if signed.complete {
                "; now both sides have signed off all"
            } else {
                ""
            };
            format!(
                "signed off {} for the {}{rest}",
                places.join(", "),
                named(signed.party())
            )
        }
        Some(TimelineWhat::Closed(closed)) => format!("closed as {}", named(closed.code())),
        Some(TimelineWhat::Reopened(_)) => "opened again".to_owned(),
        Some(TimelineWhat::Commented(commented)) => {
            format!("commented: {}", short(&commented.comment))
        }
        Some(TimelineWhat::CommentUpdated(updated)) => {
            format!("changed a comment: {}", short(&updated.comment))
        }
        Some(TimelineWhat::ClockWarned(warned)) => format!(
            "{} percent of the time for {} are used up",
            warned.percent,
            promise_of(warned.clock.as_ref())
        ),
        Some(TimelineWhat::ClockBreached(breached)) => {
            format!(
                "the time for {} is over",
                promise_of(breached.clock.as_ref())
            )
        }
        Some(TimelineWhat::ReportingFact(fact)) => stated(fact.fact.as_ref()),
        Some(TimelineWhat::TaskAdded(task)) => format!("added a task: {}", task.title),
        Some(TimelineWhat::TaskHandedOver(task)) => format!(
            "handed a task over to {}: {}",
            match (task.to_customer, task.to_provider) {
                (true, false) => "the customer",
                (false, true) => "the provider",
                _ => "both sides",
            },
            task.title
        ),
        Some(TimelineWhat::TaskDone(task)) => format!("did a task: {}", task.title),
        Some(TimelineWhat::TaskCancelled(task)) => format!("dropped a task: {}", task.title),
        Some(TimelineWhat::TaskReopened(task)) => format!("took a task up again: {}", task.title),
        Some(TimelineWhat::Imported(imported)) => {
            let origin = imported.origin.clone().unwrap_or_default();
            let opened = match &origin.create_time {
                Some(opened) => format!(", opened there {}", time(Some(opened))),
                None => String::new(),
            };
            format!(
                "brought in from elsewhere as {}, {}, in {}{opened}: {}",
                named(imported.severity()),
                named(imported.state()),
                named(imported.phase()),
                origin.external_id
            )
        }
        Some(TimelineWhat::Attached(attached)) => format!(
            "attached {} ({} bytes): {}",
            attached.file_name,
            attached.size_bytes,
            short(&attached.attachment)
        ),
        Some(TimelineWhat::Linked(linked)) => format!("linked {}", linked.resource),
        Some(TimelineWhat::Unlinked(unlinked)) => format!("unlinked {}", unlinked.resource),
        Some(TimelineWhat::AnalysisRequested(of)) => format!(
            "asked the provider ({}): {}",
            of.question.replace('_', " "),
            short(&of.analysis)
        ),
        Some(TimelineWhat::AnalysisHandedOver(of)) => match of.to() {
            Party::Customer => format!("asked back about a question: {}", short(&of.analysis)),
            _ => format!("went on with a question: {}", short(&of.analysis)),
        },
        Some(TimelineWhat::AnalysisAnswered(of)) => {
            format!("answered a question: {}", short(&of.analysis))
        }
        Some(TimelineWhat::AnalysisCalledOff(of)) => {
            let why = match of.why() {
                Why::TakenBack => "took back",
                Why::Declined => "declined",
                Why::Failed => "could not answer",
                Why::Unspecified => "called off",
            };
            format!("{why} a question: {}", short(&of.analysis))
        }
        None => "something that this program is too old to know".to_owned(),
    }
}

/// What was promised, and which of several it is.
#[must_use]
pub fn promise(kind: ObjectiveKind, request: &str, interval: i32) -> String {
    let kind = named(kind);
    match (interval, request) {
        (0, "") => kind,
        (0, request) => format!("{kind} {}", short(request)),
        (interval, _) => format!("{kind} {interval}"),
    }
}

fn promise_of(clock: Option<&ClockRef>) -> String {
    match clock {
        Some(clock) => promise(clock.objective(), &clock.request, clock.interval),
        None => named(ObjectiveKind::Unspecified),
    }
}

fn stated(fact: Option<&Fact>) -> String {
    match fact {
        Some(Fact::Duties(duties)) => {
            let all: Vec<_> = duties.duties().map(named).collect();
            match all.is_empty() {
                true => "has no duty to report it".to_owned(),
                false => format!("has duties to report it: {}", all.join(", ")),
            }
        }
        Some(Fact::AwarenessTime(at)) => format!("became aware {}", second(Some(at))),
        Some(Fact::ClassificationTime(at)) => {
            format!("classified it as major {}", second(Some(at)))
        }
        Some(Fact::Submission(of)) => format!(
            "submitted by {}: {}, {}",
            named(of.duty()),
            named(of.stage()),
            second(of.time.as_ref())
        ),
        None => "something that this program is too old to know".to_owned(),
    }
}

/// The last part of a resource's name.
fn short(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// A moment, exactly; empty if there is none.
fn time(time: Option<&prost_types::Timestamp>) -> String {
    let Some(time) = time else {
        return String::new();
    };
    match super::wire::read(time) {
        Some(time) => time.to_string(),
        None => format!("{}.{:09} s since 1970", time.seconds, time.nanos),
    }
}

/// A moment, to the second.
pub(super) fn second(value: Option<&prost_types::Timestamp>) -> String {
    value
        .and_then(super::wire::read)
        .and_then(|time| Timestamp::from_second(time.as_second()).ok())
        .map_or_else(|| time(value), |time| time.to_string())
}
