//! `cordon events export`.

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Args, ValueEnum};
use cordon_client::{Events, ExportFormat, ExportStream};
use futures::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use super::{Selection, say_completeness};
use crate::context::Context;
use crate::failure::{Failure, Outcome};

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
        let mut out = BufWriter::with_capacity(256 << 10, &part.file);
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

/// A file that is not whole yet, beside the place where it is to be. Removed unless finished.
struct Part {
    path: PathBuf,
    file: File,
    finished: bool,
}

impl Part {
    fn create(target: &Path) -> Result<Self, Failure> {
        let failed =
            |error: std::io::Error| Failure::local(format!("{}: {error}", target.display()));
        let name = target
            .file_name()
            .filter(|_| !target.is_dir())
            .ok_or_else(|| Failure::usage(format!("{} is no file's name", target.display())))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(format!(".{}.part", std::process::id()));
        let path = target.with_file_name(hidden);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .map_err(failed)?;
        Ok(Self {
            path,
            file,
            finished: false,
        })
    }

    /// Makes the file durable and moves it into place.
    fn finish(mut self, target: &Path) -> Outcome {
        self.file.sync_all()?;
        std::fs::rename(&self.path, target)?;
        self.finished = true;
        Ok(())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        if !self.finished {
            // Nothing more can be done about a left-over than to try.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_appears_when_it_is_whole_and_not_before() {
        let folder = tempfile::tempdir().unwrap();
        let target = folder.path().join("events.ndjson");
        let files = || std::fs::read_dir(folder.path()).unwrap().count();

        let part = Part::create(&target).unwrap();
        (&part.file).write_all(b"half").unwrap();
        assert!(!target.exists());
        drop(part);
        assert_eq!(files(), 0);

        std::fs::write(&target, "old").unwrap();
        let part = Part::create(&target).unwrap();
        (&part.file).write_all(b"whole").unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"old");
        part.finish(&target).unwrap();
        assert_eq!(std::fs::read(&target).unwrap(), b"whole");
        assert_eq!(files(), 1);
        assert_eq!(Part::create(folder.path()).err().unwrap().code(), 2);
    }
}
