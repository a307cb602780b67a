//! The closed sets of words, both ways.

use cordon_proto::{incidents as wire, sla};
use cordon_sla::objective::ObjectiveKind;

use super::super::model::{CalledOff, CloseCode, Party, Phase, Severity, State, Tlp};
use crate::rooms::words::pairs;

pairs!(Severity as wire::Severity: Sev1 Sev2 Sev3 Sev4; severity, severity_from);
pairs!(Phase as wire::Phase:
    Preparation Identification Containment Investigation Eradication Recovery FollowUp;
    phase, phase_from);
pairs!(State as wire::incident::State: Open Closed; state, state_from);
pairs!(Tlp as wire::Tlp: Red AmberStrict Amber Green Clear; tlp, tlp_from);
pairs!(Party as wire::Party: Customer Provider; party, party_from);
pairs!(CloseCode as wire::CloseCode: Resolved FalsePositive Duplicate Accepted; code, code_from);
pairs!(CalledOff as wire::timeline_entry::analysis_called_off::Why: TakenBack Declined Failed;
    called_off, called_off_from);

/// Whose move it is, in a message.
pub(super) fn pending(pending: Option<Party>) -> i32 {
    pending.map_or(wire::Party::Unspecified.into(), party)
}

/// What was promised, in a message.
pub(super) fn objective(kind: ObjectiveKind) -> i32 {
    use sla::ObjectiveKind as Wire;
    let wire = match kind {
        ObjectiveKind::Acknowledge => Wire::Acknowledge,
        ObjectiveKind::FirstUpdate => Wire::FirstUpdate,
        ObjectiveKind::SubsequentUpdate => Wire::SubsequentUpdate,
        ObjectiveKind::Contain => Wire::Contain,
        ObjectiveKind::DeliverSnapshot => Wire::DeliverSnapshot,
        ObjectiveKind::AnswerAnalysis => Wire::AnswerAnalysis,
        ObjectiveKind::Restore => Wire::Restore,
        ObjectiveKind::Resolve => Wire::Resolve,
    };
    wire.into()
}
