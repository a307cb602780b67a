//! `cordon snapshots create`.

use clap::Args;
use cordon_client::Client;
use cordon_client::snapshots::{Consistency, NewSnapshot, Snapshot, taken};

use super::size;
use super::which::id;
use super::words::ConsistencyArg;
use super::{show, wait};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::incidents;
use crate::incidents::which::{Which, which};
use crate::output::{Form, Row as _};

pub(super) const HOW: &str = "\
With none of --memory, --disk and --network all disks are taken. The reason stands in the signed
manifest and in the chain of custody. Give the instance first: names behind --disk are disks'.

With --consistency paused the instance stands still until its memory was read, which takes as long
as its memory is large. With live, which is the rule, it stands still for some milliseconds, and its
memory is of a later moment than its disks.";

/// What is to be taken.
#[derive(Debug, Args)]
pub(super) struct Create {
    /// The instance: its id, or its full name as in tenants/acme/resources/0190f1a2-…
    #[arg(value_name = "INSTANCE")]
    instance: String,
    /// What for, in words
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The incident that it is for: its full name, id, or number
    #[arg(long, value_name = "NAME", value_parser = which)]
    incident: Option<Which>,
    /// The memory
    #[arg(long)]
    memory: bool,
    /// The disks, or those of these names
    #[arg(long, value_name = "NAME", num_args = 0..)]
    disk: Option<Vec<String>>,
    /// The state of the network: addresses, rules, connections
    #[arg(long)]
    network: bool,
    /// How the parts are to fit together in time
    #[arg(long, value_enum)]
    consistency: Option<ConsistencyArg>,
    /// The most bytes that are read a second, as in 100M; if not given, what the provider allows
    #[arg(long, value_name = "SIZE", value_parser = size::bytes)]
    rate: Option<u64>,
    /// Do not wait: give the snapshot's name at once
    #[arg(long)]
    no_wait: bool,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Create) -> Outcome {
    let nothing = !command.memory && command.disk.is_none() && !command.network;
    let (client, incident) = client(context, whose, command.incident).await?;
    let new = NewSnapshot {
        incident,
        memory: command.memory,
        disks: command.disk.or_else(|| nothing.then(Vec::new)),
        network: command.network,
        consistency: command.consistency.map_or(Consistency::Live, Into::into),
        max_bytes_per_second: command.rate,
        ..NewSnapshot::new(command.instance, command.reason)
    };
    let snapshots = client.snapshots();
    let asked = snapshots.create(new).await?;
    if command.no_wait {
        return given(context, &asked);
    }
    let ended = wait::until_ended(&snapshots, &asked.name).await?;
    if let Err(error) = taken(&ended) {
        note(&format!("{} was not taken", ended.name));
        return Err(error.into());
    }
    show(context, &ended)
}

/// What was asked for, without waiting.
fn given(context: &Context, asked: &Snapshot) -> Outcome {
    match context.output.form() {
        Form::Table => context.output.text(&asked.name)?,
        Form::Json | Form::Ndjson => context.output.document(&asked.json())?,
    }
    note(&format!(
        "to follow it: cordon snapshots watch {0}; to call it off: cordon snapshots cancel {0}",
        id(&asked.name)
    ));
    Ok(())
}

/// The client to ask with, and the full name of the incident that it is for.
async fn client(
    context: &Context,
    whose: &Whose,
    incident: Option<Which>,
) -> Result<(Client, Option<String>), Failure> {
    match incident {
        None => Ok((context.client_of_tenant(whose).await?, None)),
        Some(which) => {
            let (client, name) = incidents::named(context, whose, which).await?;
            if client.tenant().is_none() {
                return Err(Failure::usage(
                    "this profile belongs to no tenant: name the instance's with --tenant, and say \
                     why with --justification",
                ));
            }
            Ok((client, Some(name)))
        }
    }
}
