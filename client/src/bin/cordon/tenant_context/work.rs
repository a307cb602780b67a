//! `cordon context work`.

use clap::{Args, Subcommand};
use cordon_client::time::to_proto;
use cordon_client::{ContextAbout, ContextChanges, ContextKind, PlannedWork};
use jiff::Timestamp;

use super::which;
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome};
use crate::when;

const KIND: ContextKind = ContextKind::PlannedWork;

const WHAT: &str = "\
At least one principal, operation or resource is given. An event is part of the work if it happens at the
time and fits one of each that is given; all its resources have to. `*` stands for any characters, as in:
  --principal 'arn:aws:sts::*:assumed-role/deploy/*' --operation 'Delete*'
Quote them, or the shell reads them. A time is as in 2026-11-24T12:00:00Z or 2026-11-24 (UTC), one to come
also in how long as in 8h or 7d.";

/// What can be done with planned work.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Tell one
    #[command(after_help = WHAT)]
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
        work: String,
    },
    /// Change one; what is not given stays as it is
    #[command(after_help = WHAT)]
    Update(Update),
    /// Take one back
    Remove {
        /// What it is called, its id or its full name
        work: String,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Work to be told.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// What findings are to call it
    name: String,
    /// First moment
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Timestamp,
    /// First moment after; at most 31 days later
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Timestamp,
    #[command(flatten)]
    what: What,
    /// For people
    #[arg(
        long,
        value_name = "TEXT",
        default_value = "",
        hide_default_value = true
    )]
    note: String,
}

/// Who does what, and to what.
#[derive(Debug, Args)]
struct What {
    /// Who does it, as events name actors, or an account; may be repeated
    #[arg(long = "principal", value_name = "PATTERN")]
    principals: Vec<String>,
    /// What is done, as events name operations; may be repeated
    #[arg(long = "operation", value_name = "PATTERN")]
    operations: Vec<String>,
    /// To what, as events name resources; may be repeated
    #[arg(long = "resource", value_name = "PATTERN")]
    resources: Vec<String>,
    /// Where it was agreed, such as a change's number
    #[arg(long, value_name = "REFERENCE")]
    ticket: Option<String>,
}

/// What is to be changed of one.
#[derive(Debug, Args)]
pub(super) struct Update {
    /// What it is called, its id or its full name
    work: String,
    /// What findings are to call it from now on
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// First moment
    #[arg(long, value_name = "TIME", value_parser = moment)]
    from: Option<Timestamp>,
    /// First moment after; at most 31 days later
    #[arg(long, value_name = "TIME", value_parser = moment)]
    to: Option<Timestamp>,
    #[command(flatten)]
    what: What,
    /// For people
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
}

/// A time that is to come, or any other.
fn moment(text: &str) -> Result<Timestamp, String> {
    when::ahead(text).or_else(|_| when::moment(text))
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Command) -> Outcome {
    match command {
        Command::Add(add) => {
            let work = with(
                PlannedWork {
                    start_time: Some(to_proto(add.from)),
                    end_time: Some(to_proto(add.to)),
                    ..PlannedWork::default()
                },
                add.what,
            );
            let said = [&work.principals, &work.operations, &work.resources];
            if said.into_iter().all(Vec::is_empty) {
                return Err(Failure::usage(
                    "say who does it, what is done or to what: --principal, --operation or \
                     --resource",
                ));
            }
            let about = ContextAbout::PlannedWork(work);
            let entries = context.client_of_tenant(whose).await?.context();
            let made = entries.create(&add.name, &add.note, about).await?;
            super::shown(context, &made)
        }
        Command::List { limit } => super::list(context, whose, KIND, limit).await,
        Command::Show { work } => super::show(context, whose, KIND, &work).await,
        Command::Update(update) => change(context, whose, update).await,
        Command::Remove { work, yes } => super::remove(context, whose, KIND, (&work, yes)).await,
    }
}

/// The work with what is given of it.
fn with(mut work: PlannedWork, what: What) -> PlannedWork {
    for (given, of) in [
        (what.principals, &mut work.principals),
        (what.operations, &mut work.operations),
        (what.resources, &mut work.resources),
    ] {
        if !given.is_empty() {
            *of = given;
        }
    }
    work.reference = what.ticket.unwrap_or(work.reference);
    work
}

async fn change(context: &Context, whose: &Whose, update: Update) -> Outcome {
    let (entries, entry) = which::entry(context, whose, KIND, &update.work).await?;
    let mut work = match entry.about {
        Some(ContextAbout::PlannedWork(work)) => work,
        _ => PlannedWork::default(),
    };
    work.start_time = update.from.map(to_proto).or(work.start_time);
    work.end_time = update.to.map(to_proto).or(work.end_time);
    let changes = ContextChanges {
        display_name: update.name,
        note: update.note,
        about: Some(ContextAbout::PlannedWork(with(work, update.what))),
    };
    // So that what somebody says meanwhile is not lost.
    let changed = entries.update(&entry.name, changes, &entry.etag).await?;
    super::shown(context, &changed)
}
