//! `cordon analyses rerun`.

use clap::Args;
use cordon_client::analysis::released;
use serde_json::json;

use super::which::{analysis, named};
use super::{show, wait};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};

pub(super) const HOW: &str = "\
The server computes the answer anew, from the question and the events that there were, and compares
the hashes. The exit code is 0 if the answer is the same, byte for byte, and 7 if it is another one:
as when a newer version of the server answers in another way, which its plan's version tells, or when
events have been deleted since.";

/// Which answer.
#[derive(Debug, Args)]
pub(super) struct Rerun {
    /// Its full name or its id
    #[arg(value_name = "ID", value_parser = analysis)]
    id: String,
    /// Do not wait: give the new analysis at once
    #[arg(long)]
    no_wait: bool,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Rerun) -> Outcome {
    let (client, name) = named(context, whose, &command.id).await?;
    let analyses = client.analyses();
    let before = analyses.get(&name).await?;
    let again = analyses.rerun(&name).await?;
    if command.no_wait {
        return show(context, &again);
    }
    let ended = wait::until_ended(&analyses, &again.name).await?;
    note(&format!("the new analysis is {}", ended.name));
    let result = released(&ended)?;
    let identical = result
        .identical
        .ok_or_else(|| Failure::local("the server did not compare the answers"))?;
    let was = before.result.unwrap_or_default();
    let sentence = match identical {
        true => format!(
            "the answer is the same, byte for byte: sha256 {}",
            result.sha256
        ),
        false => {
            let plans = match result.plan_version == was.plan_version {
                true => format!("both by version {} of the plan", was.plan_version),
                false => format!(
                    "by version {} of the plan, and before by version {}",
                    result.plan_version, was.plan_version
                ),
            };
            format!(
                "the answer is another one, {plans}: sha256 {}, and before {}",
                result.sha256, was.sha256
            )
        }
    };
    context.output.done(
        &sentence,
        &json!({
            "name": ended.name,
            "rerun_of": name,
            "identical": identical,
            "sha256": result.sha256,
            "plan_version": result.plan_version,
            "sha256_before": was.sha256,
            "plan_version_before": was.plan_version,
        }),
    )?;
    match identical {
        true => Ok(()),
        false => Err(Failure::Disagrees),
    }
}
