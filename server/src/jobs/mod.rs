//! Due work, claimed from the kernel's table and done one tenant at a time: sealing, backfill,
//! sealing anew, deletion and purging; and the sweeps that belong to no tenant.

use std::sync::Arc;
use std::time::Duration;

use cordon_kernel::db::deletion::Due;
use cordon_kernel::db::jobs::{BACKFILL, DELETE, JobClaim, JobRunner, PURGE, REENCRYPT, SEAL};
use cordon_kernel::facade::{Kernel, Removal};
use cordon_kernel::{Error, Result};
use cordon_lake::{Lake, Reencrypted, SealMode};
use futures::stream::{self, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::rooms::events::{Directory, backfill};

/// How often due work is looked for.
const PASS: Duration = Duration::from_millis(500);
/// Jobs claimed at a time.
const CLAIM: u32 = 32;
/// Jobs done at a time: they share the machine with callers.
const AT_ONCE: usize = 2;
/// How often what is past its time is swept away.
const SWEEP: Duration = Duration::from_secs(3_600);
/// Free space that the database keeps for what comes next.
const FREE: u64 = 16 << 20;
/// How long batch ids are remembered.
const BATCH_IDS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long events of nobody wait in quarantine.
const QUARANTINE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Does due work until `stop`; what has begun is finished. A claim is held for the length of
/// `lease`; work that takes longer is done anew by whoever claims it then.
pub async fn run(
    kernel: Arc<Kernel>,
    lake: Arc<Lake>,
    directory: Arc<Directory>,
    runner: Arc<JobRunner>,
    lease: SignedDuration,
    stop: CancellationToken,
) {
    let mut swept: Option<tokio::time::Instant> = None;
    // Whether work was done that may have freed space since that was last given back.
    let mut worked = true;
    while !stop.is_cancelled() {
        if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            swept = Some(tokio::time::Instant::now());
            if let Err(error) = sweep(&kernel, &lake, &runner).await {
                tracing::warn!(%error, "a sweep failed; it is done again in an hour");
            }
        }
        match kernel.db().claim_jobs(&runner, 0..=255, lease, CLAIM).await {
            Ok(claims) if !claims.is_empty() => {
                stream::iter(claims)
                    .for_each_concurrent(AT_ONCE, |claim| one(&kernel, &lake, &directory, claim))
                    .await;
                worked = true;
                continue;
            }
            Ok(_) if worked => {
                worked = false;
                if let Err(error) = kernel.db().shrink(&runner, FREE).await {
                    tracing::warn!(%error, "the database could not give back free space");
                }
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "due work could not be looked for"),
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(PASS) => {}
        }
    }
}

/// Does a job; if it fails it is done again, later each time.
async fn one(kernel: &Arc<Kernel>, lake: &Lake, directory: &Directory, claim: JobClaim) {
    let (tenant, job, attempts) = (
        claim.tenant().clone(),
        claim.job().to_owned(),
        claim.attempts(),
    );
    let done = match perform(kernel, lake, directory, &claim).await {
        Ok(None) => kernel.db().job_done(claim).await,
        Ok(Some(due)) => kernel.db().job_again(claim, due).await,
        Err(error) => {
            tracing::warn!(%tenant, job, attempts, %error, "a job failed and is done again later");
            let wait = SignedDuration::from_secs(1 << attempts.min(10));
            match kernel.env().now().checked_add(wait) {
                Ok(due) => kernel.db().job_again(claim, due).await,
                Err(_) => Ok(()),
            }
        }
    };
    if let Err(error) = done {
        tracing::warn!(%tenant, job, %error, "a job's end could not be noted; it is done again");
    }
}

/// When there is more to do, if there is.
async fn perform(
    kernel: &Arc<Kernel>,
    lake: &Lake,
    directory: &Directory,
    claim: &JobClaim,
) -> Result<Option<Timestamp>> {
    let (scope, _permit) = kernel.job_scope(claim);
    let tenant = claim.tenant();
    match claim.job() {
        SEAL => {
            let sealed = lake.seal(&scope, Some(claim), SealMode::Due).await?;
            let merged = lake.merge(&scope, Some(claim)).await?;
            tracing::info!(%tenant, ?sealed, merged, "journal sealed");
        }
        BACKFILL => {
            let registers = directory.for_job(kernel, claim).await?;
            let count = backfill::run(kernel, &scope, claim, registers).await?;
            tracing::info!(%tenant, count, "quarantine looked through");
        }
        REENCRYPT => match lake.reencrypt(&scope, claim).await? {
            Reencrypted::Done(dropped) => tracing::info!(%tenant, dropped, "sealed anew"),
            Reencrypted::NotBefore(time) => return Ok(Some(time)),
        },
        DELETE => match kernel.delete_due(claim).await? {
            Due::Deleted | Due::DeletedBefore => tracing::info!(%tenant, "tenant deleted"),
            Due::CalledOff => {}
            Due::NotBefore(time) => return Ok(Some(time)),
        },
        PURGE => return purge(kernel, lake, claim).await,
        other => return Err(Error::internal(format!("no such job: {other}"))),
    }
    Ok(None)
}

/// Removes what is left of a deleted tenant, and certifies it. Done again after it was broken off,
/// it finds less to do.
async fn purge(kernel: &Kernel, lake: &Lake, claim: &JobClaim) -> Result<Option<Timestamp>> {
    let (scope, _permit) = kernel.job_scope(claim);
    let tenant = claim.tenant();
    match kernel.begin_removal(claim).await? {
        Removal::Begun => {}
        Removal::NotBefore(time) => return Ok(Some(time)),
        Removal::Done => return Ok(None),
    }
    lake.forget(tenant);
    let objects = lake.objects().list(&scope).await?;
    let bytes = objects.iter().map(|object| object.bytes).sum();
    let count = u64::try_from(objects.len()).unwrap_or(u64::MAX);
    kernel.note_objects(claim, count, bytes).await?;
    for object in objects {
        lake.objects().delete(&scope, &object.path).await?;
    }
    lake.objects()
        .sweep_partial(&scope, kernel.env().now())
        .await?;
    let left = lake.objects().list(&scope).await?.len();
    kernel.finish_removal(claim, left).await?;
    tracing::info!(%tenant, "what was left of a tenant is removed, and certified");
    Ok(None)
}

async fn sweep(kernel: &Kernel, lake: &Lake, runner: &JobRunner) -> Result<()> {
    let now = kernel.env().now();
    let before = |age| now.checked_sub(age).map_err(Error::internal);
    kernel
        .db()
        .prune_batches(runner, before(BATCH_IDS)?)
        .await?;
    kernel
        .db()
        .prune_quarantine(runner, before(QUARANTINE)?)
        .await?;
    for tenant in kernel.tenants(runner).await? {
        let (scope, _) = kernel.maintenance_scope(runner, &tenant, "sweep");
        // One tenant's trouble is not the next one's.
        if let Err(error) = lake.sweep(&scope).await {
            tracing::warn!(%tenant, %error, "a tenant's objects could not be swept");
        }
    }
    Ok(())
}
