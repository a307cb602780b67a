//! The report of an incident, as data and as a page.

mod compose;
mod model;
pub(crate) mod page;
mod parts;
mod picture;
mod wire;
pub mod words;

pub use self::compose::{LESSON, Story, report};

pub use self::model::{
    Action, Clock, CloseCode, Comment, Criterion, CustodyStep, Deadline, Evidence, HandOver,
    Happening, IncidentReport, KeyDeletion, Lesson, Person, Phase, PhaseSpan, Responsibility,
    Revision, SignOff, Stretch, Tlp, Work,
};
pub use self::wire::Unreadable;

/// What a signed statement says that its predicate is an incident's report.
pub const PREDICATE_TYPE: &str = "urn:cordon:incident-report:v1";
