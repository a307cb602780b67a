//! An answer for people and for their programs.
//!
//! JSON is [`Answer::to_json`](crate::Answer::to_json). Here are tables as CSV, and pages that
//! stand alone: no script, nothing from elsewhere, a policy that allows no more than the page's
//! own style, and whatever came with events as text that can't be anything else.

mod csv;
mod graph;
mod page;
mod text;
mod timeline;

pub use self::csv::csv;
pub use self::page::page;
