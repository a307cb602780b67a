//! Deadlines of the law as messages.

use cordon_kernel::Disclosed;
use cordon_proto::sla as wire;
use cordon_sla::regulatory::{Countdown, Progress};

use super::super::deadlines::Deadlines;
use super::clock::duration;
use crate::rooms::fields::wire_time;
use crate::rooms::incidents::{reporting_duty, reporting_stage};

pub(in super::super) fn deadlines(
    deadlines: Disclosed<Deadlines>,
) -> wire::ListReportingDeadlinesResponse {
    let deadlines = deadlines.into_wire();
    wire::ListReportingDeadlinesResponse {
        deadlines: deadlines.countdowns.iter().map(deadline).collect(),
        as_of_time: Some(wire_time(deadlines.as_of)),
    }
}

fn deadline(countdown: &Countdown<'_>) -> wire::ReportingDeadline {
    let rule = countdown.rule;
    wire::ReportingDeadline {
        duty: reporting_duty(rule.duty),
        stage: reporting_stage(rule.report),
        law: rule.law.to_owned(),
        article: rule.article.to_owned(),
        since: rule.since.to_string(),
        start_time: countdown.started.map(wire_time),
        due_time: countdown.deadline().map(wire_time),
        submit_time: countdown.submitted.map(wire_time),
        state: state(countdown.progress),
        left: countdown.left.map(duration),
        elapsed: countdown.elapsed.map(duration),
    }
}

fn state(progress: Progress) -> i32 {
    use wire::reporting_deadline::State as Wire;
    let wire = match progress {
        Progress::Waiting => Wire::Waiting,
        Progress::Running => Wire::Running,
        Progress::Met => Wire::Met,
        Progress::Missed => Wire::Missed,
        Progress::Elapsing => Wire::Elapsing,
        Progress::Submitted => Wire::Submitted,
    };
    wire.into()
}
