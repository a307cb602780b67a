//! The closed sets of words of promises, as they are typed and as they are shown.

use clap::ValueEnum;
use cordon_client::{
    ClockState, DayOfWeek, DeadlineState, ObjectiveKind, ReportingDuty, ReportingStage,
};

use crate::incidents::words::words;

words! {
    /// What is to be done in time.
    KindArg for ObjectiveKind, kind {
        /// To take note of an incident
        Acknowledge = "ACKNOWLEDGE",
        /// To tell the customer something for the first time
        FirstUpdate = "FIRST_UPDATE",
        /// To tell something again
        SubsequentUpdate = "SUBSEQUENT_UPDATE",
        /// To keep it from spreading
        Contain = "CONTAIN",
        /// To deliver a snapshot that was asked for
        DeliverSnapshot = "DELIVER_SNAPSHOT",
        /// To answer an analysis
        AnswerAnalysis = "ANSWER_ANALYSIS",
        /// To restore service
        Restore = "RESTORE",
        /// To close it as resolved
        Resolve = "RESOLVE",
    }
}

words! {
    /// Whose duty it is to report, and under which law.
    DutyArg for ReportingDuty, duty {
        /// The customer's as an essential or important entity
        Nis2 = "NIS2",
        /// The customer's as a financial entity
        Dora = "DORA",
        /// The customer's as the controller of personal data
        GdprController = "GDPR_CONTROLLER",
        /// The provider's as the processor, to the controller
        GdprProcessor = "GDPR_PROCESSOR",
    }
}

words! {
    /// What has to be submitted.
    StageArg for ReportingStage, stage {
        /// NIS2
        EarlyWarning = "EARLY_WARNING",
        /// NIS2
        IncidentNotification = "INCIDENT_NOTIFICATION",
        /// DORA
        InitialNotification = "INITIAL_NOTIFICATION",
        /// DORA
        IntermediateReport = "INTERMEDIATE_REPORT",
        /// NIS2 and DORA
        FinalReport = "FINAL_REPORT",
        /// GDPR, to the supervisory authority
        BreachNotification = "BREACH_NOTIFICATION",
        /// GDPR, to the controller
        ControllerNotification = "CONTROLLER_NOTIFICATION",
    }
}

/// How a deadline stands, as JSON has it; empty for what is not known.
pub(super) const fn deadline_state(state: DeadlineState) -> &'static str {
    match state {
        DeadlineState::Waiting => "WAITING",
        DeadlineState::Running => "RUNNING",
        DeadlineState::Met => "MET",
        DeadlineState::Missed => "MISSED",
        DeadlineState::Elapsing => "ELAPSING",
        DeadlineState::Submitted => "SUBMITTED",
        DeadlineState::Unspecified => "",
    }
}

/// How a clock stands, as JSON has it; empty for what is not known.
pub(super) const fn state(state: ClockState) -> &'static str {
    match state {
        ClockState::Running => "RUNNING",
        ClockState::Paused => "PAUSED",
        ClockState::Met => "MET",
        ClockState::Breached => "BREACHED",
        ClockState::Cancelled => "CANCELLED",
        ClockState::Unspecified => "",
    }
}

/// A day of the week, as JSON has it; empty for what is not known.
pub(super) const fn day(day: DayOfWeek) -> &'static str {
    match day {
        DayOfWeek::Monday => "MONDAY",
        DayOfWeek::Tuesday => "TUESDAY",
        DayOfWeek::Wednesday => "WEDNESDAY",
        DayOfWeek::Thursday => "THURSDAY",
        DayOfWeek::Friday => "FRIDAY",
        DayOfWeek::Saturday => "SATURDAY",
        DayOfWeek::Sunday => "SUNDAY",
        DayOfWeek::Unspecified => "",
    }
}

/// The word of a file, in any case and with `_` or `-`; or what there would be.
pub(super) fn read<T: ValueEnum>(text: &str) -> Result<T, String> {
    T::from_str(&text.replace('_', "-"), true).map_err(|_| {
        let words = T::value_variants().iter();
        let words = words.filter_map(|word| word.to_possible_value());
        let words: Vec<_> = words.map(|word| word.get_name().to_owned()).collect();
        format!("`{text}` is none of {}", words.join(", "))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::incidents::words::{SeverityArg, plain};

    #[test]
    fn words_are_read_as_they_are_shown() {
        for arg in KindArg::value_variants() {
            let shown = kind((*arg).into());
            assert_eq!(read::<KindArg>(shown), Ok(*arg));
            assert_eq!(read::<KindArg>(&plain(shown).replace(' ', "-")), Ok(*arg));
        }
        assert_eq!(read("SEV2"), Ok(SeverityArg::Sev2));
        assert_eq!(
            read::<SeverityArg>("sev5"),
            Err("`sev5` is none of sev1, sev2, sev3, sev4".to_owned())
        );
        for (days, number) in (0..=7).zip(0..) {
            assert_eq!(days, number);
            let shown = day(DayOfWeek::try_from(number).unwrap());
            assert_eq!(shown.is_empty(), number == 0);
        }
    }
}
