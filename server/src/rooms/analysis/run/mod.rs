//! The job that answers a question: once, by whichever server holds its claim.

mod hunt;
mod plan;
mod query;
mod release;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use cordon_analysis::{Answer, Question, method, plan_version};
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::TenantTx;
use cordon_kernel::db::jobs::JobClaim;
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Name, Reason, Result, TenantScope};
use cordon_lake::sql::SqlLimits;
use cordon_lake::{Inputs, Lake};
use jiff::Timestamp;
use uuid::Uuid;

use super::model::{self, Analysis, Command, Failure, Mark, Outcome, Progress, State};
use super::result::{self, Kept, Made};
use super::store;
use crate::rooms::tenants;

pub(super) use hunt::compile_rules;

/// How often it is asked whether a question was called off.
const LOOK: Duration = Duration::from_secs(1);
/// How many times it is asked before it is said how far the work is.
const SAID: u32 = 5;
/// How often an answer is tried that something within the server stands in the way of.
const ATTEMPTS: u32 = 5;
/// Most bytes of all answers of a tenant that are kept.
const MOST_KEPT: i64 = 1 << 30;

/// How far the work is.
#[derive(Debug, Default)]
pub(super) struct Work {
    scanned: AtomicU64,
    round: AtomicU32,
}

impl Work {
    fn scanned(&self, more: usize) {
        self.scanned.fetch_add(more as u64, Ordering::Relaxed);
    }

    fn progress(&self) -> Progress {
        Progress {
            scanned: self.scanned.load(Ordering::Relaxed),
            round: self.round.load(Ordering::Relaxed),
        }
    }
}

/// What an answer is made with.
struct Run<'a> {
    kernel: &'a Kernel,
    lake: &'a Arc<Lake>,
    limits: &'a SqlLimits,
    claim: &'a JobClaim,
    scope: Arc<TenantScope>,
    work: Arc<Work>,
}

/// Answers the question that the job names.
///
/// # Errors
/// `ETAG_MISMATCH` when another server has taken it over; `UNAVAILABLE` when something can't be
/// reached: it is done again.
pub(crate) async fn answer(
    kernel: &Kernel,
    lake: &Arc<Lake>,
    limits: &SqlLimits,
    claim: &JobClaim,
    about: &str,
) -> Result<Option<Timestamp>> {
    let id =
        Uuid::try_parse(about).map_err(|_| Error::internal("a job that answers no question"))?;
    let run = Run {
        kernel,
        lake,
        limits,
        claim,
        scope: Arc::new(kernel.job_scope(claim).0),
        work: Arc::default(),
    };
    let Some(analysis) = run.change(id, Command::Begin).await? else {
        return Ok(None);
    };
    if claim.attempts() > ATTEMPTS {
        // Whoever tried did not live to say why: not one server after the other.
        let error = Error::new(
            Reason::TooMuchWork,
            "the answer could not be finished several times: name a shorter time, or ask less at once",
        );
        tracing::error!(tenant = %claim.tenant(), analysis = %id, "a question was given up");
        run.change(id, Command::Fail(failure(&error))).await?;
        return Ok(None);
    }
    let made = tokio::select! {
        made = run.make(&analysis) => made,
        halted = run.watch(id) => match halted {
            Ok(()) => return Ok(None),
            Err(error) => Err(error),
        },
    };
    match made {
        Ok((outcome, kept)) => run.keep(id, outcome, &kept).await?,
        Err(error) if !passes(&error) || claim.attempts() >= ATTEMPTS => {
            tracing::info!(tenant = %claim.tenant(), analysis = %id, %error, "a question has no answer");
            run.change(id, Command::Fail(failure(&error))).await?;
        }
        Err(error) => return Err(error),
    }
    Ok(None)
}

/// Whether it may go better the next time.
fn passes(error: &Error) -> bool {
    matches!(
        error.reason(),
        Reason::Unavailable | Reason::Internal | Reason::EtagMismatch | Reason::DeadlineExceeded
    )
}

/// What the tenant is told.
fn failure(error: &Error) -> Failure {
    let message = match error.reason() {
        Reason::Internal | Reason::Unavailable => {
            "the server could not answer: ask again, and tell the provider if that does not help"
                .to_owned()
        }
        _ => error.message().to_owned(),
    };
    let refused = error.metadata(release::REFUSED);
    Failure {
        reason: refused
            .unwrap_or_else(|| error.reason().as_str())
            .to_owned(),
        message,
    }
}

