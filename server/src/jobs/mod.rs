//! Due work, claimed from the kernel's table and done one tenant at a time: sealing, backfill,
//! sealing anew, deletion and purging; and the sweeps that belong to no tenant.

use std::sync::Arc;
use std::time::Duration;

use cordon_kernel::db::deletion::Due;
use cordon_kernel::db::jobs::{
    ACQUIRE, ANALYSE, BACKFILL, CLOCKS, CONTRIBUTE, DELETE, DETECT, ESCALATE, JobClaim, JobRunner,
    LEARN, Lane, PURGE, REENCRYPT, REPORTS, SEAL,
};
use cordon_kernel::facade::{Kernel, Removal};
use cordon_kernel::{Error, Reason, Result};
use cordon_lake::shelf::Shelf;
use cordon_lake::sql::SqlLimits;
use cordon_lake::{Lake, Reencrypted, SealMode};
use jiff::{SignedDuration, Timestamp};
use tokio::task::{JoinError, JoinSet};
use tokio_util::sync::CancellationToken;

use crate::providers::courier::Courier;
use crate::providers::hypervisors::Hypervisors;
use crate::rooms::detection::{self, RuleSets};
use crate::rooms::events::{Directory, Waits, backfill};
use crate::rooms::incidents::{attachments, detection_policy, notices};
use crate::rooms::sla;
use crate::rooms::{analysis, evidence};

/// Sends what waits for a subscription.
const NOTICES: &str = cordon_kernel::db::jobs::NOTIFY;
/// How often due work of a lane is looked for.
const fn pass(lane: Lane) -> Duration {
    match lane {
        // Somebody sits there and waits.
        Lane::Analysis => Duration::from_millis(100),
        Lane::Bulk | Lane::Prompt | Lane::Outside | Lane::Detection | Lane::Evidence => {
            Duration::from_millis(500)
        }
    }
}
/// Jobs of a lane that are done at a time: they share the machine with callers.
const fn at_once(work: &Work, lane: Lane) -> usize {
    match lane {
        Lane::Bulk => 2,
        Lane::Prompt => 16,
        Lane::Outside => work.receivers,
        // As much as one tenant's events take, and another's beside them.
        Lane::Detection => 2,
        // Somebody waits for each, and each may compute for minutes; one of a tenant at a time.
        Lane::Analysis => 3,
        // Each reads, hashes and packs as fast as a processor does.
        Lane::Evidence => 2,
    }
}
/// How long a job may go on at a stretch. One that hangs then makes room, and is done again.
const LONGEST: Duration = Duration::from_secs(3_600);
/// The same for a snapshot: as long as a very large machine takes at a low rate.
const LONGEST_SNAPSHOT: Duration = Duration::from_secs(72 * 3_600);
/// How often what is past its time is swept away.
const SWEEP: Duration = Duration::from_secs(3_600);
/// For how long after a tenant's removal objects are looked for that came late.
const REMOVED: SignedDuration = SignedDuration::from_hours(30 * 24);
/// Free space that the database keeps for what comes next.
const FREE: u64 = 16 << 20;
/// How often what was counted in memory is kept.
const MEASURES: Duration = Duration::from_secs(60);
/// How often it is looked whether a day of what answers across tenants rest on begins or closes.
const RELEASES: Duration = Duration::from_secs(60);
/// How long measures are kept: reports look a year back.
const MEASURED: SignedDuration = SignedDuration::from_hours(430 * 24);
/// How long batch ids are remembered.
const BATCH_IDS: SignedDuration = SignedDuration::from_hours(30 * 24);
/// How long first answers to calls are kept.
const REQUEST_IDS: SignedDuration = SignedDuration::from_hours(24);
/// How long events of nobody wait in quarantine.
const QUARANTINE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What background work is done with.
pub struct Work {
    /// Claims, and tells tenants' ends.
    pub kernel: Arc<Kernel>,
    /// Seals and sweeps.
    pub lake: Arc<Lake>,
    /// Whose what was when, for what is looked through again.
    pub directory: Arc<Directory>,
    /// Tenants' rules, ready.
    pub rules: Arc<RuleSets>,
    /// Sends notices.
    pub courier: Arc<Courier>,
    /// Where final reports are put, if anywhere.
    pub shelf: Option<Shelf>,
    /// How many receivers are sent to at a time.
    pub receivers: usize,
    /// Where machines run.
    pub hypervisors: Hypervisors,
    /// What one answer may use.
    pub analyses: SqlLimits,
    /// Leave to claim.
    pub runner: Arc<JobRunner>,
    /// How long events waited, to be kept.
    pub waits: Arc<Waits>,
    /// For how long jobs are claimed at a time.
    pub lease: Duration,
}

