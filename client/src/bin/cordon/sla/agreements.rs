//! `cordon sla agreements`.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use clap::Subcommand;
use cordon_client::{
    Agreement, Calendar, CalendarOpen, CreditBasis, CreditTerm, Objective, ObjectiveKind,
    OfficeHours,
};
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use super::amounts::{exact_span, percent, plain_span};
use super::draft;
use super::people::{duty_json, escalation_json};
use super::words::{day, kind};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::incidents::show::moment;
use crate::incidents::tasks::contact_json;
use crate::incidents::words::severity;
use crate::output::Row;
use crate::show::{or_null, short, time_json};

/// More bytes than an agreement needs.
const MAX_BYTES: u64 = 1 << 20;

pub(super) const FORM: &str = r#"A file in TOML, or the same in JSON:

  valid_from = "2026-01-01T00:00:00Z"
  reclassify_grace = "30m"
  freshness_p99 = "60s"
  availability = "99.9%"

  [calendars.always]
  always = true

  [calendars.office]
  time_zone = "Europe/Berlin"
  days = { mon = ["09:00-17:00"], tue = ["09:00-12:00", "13:00-17:00"] }
  holidays = ["2026-12-25"]

  [[objectives]]
  kind = "acknowledge"
  severity = "sev1"
  within = "15m"
  calendar = "always"

  [[objectives]]
  kind = "resolve"
  severity = "sev2"
  within = "3d"
  calendar = "office"

  [[credits]]
  objective = "resolve"
  below = "95%"
  credit = "5%"

  [[credits]]
  availability = true
  below = "99.9%"
  credit = "10%"

  [[duties]]
  task = "isolate machine"
  asks = "Cut the machine off the network"
  responsible = "provider"
  accountable = "customer"
  consulted = ["customer"]
  phases = ["containment"]

  [[contacts]]
  id = "soc"
  party = "provider"
  name = "Security desk"
  phone = "+49 30 000000"
  hours = "always"

  [[escalations]]
  party = "provider"
  severities = ["sev1"]
  after = "30m"
  hours = "always"
  contact = "soc"

Kinds: acknowledge, first-update, subsequent-update, contain, deliver-snapshot, answer-analysis,
restore, resolve. A day of `within` is 24 hours in which the calendar is open. An agreement that
has a valid_to ends then; without, when the next one begins. Who does a task is customer, provider
or shared; a task that names phases begins with each of them. An escalation counts the open time
that the party has had the next move."#;

/// What can be done with agreements.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// For operators: make a tenant's next agreement; the one before ends where it begins
    #[command(after_help = FORM)]
    Create {
        /// The tenant
        #[arg(value_name = "TENANT")]
        of: String,
        /// What is promised; `-` for stdin
        file: PathBuf,
    },
    /// A tenant's agreements, the newest first; `-o json` shows all that they promise
    List {
        /// The tenant, if not the profile's own
        #[arg(value_name = "TENANT")]
        of: Option<String>,
    },
}

pub(super) async fn run(context: &Context, command: Command) -> Outcome {
    let output = &context.output;
    match command {
        Command::Create { of, file } => {
            let text = read(&file)?;
            let wrong = |wrong| Failure::usage(format!("{}: {wrong}", called(&file)));
            let agreement = draft::parse(&text).map_err(wrong)?;
            let sla = context.client().await?.sla();
            let newest = sla.list_agreements(&of).try_next().await?;
            let previous = newest.as_ref().map(|newest| newest.name.as_str());
            let made = sla.create_agreement(&of, agreement, previous).await?;
            output.one(&made)
        }
        Command::List { of } => {
            let client = context.client().await?;
            let of = of.or_else(|| client.tenant().map(ToOwned::to_owned));
            let of = of.ok_or_else(|| {
                Failure::usage("this profile belongs to no tenant: name one, as in `list acme`")
            })?;
            output.list(client.sla().list_agreements(&of)).await
        }
    }
}

/// How messages call the file.
fn called(path: &Path) -> String {
    match path.to_str() {
        Some("-") => "stdin".to_owned(),
        _ => path.display().to_string(),
    }
}

