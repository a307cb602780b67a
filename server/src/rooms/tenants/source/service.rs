//! Registering, listing and withdrawing sources.

use cordon_kernel::{Action, AuditEntry, Disclosed, Name, Result, SourceId};

use super::super::access::Access;
use super::super::paging::{Listing, Page, PageRequest};
use super::super::service::Service;
use super::model::{self, NewSource, SourceLine};
use super::store;
use crate::transport::Caller;

impl Service {
    pub(in super::super) async fn create_source(
        &self,
        caller: &Caller,
        new: NewSource,
    ) -> Result<Disclosed<SourceLine>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::CreateSource)
            .await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        let holder = store::find(tx.conn(), &new.id).await?;
        let change = model::create(holder.as_ref(), new, self.kernel.env().now())?;
        store::apply(&mut tx, &change).await?;
        let source = change.into_source();
        let entry = AuditEntry::new(&permit)
            .resource(Name::Source(source.id.clone()))
            .detail("source_type", source.source_type);
        tx.commit(entry).await?;
        let line = SourceLine {
            id: source.id.clone(),
            register: Some(source),
            watermark: None,
        };
        Ok(Disclosed::summary(&scope, line))
    }

    /// To staff all sources; to a tenant those that have delivered to it, and of them only what
    /// its own answers quote anyway.
    pub(in super::super) async fn list_sources(
        &self,
        caller: &Caller,
        page: PageRequest,
    ) -> Result<Page<SourceLine>> {
        let home = caller.credential().principal().home().clone();
        let access = Access::to_home(&self.kernel, caller, &home, Action::ListSources).await?;
        let listing = Listing::new(&self.kernel, &access, "", page);
        let after = listing.after().await?.unwrap_or_default();
        let rows = match &access {
            Access::Provider(..) => {
                store::list(
                    access.read(&self.kernel).await?.conn(),
                    &after,
                    listing.limit(),
                )
                .await?
            }
            Access::Tenant(scope, _) => {
                let mut sources = self.kernel.db().snapshot(scope).await?.sources;
                sources.sort_by(|a, b| a.source.cmp(&b.source));
                let limit = usize::try_from(listing.limit()).unwrap_or(usize::MAX);
                let wanted = sources
                    .into_iter()
                    .filter(|known| known.source.as_str() > after.as_str());
                wanted
                    .take(limit)
                    .map(|known| SourceLine {
                        id: known.source,
                        register: None,
                        watermark: known.watermark,
                    })
                    .collect()
            }
        };
        let page = listing.page(rows, |line| line.id.to_string()).await?;
        let entry = AuditEntry::new(access.permit()).detail("count", page.rows.get().len());
        access.audit_read(&self.kernel, &home, entry).await?;
        Ok(page)
    }

    pub(in super::super) async fn delete_source(
        &self,
        caller: &Caller,
        id: SourceId,
    ) -> Result<()> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::DeleteSource)
            .await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        let found = store::find(tx.conn(), &id).await?;
        let change = model::delete(found, self.kernel.env().now())?;
        store::apply(&mut tx, &change).await?;
        tx.commit(AuditEntry::new(&permit).resource(Name::Source(id)))
            .await?;
        Ok(())
    }
}
