//! `cordon sla report`.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Args, ValueEnum};
use cordon_client::sla::SignedReport;
use cordon_client::statement::PublicKeys;
use cordon_client::{Client, Reports};
use cordon_pages::{sla_overview, sla_report, tables};
use cordon_sla::decided::DecidedClock;
use cordon_sla::period::Period;
use cordon_sla::report::{DocumentWriter, Report};
use futures::TryStreamExt as _;
use serde_json::json;

use crate::context::{Context, Whose};
use crate::failure::{Failure, Outcome, note};
use crate::part::Part;
use crate::statements::keys;

const HOW: &str = "\
Forms:
  html     a page to read and print, which needs nothing else
  json     the signed report with its clocks, for `cordon verify` and `cordon sla recompute`
  csv      the figures by kind and severity; with --clocks, the clocks
  parquet  the clocks

With --all the figures of all tenants come, for staff: as a page over all of them, as CSV, or as
JSON, one report a line. They are not signed and without clocks.

The signature is checked in every form, with the keys of the profile's server or those of --keys;
if it does not fit, no file appears.";

/// Which report, and where it goes.
#[derive(Debug, Args)]
#[command(after_help = HOW)]
pub(crate) struct Ask {
    #[command(flatten)]
    whose: Whose,
    /// The month in UTC, as in 2026-10; of one that is not over, what is known so far
    #[arg(long, value_name = "MONTH")]
    period: Period,
    /// Form of the file
    #[arg(long, value_enum, default_value_t = Format::Html)]
    format: Format,
    /// Where the file goes; it appears when it is whole. stdout, if not given
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Of CSV: the clocks instead of the figures
    #[arg(long)]
    clocks: bool,
    /// For staff: all tenants
    #[arg(long, conflicts_with_all = ["tenant", "clocks", "keys"])]
    all: bool,
    /// Keys that `cordon signing-keys` wrote, instead of fetching them
    #[arg(long, value_name = "FILE")]
    keys: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Html,
    Json,
    Csv,
    Parquet,
}

pub(super) async fn run(context: &Context, command: Ask) -> Outcome {
    if command.clocks && command.format != Format::Csv {
        return Err(Failure::usage("--clocks goes with --format csv"));
    }
    if command.all && command.format == Format::Parquet {
        return Err(Failure::usage(
            "reports of all tenants come without clocks: --format html, json or csv",
        ));
    }
    let client = context.client_for(&command.whose).await?;
    let Some(path) = &command.out else {
        return put(context, &client, &command, BufWriter::new(io::stdout())).await;
    };
    let part = Part::create(path)?;
    put(context, &client, &command, BufWriter::new(part.file())).await?;
    part.finish(path)?;
    done(context, path)
}

fn done(context: &Context, path: &Path) -> Outcome {
    let bytes = File::open(path)?.metadata()?.len();
    let path = path.display().to_string();
    context.output.done(
        &format!("wrote {path}: {bytes} bytes"),
        &json!({ "file": path, "bytes": bytes }),
    )
}

async fn put(context: &Context, client: &Client, command: &Ask, out: impl Write + Send) -> Outcome {
    if command.all {
        let reports = client.sla().export_reports(command.period);
        return all(command, reports, out).await;
    }
    let tenant = client.tenant().ok_or_else(|| {
        Failure::usage("this profile belongs to no tenant: name one with --tenant, or give --all")
    })?;
    let keys = keys(context, command.keys.as_deref()).await?;
    one(client, tenant, &keys, command, out).await
}

/// The report of a tenant.
async fn one(
    client: &Client,
    tenant: &str,
    keys: &PublicKeys,
    command: &Ask,
    mut out: impl Write + Send,
) -> Outcome {
    let sla = client.sla();
    let period = command.period;
    match command.format {
        Format::Json => {
            let mut file = DocumentWriter::new(&mut out)?;
            let signed = sla
                .generate_report(tenant, period, keys, |lines| file.clocks(lines))
                .await?;
            file.finish(&signed.envelope)?;
        }
        Format::Html => {
            let signed = sla
                .generate_report(tenant, period, keys, |_| Ok(()))
                .await?;
            out.write_all(sla_report(&signed.report, &signers(&signed)).as_bytes())?;
        }
        Format::Csv if command.clocks => {
            let mut file = tables::Clocks::new(&mut out)?;
            let mut lines = Lines::default();
            sla.generate_report(tenant, period, keys, |bytes| {
                lines.take(bytes, |clock| file.put(clock))
            })
            .await?;
            file.finish()?;
        }
        Format::Csv => {
            let signed = sla
                .generate_report(tenant, period, keys, |_| Ok(()))
                .await?;
            tables::lines(&mut out, [signed.report])?;
        }
        Format::Parquet => {
            let mut file = cordon_pages::parquet::Clocks::new(&mut out)?;
            let mut lines = Lines::default();
            sla.generate_report(tenant, period, keys, |bytes| {
                lines.take(bytes, |clock| file.put(clock))
            })
            .await?;
            file.finish()?;
        }
    }
    Ok(out.flush()?)
}

fn signers(signed: &SignedReport) -> Vec<String> {
    let signers = signed.statement.signers.iter();
    signers.map(|key| key.kid.clone()).collect()
}

/// The reports of all tenants.
async fn all(command: &Ask, reports: Reports, mut out: impl Write) -> Outcome {
    let mut reports = std::pin::pin!(reports);
    let mut count = 0_u64;
    if command.format == Format::Json {
        while let Some(report) = reports.try_next().await? {
            count += 1;
            let line = serde_json::to_string(&report);
            writeln!(out, "{}", line.map_err(io::Error::from)?)?;
        }
    } else {
        let mut known: Vec<Report> = Vec::new();
        while let Some(mut report) = reports.try_next().await? {
            // Nothing here shows them, and there may be many.
            report.breaches = Vec::new();
            known.push(report);
        }
        count = u64::try_from(known.len()).unwrap_or(u64::MAX);
        match command.format {
            Format::Csv => tables::lines(&mut out, known)?,
            _ => out.write_all(sla_overview(command.period, known).as_bytes())?,
        }
    }
    out.flush()?;
    note(&format!("{count} tenants"));
    Ok(())
}

/// Clocks from lines that come in parts.
#[derive(Default)]
struct Lines {
    rest: Vec<u8>,
}

impl Lines {
    fn take(
        &mut self,
        bytes: &[u8],
        mut put: impl FnMut(&DecidedClock) -> io::Result<()>,
    ) -> io::Result<()> {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend_from_slice(part);
            if self.rest.ends_with(b"\n") {
                let clock = serde_json::from_slice(&self.rest)?;
                put(&clock)?;
                self.rest.clear();
            }
        }
        Ok(())
    }
}
