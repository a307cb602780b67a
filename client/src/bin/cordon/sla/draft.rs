//! An agreement as people write it into a file, in TOML or JSON.

use std::collections::BTreeMap;

use cordon_client::time::to_proto;
use cordon_client::{
    Agreement, AlwaysOpen, Availability, Calendar, CalendarOpen, CreditBasis, CreditTerm,
    DayOfWeek, Objective, ObjectiveKind, OfficeHours, OpenSpan, Severity,
};
use jiff::Timestamp;
use jiff::civil::Date;
use serde::Deserialize;

use super::amounts::{basis_points, span};
use super::people::{ContactDraft, DutyDraft, EscalationDraft};
use super::words::{self, KindArg};
use crate::incidents::words::SeverityArg;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Draft {
    valid_from: String,
    valid_to: Option<String>,
    #[serde(default)]
    calendars: BTreeMap<String, CalendarDraft>,
    #[serde(default)]
    objectives: Vec<ObjectiveDraft>,
    reclassify_grace: Option<String>,
    freshness_p99: Option<String>,
    availability: Option<String>,
    #[serde(default)]
    credits: Vec<CreditDraft>,
    #[serde(default)]
    duties: Vec<DutyDraft>,
    #[serde(default)]
    contacts: Vec<ContactDraft>,
    #[serde(default)]
    escalations: Vec<EscalationDraft>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CalendarDraft {
    #[serde(default)]
    always: bool,
    time_zone: Option<String>,
    days: Option<Days>,
    holidays: Option<Vec<String>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Days {
    mon: Vec<String>,
    tue: Vec<String>,
    wed: Vec<String>,
    thu: Vec<String>,
    fri: Vec<String>,
    sat: Vec<String>,
    sun: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ObjectiveDraft {
    kind: String,
    severity: String,
    within: String,
    calendar: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CreditDraft {
    objective: Option<String>,
    #[serde(default)]
    availability: bool,
    below: String,
    credit: String,
}

/// Reads a file: JSON if it begins with a brace, else TOML. What is wrong is said with its place.
pub(super) fn parse(text: &str) -> Result<Agreement, String> {
    let draft: Draft = if text.trim_start().starts_with('{') {
        serde_json::from_str(text).map_err(|error| error.to_string())?
    } else {
        toml::from_str(text).map_err(|error| {
            let before = error.span().and_then(|span| text.get(..span.start));
            let line = before.map(|before| before.matches('\n').count() + 1);
            let line = line.map_or_else(String::new, |line| format!(" at line {line}"));
            format!("{}{line}", error.message())
        })?
    };
    draft.agreement()
}

/// What was read, or what is wrong and where.
pub(super) fn at<T>(place: impl AsRef<str>, read: Result<T, String>) -> Result<T, String> {
    read.map_err(|wrong| format!("{}: {wrong}", place.as_ref()))
}

fn time(text: &str) -> Result<prost_types::Timestamp, String> {
    let time = text.parse::<Timestamp>().map(to_proto);
    time.map_err(|_| format!("expected a time as in 2026-01-01T00:00:00Z, not `{text}`"))
}

fn word_of_kind(text: &str) -> Result<ObjectiveKind, String> {
    words::read::<KindArg>(text).map(Into::into)
}

impl Draft {
    fn agreement(&self) -> Result<Agreement, String> {
        let span_at = |place: &str, text: &Option<String>| {
            let text = text.as_deref();
            at(place, text.map(span).transpose())
        };
        let valid_to = self.valid_to.as_deref().map(time).transpose();
        let availability = self.availability.as_deref().map(basis_points).transpose();
        let calendars = self.calendars.iter().map(|(name, calendar)| {
            let place = format!("calendars.{name}");
            let open = calendar.open(&place)?;
            Ok(Calendar {
                name: name.clone(),
                open: Some(open),
            })
        });
        let objectives = self.objectives.iter().enumerate();
        let objectives =
            objectives.map(|(number, one)| self.objective(&format!("objectives[{number}]"), one));
        let duties = self.duties.iter().enumerate();
        let duties = duties.map(|(number, one)| one.duty(&format!("duties[{number}]")));
        let contacts = self.contacts.iter().enumerate();
        let contacts = contacts.map(|(number, one)| one.contact(&format!("contacts[{number}]")));
        let escalations = self.escalations.iter().enumerate();
        let escalations =
            escalations.map(|(number, one)| one.step(&format!("escalations[{number}]")));
        let credits = self.credits.iter().enumerate();
        let credits = credits.map(|(number, one)| one.term(&format!("credits[{number}]")));
        Ok(Agreement {
            valid_from: Some(at("valid_from", time(&self.valid_from))?),
            valid_to: at("valid_to", valid_to)?,
            calendars: calendars.collect::<Result<_, String>>()?,
            objectives: objectives.collect::<Result<_, _>>()?,
            reclassify_grace: span_at("reclassify_grace", &self.reclassify_grace)?,
            freshness_p99: span_at("freshness_p99", &self.freshness_p99)?,
            availability_basis_points: at("availability", availability)?.unwrap_or_default(),
            credits: credits.collect::<Result<_, _>>()?,
            duties: duties.collect::<Result<_, _>>()?,
            contacts: contacts.collect::<Result<_, _>>()?,
            escalations: escalations.collect::<Result<_, _>>()?,
            ..Agreement::default()
        })
    }

    fn objective(&self, place: &str, draft: &ObjectiveDraft) -> Result<Objective, String> {
        let kind = at(format!("{place}.kind"), word_of_kind(&draft.kind))?;
        let severity = words::read::<SeverityArg>(&draft.severity).map(Severity::from);
        let severity = at(format!("{place}.severity"), severity)?;
        let within = at(format!("{place}.within"), span(&draft.within))?;
        let calendar = draft.calendar.clone();
        if !self.calendars.contains_key(&calendar) {
            let names: Vec<_> = self.calendars.keys().map(String::as_str).collect();
            return Err(format!(
                "{place}.calendar: `{calendar}` is none of the calendars: {}",
                names.join(", ")
            ));
        }
        Ok(Objective {
            kind: kind.into(),
            severity: severity.into(),
            within: Some(within),
            calendar,
        })
    }
}

impl CalendarDraft {
    fn open(&self, place: &str) -> Result<CalendarOpen, String> {
        match (self.always, &self.time_zone, &self.days) {
            (true, None, None) if self.holidays.is_none() => {
                Ok(CalendarOpen::Always(AlwaysOpen {}))
            }
            (false, Some(time_zone), Some(days)) => {
                let holidays = self.holidays.iter().flatten().enumerate();
                let holidays = holidays.map(|(number, day)| {
                    let read = day.parse::<Date>().map(|date| date.to_string());
                    let read =
                        read.map_err(|_| format!("expected a day as in 2026-12-25, not `{day}`"));
                    at(format!("{place}.holidays[{number}]"), read)
                });
                Ok(CalendarOpen::OfficeHours(OfficeHours {
                    time_zone: time_zone.clone(),
                    spans: days.spans(place)?,
                    holidays: holidays.collect::<Result<_, _>>()?,
                }))
            }
            _ => Err(format!(
                "{place}: expected either always = true, or time_zone and days"
            )),
        }
    }
}

impl Days {
    fn spans(&self, place: &str) -> Result<Vec<OpenSpan>, String> {
        let days = [
            (DayOfWeek::Monday, "mon", &self.mon),
            (DayOfWeek::Tuesday, "tue", &self.tue),
            (DayOfWeek::Wednesday, "wed", &self.wed),
            (DayOfWeek::Thursday, "thu", &self.thu),
            (DayOfWeek::Friday, "fri", &self.fri),
            (DayOfWeek::Saturday, "sat", &self.sat),
            (DayOfWeek::Sunday, "sun", &self.sun),
        ];
        let mut spans = Vec::new();
        for (day, name, texts) in days {
            for (number, text) in texts.iter().enumerate() {
                let (from, to) = at(format!("{place}.days.{name}[{number}]"), hours(text))?;
                spans.push(OpenSpan {
                    day: day.into(),
                    from,
                    to,
                });
            }
        }
        Ok(spans)
    }
}

impl CreditDraft {
    fn term(&self, place: &str) -> Result<CreditTerm, String> {
        let basis = match (&self.objective, self.availability) {
            (Some(kind), false) => {
                let kind = at(format!("{place}.objective"), word_of_kind(kind))?;
                CreditBasis::Objective(kind.into())
            }
            (None, true) => CreditBasis::Availability(Availability {}),
            _ => {
                return Err(format!(
                    "{place}: expected either objective, or availability = true"
                ));
            }
        };
        Ok(CreditTerm {
            basis: Some(basis),
            below_basis_points: at(format!("{place}.below"), basis_points(&self.below))?,
            credit_basis_points: at(format!("{place}.credit"), basis_points(&self.credit))?,
        })
    }
}

/// A span of a day, as in `09:00-17:30`.
fn hours(text: &str) -> Result<(String, String), String> {
    let is_time = |time: &str| {
        let two = |part: &str| {
            let digits = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| part.parse::<u8>().ok()).flatten()
        };
        let parts = time.split_once(':');
        let parts = parts.and_then(|(hour, minute)| two(hour).zip(two(minute)));
        parts.is_some_and(|(hour, minute)| hour < 24 && minute < 60 || (hour, minute) == (24, 0))
    };
    let span = text.split_once('-');
    let span = span.filter(|(from, to)| is_time(from) && is_time(to) && from < to);
    span.map(|(from, to)| (from.to_owned(), to.to_owned()))
        .ok_or_else(|| format!("expected hours as in 09:00-17:30, not `{text}`"))
}

#[cfg(test)]
mod tests;
