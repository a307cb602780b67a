//! A tenant's segments, as queries see them: their descriptions decoded and added up once per
//! state of the catalogue.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use cordon_kernel::db::segments::{SegmentObject, SegmentRow, Snapshot};

use crate::block::{BlockContext, BlockDecoder};
use crate::error::{LakeError, Result};
use crate::lake::Access;
use crate::run::Run;
use crate::segment::{SegmentFile, SegmentIndex, SegmentMeta};

/// The segments of one state of the catalogue.
#[derive(Debug)]
pub(crate) struct CatalogueView {
    /// The state it was made from; the same allocation means the same state.
    rows: Arc<Vec<SegmentRow>>,
    metas: Vec<Arc<SegmentMeta>>,
    /// Names of sealed events without a valid time.
    pub(crate) invalid: HashSet<[u8; 16]>,
    /// Lowest sequence number of a sealed record addressed to the tenant, by key.
    pub(crate) superseding: HashMap<[u8; 16], u64>,
}

impl CatalogueView {
    fn of(rows: &Arc<Vec<SegmentRow>>) -> Result<Self> {
        let mut view = Self {
            rows: Arc::clone(rows),
            metas: Vec::with_capacity(rows.len()),
            invalid: HashSet::new(),
            superseding: HashMap::new(),
        };
        for row in rows.iter() {
            let meta = SegmentMeta::decode(&row.meta)?;
            view.invalid.extend(&meta.invalid);
            for (key, seq) in &meta.superseding {
                let lowest = view.superseding.entry(*key).or_insert(*seq);
                *lowest = (*seq).min(*lowest);
            }
            view.metas.push(Arc::new(meta));
        }
        Ok(view)
    }

    /// The segments with their descriptions.
    pub(crate) fn segments(&self) -> impl Iterator<Item = (&SegmentRow, &Arc<SegmentMeta>)> {
        self.rows.iter().zip(&self.metas)
    }

    /// One of them.
    pub(crate) fn segment(&self, index: usize) -> Result<(&SegmentRow, &Arc<SegmentMeta>)> {
        self.rows
            .get(index)
            .zip(self.metas.get(index))
            .ok_or_else(|| LakeError::corrupt("no such segment in the catalogue"))
    }

    pub(crate) fn len(&self) -> usize {
        self.rows.len()
    }

    fn memory(&self) -> usize {
        let metas: usize = self.metas.iter().map(|meta| meta.memory()).sum();
        metas + 48 * (self.invalid.len() + self.superseding.len())
    }
}

impl Access<'_> {
    /// The segments of a snapshot.
    pub(crate) fn catalogue(&self, snapshot: &Snapshot) -> Result<Arc<CatalogueView>> {
        let tenant = self.scope.tenant();
        if let Some(view) = self.lake.catalogues.get(tenant)
            && Arc::ptr_eq(&view.rows, &snapshot.segments)
        {
            return Ok(view);
        }
        let view = Arc::new(CatalogueView::of(&snapshot.segments)?);
        self.lake
            .catalogues
            .put(tenant.clone(), Arc::clone(&view), view.memory() + 256);
        Ok(view)
    }

    /// A segment's file, its footer read.
    ///
    /// # Errors
    /// [`LakeError::Stale`] when the file is gone: the segment was replaced and swept.
    pub(crate) async fn file(&self, row: &SegmentRow) -> Result<Arc<SegmentFile>> {
        let key = (self.scope.tenant().clone(), row.id);
        if let Some(file) = self.lake.files.get(&key) {
            return Ok(file);
        }
        let file = SegmentFile::open(&self.lake.objects, self.scope, &self.cipher, row);
        let file = Arc::new(file.await?);
        self.lake.files.put(key, Arc::clone(&file), file.memory());
        Ok(file)
    }

    /// A segment's Bloom filters.
    ///
    /// # Errors
    /// As [`Access::file`].
    pub(crate) async fn index(&self, row: &SegmentRow) -> Result<Arc<SegmentIndex>> {
        let key = (self.scope.tenant().clone(), row.id);
        if let Some(index) = self.lake.indexes.get(&key) {
            return Ok(index);
        }
        let file = self.file(row).await?;
        let index = file.index(&self.lake.objects, self.scope, &self.cipher, row);
        let index = Arc::new(index.await?);
        self.lake
            .indexes
            .put(key, Arc::clone(&index), index.memory());
        Ok(index)
    }

    /// The rows of a small segment that lies in the database.
    ///
    /// # Errors
    /// [`LakeError::Stale`] when it was replaced and forgotten.
    pub(crate) async fn block_segment(&self, row: &SegmentRow) -> Result<Arc<Run>> {
        debug_assert_eq!(row.object, SegmentObject::Block);
        let tenant = self.scope.tenant();
        if let Some(run) = self.lake.kept_segment(tenant, row.id) {
            return Ok(run);
        }
        let plain = match self
            .lake
            .kernel
            .db()
            .segment_payload(self.scope, row.id)
            .await
        {
            Err(error) if error.reason() == cordon_kernel::Reason::NotFound => {
                return Err(LakeError::Stale);
            }
            other => other?,
        };
        let (first_seq, stored_ns) = (row.first_seq, row.first_stored);
        let decode = move || {
            let mut decoder = BlockDecoder::new()?;
            let context = BlockContext {
                first_seq,
                stored_ns,
                source: "",
            };
            decoder.decode(&plain, context)?;
            Ok(Arc::new(Run::of(&[decoder.finish()?])?))
        };
        // How large it is unpacked is not known before.
        let run = self.beside(usize::MAX, decode).await?;
        self.lake.keep_segment(tenant, row.id, &run);
        Ok(run)
    }
}
