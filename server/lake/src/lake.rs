//! The lake as a whole: the kernel, the object store, and what is worth keeping in memory.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use cordon_kernel::keys::TenantCipher;
use cordon_kernel::{Kernel, TenantId, TenantScope};
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};
use uuid::Uuid;

use crate::cache::Cache;
use crate::catalogue::CatalogueView;
use crate::error::Result;
use crate::filter::Filters;
use crate::journal::JournalState;
use crate::object::Objects;
use crate::run::{Keys, Run};
use crate::segment::{SegmentFile, SegmentIndex};

/// How much memory the lake may keep for speed, in bytes. Every tenant's things are kept under
/// the tenant.
#[derive(Debug, Clone, Copy)]
pub struct LakeConfig {
    /// Decoded pieces of journals.
    pub journal_cache: usize,
    /// Times and names of what lies in journals, which outlast the decoded pieces.
    pub key_cache: usize,
    /// Footers of segments.
    pub footer_cache: usize,
    /// Bloom filters of segments.
    pub index_cache: usize,
    /// Tenants whose journal's shape is remembered.
    pub tenants: usize,
}

impl Default for LakeConfig {
    fn default() -> Self {
        Self {
            journal_cache: 80 << 20,
            key_cache: 16 << 20,
            footer_cache: 48 << 20,
            index_cache: 48 << 20,
            tenants: 4_096,
        }
    }
}

/// What a cached run holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum RunKey {
    /// Unsealed rows from one sequence number to another.
    Journal(u64, u64),
    /// A small segment.
    Segment(Uuid),
}

/// The lake. Share it as `Arc<Lake>`.
pub struct Lake {
    pub(crate) kernel: Arc<Kernel>,
    pub(crate) objects: Objects,
    /// The right to hold much in memory for sealing or merging: one has it at a time.
    heavy: Semaphore,
    /// Where queries compute.
    computing: Computing,
    /// The right to do what would keep calls waiting.
    places: Arc<Semaphore>,
    /// The right to wait for that, which each tenant has as often.
    turns: Cache<TenantId, Arc<Semaphore>>,
    /// Bytes that queries have on disk now, all together.
    spilled: Arc<AtomicU64>,
    filters: Filters,
    runs: Cache<(TenantId, RunKey), Arc<Run>>,
    keys: Cache<(TenantId, u64, u64), Arc<Keys>>,
    journals: Cache<TenantId, Arc<Mutex<JournalState>>>,
    pub(crate) catalogues: Cache<TenantId, Arc<CatalogueView>>,
    pub(crate) files: Cache<(TenantId, Uuid), Arc<SegmentFile>>,
    pub(crate) indexes: Cache<(TenantId, Uuid), Arc<SegmentIndex>>,
}

impl std::fmt::Debug for Lake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Lake({:?})", self.objects)
    }
}

/// Threads for queries: as many as there are processors, which the system shares out between them
/// and those that answer calls.
struct Computing {
    handle: Handle,
    runtime: Option<Runtime>,
}

impl Computing {
    fn new() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .thread_name("query")
            .enable_time()
            .build()?;
        Ok(Self {
            handle: runtime.handle().clone(),
            runtime: Some(runtime),
        })
    }
}

impl Drop for Computing {
    fn drop(&mut self) {
        // Waits for nothing: whoever drops the lake may itself be a task.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

/// The lake within one tenant's scope.
pub(crate) struct Access<'s> {
    pub(crate) lake: &'s Lake,
    pub(crate) scope: &'s TenantScope,
    pub(crate) cipher: Arc<TenantCipher>,
}

impl Lake {
    /// A lake over the kernel's journal and catalogue and the objects.
    ///
    /// # Errors
    /// When the functions of the filter language can't be registered.
    pub fn new(kernel: Arc<Kernel>, objects: Objects, config: LakeConfig) -> Result<Self> {
        Ok(Self {
            filters: Filters::new(kernel.env().clone())?,
            kernel,
            objects,
            heavy: Semaphore::new(1),
            computing: Computing::new()?,
            places: Arc::new(Semaphore::new(crate::beside::places())),
            turns: Cache::new(config.tenants),
            spilled: Arc::default(),
            runs: Cache::new(config.journal_cache),
            keys: Cache::new(config.key_cache),
            journals: Cache::new(config.tenants),
            catalogues: Cache::new(config.footer_cache / 2),
            files: Cache::new(config.footer_cache),
            indexes: Cache::new(config.index_cache),
        })
    }

