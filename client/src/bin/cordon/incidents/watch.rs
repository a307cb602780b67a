//! `cordon incidents watch`.

use clap::Args;
use cordon_client::{Incidents, TimelineEntry};
use futures::TryStreamExt as _;

use super::timeline::OfMany;
use crate::context::Context;
use crate::failure::{Failure, Outcome, note};
use crate::output::{Documents, Form, Row as _, put_line};

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
    let mut new = incidents.watch(command.cursor);
    let mut shown = Shown::new(context.output.form())?;
    let mut left = command.limit.unwrap_or(u64::MAX);
    let result = loop {
        if left == 0 {
            break Ok(());
        }
        tokio::select! {
            entry = new.try_next() => match entry {
                Ok(Some(entry)) => {
                    left -= 1;
                    if let Err(failure) = shown.entry(entry) {
                        break Err(failure);
                    }
                }
                Ok(None) => break Ok(()),
                Err(error) => break Err(Failure::from(error)),
            },
            stopped = tokio::signal::ctrl_c() => break stopped.map_err(Failure::from),
        }
    };
    let result = result.and_then(|()| shown.finish());
    if let Some(cursor) = new.cursor() {
        note(&format!("to go on from here: --cursor {cursor}"));
    }
    result
}

/// Entries on stdout, each as soon as it comes.
enum Shown {
    Lines,
    Documents(Documents),
}

/// Widths of all columns of a row but the last.
const WIDTHS: [usize; 5] = [6, 30, 36, 24, 40];

impl Shown {
    fn new(form: Form) -> Result<Self, Failure> {
        if form != Form::Table {
            return Ok(Self::Documents(Documents::new(form)));
        }
        let head = OfMany::HEAD.iter().map(|name| name.to_uppercase());
        put_line(&head.collect::<Vec<_>>(), &WIDTHS)?;
        Ok(Self::Lines)
    }

    fn entry(&mut self, entry: TimelineEntry) -> Outcome {
        let entry = OfMany(entry);
        match self {
            Self::Lines => put_line(&entry.cells(), &WIDTHS),
            Self::Documents(documents) => {
                documents.put(entry.json().to_string().as_bytes())?;
                documents.flush()
            }
        }
    }

    fn finish(self) -> Outcome {
        match self {
            Self::Lines => Ok(()),
            Self::Documents(documents) => documents.finish(),
        }
    }
}
