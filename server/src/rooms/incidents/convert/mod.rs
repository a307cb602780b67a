//! Between messages and incidents.

mod encode;
mod facts;
mod requests;
mod words;

pub(super) use encode::{actor, comment, entry, incident, queued};
pub(crate) use facts::{reporting_duty, reporting_fact, reporting_fact_from, reporting_stage};
pub(crate) use requests::incident_name;
pub(super) use requests::{
    Listed, MAX_CRITERIA, MAX_CRITERION, MAX_TEXT, MAX_TITLE, acknowledge, all, close,
    comment_changed, create, finished, hand_over, line, list, marking, move_to, needed,
    new_comment, prose, reclassify, reopen, set_criteria, sign_off, timeline_of, update, word,
};
pub(super) use words::{
    code_from, phase, phase_from, severity, severity_from, state, state_from, tlp,
};
