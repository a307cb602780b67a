//! `cordon detect policy`: by what findings open incidents.

use clap::{Args, Subcommand};
use cordon_client::{DetectionPolicy, DetectionPolicyChanges, Rules};
use serde_json::{Value, json};

use super::page;
use super::which::{Which, rule};
use super::words::{LevelArg, Word};
use crate::context::{Context, Whose};
use crate::failure::Outcome;
use crate::output::Form;
use crate::show::{or_null, time_json};

/// What can be done with the policy.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The policy as it is
    Show,
    /// Change the policy: a finding opens an incident by any of level, rules and techniques
    #[command(group = clap::ArgGroup::new("changes").required(true).multiple(true))]
    Set(Set),
}

/// What is to be changed.
#[derive(Debug, Args)]
pub(super) struct Set {
    /// Have findings open incidents, from now on
    #[arg(long, group = "changes")]
    enable: bool,
    /// Have them open none
    #[arg(long, group = "changes", conflicts_with = "enable")]
    disable: bool,
    /// Those that are at least so bad
    #[arg(long, value_enum, value_name = "LEVEL", group = "changes")]
    min_level: Option<LevelArg>,
    /// None by their level
    #[arg(long, group = "changes", conflicts_with = "min_level")]
    no_level: bool,
    /// Those of this rule, by its full name, its id or a part of its title; may be repeated, and those
    /// are all from now on
    #[arg(long, value_name = "RULE", value_parser = rule, group = "changes")]
    rule: Vec<Which>,
    /// None by their rule
    #[arg(long, group = "changes", conflicts_with = "rule")]
    no_rules: bool,
    /// Those about this ATT&CK technique, as in T1562.008, or T1562 for all of its sub-techniques; may
    /// be repeated, and those are all from now on
    #[arg(long, value_name = "TECHNIQUE", group = "changes")]
    technique: Vec<String>,
    /// None by their technique
    #[arg(long, group = "changes", conflicts_with = "technique")]
    no_techniques: bool,
    /// Most incidents of an hour; what is beyond them goes to one more
    #[arg(long, value_name = "N", group = "changes", value_parser = clap::value_parser!(i32).range(1..=100))]
    max_per_hour: Option<i32>,
    /// Only if it is still as `show` showed it with this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Command) -> Outcome {
    let client = context.client_of_tenant(whose).await?;
    let policy = client.detection_policy();
    match command {
        Command::Show => show(context, &policy.get().await?),
        Command::Set(set) => {
            let rules = named(&client.rules(), set.rule, set.no_rules).await?;
            let changes = DetectionPolicyChanges {
                enabled: match (set.enable, set.disable) {
                    (true, _) => Some(true),
                    (_, true) => Some(false),
                    _ => None,
                },
                min_level: match set.no_level {
                    true => Some(None),
                    false => set.min_level.map(|level| Some(level.into())),
                },
                rules,
                techniques: (set.no_techniques || !set.technique.is_empty())
                    .then_some(set.technique),
                max_incidents_per_hour: set.max_per_hour,
            };
            show(context, &policy.update(changes, &set.etag).await?)
        }
    }
}

/// The full names of the rules that are meant, if any are said.
async fn named(
    rules: &Rules,
    which: Vec<Which>,
    none: bool,
) -> Result<Option<Vec<String>>, crate::failure::Failure> {
    if which.is_empty() {
        return Ok(none.then(Vec::new));
    }
    let mut names = Vec::with_capacity(which.len());
    for which in which {
        names.push(which.name(rules).await?);
    }
    Ok(Some(names))
}

fn show(context: &Context, policy: &DetectionPolicy) -> Outcome {
    match context.output.form() {
        Form::Table => context.output.text(&page::policy(policy)),
        Form::Json | Form::Ndjson => context.output.document(&document(policy)),
    }
}

fn document(policy: &DetectionPolicy) -> Value {
    json!({
        "name": policy.name,
        "enabled": policy.enabled,
        "min_level": Word::level(policy.min_level).json(),
        "rules": policy.rules,
        "techniques": policy.techniques,
        "max_incidents_per_hour": policy.max_incidents_per_hour,
        "update_time": time_json(policy.update_time.as_ref()),
        "updated_by": or_null(policy.updated_by.clone()),
        "etag": policy.etag,
    })
}
