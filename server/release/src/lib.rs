//! Answers across tenants: what may come out of data that the asker may not see. Pure.
//!
//! Everything else in Cordon shows a tenant what is its own. A *release* is the declared
//! exception: a closed list of questions, each with a closed set of answers, a mechanism that
//! bounds what an answer can tell of any one tenant, and a budget. Why it is built so, and what
//! it still leaks, is in `docs/adr/0024-releases-across-tenants.md`. The list itself is printed in
//! `releases.golden.txt`, reviewed like code, and a test compares the two.
//!
//! A question goes one way, and each step is a type that only the step before can make:
//!
//! 1. [`Indicator`] or [`InstanceDays`]: the question, normalised, so that two spellings are one.
//! 2. [`Eligible`]: it is the asker's to ask, by evidence out of its own events and registrations.
//! 3. [`Paid`]: the budget of the asker's billing organisation had room for it.
//! 4. [`Answer`]: one of a few values. A [`Count`] has no other way out.
//!
//! And data goes the other way. Once a day each tenant makes its [`Contribution`]: keyed tags of
//! what it saw, each at most once in seven days. The provider's table holds of it how many tenants
//! contributed which tag on which day, and no tenant's name.
//!
//! There is no clock here, no randomness and no storage. Noise is a keyed function of question
//! and day: whoever asks, however often, gets the same.

mod answer;
mod budget;
mod contribution;
mod day;
mod declared;
mod eligible;
mod error;
mod indicator;
mod key;
mod maintenance;
mod noise;
mod ranges;
#[cfg(test)]
mod tests;

pub use answer::{Answer, Bucket, Count, IndicatorCount};
pub use budget::{Budget, Charge, DAY_QUESTIONS, MONTH_QUESTIONS, Paid};
pub use contribution::{Collector, Contribution, MAX_TAGS};
pub use day::{CLOSING_HOURS, Day, WINDOW_DAYS, Window};
pub use declared::{Declaration, Release};
pub use eligible::{Eligible, Evidence, Question};
pub use error::Refused;
pub use indicator::Indicator;
pub use key::{DayKey, Fingerprint, MemoryKey, OwnTag, Tag};
pub use maintenance::{
    InstanceDays, LEAD_DAYS, MAX_DAYS, MIN_HOSTS, Maintenance, Ownership, Stay, Work,
};
pub use noise::{advantage_bound, epsilon};
pub use ranges::ProviderRanges;
