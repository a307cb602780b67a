//! `cordon events`.

mod count;
mod export;
mod get;
mod original;
mod search;
mod tail;

use clap::{Args, Subcommand, ValueEnum};
use cordon_client::{Completeness, Event, View};

pub(crate) use self::get::check as check_event;
use crate::context::{Context, Whose};
use crate::failure::{Outcome, note};
use crate::output::{Form, Row as _};
use crate::show::Columns;
use crate::text::{one_line, record_json, record_line};
use crate::when::{self, When};

pub(crate) const FILTERS: &str = "\
A filter is a SQL condition over these columns:
  time observed_time stored_time time_quality class_uid activity_id severity_id status account
  region service operation actor credential_uid src_ip src_port dst_ip dst_port resources source
  source_type event_id shared raw seq name
As in:
  --filter \"operation = 'AssumeRole' AND status = 'Failure'\"
  --filter \"NOT cidr_contains('10.0.0.0/8', src_ip) AND actor LIKE '%/admin'\"

Times are as in 2023-07-10T11:45:00Z or 2023-07-10 (UTC), how long ago as in 24h, 7d or 1d12h,
now, or all for no bound.";

/// What can be done with events.
#[derive(Debug, Args)]
pub(crate) struct Command {
    #[command(flatten)]
    whose: Whose,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Events of a time range that pass a filter
    #[command(after_help = FILTERS)]
    Search(search::Search),
    /// Events as they are stored, until stopped
    #[command(after_help = FILTERS)]
    Tail(tail::Tail),
    /// One event
    Get(get::Get),
    /// Why the tenant sees an event, and what of it is withheld and why
    Explain(get::Explain),
    /// What the source sent of an event that concerns several tenants, for the provider's staff
    ///
    /// You enter every tenant that the event concerns: each reads your justification in its log, so
    /// that it may name none of them.
    Original(original::Original),
    /// How many events there are, by up to three columns
    #[command(after_help = FILTERS)]
    Count(count::Count),
    /// Write all events of a search to a file
    #[command(after_help = FILTERS)]
    Export(export::Export),
}

/// Which events.
#[derive(Debug, Args)]
pub(super) struct Selection {
    /// First moment of event time
    #[arg(long, value_name = "TIME", value_parser = when::bound, default_value = "24h")]
    since: When,
    /// First moment after
    #[arg(long, value_name = "TIME", value_parser = when::bound, default_value = "all")]
    until: When,
    /// Only events that pass this SQL condition
    #[arg(long, value_name = "SQL", default_value = "")]
    filter: String,
}

/// How much of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum ViewArg {
    /// Translated to OCSF
    Ocsf,
    /// The source's bytes, or the tenant's view of them where others are concerned too
    Raw,
    /// The columns that filters work on
    Columns,
}

impl ViewArg {
    /// What is asked for: a table is made of columns, everything else of OCSF.
    pub(crate) fn wanted(chosen: Option<Self>, form: Form) -> View {
        match chosen {
            Some(Self::Ocsf) => View::Ocsf,
            Some(Self::Raw) => View::Raw,
            Some(Self::Columns) => View::Columns,
            None if form == Form::Table => View::Columns,
            None => View::Ocsf,
        }
    }
}

pub(crate) async fn run(context: &Context, command: Command) -> Outcome {
    let client = context.client_of_tenant(&command.whose).await?;
    let events = client.events();
    match command.verb {
        Verb::Search(search) => search::run(context, &events, search).await,
        Verb::Tail(tail) => tail::run(context, &events, tail).await,
        Verb::Get(get) => get::run(context, &events, get).await,
        Verb::Explain(explain) => get::explain(context, &events, explain).await,
        Verb::Original(original) => original::run(context, &events, original).await,
        Verb::Count(count) => count::run(context, &events, count).await,
        Verb::Export(export) => export::run(context, &events, export).await,
    }
}

/// An event as a document: OCSF as it was sent, the record's own bytes, or its columns.
fn document(event: Event, view: View, form: Form) -> Vec<u8> {
    match view {
        View::Raw if form == Form::Json => record_json(&event.raw),
        View::Raw => record_line(&event.raw).into_owned(),
        View::Columns => Columns(event).json().to_string().into_bytes(),
        View::Ocsf | View::Unspecified => match one_line(event.ocsf_json.as_bytes()) {
            std::borrow::Cow::Borrowed(_) => event.ocsf_json.into_bytes(),
            std::borrow::Cow::Owned(line) => line,
        },
    }
}

/// Says on stderr how complete an answer is.
fn say_completeness(completeness: Option<&Completeness>) {
    let Some(completeness) = completeness else {
        return;
    };
    note(&format!("completeness: {}", completeness.statement));
    for withheld in &completeness.withheld {
        note(&format!(
            "withheld: {} in {} events",
            withheld.reason, withheld.event_count
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_made_of_columns_and_all_else_of_ocsf() {
        assert_eq!(ViewArg::wanted(None, Form::Table), View::Columns);
        assert_eq!(ViewArg::wanted(None, Form::Ndjson), View::Ocsf);
        assert_eq!(ViewArg::wanted(Some(ViewArg::Raw), Form::Table), View::Raw);
    }

    #[test]
    fn documents_are_what_was_sent_and_one_line() {
        let event = Event {
            name: "tenants/acme/events/1".to_owned(),
            ocsf_json: "{ \"b\":1.0, \"a\":2 }".to_owned(),
            raw: (&b"{\n  \"x\": 1\n}\n"[..]).into(),
            ..Event::default()
        };
        let shown = |view, form| String::from_utf8(document(event.clone(), view, form)).unwrap();
        assert_eq!(shown(View::Ocsf, Form::Ndjson), "{ \"b\":1.0, \"a\":2 }");
        assert_eq!(shown(View::Raw, Form::Ndjson), "{\"x\":1}");
        assert!(shown(View::Columns, Form::Ndjson).starts_with("{\"name\":\"1\""));

        let flow = Event {
            raw: (&b"2 1 eni-a OK"[..]).into(),
            ..Event::default()
        };
        assert_eq!(
            document(flow.clone(), View::Raw, Form::Ndjson),
            b"2 1 eni-a OK"
        );
        assert_eq!(document(flow, View::Raw, Form::Json), b"\"2 1 eni-a OK\"");
    }
}
