//! What is due: recording that much of a promised time is used up, or all of it; and keeping the
//! reports of months.

use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::TenantTx;
use cordon_kernel::db::jobs::{CLOCKS, JobClaim, REPORTS};
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Name, Reason, Result, TenantId, TenantScope};
use cordon_lake::shelf::Shelf;
use cordon_sla::clock::{ClockId, State, next_moment, notices};
use cordon_sla::period::Period;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::clocks::{Agreements, Evaluated};
use super::report::{Making, SETTLING, report_name};
use super::shelve::Shelving;
use super::store;
use crate::rooms::incidents::{self, Standing, notices};

/// Incidents whose clocks are scheduled in one transaction.
const STEP: i64 = 500;
/// How often the report of the present month is made.
const DAILY: SignedDuration = SignedDuration::from_hours(24);
/// Over how long the reports of all tenants are spread.
const SPREAD: SignedDuration = SignedDuration::from_hours(1);
/// How many months back reports are made that are missing.
const BACK: usize = 12;

/// Looks at the clocks of the incident that the job is about, or schedules that for all open ones;
/// when to look again.
///
/// # Errors
/// `ETAG_MISMATCH` when another has claimed the job; `UNAVAILABLE` when database or key service
/// can't be reached.
pub(crate) async fn look_at_clocks(
    kernel: &Kernel,
    claim: &JobClaim,
    incident: &str,
) -> Result<Option<Timestamp>> {
    if incident.is_empty() {
        return look_at_all(kernel, claim).await;
    }
    let incident = Uuid::try_parse(incident)
        .map_err(|_| Error::internal("a job about clocks names no incident"))?;
    let (scope, permit) = kernel.job_scope(claim);
    let cipher = kernel.cipher(&scope).await?;
    let mut tx = kernel.db().tenant_tx(&scope, &permit).await?;
    tx.require_claim(claim).await?;
    let agreements = Agreements::of(tx.conn(), claim.tenant()).await?;
    let now = kernel.env().now();
    let evaluated = agreements.clocks(tx.conn(), &cipher, incident, now).await;
    let evaluated = match evaluated {
        Err(error) if error.reason() == Reason::NotFound => return Ok(None),
        evaluated => evaluated?,
    };
    let recorded = record(&mut tx, &cipher, incident, &evaluated).await?;
    let Evaluated { clocks, as_of, .. } = evaluated;
    let running = clocks.iter().filter(|clock| clock.state == State::Running);
    let due = running.filter_map(|clock| clock.due.map(|due| (due, clock.kind)));
    let breached = clocks.iter().filter(|clock| clock.state == State::Breached);
    let standing = Standing {
        due: due.min(),
        breaches: i64::try_from(breached.count()).unwrap_or(i64::MAX),
    };
    let moments = clocks.iter().filter_map(|clock| next_moment(clock, as_of));
    let next = moments.map(|moment| moment.at).min();
    if incidents::stand(&mut tx, incident, standing).await? || recorded > 0 {
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Incident(claim.tenant().clone(), incident))
            .detail("recorded", recorded);
        tx.commit(entry).await?;
    }
    Ok(next)
}

/// Records what is to be said; how much that was.
async fn record(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    incident: Uuid,
    evaluated: &Evaluated<'_>,
) -> Result<usize> {
    let notices = notices(&evaluated.clocks, &evaluated.notices);
    let count = notices.len();
    for notice in notices {
        let mut clocks = evaluated.clocks.iter();
        let clock = clocks.find(|clock| ClockId::of(clock) == notice.clock);
        let due = clock.and_then(|clock| clock.due);
        incidents::record(tx, cipher, incident, evaluated.as_of, (notice, due)).await?;
    }
    Ok(count)
}

/// Has the clocks of all the tenant's open incidents looked at, a number at a time.
async fn look_at_all(kernel: &Kernel, claim: &JobClaim) -> Result<Option<Timestamp>> {
    let (scope, permit) = kernel.job_scope(claim);
    let mut after = None;
    loop {
        let mut tx = kernel.db().tenant_tx(&scope, &permit).await?;
        tx.require_claim(claim).await?;
        let now = kernel.env().now();
        after = incidents::schedule_open(&mut tx, after, STEP, now).await?;
        if after.is_none() {
            return Ok(None);
        }
        let entry = AuditEntry::new(&permit).resource(Name::Tenant(claim.tenant().clone()));
        tx.commit(entry).await?;
    }
}

