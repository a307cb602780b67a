//! The room against a kernel in a temporary folder, and its matching by itself.

mod matching;
mod room;
