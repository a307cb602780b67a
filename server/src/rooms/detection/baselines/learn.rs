//! The job that learns from a tenant's new events what is usual, and keeps what is not.

use std::sync::Arc;

use cordon_baseline::{Anomaly, Baselines as Model, Limits, Model as Kind, Part};
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::jobs::{ESCALATE, JobClaim};
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Name, Reason, Result, TenantScope};
use cordon_lake::{Lake, TailPage};
use jiff::{SignedDuration, Timestamp};
use sqlx::AnyConnection;
use uuid::Uuid;

use super::super::compiled::RuleSets;
use super::super::explained::Judged;
use super::super::findings;
use super::super::look::{computed, oldest};
use super::observe;
use super::store::{self, Baselines};
use crate::rooms::context::Context;

/// Pages of events that are learned from in one transaction.
const PAGES: usize = 16;
/// How long after events have come they are learned from: what comes meanwhile is learned together.
const WAIT: SignedDuration = SignedDuration::from_secs(60);
/// What the model's key is derived from, with the tenant's own.
const KEY: &[u8] = b"baseline";

/// When events that have come by now are to be learned from; `None` when the tenant has no baselines.
pub(in super::super) async fn due(
    conn: &mut AnyConnection,
    tenant: &str,
    now: Timestamp,
) -> Result<Option<Timestamp>> {
    if !store::find(conn, tenant).await?.enabled {
        return Ok(None);
    }
    now.checked_add(WAIT).map(Some).map_err(Error::internal)
}

/// Learns from what came since the last time; when there is more, if there is.
///
/// # Errors
/// `ETAG_MISMATCH` when another server learns meanwhile; `UNAVAILABLE` when something can't be
/// reached.
pub(crate) async fn learn(
    kernel: &Kernel,
    lake: &Lake,
    sets: &RuleSets,
    claim: &JobClaim,
) -> Result<Option<Timestamp>> {
    let (scope, _) = kernel.job_scope(claim);
    let cipher = kernel.cipher(&scope).await?;
    let mut read = kernel.db().tenant_read(&scope).await?;
    let before = store::find(read.conn(), scope.tenant().as_str()).await?;
    drop(read);
    if !before.enabled {
        return Ok(None);
    }
    let learning = Learning {
        kernel,
        lake,
        claim,
        scope: &scope,
        cipher: &cipher,
        context: sets.contexts.of(kernel, &scope).await?,
    };
    match learning.run(&before).await? {
        true => Ok(None),
        false => Ok(Some(kernel.env().now())),
    }
}

struct Learning<'a> {
    kernel: &'a Kernel,
    lake: &'a Lake,
    claim: &'a JobClaim,
    scope: &'a TenantScope,
    cipher: &'a TenantCipher,
    /// What the tenant has told of its own, if anything.
    context: Option<Arc<Context>>,
}

/// Something unusual, with what the tenant's context says of it.
type Found = (Anomaly, Judged);

impl Learning<'_> {
    /// Learns from some pages; whether that was all.
    async fn run(&self, before: &Baselines) -> Result<bool> {
        let key = *self.cipher.event_name(&[KEY]).as_bytes();
        let mut model = Model::new(Kind::new(key, Limits::default()));
        let (mut seen, mut all) = (before.learned, false);
        let (mut found, mut crowded): (Vec<Found>, u64) = (Vec::new(), 0);
        for _ in 0..PAGES {
            let page = self
                .lake
                .tail(self.scope, seen, None, observe::columns())
                .await;
            let TailPage { batch, next, head } = match page.map_err(Error::from) {
                Ok(page) => page,
                // What is gone can't be learned from.
                Err(error) if error.reason() == Reason::CursorExpired => {
                    seen = oldest(&error)?;
                    continue;
                }
                Err(error) => return Err(error),
            };
            if let Some(batch) = batch {
                loop {
                    let (events, context) = (batch.clone(), self.context.clone());
                    let (kept, taken) = computed(move || {
                        let taken = observe::take(&mut model, &events)?;
                        let taken = match taken {
                            Ok(outcome) => Ok((
                                observe::judged(context.as_deref(), &events, &outcome.anomalies)?,
                                outcome,
                            )),
                            Err(missing) => Err(missing),
                        };
                        Ok((model, taken))
                    })
                    .await?;
                    model = kept;
                    match taken {
                        Ok((judged, outcome)) => {
                            crowded += outcome.crowded;
                            join(&mut found, outcome.anomalies.into_iter().zip(judged));
                            break;
                        }
                        Err(missing) => self.load(&mut model, &missing).await?,
                    }
                }
            }
            seen = next;
            all = seen >= head;
            if all {
                break;
            }
        }
        if seen > before.learned {
            self.keep(before, &mut model, &found, (seen, crowded))
                .await?;
        }
        Ok(all)
    }

    async fn load(&self, model: &mut Model, missing: &[Part]) -> Result<()> {
        let mut read = self.kernel.db().tenant_read(self.scope).await?;
        let kept = store::parts(read.conn(), self.cipher, missing).await?;
        drop(read);
        for part in missing {
            let bytes = kept.get(part).map(Vec::as_slice);
            if let Err(error) = model.load(*part, bytes) {
                // Written by another version, or damaged: what it knew is learned again.
                tracing::warn!(tenant = %self.scope.tenant(), part = part.number(), %error, "a part of the baselines begins anew");
                model.load(*part, None).map_err(Error::internal)?;
            }
        }
        Ok(())
    }

    /// Keeps what was learned and found up to `to`, all of it and once.
    async fn keep(
        &self,
        before: &Baselines,
        model: &mut Model,
        found: &[Found],
        (to, crowded): (u64, u64),
    ) -> Result<()> {
        let (_, permit) = self.kernel.job_scope(self.claim);
        let mut parts = Vec::new();
        for part in model.dirty() {
            let bytes = model.to_bytes(part);
            let bytes = bytes.ok_or_else(|| Error::internal("a part that is not loaded"))?;
            parts.push(store::seal(self.cipher, part, &bytes)?);
        }
        let env = self.kernel.env();
        let mut tx = self.kernel.db().tenant_tx(self.scope, &permit).await?;
        tx.require_claim(self.claim).await?;
        if !store::advance(&mut tx, before, (to, crowded, env.now())).await? {
            // It was switched off or begun anew meanwhile.
            return Ok(());
        }
        for part in parts {
            store::keep(&mut tx, part).await?;
        }
        let mut ids: Vec<Uuid> = found.iter().map(|_| env.uuid_v7()).collect();
        ids.sort_unstable();
        for (found, id) in found.iter().zip(ids) {
            findings::take_anomaly(&mut tx, self.cipher, (env, id), found).await?;
        }
        if !found.is_empty() {
            tx.schedule_job(ESCALATE, env.now()).await?;
        }
        tx.require_keys(self.cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Tenant(self.scope.tenant().clone()))
            .detail("findings", found.len());
        tx.commit(entry).await?;
        Ok(())
    }
}

/// Puts those of one key together.
fn join(all: &mut Vec<Found>, more: impl Iterator<Item = Found>) {
    for (anomaly, judged) in more {
        match all.iter_mut().find(|(one, _)| one.key == anomaly.key) {
            Some((one, of)) => {
                one.join(anomaly);
                of.join(&judged);
            }
            None => all.push((anomaly, judged)),
        }
    }
}
