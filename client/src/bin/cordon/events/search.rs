//! `cordon events search`.

use clap::{Args, ValueEnum};
use cordon_client::{Event, Events, SearchStream, View};
use futures::TryStreamExt as _;

use super::{Selection, ViewArg, document, say_completeness};
use crate::context::Context;
use crate::failure::{Outcome, note};
use crate::output::{Documents, Form, Row as _};
use crate::show::Columns;

/// What to search for.
#[derive(Debug, Args)]
pub(super) struct Search {
    #[command(flatten)]
    selection: Selection,
    /// How many events at most
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: u64,
    /// Which events come first
    #[arg(long, value_enum, default_value_t = OrderArg::Newest)]
    order: OrderArg,
    /// How much of each event; a table shows columns and everything else OCSF, if not given
    #[arg(long, value_enum)]
    view: Option<ViewArg>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum OrderArg {
    /// Latest first
    Newest,
    /// Earliest first
    Oldest,
}

pub(super) async fn run(context: &Context, events: &Events, command: Search) -> Outcome {
    let form = context.output.form();
    let view = ViewArg::wanted(command.view, form);
    let mut search = cordon_client::Search::new()
        .filter(command.selection.filter)
        .limit(command.limit)
        .view(view);
    if let Some(since) = command.selection.since.0 {
        search = search.since(since);
    }
    if let Some(until) = command.selection.until.0 {
        search = search.until(until);
    }
    if command.order == OrderArg::Oldest {
        search = search.oldest_first();
    }

    let mut found = events.search(search);
    if view == View::Columns && form == Form::Table {
        table(context, &mut found).await?;
    } else {
        let mut documents = Documents::new(form);
        while let Some(event) = found.try_next().await? {
            documents.put(&document(event, view, form))?;
        }
        documents.finish()?;
    }
    if let Some(summary) = found.summary() {
        if !summary.next_page_token.is_empty() {
            note(&format!(
                "these are {}, and there are more: raise --limit or narrow the search",
                summary.returned_count
            ));
        }
        say_completeness(summary.completeness.as_ref());
    }
    Ok(())
}

async fn table(context: &Context, found: &mut SearchStream) -> Outcome {
    let mut rows = Vec::new();
    while let Some(event) = found.try_next().await? {
        rows.push(cells(event));
    }
    context.output.table(Columns::HEAD, rows)
}

fn cells(event: Event) -> Vec<String> {
    Columns(event).cells()
}