/// Does due work until `stop`; jobs that have begun are finished, a sweep is left.
pub async fn run(work: Arc<Work>, stop: CancellationToken) {
    tokio::join!(
        run_bulk(&work, &stop),
        run_lane(&work, Lane::Prompt, &stop),
        run_lane(&work, Lane::Outside, &stop),
        run_lane(&work, Lane::Detection, &stop),
        run_lane(&work, Lane::Analysis, &stop),
        run_lane(&work, Lane::Evidence, &stop),
        keep_measures(&work, &stop),
        keep_release_days(&work, &stop)
    );
}

/// Keeps what was counted in memory, now and then and at the end.
async fn keep_measures(work: &Arc<Work>, stop: &CancellationToken) {
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(MEASURES) => {}
        }
        let waited = work.waits.take();
        if let Err(error) = work.kernel.db().note_waited(&work.runner, &waited).await {
            tracing::warn!(%error, "how long events waited could not be kept yet");
            work.waits.put_back(waited);
        }
    }
}

/// Keeps the days of what answers across tenants rest on.
async fn keep_release_days(work: &Arc<Work>, stop: &CancellationToken) {
    let db = work.kernel.db();
    while !stop.is_cancelled() {
        // What is closed too early lacks what tenants had to say.
        let kept = match db.require_clock().await {
            Ok(()) => db.keep_release_days(&work.runner).await,
            Err(error) => Err(error),
        };
        if let Err(error) = kept {
            tracing::warn!(%error, "the days of releases could not be looked at; soon again");
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(RELEASES) => {}
        }
    }
}

/// What takes long, the sweeps, and what is to be given back when nothing else is to be done.
async fn run_bulk(work: &Arc<Work>, stop: &CancellationToken) {
    let mut swept: Option<tokio::time::Instant> = None;
    let mut sweeping = JoinSet::new();
    let mut jobs = JoinSet::new();
    // Whether work was done that may have freed space since that was last given back.
    let mut worked = true;
    while !stop.is_cancelled() {
        if let Some(ended) = sweeping.try_join_next() {
            note(ended);
        }
        if sweeping.is_empty() && swept.is_none_or(|at| at.elapsed() >= SWEEP) {
            swept = Some(tokio::time::Instant::now());
            sweeping.spawn(sweep(Arc::clone(work)));
        }
        if begin(work, Lane::Bulk, &mut jobs).await {
            worked = true;
            continue;
        }
        if worked && jobs.is_empty() {
            worked = false;
            if let Err(error) = work.kernel.db().shrink(&work.runner, FREE).await {
                tracing::warn!(%error, "the database could not give back free space");
            }
        }
        rest(&mut jobs, stop, pass(Lane::Bulk)).await;
    }
    drop(sweeping);
    finish(jobs).await;
}

/// What must not wait behind that: what is short, and what waits for others.
async fn run_lane(work: &Arc<Work>, lane: Lane, stop: &CancellationToken) {
    let mut jobs = JoinSet::new();
    while !stop.is_cancelled() {
        if !begin(work, lane, &mut jobs).await {
            rest(&mut jobs, stop, pass(lane)).await;
        }
    }
    if lane == Lane::Evidence {
        // They may go on for hours. Whoever claims them next goes on with what was stored, and the
        // machine is let go of at once.
        jobs.abort_all();
    }
    finish(jobs).await;
}

/// Begins what is due and has room; whether there was any.
async fn begin(work: &Arc<Work>, lane: Lane, jobs: &mut JoinSet<()>) -> bool {
    while let Some(ended) = jobs.try_join_next() {
        note(ended);
    }
    match claim(work, lane, at_once(work, lane).saturating_sub(jobs.len())).await {
        Ok(claims) => {
            let any = !claims.is_empty();
            for claim in claims {
                jobs.spawn(one(Arc::clone(work), claim));
            }
            any
        }
        Err(error) => {
            tracing::warn!(%error, "due work could not be looked for");
            false
        }
    }
}

/// Waits until there may be something to do.
async fn rest(jobs: &mut JoinSet<()>, stop: &CancellationToken, pass: Duration) {
    tokio::select! {
        () = stop.cancelled() => {}
        Some(ended) = jobs.join_next() => note(ended),
        () = tokio::time::sleep(pass) => {}
    }
}

async fn finish(mut jobs: JoinSet<()>) {
    while let Some(ended) = jobs.join_next().await {
        note(ended);
    }
}

/// Claims as many jobs as there is room for. What a job that hangs keeps is its own place alone.
async fn claim(work: &Work, lane: Lane, room: usize) -> Result<Vec<JobClaim>> {
    match u32::try_from(room) {
        Ok(room) if room > 0 => {
            let lease = SignedDuration::try_from(work.lease).map_err(Error::internal)?;
            let db = work.kernel.db();
            db.claim_jobs(&work.runner, lane, lease, room).await
        }
        _ => Ok(Vec::new()),
    }
}

