//! Agreements as messages, and messages as agreements.

use std::collections::BTreeMap;

use cordon_kernel::{Disclosed, Error, Name, Reason, Result};
use cordon_proto::sla as wire;
use cordon_sla::agreement::{Agreement, AgreementDraft, CreditBasis, CreditTerm};
use cordon_sla::calendar::{Calendar, CalendarDraft, LocalSpan, LocalTime, OfficeHoursDraft};
use cordon_sla::objective::{BasisPoints, Objective};
use cordon_sla::problems::{Problem, Problems};
use jiff::{SignedDuration, Timestamp};
use wire::calendar::Open;
use wire::credit_term::Basis;

use super::super::service::NewAgreement;
use super::super::store::Stored;
use super::clock::duration;
use super::{duties, words};
use crate::rooms::fields::{Fields, wire_time};
use crate::rooms::incidents::wire_contact;

/// Most of each in an agreement.
const MAX_CALENDARS: usize = 50;
const MAX_OBJECTIVES: usize = 64;
const MAX_CREDITS: usize = 100;
const MAX_SPANS: usize = 200;
const MAX_HOLIDAYS: usize = 1_000;

pub(in super::super) fn create(request: wire::CreateAgreementRequest) -> Result<NewAgreement> {
    let mut fields = Fields::default();
    let body = request.agreement.unwrap_or_default();
    let tenant = fields.named(Name::parse_tenant("parent", &request.parent));
    let previous = match request.previous.as_str() {
        "" => Some(0),
        name => match fields.named(Name::parse("previous", name)) {
            Some(Name::Agreement(of, version)) if Some(&of) == tenant.as_ref() => {
                u32::try_from(version).ok()
            }
            _ => {
                fields.wrong("previous", "expected tenants/{tenant}/agreements/{version}");
                None
            }
        },
    };
    let valid_from = time(&mut fields, "agreement.valid_from", body.valid_from);
    if body.valid_from.is_none() {
        fields.wrong("agreement.valid_from", "say from when on it holds");
    }
    let valid_to = time(&mut fields, "agreement.valid_to", body.valid_to);
    limit(
        &mut fields,
        "agreement.calendars",
        body.calendars.len(),
        MAX_CALENDARS,
    );
    limit(
        &mut fields,
        "agreement.objectives",
        body.objectives.len(),
        MAX_OBJECTIVES,
    );
    limit(
        &mut fields,
        "agreement.credits",
        body.credits.len(),
        MAX_CREDITS,
    );
    let mut calendars = BTreeMap::new();
    for (at, calendar) in body.calendars.into_iter().take(MAX_CALENDARS).enumerate() {
        let field = format!("agreement.calendars[{at}]");
        let name = calendar.name.clone();
        if let Some(calendar) = calendar_of(&mut fields, &field, calendar)
            && calendars.insert(name, calendar).is_some()
        {
            fields.wrong(field, "a calendar of that name stands before it");
        }
    }
    let mut objectives = Vec::new();
    for (at, objective) in body.objectives.into_iter().take(MAX_OBJECTIVES).enumerate() {
        let field = |name: &str| format!("agreement.objectives[{at}].{name}");
        let kind = words::kind_from(objective.kind);
        let severity = words::severity_from(objective.severity);
        let within = span(&mut fields, &field("within"), objective.within);
        match (kind, severity, within) {
            (Some(kind), Some(severity), Some(within)) => objectives.push(Objective {
                kind,
                severity,
                within: within.unwrap_or_default(),
                calendar: objective.calendar,
            }),
            (None, ..) => fields.wrong(field("kind"), "expected a kind of objective"),
            (_, None, _) => fields.wrong(field("severity"), "expected a severity"),
            _ => {}
        }
    }
    let mut credits = Vec::new();
    for (at, term) in body.credits.into_iter().take(MAX_CREDITS).enumerate() {
        let basis = match term.basis {
            Some(Basis::Objective(number)) => words::kind_from(number).map(CreditBasis::Objective),
            Some(Basis::Availability(_)) => Some(CreditBasis::Availability),
            None => None,
        };
        match basis {
            Some(basis) => credits.push(CreditTerm {
                basis,
                below: points(term.below_basis_points),
                credit: points(term.credit_basis_points),
            }),
            None => fields.wrong(
                format!("agreement.credits[{at}]"),
                "expected a kind of objective, or availability",
            ),
        }
    }
    let grace = span(
        &mut fields,
        "agreement.reclassify_grace",
        body.reclassify_grace,
    );
    let freshness = span(&mut fields, "agreement.freshness_p99", body.freshness_p99);
    let availability = body.availability_basis_points;
    let duties = duties::duties(&mut fields, &body.duties);
    let contacts = duties::contacts(&mut fields, &body.contacts);
    let escalations = duties::escalations(&mut fields, &body.escalations);
    let (Some(tenant), Some(previous), Some(Some(valid_from))) = (tenant, previous, valid_from)
    else {
        return Err(fields.refuse());
    };
    fields.finish()?;
    Ok(NewAgreement {
        previous,
        draft: AgreementDraft {
            id: tenant.to_string(),
            version: 0,
            valid_from,
            valid_to: valid_to.flatten(),
            calendars,
            objectives,
            reclassify_grace: grace.flatten().unwrap_or_default(),
            freshness_p99: freshness.flatten(),
            availability: (availability != 0).then(|| points(availability)),
            credits,
            duties,
            contacts,
            escalations,
        },
        tenant,
    })
}

