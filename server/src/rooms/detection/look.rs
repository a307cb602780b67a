//! The job that looks at a tenant's new events by its rules, and keeps what they found.

use std::collections::HashMap;
use std::sync::Arc;

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::jobs::{ESCALATE, JobClaim, LEARN};
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Name, Reason, Result, TenantScope};
use cordon_lake::{Lake, TailPage};
use cordon_sigma::Window;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::compiled::{RuleSet, RuleSets};
use super::drafts::{self, Draft};
use super::{baselines, explained, findings, rules};
use crate::rooms::context::Context;

/// Pages of events that are looked at before others get their turn.
const PAGES: usize = 64;
/// When it is looked again after everything was looked at: what comes meanwhile is looked at together.
const SOON: SignedDuration = SignedDuration::from_secs(1);

/// Looks at what came in since the last time; when there is more to look at, if there may be.
///
/// # Errors
/// `ETAG_MISMATCH` when another server looks meanwhile; `UNAVAILABLE` when something can't be reached.
pub(crate) async fn look(
    kernel: &Kernel,
    lake: &Lake,
    sets: &RuleSets,
    claim: &JobClaim,
) -> Result<Option<Timestamp>> {
    let (scope, _) = kernel.job_scope(claim);
    let at = kernel.db().detected(&scope).await?;
    if at.seq >= at.head {
        return Ok(None);
    }
    let after = |wait: SignedDuration| {
        let due = kernel.env().now().checked_add(wait);
        due.map(Some).map_err(Error::internal)
    };
    let set = rule_set(kernel, lake, sets, &scope).await?;
    let mut read = kernel.db().tenant_read(&scope).await?;
    let now = kernel.env().now();
    let learning = baselines::due(read.conn(), scope.tenant().as_str(), now).await?;
    drop(read);
    if let Some(due) = learning {
        // Before it is noted that the events were looked at: what ends in between is done again.
        kernel.db().schedule_job(&scope, LEARN, due).await?;
        if set.is_empty() {
            kernel.db().found_nothing(claim, at.seq, at.head).await?;
            return after(SOON);
        }
    }
    if set.is_empty() {
        // Unless there is a new rule by now.
        return match kernel.db().stop_watching(claim, at).await? {
            true => Ok(None),
            false => after(SignedDuration::ZERO),
        };
    }
    let looked = Look {
        kernel,
        lake,
        claim,
        scope: &scope,
        set,
        context: sets.contexts.of(kernel, &scope).await?,
    };
    match looked.run(at.seq).await? {
        true => after(SOON),
        false => after(SignedDuration::ZERO),
    }
}

/// The rules by which events are looked at now.
async fn rule_set(
    kernel: &Kernel,
    lake: &Lake,
    sets: &RuleSets,
    scope: &TenantScope,
) -> Result<Arc<RuleSet>> {
    let mut read = kernel.db().tenant_read(scope).await?;
    let edition = rules::edition(read.conn(), scope.tenant().as_str()).await?;
    if let Some(set) = sets.kept(scope.tenant(), &edition) {
        return Ok(set);
    }
    let enabled = if edition.is_empty() {
        Vec::new()
    } else {
        let cipher = kernel.cipher(scope).await?;
        rules::enabled(read.conn(), &cipher).await?
    };
    drop(read);
    sets.make(lake, scope, edition, enabled)
}

struct Look<'a> {
    kernel: &'a Kernel,
    lake: &'a Lake,
    claim: &'a JobClaim,
    scope: &'a TenantScope,
    set: Arc<RuleSet>,
    /// What the tenant has told of its own, if anything.
    context: Option<Arc<Context>>,
}

