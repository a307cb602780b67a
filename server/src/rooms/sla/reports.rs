//! Reporting to whoever asks: a tenant with its clocks, signed; all tenants in short.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{Action, Disclosed, Error, Name, Result, TenantId};
use cordon_proto::sla as wire;
use cordon_sla::period::Period;
use cordon_sla::report::PREDICATE_TYPE;
use wire::generate_report_response::Part;

use super::clocks::Agreements;
use super::report::{Making, known_at, report_name};
use super::service::Service;
use super::store;
use crate::transport::{Caller, Feed};

/// Bytes of one message, about.
const CHUNK: usize = 256 << 10;
/// Tenants that are read at a time.
const TENANTS: i64 = 32;

impl Service {
    pub(super) async fn generate_report(
        &self,
        caller: Caller,
        (tenant, period): (TenantId, Period),
    ) -> Result<Feed<wire::GenerateReportResponse>> {
        let action = Action::GenerateReport;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let now = self.kernel.env().now();
        require_begun(period, now)?;
        let now = known_at(period, now);
        let name = report_name(&tenant, period)?;
        let entry = AuditEntry::new(&permit).resource(name.clone());
        self.kernel.db().audit_read(&scope, entry).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let agreements = Agreements::of(read.conn(), &tenant).await?;
        drop(read);
        let scope = Arc::new(scope);
        let kernel = Arc::clone(&self.kernel);
        let own = Arc::clone(&scope);
        Ok(Feed::spawn(
            Arc::clone(&self.kernel),
            caller,
            scope,
            move |feeder| async move {
                let mut making = Making::new(&kernel, &own, agreements.all(), period, now);
                let mut waiting = Vec::new();
                while let Some(lines) = making.step().await? {
                    waiting.extend(lines);
                    if waiting.len() >= CHUNK {
                        let lines = Disclosed::own(&own, std::mem::take(&mut waiting));
                        feeder.send(part(Part::Clocks(lines.into_wire()))).await?;
                    }
                }
                if !waiting.is_empty() {
                    let lines = Disclosed::own(&own, waiting);
                    feeder.send(part(Part::Clocks(lines.into_wire()))).await?;
                }
                let (report, digest) = making.finish().await?;
                let sha256 = digest.sha256;
                let signed = kernel.sign_statement(&own, &name, sha256, PREDICATE_TYPE, &report)?;
                let signed = Disclosed::own(&own, signed);
                feeder.send(part(Part::Statement(signed.into_wire()))).await
            },
        ))
    }

    pub(super) async fn export_reports(
        &self,
        caller: Caller,
        period: Period,
    ) -> Result<Feed<wire::ExportReportsResponse>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::ExportReports)
            .await?;
        require_begun(period, self.kernel.env().now())?;
        let entry = AuditEntry::new(&permit).detail("period", period);
        self.kernel.db().audit_provider_read(&scope, entry).await?;
        let kernel = Arc::clone(&self.kernel);
        Ok(Feed::spawn_provider(
            Arc::clone(&self.kernel),
            caller,
            move |feeder| async move {
                let mut after = String::new();
                loop {
                    let mut read = kernel.db().provider_read(&scope).await?;
                    let some = store::reports_of(read.conn(), period, &after, TENANTS).await?;
                    drop(read);
                    let Some((last, _)) = some.last() else {
                        return Ok(());
                    };
                    after.clone_from(last);
                    let mut reports = Vec::new();
                    for (_, document) in some {
                        reports.extend(document.into_bytes());
                        reports.push(b'\n');
                        if reports.len() >= CHUNK {
                            let reports = std::mem::take(&mut reports);
                            let reports = Disclosed::summary(&scope, reports).into_wire();
                            feeder.send(wire::ExportReportsResponse { reports }).await?;
                        }
                    }
                    if !reports.is_empty() {
                        let reports = Disclosed::summary(&scope, reports).into_wire();
                        feeder.send(wire::ExportReportsResponse { reports }).await?;
                    }
                }
            },
        ))
    }
}

fn part(part: Part) -> wire::GenerateReportResponse {
    wire::GenerateReportResponse { part: Some(part) }
}

fn require_begun(period: Period, now: jiff::Timestamp) -> Result<()> {
    match period.from() <= now {
        true => Ok(()),
        false => Err(Error::invalid("period", "expected a month that has begun")),
    }
}

/// The month that a request names.
pub(super) fn period(text: &str) -> Result<Period> {
    text.parse()
        .map_err(|_| Error::invalid("period", "expected a month as in 2026-10"))
}

/// The tenant and the month that a request names.
pub(super) fn tenant_and_period(parent: &str, text: &str) -> Result<(TenantId, Period)> {
    Ok((Name::parse_tenant("parent", parent)?, period(text)?))
}
