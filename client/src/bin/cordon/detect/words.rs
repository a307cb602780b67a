//! The closed sets of words about rules and findings, as they are typed and as they are shown.

use clap::ValueEnum;
use cordon_client::{ExplanationKind, FindingStatus, Level, RuleOrigin};
use serde_json::Value;

use crate::incidents::words::{plain, words};
use crate::show::or_null;

words! {
    /// How bad it is if a rule is right, by Sigma's levels.
    LevelArg for Level, level {
        /// Nothing to act on
        Informational = "INFORMATIONAL",
        /// Worth a look with others
        Low = "LOW",
        /// Worth a look
        Medium = "MEDIUM",
        /// To be looked at soon
        High = "HIGH",
        /// To be acted on at once
        Critical = "CRITICAL",
    }
}

words! {
    /// How it stands with a finding, as OCSF has it.
    StatusArg for FindingStatus, status {
        /// Nobody has looked at it
        New = "NEW",
        /// Somebody looks at it
        InProgress = "IN_PROGRESS",
        /// It was looked at and is harmless, or its rule was muted
        Suppressed = "SUPPRESSED",
        /// It was acted on
        Resolved = "RESOLVED",
    }
}

/// Whose a rule is; empty for what is unset.
const fn origin(word: RuleOrigin) -> &'static str {
    match word {
        RuleOrigin::Own => "OWN",
        RuleOrigin::Provider => "PROVIDER",
        RuleOrigin::Unspecified => "",
    }
}

/// What an explanation is about; empty for what is unset.
const fn explanation(word: ExplanationKind) -> &'static str {
    match word {
        ExplanationKind::CrownJewel => "CROWN_JEWEL",
        ExplanationKind::Asset => "ASSET",
        ExplanationKind::PlannedWork => "PLANNED_WORK",
        ExplanationKind::TrustedNetwork => "TRUSTED_NETWORK",
        ExplanationKind::Unspecified => "",
    }
}

/// A number of the wire: the word for it, or the number itself where a newer server has words that
/// this program does not know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    Known(&'static str),
    Other(i32),
}

impl Word {
    /// By the word that each known number has.
    pub(crate) fn of<T: TryFrom<i32>>(number: i32, word: impl Fn(T) -> &'static str) -> Self {
        T::try_from(number).map_or(Self::Other(number), |known| Self::Known(word(known)))
    }

    /// A level.
    pub(super) fn level(number: i32) -> Self {
        Self::of(number, level)
    }

    /// A finding's status.
    pub(super) fn status(number: i32) -> Self {
        Self::of(number, status)
    }

    /// Whose a rule is.
    pub(super) fn origin(number: i32) -> Self {
        Self::of(number, origin)
    }

    /// What an explanation is about.
    pub(super) fn explanation(number: i32) -> Self {
        Self::of(number, explanation)
    }

    /// As people read it.
    pub(crate) fn text(self) -> String {
        match self {
            Self::Known(word) => plain(word),
            Self::Other(number) => format!("unknown ({number})"),
        }
    }

    /// As JSON has it: what is unset is `null`, and a number without a word is the number, as in
    /// <https://protobuf.dev/programming-guides/json/>.
    pub(crate) fn json(self) -> Value {
        match self {
            Self::Known(word) => or_null(word.to_owned()),
            Self::Other(number) => number.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_typed_and_shown_alike() {
        for arg in LevelArg::value_variants() {
            let typed = arg.to_possible_value().unwrap().get_name().to_owned();
            assert_eq!(typed, plain(level((*arg).into())));
        }
        for arg in StatusArg::value_variants() {
            let typed = arg.to_possible_value().unwrap().get_name().to_owned();
            assert_eq!(typed.replace('-', " "), plain(status((*arg).into())));
        }
    }

    #[test]
    fn a_number_of_a_newer_server_is_shown() {
        assert_eq!(Word::level(4).text(), "high");
        assert_eq!(Word::level(4).json(), json!("HIGH"));
        assert_eq!(Word::status(2).json(), json!("IN_PROGRESS"));
        assert_eq!(Word::origin(1).text(), "own");
        assert_eq!(Word::origin(2).text(), "provider");
        for word in [Word::level(0), Word::status(0), Word::origin(0)] {
            assert_eq!(
                (word.text().as_str(), word.json()),
                ("unknown", Value::Null)
            );
        }
        for word in [Word::level(99), Word::status(99), Word::origin(99)] {
            assert_eq!(word.text(), "unknown (99)");
            assert_eq!(word.json(), json!(99));
        }
        assert_eq!(Word::level(-1).text(), "unknown (-1)");
    }
}
