//! `cordon incidents export` and `cordon incidents timeline --export`.

use std::collections::HashMap;
use std::io::{BufWriter, IsTerminal as _, Write};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use cordon_client::exchange::document::{CASES, Case, Entry, Line, VERSION};
use cordon_client::exchange::stix::Bundle;
use cordon_client::exchange::{self, Audience};
use cordon_client::{Client, Error, Incident, IncidentFilter, Incidents, Reason, time};
use futures::stream::{self, BoxStream};
use futures::{StreamExt as _, TryStreamExt as _};
use indicatif::{ProgressBar, ProgressStyle};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::timeline::Timeline;
use super::which::{Which, which};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::part::Part;
use crate::when;

pub(super) const FORMS: &str = "\
The marking of each incident is obeyed: TLP:RED goes to named recipients, AMBER+STRICT within the
organization, AMBER to its clients too, GREEN to the community, CLEAR to anyone. What is marked for
fewer than the audience is refused, and nothing is written; --leave-out writes the rest.

To keep a copy in step, give the cursor that each export says at its end to the next one with
--since: it writes what was changed in between, and misses nothing.

The forms are described in docs/exchange.md.";

/// To whom.
#[derive(Debug, Args)]
pub(super) struct Whom {
    /// To whom it goes; those before are part of those after
    #[arg(long, value_enum)]
    audience: Option<AudienceArg>,
    /// A person that it goes to, for `recipients`; may be repeated
    #[arg(long, value_name = "NAME")]
    recipient: Vec<String>,
}

