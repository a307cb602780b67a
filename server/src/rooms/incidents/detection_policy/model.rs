//! What the policy says, and what it makes of a finding. Pure.

use cordon_kernel::{Error, Name, Reason, Result, TenantId};
use cordon_sigma::Level;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::model::{Actor, NewIncident, Party, Severity, Tlp};
use crate::rooms::detection::Found;

/// Incidents of an hour when the tenant names no number.
pub(super) const USUAL: i64 = 10;
/// What a tenant's policy that was never set is called.
pub(super) const UNSET: &str = "unset";
/// Longest title and description of an incident, in characters.
const MAX_TITLE: usize = 200;
const MAX_DESCRIPTION: usize = 4_000;

/// The policy as it is stored, but for what its columns have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Said {
    /// At least so bad: 1 informational to 5 critical; 0 for none by their level.
    pub(super) min_level: i64,
    /// Ids, hyphenated.
    pub(super) rules: Vec<String>,
    pub(super) techniques: Vec<String>,
    pub(super) max_per_hour: i64,
    pub(super) by: String,
}

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Policy {
    pub(super) enabled: bool,
    /// Up to which place of the findings' sequence they were decided on.
    pub(super) seen: i64,
    pub(super) etag: String,
    /// `None` as long as it was never set.
    pub(super) updated: Option<Timestamp>,
    pub(super) said: Said,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            enabled: false,
            seen: 0,
            etag: UNSET.to_owned(),
            updated: None,
            said: Said {
                min_level: 0,
                rules: Vec::new(),
                techniques: Vec::new(),
                max_per_hour: USUAL,
                by: String::new(),
            },
        }
    }
}

impl Policy {
    /// Whether a finding is one that opens an incident.
    pub(super) fn takes(&self, found: &Found) -> bool {
        let said = &self.said;
        let by_level = said.min_level > 0 && level_code(found.level) >= said.min_level;
        by_level
            || said.rules.contains(&found.rule.hyphenated().to_string())
            || found.techniques.iter().any(|technique| {
                let parent = technique.split_once('.').map_or("", |(parent, _)| parent);
                said.techniques
                    .iter()
                    .any(|one| one == technique || one == parent)
            })
    }
}

/// What is to be changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Patch {
    pub(super) enabled: Option<bool>,
    pub(super) min_level: Option<i64>,
    pub(super) rules: Option<Vec<Uuid>>,
    pub(super) techniques: Option<Vec<String>>,
    pub(super) max_per_hour: Option<i64>,
}

/// When, by whom, what it is called afterwards, and where the findings stand.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) now: Timestamp,
    pub(super) by: String,
    pub(super) etag: String,
    pub(super) head: i64,
}

/// The policy with what is to be changed. Once enabled it begins with what is found from then on.
///
/// # Errors
/// `ETAG_MISMATCH` when it is not what the caller has read; `FAILED_PRECONDITION` when it would take
/// no finding and is enabled.
pub(super) fn update(before: Policy, patch: Patch, expected: &str, mark: Mark) -> Result<Policy> {
    if !expected.is_empty() && expected != before.etag {
        return Err(Error::new(
            Reason::EtagMismatch,
            "the policy was changed meanwhile: read it again",
        ));
    }
    let mut policy = before;
    let begins = patch.enabled == Some(true) && !policy.enabled;
    policy.enabled = patch.enabled.unwrap_or(policy.enabled);
    let said = &mut policy.said;
    said.min_level = patch.min_level.unwrap_or(said.min_level);
    said.max_per_hour = patch.max_per_hour.unwrap_or(said.max_per_hour);
    if let Some(rules) = patch.rules {
        let rules = rules.iter().map(|rule| rule.hyphenated().to_string());
        said.rules = rules.collect();
    }
    if let Some(techniques) = patch.techniques {
        said.techniques = techniques;
    }
    said.by = mark.by;
    if policy.enabled && said.min_level == 0 && said.rules.is_empty() && said.techniques.is_empty()
    {
        return Err(Error::new(
            Reason::FailedPrecondition,
            "no finding would open an incident: give a level, rules or techniques",
        ));
    }
    if begins {
        policy.seen = mark.head;
    }
    policy.etag = mark.etag;
    let after = policy.updated.map_or(mark.now, |last| mark.now.max(last));
    policy.updated = Some(after);
    Ok(policy)
}

/// To which incident a finding went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Went {
    pub(super) incident: Uuid,
    /// Whether that is open now.
    pub(super) open: bool,
    /// How many events it had when the incident was last told.
    pub(super) told: u64,
}

/// How it stands with the incidents of the last hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hour {
    /// How many were opened for a finding each.
    pub(super) opened: i64,
    /// The open one that takes what is beyond the most.
    pub(super) collecting: Option<Uuid>,
}