fn note(ended: std::result::Result<(), JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "background work ended in the midst; it is done again");
    }
}

/// Does a job; if it fails it is done again, later each time.
async fn one(work: Arc<Work>, claim: JobClaim) {
    let kernel = &work.kernel;
    let (tenant, job, attempts) = (
        claim.tenant().clone(),
        claim.job().to_owned(),
        claim.attempts(),
    );
    let performed = tokio::select! {
        performed = perform(&work, &claim) => performed,
        overrun = keep(&work, &claim) => Err(overrun),
    };
    let done = match performed {
        Ok(None) => kernel.db().job_done(claim).await,
        Ok(Some(due)) => kernel.db().job_next(claim, due).await,
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

/// Holds a job while it is done, so that a lease is short and yet long enough; ends when that has
/// gone on for too long. Who has lost the claim is refused when the work's effect is stored.
async fn keep(work: &Work, claim: &JobClaim) -> Error {
    let begun = tokio::time::Instant::now();
    let longest = match claim.job().starts_with(ACQUIRE) {
        true => LONGEST_SNAPSHOT,
        false => LONGEST,
    };
    while begun.elapsed() < longest {
        tokio::time::sleep(work.lease / 3).await;
        let renewed = match SignedDuration::try_from(work.lease) {
            Ok(lease) => work.kernel.db().renew_claim(claim, lease).await,
            Err(error) => return Error::internal(error),
        };
        match renewed {
            Ok(()) => {}
            Err(error) if error.reason() == Reason::EtagMismatch => {
                let (tenant, job) = (claim.tenant(), claim.job());
                tracing::warn!(%tenant, job, "a claim has lapsed: what its job stores is refused");
                if job.starts_with(ANALYSE) || job.starts_with(ACQUIRE) {
                    // It only reads, or holds a machine: it ends at once, and makes room.
                    return error;
                }
                tokio::time::sleep(longest.saturating_sub(begun.elapsed())).await;
            }
            Err(error) => tracing::warn!(%error, "a claim could not be renewed"),
        }
    }
    Error::new(Reason::Unavailable, "the job took too long")
}

/// When there is more to do, if there is.
async fn perform(work: &Work, claim: &JobClaim) -> Result<Option<Timestamp>> {
    let (kernel, lake) = (&work.kernel, &work.lake);
    let (scope, _permit) = kernel.job_scope(claim);
    let tenant = claim.tenant();
    let (job, about) = claim.job().split_once(':').unwrap_or((claim.job(), ""));
    match job {
        // What is recorded too early can't be taken back.
        CLOCKS => {
            kernel.db().require_clock().await?;
            return sla::look_at_clocks(kernel, claim, about).await;
        }
        REPORTS => {
            kernel.db().require_clock().await?;
            return sla::keep_reports(kernel, work.shelf.as_ref(), claim).await;
        }
        ANALYSE => {
            return analysis::answer(kernel, lake, &work.analyses, claim, about).await;
        }
        ACQUIRE => {
            let hypervisors = &work.hypervisors;
            return evidence::take(kernel, lake.objects(), hypervisors, claim, about).await;
        }
        CONTRIBUTE => analysis::contribute(kernel, lake, claim).await?,
        LEARN => return detection::learn(kernel, lake, &work.rules, claim).await,
        ESCALATE => return detection_policy::escalate(kernel, claim).await,
        DETECT => return detection::look(kernel, lake, &work.rules, claim).await,
        SEAL => {
            let sealed = lake.seal(&scope, Some(claim), SealMode::Due).await?;
            let merged = lake.merge(&scope, Some(claim)).await?;
            tracing::info!(%tenant, ?sealed, merged, "journal sealed");
        }
        BACKFILL => {
            let registers = work.directory.for_job(kernel, claim).await?;
            let count = backfill::run(kernel, &scope, claim, registers).await?;
            tracing::info!(%tenant, count, "quarantine looked through");
        }
        REENCRYPT => match lake.reencrypt(&scope, claim).await? {
            Reencrypted::Done(dropped) => tracing::info!(%tenant, dropped, "sealed anew"),
            Reencrypted::NotBefore(time) => return Ok(Some(time)),
        },
        DELETE => {
            // What is destroyed too early does not come back.
            kernel.db().require_clock().await?;
            match kernel.delete_due(claim).await? {
                Due::Deleted | Due::DeletedBefore => tracing::info!(%tenant, "tenant deleted"),
                Due::CalledOff => {}
                Due::NotBefore(time) => return Ok(Some(time)),
            }
        }
        PURGE => return purge(work, claim).await,
        NOTICES => return notices::deliver(kernel, &work.courier, claim).await,
        other => return Err(Error::internal(format!("no such job: {other}"))),
    }
    Ok(None)
}

/// Removes what is left of a deleted tenant, and certifies it. Done again after it was broken off,
/// it finds less to do.
async fn purge(work: &Work, claim: &JobClaim) -> Result<Option<Timestamp>> {
    let (kernel, lake) = (&work.kernel, &work.lake);
    let (scope, _permit) = kernel.job_scope(claim);
    let tenant = claim.tenant();
    match kernel.begin_removal(claim).await? {
        Removal::Begun => {}
        Removal::NotBefore(time) => return Ok(Some(time)),
        Removal::Done => return Ok(None),
    }
    lake.forget(tenant);
    work.rules.forget(tenant);
    kernel.destroy_snapshot_keys(claim).await?;
    let objects = lake.objects().list_all(&scope).await?;
    let bytes = objects.iter().map(|object| object.bytes).sum();
    let count = u64::try_from(objects.len()).unwrap_or(u64::MAX);
    kernel.note_objects(claim, count, bytes).await?;
    for object in objects {
        lake.objects().delete(&scope, &object.path).await?;
    }
    lake.objects()
        .sweep_partial(&scope, kernel.env().now())
        .await?;
    if let Some(shelf) = &work.shelf {
        shelf.clear(&scope).await?;
    }
    let left = lake.objects().list_all(&scope).await?.len();
    kernel.finish_removal(claim, left).await?;
    tracing::info!(%tenant, "what was left of a tenant is removed, and certified");
    Ok(None)
}

async fn sweep(work: Arc<Work>) {
    if let Err(error) = sweep_all(&work).await {
        tracing::warn!(%error, "a sweep failed; it is done again in an hour");
    }
}

async fn sweep_all(work: &Work) -> Result<()> {
    let (kernel, lake, runner) = (&work.kernel, &work.lake, &work.runner);
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
    kernel
        .db()
        .prune_measures(runner, before(MEASURED)?)
        .await?;
    kernel
        .db()
        .prune_provider_request_ids(runner, before(REQUEST_IDS)?)
        .await?;
    for tenant in kernel.tenants(runner).await? {
        let (scope, permit) = kernel.maintenance_scope(runner, &tenant, "sweep");
        if let Err(error) = kernel
            .db()
            .prune_request_ids(&scope, before(REQUEST_IDS)?)
            .await
        {
            tracing::warn!(%tenant, %error, "answers to old calls could not be forgotten");
        }
        if let Err(error) = sla::catch_up(kernel, &scope).await {
            tracing::warn!(%tenant, %error, "a tenant's clocks could not be scheduled");
        }
        if let Err(error) = kernel.db().catch_up_detection(&scope).await {
            tracing::warn!(%tenant, %error, "a tenant's events could not be set to be looked at");
        }
        // One tenant's trouble is not the next one's.
        if let Err(error) = lake.sweep(&scope).await {
            tracing::warn!(%tenant, %error, "a tenant's objects could not be swept");
        }
        if let Err(error) = attachments::sweep(kernel, lake.objects(), &scope, &permit).await {
            tracing::warn!(%tenant, %error, "a tenant's unfinished files could not be swept");
        }
        let scope = Arc::new(scope);
        if let Err(error) = evidence::sweep(kernel, lake.objects(), &scope, &permit).await {
            tracing::warn!(%tenant, %error, "what is left of a tenant's snapshots could not be swept");
        }
        if let Err(error) = detection::sweep(kernel, &scope, &permit).await {
            tracing::warn!(%tenant, %error, "a tenant's old findings could not be removed");
        }
        if let Err(error) = notices::sweep(kernel, &scope, &permit).await {
            tracing::warn!(%tenant, %error, "a tenant's old deliveries could not be forgotten");
        }
    }
    for tenant in kernel.removed_tenants(runner, before(REMOVED)?).await? {
        let (scope, _) = kernel.maintenance_scope(runner, &tenant, "sweep");
        // By a server that was paused while it wrote one, past the tenant's removal.
        for object in lake.objects().list_all(&scope).await? {
            lake.objects().delete(&scope, &object.path).await?;
            tracing::warn!(%tenant, "an object that came after its tenant's removal is deleted");
        }
        // Also what lies on a shelf of this machine alone.
        match work.shelf.as_ref().map(|shelf| shelf.clear(&scope)) {
            None => {}
            Some(cleared) => match cleared.await {
                Ok(0) => {}
                Ok(count) => {
                    tracing::info!(%tenant, count, "reports of a removed tenant are deleted")
                }
                Err(error) => {
                    tracing::warn!(%tenant, %error, "reports of a removed tenant could not be deleted");
                }
            },
        }
    }
    Ok(())
}
