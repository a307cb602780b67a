//! One acquisition from its first item to its last, in the order in which they pass away: memory, the
//! state of the network, disks.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use cordon_evidence::content::Content;
use cordon_evidence::geometry::{BlockSize, Geometry};
use cordon_evidence::manifest::{ItemKind, MAX_LIST, Missing};
use cordon_evidence::names::check_name;
use cordon_hypervisor::{Acquisition, DiskSource, Error as Source};
use cordon_kernel::keys::ContentCipher;
use cordon_kernel::{Error, Result};
use cordon_vault::{Fed, Known, Progress, Target, VaultError, keep, piece};
use futures::{Stream, stream};

use super::feed::{self, Broken, Pace};
use super::ports::Noting;
use super::told::{self, Outcome, Taken};
use super::{Run, pieces, store};
use crate::providers::hypervisors::Reached;
use crate::rooms::evidence::model::{Progress as Told, Snapshot};
use crate::rooms::evidence::pieces::Map;

/// From how many earlier snapshots it is looked what need not be stored again.
const EARLIER: i64 = 8;

/// Most disks of one snapshot, so that a manifest has room for all items.
const MOST_DISKS: usize = 60;

/// How far an acquisition is.
#[derive(Debug, Default)]
pub(super) struct Work {
    item: Mutex<(String, Arc<Progress>)>,
    /// Bytes of items before the one that is being read, and of all as far as it is known.
    before: AtomicU64,
    total: AtomicU64,
    last: AtomicU64,
}

impl Work {
    fn begin(&self, name: &str) -> Arc<Progress> {
        let progress = Arc::<Progress>::default();
        let mut item = self.item.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *item, (name.to_owned(), Arc::clone(&progress)));
        self.before.fetch_add(before.1.taken(), Ordering::Relaxed);
        progress
    }

    /// How far it is, and how fast since it was last asked, which was `since` ago.
    pub(super) fn progress(&self, since: Duration) -> Told {
        let (item, read) = {
            let item = self.item.lock().unwrap_or_else(PoisonError::into_inner);
            (item.0.clone(), item.1.taken())
        };
        let read = read + self.before.load(Ordering::Relaxed);
        let last = self.last.swap(read, Ordering::Relaxed);
        let seconds = since.as_secs_f64().max(0.001);
        Told {
            item,
            read,
            total: self.total.load(Ordering::Relaxed).max(read),
            rate: (read.saturating_sub(last) as f64 / seconds) as u64,
        }
    }
}

/// Takes all that was asked for.
///
/// # Errors
/// The server's own; what is the machine's or the hypervisor's is in the outcome.
pub(super) async fn acquire(
    run: &Run<'_>,
    snapshot: &Snapshot,
    reached: &Reached,
    mut acquisition: Box<dyn Acquisition>,
    work: &Work,
) -> Result<Outcome> {
    let cipher = run.kernel.cipher(&run.scope).await?;
    let key = hex::decode(&snapshot.key).map_err(Error::internal)?;
    let content = run.kernel.snapshot_cipher(&cipher, run.id, &key).await?;
    let rate = match snapshot.wanted.rate {
        0 => reached.rate,
        asked => asked.min(reached.rate),
    };
    let mut taking = Taking {
        run,
        snapshot,
        work,
        rate,
        cipher: Arc::new(content),
        known: Arc::new(Mutex::new(Known::default())),
        outcome: Outcome {
            driver: reached.name.clone(),
            reached: acquisition.reached().clone(),
            began: run.now(),
            taken: Vec::new(),
            missing: Vec::new(),
            steps: Vec::new(),
            failure: None,
        },
    };
    if snapshot.attempt > 1 {
        let text = format!(
            "begun {} times: what it is of is the last",
            snapshot.attempt
        );
        taking.outcome.steps.push(text);
    }
    let memory = acquisition.memory();
    let expected = memory.as_ref().map_or(0, |memory| memory.expected());
    let disks: u64 = acquisition.disks().iter().map(|disk| disk.length()).sum();
    work.total.store(expected + disks, Ordering::Relaxed);
    // Memory first: the machine may stand still until it was read, and nothing passes away as fast.
    if let Some(memory) = memory {
        let pace = feed::memory(memory);
        let item = Named::new("memory.elf", ItemKind::Memory, "the memory of the instance");
        taking.take(item, None, pace, None).await?;
    }
    taking.learn().await?;
    if let Some(network) = acquisition.network() {
        let missing: Vec<_> = network
            .missing
            .iter()
            .map(|one| (*one).to_owned())
            .collect();
        let bytes = feed::network(network);
        taking.network(bytes, missing).await?;
    }
    for (number, disk) in acquisition.disks().to_vec().into_iter().enumerate() {
        match number < MOST_DISKS {
            true => taking.disk(number, disk).await?,
            false => taking.leave_out(&*disk),
        }
    }
    let pause = match acquisition.finish().await {
        Ok(finished) => finished.pause,
        Err(error) => {
            // Found out in the end, of an image that somebody wrote to; or something is left behind.
            tracing::warn!(snapshot = %run.id, %error, "an acquisition did not end well");
            taking.fail(&error);
            Duration::ZERO
        }
    };
    let still = format!("the instance stood still for {} ms", pause.as_millis());
    taking.outcome.steps.push(still);
    Ok(taking.outcome)
}

