//! The closed sets of words, both ways.

use cordon_proto::{incidents, sla as wire};
use cordon_sla::clock::{Party, State};
use cordon_sla::objective::{ObjectiveKind, Severity};

macro_rules! pairs {
    ($name:ident as $wire:path: $($word:ident)+; $to:ident, $from:ident) => {
        pub(super) fn $to(word: $name) -> i32 {
            use $wire as Wire;
            let wire = match word { $($name::$word => Wire::$word,)+ };
            wire.into()
        }

        /// `None` for what is unset or unknown.
        pub(super) fn $from(number: i32) -> Option<$name> {
            use $wire as Wire;
            match Wire::try_from(number).ok()? {
                $(Wire::$word => Some($name::$word),)+
                Wire::Unspecified => None,
            }
        }
    };
}

pairs!(Severity as incidents::Severity: Sev1 Sev2 Sev3 Sev4; severity, severity_from);
pairs!(ObjectiveKind as wire::ObjectiveKind:
    Acknowledge FirstUpdate SubsequentUpdate Contain DeliverSnapshot AnswerAnalysis Restore Resolve;
    kind, kind_from);

pub(super) fn party(party: Party) -> i32 {
    let wire = match party {
        Party::Provider => incidents::Party::Provider,
        Party::Customer => incidents::Party::Customer,
    };
    wire.into()
}

pub(super) fn state(state: State) -> i32 {
    use wire::clock::State as Wire;
    let wire = match state {
        State::Running => Wire::Running,
        State::Paused => Wire::Paused,
        State::Met => Wire::Met,
        State::Breached => Wire::Breached,
        State::Cancelled => Wire::Cancelled,
    };
    wire.into()
}
