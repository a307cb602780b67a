//! A customer's own log and agreements, read from files.

use std::path::Path;

use cordon_client::sla::to_agreement;
use cordon_client::{
    Agreement, AlwaysOpen, Availability, Calendar, CalendarOpen, CreditBasis, CreditTerm,
    DayOfWeek, Objective, ObjectiveKind, OfficeHours, OpenSpan, Severity, time,
};
use cordon_sla::report::Log;
use cordon_sla::timeline::{self, TimelineEntry};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::words::{self, KindArg, day};
use crate::failure::Failure;
use crate::incidents::words::SeverityArg;
use crate::statements::{MAX_REPORT_BYTES, read};

/// Documents, one after the other or as one list.
fn documents<T: DeserializeOwned>(path: &Path) -> Result<Vec<T>, Failure> {
    let content = read(path, MAX_REPORT_BYTES)?;
    parse(&content).map_err(|error| Failure::local(format!("{}: {error}", path.display())))
}

fn parse<T: DeserializeOwned>(content: &[u8]) -> serde_json::Result<Vec<T>> {
    if content.trim_ascii_start().starts_with(b"[") {
        return serde_json::from_slice(content);
    }
    let documents = serde_json::Deserializer::from_slice(content);
    documents.into_iter().collect()
}

/// The logs of all incidents in a file, as `cordon sla history` writes it.
pub(super) fn logs(path: &Path) -> Result<Vec<Log>, Failure> {
    Ok(timeline::logs(documents::<TimelineEntry>(path)?))
}

/// All agreements in a file, as `cordon sla agreements list -o json` writes it.
pub(super) fn agreements(path: &Path) -> Result<Vec<cordon_sla::agreement::Agreement>, Failure> {
    let stored: Vec<Stored> = documents(path)?;
    let wrong = |text: String| Failure::local(format!("{}: {text}", path.display()));
    let agreements = stored.into_iter().map(|stored| {
        let agreement = stored.agreement().map_err(wrong)?;
        to_agreement(&agreement).map_err(|error| wrong(error.to_string()))
    });
    agreements.collect()
}

#[derive(Deserialize)]
struct Stored {
    name: String,
    valid_from: Timestamp,
    valid_to: Option<Timestamp>,
    calendars: Vec<StoredCalendar>,
    objectives: Vec<StoredObjective>,
    reclassify_grace: Option<String>,
    freshness_p99: Option<String>,
    availability_basis_points: Option<i32>,
    credits: Vec<StoredCredit>,
}

#[derive(Deserialize)]
struct StoredCalendar {
    name: String,
    always: bool,
    office_hours: Option<StoredHours>,
}

#[derive(Deserialize)]
struct StoredHours {
    time_zone: String,
    spans: Vec<StoredSpan>,
    holidays: Vec<String>,
}

#[derive(Deserialize)]
struct StoredSpan {
    day: String,
    from: String,
    to: String,
}

#[derive(Deserialize)]
struct StoredObjective {
    kind: String,
    severity: String,
    within: String,
    calendar: String,
}

#[derive(Deserialize)]
struct StoredCredit {
    objective: Option<String>,
    availability: bool,
    below_basis_points: i32,
    credit_basis_points: i32,
}

impl Stored {
    fn agreement(self) -> Result<Agreement, String> {
        let spans = |text: Option<String>| text.as_deref().map(span).transpose();
        let objectives = self.objectives.into_iter().map(|objective| {
            Ok(Objective {
                kind: kind(&objective.kind)?.into(),
                severity: severity(&objective.severity)?.into(),
                within: Some(span(&objective.within)?),
                calendar: objective.calendar,
            })
        });
        let credits = self.credits.into_iter().map(|credit| {
            let basis = match (credit.objective, credit.availability) {
                (Some(of), false) => CreditBasis::Objective(kind(&of)?.into()),
                (None, true) => CreditBasis::Availability(Availability {}),
                _ => return Err("a credit is of nothing, or of two things".to_owned()),
            };
            Ok(CreditTerm {
                basis: Some(basis),
                below_basis_points: credit.below_basis_points,
                credit_basis_points: credit.credit_basis_points,
            })
        });
        let calendars = self.calendars.into_iter().map(StoredCalendar::calendar);
        Ok(Agreement {
            name: self.name,
            valid_from: Some(time::to_proto(self.valid_from)),
            valid_to: self.valid_to.map(time::to_proto),
            calendars: calendars.collect::<Result<_, _>>()?,
            objectives: objectives.collect::<Result<_, String>>()?,
            reclassify_grace: spans(self.reclassify_grace)?,
            freshness_p99: spans(self.freshness_p99)?,
            availability_basis_points: self.availability_basis_points.unwrap_or_default(),
            credits: credits.collect::<Result<_, _>>()?,
            // Who does what is not counted.
            ..Agreement::default()
        })
    }
}

