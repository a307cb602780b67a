//! `cordon detect test`.

use std::path::{Path, PathBuf};

use clap::Args;
use cordon_client::{Reason, RuleTest, RuleTestSummary, Rules, View};
use futures::TryStreamExt as _;

use super::which::{Which, named, rule};
use super::{files, hits, place};
use crate::context::{Context, Whose};
use crate::events::ViewArg;
use crate::failure::{Failure, Outcome, note};
use crate::output::{Documents, Form};
use crate::when::{self, When};

pub(super) const WHAT: &str = "\
A FILE holds one Sigma rule, which need not be stored; `-` reads from stdin. A RULE is one that is
stored, with its exceptions: its full name, its id, or a part of its title. Where a file has the name
that is given, the file is meant.

Hits come newest first, of a correlation oldest first. Times are as in 2023-07-10T11:45:00Z or
2023-07-10 (UTC), how long ago as in 24h, 7d or 1d12h, now, or all for no bound.";

/// Which rule, on which events.
#[derive(Debug, Args)]
pub(super) struct Test {
    /// A rule's file, or a rule that is stored
    #[arg(value_name = "FILE|RULE")]
    what: String,
    /// First moment of event time
    #[arg(long, value_name = "TIME", value_parser = when::bound, default_value = "24h")]
    since: When,
    /// First moment after
    #[arg(long, value_name = "TIME", value_parser = when::bound, default_value = "all")]
    until: When,
    /// How many hits at most, up to 10,000
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    max: u32,
    /// How much of each event; a table shows columns and everything else OCSF, if not given
    #[arg(long, value_enum)]
    view: Option<ViewArg>,
}

/// What was given.
#[derive(Debug, PartialEq, Eq)]
enum What {
    File(PathBuf),
    Stored(Which),
}

fn what(given: &str) -> Result<What, Failure> {
    let path = Path::new(given);
    // A pipe of the shell's is a file as well.
    if given == "-" || (path.exists() && !path.is_dir()) {
        return Ok(What::File(path.to_owned()));
    }
    let stored = rule(given).map_err(Failure::usage)?;
    if matches!(stored, Which::Title(_)) && (files::is_rule(path) || path.is_dir()) {
        let wrong = match path.is_dir() {
            true => "is a folder; give one of its files",
            false => "there is no such file",
        };
        return Err(Failure::local(format!("{given}: {wrong}")));
    }
    Ok(What::Stored(stored))
}

pub(super) async fn run(context: &Context, whose: &Whose, command: Test) -> Outcome {
    let form = context.output.form();
    let view = ViewArg::wanted(command.view, form);
    let (rules, test, file) = match what(&command.what)? {
        What::File(path) => {
            // Read before anything is sent.
            let text = files::text_of(&path)?;
            let rules = context.client_of_tenant(whose).await?.rules();
            let test = RuleTest::of_text(text.as_str());
            (rules, test, Some((files::label(&path), text)))
        }
        What::Stored(which) => {
            let (rules, name) = named(context, whose, which).await?;
            (rules, RuleTest::of_rule(name), None)
        }
    };
    let mut test = test.view(view).max_hits(command.max);
    if let Some(since) = command.since.0 {
        test = test.since(since);
    }
    if let Some(until) = command.until.0 {
        test = test.until(until);
    }
    match show(&rules, test, view, form).await {
        Err(Failure::Client(error)) if *error.reason() == Reason::InvalidRule => Err(match file {
            Some((file, text)) => {
                let drawn = place::drawn_of(&file, &text, &error);
                Failure::InFile(error, drawn)
            }
            None => Failure::Client(error),
        }),
        other => other,
    }
}

/// Shows hits as they come, and says at the end how many there were.
async fn show(rules: &Rules, test: RuleTest, view: View, form: Form) -> Outcome {
    let mut found = rules.test(test);
    if view == View::Columns && form == Form::Table {
        hits::rows(&mut found).await?;
    } else {
        let mut documents = Documents::new(form);
        while let Some(hit) = found.try_next().await? {
            documents.put(&hits::document(hit, view))?;
            documents.flush()?;
        }
        documents.finish()?;
    }
    if let Some(summary) = found.summary() {
        say(summary);
    }
    Ok(())
}

/// How the answer closed.
fn say(summary: &RuleTestSummary) {
    let hits = match summary.hit_count {
        1 => "1 hit".to_owned(),
        count => format!("{count} hits"),
    };
    note(&match summary.cut {
        true => {
            format!("{hits}, and there may be more: raise --max, or narrow --since and --until")
        }
        false => format!("{hits}, and that is all"),
    });
    for filter in &summary.filters {
        note(&format!("filter: {filter}"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_before_a_title_and_a_missing_one_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("trail");
        let given = path.display().to_string();
        assert!(matches!(what(&given), Ok(What::Stored(Which::Title(_)))));
        std::fs::write(&path, "title: Example").unwrap();
        assert_eq!(what(&given).unwrap(), What::File(path));
        assert_eq!(what("-").unwrap(), What::File("-".into()));
        assert_eq!(what("missing.yml").unwrap_err().code(), 1);
        let inner = folder.path().display().to_string();
        assert_eq!(what(&inner).unwrap_err().code(), 1);
        assert_eq!(what("tenants/acme").unwrap_err().code(), 2);
    }
}