/// The agreement, if nothing is wrong with the draft.
///
/// # Errors
/// `INVALID_ARGUMENT` with everything that is wrong, by field.
pub(in super::super) fn checked(draft: AgreementDraft) -> Result<Agreement> {
    Agreement::new(draft).map_err(|problems| refused("agreement", &problems))
}

fn refused<P: Problem>(prefix: &str, problems: &Problems<P>) -> Error {
    problems.iter().fold(
        Error::new(Reason::InvalidArgument, "the agreement is not acceptable"),
        |error, problem| {
            let field = format!("{prefix}.{}", problem.field());
            error.with_violation(field, problem.to_string())
        },
    )
}

pub(super) fn limit(fields: &mut Fields, field: &str, count: usize, most: usize) {
    if count > most {
        fields.wrong(field, format!("expected at most {most}"));
    }
}

/// What is no number of basis points is refused with the draft.
fn points(number: i32) -> BasisPoints {
    BasisPoints(u32::try_from(number).unwrap_or(u32::MAX))
}

fn time(
    fields: &mut Fields,
    field: &str,
    time: Option<prost_types::Timestamp>,
) -> Option<Option<Timestamp>> {
    let nanos = fields.time(field, time)?;
    Some(nanos.map(cordon_kernel::db::timestamp))
}

/// `Some(None)` for what is unset, `None` for what is wrong.
pub(super) fn span(
    fields: &mut Fields,
    field: &str,
    duration: Option<prost_types::Duration>,
) -> Option<Option<SignedDuration>> {
    let Some(duration) = duration else {
        return Some(None);
    };
    let fits = (0..1_000_000_000).contains(&duration.nanos) && duration.seconds >= 0;
    if !fits {
        fields.wrong(field, "expected a duration of 0 or more");
        return None;
    }
    Some(Some(SignedDuration::new(duration.seconds, duration.nanos)))
}

