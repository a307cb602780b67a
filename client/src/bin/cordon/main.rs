//! `cordon`: the command line of Cordon, for customers' security teams and the provider's staff.

mod accounts;
mod analyses;
mod audit;
mod completions;
mod confirm;
mod context;
mod coverage;
mod credentials;
mod dead_letters;
mod desk;
mod detect;
mod events;
mod exercise;
mod facts;
mod failure;
mod follow;
mod holds;
mod hosts;
mod incidents;
mod ingest;
mod keys;
mod notices;
mod output;
mod part;
mod ranges;
mod readiness;
mod resources;
mod services;
mod show;
mod sla;
mod snapshots;
mod sources;
mod statements;
mod tenant_context;
mod tenants;
mod text;
mod when;
mod whoami;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::context::{Context, Global};
use self::failure::Outcome;

const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed for another reason than those below
  2  the command, or something in it such as a filter, is not understood
  3  the server does not let this profile in, or not there; or it is not the profile's server
  4  there is nothing of that name
  5  done, but some records could not be read (ingest) or taken (incidents import, detect rules add)
  6  the server can't be reached or did not answer in time; run again later
  7  done, but what was compared is not the same: the report and the log (sla recompute), an answer
     and the one before (analyses rerun), files and the evidence that was acquired (snapshots verify)
  8  done, and something is to be done before an incident (readiness)

Results go to stdout, everything else to stderr.";

/// Events, evidence and answers from your cloud provider.
#[derive(Debug, Parser)]
#[command(name = "cordon", version, after_help = EXIT_CODES, max_term_width = 100)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Search, follow, count and export a tenant's events
    Events(events::Command),
    /// Send files of events
    Ingest(ingest::Command),
    /// Open, follow and handle a tenant's incidents
    Incidents(incidents::Command),
    /// Rules that look at a tenant's events as they come in, and what they find
    Detect(detect::Command),
    /// What a tenant chooses to tell of its own: it raises, lowers or explains what is found
    Context(tenant_context::Command),
    /// Ask the provider questions about a tenant's events, and fetch the answers
    Analyses(analyses::Command),
    /// Forensic snapshots: have what is in a machine taken, fetch it, and check it by yourself
    Snapshots(snapshots::Command),
    /// For the provider's analysts: questions that people answer
    Desk(desk::Command),
    /// Drills: incidents that are played through after a scenario, marked as such everywhere
    Exercise(exercise::Command),
    /// Where a tenant's notices are sent: webhooks and mail addresses
    Notices(notices::Command),
    /// Which data sources there are, which tell of which attacks, and what none of a tenant's tells
    Sources(coverage::Command),
    /// What the provider states about its infrastructure, and what it stated on any day
    Facts(facts::Command),
    /// Whether a tenant is ready for an incident, and what to do about it
    Readiness(readiness::Command),
    /// What was promised to a tenant about time, and how the clocks of its incidents stand
    #[command(subcommand)]
    Sla(sla::Command),
    /// Tenants, what belongs to them, sources and credentials
    #[command(subcommand)]
    Admin(Admin),
    /// What was done with a tenant's data, by anyone
    Audit(audit::Command),
    /// Records of a source that could not be read
    #[command(subcommand)]
    DeadLetters(dead_letters::Command),
    /// Check who signed a statement, such as a deletion certificate, and show what it says
    Verify(statements::Verify),
    /// The server's public keys, for keeping: `verify` takes them when the server is gone
    SigningKeys(statements::SigningKeys),
    /// Who the server takes this profile for
    Whoami,
    /// Renew the profile's certificate now (it is renewed by itself in its last third)
    Renew,
    /// Print a completion script
    Completions(completions::Command),
}

