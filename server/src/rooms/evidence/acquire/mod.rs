//! The job that takes a snapshot: once, by whichever server holds its claim and reaches the instance.

mod feed;
mod items;
mod ports;
mod told;

use std::sync::Arc;
use std::time::Duration;

use cordon_evidence::manifest;
use cordon_hypervisor::{AcquisitionId, Consistency as Asked, Error as Source, Request};
use cordon_kernel::audit::AuditEntry;
use cordon_kernel::db::jobs::JobClaim;
use cordon_kernel::facade::Kernel;
use cordon_kernel::{Error, Name, Reason, Result, TenantScope};
use cordon_lake::object::Objects;
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::custody;
use super::model::{self, Acquired, Command, Consistency, Failure, Item, Mark, Snapshot, State};
use super::pieces::{self, Map};
use super::remove;
use super::store;
use crate::providers::hypervisors::Hypervisors;
pub(super) use items::object;
use items::{Work, acquire};
pub(super) use ports::Shelf;
use told::Outcome;

/// How often it is looked whether a snapshot was called off.
const LOOK: Duration = Duration::from_secs(1);
/// How many times it is looked before it is said how far it is.
const SAID: u32 = 5;
/// How often a snapshot is begun.
const ATTEMPTS: u32 = 5;
/// When another server is asked, if this one does not reach the instance; and for how long.
const ELSEWHERE: SignedDuration = SignedDuration::from_secs(2);
const REACHED: SignedDuration = SignedDuration::from_secs(120);
/// When it is tried again while something else has the instance; and for how long.
const BUSY: SignedDuration = SignedDuration::from_secs(5);
const PATIENCE: SignedDuration = SignedDuration::from_hours(12);

/// What a snapshot is taken with.
struct Run<'a> {
    kernel: &'a Kernel,
    objects: &'a Objects,
    claim: &'a JobClaim,
    scope: Arc<TenantScope>,
    id: Uuid,
}

/// Takes the snapshot that the job names; when to try again, if it can't be taken now.
///
/// # Errors
/// `ETAG_MISMATCH` when another server has taken it over; `UNAVAILABLE` when something can't be
/// reached: it is done again.
pub(crate) async fn take(
    kernel: &Kernel,
    objects: &Objects,
    hypervisors: &Hypervisors,
    claim: &JobClaim,
    about: &str,
) -> Result<Option<Timestamp>> {
    let id = Uuid::try_parse(about).map_err(|_| Error::internal("a job that takes no snapshot"))?;
    let run = Run {
        kernel,
        objects,
        claim,
        scope: Arc::new(kernel.job_scope(claim).0),
        id,
    };
    let Some(snapshot) = run.find().await? else {
        return Ok(None);
    };
    if snapshot.state.ended() {
        // Called off before it began, or its last server died when it was done.
        if snapshot.state == State::Cancelled {
            remove::remains(kernel, objects, &run.scope, &run.permit(), id).await?;
        }
        return Ok(None);
    }
    run.begin(hypervisors, &snapshot).await
}

