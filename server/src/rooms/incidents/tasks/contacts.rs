//! Whom to call about an incident now, and what comes when nobody moves.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::{Action, Disclosed, Name, Result, TenantId};
use cordon_sla::duties::{Contact, ladder, on_call};
use cordon_sla::objective::Severity as Graded;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::super::clocks::graded;
use super::super::service::{Service, no_such_incident};
use super::super::store;
use super::model::side;
use crate::rooms::agreements;
use crate::transport::Caller;

/// Whom to call at a moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Contacts {
    /// With the moment from which on they are on duty.
    pub(super) contacts: Vec<(Contact, Option<Timestamp>)>,
    pub(super) steps: Vec<Step>,
    /// Since when the next move has been where it is.
    pub(super) since: Option<Timestamp>,
    pub(super) as_of: Timestamp,
    /// The agreement's version.
    pub(super) agreement: Option<u32>,
}

/// A step of the escalation path of the present move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Step {
    pub(super) contact: Contact,
    pub(super) after: SignedDuration,
    pub(super) at: Option<Timestamp>,
}

impl Service {
    pub(super) async fn list_contacts(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
    ) -> Result<Disclosed<(TenantId, Contacts)>> {
        let action = Action::ListContacts;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let incident = store::find(read.conn(), &cipher, id).await?;
        let incident = incident.ok_or_else(no_such_incident)?;
        // Another server's clock may be ahead of this one's.
        let as_of = self.kernel.env().now().max(incident.updated);
        let agreement = agreements::in_force(read.conn(), &tenant, as_of).await?;
        let since = match incident.pending {
            Some(_) => store::pending_since(read.conn(), &tenant, id).await?,
            None => None,
        };
        drop(read);
        let mut found = Contacts {
            contacts: Vec::new(),
            steps: Vec::new(),
            since,
            as_of,
            agreement: agreement
                .as_ref()
                .map(cordon_sla::agreement::Agreement::version),
        };
        if let Some(agreement) = &agreement {
            let calls = on_call(agreement, as_of).into_iter();
            found.contacts = calls
                .map(|call| (call.contact.clone(), call.from))
                .collect();
            let grave: Graded = graded(incident.severity);
            if let Some((party, since)) = incident.pending.zip(since) {
                let steps = ladder(agreement, side(party), grave, since).into_iter();
                found.steps = steps
                    .map(|step| Step {
                        contact: step.contact.clone(),
                        after: step.escalation.after,
                        at: step.at,
                    })
                    .collect();
            }
        }
        let entry = AuditEntry::new(&permit).resource(Name::Incident(tenant.clone(), id));
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, (tenant, found)))
    }
}
