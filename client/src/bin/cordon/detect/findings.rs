//! `cordon detect findings`.

use clap::Subcommand;
use cordon_client::{Finding, FindingFilter};
use futures::StreamExt as _;

use super::which::finding;
use super::words::{LevelArg, StatusArg};
use super::{page, watch};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome};
use crate::incidents::prose;
use crate::output::{Form, Row as _};
use crate::text::one_line;

/// What can be done with findings.
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// The tenant's findings, newest first
    List {
        /// Of this status alone; may be repeated
        #[arg(long, value_enum)]
        status: Vec<StatusArg>,
        /// Of rules of this level or a worse one alone
        #[arg(long, value_enum, value_name = "LEVEL")]
        min_level: Option<LevelArg>,
        /// How many at most
        #[arg(long, value_name = "N")]
        limit: Option<usize>,
    },
    /// One finding: what was found, who, where, when, and by which rule
    Show {
        /// Its full name or its id
        #[arg(value_name = "ID", value_parser = finding)]
        id: String,
    },
    /// One finding as an OCSF Detection Finding, class 2004
    Ocsf {
        /// Its full name or its id
        #[arg(value_name = "ID", value_parser = finding)]
        id: String,
    },
    /// Say how it stands with a finding
    Set {
        /// Its full name or its id
        #[arg(value_name = "ID", value_parser = finding)]
        id: String,
        /// How it stands now
        #[arg(long, value_enum)]
        status: StatusArg,
        /// Why: the text, or `-` for stdin; what was said before goes
        #[arg(
            long,
            value_name = "TEXT",
            default_value = "",
            hide_default_value = true
        )]
        comment: String,
        /// Only if it is still as `show` showed it with this etag
        #[arg(long, default_value = "", hide_default_value = true)]
        etag: String,
    },
    /// Findings as they are made and change, until stopped
    Watch(watch::Watch),
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Command) -> Outcome {
    let output = &context.output;
    match command {
        Command::List {
            status,
            min_level,
            limit,
        } => {
            let filter = FindingFilter {
                statuses: status.into_iter().map(Into::into).collect(),
                min_level: min_level.map(Into::into),
            };
            let findings = context.client_of_tenant(whose).await?.findings();
            let found = findings.list(filter);
            output.list(found.take(limit.unwrap_or(usize::MAX))).await
        }
        Command::Show { id } => {
            let findings = context.client_for(whose).await?.findings();
            show(context, &findings.get(&id).await?)
        }
        Command::Ocsf { id } => {
            let findings = context.client_for(whose).await?.findings();
            let found = findings.get(&id).await?;
            if found.ocsf_json.is_empty() {
                return Err(Failure::local("the server sent no OCSF event of it"));
            }
            output.json(&one_line(found.ocsf_json.as_bytes()))
        }
        Command::Set {
            id,
            status,
            comment,
            etag,
        } => {
            let comment = prose::read(comment)?;
            let findings = context.client_for(whose).await?.findings();
            let set = findings.update(&id, status.into(), &comment, &etag);
            show(context, &set.await?)
        }
        Command::Watch(command) => {
            let findings = context.client_of_tenant(whose).await?.findings();
            watch::run(context, &findings, command).await
        }
    }
}

fn show(context: &Context, finding: &Finding) -> Outcome {
    match context.output.form() {
        Form::Table => context.output.text(&page::finding(finding)),
        Form::Json | Form::Ndjson => context.output.document(&finding.json()),
    }
}
