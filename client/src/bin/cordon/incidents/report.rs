//! `cordon incidents report`.

mod compose;
#[cfg(test)]
mod tests;
mod wire;

use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cordon_client::exchange::{self, Audience};
use cordon_client::{
    Attachment, Client, Clock, Comment, Incident, ReportingDeadline, Task, TimelineEntry,
};
use cordon_pages::incident::IncidentReport;
use cordon_pages::incident_report;
use futures::TryStreamExt as _;
use jiff::Timestamp;
use serde_json::json;

use super::export::Whom;
use super::named;
use super::which::{Which, which};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome};
use crate::part::Part;

/// How often an incident is read again that is changed meanwhile.
const TRIES: usize = 5;

pub(super) const HOW: &str = "\
This program puts the report together from what the server answers at this moment. The server does
not sign it: it proves nothing by itself, and the page says so. What the server has no record of is
left empty and never guessed: actions, deletions of keys and lessons always, so far. Files are
listed as evidence with the hash that they were attached with; notes are left out.

The incident's marking stands on every page and is obeyed as with `export`: what is marked for fewer
than the audience is refused, and nothing is written.";

/// Of which incident, to whom, and where it goes.
#[derive(Debug, Args)]
pub(super) struct Report {
    /// The incident's full name, id, or number
    #[arg(value_name = "ID", value_parser = which)]
    id: Which,
    /// Form of the file
    #[arg(long, value_enum, default_value_t = FormatArg::Html)]
    format: FormatArg,
    #[command(flatten)]
    whom: Whom,
    /// Where the file goes; it appears when it is whole. stdout, if not given or `-`
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// A page to read and print, which needs nothing else
    Html,
    /// The same for programs
    Json,
}

impl FormatArg {
    fn write(self, report: &IncidentReport) -> Result<String, Failure> {
        match self {
            Self::Html => Ok(incident_report(report, &[])),
            Self::Json => match serde_json::to_string_pretty(report) {
                Ok(text) => Ok(text + "\n"),
                Err(error) => Err(Failure::local(error.to_string())),
            },
        }
    }
}

/// All that is known of an incident at one moment.
#[derive(Debug)]
struct Story {
    incident: Incident,
    comments: Vec<Comment>,
    timeline: Vec<TimelineEntry>,
    clocks: Vec<Clock>,
    deadlines: Vec<ReportingDeadline>,
    tasks: Vec<Task>,
    attachments: Vec<Attachment>,
    as_of: Timestamp,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Report) -> Outcome {
    let audience = command.whom.audience()?;
    let (client, name) = named(context, whose, command.id).await?;
    let story = read(&client, &name, audience).await?;
    let text = command.format.write(&compose::report(&story)?)?;
    let Some(path) = command.out.filter(|path| path != Path::new("-")) else {
        let mut out = std::io::stdout();
        out.write_all(text.as_bytes())?;
        return Ok(out.flush()?);
    };
    Part::write(&path, text.as_bytes())?;
    let path = path.display().to_string();
    context.output.done(
        &format!("wrote {path}: {} bytes, not signed", text.len()),
        &json!({
            "file": path,
            "bytes": text.len(),
            "audience": audience.as_str(),
            "signed": false,
        }),
    )
}

/// Reads the whole of an incident, for an audience. A server that is too old to know a part of it
/// makes this fail: the report would say that there is none.
async fn read(client: &Client, name: &str, audience: Audience) -> Result<Story, Failure> {
    let incidents = client.incidents();
    let sla = client.sla();
    let mut before = incidents.get(name).await?;
    for _ in 0..TRIES {
        exchange::check(&before, audience)?;
        let comments = incidents.comments(name).try_collect().await?;
        let timeline = incidents.timeline(name).try_collect().await?;
        let tasks = client.tasks().list(name, &[]).try_collect().await?;
        let attachments = incidents.attachments(name).try_collect().await?;
        let (deadlines, deadlines_as_of) = sla.deadlines(name).await?;
        let (clocks, clocks_as_of) = sla.clocks(name).await?;
        let after = incidents.get(name).await?;
        // What was read in between is of the one moment when nothing has happened since.
        let same = after.update_time == before.update_time && after.etag == before.etag;
        before = after;
        if same {
            exchange::check(&before, audience)?;
            return Ok(Story {
                incident: before,
                comments,
                timeline,
                clocks,
                deadlines,
                tasks,
                attachments,
                as_of: clocks_as_of.max(deadlines_as_of),
            });
        }
    }
    Err(Failure::local(format!(
        "incident #{} is changed faster than it can be read: try again",
        before.number
    )))
}
