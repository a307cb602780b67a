//! `cordon facts`: what the provider states about its infrastructure.

pub(crate) mod admin;
mod rows;
mod words;

use clap::{Args, Subcommand};
use cordon_client::{Fact, FactFilter};
use futures::stream;
use jiff::Timestamp;

use self::words::KindArg;
use crate::context::{Context, Whose};
use crate::failure::Outcome;
use crate::output::{Form, Row as _};
use crate::when;

const NAMES: &str = "\
A fact is named by its full name, as in tenants/acme/facts/0190f1a2-…, or by its id alone. With
--as-of it is shown as it was stated then, whatever was stated since.";

/// What the provider states.
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
    /// What is stated to you
    #[command(after_help = NAMES)]
    List(Wanted),
    /// One fact, with its text
    #[command(after_help = NAMES)]
    Show {
        /// Its full name, or its id
        #[arg(value_name = "FACT")]
        fact: String,
        /// As it was stated then
        #[arg(long, value_name = "TIME", value_parser = when::moment)]
        as_of: Option<Timestamp>,
    },
    /// All that was stated of a fact, the newest first
    #[command(after_help = NAMES)]
    Versions {
        /// Its full name, or its id
        #[arg(value_name = "FACT")]
        fact: String,
    },
}

/// Which facts.
#[derive(Debug, Args)]
pub(crate) struct Wanted {
    /// Of this kind alone
    #[arg(long, value_enum)]
    kind: Option<KindArg>,
    /// About this service alone
    #[arg(long, value_name = "ID", default_value = "", hide_default_value = true)]
    service: String,
    /// As they were stated then
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    as_of: Option<Timestamp>,
    /// Those too that were withdrawn or whose time is over
    #[arg(long)]
    all: bool,
}

impl From<Wanted> for FactFilter {
    fn from(wanted: Wanted) -> Self {
        Self {
            kind: wanted.kind.map(Into::into),
            service: wanted.service,
            as_of: wanted.as_of,
            ended: wanted.all,
        }
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let client = context.client_for(&command.whose).await?;
    let facts = client.facts();
    match command.verb {
        Verb::List(wanted) => context.output.list(facts.list(wanted.into())).await,
        Verb::Show { fact, as_of } => show(context, &facts.get(&fact, as_of).await?),
        Verb::Versions { fact } => {
            let versions = facts.versions(&fact).await?;
            let versions = stream::iter(versions.into_iter().map(Ok));
            context.output.list(versions).await
        }
    }
}

fn show(context: &Context, fact: &Fact) -> Outcome {
    match context.output.form() {
        Form::Table => context.output.text(&rows::page(fact)),
        Form::Json | Form::Ndjson => context.output.document(&fact.json()),
    }
}