impl Run<'_> {
    fn permit(&self) -> cordon_kernel::Permit {
        self.kernel.job_scope(self.claim).1
    }

    fn now(&self) -> Timestamp {
        self.kernel.env().now()
    }

    async fn find(&self) -> Result<Option<Snapshot>> {
        let cipher = self.kernel.cipher(&self.scope).await?;
        let mut read = self.kernel.db().tenant_read(&self.scope).await?;
        store::find(read.conn(), &cipher, self.id).await
    }

    /// Reaches for the instance, and takes it if it can be had.
    async fn begin(
        &self,
        hypervisors: &Hypervisors,
        snapshot: &Snapshot,
    ) -> Result<Option<Timestamp>> {
        let wanted = &snapshot.wanted;
        let age = self.now().duration_since(snapshot.created);
        let later = |after| self.now().checked_add(after).map_err(Error::internal);
        if snapshot.attempt >= ATTEMPTS {
            // Whoever tried did not live to say why: not one server after the other.
            let failure = Failure {
                reason: "SERVER".to_owned(),
                message: "it was begun several times and never finished: ask for less at once"
                    .to_owned(),
            };
            return self.fail(failure).await;
        }
        let reached = match hypervisors.of(&wanted.instance).await {
            Ok(reached) => reached,
            Err(Source::NotFound(_)) if age < REACHED => return later(ELSEWHERE).map(Some),
            Err(error) => return self.refused(&error, age).await,
        };
        let (hypervisor, request) = (&reached.hypervisor, request(snapshot));
        if snapshot.attempt > 0 {
            // What a server left that died over it.
            let cleaned = hypervisor.cleanup(&wanted.instance).await;
            tracing::info!(snapshot = %self.id, ?cleaned, "what was left of a snapshot is cleared up");
        }
        let id = acquisition_id(self.id)?;
        let acquisition = match hypervisor.begin(&id, &wanted.instance, &request).await {
            Ok(acquisition) => acquisition,
            Err(error) => return self.refused(&error, age).await,
        };
        let Some(snapshot) = self.change(Command::Begin).await? else {
            return Ok(None);
        };
        let work = Arc::new(Work::default());
        let acquired = tokio::select! {
            acquired = acquire(self, &snapshot, &reached, acquisition, &work) => acquired,
            halted = self.watch(&work) => match halted {
                Ok(()) => return self.halted().await,
                Err(error) => Err(error),
            },
        };
        match acquired {
            Ok(outcome) => self.finish(&snapshot, outcome).await,
            Err(error) if passes(&error) && snapshot.attempt < ATTEMPTS => Err(error),
            Err(error) => {
                tracing::warn!(snapshot = %self.id, %error, "a snapshot could not be kept");
                self.fail(told::own_failure(&error)).await
            }
        }
    }

    /// Removes what was stored, if it was called off. It may also have been taken by another server, while
    /// this one was held up: then it is whole, and nothing of it is this one's to touch.
    async fn halted(&self) -> Result<Option<Timestamp>> {
        let found = self.find().await?;
        if found.is_some_and(|found| found.state == State::Cancelled) {
            let permit = self.permit();
            remove::remains(self.kernel, self.objects, &self.scope, &permit, self.id).await?;
        }
        Ok(None)
    }

    /// What becomes of a snapshot that can't be begun.
    async fn refused(&self, error: &Source, age: SignedDuration) -> Result<Option<Timestamp>> {
        if let Source::Busy(_) = error
            && age < PATIENCE
        {
            return self
                .now()
                .checked_add(BUSY)
                .map(Some)
                .map_err(Error::internal);
        }
        tracing::info!(snapshot = %self.id, %error, "a snapshot can't be taken");
        self.fail(told::failure(error)).await
    }

    async fn fail(&self, failure: Failure) -> Result<Option<Timestamp>> {
        if self.change(Command::Fail(failure)).await?.is_some() {
            let permit = self.permit();
            remove::remains(self.kernel, self.objects, &self.scope, &permit, self.id).await?;
        }
        Ok(None)
    }

    /// Has something happen, unless it has ended; what it is then.
    async fn change(&self, command: Command) -> Result<Option<Snapshot>> {
        let permit = self.permit();
        let cipher = self.kernel.cipher(&self.scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&self.scope, &permit).await?;
        tx.require_claim(self.claim).await?;
        let before = store::find(tx.conn(), &cipher, self.id).await?;
        let Some(before) = before.filter(|before| !before.state.ended()) else {
            return Ok(None);
        };
        let change = model::decide(before, command, self.mark())?;
        store::apply(&mut tx, &cipher, &change).await?;
        let snapshot = change.snapshot().clone();
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(self.name())
            .detail("state", snapshot.state.as_str())
            .detail("attempt", snapshot.attempt);
        tx.commit(entry).await?;
        Ok(Some(snapshot))
    }

    fn name(&self) -> Name {
        Name::Snapshot(self.scope.tenant().clone(), self.id)
    }

    fn mark(&self) -> Mark {
        mark(self.kernel)
    }

    /// Says how far it is until it was called off.
    async fn watch(&self, work: &Work) -> Result<()> {
        let mut said = model::Progress::default();
        for looked in 1_u32.. {
            tokio::time::sleep(LOOK).await;
            let Some(found) = self.find().await? else {
                return Ok(());
            };
            if found.state != State::Acquiring {
                return Ok(());
            }
            if !looked.is_multiple_of(SAID) {
                continue;
            }
            let progress = work.progress(LOOK * SAID);
            if progress != said {
                if self
                    .change(Command::Advance(progress.clone()))
                    .await?
                    .is_none()
                {
                    return Ok(());
                }
                said = progress;
            }
        }
        Ok(())
    }

    /// Signs what was taken, and keeps it.
    async fn finish(&self, snapshot: &Snapshot, outcome: Outcome) -> Result<Option<Timestamp>> {
        if outcome.taken.is_empty() {
            let nothing = || Failure {
                reason: "NOT_SUPPORTED".to_owned(),
                message: "there was nothing to take of what was asked".to_owned(),
            };
            return self.fail(outcome.failure.unwrap_or_else(nothing)).await;
        }
        let permit = self.permit();
        let tenant = self.scope.tenant();
        let manifest = told::manifest(tenant, snapshot, &outcome);
        let bytes = manifest.to_bytes().map_err(Error::internal)?;
        let digest = manifest::digest(&bytes);
        let envelope = custody::sign(self.kernel, &self.scope, &self.name(), &digest, &bytes)?;
        let (chain, first) = told::custody(&digest, &manifest, self.now())?;
        let items: Vec<Item> = outcome
            .taken
            .iter()
            .map(|one| held(one, snapshot))
            .collect();
        let kept: Vec<Map> = items.iter().map(|item| map(self.id, item)).collect();
        let cipher = self.kernel.cipher(&self.scope).await?;
        let mut tx = self.kernel.db().tenant_tx(&self.scope, &permit).await?;
        tx.require_claim(self.claim).await?;
        let before = store::find(tx.conn(), &cipher, self.id).await?;
        let Some(before) = before.filter(|before| !before.state.ended()) else {
            return Ok(None);
        };
        let change = model::decide(
            before,
            Command::Finish(Box::new(Acquired {
                items,
                manifest: digest.to_string(),
                custody: chain,
                failure: outcome.failure,
            })),
            self.mark(),
        )?;
        store::keep_manifest(&mut tx, &cipher, self.id, &envelope).await?;
        custody::insert(&mut tx, &cipher, self.id, &first).await?;
        store::apply(&mut tx, &cipher, &change).await?;
        let gone = pieces::drop_others(&mut tx, self.id, &kept).await?;
        tx.require_keys(&cipher).await?;
        let entry = AuditEntry::new(&permit)
            .resource(self.name())
            .detail("state", change.snapshot().state.as_str())
            .detail("manifest_sha256", digest);
        tx.commit(entry).await?;
        self.shelf().discard(&gone).await;
        Ok(None)
    }

    fn shelf(&self) -> Shelf {
        Shelf {
            objects: self.objects.clone(),
            scope: Arc::clone(&self.scope),
        }
    }
}