fn read(path: &Path) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::local(format!("{}: {error}", called(path)));
    let source: Box<dyn Read> = if path.as_os_str() == "-" {
        Box::new(io::stdin())
    } else {
        Box::new(File::open(path).map_err(failed)?)
    };
    let mut bytes = Vec::new();
    source
        .take(MAX_BYTES + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let wrong = |what| Failure::usage(format!("{}: {what}", called(path)));
    if bytes.len() as u64 > MAX_BYTES {
        return Err(wrong("too large for an agreement"));
    }
    String::from_utf8(bytes).map_err(|_| wrong("expected text in UTF-8"))
}

impl Row for Agreement {
    const HEAD: &'static [&'static str] = &[
        "version",
        "from",
        "to",
        "objectives",
        "availability",
        "freshness",
        "created",
        "name",
    ];

    fn cells(&self) -> Vec<String> {
        let availability = Some(self.availability_basis_points).filter(|points| *points != 0);
        vec![
            short(&self.name),
            moment(self.valid_from.as_ref()),
            moment(self.valid_to.as_ref()),
            self.objectives.len().to_string(),
            availability.map_or_else(String::new, percent),
            plain_span(self.freshness_p99.as_ref()),
            moment(self.create_time.as_ref()),
            self.name.clone(),
        ]
    }

    fn json(&self) -> Value {
        let calendars: Vec<_> = self.calendars.iter().map(calendar_json).collect();
        let objectives: Vec<_> = self.objectives.iter().map(objective_json).collect();
        let credits: Vec<_> = self.credits.iter().map(credit_json).collect();
        let availability = Some(self.availability_basis_points).filter(|points| *points != 0);
        json!({
            "name": self.name,
            "valid_from": time_json(self.valid_from.as_ref()),
            "valid_to": time_json(self.valid_to.as_ref()),
            "calendars": calendars,
            "objectives": objectives,
            "reclassify_grace": span_json(self.reclassify_grace.as_ref()),
            "freshness_p99": span_json(self.freshness_p99.as_ref()),
            "availability_basis_points": availability,
            "credits": credits,
            "duties": self.duties.iter().map(duty_json).collect::<Vec<_>>(),
            "contacts": self.contacts.iter().map(|one| contact_json(Some(one))).collect::<Vec<_>>(),
            "escalations": self.escalations.iter().map(escalation_json).collect::<Vec<_>>(),
            "create_time": time_json(self.create_time.as_ref()),
        })
    }
}

fn span_json(span: Option<&prost_types::Duration>) -> Value {
    or_null(span.map_or_else(String::new, exact_span))
}

fn calendar_json(calendar: &Calendar) -> Value {
    let hours = match &calendar.open {
        Some(CalendarOpen::OfficeHours(hours)) => hours_json(hours),
        _ => Value::Null,
    };
    json!({
        "name": calendar.name,
        "always": matches!(calendar.open, Some(CalendarOpen::Always(_))),
        "office_hours": hours,
    })
}

fn hours_json(hours: &OfficeHours) -> Value {
    let spans: Vec<_> = hours
        .spans
        .iter()
        .map(|span| {
            json!({
                "day": or_null(day(span.day()).to_owned()),
                "from": span.from,
                "to": span.to,
            })
        })
        .collect();
    json!({
        "time_zone": hours.time_zone,
        "spans": spans,
        "holidays": hours.holidays,
    })
}

fn objective_json(objective: &Objective) -> Value {
    json!({
        "kind": or_null(kind(objective.kind()).to_owned()),
        "severity": or_null(severity(objective.severity()).to_owned()),
        "within": span_json(objective.within.as_ref()),
        "calendar": objective.calendar,
    })
}

fn credit_json(term: &CreditTerm) -> Value {
    let objective = match term.basis {
        Some(CreditBasis::Objective(number)) => {
            let known = ObjectiveKind::try_from(number).unwrap_or_default();
            or_null(kind(known).to_owned())
        }
        _ => Value::Null,
    };
    json!({
        "objective": objective,
        "availability": matches!(term.basis, Some(CreditBasis::Availability(_))),
        "below_basis_points": term.below_basis_points,
        "credit_basis_points": term.credit_basis_points,
    })
}

#[cfg(test)]
mod tests;
