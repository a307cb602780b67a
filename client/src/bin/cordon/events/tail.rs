//! `cordon events tail`.

use clap::Args;
use cordon_client::{Event, Events, View, Watch, WatchStream};

use super::{ViewArg, document};
use crate::context::Context;
use crate::failure::{Failure, Outcome};
use crate::follow::{Lines, Show, follow};
use crate::output::{Form, Row as _, put_line};
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
    let new = events.watch(watch);
    let shown = Shown::new(view, form)?;
    follow(new, command.limit, shown, WatchStream::cursor).await
}

/// Events on stdout.
struct Shown {
    lines: Lines,
    view: View,
    form: Form,
}

/// Widths of all columns of a row but the last.
const WIDTHS: &[usize] = &[30, 16, 7, 28, 40, 15];

impl Shown {
    fn new(view: View, form: Form) -> Result<Self, Failure> {
        let rows = view == View::Columns && form == Form::Table;
        let lines = match rows {
            true => Lines::rows(Columns::HEAD, WIDTHS)?,
            false => Lines::documents(form),
        };
        Ok(Self { lines, view, form })
    }
}

impl Show<Event> for Shown {
    fn item(&mut self, event: Event) -> Outcome {
        match &mut self.lines {
            Lines::Rows(widths) => put_line(&Columns(event).cells(), widths),
            Lines::Documents(documents) => {
                documents.put(&document(event, self.view, self.form))?;
                documents.flush()
            }
        }
    }

    fn finish(self) -> Outcome {
        self.lines.finish()
    }
}
