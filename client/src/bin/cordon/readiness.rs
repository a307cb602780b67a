//! `cordon readiness`: whether a tenant is ready for an incident.

use clap::Args;
use cordon_client::{Readiness, ReadinessCheck, ReadinessItem, ReadinessState};
use serde_json::{Value, json};

use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome};
use crate::incidents::words::plain;
use crate::output::{Form, Row};
use crate::show::{or_null, short, time_json};

/// What has to be in place before an incident, how it stands, and what to do about it.
#[derive(Debug, Args)]
#[command(after_help = "Exits with 8 when something is to be done.")]
pub(crate) struct Command {
    #[command(flatten)]
    whose: Whose,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let client = context.client_of_tenant(&command.whose).await?;
    let readiness = client.readiness().await?;
    show(context, &readiness)?;
    let wants = |item: &ReadinessItem| item.state() == ReadinessState::Attention;
    match readiness.items.iter().any(wants) {
        true => Err(Failure::Unready),
        false => Ok(()),
    }
}

fn show(context: &Context, readiness: &Readiness) -> Outcome {
    let items = readiness.items.iter();
    match context.output.form() {
        Form::Table => {
            let rows = items.map(Row::cells).collect();
            context.output.table(ReadinessItem::HEAD, rows)
        }
        Form::Json | Form::Ndjson => context.output.document(&json!({
            "items": items.map(Row::json).collect::<Vec<_>>(),
            "as_of_time": time_json(readiness.as_of_time.as_ref()),
        })),
    }
}

impl Row for ReadinessItem {
    const HEAD: &'static [&'static str] = &["check", "state", "why", "what to do"];

    fn cells(&self) -> Vec<String> {
        let check = plain(check(self.check()));
        vec![
            match self.subject.as_str() {
                "" => check,
                subject => format!("{check} of {}", short(subject)),
            },
            plain(state(self.state())),
            self.reason.clone(),
            self.action.clone(),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "check": or_null(check(self.check()).to_owned()),
            "subject": or_null(self.subject.clone()),
            "state": or_null(state(self.state()).to_owned()),
            "reason": self.reason,
            "action": or_null(self.action.clone()),
        })
    }
}

const fn check(check: ReadinessCheck) -> &'static str {
    match check {
        ReadinessCheck::Accounts => "ACCOUNTS",
        ReadinessCheck::Logging => "LOGGING",
        ReadinessCheck::Agreement => "AGREEMENT",
        ReadinessCheck::Contacts => "CONTACTS",
        ReadinessCheck::Rules => "RULES",
        ReadinessCheck::Context => "CONTEXT",
        ReadinessCheck::Containment => "CONTAINMENT",
        ReadinessCheck::Exercise => "EXERCISE",
        ReadinessCheck::Unspecified => "",
    }
}

const fn state(state: ReadinessState) -> &'static str {
    match state {
        ReadinessState::Ok => "OK",
        ReadinessState::Attention => "ATTENTION",
        ReadinessState::Unknown => "UNKNOWN",
        ReadinessState::Unspecified => "",
    }
}
