//! `cordon snapshots delete`.

use std::path::PathBuf;

use clap::Args;
use serde_json::{Value, json};

use super::size::human;
use super::which::{named, snapshot};
use crate::confirm::confirm;
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::output::{Form, Row as _};
use crate::part::Part;

/// What is to be destroyed.
#[derive(Debug, Args)]
pub(super) struct Delete {
    /// Its full name or its id
    #[arg(value_name = "ID", value_parser = snapshot)]
    id: String,
    /// Why, in words: it stands in the chain of custody
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Where the certificate goes that the server signs of it; stdout, if not given
    #[arg(long, value_name = "FILE")]
    certificate: Option<PathBuf>,
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Delete) -> Outcome {
    let (snapshots, name) = named(context, whose, &command.id).await?;
    if !command.yes {
        let found = snapshots.get(&name).await?;
        let sizes = found.items.iter().map(|item| item.size_bytes);
        let bytes: u64 = sizes.filter_map(|size| u64::try_from(size).ok()).sum();
        let warning = format!(
            "This destroys what was taken of {} ({} items, {}), and nothing brings it back; what was \
             fetched stays where it is. Its manifest and chain of custody are kept.",
            found.instance,
            found.items.len(),
            human(bytes)
        );
        confirm(&warning, "delete")?;
    }
    // What can't be written is said before anything is destroyed.
    let part = command
        .certificate
        .as_deref()
        .map(Part::create)
        .transpose()?;
    let (deleted, certificate) = snapshots.delete(&name, &command.reason).await?;
    let file = command.certificate.as_ref();
    if let (Some(part), Some(path)) = (part, file) {
        use std::io::Write as _;
        let written = part.file().write_all(&certificate);
        written
            .map_err(Failure::from)
            .and_then(|()| part.finish(path))
            .inspect_err(|_| {
                note(&format!(
                    "{name} is destroyed, but its certificate could not be written: run the command \
                     again, and the server makes another one"
                ));
            })?;
    }
    let sentence = format!("{name} is destroyed");
    if context.output.form() != Form::Table {
        let envelope: Value = serde_json::from_slice(&certificate).unwrap_or(Value::Null);
        return context.output.document(&json!({
            "snapshot": deleted.json(),
            "certificate": envelope,
            "file": file.map(|path| path.display().to_string()),
        }));
    }
    match file {
        Some(path) => context.output.text(&format!(
            "{sentence}; the certificate of that is in {0}: cordon verify {0}",
            path.display()
        )),
        None => {
            note(&format!("{sentence}; the certificate of that, to be kept:"));
            context.output.json(&certificate)
        }
    }
}
