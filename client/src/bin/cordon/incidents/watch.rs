//! `cordon incidents watch`.

use clap::Args;
use cordon_client::{IncidentWatch, Incidents, TimelineEntry};

use super::timeline::OfMany;
use crate::context::Context;
use crate::failure::Outcome;
use crate::follow::{Lines, Show, follow};
use crate::output::{Form, Row as _, put_line};

/// From where on, and how much.
#[derive(Debug, Args)]
pub(super) struct Watch {
    /// Begin behind this cursor instead of now; 0 for all that ever happened
    #[arg(long, value_name = "N")]
    cursor: Option<i64>,
    /// Stop after so many entries
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

pub(super) async fn run(context: &Context, incidents: &Incidents, command: Watch) -> Outcome {
    let new = incidents.watch(command.cursor);
    let lines = match context.output.form() {
        Form::Table => Lines::rows(OfMany::HEAD, WIDTHS)?,
        form => Lines::documents(form),
    };
    follow(new, command.limit, Shown(lines), IncidentWatch::cursor).await
}

/// Entries on stdout.
struct Shown(Lines);

/// Widths of all columns of a row but the last.
const WIDTHS: &[usize] = &[6, 30, 36, 24, 40];

impl Show<TimelineEntry> for Shown {
    fn item(&mut self, entry: TimelineEntry) -> Outcome {
        let entry = OfMany(entry);
        match &mut self.0 {
            Lines::Rows(widths) => put_line(&entry.cells(), widths),
            Lines::Documents(documents) => {
                documents.put(entry.json().to_string().as_bytes())?;
                documents.flush()
            }
        }
    }

    fn finish(self) -> Outcome {
        self.0.finish()
    }
}
