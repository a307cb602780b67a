//! Reading the original of an event that concerns several tenants: by entering each of them, with
//! one justification that stands in every one's log and names none of them.

use std::collections::BTreeSet;

use super::Kernel;
use crate::audit::AuditEntry;
use crate::auth::{Action, Entry, ProviderScope, TenantScope, VerifiedCredential};
use crate::db::parameters;
use crate::disclose::Disclosed;
use crate::error::{Error, Reason, Result};
use crate::ids::{EventName, TenantId};
use crate::names::Name;

/// Words that are looked for in one statement.
const WORDS: usize = 64;

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

    /// Refuses words that name any customer, its accounts or its resources. Which customers the
    /// event concerns makes no difference: a refusal tells nothing of that.
    async fn names_nobody(&self, entry: &Entry) -> Result<()> {
        for text in entry.texts() {
            let text = text.to_lowercase();
            if let Some(name) = self.customer_named(&text).await? {
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
    /// that name any customer, its accounts or its resources.
    ///
    /// # Errors
    /// `INVALID_ARGUMENT` with the field and the name.
    pub async fn require_nameless(
        &self,
        _scope: &ProviderScope,
        texts: &[(&str, &str)],
    ) -> Result<()> {
        for (field, text) in texts {
            if let Some(name) = self.customer_named(&text.to_lowercase()).await? {
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

    async fn customer_named(&self, text: &str) -> Result<Option<String>> {
        let tenants: Vec<(String, String)> =
            sqlx::query_as("SELECT tenant_id, display_name FROM tenants")
                .fetch_all(self.db.system())
                .await?;
        for name in tenants.iter().flat_map(|(id, name)| [id, name]) {
            let name = name.trim().to_lowercase();
            if has_word(text, &name) {
                return Ok(Some(name));
            }
        }
        let ends = |c: char| !c.is_alphanumeric();
        let words: BTreeSet<&str> = text
            .split_whitespace()
            .flat_map(|word| [word, word.trim_matches(ends)])
            .chain(text.split(ends))
            .filter(|word| !word.is_empty())
            .collect();
        let words: Vec<&str> = words.into_iter().collect();
        for words in words.chunks(WORDS) {
            let names = parameters(1, words.len());
            // Accounts also without their `aws:`.
            let sql = format!(
                "SELECT account FROM accounts \
                  WHERE account IN ({names}) OR substr(account, 5) IN ({names}) \
                 UNION ALL \
                 SELECT lower(identifier) FROM resources WHERE lower(identifier) IN ({names}) LIMIT 1"
            );
            let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql));
            for word in words {
                query = query.bind(*word);
            }
            let named: Option<String> = query.fetch_optional(self.db.system()).await?;
            if named.is_some() {
                return Ok(named);
            }
        }
        Ok(None)
    }
}

/// Whether `name` stands in `text` by itself, not as a part of a word.
fn has_word(text: &str, name: &str) -> bool {
    if name.is_empty() {
        return false;
    }
    text.match_indices(name).any(|(at, _)| {
        let before = text.get(..at).and_then(|head| head.chars().next_back());
        let after = text
            .get(at + name.len()..)
            .and_then(|tail| tail.chars().next());
        let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !inside(before) && !inside(after)
    })
}

#[cfg(test)]
mod tests {
    use super::has_word;

    #[test]
    fn a_name_is_found_as_a_word() {
        for text in ["acme", "for acme, please", "tenants/acme/x", "acme-eu"] {
            assert!(has_word(text, "acme"), "{text}");
        }
        for text in ["", "pacmen", "acme2", "macme"] {
            assert!(!has_word(text, "acme"), "{text}");
        }
        assert!(!has_word("anything", ""));
        assert!(has_word("über acme ag!", "acme ag"));
    }
}
