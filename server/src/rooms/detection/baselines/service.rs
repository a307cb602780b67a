//! Switching baselines on and off.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::jobs::LEARN;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Name, Reason, Result, TenantId, TenantScope};

use super::store::{self, Baselines};
use crate::transport::Caller;

/// The service.
#[derive(Clone)]
pub(in super::super) struct Service {
    pub(in super::super) kernel: Arc<Kernel>,
}

/// How it stands, with what it takes.
#[derive(Debug, Clone)]
pub(super) struct Told {
    pub(super) baselines: Baselines,
    pub(super) head: u64,
    pub(super) parts: i64,
    pub(super) bytes: i64,
}

impl Service {
    pub(super) async fn get(&self, caller: &Caller, tenant: &TenantId) -> Result<Disclosed<Told>> {
        let action = Action::GetBaselines;
        let (scope, permit) = caller.tenant_scope(&self.kernel, tenant, action).await?;
        let told = self.told(&scope).await?;
        let entry = AuditEntry::new(&permit).resource(Name::Baselines(tenant.clone()));
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, told))
    }

    pub(super) async fn update(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        (enabled, forget): (bool, bool),
        expected: &str,
    ) -> Result<Disclosed<Told>> {
        let action = Action::UpdateBaselines;
        let (scope, permit) = caller.tenant_scope(&self.kernel, tenant, action).await?;
        let env = self.kernel.env();
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let before = store::find(tx.conn(), tenant.as_str()).await?;
        if !expected.is_empty() && expected != before.etag {
            return Err(Error::new(
                Reason::EtagMismatch,
                "the baselines were changed meanwhile: read them again",
            ));
        }
        // What was not learned from while they were off would leave gaps: they begin anew.
        let anew = forget || (enabled && !before.enabled);
        let mut after = Baselines {
            enabled,
            etag: hex::encode(env.bytes::<16>()),
            ..before
        };
        if anew {
            store::forget(&mut tx).await?;
            after.edition += 1;
            (after.learned, after.learned_time, after.crowded) = (0, None, 0);
        }
        store::put(&mut tx, &after).await?;
        if enabled {
            tx.watch_events().await?;
            tx.schedule_job(LEARN, env.now()).await?;
        }
        let entry = AuditEntry::new(&permit)
            .resource(Name::Baselines(tenant.clone()))
            .detail("enabled", enabled)
            .detail("anew", anew);
        tx.commit(entry).await?;
        let told = self.told(&scope).await?;
        Ok(Disclosed::own(&scope, told))
    }

    async fn told(&self, scope: &TenantScope) -> Result<Told> {
        let head = self.kernel.db().detected(scope).await?.head;
        let mut read = self.kernel.db().tenant_read(scope).await?;
        let tenant = scope.tenant().as_str();
        let baselines = store::find(read.conn(), tenant).await?;
        let (parts, bytes) = store::size(read.conn(), tenant).await?;
        Ok(Told {
            baselines,
            head,
            parts,
            bytes,
        })
    }
}
