//! The closed sets of words in documents: as the wire names them, without the set's name before
//! each.

use crate::error::{Error, Reason, Result};
use cordon_proto::incidents::timeline_entry::analysis_called_off::Why;

use crate::incidents::{CloseCode, IncidentState, Party, Phase, Severity, Tlp};
use crate::sla::{ObjectiveKind, ReportingDuty, ReportingStage};

macro_rules! words {
    ($($wire:ty: $before:literal, $write:ident $(, $read:ident)?;)*) => {
        $(
            /// `None` for what is unset.
            pub(super) fn $write(word: $wire) -> Option<String> {
                let known = word != <$wire>::Unspecified;
                let word = word.as_str_name();
                known.then(|| word.strip_prefix($before).unwrap_or(word).to_owned())
            }

            $(/// Reads it; what is not there is unset.
            pub(super) fn $read(word: Option<&str>) -> Result<$wire> {
                let Some(word) = word else {
                    return Ok(<$wire>::Unspecified);
                };
                <$wire>::from_str_name(&format!("{}{word}", $before))
                    .filter(|read| *read != <$wire>::Unspecified)
                    .ok_or_else(|| unknown(word))
            })?
        )*
    };
}

words! {
    Severity: "SEVERITY_", severity, severity_from;
    Phase: "PHASE_", phase, phase_from;
    IncidentState: "STATE_", state, state_from;
    Tlp: "TLP_", tlp, tlp_from;
    Party: "PARTY_", party;
    CloseCode: "CLOSE_CODE_", code, code_from;
    ObjectiveKind: "OBJECTIVE_KIND_", objective;
    ReportingDuty: "REPORTING_DUTY_", duty;
    ReportingStage: "REPORTING_STAGE_", stage;
    Why: "WHY_", why;
}

fn unknown(word: &str) -> Error {
    let shown: String = word.chars().take(40).collect();
    Error::new(
        Reason::InvalidDocument,
        format!("`{shown}` is none of the words that are known here"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_read_as_they_are_written() {
        assert_eq!(phase(Phase::FollowUp).as_deref(), Some("FOLLOW_UP"));
        assert_eq!(phase_from(Some("FOLLOW_UP")).unwrap(), Phase::FollowUp);
        assert_eq!(tlp_from(Some("AMBER_STRICT")).unwrap(), Tlp::AmberStrict);
        assert_eq!(severity(Severity::Unspecified), None);
        assert_eq!(code_from(None).unwrap(), CloseCode::Unspecified);
        assert_eq!(party(Party::Customer).as_deref(), Some("CUSTOMER"));
        assert_eq!(state(IncidentState::Closed).as_deref(), Some("CLOSED"));
        for wrong in ["UNSPECIFIED", "sev1", "", "SEV9"] {
            assert!(severity_from(Some(wrong)).is_err(), "{wrong}");
        }
    }
}
