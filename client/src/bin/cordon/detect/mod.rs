//! `cordon detect`.

mod add;
mod baselines;
pub(crate) mod files;
mod findings;
mod hits;
pub(crate) mod page;
pub(crate) mod place;
mod policy;
pub(crate) mod published;
mod rows;
mod rules;
mod test;
mod watch;
pub(crate) mod which;
pub(crate) mod words;

use clap::{Args, Subcommand};

use crate::context::{Context, Whose};
use crate::failure::Outcome;

const NAMES: &str = "\
A rule is named by its full name, as in tenants/acme/rules/0190f1a2-…, by its id alone, or by a part
of its title that no other rule's title has; a finding by its full name or its id. Staff give the
full name, or the id with --tenant, and say why they enter the tenant with --justification.";

/// What can be done with rules and findings.
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
    /// The tenant's rules: add, change, switch off, mute, delete
    #[command(subcommand, after_help = NAMES)]
    Rules(rules::Command),
    /// What a rule would have found in the past; nothing is stored and nobody is told
    #[command(after_help = test::WHAT)]
    Test(test::Test),
    /// By what findings open incidents
    #[command(subcommand, after_help = NAMES)]
    Policy(policy::Command),
    /// What is usual of the tenant, learned from its own events
    #[command(subcommand)]
    Baselines(baselines::Command),
    /// What rules found, and how it stands with it
    #[command(subcommand, after_help = NAMES)]
    Findings(findings::Command),
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let Command { whose, verb } = command;
    match verb {
        Verb::Rules(command) => rules::run(context, &whose, command).await,
        Verb::Test(test) => test::run(context, &whose, test).await,
        Verb::Policy(command) => policy::run(context, &whose, command).await,
        Verb::Baselines(command) => baselines::run(context, &whose, command).await,
        Verb::Findings(command) => findings::run(context, &whose, command).await,
    }
}
