//! An agreement as the wire has it, as what sums are done with.

use std::collections::BTreeMap;

use cordon_proto::incidents::Severity as WireSeverity;
use cordon_proto::sla as wire;
use cordon_sla::agreement::{Agreement, AgreementDraft, CreditBasis, CreditTerm};
use cordon_sla::calendar::{Calendar, CalendarDraft, LocalSpan, OfficeHoursDraft};
use cordon_sla::objective::{BasisPoints, Objective, ObjectiveKind, Severity};
use jiff::SignedDuration;

use crate::error::{Error, Reason, Result};
use crate::time::from_proto;

/// What clocks and reports are computed with, from an agreement as a server gave it.
///
/// # Errors
///
/// `INTERNAL` when it is none that a server gives.
pub fn to_agreement(agreement: &wire::Agreement) -> Result<Agreement> {
    let wrong = |what: &str| {
        Error::new(
            Reason::Internal,
            format!("agreement `{}`: {what}", agreement.name),
        )
    };
    let (tenant, version) = named(&agreement.name).ok_or_else(|| wrong("that is no name"))?;
    let from = agreement.valid_from.as_ref().and_then(from_proto);
    let to = match &agreement.valid_to {
        Some(to) => Some(from_proto(to).ok_or_else(|| wrong("valid_to is no time"))?),
        None => None,
    };
    let mut calendars = BTreeMap::new();
    for named in &agreement.calendars {
        let calendar = calendar(named).ok_or_else(|| wrong("a calendar is none"))?;
        calendars.insert(named.name.clone(), calendar);
    }
    let objectives = agreement.objectives.iter().map(|objective| {
        Some(Objective {
            kind: kind(objective.kind())?,
            severity: severity(objective.severity())?,
            within: span(objective.within.as_ref()?),
            calendar: objective.calendar.clone(),
        })
    });
    let objectives: Option<_> = objectives.collect();
    let credits: Option<_> = agreement.credits.iter().map(credit).collect();
    let availability = agreement.availability_basis_points;
    Agreement::new(AgreementDraft {
        id: tenant.to_owned(),
        version,
        valid_from: from.ok_or_else(|| wrong("valid_from is no time"))?,
        valid_to: to,
        calendars,
        objectives: objectives.ok_or_else(|| wrong("an objective is none"))?,
        reclassify_grace: agreement
            .reclassify_grace
            .as_ref()
            .map_or(SignedDuration::ZERO, span),
        freshness_p99: agreement.freshness_p99.as_ref().map(span),
        availability: Some(points(availability)).filter(|_| availability != 0),
        credits: credits.ok_or_else(|| wrong("a credit is none"))?,
        // Figures don't go by who does what.
        duties: Vec::new(),
        contacts: Vec::new(),
        escalations: Vec::new(),
    })
    .map_err(|problems| wrong(&problems.to_string()))
}

/// Tenant and version of an agreement's name.
fn named(name: &str) -> Option<(&str, u32)> {
    let (tenant, version) = name.strip_prefix("tenants/")?.split_once("/agreements/")?;
    Some((tenant, version.parse().ok()?))
}

fn points(number: i32) -> BasisPoints {
    BasisPoints(u32::try_from(number).unwrap_or(u32::MAX))
}

fn span(duration: &prost_types::Duration) -> SignedDuration {
    SignedDuration::from_secs(duration.seconds)
        .saturating_add(SignedDuration::from_nanos(duration.nanos.into()))
}

fn calendar(calendar: &wire::Calendar) -> Option<Calendar> {
    let hours = match calendar.open.as_ref()? {
        wire::calendar::Open::Always(_) => return Some(Calendar::AlwaysOpen),
        wire::calendar::Open::OfficeHours(hours) => hours,
    };
    let mut draft = OfficeHoursDraft {
        time_zone: hours.time_zone.clone(),
        ..OfficeHoursDraft::default()
    };
    for open in &hours.spans {
        let day = usize::try_from(open.day).ok()?.checked_sub(1)?;
        draft.hours.get_mut(day)?.push(LocalSpan {
            from: open.from.parse().ok()?,
            to: open.to.parse().ok()?,
        });
    }
    for day in &hours.holidays {
        draft.holidays.push(day.parse().ok()?);
    }
    Calendar::new(CalendarDraft::OfficeHours(Box::new(draft))).ok()
}

fn credit(term: &wire::CreditTerm) -> Option<CreditTerm> {
    let basis = match term.basis.as_ref()? {
        wire::credit_term::Basis::Objective(number) => {
            let named = wire::ObjectiveKind::try_from(*number).ok()?;
            CreditBasis::Objective(kind(named)?)
        }
        wire::credit_term::Basis::Availability(_) => CreditBasis::Availability,
    };
    Some(CreditTerm {
        basis,
        below: points(term.below_basis_points),
        credit: points(term.credit_basis_points),
    })
}