/// What an item is called, what it is of, and of what exactly.
struct Named {
    name: String,
    kind: ItemKind,
    source: String,
}

impl Named {
    fn new(name: &str, kind: ItemKind, source: &str) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            source: source.to_owned(),
        }
    }
}

struct Taking<'a> {
    run: &'a Run<'a>,
    snapshot: &'a Snapshot,
    work: &'a Work,
    rate: u64,
    cipher: Arc<ContentCipher>,
    known: Arc<Mutex<Known>>,
    outcome: Outcome,
}

impl Taking<'_> {
    async fn disk(&mut self, number: usize, disk: Arc<dyn DiskSource>) -> Result<()> {
        let mut name = format!("{}.raw", disk.name());
        if check_name(&name).is_err() || self.outcome.taken.iter().any(|one| one.name == name) {
            name = format!("disk-{number}.raw");
        }
        let source = format!("the disk {} of the instance", disk.name());
        let (size, broken) = (disk.length(), Broken::default());
        let block = BlockSize::DEFAULT.bytes();
        let fed = feed::disk(disk, block, Pace::new(self.rate), Arc::clone(&broken));
        let item = Named {
            name,
            kind: ItemKind::Disk,
            source,
        };
        self.take(item, Some(size), fed, Some(broken)).await
    }

    fn leave_out(&mut self, disk: &dyn DiskSource) {
        let limit = Source::Limit("the number of disks");
        self.fail(&limit);
        if self.outcome.missing.len() < MAX_LIST {
            self.outcome.missing.push(Missing {
                kind: ItemKind::Disk,
                source: format!("the disk {} of the instance", disk.name()),
                reason: format!(
                    "a snapshot has at most {MOST_DISKS} disks: name this one in another"
                ),
            });
        }
    }

    async fn network(&mut self, bytes: Bytes, missing: Vec<String>) -> Result<()> {
        let size = bytes.len() as u64;
        let fed = stream::iter([Ok(Fed::Data(bytes))]);
        let item = Named::new(
            "network.json",
            ItemKind::Network,
            "what the host knows of the instance's network",
        );
        for reason in missing {
            self.outcome.missing.push(Missing {
                kind: ItemKind::Network,
                source: item.source.clone(),
                reason,
            });
        }
        self.take(item, Some(size), fed, None).await
    }

    /// Takes one item; what the machine or the hypervisor does not give is missing then.
    async fn take(
        &mut self,
        item: Named,
        size: Option<u64>,
        fed: impl Stream<Item = Result<Fed, Source>> + Send,
        broken: Option<Broken>,
    ) -> Result<()> {
        let began = self.run.now();
        let place = u32::try_from(self.outcome.taken.len()).map_err(Error::internal)?;
        let kept = self.keep(&item.name, place, size, fed).await;
        let error = broken.as_ref().and_then(feed::broken);
        match kept {
            Ok(content) => {
                if let Some(error) = &error {
                    tracing::warn!(snapshot = %self.run.id, %error, "a disk broke off");
                    self.fail(error);
                }
                self.outcome.taken.push(Taken {
                    name: item.name,
                    kind: item.kind,
                    source: item.source,
                    place,
                    began,
                    ended: self.run.now(),
                    content,
                });
                Ok(())
            }
            Err(VaultError::Source(error)) => {
                tracing::warn!(snapshot = %self.run.id, %error, "an item could not be taken");
                self.fail(&error);
                self.outcome.missing.push(Missing {
                    kind: item.kind,
                    source: item.source,
                    reason: told::failure(&error).message,
                });
                Ok(())
            }
            Err(VaultError::Kernel(error)) => Err(error),
            Err(error) => Err(Error::internal(error)),
        }
    }

    /// The first thing that went wrong is what is told.
    fn fail(&mut self, error: &Source) {
        let failure = || told::failure(error);
        self.outcome.failure.get_or_insert_with(failure);
    }

    async fn keep(
        &self,
        name: &str,
        place: u32,
        size: Option<u64>,
        fed: impl Stream<Item = Result<Fed, Source>> + Send,
    ) -> Result<Content, VaultError> {
        let map = Map {
            snapshot: self.run.id,
            place,
            attempt: self.snapshot.attempt,
        };
        let shelf = self.run.shelf();
        let noting = Noting {
            kernel: self.run.kernel,
            scope: &self.run.scope,
            claim: self.run.claim,
            map,
        };
        let target = Target {
            env: self.run.kernel.env(),
            store: &shelf,
            ledger: &noting,
            cipher: Arc::clone(&self.cipher),
            item: object(map),
            known: Arc::clone(&self.known),
            progress: self.work.begin(name),
        };
        keep(&target, BlockSize::DEFAULT, size, fed).await
    }

    /// Learns what need not be stored again: what was noted of this snapshot before, and what the
    /// tenant's latest ones have.
    async fn learn(&self) -> Result<()> {
        let (kernel, scope) = (self.run.kernel, &self.run.scope);
        let tenant = scope.tenant();
        let mut read = kernel.db().tenant_read(scope).await?;
        let mut all = pieces::of_snapshot(read.conn(), tenant, self.run.id).await?;
        let earlier = pieces::earlier(read.conn(), tenant, self.run.id, EARLIER).await?;
        drop(read);
        // What is being taken is known as it comes.
        all.retain(|(map, _)| map.attempt != self.snapshot.attempt);
        self.learn_of(&self.cipher, all).await?;
        for id in earlier {
            let cipher = kernel.cipher(scope).await?;
            let mut read = kernel.db().tenant_read(scope).await?;
            let Some(other) = store::find(read.conn(), &cipher, id).await? else {
                continue;
            };
            let theirs = pieces::of_snapshot(read.conn(), tenant, id).await?;
            drop(read);
            let key = hex::decode(&other.key).map_err(Error::internal)?;
            // Destroyed meanwhile.
            let Ok(content) = kernel.snapshot_cipher(&cipher, id, &key).await else {
                continue;
            };
            self.learn_of(&Arc::new(content), theirs).await?;
        }
        Ok(())
    }

    async fn learn_of(
        &self,
        cipher: &Arc<ContentCipher>,
        all: Vec<(Map, cordon_vault::PieceRow)>,
    ) -> Result<()> {
        let shelf = self.run.shelf();
        for (map, row) in all {
            let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if known().is_full() {
                return Ok(());
            }
            // One that is not there or does not open is of no use, and no reason to stop.
            let blocks = Geometry::largest(BlockSize::DEFAULT);
            if let Ok(piece) = piece(&shelf, cipher, object(map), row, blocks).await {
                known().learn(piece);
            }
        }
        Ok(())
    }
}

/// What the pieces of a map are bound to.
pub(in super::super) fn object(map: Map) -> String {
    let id = map.snapshot.hyphenated();
    format!("evidence/{id}/{}/{}", map.place, map.attempt)
}
