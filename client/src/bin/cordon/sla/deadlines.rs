//! The deadlines of the law for an incident.

use clap::{Args, Subcommand};
use cordon_client::time::to_proto;
use cordon_client::{ReportingDeadline, ReportingDuties, ReportingFactKind, Submission};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::amounts::{exact_span, plain_span};
use super::words::{DutyArg, StageArg, deadline_state, duty, stage};
use crate::context::{Context, Whose};
use crate::failure::{Outcome, note};
use crate::incidents;
use crate::incidents::show::moment as shown;
use crate::incidents::which::{Which, which};
use crate::incidents::words::plain;
use crate::output::{Documents, Form, Row};
use crate::show::{or_null, time_json};
use crate::when::moment;

const HELP: &str = "\
Times are as in 2026-03-01T10:00:00Z, or how long ago, as in 2h. What was stated stays in the
timeline. NIS2, DORA and the controller's duty of the GDPR are the customer's to state, the
processor's is the provider's.";

/// What is stated of an incident.
#[derive(Debug, Args)]
#[command(after_help = HELP)]
pub(crate) struct State {
    #[command(flatten)]
    whose: Whose,
    /// Its full name, its id, or its number
    #[arg(value_name = "ID", value_parser = which)]
    id: Which,
    #[command(subcommand)]
    fact: Fact,
}

#[derive(Debug, Subcommand)]
enum Fact {
    /// Which duties to report your side has for it: these and no others
    Duties {
        /// Which; none, if not given
        #[arg(value_enum)]
        duties: Vec<DutyArg>,
    },
    /// When your side became aware of it
    Aware {
        /// When
        #[arg(value_parser = moment, default_value = "now")]
        at: Timestamp,
    },
    /// When the customer classified it as major (DORA)
    Classified {
        /// When
        #[arg(value_parser = moment, default_value = "now")]
        at: Timestamp,
    },
    /// What your side has submitted
    Submitted {
        /// By which duty
        #[arg(value_enum)]
        duty: DutyArg,
        /// What
        #[arg(value_enum)]
        stage: StageArg,
        /// When
        #[arg(value_parser = moment, default_value = "now")]
        at: Timestamp,
    },
}

impl From<Fact> for ReportingFactKind {
    fn from(fact: Fact) -> Self {
        match fact {
            Fact::Duties { duties } => Self::Duties(ReportingDuties {
                duties: duties
                    .into_iter()
                    .map(|one| cordon_client::ReportingDuty::from(one).into())
                    .collect(),
            }),
            Fact::Aware { at } => Self::AwarenessTime(to_proto(at)),
            Fact::Classified { at } => Self::ClassificationTime(to_proto(at)),
            Fact::Submitted { duty, stage, at } => Self::Submission(Submission {
                duty: cordon_client::ReportingDuty::from(duty).into(),
                stage: cordon_client::ReportingStage::from(stage).into(),
                time: Some(to_proto(at)),
            }),
        }
    }
}

pub(super) async fn state(context: &Context, command: State) -> Outcome {
    let State { whose, id, fact } = command;
    let (client, name) = incidents::named(context, &whose, id).await?;
    let sla = client.sla();
    sla.state_fact(&name, fact.into()).await?;
    let (deadlines, as_of) = sla.deadlines(&name).await?;
    print(context, &deadlines, as_of)
}

pub(super) async fn show(context: &Context, whose: &Whose, id: Which) -> Outcome {
    let (client, name) = incidents::named(context, whose, id).await?;
    let (deadlines, as_of) = client.sla().deadlines(&name).await?;
    print(context, &deadlines, as_of)
}

fn print(context: &Context, deadlines: &[ReportingDeadline], as_of: Timestamp) -> Outcome {
    let output = &context.output;
    if output.form() == Form::Table {
        output.table(
            ReportingDeadline::HEAD,
            deadlines.iter().map(Row::cells).collect(),
        )?;
        note(&format!("as of {}", shown(Some(&to_proto(as_of)))));
        return Ok(());
    }
    let mut documents = Documents::new(output.form());
    for deadline in deadlines {
        documents.put(deadline.json().to_string().as_bytes())?;
    }
    documents.finish()
}

impl Row for ReportingDeadline {
    const HEAD: &'static [&'static str] =
        &["duty", "what", "state", "due", "left", "submitted", "rule"];

    fn cells(&self) -> Vec<String> {
        vec![
            plain(duty(self.duty())),
            plain(stage(self.stage())),
            plain(deadline_state(self.state())),
            shown(self.due_time.as_ref()),
            plain_span(self.left.as_ref()),
            shown(self.submit_time.as_ref()),
            format!("{}, {}", self.law, self.article),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "duty": or_null(duty(self.duty()).to_owned()),
            "stage": or_null(stage(self.stage()).to_owned()),
            "state": or_null(deadline_state(self.state()).to_owned()),
            "law": self.law,
            "article": self.article,
            "since": self.since,
            "start_time": time_json(self.start_time.as_ref()),
            "due_time": time_json(self.due_time.as_ref()),
            "submit_time": time_json(self.submit_time.as_ref()),
            "left": self.left.as_ref().map(exact_span),
            "elapsed": self.elapsed.as_ref().map(exact_span),
        })
    }
}
