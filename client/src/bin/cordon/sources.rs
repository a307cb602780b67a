//! `cordon admin sources`.

use clap::Subcommand;
use serde_json::json;

use crate::context::Context;
use crate::failure::Outcome;

/// What can be done with sources.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Register a source
    Create {
        /// 3 to 63 of a-z, 0-9 and `-`, beginning with a letter
        #[arg(value_name = "SOURCE")]
        id: String,
        /// Kind of record
        #[arg(long, value_name = "TYPE", value_parser = crate::ingest::SOURCE_TYPES)]
        source_type: String,
        /// Name for people
        #[arg(long, default_value = "")]
        display_name: String,
    },
    /// The registered sources
    List,
    /// Withdraw a source; what it sent stays
    Delete {
        /// The source
        #[arg(value_name = "SOURCE")]
        id: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let admin = context.client().await?.tenants();
    let output = &context.output;
    match command {
        Command::Create {
            id,
            source_type,
            display_name,
        } => output.one(
            &admin
                .create_source(&id, &source_type, &display_name)
                .await?,
        ),
        Command::List => output.list(admin.list_sources()).await,
        Command::Delete { id } => {
            admin.delete_source(&id).await?;
            output.done(&format!("withdrew {id}"), &json!({ "deleted": id }))
        }
    }
}
