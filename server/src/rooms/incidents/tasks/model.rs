//! Tasks: whose they are, and what may become of them. Pure.

use cordon_kernel::{Error, Reason, Result};
use cordon_sla::clock::Party as Side;
use cordon_sla::duties::{Duty, Phase as DutyPhase, Responsible};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::super::model::{Actor, Happened, Party, Phase, What, uuid_text};

/// Most hand-overs of a task.
const MAX_HAND_OVERS: usize = 100;

/// Whether it is still to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    Open,
    Done,
    Cancelled,
}

impl State {
    /// As it stands in the table.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }
}

/// Something that is to be done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Task {
    #[serde(with = "uuid_text")]
    pub(super) id: Uuid,
    #[serde(with = "uuid_text")]
    pub(super) incident: Uuid,
    /// By which the agreement knows it; empty for what it does not know.
    pub(super) kind: String,
    pub(super) title: String,
    pub(super) description: String,
    /// The phase that it began with.
    pub(super) phase: Option<Phase>,
    /// Whose it is where the agreement does not say: what was said when it was added.
    pub(super) stated: Responsible,
    /// Oldest first.
    pub(super) hand_overs: Vec<HandOver>,
    /// Why it was taken up again, the last time, and when.
    pub(super) reopened: Option<(String, Timestamp)>,
    pub(super) state: State,
    pub(super) created_by: Actor,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) ended: Option<Ending>,
    pub(super) etag: String,
}

/// That a task went to somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HandOver {
    pub(super) to: Responsible,
    pub(super) reason: String,
    pub(super) by: Actor,
    pub(super) time: Timestamp,
}

/// That it was done or dropped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ending {
    pub(super) by: Actor,
    pub(super) time: Timestamp,
    pub(super) outcome: String,
}

/// A task with what the agreement says of it at a moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Seen {
    pub(super) task: Task,
    pub(super) duty: Option<Duty>,
}

/// What is waited for, and from whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    pub(super) from: Responsible,
    pub(super) text: String,
    pub(super) since: Timestamp,
}

impl Seen {
    /// Whose it is: by the last hand-over, else by the agreement, else by what was said.
    pub(super) fn responsible(&self) -> Responsible {
        let handed = self.task.hand_overs.last().map(|last| last.to);
        let agreed = self.duty.as_ref().map(|duty| duty.responsible);
        handed.or(agreed).unwrap_or(self.task.stated)
    }

    /// What is waited for; nothing once it is done or dropped.
    pub(super) fn pending(&self) -> Option<Pending> {
        if self.task.state != State::Open {
            return None;
        }
        let handed = self.task.hand_overs.last();
        let handed = handed.map(|last| (last.reason.as_str(), last.time));
        let again = self.task.reopened.as_ref();
        let again = again.map(|(reason, time)| (reason.as_str(), *time));
        let (text, since) = match (handed, again) {
            (Some(handed), Some(again)) if again.1 > handed.1 => again,
            (Some(handed), _) => handed,
            (None, Some(again)) => again,
            (None, None) => (self.standing(), self.task.created),
        };
        Some(Pending {
            from: self.responsible(),
            text: text.to_owned(),
            since,
        })
    }

    /// What is to be done as long as nobody has said more.
    fn standing(&self) -> &str {
        let asks = self.duty.as_ref().map_or("", |duty| duty.asks.as_str());
        let texts = [&self.task.description, asks, &self.task.title];
        texts
            .into_iter()
            .find(|text| !text.is_empty())
            .unwrap_or("")
    }
}

/// A task to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NewTask {
    pub(super) kind: String,
    pub(super) title: String,
    pub(super) description: String,
    pub(super) responsible: Option<Responsible>,
}

/// What is to be done with a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Command {
    HandOver { to: Responsible, reason: String },
    Complete { outcome: String },
    Cancel { reason: String },
    Reopen { reason: String },
}

/// A decided change; only this module makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Change {
    seen: Seen,
    happened: Option<Happened>,
}

impl Change {
    /// The task afterwards.
    pub(super) fn seen(&self) -> &Seen {
        &self.seen
    }

    /// What goes into the incident's timeline; nothing when nothing changed.
    pub(super) fn happened(&self) -> Option<&Happened> {
        self.happened.as_ref()
    }
}

/// What is new about a task: its id, its mark, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) id: Uuid,
    pub(super) etag: String,
    pub(super) now: Timestamp,
}

/// Adds a task that somebody asks for.
///
/// # Errors
/// `INVALID_ARGUMENT` when it says whose it is against the agreement, or nobody says.
pub(super) fn add(
    incident: Uuid,
    new: NewTask,
    duty: Option<Duty>,
    by: &Actor,
    mark: Mark,
) -> Result<Change> {
    let stated = match (&duty, new.responsible) {
        (None, Some(stated)) => stated,
        (Some(duty), None) => duty.responsible,
        (Some(duty), Some(stated)) if stated == duty.responsible => stated,
        (Some(_), Some(_)) => {
            return Err(Error::invalid(
                "task.responsible",
                "the agreement says whose tasks of this kind are: add it and hand it over",
            ));
        }
        (None, None) => {
            return Err(Error::invalid(
                "task.responsible",
                "the agreement has no task of this kind: say whose it is",
            ));
        }
    };
    Ok(added(incident, new, stated, (duty, None), by, mark))
}

