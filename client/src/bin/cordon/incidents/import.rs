//! `cordon incidents import`.

use std::fs::File;
use std::io::{self, IsTerminal as _, Read};
use std::path::PathBuf;

use clap::Args;
use cordon_client::exchange::read::{Defaults, read};
use cordon_client::exchange::{ImportOutcome, ImportResult};
use futures::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::words::{SeverityArg, TlpArg};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};

pub(super) const FORMS: &str = "\
FILE is what `cordon incidents export` writes, or a STIX 2.1 bundle of any program: its incidents
with the notes about them. `-` reads from stdin.

Times, names and what was signed elsewhere are stated and not taken over: nobody here has seen them.
No clock of an agreement starts. An incident that can't be taken is told, keeps none of the others
out, and the exit code is 5. Running the command again brings nothing in twice.";

/// More results are not kept for the JSON result.
const KEPT_AT_MOST: usize = 100_000;
/// More are not told one by one on stderr.
const TOLD_AT_MOST: usize = 100;

/// What to bring in.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// The file
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// How bad an incident is that does not say so
    #[arg(long, value_enum, default_value_t = SeverityArg::Sev3)]
    severity: SeverityArg,
    /// How far one may be passed on that does not say so
    #[arg(long, value_enum, default_value_t = TlpArg::Amber)]
    tlp: TlpArg,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Import) -> Outcome {
    let path = command.file.display().to_string();
    let failed = |error: io::Error| Failure::local(format!("{path}: {error}"));
    let file: Box<dyn Read> = match path.as_str() {
        "-" => Box::new(io::stdin().lock()),
        _ => Box::new(File::open(&command.file).map_err(failed)?),
    };
    let defaults = Defaults {
        severity: command.severity.into(),
        tlp: command.tlp.into(),
    };
    let document = read(file, defaults)?;
    let incidents = context.client_of_tenant(whose).await?.incidents();
    let progress = bar(document.offered.len());
    let mut sum = Sum {
        passed_over: document.passed_over,
        ..Sum::default()
    };
    let mut results = Box::pin(incidents.import(document.offered));
    let result = loop {
        match results.try_next().await {
            Ok(Some((at, told))) => {
                sum.add(&at, &told, &progress);
                progress.inc(1);
            }
            Ok(None) => break Ok(()),
            Err(error) => break Err(error),
        }
    };
    progress.finish_and_clear();
    // What was done is said even when not all was done.
    context.output.done(&sum.sentence(), &sum.json())?;
    result?;
    if sum.refused > 0 {
        if sum.untold > 0 {
            note(&format!("{} more were told", sum.untold));
        }
        return Err(Failure::Rejected);
    }
    Ok(())
}

/// What has become of all.
#[derive(Debug, Default)]
struct Sum {
    imported: usize,
    known: usize,
    differs: usize,
    refused: usize,
    passed_over: usize,
    told: usize,
    untold: usize,
    results: Vec<Value>,
}

impl Sum {
    fn add(&mut self, at: &str, told: &ImportResult, progress: &ProgressBar) {
        let outcome = told.outcome();
        let word = match outcome {
            ImportOutcome::Imported => {
                self.imported += 1;
                "IMPORTED"
            }
            ImportOutcome::Known => {
                self.known += 1;
                "KNOWN"
            }
            ImportOutcome::Differs => {
                self.differs += 1;
                self.say(progress, &differs(at, told));
                "DIFFERS"
            }
            ImportOutcome::Refused | ImportOutcome::Unspecified => {
                self.refused += 1;
                self.say(progress, &refused(at, told));
                "REFUSED"
            }
        };
        if self.results.len() < KEPT_AT_MOST {
            let violations = told.violations.iter();
            let violations = violations
                .map(|wrong| json!({ "field": wrong.field, "description": wrong.description }));
            self.results.push(json!({
                "at": at,
                "external_id": told.external_id,
                "outcome": word,
                "incident": (!told.incident.is_empty()).then_some(&told.incident),
                "violations": violations.collect::<Vec<_>>(),
            }));
        }
    }

    fn say(&mut self, progress: &ProgressBar, line: &str) {
        if self.told < TOLD_AT_MOST {
            self.told += 1;
            progress.suspend(|| note(line));
        } else {
            self.untold += 1;
        }
    }

    fn sentence(&self) -> String {
        let mut said = format!("brought in {}", self.imported);
        for (count, what) in [
            (self.known, "were here"),
            (
                self.differs,
                "were here with other content and are as they were",
            ),
            (self.refused, "can't be taken"),
        ] {
            if count > 0 {
                said.push_str(&format!(", {count} {what}"));
            }
        }
        if self.passed_over > 0 {
            said.push_str(&format!(
                "; {} objects of the bundle have no place here",
                self.passed_over
            ));
        }
        said
    }

    fn json(&self) -> Value {
        json!({
            "imported": self.imported,
            "known": self.known,
            "differs": self.differs,
            "refused": self.refused,
            "passed_over": self.passed_over,
            "results": self.results,
        })
    }
}

fn refused(at: &str, told: &ImportResult) -> String {
    let violations = told
        .violations
        .iter()
        .map(|wrong| match wrong.field.as_str() {
            "" => wrong.description.clone(),
            field => format!("{field}: {}", wrong.description),
        });
    let violations = violations.collect::<Vec<_>>().join("; ");
    format!("{at}: {}: {violations}", told.external_id)
}

fn differs(at: &str, told: &ImportResult) -> String {
    let (id, incident) = (&told.external_id, &told.incident);
    format!("{at}: {id}: is here as {incident} with other content, and is as it was")
}

/// How far it is; on a terminal only.
fn bar(count: usize) -> ProgressBar {
    if !io::stderr().is_terminal() {
        return ProgressBar::hidden();
    }
    let progress = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} {eta}") {
        progress.set_style(style);
    }
    progress
}
