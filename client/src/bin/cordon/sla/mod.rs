//! `cordon sla`.

mod agreements;
pub(crate) mod amounts;
mod clocks;
mod deadlines;
mod draft;
mod history;
mod own;
mod people;
mod recompute;
mod report;
mod watch;
pub(crate) mod words;

use clap::{Args, Subcommand};

pub(crate) use self::clocks::Clocks;
use crate::context::{Context, Whose};
use crate::failure::Outcome;
use crate::incidents;
use crate::incidents::which::{Which, which};

/// What can be asked about promises.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// What was promised to a tenant, and since when
    #[command(subcommand)]
    Agreements(agreements::Command),
    /// How the clocks of an incident stand
    Clocks(Ask),
    /// How the deadlines of the law for an incident stand
    Deadlines(Ask),
    /// State for your side what deadlines of the law run from; a later statement corrects an earlier
    State(deadlines::State),
    /// Follow how the clocks of all open incidents stand
    Watch(watch::Watch),
    /// What was attained in a month: as a page, a signed file, or a table
    Report(report::Ask),
    /// Do all sums of a report again from one's own log and agreements, and say what differs
    Recompute(recompute::Ask),
    /// Write down when what happened to all of a tenant's incidents, as `recompute` reads it; not who
    /// did it and what was said
    History(history::Ask),
}

const NAMES: &str = "\
An incident is named as in `cordon incidents`. Time is counted in the hours in which the
agreement's calendar is open. LEFT is what is left of what was promised: `-1h 5m` is overrun by
so much, and `paused` waits for the customer. `-o json` shows whose time it was, and the timeline
entries that it rests on.";

/// Which incident.
#[derive(Debug, Args)]
#[command(after_help = NAMES)]
pub(crate) struct Ask {
    #[command(flatten)]
    whose: Whose,
    /// Its full name, its id, or its number
    #[arg(value_name = "ID", value_parser = which)]
    id: Which,
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    match command {
        Command::Agreements(command) => agreements::run(context, command).await,
        Command::Clocks(Ask { whose, id }) => {
            let (client, name) = incidents::named(context, &whose, id).await?;
            Clocks::read(&client, &name).await?.show(context)
        }
        Command::Deadlines(Ask { whose, id }) => deadlines::show(context, &whose, id).await,
        Command::State(command) => deadlines::state(context, command).await,
        Command::Watch(command) => watch::run(context, command).await,
        Command::Report(command) => Box::pin(report::run(context, command)).await,
        Command::Recompute(command) => Box::pin(recompute::run(context, command)).await,
        Command::History(command) => history::run(context, command).await,
    }
}

#[cfg(test)]
pub(crate) use self::clocks::tests::{clocks as sample_clocks, none as no_clocks};
