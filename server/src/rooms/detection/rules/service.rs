//! Adding rules, changing them, taking them away.

use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::TenantTx;
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Action, Disclosed, Error, Home, Name, Reason, Result, TenantId};
use cordon_lake::Lake;
use uuid::Uuid;

use super::super::compiled::compile;
use super::convert::Told;
use super::model::{self, Mark, NewRule, Origin, Patch, Rule, Version};
use super::{published, store};
use crate::rooms::access::Access;
use crate::rooms::paging::{Listing, Page, PageRequest};
use crate::rooms::requests::RequestId;
use crate::transport::Caller;

/// Most rules of a tenant.
const MAX_RULES: i64 = 500;
/// Most regular expressions of all of a tenant's rules: each is large.
const MAX_REGEXES: usize = 512;

/// The service.
#[derive(Clone)]
pub(in super::super) struct Service {
    pub(in super::super) kernel: Arc<Kernel>,
    pub(in super::super) lake: Arc<Lake>,
}

impl Service {
    pub(super) async fn create(
        &self,
        caller: &Caller,
        tenant: TenantId,
        new: NewRule,
        request: RequestId,
    ) -> Result<Disclosed<Told>> {
        let action = Action::CreateRule;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let regexes = compile(&self.lake, &scope, &new.text, &new.exceptions)?.regexes();
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        // Now that it is this call's turn.
        let mark = self.mark(caller, regexes);
        let now = mark.now;
        if let Some(answer) = request.answered::<Rule>(&mut tx, &cipher, now).await? {
            drop(tx);
            let name = Name::Rule(tenant, answer.id);
            let entry = AuditEntry::new(&permit).resource(name);
            let entry = entry.detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, told(answer)));
        }
        if store::count(tx.conn(), tenant.as_str()).await? >= MAX_RULES {
            return Err(Error::new(
                Reason::QuotaExceeded,
                "a tenant has at most 500 rules: delete some, or join some in one",
            ));
        }
        let change = model::create(self.kernel.env().uuid_v7(), new, mark);
        require_room(&mut tx, &cipher, change.rule()).await?;
        store::apply(&mut tx, &cipher, &change).await?;
        let rule = change.rule().clone();
        request.keep(&mut tx, &cipher, &rule, now).await?;
        if rule.enabled {
            tx.watch_events().await?;
        }
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit).resource(Name::Rule(tenant, rule.id));
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, told(rule)))
    }

    pub(super) async fn update(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
        patch: Patch,
        expected: &str,
        request: RequestId,
    ) -> Result<Disclosed<Told>> {
        let action = Action::UpdateRule;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        // Understood before anybody has to wait for it.
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let seen = published::find(read.conn(), &cipher, id).await?;
        drop(read);
        let seen = seen.ok_or_else(no_such_rule)?;
        if seen.origin == Origin::Provider && patch.text.is_some() {
            return Err(Error::invalid(
                "update_mask",
                "the text is the provider's: switch the rule off for yourselves and add one of \
                 your own",
            ));
        }
        let other =
            patch.text.is_some() || patch.exceptions.is_some() || patch.enabled == Some(true);
        let regexes = match other {
            true => {
                let text = patch.text.as_ref().unwrap_or(&seen.text);
                let exceptions = patch.exceptions.as_ref().unwrap_or(&seen.exceptions);
                let compiled = compile(&self.lake, &scope, text, exceptions)?;
                match seen.origin {
                    Origin::Own => compiled.regexes(),
                    Origin::Provider => compiled.exception_regexes(),
                }
            }
            // What this program does not understand any more can still be switched off.
            false => seen.regexes,
        };
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let mark = self.mark(caller, regexes);
        let now = mark.now;
        let name = Name::Rule(tenant, id);
        if let Some(answer) = request.answered::<Rule>(&mut tx, &cipher, now).await? {
            drop(tx);
            let entry = AuditEntry::new(&permit).resource(name);
            let entry = entry.detail("again", "yes");
            self.kernel.db().audit_read(&scope, entry).await?;
            return Ok(Disclosed::own(&scope, told(answer)));
        }
        let before = published::find(tx.conn(), &cipher, id).await?;
        let before = before.ok_or_else(no_such_rule)?;
        model::require(&before, expected)?;
        model::require(&before, &seen.etag)?;
        let was = before.version;
        let change = model::update(before, patch, mark);
        require_room(&mut tx, &cipher, change.rule()).await?;
        let rule = match change.rule() {
            own if own.origin == Origin::Own => {
                store::apply(&mut tx, &cipher, &change).await?;
                own.clone()
            }
            rule => published::apply(&mut tx, &cipher, rule, &rule.etag).await?,
        };
        request.keep(&mut tx, &cipher, &rule, now).await?;
        if rule.enabled {
            tx.watch_events().await?;
        }
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(name)
            .detail("enabled", rule.enabled);
        let entry = match rule.version {
            version if version == was => entry,
            version => entry.detail("version", version),
        };
        tx.commit(entry).await?;
        Ok(Disclosed::own(&scope, told(rule)))
    }

    pub(super) async fn delete(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
        expected: &str,
        request: RequestId,
    ) -> Result<()> {
        let action = Action::DeleteRule;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&scope, &permit).await?;
        let now = self.kernel.env().now();
        let name = Name::Rule(tenant, id);
        if request
            .answered::<()>(&mut tx, &cipher, now)
            .await?
            .is_some()
        {
            drop(tx);
            let entry = AuditEntry::new(&permit).resource(name);
            let entry = entry.detail("again", "yes");
            return self.kernel.db().audit_read(&scope, entry).await;
        }
        let before = published::find(tx.conn(), &cipher, id).await?;
        let before = before.ok_or_else(no_such_rule)?;
        if before.origin == Origin::Provider {
            return Err(Error::new(
                Reason::FailedPrecondition,
                "the rule is the provider's: switch it off for yourselves",
            ));
        }
        model::require(&before, expected)?;
        store::delete(&mut tx, id).await?;
        request.keep(&mut tx, &cipher, &(), now).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit).resource(name);
        tx.commit(entry).await?;
        Ok(())
    }

    pub(super) async fn get(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
    ) -> Result<Disclosed<Told>> {
        let action = Action::GetRule;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let found = published::find(read.conn(), &cipher, id).await?;
        drop(read);
        let found = found.ok_or_else(no_such_rule)?;
        let entry = AuditEntry::new(&permit).resource(Name::Rule(tenant, id));
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, told(found)))
    }

    pub(super) async fn versions(
        &self,
        caller: &Caller,
        (tenant, id): (TenantId, Uuid),
    ) -> Result<Disclosed<Vec<Version>>> {
        let action = Action::ListRuleVersions;
        let (scope, permit) = caller.tenant_scope(&self.kernel, &tenant, action).await?;
        let cipher = self.kernel.cipher(&scope).await?;
        let mut read = self.kernel.db().tenant_read(&scope).await?;
        let rule = published::find(read.conn(), &cipher, id).await?;
        let versions = match rule.ok_or_else(no_such_rule)?.origin {
            Origin::Own => store::versions(read.conn(), &cipher, id).await?,
            Origin::Provider => published::versions(read.conn(), id).await?,
        };
        drop(read);
        let entry = AuditEntry::new(&permit).resource(Name::Rule(tenant, id));
        self.kernel.db().audit_read(&scope, entry).await?;
        Ok(Disclosed::own(&scope, versions))
    }

    pub(super) async fn list(
        &self,
        caller: &Caller,
        tenant: TenantId,
        page: PageRequest,
    ) -> Result<Page<Told>> {
        let access = Access::within(&self.kernel, caller, &tenant, Action::ListRules).await?;
        let Access::Tenant(scope, permit) = &access else {
            return Err(Error::permission_denied());
        };
        let query = Name::Tenant(tenant.clone()).to_string();
        let listing = Listing::new(&self.kernel, &access, &query, page);
        let after = listing.after().await?.unwrap_or_default();
        let cipher = self.kernel.cipher(scope).await?;
        let mut read = access.read(&self.kernel).await?;
        let rows = published::list(read.conn(), &cipher, &after, listing.limit()).await?;
        drop(read);
        let rows = rows.into_iter().map(told).collect();
        let page = listing
            .page(rows, |told: &Told| told.rule.id.hyphenated().to_string())
            .await?;
        let entry = AuditEntry::new(permit)
            .resource(Name::Tenant(tenant.clone()))
            .detail("count", page.rows.get().len());
        access
            .audit_read(&self.kernel, &Home::Tenant(tenant), entry)
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
/// `QUOTA_EXCEEDED` when the tenant's rules would hold too much in memory.
async fn require_room(tx: &mut TenantTx<'_>, cipher: &TenantCipher, rule: &Rule) -> Result<()> {
    if rule.regexes == 0 {
        return Ok(());
    }
    let all = store::list(tx.conn(), cipher, "", MAX_RULES).await?;
    let others = all.iter().filter(|other| other.id != rule.id);
    let own: usize = others.map(|other| other.regexes).sum();
    let sum = own + published::regexes(tx.conn(), cipher, rule.id).await?;
    if sum + rule.regexes > MAX_REGEXES {
        return Err(Error::new(
            Reason::QuotaExceeded,
            "a tenant's rules have at most 512 regular expressions and patterns with wildcards in \
             their midst: use contains, startswith and endswith where they do",
        ));
    }
    Ok(())
}

fn told(rule: Rule) -> Told {
    let sigma = cordon_sigma::compile(&rule.text).map_err(|error| error.to_string());
    Told { rule, sigma }
}

pub(in super::super) fn no_such_rule() -> Error {
    Error::new(Reason::NotFound, "no such rule")
}
