//! Publishing rules, changing them, withdrawing them. None of it touches a tenant: each one's next
//! look at its events finds what there is then, and who is not looked for yet begins with its next
//! events.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::ProviderTx;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Action, Disclosed, Error, Home, Name, Reason, Result};
use cordon_lake::Lake;
use uuid::Uuid;

use super::super::compiled::check;
use super::model::{self, Mark, Patch, ProviderRule};
use super::store;
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// Most rules of the provider's.
const MAX_RULES: usize = 500;
/// Most regular expressions of all of them: each is large, and there for every tenant.
const MAX_REGEXES: usize = 512;

/// The service.
#[derive(Clone)]
pub(super) struct Service {
    pub(super) kernel: Arc<Kernel>,
    pub(super) lake: Arc<Lake>,
}

impl Service {
    pub(super) async fn create_provider_rule(
        &self,
        caller: &Caller,
        (text, enabled): (String, bool),
        request: RequestId,
    ) -> Result<Disclosed<ProviderRule>> {
        let action = Action::CreateProviderRule;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let regexes = check(&self.lake, &text)?;
        let texts = [("provider_rule.text", text.as_str())];
        self.kernel.require_nameless(&scope, &texts).await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        // Now that it is this call's turn.
        let mark = self.mark(caller, regexes);
        let now = mark.now;
        if let Some(id) = store::requested(tx.conn(), &request, now).await? {
            let rule = store::find(tx.conn(), id).await?;
            drop(tx);
            let entry = AuditEntry::new(&permit).resource(Name::ProviderRule(id));
            let entry = entry.detail("again", "yes");
            self.kernel.db().audit_provider_read(&scope, entry).await?;
            let rule = rule.ok_or_else(no_such_rule)?;
            return Ok(Disclosed::summary(&scope, rule));
        }
        let change = model::create(self.kernel.env().uuid_v7(), text, enabled, mark);
        require_room(&mut tx, change.rule()).await?;
        store::apply(tx.conn(), &change).await?;
        let rule = change.rule().clone();
        store::note_request(tx.conn(), &request, rule.id, now).await?;
        tx.watch_all_events(change.begins()).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::ProviderRule(rule.id))
            .detail("enabled", rule.enabled);
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, rule))
    }

    pub(super) async fn update_provider_rule(
        &self,
        caller: &Caller,
        (id, patch, expected): (Uuid, Patch, String),
        request: RequestId,
    ) -> Result<Disclosed<ProviderRule>> {
        let action = Action::UpdateProviderRule;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        // Understood before anybody has to wait for it.
        let mut read = self.kernel.db().provider_read(&scope).await?;
        let seen = store::find(read.conn(), id).await?;
        drop(read);
        let seen = seen.ok_or_else(no_such_rule)?;
        let regexes = match patch.text.is_some() || patch.enabled == Some(true) {
            true => {
                let text = patch.text.as_ref().unwrap_or(&seen.text);
                let texts = [("provider_rule.text", text.as_str())];
                self.kernel.require_nameless(&scope, &texts).await?;
                check(&self.lake, text)?
            }
            // What this program does not understand any more can still be switched off.
            false => seen.regexes,
        };
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        let mark = self.mark(caller, regexes);
        let now = mark.now;
        let name = Name::ProviderRule(id);
        let again = store::requested(tx.conn(), &request, now).await?.is_some();
        let before = store::find(tx.conn(), id).await?;
        let before = before.ok_or_else(no_such_rule)?;
        if again {
            drop(tx);
            let entry = AuditEntry::new(&permit).resource(name);
            let entry = entry.detail("again", "yes");
            self.kernel.db().audit_provider_read(&scope, entry).await?;
            return Ok(Disclosed::summary(&scope, before));
        }
        model::require(&before, &expected)?;
        model::require(&before, &seen.etag)?;
        let was = before.version;
        let change = model::update(before, patch, mark);
        let rule = change.rule().clone();
        require_room(&mut tx, &rule).await?;
        store::apply(tx.conn(), &change).await?;
        store::note_request(tx.conn(), &request, id, now).await?;
        tx.watch_all_events(change.begins()).await?;
        let entry = AuditEntry::new(&permit)
            .resource(name)
            .detail("enabled", rule.enabled);
        let entry = match rule.version {
            version if version == was => entry,
            version => entry.detail("version", version),
        };
        tx.commit(entry).await?;
        Ok(Disclosed::summary(&scope, rule))
    }

    pub(super) async fn delete_provider_rule(
        &self,
        caller: &Caller,
        id: Uuid,
        expected: &str,
        request: RequestId,
    ) -> Result<()> {
        let action = Action::DeleteProviderRule;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let mut tx = self.kernel.db().provider_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        let name = Name::ProviderRule(id);
        if store::requested(tx.conn(), &request, now).await?.is_some() {
            drop(tx);
            let entry = AuditEntry::new(&permit).resource(name);
            let entry = entry.detail("again", "yes");
            return self.kernel.db().audit_provider_read(&scope, entry).await;
        }
        let before = store::find(tx.conn(), id).await?;
        model::require(&before.ok_or_else(no_such_rule)?, expected)?;
        store::delete(tx.conn(), id).await?;
        store::note_request(tx.conn(), &request, id, now).await?;
        tx.watch_all_events(false).await?;
        tx.commit(AuditEntry::new(&permit).resource(name)).await?;
        Ok(())
    }

    pub(super) async fn get_provider_rule(
        &self,
        caller: &Caller,
        id: Uuid,
    ) -> Result<Disclosed<ProviderRule>> {
        let action = Action::GetProviderRule;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let mut read = self.kernel.db().provider_read(&scope).await?;
        let found = store::find(read.conn(), id).await?;
        drop(read);
        let found = found.ok_or_else(no_such_rule)?;
        let entry = AuditEntry::new(&permit).resource(Name::ProviderRule(id));
        self.kernel.db().audit_provider_read(&scope, entry).await?;
        Ok(Disclosed::summary(&scope, found))
    }

    pub(super) async fn list_provider_rules(
        &self,
        caller: &Caller,
        page: PageRequest,
    ) -> Result<Page<ProviderRule>> {
        let action = Action::ListProviderRules;
        let (scope, permit) = caller.provider_scope(&self.kernel, action).await?;
        let access = Access::Provider(scope, permit);
        let listing = Listing::new(&self.kernel, &access, "", page);
        let after = listing.after().await?.unwrap_or_default();
        let mut read = access.read(&self.kernel).await?;
        let rows = store::list(read.conn(), &after, listing.limit()).await?;
        drop(read);
        let page = listing
            .page(rows, |row| row.id.hyphenated().to_string())
            .await?;
        let entry = AuditEntry::new(access.permit()).detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Provider, entry)
            .await?;
        Ok(page)
    }

    fn mark(&self, caller: &Caller, regexes: usize) -> Mark {
        let env = self.kernel.env();
        Mark {
            now: env.now(),
            by: caller.credential().principal().subject().to_owned(),
            etag: hex::encode(env.bytes::<16>()),
            regexes,
        }
    }
}

/// # Errors
/// `QUOTA_EXCEEDED` when there would be too many rules, or they would hold too much in memory.
async fn require_room(tx: &mut ProviderTx<'_>, rule: &ProviderRule) -> Result<()> {
    let mut others = store::list(tx.conn(), "", i64::MAX).await?;
    others.retain(|other| other.id != rule.id);
    if others.len() >= MAX_RULES {
        return Err(Error::new(
            Reason::QuotaExceeded,
            "the provider has at most 500 rules: withdraw some, or join some in one",
        ));
    }
    let sum: usize = others.iter().map(|other| other.regexes).sum();
    if rule.regexes > 0 && sum + rule.regexes > MAX_REGEXES {
        return Err(Error::new(
            Reason::QuotaExceeded,
            "the provider's rules have at most 512 regular expressions and patterns with wildcards \
             in their midst: use contains, startswith and endswith where they do",
        ));
    }
    Ok(())
}

fn no_such_rule() -> Error {
    Error::new(Reason::NotFound, "the provider has no such rule")
}