/// Schedules that for a tenant some of whose incidents were opened by a program that kept no
/// timers, and reports for one that was promised something and has none.
///
/// # Errors
/// `UNAVAILABLE` when the database can't be reached.
pub(crate) async fn catch_up(kernel: &Kernel, scope: &TenantScope) -> Result<()> {
    let mut read = kernel.db().tenant_read(scope).await?;
    let unseen = incidents::has_unseen(read.conn(), scope.tenant()).await?;
    let unreported = store::is_unreported(read.conn(), scope.tenant()).await?;
    drop(read);
    let now = kernel.env().now();
    if unseen {
        kernel.db().schedule_job(scope, CLOCKS, now).await?;
    }
    if unreported {
        kernel.db().schedule_job(scope, REPORTS, now).await?;
    }
    Ok(())
}

/// Keeps the reports of the tenant's months: of each that is over once, of the present one as it is
/// now; when to come again. What is over goes to the shelf first, if there is one: what is kept is
/// there.
///
/// # Errors
/// `ETAG_MISMATCH` when another has claimed the job; `UNAVAILABLE` when database, key service or
/// shelf can't be reached.
pub(crate) async fn keep_reports(
    kernel: &Kernel,
    shelf: Option<&Shelf>,
    claim: &JobClaim,
) -> Result<Option<Timestamp>> {
    let (scope, _) = kernel.job_scope(claim);
    let mut read = kernel.db().tenant_read(&scope).await?;
    let agreements = Agreements::of(read.conn(), claim.tenant()).await?;
    let now = kernel.env().now();
    let begun = agreements.all().iter().map(|one| one.validity().from).min();
    let (Some(begun), Some(present)) = (begun, Period::of(now)) else {
        return Ok(None);
    };
    let months = std::iter::successors(Some(present), |month| month.previous());
    let months = months.take(BACK + 1).filter(|month| month.to() > begun);
    let mut missing = Vec::new();
    for month in months {
        let settled = month.to() + SETTLING <= now;
        let wanted = month == present || settled;
        let kept = store::final_report(read.conn(), claim.tenant(), month).await?;
        if wanted && kept.is_none() {
            missing.push(month);
        }
    }
    drop(read);
    // The earliest first: the later ones show it. One at a time: others wait for the same place.
    if let Some(month) = missing.pop() {
        keep_report(kernel, shelf, claim, (&agreements, month, now)).await?;
    }
    if !missing.is_empty() {
        return Ok(Some(now));
    }
    let settled = [Some(present), present.previous()]
        .into_iter()
        .flatten()
        .filter_map(|month| month.to().checked_add(SETTLING).ok())
        .filter_map(|at| at.checked_add(spread(claim.tenant())).ok())
        .filter(|at| *at > now);
    let daily = now.checked_add(DAILY).ok();
    Ok(settled.chain(daily).min())
}

/// How long after its month has settled a tenant's report is made: not all at one moment.
fn spread(tenant: &TenantId) -> SignedDuration {
    let hash = blake3::hash(tenant.as_str().as_bytes());
    let [first, second, ..] = *hash.as_bytes();
    SignedDuration::from_secs(i64::from(u16::from_be_bytes([first, second])) % SPREAD.as_secs())
}

async fn keep_report(
    kernel: &Kernel,
    shelf: Option<&Shelf>,
    claim: &JobClaim,
    (agreements, month, now): (&Agreements, Period, Timestamp),
) -> Result<()> {
    let (scope, permit) = kernel.job_scope(claim);
    let mut making = Making::new(kernel, &scope, agreements.all(), month, now);
    let shelf = shelf.filter(|_| month.to() <= now);
    let mut shelving = shelf.map(Shelving::new).transpose()?;
    while let Some(lines) = making.step().await? {
        if let Some(shelving) = &mut shelving {
            shelving.clocks(&lines)?;
        }
    }
    let name = report_name(claim.tenant(), month)?;
    let (mut report, _) = making.finish().await?;
    if let Some(shelving) = shelving {
        // Another may have taken the job over while this was made: what it has kept is there.
        let mut tx = kernel.db().tenant_tx(&scope, &permit).await?;
        tx.require_claim(claim).await?;
        drop(tx);
        shelving.finish(kernel, &scope, (&name, &report)).await?;
    }
    // The clocks themselves are made again when somebody asks for them.
    report.clocks = None;
    let mut tx = kernel.db().tenant_tx(&scope, &permit).await?;
    tx.require_claim(claim).await?;
    store::keep_report(tx.conn(), claim.tenant(), &report).await?;
    if report.complete {
        // Once: a month whose report is final is not made again.
        notices::offer_report(&mut tx, month, now).await?;
    }
    let entry = AuditEntry::new(&permit)
        .resource(name)
        .detail("final", report.complete);
    tx.commit(entry).await?;
    Ok(())
}