#[derive(Debug, Subcommand)]
enum Admin {
    /// Customers
    #[command(subcommand)]
    Tenants(tenants::Command),
    /// Legal holds: reasons why a tenant must not be deleted
    #[command(subcommand)]
    Holds(holds::Command),
    /// Tenants' data keys
    #[command(subcommand)]
    Keys(keys::Command),
    /// Cloud accounts and whose they are
    #[command(subcommand)]
    Accounts(accounts::Command),
    /// ARNs, instances and addresses, and whose they are
    #[command(subcommand)]
    Resources(resources::Command),
    /// The provider's own address ranges
    #[command(subcommand)]
    Ranges(ranges::Command),
    /// The provider's rules, by which all tenants' events are looked at
    #[command(subcommand)]
    Rules(detect::published::Command),
    /// Where events come from
    #[command(subcommand)]
    Sources(sources::Command),
    /// What is stated about the infrastructure, and to whom
    #[command(subcommand)]
    Facts(facts::admin::Command),
    /// The services that tenants use, and how they get at the records of each
    #[command(subcommand)]
    Services(services::Command),
    /// On which hosts instances are, and announced work on hosts
    #[command(subcommand)]
    Hosts(hosts::Command),
    /// Certificates and who holds them
    #[command(subcommand)]
    Credentials(credentials::Command),
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => return failure::Failure::from(error).report(),
    };
    let result = runtime.block_on(run(cli));
    // A thread that still reads a file must not hold up the end.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

async fn run(cli: Cli) -> Outcome {
    if let Command::Completions(command) = cli.command {
        return completions::run(&command);
    }
    let context = Context::new(cli.global);
    match cli.command {
        Command::Events(command) => Box::pin(events::run(&context, command)).await,
        Command::Ingest(command) => Box::pin(ingest::run(&context, command)).await,
        Command::Incidents(command) => Box::pin(incidents::run(&context, command)).await,
        Command::Detect(command) => Box::pin(detect::run(&context, command)).await,
        Command::Context(command) => tenant_context::run(&context, command).await,
        Command::Analyses(command) => Box::pin(analyses::run(&context, command)).await,
        Command::Snapshots(command) => Box::pin(snapshots::run(&context, command)).await,
        Command::Desk(command) => Box::pin(desk::run(&context, command)).await,
        Command::Exercise(command) => Box::pin(exercise::run(&context, command)).await,
        Command::Sources(command) => Box::pin(coverage::run(&context, command)).await,
        Command::Facts(command) => facts::run(&context, command).await,
        Command::Readiness(command) => readiness::run(&context, command).await,
        Command::Notices(command) => Box::pin(notices::run(&context, command)).await,
        Command::Sla(command) => Box::pin(sla::run(&context, command)).await,
        Command::Admin(admin) => Box::pin(administer(&context, admin)).await,
        Command::Audit(command) => audit::run(&context, command).await,
        Command::DeadLetters(command) => dead_letters::run(&context, command).await,
        Command::Verify(command) => statements::verify(&context, command).await,
        Command::SigningKeys(command) => statements::signing_keys(&context, command).await,
        Command::Whoami => whoami::run(&context).await,
        Command::Renew => whoami::renew(&context).await,
        Command::Completions(_) => Ok(()),
    }
}

async fn administer(context: &Context, admin: Admin) -> Outcome {
    match admin {
        Admin::Tenants(command) => tenants::run(context, command).await,
        Admin::Holds(command) => holds::run(context, command).await,
        Admin::Keys(command) => keys::run(context, command).await,
        Admin::Accounts(command) => accounts::run(context, command).await,
        Admin::Resources(command) => resources::run(context, command).await,
        Admin::Ranges(command) => ranges::run(context, command).await,
        Admin::Rules(command) => detect::published::run(context, command).await,
        Admin::Sources(command) => sources::run(context, command).await,
        Admin::Facts(command) => facts::admin::run(context, command).await,
        Admin::Services(command) => services::run(context, command).await,
        Admin::Hosts(command) => hosts::run(context, command).await,
        Admin::Credentials(command) => credentials::run(context, command).await,
    }
}

#[cfg(test)]
mod tests;
