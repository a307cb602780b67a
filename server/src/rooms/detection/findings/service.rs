//! Reading findings, and saying how it stands with them.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::jobs::ESCALATE;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Home, Name, Reason, Result, TenantId};
use uuid::Uuid;

use super::convert::Said;
use super::model::{self, Finding, FindingStatus, Mark};
use super::store::{self, Wanted};
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// The service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
}

impl Service {
    pub(super) async fn get(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
    ) -> Result<Disclosed<Finding>> {
        let action = Action::GetFinding;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let found = store::find(read.conn(), &cipher, id).await?;
        drop(read);
        let found = found.ok_or_else(no_such_finding)?;
        let entry = AuditEntry::new(&permit).resource(Name::Finding(tenant, id));
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, found))
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        (tenant, wanted): (TenantId, Wanted),
        page: PageRequest,
    ) -> Result<Page<Finding>> {
        let access = Access::within(&self.kernel, caller, &tenant, Action::ListFindings).await?;
        let Access::Tenant(scope, permit) = &access else {
            return Err(Error::permission_denied());
        };
        let query = format!("{}/{wanted:?}", Name::Tenant(tenant.clone()));
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let before = listing.after().await?.unwrap_or_default();
        let cipher = self.kernel.cipher(scope).await?;
        let mut read = access.read(&self.kernel).await?;
        let limit = listing.limit();
        let rows = store::list(read.conn(), &cipher, &wanted, &before, limit).await?;
        drop(read);
        let page = listing
            .page(rows, |row| row.id.hyphenated().to_string())
            .await?;
        let entry = AuditEntry::new(permit)
            .resource(Name::Tenant(tenant.clone()))
            .detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Tenant(tenant), entry)
            .await?;
        Ok(page)
    }

    pub(super) async fn update(
        &self,
        caller: &Caller,
        said: Said,
        request: RequestId,
    ) -> Result<Disclosed<Finding>> {
        let (tenant, id) = said.finding.clone();
        let action = Action::UpdateFinding;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let env = self.kernel.env();
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = env.now();
        if let Some(answer) = request.answered::<Finding>(&mut tx, &cipher, now).await? {
            drop(tx);
            let entry = AuditEntry::new(&permit).resource(Name::Finding(tenant, id));
            let entry = entry.detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, answer));
        }
        // Before the finding is read: whoever has the sequence keeps the others out.
        let seq = store::next(&mut tx).await?;
        let before = store::find(tx.conn(), &cipher, id).await?;
        let mark = Mark {
            now,
            seq,
            etag: hex::encode(env.bytes::<16>()),
        };
        let by = caller.credential().principal().subject().to_owned();
        let before = before.ok_or_else(no_such_finding)?;
        let change = model::decide(before, said, by, mark)?;
        store::apply(&mut tx, &cipher, &change).await?;
        let finding = change.finding().clone();
        request.keep(&mut tx, &cipher, &finding, now).await?;
        if finding.status == FindingStatus::New {
            tx.schedule_job(ESCALATE, finding.updated).await?;
        }
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Finding(tenant, id))
            .detail("status", finding.status.as_str());
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, finding))
    }
}

pub(super) fn no_such_finding() -> Error {
    Error::new(Reason::NotFound, "no such finding")
}
