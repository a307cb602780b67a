//! `cordon snapshots custody`.

use std::path::PathBuf;

use clap::Args;
use cordon_client::snapshots::evidence::custody::{Act, Entry, Recheck};
use cordon_client::snapshots::{check_custody, read_manifest};

use super::which::{named, snapshot};
use crate::context::{Context, Whose};
use crate::failure::{Outcome, note};
use crate::output::{Documents, Form};
use crate::statements::keys;

/// The columns.
const HEAD: &[&str] = &[
    "sequence", "time", "act", "who", "party", "items", "purpose",
];

/// Whose chain.
#[derive(Debug, Args)]
pub(super) struct Custody {
    /// The snapshot's full name or its id
    #[arg(value_name = "ID", value_parser = snapshot)]
    id: String,
    /// Keys that `cordon signing-keys` wrote; without them, those of the profile's server
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Custody) -> Outcome {
    let (snapshots, name) = named(context, whose, &command.id).await?;
    let keys = keys(context, command.keys.as_deref()).await?;
    let signed = read_manifest(&snapshots.manifest(&name).await?, &keys)?;
    signed.check_name(&name)?;
    let custody = snapshots.custody(&name).await?;
    let checked = check_custody(&signed, &custody.entries, &custody.head_envelope, &keys)?;
    match context.output.form() {
        Form::Table => {
            let rows = checked.entries.iter().map(row).collect();
            context.output.table(HEAD, rows)?;
        }
        form => {
            // Each as its bytes: its hash is that of them.
            let mut documents = Documents::new(form);
            for entry in &custody.entries {
                documents.put(entry)?;
            }
            documents.finish()?;
        }
    }
    let signers = checked.statement.signers.iter().map(|key| key.kid.as_str());
    note(&format!(
        "each follows from the one before, from the manifest to the end that {} signed: {} {}",
        signers.collect::<Vec<_>>().join(", "),
        checked.head.sequence,
        checked.head.hash
    ));
    Ok(())
}

fn row(entry: &Entry) -> Vec<String> {
    vec![
        entry.sequence.to_string(),
        entry.at.to_string(),
        act(entry),
        entry.by.name.clone(),
        entry.by.party.clone(),
        entry.items.join(" "),
        entry.purpose.clone(),
    ]
}

/// What was done, and what came of it.
fn act(entry: &Entry) -> String {
    let done = match &entry.act {
        Act::Acquired {} => "acquired".to_owned(),
        Act::Read {} => "read".to_owned(),
        Act::Exported {} => "exported".to_owned(),
        Act::Examined {} => "examined".to_owned(),
        Act::Held { hold } => format!("held by {hold}"),
        Act::Released { hold } => format!("released from {hold}"),
        Act::Shared { with } => format!("shared with {with}"),
        Act::ShareRevoked { with } => format!("no longer shared with {with}"),
        Act::Deleted {} => "deleted".to_owned(),
    };
    match &entry.recheck {
        Recheck::NotDone {} => done,
        Recheck::Same {} => format!("{done}, hashed again: the same"),
        Recheck::Differs {
            item,
            block,
            offset,
        } => format!("{done}: block {block} of {item}, from byte {offset} on, was damaged"),
    }
}
