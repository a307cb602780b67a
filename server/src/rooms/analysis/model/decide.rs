//! What becomes of an analysis.

use cordon_kernel::{Error, Reason, Result};
use cordon_sla::clock::Party as ClockParty;
use jiff::Timestamp;
use uuid::Uuid;

use super::{
    Analysis, Command, Failure, Mark, Message, New, Party, Progress, State, across_tenants, human,
};
use crate::rooms::incidents::{By, CalledOff, Noted, Request};

/// Most messages of one analysis; and how many of them are an analyst's: the last word is the
/// tenant's, and what is an answer goes past a second analyst.
const MOST_MESSAGES: usize = 100;
const MOST_OF_PROVIDER: usize = 20;

/// A decided change.
#[derive(Debug)]
pub(in super::super) struct Change {
    after: Analysis,
    noted: Option<Noted>,
}

impl Change {
    /// The analysis afterwards.
    pub(in super::super) const fn analysis(&self) -> &Analysis {
        &self.after
    }

    /// What both sides are to see of it in the incident; nothing of what only one side does.
    pub(in super::super) const fn noted(&self) -> Option<&Noted> {
        self.noted.as_ref()
    }
}

pub(in super::super) fn create(id: Uuid, new: New, due: Option<Timestamp>, mark: Mark) -> Change {
    let by_people = human(&new.question);
    let noted = Noted {
        by: By::Customer(mark.by.clone()),
        reason: new.purpose.clone(),
        what: Request::Made(new.question.kind().as_str().to_owned()),
    };
    let after = Analysis {
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
    };
    Change {
        after,
        noted: Some(noted),
    }
}

