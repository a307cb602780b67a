//! Making agreements, and reading them and the clocks that go by them.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::jobs::{CLOCKS, REPORTS};
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Home, Name, Reason, Result, TenantId};
use cordon_sla::agreement::AgreementDraft;
use jiff::Timestamp;
use uuid::Uuid;

use super::clocks::{Agreements, MAX_AGREEMENTS};
use super::convert;
use super::store::{self, Stored};
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::tenants;
use crate::transport::Caller;

/// The room's service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
}

/// An agreement to be; `draft` lacks its version.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct NewAgreement {
    pub(super) tenant: TenantId,
    /// The version that it follows, 0 for the first.
    pub(super) previous: u32,
    pub(super) draft: AgreementDraft,
}

/// An incident's clocks at a moment, ready to be shown.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Clocks {
    pub(super) clocks: Vec<convert::ShownClock>,
    pub(super) as_of: Timestamp,
}

impl Service {
    pub(super) async fn create_agreement(
        &self,
        caller: &Caller,
        new: NewAgreement,
    ) -> Result<Disclosed<Stored>> {
        let (scope, permit) = caller
            .provider_scope(&self.kernel, Action::CreateAgreement)
            .await?;
        let NewAgreement {
            tenant,
            previous,
            draft,
        } = new;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        tenants::require_tenant(tx.conn(), &tenant).await?;
        let newest = store::list(tx.conn(), &tenant, i64::MAX, 1).await?.pop();
        if newest.as_ref().map_or(0, |newest| newest.version) != previous {
            return Err(Error::new(
                Reason::EtagMismatch,
                "the tenant's newest agreement is another one: read it again",
            ));
        }
        if i64::from(previous) >= MAX_AGREEMENTS {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the tenant has as many agreements as it can have",
            ));
        }
        let version = previous + 1;
        let agreement = convert::checked(AgreementDraft { version, ..draft })?;
        let from = agreement.validity().from;
        if let Some(newest) = newest {
            // What was promised for a time that is over stays as it was promised.
            if from < self.kernel.env().now() {
                return Err(Error::invalid(
                    "agreement.valid_from",
                    "expected a time to come: another agreement holds until now",
                ));
            }
            let before = newest.agreement.validity();
            let begins = from > before.from && before.to.is_none_or(|to| to <= from);
            if !begins {
                return Err(Error::invalid(
                    "agreement.valid_from",
                    "expected a time after the agreement before it has ended, or begun",
                ));
            }
            store::end_newest(tx.conn(), &tenant, from).await?;
        }
        let stored = Stored {
            tenant: tenant.clone(),
            version,
            created: self.kernel.env().now(),
            agreement,
        };
        store::insert(tx.conn(), &stored).await?;
        tx.about(&tenant);
        // What was opened before may be under it, too.
        tx.schedule_job(&tenant, CLOCKS, stored.created).await?;
        tx.schedule_job(&tenant, REPORTS, stored.created).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Agreement(tenant, u64::from(version)))
            .detail("valid_from", from);
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, stored))
    }

    pub(super) async fn list_agreements(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<Stored>> {
        let action = Action::ListAgreements;
        let access = Access::to_tenant(&self.kernel, caller, &tenant, action).await?;
        let listing = Listing::new(&self.kernel, &access, tenant.as_str(), page);
        let before = listing.after().await?;
        let before = before.and_then(|version| version.parse().ok());
        let mut read = access.read(&self.kernel).await?;
        tenants::require_known(read.conn(), &tenant).await?;
        let before = before.unwrap_or(i64::MAX);
        let rows = store::list(read.conn(), &tenant, before, listing.limit()).await?;
        drop(read);
        let page = listing.page(rows, |row| row.version.to_string()).await?;
        let entry = AuditEntry::new(access.permit())
            .resource(Name::Tenant(tenant.clone()))
            .detail("count", page.rows.get().len());
        let home = Home::Tenant(tenant);
        access.audit_read(&self.kernel, &home, entry).await?;
        Ok(page)
    }

    pub(super) async fn list_clocks(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
    ) -> Result<Disclosed<Clocks>> {
        let action = Action::ListClocks;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let agreements = Agreements::of(read.conn(), &tenant).await?;
        let now = self.kernel.env().now();
        let evaluated = agreements
            .clocks(read.conn(), &cipher, incident, now)
            .await?;
        drop(read);
        let as_of = evaluated.as_of;
        let clocks = evaluated.clocks.iter();
        let clocks = clocks
            .map(|clock| convert::ShownClock::new(&tenant, incident, clock))
            .collect();
        let entry = AuditEntry::new(&permit).resource(Name::Incident(tenant, incident));
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, Clocks { clocks, as_of }))
    }
}
