//! `cordon sla recompute`.

use std::path::PathBuf;

use clap::Args;
use cordon_client::sla::{ReportDocument, read_report, to_agreement};
use cordon_sla::report::{Recomputed, Report, recompute};
use futures::TryStreamExt as _;
use serde_json::json;

use super::own;
use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::output::Form;
use crate::statements::{MAX_REPORT_BYTES, about, keys, read};

/// Most differences that are shown to people.
const SHOWN: usize = 50;

const HOW: &str = "\
The report is a file that `cordon sla report --format json` wrote. Its signature is checked, every
clock is computed again from the timeline of the tenant's incidents, and every figure from the
clocks. Without files the timeline and the agreements are fetched. With files, and keys, nobody is
asked:

  cordon sla history --out log.ndjson
  cordon sla agreements list -o json > agreements.json
  cordon signing-keys --out keys.json
  cordon sla recompute report.json --log log.ndjson --agreements agreements.json --keys keys.json

The log has to reach back to the tenant's first incident, or at least to those that were open in
the months that the report speaks of. The exit code is 0 if all agrees, and 7 if something differs.
Availability and freshness are what the service measured itself: they are taken as reported.";

/// Which report, and what it is compared with.
#[derive(Debug, Args)]
#[command(after_help = HOW)]
pub(crate) struct Ask {
    #[command(flatten)]
    whose: Whose,
    /// The report with its clocks; `-` for stdin
    #[arg(value_name = "FILE")]
    report: PathBuf,
    /// One's own log, instead of fetching it
    #[arg(long, value_name = "FILE")]
    log: Option<PathBuf>,
    /// One's own agreements, instead of fetching them
    #[arg(long, value_name = "FILE")]
    agreements: Option<PathBuf>,
    /// Keys that `cordon signing-keys` wrote, instead of fetching them
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

pub(super) async fn run(context: &Context, command: Ask) -> Outcome {
    let path = &command.report;
    let content = read(path, MAX_REPORT_BYTES)?;
    let document = ReportDocument::parse(&content).map_err(|error| about(path, &error))?;
    drop(content);
    let keys = keys(context, command.keys.as_deref()).await?;
    let signed = read_report(&document.envelope, &keys).map_err(|error| about(path, &error))?;
    let report = &signed.report;
    let agreements = match &command.agreements {
        Some(path) => own::agreements(path)?,
        None => {
            let client = context.client_for(&command.whose).await?;
            let mut listed = client.sla().list_agreements(&report.tenant);
            let mut agreements = Vec::new();
            while let Some(agreement) = listed.try_next().await? {
                agreements.push(to_agreement(&agreement)?);
            }
            agreements
        }
    };
    let logs = match &command.log {
        Some(path) => own::logs(path)?,
        None => {
            let client = context.client_for(&command.whose).await?;
            client.for_tenant(&report.tenant).sla().logs().await?
        }
    };
    let came = recompute(report, &document.lines, logs, &agreements);
    show(context, report, &came)
}

fn show(context: &Context, report: &Report, came: &Recomputed) -> Outcome {
    let output = &context.output;
    let count = u64::try_from(came.differences.len()).unwrap_or(u64::MAX);
    let count = count.saturating_add(came.left_out);
    if output.form() == Form::Table {
        let what = format!("the report of {} in {}", report.tenant, report.period);
        let sentence = if came.agrees() {
            format!(
                "{what} agrees with the log: {} clocks and all figures were computed again",
                came.clocks
            )
        } else {
            format!("{what} does not agree with the log: {count} differences")
        };
        output.text(&sentence)?;
        for difference in came.differences.iter().take(SHOWN) {
            output.text(&format!("  {difference}"))?;
        }
        let more = count.saturating_sub(u64::try_from(SHOWN).unwrap_or(u64::MAX));
        if more > 0 {
            output.text(&format!("  and {more} more: -o json names them"))?;
        }
    } else {
        output.document(&json!({
            "tenant": report.tenant,
            "period": report.period,
            "agrees": came.agrees(),
            "clocks": came.clocks,
            "differences": came.differences,
            "differences_left_out": came.left_out,
            "unproven": came.unproven,
        }))?;
    }
    if !came.unproven.is_empty() {
        note(&format!(
            "taken as reported, since no log can prove it: {}",
            came.unproven.join(", ")
        ));
    }
    if came.agrees() {
        Ok(())
    } else {
        Err(Failure::Disagrees)
    }
}
