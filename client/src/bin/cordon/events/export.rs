//! `cordon events export`.

use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use cordon_client::{Events, ExportFormat, ExportStream};
use futures::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Selection, say_completeness};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::part::Part;

/// What to export, and where to.
#[derive(Debug, Args)]
pub(super) struct Export {
    #[command(flatten)]
    selection: Selection,
    /// Form of the file
    #[arg(long, value_enum)]
    format: FormatArg,
    /// Where the file goes; it appears when it is whole. `-` for stdout
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// One OCSF event a line
    Ndjson,
    /// The columns, with a header line
    Csv,
    /// The columns and the raw record
    Parquet,
}

impl From<FormatArg> for ExportFormat {
    fn from(format: FormatArg) -> Self {
        match format {
            FormatArg::Ndjson => Self::Ndjson,
            FormatArg::Csv => Self::Csv,
            FormatArg::Parquet => Self::Parquet,
        }
    }
}

pub(super) async fn run(context: &Context, events: &Events, command: Export) -> Outcome {
    let mut export =
        cordon_client::Export::new(command.format.into()).filter(command.selection.filter);
    if let Some(since) = command.selection.since.0 {
        export = export.since(since);
    }
    if let Some(until) = command.selection.until.0 {
        export = export.until(until);
    }
    let mut file = events.export(export);
    if command.out.as_os_str() == "-" {
        let mut out = std::io::stdout();
        let (count, _) = write(&mut file, &mut out).await?;
        crate::failure::note(&format!("{count} events"));
    } else {
        let part = Part::create(&command.out)?;
        let mut out = BufWriter::with_capacity(256 << 10, part.file());
        let (events, bytes) = write(&mut file, &mut out).await?;
        drop(out);
        part.finish(&command.out)?;
        let path = command.out.display().to_string();
        context.output.done(
            &format!("wrote {path}: {events} events, {bytes} bytes"),
            &json!({ "file": path, "events": events, "bytes": bytes }),
        )?;
    }
    say_completeness(
        file.summary()
            .and_then(|summary| summary.completeness.as_ref()),
    );
    Ok(())
}

/// Writes the whole file; says how many events and bytes it has.
async fn write(file: &mut ExportStream, out: &mut impl Write) -> Result<(u64, u64), Failure> {
    let progress = spinner();
    let (mut events, mut bytes) = (0, 0);
    while let Some(chunk) = file.try_next().await? {
        out.write_all(&chunk.content)?;
        events = events.max(chunk.event_count);
        bytes += chunk.content.len() as u64;
        progress.set_position(bytes);
        progress.set_message(format!("{events} events"));
    }
    out.flush()?;
    progress.finish_and_clear();
    Ok((events, bytes))
}

/// How far it is; on a terminal only. How far there is to go nobody knows.
fn spinner() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let progress = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}, {bytes} ({bytes_per_sec})") {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}
