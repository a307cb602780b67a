//! `cordon audit`.

use clap::{Args, Subcommand};
use futures::StreamExt as _;

use crate::context::{Context, Whose};
use crate::failure::Outcome;
use crate::when::{self, When};

/// What can be done with a log.
#[derive(Debug, Args)]
pub(crate) struct Command {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// The entries, oldest first; for staff without --tenant, the provider's own
    List {
        /// First moment: a time, how long ago, or all
        #[arg(long, value_name = "TIME", value_parser = when::bound, default_value = "all")]
        since: When,
        /// First moment after
        #[arg(long, value_name = "TIME", value_parser = when::bound, default_value = "all")]
        until: When,
        /// How many entries at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let Verb::List {
        since,
        until,
        limit,
    } = command.verb;
    let client = context.client_for(&command.whose).await?;
    let entries = client.audit().list(since.0, until.0);
    context
        .output
        .list(entries.take(limit.unwrap_or(usize::MAX)))
        .await
}
