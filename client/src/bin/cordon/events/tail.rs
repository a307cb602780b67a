//! `cordon events tail`.

use clap::Args;
use cordon_client::{Event, Events, View, Watch};
use futures::TryStreamExt as _;

use super::{ViewArg, document};
use crate::context::Context;
use crate::failure::{Failure, Outcome, note};
use crate::output::{Documents, Form, Row as _, put_line};
use crate::show::Columns;

/// What to follow.
#[derive(Debug, Args)]
pub(super) struct Tail {
    /// Begin behind this cursor instead of now; 0 for all that is kept
    #[arg(long, value_name = "N")]
    cursor: Option<i64>,
    /// Only events that pass this SQL condition
    #[arg(long, value_name = "SQL", default_value = "")]
    filter: String,
    /// How much of each event; a table shows columns and everything else OCSF, if not given
    #[arg(long, value_enum)]
    view: Option<ViewArg>,
    /// Stop after so many events
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

pub(super) async fn run(context: &Context, events: &Events, command: Tail) -> Outcome {
    let form = context.output.form();
    let view = ViewArg::wanted(command.view, form);
    let mut watch = Watch::new().filter(command.filter).view(view);
    if let Some(cursor) = command.cursor {
        watch = watch.from(cursor);
    }
    let mut new = events.watch(watch);
    let mut shown = Shown::new(view, form)?;
    let mut left = command.limit.unwrap_or(u64::MAX);
    let result = loop {
        if left == 0 {
            break Ok(());
        }
        tokio::select! {
            event = new.try_next() => match event {
                Ok(Some(event)) => {
                    left -= 1;
                    if let Err(failure) = shown.event(event) {
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

/// Events on stdout, each as soon as it comes.
enum Shown {
    Lines,
    Documents(Documents, View, Form),
}

/// Widths of all columns of a row but the last: they can't wait for what is still to come.
const WIDTHS: [usize; 6] = [30, 16, 7, 28, 40, 15];

impl Shown {
    fn new(view: View, form: Form) -> Result<Self, Failure> {
        if view != View::Columns || form != Form::Table {
            return Ok(Self::Documents(Documents::new(form), view, form));
        }
        let head = Columns::HEAD.iter().map(|name| name.to_uppercase());
        put_line(&head.collect::<Vec<_>>(), &WIDTHS)?;
        Ok(Self::Lines)
    }

    fn event(&mut self, event: Event) -> Outcome {
        match self {
            Self::Lines => put_line(&Columns(event).cells(), &WIDTHS),
            Self::Documents(documents, view, form) => {
                documents.put(&document(event, *view, *form))?;
                documents.flush()
            }
        }
    }

    fn finish(self) -> Outcome {
        match self {
            Self::Lines => Ok(()),
            Self::Documents(documents, ..) => documents.finish(),
        }
    }
}
