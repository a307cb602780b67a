//! What a finding is and how it changes. Pure.

use cordon_baseline::{Anomaly, AnomalyKind, SubjectKind};
use cordon_kernel::{Error, Reason, Result};
use cordon_sigma::Level;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::compiled::Ready;
use super::super::drafts::{Draft, MOST_EVENTS};
use super::super::explained::{Explained, Judged};
use super::convert::Said;
use crate::rooms::uuid_text;

/// How it stands, with OCSF's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum FindingStatus {
    New,
    InProgress,
    Suppressed,
    Resolved,
}

impl FindingStatus {
    pub(super) const fn code(self) -> i64 {
        match self {
            Self::New => 1,
            Self::InProgress => 2,
            Self::Suppressed => 3,
            Self::Resolved => 4,
        }
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InProgress => "in progress",
            Self::Suppressed => "suppressed",
            Self::Resolved => "resolved",
        }
    }
}

/// The number by which levels are stored and compared.
pub(super) const fn level_code(level: Level) -> i64 {
    match level {
        Level::Informational => 1,
        Level::Low => 2,
        Level::Medium => 3,
        Level::High => 4,
        Level::Critical => 5,
    }
}

pub(super) const fn level_of(code: i64) -> Level {
    match code {
        1 => Level::Informational,
        2 => Level::Low,
        4 => Level::High,
        5 => Level::Critical,
        _ => Level::Medium,
    }
}

/// A finding as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Finding {
    #[serde(with = "uuid_text")]
    pub(super) id: Uuid,
    /// The tenant's sequence number of its last change.
    pub(super) seq: i64,
    pub(super) dedup_key: String,
    #[serde(with = "uuid_text")]
    pub(super) rule: Uuid,
    pub(super) rule_version: i64,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) level: i64,
    pub(super) techniques: Vec<String>,
    pub(super) tactics: Vec<String>,
    pub(super) status: FindingStatus,
    pub(super) comment: String,
    pub(super) start: Timestamp,
    pub(super) end: Timestamp,
    pub(super) count: u64,
    /// Names of events, 32 hexadecimal digits.
    pub(super) events: Vec<String>,
    pub(super) actor: String,
    pub(super) account: String,
    pub(super) source_address: String,
    pub(super) operation: String,
    pub(super) group: Vec<(String, String)>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    /// Who changed its status last; empty while nobody has.
    pub(super) by: String,
    pub(super) etag: String,
    /// The name of the incident that was opened of it; empty if none was.
    #[serde(default)]
    pub(super) incident: String,
    /// What was expected and what was seen, of a finding that no rule made.
    #[serde(default)]
    pub(super) unusual: Option<Unusual>,
    /// What the tenant's context says of it, if anything.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) explained: Option<Explained>,
}

/// Why something is a finding although no rule names it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Unusual {
    pub(super) kind: String,
    pub(super) subject_kind: String,
    pub(super) subject: String,
    pub(super) expected: String,
    pub(super) seen: String,
    /// How surprising it is, in whole bits.
    pub(super) bits: i64,
}

/// When, in which place of the sequence, and what it is called afterwards.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) now: Timestamp,
    pub(super) seq: i64,
    pub(super) etag: String,
}

/// A decided change.
#[derive(Debug)]
pub(super) struct Change(Finding);

impl Change {
    /// The finding afterwards.
    pub(super) fn finding(&self) -> &Finding {
        &self.0
    }
}

/// A new finding of what a rule has found; nobody is told if the rule is muted.
pub(super) fn make(
    (id, dedup_key): (Uuid, String),
    ready: &Ready,
    draft: &Draft,
    mark: Mark,
) -> Change {
    let Ready { rule, sigma, .. } = ready;
    let muted = rule.muted(mark.now);
    let rule_level = level_code(sigma.level);
    let explained = Explained::begin(rule_level, &draft.judged);
    Change(Finding {
        id,
        seq: mark.seq,
        dedup_key,
        rule: rule.id,
        rule_version: rule.version,
        title: sigma.title.clone(),
        description: sigma.description.clone(),
        level: explained.as_ref().map_or(rule_level, Explained::level),
        techniques: sigma.techniques.clone(),
        tactics: sigma.tactics.clone(),
        status: match muted {
            true => FindingStatus::Suppressed,
            false => FindingStatus::New,
        },
        comment: String::new(),
        start: cordon_kernel::db::timestamp(draft.times.0),
        end: cordon_kernel::db::timestamp(draft.times.1),
        count: draft.count,
        events: draft.events.iter().map(hex::encode).collect(),
        actor: draft.about.actor.clone(),
        account: draft.about.account.clone(),
        source_address: draft.about.source_address.clone(),
        operation: draft.about.operation.clone(),
        group: draft.group.clone(),
        created: mark.now,
        updated: mark.now,
        by: String::new(),
        etag: mark.etag,
        incident: String::new(),
        unusual: None,
        explained,
    })
}

