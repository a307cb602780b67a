//! `cordon detect rules`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cordon_client::{Reason, Rule, RuleChanges, Rules};
use futures::StreamExt as _;
use jiff::Timestamp;
use serde_json::json;

use super::which::{Which, named, rule};
use super::{add, files, page, place};
use crate::confirm::confirm;
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome};
use crate::output::{Form, Row as _};
use crate::show::short;
use crate::when;

const EXCEPTIONS: &str = "\
A filter is a SQL condition over the columns that `cordon events search --help` lists, as in:
  --except \"actor LIKE '%/terraform'\"
  --except \"account = '123456789012' AND cidr_contains('192.0.2.0/24', src_ip)\"

A time to come is as in 2026-11-24T12:00:00Z or 2026-11-24 (UTC), or in how long as in 8h or 7d.";

/// What can be done with rules.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The tenant's rules
    List {
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// One rule: what it looks for, what it does not, and its text
    Show {
        /// Its full name, its id, or a part of its title
        #[arg(value_name = "RULE", value_parser = rule)]
        which: Which,
        /// Its text alone, as it was given
        #[arg(long)]
        text: bool,
    },
    /// Add rules
    #[command(after_help = add::FORMS)]
    Add(add::Add),
    /// Change a rule; a new text makes a new version
    #[command(after_help = EXCEPTIONS, group = clap::ArgGroup::new("changes").required(true).multiple(true))]
    Update(Update),
    /// Delete a rule of the tenant's own, its versions with it; what it found stays
    Delete {
        /// Its full name, its id, or a part of its title
        #[arg(value_name = "RULE", value_parser = rule)]
        which: Which,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
    /// The texts that a rule has had, newest first
    Versions {
        /// Its full name, its id, or a part of its title
        #[arg(value_name = "RULE", value_parser = rule)]
        which: Which,
        /// The text of this version alone, as it was given
        #[arg(long, value_name = "VERSION")]
        text: Option<i32>,
    },
}

/// What is to be changed.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// Its full name, its id, or a part of its title
    #[arg(value_name = "RULE", value_parser = rule)]
    which: Which,
    /// Its text is that of this file; `-` for stdin
    #[arg(long, value_name = "FILE", group = "changes")]
    text: Option<PathBuf>,
    /// Look at events by it
    #[arg(long, group = "changes")]
    enable: bool,
    /// Keep it without looking at events by it
    #[arg(long, group = "changes", conflicts_with = "enable")]
    disable: bool,
    /// Add an exception: what fits this filter is not what the rule is after; may be repeated
    #[arg(long, value_name = "FILTER", group = "changes")]
    except: Vec<String>,
    /// Drop the exceptions that it has; with --except those are all from now on
    #[arg(long, group = "changes")]
    no_exceptions: bool,
    /// Tell nobody what it finds until then: a time, or in how long as in 8h or 7d
    #[arg(long, value_name = "TIME", value_parser = when::ahead, group = "changes")]
    mute_until: Option<Timestamp>,
    /// Tell again what it finds
    #[arg(long, group = "changes", conflicts_with = "mute_until")]
    unmute: bool,
    /// Only if it is still as `show` showed it with this etag
    #[arg(long, default_value = "", hide_default_value = true)]
    etag: String,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Command) -> Outcome {
    let output = &context.output;
    match command {
        Command::List { limit } => {
            let rules = context.client_of_tenant(whose).await?.rules();
            let found = rules.list();
            output.list(found.take(limit.unwrap_or(usize::MAX))).await
        }
        Command::Show { which, text } => {
            let (rules, name) = named(context, whose, which).await?;
            let rule = rules.get(&name).await?;
            match (text, output.form()) {
                (true, _) => output.bytes(rule.text.trim_end().as_bytes()),
                (false, Form::Table) => output.text(&page::rule(&rule)),
                (false, _) => output.document(&rule.json()),
            }
        }
        Command::Add(add) => add::run(context, whose, add).await,
        Command::Update(update) => change(context, whose, update).await,
        Command::Delete { which, yes } => {
            let (rules, name) = named(context, whose, which).await?;
            delete(context, &rules, &name, yes).await
        }
        Command::Versions { which, text } => {
            let (rules, name) = named(context, whose, which).await?;
            let versions = rules.versions(&name).await?;
            let Some(wanted) = text else {
                let versions = versions.into_iter().map(Ok);
                return output.list(futures::stream::iter(versions)).await;
            };
            match versions.iter().find(|one| one.version == wanted) {
                Some(version) => output.bytes(version.text.trim_end().as_bytes()),
                None => Err(Failure::usage(format!(
                    "it has no version {wanted} that is kept; without --text they are listed"
                ))),
            }
        }
    }
}

async fn change(context: &Context, whose: &Whose, update: Update) -> Outcome {
    // Read before anything is sent.
    let text = match &update.text {
        Some(path) => Some(files::text_of(path)?),
        None => None,
    };
    let (rules, name) = named(context, whose, update.which).await?;
    let mut etag = update.etag;
    let exceptions = match (update.except.is_empty(), update.no_exceptions) {
        (true, false) => None,
        (_, true) => Some(update.except),
        (false, false) => {
            let before = rules.get(&name).await?;
            if etag.is_empty() {
                // So that an exception which somebody adds meanwhile is not lost.
                etag = before.etag;
            }
            Some(both(before.exceptions, update.except))
        }
    };
    let changes = RuleChanges {
        text: text.clone(),
        enabled: match (update.enable, update.disable) {
            (true, _) => Some(true),
            (_, true) => Some(false),
            _ => None,
        },
        exceptions,
        muted_until: match update.unmute {
            true => Some(None),
            false => update.mute_until.map(Some),
        },
    };
    match rules.update(&name, changes, &etag).await {
        Ok(rule) => show(context, &rule),
        Err(error) => Err(match (text, update.text) {
            (Some(text), Some(path)) if *error.reason() == Reason::InvalidRule => {
                let drawn = place::drawn_of(&files::label(&path), &text, &error);
                Failure::InFile(error, drawn)
            }
            _ => error.into(),
        }),
    }
}

/// Those that there are and those that come in addition.
fn both(mut before: Vec<String>, more: Vec<String>) -> Vec<String> {
    for exception in more {
        if !before.contains(&exception) {
            before.push(exception);
        }
    }
    before
}

async fn delete(context: &Context, rules: &Rules, name: &str, yes: bool) -> Outcome {
    // The etag makes sure that what is deleted is what was shown.
    let rule = rules.get(name).await?;
    if !yes {
        let id = short(&rule.name);
        let warning = format!(
            "This deletes the rule \"{}\" with all its versions; what it found stays. To keep it \
             without looking at events by it: cordon detect rules update {id} --disable",
            rule.title
        );
        confirm(&warning, "delete")?;
    }
    rules.delete(name, &rule.etag).await?;
    context
        .output
        .done(&format!("{name} is deleted"), &json!({ "name": name }))
}

/// A rule that was changed, without its text.
fn show(context: &Context, rule: &Rule) -> Outcome {
    match context.output.form() {
        Form::Table => context.output.text(&page::rule_head(rule).join("\n")),
        Form::Json | Form::Ndjson => context.output.document(&rule.json()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exceptions_come_in_addition_and_once() {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        assert_eq!(
            both(texts(&["a", "b"]), texts(&["b", "c", "c"])),
            ["a", "b", "c"]
        );
    }
}
