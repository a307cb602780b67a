//! The report of an incident, as data and as a page.

mod model;
pub(crate) mod page;
mod parts;
mod picture;

pub use self::model::{
    Action, Clock, CloseCode, Comment, Criterion, CustodyStep, Deadline, Evidence, HandOver,
    Happening, IncidentReport, KeyDeletion, Lesson, Person, Phase, PhaseSpan, Responsibility,
    Revision, SignOff, Stretch, Tlp, Work,
};
