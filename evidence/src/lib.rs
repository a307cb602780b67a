//! What makes a forensic snapshot evidence: digests of each block and of the whole, a tree over
//! the blocks by which a part can be checked alone, a manifest that says what was taken, when,
//! how and by whom, a chain of everything that was done with it since, and the check of what was
//! downloaded. Pure.
//!
//! Nothing here reads a clock, signs anything or knows where bytes are kept. The server makes
//! all of it and signs the manifest; the customer's side checks it with the same code, without
//! asking the server.

pub mod canonical;
pub mod check;
pub mod content;
pub mod custody;
pub mod digest;
pub mod geometry;
pub mod hasher;
pub mod list;
pub mod manifest;
pub mod merkle;
pub mod names;
pub mod problems;
pub mod record;
pub mod spans;
#[cfg(test)]
mod testing;