/// The same question again, over the same state of the events.
pub(in super::super) fn again(
    id: Uuid,
    before: &Analysis,
    name: String,
    mark: Mark,
) -> Result<Change> {
    let outcome = match (before.state, &before.outcome) {
        _ if human(&before.question) => {
            return Err(precondition("people gave that answer: ask them again"));
        }
        _ if across_tenants(&before.question) => {
            return Err(precondition(
                "that was answered of what its day had, which is not kept: ask it anew",
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
    let mut change = create(id, new, None, mark);
    change.after.rerun_of = Some(name);
    change.after.compared = compared;
    Ok(change)
}

/// The analysis after what happens.
///
/// # Errors
/// `FAILED_PRECONDITION` when it is not in a state in which that can happen.
pub(in super::super) fn decide(before: Analysis, command: Command, mark: Mark) -> Result<Change> {
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
            moved(&mut after, &mark);
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
            moved(&mut after, &mark);
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
    let noted = noted(&before, &after, &mark);
    after.etag = mark.etag;
    Ok(Change { after, noted })
}

/// What the incident has to know of what became of it.
fn noted(before: &Analysis, after: &Analysis, mark: &Mark) -> Option<Noted> {
    let said = after.messages.get(before.messages.len()..)?.first();
    let failure = after.failure.as_ref().map(|failure| &failure.message);
    let (what, reason) = match after.state {
        State::Released => (Request::Answered, None),
        State::Declined => (Request::CalledOff(CalledOff::Declined), failure),
        State::Failed => (Request::CalledOff(CalledOff::Failed), failure),
        State::Cancelled => (Request::CalledOff(CalledOff::TakenBack), None),
        _ if before.pending == after.pending => return None,
        _ => {
            let to = match after.pending? {
                Party::Customer => ClockParty::Customer,
                Party::Provider => ClockParty::Provider,
            };
            (Request::HandedOver(to), said.map(|said| &said.text))
        }
    };
    let customers = said.is_some_and(|said| said.party == Party::Customer);
    let by = match &mark.by {
        none if none.is_empty() => By::Service,
        who if customers || after.state == State::Cancelled => By::Customer(who.clone()),
        // Which of the analysts is not for the customer to know.
        _ => By::Analyst,
    };
    Some(Noted {
        by,
        reason: reason.cloned().unwrap_or_default(),
        what,
    })
}

/// The analysis without the answer that was kept of it.
pub(in super::super) fn expire(before: Analysis, mark: Mark) -> Change {
    let after = Analysis {
        expired: true,
        updated: mark.now.max(before.updated),
        etag: mark.etag,
        ..before
    };
    Change { after, noted: None }
}

/// The move is the provider's again: the hours in which it was not are added. What was late before
/// stays late.
fn moved(analysis: &mut Analysis, mark: &Mark) {
    let Some(since) = analysis.waiting.take() else {
        return;
    };
    let Some(due) = analysis.due.filter(|due| *due > since) else {
        return;
    };
    let now = mark.now.max(since);
    let later = match &mark.hours {
        Some(hours) => hours.add_open(now, hours.open_between(since, due)).ok(),
        None => now.checked_add(due.duration_since(since)).ok(),
    };
    analysis.due = later.or(analysis.due);
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
pub(in super::super) fn require(analysis: &Analysis, expected: &str) -> Result<()> {
    if expected.is_empty() || expected == analysis.etag {
        return Ok(());
    }
    Err(Error::new(
        Reason::EtagMismatch,
        "the analysis was changed meanwhile: read it again",
    ))
}

#[cfg(test)]
mod tests {
    use cordon_analysis::question::Human;
    use cordon_analysis::{Question, Scope};
    use cordon_sla::calendar::{Calendar, CalendarDraft};
    use serde_json::json;

    use super::*;

    fn mark(now: &str, by: &str) -> Mark {
        Mark {
            now: now.parse().unwrap(),
            by: by.to_owned(),
            etag: String::new(),
            hours: None,
        }
    }

    /// On working days, nine to five.
    fn office() -> Calendar {
        let day = json!([{ "from": "09:00", "to": "17:00" }]);
        let hours = [&day, &day, &day, &day, &day, &json!([]), &json!([])];
        let draft = json!({ "office_hours": {
            "time_zone": "Europe/Berlin", "hours": hours, "holidays": [],
        }});
        let draft: CalendarDraft = serde_json::from_value(draft).unwrap();
        Calendar::new(draft).unwrap()
    }

    /// Asked on a Friday at four, asked back at half past, and replied to on Sunday.
    fn replied(due: &str, hours: Option<Calendar>) -> Option<Timestamp> {
        let new = New {
            question: Question::Human(Human {
                text: "Was it patched?".to_owned(),
            }),
            scope: Scope {
                since: Timestamp::UNIX_EPOCH,
                until: Timestamp::UNIX_EPOCH,
                accounts: Vec::new(),
                resources: Vec::new(),
                source_types: Vec::new(),
            },
            purpose: "why".to_owned(),
            consent: Vec::new(),
            incident: None,
        };
        let due = due.parse().unwrap();
        let asked = create(
            Uuid::nil(),
            new,
            Some(due),
            mark("2026-06-12T14:00:00Z", "ada"),
        );
        let claim = Command::Claim { take_over: false };
        let of = |before: Change, command, mark| decide(before.after, command, mark).unwrap();
        let taken = of(asked, claim, mark("2026-06-12T14:00:00Z", "ines"));
        let back = Command::AskBack("Which?".to_owned());
        let back = of(taken, back, mark("2026-06-12T14:30:00Z", "ines"));
        let later = Mark {
            hours,
            ..mark("2026-06-14T10:00:00Z", "ada")
        };
        let replied = of(back, Command::Reply("That.".to_owned()), later);
        replied.after.due
    }

    #[test]
    fn what_the_customer_takes_is_added_in_the_hours_that_count() {
        let at = |text: &str| Some(text.parse().unwrap());
        let due = "2026-06-12T14:45:00Z";
        assert_eq!(replied(due, Some(office())), at("2026-06-15T07:15:00Z"));
        assert_eq!(replied(due, None), at("2026-06-14T10:15:00Z"));
        let late = "2026-06-12T14:20:00Z";
        assert_eq!(replied(late, Some(office())), at(late), "it stays late");
    }
}
