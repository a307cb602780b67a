//! What people read and print: the monthly report on promises, the same over all tenants, and
//! the report of an incident. Pure.
//!
//! A page is one HTML document that needs nothing else: no script, no font, no request to
//! anywhere, and a policy in it that forbids the browser all of these. Charts are inline SVG,
//! each with a text that says the same and a table beside it. All text that came from people is
//! escaped, and its control characters are shown.

mod amounts;
mod chart;
pub mod incident;
#[cfg(feature = "parquet")]
pub mod parquet;
mod shell;
mod sla;
pub mod tables;
mod text;

#[cfg(test)]
mod tests;

pub use self::incident::page::{Signed, carried_envelope, incident_report};
pub use self::sla::overview::sla_overview;
pub use self::sla::report::sla_report;
