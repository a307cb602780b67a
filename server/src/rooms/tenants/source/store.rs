//! The table of sources.

use cordon_kernel::db::{ProviderTx, nanos, timestamp};
use cordon_kernel::{Error, Result, SourceId};
use sqlx::AnyConnection;
use sqlx::Row as _;
use sqlx::any::AnyRow;

use super::model::{Change, Effect, Source, SourceLine};

/// The source of that id, withdrawn ones included.
pub(in super::super) async fn find(
    conn: &mut AnyConnection,
    id: &SourceId,
) -> Result<Option<Source>> {
    let row = sqlx::query(
        "SELECT source_id, display_name, source_type, status, created_time, updated_time \
           FROM sources WHERE source_id = $1",
    )
    .bind(id.as_str())
    .fetch_optional(conn)
    .await?;
    row.as_ref().map(read).transpose()
}

/// Up to `limit` sources after the id `after`, by id, with how far they say they have delivered.
pub(super) async fn list(
    conn: &mut AnyConnection,
    after: &str,
    limit: i64,
) -> Result<Vec<SourceLine>> {
    let rows = sqlx::query(
        "SELECT s.source_id, s.display_name, s.source_type, s.status, s.created_time, s.updated_time, w.watermark \
           FROM sources s LEFT JOIN source_watermarks w ON w.source_id = s.source_id \
          WHERE s.status = 'active' AND s.source_id > $1 ORDER BY s.source_id LIMIT $2",
    )
    .bind(after)
    .bind(limit)
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            let source = read(row)?;
            Ok(SourceLine {
                id: source.id.clone(),
                watermark: row.try_get("watermark")?,
                register: Some(source),
            })
        })
        .collect()
}

/// Writes a decided change.
pub(super) async fn apply(tx: &mut ProviderTx<'_>, change: &Change) -> Result<()> {
    let etag = tx.etag();
    let query = match change.effect() {
        Effect::Insert(source) => sqlx::query(
            "INSERT INTO sources (source_id, display_name, source_type, status, created_time, updated_time, etag) \
             VALUES ($1, $2, $3, 'active', $4, $5, $6)",
        )
        .bind(source.id.as_str())
        .bind(source.display_name.as_str())
        .bind(source.source_type.as_str())
        .bind(nanos(source.created))
        .bind(nanos(source.updated))
        .bind(etag),
        Effect::Withdraw(source) => sqlx::query(
            "UPDATE sources SET status = 'disabled', updated_time = $2, etag = $3 WHERE source_id = $1",
        )
        .bind(source.id.as_str())
        .bind(nanos(source.updated))
        .bind(etag),
    };
    query.execute(tx.conn()).await?;
    Ok(())
}

fn read(row: &AnyRow) -> Result<Source> {
    let damaged = |what: &str| Error::internal(format!("a source's row has a damaged {what}"));
    Ok(Source {
        id: row
            .try_get::<String, _>("source_id")?
            .parse()
            .map_err(|_| damaged("id"))?,
        display_name: row.try_get("display_name")?,
        source_type: row
            .try_get::<String, _>("source_type")?
            .parse()
            .map_err(|_| damaged("type"))?,
        withdrawn: match row.try_get::<String, _>("status")?.as_str() {
            "active" => false,
            "disabled" => true,
            _ => return Err(damaged("status")),
        },
        created: timestamp(row.try_get("created_time")?),
        updated: timestamp(row.try_get("updated_time")?),
    })
}
