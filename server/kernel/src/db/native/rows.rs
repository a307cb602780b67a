//! Rows on their way into the database, many to a statement; above all the journal's.

use super::super::dialect::parameters;
use super::super::ingest::TenantBlock;
use super::super::journal::{BlockMeta, OBJECT, entry_bytes};
use super::append::Head;
use super::{Conn, many};
use crate::audit::{chain_hash, leaf_hash};
use crate::clock::Env;
use crate::error::Result;
use crate::ids::SourceId;
use crate::keys::envelope::OwnerKeys;

/// Sealed bytes and rows that are held at most before they are written.
const HELD_BYTES: usize = 16 << 20;
const HELD_ROWS: usize = 4_096;

/// Rows of a statement: a round trip for each statement, and a text to prepare for each number of
/// rows below.
pub(super) const STATEMENT_ROWS: usize = 32;

/// One block, sealed at its place.
pub(super) struct Sealed<'a> {
    pub(super) tenant: &'a str,
    pub(super) batch_id: &'a str,
    pub(super) meta: BlockMeta,
    pub(super) part: i64,
    pub(super) payload: Vec<u8>,
    pub(super) hash: [u8; 32],
    pub(super) prev: [u8; 32],
}

#[derive(Default)]
pub(super) struct Rows<'a> {
    held: Vec<Sealed<'a>>,
    bytes: usize,
}

impl<'a> Rows<'a> {
    /// Gives the block its sequence numbers, seals it there and chains it to the one before.
    #[expect(clippy::too_many_arguments, reason = "one step of one loop")]
    pub(super) fn add(
        &mut self,
        head: &mut Head,
        keys: &OwnerKeys,
        env: &Env,
        source: &SourceId,
        batch_id: &'a str,
        block: &'a TenantBlock,
        part: i64,
    ) -> Result<()> {
        let first_seq = head.seq + 1;
        let payload = keys.seal(env, OBJECT, first_seq, &block.plain)?;
        let hash = *blake3::hash(&payload).as_bytes();
        let meta = BlockMeta {
            first_seq,
            rows: block.rows,
            source: source.clone(),
            stored_time: head.stored_time,
            min_time: block.min_time,
            max_time: block.max_time,
            bytes: u64::try_from(payload.len()).unwrap_or(u64::MAX),
        };
        let entry = entry_bytes(&block.tenant, &meta, batch_id, part, &hash);
        self.bytes += payload.len();
        self.held.push(Sealed {
            tenant: block.tenant.as_str(),
            batch_id,
            meta,
            part,
            payload,
            hash,
            prev: head.chain,
        });
        head.chain = chain_hash(&head.chain, &leaf_hash(&entry));
        head.seq += u64::from(block.rows);
        head.key_uses += 1;
        head.blocks += 1;
        Ok(())
    }

    pub(super) fn is_full(&self) -> bool {
        self.bytes >= HELD_BYTES || self.held.len() >= HELD_ROWS
    }

    /// Writes what is held.
    pub(super) async fn write(&mut self, tx: &mut Conn) -> Result<()> {
        self.bytes = 0;
        let held = std::mem::take(&mut self.held);
        match held.is_empty() {
            true => Ok(()),
            false => many::write_blocks(tx, held).await,
        }
    }
}

/// The statement that inserts so many rows, and what it does about rows that are there.
pub(super) fn statement((insert, columns, conflict): (&str, usize, &str), rows: usize) -> String {
    let mut text = String::with_capacity(insert.len() + rows * (5 * columns + 2) + 64);
    text.push_str(insert);
    for row in 0..rows {
        text.push_str(if row == 0 { " VALUES (" } else { ",(" });
        text.push_str(&parameters(row * columns + 1, columns));
        text.push(')');
    }
    text.push_str(conflict);
    text
}
