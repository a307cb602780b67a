//! The closed sets of words about analyses, as they are typed and as they are shown.

use clap::ValueEnum;
use cordon_client::analysis::{DataKind, Direction, Party, Same, State};

use crate::detect::words::Word;
use crate::incidents::words::words;

words! {
    /// What may be read for an answer.
    DataArg for DataKind, data {
        /// The tenant's own view of its events
        Events = "EVENTS",
        /// Its incidents, with what was said in them
        Incidents = "INCIDENTS",
        /// What the provider records of the machines and services under the tenant's
        ProviderRecords = "PROVIDER_RECORDS",
    }
}

/// What two events can have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum SameArg {
    /// Who did it
    Actor,
    /// The account in which it happened
    Account,
    /// Source or destination address
    Address,
    /// Something that it was done to
    Resources,
}

impl From<SameArg> for Same {
    fn from(same: SameArg) -> Self {
        match same {
            SameArg::Actor => Self::Actor,
            SameArg::Account => Self::Account,
            SameArg::Address => Self::Address,
            SameArg::Resources => Self::Resources,
        }
    }
}

/// Which way a chain of roles is followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum DirectionArg {
    /// Whom the start became
    Forward,
    /// Who became the start
    Backward,
}

impl From<DirectionArg> for Direction {
    fn from(direction: DirectionArg) -> Self {
        match direction {
            DirectionArg::Forward => Self::Forward,
            DirectionArg::Backward => Self::Backward,
        }
    }
}

/// How far an analysis is.
pub(super) fn state(number: i32) -> Word {
    Word::of(number, |state| match state {
        State::Unspecified => "",
        State::Submitted => "SUBMITTED",
        State::Accepted => "ACCEPTED",
        State::Running => "RUNNING",
        State::Review => "REVIEW",
        State::Released => "RELEASED",
        State::Declined => "DECLINED",
        State::Cancelled => "CANCELLED",
        State::Failed => "FAILED",
    })
}

/// A side.
pub(super) fn party(number: i32) -> Word {
    Word::of(number, |party| match party {
        Party::Unspecified => "",
        Party::Customer => "CUSTOMER",
        Party::Provider => "PROVIDER",
    })
}

/// A side as people read it; nothing where there is none.
pub(super) fn party_or_none(number: i32) -> String {
    match number {
        0 => String::new(),
        number => party(number).text(),
    }
}

/// What may be read.
pub(super) fn consent(number: i32) -> Word {
    Word::of(number, data)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_typed_and_shown_alike() {
        for arg in DataArg::value_variants() {
            let typed = arg.to_possible_value().unwrap().get_name().to_owned();
            let kind = DataKind::from(*arg);
            assert_eq!(typed.replace('-', " "), consent(kind.into()).text());
        }
        assert_eq!(state(5).text(), "released");
        assert_eq!(state(99).json(), json!(99));
        assert_eq!(party_or_none(0), "");
        assert_eq!(party_or_none(1), "customer");
        assert_eq!(party(2).json(), json!("PROVIDER"));
    }
}
