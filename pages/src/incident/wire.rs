//! What the server says, as reports say it. What can't be read is never passed over: a report that
//! leaves it out would be wrong.

use std::fmt;

use cordon_proto::incidents::{self as wire, Actor, SignOff};
use cordon_proto::sla::clock::State as ClockState;
use cordon_sla::clock::{Party, State};
use cordon_sla::objective::Severity;
use jiff::{SignedDuration, Timestamp};

use super::model::{self as page, Person};

/// That something is of a kind that is not known here, or is missing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unreadable(String);

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "there is no {} that can be read", self.0)
    }
}

impl std::error::Error for Unreadable {}

pub(super) type Result<T> = std::result::Result<T, Unreadable>;

pub(super) fn unreadable(what: &str) -> Unreadable {
    Unreadable(what.to_owned())
}

/// A moment of the wire; `None` when it is none.
pub(super) fn read(time: &prost_types::Timestamp) -> Option<Timestamp> {
    if !(0..1_000_000_000).contains(&time.nanos) {
        return None;
    }
    let time = Timestamp::new(time.seconds, 0)
        .ok()?
        .checked_add(SignedDuration::from_nanos(i64::from(time.nanos)));
    time.ok()
}

pub(super) fn moment(at: Option<&prost_types::Timestamp>, what: &str) -> Result<Timestamp> {
    at.and_then(read).ok_or_else(|| unreadable(what))
}

/// The same for what may not have happened.
pub(super) fn moment_if(
    at: Option<&prost_types::Timestamp>,
    what: &str,
) -> Result<Option<Timestamp>> {
    at.map(|at| moment(Some(at), what)).transpose()
}

pub(super) fn span(span: Option<&prost_types::Duration>, what: &str) -> Result<SignedDuration> {
    let span = span.ok_or_else(|| unreadable(what))?;
    let nanos = SignedDuration::from_nanos(i64::from(span.nanos));
    Ok(SignedDuration::from_secs(span.seconds).saturating_add(nanos))
}

pub(super) fn number(number: i64, what: &str) -> Result<u64> {
    u64::try_from(number).map_err(|_| unreadable(what))
}

pub(super) fn person(actor: Option<&Actor>, what: &str) -> Result<Person> {
    let actor = actor.ok_or_else(|| unreadable(what))?;
    Ok(Person {
        name: actor.subject.clone(),
        party: party(actor.party())?,
    })
}

pub(super) fn sign_off(signed: &SignOff) -> Result<page::SignOff> {
    Ok(page::SignOff {
        by: signed.subject.clone(),
        time: moment(signed.time.as_ref(), "time of a sign-off")?,
    })
}

macro_rules! same {
    ($(#[$doc:meta])* $name:ident, $what:literal: $wire:ty => $page:ty { $($word:ident)* }) => {
        $(#[$doc])*
        pub(super) fn $name(word: $wire) -> Result<$page> {
            type Wire = $wire;
            type Page = $page;
            match word {
                $(Wire::$word => Ok(Page::$word),)*
                Wire::Unspecified => Err(unreadable($what)),
            }
        }
    };
}

same!(party, "side": wire::Party => Party { Customer Provider });
same!(severity, "severity": wire::Severity => Severity { Sev1 Sev2 Sev3 Sev4 });
same!(phase, "phase": wire::Phase => page::Phase {
    Preparation Identification Containment Investigation Eradication Recovery FollowUp
});
same!(
    /// A marking that is not known could be a stricter one than any that could be put in its place.
    tlp, "marking": wire::Tlp => page::Tlp { Red AmberStrict Amber Green Clear }
);
same!(code, "reason for closing": wire::CloseCode => page::CloseCode {
    Resolved FalsePositive Duplicate Accepted
});
same!(state, "state of a clock": ClockState => State { Running Paused Met Breached Cancelled });
