//! Decisions: an incident and a command make a change, or a refusal that says what to do.

use cordon_kernel::{Error, Reason, Result};
use jiff::Timestamp;
use uuid::Uuid;

use super::phase::{Step, step};
use super::{
    Actor, CloseCode, Criterion, Happened, Incident, Party, Phase, Severity, SignOff, State, Tlp,
    What, Words,
};

/// An incident to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct NewIncident {
    pub(in super::super) title: String,
    pub(in super::super) description: String,
    pub(in super::super) severity: Severity,
    pub(in super::super) tlp: Tlp,
    /// Whether it is a drill.
    pub(in super::super) exercise: bool,
    /// Whether the provider opens it as a part of one of its own.
    pub(in super::super) provider_wide: bool,
}

/// What is to be done with an incident.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) enum Command {
    /// What is `None` stays as it is.
    Update {
        title: Option<String>,
        description: Option<String>,
        tlp: Option<Tlp>,
    },
    Acknowledge,
    Move {
        to: Phase,
        reason: String,
    },
    Reclassify {
        to: Severity,
        reason: String,
    },
    HandOver {
        to: Party,
        reason: String,
    },
    SetCriteria {
        texts: Vec<String>,
    },
    /// Which, by their place; none for all.
    SignOff {
        criteria: Vec<usize>,
    },
    Close {
        code: CloseCode,
        reason: String,
    },
    Reopen {
        reason: String,
    },
}

/// A decided change; only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Change {
    incident: Incident,
    happened: Option<Happened>,
}

impl Change {
    /// That there is an incident now, and why.
    pub(super) fn begun(incident: Incident, happened: Happened) -> Self {
        Self {
            incident,
            happened: Some(happened),
        }
    }

    /// The incident afterwards.
    pub(in super::super) fn incident(&self) -> &Incident {
        &self.incident
    }

    /// What goes into its timeline; nothing when nothing changed.
    pub(in super::super) fn happened(&self) -> Option<&Happened> {
        self.happened.as_ref()
    }
}

/// Opens an incident. The provider has to take note of it: the first move is the provider's,
/// whoever opens it. An exercise begins before anything has happened.
pub(in super::super) fn create(
    new: NewIncident,
    by: &Actor,
    id: Uuid,
    number: i64,
    etag: String,
    now: Timestamp,
) -> Change {
    let phase = match new.exercise {
        true => Phase::Preparation,
        false => Phase::Identification,
    };
    let happened = Happened {
        actor: by.clone(),
        reason: String::new(),
        what: What::Opened {
            severity: new.severity,
            phase,
        },
    };
    Change {
        incident: Incident {
            id,
            number,
            severity: new.severity,
            phase,
            state: State::Open,
            tlp: new.tlp,
            pending: Some(Party::Provider),
            created: now,
            updated: now,
            acknowledged: None,
            closed: None,
            code: None,
            etag,
            exercise: new.exercise,
            words: Words {
                title: new.title,
                description: new.description,
                criteria: Vec::new(),
                opened_by: by.clone(),
                asked: String::new(),
                provider_wide: new.provider_wide,
                origin: None,
            },
        },
        happened: Some(happened),
    }
}

/// Decides on a command; `etag` is the incident's if something changes.
///
/// # Errors
/// `FAILED_PRECONDITION` when the incident is not in a state for it.
pub(in super::super) fn decide(
    before: &Incident,
    command: Command,
    by: &Actor,
    etag: String,
    now: Timestamp,
) -> Result<Change> {
    let mut after = before.clone();
    if before.state == State::Closed && !matches!(command, Command::Reopen { .. }) {
        return no("the incident is closed: open it again first");
    }
    let (what, reason) = match command {
        Command::Update {
            title,
            description,
            tlp,
        } => {
            let looser = tlp.is_some_and(|tlp| tlp > before.tlp);
            if looser && by.party == Party::Provider && !before.words.provider_wide {
                return no(
                    "whose incident it is says how far it may be passed on: ask the customer to \
                     mark it for more readers",
                );
            }
            (update(&mut after, title, description, tlp), String::new())
        }
        Command::Acknowledge => (acknowledge(&mut after, by, now)?, String::new()),
        Command::Move { to, reason } => (shift(&mut after, to, &reason)?, reason),
        Command::Reclassify { to, reason } => (reclassify(&mut after, to), reason),
        Command::HandOver { to, reason } => (hand_over(&mut after, to, by, &reason)?, reason),
        Command::SetCriteria { texts } => (set_criteria(&mut after, texts)?, String::new()),
        Command::SignOff { criteria } => (sign_off(&mut after, criteria, by, now)?, String::new()),
        Command::Close { code, reason } => (close(&mut after, code, &reason, now)?, reason),
        Command::Reopen { reason } => (reopen(&mut after, &reason)?, reason),
    };
    let Some(what) = what else {
        return Ok(Change {
            incident: after,
            happened: None,
        });
    };
    after.updated = now;
    after.etag = etag;
    Ok(Change {
        incident: after,
        happened: Some(Happened {
            actor: by.clone(),
            reason,
            what,
        }),
    })
}

fn no<T>(why: &'static str) -> Result<T> {
    Err(Error::new(Reason::FailedPrecondition, why))
}

