//! The closed sets of words about snapshots, as they are typed and as they are shown.

use clap::ValueEnum;
use cordon_client::snapshots::{Consistency, Kind, Mode, State};

use crate::detect::words::Word;
use crate::incidents::words::words;

words! {
    /// How the parts of a snapshot fit together in time.
    ConsistencyArg for Consistency, consistency {
        /// All of one moment: the instance stands still until its memory was read
        Paused = "PAUSED",
        /// All disks of one moment, for which the instance stands still for some milliseconds
        Live = "LIVE",
    }
}

/// How far a snapshot is.
pub(super) fn state(number: i32) -> Word {
    Word::of(number, |state| match state {
        State::Unspecified => "",
        State::Requested => "REQUESTED",
        State::Acquiring => "ACQUIRING",
        State::Complete => "COMPLETE",
        State::Failed => "FAILED",
        State::Cancelled => "CANCELLED",
        State::Deleted => "DELETED",
    })
}

/// How the parts are to fit together.
pub(super) fn fit(number: i32) -> Word {
    Word::of(number, consistency)
}

/// What an item is of.
pub(super) fn kind(number: i32) -> Word {
    Word::of(number, |kind| match kind {
        Kind::Unspecified => "",
        Kind::Disk => "DISK",
        Kind::Memory => "MEMORY",
        Kind::Network => "NETWORK",
    })
}

/// How strong a hold is.
pub(super) fn mode(number: i32) -> Word {
    Word::of(number, |mode| match mode {
        Mode::Unspecified => "",
        Mode::Governance => "GOVERNANCE",
        Mode::Compliance => "COMPLIANCE",
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_typed_and_shown_alike() {
        for arg in ConsistencyArg::value_variants() {
            let typed = arg.to_possible_value().unwrap().get_name().to_owned();
            assert_eq!(typed, fit(Consistency::from(*arg).into()).text());
        }
        assert_eq!(state(3).text(), "complete");
        assert_eq!(state(99).json(), json!(99));
        assert_eq!(kind(2).json(), json!("MEMORY"));
        assert_eq!(mode(2).text(), "compliance");
    }
}
