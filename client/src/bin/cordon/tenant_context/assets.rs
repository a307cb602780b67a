//! `cordon context assets`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cordon_client::{Asset, ContextAbout, ContextChanges, ContextKind};
use serde_json::json;

use super::{file, which};
use crate::context::{Context, Whose};
use crate::failure::Outcome;

const KIND: ContextKind = ContextKind::Asset;

/// What can be done with assets.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Tell one
    Add(Add),
    /// Tell those of a file; one that is called as an asset that was told takes its place
    #[command(after_help = file::FORMS)]
    Import {
        /// CSV or JSON; `-` for stdin
        file: PathBuf,
    },
    /// Those that were told
    List {
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// One of them
    Show {
        /// What it is called, its id or its full name
        asset: String,
    },
    /// Change one; what is not given stays as it is
    Update(Update),
    /// Take one back
    Remove {
        /// What it is called, its id or its full name
        asset: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// An asset to be told.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// What findings are to call it
    name: String,
    /// What events call it: an account, an ARN, an instance id, a bucket, a host name, an address, a
    /// network; may be repeated
    #[arg(long = "id", value_name = "IDENTIFIER", required = true)]
    ids: Vec<String>,
    /// What it is for, or what kind of thing it is
    #[arg(long, default_value = "", hide_default_value = true)]
    role: String,
    /// Its operating system
    #[arg(
        long,
        value_name = "SYSTEM",
        default_value = "",
        hide_default_value = true
    )]
    os: String,
    /// Whom to ask about it
    #[arg(
        long,
        value_name = "CONTACT",
        default_value = "",
        hide_default_value = true
    )]
    owner: String,
    /// What happens to it is worse than what happens to others
    #[arg(long)]
    crown_jewel: bool,
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
    asset: String,
    /// What findings are to call it from now on
    #[arg(long, value_name = "NAME", group = "changes")]
    name: Option<String>,
    /// All that events call it from now on; may be repeated
    #[arg(long = "id", value_name = "IDENTIFIER", group = "changes")]
    ids: Vec<String>,
    /// What it is for, or what kind of thing it is
    #[arg(long, group = "changes")]
    role: Option<String>,
    /// Its operating system
    #[arg(long, value_name = "SYSTEM", group = "changes")]
    os: Option<String>,
    /// Whom to ask about it
    #[arg(long, value_name = "CONTACT", group = "changes")]
    owner: Option<String>,
    /// Whether what happens to it is worse than what happens to others
    #[arg(long, value_name = "YES", num_args = 0..=1, default_missing_value = "true", group = "changes")]
    crown_jewel: Option<bool>,
    /// For people
    #[arg(long, value_name = "TEXT", group = "changes")]
    note: Option<String>,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Command) -> Outcome {
    match command {
        Command::Add(add) => {
            let about = ContextAbout::Asset(Asset {
                identifiers: add.ids,
                role: add.role,
                operating_system: add.os,
                owner_contact: add.owner,
                crown_jewel: add.crown_jewel,
            });
            let entries = context.client_of_tenant(whose).await?.context();
            let made = entries.create(&add.name, &add.note, about).await?;
            super::shown(context, &made)
        }
        Command::Import { file } => {
            // Read before anything is sent, so that a mistake in it is told first.
            let assets = file::read(&file)?;
            let entries = context.client_of_tenant(whose).await?.context();
            let answer = entries.import(assets).await?;
            context.output.done(
                &format!(
                    "{} added, {} changed, {} were there already",
                    answer.created_count, answer.updated_count, answer.unchanged_count
                ),
                &json!({
                    "created_count": answer.created_count,
                    "updated_count": answer.updated_count,
                    "unchanged_count": answer.unchanged_count,
                }),
            )
        }
        Command::List { limit } => super::list(context, whose, KIND, limit).await,
        Command::Show { asset } => super::show(context, whose, KIND, &asset).await,
        Command::Update(update) => change(context, whose, update).await,
        Command::Remove { asset, yes } => super::remove(context, whose, KIND, (&asset, yes)).await,
    }
}

async fn change(context: &Context, whose: &Whose, update: Update) -> Outcome {
    let (entries, entry) = which::entry(context, whose, KIND, &update.asset).await?;
    let mut asset = match entry.about {
        Some(ContextAbout::Asset(asset)) => asset,
        _ => Asset::default(),
    };
    if !update.ids.is_empty() {
        asset.identifiers = update.ids;
    }
    asset.role = update.role.unwrap_or(asset.role);
    asset.operating_system = update.os.unwrap_or(asset.operating_system);
    asset.owner_contact = update.owner.unwrap_or(asset.owner_contact);
    asset.crown_jewel = update.crown_jewel.unwrap_or(asset.crown_jewel);
    let changes = ContextChanges {
        display_name: update.name,
        note: update.note,
        about: Some(ContextAbout::Asset(asset)),
    };
    // So that what somebody says meanwhile is not lost.
    let changed = entries.update(&entry.name, changes, &entry.etag).await?;
    super::shown(context, &changed)
}