fn update(
    incident: &mut Incident,
    title: Option<String>,
    description: Option<String>,
    tlp: Option<Tlp>,
) -> Option<What> {
    let mut fields = Vec::new();
    let mut note = |changed: bool, field: &str| {
        if changed {
            fields.push(field.to_owned());
        }
    };
    if let Some(title) = title {
        note(title != incident.words.title, "title");
        incident.words.title = title;
    }
    if let Some(description) = description {
        note(description != incident.words.description, "description");
        incident.words.description = description;
    }
    if let Some(tlp) = tlp {
        note(tlp != incident.tlp, "tlp");
        incident.tlp = tlp;
    }
    (!fields.is_empty()).then_some(What::Updated { fields })
}

fn acknowledge(incident: &mut Incident, by: &Actor, now: Timestamp) -> Result<Option<What>> {
    if by.party != Party::Provider {
        return no("the provider takes note, not the customer");
    }
    if incident.acknowledged.is_some() {
        return Ok(None);
    }
    incident.acknowledged = Some(now);
    Ok(Some(What::Acknowledged))
}

fn shift(incident: &mut Incident, to: Phase, reason: &str) -> Result<Option<What>> {
    let from = incident.phase;
    if to == from {
        return Ok(None);
    }
    match step(from, to) {
        Step::Barred => {
            return no("this phase does not follow the present one: move to the one between");
        }
        Step::Back if reason.is_empty() => return no("say why the incident goes back"),
        // Recovery has begun, and rests on what was signed.
        Step::Back if to >= Phase::Recovery => {}
        Step::Back => {
            // What was clean is no longer.
            for criterion in &mut incident.words.criteria {
                criterion.customer = None;
                criterion.provider = None;
            }
        }
        Step::Forward if to == Phase::Recovery => {
            let criteria = &incident.words.criteria;
            if criteria.is_empty() {
                return no("agree on clean-state criteria before recovery");
            }
            if !criteria.iter().all(Criterion::is_complete) {
                return no("both sides must sign off the clean-state criteria before recovery");
            }
        }
        Step::Forward => {}
    }
    incident.phase = to;
    Ok(Some(What::Moved { from, to }))
}

fn reclassify(incident: &mut Incident, to: Severity) -> Option<What> {
    let from = std::mem::replace(&mut incident.severity, to);
    (from != to).then_some(What::Reclassified { from, to })
}

fn hand_over(incident: &mut Incident, to: Party, by: &Actor, reason: &str) -> Result<Option<What>> {
    if incident.pending == Some(to) {
        return Ok(None);
    }
    if incident.pending != Some(by.party) {
        return no("only the side whose move it is can hand it over");
    }
    incident.pending = Some(to);
    reason.clone_into(&mut incident.words.asked);
    Ok(Some(What::HandedOver { to }))
}

fn set_criteria(incident: &mut Incident, texts: Vec<String>) -> Result<Option<What>> {
    if incident.phase >= Phase::Recovery {
        return no("recovery has begun: go back to change its criteria");
    }
    let same = incident
        .words
        .criteria
        .iter()
        .map(|criterion| &criterion.text);
    if same.eq(&texts) {
        return Ok(None);
    }
    let count = texts.len();
    incident.words.criteria = texts
        .into_iter()
        .map(|text| Criterion {
            text,
            customer: None,
            provider: None,
        })
        .collect();
    Ok(Some(What::CriteriaSet { count }))
}

fn sign_off(
    incident: &mut Incident,
    places: Vec<usize>,
    by: &Actor,
    now: Timestamp,
) -> Result<Option<What>> {
    let criteria = &mut incident.words.criteria;
    if criteria.is_empty() {
        return no("there are no criteria to sign off");
    }
    let places = match places.as_slice() {
        [] => (0..criteria.len()).collect(),
        _ => places,
    };
    let mut signed = Vec::new();
    for place in places {
        let criterion = criteria
            .get_mut(place)
            .ok_or_else(|| Error::invalid("criteria", "there is no such criterion"))?;
        let slot = match by.party {
            Party::Customer => &mut criterion.customer,
            Party::Provider => &mut criterion.provider,
        };
        if slot.is_none() {
            *slot = Some(SignOff {
                subject: by.subject.clone(),
                time: now,
            });
            signed.push(place);
        }
    }
    if signed.is_empty() {
        return Ok(None);
    }
    Ok(Some(What::SignedOff {
        party: by.party,
        criteria: signed,
        complete: criteria.iter().all(Criterion::is_complete),
    }))
}

fn close(
    incident: &mut Incident,
    code: CloseCode,
    reason: &str,
    now: Timestamp,
) -> Result<Option<What>> {
    if code == CloseCode::Resolved {
        if incident.phase != Phase::FollowUp {
            return no("only what has come to the follow-up is resolved");
        }
    } else if reason.is_empty() {
        return no("say why it is closed");
    }
    incident.state = State::Closed;
    incident.pending = None;
    incident.words.asked.clear();
    incident.closed = Some(now);
    incident.code = Some(code);
    Ok(Some(What::Closed { code }))
}

fn reopen(incident: &mut Incident, reason: &str) -> Result<Option<What>> {
    if incident.state == State::Open {
        return no("the incident is open");
    }
    incident.state = State::Open;
    incident.pending = Some(Party::Provider);
    reason.clone_into(&mut incident.words.asked);
    incident.closed = None;
    incident.code = None;
    Ok(Some(What::Reopened))
}