impl StoredCalendar {
    fn calendar(self) -> Result<Calendar, String> {
        let open = match (self.always, self.office_hours) {
            (true, None) => CalendarOpen::Always(AlwaysOpen {}),
            (false, Some(hours)) => {
                let spans = hours.spans.into_iter().map(|span| {
                    Ok(OpenSpan {
                        day: weekday(&span.day)?.into(),
                        from: span.from,
                        to: span.to,
                    })
                });
                CalendarOpen::OfficeHours(OfficeHours {
                    time_zone: hours.time_zone,
                    spans: spans.collect::<Result<_, String>>()?,
                    holidays: hours.holidays,
                })
            }
            _ => return Err(format!("calendar `{}` says two things, or none", self.name)),
        };
        Ok(Calendar {
            name: self.name,
            open: Some(open),
        })
    }
}

fn kind(text: &str) -> Result<ObjectiveKind, String> {
    words::read::<KindArg>(text).map(Into::into)
}

fn severity(text: &str) -> Result<Severity, String> {
    words::read::<SeverityArg>(text).map(Into::into)
}

fn weekday(text: &str) -> Result<DayOfWeek, String> {
    let mut days = (1..=7).filter_map(|number| DayOfWeek::try_from(number).ok());
    days.find(|of| day(*of) == text)
        .ok_or_else(|| format!("`{text}` is no day of the week"))
}

/// A length of time as programs write it, in seconds, as in `90s` or `0.5s`.
fn span(text: &str) -> Result<prost_types::Duration, String> {
    let wrong = || format!("expected seconds as in 90s or 0.5s, not `{text}`");
    let number = text.strip_suffix('s').ok_or_else(wrong)?;
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(part) || part.len() > 9 {
        return Err(wrong());
    }
    Ok(prost_types::Duration {
        seconds: whole.parse().map_err(|_| wrong())?,
        nanos: format!("{part:0<9}").parse().map_err(|_| wrong())?,
    })
}

#[cfg(test)]
mod tests {
    use super::super::agreements::FORM;
    use super::super::amounts::exact_span;
    use super::super::draft;
    use super::*;
    use crate::output::Row as _;

    #[test]
    fn agreements_are_read_as_they_are_listed() {
        let (_, file) = FORM.split_once("JSON:").unwrap();
        let (file, _) = file.split_once("\nKinds:").unwrap();
        let listed = Agreement {
            name: "tenants/acme/agreements/2".to_owned(),
            ..draft::parse(file).unwrap()
        };
        let json = format!("[\n{}\n]", listed.json());
        let stored: Vec<Stored> = parse(json.as_bytes()).unwrap();
        let read = stored.into_iter().next().unwrap().agreement().unwrap();
        let counted = Agreement {
            duties: Vec::new(),
            contacts: Vec::new(),
            escalations: Vec::new(),
            ..listed.clone()
        };
        assert_eq!(read, counted);
        let lines = format!("{0}\n{0}\n", listed.json());
        assert_eq!(parse::<Stored>(lines.as_bytes()).unwrap().len(), 2);
    }

    #[test]
    fn lengths_of_time_are_read_as_they_are_written() {
        for (seconds, nanos) in [(0, 0), (900, 0), (0, 500_000_000), (1, 1), (7, 120_000_000)] {
            let duration = prost_types::Duration { seconds, nanos };
            assert_eq!(span(&exact_span(&duration)), Ok(duration));
        }
        for wrong in [
            "",
            "s",
            "-1s",
            "1",
            "1.s",
            ".5s",
            "1.0000000001s",
            "1m",
            "1e3s",
        ] {
            assert!(span(wrong).is_err(), "{wrong}");
        }
    }
}
