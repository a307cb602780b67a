//! Reading certificates.

use cordon_kernel::db::timestamp;
use cordon_kernel::{Action, AuditEntry, Disclosed, Error, Name, Reason, Result, TenantId};
use jiff::Timestamp;
use sqlx::Row as _;

use super::super::access::no_such_tenant;
use super::super::service::Service;
use super::super::tenant;
use crate::transport::Caller;

/// A certificate as it was signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct DeletionCertificate {
    pub(super) tenant: TenantId,
    pub(super) created: Timestamp,
    /// A DSSE envelope, JSON.
    pub(super) envelope: String,
}

impl Service {
    pub(in super::super) async fn get_deletion_certificate(
        &self,
        caller: &Caller,
        id: TenantId,
    ) -> Result<Disclosed<DeletionCertificate>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::GetDeletionCertificate)
            .await?;
        let mut read = self.kernel.db().provider_read(&scope).await?;
        let tenant = tenant::find(read.conn(), &id)
            .await?
            .ok_or_else(no_such_tenant)?;
        let row = sqlx::query(
            "SELECT certificate, certified_time FROM deletions \
              WHERE tenant_id = $1 AND certified_time IS NOT NULL",
        )
        .bind(id.as_str())
        .fetch_optional(read.conn())
        .await?;
        drop(read);
        let row = row.ok_or_else(|| match tenant.exists() {
            Ok(()) => Error::new(Reason::NotFound, "the tenant is not deleted"),
            Err(_) => Error::new(
                Reason::NotFound,
                "the tenant's data is still being removed: ask again later",
            ),
        })?;
        let envelope = String::from_utf8(row.try_get(0)?)
            .map_err(|_| Error::internal("a deletion certificate is damaged"))?;
        let entry = AuditEntry::new(&permit).resource(Name::DeletionCertificate(id.clone()));
        self.kernel.db().audit_provider_read(&scope, entry).await?;
        let certificate = DeletionCertificate {
            tenant: id,
            created: timestamp(row.try_get(1)?),
            envelope,
        };
        Ok(Disclosed::summary(&scope, certificate))
    }
}
