//! The commands of `cordon incidents` that change an incident.

use clap::{Args, Subcommand};
use cordon_client::{Incident, IncidentChanges, Incidents};

use super::page::{criteria, head};
use super::prose;
use super::which::{Which, which};
use super::words::{CodeArg, PartyArg, PhaseArg, SeverityArg, TlpArg};
use crate::context::Context;
use crate::failure::{Failure, Outcome, note};
use crate::output::{Form, Row as _};
use crate::text::cell;

/// Which incident, and as what it was seen.
#[derive(Debug, Args)]
pub(super) struct Of {
    /// Its full name, its id, or its number
    #[arg(value_name = "ID", value_parser = which)]
    pub(super) id: Which,
    /// Only if it is still as `show` showed it with this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
}

/// What can be done with an incident.
#[derive(Debug, Subcommand)]
pub(super) enum Change {
    /// Change title, description or marking
    #[command(group = clap::ArgGroup::new("changes").required(true).multiple(true))]
    Update {
        #[command(flatten)]
        of: Of,
        /// In one line
        #[arg(long, group = "changes")]
        title: Option<String>,
        /// What is known: the text, `@FILE`, or `-` for stdin
        #[arg(long, value_name = "TEXT", group = "changes")]
        description: Option<String>,
        /// How far it may be passed on
        #[arg(long, value_enum, group = "changes")]
        tlp: Option<TlpArg>,
    },
    /// For staff: say that the provider has taken note
    Acknowledge {
        #[command(flatten)]
        of: Of,
    },
    /// Move an incident to another phase
    Move {
        #[command(flatten)]
        of: Of,
        /// The phase that begins
        #[arg(value_enum)]
        phase: PhaseArg,
        /// Why; needed for going back
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Change the severity
    Reclassify {
        #[command(flatten)]
        of: Of,
        /// The severity from now on
        #[arg(value_enum)]
        severity: SeverityArg,
        /// Why
        #[arg(long)]
        reason: String,
    },
    /// Hand the next move over to the other side
    HandOver {
        #[command(flatten)]
        of: Of,
        /// To whom
        #[arg(value_enum)]
        to: PartyArg,
        /// What is asked for
        #[arg(long)]
        reason: String,
    },
    /// Say what has to be true before recovery; what was signed off before is void
    Criteria {
        #[command(flatten)]
        of: Of,
        /// A sentence for each criterion, up to 50
        #[arg(value_name = "SENTENCE", required = true)]
        sentences: Vec<String>,
    },
    /// Sign clean-state criteria off for your side
    SignOff {
        #[command(flatten)]
        of: Of,
        /// Which, by the places that `show` gives them, from 0; all, if not given
        #[arg(value_name = "PLACE", value_parser = clap::value_parser!(i32).range(0..))]
        places: Vec<i32>,
    },
    /// Close an incident
    Close {
        #[command(flatten)]
        of: Of,
        /// Why
        #[arg(value_enum)]
        code: CodeArg,
        /// In words; needed unless it is resolved
        #[arg(long, default_value = "")]
        reason: String,
    },
    /// Open a closed incident again, in the phase in which it was closed
    Reopen {
        #[command(flatten)]
        of: Of,
        /// Why
        #[arg(long)]
        reason: String,
    },
}

impl Change {
    /// Which incident it is about.
    pub(super) const fn of(&self) -> &Of {
        match self {
            Self::Update { of, .. }
            | Self::Acknowledge { of }
            | Self::Move { of, .. }
            | Self::Reclassify { of, .. }
            | Self::HandOver { of, .. }
            | Self::Criteria { of, .. }
            | Self::SignOff { of, .. }
            | Self::Close { of, .. }
            | Self::Reopen { of, .. } => of,
        }
    }
}

/// Changes the incident of this name.
pub(super) async fn run(
    context: &Context,
    incidents: &Incidents,
    name: &str,
    change: Change,
) -> Outcome {
    let etag = change.of().etag.clone();
    let etag = etag.as_str();
    let changed = match change {
        Change::Update {
            title,
            description,
            tlp,
            ..
        } => {
            let changes = IncidentChanges {
                title,
                description: description.map(prose::read_or_file).transpose()?,
                tlp: tlp.map(Into::into),
            };
            incidents.update(name, changes, etag).await?
        }
        Change::Acknowledge { .. } => incidents.acknowledge(name, etag).await?,
        Change::Move { phase, reason, .. } => {
            let moved = incidents.move_to(name, phase.into(), &reason, etag);
            moved.await?
        }
        Change::Reclassify {
            severity, reason, ..
        } => {
            let reclassified = incidents.reclassify(name, severity.into(), &reason, etag);
            reclassified.await?
        }
        Change::HandOver { to, reason, .. } => {
            incidents.hand_over(name, to.into(), &reason, etag).await?
        }
        Change::Criteria { sentences, .. } => {
            incidents.set_criteria(name, &sentences, etag).await?
        }
        Change::SignOff { places, .. } => sign_off(incidents, name, &places, etag).await?,
        Change::Close { code, reason, .. } => {
            incidents.close(name, code.into(), &reason, etag).await?
        }
        Change::Reopen { reason, .. } => incidents.reopen(name, &reason, etag).await?,
    };
    show(context, &changed)
}

/// The incident as it is now, without its long texts.
pub(super) fn show(context: &Context, incident: &Incident) -> Outcome {
    match context.output.form() {
        Form::Table => {
            let mut lines = head(incident);
            lines.extend(criteria(incident));
            context.output.text(&lines.join("\n"))
        }
        Form::Json | Form::Ndjson => context.output.document(&incident.json()),
    }
}

/// Shows what is signed; the etag makes sure that it is what was shown.
async fn sign_off(
    incidents: &Incidents,
    name: &str,
    places: &[i32],
    etag: &str,
) -> Result<Incident, Failure> {
    let incident = incidents.get(name).await?;
    for line in about_to_sign(&incident, places)? {
        note(&line);
    }
    let seen = match etag {
        "" => incident.etag.as_str(),
        etag => etag,
    };
    Ok(incidents.sign_off(name, places, seen).await?)
}

/// What is signed with these places.
fn about_to_sign(incident: &Incident, places: &[i32]) -> Result<Vec<String>, Failure> {
    let criteria = &incident.clean_state_criteria;
    if criteria.is_empty() {
        return Err(Failure::usage(
            "there are no criteria to sign off: agree on some first, with `cordon incidents criteria`",
        ));
    }
    let line = |place: usize| {
        let criterion = criteria.get(place)?;
        Some(format!("  {place}  {}", cell(&criterion.text)))
    };
    let chosen: Vec<_> = match places {
        [] => (0..criteria.len()).map(line).collect(),
        places => {
            let places = places.iter().map(|place| usize::try_from(*place).ok());
            places.map(|place| place.and_then(line)).collect()
        }
    };
    let mut lines = vec![format!(
        "you sign off for your side, of incident #{} {}:",
        incident.number,
        cell(&incident.title)
    )];
    for line in chosen {
        lines.push(line.ok_or_else(|| {
            Failure::usage(format!(
                "the places of the criteria are 0 to {}: `cordon incidents show` lists them",
                criteria.len().saturating_sub(1)
            ))
        })?);
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use cordon_client::CleanStateCriterion;

    use super::*;

    #[test]
    fn who_signs_is_shown_what() {
        let criterion = |text: &str| CleanStateCriterion {
            text: text.to_owned(),
            ..CleanStateCriterion::default()
        };
        let incident = Incident {
            number: 3,
            title: "Keys\n  1  all is well".to_owned(),
            clean_state_criteria: vec![criterion("first"), criterion("second\u{1b}")],
            ..Incident::default()
        };
        let all = about_to_sign(&incident, &[]).unwrap();
        assert_eq!(
            all[..2],
            [
                "you sign off for your side, of incident #3 Keys   1  all is well:",
                "  0  first"
            ]
        );
        assert_eq!(all[2], "  1  second\\u001b");
        assert_eq!(about_to_sign(&incident, &[1]).unwrap()[1..], all[2..]);

        let failure = about_to_sign(&incident, &[0, 2]).unwrap_err();
        assert_eq!(failure.code(), 2);
        assert!(failure.to_string().contains("0 to 1"), "{failure}");
        let failure = about_to_sign(&Incident::default(), &[]).unwrap_err();
        assert!(failure.to_string().contains("incidents criteria"));
    }
}
