//! What rules and findings have in common on the wire.

use cordon_kernel::{Error, Reason};
use cordon_proto::detection as wire;
use cordon_sigma::{Level, RuleError};

use crate::rooms::words::pairs;

pairs!(Level as wire::Level: Informational Low Medium High Critical; level, level_from);

/// A mistake in a rule's text, with its place.
pub(super) fn refused(error: &RuleError) -> Error {
    Error::new(Reason::InvalidRule, error.to_string())
        .with_violation("rule.text", error.to_string())
        .with_metadata("line", error.line.to_string())
        .with_metadata("column", error.column.to_string())
}
