//! A tenant's unsealed blocks, as queries see them: groups of consecutive blocks, decoded and
//! sorted when first needed and kept while there is room.
//!
//! What a tenant's groups are is remembered with the facts of every unsealed block
//! ([`JournalFacts`]), so that a query fetches only what has come since the last one.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::RecordBatch;
use bytes::Bytes;
use cordon_kernel::db::BlockMeta;
use cordon_kernel::db::segments::Snapshot;

use crate::beside::UNPACKING;
use crate::block::{BlockContext, BlockDecoder, Facts};
use crate::error::{LakeError, Result};
use crate::lake::Access;
use crate::run::{Keys, Run};

/// Most rows of a group, unless one block has more.
const GROUP_ROWS: u32 = 2_048;

/// Most bytes of a group, unpacked, unless one block has more.
const GROUP_BYTES: usize = 8 << 20;

/// Blocks and sealed bytes that are fetched at once.
const FETCH_BLOCKS: usize = 512;
const FETCH_BYTES: u64 = 8 << 20;

/// Rows that are decoded along with their facts; when more are new, the oldest wait until
/// somebody asks for them.
const EAGER_ROWS: u32 = 4_096;

/// A block, as far as grouping needs it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Piece {
    first_seq: u64,
    rows: u32,
    bytes: usize,
    min_time: i64,
    max_time: i64,
}

/// Consecutive blocks that are decoded together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Group {
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    pub(crate) rows: u32,
    pub(crate) min_time: i64,
    pub(crate) max_time: i64,
    bytes: usize,
    pieces: Vec<Piece>,
    /// Smaller groups that this one took the place of, and that may be decoded already.
    parts: Vec<Arc<Group>>,
}

impl Group {
    fn of(piece: Piece) -> Self {
        Self {
            first_seq: piece.first_seq,
            last_seq: piece.first_seq + u64::from(piece.rows) - 1,
            rows: piece.rows,
            min_time: piece.min_time,
            max_time: piece.max_time,
            bytes: piece.bytes,
            pieces: vec![piece],
            parts: Vec::new(),
        }
    }

    fn fits(&self, other: &Self) -> bool {
        self.rows.saturating_add(other.rows) <= GROUP_ROWS
            && self.bytes + other.bytes <= GROUP_BYTES
    }

    fn absorb(&mut self, next: &Self) {
        self.last_seq = next.last_seq;
        self.rows += next.rows;
        self.bytes += next.bytes;
        self.min_time = self.min_time.min(next.min_time);
        self.max_time = self.max_time.max(next.max_time);
        self.pieces.extend_from_slice(&next.pieces);
    }

    fn key(&self) -> (u64, u64) {
        (self.first_seq, self.last_seq)
    }
}

/// What must be known of all unsealed rows, whichever a query reads.
#[derive(Debug, Default)]
pub(crate) struct JournalFacts {
    /// Lowest sequence number of each event without a valid time.
    pub(crate) invalid: HashMap<[u8; 16], u64>,
    /// Lowest sequence number of a record addressed to the tenant, by key.
    pub(crate) superseding: HashMap<[u8; 16], u64>,
}

/// The unsealed blocks of one snapshot.
#[derive(Debug, Clone)]
pub(crate) struct JournalView {
    /// Ascending by sequence number.
    pub(crate) groups: Vec<Arc<Group>>,
    pub(crate) facts: Arc<JournalFacts>,
}

/// What is remembered of one tenant's journal.
#[derive(Default)]
pub(crate) struct JournalState {
    /// The groups hold the blocks in `(sealed, last]`.
    sealed: u64,
    last: u64,
    groups: Vec<Arc<Group>>,
    /// Of the blocks that have any, with their first sequence number.
    block_facts: Vec<(u64, Facts)>,
    facts: Arc<JournalFacts>,
}

impl JournalState {
    fn forget_sealed(&mut self, snapshot: &Snapshot) {
        if self.sealed == snapshot.sealed_seq {
            return;
        }
        if self.last < snapshot.sealed_seq {
            *self = Self::default();
        }
        self.sealed = snapshot.sealed_seq;
        self.last = self.last.max(snapshot.sealed_seq);
        let sealed = self.sealed;
        let straddling = self.groups.iter().filter(|group| group.first_seq <= sealed);
        let left = straddling.flat_map(|group| group.pieces.iter());
        let mut groups = grouped(left.filter(|piece| piece.first_seq > sealed).copied());
        self.groups.retain(|group| group.first_seq > sealed);
        groups.append(&mut self.groups);
        self.groups = groups;
        self.block_facts.retain(|(first, _)| *first > sealed);
        self.sum_facts();
    }

