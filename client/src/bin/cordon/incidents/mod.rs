//! `cordon incidents`.

mod change;
mod export;
mod files;
mod import;
mod links;
mod notes;
pub(crate) mod page;
pub(crate) mod prose;
mod provider;
pub(crate) mod report;
pub(crate) mod show;
pub(crate) mod tasks;
pub(crate) mod timeline;
mod watch;
pub(crate) mod which;
pub(crate) mod words;

use clap::{Args, Subcommand};
use cordon_client::{Client, Incident, IncidentFilter, NewIncident, Reason};
use futures::{StreamExt as _, TryStreamExt as _};
use jiff::Timestamp;

use self::change::Change;
use self::which::{Which, comment, which};
use self::words::{PartyArg, PhaseArg, SeverityArg, StateArg, TlpArg};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome};
use crate::output::Form;
use crate::sla::Clocks;
use crate::when;

const NAMES: &str = "\
An incident is named by its full name, as in tenants/acme/incidents/01934f5e-…, and one of the
profile's own tenant by its id alone or by its number, as in 12. Staff give the full name, which
`queue` shows, and say why they enter the tenant with --justification.";

/// What can be done with incidents.
#[derive(Debug, Args)]
#[command(after_help = NAMES)]
pub(crate) struct Command {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Open an incident; the next move is then the provider's
    Open(Open),
    /// The tenant's incidents, the one that was changed last first
    List(List),
    /// One incident, its clocks, what was said about it, and what happened to it
    Show {
        /// Its full name, its id, or its number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
    },
    #[command(flatten)]
    Change(Change),
    #[command(flatten)]
    Files(files::Files),
    #[command(flatten)]
    Notes(notes::Verb),
    #[command(flatten)]
    Links(links::Verb),
    /// Say something to both sides
    Comment {
        /// The incident's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
        /// What; `-` for stdin
        text: String,
    },
    /// Change a comment of your own; what it said before stays to be seen
    EditComment {
        /// Its full name, as `show` has it
        #[arg(value_parser = comment)]
        name: String,
        /// What it says from now on; `-` for stdin
        text: String,
    },
    /// What happened to an incident, in order
    Timeline(timeline::Timeline),
    /// Write incidents to a file, whole: for a copy, another program, another installation
    #[command(after_help = export::FORMS)]
    Export(export::Export),
    /// The report of an incident, as a page or for programs: what happened, who stands for what, and
    /// how the clocks went
    #[command(after_help = report::HOW)]
    Report(report::Report),
    /// Bring incidents in from a file: our own JSON, or a STIX 2.1 bundle
    #[command(after_help = import::FORMS)]
    Import(import::Import),
    /// What is to be done about an incident, and whose it is
    #[command(subcommand)]
    Task(tasks::Command),
    /// Whom to call about an incident now, and what comes when nobody moves
    Contacts {
        /// The incident's full name, id, or number
        #[arg(value_name = "ID", value_parser = which)]
        id: Which,
    },
    /// Incidents of the whole provider, with a child in each tenant
    #[command(subcommand, after_help = provider::HELP)]
    ProviderWide(provider::Command),
    /// What happens to the tenant's incidents, as it happens, until stopped
    Watch(watch::Watch),
    /// For staff: all tenants' incidents without what they say, the provider's moves first
    Queue {
        /// Closed ones, too
        #[arg(long)]
        closed: bool,
        /// Drills alone (true), or everything but them (false)
        #[arg(long, value_name = "BOOL")]
        exercise: Option<bool>,
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
}

/// An incident to be.
#[derive(Debug, Args)]
struct Open {
    /// What it is, in one line
    #[arg(long)]
    title: String,
    /// How bad it is
    #[arg(long, value_enum)]
    severity: SeverityArg,
    /// What is known: the text, `@FILE`, or `-` for stdin
    #[arg(long, value_name = "TEXT", default_value = "")]
    description: String,
    /// How far it may be passed on
    #[arg(long, value_enum, default_value_t = TlpArg::Amber)]
    tlp: TlpArg,
}

/// Which incidents.
#[derive(Debug, Args)]
struct List {
    /// Of this state alone; may be repeated
    #[arg(long, value_enum)]
    state: Vec<StateArg>,
    /// Of this severity alone; may be repeated
    #[arg(long, value_enum)]
    severity: Vec<SeverityArg>,
    /// In this phase alone; may be repeated
    #[arg(long, value_enum)]
    phase: Vec<PhaseArg>,
    /// Whose move it is
    #[arg(long, value_enum)]
    pending: Option<PartyArg>,
    /// Drills alone (true), or everything but them (false)
    #[arg(long, value_name = "BOOL")]
    exercise: Option<bool>,
    /// Changed after this time alone, as in 24h or 2026-11-01
    #[arg(long, value_name = "TIME", value_parser = when::moment)]
    changed_since: Option<Timestamp>,
    /// How many at most
    #[arg(long, value_name = "N")]
    limit: Option<usize>,
}

impl List {
    fn filter(&self) -> IncidentFilter {
        IncidentFilter {
            states: self.state.iter().copied().map(Into::into).collect(),
            severities: self.severity.iter().copied().map(Into::into).collect(),
            phases: self.phase.iter().copied().map(Into::into).collect(),
            pending: self.pending.map(Into::into),
            exercise: self.exercise,
            number: None,
            updated_after: self.changed_since,
        }
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let Command { whose, verb } = command;
    let output = &context.output;
    match verb {
        Verb::Open(open) => {
            let new = NewIncident {
                title: open.title,
                description: prose::read_or_file(open.description)?,
                severity: open.severity.into(),
                tlp: open.tlp.into(),
                exercise: false,
            };
            let incidents = context.client_of_tenant(&whose).await?.incidents();
            change::show(context, &incidents.create(new).await?)
        }
        Verb::List(list) => {
            let incidents = context.client_of_tenant(&whose).await?.incidents();
            let found = incidents.list(list.filter());
            output
                .list(found.take(list.limit.unwrap_or(usize::MAX)))
                .await
        }
        Verb::Show { id } => {
            let (client, name) = named(context, &whose, id).await?;
            let incident = client.incidents().get(&name).await?;
            show(context, &client, &incident).await
        }
        Verb::Change(change) => {
            let (client, name) = named(context, &whose, change.of().id.clone()).await?;
            change::run(context, &client.incidents(), &name, change).await
        }
        Verb::Files(files) => files::run(context, &whose, files).await,
        Verb::Notes(notes) => notes::run(context, &whose, notes).await,
        Verb::Links(links) => links::run(context, &whose, links).await,
        Verb::Comment { id, text } => {
            let text = prose::read(text)?;
            let (client, name) = named(context, &whose, id).await?;
            output.one(&client.incidents().comment(&name, &text).await?)
        }
        Verb::EditComment { name, text } => {
            let text = prose::read(text)?;
            let incidents = context.client_for(&whose).await?.incidents();
            output.one(&incidents.edit_comment(&name, &text).await?)
        }
        Verb::Timeline(timeline) if timeline.export => {
            export::timeline(context, &whose, timeline).await
        }
        Verb::Timeline(timeline) => {
            let id = timeline.id.ok_or_else(|| {
                Failure::usage("say which incident; only --export takes all of them")
            })?;
            let (client, name) = named(context, &whose, id).await?;
            let entries = client.incidents().timeline(&name);
            output
                .list(entries.take(timeline.limit.unwrap_or(usize::MAX)))
                .await
        }
        Verb::Export(export) => export::run(context, &whose, export).await,
        Verb::Report(report) => Box::pin(report::run(context, &whose, report)).await,
        Verb::Import(import) => import::run(context, &whose, import).await,
        Verb::Watch(watch) => {
            let incidents = context.client_of_tenant(&whose).await?.incidents();
            watch::run(context, &incidents, watch).await
        }
        Verb::Task(command) => tasks::run(context, &whose, command).await,
        Verb::Contacts { id } => {
            let (client, name) = named(context, &whose, id).await?;
            tasks::contacts(context, &client, &name).await
        }
        Verb::ProviderWide(command) => provider::run(context, &whose, command).await,
        Verb::Queue {
            closed,
            exercise,
            limit,
        } => {
            let incidents = context.client().await?.incidents();
            let queue = incidents.queue(closed, exercise);
            output.list(queue.take(limit.unwrap_or(usize::MAX))).await
        }
    }
}

/// The client for the incident that is meant, and its full name.
pub(crate) async fn named(
    context: &Context,
    whose: &Whose,
    which: Which,
) -> Result<(Client, String), Failure> {
    let client = context.client_for(whose).await?;
    which.check(context, &client)?;
    let name = which.name(&client.incidents()).await?;
    Ok((client, name))
}

/// The whole of an incident.
async fn show(context: &Context, client: &Client, incident: &Incident) -> Outcome {
    let incidents = client.incidents();
    let clocks = Clocks::if_known(client, &incident.name).await?;
    let tasks = match client.tasks().list(&incident.name, &[]).try_collect().await {
        Ok(tasks) => tasks,
        // A server that is older than this program has none.
        Err(error) if *error.reason() == Reason::Unimplemented => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    let comments: Vec<_> = incidents.comments(&incident.name).try_collect().await?;
    let timeline: Vec<_> = incidents.timeline(&incident.name).try_collect().await?;
    match context.output.form() {
        Form::Table => {
            let page = page::page(incident, clocks.as_ref(), &comments, &timeline, &tasks);
            context.output.text(&page)
        }
        Form::Json | Form::Ndjson => {
            let page = page::page_json(incident, clocks.as_ref(), &comments, &timeline, &tasks);
            context.output.document(&page)
        }
    }
}
