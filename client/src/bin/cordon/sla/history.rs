//! `cordon sla history`.

use std::io::{BufWriter, Write};
use std::path::PathBuf;

use clap::Args;
use cordon_client::{Client, TimelineEntry};
use serde_json::json;

use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::output::Row as _;
use crate::part::Part;

/// Whose, and where to.
#[derive(Debug, Args)]
pub(crate) struct Ask {
    #[command(flatten)]
    whose: Whose,
    /// Where it goes, one JSON document a line; stdout, if not given. It appears when it is whole
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, command: Ask) -> Outcome {
    let client = context.client_of_tenant(&command.whose).await?;
    let Some(path) = command.out else {
        let count = write(&client, std::io::stdout()).await?;
        note(&format!("{count} entries"));
        return Ok(());
    };
    let part = Part::create(&path)?;
    let count = write(&client, part.file()).await?;
    part.finish(&path)?;
    let path = path.display().to_string();
    context.output.done(
        &format!("wrote {path}: {count} entries"),
        &json!({ "file": path, "entries": count }),
    )
}

/// An entry without who did it and what was said with it: what clocks go by is no more than when
/// which side did what, and the rest may be marked as not for everyone.
fn unsaid(mut entry: TimelineEntry) -> TimelineEntry {
    entry.reason.clear();
    if let Some(actor) = &mut entry.actor {
        actor.subject.clear();
    }
    entry
}

/// Writes all entries up to now; says how many.
async fn write(client: &Client, out: impl Write) -> Result<u64, Failure> {
    let mut out = BufWriter::with_capacity(64 << 10, out);
    let mut count = 0;
    client
        .incidents()
        .history(|entry| {
            count += 1;
            writeln!(out, "{}", unsaid(entry).json())?;
            Ok(())
        })
        .await?;
    out.flush()?;
    Ok(count)
}
