//! Rows on their way into the database, many to a statement; above all the journal's.

use sqlx::SqliteConnection;

use super::super::ingest::TenantBlock;
use super::super::journal::{BlockMeta, OBJECT, entry_bytes};
use super::super::to_sql;
use super::append::Head;
use crate::audit::{chain_hash, leaf_hash};
use crate::clock::Env;
use crate::error::Result;
use crate::ids::SourceId;
use crate::keys::envelope::OwnerKeys;

/// Sealed bytes and rows that are held at most before they are written.
const HELD_BYTES: usize = 16 << 20;
const HELD_ROWS: usize = 4_096;

/// Rows of a statement: a round trip to the connection's thread for each, and a text to prepare
/// for each number of rows below.
pub(super) const STATEMENT_ROWS: usize = 32;

const PAYLOADS: (&str, usize) = ("INSERT INTO journal_payloads (payload_id, payload)", 2);
const JOURNAL: (&str, usize) = (
    "INSERT INTO journal (tenant_id, first_seq, row_count, stored_time, min_time, max_time, \
            source_id, batch_id, part, payload_id, block_bytes, block_hash, prev_hash)",
    13,
);

/// One block, sealed at its place.
struct Sealed<'a> {
    tenant: &'a str,
    batch_id: &'a str,
    meta: BlockMeta,
    part: i64,
    payload_id: i64,
    payload: Vec<u8>,
    hash: [u8; 32],
    prev: [u8; 32],
}

pub(super) struct Rows<'a> {
    last_payload: i64,
    held: Vec<Sealed<'a>>,
    bytes: usize,
}

impl<'a> Rows<'a> {
    pub(super) async fn begin(tx: &mut SqliteConnection) -> Result<Self> {
        // Of the last one ever, whether or not it is there still.
        let last =
            sqlx::query_scalar("SELECT seq FROM sqlite_sequence WHERE name = 'journal_payloads'");
        Ok(Self {
            last_payload: last.fetch_optional(tx).await?.unwrap_or(0),
            held: Vec::new(),
            bytes: 0,
        })
    }

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
        self.last_payload += 1;
        self.bytes += payload.len();
        self.held.push(Sealed {
            tenant: block.tenant.as_str(),
            batch_id,
            meta,
            part,
            payload_id: self.last_payload,
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
    pub(super) async fn write(&mut self, tx: &mut SqliteConnection) -> Result<()> {
        self.bytes = 0;
        let mut held = std::mem::take(&mut self.held);
        for rows in held.chunks_mut(STATEMENT_ROWS) {
            let text = statement(PAYLOADS, rows.len());
            let mut insert = sqlx::query(sqlx::AssertSqlSafe(text));
            for row in rows.iter_mut() {
                insert = insert
                    .bind(row.payload_id)
                    .bind(std::mem::take(&mut row.payload));
            }
            insert.execute(&mut *tx).await?;

            let text = statement(JOURNAL, rows.len());
            let mut insert = sqlx::query(sqlx::AssertSqlSafe(text));
            for row in rows.iter() {
                insert = insert
                    .bind(row.tenant)
                    .bind(to_sql(row.meta.first_seq)?)
                    .bind(i64::from(row.meta.rows))
                    .bind(row.meta.stored_time)
                    .bind(row.meta.min_time)
                    .bind(row.meta.max_time)
                    .bind(row.meta.source.as_str())
                    .bind(row.batch_id)
                    .bind(row.part)
                    .bind(row.payload_id)
                    .bind(to_sql(row.meta.bytes)?)
                    .bind(row.hash.as_slice())
                    .bind(row.prev.as_slice());
            }
            insert.execute(&mut *tx).await?;
        }
        Ok(())
    }
}

/// The statement that inserts so many rows.
pub(super) fn statement((insert, columns): (&str, usize), rows: usize) -> String {
    let mut text = String::with_capacity(insert.len() + rows * (2 * columns + 2) + 8);
    text.push_str(insert);
    for row in 0..rows {
        text.push_str(if row == 0 { " VALUES (" } else { ",(" });
        for column in 0..columns {
            text.push_str(if column == 0 { "?" } else { ",?" });
        }
        text.push(')');
    }
    text
}
