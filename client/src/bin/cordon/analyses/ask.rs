//! `cordon analyses ask`.

mod kinds;

use std::path::PathBuf;

use clap::{Args, Subcommand};
use cordon_client::analysis::{Analysis, NewAnalysis, Question, Scope, released};
use cordon_client::{Analyses, Client, Reason};

use self::kinds::{
    BeaconsArgs, ChangesArgs, CompareArgs, HumanArgs, IndicatorsArgs, PivotArgs, RoleChainArgs,
    RulesArgs, SeenArgs, SeenByOthersArgs, SqlArgs, TimelineArgs, ToQuestion, VolumeArgs,
};
use super::words::DataArg;
use super::{answer, show, wait};
use crate::context::{Context, Whose};
use crate::detect::{files, place};
use crate::failure::{Failure, Outcome, note};
use crate::incidents;
use crate::incidents::which::{Which, which};
use crate::output::Form;
use crate::when::{self, When};

pub(super) const HOW: &str = "\
All kinds but `human` the server answers by itself, of the tenant's own view of its events; that is
what may be read for them. A question of the kind `human` goes to the provider's analysts.

What the server answers is waited for, on a terminal with a line that says how far it is; with
--no-wait the question's name comes at once. Times are as in 2023-07-10T11:45:00Z or 2023-07-10 (UTC),
how long ago as in 24h, 7d or 1d12h, now, or all for no bound.";

/// What is asked.
#[derive(Debug, Subcommand)]
pub(super) enum Kind {
    /// What happened around an event or a time
    Timeline(Asked<TimelineArgs>),
    /// Everything that an actor, access key, address or resource did, or that was done to it
    Pivot(Asked<PivotArgs>),
    /// Who could have become whom by credentials and roles, and who did
    RoleChain(Asked<RoleChainArgs>),
    /// Whether indicators of compromise are in the events
    Indicators(Asked<IndicatorsArgs>),
    /// When something was seen first and last
    Seen(Asked<SeenArgs>),
    /// How much data went to whom
    Volume(Asked<VolumeArgs>),
    /// What was changed, and what would undo it
    Changes(Asked<ChangesArgs>),
    /// Which connections come back periodically
    Beacons(Asked<BeaconsArgs>),
    /// What is new, gone, more or less in one window against another
    Compare(Asked<CompareArgs>),
    /// What Sigma rules would have found
    Rules(Asked<RulesArgs>),
    /// A query in SQL
    Sql(Asked<SqlArgs>),
    /// How many of the provider's customers have seen what you have seen: a size, with noise
    SeenByOthers(Asked<SeenByOthersArgs>),
    /// What only people can answer: it goes to the provider's analysts
    Human(Asked<HumanArgs>),
}

/// A kind of question with what all questions have.
#[derive(Debug, Args)]
pub(super) struct Asked<T: Args> {
    #[command(flatten)]
    question: T,
    #[command(flatten)]
    common: Common,
}

const SCOPE: &str = "Over which events";

/// What all questions have.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// What for, in words: it stands in the answer's statement
    #[arg(long, value_name = "TEXT")]
    purpose: String,
    /// The incident that it is about: its full name, id, or number
    #[arg(long, value_name = "ID", value_parser = which)]
    incident: Option<Which>,
    /// Give the question's name at once
    #[arg(long, conflicts_with = "wait")]
    no_wait: bool,
    /// Wait for the answer; for people's too
    #[arg(long)]
    wait: bool,
    /// First moment of event time
    #[arg(long, value_name = "TIME", value_parser = when::bound, default_value = "all", help_heading = SCOPE)]
    since: When,
    /// First moment after
    #[arg(long, value_name = "TIME", value_parser = when::bound, default_value = "all", help_heading = SCOPE)]
    until: When,
    /// Events in this account alone; may be repeated
    #[arg(long, value_name = "ACCOUNT", help_heading = SCOPE)]
    account: Vec<String>,
    /// Events about this resource alone; may be repeated
    #[arg(long, value_name = "RESOURCE", help_heading = SCOPE)]
    resource_scope: Vec<String>,
    /// Events of this source type alone, as in aws.cloudtrail; may be repeated
    #[arg(long, value_name = "TYPE", help_heading = SCOPE)]
    source_type: Vec<String>,
}

