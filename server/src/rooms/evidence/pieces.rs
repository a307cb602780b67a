//! The tables of what lies in the object store: pieces of maps, and packs with the snapshots that lead
//! to them.

use std::collections::BTreeSet;

use cordon_kernel::db::TenantTx;
use cordon_kernel::{Error, Reason, Result, TenantId};
use cordon_vault::{Noted, PieceRow};
use sqlx::{AnyConnection, Row as _};
use uuid::Uuid;

use super::store::{text, uuid};

/// Which item's map, and of which attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Map {
    pub(super) snapshot: Uuid,
    pub(super) place: u32,
    pub(super) attempt: u32,
}

/// The pieces of a map that tell of blocks from `first` to before `end`, in order.
pub(super) async fn of_map(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    map: Map,
    (first, end): (u64, u64),
) -> Result<Vec<PieceRow>> {
    let rows = sqlx::query(
        "SELECT piece_id, first_block, blocks, bytes FROM snapshot_pieces \
          WHERE tenant_id = $1 AND snapshot_id = $2 AND item = $3 AND attempt = $4 \
            AND first_block < $6 AND first_block + blocks > $5 ORDER BY first_block",
    )
    .bind(tenant.as_str())
    .bind(text(map.snapshot))
    .bind(i64::from(map.place))
    .bind(i64::from(map.attempt))
    .bind(signed(first)?)
    .bind(signed(end)?)
    .fetch_all(conn)
    .await?;
    rows.iter().map(read).collect()
}

/// All pieces of a snapshot, with the maps that they are of.
pub(super) async fn of_snapshot(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    snapshot: Uuid,
) -> Result<Vec<(Map, PieceRow)>> {
    let rows = sqlx::query(
        "SELECT piece_id, first_block, blocks, bytes, item, attempt FROM snapshot_pieces \
          WHERE tenant_id = $1 AND snapshot_id = $2 ORDER BY item, attempt, first_block",
    )
    .bind(tenant.as_str())
    .bind(text(snapshot))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let number = |name: &str| {
                let number: i64 = row.try_get(name)?;
                u32::try_from(number).map_err(Error::internal)
            };
            let map = Map {
                snapshot,
                place: number("item")?,
                attempt: number("attempt")?,
            };
            Ok((map, read(row)?))
        })
        .collect()
}

fn read(row: &sqlx::any::AnyRow) -> Result<PieceRow> {
    let number = |name: &str| {
        let number: i64 = row.try_get(name)?;
        u64::try_from(number).map_err(Error::internal)
    };
    Ok(PieceRow {
        id: uuid(&row.try_get::<String, _>("piece_id")?)?,
        first: number("first_block")?,
        blocks: u32::try_from(number("blocks")?).map_err(Error::internal)?,
        bytes: number("bytes")?,
    })
}

fn signed(number: u64) -> Result<i64> {
    i64::try_from(number).map_err(Error::internal)
}

