//! `cordon snapshots`.

mod create;
mod custody;
mod delete;
mod download;
mod holds;
mod page;
mod report;
mod rows;
mod size;
mod verify;
mod wait;
mod watch;
mod which;
mod words;

use clap::{Args, Subcommand};
use cordon_client::snapshots::Snapshot;
use futures::StreamExt as _;

use self::which::{named, snapshot};
use crate::context::{Context, Whose};
use crate::failure::Outcome;
use crate::output::{Form, Row as _};

const NAMES: &str = "\
A snapshot is named by its full name, as in tenants/acme/snapshots/0190f1a2-…, or by its id alone.
Staff give the full name, or the id with --tenant, and say why they enter the tenant with
--justification. What is in a machine is for its owner alone to fetch.

From an incident to evidence that stands by itself:
  cordon signing-keys --out keys.json
  cordon snapshots create i-0123 --reason 'Ransom note' --memory --disk --consistency paused
  cordon snapshots download ID --out evidence --reason 'To be looked into'
  cordon snapshots verify evidence --keys keys.json";

/// What can be done with forensic snapshots.
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
    /// Have a snapshot of an instance taken, and wait until it is
    #[command(after_help = create::HOW)]
    Create(create::Create),
    /// The tenant's snapshots, newest first
    List {
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// One snapshot: what is to be taken, how far it is, and what was taken
    Show {
        /// Its full name or its id
        #[arg(value_name = "ID", value_parser = snapshot)]
        id: String,
    },
    /// One snapshot as it changes, until it was taken or could not be
    Watch {
        /// Its full name or its id
        #[arg(value_name = "ID", value_parser = snapshot)]
        id: String,
    },
    /// Call a snapshot off while it is taken: what was stored of it is destroyed
    Cancel {
        /// Its full name or its id
        #[arg(value_name = "ID", value_parser = snapshot)]
        id: String,
    },
    /// Fetch what was taken into a folder, each block checked as it comes
    #[command(after_help = download::HOW)]
    Download(download::Download),
    /// Check what was fetched: with --keys offline, with nobody to ask
    #[command(after_help = verify::HOW)]
    Verify(verify::Verify),
    /// What was done with a snapshot, by whom and what for
    Custody(custody::Custody),
    /// Keep a snapshot from being deleted
    Hold(holds::Hold),
    /// What keeps a snapshot from being deleted, or did
    Holds {
        /// The snapshot's full name or its id
        #[arg(value_name = "ID", value_parser = snapshot)]
        id: String,
    },
    /// End a hold of one's own side
    Release(holds::Release),
    /// Destroy a snapshot: its key, then its bytes
    Delete(delete::Delete),
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let Command { whose, verb } = command;
    match verb {
        Verb::Create(command) => create::run(context, &whose, command).await,
        Verb::List { limit } => {
            let snapshots = context.client_of_tenant(&whose).await?.snapshots();
            let found = snapshots.list().take(limit.unwrap_or(usize::MAX));
            context.output.list(found).await
        }
        Verb::Show { id } => {
            let (snapshots, name) = named(context, &whose, &id).await?;
            show(context, &snapshots.get(&name).await?)
        }
        Verb::Watch { id } => {
            let (snapshots, name) = named(context, &whose, &id).await?;
            watch::run(context, &snapshots, &name).await
        }
        Verb::Cancel { id } => {
            let (snapshots, name) = named(context, &whose, &id).await?;
            show(context, &snapshots.cancel(&name).await?)
        }
        Verb::Download(command) => Box::pin(download::run(context, &whose, command)).await,
        Verb::Verify(command) => verify::run(context, command).await,
        Verb::Custody(command) => custody::run(context, &whose, command).await,
        Verb::Hold(command) => holds::place(context, &whose, command).await,
        Verb::Holds { id } => {
            let (snapshots, name) = named(context, &whose, &id).await?;
            holds::list(context, &snapshots, &name).await
        }
        Verb::Release(command) => holds::release(context, &whose, command).await,
        Verb::Delete(command) => delete::run(context, &whose, command).await,
    }
}

/// Shows a snapshot.
fn show(context: &Context, snapshot: &Snapshot) -> Outcome {
    match context.output.form() {
        Form::Table => context.output.text(&page::snapshot(snapshot)),
        Form::Json | Form::Ndjson => context.output.document(&snapshot.json()),
    }
}