/// What becomes of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Act {
    /// Nothing.
    Pass,
    /// That it goes on is said in its incident.
    Tell(Uuid),
    /// An incident is opened for it.
    Open,
    /// An incident is opened for it and those that follow within the hour.
    Gather,
    /// It goes to that one.
    Collect(Uuid),
}

/// Decides on a finding.
pub(super) fn decide(policy: &Policy, found: &Found, went: Option<Went>, hour: Hour) -> Act {
    if !found.open {
        return Act::Pass;
    }
    match went {
        // Twice as many each time: what goes on for long is not said at every turn.
        Some(went) if went.open => match found.count >= went.told.saturating_mul(2) {
            true => return Act::Tell(went.incident),
            false => return Act::Pass,
        },
        Some(went) if found.count <= went.told => return Act::Pass,
        _ => {}
    }
    if !policy.takes(found) {
        return Act::Pass;
    }
    match hour.collecting {
        _ if hour.opened < policy.said.max_per_hour => Act::Open,
        Some(incident) => Act::Collect(incident),
        None => Act::Gather,
    }
}

/// By whom such incidents are opened: the tenant has said so.
pub(super) fn actor() -> Actor {
    Actor {
        subject: "detection policy".to_owned(),
        party: Party::Customer,
    }
}

/// The incident of a finding.
pub(super) fn incident_of(tenant: &TenantId, found: &Found) -> NewIncident {
    let mut text = format!("Opened by the detection policy.\n\n{}", told(tenant, found));
    let about = cut(&found.description, MAX_DESCRIPTION / 2);
    if !about.is_empty() {
        text.push_str(&format!("\nThe rule says: {about}\n"));
    }
    new(line(&found.title), text, severity(found.level))
}

/// The incident of a finding and of those that follow it, since there were too many.
pub(super) fn gathering(tenant: &TenantId, policy: &Policy, found: &Found) -> NewIncident {
    let most = policy.said.max_per_hour;
    let text = format!(
        "The detection policy opens at most {most} incidents in an hour, and has. This finding and those \
         that follow are linked here.\n\n{}",
        told(tenant, found)
    );
    let title = format!("More findings than {most} in an hour");
    new(title, text, severity(found.level))
}

fn new(title: String, description: String, severity: Severity) -> NewIncident {
    NewIncident {
        title,
        description: description.chars().take(MAX_DESCRIPTION).collect(),
        severity,
        tlp: Tlp::Amber,
        exercise: false,
        provider_wide: false,
    }
}

/// What is said when a finding goes on.
pub(super) fn going_on(tenant: &TenantId, found: &Found) -> String {
    format!("The finding goes on.\n\n{}", told(tenant, found))
}

fn told(tenant: &TenantId, found: &Found) -> String {
    let mut text = String::new();
    let mut say = |what: &str, value: &str| {
        let value = line(value);
        if !value.is_empty() {
            text.push_str(&format!("{what}: {value}\n"));
        }
    };
    let name = Name::Finding(tenant.clone(), found.id).to_string();
    let (from, to) = found.times;
    say("Finding", &name);
    say("Title", &found.title);
    say("Level", &format!("{:?}", found.level).to_lowercase());
    say("ATT&CK techniques", &found.techniques.join(", "));
    say("Events", &found.count.to_string());
    say("First", &from.to_string());
    say("Last", &to.to_string());
    say("Actor", &found.actor);
    say("Account", &found.account);
    say("From", &found.source_address);
    say("Operation", &found.operation);
    text
}

/// One line of somebody else's words.
fn line(text: &str) -> String {
    cut(&text.replace(['\n', '\r', '\t'], " "), MAX_TITLE)
}

fn cut(text: &str, most: usize) -> String {
    let kept = text.trim().chars();
    let kept = kept.filter(|c| !c.is_control() || *c == '\n');
    kept.take(most).collect()
}

pub(super) const fn level_code(level: Level) -> i64 {
    match level {
        Level::Informational => 1,
        Level::Low => 2,
        Level::Medium => 3,
        Level::High => 4,
        Level::Critical => 5,
    }
}

pub(super) const fn level_of(code: i64) -> Option<Level> {
    match code {
        1 => Some(Level::Informational),
        2 => Some(Level::Low),
        3 => Some(Level::Medium),
        4 => Some(Level::High),
        5 => Some(Level::Critical),
        _ => None,
    }
}

const fn severity(level: Level) -> Severity {
    match level {
        Level::Critical => Severity::Sev1,
        Level::High => Severity::Sev2,
        Level::Medium => Severity::Sev3,
        Level::Low | Level::Informational => Severity::Sev4,
    }
}