impl Look<'_> {
    /// Looks at some pages; whether everything has been looked at.
    async fn run(&self, from: u64) -> Result<bool> {
        let mut columns = self.set.columns();
        if self.context.is_some() {
            columns = columns.union(explained::columns());
        }
        // Up to where it is kept that events were looked at, and up to where they were.
        let (mut kept, mut seen) = (from, from);
        for _ in 0..PAGES {
            let page = self.lake.tail(self.scope, seen, None, columns).await;
            let TailPage { batch, next, head } = match page.map_err(Error::from) {
                Ok(page) => page,
                // What is gone can't be looked at.
                Err(error) if error.reason() == Reason::CursorExpired => {
                    seen = oldest(&error)?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(batch) = batch {
                let set = Arc::clone(&self.set);
                let events = batch.clone();
                let selected = computed(move || set.select(&events)).await?;
                if !selected.is_empty() {
                    let windows = self.windows(&selected).await?;
                    let (set, context) = (Arc::clone(&self.set), self.context.clone());
                    let (drafts, windows) = computed(move || {
                        let mut windows = windows;
                        let context = context.as_deref();
                        let drafts =
                            drafts::drafts(&set, context, &batch, &selected, &mut windows)?;
                        Ok((drafts, windows))
                    })
                    .await?;
                    self.keep(kept, next, &drafts, &windows).await?;
                    kept = next;
                }
            }
            seen = next;
            if seen >= head {
                break;
            }
        }
        let head = if seen > kept {
            let db = self.kernel.db();
            db.found_nothing(self.claim, kept, seen).await?
        } else {
            self.kernel.db().detected(self.scope).await?.head
        };
        Ok(seen >= head)
    }

    /// What the correlations among the selected rules remember.
    async fn windows(
        &self,
        selected: &[(usize, usize, Vec<u32>)],
    ) -> Result<HashMap<Uuid, Window>> {
        let mut windows = HashMap::new();
        let counting = selected.iter().filter_map(|(rule, ..)| {
            let ready = self.set.rules.get(*rule)?;
            ready.sigma.correlation.as_ref()?;
            Some((ready.rule.id, ready.rule.version))
        });
        let counting: HashMap<Uuid, i64> = counting.collect();
        if counting.is_empty() {
            return Ok(windows);
        }
        let cipher = self.kernel.cipher(self.scope).await?;
        let mut read = self.kernel.db().tenant_read(self.scope).await?;
        for which in counting {
            let window = findings::window(read.conn(), &cipher, which).await?;
            windows.insert(which.0, window.unwrap_or_default());
        }
        Ok(windows)
    }

    /// Keeps what was found up to `to`, all of it and once.
    async fn keep(
        &self,
        from: u64,
        to: u64,
        drafts: &[Draft],
        windows: &HashMap<Uuid, Window>,
    ) -> Result<()> {
        let (_, permit) = self.kernel.job_scope(self.claim);
        let cipher = self.kernel.cipher(self.scope).await?;
        let windows = windows
            .iter()
            .map(|(rule, window)| {
                let of = self.set.rules.iter().find(|ready| ready.rule.id == *rule);
                let version = of.map_or(0, |ready| ready.rule.version);
                findings::seal_window(&cipher, (*rule, version), window)
            })
            .collect::<Result<Vec<_>>>()?;
        let mut tx = self.kernel.db().tenant_tx(self.scope, &permit).await?;
        tx.require_claim(self.claim).await?;
        let env = self.kernel.env();
        let mut told = 0_u64;
        // In the order in which they were found, which ids of one moment would not keep.
        let mut ids: Vec<Uuid> = drafts.iter().map(|_| env.uuid_v7()).collect();
        ids.sort_unstable();
        for (draft, id) in drafts.iter().zip(ids) {
            let Some(ready) = self.set.rules.get(draft.rule) else {
                continue;
            };
            findings::take(&mut tx, &cipher, (env, id), ready, draft).await?;
            told += 1;
        }
        for window in windows {
            findings::keep_window(&mut tx, window).await?;
        }
        if told > 0 {
            tx.schedule_job(ESCALATE, env.now()).await?;
        }
        // Last: whoever stores events of the tenant waits from here on.
        tx.found(self.claim, from, to).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Tenant(self.scope.tenant().clone()))
            .detail("findings", told);
        tx.commit(entry).await?;
        Ok(())
    }
}

/// What takes long, on a thread for computing.
pub(crate) async fn computed<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(Error::internal)?
}

/// Where the oldest events are that are still there.
pub(crate) fn oldest(error: &Error) -> Result<u64> {
    let at = error.metadata("oldest_cursor");
    let at = at.and_then(|text| text.parse().ok());
    at.ok_or_else(|| Error::internal("an expired cursor without the oldest one"))
}
