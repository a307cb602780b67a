//! Sending what waits for one receiver, in order, until it has arrived.

use std::time::Duration;

use cordon_courier::Failure;
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::TenantTx;
use cordon_kernel::db::jobs::JobClaim;
use cordon_kernel::facade::Kernel;
use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Error, Name, Permit, Result, TenantScope};
use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use sqlx::AnyConnection;
use uuid::Uuid;

use super::super::model::What;
use super::super::store as incidents;
use super::model::{About, Notice, State, Subscription, Target, compose, compose_report};
use super::outbox::of_job;
use super::store::{self, Delivery, Standing, Subject};
use crate::providers::courier::Courier;

/// How long one receiver is sent to at a stretch, before others get its place.
const STRETCH: Duration = Duration::from_secs(30);
/// How often a receiver refuses a notice before it is given up and the next one's turn comes. More
/// than once: what is put up anew at this moment refuses much.
const REFUSALS: i64 = 5;
/// When it is looked again whether a tenant that is shut out is let in.
const SHUT_OUT: SignedDuration = SignedDuration::from_mins(10);

/// What is left to do after a step.
enum Left {
    /// Nothing.
    Nothing,
    /// More, at once.
    More,
    /// More, from then on.
    From(Timestamp),
}

/// A sender to one receiver.
struct Sender<'a> {
    kernel: &'a Kernel,
    courier: &'a Courier,
    claim: &'a JobClaim,
    scope: TenantScope,
    permit: Permit,
    cipher: TenantCipher,
    subscription: Uuid,
}

/// Does a job that the outbox has scheduled: when there is more to send, if there is.
///
/// # Errors
/// `ETAG_MISMATCH` when the claim has lapsed; `UNAVAILABLE` when database or key service can't be
/// reached. That a notice does not arrive is no error.
pub(crate) async fn deliver(
    kernel: &Kernel,
    courier: &Courier,
    claim: &JobClaim,
) -> Result<Option<Timestamp>> {
    let subscription = of_job(claim.job());
    let subscription =
        subscription.ok_or_else(|| Error::internal("a job of notices without a subscription"))?;
    let (scope, permit) = kernel.job_scope(claim);
    let cipher = kernel.cipher(&scope).await?;
    let sender = Sender {
        kernel,
        courier,
        claim,
        subscription,
        scope,
        permit,
        cipher,
    };
    let begun = tokio::time::Instant::now();
    loop {
        match sender.step().await? {
            Left::Nothing => return Ok(None),
            Left::From(time) => return Ok(Some(time)),
            Left::More if begun.elapsed() >= STRETCH => return Ok(Some(kernel.env().now())),
            Left::More => {}
        }
    }
}

