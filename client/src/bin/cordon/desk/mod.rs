//! `cordon desk`.

mod submit;

use clap::{Args, Subcommand};
use futures::StreamExt as _;

use crate::analyses::which::{analysis, named};
use crate::analyses::{MOST_WORDS, input, show, show_named};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome};

const NAMES: &str = "\
The queue is of all tenants and tells nothing of what was asked. All else enters the tenant: give the
analysis's full name, which `queue` shows, and say why with --justification, which the tenant reads in
its log. Who hands an answer in does not release it: a second analyst reads it first, with
`cordon analyses result`.";

/// What analysts do with questions that people answer.
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
    /// What waits, oldest first, with its deadline
    Queue {
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// Take a question on
    Claim {
        /// Its full name, or its id with --tenant
        #[arg(value_name = "NAME", value_parser = analysis)]
        name: String,
        /// Only if it is still as `show` showed it with this etag
        #[arg(long, default_value = "", hide_default_value = true)]
        etag: String,
        /// From a colleague who has claimed it and can't go on
        #[arg(long)]
        take_over: bool,
    },
    /// One question: what is asked, what may be read for it, and what was said
    Show {
        /// Its full name, or its id with --tenant
        #[arg(value_name = "NAME", value_parser = analysis)]
        name: String,
    },
    /// Ask the tenant something: the move is the tenant's, and the clock waits
    AskBack {
        /// Its full name, or its id with --tenant
        #[arg(value_name = "NAME", value_parser = analysis)]
        name: String,
        /// What; `-` for stdin
        text: String,
    },
    /// Do not answer, and say why; the tenant reads it
    Decline {
        /// Its full name, or its id with --tenant
        #[arg(value_name = "NAME", value_parser = analysis)]
        name: String,
        /// Why; `-` for stdin
        text: String,
    },
    /// Hand an answer in, for a second analyst to read
    Submit(submit::Submit),
    /// Give an answer back to who wrote it
    Return {
        /// Its full name, or its id with --tenant
        #[arg(value_name = "NAME", value_parser = analysis)]
        name: String,
        /// What is to be changed, which staff alone read; `-` for stdin
        text: String,
    },
    /// Release an answer to the tenant
    Release {
        /// Its full name, or its id with --tenant
        #[arg(value_name = "NAME", value_parser = analysis)]
        name: String,
        /// Only if it is still as `show` showed it with this etag
        #[arg(long, default_value = "", hide_default_value = true)]
        etag: String,
    },
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let Command { whose, verb } = command;
    let whose = &whose;
    let desk = async |name: &str| {
        let (client, name) = named(context, whose, name).await?;
        Ok::<_, Failure>((client.analysis_desk(), name))
    };
    let changed = match verb {
        Verb::Queue { limit } => {
            let desk = context.client().await?.analysis_desk();
            let queue = desk.queue().take(limit.unwrap_or(usize::MAX));
            return context.output.list(queue).await;
        }
        Verb::Show { name } => return show_named(context, whose, &name).await,
        Verb::Claim {
            name,
            etag,
            take_over,
        } => {
            let (desk, name) = desk(&name).await?;
            match take_over {
                true => desk.take_over(&name, &etag).await?,
                false => desk.claim(&name, &etag).await?,
            }
        }
        Verb::AskBack { name, text } => {
            let text = input::words(text, MOST_WORDS)?;
            let (desk, name) = desk(&name).await?;
            desk.ask_back(&name, &text).await?
        }
        Verb::Decline { name, text } => {
            let text = input::words(text, MOST_WORDS)?;
            let (desk, name) = desk(&name).await?;
            desk.decline(&name, &text).await?
        }
        Verb::Submit(submit) => {
            // Read before anything is sent.
            let (name, answer) = submit.read()?;
            let (desk, name) = desk(&name).await?;
            desk.submit(&name, answer).await?
        }
        Verb::Return { name, text } => {
            let text = input::words(text, MOST_WORDS)?;
            let (desk, name) = desk(&name).await?;
            desk.give_back(&name, &text).await?
        }
        Verb::Release { name, etag } => {
            let (desk, name) = desk(&name).await?;
            desk.release(&name, &etag).await?
        }
    };
    show(context, &changed)
}