impl Common {
    fn scope(&self) -> Scope {
        Scope {
            since: self.since.0,
            until: self.until.0,
            accounts: self.account.clone(),
            resources: self.resource_scope.clone(),
            source_types: self.source_type.clone(),
        }
    }
}

/// What was asked on the command line, read.
pub(super) struct Read {
    pub(super) question: Question,
    pub(super) consent: Vec<DataArg>,
    /// The files of the rules in it, to say in which of them something is wrong.
    pub(super) files: Vec<PathBuf>,
}

impl From<Question> for Read {
    fn from(question: Question) -> Self {
        Self {
            question,
            consent: Vec::new(),
            files: Vec::new(),
        }
    }
}

fn read<T: Args + ToQuestion>(asked: Asked<T>) -> Result<(Read, Common), Failure> {
    Ok((asked.question.read()?, asked.common))
}

pub(super) async fn run(context: &Context, whose: &Whose, kind: Kind) -> Outcome {
    // Read before anything is sent.
    let (read, common) = match kind {
        Kind::Timeline(asked) => read(asked),
        Kind::Pivot(asked) => read(asked),
        Kind::RoleChain(asked) => read(asked),
        Kind::Indicators(asked) => read(asked),
        Kind::Seen(asked) => read(asked),
        Kind::Volume(asked) => read(asked),
        Kind::Changes(asked) => read(asked),
        Kind::Beacons(asked) => read(asked),
        Kind::Compare(asked) => read(asked),
        Kind::Rules(asked) => read(asked),
        Kind::Sql(asked) => read(asked),
        Kind::SeenByOthers(asked) => read(asked),
        Kind::Human(asked) => read(asked),
    }?;
    let waits = match read.question.is_human() {
        // People take their time: who wants to wait for them says so.
        true => common.wait,
        false => !common.no_wait,
    };
    let new = NewAnalysis {
        scope: common.scope(),
        consent: read.consent.iter().copied().map(Into::into).collect(),
        ..NewAnalysis::new(read.question, common.purpose)
    };
    let (client, incident) = client(context, whose, common.incident).await?;
    let analyses = client.analyses();
    let asked = create(&analyses, NewAnalysis { incident, ..new }, &read.files).await?;
    if !waits {
        return given(context, &asked);
    }
    let ended = wait::until_ended(&analyses, &asked.name).await?;
    if let Err(error) = released(&ended) {
        note(&format!("no answer to {}", ended.name));
        return Err(error.into());
    }
    answer::show(context, &analyses.answer(&ended.name).await?, &ended.name)
}

/// The client to ask with, and the full name of the incident that it is about.
async fn client(
    context: &Context,
    whose: &Whose,
    incident: Option<Which>,
) -> Result<(Client, Option<String>), Failure> {
    match incident {
        None => Ok((context.client_of_tenant(whose).await?, None)),
        Some(which) => {
            let (client, name) = incidents::named(context, whose, which).await?;
            if client.tenant().is_none() {
                return Err(Failure::usage(
                    "this profile belongs to no tenant: questions are the tenant's own to ask",
                ));
            }
            Ok((client, Some(name)))
        }
    }
}

async fn create(
    analyses: &Analyses,
    new: NewAnalysis,
    files: &[PathBuf],
) -> Result<Analysis, Failure> {
    let texts = match &new.question {
        Question::Rules(texts) => texts.clone(),
        _ => Vec::new(),
    };
    match analyses.create(new).await {
        Ok(asked) => Ok(asked),
        Err(error) if *error.reason() == Reason::InvalidRule => {
            // Which of them the server counts from 1.
            let at = error.metadata("rule").and_then(|at| at.parse().ok());
            let at = at.and_then(|at: usize| at.checked_sub(1));
            let file = at.and_then(|at| Some((files.get(at)?, texts.get(at)?)));
            Err(match file {
                Some((path, text)) => {
                    let drawn = place::drawn_of(&files::label(path), text, &error);
                    Failure::InFile(error, drawn)
                }
                None => error.into(),
            })
        }
        Err(error) => Err(error.into()),
    }
}

/// A question that nobody waits for: its name, for scripts, and how to go on.
fn given(context: &Context, asked: &Analysis) -> Outcome {
    if context.output.form() != Form::Table {
        return show(context, asked);
    }
    context.output.text(&asked.name)?;
    note(&format!(
        "to follow it: cordon analyses watch {0}; the answer: cordon analyses result {0}",
        wait::id(&asked.name)
    ));
    Ok(())
}
