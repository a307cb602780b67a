//! Writing about reads, listing the logs and checking their chains.

use jiff::Timestamp;

use super::{
    AuditEntry, AuditPage, ChainReport, Log, SignedEntry, append_provider, append_tenant, page,
    verify,
};
use crate::auth::{ProviderScope, TenantScope};
use crate::db::{Db, SystemTx};
use crate::error::{Error, Result};
use crate::ids::TenantId;

impl Db {
    /// Writes to the tenant's log that something was read. Staff's entry is durable when this
    /// returns, and nothing may be sent before; a tenant's own waits up to a second for company.
    ///
    /// # Errors
    /// `UNAVAILABLE` when a durable entry could not be written; `INTERNAL` when it names something
    /// of another tenant. The read must not be answered then.
    pub async fn audit_read(&self, scope: &TenantScope, entry: AuditEntry) -> Result<()> {
        let tenant = scope.tenant();
        super::check_tenant(tenant, &entry)?;
        let now = self.env().now();
        let own = scope.entered().is_none() && !scope.principal().is_provider();
        let signed = entry.by(scope.principal(), scope.entered());
        let signed = if own {
            match self.waiting().push(tenant, now, signed) {
                Ok(()) => return Ok(()),
                Err(signed) => *signed, // too many wait: this one makes them durable
            }
        } else {
            signed
        };
        self.audit_now(tenant, now, &signed).await
    }

    /// Writes to the provider's log that staff read something there; durable when this returns.
    ///
    /// # Errors
    /// `UNAVAILABLE` when it could not be written. The read must not be answered then.
    pub async fn audit_provider_read(
        &self,
        scope: &ProviderScope,
        entry: AuditEntry,
    ) -> Result<()> {
        let now = self.env().now();
        let signed = entry.by(scope.principal(), None);
        let mut system = self.system_tx().await?;
        append_provider(&mut system.tx, now, &signed).await?;
        system.commit().await
    }

    /// Writes to the provider's log what staff tried within a tenant and the tenant must not be told,
    /// as it depends on others; durable when this returns.
    ///
    /// # Errors
    /// `INTERNAL` when the scope is not staff's; `UNAVAILABLE` when it could not be written.
    pub async fn audit_entered(&self, scope: &TenantScope, entry: AuditEntry) -> Result<()> {
        if !scope.principal().is_provider() {
            return Err(Error::internal("a tenant's own act in the provider's log"));
        }
        let now = self.env().now();
        let signed = entry.by(scope.principal(), scope.entered());
        let mut system = self.system_tx().await?;
        append_provider(&mut system.tx, now, &signed).await?;
        system.commit().await
    }

    pub(crate) async fn audit_now(
        &self,
        tenant: &TenantId,
        now: Timestamp,
        signed: &SignedEntry,
    ) -> Result<()> {
        let mut system = self.system_tx().await?;
        let waited = self.waiting().write(&mut system.tx, tenant).await?;
        append_tenant(&mut system.tx, tenant, now, signed).await?;
        system.commit().await?;
        waited.written();
        Ok(())
    }

    /// Makes waiting entries durable: of one tenant, or of all.
    ///
    /// # Errors
    /// `UNAVAILABLE` when they could not be written; they wait on.
    pub(crate) async fn flush_reads(&self, of: Option<&TenantId>) -> Result<()> {
        if !self.waiting().any() {
            return Ok(());
        }
        // With the turn to write, whoever was writing some of them has finished.
        let mut system: SystemTx = self.system_tx().await?;
        let tenants = match of {
            Some(tenant) => vec![tenant.clone()],
            None => self.waiting().tenants(),
        };
        let mut written = Vec::with_capacity(tenants.len());
        for tenant in &tenants {
            written.push(self.waiting().write(&mut system.tx, tenant).await?);
        }
        system.commit().await?;
        for entries in written {
            entries.written();
        }
        Ok(())
    }

    /// A page of the tenant's log, newest first, of entries below number `before` (`None`: from
    /// the newest), at most `limit`. All that was done before is in it.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn audit_page(
        &self,
        scope: &TenantScope,
        before: Option<u64>,
        limit: u32,
    ) -> Result<AuditPage> {
        self.flush_reads(Some(scope.tenant())).await?;
        let mut read = self.tenant_read(scope).await?;
        page(read.conn(), Log::Tenant(scope.tenant()), before, limit).await
    }

    /// A page of the provider's own log, as [`Db::audit_page`].
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached.
    pub async fn provider_audit_page(
        &self,
        _scope: &ProviderScope,
        before: Option<u64>,
        limit: u32,
    ) -> Result<AuditPage> {
        let mut conn = self.system().acquire().await?;
        page(&mut conn, Log::Provider, before, limit).await
    }

    /// Recomputes the chain of the tenant's whole log.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached. A broken chain is in the report.
    pub async fn verify_audit(&self, scope: &TenantScope) -> Result<ChainReport> {
        let mut read = self.tenant_read(scope).await?;
        verify(read.conn(), Log::Tenant(scope.tenant())).await
    }

    /// Recomputes the chain of the provider's whole log.
    ///
    /// # Errors
    /// `UNAVAILABLE` when the database can't be reached. A broken chain is in the report.
    pub async fn verify_provider_audit(&self, _scope: &ProviderScope) -> Result<ChainReport> {
        let mut tx = self.system_read().await?;
        verify(&mut tx, Log::Provider).await
    }
}
