//! `cordon snapshots hold`, `holds` and `release`.

use clap::Args;
use cordon_client::Snapshots;
use cordon_client::snapshots::{Mode, NewHold};
use futures::stream;
use jiff::Timestamp;

use super::which::{hold, named, snapshot};
use crate::context::{Context, Whose};
use crate::failure::Outcome;
use crate::when;

/// What is to hold.
#[derive(Debug, Args)]
pub(super) struct Hold {
    /// The snapshot's full name or its id
    #[arg(value_name = "ID", value_parser = snapshot)]
    id: String,
    /// Why it must be kept
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Nobody can end it before its time, who placed it neither
    #[arg(long, requires = "until")]
    compliance: bool,
    /// Until when it holds, as in 2027-01-01 or in how long as in 90d; until it is released, if not
    /// given
    #[arg(long, value_name = "TIME", value_parser = when::ahead)]
    until: Option<Timestamp>,
}

/// Which hold ends.
#[derive(Debug, Args)]
pub(super) struct Release {
    /// Its full name, as `holds` shows it
    #[arg(value_name = "HOLD", value_parser = hold)]
    hold: String,
    /// Why it may end
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

pub(super) async fn place(context: &Context, whose: &Whose, command: Hold) -> Outcome {
    let (snapshots, name) = named(context, whose, &command.id).await?;
    let new = NewHold {
        mode: match command.compliance {
            true => Mode::Compliance,
            false => Mode::Governance,
        },
        until: command.until,
        ..NewHold::new(command.reason)
    };
    context.output.one(&snapshots.hold(&name, new).await?)
}

pub(super) async fn list(context: &Context, snapshots: &Snapshots, name: &str) -> Outcome {
    let holds = snapshots.holds(name).await?;
    context
        .output
        .list(stream::iter(holds.into_iter().map(Ok)))
        .await
}

pub(super) async fn release(context: &Context, whose: &Whose, command: Release) -> Outcome {
    let snapshots = context.client_for(whose).await?.snapshots();
    let released = snapshots.release_hold(&command.hold, &command.reason);
    context.output.one(&released.await?)
}
