//! The closed sets of words, both ways.

use cordon_proto::{incidents, sla as wire};
use cordon_sla::clock::{Party, State};
use cordon_sla::duties::{Phase, Responsible};
use cordon_sla::objective::{ObjectiveKind, Severity};

use crate::rooms::words::pairs;

pairs!(Severity as incidents::Severity: Sev1 Sev2 Sev3 Sev4; severity, severity_from);
pairs!(ObjectiveKind as wire::ObjectiveKind:
    Acknowledge FirstUpdate SubsequentUpdate Contain DeliverSnapshot AnswerAnalysis Restore Resolve;
    kind, kind_from);

pairs!(Party as incidents::Party: Provider Customer; party, party_from);
pairs!(Responsible as incidents::Responsible: Customer Provider Shared; responsible, responsible_from);
pairs!(Phase as incidents::Phase:
    Preparation Identification Containment Investigation Eradication Recovery FollowUp;
    phase, phase_from);

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
