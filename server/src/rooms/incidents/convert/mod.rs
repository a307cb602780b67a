//! Between messages and incidents.

mod encode;
mod facts;
mod requests;
mod words;

pub(super) use encode::{comment, entry, incident, queued};
pub(crate) use facts::{reporting_duty, reporting_fact, reporting_fact_from, reporting_stage};
pub(crate) use requests::incident_name;
pub(super) use requests::{
    acknowledge, close, comment_changed, create, hand_over, list, move_to, new_comment, reclassify,
    reopen, set_criteria, sign_off, update,
};
pub(super) use words::{severity, state};