/// Adds a task that begins with a phase.
pub(super) fn begin(incident: Uuid, duty: Duty, phase: Phase, by: &Actor, mark: Mark) -> Change {
    let new = NewTask {
        kind: duty.task.clone(),
        title: String::new(),
        description: String::new(),
        responsible: None,
    };
    let stated = duty.responsible;
    added(incident, new, stated, (Some(duty), Some(phase)), by, mark)
}

fn added(
    incident: Uuid,
    new: NewTask,
    stated: Responsible,
    (duty, phase): (Option<Duty>, Option<Phase>),
    by: &Actor,
    Mark { id, etag, now }: Mark,
) -> Change {
    let title = match new.title.as_str() {
        "" => new.kind.clone(),
        _ => new.title,
    };
    Change {
        happened: Some(Happened {
            actor: by.clone(),
            reason: String::new(),
            what: What::TaskAdded {
                task: id,
                title: title.clone(),
            },
        }),
        seen: Seen {
            task: Task {
                id,
                incident,
                kind: new.kind,
                title,
                description: new.description,
                phase,
                stated,
                hand_overs: Vec::new(),
                reopened: None,
                state: State::Open,
                created_by: by.clone(),
                created: now,
                updated: now,
                ended: None,
                etag,
            },
            duty,
        },
    }
}

/// The same phase in the agreement's words.
pub(super) const fn of_agreement(phase: Phase) -> DutyPhase {
    match phase {
        Phase::Preparation => DutyPhase::Preparation,
        Phase::Identification => DutyPhase::Identification,
        Phase::Containment => DutyPhase::Containment,
        Phase::Investigation => DutyPhase::Investigation,
        Phase::Eradication => DutyPhase::Eradication,
        Phase::Recovery => DutyPhase::Recovery,
        Phase::FollowUp => DutyPhase::FollowUp,
    }
}

/// The same side in the agreement's words.
pub(super) const fn side(party: Party) -> Side {
    match party {
        Party::Customer => Side::Customer,
        Party::Provider => Side::Provider,
    }
}

/// Decides on a command; `mark` is the task's if something changes.
///
/// # Errors
/// `FAILED_PRECONDITION` when the task is not the caller's, or not in a state for it.
pub(super) fn decide(before: &Seen, command: Command, by: &Actor, mark: Mark) -> Result<Change> {
    let mut after = before.clone();
    let holds = before.responsible().includes(side(by.party));
    let (open, task) = (before.task.state == State::Open, before.task.id);
    let title = before.task.title.clone();
    let end = |outcome: &str| Ending {
        by: by.clone(),
        time: mark.now,
        outcome: outcome.to_owned(),
    };
    let (what, reason) = match command {
        Command::HandOver { .. } | Command::Complete { .. } | Command::Cancel { .. } if !open => {
            return no("the task is done or dropped: take it up again first");
        }
        Command::HandOver { .. } if !holds => {
            return no("only a side that has the task can hand it over");
        }
        Command::Complete { .. } if !holds => {
            return no("only a side that has the task can say that it is done");
        }
        Command::Cancel { .. } if !holds && before.task.created_by.party != by.party => {
            return no("only a side that has the task, or has added it, can drop it");
        }
        Command::Reopen { .. } if open => return no("the task is open"),
        Command::HandOver { to, .. } if to == before.responsible() => {
            return Ok(Change {
                seen: after,
                happened: None,
            });
        }
        Command::HandOver { to, reason } => {
            if before.task.hand_overs.len() >= MAX_HAND_OVERS {
                return no("the task was handed over too often: add another one");
            }
            after.task.hand_overs.push(HandOver {
                to,
                reason: reason.clone(),
                by: by.clone(),
                time: mark.now,
            });
            (What::TaskHandedOver { task, title, to }, reason)
        }
        Command::Complete { outcome } => {
            after.task.state = State::Done;
            after.task.ended = Some(end(&outcome));
            (What::TaskDone { task, title }, outcome)
        }
        Command::Cancel { reason } => {
            after.task.state = State::Cancelled;
            after.task.ended = Some(end(&reason));
            (What::TaskCancelled { task, title }, reason)
        }
        Command::Reopen { reason } => {
            after.task.state = State::Open;
            after.task.ended = None;
            after.task.reopened = Some((reason.clone(), mark.now));
            (What::TaskReopened { task, title }, reason)
        }
    };
    after.task.updated = mark.now;
    after.task.etag = mark.etag;
    Ok(Change {
        seen: after,
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
