//! Answers across tenants (docs/adr/0024): what a tenant's events name that may be counted, its
//! contribution to the counts of a day, and the question how many have seen something. Counts and
//! budgets are the kernel's; from here goes in what is the tenant's own, and comes out an answer.

mod contribute;
mod sightings;

pub(crate) use contribute::contribute;
pub(super) use sightings::{Reader, columns};
