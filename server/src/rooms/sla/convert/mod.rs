//! Between messages, agreements and clocks.

mod agreement;
mod clock;
mod deadline;
mod duties;
mod words;

pub(super) use agreement::{agreement, checked, create};
pub(super) use clock::{IncidentClocks, ShownClock, clocks, watched};
pub(super) use deadline::deadlines;
