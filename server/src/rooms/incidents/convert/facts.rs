//! What deadlines of the law run from, both ways.

use cordon_kernel::db::timestamp;
use cordon_proto::sla as wire;
use cordon_sla::regulatory::{Duty, Fact, Report, Submission};
use jiff::Timestamp;
use wire::reporting_fact::{self as kinds, Fact as WireFact};

use crate::rooms::fields::{Fields, wire_time};
use crate::rooms::words::pairs;

pairs!(Duty as wire::ReportingDuty: Nis2 Dora GdprController GdprProcessor; duty, duty_from);
pairs!(Report as wire::ReportingStage:
    EarlyWarning IncidentNotification InitialNotification IntermediateReport FinalReport
    BreachNotification ControllerNotification; stage, stage_from);

/// Whose duty it is, in a message.
pub(crate) fn reporting_duty(word: Duty) -> i32 {
    duty(word)
}

/// What has to be submitted, in a message.
pub(crate) fn reporting_stage(word: Report) -> i32 {
    stage(word)
}

pub(crate) fn reporting_fact(fact: Fact) -> wire::ReportingFact {
    let fact = match fact {
        Fact::Duties(duties) => WireFact::Duties(kinds::Duties {
            duties: duties.into_iter().map(duty).collect(),
        }),
        Fact::Aware(at) => WireFact::AwarenessTime(wire_time(at)),
        Fact::Classified(at) => WireFact::ClassificationTime(wire_time(at)),
        Fact::Submitted(submission) => WireFact::Submission(kinds::Submission {
            duty: duty(submission.duty),
            stage: stage(submission.report),
            time: Some(wire_time(submission.at)),
        }),
    };
    wire::ReportingFact { fact: Some(fact) }
}

/// What a request states. Nothing is stated that is still to come.
pub(crate) fn reporting_fact_from(
    fields: &mut Fields,
    fact: Option<wire::ReportingFact>,
    now: Timestamp,
) -> Option<Fact> {
    let Some(fact) = fact.and_then(|fact| fact.fact) else {
        fields.wrong("fact", "say what is stated");
        return None;
    };
    let mut past = |field: &str, time: Option<prost_types::Timestamp>| {
        let Some(time) = fields.time(field, time)? else {
            fields.wrong(field, "say when it was");
            return None;
        };
        let time = timestamp(time);
        if time > now {
            fields.wrong(field, "expected a time that is past");
            return None;
        }
        Some(time)
    };
    match fact {
        WireFact::AwarenessTime(time) => past("fact.awareness_time", Some(time)).map(Fact::Aware),
        WireFact::ClassificationTime(time) => {
            past("fact.classification_time", Some(time)).map(Fact::Classified)
        }
        WireFact::Duties(duties) => {
            let mut known: Vec<Duty> = Vec::new();
            for (at, number) in duties.duties.into_iter().enumerate() {
                match duty_from(number) {
                    Some(duty) if !known.contains(&duty) => known.push(duty),
                    Some(_) => {}
                    None => {
                        fields.wrong(format!("fact.duties.duties[{at}]"), "expected a duty");
                        return None;
                    }
                }
            }
            Some(Fact::Duties(known))
        }
        WireFact::Submission(submission) => {
            let at = past("fact.submission.time", submission.time);
            let duty = duty_from(submission.duty);
            let report = stage_from(submission.stage);
            if duty.is_none() {
                fields.wrong("fact.submission.duty", "expected a duty");
            }
            let (at, duty, report) = (at?, duty?, report);
            let Some(report) = report.filter(|report| duty.reports().any(|of| of == *report))
            else {
                fields.wrong("fact.submission.stage", "expected a stage of that duty");
                return None;
            };
            Some(Fact::Submitted(Submission { duty, report, at }))
        }
    }
}
