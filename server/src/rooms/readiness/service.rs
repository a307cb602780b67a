//! Looking at all that has to be in place, at one moment.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Name, Result, TenantId};
use cordon_lake::Lake;
use jiff::Timestamp;

use super::model::{self, Found, Item, LOGGED_WITHIN};
use crate::rooms::{agreements, catalogue, context, detection, incidents, tenants};
use crate::transport::Caller;

#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
    pub(super) lake: Arc<Lake>,
}

/// What was looked at, and when.
#[derive(Debug)]
pub(super) struct Looked {
    pub(super) items: Vec<Item>,
    pub(super) as_of: Timestamp,
}

impl Service {
    pub(super) async fn check(
        &self,
        caller: &Caller,
        tenant: TenantId,
    ) -> Result<Disclosed<Looked>> {
        let action = Action::CheckReadiness;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let entry = AuditEntry::new(&permit).resource(Name::Tenant(tenant.clone()));
        self.kernel.db().audit_read(&scope, entry).await?;
        let logging = catalogue::logging(&self.kernel, &self.lake, &scope, LOGGED_WITHIN).await?;
        let now = self.kernel.env().now();
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let found = Found {
            accounts: tenants::has_account(read.conn(), &tenant, now).await?,
            logging,
            agreement: agreements::in_force(read.conn(), &tenant, now).await?,
            rules: detection::enabled_rules(read.conn(), &tenant).await?,
            crown_jewels: context::crown_jewels(read.conn(), &tenant).await?,
            exercise: incidents::last_exercise(read.conn(), &tenant).await?,
        };
        drop(read);
        let items = model::items(&found, now);
        Ok(Disclosed::own(&scope, Looked { items, as_of: now }))
    }
}
