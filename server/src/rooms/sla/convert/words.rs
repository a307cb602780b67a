//! The closed sets of words, both ways.

use cordon_proto::{incidents, sla as wire};
use cordon_sla::clock::{Party, State};
use cordon_sla::objective::{ObjectiveKind, Severity};

use crate::rooms::words::pairs;

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
