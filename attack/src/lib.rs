//! Which data source tells of which attack in a cloud: MITRE ATT&CK 18 as one small table, and
//! what follows from it for the sources that a customer can reach through Cordon. Pure.
//!
//! In ATT&CK 18 the way from a technique to its data is: a *detection strategy* detects the
//! technique, its *analytics* look for it on one platform each, and an analytic names the *data
//! components* that it needs, each with a *log source* (`AWS:CloudTrail`) and a channel, such as
//! the calls to look for (<https://attack.mitre.org/detectionstrategies/>). The data sources of
//! earlier versions are deprecated there and not here at all.
//!
//! - [`Attack`] is the table: tactics, techniques, components.
//! - [`names`] says which of ATT&CK's log sources is which source type of Cordon. [`records`]
//!   says what else each source type records. Both are reviewed by hand.
//! - [`events`] and [`kinds`] lead from an operation or a kind of incident to techniques.
//! - [`Attack::recommend`] ranks sources for a question, and says what none records: gaps are an
//!   answer.
//! - [`SourceType::known`] says what each source's events are, and what it does not tell.
//! - [`Attack::coverage`] sets techniques against sources; [`render`] draws that.
//!
//! What is *covered* here is a pair of a technique and a component. That a source covers it means
//! that it records such data, if it is switched on: CloudTrail has reads of objects only where
//! data events are logged. It doesn't mean that somebody looks, and a pair that one cloud's
//! source covers may still be open in another cloud.

pub mod coverage;
pub mod events;
mod evidence;
pub mod kinds;
pub mod known;
pub mod model;
pub mod names;
pub mod recommend;
pub mod records;
pub mod render;
pub mod source;
mod table;
mod text;

#[cfg(test)]
mod tests;

pub use self::coverage::{Cell, Matrix, Row};
pub use self::events::{Event, event};
pub use self::evidence::Evidence;
pub use self::kinds::IncidentKind;
pub use self::known::{Known, ServiceModel};
pub use self::model::{DataComponent, LogSource, Platform, Reference, Tactic, Technique};
pub use self::recommend::{
    Covered, Gap, Question, QuestionError, RankedSource, Recommendation, Silent,
};
pub use self::source::{Access, Available, SourceType, UnknownWord};
pub use self::table::{Attack, TableError};

/// MITRE's copyright designation. It must stand on every copy of what this crate says out of
/// ATT&CK; the whole terms are in the file `NOTICE` beside this crate.
pub const NOTICE: &str = "© 2025 The MITRE Corporation. This work is reproduced and distributed with the permission of The MITRE Corporation.";