/// Notes what has come to lie in the store. Packs that the piece leads to and that are not new are there
/// as long as some snapshot leads to them; this one does from now on.
///
/// # Errors
/// `UNAVAILABLE` when a snapshot that had such a pack was destroyed meanwhile: it is read anew then.
pub(super) async fn note(tx: &mut TenantTx<'_>, map: Map, noted: &Noted) -> Result<()> {
    let tenant = tx.tenant();
    let mut stored = noted.piece.bytes;
    for pack in &noted.packs {
        add_pack(tx, map.snapshot, pack.id, pack.bytes).await?;
        stored = stored.saturating_add(pack.bytes);
    }
    for pack in &noted.reused {
        let there: Option<i64> = sqlx::query_scalar(
            "SELECT MAX(bytes) FROM snapshot_packs WHERE tenant_id = $1 AND pack_id = $2",
        )
        .bind(tenant.as_str())
        .bind(text(*pack))
        .fetch_one(tx.conn())
        .await?;
        let bytes = there.ok_or_else(|| {
            Error::new(
                Reason::Unavailable,
                "a snapshot that this one shared blocks with was destroyed: it is taken anew",
            )
        })?;
        let bytes = u64::try_from(bytes).map_err(Error::internal)?;
        add_pack(tx, map.snapshot, *pack, bytes).await?;
    }
    let piece = &noted.piece;
    sqlx::query(
        "INSERT INTO snapshot_pieces (tenant_id, piece_id, snapshot_id, item, attempt, first_block, \
                blocks, bytes) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(tenant.as_str())
    .bind(text(piece.id))
    .bind(text(map.snapshot))
    .bind(i64::from(map.place))
    .bind(i64::from(map.attempt))
    .bind(signed(piece.first)?)
    .bind(i64::from(piece.blocks))
    .bind(signed(piece.bytes)?)
    .execute(tx.conn())
    .await?;
    sqlx::query(
        "UPDATE snapshots SET stored_bytes = stored_bytes + $3 \
          WHERE tenant_id = $1 AND snapshot_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(map.snapshot))
    .bind(signed(stored)?)
    .execute(tx.conn())
    .await?;
    Ok(())
}

async fn add_pack(tx: &mut TenantTx<'_>, snapshot: Uuid, pack: Uuid, bytes: u64) -> Result<()> {
    let tenant = tx.tenant();
    sqlx::query(
        "INSERT INTO snapshot_packs (tenant_id, pack_id, snapshot_id, bytes) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (tenant_id, pack_id, snapshot_id) DO NOTHING",
    )
    .bind(tenant.as_str())
    .bind(text(pack))
    .bind(text(snapshot))
    .bind(signed(bytes)?)
    .execute(tx.conn())
    .await?;
    Ok(())
}

/// Drops all of a snapshot's pieces and packs: the objects that nothing leads to any more.
pub(super) async fn drop_all(tx: &mut TenantTx<'_>, snapshot: Uuid) -> Result<Vec<Uuid>> {
    let tenant = tx.tenant();
    let pieces: Vec<String> = sqlx::query_scalar(
        "SELECT piece_id FROM snapshot_pieces WHERE tenant_id = $1 AND snapshot_id = $2",
    )
    .bind(tenant.as_str())
    .bind(text(snapshot))
    .fetch_all(tx.conn())
    .await?;
    let alone: Vec<String> = sqlx::query_scalar(
        "SELECT p.pack_id FROM snapshot_packs p WHERE p.tenant_id = $1 AND p.snapshot_id = $2 \
            AND NOT EXISTS (SELECT 1 FROM snapshot_packs o WHERE o.tenant_id = p.tenant_id \
                AND o.pack_id = p.pack_id AND o.snapshot_id <> p.snapshot_id)",
    )
    .bind(tenant.as_str())
    .bind(text(snapshot))
    .fetch_all(tx.conn())
    .await?;
    for table in [
        "DELETE FROM snapshot_pieces WHERE tenant_id = $1 AND snapshot_id = $2",
        "DELETE FROM snapshot_packs WHERE tenant_id = $1 AND snapshot_id = $2",
    ] {
        sqlx::query(table)
            .bind(tenant.as_str())
            .bind(text(snapshot))
            .execute(tx.conn())
            .await?;
    }
    pieces.iter().chain(&alone).map(|id| uuid(id)).collect()
}

/// Drops pieces of a snapshot that are of other attempts than those of its items: their objects. Packs
/// stay, as what was kept may lead to them.
pub(super) async fn drop_others(
    tx: &mut TenantTx<'_>,
    snapshot: Uuid,
    kept: &[Map],
) -> Result<Vec<Uuid>> {
    let tenant = tx.tenant().clone();
    let all = of_snapshot(tx.conn(), &tenant, snapshot).await?;
    let mut gone = Vec::new();
    for (_, piece) in all.into_iter().filter(|(map, _)| !kept.contains(map)) {
        sqlx::query("DELETE FROM snapshot_pieces WHERE tenant_id = $1 AND piece_id = $2")
            .bind(tenant.as_str())
            .bind(text(piece.id))
            .execute(tx.conn())
            .await?;
        gone.push(piece.id);
    }
    Ok(gone)
}

/// All objects of a tenant's that something leads to.
pub(super) async fn all_objects(
    conn: &mut AnyConnection,
    tenant: &TenantId,
) -> Result<BTreeSet<Uuid>> {
    let mut all = BTreeSet::new();
    for table in [
        "SELECT piece_id FROM snapshot_pieces WHERE tenant_id = $1",
        "SELECT DISTINCT pack_id FROM snapshot_packs WHERE tenant_id = $1",
    ] {
        let ids: Vec<String> = sqlx::query_scalar(table)
            .bind(tenant.as_str())
            .fetch_all(&mut *conn)
            .await?;
        for id in ids {
            all.insert(uuid(&id)?);
        }
    }
    Ok(all)
}

/// The newest snapshots of which something is kept, without this one: what is in them need not be
/// stored again.
pub(super) async fn earlier(
    conn: &mut AnyConnection,
    tenant: &TenantId,
    snapshot: Uuid,
    most: i64,
) -> Result<Vec<Uuid>> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT snapshot_id FROM snapshots WHERE tenant_id = $1 AND snapshot_id < $2 \
            AND state IN ('complete', 'failed') \
          ORDER BY snapshot_id DESC LIMIT $3",
    )
    .bind(tenant.as_str())
    .bind(text(snapshot))
    .bind(most)
    .fetch_all(conn)
    .await?;
    ids.iter().map(|id| uuid(id)).collect()
}