    /// The filter compiler.
    #[must_use]
    pub fn filters(&self) -> &Filters {
        &self.filters
    }

    /// The object store.
    #[must_use]
    pub fn objects(&self) -> &Objects {
        &self.objects
    }

    /// Threads for what computes long, so that calls do not wait behind it.
    pub(crate) fn computing(&self) -> &Handle {
        &self.computing.handle
    }

    pub(crate) fn places(&self) -> &Arc<Semaphore> {
        &self.places
    }

    pub(crate) fn turns(&self, tenant: &TenantId) -> Arc<Semaphore> {
        let turns = || Arc::new(Semaphore::new(crate::beside::places()));
        self.turns.get_or_put(tenant, 1, turns)
    }

    /// Bytes that queries have on disk now, all together.
    pub(crate) fn spilled(&self) -> &Arc<AtomicU64> {
        &self.spilled
    }

    /// Waits for the right to hold much in memory.
    pub(crate) async fn heavy(&self) -> Option<SemaphorePermit<'_>> {
        // It is never closed.
        self.heavy.acquire().await.ok()
    }

    /// Bytes that the caches hold now, roughly.
    #[must_use]
    pub fn cached_bytes(&self) -> usize {
        self.runs.weight()
            + self.keys.weight()
            + self.files.weight()
            + self.indexes.weight()
            + self.catalogues.weight()
    }

    /// Forgets what is kept for a tenant: to be called when it is deleted.
    pub fn forget(&self, tenant: &TenantId) {
        self.filters.forget(tenant);
        self.runs.retain(|(of, _)| of != tenant);
        self.keys.retain(|(of, ..)| of != tenant);
        self.journals.remove(tenant);
        self.turns.remove(tenant);
        self.catalogues.remove(tenant);
        self.files.retain(|(of, _)| of != tenant);
        self.indexes.retain(|(of, _)| of != tenant);
    }

    pub(crate) async fn access<'s>(&'s self, scope: &'s TenantScope) -> Result<Access<'s>> {
        Ok(Access {
            lake: self,
            scope,
            cipher: Arc::new(self.kernel.cipher(scope).await?),
        })
    }

    pub(crate) fn journal_state(&self, tenant: &TenantId) -> Arc<Mutex<JournalState>> {
        self.journals.get_or_put(tenant, 1, Arc::default)
    }

    pub(crate) fn kept_run(
        &self,
        tenant: &TenantId,
        (first, last): (u64, u64),
    ) -> Option<Arc<Run>> {
        self.runs
            .get(&(tenant.clone(), RunKey::Journal(first, last)))
    }

    pub(crate) fn keep_run(&self, tenant: &TenantId, (first, last): (u64, u64), run: &Arc<Run>) {
        let key = (tenant.clone(), RunKey::Journal(first, last));
        self.runs.put(key, Arc::clone(run), run.memory());
    }

    pub(crate) fn drop_run(&self, tenant: &TenantId, (first, last): (u64, u64)) {
        self.runs
            .remove(&(tenant.clone(), RunKey::Journal(first, last)));
    }

    pub(crate) fn kept_keys(
        &self,
        tenant: &TenantId,
        (first, last): (u64, u64),
    ) -> Option<Arc<Keys>> {
        self.keys.get(&(tenant.clone(), first, last))
    }

    pub(crate) fn keep_keys(&self, tenant: &TenantId, (first, last): (u64, u64), keys: &Arc<Keys>) {
        let key = (tenant.clone(), first, last);
        self.keys.put(key, Arc::clone(keys), keys.memory());
    }

    pub(crate) fn kept_segment(&self, tenant: &TenantId, id: Uuid) -> Option<Arc<Run>> {
        self.runs.get(&(tenant.clone(), RunKey::Segment(id)))
    }

    pub(crate) fn keep_segment(&self, tenant: &TenantId, id: Uuid, run: &Arc<Run>) {
        let key = (tenant.clone(), RunKey::Segment(id));
        self.runs.put(key, Arc::clone(run), run.memory());
    }
}