const fn kind(kind: wire::ObjectiveKind) -> Option<ObjectiveKind> {
    use wire::ObjectiveKind as Wire;
    Some(match kind {
        Wire::Unspecified => return None,
        Wire::Acknowledge => ObjectiveKind::Acknowledge,
        Wire::FirstUpdate => ObjectiveKind::FirstUpdate,
        Wire::SubsequentUpdate => ObjectiveKind::SubsequentUpdate,
        Wire::Contain => ObjectiveKind::Contain,
        Wire::DeliverSnapshot => ObjectiveKind::DeliverSnapshot,
        Wire::AnswerAnalysis => ObjectiveKind::AnswerAnalysis,
        Wire::Restore => ObjectiveKind::Restore,
        Wire::Resolve => ObjectiveKind::Resolve,
    })
}

pub(super) const fn severity(severity: WireSeverity) -> Option<Severity> {
    Some(match severity {
        WireSeverity::Unspecified => return None,
        WireSeverity::Sev1 => Severity::Sev1,
        WireSeverity::Sev2 => Severity::Sev2,
        WireSeverity::Sev3 => Severity::Sev3,
        WireSeverity::Sev4 => Severity::Sev4,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> wire::Agreement {
        let time = |seconds| Some(prost_types::Timestamp { seconds, nanos: 0 });
        wire::Agreement {
            name: "tenants/acme/agreements/3".to_owned(),
            valid_from: time(1_700_000_000),
            valid_to: time(1_800_000_000),
            calendars: vec![
                wire::Calendar {
                    name: "always".to_owned(),
                    open: Some(wire::calendar::Open::Always(wire::AlwaysOpen {})),
                },
                wire::Calendar {
                    name: "office".to_owned(),
                    open: Some(wire::calendar::Open::OfficeHours(wire::OfficeHours {
                        time_zone: "Europe/Berlin".to_owned(),
                        spans: vec![wire::OpenSpan {
                            day: wire::DayOfWeek::Friday.into(),
                            from: "09:00".to_owned(),
                            to: "24:00".to_owned(),
                        }],
                        holidays: vec!["2026-12-25".to_owned()],
                    })),
                },
            ],
            objectives: vec![wire::Objective {
                kind: wire::ObjectiveKind::Contain.into(),
                severity: WireSeverity::Sev2.into(),
                within: Some(prost_types::Duration {
                    seconds: 900,
                    nanos: 1,
                }),
                calendar: "office".to_owned(),
            }],
            reclassify_grace: None,
            freshness_p99: None,
            availability_basis_points: 9_990,
            credits: vec![wire::CreditTerm {
                basis: Some(wire::credit_term::Basis::Availability(
                    wire::Availability {},
                )),
                below_basis_points: 9_990,
                credit_basis_points: 500,
            }],
            ..wire::Agreement::default()
        }
    }

    #[test]
    fn all_of_it_is_taken_over() {
        let agreement = to_agreement(&sample()).unwrap();
        assert_eq!((agreement.id(), agreement.version()), ("acme", 3));
        let target = agreement.target(ObjectiveKind::Contain, Severity::Sev2);
        assert_eq!(target.unwrap().within, SignedDuration::new(900, 1));
        let friday = "2026-11-27T21:00:00Z".parse().unwrap();
        assert!(target.unwrap().calendar.is_open(friday));
        assert_eq!(agreement.availability(), Some(BasisPoints(9_990)));
        assert_eq!(agreement.credits()[0].credit, BasisPoints(500));
        assert_eq!(agreement.validity().to.unwrap().as_second(), 1_800_000_000);
        let draft = AgreementDraft::from(agreement);
        let CalendarDraft::OfficeHours(hours) = draft.calendars["office"].clone().into() else {
            panic!("no office hours");
        };
        assert_eq!(hours.holidays.len(), 1);
    }

    #[test]
    fn what_no_server_gives_is_refused() {
        let changes: [fn(&mut wire::Agreement); 8] = [
            |agreement| agreement.name = "tenants/acme".to_owned(),
            |agreement| agreement.valid_from = None,
            |agreement| agreement.calendars[0].open = None,
            |agreement| agreement.objectives[0].kind = 99,
            |agreement| agreement.objectives[0].within = None,
            |agreement| agreement.objectives[0].calendar = "other".to_owned(),
            |agreement| agreement.credits[0].basis = None,
            |agreement| agreement.credits[0].below_basis_points = -1,
        ];
        for change in changes {
            let mut agreement = sample();
            change(&mut agreement);
            let error = to_agreement(&agreement).unwrap_err();
            assert_eq!(*error.reason(), Reason::Internal, "{error}");
        }
    }
}