    fn sum_facts(&mut self) {
        let mut facts = JournalFacts::default();
        for (first, block) in &self.block_facts {
            for (list, to) in [
                (&block.invalid, &mut facts.invalid),
                (&block.superseding, &mut facts.superseding),
            ] {
                for (offset, key) in list {
                    let seq = first + u64::from(*offset);
                    to.entry(*key)
                        .and_modify(|lowest| *lowest = seq.min(*lowest))
                        .or_insert(seq);
                }
            }
        }
        self.facts = Arc::new(facts);
    }

    /// Joins small groups at the end: each is at least twice as large as the next, so that a
    /// row is joined a few times only and there are never many groups.
    fn join(&mut self) {
        while let [.., before, last] = self.groups.as_slice() {
            if before.rows > 2 * last.rows || !before.fits(last) {
                break;
            }
            let mut joined = Group {
                parts: vec![Arc::clone(before), Arc::clone(last)],
                ..Group::clone(before)
            };
            joined.absorb(last);
            self.groups.truncate(self.groups.len() - 2);
            self.groups.push(Arc::new(joined));
        }
    }

    fn view(&self, head: u64) -> JournalView {
        let visible = self.groups.iter().filter(|group| group.first_seq <= head);
        JournalView {
            groups: visible.cloned().collect(),
            facts: Arc::clone(&self.facts),
        }
    }
}

fn grouped(pieces: impl Iterator<Item = Piece>) -> Vec<Arc<Group>> {
    let mut groups: Vec<Group> = Vec::new();
    for piece in pieces {
        let next = Group::of(piece);
        match groups.last_mut() {
            Some(last) if last.fits(&next) => last.absorb(&next),
            _ => groups.push(next),
        }
    }
    groups.into_iter().map(Arc::new).collect()
}

