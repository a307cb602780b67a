//! `cordon admin rules`: the provider's rules for all tenants.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cordon_client::{Error, ProviderRule, Reason, Rule, RuleOrigin};
use futures::StreamExt as _;
use serde_json::{Value, json};

use super::words::Word;
use super::{files, page, place};
use crate::confirm::confirm;
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::incidents::show::moment;
use crate::output::{Form, Row};
use crate::show::{or_null, short, time_json};

/// What can be done with the provider's rules.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// The provider's rules
    List {
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// One rule
    Show {
        /// Its full name or its id, as `list` shows it
        rule: String,
        /// Its text alone, as it was given
        #[arg(long)]
        text: bool,
    },
    /// Publish a rule: all tenants' events are looked at by it from then on
    Publish {
        /// A file of one Sigma rule; `-` for stdin
        file: PathBuf,
        /// For those tenants alone that switch it on
        #[arg(long)]
        disabled: bool,
    },
    /// Change a rule; a new text makes a new version
    #[command(group = clap::ArgGroup::new("changes").required(true).multiple(true))]
    Update(Update),
    /// Withdraw a rule from all tenants; what it found stays
    Withdraw {
        /// Its full name or its id, as `list` shows it
        rule: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// What is to be changed.
#[derive(Debug, Args)]
pub(crate) struct Update {
    /// Its full name or its id, as `list` shows it
    rule: String,
    /// Its text is that of this file; `-` for stdin
    #[arg(long, value_name = "FILE", group = "changes")]
    text: Option<PathBuf>,
    /// Have it work for tenants that have not said whether it does
    #[arg(long, group = "changes")]
    enable: bool,
    /// Have it work for those tenants alone that switch it on
    #[arg(long, group = "changes", conflicts_with = "enable")]
    disable: bool,
    /// Only if it is still as `show` showed it with this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let output = &context.output;
    // Read before anything is sent.
    let given = match &command {
        Command::Publish { file, .. }
        | Command::Update(Update {
            text: Some(file), ..
        }) => Some((files::label(file), files::text_of(file)?)),
        _ => None,
    };
    let text = given.as_ref().map(|(_, text)| text.clone());
    let rules = context.client().await?.provider_rules();
    match command {
        Command::List { limit } => {
            let found = rules.list();
            output.list(found.take(limit.unwrap_or(usize::MAX))).await
        }
        Command::Show { rule, text } => {
            let rule = rules.get(&rule).await?;
            match (text, output.form()) {
                (true, _) => output.bytes(rule.text.trim_end().as_bytes()),
                (false, Form::Table) => output.text(&page::rule(&as_rule(&rule))),
                (false, _) => output.document(&rule.json()),
            }
        }
        Command::Publish { disabled, .. } => {
            let made = rules.publish(text.unwrap_or_default(), disabled).await;
            show(context, &made.map_err(|error| drawn(given, error))?)
        }
        Command::Update(update) => {
            let enabled = match (update.enable, update.disable) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            };
            let changed = rules
                .update(&update.rule, text, enabled, &update.etag)
                .await;
            show(context, &changed.map_err(|error| drawn(given, error))?)
        }
        Command::Withdraw { rule, yes } => {
            // The etag makes sure that what is withdrawn is what was shown.
            let rule = rules.get(&rule).await?;
            if !yes {
                let warning = format!(
                    "This withdraws the rule \"{}\" from all tenants, with what they have said of \
                     it. To keep it for those who switch it on: cordon admin rules update {} \
                     --disable",
                    rule.title,
                    short(&rule.name)
                );
                confirm(&warning, "withdraw")?;
            }
            rules.withdraw(&rule.name, &rule.etag).await?;
            output.done(
                &format!("{} is withdrawn", rule.name),
                &json!({ "name": rule.name }),
            )
        }
    }
}

/// A mistake with its place in the file.
fn drawn(given: Option<(String, String)>, error: Error) -> Failure {
    match given {
        Some((label, text)) if *error.reason() == Reason::InvalidRule => {
            let drawn = place::drawn_of(&label, &text, &error);
            Failure::InFile(error, drawn)
        }
        _ => error.into(),
    }
}

/// A rule that was published or changed, without its text.
fn show(context: &Context, rule: &ProviderRule) -> Outcome {
    match context.output.form() {
        Form::Table => {
            let head = page::rule_head(&as_rule(rule));
            context.output.text(&head.join("\n"))
        }
        Form::Json | Form::Ndjson => context.output.document(&rule.json()),
    }
}

/// It reads as the tenants' rules do.
fn as_rule(rule: &ProviderRule) -> Rule {
    let rule = rule.clone();
    Rule {
        name: rule.name,
        text: rule.text,
        enabled: rule.enabled,
        origin: RuleOrigin::Provider.into(),
        version: rule.version,
        title: rule.title,
        level: rule.level,
        description: rule.description,
        author: rule.author,
        license: rule.license,
        techniques: rule.techniques,
        tactics: rule.tactics,
        false_positives: rule.false_positives,
        filters: rule.filters,
        create_time: rule.create_time,
        update_time: rule.update_time,
        updated_by: rule.updated_by,
        etag: rule.etag,
        failure: rule.failure,
        ..Rule::default()
    }
}

impl Row for ProviderRule {
    const HEAD: &'static [&'static str] = &[
        "level",
        "default",
        "title",
        "techniques",
        "version",
        "changed",
        "id",
    ];

    fn cells(&self) -> Vec<String> {
        let default = match (self.failure.is_empty(), self.enabled) {
            (false, _) => "fails",
            (true, true) => "on",
            (true, false) => "off",
        };
        vec![
            Word::level(self.level).text(),
            default.to_owned(),
            self.title.clone(),
            self.techniques.join(" "),
            self.version.to_string(),
            moment(self.update_time.as_ref()),
            short(&self.name),
        ]
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name,
            "title": or_null(self.title.clone()),
            "level": Word::level(self.level).json(),
            "enabled": self.enabled,
            "failure": or_null(self.failure.clone()),
            "version": self.version,
            "description": or_null(self.description.clone()),
            "author": or_null(self.author.clone()),
            "license": or_null(self.license.clone()),
            "techniques": self.techniques,
            "tactics": self.tactics,
            "false_positives": self.false_positives,
            "filters": self.filters,
            "create_time": time_json(self.create_time.as_ref()),
            "update_time": time_json(self.update_time.as_ref()),
            "updated_by": or_null(self.updated_by.clone()),
            "etag": self.etag,
            "text": or_null(self.text.clone()),
        })
    }
}
