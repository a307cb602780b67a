//! Reading the original of an event that concerns several tenants: by entering each of them, with
//! one justification that stands in every one's log and names none of them.

use super::Kernel;
use crate::audit::AuditEntry;
use crate::auth::{Action, Entry, ProviderScope, TenantScope, VerifiedCredential};
use crate::disclose::Disclosed;
use crate::error::{Error, Reason, Result};
use crate::ids::{EventName, TenantId};
use crate::names::Name;

/// The original of an event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Original {
    /// The event, as each of its parties knows it.
    pub events: Vec<Name>,
    /// What ingest kept of it.
    pub plain: Vec<u8>,
}

impl Kernel {
    /// The original from which `tenant`'s view of an event was made. The entry is durable in the
    /// log of every tenant that the event concerns, and so is the reading itself under the name
    /// that the event has there, before anything is opened.
    ///
    /// # Errors
    /// `PERMISSION_DENIED` and `TENANT_SUSPENDED` as from [`Gate::enter`](crate::Gate::enter), of
    /// any of the parties; `INVALID_ARGUMENT` when the entry's words name a customer; `NOT_FOUND`
    /// when no original is kept of such an event, or a party was deleted.
    pub async fn original(
        &self,
        credential: &VerifiedCredential,
        entry: &Entry,
        tenant: &TenantId,
        event: EventName,
    ) -> Result<Disclosed<Original>> {
        const ACTION: Action = Action::GetEventOriginal;
        self.gate.check_entry(credential, entry, ACTION).await?;
        // Before it is known whom the event concerns: the answer must not tell.
        self.names_nobody(entry).await?;
        let first = self.entered(credential, entry, tenant, event).await?;
        let sealed = self.db.original_of(&first, &event).await?;
        let others = || sealed.parties.iter().filter(|(party, _)| party != tenant);
        // All of them first, so that no other log speaks of a reading that some party prevents.
        for (party, _) in others() {
            self.gate
                .check_tenant(party)
                .await
                .map_err(|error| match error.reason() {
                    Reason::NotFound => {
                        Error::new(Reason::NotFound, "the event's original was destroyed")
                    }
                    Reason::TenantSuspended => Error::new(
                        Reason::TenantSuspended,
                        "a tenant that the event concerns is suspended",
                    ),
                    _ => error,
                })?;
        }
        let mut scopes = vec![first];
        for (party, name) in others() {
            scopes.push(self.entered(credential, entry, party, *name).await?);
        }
        let plain = self.db.open_original(&sealed, &scopes).await?;
        let events = sealed.parties.into_iter();
        let original = Original {
            events: events.map(|(t, e)| Name::Event(t, e)).collect(),
            plain,
        };
        Ok(Disclosed::of_all(&scopes, original))
    }

    /// Enters a tenant, and writes to its log what is read of it.
    async fn entered(
        &self,
        credential: &VerifiedCredential,
        entry: &Entry,
        tenant: &TenantId,
        event: EventName,
    ) -> Result<TenantScope> {
        let (scope, permit) = self
            .gate
            .enter(credential, tenant, entry.clone(), Action::GetEventOriginal)
            .await?;
        let read = AuditEntry::new(&permit).resource(Name::Event(tenant.clone(), event));
        self.db.audit_read(&scope, read).await?;
        Ok(scope)
    }

    /// Refuses words that name any customer, its accounts, resources or addresses. Which customers the
    /// event concerns makes no difference: a refusal tells nothing of that.
    async fn names_nobody(&self, entry: &Entry) -> Result<()> {
        for text in entry.texts() {
            if let Some(name) = self.db.customer_named(text).await? {
                return Err(Error::invalid(
                    "justification",
                    format!(
                        "justification and reference stand in the log of every customer whom the \
                         event concerns, and may name none: leave out `{name}`"
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Refuses words, each under the name of its field, that several customers are to read and
    /// that name any customer, its accounts, resources or addresses.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with the field and the name.
    pub async fn require_nameless(
        &self,
        _scope: &ProviderScope,
        texts: &[(&str, &str)],
    ) -> Result<()> {
        for (field, text) in texts {
            if let Some(name) = self.db.customer_named(text).await? {
                return Err(Error::invalid(
                    *field,
                    format!(
                        "several customers read this, and it may name none: leave out `{name}`"
                    ),
                ));
            }
        }
        Ok(())
    }
}
