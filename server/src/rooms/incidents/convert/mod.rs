//! Between messages and incidents.

mod encode;
mod requests;
mod words;

pub(super) use encode::{comment, entry, incident, queued};
pub(crate) use requests::incident_name;
pub(super) use requests::{
    acknowledge, close, comment_changed, create, hand_over, list, move_to, new_comment, reclassify,
    reopen, set_criteria, sign_off, update,
};
pub(super) use words::{severity, state};
