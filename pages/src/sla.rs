//! Reports on promises.

mod agreements;
pub(crate) mod overview;
pub(crate) mod report;

use cordon_sla::agreement::{AgreementDraft, CreditBasis};
use cordon_sla::objective::{BasisPoints, ObjectiveKind, Severity};
use cordon_sla::period::Period;
use cordon_sla::report::{Month, Report};

/// A severity as people write it.
pub(crate) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Sev1 => "SEV1",
        Severity::Sev2 => "SEV2",
        Severity::Sev3 => "SEV3",
        Severity::Sev4 => "SEV4",
    }
}

/// A kind of objective as people write it.
pub(crate) const fn kind(kind: ObjectiveKind) -> &'static str {
    match kind {
        ObjectiveKind::Acknowledge => "Acknowledge",
        ObjectiveKind::FirstUpdate => "First update",
        ObjectiveKind::SubsequentUpdate => "Further updates",
        ObjectiveKind::Contain => "Contain",
        ObjectiveKind::DeliverSnapshot => "Deliver snapshot",
        ObjectiveKind::AnswerAnalysis => "Answer analysis",
        ObjectiveKind::Restore => "Restore",
        ObjectiveKind::Resolve => "Resolve",
    }
}

/// A month in words.
fn month(period: Period) -> String {
    let text = period.to_string();
    let (year, number) = text.split_once('-').unwrap_or_default();
    let name = match number {
        "01" => "January",
        "02" => "February",
        "03" => "March",
        "04" => "April",
        "05" => "May",
        "06" => "June",
        "07" => "July",
        "08" => "August",
        "09" => "September",
        "10" => "October",
        "11" => "November",
        _ => "December",
    };
    format!("{name} {year}")
}

/// The agreement that says what is owed for the month.
fn ruling(report: &Report) -> Option<&AgreementDraft> {
    let version = report.credits.agreement?;
    report
        .agreements
        .iter()
        .find(|draft| draft.version == version)
}

/// What has to be attained of a basis so that nothing is owed.
fn goal(report: &Report, basis: CreditBasis) -> Option<BasisPoints> {
    let terms = ruling(report)?.credits.iter();
    let terms = terms.filter(|term| term.basis == basis);
    terms.map(|term| term.below).max()
}

/// What the service has to be available for: what was promised, or else what is owed below.
fn availability_goal(report: &Report) -> Option<BasisPoints> {
    let promised = ruling(report).and_then(|draft| draft.availability);
    promised.or_else(|| goal(report, CreditBasis::Availability))
}

/// The twelve months that end with the report's own, the earliest first.
fn year(report: &Report) -> Vec<(Period, Option<Month>)> {
    let mut known: Vec<Month> = report.earlier.clone();
    known.push(Month::from(report));
    let back = std::iter::successors(Some(report.period), |period| period.previous());
    let mut year: Vec<_> = back
        .take(12)
        .map(|period| {
            let month = known.iter().find(|month| month.period == period);
            (period, month.cloned())
        })
        .collect();
    year.reverse();
    year
}
