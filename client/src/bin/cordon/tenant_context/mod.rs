//! `cordon context`: what a tenant chooses to tell of its own.

mod assets;
mod file;
mod networks;
mod rows;
mod which;
mod work;

use clap::{Args, Subcommand};
use cordon_client::{ContextEntry, ContextKind};
use futures::StreamExt as _;
use serde_json::json;

use crate::confirm::confirm;
use crate::context::{Context, Whose};
use crate::failure::Outcome;
use crate::output::{Form, Row as _};
use crate::show::short;

const NAMES: &str = "\
An entry is named by what it is called, by its id, or by its full name as in
tenants/acme/contextEntries/0190f1a2-…. Staff read them with --tenant and --justification.

Nothing of it is needed. A finding that concerns a crown jewel has a level one step higher; one all of
whose events are part of planned work, or come from trusted networks, one step lower. No finding is kept
from being made, what is critical or concerns a crown jewel is never lowered, and each finding says what
was done to it and why: cordon detect findings show. What is told changes no finding that is there.";

/// What can be told.
#[derive(Debug, Args)]
#[command(after_help = NAMES)]
pub(crate) struct Command {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// What the tenant has, and which of it are crown jewels
    #[command(subcommand, after_help = NAMES)]
    Assets(assets::Command),
    /// What the tenant is going to do
    #[command(subcommand, after_help = NAMES)]
    Work(work::Command),
    /// From where the tenant's own come
    #[command(subcommand, after_help = NAMES)]
    Networks(networks::Command),
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let Command { whose, verb } = command;
    match verb {
        Verb::Assets(command) => assets::run(context, &whose, command).await,
        Verb::Work(command) => work::run(context, &whose, command).await,
        Verb::Networks(command) => networks::run(context, &whose, command).await,
    }
}

/// The entries of a kind.
async fn list(
    context: &Context,
    whose: &Whose,
    kind: ContextKind,
    limit: Option<usize>,
) -> Outcome {
    let entries = context.client_of_tenant(whose).await?.context();
    let found = entries.list(Some(kind)).take(limit.unwrap_or(usize::MAX));
    match kind {
        ContextKind::PlannedWork => {
            let rows = found.map(|entry| entry.map(rows::Work));
            context.output.list(rows).await
        }
        ContextKind::TrustedNetwork => {
            let rows = found.map(|entry| entry.map(rows::Network));
            context.output.list(rows).await
        }
        ContextKind::Asset | ContextKind::Unspecified => {
            let rows = found.map(|entry| entry.map(rows::Asset));
            context.output.list(rows).await
        }
    }
}

/// One entry.
async fn show(context: &Context, whose: &Whose, kind: ContextKind, which: &str) -> Outcome {
    let (_, entry) = which::entry(context, whose, kind, which).await?;
    shown(context, &entry)
}

fn shown(context: &Context, entry: &ContextEntry) -> Outcome {
    match context.output.form() {
        Form::Table => context.output.text(&rows::page(entry)),
        Form::Json | Form::Ndjson => {
            let row = rows::Asset(entry.clone());
            context.output.document(&row.json())
        }
    }
}

/// Takes an entry back.
async fn remove(
    context: &Context,
    whose: &Whose,
    kind: ContextKind,
    (which, yes): (&str, bool),
) -> Outcome {
    // The etag makes sure that what is taken back is what was shown.
    let (entries, entry) = which::entry(context, whose, kind, which).await?;
    if !yes {
        let warning = format!(
            "This takes back \"{}\" ({}); findings that it explains go on saying so.",
            entry.display_name,
            short(&entry.name)
        );
        confirm(&warning, "remove")?;
    }
    entries.delete(&entry.name, &entry.etag).await?;
    let name = &entry.name;
    context
        .output
        .done(&format!("{name} is taken back"), &json!({ "name": name }))
}
