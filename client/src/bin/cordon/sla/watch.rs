//! `cordon sla watch`.

use clap::Args;
use cordon_client::sla::ClocksUpdate;
use cordon_client::time::to_proto;
use cordon_client::{Clock, ClockState, IncidentClocks};
use futures::TryStreamExt as _;
use serde_json::{Value, json};

use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::incidents::show::moment;
use crate::incidents::words::{self, plain, severity};
use crate::output::{Documents, Form, Row as _, put_line};
use crate::show::{or_null, short, time_json};

/// From where on, and how much.
#[derive(Debug, Args)]
pub(crate) struct Watch {
    #[command(flatten)]
    whose: Whose,
    /// Go on behind this cursor, instead of beginning with all open incidents
    #[arg(long, value_name = "N")]
    cursor: Option<i64>,
    /// Stop after so many incidents
    #[arg(long, value_name = "N")]
    limit: Option<u64>,
}

pub(super) async fn run(context: &Context, command: Watch) -> Outcome {
    let client = context.client_of_tenant(&command.whose).await?;
    let mut new = client.sla().watch_clocks(command.cursor);
    let mut shown = Shown::new(context.output.form())?;
    let mut left = command.limit.unwrap_or(u64::MAX);
    let result = loop {
        if left == 0 {
            break Ok(());
        }
        tokio::select! {
            update = new.try_next() => match update {
                Ok(Some(update)) => match shown.update(&update, &mut left) {
                    Ok(()) => {}
                    Err(failure) => break Err(failure),
                },
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

const HEAD: [&str; 8] = [
    "as of", "number", "incident", "kind", "severity", "state", "left", "due",
];
/// Widths of all columns of a row but the last.
const WIDTHS: [usize; 7] = [20, 6, 36, 26, 8, 9, 10];

/// Clocks on stdout, each incident's as soon as they come.
enum Shown {
    Lines,
    Documents(Documents),
}

impl Shown {
    fn new(form: Form) -> Result<Self, Failure> {
        if form != Form::Table {
            return Ok(Self::Documents(Documents::new(form)));
        }
        let head = HEAD.iter().map(|name| name.to_uppercase());
        put_line(&head.collect::<Vec<_>>(), &WIDTHS)?;
        Ok(Self::Lines)
    }

    fn update(&mut self, update: &ClocksUpdate, left: &mut u64) -> Outcome {
        for incident in &update.incidents {
            if *left == 0 {
                break;
            }
            *left -= 1;
            match self {
                Self::Lines => lines(update, incident)?,
                Self::Documents(documents) => {
                    documents.put(document(update, incident).to_string().as_bytes())?;
                }
            }
        }
        match self {
            Self::Lines => Ok(()),
            Self::Documents(documents) => documents.flush(),
        }
    }

    fn finish(self) -> Outcome {
        match self {
            Self::Lines => Ok(()),
            Self::Documents(documents) => documents.finish(),
        }
    }
}

fn lines(update: &ClocksUpdate, incident: &IncidentClocks) -> Outcome {
    let as_of = update.as_of.map(to_proto);
    let before = [
        moment(as_of.as_ref()),
        incident.number.to_string(),
        short(&incident.incident),
    ];
    // Of an incident of which nothing runs, one line says so.
    let is_live =
        |clock: &&Clock| matches!(clock.state(), ClockState::Running | ClockState::Paused);
    let mut clocks = incident.clocks.iter().filter(is_live).peekable();
    if clocks.peek().is_none() {
        let rest = [
            String::new(),
            plain(severity(incident.severity())),
            plain(words::state(incident.state())),
            String::new(),
            String::new(),
        ];
        return put_line(&[&before[..], &rest[..]].concat(), &WIDTHS);
    }
    for clock in clocks {
        // Kind, severity, state, start, due, left, spent.
        let cells = clock.cells();
        let cell = |at: usize| cells.get(at).cloned().unwrap_or_default();
        let rest = [cell(0), cell(1), cell(2), cell(5), cell(4)];
        put_line(&[&before[..], &rest[..]].concat(), &WIDTHS)?;
    }
    Ok(())
}

fn document(update: &ClocksUpdate, incident: &IncidentClocks) -> Value {
    let clocks: Vec<_> = incident.clocks.iter().map(|clock| clock.json()).collect();
    json!({
        "incident": incident.incident,
        "number": incident.number,
        "severity": or_null(severity(incident.severity()).to_owned()),
        "state": or_null(words::state(incident.state()).to_owned()),
        "as_of_time": time_json(update.as_of.map(to_proto).as_ref()),
        "cursor": update.cursor,
        "clocks": clocks,
    })
}
