//! What is promised for an incident: what has to happen, how soon, and by whose hours.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

/// How grave an incident is, as the provider and the customer agreed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The gravest.
    Sev1,
    /// Grave.
    Sev2,
    /// Moderate.
    Sev3,
    /// The least grave.
    Sev4,
}

impl Severity {
    /// All severities, the gravest first.
    pub const ALL: [Self; 4] = [Self::Sev1, Self::Sev2, Self::Sev3, Self::Sev4];

    /// Whether it is graver than the other.
    pub fn is_graver_than(self, other: Self) -> bool {
        self < other
    }
}

/// What a provider promises to have done in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ObjectiveKind {
    /// To take the incident on: mean time to acknowledge (MTTA) counts this.
    Acknowledge,
    /// To tell the customer something for the first time.
    FirstUpdate,
    /// To tell the customer something again, each time since the last.
    SubsequentUpdate,
    /// To keep the incident from spreading (NIST SP 800-61, containment).
    Contain,
    /// To deliver a snapshot of the evidence that was asked for.
    DeliverSnapshot,
    /// To answer a question about the analysis.
    AnswerAnalysis,
    /// To have the service running again (NIST SP 800-61, recovery): MTTR counts this.
    Restore,
    /// To have the incident done with.
    Resolve,
}

impl ObjectiveKind {
    /// All kinds, in their order.
    pub const ALL: [Self; 8] = [
        Self::Acknowledge,
        Self::FirstUpdate,
        Self::SubsequentUpdate,
        Self::Contain,
        Self::DeliverSnapshot,
        Self::AnswerAnalysis,
        Self::Restore,
        Self::Resolve,
    ];

    /// What it is called, for people.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Acknowledge => "acknowledge",
            Self::FirstUpdate => "first update",
            Self::SubsequentUpdate => "subsequent update",
            Self::Contain => "contain",
            Self::DeliverSnapshot => "deliver snapshot",
            Self::AnswerAnalysis => "answer analysis",
            Self::Restore => "restore",
            Self::Resolve => "resolve",
        }
    }
}

/// A promise: one thing, for one severity, within so much open time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// What has to happen.
    pub kind: ObjectiveKind,
    /// For incidents of which severity.
    pub severity: Severity,
    /// The open time that may pass, above zero. What happens when exactly this much has
    /// passed is in time.
    pub within: SignedDuration,
    /// The name of the agreement's calendar that says which time is open.
    pub calendar: String,
}

/// A part of a whole in hundredths of a percent: 9 950 is 99.5 %.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct BasisPoints(pub u32);

impl BasisPoints {
    /// 100 %.
    pub const WHOLE: Self = Self(10_000);

    /// The part that `part` is of `whole`, rounded down so that nothing short of everything
    /// reads as 100 %; none of nothing.
    pub fn of(part: u64, whole: u64) -> Option<Self> {
        let points = (u128::from(part) * 10_000).checked_div(u128::from(whole))?;
        Some(Self(u32::try_from(points).unwrap_or(u32::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sev1_is_the_gravest() {
        assert!(Severity::Sev1.is_graver_than(Severity::Sev2));
        assert!(!Severity::Sev2.is_graver_than(Severity::Sev2));
        assert!(!Severity::Sev4.is_graver_than(Severity::Sev3));
    }

    #[test]
    fn basis_points_are_rounded_down() {
        assert_eq!(BasisPoints::of(2, 3), Some(BasisPoints(6_666)));
        assert_eq!(BasisPoints::of(99_999, 100_000), Some(BasisPoints(9_999)));
        assert_eq!(BasisPoints::of(7, 7), Some(BasisPoints::WHOLE));
        assert_eq!(BasisPoints::of(0, 0), None);
        assert_eq!(
            BasisPoints::of(u64::MAX, u64::MAX),
            Some(BasisPoints::WHOLE)
        );
    }
}
