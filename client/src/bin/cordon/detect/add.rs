//! `cordon detect rules add`.

use std::io::{self, IsTerminal as _};
use std::path::PathBuf;

use clap::Args;
use cordon_client::{Error, NewRule, Reason, Rule, RuleTest, Rules};
use futures::TryStreamExt as _;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};

use super::{files, place};
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::output::Form;
use crate::show::short;

pub(super) const FORMS: &str = "\
A file holds one Sigma rule: a detection rule, or a correlation together with the rules that it
counts. Of a folder all *.yml and *.yaml are taken, in the folders within it too. `-` reads from
stdin.

A rule that is not understood is told with its line and column, keeps none of the others out, and
the exit code is 5. To add a file again makes another rule of it: `rules update --text` gives a rule
a new text.";

/// Most refused rules that are told one by one on stderr.
const TOLD_AT_MOST: usize = 100;

/// What to add.
#[derive(Debug, Args)]
pub(super) struct Add {
    /// Files of one rule each, and folders of such files
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Keep them without looking at events by them yet
    #[arg(long, conflicts_with = "dry_run")]
    disabled: bool,
    /// Only see whether they are understood: nothing is stored
    #[arg(long)]
    dry_run: bool,
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Add) -> Outcome {
    // A name that is mistyped should not be found out in the middle.
    let paths = files::collect(&command.files)?;
    let rules = context.client_of_tenant(whose).await?.rules();
    let progress = bar(paths.len());
    let mut sum = Sum::new(command.dry_run);
    let mut result = Ok(());
    for path in paths {
        let file = files::label(&path);
        match files::text(&path) {
            Err(wrong) => sum.unread(&file, &wrong, &progress),
            Ok(text) => match offer(&rules, &text, &command).await {
                Ok(rule) => sum.taken(&file, rule),
                Err(error) if is_of_the_rule(&error) => {
                    sum.refused(&file, &text, &error, &progress);
                }
                Err(error) => {
                    result = Err(error);
                    break;
                }
            },
        }
        progress.inc(1);
    }
    progress.finish_and_clear();
    // What was done is said even when not all was done.
    sum.show(context)?;
    result?;
    match sum.refused {
        0 => Ok(()),
        _ => Err(Failure::Rejected),
    }
}

/// Adds a rule, or sees whether it is understood.
async fn offer(rules: &Rules, text: &str, command: &Add) -> Result<Option<Rule>, Error> {
    if command.dry_run {
        let mut hits = rules.test(RuleTest::of_text(text).of_no_event());
        while hits.try_next().await?.is_some() {}
        return Ok(None);
    }
    let new = NewRule {
        disabled: command.disabled,
        ..NewRule::from(text.to_owned())
    };
    rules.create(new).await.map(Some)
}

/// Whether the next rule may fare better.
fn is_of_the_rule(error: &Error) -> bool {
    matches!(
        error.reason(),
        Reason::InvalidRule | Reason::InvalidArgument | Reason::InvalidFilter | Reason::TooLarge
    )
}

/// What has become of all.
#[derive(Debug)]
struct Sum {
    dry_run: bool,
    taken: usize,
    refused: usize,
    rows: Vec<Vec<String>>,
    results: Vec<Value>,
}

impl Sum {
    const fn new(dry_run: bool) -> Self {
        Self {
            dry_run,
            taken: 0,
            refused: 0,
            rows: Vec::new(),
            results: Vec::new(),
        }
    }

    fn taken(&mut self, file: &str, rule: Option<Rule>) {
        self.taken += 1;
        let mut result = json!({
            "file": file,
            "outcome": if self.dry_run { "UNDERSTOOD" } else { "ADDED" },
        });
        if let (Some(rule), Some(object)) = (rule, result.as_object_mut()) {
            object.insert("rule".to_owned(), rule.name.as_str().into());
            object.insert("title".to_owned(), rule.title.as_str().into());
            let cells = vec![short(&rule.name), rule.title, file.to_owned()];
            self.rows.push(cells);
        }
        self.results.push(result);
    }

    /// The server does not take it.
    fn refused(&mut self, file: &str, text: &str, error: &Error, progress: &ProgressBar) {
        let (line, column) = place::line_and_column(error);
        self.results.push(json!({
            "file": file,
            "outcome": "REFUSED",
            "line": line,
            "column": column,
            "reason": error.reason().as_str(),
            "message": place::message(error),
        }));
        let mut said = format!(
            "{}: {} [{}]",
            place::at(file, error),
            place::message(error),
            error.reason()
        );
        if let Some(drawn) = place::drawn(text, error) {
            said.push('\n');
            said.push_str(&drawn);
        }
        self.say(&said, progress);
    }

    /// The file is no text that could be sent.
    fn unread(&mut self, file: &str, wrong: &str, progress: &ProgressBar) {
        self.results.push(json!({
            "file": file,
            "outcome": "REFUSED",
            "line": null,
            "column": null,
            "reason": Reason::Io.as_str(),
            "message": wrong,
        }));
        self.say(&format!("{file}: {wrong} [{}]", Reason::Io), progress);
    }

    fn say(&mut self, said: &str, progress: &ProgressBar) {
        self.refused += 1;
        if self.refused <= TOLD_AT_MOST {
            progress.suspend(|| note(said));
        }
    }

    fn sentence(&self) -> String {
        let taken = match self.dry_run {
            true => format!("{} understood", self.taken),
            false => format!("{} added", self.taken),
        };
        match self.refused {
            0 => taken,
            refused => format!("{taken}, {refused} refused"),
        }
    }

    fn show(&self, context: &Context) -> Outcome {
        if self.refused > TOLD_AT_MOST {
            note(&format!(
                "{} more were refused",
                self.refused - TOLD_AT_MOST
            ));
        }
        if context.output.form() == Form::Table {
            let head = ["id", "title", "file"];
            context.output.table(&head, self.rows.clone())?;
        }
        let (key, done) = match self.dry_run {
            true => ("understood", "nothing was stored"),
            false => ("added", ""),
        };
        let sentence = match done {
            "" => self.sentence(),
            done => format!("{}; {done}", self.sentence()),
        };
        context.output.done(
            &sentence,
            &json!({ key: self.taken, "refused": self.refused, "results": self.results }),
        )
    }
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
