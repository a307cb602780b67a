//! Telling, changing, taking back.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Home, Name, Reason, Result, TenantId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::model::{self, ContextKind, Entry, Mark, NewEntry, Patch};
use super::store;
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// The service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
}

/// What an import did with how many assets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(super) struct Imported {
    pub(super) created: i32,
    pub(super) updated: i32,
    pub(super) unchanged: i32,
}

impl Service {
    pub(super) async fn create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        new: NewEntry,
        request: RequestId,
    ) -> Result<Disclosed<Entry>> {
        let action = Action::CreateContextEntry;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        // Now that it is this call's turn.
        let mark = self.mark(caller);
        let now = mark.now;
        if let Some(answer) = request.answered::<Entry>(&mut tx, &cipher, now).await? {
            drop(tx);
            let name = Name::ContextEntry(tenant, answer.id);
            let entry = AuditEntry::new(&permit).resource(name);
            let entry = entry.detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, answer));
        }
        store::advance(&mut tx).await?;
        let kind = new.about.kind();
        let (most, refusal) = kind.most();
        if store::count(tx.conn(), tenant.as_str(), kind).await? >= most {
            return Err(Error::new(Reason::QuotaExceeded, refusal));
        }
        let change = model::create(self.kernel.env().uuid_v7(), new, mark);
        store::apply(&mut tx, &cipher, &change).await?;
        let entry = change.entry().clone();
        request.keep(&mut tx, &cipher, &entry, now).await?;
        tx.require_keys(&cipher).await?;
        let audit = AuditEntry::new(&permit)
            .resource(Name::ContextEntry(tenant, entry.id))
            .detail("kind", kind.as_str());
        tx.commit(audit).await?;
        Ok(Disclosed::own(&scope, entry))
    }

    pub(super) async fn update(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
        patch: Patch,
        expected: &str,
        request: RequestId,
    ) -> Result<Disclosed<Entry>> {
        let action = Action::UpdateContextEntry;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let mark = self.mark(caller);
        let now = mark.now;
        let name = Name::ContextEntry(tenant, id);
        if let Some(answer) = request.answered::<Entry>(&mut tx, &cipher, now).await? {
            drop(tx);
            let entry = AuditEntry::new(&permit).resource(name);
            let entry = entry.detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, answer));
        }
        store::advance(&mut tx).await?;
        let before = store::find(tx.conn(), &cipher, id).await?;
        let before = before.ok_or_else(no_such_entry)?;
        model::require(&before, expected)?;
        let change = model::update(before, patch, mark)?;
        store::apply(&mut tx, &cipher, &change).await?;
        let entry = change.entry().clone();
        request.keep(&mut tx, &cipher, &entry, now).await?;
        tx.require_keys(&cipher).await?;
        let kind = entry.about.kind().as_str();
        let audit = AuditEntry::new(&permit).resource(name);
        tx.commit(audit.detail("kind", kind)).await?;
        Ok(Disclosed::own(&scope, entry))
    }

    pub(super) async fn delete(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
        expected: &str,
        request: RequestId,
    ) -> Result<()> {
        let action = Action::DeleteContextEntry;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        let name = Name::ContextEntry(tenant, id);
        let answered = request.answered::<()>(&mut tx, &cipher, now).await?;
        if answered.is_some() {
            drop(tx);
            let entry = AuditEntry::new(&permit).resource(name);
            let entry = entry.detail("again", "yes");
            return self.kernel.db().audit_read(&scope, entry).await;
        }
        store::advance(&mut tx).await?;
        let before = store::find(tx.conn(), &cipher, id).await?;
        let before = before.ok_or_else(no_such_entry)?;
        model::require(&before, expected)?;
        store::delete(&mut tx, id).await?;
        request.keep(&mut tx, &cipher, &(), now).await?;
        tx.require_keys(&cipher).await?;
        let kind = before.about.kind().as_str();
        let audit = AuditEntry::new(&permit).resource(name);
        tx.commit(audit.detail("kind", kind)).await?;
        Ok(())
    }

    /// All of them or none.
    pub(super) async fn import(
        &self,
        caller: &Caller,
        tenant: TenantId,
        assets: Vec<NewEntry>,
        request: RequestId,
    ) -> Result<Disclosed<Imported>> {
        let action = Action::ImportAssets;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        let name = Name::Tenant(tenant.clone());
        if let Some(answer) = request.answered::<Imported>(&mut tx, &cipher, now).await? {
            drop(tx);
            let entry = AuditEntry::new(&permit).resource(name);
            let entry = entry.detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, answer));
        }
        store::advance(&mut tx).await?;
        let kind = ContextKind::Asset;
        let (most, refusal) = kind.most();
        let mut all = store::count(tx.conn(), tenant.as_str(), kind).await?;
        let mut counts = Imported::default();
        // In the order of the file, which ids of one moment would not keep.
        let env = self.kernel.env();
        let mut ids: Vec<Uuid> = assets.iter().map(|_| env.uuid_v7()).collect();
        ids.sort_unstable();
        for (new, id) in assets.into_iter().zip(ids) {
            let before = store::named(tx.conn(), &cipher, kind, &new.display_name).await?;
            let mark = self.mark(caller);
            let change = match before {
                None => {
                    all += 1;
                    counts.created += 1;
                    Some(model::create(id, new, mark))
                }
                Some(before) => model::replace(before, new, mark)?.inspect(|_| {
                    counts.updated += 1;
                }),
            };
            if all > most {
                return Err(Error::new(Reason::QuotaExceeded, refusal));
            }
            match change {
                Some(change) => store::apply(&mut tx, &cipher, &change).await?,
                None => counts.unchanged += 1,
            }
        }
        request.keep(&mut tx, &cipher, &counts, now).await?;
        tx.require_keys(&cipher).await?;
        let audit = AuditEntry::new(&permit)
            .resource(name)
            .detail("created", counts.created)
            .detail("updated", counts.updated);
        tx.commit(audit).await?;
        Ok(Disclosed::own(&scope, counts))
    }

    pub(super) async fn get(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
    ) -> Result<Disclosed<Entry>> {
        let action = Action::GetContextEntry;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let found = store::find(read.conn(), &cipher, id).await?;
        drop(read);
        let found = found.ok_or_else(no_such_entry)?;
        let entry = AuditEntry::new(&permit).resource(Name::ContextEntry(tenant, id));
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, found))
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        kind: Option<ContextKind>,
        page: PageRequest,
    ) -> Result<Page<Entry>> {
        let action = Action::ListContextEntries;
        let access = Access::within(&self.kernel, caller, &tenant, action).await?;
        let Access::Tenant(scope, permit) = &access else {
            return Err(Error::permission_denied());
        };
        let of = kind.map_or("", ContextKind::as_str);
        let query = format!("{}/{of}", Name::Tenant(tenant.clone()));
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let after = listing.after().await?.unwrap_or_default();
        let cipher = self.kernel.cipher(scope).await?;
        let mut read = access.read(&self.kernel).await?;
        let rows = store::list(read.conn(), &cipher, kind, &after, listing.limit()).await?;
        drop(read);
        let page = listing
            .page(rows, |entry: &Entry| store::text(entry.id))
            .await?;
        let entry = AuditEntry::new(permit)
            .resource(Name::Tenant(tenant.clone()))
            .detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Tenant(tenant), entry)
            .await?;
        Ok(page)
    }

    fn mark(&self, caller: &Caller) -> Mark {
        let env = self.kernel.env();
        Mark {
            now: env.now(),
            by: caller.credential().principal().subject().to_owned(),
            etag: hex::encode(env.bytes::<16>()),
        }
    }
}

fn no_such_entry() -> Error {
    Error::new(Reason::NotFound, "no such context entry")
}
