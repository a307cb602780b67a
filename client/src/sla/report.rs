//! Monthly reports, checked as they come.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};

use cordon_proto::sla::generate_report_response::Part;
use cordon_proto::sla::{
    ExportReportsRequest, ExportReportsResponse, GenerateReportRequest, GenerateReportResponse,
};
use cordon_sla::period::Period;
use cordon_sla::report::{ClockLines, ClocksDigest, PREDICATE_TYPE, Report};
use futures::stream::BoxStream;
use futures::{Stream, StreamExt as _, TryStreamExt as _, stream};
use tonic::Streaming;

use super::Sla;
use crate::error::{Error, Reason, Result};
use crate::retry::Repeat;
use crate::statement::{self, PublicKeys, Statement};
use crate::tenants::named;
use crate::token::Freshness;

/// A report whose signature was checked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SignedReport {
    /// What it says.
    pub report: Report,
    /// The statement that it was signed in, and by whom.
    pub statement: Statement,
    /// The envelope, byte for byte.
    pub envelope: Vec<u8>,
}

/// Checks who signed a report, and reads it.
///
/// # Errors
///
/// As [`statement::verify`]; also `INVALID_STATEMENT` when what was signed is no report.
pub fn read_report(envelope: &[u8], keys: &PublicKeys) -> Result<SignedReport> {
    let statement = statement::verify(envelope, keys)?;
    if statement.predicate_type != PREDICATE_TYPE {
        return Err(invalid(format!(
            "what was signed is no report: it says `{}`, not `{PREDICATE_TYPE}`",
            statement.predicate_type
        )));
    }
    let report = serde_json::from_str(&statement.predicate_json)
        .map_err(|error| invalid(format!("the report can't be read: {error}")))?;
    Ok(SignedReport {
        report,
        statement,
        envelope: envelope.to_vec(),
    })
}

/// Checks that lines of clocks are those that a report was signed with.
///
/// # Errors
///
/// `INVALID_STATEMENT` when they are not.
pub fn check_clocks(report: &Report, came: &ClocksDigest) -> Result<()> {
    if report.clocks.as_ref() == Some(came) {
        return Ok(());
    }
    Err(invalid(match &report.clocks {
        Some(signed) => format!(
            "the clocks are not those that the report was signed with: {} with SHA-256 {} were, \
             and {} with {} came",
            signed.count, signed.sha256, came.count, came.sha256
        ),
        None => "the report was signed without its clocks".to_owned(),
    }))
}

fn invalid(text: String) -> Error {
    Error::new(Reason::InvalidStatement, text)
}

/// What was attained in a month, tenant by tenant; from [`Sla::export_reports`].
pub struct Reports(BoxStream<'static, Result<Report>>);

impl fmt::Debug for Reports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reports").finish_non_exhaustive()
    }
}

impl Stream for Reports {
    type Item = Result<Report>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.0.poll_next_unpin(context)
    }
}

impl Sla {
    /// What was attained in a tenant's month: the report, signed by one of `keys`, and the clocks
    /// that its figures are made of. Those go to `clocks` as they come: whole lines of JSON, one a
    /// clock, each with its end. What came is the report's only when this has returned without an
    /// error.
    ///
    /// # Errors
    ///
    /// As [`read_report`] and [`check_clocks`]; `INVALID_STATEMENT` also when it is the report of
    /// another tenant or month, `UNAVAILABLE` when it broke off, and what `clocks` returns.
    pub async fn generate_report(
        &self,
        tenant: &str,
        period: Period,
        keys: &PublicKeys,
        mut clocks: impl FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<SignedReport> {
        let parent = named("tenants", tenant);
        let mut parts = self.open_report(&parent, period).await?;
        let mut came = ClockLines::default();
        let mut envelope = None;
        while let Some(part) = parts.message().await? {
            match part.part {
                Some(Part::Clocks(bytes)) if envelope.is_none() => {
                    came.take(&bytes);
                    clocks(&bytes)?;
                }
                Some(Part::Statement(bytes)) if envelope.is_none() => envelope = Some(bytes),
                Some(_) => return Err(invalid("something came behind the statement".to_owned())),
                // What later versions add.
                None => {}
            }
        }
        let envelope = envelope.ok_or_else(|| {
            Error::new(Reason::Unavailable, "the report ended before its statement")
        })?;
        let signed = read_report(&envelope, keys)?;
        let report = &signed.report;
        if named("tenants", &report.tenant) != parent || report.period != period {
            return Err(invalid(format!(
                "asked for {parent} in {period}, and got the report of `{}` in {}",
                report.tenant, report.period
            )));
        }
        check_clocks(report, &came.finish())?;
        Ok(signed)
    }

    /// For staff: what was attained in a month, of each tenant in the order of their names,
    /// without the clocks. It is not signed.
    #[must_use]
    pub fn export_reports(&self, period: Period) -> Reports {
        let sla = self.clone();
        let chunks = stream::once(async move { sla.open_reports(period).await })
            .map_ok(|answers| answers.map_err(Error::from))
            .try_flatten();
        let reports = chunks.map_ok(|chunk| stream::iter(read_lines(&chunk.reports)));
        Reports(reports.try_flatten().boxed())
    }

    /// Opens the stream; that much can be tried again, since nothing was handed out.
    async fn open_report(
        &self,
        parent: &str,
        period: Period,
    ) -> Result<Streaming<GenerateReportResponse>> {
        let message = GenerateReportRequest {
            parent: parent.to_owned(),
            period: period.to_string(),
        };
        let rpc = self.rpc();
        let mut backoff = self.client.backoff();
        loop {
            let opened = self
                .client
                .stream(Freshness::New, message.clone(), |request| {
                    let mut rpc = rpc.clone();
                    async move { rpc.generate_report(request).await }
                })
                .await;
            match opened {
                Ok(stream) => return Ok(stream),
                Err(error) => backoff.pause(error, Repeat::Safe).await?,
            }
        }
    }

    async fn open_reports(&self, period: Period) -> Result<Streaming<ExportReportsResponse>> {
        let message = ExportReportsRequest {
            period: period.to_string(),
        };
        let rpc = self.rpc();
        let mut backoff = self.client.backoff();
        loop {
            let opened = self
                .client
                .stream(Freshness::New, message.clone(), |request| {
                    let mut rpc = rpc.clone();
                    async move { rpc.export_reports(request).await }
                })
                .await;
            match opened {
                Ok(stream) => return Ok(stream),
                Err(error) => backoff.pause(error, Repeat::Safe).await?,
            }
        }
    }
}

fn read_lines(lines: &[u8]) -> Vec<Result<Report>> {
    let lines = lines.split(|byte| *byte == b'\n');
    let lines = lines.filter(|line| !line.trim_ascii().is_empty());
    lines
        .map(|line| {
            serde_json::from_slice(line).map_err(|error| {
                Error::new(Reason::Internal, format!("a report can't be read: {error}"))
            })
        })
        .collect()
}
