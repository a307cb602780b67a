//! Reading the policy, and changing it.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{Action, Disclosed, Name, Result, TenantId};

use super::super::service::{Service, etag};
use super::model::{self, Mark, Patch, Policy};
use super::store;
use crate::rooms::detection;
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

impl Service {
    pub(super) async fn get_detection_policy(
        &self,
        caller: &Caller,
        tenant: &TenantId,
    ) -> Result<Disclosed<Policy>> {
        let action = Action::GetDetectionPolicy;
        let (scope, permit) = caller.tenant_scope(&self.kernel, tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let policy = store::find(read.conn(), &cipher).await?;
        drop(read);
        let entry = AuditEntry::new(&permit).resource(Name::DetectionPolicy(tenant.clone()));
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, policy))
    }

    pub(super) async fn update_detection_policy(
        &self,
        caller: &Caller,
        tenant: &TenantId,
        (patch, expected): (Patch, &str),
        request: RequestId,
    ) -> Result<Disclosed<Policy>> {
        let action = Action::UpdateDetectionPolicy;
        let (scope, permit) = caller.tenant_scope(&self.kernel, tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let env = self.kernel.env();
        let name = Name::DetectionPolicy(tenant.clone());
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = env.now();
        if let Some(answer) = request.answered::<Policy>(&mut tx, &cipher, now).await? {
            drop(tx);
            let entry = AuditEntry::new(&permit).resource(name);
            let entry = entry.detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, answer));
        }
        // What is found meanwhile is found afterwards, and nobody decides on findings meanwhile.
        detection::hold(&mut tx).await?;
        let mark = Mark {
            now,
            by: caller.credential().principal().subject().to_owned(),
            etag: etag(env),
            head: detection::last(tx.conn(), tenant).await?,
        };
        let before = store::find(tx.conn(), &cipher).await?;
        let policy = model::update(before, patch, expected, mark)?;
        store::put(&mut tx, &cipher, &policy).await?;
        request.keep(&mut tx, &cipher, &policy, now).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(name)
            .detail("enabled", policy.enabled);
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, policy))
    }
}
