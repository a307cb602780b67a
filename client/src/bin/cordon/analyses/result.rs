//! `cordon analyses result`.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cordon_client::Analyses;
use cordon_client::analysis::AnswerFormat;
use indicatif::ProgressBar;
use serde_json::json;

use super::answer::{self, Most};
use super::which::{analysis, named};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome};
use crate::output::Form;
use crate::part::Part;

pub(super) const HOW: &str = "\
Forms:
  table      on the terminal, long tables cut; with --table one of them whole
  json       the answer itself: the bytes whose SHA-256 is signed
  csv        one of its tables
  parquet    one of its tables
  html       all of it as one page, with graph and timeline drawn
  statement  what is signed: who answered what by which method, and what was not looked at

A file appears when it is whole. To check an answer when nobody can be asked any more:
  cordon signing-keys --out keys.json
  cordon analyses result ID --format json -f answer.json
  cordon analyses result ID --format statement -f statement.json
  cordon verify statement.json --answer answer.json --keys keys.json";

/// Which answer, and in which form.
#[derive(Debug, Args)]
pub(super) struct Fetch {
    /// Its full name or its id
    #[arg(value_name = "ID", value_parser = analysis)]
    id: String,
    /// Form of the answer
    #[arg(long, value_enum, default_value_t = FormatArg::Table)]
    format: FormatArg,
    /// Which of its tables, for table, csv and parquet; of the last two the first, if not given
    #[arg(long, value_name = "NAME")]
    table: Option<String>,
    /// Where the file goes; stdout, if not given or `-`
    #[arg(short = 'f', long = "out", value_name = "FILE")]
    out: Option<PathBuf>,
    /// In place of a file that is there
    #[arg(long)]
    force: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum FormatArg {
    /// On the terminal
    Table,
    /// The answer itself
    Json,
    /// One of its tables
    Csv,
    /// One of its tables
    Parquet,
    /// All of it as one page
    Html,
    /// What is signed
    Statement,
}

impl FormatArg {
    /// The form of a file; `None` for what is drawn here.
    const fn file(self) -> Option<AnswerFormat> {
        match self {
            Self::Table => None,
            Self::Json => Some(AnswerFormat::Json),
            Self::Csv => Some(AnswerFormat::Csv),
            Self::Parquet => Some(AnswerFormat::Parquet),
            Self::Html => Some(AnswerFormat::Html),
            Self::Statement => Some(AnswerFormat::Statement),
        }
    }

    const fn has_tables(self) -> bool {
        matches!(self, Self::Table | Self::Csv | Self::Parquet)
    }
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Fetch) -> Outcome {
    if command.table.is_some() && !command.format.has_tables() {
        return Err(Failure::usage(
            "--table goes with --format table, csv and parquet",
        ));
    }
    let out = command.out.filter(|path| path != Path::new("-"));
    let Some(format) = command.format.file() else {
        if out.is_some() {
            return Err(Failure::usage(
                "a file has another form than a table on the terminal: say which with --format",
            ));
        }
        let (client, name) = named(context, whose, &command.id).await?;
        return draw(context, &client.analyses(), &name, command.table.as_deref()).await;
    };
    let target = match out {
        Some(path) => Some(free(path, command.force)?),
        None if format == AnswerFormat::Parquet && std::io::stdout().is_terminal() => {
            return Err(Failure::usage(
                "Parquet is nothing for a terminal: say with -f where the file goes",
            ));
        }
        None => None,
    };
    let (client, name) = named(context, whose, &command.id).await?;
    let analyses = client.analyses();
    let table = command.table.unwrap_or_default();
    match target {
        None => {
            // What comes is checked before any of it is shown, where it can be.
            if format == AnswerFormat::Json {
                return context.output.bytes(&analyses.answer(&name).await?.json);
            }
            let mut out = tokio::io::stdout();
            analyses
                .download(&name, format, &table, &mut out, |_| ())
                .await?;
            Ok(())
        }
        Some(target) => {
            let part = Part::create(&target)?;
            let mut out = tokio::fs::File::from_std(part.file().try_clone()?);
            let progress = spinner();
            let fetched = analyses
                .download(&name, format, &table, &mut out, |bytes| {
                    progress.set_position(bytes);
                })
                .await;
            progress.finish_and_clear();
            let bytes = fetched?;
            part.finish(&target)?;
            let path = target.display().to_string();
            context.output.done(
                &format!("wrote {path}: {bytes} bytes"),
                &json!({ "file": path, "bytes": bytes }),
            )
        }
    }
}

/// Draws an answer, or one of its tables whole; programs get its JSON.
async fn draw(context: &Context, analyses: &Analyses, name: &str, table: Option<&str>) -> Outcome {
    let answer = analyses.answer(name).await?;
    let Some(wanted) = table else {
        return answer::show(context, &answer, name);
    };
    let found = answer.table(wanted).ok_or_else(|| {
        let names: Vec<_> = answer.tables.iter().map(|one| one.name.as_str()).collect();
        let there = match names.is_empty() {
            true => "it has none".to_owned(),
            false => format!("it has {}", names.join(", ")),
        };
        Failure::usage(format!("the answer has no table `{wanted}`: {there}"))
    })?;
    match context.output.form() {
        Form::Table => answer::table(&context.output, found, Most::All, name),
        _ => context.output.document(&answer::table_json(found)),
    }
}

/// Where a file goes, unless there is one already.
fn free(target: PathBuf, force: bool) -> Result<PathBuf, Failure> {
    if !force && target.symlink_metadata().is_ok() {
        let there = target.display();
        return Err(Failure::local(format!(
            "{there} is there already: give another name, or --force"
        )));
    }
    Ok(target)
}

/// How much has come; on a terminal only.
fn spinner() -> ProgressBar {
    match std::io::stderr().is_terminal() {
        true => ProgressBar::new_spinner(),
        false => ProgressBar::hidden(),
    }
}
