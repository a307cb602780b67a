//! What an analysis is and how it goes on. Pure.

use cordon_analysis::{Question, Scope};
use cordon_kernel::{Error, Reason, Result};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::rooms::uuid_text;

/// Most messages of one analysis; and how many of them are an analyst's: the last word is the
/// tenant's, and what is an answer goes past a second analyst.
const MOST_MESSAGES: usize = 100;
const MOST_OF_PROVIDER: usize = 20;

/// How far an analysis is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum State {
    Submitted,
    Accepted,
    Running,
    Review,
    Released,
    Declined,
    Cancelled,
    Failed,
}

impl State {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Accepted => "accepted",
            Self::Running => "running",
            Self::Review => "review",
            Self::Released => "released",
            Self::Declined => "declined",
            Self::Cancelled => "cancelled",
            Self::Failed => "failed",
        }
    }

    pub(super) fn of(word: &str) -> Option<Self> {
        [
            Self::Submitted,
            Self::Accepted,
            Self::Running,
            Self::Review,
            Self::Released,
            Self::Declined,
            Self::Cancelled,
            Self::Failed,
        ]
        .into_iter()
        .find(|state| state.as_str() == word)
    }

    /// Whether nothing more will happen.
    pub(super) const fn ended(self) -> bool {
        matches!(
            self,
            Self::Released | Self::Declined | Self::Cancelled | Self::Failed
        )
    }
}

/// A side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Party {
    Customer,
    Provider,
}

/// What may be read for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum DataKind {
    Events,
    Incidents,
    ProviderRecords,
}

/// Whether people answer it.
pub(super) const fn human(question: &Question) -> bool {
    matches!(question, Question::Human(_))
}

/// Something that a side said.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Message {
    pub(super) party: Party,
    pub(super) author: String,
    pub(super) text: String,
    pub(super) time: Timestamp,
}

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    pub(super) reason: String,
    pub(super) message: String,
}

/// How far the work is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Progress {
    pub(super) scanned: u64,
    pub(super) round: u32,
}

/// A table of an answer, without its rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct TableOf {
    pub(super) name: String,
    pub(super) title: String,
    pub(super) rows: u64,
    pub(super) left_out: u64,
}

/// What is known of an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Outcome {
    pub(super) method: String,
    pub(super) plan_version: u32,
    /// Of the answer's JSON, in hexadecimal digits.
    pub(super) sha256: String,
    /// Length of that JSON.
    pub(super) size: u64,
    pub(super) head: u64,
    pub(super) scanned: u64,
    pub(super) tables: Vec<TableOf>,
    pub(super) graph: bool,
    pub(super) timeline: bool,
    /// Of one that was computed again: whether it is the same.
    pub(super) identical: Option<bool>,
}

/// An analysis as it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Analysis {
    #[serde(with = "uuid_text")]
    pub(super) id: Uuid,
    pub(super) question: Question,
    pub(super) scope: Scope,
    pub(super) purpose: String,
    pub(super) consent: Vec<DataKind>,
    pub(super) incident: Option<String>,
    pub(super) rerun_of: Option<String>,
    /// Of one that is computed again: the answer that it is compared with, and up to where it looked.
    pub(super) compared: Option<(String, u64)>,
    pub(super) state: State,
    pub(super) pending: Option<Party>,
    pub(super) due: Option<Timestamp>,
    /// Since when the tenant has had the move.
    pub(super) waiting: Option<Timestamp>,
    pub(super) failure: Option<Failure>,
    pub(super) progress: Progress,
    /// Who of the provider works on it.
    pub(super) claimed_by: Option<String>,
    /// Who handed the answer in.
    pub(super) submitted_by: Option<String>,
    /// Why a second analyst gave the answer back: between analysts.
    pub(super) returned: Option<String>,
    pub(super) outcome: Option<Outcome>,
    pub(super) released_by: Option<String>,
    pub(super) released: Option<Timestamp>,
    /// The answer is not kept any more.
    pub(super) expired: bool,
    pub(super) messages: Vec<Message>,
    pub(super) created: Timestamp,
    pub(super) updated: Timestamp,
    pub(super) etag: String,
    pub(super) by: String,
}

/// What a question begins with.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct New {
    pub(super) question: Question,
    pub(super) scope: Scope,
    pub(super) purpose: String,
    pub(super) consent: Vec<DataKind>,
    pub(super) incident: Option<String>,
}

