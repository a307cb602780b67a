//! Why a question was refused. Each refusal is a function of the question, of what is the asker's
//! own, and of what is the same for everyone; none depends on another tenant.

use jiff::Timestamp;

/// A question that gets no answer: what is wrong, and what to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The text is no indicator of a kind that can be asked for, or no id of an instance.
    #[error("{0}")]
    Malformed(&'static str),
    /// The address is nobody's in particular: private, reserved or a carrier's.
    #[error(
        "the address is not a public one, so that it names other machines in other networks: ask \
         for the public address that was translated to it"
    )]
    NotPublic,
    /// The address may be another customer's.
    #[error(
        "the address lies in the provider's own ranges and may be another customer's: ask the \
         provider's analysts instead"
    )]
    ProviderRange,
    /// The asker has not seen the indicator itself, within the window.
    #[error(
        "nothing in your own events of the last seven days names this indicator: only what you have seen \
         yourself can be asked for"
    )]
    NotSeen,
    /// The instance was not the asker's on all days asked for.
    #[error(
        "the instance was not registered for you on all of these days: ask for days on which it was"
    )]
    NotOwned,
    /// The days asked for are too many, in the wrong order, or not over.
    #[error("ask for 1 to 31 whole days, the last of which is over and not before the first")]
    Days,
    /// The billing organisation has asked its share.
    #[error(
        "your organisation has asked its {limit} questions across customers of this {span}; new ones are answered from {until} on, and those already answered today at any time"
    )]
    BudgetSpent {
        /// How many questions the span allows.
        limit: u16,
        /// `day` or `month`.
        span: &'static str,
        /// From when on a new question is taken.
        until: Timestamp,
    },
    /// Counts of some day of the window are not there: not yet made, or their key is gone.
    #[error(
        "the counts of these days are not all there: ask again later; a new installation answers after its first seven whole days"
    )]
    SnapshotIncomplete,
}

impl Refused {
    /// All reasons, in the order of the variants.
    pub const REASONS: [&'static str; 8] = [
        "QUESTION_MALFORMED",
        "INDICATOR_NOT_PUBLIC",
        "INDICATOR_IN_PROVIDER_RANGE",
        "INDICATOR_NOT_SEEN",
        "INSTANCE_NOT_OWNED",
        "DAYS_OUT_OF_RANGE",
        "RELEASE_BUDGET_SPENT",
        "SNAPSHOT_INCOMPLETE",
    ];

    /// The stable, machine-readable reason. Never renamed.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        let [
            malformed,
            public,
            range,
            seen,
            owned,
            days,
            budget,
            snapshot,
        ] = Self::REASONS;
        match self {
            Self::Malformed(_) => malformed,
            Self::NotPublic => public,
            Self::ProviderRange => range,
            Self::NotSeen => seen,
            Self::NotOwned => owned,
            Self::Days => days,
            Self::BudgetSpent { .. } => budget,
            Self::SnapshotIncomplete => snapshot,
        }
    }
}