fn calendar_of(fields: &mut Fields, field: &str, calendar: wire::Calendar) -> Option<Calendar> {
    let hours = match calendar.open {
        None => {
            fields.wrong(field, "say when it is open");
            return None;
        }
        Some(Open::Always(_)) => return Some(Calendar::AlwaysOpen),
        Some(Open::OfficeHours(hours)) => hours,
    };
    limit(
        fields,
        &format!("{field}.spans"),
        hours.spans.len(),
        MAX_SPANS,
    );
    limit(
        fields,
        &format!("{field}.holidays"),
        hours.holidays.len(),
        MAX_HOLIDAYS,
    );
    let mut draft = OfficeHoursDraft {
        time_zone: hours.time_zone,
        ..OfficeHoursDraft::default()
    };
    for (at, open) in hours.spans.iter().take(MAX_SPANS).enumerate() {
        let field = format!("{field}.spans[{at}]");
        let from = fields.read(&field, open.from.parse::<LocalTime>());
        let to = fields.read(&field, open.to.parse::<LocalTime>());
        let day = usize::try_from(open.day)
            .ok()
            .and_then(|day| day.checked_sub(1));
        let day = day.and_then(|day| draft.hours.get_mut(day));
        match (day, from, to) {
            (Some(day), Some(from), Some(to)) => day.push(LocalSpan { from, to }),
            (None, ..) => fields.wrong(field, "expected a day of the week"),
            _ => {}
        }
    }
    for (at, day) in hours.holidays.iter().take(MAX_HOLIDAYS).enumerate() {
        let parsed = day.parse::<jiff::civil::Date>();
        let parsed = parsed.map_err(|_| "expected a date as in 2026-12-25");
        draft
            .holidays
            .extend(fields.read(&format!("{field}.holidays[{at}]"), parsed));
    }
    match Calendar::new(CalendarDraft::OfficeHours(Box::new(draft))) {
        Ok(calendar) => Some(calendar),
        Err(problems) => {
            fields.named::<()>(Err(refused(field, &problems)));
            None
        }
    }
}

/// The message that shows it.
pub(in super::super) fn agreement(stored: Disclosed<Stored>) -> wire::Agreement {
    let Stored {
        tenant,
        version,
        created,
        agreement,
    } = stored.into_wire();
    let validity = agreement.validity();
    let parts = |points: BasisPoints| i32::try_from(points.0).unwrap_or(i32::MAX);
    wire::Agreement {
        name: Name::Agreement(tenant, u64::from(version)).to_string(),
        valid_from: Some(wire_time(validity.from)),
        valid_to: validity.to.map(wire_time),
        calendars: agreement.calendars().iter().map(shown_calendar).collect(),
        objectives: agreement
            .objectives()
            .iter()
            .map(|objective| wire::Objective {
                kind: words::kind(objective.kind),
                severity: words::severity(objective.severity),
                within: Some(duration(objective.within)),
                calendar: objective.calendar.clone(),
            })
            .collect(),
        reclassify_grace: Some(duration(agreement.reclassify_grace())),
        freshness_p99: agreement.freshness_p99().map(duration),
        availability_basis_points: agreement.availability().map_or(0, parts),
        credits: agreement
            .credits()
            .iter()
            .map(|term| wire::CreditTerm {
                basis: Some(match term.basis {
                    CreditBasis::Objective(kind) => Basis::Objective(words::kind(kind)),
                    CreditBasis::Availability => Basis::Availability(wire::Availability {}),
                }),
                below_basis_points: parts(term.below),
                credit_basis_points: parts(term.credit),
            })
            .collect(),
        create_time: Some(wire_time(created)),
        duties: agreement.duties().iter().map(duties::shown_duty).collect(),
        contacts: agreement
            .contacts()
            .iter()
            .cloned()
            .map(wire_contact)
            .collect(),
        escalations: agreement
            .escalations()
            .iter()
            .map(duties::shown_escalation)
            .collect(),
    }
}

fn shown_calendar((name, calendar): (&String, &Calendar)) -> wire::Calendar {
    let open = match CalendarDraft::from(calendar.clone()) {
        CalendarDraft::AlwaysOpen => Open::Always(wire::AlwaysOpen {}),
        CalendarDraft::OfficeHours(hours) => {
            let days = hours.hours.iter().zip(1_i32..);
            let spans = days.flat_map(|(spans, day)| {
                spans.iter().map(move |span| wire::OpenSpan {
                    day,
                    from: span.from.to_string(),
                    to: span.to.to_string(),
                })
            });
            Open::OfficeHours(wire::OfficeHours {
                spans: spans.collect(),
                holidays: hours.holidays.iter().map(ToString::to_string).collect(),
                time_zone: hours.time_zone,
            })
        }
    };
    wire::Calendar {
        name: name.clone(),
        open: Some(open),
    }
}
