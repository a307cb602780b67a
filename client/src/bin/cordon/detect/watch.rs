//! `cordon detect findings watch`.

use clap::Args;
use cordon_client::{Finding, FindingWatch, Findings};

use super::rows::Followed;
use crate::context::Context;
use crate::failure::Outcome;
use crate::follow::{Lines, Show, follow};
use crate::output::{Form, Row as _, put_line};

/// From where on, and how much.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Begin behind this cursor instead of now; 0 for all there are
    #[arg(long, value_name = "N")]
    cursor: Option<i64>,
    /// Stop after so many findings
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

pub(super) async fn run(context: &Context, findings: &Findings, command: Watch) -> Outcome {
    let new = findings.watch(command.cursor);
    let lines = match context.output.form() {
        Form::Table => Lines::rows(Followed::HEAD, WIDTHS)?,
        form => Lines::documents(form),
    };
    follow(new, command.limit, Shown(lines), FindingWatch::cursor).await
}

/// Findings on stdout.
struct Shown(Lines);

/// Widths of all columns of a row but the last.
const WIDTHS: &[usize] = &[6, 20, 13, 11, 6, 36, 12, 40];

impl Show<Finding> for Shown {
    fn item(&mut self, finding: Finding) -> Outcome {
        let finding = Followed(finding);
        match &mut self.0 {
            Lines::Rows(widths) => put_line(&finding.cells(), widths),
            Lines::Documents(documents) => {
                documents.put(finding.json().to_string().as_bytes())?;
                documents.flush()
            }
        }
    }

    fn finish(self) -> Outcome {
        self.0.finish()
    }
}
