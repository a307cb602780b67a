//! The tables of agreements and reports.

use cordon_kernel::db::{nanos, timestamp};
use cordon_kernel::{Error, Result, TenantId};
use cordon_sla::agreement::{Agreement, AgreementDraft};
use cordon_sla::period::Period;
use cordon_sla::report::Report;
use jiff::Timestamp;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row as _};

/// An agreement as the register has it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Stored {
    pub(super) tenant: TenantId,
    pub(super) version: u32,
    pub(super) created: Timestamp,
    /// Ends where the next one begins.
    pub(super) agreement: Agreement,
}

/// Up to `limit` of the tenant's agreements before the version `before`, the newest first.
pub(super) async fn list(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    before: i64,
    limit: i64,
) -> Result<Vec<Stored>> {
    let rows = sqlx::query(
        "SELECT version, valid_to, created_time, document FROM sla_agreements \
          WHERE tenant_id = $1 AND version < $2 ORDER BY version DESC LIMIT $3",
    )
    .bind(tenant.as_str())
    .bind(before)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter().map(|row| read(row, tenant)).collect()
}

/// Ends the tenant's newest agreement, if it has no end.
pub(super) async fn end_newest(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    at: Timestamp,
) -> Result<()> {
    sqlx::query(
        "UPDATE sla_agreements SET valid_to = $2 WHERE tenant_id = $1 AND valid_to IS NULL",
    )
    .bind(tenant.as_str())
    .bind(nanos(at))
    .execute(conn)
    .await?;
    Ok(())
}

pub(super) async fn insert(conn: &mut AnyConnection, stored: &Stored) -> Result<()> {
    let validity = stored.agreement.validity();
    let document = serde_json::to_string(&stored.agreement).map_err(Error::internal)?;
    sqlx::query(
        "INSERT INTO sla_agreements (tenant_id, version, valid_from, valid_to, created_time, document) \
         VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(stored.tenant.as_str())
    .bind(i64::from(stored.version))
    .bind(nanos(validity.from))
    .bind(validity.to.map(nanos))
    .bind(nanos(stored.created))
    .bind(document)
    .execute(conn)
    .await?;
    Ok(())
}

/// The tenant's reports of up to `limit` months before one that are over, the latest first.
pub(super) async fn reports(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    before: Period,
    limit: i64,
) -> Result<Vec<Report>> {
    let rows = sqlx::query(
        "SELECT document FROM sla_reports WHERE tenant_id = $1 AND period < $2 AND final = 1 \
          ORDER BY period DESC LIMIT $3",
    )
    .bind(tenant.as_str())
    .bind(before.to_string())
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let read = |row: AnyRow| {
        let document: String = row.try_get("document")?;
        serde_json::from_str(&document).map_err(Error::internal)
    };
    rows.into_iter().map(read).collect()
}

/// The tenant's report of a month, if it is kept and final.
pub(super) async fn final_report(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    period: Period,
) -> Result<Option<Report>> {
    let document: Option<String> = sqlx::query_scalar(
        "SELECT document FROM sla_reports WHERE tenant_id = $1 AND period = $2 AND final = 1",
    )
    .bind(tenant.as_str())
    .bind(period.to_string())
    .fetch_optional(conn)
    .await?;
    document
        .map(|document| serde_json::from_str(&document).map_err(Error::internal))
        .transpose()
}

/// Whether the tenant was promised something and has no report yet.
pub(super) async fn is_unreported(conn: &mut AnyConnection, tenant: &TenantId) -> Result<bool> {
    let promised: Option<i64> =
        sqlx::query_scalar("SELECT version FROM sla_agreements WHERE tenant_id = $1 LIMIT 1")
            .bind(tenant.as_str())
            .fetch_optional(&mut *conn)
            .await?;
    let reported: Option<i64> =
        sqlx::query_scalar("SELECT final FROM sla_reports WHERE tenant_id = $1 LIMIT 1")
            .bind(tenant.as_str())
            .fetch_optional(conn)
            .await?;
    Ok(promised.is_some() && reported.is_none())
}

/// Keeps a report; one that is final stays as it is.
pub(super) async fn keep_report(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    report: &Report,
) -> Result<()> {
    let document = serde_json::to_string(report).map_err(Error::internal)?;
    sqlx::query(
        "INSERT INTO sla_reports (tenant_id, period, as_of, final, document) \
         VALUES ($1, $2, $3, $4, $5) \
         ON CONFLICT (tenant_id, period) DO UPDATE SET as_of = excluded.as_of, \
            final = excluded.final, document = excluded.document WHERE sla_reports.final = 0",
    )
    .bind(tenant.as_str())
    .bind(report.period.to_string())
    .bind(nanos(report.as_of))
    .bind(i64::from(report.complete))
    .bind(document)
    .execute(conn)
    .await?;
    Ok(())
}

/// Up to `limit` tenants' reports of a month, in the order of their ids, after one: id and JSON.
pub(super) async fn reports_of(
    conn: &mut AnyConnection,
    period: Period,
    after: &str,
    limit: i64,
) -> Result<Vec<(String, String)>> {
    let rows = sqlx::query(
        "SELECT tenant_id, document FROM sla_reports WHERE period = $1 AND tenant_id > $2 \
          ORDER BY tenant_id LIMIT $3",
    )
    .bind(period.to_string())
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    let read = |row: AnyRow| Ok((row.try_get("tenant_id")?, row.try_get("document")?));
    rows.into_iter().map(read).collect()
}

fn read(row: &AnyRow, tenant: &TenantId) -> Result<Stored> {
    let version: i64 = row.try_get("version")?;
    let document: String = row.try_get("document")?;
    let mut draft: AgreementDraft = serde_json::from_str(&document).map_err(Error::internal)?;
    // Its end may have come after it was written down.
    draft.valid_to = row.try_get::<Option<i64>, _>("valid_to")?.map(timestamp);
    Ok(Stored {
        tenant: tenant.clone(),
        version: u32::try_from(version)
            .map_err(|_| Error::internal("an agreement's version is out of range"))?,
        created: timestamp(row.try_get("created_time")?),
        agreement: Agreement::new(draft).map_err(Error::internal)?,
    })
}
