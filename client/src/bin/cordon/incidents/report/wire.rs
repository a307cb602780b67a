//! What the server says, as reports say it. What can't be read is never passed over: a report that
//! leaves it out would be wrong.

use cordon_client::time::from_proto;
use cordon_client::{Actor, ClockState, SignOff};
use cordon_pages::incident::{self as page, Person};
use cordon_sla::clock::{Party, State};
use cordon_sla::objective::Severity;
use jiff::{SignedDuration, Timestamp};

use crate::failure::Failure;

type Result<T> = std::result::Result<T, Failure>;

/// That something is of a kind that this program does not know, or is missing.
pub(super) fn unreadable(what: &str) -> Failure {
    Failure::local(format!(
        "the server says no {what} that this program can read: use a newer one. Nothing was written"
    ))
}

pub(super) fn moment(at: Option<&prost_types::Timestamp>, what: &str) -> Result<Timestamp> {
    at.and_then(from_proto).ok_or_else(|| unreadable(what))
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

same!(party, "side": cordon_client::Party => Party { Customer Provider });
same!(severity, "severity": cordon_client::Severity => Severity { Sev1 Sev2 Sev3 Sev4 });
same!(phase, "phase": cordon_client::Phase => page::Phase {
    Preparation Identification Containment Investigation Eradication Recovery FollowUp
});
same!(
    /// A marking that is not known could be a stricter one than any that could be put in its place.
    tlp, "marking": cordon_client::Tlp => page::Tlp { Red AmberStrict Amber Green Clear }
);
same!(code, "reason for closing": cordon_client::CloseCode => page::CloseCode {
    Resolved FalsePositive Duplicate Accepted
});
same!(state, "state of a clock": ClockState => State { Running Paused Met Breached Cancelled });