/// A new finding of what is unusual.
pub(super) fn unusual(
    (id, dedup_key): (Uuid, String),
    (anomaly, judged): &(Anomaly, Judged),
    mark: Mark,
) -> Change {
    let by_score = level_code(level_of_anomaly(anomaly));
    let explained = Explained::begin(by_score, judged);
    let told = told(anomaly);
    let subject = &anomaly.subject;
    let principal = matches!(subject.kind, SubjectKind::Principal | SubjectKind::Tenant);
    let by = |is: bool| {
        if is {
            subject.name.clone()
        } else {
            String::new()
        }
    };
    Change(Finding {
        id,
        seq: mark.seq,
        dedup_key,
        rule: Uuid::nil(),
        rule_version: 0,
        title: format!(
            "Unusual: {} of {}",
            told.kind.replace('_', " "),
            subject.name
        ),
        description: format!("{} {}", told.expected, told.seen),
        level: explained.as_ref().map_or(by_score, Explained::level),
        techniques: anomaly
            .techniques
            .iter()
            .map(|id| (*id).to_owned())
            .collect(),
        tactics: Vec::new(),
        status: FindingStatus::New,
        comment: String::new(),
        start: cordon_kernel::db::timestamp(anomaly.times.0),
        end: cordon_kernel::db::timestamp(anomaly.times.1),
        count: anomaly.count,
        events: anomaly.events.iter().map(hex::encode).collect(),
        actor: by(principal),
        account: subject.account.clone(),
        source_address: by(subject.kind == SubjectKind::Address),
        operation: String::new(),
        group: Vec::new(),
        created: mark.now,
        updated: mark.now,
        by: String::new(),
        etag: mark.etag,
        incident: String::new(),
        unusual: Some(told),
        explained,
    })
}

/// More of the same unusual thing. What was resolved is to be looked at again.
pub(super) fn more_unusual(
    mut finding: Finding,
    (anomaly, judged): &(Anomaly, Judged),
    mark: Mark,
) -> Change {
    let (start, end) = anomaly.times;
    finding.start = finding.start.min(cordon_kernel::db::timestamp(start));
    finding.end = finding.end.max(cordon_kernel::db::timestamp(end));
    finding.count = match anomaly.kind {
        AnomalyKind::Volume | AnomalyKind::FanOut => finding.count.max(anomaly.count),
        _ => finding.count.saturating_add(anomaly.count),
    };
    for event in anomaly.events.iter().map(hex::encode) {
        if finding.events.len() < MOST_EVENTS && !finding.events.contains(&event) {
            finding.events.push(event);
        }
    }
    let told = told(anomaly);
    if finding
        .unusual
        .as_ref()
        .is_none_or(|before| told.bits > before.bits)
    {
        finding.description = format!("{} {}", told.expected, told.seen);
        let level = level_code(level_of_anomaly(anomaly));
        match &mut finding.explained {
            Some(explained) => explained.rule_level = explained.rule_level.max(level),
            None => finding.level = finding.level.max(level),
        }
        finding.unusual = Some(told);
    }
    explain(&mut finding, judged);
    if finding.status == FindingStatus::Resolved {
        finding.status = FindingStatus::New;
    }
    changed(finding, mark)
}

fn told(anomaly: &Anomaly) -> Unusual {
    Unusual {
        kind: anomaly.kind.as_str().to_owned(),
        subject_kind: anomaly.subject.kind.as_str().to_owned(),
        subject: anomaly.subject.name.clone(),
        expected: anomaly.expected.sentence.clone(),
        seen: anomaly.seen.sentence.clone(),
        // Below any number of bits that there can be, and above 0.
        bits: anomaly.score.round().clamp(0.0, 1e6) as i64,
    }
}

fn level_of_anomaly(anomaly: &Anomaly) -> Level {
    match anomaly.level() {
        cordon_baseline::Level::Low => Level::Low,
        cordon_baseline::Level::Medium => Level::Medium,
        cordon_baseline::Level::High => Level::High,
    }
}

/// More events of the same thing. What was resolved is to be looked at again, and what a mute kept
/// from being told is told once that is over.
pub(super) fn add(mut finding: Finding, ready: &Ready, draft: &Draft, mark: Mark) -> Change {
    let muted = ready.rule.muted(mark.now);
    finding.start = finding
        .start
        .min(cordon_kernel::db::timestamp(draft.times.0));
    finding.end = finding.end.max(cordon_kernel::db::timestamp(draft.times.1));
    finding.count = finding.count.saturating_add(draft.count);
    let room = MOST_EVENTS.saturating_sub(finding.events.len());
    let more = draft.events.iter().map(hex::encode);
    finding.events.extend(more.take(room));
    explain(&mut finding, &draft.judged);
    let by_mute = finding.status == FindingStatus::Suppressed && finding.by.is_empty();
    if !muted && (finding.status == FindingStatus::Resolved || by_mute) {
        finding.status = FindingStatus::New;
    }
    changed(finding, mark)
}

/// Has the tenant's context say what it has to say of a finding with more events.
fn explain(finding: &mut Finding, more: &Judged) {
    finding.explained = Explained::go_on(finding.explained.take(), finding.level, more);
    if let Some(explained) = &finding.explained {
        finding.level = explained.level();
    }
}

/// Somebody looks at it: an incident of that name is about it.
pub(super) fn take_up(mut finding: Finding, incident: String, by: &str, mark: Mark) -> Change {
    finding.status = FindingStatus::InProgress;
    finding.incident = incident;
    by.clone_into(&mut finding.by);
    changed(finding, mark)
}

/// # Errors
/// `ETAG_MISMATCH` when the finding is not what the caller has read.
pub(super) fn decide(mut finding: Finding, said: Said, by: String, mark: Mark) -> Result<Change> {
    if !said.etag.is_empty() && said.etag != finding.etag {
        return Err(Error::new(
            Reason::EtagMismatch,
            "the finding was changed meanwhile: read it again",
        ));
    }
    finding.status = said.status;
    finding.comment = said.comment;
    finding.by = by;
    Ok(changed(finding, mark))
}

fn changed(mut finding: Finding, mark: Mark) -> Change {
    finding.seq = mark.seq;
    // On whichever server's clock: not before its last change.
    finding.updated = mark.now.max(finding.updated);
    finding.etag = mark.etag;
    Change(finding)
}