impl Run<'_> {
    fn mark(&self) -> Mark {
        let env = self.kernel.env();
        Mark {
            now: env.now(),
            by: String::new(),
            etag: hex::encode(env.bytes::<16>()),
            hours: None,
        }
    }

    /// Has something happen, unless it has ended; what it is then.
    async fn change(&self, id: Uuid, command: Command) -> Result<Option<Analysis>> {
        let (_, permit) = self.kernel.job_scope(self.claim);
        let cipher = self.kernel.cipher(&self.scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&self.scope, &permit).await?;
        tx.require_claim(self.claim).await?;
        let Some(before) = store::find(tx.conn(), &cipher, id).await? else {
            return Ok(None);
        };
        if before.state.ended() {
            return Ok(None);
        }
        let change = model::decide(before, command, self.mark())?;
        store::apply(&mut tx, &cipher, &change, None).await?;
        let analysis = change.analysis().clone();
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Analysis(self.scope.tenant().clone(), id))
            .detail("state", analysis.state.as_str());
        tx.commit(entry).await?;
        Ok(Some(analysis))
    }

    /// Says how far the work is until it was called off.
    async fn watch(&self, id: Uuid) -> Result<()> {
        let mut said = Progress::default();
        for looked in 1_u32.. {
            tokio::time::sleep(LOOK).await;
            let cipher = self.kernel.cipher(&self.scope).await?;
            let mut read = self.kernel.db().tenant_read(&self.scope).await?;
            let found = store::find(read.conn(), &cipher, id).await?;
            drop(read);
            if found.is_none_or(|found| found.state != State::Running) {
                return Ok(());
            }
            let progress = self.work.progress();
            if progress != said && looked.is_multiple_of(SAID) {
                if self.change(id, Command::Advance(progress)).await?.is_none() {
                    return Ok(());
                }
                said = progress;
            }
        }
        Ok(())
    }

    /// The answer, and what is to be kept of it.
    async fn make(&self, analysis: &Analysis) -> Result<(Outcome, Kept)> {
        let head = analysis.compared.as_ref().map(|(_, head)| *head);
        let times = analysis.scope.ns();
        let inputs = self.lake.inputs(&self.scope, times, head).await?;
        let time = self.limits.time * 5;
        let answered = tokio::time::timeout(time, self.answer(analysis, &inputs)).await;
        let answer = answered.map_err(|_| {
            Error::new(
                Reason::TooMuchWork,
                format!(
                    "the answer took longer than {} s: name a shorter time, or fewer accounts",
                    time.as_secs()
                ),
            )
        })??;
        let scanned = self.work.progress().scanned;
        let made = Made {
            method: method(answer.kind),
            plan_version: plan_version(answer.kind),
            inputs: &inputs,
            scanned,
            released_by: "the server",
        };
        result::seal(self.kernel, &self.scope, analysis, &answer, &made)
    }

    async fn answer(&self, analysis: &Analysis, inputs: &Inputs) -> Result<Answer> {
        let (scope, head) = (&analysis.scope, inputs.head);
        match &analysis.question {
            Question::Rule(rules) => self.hunt(&rules.texts, scope, head).await,
            Question::Sql(sql) => self.query(&sql.query, analysis, head).await,
            Question::SeenByOthers(asked) => self.seen_by_others(asked, head).await,
            Question::HostMaintenance(asked) => self.host_maintenance(asked).await,
            question => self.plan(question, scope, head).await,
        }
    }

    /// Keeps an answer, unless it was called off meanwhile or another server has taken it over.
    async fn keep(&self, id: Uuid, outcome: Outcome, kept: &Kept) -> Result<()> {
        let (_, permit) = self.kernel.job_scope(self.claim);
        let cipher = self.kernel.cipher(&self.scope).await?;
        let sealed = store::seal_result(&cipher, id, &kept.to_stored()?)?;
        let bytes = sealed.bytes;
        let mut tx = self.kernel.db().tenant_tx(&self.scope, &permit).await?;
        tx.require_claim(self.claim).await?;
        let before = store::find(tx.conn(), &cipher, id).await?;
        let Some(before) = before.filter(|before| !before.state.ended()) else {
            return Ok(());
        };
        make_room(&mut tx, &cipher, bytes, &self.mark()).await?;
        let change = model::decide(before, Command::Answer(outcome), self.mark())?;
        store::keep_result(&mut tx, id, sealed).await?;
        store::apply(&mut tx, &cipher, &change, Some(bytes)).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(Name::Analysis(self.scope.tenant().clone(), id))
            .detail("state", change.analysis().state.as_str());
        tx.commit(entry).await?;
        Ok(())
    }
}

/// Drops the oldest released answers, so that one of `bytes` can be kept.
///
/// # Errors
/// `QUOTA_EXCEEDED` when the tenant's are under a legal hold.
pub(super) async fn make_room(
    tx: &mut TenantTx<'_>,
    cipher: &TenantCipher,
    bytes: i64,
    mark: &Mark,
) -> Result<()> {
    let tenant = tx.tenant();
    let surplus = store::surplus(tx.conn(), tenant, bytes, MOST_KEPT).await?;
    if !surplus.is_empty() && tenants::is_held(tx.conn(), tenant).await? {
        return Err(Error::new(
            Reason::QuotaExceeded,
            "the answers that are kept have 1 GiB, and a legal hold keeps them: ask for less at once, \
             or have the provider end the hold",
        ));
    }
    for old in surplus {
        let Some(old) = store::find(tx.conn(), cipher, old).await? else {
            continue;
        };
        store::drop_result(tx, old.id).await?;
        let gone = model::expire(old, mark.clone());
        store::apply(tx, cipher, &gone, Some(0)).await?;
    }
    Ok(())
}
