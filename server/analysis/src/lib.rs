//! Typed questions of a security team over its own events, each with a plan.
//!
//! A [`Question`] becomes a [`Plan`]: scans of the lake, each a filter in the one filter language
//! with a time range and an order, and an accumulator that takes their rows and makes an
//! [`Answer`]. The lake selects, the accumulators count and connect. Everything here is pure: no
//! I/O, no clock, no randomness. So an answer can be computed again and compared byte for byte
//! (docs/adr/0023).
//!
//! What an accumulator remembers is bounded by constants that its module documents. What did not
//! fit is said in the answer, never left out in silence.

pub mod answer;
pub mod beacons;
pub mod changes;
pub mod compare;
mod flow;
pub mod indicator;
mod json;
pub mod pivot;
pub mod plan;
pub mod question;
pub mod render;
pub mod role_chain;
pub mod row;
pub mod seen;
pub mod sql;
mod subject;
mod tally;
pub mod time;
pub mod timeline;
pub mod volume;

pub use answer::{Answer, Cell, Column, ColumnKind, Cut, Graph, Remark, RemarkReason, Table};
pub use plan::{Accumulate, Order, Plan, PlanError, Scan, method, plan, plan_version};
pub use question::{Invalid, Kind, Question, Scope, Window};
pub use row::Row;

#[cfg(test)]
mod tests;
