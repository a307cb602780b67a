//! Registering, listing and revoking the keys of notes.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{Action, Disclosed, Error, Home, Name, Reason, Result, Role, TenantId};
use uuid::Uuid;

use super::super::read::scope;
use super::super::service::{actor, credential};
use super::convert::fingerprint;
use super::model::{self, KeyFacts, NoteKey, Registered};
use super::service::Service;
use super::store;
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::transport::Caller;

impl Service {
    pub(super) async fn register_key(
        &self,
        caller: &Caller,
        tenant: TenantId,
        recipient: String,
    ) -> Result<Disclosed<NoteKey>> {
        let action = Action::RegisterNoteKey;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let env = self.kernel.env();
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let there = store::all_keys(tx.conn(), &cipher).await?;
        let facts = KeyFacts {
            recipient,
            subject: actor(caller).subject,
            credential: credential(caller),
        };
        let key = match model::register(&there, facts, env.uuid_v7(), env.now())? {
            Registered::Before(key) => key,
            Registered::New(key) => {
                store::insert_key(&mut tx, &cipher, &key).await?;
                key
            }
        };
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::NoteKey(tenant, key.id))
            .detail("fingerprint", fingerprint(&key.facts.recipient));
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, key))
    }

    pub(super) async fn revoke_key(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
    ) -> Result<Disclosed<NoteKey>> {
        let action = Action::RevokeNoteKey;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let there = store::all_keys(tx.conn(), &cipher).await?;
        let key = there.into_iter().find(|key| key.id == id);
        let mut key = key.ok_or_else(|| Error::new(Reason::NotFound, "no such key"))?;
        let admin = caller.credential().principal().role() == Role::Admin;
        let now = self.kernel.env().now();
        model::revoke(&mut key, &credential(caller), admin, now)?;
        store::revoke_key(&mut tx, &key).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::NoteKey(tenant, id))
            .detail("fingerprint", fingerprint(&key.facts.recipient));
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, key))
    }

    pub(super) async fn list_keys(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<NoteKey>> {
        let access = Access::within(&self.kernel, caller, &tenant, Action::ListNoteKeys).await?;
        let query = tenant.to_string();
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let after = listing.after().await?.unwrap_or_default();
        let cipher = self.kernel.cipher(scope(&access)?).await?;
        let mut read = access.read(&self.kernel).await?;
        let rows = store::keys(read.conn(), &cipher, &after, listing.limit()).await?;
        drop(read);
        let page = listing
            .page(rows, |row| row.id.hyphenated().to_string())
            .await?;
        let entry = AuditEntry::new(access.permit())
            .resource(Name::Tenant(tenant.clone()))
            .detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Tenant(tenant), entry)
            .await?;
        Ok(page)
    }
}
