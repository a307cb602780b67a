//! What the room that opens incidents is handed of findings, and says of them.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::TenantTx;
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Action, Env, Name, Result, TenantId};
use cordon_sigma::Level;
use jiff::Timestamp;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::model::{self, Finding, FindingStatus, Mark, level_of};
use super::service::no_such_finding;
use super::store;
use crate::transport::Caller;

/// A finding, as far as an incident tells of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Found {
    pub(crate) id: Uuid,
    /// Its place in the tenant's sequence of findings.
    pub(crate) seq: i64,
    pub(crate) rule: Uuid,
    pub(crate) title: String,
    pub(crate) description: String,
    pub(crate) level: Level,
    pub(crate) techniques: Vec<String>,
    /// Whether somebody is to look at it or does.
    pub(crate) open: bool,
    /// How many events.
    pub(crate) count: u64,
    /// Event time of the first and of the last.
    pub(crate) times: (Timestamp, Timestamp),
    pub(crate) actor: String,
    pub(crate) account: String,
    pub(crate) source_address: String,
    pub(crate) operation: String,
}

impl From<Finding> for Found {
    fn from(finding: Finding) -> Self {
        Self {
            id: finding.id,
            seq: finding.seq,
            rule: finding.rule,
            title: finding.title,
            description: finding.description,
            level: level_of(finding.level),
            techniques: finding.techniques,
            open: match finding.status {
                FindingStatus::New | FindingStatus::InProgress => true,
                FindingStatus::Suppressed | FindingStatus::Resolved => false,
            },
            count: finding.count,
            times: (finding.start, finding.end),
            actor: finding.actor,
            account: finding.account,
            source_address: finding.source_address,
            operation: finding.operation,
        }
    }
}

/// Keeps findings from being made and changed until the transaction ends.
pub(crate) async fn hold(tx: &mut TenantTx<'_>) -> Result<()> {
    store::hold(tx).await
}

/// The last place of the tenant's sequence of findings.
pub(crate) async fn last(conn: &mut AnyConnection, tenant: &TenantId) -> Result<i64> {
    store::head(conn, tenant.as_str()).await
}

/// Up to `limit` of the tenant's findings that changed after a place of the sequence, in its order.
pub(crate) async fn changed(
    conn: &mut AnyConnection,
    cipher: &TenantCipher,
    after: i64,
    limit: i64,
) -> Result<Vec<Found>> {
    let found = store::changed(conn, cipher, after, limit).await?;
    Ok(found.into_iter().map(Found::from).collect())
}

/// Says that an incident of that name is about a finding.
pub(crate) async fn take_up(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    env: &Env,
    (finding, incident): (Uuid, &Name),
    by: &str,
) -> Result<()> {
    let mark = Mark {
        seq: store::next(tx).await?,
        now: env.now(),
        etag: hex::encode(env.bytes::<16>()),
    };
    let before = store::find(tx.conn(), cipher, finding).await?;
    let before = before.ok_or_else(no_such_finding)?;
    let change = model::take_up(before, incident.to_string(), by, mark);
    store::apply(tx, cipher, &change).await
}

/// Makes sure that a finding is there and that the caller may read it.
///
/// # Errors
/// `NOT_FOUND`, `PERMISSION_DENIED`.
pub(crate) async fn require(
    kernel: &Kernel,
    caller: &Caller,
    tenant: &TenantId,
    id: Uuid,
) -> Result<()> {
    let (scope, permit) = caller
        .tenant_scope(kernel, tenant, Action::GetFinding)
        .await?;
    let cipher = kernel.cipher(&scope).await?;
    let mut read = kernel.db().tenant_read(&scope).await?;
    let found = store::find(read.conn(), &cipher, id).await?;
    drop(read);
    found.ok_or_else(no_such_finding)?;
    let entry = AuditEntry::new(&permit).resource(Name::Finding(tenant.clone(), id));
    kernel.db().audit_read(&scope, entry).await
}