impl Sender<'_> {
    /// Sends the first of what waits.
    async fn step(&self) -> Result<Left> {
        let tenant = self.scope.tenant();
        let now = self.kernel.env().now();
        let mut read = self.kernel.db().tenant_read(&self.scope).await?;
        let found = store::find(read.conn(), &self.cipher, self.subscription).await?;
        let Some(subscription) = found.filter(|found| found.state == State::Active) else {
            return Ok(Left::Nothing);
        };
        if !store::is_active(read.conn(), tenant).await? {
            let again = now.checked_add(SHUT_OUT).map_err(Error::internal)?;
            return Ok(Left::From(again));
        }
        if let Some(next) = subscription.next.filter(|next| now < *next) {
            return Ok(Left::From(next));
        }
        let first = store::first_pending(read.conn(), tenant, self.subscription).await?;
        let Some(delivery) = first else {
            return Ok(Left::Nothing);
        };
        let notice = self.notice(read.conn(), &subscription, &delivery).await?;
        drop(read);
        let Some(notice) = notice else {
            self.settle(delivery, Standing::Withheld, &subscription, None)
                .await?;
            return Ok(Left::More);
        };
        let sent = self.send(&subscription, &delivery, &notice, now).await;
        let standing = match (sent, notice.is_redacted()) {
            (Err(_), _) => Standing::Pending,
            (Ok(()), true) => Standing::Redacted,
            (Ok(()), false) => Standing::Delivered,
        };
        self.settle(delivery, standing, &subscription, sent.err())
            .await
    }

    /// What may be said about the entry of a delivery, by the incident's marking of now.
    async fn notice(
        &self,
        conn: &mut AnyConnection,
        subscription: &Subscription,
        delivery: &Delivery,
    ) -> Result<Option<Notice>> {
        let missing = || Error::internal("a notice of an entry that is not there");
        let (id, seq) = match delivery.about {
            Subject::Entry { incident, seq } => (incident, seq),
            Subject::Report(month) => {
                let tenant = self.scope.tenant();
                let at = (month, delivery.created);
                return Ok(compose_report(tenant, at, subscription.audience));
            }
        };
        let incident = incidents::find(conn, &self.cipher, id).await?;
        let before = seq - 1;
        let entry = incidents::entries(conn, &self.cipher, Some(id), before, 1).await?;
        let entry = entry.into_iter().find(|entry| entry.seq == seq);
        let (incident, entry) = incident.zip(entry).ok_or_else(missing)?;
        let comment = match entry.happened.what {
            What::Commented { comment } | What::CommentUpdated { comment } => {
                incidents::find_comment(conn, &self.cipher, id, comment).await?
            }
            _ => None,
        };
        let about = About {
            tenant: self.scope.tenant(),
            incident: &incident,
            sequence: entry.seq,
            time: entry.time,
            happened: &entry.happened,
            comment: comment.as_ref().map(|comment| comment.text.as_str()),
        };
        let filtered = subscription.interest.is_filtered();
        Ok(compose(about, subscription.audience, filtered))
    }

    async fn send(
        &self,
        subscription: &Subscription,
        delivery: &Delivery,
        notice: &Notice,
        now: Timestamp,
    ) -> Result<(), Failure> {
        let tenant = self.scope.tenant();
        let id = delivery.id(tenant);
        match &subscription.target {
            Target::Webhook { url, .. } => {
                let guard = &self.courier.guard;
                // What the provider lets out may have changed since it was asked for.
                let to = guard.destination(url.expose_secret());
                let to = to.map_err(|_| Failure::Url)?;
                let keys = subscription.target.signing(now);
                let event = notice.event(&id, tenant);
                cordon_courier::post(guard, &to, &keys, now.as_second(), &event).await
            }
            Target::Mail { address } => {
                let mailer = self.courier.mailer.as_ref().ok_or(Failure::NoMail)?;
                mailer.send(&notice.letter(&id, address), now).await
            }
        }
    }

    /// Notes what came of it, unless another has taken the job over.
    async fn settle(
        &self,
        mut delivery: Delivery,
        standing: Standing,
        subscription: &Subscription,
        failure: Option<Failure>,
    ) -> Result<Left> {
        let db = self.kernel.db();
        let mut tx = db.tenant_tx(&self.scope, &self.permit).await?;
        tx.require_claim(self.claim).await?;
        let now = self.kernel.env().now();
        delivery.standing = standing;
        if standing != Standing::Withheld {
            delivery.attempts += 1;
            delivery.attempted = Some(now);
        }
        delivery.reason = failure.map_or("", Failure::as_str).to_owned();
        delivery.code = i64::from(failure.map_or(0, Failure::code));
        let left = match failure {
            Some(failure) => {
                self.failed(&mut tx, &mut delivery, subscription, failure)
                    .await?
            }
            None => {
                if standing != Standing::Withheld && subscription.failures > 0 {
                    store::pace(&mut tx, self.subscription, 0, None).await?;
                }
                Left::More
            }
        };
        store::settle(&mut tx, &delivery).await?;
        let tenant = self.scope.tenant();
        let number = u64::try_from(delivery.seq).unwrap_or(0);
        let name = Name::Delivery(tenant.clone(), self.subscription, number);
        let (state, reason) = (delivery.standing.as_str(), delivery.reason.as_str());
        let mut entry = AuditEntry::new(&self.permit)
            .resource(name)
            .detail("state", state);
        if failure.is_some() {
            entry = entry.detail("reason", reason);
        }
        if failure.is_some_and(Failure::is_gone) {
            entry = entry.detail("subscription", State::Paused.as_str());
        }
        tx.commit(entry).await?;
        let (subscription, code) = (self.subscription, delivery.code);
        tracing::info!(%tenant, %subscription, number, state, reason, code, "a notice");
        Ok(left)
    }

    /// Says when it goes on after a failure, and gives up what will not arrive: the delivery alone
    /// that is refused again and again, all that waited too long for a receiver that is down. One that
    /// says that it is gone is sent nothing more until somebody resumes.
    async fn failed(
        &self,
        tx: &mut TenantTx<'_>,
        delivery: &mut Delivery,
        subscription: &Subscription,
        failure: Failure,
    ) -> Result<Left> {
        let (env, pace) = (self.kernel.env(), &self.courier.pace);
        let now = env.now();
        let failures = subscription.failures.saturating_add(1);
        if failure.is_gone() {
            let etag = hex::encode(env.bytes::<16>());
            store::pause(tx, self.subscription, now, &etag).await?;
            store::pace(tx, self.subscription, failures, None).await?;
            return Ok(Left::Nothing);
        }
        if failure.is_refusal() {
            // It is up: how long it was down before, or something waited, does not matter.
            delivery.refusals += 1;
            if delivery.refusals >= REFUSALS {
                delivery.standing = Standing::Dead;
                store::pace(tx, self.subscription, 0, None).await?;
                return Ok(Left::More);
            }
            let refusals = u32::try_from(delivery.refusals).unwrap_or(u32::MAX);
            let wait = pace.wait(refusals, env.bytes());
            let next = now.checked_add(wait).unwrap_or(Timestamp::MAX);
            store::pace(tx, self.subscription, 0, Some(next)).await?;
            return Ok(Left::From(next));
        }
        let cutoff = now.checked_sub(pace.give_up).unwrap_or(Timestamp::MIN);
        let (reason, code) = (delivery.reason.as_str(), delivery.code);
        store::give_up(tx, self.subscription, cutoff, reason, code).await?;
        if delivery.queued <= cutoff {
            delivery.standing = Standing::Dead;
        }
        let wait = pace.wait(failures, env.bytes());
        let next = now.checked_add(wait).unwrap_or(Timestamp::MAX);
        store::pace(tx, self.subscription, failures, Some(next)).await?;
        Ok(Left::From(next))
    }
}