/// When something happens, and what the snapshot is called afterwards.
pub(super) fn mark(kernel: &Kernel) -> Mark {
    let env = kernel.env();
    Mark {
        now: env.now(),
        etag: hex::encode(env.bytes::<16>()),
    }
}

/// How an item's map is found.
pub(super) fn map(snapshot: Uuid, item: &Item) -> Map {
    Map {
        snapshot,
        place: item.place,
        attempt: item.attempt,
    }
}

fn held(one: &told::Taken, snapshot: &Snapshot) -> Item {
    let content = &one.content;
    Item {
        name: one.name.clone(),
        kind: one.kind,
        place: one.place,
        attempt: snapshot.attempt,
        size: content.size,
        block_size: content.block_size,
        data: content.data,
        unreadable: content.unreadable.bytes,
        sha256: content.sha256,
        blake3: content.blake3,
    }
}

/// Whether it may go better the next time.
fn passes(error: &Error) -> bool {
    matches!(
        error.reason(),
        Reason::Unavailable | Reason::Internal | Reason::EtagMismatch | Reason::DeadlineExceeded
    )
}

/// What a hypervisor calls the acquisition: of an id's last, random digits, so that no two are alike.
fn acquisition_id(id: Uuid) -> Result<AcquisitionId> {
    let digits = id.simple().to_string();
    let last = digits.get(digits.len().saturating_sub(16)..);
    AcquisitionId::new(last.unwrap_or_default()).map_err(Error::internal)
}

fn request(snapshot: &Snapshot) -> Request {
    let wanted = &snapshot.wanted;
    Request {
        consistency: match wanted.consistency {
            Consistency::Paused => Asked::Paused,
            Consistency::Live => Asked::Live,
        },
        memory: wanted.memory,
        network: wanted.network,
        disks: match (wanted.disks, wanted.disk_names.is_empty()) {
            (false, _) => Some(Vec::new()),
            (true, true) => None,
            (true, false) => Some(wanted.disk_names.clone()),
        },
    }
}