/// When, by whom, and what it is called afterwards.
#[derive(Debug, Clone)]
pub(super) struct Mark {
    pub(super) now: Timestamp,
    pub(super) by: String,
    pub(super) etag: String,
}

/// What happens to an analysis.
#[derive(Debug)]
pub(super) enum Command {
    /// The server begins, or goes on after another has ended in the midst.
    Begin,
    /// The work has come so far.
    Advance(Progress),
    /// The server has an answer.
    Answer(Outcome),
    /// There is none.
    Fail(Failure),
    /// The tenant calls it off.
    Cancel,
    /// An analyst takes it on; with `take_over` from a colleague who can't go on.
    Claim { take_over: bool },
    /// The analyst asks the tenant something.
    AskBack(String),
    /// The tenant says something.
    Reply(String),
    /// The provider does not answer.
    Decline(String),
    /// The analyst hands an answer in.
    Submit(Outcome),
    /// A second analyst gives it back.
    Return(String),
    /// A second analyst releases it, as it was signed with that.
    Release(Outcome),
}

/// A decided change.
#[derive(Debug)]
pub(super) struct Change(Analysis);

impl Change {
    /// The analysis afterwards.
    pub(super) const fn analysis(&self) -> &Analysis {
        &self.0
    }
}

pub(super) fn create(id: Uuid, new: New, due: Option<Timestamp>, mark: Mark) -> Change {
    let by_people = human(&new.question);
    Change(Analysis {
        id,
        question: new.question,
        scope: new.scope,
        purpose: new.purpose,
        consent: new.consent,
        incident: new.incident,
        rerun_of: None,
        compared: None,
        // What the server can answer it has taken on with that.
        state: if by_people {
            State::Submitted
        } else {
            State::Accepted
        },
        pending: Some(Party::Provider),
        due,
        waiting: None,
        failure: None,
        progress: Progress::default(),
        claimed_by: None,
        submitted_by: None,
        returned: None,
        outcome: None,
        released_by: None,
        released: None,
        expired: false,
        messages: Vec::new(),
        created: mark.now,
        updated: mark.now,
        etag: mark.etag,
        by: mark.by,
    })
}

/// The same question again, over the same state of the events.
pub(super) fn again(id: Uuid, before: &Analysis, name: String, mark: Mark) -> Result<Change> {
    let outcome = match (before.state, &before.outcome) {
        _ if human(&before.question) => {
            return Err(precondition("people gave that answer: ask them again"));
        }
        _ if matches!(before.question, Question::SeenByOthers(_)) => {
            return Err(precondition(
                "that was answered of the counts of its day, which are not kept: ask it anew",
            ));
        }
        (State::Released, Some(outcome)) => outcome,
        _ => {
            return Err(precondition(
                "there is no answer yet that could be compared",
            ));
        }
    };
    let compared = Some((outcome.sha256.clone(), outcome.head));
    let new = New {
        question: before.question.clone(),
        scope: before.scope.clone(),
        purpose: before.purpose.clone(),
        consent: before.consent.clone(),
        incident: before.incident.clone(),
    };
    let Change(analysis) = create(id, new, None, mark);
    Ok(Change(Analysis {
        rerun_of: Some(name),
        compared,
        ..analysis
    }))
}

