//! Behaviour baselines that need no knowledge of a customer's systems: what somebody or something
//! does for the first time, more than its hours have, at a steady beat, to too many targets or by
//! a chain of roles that was never gone. Pure: no I/O, no clock, and the same events in the same
//! order give the same anomalies.
//!
//! A [`Model`] is one tenant's key and limits. What it knows is in [`PARTS`] parts, each bounded in
//! bytes: part 0 is what the tenant's subjects have in common, the others hold the subjects, by a
//! keyed hash of their names. [`Model::parts`] says which parts an event touches; [`Baselines`]
//! holds those that are loaded, takes events ([`Baselines::take`]) and says which have changed.
//!
//! A *subject* is a principal (sessions of a role are one), an address that opens connections, or a
//! resource. It is followed from its second day on and judged after a week; before that, what is
//! new to the whole tenant is told of it. Each [`Anomaly`] says what was expected, what was seen,
//! by which history, and how surprising that is in bits. Why these statistics, and what they don't
//! find: docs/adr/0022.

mod anomaly;
mod baselines;
mod beacon;
mod common;
mod connections;
mod explain;
mod key;
mod known;
mod model;
mod observation;
mod packed;
mod principals;
mod robust;
mod room;
mod series;
mod shard;
mod subject;
mod table;
mod taking;

pub use self::anomaly::{
    Anomaly, AnomalyKind, Fact, Level, MOST_EVENTS, Statement, Subject, SubjectKind, Value,
};
pub use self::baselines::{Baselines, MissingParts, Outcome};
pub use self::model::{Limits, Model, PARTS, Part};
pub use self::observation::{Observation, RoleAssumption, Status};
pub use self::series::{Basis, Metric};
pub use self::shard::PartError;
