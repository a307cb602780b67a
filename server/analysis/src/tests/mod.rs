//! Tests of the whole: a question over rows that attribution made, selected by the filters that
//! the plan has.

mod bounds;
mod chains;
mod filter;
mod kinds;
mod published;
mod world;

pub(crate) use world::{Event, World, scope};
