//! `cordon admin ranges`.

use clap::Subcommand;
use serde_json::json;

use crate::context::Context;
use crate::failure::Outcome;

/// What can be done with the provider's address ranges.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Declare a range as the provider's own
    Add {
        /// As in 10.0.0.0/8 or 2001:db8::/32
        cidr: String,
    },
    /// The declared ranges
    List,
    /// Withdraw a range
    Remove {
        /// Its id, as `list` shows it
        range: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let admin = context.client().await?.tenants();
    match command {
        Command::Add { cidr } => context.output.one(&admin.create_range(&cidr).await?),
        Command::List => context.output.list(admin.list_ranges()).await,
        Command::Remove { range } => {
            admin.delete_range(&range).await?;
            context
                .output
                .done(&format!("withdrew {range}"), &json!({ "removed": range }))
        }
    }
}
