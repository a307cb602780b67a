//! `cordon analyses`.

mod answer;
mod ask;
pub(crate) mod input;
mod page;
mod question;
mod rerun;
mod result;
mod rows;
mod stix;
mod wait;
mod watch;
pub(crate) mod which;
mod words;

use clap::{Args, Subcommand};
use cordon_client::analysis::Analysis;
use futures::StreamExt as _;

use self::which::{analysis, named};
use crate::context::{Context, Whose};
use crate::failure::Outcome;
use crate::output::{Form, Row as _};

/// Most bytes of what is said to the other side: 8,000 characters.
pub(crate) const MOST_WORDS: usize = 32 << 10;

const NAMES: &str = "\
An analysis is named by its full name, as in tenants/acme/analyses/0190f1a2-…, or by its id alone.
Staff give the full name, which `cordon desk queue` shows, or the id with --tenant, and say why they
enter the tenant with --justification.";

/// What can be done with questions and answers.
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
    /// Ask a question, and show the answer when it is there
    #[command(subcommand, after_help = ask::HOW)]
    Ask(Box<ask::Kind>),
    /// The tenant's analyses, newest first
    List {
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// One analysis: what is asked, how far it is, what was said, and what is known of its answer
    Show {
        /// Its full name or its id
        #[arg(value_name = "ID", value_parser = analysis)]
        id: String,
    },
    /// One analysis as it changes, until it has ended
    Watch {
        /// Its full name or its id
        #[arg(value_name = "ID", value_parser = analysis)]
        id: String,
    },
    /// Call a question off
    Cancel {
        /// Its full name or its id
        #[arg(value_name = "ID", value_parser = analysis)]
        id: String,
        /// Only if it is still as `show` showed it with this etag
        #[arg(long, default_value = "", hide_default_value = true)]
        etag: String,
    },
    /// Say something to the analysts; after they have asked back, the move is theirs again
    Reply {
        /// Its full name or its id
        #[arg(value_name = "ID", value_parser = analysis)]
        id: String,
        /// What; `-` for stdin
        text: String,
    },
    /// Have an answer computed again over the same state of the events, and compare
    #[command(after_help = rerun::HOW)]
    Rerun(rerun::Rerun),
    /// The answer, on the terminal or as a file
    #[command(after_help = result::HOW)]
    Result(result::Fetch),
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let Command { whose, verb } = command;
    match verb {
        Verb::Ask(kind) => Box::pin(ask::run(context, &whose, *kind)).await,
        Verb::List { limit } => {
            let analyses = context.client_of_tenant(&whose).await?.analyses();
            let found = analyses.list().take(limit.unwrap_or(usize::MAX));
            context.output.list(found).await
        }
        Verb::Show { id } => show_named(context, &whose, &id).await,
        Verb::Watch { id } => {
            let (client, name) = named(context, &whose, &id).await?;
            watch::run(context, &client.analyses(), &name).await
        }
        Verb::Cancel { id, etag } => {
            let (client, name) = named(context, &whose, &id).await?;
            show(context, &client.analyses().cancel(&name, &etag).await?)
        }
        Verb::Reply { id, text } => {
            let text = input::words(text, MOST_WORDS)?;
            let (client, name) = named(context, &whose, &id).await?;
            show(context, &client.analyses().reply(&name, &text).await?)
        }
        Verb::Rerun(command) => rerun::run(context, &whose, command).await,
        Verb::Result(command) => result::run(context, &whose, command).await,
    }
}

/// Shows the analysis that is named.
pub(crate) async fn show_named(context: &Context, whose: &Whose, id: &str) -> Outcome {
    let (client, name) = named(context, whose, id).await?;
    show(context, &client.analyses().get(&name).await?)
}

/// Shows an analysis without its answer.
pub(crate) fn show(context: &Context, analysis: &Analysis) -> Outcome {
    match context.output.form() {
        Form::Table => context.output.text(&page::analysis(analysis)),
        Form::Json | Form::Ndjson => context.output.document(&analysis.json()),
    }
}
