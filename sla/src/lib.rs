//! What was promised about time, and what became of it: calendars, agreements, the clocks
//! of an incident, the deadlines of the law, the attainment over many clocks, and the monthly
//! report that a customer can compute again from its own log. Pure.
//!
//! Nothing here reads a clock or keeps anything. Every figure is a function of an
//! incident's log, of an agreement and of a moment that the caller names.

pub mod agreement;
pub mod attainment;
pub mod calendar;
pub mod clock;
pub mod decided;
pub mod duties;
pub mod objective;
pub mod period;
pub mod problems;
pub mod regulatory;
pub mod report;
pub mod timeline;