/// To whom, and where to.
#[derive(Debug, Args)]
pub(super) struct To {
    #[command(flatten)]
    whom: Whom,
    /// Leave out what is marked for fewer, and say how many that were
    #[arg(long)]
    leave_out: bool,
    /// Where the file goes; it appears when it is whole. `-` for stdout
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// Which incidents, and in which form.
#[derive(Debug, Args)]
pub(super) struct Export {
    /// Form of the file
    #[arg(long, value_enum)]
    format: FormatArg,
    /// An incident's full name, id, or number; may be repeated. All, if not given
    #[arg(long, value_name = "ID", value_parser = which)]
    incident: Vec<Which>,
    /// Only what was changed behind this cursor, or after this time, as in 24h or 2026-11-01
    #[arg(long, value_name = "CURSOR|TIME", value_parser = since, conflicts_with = "incident")]
    since: Option<Since>,
    #[command(flatten)]
    to: To,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Since {
    Cursor(i64),
    Time(Timestamp),
}

fn since(text: &str) -> Result<Since, String> {
    match text.parse() {
        Ok(cursor) if cursor >= 0 && !text.starts_with('+') => Ok(Since::Cursor(cursor)),
        _ => when::moment(text).map(Since::Time),
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// One object with all incidents
    Json,
    /// One incident a line
    Ndjson,
    /// A STIX 2.1 bundle
    Stix,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum AudienceArg {
    /// Named persons of those who take part
    Recipients,
    /// Your organization
    Organization,
    /// Your organization and its clients
    Clients,
    /// The community
    Community,
    /// Anyone
    Public,
}

impl Whom {
    /// The audience, once it makes sense.
    pub(super) fn audience(&self) -> Result<Audience, Failure> {
        let audience = match self.audience {
            Some(AudienceArg::Recipients) => Audience::Recipients,
            Some(AudienceArg::Organization) => Audience::Organization,
            Some(AudienceArg::Clients) => Audience::Clients,
            Some(AudienceArg::Community) => Audience::Community,
            Some(AudienceArg::Public) => Audience::Public,
            None => return Err(Failure::usage("say to whom it goes, with --audience")),
        };
        if (audience == Audience::Recipients) == self.recipient.is_empty() {
            return Err(Failure::usage(
                "--audience recipients goes with the --recipient that each one is, and no other does",
            ));
        }
        Ok(audience)
    }
}

impl To {
    fn out(&self) -> Result<&PathBuf, Failure> {
        self.out
            .as_ref()
            .ok_or_else(|| Failure::usage("say where the file goes, with --out"))
    }
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Export) -> Outcome {
    let audience = command.to.whom.audience()?;
    command.to.out()?;
    let client = match command.incident.is_empty() {
        true => context.client_of_tenant(whose).await?,
        false => context.client_for(whose).await?,
    };
    let incidents = client.incidents();
    let mut cursor = None;
    let listed: BoxStream<'_, Result<Incident, Error>> = match (&command.since, &*command.incident)
    {
        (Some(Since::Time(time)), _) => {
            let filter = IncidentFilter {
                updated_after: Some(*time),
                ..IncidentFilter::default()
            };
            incidents.list(filter).boxed()
        }
        (since, []) => {
            let after = match since {
                Some(Since::Cursor(after)) => *after,
                _ => 0,
            };
            let mut changed = incidents.changed(after);
            let all: Vec<_> = (&mut changed).try_collect().await?;
            cursor = changed.cursor();
            stream::iter(all.into_iter().map(Ok)).boxed()
        }
        (_, some) => {
            let mut found = Vec::new();
            for id in some {
                id.check(context, &client)?;
                let name = id.clone().name(&incidents).await?;
                found.push(Ok(incidents.get(&name).await?));
            }
            stream::iter(found).boxed()
        }
    };
    let mut cases = exchange::cases(&incidents, listed, audience).boxed();
    let form = Form::new(context, &client, &command, audience)?;
    let written = put(&command.to, async |out| {
        write(&mut cases, form, &command.to, cursor, out).await
    });
    written
        .await?
        .tell(context, &command.to, "incidents", cursor)
}

/// How the file is made.
enum Form {
    /// With what stands before the first.
    Json(String),
    Ndjson,
    Stix(Bundle),
}

impl Form {
    fn new(
        context: &Context,
        client: &Client,
        command: &Export,
        audience: Audience,
    ) -> Result<Self, Failure> {
        Ok(match command.format {
            FormatArg::Json => {
                let mut head = json!({
                    "format": CASES,
                    "version": VERSION,
                    "export_time": time::now(),
                    "audience": audience.as_str(),
                });
                if let Value::Object(head) = &mut head
                    && audience == Audience::Recipients
                {
                    head.insert("recipients".to_owned(), json!(command.to.whom.recipient));
                }
                let head = head.to_string();
                let head = head.strip_suffix('}').unwrap_or(&head);
                Self::Json(format!("{head},\"incidents\":["))
            }
            FormatArg::Ndjson => Self::Ndjson,
            FormatArg::Stix => {
                let installation = context.profile()?.1.ca;
                let tenant = client.tenant().unwrap_or("customer");
                Self::Stix(Bundle::new(installation.trim(), tenant, time::now()))
            }
        })
    }
}

/// What was written, and what was not.
#[derive(Debug, Default, Clone, Copy)]
struct Written {
    count: u64,
    left_out: u64,
}

impl Written {
    fn tell(self, context: &Context, to: &To, what: &str, cursor: Option<i64>) -> Outcome {
        let Self { count, left_out } = self;
        if left_out > 0 {
            note(&format!(
                "left out {left_out} {what}: they are marked for fewer than the audience"
            ));
        }
        let path = to.out()?.display().to_string();
        if path == "-" {
            note(&format!("{count} {what}"));
        } else {
            let sentence = format!("wrote {path}: {count} {what}");
            let result =
                json!({ "file": path, what: count, "left_out": left_out, "cursor": cursor });
            context.output.done(&sentence, &result)?;
        }
        if let Some(cursor) = cursor {
            note(&format!("what is changed from here on: --since {cursor}"));
        }
        Ok(())
    }
}

/// Writes a file by `write`, which appears when it is whole, or stdout.
async fn put<T>(
    to: &To,
    write: impl AsyncFnOnce(&mut dyn Write) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let path = to.out()?;
    if path.as_os_str() == "-" {
        let mut out = BufWriter::with_capacity(64 << 10, std::io::stdout());
        let written = write(&mut out).await?;
        out.flush()?;
        return Ok(written);
    }
    let part = Part::create(path)?;
    let mut out = BufWriter::with_capacity(256 << 10, part.file());
    let written = write(&mut out).await?;
    out.flush()?;
    drop(out);
    part.finish(path)?;
    Ok(written)
}

async fn write(
    cases: &mut BoxStream<'_, Result<Case, Error>>,
    mut form: Form,
    to: &To,
    cursor: Option<i64>,
    out: &mut dyn Write,
) -> Result<Written, Failure> {
    let progress = spinner();
    let (mut written, mut objects) = (Written::default(), 0_u64);
    match &form {
        Form::Json(head) => out.write_all(head.as_bytes())?,
        Form::Ndjson => {}
        Form::Stix(bundle) => out.write_all(bundle.head().as_bytes())?,
    }
    while let Some(case) = cases.next().await {
        let case = match case {
            Err(error) if to.leave_out && error.reason() == Reason::TlpViolation => {
                written.left_out += 1;
                continue;
            }
            case => case?,
        };
        let values = match &mut form {
            Form::Json(_) | Form::Ndjson => vec![json!(case)],
            Form::Stix(bundle) => bundle.case(&case)?,
        };
        put_all(out, &form, values, &mut objects)?;
        written.count += 1;
        progress.set_message(format!("{} incidents", written.count));
    }
    if let Form::Stix(bundle) = &form {
        let rest = bundle.rest();
        put_all(out, &form, rest, &mut objects)?;
    }
    match &form {
        Form::Json(_) => writeln!(out, "\n],\"cursor\":{}}}", json!(cursor))?,
        Form::Ndjson => {}
        Form::Stix(bundle) => writeln!(out, "\n{}", bundle.tail())?,
    }
    progress.finish_and_clear();
    Ok(written)
}

/// Each on a line of its own.
fn put_all(out: &mut dyn Write, form: &Form, values: Vec<Value>, before: &mut u64) -> Outcome {
    for value in values {
        match (form, *before) {
            (Form::Ndjson, _) => writeln!(out, "{value}")?,
            (_, 0) => write!(out, "\n{value}")?,
            _ => write!(out, ",\n{value}")?,
        }
        *before += 1;
    }
    Ok(())
}

/// All entries of an incident's timeline, or of all incidents'.
pub(super) async fn timeline(context: &Context, whose: &Whose, command: Timeline) -> Outcome {
    let audience = command.to.whom.audience()?;
    command.to.out()?;
    let (client, name) = match command.id {
        Some(id) => {
            let (client, name) = super::named(context, whose, id).await?;
            (client, Some(name))
        }
        None => (context.client_of_tenant(whose).await?, None),
    };
    let incidents = client.incidents();
    let written = put(&command.to, async |out| {
        entries(
            &incidents,
            name.as_deref(),
            audience,
            command.to.leave_out,
            out,
        )
        .await
    });
    written.await?.tell(context, &command.to, "entries", None)
}

async fn entries(
    incidents: &Incidents,
    name: Option<&str>,
    audience: Audience,
    leave_out: bool,
    out: &mut dyn Write,
) -> Result<Written, Failure> {
    let progress = spinner();
    let mut entries = match name {
        Some(name) => incidents.timeline(name),
        None => incidents.whole_timeline(),
    };
    let (mut written, mut last) = (Written::default(), 0);
    let mut allowed: HashMap<String, bool> = HashMap::new();
    while let Some(entry) = entries.try_next().await? {
        let entry = Entry::new(entry)?;
        // The tenant's count has no gap: whoever computes from this knows that it is all there is.
        if name.is_none() && entry.sequence != last + 1 {
            return Err(Failure::local(format!(
                "the entries between {last} and {} are missing: nothing was written",
                entry.sequence
            )));
        }
        last = entry.sequence;
        let of = entry.incident();
        let may = match allowed.get(of) {
            Some(may) => *may,
            None => {
                let checked = exchange::check(&incidents.get(of).await?, audience);
                let may = checked.is_ok();
                if !leave_out {
                    checked?;
                }
                allowed.insert(of.to_owned(), may);
                may
            }
        };
        if may {
            let line = serde_json::to_string(&Line::from(entry));
            writeln!(
                out,
                "{}",
                line.map_err(|error| Failure::local(error.to_string()))?
            )?;
            written.count += 1;
            progress.set_message(format!("{} entries", written.count));
        } else {
            written.left_out += 1;
        }
    }
    // Whoever was marked for fewer meanwhile keeps the file from appearing.
    for (of, _) in allowed.iter().filter(|(_, may)| **may) {
        exchange::check(&incidents.get(of).await?, audience)?;
    }
    progress.finish_and_clear();
    Ok(written)
}

/// How far it is; on a terminal only.
fn spinner() -> ProgressBar {
    if !std::io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let progress = ProgressBar::new_spinner();
    if let Ok(style) = ProgressStyle::with_template("{spinner} {msg}") {
        progress.set_style(style);
    }
    progress.enable_steady_tick(Duration::from_millis(200));
    progress
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn since_is_a_cursor_or_a_time() {
        assert_eq!(since("0"), Ok(Since::Cursor(0)));
        assert_eq!(since("120"), Ok(Since::Cursor(120)));
        let time = "2026-11-01T00:00:00Z".parse().unwrap();
        assert_eq!(since("2026-11-01"), Ok(Since::Time(time)));
        assert!(matches!(since("24h"), Ok(Since::Time(_))));
        for wrong in ["-1", "+1", "", "yesterday"] {
            assert!(since(wrong).is_err(), "{wrong}");
        }
    }
}
