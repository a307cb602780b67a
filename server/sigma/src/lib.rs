//! From a [Sigma](https://sigmahq.io/docs/) rule to a filter.
//!
//! A rule is a YAML text with one detection rule, or with a correlation and the detection
//! rules that it counts. [`compile`] makes of it what the detection room needs and nothing
//! else: for each detection a text in Cordon's one filter language, the literals of which an
//! event must hold one to match ([`Anchors`]), and what people want to know of the rule.
//! There is no evaluator here: what a rule finds is what a search with its filter finds.
//!
//! The text is parsed by the crate `rsigma-parser`. Fields mean the record as the source
//! wrote it, as they do in published rules: a name with dots is a path into the JSON text, and
//! steps into lists. A path that leads nowhere is null. Values are compared as Sigma says:
//! without regard to case, `*` and `?` as wildcards, any of several values unless `|all`.
//! Text compared with an object or a list is looked for in its JSON text too.

mod anchor;
mod clause;
mod compile;
mod correlation;
mod error;
mod item;
mod pattern;
mod place;
mod rule;
mod source;
#[cfg(test)]
mod tests;
mod window;

pub use anchor::{Anchor, Anchors};
pub use correlation::{Correlation, CorrelationKind};
pub use error::RuleError;
pub use rule::{Level, MAX_BYTES, MAX_DETECTIONS, Rule, Selection, compile};
pub use source::Field;
pub use window::{Hit, MAX_GROUPS, MAX_HITS, Window};
