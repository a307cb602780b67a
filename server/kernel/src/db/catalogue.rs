//! What snapshots remember, so that the next one reads only what is new. Segments change with the
//! catalogue's version; a journal row never changes but for its payload, so that blocks read once
//! stay true. Bounded by the number of tenants.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::journal::BlockMeta;
use super::segments::SegmentRow;
use crate::ids::TenantId;

/// Most tenants that are remembered.
const CAPACITY: usize = 4_096;

#[derive(Clone, Default)]
pub(super) struct Catalogue(Arc<Mutex<HashMap<TenantId, Known>>>);

/// What is known of one tenant.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) segments: Option<(i64, Arc<Vec<SegmentRow>>)>,
    /// Blocks in ascending order without a gap, from some point on.
    pub(super) blocks: Arc<Vec<BlockMeta>>,
}

impl Catalogue {
    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<TenantId, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn known(&self, tenant: &TenantId) -> Known {
        self.map().get(tenant).cloned().unwrap_or_default()
    }

    /// Remembers opened segments of one version.
    pub(super) fn remember(&self, tenant: &TenantId, version: i64, rows: &Arc<Vec<SegmentRow>>) {
        self.with(tenant, |known| {
            // Two snapshots may cross: the newer version stays.
            if known
                .segments
                .as_ref()
                .is_none_or(|(have, _)| *have <= version)
            {
                known.segments = Some((version, Arc::clone(rows)));
            }
        });
    }

    /// Remembers unsealed blocks.
    pub(super) fn remember_blocks(&self, tenant: &TenantId, blocks: &Arc<Vec<BlockMeta>>) {
        self.with(tenant, |known| {
            let end = |blocks: &[BlockMeta]| blocks.last().map_or(0, BlockMeta::last_seq);
            if end(&known.blocks) <= end(blocks) {
                known.blocks = Arc::clone(blocks);
            }
        });
    }

    #[cfg(test)]
    pub(super) fn forget(&self) {
        self.map().clear();
    }

    fn with(&self, tenant: &TenantId, change: impl FnOnce(&mut Known)) {
        let mut map = self.map();
        if map.len() >= CAPACITY && !map.contains_key(tenant) {
            // Any one will do: what is forgotten costs one fuller read.
            if let Some(other) = map.keys().next().cloned() {
                map.remove(&other);
            }
        }
        change(map.entry(tenant.clone()).or_default());
    }
}
