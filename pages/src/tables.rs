//! A report's figures and clocks as CSV, for spreadsheets and programs.
//!
//! Lengths of time are seconds with their fraction, times RFC 3339 in UTC, parts of a whole
//! hundredths of a percent. A text that a spreadsheet would take for a formula begins with an
//! apostrophe.

use std::io::{self, Write};

use cordon_sla::clock::Subject;
use cordon_sla::decided::{DecidedClock, Outcome};
use cordon_sla::objective::BasisPoints;
use cordon_sla::report::{Figures, Report};
use jiff::{SignedDuration, Timestamp};

use crate::sla::severity;

/// The columns of [`lines`].
pub const LINE_COLUMNS: [&str; 13] = [
    "tenant",
    "period",
    "kind",
    "severity",
    "met",
    "breached",
    "attained_basis_points",
    "p50_seconds",
    "p90_seconds",
    "p99_seconds",
    "breaches_provider_seconds",
    "breaches_customer_seconds",
    "complete",
];

/// The columns of [`Clocks`].
pub const CLOCK_COLUMNS: [&str; 17] = [
    "incident",
    "number",
    "kind",
    "request",
    "interval",
    "severity",
    "agreement",
    "state",
    "started",
    "due",
    "stopped",
    "decided",
    "allowed_seconds",
    "spent_seconds",
    "paused_seconds",
    "over_seconds",
    "entries",
];

fn failed(error: csv::Error) -> io::Error {
    io::Error::other(error)
}

/// Seconds, exact.
fn seconds(span: SignedDuration) -> String {
    let sign = if span.is_negative() { "-" } else { "" };
    let span = span.unsigned_abs();
    let text = format!("{}.{:09}", span.as_secs(), span.subsec_nanos());
    let text = text.trim_end_matches('0').trim_end_matches('.');
    format!("{sign}{text}")
}

fn or_empty<T>(value: Option<T>, shown: impl FnOnce(T) -> String) -> String {
    value.map(shown).unwrap_or_default()
}

/// A text that no spreadsheet takes for a formula.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

/// Writes the figures of reports: a row for each kind and severity, one for each kind with `ALL`
/// as its severity, and one for everything; with a header.
///
/// # Errors
///
/// When it can't be written.
pub fn lines(out: impl Write, reports: impl IntoIterator<Item = Report>) -> io::Result<()> {
    let mut csv = csv::Writer::from_writer(out);
    csv.write_record(LINE_COLUMNS).map_err(failed)?;
    for report in reports {
        let mut row = |kind: &str, severity: &str, figures: &Figures| {
            let took = figures.breaches_took;
            csv.write_record([
                harmless(&report.tenant),
                report.period.to_string(),
                kind.to_owned(),
                severity.to_owned(),
                figures.met.to_string(),
                figures.breached.to_string(),
                or_empty(figures.attained, |BasisPoints(points)| points.to_string()),
                or_empty(figures.p50, seconds),
                or_empty(figures.p90, seconds),
                or_empty(figures.p99, seconds),
                seconds(took.provider),
                seconds(took.customer),
                report.complete.to_string(),
            ])
            .map_err(failed)
        };
        for line in &report.lines {
            row(
                &word(line.kind.words()),
                severity(line.severity),
                &line.figures,
            )?;
        }
        for total in &report.totals {
            row(&word(total.kind.words()), "ALL", &total.figures)?;
        }
        row("ALL", "ALL", &report.overall)?;
    }
    csv.flush()
}

/// A kind as other exports write it.
fn word(words: &str) -> String {
    words.to_uppercase().replace(' ', "_")
}

/// Writes clocks, a row each, with a header.
pub struct Clocks<W: Write> {
    csv: csv::Writer<W>,
}

impl<W: Write> std::fmt::Debug for Clocks<W> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Clocks").finish_non_exhaustive()
    }
}

impl<W: Write> Clocks<W> {
    /// Writes the header.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn new(out: W) -> io::Result<Self> {
        let mut csv = csv::Writer::from_writer(out);
        csv.write_record(CLOCK_COLUMNS).map_err(failed)?;
        Ok(Self { csv })
    }

    /// Writes a clock.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn put(&mut self, clock: &DecidedClock) -> io::Result<()> {
        let (request, interval) = match &clock.subject {
            Some(Subject::Request(id)) => (harmless(id), String::new()),
            Some(Subject::Interval(interval)) => (String::new(), interval.to_string()),
            None => (String::new(), String::new()),
        };
        let state = match clock.state {
            Outcome::Met => "MET",
            Outcome::Breached => "BREACHED",
        };
        let time = |at: Timestamp| at.to_string();
        let over = clock.spent.saturating_sub(clock.allowed);
        let entries: Vec<_> = clock.entries.iter().map(u64::to_string).collect();
        let row = [
            harmless(&clock.incident),
            clock.number.to_string(),
            word(clock.kind.words()),
            request,
            interval,
            severity(clock.severity).to_owned(),
            clock.agreement.to_string(),
            state.to_owned(),
            time(clock.started),
            or_empty(clock.due, time),
            or_empty(clock.stopped, time),
            time(clock.decided),
            seconds(clock.allowed),
            seconds(clock.spent),
            seconds(clock.paused),
            seconds(over.max(SignedDuration::ZERO)),
            entries.join(" "),
        ];
        self.csv.write_record(row).map_err(failed)
    }

    /// Writes what is left.
    ///
    /// # Errors
    ///
    /// When it can't be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.csv.flush()
    }
}