impl Access<'_> {
    /// The unsealed blocks of a snapshot.
    ///
    /// # Errors
    /// [`LakeError::Stale`] when some were sealed meanwhile.
    pub(crate) async fn journal(&self, snapshot: &Snapshot) -> Result<JournalView> {
        let state = self.lake.journal_state(self.scope.tenant());
        // One query at a time fetches what is new to all.
        let mut state = state.lock().await;
        if snapshot.sealed_seq < state.sealed {
            return Err(LakeError::Stale);
        }
        state.forget_sealed(snapshot);
        let start = snapshot
            .unsealed
            .partition_point(|block| block.first_seq <= state.last);
        let new = snapshot.unsealed.get(start..).unwrap_or_default();
        if !new.is_empty() {
            self.take_in(&mut state, new).await?;
        }
        Ok(state.view(snapshot.head))
    }

    /// Learns the facts of new blocks and decodes the newest of them.
    async fn take_in(&self, state: &mut JournalState, new: &[BlockMeta]) -> Result<()> {
        let (mut rows, mut bytes) = (0_u32, 0_u64);
        let eager = new.iter().rev().take_while(|block| {
            rows = rows.saturating_add(block.rows);
            bytes += block.bytes;
            rows <= EAGER_ROWS && bytes <= FETCH_BYTES
        });
        let (lazy, eager) = new.split_at(new.len() - eager.count());

        let (mut pieces, mut facts) = (Vec::new(), Vec::new());
        for blocks in portions(lazy) {
            self.fetch(blocks, |block, plain| {
                note(block, plain, &mut pieces, &mut facts)
            })
            .await?;
        }
        let mut groups = grouped(pieces.drain(..));
        let mut kept = HashMap::new();
        for blocks in portions(eager) {
            self.fetch(blocks, |block, plain| {
                kept.insert(block.first_seq, (block.clone(), plain.clone()));
                note(block, plain, &mut pieces, &mut facts)
            })
            .await?;
        }
        for group in grouped(pieces.drain(..)) {
            let mut blocks = Vec::with_capacity(group.pieces.len());
            for piece in &group.pieces {
                blocks.push(kept.remove(&piece.first_seq).ok_or(LakeError::Stale)?);
            }
            let decode = move || {
                let mut decoder = BlockDecoder::new()?;
                for (block, plain) in blocks {
                    decoder.decode(&plain, context(&block))?;
                }
                Ok(Arc::new(Run::of(&[decoder.finish()?])?))
            };
            let run = self.beside(UNPACKING * group.bytes, decode).await?;
            self.lake.keep_run(self.scope.tenant(), group.key(), &run);
            groups.push(group);
        }

        // From here on nothing fails: the state has all of the new blocks or none.
        if !facts.is_empty() {
            state.block_facts.append(&mut facts);
            state.sum_facts();
        }
        for group in groups {
            state.groups.push(group);
            state.join();
        }
        state.last = new.last().map_or(state.last, BlockMeta::last_seq);
        Ok(())
    }

    /// Fetches blocks and shows each to `each`.
    pub(crate) async fn fetch(
        &self,
        blocks: &[BlockMeta],
        mut each: impl FnMut(&BlockMeta, &Bytes) -> Result<()>,
    ) -> Result<()> {
        let seqs: Vec<u64> = blocks.iter().map(|block| block.first_seq).collect();
        let found = self
            .lake
            .kernel
            .db()
            .journal_blocks(self.scope, &seqs)
            .await?;
        if found.len() != blocks.len() {
            return Err(LakeError::Stale);
        }
        for block in found {
            let block = block.ok_or(LakeError::Stale)?;
            each(&block.meta, &block.plain)?;
        }
        Ok(())
    }

    /// The rows of a group.
    ///
    /// # Errors
    /// [`LakeError::Stale`] when it was sealed meanwhile.
    pub(crate) async fn run(&self, group: &Arc<Group>) -> Result<Arc<Run>> {
        let tenant = self.scope.tenant();
        if let Some(run) = self.lake.kept_run(tenant, group.key()) {
            return Ok(run);
        }
        let mut batches = Vec::new();
        let mut open = vec![Arc::clone(group)];
        // Parts of parts, in their order.
        while let Some(next) = open.pop() {
            if let Some(run) = self.lake.kept_run(tenant, next.key()) {
                batches.push(run.batch.clone());
                self.lake.drop_run(tenant, next.key());
            } else if next.parts.is_empty() {
                batches.push(self.decode(&next).await?);
            } else {
                open.extend(next.parts.iter().rev().cloned());
            }
        }
        let join = move || Ok(Arc::new(Run::of(&batches)?));
        let run = self.beside(group.bytes, join).await?;
        self.lake.keep_run(tenant, group.key(), &run);
        Ok(run)
    }

    /// Times and names of a group, which are had without decoding it again for a long time.
    ///
    /// # Errors
    /// As [`Access::run`].
    pub(crate) async fn run_keys(&self, group: &Arc<Group>) -> Result<Arc<Keys>> {
        let tenant = self.scope.tenant();
        if let Some(keys) = self.lake.kept_keys(tenant, group.key()) {
            return Ok(keys);
        }
        let keys = Arc::new(Keys::of(&self.run(group).await?.batch)?.detached());
        self.lake.keep_keys(tenant, group.key(), &keys);
        Ok(keys)
    }

    async fn decode(&self, group: &Group) -> Result<RecordBatch> {
        let mut decoder = BlockDecoder::new()?;
        let seqs: Vec<u64> = group.pieces.iter().map(|piece| piece.first_seq).collect();
        for seqs in seqs.chunks(FETCH_BLOCKS) {
            let blocks = self
                .lake
                .kernel
                .db()
                .journal_blocks(self.scope, seqs)
                .await?;
            let decode = move || {
                for block in blocks {
                    let block = block.ok_or(LakeError::Stale)?;
                    decoder.decode(&block.plain, context(&block.meta))?;
                }
                Ok(decoder)
            };
            decoder = self.beside(UNPACKING * group.bytes, decode).await?;
        }
        let finish = move || decoder.finish();
        self.beside(group.bytes, finish).await
    }
}

fn note(
    block: &BlockMeta,
    plain: &[u8],
    pieces: &mut Vec<Piece>,
    facts: &mut Vec<(u64, Facts)>,
) -> Result<()> {
    let (found, bytes) = Facts::of(plain)?;
    pieces.push(Piece {
        first_seq: block.first_seq,
        rows: block.rows,
        bytes,
        min_time: block.min_time,
        max_time: block.max_time,
    });
    if !found.is_empty() {
        facts.push((block.first_seq, found));
    }
    Ok(())
}

pub(crate) fn context(block: &BlockMeta) -> BlockContext<'_> {
    BlockContext {
        first_seq: block.first_seq,
        stored_ns: block.stored_time,
        source: block.source.as_str(),
    }
}

/// Blocks in portions of a size to fetch.
pub(crate) fn portions(blocks: &[BlockMeta]) -> impl Iterator<Item = &[BlockMeta]> {
    let mut rest = blocks;
    std::iter::from_fn(move || {
        let mut bytes = 0;
        let fitting = rest
            .iter()
            .take(FETCH_BLOCKS)
            .take_while(|block| {
                let first = bytes == 0;
                bytes += block.bytes;
                first || bytes <= FETCH_BYTES
            })
            .count();
        let (portion, later) = rest.split_at_checked(fitting)?;
        rest = later;
        (!portion.is_empty()).then_some(portion)
    })
}
