//! The task that appends. Flushes that arrive while a transaction is being made durable wait, and
//! then share the next one: group commit. The task outlives its callers, so that a caller that
//! stops waiting leaves nothing half done.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::{Mutex, OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio::task::JoinHandle;

use super::DbConfig;
use super::ingest::{Flush, FlushOutcome};
use super::journal::{Heads, JournalStore, Work};
use crate::clock::Env;
use crate::error::{Error, Reason, Result};
use crate::ids::SourceId;
use crate::keys::envelope::OwnerKeys;
use crate::keys::{KeyId, Keyring};

/// Most plain bytes of one transaction; a single larger flush goes alone.
const GROUP_BYTES: usize = 32 << 20;
/// Unit in which waiting memory is counted.
const UNIT: usize = 4_096;

pub(super) struct Appender {
    queue: Mutex<Option<mpsc::Sender<Request>>>,
    sender: mpsc::WeakSender<Request>,
    room: Arc<Semaphore>,
    units: u32,
    task: Mutex<Option<JoinHandle<()>>>,
}

struct Request {
    source: SourceId,
    flush: Flush,
    weight: usize,
    reply: oneshot::Sender<Result<FlushOutcome>>,
    _room: OwnedSemaphorePermit,
}

impl Appender {
    pub(super) fn start(
        config: &DbConfig,
        env: Env,
        store: Arc<dyn JournalStore>,
        keyring: Arc<Keyring>,
        heads: Heads,
    ) -> Self {
        let units = u32::try_from(config.append_queue_bytes / UNIT)
            .unwrap_or(u32::MAX)
            .max(1);
        let (queue, requests) = mpsc::channel(1_024);
        let task = tokio::spawn(
            Worker {
                env,
                store,
                keyring,
                heads,
            }
            .run(requests),
        );
        Self {
            sender: queue.downgrade(),
            queue: Mutex::new(Some(queue)),
            room: Arc::new(Semaphore::new(usize::try_from(units).unwrap_or(usize::MAX))),
            units,
            task: Mutex::new(Some(task)),
        }
    }

    pub(super) async fn append(&self, source: SourceId, flush: Flush) -> Result<FlushOutcome> {
        let weight = flush.weight();
        let wanted = u32::try_from(weight.div_ceil(UNIT))
            .unwrap_or(u32::MAX)
            .min(self.units);
        let room = Arc::clone(&self.room)
            .acquire_many_owned(wanted)
            .await
            .map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        let queue = self.sender.upgrade().ok_or_else(closed)?;
        let request = Request {
            source,
            flush,
            weight,
            reply,
            _room: room,
        };
        queue.send(request).await.map_err(|_| closed())?;
        drop(queue);
        answer.await.map_err(|_| closed())?
    }

    /// Takes no more, and waits until all that was taken is durable.
    pub(super) async fn stop(&self) {
        drop(self.queue.lock().await.take());
        if let Some(task) = self.task.lock().await.take() {
            let _ = task.await;
        }
    }
}

fn closed() -> Error {
    Error::new(Reason::Unavailable, "the server is shutting down")
}

struct Worker {
    env: Env,
    store: Arc<dyn JournalStore>,
    keyring: Arc<Keyring>,
    heads: Heads,
}

impl Worker {
    async fn run(self, mut requests: mpsc::Receiver<Request>) {
        while let Some(first) = requests.recv().await {
            let mut weight = first.weight;
            let mut group = vec![first];
            while weight < GROUP_BYTES {
                let Ok(next) = requests.try_recv() else { break };
                weight += next.weight;
                group.push(next);
            }
            self.process(group).await;
        }
    }

    async fn process(&self, group: Vec<Request>) {
        let mut flushes = Vec::with_capacity(group.len());
        let mut replies = Vec::with_capacity(group.len());
        let mut rooms = Vec::with_capacity(group.len());
        for request in group {
            flushes.push((request.source, request.flush));
            replies.push(request.reply);
            rooms.push(request._room);
        }
        match self.store_all(flushes).await {
            Ok(outcomes) => {
                for (reply, outcome) in replies.into_iter().zip(outcomes) {
                    let _ = reply.send(outcome); // whoever stopped waiting does not hear it
                }
            }
            Err(error) => {
                tracing::error!(%error, "events could not be stored");
                for reply in replies {
                    let _ = reply
                        .send(Err(Error::new(error.reason(), error.message().to_owned())
                            .with_source(&error)));
                }
            }
        }
    }

    async fn store_all(
        &self,
        flushes: Vec<(SourceId, Flush)>,
    ) -> Result<Vec<Result<FlushOutcome>>> {
        let batches = || flushes.iter().flat_map(|(_, flush)| &flush.batches);
        let of_blocks = batches().flat_map(|b| b.blocks.iter().map(|block| &block.tenant));
        let of_originals = batches().flat_map(|b| b.originals.iter().flat_map(|o| &o.parties));
        let tenants: BTreeSet<_> = of_blocks
            .chain(of_originals.map(|(tenant, _)| tenant))
            .cloned()
            .collect();
        let keys = self.keyring.tenants(&tenants).await?;
        let quarantined = batches().any(|b| !b.quarantine.is_empty() || !b.dead_letters.is_empty());
        let quarantine = self.system(quarantined, KeyId::quarantine()).await?;
        let shared = batches().any(|b| !b.originals.is_empty());
        let originals = self.system(shared, KeyId::originals()).await?;
        let appended = self
            .store
            .append(Work {
                flushes,
                keys,
                quarantine,
                originals,
                env: self.env.clone(),
            })
            .await?;
        for (tenant, seq) in &appended.heads {
            self.heads.advance(tenant, *seq);
        }
        Ok(appended.outcomes)
    }

    async fn system(&self, wanted: bool, id: KeyId) -> Result<Option<Arc<OwnerKeys>>> {
        match wanted {
            true => self.keyring.system(&id).await.map(Some),
            false => Ok(None),
        }
    }
}
