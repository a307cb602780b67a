//! The deadlines of the law: stating what they run from, and showing how they stand.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{Action, Disclosed, Name, Result, TenantId};
use cordon_sla::regulatory::{Countdown, Fact};
use jiff::Timestamp;
use uuid::Uuid;

use super::service::Service;
use crate::rooms::incidents;
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// An incident's deadlines at a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Deadlines {
    pub(super) countdowns: Vec<Countdown<'static>>,
    pub(super) as_of: Timestamp,
}

impl Service {
    pub(super) async fn record_reporting_fact(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
        fact: Fact,
        request: RequestId,
    ) -> Result<Disclosed<Fact>> {
        let action = Action::RecordReportingFact;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        let entry = AuditEntry::new(&permit).resource(Name::Incident(tenant, incident));
        if let Some(answer) = request.answered::<Fact>(&mut tx, &cipher, now).await? {
            drop(tx);
            let entry = entry.detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, answer));
        }
        incidents::state_fact(&mut tx, &cipher, caller, incident, fact.clone(), now).await?;
        request.keep(&mut tx, &cipher, &fact, now).await?;
        tx.require_keys(&cipher).await?;
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, fact))
    }

    pub(super) async fn list_reporting_deadlines(
        &self,
        caller: &Caller,
        (tenant, incident): (TenantId, Uuid),
    ) -> Result<Disclosed<Deadlines>> {
        let action = Action::ListReportingDeadlines;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let (facts, last) = incidents::facts(read.conn(), &cipher, incident).await?;
        drop(read);
        let as_of = last.max(self.kernel.env().now());
        let entry = AuditEntry::new(&permit).resource(Name::Incident(tenant, incident));
        self.kernel.db().audit_read(&scope, entry).await?;
        let deadlines = Deadlines {
            countdowns: facts.countdowns(as_of),
            as_of,
        };
        Ok(Disclosed::own(&scope, deadlines))
    }
}
