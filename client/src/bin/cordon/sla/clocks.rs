//! How an incident's clocks stand, as rows, as JSON, and as a part of the incident's page.

use cordon_client::time::to_proto;
use cordon_client::{Client, Clock, ClockState, Reason, Stretch};
use cordon_pages::incident::words::promise;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::amounts::{exact_span, plain_span};
use super::words::{kind, state};
use crate::context::Context;
use crate::failure::{Failure, Outcome, note};
use crate::incidents::prose::laid_out;
use crate::incidents::show::moment;
use crate::incidents::words::{party, plain, severity};
use crate::output::{Documents, Form, Row};
use crate::show::{or_null, time_json};
use crate::text::cell;

/// An incident's clocks at a moment.
#[derive(Debug)]
pub(crate) struct Clocks {
    clocks: Vec<Clock>,
    as_of: Timestamp,
}

impl Clocks {
    /// Those of the incident of this name.
    pub(super) async fn read(client: &Client, name: &str) -> Result<Self, Failure> {
        let (clocks, as_of) = client.sla().clocks(name).await?;
        Ok(Self { clocks, as_of })
    }

    /// The same; `None` when the server is older than this program and has none.
    pub(crate) async fn if_known(client: &Client, name: &str) -> Result<Option<Self>, Failure> {
        match Self::read(client, name).await {
            Ok(clocks) => Ok(Some(clocks)),
            Err(Failure::Client(error)) if *error.reason() == Reason::Unimplemented => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.clocks.is_empty()
    }

    /// The moment, to the second.
    pub(crate) fn as_of(&self) -> String {
        moment(Some(&to_proto(self.as_of)))
    }

    /// Shows them on stdout.
    pub(super) fn show(&self, context: &Context) -> Outcome {
        let output = &context.output;
        if output.form() == Form::Table {
            let rows = self.clocks.iter().map(Row::cells).collect();
            output.table(Clock::HEAD, rows)?;
            note(&format!("as of {}", self.as_of()));
            return Ok(());
        }
        let mut documents = Documents::new(output.form());
        for clock in &self.clocks {
            documents.put(self.clock_json(clock).to_string().as_bytes())?;
        }
        documents.finish()
    }

    /// All of them as one list.
    pub(crate) fn json(&self) -> Value {
        let clocks = self.clocks.iter();
        clocks.map(|clock| self.clock_json(clock)).collect()
    }

    /// A clock, and for which moment it was computed.
    fn clock_json(&self, clock: &Clock) -> Value {
        let mut value = clock.json();
        if let Value::Object(object) = &mut value {
            let as_of = time_json(Some(&to_proto(self.as_of)));
            object.insert("as_of_time".to_owned(), as_of);
        }
        value
    }

    /// The lines of a page: what it is and how it stands below each other, the rest behind.
    pub(crate) fn lines(&self) -> Vec<String> {
        let heads: Vec<_> = self.clocks.iter().map(|clock| cell(&what(clock))).collect();
        let width = heads.iter().map(|head| head.chars().count()).max();
        let width = width.unwrap_or_default().min(MAX_WIDTH);
        let clocks = self.clocks.iter().zip(heads);
        let lines = clocks.flat_map(|(clock, head)| {
            let stands = plain(state(clock.state()));
            let grave = plain(severity(clock.severity()));
            let mut said = format!("{head:<width$}  {grave}  {stands:<9}");
            let left = left(clock);
            if clock.state() != ClockState::Paused && !left.is_empty() {
                said.push_str(&format!("  left {left}"));
            }
            match (&clock.stop_time, &clock.due_time) {
                (None, None) => {}
                (None, due) => said.push_str(&format!("  due {}", moment(due.as_ref()))),
                (stop, _) => said.push_str(&format!("  ended {}", moment(stop.as_ref()))),
            }
            laid_out(&said, 2, 6)
        });
        lines.collect()
    }
}

/// Widest name of a clock that others are lined up with.
const MAX_WIDTH: usize = 30;

impl Row for Clock {
    const HEAD: &'static [&'static str] = &[
        "kind", "severity", "state", "started", "due", "left", "spent",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            what(self),
            plain(severity(self.severity())),
            plain(state(self.state())),
            moment(self.start_time.as_ref()),
            moment(self.due_time.as_ref()),
            left(self),
            plain_span(self.spent.as_ref()),
        ]
    }

    fn json(&self) -> Value {
        let span = |span: Option<&prost_types::Duration>| {
            or_null(span.map_or_else(String::new, exact_span))
        };
        let stretches: Vec<_> = self.stretches.iter().map(stretch_json).collect();
        let interval = Some(self.interval).filter(|interval| *interval != 0);
        json!({
            "kind": or_null(kind(self.kind()).to_owned()),
            "request": or_null(self.request.clone()),
            "interval": interval,
            "severity": or_null(severity(self.severity()).to_owned()),
            "agreement": self.agreement,
            "state": or_null(state(self.state()).to_owned()),
            "start_time": time_json(self.start_time.as_ref()),
            "due_time": time_json(self.due_time.as_ref()),
            "stop_time": time_json(self.stop_time.as_ref()),
            "allowed": span(self.allowed.as_ref()),
            "spent": span(self.spent.as_ref()),
            "paused": span(self.paused.as_ref()),
            "left": span(self.left.as_ref()),
            "stretches": stretches,
            "timeline_entries": self.timeline_entries,
        })
    }
}

fn stretch_json(stretch: &Stretch) -> Value {
    json!({
        "party": or_null(party(stretch.party()).to_owned()),
        "start_time": time_json(stretch.start_time.as_ref()),
        "end_time": time_json(stretch.end_time.as_ref()),
        "open": or_null(stretch.open.as_ref().map_or_else(String::new, exact_span)),
    })
}

/// What was promised, and which of several it is.
fn what(clock: &Clock) -> String {
    promise(clock.kind(), &clock.request, clock.interval)
}

/// What is left for people.
fn left(clock: &Clock) -> String {
    match clock.state() {
        ClockState::Paused => "paused".to_owned(),
        _ => plain_span(clock.left.as_ref()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
