//! Rules, by which a tenant's events are looked at as they come in, and what they find.

mod findings;
mod parts;
mod rules;
mod test;
mod watch;

pub use cordon_proto::detection::{
    Finding, FindingGroup, FindingStatus, Level, Origin as RuleOrigin, Rule, RuleHit,
    RuleTestSummary, RuleVersion,
};

pub use self::findings::{FindingFilter, Findings};
pub use self::parts::{NewRule, RuleChanges};
pub use self::rules::Rules;
pub use self::test::{RuleTest, RuleTestStream};
pub use self::watch::FindingWatch;
use crate::client::Call;

/// A change that has no id to be known again by: whether it was done nobody can tell after a lost
/// connection, and doing it twice could undo what somebody else did in between.
const CHANGE: Call = Call {
    enters: true,
    ..Call::ONCE
};
