//! A case as an incident of elsewhere.

use jiff::Timestamp;

use super::super::document::{Case, Said};
use super::super::words::{code_from, phase_from, severity_from, state_from, tlp_from};
use super::super::{ForeignComment, ForeignIncident};
use super::{Defaults, invalid};
use crate::error::{Error, Result};
use crate::incidents::{Severity, Tlp};
use crate::time::to_proto;

pub(super) fn drill() -> Error {
    invalid("it is a drill, which nobody shall take for the real thing")
}

/// What was signed off there is not said here, and what happened there has no place in the log of
/// what happens here: the times of it are stated, and that is all.
pub(super) fn of_case(case: Case, defaults: Defaults) -> Result<ForeignIncident> {
    if case.exercise {
        return Err(drill());
    }
    let severity = match severity_from(case.severity.as_deref())? {
        Severity::Unspecified => defaults.severity,
        severity => severity,
    };
    let tlp = match tlp_from(case.tlp.as_deref())? {
        Tlp::Unspecified => defaults.tlp,
        tlp => tlp,
    };
    let criteria = case.clean_state_criteria.into_iter();
    Ok(ForeignIncident {
        external_id: case.name,
        title: case.title,
        description: case.description,
        severity: severity.into(),
        phase: phase_from(case.phase.as_deref())?.into(),
        state: state_from(case.state.as_deref())?.into(),
        close_code: code_from(case.close_code.as_deref())?.into(),
        tlp: tlp.into(),
        clean_state_criteria: criteria.map(|criterion| criterion.text).collect(),
        reporter: case
            .opened_by
            .map(|person| person.subject)
            .unwrap_or_default(),
        create_time: case.create_time.map(to_proto),
        acknowledge_time: case.acknowledge_time.map(to_proto),
        update_time: case.update_time.map(to_proto),
        close_time: case.close_time.map(to_proto),
        comments: case.comments.into_iter().map(comment).collect(),
    })
}

/// Of one that was itself brought in: what it was in the beginning.
fn comment(said: Said) -> ForeignComment {
    let (author, time): (String, Option<Timestamp>) = match said.origin {
        Some(origin) => (origin.author, origin.create_time),
        None => (
            said.author.map(|person| person.subject).unwrap_or_default(),
            said.create_time,
        ),
    };
    ForeignComment {
        author,
        create_time: time.map(to_proto),
        text: said.text,
    }
}
