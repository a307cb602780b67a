#![allow(clippy::unwrap_used, clippy::indexing_slicing, clippy::panic)]

mod append;
mod audit;
mod deletion;
mod detected;
mod full;
mod jobs;
mod leftovers;
mod named;
mod originals;
mod placements;
mod postgres;
mod registers;
mod releases;
mod rotation;
mod schema;
mod sealed;
mod segments;
mod servers;
mod speed;
mod timers;
mod walls;