/// The analysis after what happens.
///
/// # Errors
/// `FAILED_PRECONDITION` when it is not in a state in which that can happen.
pub(super) fn decide(before: Analysis, command: Command, mark: Mark) -> Result<Change> {
    use Command as C;
    use State as S;
    let human = human(&before.question);
    let mut after = before.clone();
    match (command, before.state) {
        (C::Begin, S::Accepted | S::Running) if !human => after.state = S::Running,
        (C::Advance(progress), S::Running) => after.progress = progress,
        (C::Answer(outcome), S::Running) if !human => {
            after.state = S::Released;
            after.progress.scanned = outcome.scanned;
            after.outcome = Some(outcome);
            after.released = Some(mark.now);
        }
        (C::Fail(failure), S::Accepted | S::Running) if !human => {
            after.state = S::Failed;
            after.failure = Some(failure);
        }
        (C::Cancel, state) if !state.ended() => after.state = S::Cancelled,
        (C::Claim { .. }, S::Submitted) | (C::Claim { take_over: true }, S::Running) if human => {
            after.state = S::Running;
            after.claimed_by = Some(mark.by.clone());
        }
        (C::AskBack(text), S::Running) if human && before.pending == Some(Party::Provider) => {
            working(&before, &mark)?;
            say(&mut after, Party::Provider, &mark, text)?;
            after.pending = Some(Party::Customer);
            after.waiting = Some(mark.now);
        }
        (C::Reply(text), state) if human && !state.ended() => {
            say(&mut after, Party::Customer, &mark, text)?;
            after.pending = Some(Party::Provider);
            moved(&mut after, mark.now);
        }
        (C::Decline(text), S::Submitted | S::Running | S::Review) if human => {
            match before.state {
                S::Running => working(&before, &mark)?,
                S::Review => second(&before, &mark)?,
                _ => {}
            }
            after.state = S::Declined;
            after.failure = Some(Failure {
                reason: "DECLINED".to_owned(),
                message: text,
            });
        }
        (C::Submit(outcome), S::Running) if human => {
            working(&before, &mark)?;
            moved(&mut after, mark.now);
            after.expired = false;
            after.state = S::Review;
            after.pending = Some(Party::Provider);
            after.submitted_by = Some(mark.by.clone());
            after.outcome = Some(outcome);
        }
        (C::Return(text), S::Review) => {
            second(&before, &mark)?;
            after.returned = Some(text);
            after.state = S::Running;
            after.outcome = None;
        }
        (C::Release(outcome), S::Review) => {
            second(&before, &mark)?;
            after.outcome = Some(outcome);
            after.state = S::Released;
            after.released_by = Some(mark.by.clone());
            after.released = Some(mark.now);
        }
        (_, state) => {
            return Err(precondition(format!(
                "the analysis is {}: that is not possible now",
                state.as_str()
            )));
        }
    }
    if after.state.ended() {
        after.pending = None;
        after.waiting = None;
    }
    // On whichever server's clock: not before its last change.
    after.updated = mark.now.max(before.updated);
    after.etag = mark.etag;
    Ok(Change(after))
}

/// The analysis without the answer that was kept of it.
pub(super) fn expire(before: Analysis, mark: Mark) -> Change {
    Change(Analysis {
        expired: true,
        updated: mark.now.max(before.updated),
        etag: mark.etag,
        ..before
    })
}

/// The move is the provider's again: the time in which it was not is added.
fn moved(analysis: &mut Analysis, now: Timestamp) {
    if let Some(since) = analysis.waiting.take() {
        let waited = now.duration_since(since).max(SignedDuration::ZERO);
        analysis.due = analysis.due.and_then(|due| due.checked_add(waited).ok());
    }
}

/// Who works on it does with it what is to be done.
fn working(analysis: &Analysis, mark: &Mark) -> Result<()> {
    if analysis.claimed_by.as_deref() != Some(mark.by.as_str()) {
        return Err(precondition(
            "another analyst has taken it on: who works on it answers, or you take it over",
        ));
    }
    Ok(())
}

/// Who wrote an answer does not judge it.
fn second(analysis: &Analysis, mark: &Mark) -> Result<()> {
    if analysis.submitted_by.as_deref() == Some(mark.by.as_str()) {
        return Err(precondition(
            "who has handed an answer in does not release it: a second analyst reads it",
        ));
    }
    Ok(())
}

fn say(analysis: &mut Analysis, party: Party, mark: &Mark, text: String) -> Result<()> {
    let said = analysis.messages.iter();
    let provider = said.filter(|one| one.party == Party::Provider).count();
    if party == Party::Provider && provider >= MOST_OF_PROVIDER {
        return Err(Error::new(
            Reason::QuotaExceeded,
            "analysts have at most 20 messages to an analysis: hand an answer in, or decline",
        ));
    }
    if analysis.messages.len() >= MOST_MESSAGES {
        return Err(Error::new(
            Reason::QuotaExceeded,
            "an analysis has at most 100 messages: ask a new question",
        ));
    }
    analysis.messages.push(Message {
        party,
        author: mark.by.clone(),
        text,
        time: mark.now,
    });
    Ok(())
}

fn precondition(text: impl Into<String>) -> Error {
    Error::new(Reason::FailedPrecondition, text.into())
}

/// # Errors
/// `ETAG_MISMATCH` when the analysis is not what the caller has read.
pub(super) fn require(analysis: &Analysis, expected: &str) -> Result<()> {
    if expected.is_empty() || expected == analysis.etag {
        return Ok(());
    }
    Err(Error::new(
        Reason::EtagMismatch,
        "the analysis was changed meanwhile: read it again",
    ))
}
