//! `cordon context networks`.

use clap::{Args, Subcommand};
use cordon_client::time::to_proto;
use cordon_client::{ContextAbout, ContextChanges, ContextKind, TrustedNetwork};
use jiff::Timestamp;

use super::which;
use crate::context::{Context, Whose};
use crate::failure::Outcome;
use crate::when;

const KIND: ContextKind = ContextKind::TrustedNetwork;

/// What can be done with trusted networks.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Tell one
    Add(Add),
    /// Those that were told
    List {
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// One of them
    Show {
        /// What it is called, its id or its full name
        network: String,
    },
    /// Change one; what is not given stays as it is
    Update(Update),
    /// Take one back
    Remove {
        /// What it is called, its id or its full name
        network: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// A network to be told.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// What findings are to call it
    name: String,
    /// As in 192.0.2.0/24, or an address
    #[arg(value_name = "CIDR", required = true)]
    cidrs: Vec<String>,
    /// Trust it until then: a time, or in how long as in 8h or 7d
    #[arg(long, value_name = "TIME", value_parser = when::ahead)]
    until: Option<Timestamp>,
    /// For people
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    note: String,
}

/// What is to be changed of one.
#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("changes").required(true).multiple(true))]
pub(super) struct Update {
    /// What it is called, its id or its full name
    network: String,
    /// What findings are to call it from now on
    #[arg(long, value_name = "NAME", group = "changes")]
    name: Option<String>,
    /// All that it is from now on, as in 192.0.2.0/24; may be repeated
    #[arg(long = "cidr", value_name = "CIDR", group = "changes")]
    cidrs: Vec<String>,
    /// Trust it until then: a time, in how long as in 8h or 7d, or `now`
    #[arg(long, value_name = "TIME", value_parser = until, group = "changes")]
    until: Option<Timestamp>,
    /// Trust it for good
    #[arg(long, group = "changes", conflicts_with = "until")]
    for_good: bool,
    /// For people
    #[arg(long, value_name = "TEXT", group = "changes")]
    note: Option<String>,
}

/// A time to come, or `now`, by which it ends at once.
fn until(text: &str) -> Result<Timestamp, String> {
    when::ahead(text).or_else(|_| when::moment(text))
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Command) -> Outcome {
    match command {
        Command::Add(add) => {
            let about = ContextAbout::TrustedNetwork(TrustedNetwork {
                cidrs: add.cidrs,
                expire_time: add.until.map(to_proto),
            });
            let entries = context.client_of_tenant(whose).await?.context();
            let made = entries.create(&add.name, &add.note, about).await?;
            super::shown(context, &made)
        }
        Command::List { limit } => super::list(context, whose, KIND, limit).await,
        Command::Show { network } => super::show(context, whose, KIND, &network).await,
        Command::Update(update) => change(context, whose, update).await,
        Command::Remove { network, yes } => {
            super::remove(context, whose, KIND, (&network, yes)).await
        }
    }
}

async fn change(context: &Context, whose: &Whose, update: Update) -> Outcome {
    let (entries, entry) = which::entry(context, whose, KIND, &update.network).await?;
    let mut network = match entry.about {
        Some(ContextAbout::TrustedNetwork(network)) => network,
        _ => TrustedNetwork::default(),
    };
    if !update.cidrs.is_empty() {
        network.cidrs = update.cidrs;
    }
    network.expire_time = match update.for_good {
        true => None,
        false => update.until.map(to_proto).or(network.expire_time),
    };
    let changes = ContextChanges {
        display_name: update.name,
        note: update.note,
        about: Some(ContextAbout::TrustedNetwork(network)),
    };
    // So that what somebody says meanwhile is not lost.
    let changed = entries.update(&entry.name, changes, &entry.etag).await?;
    super::shown(context, &changed)
}
